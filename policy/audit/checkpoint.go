package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"guichet/schemas"
)

// Head is what a checkpoint says.
type Head struct {
	Origin string
	Size   int64 // records
	Root   tlog.Hash
}

// text is the signed text of a checkpoint: origin, size, root in base64, each on its
// line [C2SP tlog-checkpoint].
func (h Head) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", h.Origin, h.Size, base64.StdEncoding.EncodeToString(h.Root[:]))
}

// Checkpoint gives the signed head of everything that is committed now, a C2SP
// tlog-checkpoint; the same bytes until the head moves. The head is in headFile
// before it is given away. Unavailable: not started, a fault of the record, or
// database or headFile fail.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checkpoint(ctx)
}

// checkpoint signs the record as it stands; the one before is given again where nothing
// was added, so that a head has one signature.
func (l *Log) checkpoint(ctx context.Context) ([]byte, error) {
	if f := l.fault.Load(); f != nil {
		return nil, f
	}
	if !l.started {
		return nil, &schemas.Error{Kind: schemas.Unavailable, Subject: "log", Message: "The record is not started yet."}
	}
	s, err := readState(ctx, l.db)
	if err != nil {
		return nil, l.refuse(err)
	}
	// The same head is the same bytes, so that two who compare what they kept compare text.
	if l.signed != nil && s.size == l.head.Size && s.root == l.head.Root {
		return l.signed, nil
	}
	if s.size != s.next {
		return nil, l.refuse(fault("The tree covers %d records, the sequence has %d.", s.size, s.next))
	}
	e, err := loadEdge(ctx, l.db, s.size)
	if err != nil {
		return nil, l.refuse(asFault(err))
	}
	if e.root() != s.root {
		return nil, l.refuse(fault("The stored root of %d records is not the root of the stored tree.", s.size))
	}
	// A log that signs two roots of one size, or a head that is no continuation, cannot be
	// believed again by anybody: so it refuses, and stays refused until somebody looks.
	if err := l.contains(ctx, s, l.head); err != nil {
		return nil, l.refuse(err)
	}
	h := Head{l.Origin(), s.size, s.root}
	msg, err := note.Sign(&note.Note{Text: h.text()}, l.key)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	// Kept before it is given away: a head that is out and then forgotten could be signed
	// over by a database that was restored.
	if err := replaceFile(l.headFile, msg); err != nil {
		return nil, &schemas.Error{Kind: schemas.Unavailable, Subject: "head file", Remedy: "Check the disk that holds the head file.",
			Message: "The signed head cannot be kept, so it is not given away.", Err: err}
	}
	l.head, l.signed = h, msg
	return msg, nil
}

// HeadAt is the signed head of the record as it was with so many entries, 0 for now: the same bytes
// as when it was signed first. The last signed head is proven to begin with it. Errors: as
// Checkpoint; Invalid: a size that was not signed yet.
func (l *Log) HeadAt(ctx context.Context, size int64) ([]byte, Head, error) {
	msg, h, err := l.signedHead(ctx)
	if err != nil || size == 0 || size == h.Size {
		return msg, h, err
	}
	proof, err := l.Consistency(ctx, size, h.Size)
	if err != nil {
		return nil, h, err
	}
	e, err := loadEdge(ctx, l.db, size)
	if err != nil {
		return nil, h, asFault(err)
	}
	older := Head{h.Origin, size, e.root()}
	err = CheckConsistency(older, h, proof)
	if err == nil {
		msg, err = note.Sign(&note.Note{Text: older.text()}, l.key)
	}
	return msg, older, err
}

// replaceFile puts b durably in the place of the file.
func replaceFile(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	// The name changes in one step, and the folder is written too: after a cut of power there
	// is the old head or the new one, whole.
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// OpenCheckpoint verifies a checkpoint with the log's public key. Invalid: not
// a checkpoint, of another log, or not signed by that key.
func OpenCheckpoint(checkpoint []byte, vkey string) (Head, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return Head{}, &schemas.Error{Kind: schemas.Invalid, Subject: "vkey", Message: "The log's public key cannot be read.", Err: err}
	}
	return openCheckpoint(checkpoint, v)
}

func openCheckpoint(msg []byte, v note.Verifier) (Head, error) {
	bad := func(why string, err error) (Head, error) {
		return Head{}, &schemas.Error{Kind: schemas.Invalid, Subject: "checkpoint", Message: "The checkpoint " + why + ".", Err: err}
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return bad("is not signed by this log's key", err)
	}
	lines := strings.Split(n.Text, "\n") // ends with an empty one
	if len(lines) < 4 {
		return bad("has fewer than three lines", nil)
	}
	for _, extension := range lines[3 : len(lines)-1] {
		if extension == "" {
			return bad("has an empty extension line", nil)
		}
	}
	if lines[0] != v.Name() {
		return bad("is of another log", nil)
	}
	size, err := parseSize(lines[1])
	if err != nil {
		return bad("has no proper size", err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return bad("has no proper root", err)
	}
	return Head{lines[0], size, root}, nil
}

// parseSize reads a decimal without sign and leading zeros.
func parseSize(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("not a size: %q", s)
	}
	return n, nil
}

// parseHash reads the one canonical base64 form of 32 bytes.
func parseHash(s string) (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != tlog.HashSize || strings.ContainsAny(s, "\r\n") {
		return tlog.Hash{}, fmt.Errorf("not a hash: %q", s)
	}
	return tlog.Hash(b), nil
}
