package read_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"go.uber.org/goleak"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/memory"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/gateway/stream/rowindex"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab reads one published table.
type lab struct {
	*streamtest.Table
	budget *memory.Budget
}

func newLab(t testing.TB, window int64, shards ...arrow.Record) *lab {
	t.Helper()
	return &lab{streamtest.New(t, window, shards...), memory.NewBudget(0)}
}

// source is the table under duties.
func (l *lab) source(t testing.TB, duties []schemas.Duty, columns ...string) *plan.Source {
	t.Helper()
	v := l.View(t, duties, columns...)
	if v.Filter == nil {
		return plan.NewSource(l.Version, l.Table.Table(), l.Split(), v)
	}
	noWork := func(context.Context) (schemas.StoreID, string, error) {
		return "", "", schemas.Errorf(schemas.Unavailable, "store", "there is no work bucket in this test")
	}
	life, widest := release.NewLifecycle(), l.View(t, duties)
	c := rowindex.NewCache(l.Open, noWork, life, nil, slog.New(slog.DiscardHandler))
	defer life.Shutdown(context.Background())
	var ix *plan.RowIndex
	streamtest.Eventually(t, func() bool {
		var err error
		ix, err = c.Get(context.Background(), rowindex.Asker{Who: "who"}, &l.Version, l.Table.Table(), l.Split(), widest)
		if err != nil && schemas.KindOf(err) != schemas.Busy {
			t.Fatal(err)
		}
		return err == nil
	})
	return plan.NewFilteredSource(l.Version, l.Table.Table(), l.Split(), v, widest, ix)
}

// ranges are the reads of a whole epoch in the stored order.
func ranges(t testing.TB, s *plan.Source, most int64) []read.Range {
	t.Helper()
	p, err := plan.NewPlan(s, plan.Ask{World: 1})
	streamtest.Must(t, err)
	return read.PlanReads(s, s.Slices(p.Segments), most)
}

// stream gives every byte of a stream by a pipeline.
func (l *lab) stream(t testing.TB, s *plan.Source, reads []read.Range, compact bool) []byte {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := append([]byte(nil), s.Schema()...)
	rd := read.NewReader(s, l.Open, compact)
	for res := range read.Pipeline(ctx, l.budget, rd, reads, 0) {
		streamtest.Must(t, res.Err)
		for m, err := range res.Each(false) {
			streamtest.Must(t, err)
			out = append(out, m.Bytes...)
		}
		rd.Recycle(res.Result)
		res.Release()
	}
	if own, ahead := l.budget.Held(); own != 0 || ahead != 0 {
		t.Errorf("%d and %d bytes are held by nobody", own, ahead)
	}
	return append(out, ipc.EndOfStream()...)
}
