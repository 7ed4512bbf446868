package index

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	bindex "github.com/blevesearch/bleve_index_api"

	"guichet/schemas"
)

// This file is how Search found, scored and counted before it did so by itself. It is kept
// as what the product's answers are held against, and as what its speed is measured by.

// asked is what Search was before it counted by itself: Bleve finds, scores and counts.
func (x *Index) asked(ctx context.Context, q Query, sight schemas.Sight) (Result, error) {
	body, err := x.asBleve(&q)
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
		visible := oldSight(sight, !restricted)
		if visible == nil {
			continue
		}
		conj := bleve.NewConjunctionQuery(body)
		if restricted {
			conj.AddQuery(visible)
		}
		var r *bleve.SearchResult
		err := guard(func() (err error) {
			r, err = c.b.SearchInContext(ctx, oldRequest(&q, conj, restricted))
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
			hits = append(hits, hit{h.ID, oldPosition(&q, h, restricted)})
		}
		oldMerge(out.Facets, r.Facets)
	}
	slices.SortFunc(hits, func(a, b hit) int { return compare(q.Sort, a.at, b.at) })
	for _, h := range hits[:min(q.Limit, len(hits))] {
		out.IDs, out.Positions = append(out.IDs, schemas.DatasetID(h.id)), append(out.Positions, h.at)
	}
	if len(hits) > q.Limit {
		out.Next = Cursor(&q, hits[q.Limit-1].at)
	}
	oldLimit(out.Facets, facetLimit(&q))
	return out, nil
}

// oldRequest asks one class for one hit more than a page has, which tells whether there is
// another page.
func oldRequest(q *Query, body query.Query, restricted bool) *bleve.SearchRequest {
	r := bleve.NewSearchRequestOptions(body, q.Limit+1, 0, false)
	r.SortByCustom(oldOrder(q, restricted))
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

// oldMerge adds up the facets of two classes: a value may be in both.
func oldMerge(into map[string]schemas.Facet, from search.FacetResults) {
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

// oldLimit lists the most frequent values and counts the others together, after
// merging: the ten of each class need not hold the ten of both.
func oldLimit(facets map[string]schemas.Facet, limit int) {
	for name, f := range facets {
		slices.SortFunc(f.Values, func(a, b schemas.FacetValue) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Value, b.Value)) })
		for _, v := range f.Values[min(limit, len(f.Values)):] {
			f.Remainder += v.Count
		}
		f.Values = f.Values[:min(limit, len(f.Values))]
		facets[name] = f
	}
}

// oldSight says which documents of an index are in sight; nil is none.
func oldSight(s schemas.Sight, public bool) query.Query {
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

// asBleve makes Bleve's query of ours. Bleve's own query language stays closed: it
// can be made to run for minutes [policy.md E0.3].
func (x *Index) asBleve(q *Query) (query.Query, error) {
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
	err := error(nil)
	for _, p := range Parse(q.Words) {
		conj.AddQuery(x.oldWord(p))
	}
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
			any.AddQuery(unscored{t})
			if name == "language" && v != "" { // de finds de-AT too [RFC 4647 §3.3.1]
				regional := bleve.NewPrefixQuery(v + "-")
				regional.SetField(name)
				regional.SetBoost(0)
				any.AddQuery(unscored{regional})
			}
		}
		conj.AddQuery(any)
	}
	err = oldOverlap(conj, q)
	if err != nil {
		return nil, err
	}
	if len(conj.Conjuncts) == 0 {
		conj.AddQuery(bleve.NewMatchAllQuery())
	}
	return conj, nil
}

// oldOverlap finds datasets of which at least one time covered overlaps the one asked for.
func oldOverlap(conj *query.ConjunctionQuery, q *Query) error {
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
			one.AddQuery(unscored{r})
		}
		any.AddQuery(one)
	}
	any.SetBoost(0)
	conj.AddQuery(any)
	return nil
}

// oldWord finds one word or "phrase" in any field.
func (x *Index) oldWord(p string) query.Query {
	any := bleve.NewDisjunctionQuery()
	compound := strings.Fields(strings.ReplaceAll(p, "-", " "))
	or := func(q query.Query) {
		if q != nil {
			any.AddQuery(q)
		}
	}
	add := func(field, analyzer string, weight float64) {
		if !strings.ContainsAny(p, " \t") {
			or(x.oldMatch(field, analyzer, p, weight))
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
		or(x.oldMatch(field, folded, strings.Join(compound, ""), 1))
	}
	if len(any.Disjuncts) == 0 { // letters of no word
		return bleve.NewMatchNoneQuery()
	}
	return rescored{any, 0}
}

// oldOrder is a class's order in Bleve's words.
func oldOrder(q *Query, restricted bool) search.SortOrder {
	id := &search.SortDocID{}
	switch {
	case q.Sort == "modified":
		return search.SortOrder{&search.SortField{Field: "modified", Desc: true, Type: search.SortFieldAsNumber}, id}
	case q.Sort == "title":
		return search.SortOrder{&search.SortField{Field: "sorted", Type: search.SortFieldAsString}, id}
	case restricted: // a constant score tells nothing of other hidden datasets
		return search.SortOrder{id}
	}
	return search.SortOrder{&search.SortScore{Desc: true}, id}
}

// oldPosition is where a hit of Bleve's stands.
func oldPosition(q *Query, h *search.DocumentMatch, restricted bool) Position {
	p := Position{id: h.ID}
	switch q.Sort {
	case "modified":
		p.number, _ = strconv.ParseFloat(h.DecodedSort[0], 64) // its own number; every document has one
	case "title":
		p.text = h.DecodedSort[0]
	default:
		p.restricted = restricted
		if !restricted {
			p.number = h.Score
		}
	}
	return p
}

// Scores here depend on a dataset and the question alone, never on what else is in the
// index, as Bleve's own do: else each dataset that comes or goes would move all others,
// and pages would repeat and skip. So do sums: every score is a multiple of grain, which
// adds up the same in any order.
const grain = 1.0 / (1 << 20)

// grained rounds a score to a grain, so that the order of two machines that add in
// another order is one order.
func grained(score float64) float64 { return math.Round(score/grain) * grain }

// term finds one term of an analyzer in one field: the more often in the shorter text,
// the better.
type term struct {
	field, text string
	weight      float64
}

var _ query.Query = term{}

// Searcher is Bleve's.
func (q term) Searcher(
	ctx context.Context, i bindex.IndexReader, _ mapping.IndexMapping, o search.SearcherOptions,
) (search.Searcher, error) {
	r, err := i.TermFieldReader(ctx, []byte(q.text), q.field, true, true, o.IncludeTermVectors)
	if err != nil {
		return nil, err
	}
	return &termSearcher{r: r, weight: q.weight}, nil
}

// termSearcher gives the documents of one word, scored by us: Bleve's scores move with
// every document that is added, so that no cursor could stand on them.
type termSearcher struct {
	r      bindex.TermFieldReader
	weight float64
	at     bindex.TermFieldDoc
}

// match scores one document as TF-IDF does: by the word's weight, which is higher the rarer
// it is, the root of how often it stands there, and the length of the field.
func (s *termSearcher) match(ctx *search.SearchContext, d *bindex.TermFieldDoc, err error) (*search.DocumentMatch, error) {
	if err != nil || d == nil {
		return nil, err
	}
	m := ctx.DocumentMatchPool.Get()
	m.IndexInternalID = append(m.IndexInternalID, d.ID...)
	m.Score = grained(s.weight * math.Sqrt(float64(d.Freq)) * d.Norm)
	return m, nil
}

func (s *termSearcher) Next(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	d, err := s.r.Next(s.at.Reset())
	return s.match(ctx, d, err)
}

func (s *termSearcher) Advance(ctx *search.SearchContext, id bindex.IndexInternalID) (*search.DocumentMatch, error) {
	d, err := s.r.Advance(id, s.at.Reset())
	return s.match(ctx, d, err)
}

func (s *termSearcher) Close() error               { return s.r.Close() }
func (s *termSearcher) Weight() float64            { return 0 }
func (s *termSearcher) SetQueryNorm(float64)       {}
func (s *termSearcher) Count() uint64              { return s.r.Count() }
func (s *termSearcher) Min() int                   { return 0 }
func (s *termSearcher) Size() int                  { return s.r.Size() + s.at.Size() }
func (s *termSearcher) DocumentMatchPoolSize() int { return 1 }

// rescored is a question whose answers score otherwise: always the same where fixed is
// not 0, else as they do, grained.
type rescored struct {
	query.Query
	fixed float64
}

// Searcher is Bleve's.
func (q rescored) Searcher(
	ctx context.Context, i bindex.IndexReader, m mapping.IndexMapping, o search.SearcherOptions,
) (search.Searcher, error) {
	s, err := q.Query.Searcher(ctx, i, m, o)
	if err != nil {
		return nil, err
	}
	return &rescorer{s, q.fixed}, nil
}

// inner is Bleve's search.Searcher under a name that is none of its methods.
type inner = search.Searcher

// rescorer puts our scores in place of a searcher's: one fixed score, or its own in
// grains.
type rescorer struct {
	inner
	fixed float64
}

// match puts a score of ours into a document that was found.
func (s *rescorer) match(m *search.DocumentMatch, err error) (*search.DocumentMatch, error) {
	switch {
	case m == nil:
	case s.fixed != 0:
		m.Score = grained(s.fixed)
	default:
		m.Score = grained(m.Score)
	}
	return m, err
}

// Next is Bleve's.
func (s *rescorer) Next(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	m, err := s.inner.Next(ctx)
	return s.match(m, err)
}

// Advance is Bleve's.
func (s *rescorer) Advance(ctx *search.SearchContext, id bindex.IndexInternalID) (*search.DocumentMatch, error) {
	m, err := s.inner.Advance(ctx, id)
	return s.match(m, err)
}

// Weight and SetQueryNorm keep what depends on the whole index out of the scores.
func (s *rescorer) Weight() float64      { return 0 }
func (s *rescorer) SetQueryNorm(float64) {}

// oldMatch finds all terms that an analyzer makes of a word; nil where it makes none.
func (x *Index) oldMatch(field, analyzer, word string, weight float64) query.Query {
	a := x.mapping.AnalyzerNamed(analyzer)
	if a == nil {
		return nil
	}
	if analyzer == folded {
		word = schemas.Fold(word)
	}
	conj := bleve.NewConjunctionQuery()
	for _, t := range a.Analyze([]byte(word)) {
		conj.AddQuery(term{field, string(t.Term), weight})
	}
	switch len(conj.Conjuncts) {
	case 0:
		return nil
	case 1:
		return conj.Conjuncts[0]
	}
	return conj
}

// unscored is a filter's question: Bleve's own weights of it came out as not a number.
type unscored struct{ query.Query }

// Searcher is Bleve's.
func (q unscored) Searcher(
	ctx context.Context, i bindex.IndexReader, m mapping.IndexMapping, o search.SearcherOptions,
) (search.Searcher, error) {
	s, err := q.Query.Searcher(ctx, i, m, o)
	if err != nil {
		return nil, err
	}
	return &zeroed{s}, nil
}

// zeroed gives what it finds no score.
type zeroed struct{ inner }

func (s *zeroed) match(m *search.DocumentMatch, err error) (*search.DocumentMatch, error) {
	if m != nil {
		m.Score = 0
	}
	return m, err
}

// Next is Bleve's.
func (s *zeroed) Next(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	return s.match(s.inner.Next(ctx))
}

// Advance is Bleve's.
func (s *zeroed) Advance(ctx *search.SearchContext, id bindex.IndexInternalID) (*search.DocumentMatch, error) {
	return s.match(s.inner.Advance(ctx, id))
}

func (s *zeroed) Weight() float64      { return 0 }
func (s *zeroed) SetQueryNorm(float64) {}
