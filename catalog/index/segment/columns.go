package segment

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// Fields are the fields of an index that columns are made of, by their names.
type Fields struct {
	Counted []string // values of each document, which are counted
	Numbers []string // one number of each document, as Number writes it
	Text    string   // one text of each document, with doc values: what it is sorted by
	Spans   string   // spans of each document, as Span writes them
	Boxes   string   // boxes of each document, as Box writes them
	Group   string   // the group of a document; hits of one group are one
	First   string   // one of Numbers: which of a group's hits stands for it, the lowest first
	Owner   string   // one of Counted: whose a document is
	Own     int64    // documents with a First below it are their owner's own, and stand beside those of other owners
	Words   string   // what stems are in
	Stems   []string // languages: a stem begins with one of them and a slash
}

// Values numbers the values of the fields that are counted, the same in all indexes that
// are counted together. Safe for concurrent use.
type Values struct {
	fields Fields
	mu     sync.RWMutex
	of     []*numbered // of each counted field, and of groups behind them
}

// numbered are the values of one field: each has a number, in the order in which they came.
type numbered struct {
	number map[string]uint32
	text   []string
}

// NewValues makes numbers for fields, none of which has a value yet.
func NewValues(fields Fields) *Values {
	v := &Values{fields: fields}
	for range len(fields.Counted) + 1 {
		v.of = append(v.of, &numbered{number: map[string]uint32{}})
	}
	return v
}

// Len is how many values have a number, of all fields: also of those that no document has
// any more.
func (v *Values) Len() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	n := 0
	for _, of := range v.of {
		n += len(of.text)
	}
	return n
}

// add gives the number of a value.
func (v *Values) add(field int, text string) uint32 {
	v.mu.Lock()
	defer v.mu.Unlock()
	of := v.of[field]
	n, ok := of.number[text]
	if !ok {
		n = uint32(len(of.text))
		of.number[text] = n
		of.text = append(of.text, text)
	}
	return n
}

// texts are the values of a field by their numbers.
func (v *Values) texts(field int) []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.of[field].text
}

// columns are what a segment's documents are ordered and counted by. They never change, but
// for what is remembered of words.
type columns struct {
	ids    []byte   // one behind the other, in order
	ends   []uint32 // of each id in ids
	rank   []uint32 // of each document: the place of its id
	byRank []uint32 // the document of each place
	fields []column // of each counted field, and of groups behind them

	numbers  map[string][]int64 // of each document
	sortedBy string             // the field of texts
	titles   []uint32           // of each document: the place of its text among those of the segment
	spans    []placed[int32]
	boxes    []placed[Degrees]
	grouped  *roaring.Bitmap // documents that have a group; nil: none
	stems    map[string]bool // languages that there are stems of

	remembered remembered
}

// placed are two ends that a document has.
type placed[T any] struct {
	doc      uint32
	from, to T
}

// column is one field's values of each document, by their numbers.
type column struct {
	from   []uint32 // where each document's begin, and an end; nil where none has more than one
	number []uint32 // none where from is nil and there is none
	counts []counted
}

// none is no value.
const none = ^uint32(0)

// counted is how many documents of a segment have a value.
type counted struct{ number, count uint32 }

// id is the id of a place.
func (c *columns) id(rank uint32) string {
	from := uint32(0)
	if rank > 0 {
		from = c.ends[rank-1]
	}
	return string(c.ids[from:c.ends[rank]])
}

// place is the first place whose id is not before one.
func (c *columns) place(id string) uint32 { return c.placeFrom(0, id) }

// placeFrom is place, where that is not before another one.
func (c *columns) placeFrom(from uint32, id string) uint32 {
	before := func(at int) bool {
		begin := uint32(0)
		if at > 0 {
			begin = c.ends[at-1]
		}
		return bytes.Compare(c.ids[begin:c.ends[at]], []byte(id)) < 0
	}
	at, step := int(from), 1
	for at+step < len(c.ends) && before(at+step) {
		at += step
		step *= 2
	}
	return uint32(at + sort.Search(min(step+1, len(c.ends)-at), func(i int) bool { return !before(at + i) }))
}

// columns reads the columns of a segment out of its dictionaries.
func (v *Values) columns(seg segments.Segment) (*columns, error) {
	n := int(seg.Count())
	c := &columns{rank: make([]uint32, n), fields: make([]column, len(v.of))}
	err := eachTerm(seg, "_id", func(text string, docs *roaring.Bitmap) {
		docs.Iterate(func(doc uint32) bool { // one, as ids are of one document
			c.rank[doc] = uint32(len(c.ends))
			c.ids = append(c.ids, text...)
			c.ends = append(c.ends, uint32(len(c.ids)))
			c.byRank = append(c.byRank, doc)
			return true
		})
	})
	if err == nil && len(c.byRank) != n {
		err = fmt.Errorf("%d of %d documents have an id", len(c.byRank), n)
	}
	for i, name := range append(slices.Clone(v.fields.Counted), v.fields.Group) {
		if err == nil && name != "" {
			c.fields[i], err = v.column(seg, i, name)
		}
	}
	if err == nil {
		err = c.measure(seg, &v.fields)
	}
	if g := &c.fields[len(v.of)-1]; g.number != nil {
		c.grouped = g.docs()
	}
	if err != nil {
		return nil, fmt.Errorf("read the columns of a segment: %w", err)
	}
	c.ids = slices.Clip(c.ids)
	return c, nil
}

// column reads one field of a segment.
func (v *Values) column(seg segments.Segment, field int, name string) (column, error) {
	n := int(seg.Count())
	var c column
	var pairs []uint64 // document, number
	many := false
	seen := roaring.New()
	err := eachTerm(seg, name, func(text string, docs *roaring.Bitmap) {
		number := v.add(field, text)
		c.counts = append(c.counts, counted{number, uint32(docs.GetCardinality())})
		many = many || seen.Intersects(docs)
		seen.Or(docs)
		docs.Iterate(func(doc uint32) bool {
			pairs = append(pairs, uint64(doc)<<32|uint64(number))
			return true
		})
	})
	if err != nil || len(pairs) == 0 {
		return c, err
	}
	if !many {
		c.number = make([]uint32, n)
		for i := range c.number {
			c.number[i] = none
		}
		for _, p := range pairs {
			c.number[p>>32] = uint32(p)
		}
		return c, nil
	}
	c.from, c.number = make([]uint32, n+1), make([]uint32, len(pairs))
	for _, p := range pairs {
		c.from[p>>32+1]++
	}
	for i := range n {
		c.from[i+1] += c.from[i]
	}
	at := slices.Clone(c.from[:n])
	for _, p := range pairs {
		c.number[at[p>>32]] = uint32(p)
		at[p>>32]++
	}
	return c, nil
}

// docs are the documents that have a value.
func (c *column) docs() *roaring.Bitmap {
	out := roaring.New()
	for doc := range max(len(c.number), len(c.from)-1) {
		if c.has(uint32(doc)) {
			out.Add(uint32(doc))
		}
	}
	return out
}

// has says whether a document has a value.
func (c *column) has(doc uint32) bool {
	if c.from != nil {
		return c.from[doc+1] > c.from[doc]
	}
	return c.number != nil && c.number[doc] != none
}

// first is a document's first value; it has one.
func (c *column) first(doc uint32) uint32 {
	if c.from != nil {
		doc = c.from[doc]
	}
	return c.number[doc]
}

// count adds one for each value of each document.
func (c *column) count(docs []uint32, into []uint32) {
	switch {
	case c.number == nil:
	case c.from == nil:
		for _, d := range docs {
			if n := c.number[d]; n != none {
				into[n]++
			}
		}
	default:
		for _, d := range docs {
			for _, n := range c.number[c.from[d]:c.from[d+1]] {
				into[n]++
			}
		}
	}
}

// uncount takes one from each value of each document.
func (c *column) uncount(docs []uint32, from []uint32) {
	for _, d := range docs {
		switch {
		case c.number == nil:
		case c.from != nil:
			for _, n := range c.number[c.from[d]:c.from[d+1]] {
				from[n]--
			}
		case c.number[d] != none:
			from[c.number[d]]--
		}
	}
}

// postings is what zap's lists of documents can do beside the interface.
type postings interface{ OrInto(*roaring.Bitmap) }

// orInto adds the documents of a term to a bitmap.
func orInto(dict segments.TermDictionary, term string, into *roaring.Bitmap) error {
	list, err := dict.PostingsList([]byte(term), nil, nil)
	if err != nil {
		return err
	}
	return addAll(list, into)
}

// addAll adds the documents of a list to a bitmap.
func addAll(list segments.PostingsList, into *roaring.Bitmap) error {
	if p, ok := list.(postings); ok {
		p.OrInto(into)
		return nil
	}
	it := list.Iterator(false, false, false, nil)
	for {
		at, err := it.Next()
		if err != nil || at == nil {
			return err
		}
		into.Add(uint32(at.Number()))
	}
}

// terms goes over the terms of a dictionary from one on, in order, until before says no.
func terms(dict segments.TermDictionary, from string, each func(text string) (more bool, err error)) error {
	var start []byte
	if from != "" {
		start = []byte(from)
	}
	it := dict.AutomatonIterator(nil, start, nil)
	if quick, ok := dict.(uncountedTerms); ok {
		it = quick.AutomatonIteratorOmitCount(nil, start, nil)
	}
	for {
		entry, err := it.Next()
		if err != nil || entry == nil {
			return err
		}
		more, err := each(entry.Term)
		if err != nil || !more {
			return err
		}
	}
}

// uncountedTerms is a dictionary whose terms can be read without their counts.
type uncountedTerms interface {
	AutomatonIteratorOmitCount(a segments.Automaton, from, to []byte) segments.DictionaryIterator
}

// eachTerm goes over the terms of a field in order, with their documents, deleted ones too.
// The bitmap is good until each returns.
func eachTerm(seg segments.Segment, field string, each func(text string, docs *roaring.Bitmap)) error {
	dict, err := seg.Dictionary(field)
	if err != nil {
		return err
	}
	docs := roaring.New()
	return terms(dict, "", func(text string) (bool, error) {
		docs.Clear()
		err := orInto(dict, text, docs)
		if err == nil && !docs.IsEmpty() {
			each(text, docs)
		}
		return true, err
	})
}
