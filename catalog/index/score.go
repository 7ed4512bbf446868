package index

import (
	"context"
	"math"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	bindex "github.com/blevesearch/bleve_index_api"

	"guichet/schemas"
)

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

// match finds all terms that an analyzer makes of a word; nil where it makes none.
func (x *Index) match(field, analyzer, word string, weight float64) query.Query {
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
