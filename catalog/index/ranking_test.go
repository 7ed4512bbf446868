package index

import (
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"

	"guichet/catalog/index/rankingtest"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

var update = flag.Bool("update", false, "write the goldens anew")

// TestRankingGoldens holds the first five answers to judged queries, over the datasets that
// are judged: what moves them is seen.
func TestRankingGoldens(t *testing.T) {
	if testing.Short() {
		t.Skip("reads four catalogues")
	}
	queries := rankingtest.Queries(t)
	judged := map[schemas.DatasetID]bool{}
	for _, q := range queries {
		for iri := range q.Grades {
			judged[schemas.DatasetID(iri)] = true
		}
	}
	sets := slices.DeleteFunc(rankingtest.Corpora(t), func(d schemas.Dataset) bool { return !judged[d.ID] })
	if len(sets) != len(judged) {
		t.Errorf("%d of %d judged datasets are there", len(sets), len(judged))
	}
	find := ranked(t, sets)
	var out strings.Builder
	for i := 0; i < len(queries); i += 2 {
		fmt.Fprintf(&out, "%s\n", queries[i].Query)
		for _, id := range find(queries[i].Query)[:min(5, len(find(queries[i].Query)))] {
			fmt.Fprintf(&out, "\t%d %s\n", queries[i].Grades[string(id)], id)
		}
	}
	const golden = "testdata/ranking.golden"
	if *update {
		err := os.WriteFile(golden, []byte(out.String()), 0o644)
		if err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the first answers differ from %s; go test ./catalog/index -run TestRankingGoldens -update\n%s", golden, out.String())
	}
}

// BenchmarkRanking measures what searches find and in which order, beside Bleve's own: the
// gain of the first ten answers over the judged queries, and the share of the logged
// keyword queries that find nothing.
func BenchmarkRanking(b *testing.B) {
	sets := rankingtest.Corpora(b)
	queries, logged := rankingtest.Queries(b), rankingtest.Logged(b)
	ours := ranked(b, sets)
	all, some := plainly(b, sets)
	figures := func(find func(string) []schemas.DatasetID) (gain, unjudged, zero float64) {
		for i := range queries {
			answers := find(queries[i].Query)
			g := queries[i].NDCG(answers)
			gain += g / float64(len(queries))
			unjudged += float64(queries[i].Unjudged(answers)) / float64(len(queries))
			if testing.Verbose() {
				b.Logf("%-40s %.2f, %d of the first ten not judged", queries[i].Query, g, queries[i].Unjudged(answers))
			}
		}
		for _, words := range logged {
			if len(find(words)) == 0 {
				zero += 1 / float64(len(logged))
			}
		}
		return gain, unjudged, zero
	}
	plain, _, plainZero := figures(all)
	any, _, anyZero := figures(some)
	gain, unjudged, zero := figures(ours)
	b.Logf("%d datasets, %d judged queries, %d logged", len(sets), len(queries), len(logged))
	b.Logf("nDCG@10: ours %.3f, Bleve's match of all words %.3f, of any %.3f; of our first ten %.1f are not judged", gain, plain, any, unjudged)
	b.Logf("nothing found: ours %.1f %%, Bleve's match of all words %.1f %%, of any %.1f %%", 100*zero, 100*plainZero, 100*anyZero)
	b.Run("ndcg", func(b *testing.B) {
		for b.Loop() {
			ours("water")
		}
		b.ReportMetric(gain, "nDCG@10")
		b.ReportMetric(gain/plain, "of-plain")
	})
	b.Run("nothing", func(b *testing.B) {
		for b.Loop() {
			ours("water")
		}
		b.ReportMetric(100*zero, "%-found-nothing")
		b.ReportMetric(zero/plainZero, "of-plain")
	})
}

// ranked makes an index of the corpora that the ranking is measured on.
func ranked(t testing.TB, sets []schemas.Dataset) func(words string) []schemas.DatasetID {
	t.Helper()
	set, err := spaces.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	x, err := Open(filepath.Join(t.TempDir(), "index"), &set, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := x.Close()
		if err != nil {
			t.Error(err)
		}
	})
	for i := 0; i < len(sets); i += 2000 {
		err := x.apply(t.Context(), sets[i:min(i+2000, len(sets))], 1)
		if err != nil {
			t.Fatal(err)
		}
	}
	x.ready.Store(true)
	return func(words string) []schemas.DatasetID {
		r, err := x.Search(t.Context(), Query{Words: words, Limit: 20}, schemas.Sight{Everyone: true})
		if err != nil {
			t.Fatalf("%s: %v", words, err)
		}
		return r.IDs
	}
}

// plainly makes an index of Bleve's own, as its first example does: titles, descriptions and
// keywords as they are, found by all words of a query, or by any.
func plainly(t testing.TB, sets []schemas.Dataset) (all, some func(words string) []schemas.DatasetID) {
	t.Helper()
	b, err := bleve.New(filepath.Join(t.TempDir(), "plain"), bleve.NewIndexMapping())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := b.Close()
		if err != nil {
			t.Error(err)
		}
	})
	texts := func(t schemas.Text) string {
		var out []string
		for _, tag := range slices.Sorted(maps.Keys(t)) {
			out = append(out, t[tag])
		}
		return strings.Join(out, "\n")
	}
	batch := b.NewBatch()
	for i, d := range sets {
		err := batch.Index(string(d.ID), map[string]any{"title": texts(d.Title), "description": texts(d.Description), "keywords": strings.Join(d.Keywords, "\n")})
		if err != nil {
			t.Fatal(err)
		}
		if batch.Size() == 1000 || i == len(sets)-1 {
			err = b.Batch(batch)
			if err != nil {
				t.Fatal(err)
			}
			batch.Reset()
		}
	}
	by := func(o query.MatchQueryOperator) func(words string) []schemas.DatasetID {
		return func(words string) []schemas.DatasetID {
			q := bleve.NewMatchQuery(words)
			q.SetOperator(o)
			r, err := b.Search(bleve.NewSearchRequestOptions(q, 20, 0, false))
			if err != nil {
				t.Fatal(err)
			}
			var out []schemas.DatasetID
			for _, h := range r.Hits {
				out = append(out, schemas.DatasetID(h.ID))
			}
			return out
		}
	}
	return by(query.MatchQueryOperatorAnd), by(query.MatchQueryOperatorOr)
}

// BenchmarkPool writes what each ranking answers to new queries, to be judged: POOL names a file
// of queries, one a line, and gets FILE.pool.
func BenchmarkPool(t *testing.B) {
	name := os.Getenv("POOL")
	if name == "" {
		t.Skip("POOL names no file of queries")
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	sets := rankingtest.Corpora(t)
	by := map[schemas.DatasetID]*schemas.Dataset{}
	for i := range sets {
		by[sets[i].ID] = &sets[i]
	}
	ours := ranked(t, sets)
	all, some := plainly(t, sets)
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		words, _, _ := strings.Cut(line, "|")
		var pool []schemas.DatasetID
		for _, find := range []func(string) []schemas.DatasetID{ours, all, some} {
			for _, id := range find(words) {
				if !slices.Contains(pool, id) {
					pool = append(pool, id)
				}
			}
		}
		fmt.Fprintf(&out, "## %s\n", line)
		for _, id := range pool {
			d := by[id]
			for _, tag := range slices.Sorted(maps.Keys(d.Title)) {
				description := strings.Join(strings.Fields(d.Description[tag]), " ")
				fmt.Fprintf(&out, "%s\t%s\t%s\t%.300s\n", id, tag, strings.Join(strings.Fields(d.Title[tag]), " "), description)
			}
		}
	}
	err = os.WriteFile(name+".pool", []byte(out.String()), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d datasets", len(sets))
}
