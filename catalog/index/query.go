package index

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"

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
	body, err := x.build(&q)
	if err != nil {
		return Result{}, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := Result{Facets: map[string]schemas.Facet{}}
	type hit struct {
		id string
		at Position
	}
	var hits []hit
	for _, c := range []*class{&x.closed, &x.public} {
		restricted := c == &x.closed
		visible := sightQuery(sight, !restricted)
		if visible == nil {
			continue
		}
		conj := bleve.NewConjunctionQuery(body)
		if restricted {
			conj.AddQuery(visible)
		}
		var r *bleve.SearchResult
		err := guard(func() (err error) {
			r, err = c.b.SearchInContext(ctx, request(&q, conj, restricted))
			return err
		})
		if err != nil && ctx.Err() != nil {
			return out, fmt.Errorf("search: %w", ctx.Err())
		}
		if err != nil {
			return out, x.damaged(err)
		}
		out.Total += r.Total
		for _, h := range r.Hits {
			hits = append(hits, hit{h.ID, position(&q, h, restricted)})
		}
		mergeFacets(out.Facets, r.Facets)
	}
	slices.SortFunc(hits, func(a, b hit) int { return compare(q.Sort, a.at, b.at) })
	for _, h := range hits[:min(q.Limit, len(hits))] {
		out.IDs, out.Positions = append(out.IDs, schemas.DatasetID(h.id)), append(out.Positions, h.at)
	}
	if len(hits) > q.Limit {
		out.Next = Cursor(&q, hits[q.Limit-1].at)
	}
	limitFacets(out.Facets, facetLimit(&q))
	return out, nil
}

// request asks one class for one hit more than a page has, which tells whether there is
// another page.
func request(q *Query, body query.Query, restricted bool) *bleve.SearchRequest {
	r := bleve.NewSearchRequestOptions(body, q.Limit+1, 0, false)
	r.SortByCustom(sortOrder(q, restricted))
	behind, more := after(q, restricted)
	switch {
	case !more:
		r.Size = 0 // its facets and number count all the same
	case behind != nil:
		r.SetSearchAfter(behind)
	}
	for _, name := range q.Facets {
		// Every value is fetched, since the two indexes' counts are summed before
		// they are cut: counts do not depend on how many are shown.
		r.AddFacet(name, bleve.NewFacetRequest(name, maxFacetValues))
	}
	return r
}

const maxFacetValues = 100_000

// facetLimit is how many values of a facet are listed.
func facetLimit(q *Query) int {
	if q.FacetLimit == 0 {
		return 10
	}
	return min(q.FacetLimit, 1000)
}

// mergeFacets adds up the facets of two classes: a value may be in both.
func mergeFacets(into map[string]schemas.Facet, from search.FacetResults) {
	for name, f := range from {
		have := into[name]
		for _, t := range f.Terms.Terms() {
			i := slices.IndexFunc(have.Values, func(v schemas.FacetValue) bool { return v.Value == t.Term })
			if i < 0 {
				have.Values = append(have.Values, schemas.FacetValue{Value: t.Term, Count: t.Count})
			} else {
				have.Values[i].Count += t.Count
			}
		}
		have.Remainder += f.Other
		into[name] = have
	}
}

// Count counts one field over datasets that were found already, as Search's facets
// do over all hits. Errors: Invalid for a field that is no facet.
func Count(sets []*schemas.Dataset, name string, limit int) (schemas.Facet, error) {
	if !slices.Contains(Facets(), name) {
		return schemas.Facet{}, schemas.BadField("search", "facets", "%q is not a facet; there are access, %s", name,
			strings.Join(Facets(), ", "))
	}
	counts := map[string]int{}
	for _, d := range sets {
		values, _ := document(d)[name].([]string)
		for i, v := range values {
			if !slices.Contains(values[:i], v) {
				counts[v]++
			}
		}
	}
	f := schemas.Facet{Values: []schemas.FacetValue{}}
	for v, n := range counts {
		f.Values = append(f.Values, schemas.FacetValue{Value: v, Count: n})
	}
	facets := map[string]schemas.Facet{name: f}
	limitFacets(facets, facetLimit(&Query{FacetLimit: limit}))
	return facets[name], nil
}

// limitFacets lists the most frequent values and counts the others together, after
// merging: the ten of each class need not hold the ten of both.
func limitFacets(facets map[string]schemas.Facet, limit int) {
	for name, f := range facets {
		slices.SortFunc(f.Values, func(a, b schemas.FacetValue) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Value, b.Value)) })
		for _, v := range f.Values[min(limit, len(f.Values)):] {
			f.Remainder += v.Count
		}
		f.Values = f.Values[:min(limit, len(f.Values))]
		facets[name] = f
	}
}

// sightQuery says which documents of an index are in sight; nil is none.
func sightQuery(s schemas.Sight, public bool) query.Query {
	if s.All || public && s.Everyone {
		return bleve.NewMatchAllQuery()
	}
	if public {
		return nil
	}
	var any []query.Query
	for _, token := range sightTokens(s) {
		t := bleve.NewTermQuery(token)
		t.SetField("seen")
		any = append(any, t)
	}
	if len(any) == 0 {
		return nil
	}
	return bleve.NewDisjunctionQuery(any...)
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

// build makes Bleve's query of ours. Bleve's own query language stays closed: it
// can be made to run for minutes [policy.md E0.3].
func (x *Index) build(q *Query) (query.Query, error) {
	if q.Limit < 0 || q.Limit > 1000 {
		return nil, schemas.BadField("search", "limit", "between 1 and 1000")
	}
	if q.Limit == 0 {
		q.Limit = 20
	}
	if !slices.Contains(Sorts(), q.Sort) {
		return nil, schemas.BadField("search", "sort", "%q is not an order; leave it out for the best match, or say modified or title", q.Sort)
	}
	conj := bleve.NewConjunctionQuery()
	err := x.words(conj, q.Words)
	if err != nil {
		return nil, err
	}
	for _, name := range q.Facets {
		if !slices.Contains(Facets(), name) {
			return nil, schemas.BadField("search", "facets", "%q is not a facet; there are access, %s", name, strings.Join(Facets(), ", "))
		}
	}
	for name, values := range q.Filters {
		if !slices.Contains(Facets(), name) {
			return nil, schemas.BadField("search", name, "%q is not a filter", name)
		}
		any := bleve.NewDisjunctionQuery()
		for _, v := range values {
			v = schemas.Key(v)
			if name == "column" {
				v = strings.ToLower(v)
			}
			t := bleve.NewTermQuery(v)
			t.SetField(name)
			t.SetBoost(0)
			any.AddQuery(t)
			if name == "language" && v != "" { // de finds de-AT too [RFC 4647 §3.3.1]
				regional := bleve.NewPrefixQuery(v + "-")
				regional.SetField(name)
				regional.SetBoost(0)
				any.AddQuery(regional)
			}
		}
		conj.AddQuery(any)
	}
	err = overlap(conj, q)
	if err != nil {
		return nil, err
	}
	if len(conj.Conjuncts) == 0 {
		conj.AddQuery(bleve.NewMatchAllQuery())
	}
	return conj, nil
}

// overlap finds datasets of which at least one time covered overlaps the one asked for.
func overlap(conj *query.ConjunctionQuery, q *Query) error {
	if q.From == "" && q.To == "" {
		return nil
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
				return schemas.BadField("search", side.name, "%q is not a day; write YYYY, YYYY-MM or YYYY-MM-DD", side.value)
			}
			lo, hi, yes := &n, (*float64)(nil), true
			if side.end {
				lo, hi = nil, &n
			}
			r := bleve.NewNumericRangeInclusiveQuery(lo, hi, &yes, &yes)
			r.SetField(fmt.Sprintf("%s%d", side.field, i))
			r.SetBoost(0)
			one.AddQuery(r)
		}
		any.AddQuery(one)
	}
	any.SetBoost(0)
	conj.AddQuery(any)
	return nil
}

// words adds what people typed: every word or "phrase" must be found somewhere.
func (x *Index) words(conj *query.ConjunctionQuery, s string) error {
	if len(s) > MaxBytes {
		return schemas.BadField("search", "q", "at most %d bytes", MaxBytes)
	}
	parts := Parse(s)
	if len(parts) > MaxWords {
		return schemas.BadField("search", "q", "at most %d words", MaxWords)
	}
	for _, p := range parts {
		conj.AddQuery(x.word(p))
	}
	return nil
}

// word finds one word or "phrase" in any field.
func (x *Index) word(p string) query.Query {
	any := bleve.NewDisjunctionQuery()
	compound := strings.Fields(strings.ReplaceAll(p, "-", " "))
	or := func(q query.Query) {
		if q != nil {
			any.AddQuery(q)
		}
	}
	add := func(field, analyzer string, weight float64) {
		if !strings.ContainsAny(p, " \t") {
			or(x.match(field, analyzer, p, weight))
		}
		if len(compound) > 1 { // the parts beside each other, in their order
			phrase := strings.Join(compound, " ")
			if analyzer == folded {
				phrase = schemas.Fold(phrase)
			}
			m := bleve.NewMatchPhraseQuery(phrase)
			m.SetField(field)
			or(rescored{m, weight})
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
		or(x.match(field, folded, strings.Join(compound, ""), 1))
	}
	if len(any.Disjuncts) == 0 { // letters of no word
		return bleve.NewMatchNoneQuery()
	}
	return rescored{any, 0}
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
