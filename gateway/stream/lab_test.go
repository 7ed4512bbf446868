package stream

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"go.uber.org/goleak"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/rowindex"
	"guichet/gateway/stream/streamtest"
	"guichet/policy"
	"guichet/policy/view"
	"guichet/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is an engine over one published table, without leases.
type lab struct {
	*streamtest.Table
	config Config
	engine *Engine
	record *streamtest.Record
	feed   *streamtest.Feed
	grant  policy.Grant
}

// newLab publishes each record as a shard. A window of 0 rows is chosen as at publication.
func newLab(t testing.TB, window int64, shards ...arrow.Record) *lab {
	t.Helper()
	return newLabOf(t, Config{}, window, shards...)
}

func newLabOf(t testing.TB, c Config, window int64, shards ...arrow.Record) *lab {
	t.Helper()
	l := &lab{Table: streamtest.New(t, window, shards...), record: &streamtest.Record{}, feed: &streamtest.Feed{}}
	c.Manifest = func(context.Context, schemas.DatasetID, schemas.VersionID) (schemas.Version, error) {
		return l.Version, nil
	}
	c.MayName = func(context.Context, schemas.ParticipantID, schemas.StoreID, string, string) error { return nil }
	c.Work = func(context.Context) (schemas.StoreID, string, error) {
		return "", "", schemas.Errorf(schemas.Unavailable, "store", "there is no work bucket in this test")
	}
	c.Store, c.MasterKey, c.TempDir, c.Log = l.Open, streamtest.MasterKey(), t.TempDir(), slog.New(slog.DiscardHandler)
	if c.Releases == nil {
		c.Releases = l.record
	}
	c.Feed = l.feed
	l.config, l.engine, l.grant = c, New(c), streamtest.Grant(t)
	t.Cleanup(func() { l.engine.Shutdown(context.Background()) })
	return l
}

// rig is a lab over shards of one batch each, of rows of 1 KiB, with what its grant covers.
type rig struct {
	*lab
	*Engine
	source *plan.Source
}

func newRig(t testing.TB, c Config, shards, rows int) *rig {
	t.Helper()
	var records []arrow.Record
	for i := range shards {
		records = append(records, streamtest.Padded(i*rows, rows))
	}
	l := newLabOf(t, c, 0, records...)
	src, err := l.engine.Source(t.Context(), l.grant)
	streamtest.Must(t, err)
	return &rig{l, l.engine, src}
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
	streamtest.Eventually(t, func() bool {
		var err error
		ix, err = l.engine.indexes.Get(context.Background(), rowindex.Asker{Who: "who"}, &l.Version, l.Table.Table(), l.Split(), v)
		if err != nil && schemas.KindOf(err) != schemas.Busy {
			t.Fatal(err)
		}
		return err == nil
	})
	return ix
}

// drain makes every message of a stream and gives its bytes and rows.
func (l *lab) drain(t testing.TB, s *plan.Source, a plan.Ask) (n, rows int64) {
	t.Helper()
	l.each(t, s, a, func(m read.Message) { n, rows = n+int64(len(m.Bytes)), rows+m.Rows })
	return n, rows
}

func (l *lab) each(t testing.TB, s *plan.Source, a plan.Ask, do func(read.Message)) {
	t.Helper()
	p, err := plan.NewPlan(s, a)
	streamtest.Must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s = p.Source
	rd := read.NewReader(s, l.Open, false)
	for res := range read.Pipeline(ctx, l.engine.budget, rd, read.PlanReads(s, s.Slices(p.Segments), read.MaxRange), 0) {
		streamtest.Must(t, res.Err)
		for m, err := range res.Each(false) {
			streamtest.Must(t, err)
			do(m)
		}
		rd.Recycle(res.Result)
		res.Release()
	}
	l.heldByNobody(t)
}

// heldByNobody says when what streams held has not come back.
func (l *lab) heldByNobody(t testing.TB) {
	t.Helper()
	if own, ahead := l.engine.budget.Held(); own != 0 || ahead != 0 {
		t.Errorf("%d and %d bytes are held by nobody", own, ahead)
	}
}

// stream gives every byte of a stream.
func (l *lab) stream(t testing.TB, s *plan.Source, a plan.Ask) []byte {
	t.Helper()
	out := append([]byte(nil), s.Schema()...)
	l.each(t, s, a, func(m read.Message) { out = append(out, m.Bytes...) })
	return append(out, ipc.EndOfStream()...)
}

// taker is a client of a range.
type taker struct {
	bytes.Buffer
	before func() error // each write, if not nil
}

func (*taker) Begin(context.Context, schemas.Release, *file.File) error { return nil }

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

// file gives every byte of a shard as a file.
func (l *lab) file(t testing.TB, s *plan.Source, n int) []byte {
	t.Helper()
	f, err := l.engine.Files.Open(context.Background(), s, n, "who")
	streamtest.Must(t, err)
	defer f.Close()
	out := &taker{}
	streamtest.Must(t, l.engine.Files.Send(context.Background(), l.grant, f, file.Range{N: f.Size}, out, nil))
	return out.Bytes()
}
