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

// Passer is a sink that takes messages with a Rest, of which it holds so many bytes at once;
// 0: it takes none. Sums says whether it needs the sum at End: a Rest of which parts are
// hidden has none.
type Passer interface {
	RestBytes() int64
	Sums() bool
}

// Sink is a door's end of a stream. Begin comes once, when the release is durable
// and before anything is sent; then Message for each message; End after the last,
// only when all went well, with the CRC-32C of the whole as an IPC stream, from the
// schema message to the end marker, which says nothing to a Passer that needs none.
// What it returns ends the stream.
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
	r := schemas.Release{Ask: p.Ask.String(), Columns: plan.NameColumns(src.Columns())}
	r.MostRows, r.MostBytes = p.Most()
	most := int64(read.MaxRange)
	if e.budget.Tight() { // a batch at a time: more streams find room
		most = 0
	}
	reads := read.PlanReads(src, src.Slices(p.Segments), most)
	rest, err := e.restBytes(ctx, src, sink)
	if err != nil {
		return r, err
	}
	if rest > 0 {
		reads = read.LeaveOut(src, reads)
	}
	n, who := read.HeldBytes(reads, rest), g.Lease().Participant
	err = e.budget.Admit(ctx, who, n)
	if err != nil {
		return r, err
	}
	defer e.budget.Leave(who, n)
	g = g.At(src.Table.Name, src.Split.Name) // table and split may have been left out
	of := release.ReadPlan{Epoch: p.Ask.Epoch, View: src.ViewDigest(), Segments: p.Segments}
	return e.keeper.Hold(ctx, g, r, of, cut, func(ctx context.Context, o *release.Open) error {
		s := &sending{engine: e, plan: p, release: o, sink: sink, rest: rest, sums: true}
		if passer, ok := sink.(Passer); ok {
			s.sums = passer.Sums()
		}
		s.framingBytes, s.sum = int64(len(src.Schema()))+8, ipc.Sum(src.Schema())
		s.pace = release.NewPace(e.Idle, func() { o.Cut(release.SilentClient(e.Idle, p.GoOn(s.sent.Load()))) })
		return s.all(ctx, reads)
	})
}

// restBytes is how much a sink holds of what it passes on as it lies in the store; 0 where
// something of it is looked at: the view changes values, the operator does not answer for
// the store and sums are compared, or the client compares a sum of what the view shows.
func (e *Engine) restBytes(ctx context.Context, src *plan.Source, sink Sink) (int64, error) {
	p, ok := sink.(Passer)
	if !ok || !src.View.Passes() || src.Regrouped() || p.Sums() && !src.View.Raw() {
		return 0, nil
	}
	seen := map[schemas.StoreID]bool{}
	for i := range src.NumShards() {
		id := src.StoredShard(i).Store
		if seen[id] {
			continue
		}
		seen[id] = true
		store, err := e.Store(ctx, id)
		if err != nil {
			return 0, read.RedactLocation(src.Name(), err)
		}
		if !store.Own() {
			return 0, nil
		}
	}
	return p.RestBytes(), nil
}

// sending is one stream on its way to a door.
type sending struct {
	engine       *Engine
	plan         *plan.Plan
	release      *release.Open
	sink         Sink
	rest         int64 // what the sink holds of a Rest; 0: it gets none
	framingBytes int64 // schema and end marker, which doors send by themselves; they count with the first message
	begun        bool
	sums         bool         // the sink needs sum
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
	rd.Recent = s.engine.recent
	work, stop := context.WithCancel(ctx)
	defer stop()
	for res := range read.Pipeline(work, s.engine.budget, rd, reads, s.rest) {
		err := s.result(ctx, &res.Result)
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

// result sends what a read became: messages with what goes before them. Dictionaries leave
// when the batch after them may, and are charged with it.
func (s *sending) result(ctx context.Context, res *read.Result) error {
	var group []read.Message
	for m, err := range res.Each(s.rest > 0) {
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause // the read was cut, not at fault
			}
			return err
		}
		group = append(group, m)
		if m.Rows == 0 {
			continue
		}
		err = s.messages(ctx, group)
		if err != nil {
			return err
		}
		group = group[:0]
	}
	return nil
}

// messages sends a batch with its dictionaries.
func (s *sending) messages(ctx context.Context, group []read.Message) error {
	rows, size := group[len(group)-1].Rows, s.framingBytes
	for i := range group {
		size += group[i].Len()
	}
	err := s.engine.keeper.WaitConfirmed(ctx)
	if err == nil {
		err = s.release.Charge(ctx, rows, size)
		if r, ok := errors.AsType[*release.Cut](err); ok && s.release.Rows == 0 {
			r.Reason = s.plan.BeyondBudget(&s.release.Release, rows, size, r.Reason)
		}
	}
	if err == nil {
		err = s.begin(ctx)
	}
	for i := 0; i < len(group) && err == nil; i++ {
		if s.sums {
			s.sum = group[i].JoinSum(s.sum)
		}
		err = s.pace.During(func() error { return s.sink.Message(group[i]) })
	}
	if err != nil {
		return err
	}
	s.sent.Add(rows)
	s.framingBytes = 0
	s.release.Batches++
	return nil
}
