package file

import (
	"errors"
	"io"
	"sync"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/read"
	"guichet/schemas"
)

// comparedMessages are the messages of files that were compared while a release is open: who asks
// for many small ranges does not have a batch read for each of them. Safe for
// concurrent use; a nil one forgets.
type comparedMessages struct {
	mu   sync.Mutex
	seen map[messagePlace]struct{}
}

// messagePlace is where a message lies: objects of a split are one release, and begin at 0 each.
type messagePlace struct {
	file   int // of the release, as File.joined has it
	offset int64
}

func (w *comparedMessages) has(at messagePlace) bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, is := w.seen[at]
	return is
}

func (w *comparedMessages) add(at messagePlace) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[messagePlace]struct{}{}
	}
	w.seen[at] = struct{}{}
}

// touchedMessage is a message of which a range of an object has bytes.
type touchedMessage struct {
	offset, n int64 // bytes that are read of it
	sum       uint32
}

// comparingReader reads a range of an object with the rest of the messages at its ends, and
// hands on no message's last byte before the message was compared.
type comparingReader struct {
	body       io.ReadCloser
	list       []touchedMessage
	skip, left int64 // bytes before the range; of the range
	at         int64 // bytes seen of the first of list
	sum        uint32
	file       int // of the release
	known      *comparedMessages
}

// surroundings gives the messages that bytes [offset, offset+n) of a shard touch, and the
// bytes to read so that they can be compared: whole messages, where their sums are to be
// compared. Of messages at 0-99, 100-199 and 200-299, the second compared before, bytes 150-209 are
// read as 150-299: the first is not touched, of the second nothing more is needed, and the
// third is compared whole before its bytes 200-209 are handed on.
func surroundings(
	sh *schemas.Shard, offset, n int64, file int, known *comparedMessages,
) (list []touchedMessage, from, length int64) {
	from, end := offset, offset+n
	to := end
	for _, blocks := range [][]schemas.Block{sh.Dictionaries, sh.Batches} {
		for _, b := range blocks {
			lo, hi := b.Offset, b.Offset+b.Len()
			if hi <= offset || lo >= end {
				continue
			}
			if b.Sum == 0 || known.has(messagePlace{file, lo}) {
				list = append(list, touchedMessage{offset: lo, n: min(hi, end) - max(lo, offset)})
				continue
			}
			from, to = min(from, lo), max(to, hi)
			list = append(list, touchedMessage{lo, hi - lo, b.Sum})
		}
	}
	return list, from, to - from
}

// Read is io.Reader's.
func (c *comparingReader) Read(p []byte) (int, error) {
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

// writer takes bytes in order; its error ends what gives them.
type writer func(p []byte) error

func (w writer) Write(p []byte) (int, error) { return len(p), w(p) }

// see takes bytes of the messages.
func (c *comparingReader) see(p []byte) error {
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
				return read.NotAsPublished(errors.New("the message has another CRC-32C"))
			}
			c.known.add(messagePlace{c.file, m.offset})
		}
		c.list, c.at, c.sum = c.list[1:], 0, 0
	}
	return nil
}

// Close is io.Closer's.
func (c *comparingReader) Close() error { return c.body.Close() }
