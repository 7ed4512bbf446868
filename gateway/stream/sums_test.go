package stream

import (
	"context"
	"testing"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// TestSums: other bytes under the ETag that was published end what reads them, wherever
// they lie; of an own store they pass, and the sum that ends the stream is the
// published one, not theirs.
func TestSums(t *testing.T) {
	filter := []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "kw0", Op: "gteq", Values: []string{"0.5"}}}}
	hidden := []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"meter"}}}
	clean := newLab(t, 0, streamtest.Curves(100_000))
	first := clean.Version.Data[0].Splits[0].Shards[0]
	for name, at := range map[string]schemas.Block{"batch": first.Batches[0], "last batch": first.Batches[len(first.Batches)-1],
		"dictionary": first.Dictionaries[0]} {
		for what, duties := range map[string][]schemas.Duty{"raw": nil, "hidden": hidden, "filtered": filter} {
			t.Run(name+", "+what, func(t *testing.T) {
				l := newLab(t, 0, streamtest.Curves(100_000))
				s := l.source(t, duties)
				sum := l.sum(t, s)
				l.Objects["0.arrow"][at.Offset+at.Len()-70] ^= 1 // a value, not padding
				_, err := l.sent(s)
				if schemas.KindOf(err) != schemas.Gone {
					t.Errorf("stream: %v", err)
				}
				f, err := l.engine.Files.Open(t.Context(), s, 0, "who")
				if what != "raw" {
					if schemas.KindOf(err) != schemas.Gone {
						t.Errorf("file: %v", err)
					}
					return
				}
				streamtest.Must(t, err)
				for _, rg := range []file.Range{{From: 0, N: f.Size}, {From: at.Offset + 16, N: 8},
					{From: at.Offset - 100, N: 200}} { // whole; inside; over the edge
					n, err := l.ranged(t, f, rg)
					if schemas.KindOf(err) != schemas.Gone || n >= rg.N {
						t.Errorf("%v: %d bytes, %v", rg, n, err)
					}
				}
				l.Own.Store(true)
				got, err := l.sent(s)
				if err != nil || got != sum || l.actual(t, s) == sum {
					t.Errorf("an own store: sum %08x, published %08x: %v", got, sum, err)
				}
			})
		}
	}
	for name, rg := range map[string]file.Range{"inside": {From: first.Batches[0].Offset + 16, N: 8},
		"edge": {From: first.Batches[1].Offset - 4, N: 8}} {
		s := clean.source(t, nil)
		f, err := clean.engine.Files.Open(t.Context(), s, 0, "who")
		streamtest.Must(t, err)
		n, err := clean.ranged(t, f, rg)
		if err != nil || n != rg.N {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
}

// sent gives the sum that a stream says.
func (l *lab) sent(s *plan.Source) (sum uint32, err error) {
	p, err := plan.NewPlan(s, plan.Ask{World: 1})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	rd := read.NewReader(s, l.Open, false)
	for res := range read.Pipeline(ctx, l.engine.budget, rd, read.PlanReads(s, s.Slices(p.Segments), read.MaxRange), 0) {
		for m, err := range res.Each(false) {
			if err != nil {
				res.Release()
				return 0, err
			}
			sum = m.JoinSum(sum)
		}
		res.Release()
	}
	return sum, nil
}

func (l *lab) sum(t *testing.T, s *plan.Source) uint32 {
	t.Helper()
	sum, err := l.sent(s)
	streamtest.Must(t, err)
	if s.View.Raw() && sum != l.actual(t, s) {
		t.Error("the sum is not that of the bytes")
	}
	return sum
}

// actual is the sum of the bytes that come.
func (l *lab) actual(t *testing.T, s *plan.Source) (sum uint32) {
	t.Helper()
	l.each(t, s, plan.Ask{World: 1}, func(m read.Message) { sum = ipc.AddSum(sum, m.Bytes) })
	return sum
}

// ranged reads a range of a file and counts what came.
func (l *lab) ranged(t *testing.T, f *file.File, rg file.Range) (int64, error) {
	t.Helper()
	out := &taker{}
	err := l.engine.Files.Send(t.Context(), l.grant, f, rg, out, nil)
	return int64(out.Len()), err
}
