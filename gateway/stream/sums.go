package stream

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/schemas"
)

// The manifest has the sum of each message. What is read of a store that is not the
// operator's own is compared with it before it is used or sent; of an own one, the
// published sums go into the sum that ends the stream, which the client compares.
// Messages that a view makes have the sum of what was made.

// compared says whether a whole message is the published one, as far as that is known.
func compared(store *s3.Store, msg []byte, b schemas.Block) error {
	if store.Own() || b.Sum == 0 || ipc.Sum(msg) == b.Sum {
		return nil
	}
	return changed(errors.New("the message has another CRC-32C"))
}

// compared compares the batches of a read.
func (rd *read) compared(store *s3.Store, sh *schemas.Shard, bytes []byte) error {
	if store.Own() {
		return nil
	}
	var batches []int
	for _, sl := range rd.slices {
		batches = append(batches, sl.batch)
	}
	if rd.gather != nil {
		for _, p := range rd.gather.portions {
			batches = append(batches, p.batch)
		}
	}
	for _, i := range slices.Compact(batches) {
		b := sh.Batches[i]
		err := compared(store, bytes[b.Offset-rd.offset:][:b.Len()], b)
		if err != nil {
			return err
		}
	}
	return nil
}

// join gives the sum of what has sum, followed by a message.
func (m *Message) join(sum uint32) uint32 {
	if m.Sum == 0 {
		return ipc.AddSum(sum, m.Bytes)
	}
	return ipc.JoinSums(sum, m.Sum, int64(len(m.Bytes)))
}

// whole are the messages of a file that were compared while a release is open: who asks
// for many small ranges does not have a batch read for each of them. Safe for
// concurrent use; a nil one forgets.
type whole struct {
	mu   sync.Mutex
	seen map[int64]struct{} // by their offset in the object
}

func (w *whole) has(offset int64) bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, is := w.seen[offset]
	return is
}

func (w *whole) add(offset int64) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[int64]struct{}{}
	}
	w.seen[offset] = struct{}{}
}

// touched is a message of which a range of an object has bytes.
type touched struct {
	offset, n int64 // bytes that are read of it
	sum       uint32
}

// comparing reads a range of an object with the rest of the messages at its ends, and
// hands on no message's last byte before the message was compared.
type comparing struct {
	body       io.ReadCloser
	list       []touched
	skip, left int64 // bytes before the range; of the range
	at         int64 // bytes seen of the first of list
	sum        uint32
	whole      *whole
}

// around gives the messages that bytes [offset, offset+n) of a shard touch, and the
// bytes to read so that they can be compared.
func around(sh *schemas.Shard, offset, n int64, known *whole) (list []touched, from, length int64) {
	from, end := offset, offset+n
	to := end
	for _, blocks := range [][]schemas.Block{sh.Dictionaries, sh.Batches} {
		for _, b := range blocks {
			lo, hi := b.Offset, b.Offset+b.Len()
			if hi <= offset || lo >= end {
				continue
			}
			if b.Sum == 0 || known.has(lo) {
				list = append(list, touched{offset: lo, n: min(hi, end) - max(lo, offset)})
				continue
			}
			from, to = min(from, lo), max(to, hi)
			list = append(list, touched{lo, hi - lo, b.Sum})
		}
	}
	return list, from, to - from
}

// Read is io.Reader's.
func (c *comparing) Read(p []byte) (int, error) {
	for c.skip > 0 {
		n, err := c.body.Read(p[:min(int64(len(p)), c.skip)])
		c.skip -= int64(n)
		if err == nil || n > 0 {
			err = c.see(p[:n])
		}
		if err != nil {
			return 0, err
		}
	}
	n, err := c.body.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	bad := c.see(p[:n])
	if bad == nil && c.left == 0 && len(c.list) > 0 {
		_, bad = io.CopyBuffer(struct{ io.Writer }{writer(c.see)}, c.body, make([]byte, 32<<10))
		if bad == nil && len(c.list) > 0 {
			bad = io.ErrUnexpectedEOF
		}
	}
	if bad != nil {
		return 0, bad
	}
	return n, err
}

type writer func(p []byte) error

func (w writer) Write(p []byte) (int, error) { return len(p), w(p) }

// see takes bytes of the messages.
func (c *comparing) see(p []byte) error {
	for len(p) > 0 && len(c.list) > 0 {
		m := c.list[0]
		n := min(m.n-c.at, int64(len(p)))
		if m.sum != 0 {
			c.sum = ipc.AddSum(c.sum, p[:n])
		}
		c.at += n
		p = p[n:]
		if c.at < m.n {
			break
		}
		if m.sum != 0 {
			if c.sum != m.sum {
				return changed(errors.New("the message has another CRC-32C"))
			}
			c.whole.add(m.offset)
		}
		c.list, c.at, c.sum = c.list[1:], 0, 0
	}
	return nil
}

// Close is io.Closer's.
func (c *comparing) Close() error { return c.body.Close() }

// sealed gives a document with its sum, on a line of its own.
func sealed(b []byte) []byte {
	return fmt.Appendf(b, "\n%08x", ipc.Sum(b))
}

// unsealed gives a document whose sum is right; nil else.
func unsealed(b []byte) []byte {
	n := len(b) - len("\n00000000")
	if n < 0 || string(b) != string(sealed(slices.Clone(b[:n]))) {
		return nil
	}
	return b[:n]
}
