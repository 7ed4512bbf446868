package door

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/schemas"
)

// ipcStream frames a stream as an IPC stream, chunked, never with a length: a
// client must be able to see that it was cut [decisions.md 16].
type ipcStream struct {
	w    http.ResponseWriter
	out  io.Writer // w, in pieces
	sums bool      // the client takes trailers
	sent bool
}

func (s *ipcStream) begun() bool { return s.sent }

func (s *ipcStream) Begin(ctx context.Context, r schemas.Release, p *plan.Plan) error {
	s.out = release.Pieces(ctx, s.w)
	h := s.w.Header()
	h.Set("Content-Type", "application/vnd.apache.arrow.stream")
	h.Set("Cache-Control", "no-store")
	h.Set("Guichet-Release", string(r.ID))
	h.Set("Guichet-Rows", number(p.Rows))
	h.Set("Guichet-Part", number(p.PartRows))
	if s.sums {
		h.Set("Trailer", sumTrailer)
	}
	h.Set("Guichet-Order", p.Order)
	if p.Adjusted != "" {
		h.Set("Guichet-Even", p.Adjusted)
	}
	s.w.WriteHeader(http.StatusOK)
	return s.write(p.Source.Schema())
}

func (s *ipcStream) write(b []byte) error {
	s.sent = true
	_, err := s.out.Write(b)
	if err != nil {
		return &release.ClientError{Err: err}
	}
	return nil
}

func (s *ipcStream) Message(m read.Message) error { return s.write(m.Bytes) }

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
	err := s.write(ipc.EndOfStream())
	if err == nil {
		if s.sums {
			s.w.Header().Set(sumTrailer, fmt.Sprintf("%08x", sum))
		}
		err = http.NewResponseController(s.w).Flush()
		if err != nil {
			err = &release.ClientError{Err: err}
		}
	}
	return err
}
