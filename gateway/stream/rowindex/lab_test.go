package rowindex

import (
	"context"
	"log/slog"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"go.uber.org/goleak"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/release"
	"guichet/gateway/stream/streamtest"
	"guichet/policy/view"
	"guichet/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab makes the indexes of one published table.
type lab struct {
	*streamtest.Table
	*Cache
	revocations *streamtest.Feed
}

func newLab(t testing.TB, window int64, shards ...arrow.Record) *lab {
	t.Helper()
	l := &lab{Table: streamtest.New(t, window, shards...), revocations: &streamtest.Feed{}}
	work := func(context.Context) (schemas.StoreID, string, error) { return "s", "work", nil }
	l.Cache = NewCache(l.Open, work, release.NewLifecycle(), l.revocations, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { l.life.Shutdown(context.Background()) })
	return l
}

// get waits for the index of a view.
func (l *lab) get(t testing.TB, v *view.View) (ix *plan.RowIndex) {
	t.Helper()
	streamtest.Eventually(t, func() bool {
		var err error
		ix, err = l.Get(context.Background(), Asker{Who: "who"}, &l.Version, l.Table.Table(), l.Split(), v)
		if err != nil && schemas.KindOf(err) != schemas.Busy {
			t.Fatal(err)
		}
		return err == nil
	})
	return ix
}
