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
	i := b.of.slices[b.next].Batch
	block := b.shard.Batches[i]
	b.next++
	tail := int64(0)
	if b.next == len(b.of.slices) {
		tail = b.of.tail
	}
	b.left -= block.Len() - tail
	b.took(block.Len() - tail)
	m, err = b.message(block, tail, rest)
	if err != nil {
		return Message{}, fmt.Errorf("batch %d of %s: %w", i, b.shard.Key, err)
	}
	return m, nil
}

func (b *Batches) message(block schemas.Block, tail int64, rest bool) (Message, error) {
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
	m.Rest = &Rest{body: b.body, left: block.Body - tail, name: b.reader.source.Name()}
	if raw {
		m.Sum, m.Rest.kept, m.Rest.n = block.Sum, []ipc.BufferRef{{Length: block.Body}}, block.Body
		return m, nil
	}
	return b.shown(m.Rest, block.Rows, rest)
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

// shown puts new metadata before the columns that are shown, and skips the others.
func (b *Batches) shown(from *Rest, rows int64, rest bool) (Message, error) {
	head, kept, err := b.reader.source.View.Cut(b.meta)
	if err != nil {
		return Message{}, err
	}
	from.kept = kept
	for _, k := range kept {
		from.n += k.Length
		if k.Offset+k.Length > from.left {
			return Message{}, NotAsPublished(nil)
		}
	}
	if rest {
		m := NewMessage(head, rows)
		m.Rest = from
		return m, nil
	}
	b.made = append(sized(b.made, int64(len(head))+from.n)[:0], head...)
	err = from.pieces(func(bool) {}, func(n int64) error {
		at := len(b.made)
		b.made = b.made[:at+int(n)]
		return b.read(b.made[at:])
	})
	if err != nil {
		return Message{}, err
	}
	return NewMessage(b.made, rows), nil
}

func (b *Batches) read(p []byte) error {
	_, err := io.ReadFull(b.body, p)
	return RedactLocation(b.reader.source.Name(), err)
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
