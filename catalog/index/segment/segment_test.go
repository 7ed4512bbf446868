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
	"github.com/google/go-cmp/cmp"
)

// doc is a document of the trials: words of one field, values of two.
type doc struct {
	Text  string
	Tags  []string
	Place string
	Group string
	Size  int64
	Days  [2]int32 // from, to; none where both are 0
	Area  []float32
}

// fieldsOfDoc are those that columns are made of.
func fieldsOfDoc() Fields {
	return Fields{
		Counted: []string{"Tags", "Place"}, Numbers: []string{"Size"}, Text: "Place", Spans: "Days", Boxes: "Area", Group: "Group", First: "Size",
		Words: "Text", Stems: []string{"de"},
	}
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
	for field, analyzer := range map[string]string{"Text": simple.Name, "Tags": keyword.Name, "Place": keyword.Name, "Group": keyword.Name, "Size": keyword.Name, "Days": keyword.Name, "Area": keyword.Name} {
		f := bleve.NewTextFieldMapping()
		f.Analyzer, f.Store, f.DocValues = analyzer, false, field == "Place"
		d.AddFieldMappingsAt(field, f)
	}
	m.DefaultMapping = d
	b, err := bleve.New(filepath.Join(t.TempDir(), "index"), m)
	if err != nil {
		t.Fatal(err)
	}
	v := NewValues(fieldsOfDoc())
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
		fields := map[string]any{"Text": d.Text, "Tags": d.Tags, "Size": Number(d.Size)}
		if d.Group != "" {
			fields["Group"] = d.Group
		}
		if d.Days[0] != 0 {
			fields["Days"] = Span(d.Days[0], d.Days[1])
		}
		if d.Area != nil {
			fields["Area"] = Box(Degrees{d.Area[0], d.Area[1]}, Degrees{d.Area[2], d.Area[3]})
		}
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

// gives is what a clause gives a document, and whether it finds it.
func (d doc) gives(c Clause) (score float64, found bool) {
	words := strings.Fields(d.Text)
	times := func(texts []string) float64 {
		least := math.MaxInt
		for _, text := range texts {
			n := 0
			for _, w := range words {
				if w == text {
					n++
				}
			}
			least = min(least, n)
		}
		return float64(least) / MaxImpact
	}
	switch c := c.(type) {
	case Term:
		n := times(c.Texts)
		return c.Weight * n, n > 0 && c.Field == "Text"
	case Phrase:
		for i := range words {
			if c.Field == "Text" && len(c.Texts) > 0 && i+len(c.Texts) <= len(words) && slices.Equal(words[i:i+len(c.Texts)], c.Texts) {
				return c.Weight * times(c.Texts), true
			}
		}
	case Prefix:
		return c.Weight, slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, c.Text) })
	case Near: // of these trials: green, and gren
		return c.Weight * max(times([]string{"green"}), times([]string{"gren"})), times([]string{"green"})+times([]string{"gren"}) > 0
	case Held:
		return c.Weight, d.passes(c.Filter)
	}
	return 0, false
}

func (d doc) passes(f Filter) bool {
	return slices.ContainsFunc(map[string][]string{"Tags": d.Tags, "Place": {d.Place}}[f.Field], func(v string) bool {
		return slices.Contains(f.Values, v) || slices.ContainsFunc(f.Prefixes, func(p string) bool {
			return strings.HasPrefix(v, p) && (f.Where == nil || f.Where(v))
		})
	})
}

// holds says whether a document is one that a question finds, and its score.
func (d doc) holds(q *Question) (score float64, found bool) {
	for _, w := range q.Words {
		best, any := 0.0, false
		for _, c := range w {
			got, is := d.gives(c)
			if is {
				best, any = max(best, got), true
			}
		}
		if !any {
			return 0, false
		}
		score += float64(float32(best))
	}
	for _, f := range q.Filters {
		if !d.passes(f) {
			return 0, false
		}
	}
	for _, l := range q.Limits {
		is := false
		switch l := l.(type) {
		case Numbers:
			is = l.Min <= d.Size && d.Size <= l.Max
		case Overlaps:
			is = d.Days[0] != 0 && d.Days[0] <= l.Max && l.Min <= d.Days[1]
		case Meets: // of these trials: none crosses the date line
			is = d.Area != nil && d.Area[0] <= l.To.Lon && l.From.Lon <= d.Area[2] && d.Area[1] <= l.To.Lat && l.From.Lat <= d.Area[3]
		}
		if !is {
			return 0, false
		}
	}
	return score, true
}

// expected answers a question by looking at every document.
func (x *trial) expected(q *Question, w Wanted) (Answer, []map[string]int) {
	var a Answer
	counts := []map[string]int{{}, {}}
	type member struct {
		id    string
		score float64
	}
	stands := map[string]member{} // of each group
	for id, d := range x.docs {
		score, found := d.holds(q)
		if !w.Scored {
			score = 0
		}
		if !found || d.Group == "" {
			continue
		}
		have, some := stands[d.Group]
		size := x.docs[have.id].Size
		if !some || d.Size < size || d.Size == size && (score > have.score || score == have.score && id < have.id) {
			stands[d.Group] = member{id, score}
		}
	}
	for id, d := range x.docs {
		score, found := d.holds(q)
		if !found || d.Group != "" && stands[d.Group].id != id {
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
		} else if q.empty() {
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
			w = append(w, Term{"Text", []string{colours[r.IntN(6)], colours[r.IntN(6)]}, 2}, Term{"Absent", []string{"red"}, 1}, Term{"Text", []string{"de/rot"}, 1})
		}
		switch r.IntN(8) {
		case 0:
			w = append(w, Phrase{"Text", []string{"black", "red", "white"}, 2})
		case 1:
			w = append(w, Phrase{"Text", []string{"blue", "blue"}, 3}, Held{Filter{Field: "Tags", Values: []string{"b"}}, 0.01})
		case 2:
			w = Word{Phrase{"Text", []string{"white"}, 3}, Phrase{"Text", nil, 1}, Phrase{"Absent", []string{"red", "blue"}, 1}}
		case 3:
			w = append(w, Prefix{"Text", "bl", 0.02})
		case 4:
			near, err := NewNear("Text", "geren", 2) // two letters of green, swapped; and one put in
			if err != nil {
				panic(err)
			}
			w = append(w, near)
		case 5: // as black-red and "black red" are
			w = append(w, Phrase{"Text", []string{"black", "red"}, 2}, Term{"Text", []string{"black", "red"}, 0.5})
		}
		q.Words = append(q.Words, w)
	}
	if r.IntN(3) == 0 {
		q.Filters = append(q.Filters, Filter{Field: "Tags", Values: []string{"a", "tag-7"}})
	}
	if r.IntN(4) == 0 {
		q.Filters = append(q.Filters, Filter{Field: "Place", Prefixes: []string{"north-"}, Values: []string{"south"}, Where: func(s string) bool { return s != "north-2" }})
	}
	switch r.IntN(9) {
	case 0:
		q.Limits = append(q.Limits, Numbers{"Size", 1, 2})
	case 1:
		q.Limits = append(q.Limits, Overlaps{-3, 4})
	case 2:
		q.Limits = append(q.Limits, Meets{Degrees{-1, -1}, Degrees{3, 4}})
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
				d.Text += " " + strings.Fields("red green blue black white gren")[r.IntN(6)]
			}
			d.Text = strings.TrimSpace(d.Text)
			for range r.IntN(4) {
				d.Tags = append(d.Tags, []string{"a", "b", fmt.Sprintf("tag-%d", r.IntN(90))}[r.IntN(3)])
			}
			d.Size, d.Group = int64(r.IntN(4)-1), []string{"", "", "g1", "g2", fmt.Sprint("g-", r.IntN(20))}[r.IntN(5)]
			if r.IntN(2) == 0 {
				d.Days = [2]int32{int32(1 + r.IntN(9)), int32(9 + r.IntN(5))}
				d.Area = []float32{float32(r.IntN(9) - 4), float32(r.IntN(9) - 4), 5, 6}
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

// All hits in an order, page by page: by texts, of which some have none, and by numbers.
func TestSorted(t *testing.T) {
	x := begin(t)
	for i := range 30 { // some of them in segments of their own
		d := doc{Text: "red", Place: fmt.Sprintf("place-%02d", i*7%10), Size: int64(i * 11 % 7)}
		if i%9 == 0 {
			d.Place = ""
		}
		x.write(map[string]doc{fmt.Sprintf("id-%02d", i): d})
	}
	a, err := x.view.Find(t.Context(), &Question{Words: []Word{{Term{"Text", []string{"red"}, 1}}}}, Wanted{Keep: true})
	if err != nil || a.Total != 30 {
		t.Fatal(a.Total, err)
	}
	for _, field := range []string{"", "Size"} {
		var got []string
		var after *Place
		for range 10 {
			hits, err := x.view.Sorted(t.Context(), a, 4, field, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range hits {
				got = append(got, fmt.Sprint(9-h.Number, h.Text, h.ID))
				after = &h
			}
		}
		if len(got) != 30 || !slices.IsSorted(got) {
			t.Errorf("%q, %d: %v", field, len(got), got)
		}
	}
	hits, err := x.view.Sorted(t.Context(), a, 1, "", &Place{Text: "place-04b", ID: "id-00"}) // a place that nothing has any more
	if err != nil || len(hits) != 1 || hits[0].Text != "place-05" {
		t.Errorf("%v, %v", hits, err)
	}
}

// Boxes meet on the globe, also across the date line.
func TestAround(t *testing.T) {
	for _, c := range []struct {
		a, b [2]float32
		meet bool
	}{
		{[2]float32{0, 10}, [2]float32{5, 15}, true}, {[2]float32{0, 10}, [2]float32{11, 15}, false}, {[2]float32{170, -170}, [2]float32{175, 178}, true},
		{[2]float32{170, -170}, [2]float32{-175, 0}, true}, {[2]float32{170, -170}, [2]float32{0, 10}, false}, {[2]float32{170, -170}, [2]float32{160, -179}, true},
		{[2]float32{-180, 180}, [2]float32{170, -170}, true},
		{[2]float32{170, 180}, [2]float32{-180, -170}, true}, {[2]float32{170, 179}, [2]float32{-180, -170}, false},
	} {
		if around(c.a[0], c.a[1], c.b[0], c.b[1]) != c.meet || around(c.b[0], c.b[1], c.a[0], c.a[1]) != c.meet {
			t.Errorf("%v and %v", c.a, c.b)
		}
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
		// as a doc it would have a group, "", until its segment is merged: that loses empty terms
		err := errors.Join(batch.Index(fmt.Sprint("n", i), map[string]any{"Text": "red", "Tags": []string{"x"}}), x.index.Batch(batch))
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

// A question about some ids finds those of them that there are, and nothing where it is
// about none; the best of many are the best, in order.
func TestSomeIDs(t *testing.T) {
	x := begin(t)
	docs := map[string]doc{}
	for i := range 300 {
		docs[fmt.Sprintf("id-%03d", i)] = doc{Text: strings.Repeat("red ", 1+i%7), Tags: []string{fmt.Sprint(i % 5)}}
	}
	x.write(docs)
	x.write(map[string]doc{"id-007": {}})
	for _, c := range []struct {
		ids  []string
		want uint64
	}{{nil, 299}, {[]string{}, 0}, {[]string{"id-000", "id-005", "id-007", "id-none", "", "zz"}, 2}} {
		got, err := x.view.Find(t.Context(), &Question{IDs: c.ids}, Wanted{Best: 5, Scored: true, Count: []int{0}})
		if err != nil || got.Total != c.want || len(got.Hits) != int(min(c.want, 5)) {
			t.Errorf("%v: %d with %v, %v", c.ids, got.Total, got.Hits, err)
		}
		sum := uint64(0)
		for _, n := range got.Count[0] {
			sum += uint64(n)
		}
		if sum != c.want {
			t.Errorf("%v: %d are counted", c.ids, sum)
		}
	}
	got, err := x.view.Find(t.Context(), &Question{Words: []Word{{Term{"Text", []string{"red"}, 1}}}}, Wanted{Best: 90, Scored: true})
	if err != nil || got.Total != 299 || !slices.IsSortedFunc(got.Hits, compare) || got.Hits[0].ID != "id-006" {
		t.Errorf("%d, %v: %v", got.Total, err, got.Hits)
	}
}
