package read

import (
	"context"
	"fmt"
	"io"
	"net"

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
//	Next       read  ▒▒▒─   read  ▒▒▒─              columns hidden (▒): they are never copied
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
	meta    []byte
	whole   []byte
	made    []byte
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
		b.body, err = store.OpenBody(ctx, b.shard.Bucket, b.shard.Key, b.shard.ETag, rd.offset, rd.length, b.shard.Size)
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
	i := b.of.slices[b.next].Batch
	block := b.shard.Batches[i]
	b.next++
	b.left -= block.Len()
	b.took(block.Len())
	m, err = b.message(block, rest)
	if err != nil {
		return Message{}, fmt.Errorf("batch %d of %s: %w", i, b.shard.Key, err)
	}
	return m, nil
}

func (b *Batches) message(block schemas.Block, rest bool) (Message, error) {
	raw := b.reader.source.View.Raw()
	if b.compare || raw && (!rest || block.Sum == 0) {
		return b.load(block)
	}
	b.meta = sized(b.meta, int64(block.Meta))
	err := b.read(b.meta)
	if err != nil {
		return Message{}, err
	}
	m, err := checkMessage(b.meta, block)
	if err != nil {
		return Message{}, err
	}
	if !raw {
		return b.shown(block)
	}
	m.Sum, m.Rest = block.Sum, &Rest{b.body, block.Body, b.reader.source.Name()}
	return m, nil
}

// load reads a batch whole.
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
	if b.reader.source.View.Raw() {
		m.Sum = block.Sum
		return m, nil
	}
	b.made = sized(b.made, block.Len())[:0]
	p, err := b.reader.source.View.Splice(&b.made, b.whole, nil)
	if err != nil {
		return Message{}, err
	}
	return NewMessage(p, block.Rows), nil
}

// shown reads the columns that are shown behind new metadata, and skips the others.
func (b *Batches) shown(block schemas.Block) (Message, error) {
	head, kept, err := b.reader.source.View.Cut(b.meta)
	if err != nil {
		return Message{}, err
	}
	size, at := int64(len(head)), int64(0)
	for _, k := range kept {
		size += k.Length
	}
	b.made = append(sized(b.made, size)[:0], head...)
	for _, k := range kept {
		err := b.skip(k.Offset - at)
		if err != nil {
			return Message{}, err
		}
		n := len(b.made)
		b.made = b.made[:n+int(k.Length)]
		err = b.read(b.made[n:])
		if err != nil {
			return Message{}, err
		}
		at = k.Offset + k.Length
	}
	err = b.skip(block.Body - at)
	if err != nil {
		return Message{}, err
	}
	return NewMessage(b.made, block.Rows), nil
}

func (b *Batches) read(p []byte) error {
	_, err := io.ReadFull(b.body, p)
	return RedactLocation(b.reader.source.Name(), err)
}

func (b *Batches) skip(n int64) error { return RedactLocation(b.reader.source.Name(), b.body.Skip(n)) }

// sized gives a buffer of n bytes: the one that was used before, where it is long enough.
func sized(b []byte, n int64) []byte {
	if int64(cap(b)) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// Rest is the body of a message that is still with the store. It is to be taken whole before
// the next batch is asked for.
type Rest struct {
	body *s3.Body
	n    int64
	name string // that callers know the shard by
}

// Pass sends it to a socket; turn is told whom it waits for, as by s3.Body. Errors:
// s3.DestinationError; the store's.
func (r *Rest) Pass(to *net.TCPConn, turn func(client bool)) error {
	return RedactLocation(r.name, r.body.Pass(to, r.n, turn))
}

// Copy hands it on in pieces of at most the buffer's size; turn as of Pass.
func (r *Rest) Copy(buf []byte, turn func(client bool), to func(p []byte) error) error {
	for left := r.n; left > 0; {
		p := buf[:min(int64(len(buf)), left)]
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
		left -= int64(len(p))
	}
	return nil
}
