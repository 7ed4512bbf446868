package streamtest

import (
	"bytes"
	"context"
	"fmt"
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

	"guichet/connectors/s3"
	"guichet/connectors/shard"
	"guichet/policy/view"
	"guichet/schemas"
)

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Eventually waits until something holds, at most 20 s.
func Eventually(t testing.TB, holds func() bool) {
	t.Helper()
	last := time.NewTimer(20 * time.Second)
	defer last.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-last.C:
			t.Fatal("it does not come to that")
		case <-tick.C:
		}
	}
}

// Table is one published table, t, with the split all, whose store answers as S3 does.
type Table struct {
	Version schemas.Version
	Objects map[string][]byte              // by key: 0.arrow, 1.arrow, …
	Gone    atomic.Bool                    // the store has no object any more
	Own     atomic.Bool                    // the operator answers for the store
	Gets    atomic.Int64                   // reads that the store was asked for
	OnGet   func(n int64, r *http.Request) // called at each with its number, if not nil

	others, own *s3.Store
}

// New publishes each record as a shard. A window of 0 rows is chosen as at publication.
func New(t testing.TB, window int64, shards ...arrow.Record) *Table {
	t.Helper()
	l := &Table{}
	l.Publish(t, window, shards...)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := filepath.Base(r.URL.Path)
		object, ok := l.Objects[key]
		if !ok || l.Gone.Load() {
			http.NotFound(w, r)
			return
		}
		n := l.Gets.Add(1)
		if l.OnGet != nil {
			l.OnGet(n, r)
		}
		w.Header().Set("ETag", `"`+key+`"`)
		http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), bytes.NewReader(object))
	}))
	t.Cleanup(web.Close)
	keys := s3.Credentials{AccessKey: "key", SecretKey: "secret"}
	var err error
	l.others, err = s3.New("s", web.URL, "eu-test-1", keys)
	Must(t, err)
	l.own, err = s3.New("s", web.URL, "eu-test-1", keys, s3.Own(true))
	Must(t, err)
	return l
}

// Publish replaces the table.
func (l *Table) Publish(t testing.TB, window int64, shards ...arrow.Record) {
	t.Helper()
	l.Objects = map[string][]byte{}
	table := schemas.Table{Name: "t", WindowRows: window, Splits: []schemas.Split{{Name: "all"}}}
	l.Version = schemas.Version{Dataset: "ds-lab", Data: []schemas.Table{table}}
	l.Version.Version = "v1"
	for _, rec := range shards {
		l.Add(t, rec)
	}
}

// Add publishes one more shard.
func (l *Table) Add(t testing.TB, rec arrow.Record) {
	t.Helper()
	table, split := l.Table(), l.Split()
	rep, file := conformed(t, shard.Spec{Name: "s.arrows", WindowRows: table.WindowRows, Schema: table.Schema}, rec)
	if len(split.Shards) == 0 {
		table.Schema, table.Columns, table.WindowRows = rep.Schema, rep.Columns, rep.WindowRows
	}
	key := fmt.Sprintf("%d.arrow", len(split.Shards))
	l.Objects[key] = file
	split.Shards = append(split.Shards, schemas.Shard{
		Store: "s", Bucket: "lab", Key: key, ETag: key, Size: int64(len(file)), Rows: rep.Rows,
		Dictionaries: rep.Dictionaries, Batches: rep.Batches,
	})
}

// conformed publishes one record.
func conformed(t testing.TB, spec shard.Spec, rec arrow.Record) (shard.Report, []byte) {
	t.Helper()
	var stream bytes.Buffer
	w := arrowipc.NewWriter(&stream, arrowipc.WithSchema(rec.Schema()))
	Must(t, w.Write(rec))
	Must(t, w.Close())
	dir := t.TempDir()
	in, err := os.Create(filepath.Join(dir, "in"))
	Must(t, err)
	defer in.Close()
	out, err := os.Create(filepath.Join(dir, "out"))
	Must(t, err)
	defer out.Close()
	_, err = in.Write(stream.Bytes())
	Must(t, err)
	rep, err := shard.Conform(context.Background(), in, int64(stream.Len()), spec, out)
	Must(t, err)
	if rep.Conforms {
		return rep, stream.Bytes()
	}
	file, err := os.ReadFile(out.Name())
	Must(t, err)
	return rep, file
}

// Open gives the table's store.
func (l *Table) Open(context.Context, schemas.StoreID) (*s3.Store, error) {
	if l.Own.Load() {
		return l.own, nil
	}
	return l.others, nil
}

// Table is the table of the manifest.
func (l *Table) Table() *schemas.Table { return &l.Version.Data[0] }

// Split is its only split.
func (l *Table) Split() *schemas.Split { return &l.Table().Splits[0] }

// MasterKey is the key of pseudonyms in tests.
func MasterKey() []byte { return bytes.Repeat([]byte{7}, 32) }

// View is the table under duties, as an agreement by the request req-1 shows it.
func (l *Table) View(t testing.TB, duties []schemas.Duty, columns ...string) *view.View {
	t.Helper()
	v, err := view.New(l.Table(), &schemas.Agreement{Obligations: duties, Permit: "req-1"}, columns, MasterKey())
	Must(t, err)
	return v
}

// Texts gives the rows of a record, each as one text.
func Texts(rec arrow.Record) []string {
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

// Rows gives a stream's rows as texts, read by arrow's own reader.
func Rows(t testing.TB, stream []byte) (out []string) {
	t.Helper()
	rd, err := arrowipc.NewReader(bytes.NewReader(stream))
	Must(t, err)
	defer rd.Release()
	for rd.Next() {
		out = append(out, Texts(rd.Record())...)
	}
	Must(t, rd.Err())
	return out
}
