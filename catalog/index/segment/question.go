package segment

import (
	"context"
	"fmt"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// Question is what is looked for: every word, every filter and everything else must hold.
// The zero one finds all.
type Question struct {
	Words   []Word
	Filters []Filter
	Within  []query.Query // what Bleve finds; it does not score
	IDs     []string      // nil: any
}

// empty says whether it finds all.
func (q *Question) empty() bool {
	return len(q.Words)+len(q.Filters)+len(q.Within) == 0 && q.IDs == nil
}

// Word is found where any of its clauses is. Its score is the sum of those of the clauses
// that are, times their share of all.
type Word []Clause

// Clause is a Term or a Fixed.
type Clause interface {
	docs(f *finder) (*roaring.Bitmap, error)
	// score adds the clause's score of each hit that it finds, and one to its matches.
	score(f *finder, h *scored) error
}

// Term finds what holds all texts in one field: the more often in the shorter field, the
// higher it scores, in multiples of Grain.
type Term struct {
	Field  string
	Texts  []string
	Weight float64
}

// Fixed finds what Bleve finds, all with one score.
type Fixed struct {
	Query query.Query
	Score float64
}

// Filter finds what has one of the values in a field, or a value with one of the prefixes.
type Filter struct {
	Field            string
	Values, Prefixes []string
}

// finder looks for the hits of one question in one segment.
type finder struct {
	*part
	dicts   map[string]segments.TermDictionary
	foreign map[query.Query]*roaring.Bitmap // what Bleve found, by the question
}

// dict is a field's dictionary.
func (f *finder) dict(field string) (segments.TermDictionary, error) {
	d := f.dicts[field]
	if d != nil {
		return d, nil
	}
	d, err := f.Dictionary(field)
	if err != nil {
		return nil, fmt.Errorf("read the words of %s: %w", field, err)
	}
	f.dicts[field] = d
	return d, nil
}

// docs are the documents with all of a Term's texts.
func (t Term) docs(f *finder) (*roaring.Bitmap, error) {
	d, err := f.dict(t.Field)
	if err != nil {
		return nil, err
	}
	var out *roaring.Bitmap
	for _, text := range t.Texts {
		b := roaring.New()
		err := orInto(d, text, b)
		if err != nil {
			return nil, fmt.Errorf("look up a word: %w", err)
		}
		if out == nil {
			out = b
		} else {
			out.And(b)
		}
	}
	if out == nil {
		out = roaring.New()
	}
	return out, nil
}

func (x Fixed) docs(f *finder) (*roaring.Bitmap, error) { return f.foreign[x.Query], nil }

// docs are the documents that pass a filter.
func (x Filter) docs(f *finder) (*roaring.Bitmap, error) {
	out := roaring.New()
	d, err := f.dict(x.Field)
	for _, v := range x.Values {
		if err == nil {
			err = orInto(d, v, out)
		}
	}
	for _, p := range x.Prefixes {
		if err == nil {
			err = terms(d, p, func(text string) (bool, error) {
				if !strings.HasPrefix(text, p) {
					return false, nil
				}
				return true, orInto(d, text, out)
			})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("filter by %s: %w", x.Field, err)
	}
	return out, nil
}

// docs are the documents in which a word is found.
func (w Word) docs(f *finder) (*roaring.Bitmap, error) {
	out := roaring.New()
	for _, c := range w {
		b, err := c.docs(f)
		if err != nil {
			return nil, err
		}
		if b != nil {
			out.Or(b)
		}
	}
	return out, nil
}

// hits are the live documents that a question finds.
func (q *Question) hits(f *finder) (*roaring.Bitmap, error) {
	var out *roaring.Bitmap
	and := func(b *roaring.Bitmap, err error) error {
		switch {
		case err != nil:
			return err
		case b == nil:
			out = roaring.New()
		case out == nil:
			out = b.Clone()
		default:
			out.And(b)
		}
		return nil
	}
	var err error
	if q.IDs != nil {
		err = and(f.those(q.IDs), nil)
	}
	for _, x := range q.Filters {
		if err == nil && (out == nil || !out.IsEmpty()) {
			err = and(x.docs(f))
		}
	}
	for _, x := range q.Within {
		if err == nil {
			err = and(f.foreign[x], nil)
		}
	}
	for _, w := range q.Words {
		if err == nil && (out == nil || !out.IsEmpty()) {
			err = and(w.docs(f))
		}
	}
	if err != nil {
		return nil, err
	}
	if out == nil {
		return f.live(), nil
	}
	if f.deleted != nil {
		out.AndNot(f.deleted)
	}
	return out, nil
}

// those are the documents with some ids, deleted ones too.
func (c *columns) those(ids []string) *roaring.Bitmap {
	out := roaring.New()
	for _, id := range ids {
		at := c.place(id)
		if int(at) < len(c.ends) && c.id(at) == id {
			out.Add(c.byRank[at])
		}
	}
	return out
}

// foreign asks Bleve what only it can answer, once for all segments. Deleted documents are
// not among its answers.
func (v *View) foreign(ctx context.Context, q *Question) ([]map[query.Query]*roaring.Bitmap, error) {
	out := make([]map[query.Query]*roaring.Bitmap, len(v.parts))
	for i := range out {
		out[i] = map[query.Query]*roaring.Bitmap{}
	}
	all := append([]query.Query(nil), q.Within...)
	for _, w := range q.Words {
		for _, c := range w {
			if x, ok := c.(Fixed); ok {
				all = append(all, x.Query)
			}
		}
	}
	for _, x := range all {
		err := v.ask(ctx, x, out)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ask sorts the answers to one of Bleve's questions by segments.
func (v *View) ask(ctx context.Context, x query.Query, out []map[query.Query]*roaring.Bitmap) error {
	s, err := x.Searcher(ctx, v.reader, v.mapping, search.SearcherOptions{Score: "none"})
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	defer s.Close() //nolint:errcheck // only read
	sc := &search.SearchContext{DocumentMatchPool: search.NewDocumentMatchPool(s.DocumentMatchPoolSize()+1, 0), IndexReader: v.reader}
	at := 0
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		m, err := s.Next(sc)
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
		if m == nil {
			return nil
		}
		doc := m.IndexInternalID.Value()
		sc.DocumentMatchPool.Put(m)
		for at+1 < len(v.parts) && doc >= v.parts[at+1].first {
			at++
		}
		b := out[at][x]
		if b == nil {
			b = roaring.New()
			out[at][x] = b
		}
		b.Add(uint32(doc - v.parts[at].first))
	}
}
