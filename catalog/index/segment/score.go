package segment

import (
	"fmt"
	"math"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// Grain is what every score is a multiple of: sums of such add up the same in any order,
// so that the order of two machines is one order.
const Grain = 1.0 / (1 << 20)

// Grained rounds a score to a grain.
func Grained(score float64) float64 { return math.Round(score/Grain) * Grain }

// scored are the hits of a segment and what one word gives them.
type scored struct {
	hits    *roaring.Bitmap
	docs    []uint32 // the hits, in order
	sum     []float64
	matches []uint16
}

// at is the place of a document among the hits, from a place on. It is one of them.
func (h *scored) at(from int, doc uint32) int {
	step := 1
	for from+step < len(h.docs) && h.docs[from+step] < doc {
		from += step
		step *= 2
	}
	if h.docs[from] == doc {
		return from
	}
	end := min(from+step+1, len(h.docs))
	return from + sort.Search(end-from, func(i int) bool { return h.docs[from+i] >= doc })
}

// score adds what a Term gives: as TF-IDF does, but for how rare the term is, which others'
// documents would move.
func (t Term) score(f *finder, h *scored) error {
	d, err := f.dict(t.Field)
	if err != nil {
		return err
	}
	hits := h.hits
	if len(t.Texts) > 1 { // it scores only where it stands whole
		whole, err := t.docs(f)
		if err != nil {
			return err
		}
		whole.And(hits)
		hits = whole
	}
	for i, text := range t.Texts {
		list, err := d.PostingsList([]byte(text), nil, nil)
		if err != nil {
			return fmt.Errorf("look up a word: %w", err)
		}
		if list.Count() == 0 {
			continue
		}
		it := list.Iterator(true, true, false, nil)
		if p, ok := it.(segments.OptimizablePostingsIterator); ok && p.ActualBitmap() != nil {
			p.ReplaceActual(roaring.And(p.ActualBitmap(), hits))
		}
		place := 0
		for {
			at, err := it.Next()
			if err != nil {
				return fmt.Errorf("read where a word stands: %w", err)
			}
			if at == nil {
				break
			}
			doc := uint32(at.Number())
			if !hits.Contains(doc) {
				continue
			}
			place = h.at(place, doc)
			h.sum[place] += Grained(t.Weight * math.Sqrt(float64(at.Frequency())) * at.Norm())
			if i == 0 {
				h.matches[place]++
			}
		}
	}
	return nil
}

// score adds what a Fixed gives.
func (x Fixed) score(f *finder, h *scored) error {
	docs := f.foreign[x.Query]
	if docs == nil {
		return nil
	}
	place := 0
	roaring.And(docs, h.hits).Iterate(func(doc uint32) bool {
		place = h.at(place, doc)
		h.sum[place] += Grained(x.Score)
		h.matches[place]++
		return true
	})
	return nil
}

// scores gives the score of each hit: the sum over all words.
func (q *Question) scores(f *finder, hits *roaring.Bitmap, docs []uint32) ([]float64, error) {
	out := make([]float64, len(docs))
	h := &scored{hits, docs, make([]float64, len(docs)), make([]uint16, len(docs))}
	for _, w := range q.Words {
		clear(h.sum)
		clear(h.matches)
		for _, c := range w {
			err := c.score(f, h)
			if err != nil {
				return nil, err
			}
		}
		for i := range out {
			out[i] += Grained(h.sum[i] * (float64(h.matches[i]) / float64(len(w))))
		}
	}
	return out, nil
}
