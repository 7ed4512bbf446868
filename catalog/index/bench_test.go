package index

import (
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
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
		words = slices.DeleteFunc(words, func(w string) bool { return len(w) < 5 || strings.ContainsAny(w, `*~:"`) })
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
	bleves := func(q Query) (Result, error) { return x.bleves(context.Background(), q) }
	began := time.Now()
	_, err := search(Query{})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d datasets; the columns of all segments are made in %v", n, time.Since(began))
	began = time.Now()
	var rare, common, some []Query
	for _, q := range pairs(real(b), 600) {
		r, err := search(q)
		switch {
		case err != nil:
			b.Fatal(err)
		case r.Total <= 25_000:
			rare = append(rare, q)
			if r.Total >= uint64(n)/100 {
				some = append(some, q)
			}
		case r.Total <= 200_000:
			common = append(common, q)
		}
	}
	b.Logf("asked for the first time: %d searches of two words in %v, %d of them for 1 %%", len(rare)+len(common), time.Since(began), len(some))
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
	for name, queries := range map[string][]Query{"two-words": rare, "two-words-of-1-percent": some, "browse": all, "one-word": frequent} {
		if len(queries) == 0 {
			continue
		}
		b.Run("beside-bleve-"+name, func(b *testing.B) {
			for b.Loop() {
				some := queries[:min(len(queries), 40)]
				runtime.GC()
				_, _, ours, _ := took(b, slices.Repeat(some, 10), search) // its time is short to be measured
				runtime.GC()
				_, p95, theirs, _ := took(b, some, bleves)
				b.ReportMetric(theirs/ours, "times-faster")
				b.ReportMetric(ours, "cpu-ms")
				b.ReportMetric(ours/theirs, "of-bleve")
				b.ReportMetric(theirs, "theirs-cpu-ms")
				b.ReportMetric(p95, "theirs-ms-p95")
			}
		})
	}
}

// BenchmarkGrowth registers everything anew, ten times, and says how much larger the files of
// the index are then than after the first time.
func BenchmarkGrowth(b *testing.B) {
	c := real(b)
	var sets []schemas.Dataset
	for i := range 2000 {
		sets = append(sets, c.made(i))
	}
	for b.Loop() {
		x := opened(b)
		var first, last int64
		for round := range 11 {
			for part := range slices.Chunk(sets, batchSize) {
				err := x.apply(context.Background(), part, int64(round+1))
				if err != nil {
					b.Fatal(err)
				}
			}
			last = settled(b, x.dir)
			if round == 0 {
				first = last
			}
		}
		b.ReportMetric(float64(last)/float64(first), "times")
		b.ReportMetric(float64(last)/float64(len(sets)), "bytes/dataset")
	}
}

// settled is the size of an index's files once it is the same for two seconds: Bleve merges
// and removes in the background.
func settled(t testing.TB, dir string) int64 {
	t.Helper()
	size, same := int64(-1), 0
	for range 60 {
		now := int64(0)
		err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return nil // removed meanwhile
			}
			info, err := e.Info()
			if err == nil {
				now += info.Size()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if same++; now != size {
			size, same = now, 0
		}
		if same > 4 {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	return size
}

// BenchmarkMemory says what the columns of the corpus hold in memory while it is searched,
// what a dataset costs there, and what the process has that is no file.
func BenchmarkMemory(b *testing.B) {
	x, n := large(b)
	c := pairs(real(b), 50)
	for b.Loop() {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, q := range c {
			_, err := x.Search(context.Background(), q, schemas.Sight{Everyone: true})
			if err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-columns")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "bytes/dataset")
		b.ReportMetric(anonymous(b), "MiB-anonymous")
	}
}

// anonymous is the memory of this process that is no file, in MiB.
func anonymous(t testing.TB) float64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("there is no /proc to read it from")
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "RssAnon:" {
			kib, _ := strconv.ParseFloat(f[1], 64)
			return kib / 1024
		}
	}
	return 0
}
