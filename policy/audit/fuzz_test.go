package audit_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guichet/connectors/db/dbtest"
	"guichet/policy/audit"
)

var update = flag.Bool("update", false, "write testdata anew")

// golden reads a file that an earlier version wrote: what was given to an
// officer must verify for as long as she keeps it.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGolden(t *testing.T) {
	if *update {
		s := newSite(t, dbtest.SQLite)
		s.bulk(9)
		proof, err := s.log.Proof(context.Background(), 4)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := s.log.Leaf(context.Background(), 4)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{
			"proof.txt": proof, "leaf.json": leaf, "vkey.txt": []byte(s.vkey + "\n"), "bundle.zip": export(t, s, audit.Query{}),
		} {
			if err := os.WriteFile(filepath.Join("testdata", name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	vkey := strings.TrimSpace(string(golden(t, "vkey.txt")))
	if i, h, err := audit.VerifyProof(golden(t, "proof.txt"), golden(t, "leaf.json"), vkey); err != nil || i != 4 || h.Size != 10 {
		t.Errorf("proof: %d, %+v, %v", i, h, err)
	}
	if r, err := verifyBundle(golden(t, "bundle.zip"), vkey); err != nil || !r.OK() || r.Records != 10 {
		t.Errorf("bundle: %+v, %v", r, err)
	}
}

func FuzzProof(f *testing.F) {
	leaf, vkey := golden(f, "leaf.json"), strings.TrimSpace(string(golden(f, "vkey.txt")))
	f.Add(golden(f, "proof.txt"), leaf)
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n"), []byte("{}"))
	f.Fuzz(func(t *testing.T, p, l []byte) {
		if i, _, err := audit.VerifyProof(p, l, vkey); err == nil && (!bytes.Equal(l, leaf) || i != 4) {
			t.Errorf("a forged proof of %d passed", i)
		}
	})
}

func FuzzBundle(f *testing.F) {
	good, vkey := golden(f, "bundle.zip"), strings.TrimSpace(string(golden(f, "vkey.txt")))
	f.Add(good)
	f.Add(rezip(f, good, func(_ string, text []byte) []byte { return text[:len(text)/2] }))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := verifyBundle(b, vkey)
		if err == nil && r.OK() && r.Size != 10 {
			t.Errorf("a forged bundle passed: %+v", r)
		}
	})
}
