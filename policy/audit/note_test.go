package audit_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"guichet/connectors/db/dbtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

// Case 15 of D4: what a checkpoint may look like.
func TestCheckpointForms(t *testing.T) {
	skey, vkey, err := audit.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(text string, skeys ...string) string {
		var signers []note.Signer
		for _, k := range skeys {
			s, err := note.NewSigner(k)
			if err != nil {
				t.Fatal(err)
			}
			signers = append(signers, s)
		}
		b, err := note.Sign(&note.Note{Text: text}, signers...)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	fresh := func(name string) string {
		k, _, err := audit.NewKey(name)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	witnesses := []string{skey}
	for i := range 16 {
		witnesses = append(witnesses, fresh(fmt.Sprint("witness", i)))
	}
	root := base64.StdEncoding.EncodeToString(make([]byte, 32))
	good := origin + "\n21\n" + root + "\n"
	for _, c := range []struct {
		name, note string
		ok         bool
	}{
		{"good", sign(good, skey), true},
		{"17 signatures", sign(good, witnesses...), true},
		{"extension line", sign(good+"more\n", skey), true},
		{"unknown key", sign(good, fresh("other.example")), false},
		{"same name, other id", sign(good, fresh(origin)), false},
		{"empty extension line", sign(good+"\nmore\n", skey), false},
		{"leading zero", sign(origin+"\n021\n"+root+"\n", skey), false},
		{"sign", sign(origin+"\n+21\n"+root+"\n", skey), false},
		{"negative", sign(origin+"\n-1\n"+root+"\n", skey), false},
		{"too large", sign(origin+"\n9223372036854775808\n"+root+"\n", skey), false},
		{"other origin", sign("other.example\n21\n"+root+"\n", skey), false},
		{"short root", sign(origin+"\n21\nAAAA\n", skey), false},
		{"loose base64", sign(origin+"\n21\n"+root[:42]+"B=\n", skey), false},
		{"no root", sign(origin+"\n21\n", skey), false},
		{"CRLF", strings.ReplaceAll(sign(good, skey), "\n", "\r\n"), false},
		{"no last newline", strings.TrimSuffix(sign(good, skey), "\n"), false},
		{"edited after signing", strings.Replace(sign(good, skey), "\n21\n", "\n22\n", 1), false},
		{"empty", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := audit.OpenCheckpoint([]byte(c.note), vkey)
			if c.ok && (err != nil || h.Size != 21) || !c.ok && schemas.KindOf(err) != schemas.Invalid {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}

// Case 16 of D4: what a proof may look like.
func TestProofForms(t *testing.T) {
	s := newSite(t, dbtest.SQLite)
	s.bulk(20)
	ctx := context.Background()
	proof, err := s.log.Proof(ctx, 6)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := s.log.Leaf(ctx, 6)
	if err != nil {
		t.Fatal(err)
	}
	hash := base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"
	swap := func(old, with string) []byte {
		if !bytes.Contains(proof, []byte(old)) {
			t.Fatalf("no %q in %s", old, proof)
		}
		return bytes.Replace(proof, []byte(old), []byte(with), 1)
	}
	for _, c := range []struct {
		name  string
		proof []byte
		ok    bool
	}{
		{"good", proof, true},
		{"extra", swap("index", "extra aGVsbG8=\nindex"), true},
		{"index beyond the size", swap("index 6", "index 21"), false},
		{"index of another", swap("index 6", "index 7"), false},
		{"leading zero", swap("index 6", "index 06"), false},
		{"surplus hash", swap("\n\n", "\n"+hash+"\n"), false},
		{"hash missing", swap(string(bytes.SplitAfter(proof, []byte("\n"))[2]), ""), false},
		{"hash not one", swap("index 6\n", "index 6\nAAAA\n"), false},
		{"70 hashes", swap("index 6\n", "index 6\n"+strings.Repeat(hash, 70)), false},
		{"other version", swap("@v1", "@v2"), false},
		{"size 0", swap("\n21\n", "\n0\n"), false},
		{"no checkpoint", proof[:bytes.Index(proof, []byte("\n\n"))+1], false},
		{"empty", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			i, _, err := audit.VerifyProof(c.proof, leaf, s.vkey)
			if c.ok && (err != nil || i != 6) || !c.ok && schemas.KindOf(err) != schemas.Invalid {
				t.Errorf("%d, %v", i, err)
			}
		})
	}
	if _, _, err := audit.VerifyProof(proof, append(leaf, ' '), s.vkey); err == nil {
		t.Error("another leaf passed")
	}
}

func TestNewKeyRefuses(t *testing.T) {
	for _, name := range []string{"", "a b", "a+b", "a\nb", strings.Repeat("x", 256)} {
		if _, _, err := audit.NewKey(name); schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := audit.New(nil, "PRIVATE+KEY+x", "", nil); schemas.KindOf(err) != schemas.Invalid {
		t.Error(err)
	}
}
