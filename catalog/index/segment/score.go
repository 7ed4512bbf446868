package segment

import (
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// scored are the hits of a segment and the best that a clause of one word gives them.
type scored struct {
	hits *roaring.Bitmap
	docs []uint32 // the hits, in order
	best []float64
	now  []uint64 // of a clause of several texts: the least impact so far
}

// at is the place of a document among the hits, from a place on. It is one of them.
func (h *scored) at(from int, doc uint32) int {
	if h.docs[from] == doc {
		return from
	}
	return ahead(h.docs, from, doc)
}

// raise gives a hit a score, where it has none as high.
func (h *scored) raise(place int, score float64) {
	if h.best[place] < score {
		h.best[place] = score
	}
}

// score reads the impacts of a Term's texts, which stand where Bleve has how often a word
// is in a document: what others hold does not move them.
func (t Term) score(f *finder, h *scored) error {
	hits := h.hits
	if len(t.Texts) > 1 { // it scores only where it stands whole
		whole, err := t.docs(f, nil)
		if err != nil || whole == nil {
			return err
		}
		whole.And(hits)
		hits = whole
	}
	return t.among(f, h, hits)
}

// among raises the scores of some of the hits, which hold all texts.
func (t Term) among(f *finder, h *scored, hits *roaring.Bitmap) error {
	if len(t.Texts) > 1 && h.now == nil {
		h.now = make([]uint64, len(h.docs))
	}
	for i, text := range t.Texts {
		list, err := f.list(t.Field, text)
		if err != nil {
			return err
		}
		if list == nil {
			continue
		}
		err = eachImpact(list, hits, h, func(place int, impact uint64) {
			if i > 0 {
				impact = min(impact, h.now[place])
			}
			if i == len(t.Texts)-1 {
				h.raise(place, t.Weight*float64(impact)/MaxImpact)
			} else {
				h.now[place] = impact
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachImpact gives the place of each of some hits that a list has, and its impact.
func eachImpact(list segments.PostingsList, hits *roaring.Bitmap, h *scored, each func(place int, impact uint64)) error {
	it := list.Iterator(true, false, false, nil)
	narrowed := false
	if p, ok := it.(segments.OptimizablePostingsIterator); ok && p.ActualBitmap() != nil {
		both := roaring.And(p.ActualBitmap(), hits)
		if both.IsEmpty() {
			return nil
		}
		p.ReplaceActual(both)
		narrowed = true
	}
	place := 0
	for {
		at, err := it.Next()
		if err != nil {
			return fmt.Errorf("read where a word stands: %w", err)
		}
		if at == nil {
			return nil
		}
		doc := uint32(at.Number())
		if !narrowed && !hits.Contains(doc) {
			continue
		}
		place = h.at(place, doc)
		each(place, at.Frequency())
	}
}

// fixed gives one score to the hits among some documents; nil is none.
func (h *scored) fixed(docs *roaring.Bitmap, score float64) {
	if docs == nil {
		return
	}
	place := 0
	roaring.And(docs, h.hits).Iterate(func(doc uint32) bool {
		place = h.at(place, doc)
		h.raise(place, score)
		return true
	})
}

// scores gives the score of each hit: the sum over all words.
func (q *Question) scores(f *finder, hits *roaring.Bitmap, docs []uint32) ([]float64, error) {
	out := make([]float64, len(docs))
	var h *scored // of words that are not remembered
	for i, w := range q.Words {
		if f.ctx.Err() != nil {
			return nil, f.ctx.Err()
		}
		if name := q.names[i]; name != "" {
			x, err := f.rated(w, name)
			if err != nil {
				return nil, err
			}
			x.addTo(docs, out)
			continue
		}
		if h == nil {
			h = &scored{hits: hits, docs: docs, best: make([]float64, len(docs))}
		}
		clear(h.best)
		err := h.score(f, w)
		if err != nil {
			return nil, err
		}
		for i := range out {
			out[i] += float64(float32(h.best[i])) // as those are remembered
		}
	}
	return out, nil
}

// score raises the score of each hit to what the best clause of a word gives.
func (h *scored) score(f *finder, w Word) error {
	for _, c := range w {
		err := c.score(f, h)
		if err != nil {
			return err
		}
	}
	return nil
}
