package gateway

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"sync"
)

// heads looks at the heads of the requests on a connection without TLS, as it comes from
// a proxy: one that says its length twice, by Content-Length and by chunks, may be
// read in two ways by two readers, and what one takes for a body is a request to the
// other. net/http forgets one of the two before a handler sees it [RFC 9112 §6.3].
type heads struct {
	mu   sync.Mutex
	head []byte // of the request that is being read
	off  bool   // inside a body, or another protocol
	more bool   // it is not the first
	bad  bool   // one said its length twice: nothing behind it is read
}

// refused says whether a head said its length twice. It is asked before each read, since
// readers that look ahead forget an error and read again.
func (h *heads) refused() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bad
}

// errTwice ends a connection: net/http answers it with 400 where it is the first request.
var errTwice = errors.New("a request says its length in two ways")

// later says whether the request is not the first on its connection.
func (h *heads) later() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.more
}

// expect says that the next bytes begin a request.
func (h *heads) expect() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !bytes.HasPrefix(h.head, []byte("PRI ")) { // HTTP/2 has frames
		h.head, h.off, h.more = h.head[:0], false, true
	}
}

// see looks at bytes that were read, and says whether they end a head that says its
// length twice.
func (h *heads) see(p []byte) (twice bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.off {
		return false
	}
	h.head = append(h.head, p...)
	end := bytes.Index(h.head, []byte("\r\n\r\n"))
	if lone := bytes.Index(h.head, []byte("\n\n")); lone >= 0 && (end < 0 || lone < end) {
		end = lone // net/http takes bare line feeds
	}
	if end < 0 && len(h.head) <= maxHead {
		return false
	}
	h.off = true
	if end < 0 {
		end = len(h.head) // net/http refuses it
	}
	lines := bytes.ToLower(h.head[:end])
	h.head = h.head[:min(len(h.head), 4)]
	h.bad = bytes.Contains(lines, []byte("\ncontent-length")) && bytes.Contains(lines, []byte("\ntransfer-encoding"))
	return h.bad
}

// maxHead is the most that a server here reads of a head, in bytes.
const maxHead = 64 << 10

// idle tells a connection that is counted that its next request begins.
func idle(c net.Conn, state http.ConnState) {
	counted, ok := c.(*counted)
	if ok && state == http.StateIdle {
		counted.heads.expect()
	}
}
