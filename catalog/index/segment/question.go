package segment

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// Question is what is looked for: every word, every filter and every limit must hold. The
// zero one finds all.
type Question struct {
	Words   []Word
	Filters []Filter
	Limits  []Limit
	IDs     []string // nil: any

	names []string // of Words
}

// named is the question with the names of its words, its ids in order.
func (q *Question) named() *Question {
	out := *q
	if q.IDs != nil {
		out.IDs = slices.Sorted(slices.Values(q.IDs))
		if out.IDs == nil {
			out.IDs = []string{}
		}
	}
	out.names = nil
	for _, w := range q.Words {
		out.names = append(out.names, w.name())
	}
	return &out
}

// empty says whether it finds all.
func (q *Question) empty() bool {
	return len(q.Words)+len(q.Filters)+len(q.Limits) == 0 && q.IDs == nil
}

// Filter finds what has one of the values in a field, or a value with one of the prefixes
// that Where says yes to; nil says yes to all.
type Filter struct {
	Field            string
	Values, Prefixes []string
	Where            func(value string) bool
}

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
				if x.Where != nil && !x.Where(text) {
					return true, nil
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

// finder looks for the hits of one question in one segment.
type finder struct {
	*part
	ctx     context.Context // of one call of Find
	words   *words
	phrases map[string]*roaring.Bitmap    // where they are found, by their texts
	begun   map[[2]string]*roaring.Bitmap // where words begin so, by field and letters
	near    map[string][]string           // words that are near to one
}

// words are a segment's dictionaries and what was looked up in them, for one question at a
// time.
type words struct {
	dicts map[string]segments.TermDictionary
	lists map[[2]string]segments.PostingsList // by field and text
}

// dict is a field's dictionary.
func (f *finder) dict(field string) (segments.TermDictionary, error) {
	d := f.words.dicts[field]
	if d != nil {
		return d, nil
	}
	d, err := f.Dictionary(field)
	if err != nil {
		return nil, fmt.Errorf("read the words of %s: %w", field, err)
	}
	f.words.dicts[field] = d
	return d, nil
}

// list is where a text stands in a field, looked up once for a question; nil is nowhere.
func (f *finder) list(field, text string) (segments.PostingsList, error) {
	if language, _, stem := strings.Cut(text, "/"); stem && len(language) < 4 && !f.stems[language] {
		return nil, nil
	}
	l, known := f.words.lists[[2]string{field, text}]
	if known {
		return l, nil
	}
	d, err := f.dict(field)
	if err == nil {
		l, err = d.PostingsList([]byte(text), nil, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("look up a word: %w", err)
	}
	if l.Count() == 0 {
		l = nil
	}
	f.words.lists[[2]string{field, text}] = l
	return l, nil
}

// hits are the live documents that a question finds.
func (q *Question) hits(f *finder) (*roaring.Bitmap, error) {
	var out *roaring.Bitmap
	ours := true // out may be changed
	and := func(b *roaring.Bitmap, own bool, err error) error {
		switch {
		case err != nil:
			return err
		case b == nil:
			out, ours = roaring.New(), true
		case out == nil:
			out, ours = b, own
		case ours:
			out.And(b)
		default:
			out, ours = roaring.And(out, b), true
		}
		return nil
	}
	var err error
	if q.IDs != nil {
		err = and(f.those(q.IDs), true, nil)
	}
	for _, x := range q.Filters {
		if err == nil && (out == nil || !out.IsEmpty()) {
			b, wrong := x.docs(f)
			err = and(b, true, wrong)
		}
	}
	for _, i := range q.plainFirst() {
		if err == nil {
			err = f.ctx.Err()
		}
		if err == nil && (out == nil || !out.IsEmpty()) {
			b, wrong := f.holders(q.Words[i], q.names[i], out)
			err = and(b, q.names[i] == "", wrong)
		}
	}
	for _, x := range q.Limits {
		if err == nil && (out == nil || !out.IsEmpty()) {
			err = and(x.docs(f.columns, out), true, nil)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case out == nil:
		return f.live(), nil
	case f.deleted == nil:
	case ours:
		out.AndNot(f.deleted)
	default:
		out = roaring.AndNot(out, f.deleted)
	}
	return out, nil
}

// plainFirst are the places of the words, those without phrases first: phrases are looked for
// only where all others are found.
func (q *Question) plainFirst() []int {
	var out, phrased []int
	for i, w := range q.Words {
		if slices.ContainsFunc(w, func(c Clause) bool { _, is := c.(Phrase); return is }) {
			phrased = append(phrased, i)
		} else {
			out = append(out, i)
		}
	}
	return append(out, phrased...)
}

// those are the documents with some ids, in order, deleted ones too.
func (c *columns) those(ids []string) *roaring.Bitmap {
	out := roaring.New()
	at := uint32(0)
	for _, id := range ids {
		at = c.placeFrom(at, id)
		if int(at) < len(c.ends) && c.id(at) == id {
			out.Add(c.byRank[at])
		}
	}
	return out
}
