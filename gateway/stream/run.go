package stream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/policy"
	"guichet/schemas"
)

// Sink is a door's end of a stream. Begin comes once, when the release is durable
// and before anything is sent; then Message for each message; End after the last,
// only when all went well, with the CRC-32C of the whole as an IPC stream, from the
// schema message to the end marker. What it returns ends the stream.
type Sink interface {
	Begin(ctx context.Context, r schemas.Release, p *plan.Plan) error
	Message(m read.Message) error
	End(sum uint32) error
}

// Run sends one stream to a sink. An error before Begin is the refusal to show;
// one after Begin means that the stream is cut and the door must make it look
// broken. cut, if not nil, is called once, from any goroutine, when the stream must
// stop at once, so that the door can unblock a write.
func (e *Engine) Run(ctx context.Context, g policy.Grant, p *plan.Plan, sink Sink, cut func()) (schemas.Release, error) {
	src := p.Source
	r := schemas.Release{Ask: p.Ask.String(), Columns: schemas.NameColumns(src.Columns())}
	r.MostRows, r.MostBytes = p.Most()
	most := int64(read.MaxRange)
	if e.budget.Tight() { // a batch at a time: more streams find room
		most = 0
	}
	reads := read.PlanReads(src, src.Slices(p.Segments), most)
	n, who := read.HeldBytes(reads), g.Lease().Participant
	err := e.budget.Admit(who, n)
	if err != nil {
		return r, err
	}
	defer e.budget.Leave(who, n)
	g = g.At(src.Table.Name, src.Split.Name) // table and split may have been left out
	of := release.ReadPlan{Epoch: p.Ask.Epoch, View: src.ViewDigest(), Segments: p.Segments}
	return e.keeper.Hold(ctx, g, r, of, cut, func(ctx context.Context, o *release.Open) error {
		s := &sending{engine: e, plan: p, release: o, sink: sink, framingBytes: int64(len(src.Schema())) + 8, sum: ipc.Sum(src.Schema())}
		s.pace = release.NewPace(e.Idle, func() { o.Cut(release.SilentClient(e.Idle, fmt.Sprintf("from=%d", p.Ask.From+s.sent.Load()))) })
		return s.all(ctx, reads)
	})
}

// sending is one stream on its way to a door.
type sending struct {
	engine       *Engine
	plan         *plan.Plan
	release      *release.Open
	sink         Sink
	framingBytes int64 // schema and end marker, which doors send by themselves; they count with the first message
	begun        bool
	sum          uint32       // of what was sent, schema included
	sent         atomic.Int64 // rows of the messages that the door has taken
	pace         *release.Pace
}

// begin comes late, so that what the store refuses at once is refused in words.
func (s *sending) begin(ctx context.Context) error {
	if s.begun {
		return nil
	}
	s.begun = true
	return s.pace.During(func() error { return s.sink.Begin(s.pace.With(ctx), s.release.Release, s.plan) })
}

func (s *sending) all(ctx context.Context, reads []read.Range) error {
	rd := read.NewReader(s.plan.Source, s.engine.Store, s.plan.Source.View.Compact)
	work, stop := context.WithCancel(ctx)
	defer stop()
	for res := range read.Pipeline(work, s.engine.budget, rd, reads) {
		err := res.Err
		if err == nil {
			err = s.messages(ctx, res.Messages)
		} else if cause := context.Cause(ctx); cause != nil {
			err = cause // the read was cut, not at fault
		}
		if err == nil { // after an error a connection may still hold them
			rd.Recycle(res.Result)
		}
		res.Release()
		if err != nil {
			return err
		}
	}
	err := context.Cause(ctx)
	if err != nil {
		return err
	}
	if sent := s.release.Rows; sent < s.plan.Rows {
		return &release.Cut{State: schemas.ReleaseBroken, Kind: schemas.Gone, Reason: fmt.Sprintf("%d of %d rows were read", sent, s.plan.Rows)}
	}
	s.release.Bytes += s.framingBytes
	err = s.begin(ctx)
	if err != nil {
		return err
	}
	return s.pace.During(func() error { return s.sink.End(ipc.AddSum(s.sum, ipc.EndOfStream())) })
}

// messages sends messages with what goes before them: dictionaries leave when the batch
// after them may, and are charged with it.
func (s *sending) messages(ctx context.Context, all []read.Message) error {
	for len(all) > 0 {
		n, size := 0, s.framingBytes
		for n < len(all) && (n == 0 || all[n-1].Rows == 0) {
			size += int64(len(all[n].Bytes))
			n++
		}
		err := s.engine.keeper.WaitConfirmed(ctx)
		if err == nil {
			err = s.release.Charge(ctx, all[n-1].Rows, size)
			if r, ok := errors.AsType[*release.Cut](err); ok && s.release.Rows == 0 {
				r.Reason = s.plan.BeyondBudget(&s.release.Release, all[n-1].Rows, size, r.Reason)
			}
		}
		if err == nil {
			err = s.begin(ctx)
		}
		for i := 0; i < n && err == nil; i++ {
			s.sum = all[i].JoinSum(s.sum)
			err = s.pace.During(func() error { return s.sink.Message(all[i]) })
		}
		if err != nil {
			return err
		}
		s.sent.Add(all[n-1].Rows)
		s.framingBytes, all = 0, all[n:]
		s.release.Batches++
	}
	return nil
}
