package door

import (
	"net"
	"net/http"
	"sync"

	"guichet/gateway/stream/release"
)

// passBytes is what a stream holds whose bodies pass from socket to socket: the metadata of
// a message, and small buffers of both connections.
const passBytes = 64 << 10

// pieceBytes is how much is copied at once where bodies do not pass: system calls for less
// cost more than the copying.
const pieceBytes = 1 << 20

// pieces are buffers for copying, shared by all streams. Safe for concurrent use.
type pieces struct{ pool sync.Pool }

func (p *pieces) get() *[]byte {
	b, ok := p.pool.Get().(*[]byte)
	if !ok {
		made := make([]byte, pieceBytes)
		b = &made
	}
	return b
}

func (p *pieces) put(b *[]byte) { p.pool.Put(b) }

// socketOf is the socket of a request whose answer is chunked and goes out as it is written:
// HTTP/1.1 without TLS; nil for others.
func socketOf(r *http.Request) *net.TCPConn {
	if r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor != 1 || r.TLS != nil {
		return nil
	}
	c, _ := r.Context().Value(connKey{}).(net.Conn)
	for {
		t, ok := c.(interface{ NetConn() net.Conn }) // what counts connections
		if !ok {
			break
		}
		c = t.NetConn()
	}
	t, _ := c.(*net.TCPConn)
	return t
}

// writev sends what is in memory by as few system calls as signs of the client allow.
func (s *ipcStream) writev(list ...[]byte) error {
	s.sent = true
	s.vec = s.vec[:0]
	room := release.Handful
	send := func() error {
		v := s.vec // WriteTo moves its start
		_, err := v.WriteTo(s.socket)
		if err != nil {
			return &release.ClientError{Err: err}
		}
		s.turn(true)
		s.vec, room = s.vec[:0], release.Handful
		return nil
	}
	for _, b := range list {
		for len(b) >= room {
			s.vec = append(s.vec, b[:room])
			b = b[room:]
			err := send()
			if err != nil {
				return err
			}
		}
		if len(b) > 0 {
			s.vec = append(s.vec, b)
			room -= len(b)
		}
	}
	if len(s.vec) == 0 {
		return nil
	}
	return send()
}
