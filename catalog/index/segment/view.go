// Package segment finds and counts datasets in the immutable segments of a Bleve index.
//
// In: snapshots of an index, questions as words, filters and limits. Out: how many datasets
// are found, the first of them in order, and exact counts of the values of every field that
// is asked for. Always: one View is one state of the index:
// hits, total and counts of an answer belong together; a document counts once in each
// value that it has, and not at all once it is deleted; of the hits of a group one stands for
// all, but where they are wanted apart; scores depend on a document and the question alone,
// and not on what was asked before. It must not know users, sights or datasets.
//
// How: each segment has columns, made once when it is first seen and kept until no View
// holds it: its documents in the order of their ids, and for each field the numbers of
// the values that they have, their numbers, spans and boxes. Words are looked up in a segment's own postings as bitmaps,
// joined, and only what is left is counted [decisions.md 26]. The documents and scores of words that were asked for
// are remembered with the columns, within so many bytes a document.
package segment

import (
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	bindex "github.com/blevesearch/bleve_index_api"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// View is one state of an index with the columns of all its segments. Safe for concurrent
// use until it is released.
type View struct {
	reader *scorch.IndexSnapshot
	values *Values
	parts  []*part
	live   uint64 // documents

	counted sync.Once         // what follows is made when first asked for
	totals  [][]uint32        // of each field, by the numbers of its values
	left    []*roaring.Bitmap // of each segment: for which another of their group stands
	others  uint64            // how many these are

	mu   sync.Mutex
	refs int
}

// part is one segment of a View.
type part struct {
	segments.Segment
	*columns
	deleted *roaring.Bitmap // nil: none
	first   uint64          // number in the index of the segment's first document
	idle    *sync.Pool      // of *words; of this very segment, which may be the same on disk later
}

// take gives dictionaries that nobody else uses.
func (p *part) take() *words {
	if w, ok := p.idle.Get().(*words); ok {
		return w
	}
	return &words{map[string]segments.TermDictionary{}, map[[2]string]segments.PostingsList{}}
}

// give gives them back, without what was looked up.
func (p *part) give(w *words) {
	clear(w.lists)
	p.idle.Put(w)
}

// live are the documents that are not deleted.
func (p *part) live() *roaring.Bitmap {
	b := roaring.New()
	b.AddRange(0, uint64(len(p.byRank)))
	if p.deleted != nil {
		b.AndNot(p.deleted)
	}
	return b
}

// Views makes the Views of one index. It keeps the columns of segments that the last View
// had. Not safe for concurrent use.
type Views struct {
	index  bleve.Index
	values *Values
	kept   map[uint64]*columns // by the segment's number, which is never given twice
}

// NewViews makes Views of an index whose fields of those names are counted. Fields of two
// indexes that are counted together must be of the same Values.
func NewViews(b bleve.Index, v *Values) *Views {
	return &Views{index: b, values: v, kept: map[uint64]*columns{}}
}

// Next is a View of the index as it is now; it is last when nothing changed. The caller
// releases it, and last when it is another one. Errors: what Bleve fails with.
func (s *Views) Next(last *View) (v *View, err error) {
	defer caught(&err)
	inner, err := s.index.Advanced()
	if err != nil {
		return nil, fmt.Errorf("open the index: %w", err)
	}
	r, err := inner.Reader()
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	snapshot, ok := r.(*scorch.IndexSnapshot)
	if !ok {
		return nil, fmt.Errorf("read the index: it has no segments")
	}
	if last != nil && last.reader == snapshot {
		return last, snapshot.Close()
	}
	v = &View{reader: snapshot, values: s.values, refs: 1}
	kept := map[uint64]*columns{}
	for _, seg := range snapshot.Segments() {
		c := s.kept[seg.Id()]
		if c == nil {
			c, err = s.values.columns(seg.Segment())
		}
		if err != nil {
			v.Release()
			return nil, err
		}
		kept[seg.Id()] = c
		v.parts = append(v.parts, &part{seg.Segment(), c, seg.Deleted(), v.live, last.idleOf(seg.Segment())})
		v.live += seg.Segment().Count()
	}
	for _, p := range v.parts {
		if p.deleted != nil {
			v.live -= p.deleted.GetCardinality()
		}
	}
	s.kept = kept
	return v, nil
}

// idleOf are the dictionaries of a segment that a View has open too.
func (v *View) idleOf(seg segments.Segment) *sync.Pool {
	if v != nil {
		for _, p := range v.parts {
			if p.Segment == seg {
				return p.idle
			}
		}
	}
	return &sync.Pool{}
}

// Hold keeps a View open until one more Release.
func (v *View) Hold() {
	v.mu.Lock()
	v.refs++
	v.mu.Unlock()
}

// Release gives a View back; after the last one its segments may go.
func (v *View) Release() {
	v.mu.Lock()
	v.refs--
	last := v.refs == 0
	v.mu.Unlock()
	if last {
		_ = v.reader.Close() // only read
	}
}

// Reader reads the state that the View is of, in Bleve's words, until it is released.
func (v *View) Reader() bindex.IndexReader { return v.reader }

// Len is the number of documents.
func (v *View) Len() uint64 { return v.live }

// caught turns a panic of Bleve's, which it falls into when files are torn under it, into
// an error: also where it happens in a goroutine of ours.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the search index is damaged: %v\n%s", p, debug.Stack())
	}
}
