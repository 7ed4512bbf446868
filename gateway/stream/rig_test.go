package stream

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/s3"
	"guichet/connectors/shard"
	"guichet/policy"
	"guichet/policy/agreement/release"
	"guichet/schemas"
)

// rig is an engine over objects in memory, with a record and a feed that the test
// holds.
type rig struct {
	*Engine
	record *record
	feed   *watchers
	gets   atomic.Int64      // reads that the store was asked for
	onGet  func(asked int64) // called at each, if not nil
	source *Source
	grant  policy.Grant
}

// newRig publishes shards of one batch each, of rows of 1 KiB.
func newRig(t *testing.T, c Config, shards, rows int) *rig {
	t.Helper()
	v, objects := published(t, shards, rows)
	r := &rig{record: &record{}, feed: &watchers{cuts: map[string][]func(string){}}}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		object, ok := objects[filepath.Base(q.URL.Path)]
		if !ok {
			http.NotFound(w, q)
			return
		}
		n := r.gets.Add(1)
		if r.onGet != nil {
			r.onGet(n)
		}
		w.Header().Set("ETag", `"tag"`)
		http.ServeContent(w, q, "", time.Unix(1_700_000_000, 0), bytes.NewReader(object))
	}))
	t.Cleanup(web.Close)
	store, err := s3.New("s", web.URL, "eu", s3.Credentials{AccessKey: "a", SecretKey: "s"})
	must(t, err)
	c.Manifest = func(context.Context, schemas.DatasetID, schemas.VersionID) (schemas.Version, error) { return v, nil }
	c.MayName = func(context.Context, schemas.ParticipantID, schemas.StoreID, string, string) error { return nil }
	c.Store = func(context.Context, schemas.StoreID) (*s3.Store, error) { return store, nil }
	if c.Releases == nil {
		c.Releases = r.record
	}
	c.Feed, c.Log, c.TempDir = r.feed, slog.New(slog.DiscardHandler), t.TempDir()
	r.Engine = New(c)
	a := schemas.Agreement{ID: "agr-a", Dataset: "ds-a", Participant: "p", Versions: []schemas.VersionID{"v1"}, State: schemas.AgreementActive, Until: time.Now().Add(time.Hour)}
	l := schemas.Lease{ID: "lease-a", Participant: "p", Items: []schemas.LeaseItem{{Agreement: a.ID, Version: "v1"}}, Until: time.Now().Add(time.Minute)}
	r.grant, err = policy.Authorize(t.Context(), func(context.Context, string, schemas.AgreementID) (policy.Entitlement, error) {
		return policy.Entitlement{Lease: l, Agreement: a}, nil
	}, "", policy.StreamRequest{Door: "http", Agreement: a.ID, Address: netip.MustParseAddr("192.0.2.1")}, time.Now())
	must(t, err)
	r.source, err = r.Source(t.Context(), r.grant)
	must(t, err)
	return r
}

// published makes a version and its objects, by key.
func published(t *testing.T, shards, rows int) (schemas.Version, map[string][]byte) {
	t.Helper()
	split := schemas.Split{Name: "all"}
	table := schemas.Table{Name: "t"}
	objects := map[string][]byte{}
	for i := range shards {
		in, out := temporary(t), temporary(t)
		write(t, in, i*rows, rows)
		st, err := in.Stat()
		must(t, err)
		rep, err := shard.Conform(t.Context(), in, st.Size(), shard.Spec{Format: shard.FormatArrowFile, Name: "x.arrow", Schema: table.Schema}, out)
		must(t, err)
		if !rep.Conforms {
			in = out
		}
		b, err := os.ReadFile(in.Name())
		must(t, err)
		key := fmt.Sprintf("%d.arrow", i)
		objects[key] = b
		table.Schema, table.Columns, table.WindowRows = rep.Schema, rep.Columns, rep.WindowRows
		split.Shards = append(split.Shards, schemas.Shard{Store: "s", Bucket: "bucket", Key: key, ETag: "tag", Rows: rep.Rows, Batches: rep.Batches, Dictionaries: rep.Dictionaries})
	}
	table.Splits = []schemas.Split{split}
	return schemas.Version{Dataset: "ds-a", VersionSummary: schemas.VersionSummary{Version: "v1"}, Data: []schemas.Table{table}}, objects
}

func temporary(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "*.arrow")
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t *testing.T, f *os.File, first, rows int) {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "pad", Type: arrow.BinaryTypes.String}}, nil))
	for i := first; i < first+rows; i++ {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(strings.Repeat("x", 1<<10))
	}
	rec := b.NewRecord()
	w, err := arrowipc.NewFileWriter(f, arrowipc.WithSchema(rec.Schema()))
	must(t, err)
	must(t, w.Write(rec))
	must(t, w.Close())
}

// record keeps releases as they begin and end.
type record struct {
	mu     sync.Mutex
	begun  []schemas.Release
	ended  []schemas.Release
	refuse error
}

func (r *record) Begin(_ context.Context, _ policy.Grant, rel schemas.Release, _ release.ReadPlan) (schemas.Release, *release.Reservation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rel.ID = schemas.NewReleaseID()
	if r.refuse != nil {
		return rel, nil, r.refuse
	}
	r.begun = append(r.begun, rel)
	return rel, nil, nil
}

func (r *record) More(context.Context, schemas.Release, *release.Reservation, int64, int64) error {
	return nil
}

func (r *record) End(_ context.Context, rel schemas.Release, _ *release.Reservation) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, rel)
	return nil
}

func (r *record) all() (begun, ended []schemas.Release) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun, r.ended
}

// watchers is a feed that cuts when the test says so.
type watchers struct {
	mu   sync.Mutex
	cuts map[string][]func(string)
}

func (w *watchers) Watch(a schemas.AgreementID, _ string, l schemas.Lease, cut func(string)) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range []string{string(a), string(l.Participant)} {
		w.cuts[id] = append(w.cuts[id], cut)
	}
	return func() {}
}

func (*watchers) Stale() time.Duration { return 0 }

func (w *watchers) cut(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.cuts[id] {
		c("the agreement was revoked")
	}
}
