package flight

import (
	"context"
	"fmt"
	"time"

	pb "github.com/apache/arrow/go/v17/arrow/flight/gen/flight"
	"google.golang.org/grpc/metadata"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/policy"
	"guichet/schemas"
)

// lastWord is how long a cut stream may take to tell its client why; then it is
// reset. What a client reads within it left before the second that a revocation has
// [decisions.md 17].
const lastWord = 300 * time.Millisecond

// sink sends messages as FlightData.
type sink struct {
	st    pb.FlightService_DoGetServer
	call  *call
	begun bool
	sum   uint32 // of the whole as an IPC stream
}

// run streams one plan.
func (d *Door) run(ctx context.Context, c *call, g policy.Grant, p *plan.Plan, st pb.FlightService_DoGetServer) error {
	s := &sink{st: st, call: c}
	r, err := d.Stream.Run(ctx, g, p, s, func() { c.cut(lastWord) })
	if err == nil {
		st.SetTrailer(
			metadata.Pairs("guichet-release", string(r.ID), "guichet-rows", fmt.Sprint(r.Rows), "guichet-crc32c", fmt.Sprintf("%08x", s.sum)))
		return nil
	}
	if !s.begun {
		return d.refuse(ctx, c, err)
	}
	return d.broken(ctx, c, r, err)
}

// Begin sends the schema, with what the stream is beside it.
func (s *sink) Begin(ctx context.Context, r schemas.Release, p *plan.Plan) error {
	s.begun = true
	s.call.begin(ctx)
	app, err := aboutPlan(p, r.ID)
	if err != nil {
		return err
	}
	err = s.st.SetHeader(
		metadata.Pairs("guichet-release", string(r.ID), "guichet-rows", fmt.Sprint(p.Rows), "guichet-part", fmt.Sprint(p.PartRows)))
	if err != nil {
		return fmt.Errorf("set the stream's header: %w", err)
	}
	return s.send(&frame{header: ipc.Header(p.Source.Schema()), app: app})
}

// Message sends one message; its bytes are free again when it returns.
func (s *sink) Message(m read.Message) error {
	return s.send(&frame{header: ipc.Header(m.Bytes[:m.Meta]), body: m.Bytes[m.Meta:]})
}

func (s *sink) send(f *frame) error {
	if f.size() > MaxMessage { // Plan was checked before; this is the last gate
		return tooLarge(int64(f.size()))
	}
	err := s.st.SendMsg(f)
	f.wait()
	if err != nil {
		return &release.ClientError{Err: err}
	}
	s.call.sent(f.size())
	return nil
}

// End has nothing to send but the sum, in the trailer: a good status is the end.
func (s *sink) End(sum uint32) error {
	s.sum = sum
	return nil
}

// fits refuses a stream that holds a message which clients at gRPC's defaults
// cannot take: one row beyond the limit [decisions.md 10].
func fits(p *plan.Plan) error {
	if n := p.LargestMessage(); n > MaxMessage-overhead {
		return tooLarge(n)
	}
	return nil
}

func tooLarge(n int64) error {
	e := schemas.Errorf(schemas.TooLarge, "stream",
		"it holds a single row whose message has %d bytes; over Flight a message has at most %d (gRPC's default limit)", n,
		MaxMessage)
	e.Remedy = "read this part over HTTP: GET /api/v1/agreements/{id}/stream with the same keys has no such limit"
	return e
}
