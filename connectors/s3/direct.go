package s3

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// direct asks a store over connections of its own, so that the bytes of an object can be
// moved out of the socket in which they come: net/http does not give that away. It speaks
// HTTP/1.1 without TLS and without a proxy, one request at a time on a connection.
//
//	request  ─▶ conn ─▶ store
//	answer   ◀─ head, by a small buffer ◀─┐
//	body     ◀─ what the buffer has left, then the socket itself
//
// Safe for concurrent use.
type direct struct {
	dial net.Dialer
	mu   sync.Mutex
	idle []*directConn // of one store, which has one address
}

// newDirect is nil for a store that TLS or a proxy lies before.
func newDirect(endpoint *url.URL) *direct {
	if endpoint.Scheme != "http" {
		return nil
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: endpoint})
	if err != nil || proxy != nil {
		return nil
	}
	return &direct{dial: net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}}
}

// directConn is a connection on which one request is under way, or none.
type directConn struct {
	*net.TCPConn
	pipe pipe
	head io.LimitedReader // ends an answer whose head has no end
	from *bufio.Reader
	host string
	used bool        // a request went over it before
	over *time.Timer // closes it when no request came
}

// headBuffer is so small that nearly all of a body stays in the socket.
const headBuffer = 4 << 10

// idleDirect is how long a connection is kept for the next request: stores close theirs
// soon, and a burst's are to be given back.
const idleDirect = 5 * time.Second

// maxIdleDirect is how many are kept.
const maxIdleDirect = 64

// RoundTrip is http.RoundTripper's. An answer whose length is known has a *directBody.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	for {
		c, err := d.conn(r.Context(), r.URL)
		if err != nil {
			return nil, err
		}
		again := c.used
		resp, err := c.ask(r)
		if err == nil {
			return d.answer(r.Context(), c, resp), nil
		}
		c.close()
		if !again || r.Context().Err() != nil { // else the store had closed it meanwhile
			return nil, err
		}
	}
}

// conn gives the connection that was used last, or a new one.
func (d *direct) conn(ctx context.Context, to *url.URL) (*directConn, error) {
	host := net.JoinHostPort(to.Hostname(), cmp.Or(to.Port(), "80"))
	for c := d.last(host); c != nil; c = d.last(host) {
		if quiet(c.TCPConn) {
			c.used = true
			return c, nil
		}
		c.close() // the store has closed it, or sent what nobody asked for
	}
	raw, err := d.dial.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	t, ok := raw.(*net.TCPConn)
	if !ok {
		raw.Close()
		return nil, errors.New("the store's address is none of TCP")
	}
	c := &directConn{TCPConn: t, host: host}
	c.head.R = t
	c.from = bufio.NewReaderSize(&c.head, headBuffer)
	return c, nil
}

// last takes the connection to a host that was kept last; nil: there is none.
func (d *direct) last(host string) *directConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, c := range slices.Backward(d.idle) {
		if c.host == host {
			d.idle = slices.Delete(d.idle, i, i+1)
			c.over.Stop() // drop does not find it any more
			return c
		}
	}
	return nil
}

// keep takes back a connection whose answer was read to its end.
func (d *direct) keep(c *directConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.idle) == maxIdleDirect {
		c.close()
		return
	}
	c.pipe.unsupported = c.pipe.unsupported && c.pipe.open // none could be made: the next request may have one
	c.over = time.AfterFunc(idleDirect, func() { d.drop(c) })
	d.idle = append(d.idle, c)
}

// drop closes a connection that no request came for.
func (d *direct) drop(c *directConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.Index(d.idle, c)
	if i >= 0 {
		d.idle = slices.Delete(d.idle, i, i+1)
		c.close()
	}
}

// maxInterim is how many answers of the kind "go on" may come before the answer.
const maxInterim = 5

// ask sends a request and reads the head of its answer. When the request's context ends
// the connection is closed, also while the body is read.
func (c *directConn) ask(r *http.Request) (*http.Response, error) {
	defer context.AfterFunc(r.Context(), func() { _ = c.TCPConn.Close() })()
	c.head.N = maxHeader
	err := r.Write(c.TCPConn)
	if err != nil {
		return nil, err
	}
	for range maxInterim {
		resp, err := http.ReadResponse(c.from, r)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			c.head.N = math.MaxInt64
			return resp, nil
		}
	}
	return nil, Endless
}

// answer gives an answer a body that keeps or closes its connection.
func (d *direct) answer(ctx context.Context, c *directConn, resp *http.Response) *http.Response {
	b := &directBody{conn: c, left: -1, rest: resp.Body, stop: context.AfterFunc(ctx, func() { _ = c.TCPConn.Close() })}
	if resp.ContentLength >= 0 && len(resp.TransferEncoding) == 0 {
		b.left, b.rest = resp.ContentLength, nil
		if !resp.Close {
			b.keep = d.keep
		}
	}
	resp.Body = b
	return resp
}

func (c *directConn) close() {
	_ = c.TCPConn.Close()
	c.pipe.close()
}

// directBody is the body of an answer. Not safe for concurrent use.
type directBody struct {
	conn   *directConn
	left   int64     // of a body whose length is known
	rest   io.Reader // of one whose length is not
	keep   func(*directConn)
	stop   func() bool
	closed bool
}

// Read is io.Reader's.
func (b *directBody) Read(p []byte) (int, error) {
	if b.rest != nil {
		return b.rest.Read(p)
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.conn.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 { //nolint:errorlint // io.Reader's contract
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close keeps the connection where the body was read to its end, and closes it else.
func (b *directBody) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	if b.stop() && b.keep != nil && b.left == 0 && b.conn.from.Buffered() == 0 && b.conn.pipe.held == 0 {
		b.keep(b.conn)
		return nil
	}
	b.conn.close()
	return nil
}
