package s3

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Body is what comes of an object, in order. It goes on over the same object where a store
// breaks off. Not safe for concurrent use.
type Body struct {
	*reader
	beyond int64 // bytes at the end that nobody asked for
}

// endWithin is how long the end of an answer, which nobody asked for, may take.
const endWithin = 50 * time.Millisecond

// nearlyAll is how much of an object may be asked for and not wanted: stores send a whole
// one out of their files' cache, and part of one by copying it.
const nearlyAll = 256 << 10

// OpenBody is Open for bytes that are to go on to another socket, or of which some are not
// wanted. length must be more than 0; size is that of the whole object. Where nearly all of
// it is wanted, it is asked for whole.
func (s *Store) OpenBody(ctx context.Context, bucket, key, etag string, offset, length, size int64) (*Body, error) {
	b := &Body{reader: &reader{s: s, ctx: ctx, bucket: bucket, key: key, etag: etag, at: offset, left: length, size: -1, tries: retries}}
	b.direct = s.direct != nil
	whole := offset+length <= size && size-length <= min(nearlyAll, size/4)
	if whole {
		b.at, b.left, b.size, b.beyond = 0, size, size, size-offset-length
	}
	_, err := s.begin(b.reader)
	if err == nil && whole {
		err = b.Skip(offset)
	}
	if err != nil {
		b.reader.close()
		return nil, err
	}
	return b, nil
}

// Read is io.Reader's.
func (b *Body) Read(p []byte) (int, error) {
	if b.beyond > 0 && b.left == b.beyond {
		return 0, io.EOF
	}
	if b.beyond > 0 {
		p = p[:min(int64(len(p)), b.left-b.beyond)]
	}
	return b.reader.Read(p)
}

// Close is io.Closer's. What nobody asked for is dropped where all else was taken, so that
// the connection is good for the next request.
func (b *Body) Close() error {
	if b.beyond > 0 && b.left == b.beyond && b.body != nil {
		n := b.beyond
		b.beyond, b.tries = 0, 0
		b.body.idle, b.body.left = endWithin, endWithin
		_ = b.Skip(n) // else it is closed
	}
	return b.reader.Close()
}

// DestinationError says that the other socket, and not the store, ended a Pass.
type DestinationError struct{ Err error }

func (e *DestinationError) Error() string { return "pass bytes on: " + e.Err.Error() }

// Unwrap gives the socket's error.
func (e *DestinationError) Unwrap() error { return e.Err }

// Pass sends the next n bytes to a socket, without copying them where both sides allow it.
// turn is told whom it waits for from now on, the other side or the store, and again
// whenever the other side has taken some. Errors: a DestinationError; the store's, explained.
func (b *Body) Pass(to *net.TCPConn, n int64, turn func(other bool)) error {
	var buf []byte
	return b.each(n, func(most int64) (int64, error) {
		k, err := b.body.pass(to, most, turn)
		if !errors.Is(err, errors.ErrUnsupported) {
			return k, err
		}
		if buf == nil {
			buf = make([]byte, copyPiece)
		}
		turn(false)
		m, err := b.body.Read(buf[:min(most, copyPiece)])
		turn(true)
		if m == 0 {
			return 0, err
		}
		_, err = to.Write(buf[:m])
		if err != nil {
			return 0, &DestinationError{err}
		}
		return int64(m), nil
	})
}

// Skip leaves out the next n bytes; they are not copied where the store is reached directly.
func (b *Body) Skip(n int64) error {
	var buf []byte
	return b.each(n, func(most int64) (int64, error) {
		k, err := b.body.skip(most)
		if !errors.Is(err, errors.ErrUnsupported) {
			return k, err
		}
		if buf == nil {
			buf = make([]byte, copyPiece)
		}
		m, err := b.body.Read(buf[:min(most, copyPiece)])
		if m > 0 {
			return int64(m), nil // what comes after it is seen at the next read
		}
		return 0, err
	})
}

// copyPiece is how much is copied at once where bytes must be.
const copyPiece = 64 << 10

// each calls do until n bytes are gone, and goes on where the store breaks off.
func (b *Body) each(n int64, do func(most int64) (int64, error)) error {
	if n < 0 || n > b.left-b.beyond {
		return io.ErrUnexpectedEOF
	}
	for n > 0 {
		if b.body == nil {
			err := b.open()
			if err != nil {
				err = b.goOn(err)
				if err != nil {
					return err
				}
				continue
			}
		}
		k, err := do(n)
		n -= k
		b.took(k)
		if _, ours := errors.AsType[*DestinationError](err); ours {
			return err
		}
		if err != nil {
			err = b.goOn(err)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// direct is the body of an answer that came over a connection of our own; nil where it
// did not, or its length is not known.
func (p *paced) direct() *directBody {
	a, _ := p.body.(*answer)
	if a == nil {
		return nil
	}
	d, _ := a.ReadCloser.(*directBody)
	if d == nil || d.rest != nil || d.conn.pipe.unsupported {
		return nil
	}
	return d
}

// pass moves at most n bytes to a socket: first those that came with the answer's head.
func (p *paced) pass(to *net.TCPConn, n int64, turn func(other bool)) (int64, error) {
	d := p.direct()
	if d == nil {
		return 0, errors.ErrUnsupported
	}
	n = min(n, d.left)
	if n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	if k := min(n, int64(d.conn.from.Buffered())); k > 0 {
		head, err := d.conn.from.Peek(int(k))
		if err != nil {
			return 0, err
		}
		_, err = to.Write(head)
		if err != nil {
			return 0, &DestinationError{err}
		}
		turn(true)
		_, err = d.conn.from.Discard(int(k))
		d.left -= k
		return k, err
	}
	turn(false)
	k, err := p.wait(d, func() (int, error) { return d.conn.pipe.fill(d.conn.TCPConn, n) })
	turn(true)
	if err != nil {
		return 0, err
	}
	return k, d.conn.pipe.empty(to, func() { turn(true) })
}

// skip leaves out at most n bytes.
func (p *paced) skip(n int64) (int64, error) {
	d := p.direct()
	if d == nil {
		return 0, errors.ErrUnsupported
	}
	n = min(n, d.left)
	if n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	k := min(n, int64(d.conn.from.Buffered()))
	if k > 0 {
		_, err := d.conn.from.Discard(int(k))
		d.left -= k
		return k, err
	}
	return p.wait(d, func() (int, error) { return discard(d.conn.TCPConn, n) })
}

// wait bounds how long the store may take for what is taken out of its socket, as Read
// does. The time of the other socket is not the store's.
func (p *paced) wait(d *directBody, take func() (int, error)) (int64, error) {
	began := time.Now()
	err := d.conn.SetReadDeadline(began.Add(p.left))
	n := 0
	if err == nil {
		n, err = take()
	}
	p.spent(began, n)
	d.left -= int64(n)
	_ = d.conn.SetReadDeadline(time.Time{}) // also where it goes on by copying; a closed one says so at the next read
	switch f := faultOf(context.Cause(p.ctx)); {
	case err == nil:
	case f != "":
		err = f
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = Stalls
	}
	return int64(n), err
}
