package audit

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/connectors/db"
	"guichet/schemas"
)

const (
	maxCheckpointBytes = 64 << 10
	maxBundleFiles     = 16
	// maxLineBytes bounds one record of a bundle: a leaf of 64 KiB commits to
	// some 600 values, each up to 64 KiB; nothing of ours comes near.
	maxLineBytes = 8 << 20
)

func badBundle(err error, format string, args ...any) error {
	return &schemas.Error{Kind: schemas.Invalid, Subject: "bundle", Message: "The bundle " + fmt.Sprintf(format, args...) + ".", Err: err}
}

// VerifyBundle checks what Export wrote with nothing but the log's public key:
// the checkpoint's signature, each record's proof, each value's commitment. A
// bundle of the whole log is also held against the root as a whole. What is
// wrong with a record is in the report; Invalid: no bundle, or its checkpoint
// is not of vkey's log. The key inside of the bundle is never used. A bundle
// cannot show that its query left nothing out. saved are checkpoints of the same log
// that somebody kept: a bundle of the whole log must have each of them as its beginning;
// one of a part can be held only against those of its own size (Invalid otherwise).
func VerifyBundle(r io.ReaderAt, size int64, vkey string, saved ...[]byte) (Report, error) {
	rep := Report{FirstBad: -1}
	heads, err := openSaved(saved, vkey)
	if err != nil {
		return rep, err
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return rep, badBundle(err, "is not a zip")
	}
	if len(z.File) > maxBundleFiles {
		return rep, badBundle(nil, "has more than %d files", maxBundleFiles)
	}
	files := map[string]*zip.File{}
	for _, f := range z.File {
		if files[f.Name] != nil {
			return rep, badBundle(nil, "has %q twice", f.Name)
		}
		files[f.Name] = f
	}
	checkpoint, err := readSmall(files[fileCheckpoint])
	if err != nil {
		return rep, badBundle(err, "has no readable checkpoint")
	}
	h, err := OpenCheckpoint(checkpoint, vkey)
	if err != nil {
		return rep, err
	}
	rep.Size, rep.Root = h.Size, h.Root
	if h.Size == 0 {
		rep.bad(-1, emptyHead)
	}
	if files[fileRecords] == nil {
		return rep, badBundle(nil, "has no %s", fileRecords)
	}
	in, err := files[fileRecords].Open()
	if err != nil {
		return rep, badBundle(err, "has a %s that cannot be read", fileRecords)
	}
	defer in.Close()
	var said *statement
	if f := files[fileStatement]; f != nil {
		b, err := readSmall(f)
		if err != nil {
			return rep, badBundle(err, "has a statement that cannot be read")
		}
		s, err := openStatement(b, vkey)
		if err != nil {
			return rep, err
		}
		said = &s
	}
	// The statement is about the bytes of the file, whatever they say: so the digest is taken
	// of what is read, and compared when all of it was.
	digest := sha256.New()
	err = verifyLines(io.TeeReader(in, digest), h, heads, &rep)
	if err == nil {
		said.holds(&rep, [sha256.Size]byte(digest.Sum(nil)))
	}
	return rep, err
}

// BundleCheckpoint gives the checkpoint in a bundle, unverified. Invalid: no bundle.
func BundleCheckpoint(r io.ReaderAt, size int64) ([]byte, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, badBundle(err, "is not a zip")
	}
	for _, f := range z.File {
		if f.Name == fileCheckpoint {
			return readSmall(f)
		}
	}
	return nil, badBundle(nil, "has no checkpoint")
}

func readSmall(f *zip.File) ([]byte, error) {
	if f == nil {
		return nil, io.ErrUnexpectedEOF
	}
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, maxCheckpointBytes+1))
	if err == nil && len(b) > maxCheckpointBytes {
		err = io.ErrShortBuffer
	}
	return b, err
}

// verifyLines verifies the records of a bundle, line by line in the order of their
// positions: each by its own proof, and the tree that they make where none is missing.
func verifyLines(in io.Reader, h Head, saved []Head, rep *Report) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLineBytes)
	last, tree, a, t := int64(-1), &compactRange{}, newAccount(nil), newTrail(saved)
	for lines.Scan() {
		var e entry
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil || d.More() {
			return badBundle(err, "has a line after record %d that is not a record", last)
		}
		// Two programs that read a name twice, or in capital letters, need not take the same of
		// the two: only the one way of writing a record is taken.
		again, err := e.line()
		if err != nil ||
			!bytes.Equal(bytes.TrimSuffix(again, []byte("\n")), lines.Bytes()) { // names twice, or in other letters: others would read it otherwise
			return badBundle(err, "has a line after record %d that is not written as the gateway writes it", last)
		}
		if e.Index <= last {
			rep.bad(e.Index, "comes after record %d", last)
		}
		last = max(last, e.Index)
		rep.Records++
		e.check(h, rep, a)
		// Records 0, 1, 2, … grow a tree of their own, which at the end is the log's, if nothing
		// was left out; a part of a log stops growing at its first gap, and has its proofs.
		if e.Index == tree.size { // as long as it is the whole log
			tree.add(tlog.RecordHash(e.Leaf), func(_ int, _, _ int64, h tlog.Hash) tlog.Hash { return h })
			t.reach(tree, rep)
		}
	}
	if err := lines.Err(); err != nil {
		return badBundle(err, "cannot be read on after record %d", last)
	}
	a.settle(rep)
	for _, s := range t.heads { // those that its records did not reach
		switch {
		case s.Size > h.Size: // the bundle is older
		case s.Size == h.Size && s.Root != h.Root:
			rep.bad(-1, "another root was signed for its %d records", h.Size)
		case s.Size < h.Size:
			return badBundle(nil, "holds a part of the record and cannot be held against a head of %d records: "+
				"export the whole, or verify online", s.Size)
		}
	}
	if rep.Records == h.Size && rep.OK() && tree.root() != h.Root {
		rep.bad(-1, "the %d records are not those that were signed", h.Size)
	}
	return nil
}

// check verifies one record of a bundle: that it is in the log under the checkpoint,
// that its values are those which its leaf commits to, and what it says of nouns.
func (e *entry) check(h Head, rep *Report, a *account) {
	if err := tlog.CheckRecord(e.Proof, h.Size, h.Root, e.Index, tlog.RecordHash(e.Leaf)); err != nil {
		rep.bad(e.Index, "not in the log under this checkpoint")
	}
	leaf, err := db.ParseLeaf(e.Leaf)
	if err != nil {
		rep.bad(e.Index, "%v", err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(e.Values)) {
		if !leaf.Opens(name, e.Salts[name], e.Values[name]) {
			rep.bad(e.Index, "the value %s is not what was recorded", name)
		}
	}
	var missing []string
	for name := range leaf.Values {
		_, value := e.Values[name]
		_, salt := e.Salts[name]
		// Of a value that is not there: withheld from this reader, which the statement must
		// say too; changed, since its salt came without it; or gone, which an erasure may excuse.
		switch {
		case value:
		case name == withholdable && slices.Equal(e.Withheld, []string{name}) && !salt:
			rep.Withheld++
		case salt: // the exporter found a value that did not open
			rep.bad(e.Index, "the value %s is not what was recorded", name)
		default:
			missing = append(missing, name)
		}
	}
	a.see(seen{e.Index, leaf.Kind, e.Values, leaf.Numbers, missing})
}
