package index

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"

	"guichet/catalog/index/segment"
	"guichet/schemas"
)

// Query is a search. Zero members do not narrow it.
type Query struct {
	Words      string              // words and "phrases"; all must match
	Filters    map[string][]string // by the names of Facets; values of one name are alternatives
	From, To   string              // days: datasets whose time overlaps
	Facets     []string
	FacetLimit int    // values per facet; 10 when 0, at most 1000
	Sort       string // one of Sorts: best match; modified, newest first; title
	After      *Position
	Limit      int
	Only       []schemas.DatasetID // nil: any
}

// Result is what a search found.
type Result struct {
	Total     uint64
	IDs       []schemas.DatasetID
	Positions []Position // of IDs
	Next      string     // cursor behind the last of them; "" when there are no more
	Facets    map[string]schemas.Facet
}

// The limits of a query [policy.md E0.3].
const (
	MaxWords = 32
	MaxBytes = 512
	MaxLimit = 10_000 // hits of one search; pages are shorter, which the doors see to
)

// Search finds what is in sight. Errors: Invalid, Busy while the index is rebuilt.
func (x *Index) Search(ctx context.Context, q Query, sight schemas.Sight) (Result, error) {
	if !x.Ready() {
		return Result{}, &schemas.Error{
			Kind:    schemas.Busy,
			Subject: "search",
			Message: "the search index is being rebuilt",
			Remedy:  "try again in a moment; datasets can be read by their ids meanwhile",
		}
	}
	question, err := x.build(&q)
	if err != nil {
		return Result{}, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	s, err := x.hold()
	if err != nil {
		return Result{}, x.damaged(err)
	}
	defer s.release()
	out := Result{Facets: map[string]schemas.Facet{}}
	var hits []Position
	var counts [][][]uint32
	for _, restricted := range []bool{true, false} {
		visible, any := inSight(question, sight, restricted)
		if !any {
			continue
		}
		a, found, err := s.find(ctx, &q, visible, restricted)
		if err != nil && ctx.Err() != nil {
			return out, fmt.Errorf("search: %w", ctx.Err())
		}
		if err != nil {
			return out, x.damaged(err)
		}
		out.Total += a.Total
		hits = append(hits, found...)
		counts = append(counts, a.Count)
	}
	slices.SortFunc(hits, func(a, b Position) int { return compare(q.Sort, a, b) })
	out.Positions = hits[:min(q.Limit, len(hits))]
	for _, h := range out.Positions {
		out.IDs = append(out.IDs, schemas.DatasetID(h.id))
	}
	if len(hits) > q.Limit {
		out.Next = Cursor(&q, hits[q.Limit-1])
	}
	if len(counts) > 0 {
		s.facets(&q, counts, out.Facets)
	}
	return out, nil
}

// find asks one class for one hit more than a page has, which tells whether there is
// another page.
func (s *state) find(ctx context.Context, q *Query, question segment.Question, restricted bool) (segment.Answer, []Position, error) {
	view := s.public
	if restricted {
		view = s.closed
	}
	w := segment.Wanted{Best: q.Limit + 1, Scored: !restricted}
	for _, name := range q.Facets {
		w.Count = append(w.Count, slices.Index(Facets(), name))
	}
	behind, more := after(q, restricted)
	if !more {
		w.Best = 0 // its facets and number count all the same
	}
	if q.Sort == "" {
		w.After = best(q, behind)
		a, err := view.Find(ctx, &question, w)
		var out []Position
		for _, h := range a.Hits {
			out = append(out, Position{restricted: restricted, number: h.Score, id: h.ID})
		}
		return a, out, err
	}
	w.Best, w.Keep = 0, true
	a, err := view.Find(ctx, &question, w)
	if err != nil {
		return a, nil, err
	}
	hits, err := view.Sorted(ctx, a, q.Limit+1, sortOrder(q), behind)
	var out []Position
	for _, h := range hits {
		out = append(out, position(q, h))
	}
	return a, out, err
}

// facets lists the most frequent values of each facet and counts the others together, after
// the classes' counts are summed: the ten of each need not hold the ten of both, and counts
// do not depend on how many are shown.
func (s *state) facets(q *Query, counts [][][]uint32, out map[string]schemas.Facet) {
	for i, name := range q.Facets {
		var each [][]uint32
		for _, c := range counts {
			each = append(each, c[i])
		}
		top, others := s.values.Top(slices.Index(Facets(), name), facetLimit(q), each...)
		f := schemas.Facet{Remainder: others}
		for _, v := range top {
			f.Values = append(f.Values, schemas.FacetValue{Value: v.Text, Count: v.Count})
		}
		out[name] = f
	}
}

// facetLimit is how many values of a facet are listed.
func facetLimit(q *Query) int {
	if q.FacetLimit == 0 {
		return 10
	}
	return min(q.FacetLimit, 1000)
}

// inSight narrows a question to what is in sight of a class; false is nothing.
func inSight(q segment.Question, s schemas.Sight, restricted bool) (segment.Question, bool) {
	if s.All || !restricted {
		return q, s.All || s.Everyone
	}
	tokens := sightTokens(s)
	q.Filters = append(slices.Clone(q.Filters), segment.Filter{Field: "seen", Values: tokens})
	return q, len(tokens) > 0
}

// sightTokens are the words under which hidden datasets are indexed for those who may
// see them.
func sightTokens(s schemas.Sight) []string {
	var out []string
	if s.SignedIn {
		out = append(out, "signed-in")
	}
	if s.Participant != "" {
		out = append(out, "p:"+string(s.Participant))
	}
	return out
}

// build makes a question of a query. Bleve's own query language stays closed: it can be
// made to run for minutes [policy.md E0.3].
func (x *Index) build(q *Query) (segment.Question, error) {
	var out segment.Question
	if q.Limit < 0 || q.Limit > MaxLimit {
		return out, schemas.BadField("search", "limit", "between 1 and %d", MaxLimit)
	}
	if q.Limit == 0 {
		q.Limit = 20
	}
	if !slices.Contains(Sorts(), q.Sort) {
		return out, schemas.BadField("search", "sort", "%q is not an order; leave it out for the best match, or say modified or title", q.Sort)
	}
	if len(q.Words) > MaxBytes {
		return out, schemas.BadField("search", "q", "at most %d bytes", MaxBytes)
	}
	parts := Parse(q.Words)
	if len(parts) > MaxWords {
		return out, schemas.BadField("search", "q", "at most %d words", MaxWords)
	}
	for _, p := range parts { // every one must be found somewhere
		out.Words = append(out.Words, x.word(p))
	}
	for _, name := range q.Facets {
		if !slices.Contains(Facets(), name) {
			return out, schemas.BadField("search", "facets", "%q is not a facet; there are access, %s", name, strings.Join(Facets(), ", "))
		}
	}
	for name, values := range q.Filters {
		if !slices.Contains(Facets(), name) {
			return out, schemas.BadField("search", name, "%q is not a filter", name)
		}
		out.Filters = append(out.Filters, filter(name, values))
	}
	if q.Only != nil {
		out.IDs = []string{}
		for _, id := range q.Only {
			out.IDs = append(out.IDs, string(id))
		}
	}
	within, err := overlap(q)
	if within != nil {
		out.Within = append(out.Within, within)
	}
	return out, err
}

// filter finds one of the values of a field.
func filter(name string, values []string) segment.Filter {
	f := segment.Filter{Field: name}
	for _, v := range values {
		v = schemas.Key(v)
		if name == "column" {
			v = strings.ToLower(v)
		}
		f.Values = append(f.Values, v)
		if name == "language" && v != "" { // de finds de-AT too [RFC 4647 §3.3.1]
			f.Prefixes = append(f.Prefixes, v+"-")
		}
	}
	return f
}

// overlap finds datasets of which at least one time covered overlaps the one asked for; nil
// where none is.
func overlap(q *Query) (query.Query, error) {
	if q.From == "" && q.To == "" {
		return nil, nil
	}
	any := bleve.NewDisjunctionQuery()
	for i := range maxSpans {
		one := bleve.NewConjunctionQuery()
		for _, side := range []struct {
			name, value, field string
			end                bool
		}{{"from", q.From, "until", false}, {"to", q.To, "from", true}} {
			if side.value == "" {
				continue
			}
			n, ok := day(side.value, side.end)
			if !ok {
				return nil, schemas.BadField("search", side.name, "%q is not a day; write YYYY, YYYY-MM or YYYY-MM-DD", side.value)
			}
			lo, hi, yes := &n, (*float64)(nil), true
			if side.end {
				lo, hi = nil, &n
			}
			r := bleve.NewNumericRangeInclusiveQuery(lo, hi, &yes, &yes)
			r.SetField(fmt.Sprintf("%s%d", side.field, i))
			one.AddQuery(r)
		}
		any.AddQuery(one)
	}
	return any, nil
}

// word finds one word or "phrase" in any field; letters of no word find nothing.
func (x *Index) word(p string) segment.Word {
	var any segment.Word
	compound := strings.Fields(strings.ReplaceAll(p, "-", " "))
	match := func(field, analyzer, word string, weight float64) {
		if texts := x.analysed(analyzer, word); len(texts) > 0 {
			any = append(any, segment.Term{Field: field, Texts: texts, Weight: weight})
		}
	}
	add := func(field, analyzer string, weight float64) {
		if !strings.ContainsAny(p, " \t") {
			match(field, analyzer, p, weight)
		}
		if len(compound) > 1 { // the parts beside each other, in their order
			phrase := strings.Join(compound, " ")
			if analyzer == folded {
				phrase = schemas.Fold(phrase)
			}
			m := bleve.NewMatchPhraseQuery(phrase)
			m.SetField(field)
			any = append(any, segment.Fixed{Query: m, Score: weight})
		}
	}
	add("title", folded, 4)
	add("words", folded, 1)
	for _, tag := range slices.Sorted(maps.Keys(languages())) {
		add("title_"+tag, languages()[tag], 3)
		add("text_"+tag, languages()[tag], 1)
	}
	fields := []string{"joined"} // the same compound as others write it
	switch len(compound) {
	case 1:
	case 2:
		fields = append(fields, "title", "words")
	default:
		fields = nil
	}
	for _, field := range fields {
		match(field, folded, strings.Join(compound, ""), 1)
	}
	return any
}

// analysed are the terms that an analyzer makes of a word.
func (x *Index) analysed(analyzer, word string) []string {
	a := x.mapping.AnalyzerNamed(analyzer)
	if a == nil {
		return nil
	}
	if analyzer == folded {
		word = schemas.Fold(word)
	}
	var out []string
	for _, t := range a.Analyze([]byte(word)) {
		out = append(out, string(t.Term))
	}
	return out
}

// Parse cuts what people type into words and "phrases".
func Parse(s string) []string {
	var out []string
	s = schemas.Key(s)
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			if p := strings.Join(strings.Fields(part), " "); p != "" {
				out = append(out, p)
			}
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return slices.DeleteFunc(out, func(w string) bool { return strings.Trim(w, "*?~^+-!(){}[]:/\\.,;'") == "" })
}
