package harvest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"guichet/catalog/index"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/rdf"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// belgianPages writes the whole Belgian catalogue as pages of so many datasets, each with what
// its datasets name, as portals do; it gives how many datasets and pages there are.
func belgianPages(b *testing.B, dir string, per int) (datasets, pages int) {
	b.Helper()
	r, err := os.Open(sharedtest.Path(b, "reference-data/catalogue/dcat-ap/be-datagov-ldes/be-datagov-full-2025-04-13.ttl.zst"))
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	z, err := zstd.NewReader(r)
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	text, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	said, order := map[string][]byte{}, []string{}
	for part := range bytes.SplitSeq(text, []byte("\n# ")) {
		name, body, _ := bytes.Cut(bytes.TrimPrefix(part, []byte("# ")), []byte("\n"))
		said[string(name)], order = body, append(order, string(name))
	}
	iri := regexp.MustCompile(`<([^<>\s]+)>`)
	isDataset := []byte("> a <http://www.w3.org/ns/dcat#Dataset>")
	var page bytes.Buffer
	on, count := map[string]bool{}, 0
	flush := func(last bool) {
		if !last {
			fmt.Fprintf(&page, "<> <http://www.w3.org/ns/hydra/core#next> <?page=%d> .\n", pages+1)
		}
		err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.ttl", pages)), page.Bytes(), 0o600)
		if err != nil {
			b.Fatal(err)
		}
		pages++
		page.Reset()
		clear(on)
	}
	var put func(name string, level int)
	put = func(name string, level int) {
		if on[name] {
			return
		}
		on[name] = true
		page.Write(said[name])
		page.WriteByte('\n')
		for _, m := range iri.FindAllSubmatch(said[name], -1) {
			if other := string(m[1]); level < 2 && said[other] != nil && !bytes.Contains(said[other][:min(len(said[other]), 400)], isDataset) {
				put(other, level+1)
			}
		}
	}
	for _, name := range order {
		if !bytes.Contains(said[name][:min(len(said[name]), 400)], isDataset) {
			continue
		}
		if count > 0 && count%per == 0 {
			flush(false)
		}
		put(name, 0)
		count++
	}
	flush(true)
	return count, pages
}

// peak is the most memory that this process had since the last call, in MB.
func peak(b *testing.B) float64 {
	b.Helper()
	s, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0 // no such system
	}
	_, rest, _ := strings.Cut(string(s), "VmHWM:")
	kb, _ := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // where it may
	return kb / 1000
}

// cpu is the processor time that this process used, in seconds.
func cpu(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// findable registers one dataset after the other until ctx ends, and gives how long each took to
// be found.
func findable(ctx context.Context, d *db.DB, x *index.Index) (took []time.Duration, err error) {
	for i := 0; ; i++ {
		id := fmt.Sprintf("ds-registered-%05d", i)
		set := schemas.Dataset{ID: schemas.DatasetID(id), Space: "energy", Title: schemas.Text{"en": fmt.Sprint("registered", i)}}
		err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			err := db.Insert(ctx, tx, "dataset", id, set, db.Columns{"provider": "https://p.example", "iri": id, "origin": "", "withdrawn": 0})
			if err == nil {
				_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeDatasetPut, Subject: id})
			}
			return err
		})
		began := time.Now()
		for err == nil {
			var r index.Result
			r, err = x.Search(ctx, index.Query{Words: set.Title["en"], Limit: 1}, schemas.Sight{Everyone: true})
			if r.Total > 0 {
				took = append(took, time.Since(began))
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if ctx.Err() != nil {
			return took, nil
		}
		if err != nil {
			return took, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// BenchmarkBelgium takes over the whole catalogue of a country from its pages, and indexes it, beside
// reading its statements alone. Meanwhile datasets are registered, which are found soon all the same.
func BenchmarkBelgium(b *testing.B) {
	dir := b.TempDir()
	datasets, pages := belgianPages(b, dir, 500)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := "0"
		if q := r.URL.Query().Get("page"); q != "" {
			page = filepath.Base(q)
		}
		w.Header().Set("Content-Type", "text/turtle")
		http.ServeFile(w, r, filepath.Join(dir, page+".ttl"))
	}))
	defer s.Close()
	began := time.Now()
	statements := 0
	for i := range pages {
		body, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.ttl", i)))
		if err != nil {
			b.Fatal(err)
		}
		doc, err := rdf.Parse(rdf.Turtle, body, rdf.Options{Base: s.URL, Limits: rdf.Limits{Bytes: 64 << 20, Depth: 64, Values: 1 << 22}})
		if err != nil {
			b.Fatal(err)
		}
		statements += doc.Statements
	}
	parsing := time.Since(began)
	peak(b)
	for b.Loop() {
		d := dbtest.Open(b, dbtest.SQLite)
		h := harvesterOn(b, d)
		x, err := index.Open(filepath.Join(b.TempDir(), "index"), &spaces.Set{}, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(b.Context())
		followed := make(chan error, 1)
		go func() { followed <- x.Follow(ctx, d) }()
		for !x.Ready() {
			time.Sleep(time.Millisecond)
		}
		h.Behind = func(ctx context.Context) int64 {
			head, err := d.Head(ctx)
			if err != nil {
				return 0
			}
			return head - x.Position()
		}
		searching, found := context.WithCancel(ctx)
		var times []time.Duration
		searched := make(chan error, 1)
		go func() {
			var err error
			times, err = findable(searching, d, x)
			searched <- err
		}()
		used := cpu(b)
		began = time.Now()
		_, err = h.Put(ctx, operator, Catalogue{ID: "belgium", URL: s.URL + "/all.ttl", Space: "mobility"}, 0)
		if err != nil {
			b.Fatal(err)
		}
		c, mine, err := h.claim(ctx, "belgium")
		if err != nil || !mine {
			b.Fatal(mine, err)
		}
		err = h.work(ctx, &c)
		if err != nil {
			b.Fatal(err)
		}
		found()
		if err := <-searched; err != nil {
			b.Fatal(err)
		}
		head, err := d.Head(ctx)
		for err == nil && x.Position() < head {
			time.Sleep(10 * time.Millisecond)
		}
		took := time.Since(began)
		used = cpu(b) - used
		slices.Sort(times)
		c, err = h.Get(ctx, "belgium")
		if err != nil || c.Health.State != Well || c.Health.Datasets+c.Health.Refused != int64(datasets) {
			b.Fatalf("%+v, %v", c.Health, err)
		}
		b.ReportMetric(took.Seconds(), "s")
		b.ReportMetric(used, "cpu-s")
		b.ReportMetric(float64(len(times)), "registered-meanwhile")
		b.ReportMetric(times[len(times)/2].Seconds(), "found-after-s-p50")
		b.ReportMetric(times[len(times)*95/100].Seconds(), "found-after-s-p95")
		b.ReportMetric(times[len(times)-1].Seconds(), "found-after-s-at-most")
		b.ReportMetric(float64(took)/float64(parsing), "times-of-parsing")
		b.ReportMetric(float64(datasets), "datasets")
		b.ReportMetric(float64(statements), "statements")
		b.ReportMetric(float64(c.Health.Refused), "set-aside")
		b.ReportMetric(peak(b), "peak-MB")
		stop()
		if err := <-followed; err != nil && !errors.Is(err, context.Canceled) {
			b.Fatal(err)
		}
		_ = x.Close()
	}
}
