package segment

import (
	"context"
	"fmt"

	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/collector"
	bindex "github.com/blevesearch/bleve_index_api"
)

// Sorted are the first of all hits of an answer, which kept them, in an order of Bleve's,
// behind what after says of it; nil is from the first. Errors: what Bleve fails with, that
// of ctx.
func (v *View) Sorted(
	ctx context.Context, a Answer, most int, order search.SortOrder, after []string,
) (hits []*search.DocumentMatch, err error) {
	defer caught(&err)
	c := collector.NewTopNCollector(most, 0, order)
	if after != nil {
		c = collector.NewTopNCollectorAfter(most, order, after)
	}
	err = c.Collect(ctx, &walker{v: v, docs: a.docs}, v.reader)
	if err != nil {
		return nil, fmt.Errorf("sort the hits: %w", err)
	}
	return c.Results(), nil
}

// walker gives hits that were found already to a collector of Bleve's.
type walker struct {
	v        *View
	docs     [][]uint32
	seg, doc int
}

var _ search.Searcher = (*walker)(nil)

// Next is Bleve's.
func (s *walker) Next(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	for s.seg < len(s.docs) && s.doc >= len(s.docs[s.seg]) {
		s.seg, s.doc = s.seg+1, 0
	}
	if s.seg >= len(s.docs) {
		return nil, nil
	}
	m := ctx.DocumentMatchPool.Get()
	m.IndexInternalID = bindex.NewIndexInternalID(m.IndexInternalID, s.v.parts[s.seg].first+uint64(s.docs[s.seg][s.doc]))
	s.doc++
	return m, nil
}

// Advance is Bleve's; collectors never call it.
func (s *walker) Advance(ctx *search.SearchContext, id bindex.IndexInternalID) (*search.DocumentMatch, error) {
	for {
		m, err := s.Next(ctx)
		if m == nil || err != nil || m.IndexInternalID.Compare(id) >= 0 {
			return m, err
		}
		ctx.DocumentMatchPool.Put(m)
	}
}

func (s *walker) Close() error               { return nil }
func (s *walker) Weight() float64            { return 0 }
func (s *walker) SetQueryNorm(float64)       {}
func (s *walker) Min() int                   { return 0 }
func (s *walker) Size() int                  { return 0 }
func (s *walker) DocumentMatchPoolSize() int { return 1 }

// Count is Bleve's.
func (s *walker) Count() uint64 {
	n := 0
	for _, d := range s.docs {
		n += len(d)
	}
	return uint64(n)
}
