package segment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/simple"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/google/go-cmp/cmp"
)

// doc is a document of the trials: words of one field, values of two.
type doc struct {
	Text  string
	Tags  []string
	Place string
}

// trial is an index and what it ought to hold.
type trial struct {
	t     *testing.T
	index bleve.Index
	docs  map[string]doc
	views *Views
	all   *Values
	view  *View
}

func begin(t *testing.T) *trial {
	t.Helper()
	m := bleve.NewIndexMapping()
	d := bleve.NewDocumentStaticMapping()
	for field, analyzer := range map[string]string{"Text": simple.Name, "Tags": keyword.Name, "Place": keyword.Name} {
		f := bleve.NewTextFieldMapping()
		f.Analyzer, f.Store, f.DocValues = analyzer, false, field == "Place"
		d.AddFieldMappingsAt(field, f)
	}
	m.DefaultMapping = d
	b, err := bleve.New(filepath.Join(t.TempDir(), "index"), m)
	if err != nil {
		t.Fatal(err)
	}
	v := NewValues([]string{"Tags", "Place"})
	x := &trial{t: t, index: b, docs: map[string]doc{}, views: NewViews(b, v), all: v}
	t.Cleanup(func() {
		if x.view != nil {
			x.view.Release()
		}
		err := b.Close()
		if err != nil {
			t.Error(err)
		}
	})
	return x
}

// write puts documents, of which empty ones are deleted, and takes the next View.
func (x *trial) write(docs map[string]doc) {
	x.t.Helper()
	batch := x.index.NewBatch()
	for id, d := range docs {
		if d.Text == "" {
			batch.Delete(id)
			delete(x.docs, id)
			continue
		}
		x.docs[id] = d
		fields := map[string]any{"Text": d.Text, "Tags": d.Tags}
		if d.Place != "" {
			fields["Place"] = d.Place
		}
		err := batch.Index(id, fields)
		if err != nil {
			x.t.Fatal(err)
		}
	}
	err := x.index.Batch(batch)
	if err != nil {
		x.t.Fatal(err)
	}
	x.next()
}

func (x *trial) next() {
	x.t.Helper()
	v, err := x.views.Next(x.view)
	if err != nil {
		x.t.Fatal(err)
	}
	if x.view != nil && v != x.view {
		x.view.Release()
	}
	x.view = v
}

// holds says whether a document is one that a question finds, and its score.
func (d doc) holds(q *Question) (score float64, found bool) {
	words := strings.Fields(d.Text)
	for _, w := range q.Words {
		sum, matches := 0.0, 0
		for _, c := range w {
			got, part := 0.0, true
			switch c := c.(type) {
			case Term:
				for _, text := range c.Texts {
					n := 0
					for _, word := range words {
						if word == text && c.Field == "Text" {
							n++
						}
					}
					part = part && n > 0
					norm := float64(float32(1 / math.Sqrt(float64(len(words)))))
					got += Grained(c.Weight * math.Sqrt(float64(n)) * norm)
				}
			case Fixed: // of these trials: the two words that stand beside each other
				got, part = Grained(c.Score), strings.Contains(" "+d.Text+" ", " red green ")
			}
			if part {
				sum, matches = sum+got, matches+1
			}
		}
		if matches == 0 {
			return 0, false
		}
		score += Grained(sum * (float64(matches) / float64(len(w))))
	}
	for _, f := range q.Filters {
		values := map[string][]string{"Tags": d.Tags, "Place": {d.Place}}[f.Field]
		if !slices.ContainsFunc(values, func(v string) bool {
			return slices.Contains(f.Values, v) || slices.ContainsFunc(f.Prefixes, func(p string) bool { return strings.HasPrefix(v, p) })
		}) {
			return 0, false
		}
	}
	if len(q.Within) > 0 && !strings.Contains(" "+d.Text+" ", " blue ") {
		return 0, false
	}
	return score, true
}

// expected answers a question by looking at every document.
func (x *trial) expected(q *Question, w Wanted) (Answer, []map[string]int) {
	var a Answer
	counts := []map[string]int{{}, {}}
	for id, d := range x.docs {
		score, found := d.holds(q)
		if !found {
			continue
		}
		a.Total++
		if d.Place != "" {
			counts[1][d.Place]++
		}
		for i, tag := range d.Tags {
			if !slices.Contains(d.Tags[:i], tag) {
				counts[0][tag]++
			}
		}
		if !w.Scored {
			score = 0
		} else if len(q.Words)+len(q.Filters)+len(q.Within) == 0 {
			score = 1
		}
		h := Hit{id, score}
		if w.After == nil || compare(*w.After, h) < 0 {
			a.Hits = append(a.Hits, h)
		}
	}
	slices.SortFunc(a.Hits, compare)
	a.Hits = a.Hits[:min(w.Best, len(a.Hits))]
	return a, counts
}

func (x *trial) top(counts map[string]int, most int) (out []Value, others int) {
	for text, n := range counts {
		out = append(out, Value{text, n})
		others += n
	}
	out = cut(out, most)
	for _, v := range out {
		others -= v.Count
	}
	return out, others
}

// anyQuestion is a random one.
func anyQuestion(r *rand.Rand) *Question {
	q := &Question{}
	colours := strings.Fields("red green blue black white none")
	for range r.IntN(3) {
		w := Word{Term{"Text", []string{colours[r.IntN(6)]}, float64(1 + r.IntN(4))}}
		if r.IntN(2) == 0 {
			w = append(w, Term{"Text", []string{colours[r.IntN(6)], colours[r.IntN(6)]}, 2}, Term{"Absent", []string{"red"}, 1})
		}
		if r.IntN(3) == 0 {
			m := bleve.NewMatchPhraseQuery("red green")
			m.SetField("Text")
			w = append(w, Fixed{m, 3})
		}
		q.Words = append(q.Words, w)
	}
	if r.IntN(3) == 0 {
		q.Filters = append(q.Filters, Filter{Field: "Tags", Values: []string{"a", "tag-7"}})
	}
	if r.IntN(4) == 0 {
		q.Filters = append(q.Filters, Filter{Field: "Place", Prefixes: []string{"north-"}, Values: []string{"south"}})
	}
	if r.IntN(6) == 0 {
		m := bleve.NewTermQuery("blue")
		m.SetField("Text")
		q.Within = append(q.Within, m)
	}
	return q
}

// Whatever was written, changed, deleted and merged, a View finds, orders, scores and counts
// what looking at each document does.
func TestFindIsLookingAtEach(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 26))
	x := begin(t)
	for round := range 40 {
		docs := map[string]doc{}
		for range r.IntN(50) {
			d := doc{Place: []string{"", "south", "north-1", "north-2"}[r.IntN(4)]}
			for range r.IntN(9) {
				d.Text += " " + strings.Fields("red green blue black white")[r.IntN(5)]
			}
			d.Text = strings.TrimSpace(d.Text)
			for range r.IntN(4) {
				d.Tags = append(d.Tags, []string{"a", "b", fmt.Sprintf("tag-%d", r.IntN(90))}[r.IntN(3)])
			}
			docs[fmt.Sprintf("id-%03d", r.IntN(200))] = d
		}
		x.write(docs)
		if x.view.Len() != uint64(len(x.docs)) {
			t.Fatalf("round %d: %d documents, want %d", round, x.view.Len(), len(x.docs))
		}
		for range 40 {
			q, w := anyQuestion(r), Wanted{Best: r.IntN(12), Scored: r.IntN(3) > 0, Count: []int{1, 0}[r.IntN(2):]}
			for range 3 {
				got, err := x.view.Find(t.Context(), q, w)
				if err != nil {
					t.Fatal(err)
				}
				want, counts := x.expected(q, w)
				if got.Total != want.Total || !slices.Equal(got.Hits, want.Hits) {
					t.Fatalf("round %d: %+v, %+v: %d (-want +got)\n%s", round, q, w, got.Total, cmp.Diff(want.Hits, got.Hits))
				}
				for i, f := range w.Count {
					most := 1 + r.IntN(9)
					values, others := x.all.Top(f, most, got.Count[i])
					v, o := x.top(counts[f], most)
					if !slices.Equal(values, v) || others != o {
						t.Fatalf("round %d: %+v: %v and %d others, want %v and %d", round, q, values, others, v, o)
					}
				}
				if len(got.Hits) == 0 {
					break
				}
				w.After = &got.Hits[len(got.Hits)-1]
			}
		}
	}
}

// A View stays what it was while the index changes, for as long as it is held, and is the
// same one while nothing does.
func TestAViewStands(t *testing.T) {
	x := begin(t)
	x.write(map[string]doc{"a": {Text: "red", Tags: []string{"x"}}, "b": {Text: "red blue"}})
	old := x.view
	old.Hold()
	defer old.Release()
	x.next()
	if x.view != old {
		t.Error("it is another one, though nothing changed")
	}
	x.write(map[string]doc{"a": {}, "c": {Text: "red"}, "d": {Text: "red"}})
	for _, c := range []struct {
		view *View
		want uint64
		tags int
	}{{old, 2, 1}, {x.view, 3, 0}} {
		for _, q := range []*Question{{}, {Words: []Word{{Term{"Text", []string{"red"}, 1}}}}} {
			got, err := c.view.Find(t.Context(), q, Wanted{Count: []int{0}})
			if err != nil || got.Total != c.want {
				t.Errorf("%d, %v; want %d", got.Total, err, c.want)
			}
			if top, _ := x.all.Top(0, 5, got.Count[0]); len(top) != c.tags {
				t.Errorf("%v", top)
			}
		}
	}
}

// Counts of two indexes are summed before they are cut.
func TestCountsOfTwoIndexes(t *testing.T) {
	a, b := begin(t), begin(t)
	b.all, b.views = a.all, NewViews(b.index, a.all)
	a.write(map[string]doc{"a": {Text: "red", Tags: []string{"x", "y"}}, "b": {Text: "red", Tags: []string{"x", "z"}}})
	b.write(map[string]doc{"c": {Text: "red", Tags: []string{"y"}}, "d": {Text: "red", Tags: []string{"y", "new"}}})
	x, err := a.view.Find(t.Context(), &Question{}, Wanted{Count: []int{0}})
	y, wrong := b.view.Find(t.Context(), &Question{}, Wanted{Count: []int{0}})
	if errors.Join(err, wrong) != nil {
		t.Fatal(err, wrong)
	}
	top, others := a.all.Top(0, 2, x.Count[0], y.Count[0])
	if !slices.Equal(top, []Value{{"y", 3}, {"x", 2}}) || others != 2 || a.all.Len() != 4 {
		t.Errorf("%v and %d others, of %d values", top, others, a.all.Len())
	}
}

// All hits in an order of Bleve's, page by page.
func TestSorted(t *testing.T) {
	x := begin(t)
	for i := range 30 { // some of them in segments of their own
		x.write(map[string]doc{fmt.Sprintf("id-%02d", i): {Text: "red", Place: fmt.Sprintf("place-%02d", i*7%10)}})
	}
	order := search.SortOrder{&search.SortField{Field: "Place", Type: search.SortFieldAsString}, &search.SortDocID{}}
	a, err := x.view.Find(t.Context(), &Question{Words: []Word{{Term{"Text", []string{"red"}, 1}}}}, Wanted{Keep: true})
	if err != nil || a.Total != 30 {
		t.Fatal(a.Total, err)
	}
	var got []string
	var after []string
	for range 10 {
		hits, err := x.view.Sorted(t.Context(), a, 4, order, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			got = append(got, h.DecodedSort[0]+h.ID)
			after = []string{h.DecodedSort[0], h.ID}
		}
	}
	if len(got) != 30 || !slices.IsSorted(got) {
		t.Errorf("%d: %v", len(got), got)
	}
}

// Many ask at once while others write; every answer is of one state.
func TestManyAtOnce(t *testing.T) {
	x := begin(t)
	x.write(map[string]doc{"a": {Text: "red", Tags: []string{"x"}}})
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 200 {
				mu.Lock()
				v := x.view
				v.Hold()
				mu.Unlock()
				got, err := v.Find(context.Background(), &Question{Words: []Word{{Term{"Text", []string{"red"}, 1}}}}, Wanted{Best: 3, Scored: true, Count: []int{0}})
				if err != nil || got.Total != v.Len() || uint64(got.Count[0][0]) != v.Len() {
					t.Errorf("%d of %d, %v: %v", got.Total, v.Len(), got.Count, err)
				}
				v.Release()
			}
		})
	}
	for i := range 40 {
		batch := x.index.NewBatch()
		err := errors.Join(batch.Index(fmt.Sprint("n", i), doc{Text: "red", Tags: []string{"x"}}), x.index.Batch(batch))
		v, wrong := x.views.Next(x.view)
		if errors.Join(err, wrong) != nil {
			t.Fatal(err, wrong)
		}
		mu.Lock()
		x.view.Release()
		x.view = v
		mu.Unlock()
	}
	wait.Wait()
}

// A question ends with its context, and a fault of Bleve's is an error.
func TestEnds(t *testing.T) {
	x := begin(t)
	x.write(map[string]doc{"a": {Text: "red"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := x.view.Find(ctx, &Question{Words: []Word{{Term{"Text", []string{"red"}, 1}}}}, Wanted{Best: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	err = guarded(func() error { panic("torn") })
	if err == nil || !strings.Contains(err.Error(), "torn") {
		t.Errorf("%v", err)
	}
}
