package object

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	"guichet/connectors/ipc"
	"guichet/connectors/media"
	"guichet/schemas"
)

// piece is how much of an object is compared at once: as much as a message of a shard has at
// most, since a range of a few bytes has as much read.
const piece = 4 << 20

// Reader reads an object and learns what there is to know of it. Its Read is io.Reader's;
// Learnt is for when all of it was read.
type Reader struct {
	name   string
	r      io.Reader
	n      int64
	sha    hash.Hash
	head   []byte
	pieces []schemas.Block
}

// NewReader reads an object of a name from r.
func NewReader(name string, r io.Reader) *Reader {
	return &Reader{name: name, r: r, sha: sha256.New(), pieces: []schemas.Block{{Rows: 1}}}
}

// Read is io.Reader's.
func (o *Reader) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	o.see(p[:n])
	return n, err
}

func (o *Reader) see(p []byte) {
	o.sha.Write(p)
	if room := media.HeadLength - len(o.head); room > 0 {
		o.head = append(o.head, p[:min(room, len(p))]...)
	}
	for len(p) > 0 {
		last := &o.pieces[len(o.pieces)-1]
		if last.Body == piece {
			o.pieces = append(o.pieces, schemas.Block{Offset: o.n})
			continue
		}
		n := min(piece-last.Body, int64(len(p)))
		last.Sum = ipc.AddSum(last.Sum, p[:n])
		last.Body += n
		o.n += n
		p = p[n:]
	}
}

// Learnt gives what was read as a shard without a place, and what there is to say of it. The
// object is one row: that of its first piece.
func (o *Reader) Learnt() (s schemas.Shard, note string) {
	s = schemas.Shard{Name: o.name, Size: o.n, SHA256: hex.EncodeToString(o.sha.Sum(nil)), Rows: 1, Batches: o.pieces}
	s.MediaType, note = media.TypeOf(o.name, o.head)
	if s.MediaType == "application/dicom" && note == "" {
		note = "DICOM headers can name patients, and an object is given whole: see that they were taken out"
	}
	return s, note
}
