package record

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"guichet/gateway/web/page"
	"guichet/policy/audit"
	"guichet/schemas"
)

// verifyPage is a verification, step by step: what is held against what, and how it came out as the
// gateway computes it. With scripts the browser computes it again, from the same texts.
type verifyPage struct {
	Index string // as it was typed
	Kept  string
	Own   string // the key that was kept, as it was typed
	Steps []step
	// The texts that all is computed from.
	Key, Checkpoint, Proof, Leaf string   // the leaf in base64; the key is the one that was kept, where one was
	Given                        string   // the key that the site gives
	Hashes                       []string // of the consistency of both checkpoints, in base64
	Older                        string   // size of the kept one
	Problem                      *schemas.Error
}

// step is one of a verification:
//
//	key          the key that was kept is the one that the site gives
//	signature    the head is signed with the log's key [C2SP signed-note]
//	leaf         the entry's bytes have the hash that the tree holds: SHA-256 of a zero byte and the leaf
//	inclusion    that hash and those of the proof, two by two, come to the root [RFC 9162 §2.1.3]
//	kept         what was kept is a head that the same key signed
//	consistency  hashes show that the root of now was made of the root that was kept [RFC 9162 §2.1.4]
type step struct {
	Name    string // key, signature, leaf, inclusion, kept, consistency
	Holds   bool
	Against string // what was computed or compared, to be done again by hand
	Why     string // it does not hold
}

// maxKept bounds a checkpoint that is typed, in bytes: an origin, a number, a root, some signatures.
const maxKept = 8 << 10

// verify shows a verification of the head, of a record in it, and against a checkpoint that was kept.
func verify(v *page.Visit) error {
	q := v.R.URL.Query()
	body := verifyPage{Index: strings.TrimSpace(q.Get("index")), Kept: strings.ReplaceAll(q.Get("kept"), "\r\n", "\n"),
		Own: strings.TrimSpace(q.Get("key"))}
	var key, head []byte
	err := v.API.Get(v.Ctx(), "/audit/key", &key)
	if err == nil {
		err = v.API.Get(v.Ctx(), "/audit/checkpoint", &head)
	}
	if err != nil {
		return err
	}
	body.Given, body.Checkpoint = strings.TrimSpace(string(key)), string(head)
	body.problem(body.choose())
	if body.Index != "" {
		err = inclusion(v, &body)
		if err != nil && page.Asked(err) == nil && schemas.KindOf(err) != schemas.NotFound {
			return err
		}
		body.problem(err)
	}
	now := body.signature()
	if body.Proof != "" {
		body.included(now)
	}
	if strings.TrimSpace(body.Kept) != "" && body.Problem == nil {
		err = body.consistent(v, now)
		if err != nil && page.Asked(err) == nil {
			return err
		}
		body.problem(err)
	}
	status := http.StatusOK
	if body.Problem != nil {
		status = http.StatusUnprocessableEntity
	}
	v.Show(status, "verify", v.Reader.T("verify.title"), &body)
	return nil
}

func (p *verifyPage) problem(err error) {
	if err == nil || p.Problem != nil {
		return
	}
	p.Problem, _ = err.(*schemas.Error) //nolint:errorlint // the client's and this package's wrap none
}

// inclusion reads leaf and proof of the record that was typed. The proof comes with its own checkpoint,
// which then is the one that all is held against.
func inclusion(v *page.Visit, body *verifyPage) error {
	v.ID = body.Index
	r, err := read(v)
	if err != nil {
		return err
	}
	var text []byte
	err = v.API.Get(v.Ctx(), "/audit/proofs/"+strconv.FormatInt(r.Index, 10), &text)
	if err != nil {
		return err
	}
	body.Proof, body.Leaf = string(text), base64.StdEncoding.EncodeToString(r.Leaf)
	body.Checkpoint = parse(text).checkpoint
	return nil
}

// choose takes the key that all is held against: the one that was kept, else the one that the site gives.
func (p *verifyPage) choose() error {
	p.Key = p.Given
	if p.Own == "" {
		return nil
	}
	_, err := note.NewVerifier(p.Own)
	if err != nil || len(p.Own) > maxKept {
		return schemas.BadField("verify", "key", "this is no key of a record: paste its one line, with the name, a plus sign and what follows")
	}
	p.Key, err = p.Own, nil
	if p.Own != p.Given {
		err = errOtherKey
	}
	p.add(step{Name: "key", Against: p.Given}, err)
	return nil
}

// errOtherKey says of a site that it goes by another key than was kept.
var errOtherKey = errors.New("the site gives another key than the one that you kept: all is held against yours")

// signature says whether the checkpoint is signed with the key.
func (p *verifyPage) signature() audit.Head {
	h, err := audit.OpenCheckpoint([]byte(p.Checkpoint), p.Key)
	p.add(step{Name: "signature", Against: p.Key}, err)
	return h
}

// included says whether the record is in the tree of the checkpoint.
func (p *verifyPage) included(now audit.Head) {
	leaf, err := base64.StdEncoding.DecodeString(p.Leaf)
	hash := tlog.RecordHash(leaf)
	p.add(step{Name: "leaf", Against: base64.StdEncoding.EncodeToString(hash[:])}, err)
	_, _, err = audit.VerifyProof([]byte(p.Proof), leaf, p.Key)
	p.add(step{Name: "inclusion", Against: base64.StdEncoding.EncodeToString(now.Root[:])}, err)
}

// consistent says whether the record begins with the one whose checkpoint was kept.
func (p *verifyPage) consistent(v *page.Visit, now audit.Head) error {
	if len(p.Kept) > maxKept {
		return schemas.BadField("verify", "kept", "a checkpoint has a few lines; this has %d bytes", len(p.Kept))
	}
	text := []byte(p.Kept)
	if !bytes.HasSuffix(text, []byte("\n")) { // lost where it was copied
		text = append(text, '\n')
	}
	if bytes.Count(text, []byte("\n")) < 4 || !bytes.Contains(text, []byte("\n\n— ")) {
		return schemas.BadField("verify", "kept", "this is no signed head: paste all of its lines, from the name to the signature")
	}
	older, err := audit.OpenCheckpoint(text, p.Key)
	if err != nil {
		p.add(step{Name: "kept", Against: p.Key}, err)
		return nil
	}
	p.Kept, p.Older = string(text), strconv.FormatInt(older.Size, 10)
	p.add(step{Name: "kept", Against: p.Key}, nil)
	var proof struct {
		Hashes [][]byte `json:"hashes"`
	}
	if older.Size > 0 && older.Size < now.Size {
		err = v.API.Get(v.Ctx(), "/audit/consistency?"+url.Values{"from": {p.Older}, "to": {strconv.FormatInt(now.Size, 10)}}.Encode(), &proof)
		if err != nil {
			return err
		}
	}
	hashes := make([]tlog.Hash, len(proof.Hashes))
	for i, h := range proof.Hashes {
		copy(hashes[i][:], h)
		p.Hashes = append(p.Hashes, base64.StdEncoding.EncodeToString(h))
	}
	if older.Size > 0 {
		err = audit.CheckConsistency(older, now, hashes)
	}
	p.add(step{Name: "consistency", Against: base64.StdEncoding.EncodeToString(older.Root[:])}, err)
	return nil
}

func (p *verifyPage) add(s step, err error) {
	s.Holds = err == nil
	if err != nil {
		s.Why = err.Error()
	}
	p.Steps = append(p.Steps, s)
}

// Whole says whether every step holds.
func (p *verifyPage) Whole() bool {
	for _, s := range p.Steps {
		if !s.Holds {
			return false
		}
	}
	return true
}

// parsed is what a proof's text says [C2SP tlog-proof].
type parsed struct {
	hashes     []string
	size       string // of the checkpoint's tree
	checkpoint string
}

// parse takes a proof's text apart for showing it; it verifies nothing.
func parse(text []byte) (p parsed) {
	head, checkpoint, _ := strings.Cut(string(text), "\n\n")
	p.checkpoint = checkpoint
	for _, line := range strings.Split(head, "\n") {
		if b, err := base64.StdEncoding.DecodeString(line); err == nil && len(b) == tlog.HashSize {
			p.hashes = append(p.hashes, line)
		}
	}
	lines := strings.SplitN(checkpoint, "\n", 3)
	if len(lines) == 3 {
		p.size = lines[1]
	}
	return p
}
