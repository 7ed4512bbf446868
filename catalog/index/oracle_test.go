package index

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"
	bindex "github.com/blevesearch/bleve_index_api"

	"guichet/catalog/index/document"
	"guichet/catalog/index/segment"
	"guichet/schemas"
)

// This file asks Bleve what Search finds by itself: what the product's answers are held
// against, and what its speed is measured by.

// asBleve makes Bleve's query of a question.
func (x *Index) asBleve(c *class, q segment.Question) (query.Query, error) {
	all := bleve.NewConjunctionQuery(bleve.NewMatchAllQuery())
	for _, w := range q.Words {
		any := bleve.NewDisjunctionQuery()
		for _, clause := range w {
			any.AddQuery(clauseAsBleve(clause))
		}
		all.AddQuery(any)
	}
	for _, f := range q.Filters {
		any := bleve.NewDisjunctionQuery()
		for _, v := range f.Values {
			any.AddQuery(termQuery(f.Field, v))
		}
		for _, p := range f.Prefixes {
			inner, err := c.b.Advanced()
			if err != nil {
				return nil, err
			}
			r, err := inner.Reader()
			if err != nil {
				return nil, err
			}
			dict, err := r.FieldDictPrefix(f.Field, []byte(p))
			for err == nil {
				var e *bindex.DictEntry
				e, err = dict.Next()
				if e == nil {
					break
				}
				if f.Where == nil || f.Where(e.Term) {
					any.AddQuery(termQuery(f.Field, e.Term))
				}
			}
			if err != nil {
				return nil, err
			}
			err = r.Close()
			if err != nil {
				return nil, err
			}
		}
		all.AddQuery(any)
	}
	if len(q.IDs) > 0 {
		all.AddQuery(bleve.NewDocIDQuery(q.IDs))
	}
	return all, nil
}

func termQuery(field, text string) query.Query {
	t := bleve.NewTermQuery(text)
	t.SetField(field)
	return t
}

func clauseAsBleve(c segment.Clause) query.Query {
	switch c := c.(type) {
	case segment.Term:
		all := bleve.NewConjunctionQuery()
		for _, text := range c.Texts {
			all.AddQuery(termQuery(c.Field, text))
		}
		return all
	case segment.Phrase:
		return bleve.NewPhraseQuery(c.Texts, c.Field)
	case segment.Prefix:
		p := bleve.NewPrefixQuery(c.Text)
		p.SetField(c.Field)
		return p
	case segment.Held:
		any := bleve.NewDisjunctionQuery()
		for _, v := range c.Filter.Values {
			any.AddQuery(termQuery(c.Filter.Field, v))
		}
		return any
	}
	panic(fmt.Sprintf("%T is not one that Bleve is asked for", c))
}

// bleves lets Bleve find, score, sort and count everybody's datasets, as its users would.
func (x *Index) bleves(ctx context.Context, q Query) (Result, error) {
	question, err := x.build(&q)
	if err != nil {
		return Result{}, err
	}
	body, err := x.asBleve(&x.public, question)
	if err != nil {
		return Result{}, err
	}
	r := bleve.NewSearchRequestOptions(body, q.Limit, 0, false)
	for _, name := range q.Facets {
		r.AddFacet(name, bleve.NewFacetRequest(name, 10))
	}
	got, err := x.public.b.SearchInContext(ctx, r)
	if err != nil {
		return Result{}, err
	}
	return Result{Total: got.Total}, nil
}

// oracle answers searches out of Bleve's hits and what the datasets say.
type oracle struct {
	x    *Index
	sets map[schemas.DatasetID]schemas.Dataset // as they were written last
}

// asked is what Search is to answer, but for the limits by days and degrees.
func (o *oracle) asked(ctx context.Context, q Query, sight schemas.Sight) (Result, error) {
	question, err := o.x.build(&q)
	if err != nil {
		return Result{}, err
	}
	out := Result{Facets: map[string]schemas.Facet{}}
	counts := map[string]map[string]int{}
	var hits []Position
	for _, c := range []*class{&o.x.closed, &o.x.public} {
		restricted := c == &o.x.closed
		visible, any := inSight(question, sight, restricted)
		if !any {
			continue
		}
		body, err := o.x.asBleve(c, visible)
		if err != nil {
			return out, err
		}
		r := bleve.NewSearchRequestOptions(body, 10_000, 0, false)
		for _, name := range q.Facets {
			r.AddFacet(name, bleve.NewFacetRequest(name, 10_000))
		}
		got, err := c.b.SearchInContext(ctx, r)
		if err != nil {
			return out, err
		}
		out.Total += got.Total
		counts[""] = nil
		for name, f := range got.Facets {
			if counts[name] == nil {
				counts[name] = map[string]int{}
			}
			for _, t := range f.Terms.Terms() {
				counts[name][t.Term] += t.Count
			}
		}
		score, err := scores(ctx, c, question)
		if err != nil {
			return out, err
		}
		for _, h := range got.Hits {
			hits = append(hits, o.position(&q, schemas.DatasetID(h.ID), restricted, score[h.ID]))
		}
	}
	slices.SortFunc(hits, func(a, b Position) int { return compare(q.Sort, a, b) })
	hits = slices.DeleteFunc(hits, func(h Position) bool { return q.After != nil && compare(q.Sort, h, *q.After) <= 0 })
	for _, h := range hits[:min(q.Limit, len(hits))] {
		out.IDs, out.Positions = append(out.IDs, schemas.DatasetID(h.id)), append(out.Positions, h)
	}
	if len(hits) > q.Limit {
		out.Next = Cursor(&q, hits[q.Limit-1])
	}
	for _, name := range q.Facets {
		if len(counts) == 0 { // nothing is in sight
			break
		}
		out.Facets[name] = topOf(counts[name], facetLimit(&q))
	}
	return out, nil
}

// position is where a dataset stands in an order.
func (o *oracle) position(q *Query, id schemas.DatasetID, restricted bool, score float64) Position {
	d := o.sets[id]
	p := Position{id: string(id)}
	switch q.Sort {
	case document.Modified:
		p.number = d.Modified.UnixMicro()
	case document.Size:
		if d.Latest != nil {
			p.number = d.Latest.Bytes
		}
	case document.Quality:
		if d.Profiles != nil {
			p.number = int64(d.Profiles.Points)
		}
	case "title":
		p.text = document.SortTitle(d.Title)
	default:
		p.restricted = restricted
		switch {
		case restricted:
		case len(q.clauses)+len(q.Filters)+len(q.Typed)+len(q.Only) == 0:
			p.score = 1
		default:
			p.score = score
		}
	}
	return p
}

// topOf lists the most frequent values of a facet and counts the others together.
func topOf(counts map[string]int, most int) schemas.Facet {
	var f schemas.Facet
	for v, n := range counts {
		f.Values = append(f.Values, schemas.FacetValue{Value: v, Count: n})
	}
	slices.SortFunc(f.Values, func(a, b schemas.FacetValue) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Value, b.Value)
	})
	for _, v := range f.Values[min(most, len(f.Values)):] {
		f.Remainder += v.Count
	}
	f.Values = f.Values[:min(most, len(f.Values))]
	return f
}

// scores reads the scores of all documents out of Bleve's postings.
func scores(ctx context.Context, c *class, q segment.Question) (map[string]float64, error) {
	out := map[string]float64{}
	for _, w := range q.Words {
		best := map[string]float64{}
		for _, clause := range w {
			of, err := clauseScores(ctx, c, clause)
			if err != nil {
				return nil, err
			}
			for id, score := range of {
				best[id] = max(best[id], score)
			}
		}
		for id, score := range best {
			out[id] += float64(float32(score))
		}
	}
	return out, nil
}

func clauseScores(ctx context.Context, c *class, clause segment.Clause) (map[string]float64, error) {
	var texts []string
	weight, fixed := 0.0, false
	switch c := clause.(type) {
	case segment.Term:
		texts, weight = c.Texts, c.Weight
	case segment.Phrase:
		texts, weight = c.Texts, c.Weight
	case segment.Prefix:
		weight, fixed = c.Weight, true
	case segment.Held:
		weight, fixed = c.Weight, true
	}
	r := bleve.NewSearchRequestOptions(clauseAsBleve(clause), 10_000, 0, false)
	got, err := c.b.SearchInContext(ctx, r)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for _, h := range got.Hits {
		out[h.ID] = weight
	}
	if fixed {
		return out, nil
	}
	inner, err := c.b.Advanced()
	if err != nil {
		return nil, err
	}
	reader, err := inner.Reader()
	if err != nil {
		return nil, err
	}
	defer reader.Close() //nolint:errcheck // only read
	least := map[string]uint64{}
	for _, text := range texts {
		docs, err := reader.TermFieldReader(ctx, []byte(text), document.Words, true, true, false)
		if err != nil {
			return nil, err
		}
		for {
			d, err := docs.Next(nil)
			if err != nil {
				return nil, err
			}
			if d == nil {
				break
			}
			id, err := reader.ExternalID(d.ID)
			if err != nil {
				return nil, err
			}
			if n, seen := least[id]; !seen || d.Freq < n {
				least[id] = d.Freq
			}
		}
	}
	for id := range out {
		out[id] = weight * float64(least[id]) / segment.MaxImpact
	}
	return out, nil
}
