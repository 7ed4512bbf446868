package read

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/schemas"
)

// Batches reads the batches of one range one after the other out of one answer of the
// store: whole ones, of which the view shows every byte or whole columns.
//
//	answer    │meta│ body ││meta│ body ││meta│ …
//	Next       read  stays  read  stays             as it lies: the Rest is with the store yet
//	Next       read  read   read  read              into memory, where sums are compared
//	Next       read  ▒▒▒─   read  ▒▒▒─              columns hidden (▒): they are never copied;
//	                                                the others are read, or stay as the Rest
//
// Not safe for concurrent use.
type Batches struct {
	Dictionaries []Message // that come before

	reader  *Reader
	of      Range
	shard   *schemas.Shard
	body    *s3.Body
	compare bool          // what the store gives is held against what was published
	took    func(n int64) // of the range
	left    int64         // of the range, not told to took
	next    int
	edited  *shardDecoder // nil where no column is
	whole   []byte        // a batch as it is stored, as far as it was read
	made    []byte        // messages that were made
}

// batches opens a range.
func (r *Reader) batches(ctx context.Context, rd Range, first bool) (out *Batches, err error) {
	b := &Batches{reader: r, of: rd, shard: r.source.StoredShard(rd.shard), took: func(int64) {}, left: rd.length}
	if first {
		b.Dictionaries, err = r.dictionaryMessages(ctx, rd.shard)
		if err != nil {
			return nil, err
		}
	}
	store, err := r.open(ctx, b.shard.Store)
	if err == nil {
		b.compare = !store.Own()
		if b.compare { // whole messages are
			b.of.length, b.of.tail = rd.length+rd.tail, 0
			b.left = b.of.length
		}
		b.body, err = store.OpenBody(ctx, b.shard.Bucket, b.shard.Key, b.shard.ETag, rd.offset, b.of.length, b.shard.Size)
	}
	if err != nil {
		return nil, RedactLocation(r.source.Name(), err)
	}
	return b, nil
}

// Close ends the answer; a second time it does nothing.
func (b *Batches) Close() {
	_ = b.body.Close()
	b.took(b.left)
	b.left = 0
}

// Next gives the next batch, with a Rest where the sink takes one and nothing of it needs to
// be looked at; io.EOF after the last. It is valid until the next call. Errors: Gone where
// the bytes are not those that were published; the store's.
func (b *Batches) Next(rest bool) (m Message, err error) {
	if b.next == len(b.of.slices) {
		return Message{}, io.EOF
	}
	defer RecoverCorrupt(&err)
	if v := b.reader.source.View; !rest && !v.Raw() {
		block := b.shard.Batches[b.of.slices[b.next].Batch]
		b.made = sized(b.made, v.Bound(block, block.Rows))[:0]
	}
	return b.after(rest)
}

// after gives the next batch, which is made behind those that were made before.
func (b *Batches) after(rest bool) (Message, error) {
	i := b.of.slices[b.next].Batch
	block := b.shard.Batches[i]
	b.next++
	tail := int64(0)
	if b.next == len(b.of.slices) {
		tail = b.of.tail
	}
	b.left -= block.Len() - tail
	b.took(block.Len() - tail)
	m, err := b.message(block, tail, rest)
	if err != nil {
		return Message{}, fmt.Errorf("batch %d of %s: %w", i, b.shard.Key, err)
	}
	return m, nil
}

func (b *Batches) message(block schemas.Block, tail int64, rest bool) (Message, error) {
	v := b.reader.source.View
	if b.compare || v.Raw() && (!rest || block.Sum == 0) {
		return b.load(block)
	}
	b.whole = sized(b.whole, int64(block.Meta))
	err := b.read(b.whole)
	if err != nil {
		return Message{}, err
	}
	m, err := checkMessage(b.whole, block)
	if err != nil {
		return Message{}, err
	}
	if !rest {
		return b.woven(block, block.Body-tail)
	}
	m.Rest = &Rest{body: b.body, left: block.Body - tail, name: b.reader.source.Name()}
	if v.Raw() {
		m.Sum, m.Rest.kept, m.Rest.n = block.Sum, []ipc.BufferRef{{Length: block.Body}}, block.Body
		return m, nil
	}
	head, kept, err := v.Cut(b.whole)
	if err != nil {
		return Message{}, err
	}
	m.Rest.kept = kept
	for _, k := range kept {
		m.Rest.n += k.Length
		if k.Offset+k.Length > m.Rest.left {
			return Message{}, NotAsPublished(nil)
		}
	}
	out := NewMessage(head, block.Rows)
	out.Rest = m.Rest
	return out, nil
}

// load reads a batch whole, and compares it where it is to be.
func (b *Batches) load(block schemas.Block) (Message, error) {
	b.whole = sized(b.whole, block.Len())
	err := b.read(b.whole)
	if err != nil {
		return Message{}, err
	}
	if b.compare && block.Sum != 0 && ipc.Sum(b.whole) != block.Sum {
		return Message{}, otherSum()
	}
	m, err := checkMessage(b.whole, block)
	if err != nil {
		return Message{}, err
	}
	if !b.reader.source.View.Raw() {
		return b.woven(block, 0)
	}
	m.Sum = block.Sum
	return m, nil
}

// woven makes a message behind those that lie in made, of a batch whose metadata were read
// into whole, and its body where left is 0. Of another body left bytes are with the store: the
// columns that are kept are read to where they are to lie, those that are edited into whole,
// and the others are skipped.
func (b *Batches) woven(block schemas.Block, left int64) (Message, error) {
	v, before := b.reader.source.View, len(b.made)
	m, err := ipc.ParseMeta(b.whole[:block.Meta])
	if err != nil {
		return Message{}, err
	}
	if len(v.Edited) > 0 {
		b.whole = slices.Grow(b.whole, int(block.Len())-len(b.whole))[:block.Len()]
	}
	loaded, at := left == 0, int64(0)
	fill := func(to []byte, from int64) error {
		if loaded {
			copy(to, b.whole[int64(block.Meta)+from:][:len(to)])
			return nil
		}
		if from < at || from+int64(len(to)) > left {
			return NotAsPublished(nil)
		}
		err := b.skip(from - at)
		at = from + int64(len(to))
		if err == nil {
			err = b.read(to)
		}
		return err
	}
	b.made, err = v.Weave(b.made, &m, fill, func(i int, from, to int64) (arrow.Array, error) {
		if from >= 0 && !loaded {
			err := fill(b.whole[int64(block.Meta)+from:int64(block.Meta)+to], from)
			if err != nil {
				return nil, err
			}
		}
		return b.edited.column(v, i, b.whole)
	})
	if err == nil && !loaded {
		err = b.skip(left - at)
	}
	if err != nil {
		return Message{}, err
	}
	return NewMessage(b.made[before:len(b.made):len(b.made)], block.Rows), nil
}

func (b *Batches) read(p []byte) error {
	_, err := io.ReadFull(b.body, p)
	return RedactLocation(b.reader.source.Name(), err)
}

func (b *Batches) skip(n int64) error {
	return RedactLocation(b.reader.source.Name(), b.body.Skip(n))
}

// sized gives a buffer of n bytes: the one that was used before, where it is long enough.
func sized(b []byte, n int64) []byte {
	if int64(cap(b)) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// Rest is what is shown of the body of a message that is still with the store. It is to be
// taken whole before the next batch is asked for.
type Rest struct {
	body *s3.Body
	kept []ipc.BufferRef // what is shown of the stored body, in order
	n    int64           // bytes of it
	left int64           // bytes of the stored body that are not taken yet
	name string          // that callers know the shard by
}

// pieces has what is shown taken, piece by piece, and skips what lies between; turn as of Pass.
func (r *Rest) pieces(turn func(client bool), take func(n int64) error) error {
	end := r.left
	skip := func(to int64) error {
		n := to - (end - r.left)
		if n == 0 {
			return nil
		}
		turn(false)
		err := RedactLocation(r.name, r.body.Skip(n))
		turn(true)
		r.left -= n
		return err
	}
	for _, k := range r.kept {
		err := skip(k.Offset)
		if err == nil {
			err = take(k.Length)
		}
		if err != nil {
			return err
		}
		r.left -= k.Length
	}
	return skip(end)
}

// Pass sends it to a socket; turn is told whom it waits for, as by s3.Body. Errors:
// s3.DestinationError; the store's.
func (r *Rest) Pass(to *net.TCPConn, turn func(client bool)) error {
	return r.pieces(turn, func(n int64) error { return RedactLocation(r.name, r.body.Pass(to, n, turn)) })
}

// Copy hands it on in pieces of at most the buffer's size; turn as of Pass.
func (r *Rest) Copy(buf []byte, turn func(client bool), to func(p []byte) error) error {
	return r.pieces(turn, func(n int64) error {
		for n > 0 {
			p := buf[:min(int64(len(buf)), n)]
			turn(false)
			_, err := io.ReadFull(r.body, p)
			turn(true)
			if err != nil {
				return RedactLocation(r.name, err)
			}
			err = to(p)
			if err != nil {
				return err
			}
			n -= int64(len(p))
		}
		return nil
	})
}
