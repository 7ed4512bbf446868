package door

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/schemas"
)

// ipcStream frames a stream as an IPC stream, chunked, never with a length: a
// client must be able to see that it was cut [decisions.md 16].
//
// Over HTTP/1.1 without TLS it writes the chunks of messages into the socket itself, so
// that a body can be moved there out of the store's socket:
//
//	net/http   head, chunk of the schema, flush
//	ipcStream  size │ metadata, by writev │ body, by splice │ CRLF …
//	net/http   end marker's chunk, last chunk, trailer
//
// Between the flush and the end net/http writes nothing of its own.
type ipcStream struct {
	w      http.ResponseWriter
	out    io.Writer // w, in pieces
	socket *net.TCPConn
	turn   func(client bool) // tells whom the stream waits for
	pieces *pieces           // buffers for bodies that are copied
	sums   bool              // the client takes trailers
	sent   bool
	vec    net.Buffers // of one writev, kept for the next
	direct int64       // bytes of messages that went into the socket whole
	due    string      // what ends the chunk before, and goes out with the next
}

// Begun says whether anything was sent.
func (s *ipcStream) Begun() bool { return s.sent }

// RestBytes is for stream.Passer.
func (s *ipcStream) RestBytes() int64 {
	if s.socket != nil {
		return passBytes
	}
	return pieceBytes
}

// Sums is for stream.Passer.
func (s *ipcStream) Sums() bool { return s.sums }

func (s *ipcStream) Begin(ctx context.Context, r schemas.Release, p *plan.Plan) error {
	s.out, s.turn = release.Pieces(ctx, s.w), release.Turn(ctx)
	h := s.w.Header()
	streamHeaders(h, p)
	if r.ID != "" { // a schema is no release
		h.Set("Guichet-Release", string(r.ID))
	}
	if s.sums {
		h.Set("Trailer", sumTrailer)
	}
	s.w.WriteHeader(http.StatusOK)
	err := s.write(p.Source.Schema())
	if err == nil && s.socket != nil {
		freeUnsent(s.socket)
		err = s.flush()
	}
	return err
}

func (s *ipcStream) write(b []byte) error {
	s.sent = true
	_, err := s.out.Write(b)
	if err != nil {
		return &release.ClientError{Err: err}
	}
	return nil
}

func (s *ipcStream) flush() error {
	err := http.NewResponseController(s.w).Flush()
	if err != nil {
		return &release.ClientError{Err: err}
	}
	return nil
}

// Message sends one message.
func (s *ipcStream) Message(m read.Message) error {
	if s.socket == nil {
		err := s.write(m.Bytes)
		if err == nil && m.Rest != nil {
			buf := s.pieces.get()
			defer s.pieces.put(buf)
			err = m.Rest.Copy(*buf, s.turn, s.write)
		}
		return err
	}
	err := s.writev([]byte(fmt.Sprintf("%s%x\r\n", s.due, m.Len())), m.Bytes)
	s.due = "\r\n"
	if err == nil && m.Rest != nil {
		err = m.Rest.Pass(s.socket, s.turn)
		if to, ok := errors.AsType[*s3.DestinationError](err); ok {
			err = &release.ClientError{Err: to.Err}
		}
	}
	if err == nil {
		s.direct += m.Len()
	}
	return err
}

// sumTrailer is the CRC-32C of the whole body, in eight hex digits.
const sumTrailer = "Guichet-Crc32c"

// takesTrailers says whether a client asks for trailers: some that do not cannot read an
// answer that has them [RFC 9110 §6.5.1].
func takesTrailers(r *http.Request) bool {
	for _, te := range r.Header.Values("TE") {
		for one := range strings.SplitSeq(te, ",") {
			if strings.EqualFold(strings.TrimSpace(one), "trailers") {
				return true
			}
		}
	}
	return false
}

// End sends the end marker last: without it the stream is not whole.
func (s *ipcStream) End(sum uint32) error {
	err := s.writev([]byte(s.due))
	if err == nil {
		err = s.write(ipc.EndOfStream())
	}
	if err == nil {
		if s.sums {
			s.w.Header().Set(sumTrailer, fmt.Sprintf("%08x", sum))
		}
		err = s.flush()
	}
	return err
}
