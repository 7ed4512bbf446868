package file

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"go.uber.org/goleak"

	"guichet/gateway/stream/memory"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/release"
	"guichet/gateway/stream/rowindex"
	"guichet/gateway/stream/streamtest"
	"guichet/policy"
	"guichet/policy/view"
	"guichet/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab serves the shards of one published table as files.
type lab struct {
	*streamtest.Table
	*Files
	record *streamtest.Record
	feed   *streamtest.Feed
	life   *release.Lifecycle
	budget *memory.Budget
	grant  policy.Grant
}

func newLab(t testing.TB, window int64, shards ...arrow.Record) *lab {
	t.Helper()
	l := &lab{
		Table:  streamtest.New(t, window, shards...),
		record: &streamtest.Record{},
		feed:   &streamtest.Feed{},
		life:   release.NewLifecycle(),
		budget: memory.NewBudget(0),
	}
	keeper := release.NewKeeper(l.record, l.feed, l.life, slog.New(slog.DiscardHandler), time.Now)
	l.Files = New(Config{
		Open: l.Table.Open, Budget: l.budget, Keeper: keeper, Life: l.life, Idle: release.DefaultIdle, Now: time.Now, TempDir: t.TempDir(),
	})
	l.grant = streamtest.Grant(t)
	t.Cleanup(l.stop)
	return l
}

// stop ends the open releases.
func (l *lab) stop() {
	l.life.Shutdown(context.Background())
	l.Files.Close()
}

// source is the table under duties.
func (l *lab) source(t testing.TB, duties []schemas.Duty, columns ...string) *plan.Source {
	t.Helper()
	v := l.View(t, duties, columns...)
	if v.Filter == nil {
		return plan.NewSource(l.Version, l.Table.Table(), l.Split(), v)
	}
	widest := l.View(t, duties)
	return plan.NewFilteredSource(l.Version, l.Table.Table(), l.Split(), v, widest, l.rowIndex(t, widest))
}

// rowIndex makes the index of a view that filters rows.
func (l *lab) rowIndex(t testing.TB, v *view.View) (ix *plan.RowIndex) {
	t.Helper()
	noWork := func(context.Context) (schemas.StoreID, string, error) {
		return "", "", schemas.Errorf(schemas.Unavailable, "store", "there is no work bucket in this test")
	}
	c := rowindex.NewCache(l.Table.Open, noWork, l.life, nil, slog.New(slog.DiscardHandler))
	streamtest.Eventually(t, func() bool {
		var err error
		ix, err = c.Get(context.Background(), rowindex.Asker{Who: "who"}, &l.Version, l.Table.Table(), l.Split(), v)
		if err != nil && schemas.KindOf(err) != schemas.Busy {
			t.Fatal(err)
		}
		return err == nil
	})
	return ix
}

// open opens shard 0 of the whole table.
func (l *lab) open(t *testing.T) *File {
	t.Helper()
	f, err := l.Files.Open(t.Context(), l.source(t, nil), 0, "who")
	streamtest.Must(t, err)
	t.Cleanup(f.Close)
	return f
}

// bytes gives every byte of a shard as a file.
func (l *lab) bytes(t testing.TB, s *plan.Source, n int) []byte {
	t.Helper()
	f, err := l.Files.Open(context.Background(), s, n, "who")
	streamtest.Must(t, err)
	defer f.Close()
	store, err := l.Files.from(context.Background(), f)
	streamtest.Must(t, err)
	body, err := f.open(context.Background(), store, Range{N: f.Size}, nil)
	streamtest.Must(t, err)
	defer body.Close()
	b, err := io.ReadAll(body)
	streamtest.Must(t, err)
	return b
}

// taker is a client of a range.
type taker struct {
	bytes.Buffer
	release schemas.Release
	before  func() error // each write, if not nil
}

func (s *taker) Begin(_ context.Context, r schemas.Release, _ *File) error {
	s.release = r
	return nil
}

func (s *taker) Write(p []byte) error {
	if s.before != nil {
		err := s.before()
		if err != nil {
			return err
		}
	}
	_, err := s.Buffer.Write(p)
	return err
}
