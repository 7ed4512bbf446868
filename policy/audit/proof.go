package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/schemas"
)

const proofHeader = "c2sp.org/tlog-proof@v1"

// maxProofHashes is the depth of the deepest tree that an int64 can count.
const maxProofHashes = 63

// Proof gives the proof that record index is in the log, with a checkpoint: a
// text that anybody can check offline [C2SP tlog-proof]. NotFound beyond the
// end; Unavailable as Checkpoint says.
func (l *Log) Proof(ctx context.Context, index int64) ([]byte, error) {
	msg, h, err := l.signedHead(ctx)
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= h.Size {
		return nil, schemas.Errorf(schemas.NotFound, "record", "There is no record %d.", index)
	}
	// Of the head that was just signed, never of a newer tree: the proof and its checkpoint go
	// out as one text, and whoever reads it has no other head to ask for.
	p, err := tlog.ProveRecord(h.Size, index, stored(ctx, l.db))
	if err != nil {
		return nil, fmt.Errorf("prove record %d: %w", index, asFault(err))
	}
	return formatProof(index, p, msg), nil
}

func (l *Log) signedHead(ctx context.Context) ([]byte, Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	msg, err := l.checkpoint(ctx)
	return msg, l.head, err
}

// formatProof writes a proof as text: its header, the index, the hashes in base64, an
// empty line, the checkpoint [C2SP tlog-proof].
func formatProof(index int64, p tlog.RecordProof, checkpoint []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nindex %d\n", proofHeader, index)
	for _, h := range p {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteString("\n")
	b.Write(checkpoint)
	return b.Bytes()
}

// parseProof takes a tlog-proof apart; it verifies nothing.
func parseProof(proof []byte) (index int64, p tlog.RecordProof, checkpoint []byte, err error) {
	bad := func(why string) (int64, tlog.RecordProof, []byte, error) {
		return 0, nil, nil, schemas.Errorf(schemas.Invalid, "proof", "The proof %s.", why)
	}
	text, checkpoint, ok := bytes.Cut(proof, []byte("\n\n"))
	if !ok {
		return bad("has no checkpoint")
	}
	lines := strings.Split(string(text), "\n")
	if lines[0] != proofHeader {
		return bad("does not begin with " + proofHeader)
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if _, err := base64.StdEncoding.Strict().DecodeString(lines[0][len("extra "):]); err != nil {
			return bad("has extra data that is not base64")
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return bad("has no index")
	}
	if index, err = parseSize(lines[0][len("index "):]); err != nil {
		return bad("has no proper index")
	}
	// A proof comes from anybody: it is bounded before any of it is decoded.
	if len(lines)-1 > maxProofHashes {
		return bad("has too many hashes")
	}
	for _, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return bad("has a hash that is not one")
		}
		p = append(p, h)
	}
	return index, p, checkpoint, nil
}

// VerifyProof checks offline that leaf is the record that proof speaks of, in
// the log of vkey, and says which one and under which head. Invalid if not.
func VerifyProof(proof, leaf []byte, vkey string) (index int64, h Head, err error) {
	index, p, checkpoint, err := parseProof(proof)
	if err != nil {
		return 0, Head{}, err
	}
	if h, err = OpenCheckpoint(checkpoint, vkey); err != nil {
		return 0, Head{}, err
	}
	if err := tlog.CheckRecord(p, h.Size, h.Root, index, tlog.RecordHash(leaf)); err != nil {
		return 0, Head{}, &schemas.Error{
			Kind: schemas.Invalid, Subject: "proof", Message: fmt.Sprintf("The leaf is not record %d of the log.", index), Err: err}
	}
	return index, h, nil
}
