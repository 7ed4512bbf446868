package segment

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// Place is where a hit stands in an order: by a number, the largest first, or by its text,
// then by its id.
type Place struct {
	Number int64
	Text   string
	ID     string
}

// Sorted are the first of all hits of an answer, which kept them, by a field of numbers, or
// by text where it is "", behind a place; nil is from the first. Errors: what Bleve fails
// with, that of ctx.
func (v *View) Sorted(ctx context.Context, a Answer, most int, field string, after *Place) (out []Place, err error) {
	defer caught(&err)
	for i, p := range v.parts {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		places, err := p.sorted(a.docs[i], most, field, after)
		if err != nil {
			return nil, fmt.Errorf("sort the hits: %w", err)
		}
		out = append(out, places...)
	}
	slices.SortFunc(out, func(a, b Place) int {
		return cmp.Or(cmp.Compare(b.Number, a.Number), strings.Compare(a.Text, b.Text), strings.Compare(a.ID, b.ID))
	})
	return out[:min(most, len(out))], nil
}

// sorted are the first hits of a segment.
func (p *part) sorted(docs []uint32, most int, field string, after *Place) ([]Place, error) {
	type key struct {
		number int64
		rank   uint32
	}
	of := p.numbers[field]
	number := func(doc uint32) int64 { return of[doc] }
	var limit key // the last that is not behind after
	if after != nil {
		limit = key{after.Number, p.behind(after.ID)}
	}
	if field == "" { // the first text has the largest number
		number = func(doc uint32) int64 { return -2 * int64(p.titles[doc]) }
		if after != nil {
			at, is, err := p.placeOf(after.Text)
			if err != nil {
				return nil, err
			}
			limit.number = -2 * int64(at)
			if !is { // between two
				limit.number++
			}
		}
	}
	before := func(a, b key) bool { return a.number > b.number || a.number == b.number && a.rank < b.rank }
	var top []key
	for _, doc := range docs {
		k := key{number(doc), p.rank[doc]}
		if after == nil || !before(k, limit) {
			top = keepBest(top, k, most, before)
		}
	}
	out := make([]Place, len(top))
	var state segments.DocVisitState
	for i, k := range top {
		out[i] = Place{Number: k.number, ID: p.id(k.rank)}
		if field != "" {
			continue
		}
		out[i].Number = 0
		var err error
		out[i].Text, state, err = p.text(p.byRank[k.rank], state)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// text is what a document is sorted by.
func (p *part) text(doc uint32, state segments.DocVisitState) (string, segments.DocVisitState, error) {
	values, ok := p.Segment.(segments.DocValueVisitable)
	if !ok {
		return "", state, fmt.Errorf("the segment has no values of documents")
	}
	text := ""
	read := func(_ string, term []byte) { text = string(term) }
	state, err := values.VisitDocValues(uint64(doc), []string{p.sortedBy}, read, state)
	return text, state, err
}

// placeOf is the place of a text among those of the segment, or of the first behind it.
func (p *part) placeOf(text string) (place uint32, is bool, err error) {
	if text == "" { // of those that have none
		return 0, true, nil
	}
	place = uint32(len(p.rank)) + 1 // behind all
	dict, err := p.Dictionary(p.sortedBy)
	if err != nil {
		return 0, false, err
	}
	docs := roaring.New()
	err = terms(dict, text, func(term string) (bool, error) {
		is = term == text
		err := orInto(dict, term, docs)
		if err == nil && !docs.IsEmpty() {
			place = p.titles[docs.Minimum()]
		}
		return docs.IsEmpty(), err
	})
	return place, is, err
}
