package segment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// Phrase finds texts beside each other in a field, in their order. It scores as a Term of
// them does.
type Phrase struct {
	Field  string
	Texts  []string
	Weight float64
}

// docs are the documents with a phrase. Only where all of its texts stand are their places
// read.
func (p Phrase) docs(f *finder, within *roaring.Bitmap) (*roaring.Bitmap, error) {
	if known := f.phrases[p.name()]; known != nil { // within more, as what is left only shrinks
		return known, nil
	}
	out, err := f.all(p.Field, p.Texts)
	if err != nil || out == nil {
		return nil, err
	}
	if within != nil {
		out.And(within)
	}
	if len(p.Texts) > 1 && !out.IsEmpty() {
		out, err = f.beside(p, out)
	}
	if err != nil {
		return nil, fmt.Errorf("look for a phrase: %w", err)
	}
	if f.phrases == nil {
		f.phrases = map[string]*roaring.Bitmap{}
	}
	f.phrases[p.name()] = out
	return out, nil
}

// name tells a phrase from others of a question.
func (p Phrase) name() string { return p.Field + "\x00" + strings.Join(p.Texts, "\x00") }

// score is that of a Term of the texts, where these stand beside each other. What was found
// of it is all that the hits can have.
func (p Phrase) score(f *finder, h *scored) error {
	docs, err := p.docs(f, h.hits)
	if err != nil || docs == nil {
		return err
	}
	return Term(p).among(f, h, roaring.And(docs, h.hits))
}

// beside are those of documents in which the texts of a phrase stand beside each other.
func (f *finder) beside(p Phrase, among *roaring.Bitmap) (*roaring.Bitmap, error) {
	at := make([]int, len(p.Texts)) // of each text its iterator: a phrase may repeat two words a hundred times
	var its []segments.PostingsIterator
	number := map[string]int{}
	for i, text := range p.Texts {
		n, known := number[text]
		if !known {
			it, err := f.places(p.Field, text, among)
			if err != nil || it == nil {
				return roaring.New(), err
			}
			n = len(its)
			number[text], its = n, append(its, it)
		}
		at[i] = n
	}
	out := roaring.New()
	here := make([][]uint64, len(its))
	var starts []uint64
	for range among.GetCardinality() { // each gives these documents, one after the other
		doc := uint32(0)
		for i, it := range its {
			stands, err := it.Next()
			if err != nil || stands == nil {
				return out, err
			}
			doc = uint32(stands.Number())
			here[i] = here[i][:0]
			for _, l := range stands.Locations() {
				here[i] = append(here[i], l.Pos())
			}
		}
		starts = append(starts[:0], here[at[0]]...)
		for i := 1; i < len(at) && len(starts) > 0; i++ {
			starts = followed(starts, here[at[i]], uint64(i))
		}
		if len(starts) > 0 {
			out.Add(doc)
		}
	}
	return out, nil
}

// places gives where a text stands in some documents, which hold it; nil is nowhere.
func (f *finder) places(field, text string, among *roaring.Bitmap) (segments.PostingsIterator, error) {
	list, err := f.list(field, text)
	if err != nil || list == nil {
		return nil, err
	}
	it := list.Iterator(true, true, true, nil)
	some, ok := it.(segments.OptimizablePostingsIterator)
	if !ok || some.ActualBitmap() == nil { // without places
		return nil, nil
	}
	some.ReplaceActual(among)
	return it, nil
}

// followed are the places at which a phrase may begin whose text so far behind stands among
// others. Both are in order, as places are written, and are gone over once: a text may
// repeat two words a million times.
func followed(starts, here []uint64, behind uint64) []uint64 {
	at := 0
	return slices.DeleteFunc(starts, func(from uint64) bool {
		for at < len(here) && here[at] < from+behind {
			at++
		}
		return at == len(here) || here[at] != from+behind
	})
}
