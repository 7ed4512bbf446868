package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"

	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/connectors/shard"
	"guichet/policy/view"
	"guichet/schemas"
)

// lab is an engine over one published table, without leases and record. Its store
// answers as S3 does.
type lab struct {
	config  Config
	engine  *Engine
	version schemas.Version
	objects map[string][]byte
	gone    atomic.Bool // the store has no object any more
	own     atomic.Bool // the operator answers for the store
}

// newLab publishes each list of records as a shard. A window of 0 rows is chosen as
// at publication.
func newLab(t testing.TB, window int64, shards ...arrow.Record) *lab {
	t.Helper()
	l := &lab{}
	l.publish(t, window, shards...)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := l.objects[strings.TrimPrefix(r.URL.Path, "/lab/")]
		if !ok || l.gone.Load() {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"`+strings.TrimPrefix(r.URL.Path, "/lab/")+`"`)
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(b))
	}))
	t.Cleanup(srv.Close)
	store, err := s3.New("s", srv.URL, "eu-test-1", s3.Credentials{AccessKey: "key", SecretKey: "secret"})
	must(t, err)
	own, err := s3.New("s", srv.URL, "eu-test-1", s3.Credentials{AccessKey: "key", SecretKey: "secret"}, s3.Own(true))
	must(t, err)
	l.config = Config{MasterKey: bytes.Repeat([]byte{7}, 32), TempDir: t.TempDir(), Store: func(context.Context, schemas.StoreID) (*s3.Store, error) {
		if l.own.Load() {
			return own, nil
		}
		return store, nil
	}, Log: slog.New(slog.DiscardHandler)}
	l.engine = New(l.config)
	return l
}

// publish replaces the table.
func (l *lab) publish(t testing.TB, window int64, shards ...arrow.Record) {
	t.Helper()
	l.objects = map[string][]byte{}
	table := schemas.Table{Name: "t", Splits: []schemas.Split{{Name: "all"}}}
	for i, rec := range shards {
		rep, file := conformed(t, shard.Spec{Name: "s.arrows", WindowRows: window, Schema: table.Schema}, rec)
		if i == 0 {
			table.Schema, table.Columns, window = rep.Schema, rep.Columns, rep.WindowRows
			table.WindowRows = window
		}
		key := fmt.Sprintf("%d.arrow", i)
		l.objects[key] = file
		table.Splits[0].Shards = append(table.Splits[0].Shards, schemas.Shard{Store: "s", Bucket: "lab", Key: key, ETag: key, Size: int64(len(file)), Rows: rep.Rows, Dictionaries: rep.Dictionaries, Batches: rep.Batches})
	}
	l.version = schemas.Version{Dataset: "ds-lab", Data: []schemas.Table{table}}
	l.version.Version = "v1"
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// conformed publishes one record.
func conformed(t testing.TB, spec shard.Spec, rec arrow.Record) (shard.Report, []byte) {
	t.Helper()
	var stream bytes.Buffer
	w := arrowipc.NewWriter(&stream, arrowipc.WithSchema(rec.Schema()))
	must(t, w.Write(rec))
	must(t, w.Close())
	dir := t.TempDir()
	in, err := os.Create(filepath.Join(dir, "in"))
	must(t, err)
	defer in.Close()
	out, err := os.Create(filepath.Join(dir, "out"))
	must(t, err)
	defer out.Close()
	_, err = in.Write(stream.Bytes())
	must(t, err)
	rep, err := shard.Conform(context.Background(), in, int64(stream.Len()), spec, out)
	must(t, err)
	if rep.Conforms {
		return rep, stream.Bytes()
	}
	file, err := os.ReadFile(out.Name())
	must(t, err)
	return rep, file
}

// source is the table under duties.
func (l *lab) source(t testing.TB, duties []schemas.Duty, columns ...string) *Source {
	t.Helper()
	table := &l.version.Data[0]
	a := &schemas.Agreement{Obligations: duties, Permit: "req-1"}
	vw, err := view.New(table, a, columns, l.engine.MasterKey)
	must(t, err)
	if vw.Filter == nil {
		return newSource(l.version, table, &table.Splits[0], vw)
	}
	widest, err := view.New(table, a, nil, l.engine.MasterKey)
	must(t, err)
	ix, err := l.engine.indexes.scan(context.Background(), &progress{}, table, &table.Splits[0], widest)
	must(t, err)
	return newFilteredSource(l.version, table, &table.Splits[0], vw, widest, ix)
}

// drain makes every message of a stream and gives its bytes and rows.
func (l *lab) drain(t testing.TB, s *Source, a Ask) (n, rows int64) {
	t.Helper()
	l.each(t, s, a, func(m Message) { n, rows = n+int64(len(m.Bytes)), rows+m.Rows })
	return n, rows
}

func (l *lab) each(t testing.TB, s *Source, a Ask, do func(Message)) {
	t.Helper()
	p, err := NewPlan(s, a)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	rd := newReader(s, l.engine.Store, false)
	for res := range pipeline(ctx, l.engine.budget, rd, planReads(s, s.slices(p.Segments), maxRead)) {
		must(t, res.err)
		for _, m := range res.messages {
			do(m)
		}
		rd.free(res.result)
		res.letGo()
	}
	if l.engine.budget.ahead != 0 {
		t.Errorf("%d bytes are held by nobody", l.engine.budget.ahead)
	}
}

// stream gives every byte of a stream.
func (l *lab) stream(t testing.TB, s *Source, a Ask) []byte {
	t.Helper()
	out := append([]byte(nil), s.Schema()...)
	l.each(t, s, a, func(m Message) { out = append(out, m.Bytes...) })
	return append(out, ipc.EndOfStream()...)
}

// rows gives a stream's rows as texts, read by arrow's own reader.
func rows(t testing.TB, stream []byte) (out []string) {
	t.Helper()
	rd, err := arrowipc.NewReader(bytes.NewReader(stream))
	must(t, err)
	for rd.Next() {
		out = append(out, texts(rd.Record())...)
	}
	must(t, rd.Err())
	return out
}

func texts(rec arrow.Record) []string {
	out := make([]string, rec.NumRows())
	for i := range out {
		var b strings.Builder
		for _, c := range rec.Columns() {
			b.WriteString(c.ValueStr(i) + "|")
		}
		out[i] = b.String()
	}
	return out
}

// file gives every byte of a shard as a file.
func (l *lab) file(t testing.TB, s *Source, n int) []byte {
	t.Helper()
	f, err := l.engine.Files.Open(context.Background(), s, n, "who")
	must(t, err)
	defer f.Close()
	body, err := f.open(context.Background(), l.engine.Store, Range{N: f.Size}, nil)
	must(t, err)
	defer body.Close()
	b, err := io.ReadAll(body)
	must(t, err)
	return b
}
