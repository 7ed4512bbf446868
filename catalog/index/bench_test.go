package index

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"guichet/schemas"
)

// cpu is the processor time that this process used.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkIndexing(b *testing.B) {
	c := real(b)
	var sets []schemas.Dataset
	for i := range 10_000 {
		sets = append(sets, c.made(i))
	}
	runtime.GC()
	for b.Loop() {
		x := opened(b)
		x.ready.Store(false)
		before := cpu(b)
		for part := range slices.Chunk(sets, batchSize) {
			err := x.apply(context.Background(), part, 1)
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((cpu(b)-before).Seconds()*1e3/float64(len(sets)), "cpu-ms/dataset")
	}
}

// BenchmarkData makes the corpus of BENCH_DATASETS datasets, or what is missing of it.
func BenchmarkData(b *testing.B) {
	_, n := large(b)
	b.ReportMetric(float64(n), "datasets")
}

// sixFacets are those of the pages.
func sixFacets() []string {
	return []string{"space", "theme", "country", "publisher", "licence", "format"}
}

// pairs are searches of two words that stand in one title of the corpus, and six facets.
func pairs(c corpus, n int) []Query {
	var out []Query
	r := rand.New(rand.NewPCG(29, 1))
	for len(out) < n {
		words := strings.Fields(c.made(r.IntN(5000)).Title["nl"])
		words = slices.DeleteFunc(words, func(w string) bool { return len(w) < 5 || len(Parse(w)) == 0 })
		if len(words) > 1 {
			out = append(out, Query{Words: words[0] + " " + words[1], Facets: sixFacets(), Limit: 10})
		}
	}
	return out
}

// took runs searches and gives, in milliseconds, what half and 95 of 100 of them take at
// most, and the processor time of each.
func took(b *testing.B, queries []Query, search func(Query) (Result, error)) (median, p95, cpuEach float64, hits uint64) {
	b.Helper()
	var all []float64
	before := cpu(b)
	for _, q := range queries {
		began := time.Now()
		r, err := search(q)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(began).Seconds()*1e3)
		hits = max(hits, r.Total)
	}
	cpuEach = (cpu(b) - before).Seconds() * 1e3 / float64(len(queries))
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*95/100], cpuEach, hits
}

// BenchmarkFacets searches the corpus: hits, total, six exact facets; what searches of two
// words take by how many they find, what all takes, and both beside Bleve's own facets.
func BenchmarkFacets(b *testing.B) {
	x, n := large(b)
	everyone := schemas.Sight{Everyone: true}
	search := func(q Query) (Result, error) { return x.Search(context.Background(), q, everyone) }
	bleves := func(q Query) (Result, error) { return x.asked(context.Background(), q, everyone) }
	began := time.Now()
	_, err := search(Query{})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d datasets; the columns of all segments are made in %v", n, time.Since(began))
	var rare, common []Query
	for _, q := range pairs(real(b), 300) {
		r, err := search(q)
		switch {
		case err != nil:
			b.Fatal(err)
		case r.Total <= 25_000:
			rare = append(rare, q)
		case r.Total <= 200_000:
			common = append(common, q)
		}
	}
	frequent := []Query{}
	for _, w := range strings.Fields("van de data belgië") {
		frequent = append(frequent, Query{Words: w, Facets: sixFacets(), Limit: 10})
	}
	all := slices.Repeat([]Query{{Facets: sixFacets(), Limit: 10}}, 100)
	if os.Getenv("BENCH_DATASETS") == "" {
		common = nil
	}
	for _, c := range []struct {
		name    string
		queries []Query
	}{{"two-words-25k", rare}, {"two-words-200k", common}, {"one-word", slices.Repeat(frequent, 10)}, {"browse", all}} {
		if len(c.queries) == 0 {
			continue
		}
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				median, p95, each, hits := took(b, c.queries, search)
				b.ReportMetric(p95, "ms-p95")
				b.ReportMetric(median, "ms-p50")
				b.ReportMetric(each, "cpu-ms")
				b.ReportMetric(float64(hits), "hits-at-most")
			}
		})
	}
	for name, queries := range map[string][]Query{"two-words": rare, "browse": all, "one-word": frequent} {
		b.Run("beside-bleve-"+name, func(b *testing.B) {
			for b.Loop() {
				some := queries[:min(len(queries), 20)]
				_, _, ours, _ := took(b, some, search)
				_, p95, theirs, _ := took(b, some, bleves)
				b.ReportMetric(theirs/ours, "times-faster")
				b.ReportMetric(ours, "cpu-ms")
				b.ReportMetric(theirs, "bleve-cpu-ms")
				b.ReportMetric(p95, "bleve-ms-p95")
			}
		})
	}
}
