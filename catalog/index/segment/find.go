package segment

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
)

// Wanted is what an answer shall hold.
type Wanted struct {
	Best   int   // hits, in order; 0: none
	After  *Hit  // those behind it; nil: from the first
	Scored bool  // highest score first, then by id; else by id alone, and scores are 0
	Count  []int // fields, by their places among those of Values
	Keep   bool  // all hits, for Sorted
	Apart  bool  // hits of one group are as many
	Covers Covers
}

// Covers gets what each hit covers: its spans, in order, and its boxes; empty where it says none.
// Nil: it is not wanted. It is called by one goroutine at a time.
type Covers func(from, until []int32, west, east []Degrees)

// Hit is a document that was found.
type Hit struct {
	ID    string
	Score float64
}

// Answer is what a question finds.
type Answer struct {
	Total uint64
	Hits  []Hit      // at most Wanted.Best
	Count [][]uint32 // of each field of Wanted.Count, by the numbers of its values
	docs  [][]uint32 // of each segment, where they are kept
}

// compare says which of two hits comes first.
func compare(a, b Hit) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.ID, b.ID))
}

// Find answers a question. Errors: what Bleve fails with, that of ctx.
func (v *View) Find(ctx context.Context, q *Question, w Wanted) (a Answer, err error) {
	defer caught(&err)
	if q.empty() && !w.Keep && !w.Apart {
		a = v.all(w)
		for i, p := range v.parts {
			if w.Covers != nil {
				p.cover(p.standing(v.left[i]), w.Covers)
			}
		}
		return a, nil
	}
	q = q.named()
	all := make([]*found, len(v.parts))
	err = v.each(ctx, func(i int) error {
		f := &finder{ctx: ctx, part: v.parts[i], words: v.parts[i].take()}
		var err error
		all[i], err = f.find(q, &w)
		f.give(f.words)
		return err
	})
	if err != nil {
		return Answer{}, err
	}
	if !w.Apart {
		v.join(all)
	}
	for i, x := range all {
		a.Total += uint64(len(x.docs))
		if w.Best > 0 {
			a.Hits = append(a.Hits, v.parts[i].best(x, &w)...)
		}
		if w.Keep {
			a.docs = append(a.docs, x.docs)
		}
		if w.Covers != nil {
			v.parts[i].cover(x.docs, w.Covers)
		}
	}
	slices.SortFunc(a.Hits, compare)
	a.Hits = a.Hits[:min(w.Best, len(a.Hits))]
	a.Count = v.count(all, w.Count)
	return a, nil
}

// each works on all segments, the largest first, on all processors.
func (v *View) each(ctx context.Context, work func(i int) error) error {
	order := make([]int, len(v.parts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return len(v.parts[b].rank) - len(v.parts[a].rank) })
	errs := make([]error, len(order))
	var next atomic.Int64
	run := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(order) {
				return
			}
			errs[i] = ctx.Err()
			if errs[i] == nil {
				errs[i] = guarded(func() error { return work(order[i]) })
			}
		}
	}
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(order)) - 1 {
		wait.Go(run)
	}
	run()
	wait.Wait()
	return cmp.Or(errs...)
}

// guarded is f with its panic as an error.
func guarded(f func() error) (err error) {
	defer caught(&err)
	return f()
}

// found is what one segment has.
type found struct {
	docs   []uint32
	scores []float64 // nil: not scored
}

// find answers a question from one segment.
func (f *finder) find(q *Question, w *Wanted) (*found, error) {
	hits, err := q.hits(f)
	if err != nil {
		return nil, err
	}
	out := &found{docs: hits.ToArray()}
	if w.Scored && len(out.docs) > 0 && (w.Best > 0 || f.grouped != nil) {
		out.scores, err = q.scores(f, hits, out.docs)
	}
	return out, err
}

// best are the first hits of a segment in order.
func (p *part) best(x *found, w *Wanted) []Hit {
	var behind uint32 // the first place of equal score that comes behind After
	if w.After != nil {
		behind = p.behind(w.After.ID)
	}
	top := make([]rated, 0, min(w.Best, len(x.docs)))
	for i, doc := range x.docs {
		r := rated{rank: p.rank[doc]}
		if x.scores != nil {
			r.score = x.scores[i]
		}
		if w.After != nil && (r.score > w.After.Score || r.score == w.After.Score && r.rank < behind) {
			continue
		}
		top = keepBest(top, r, w.Best, rated.before)
	}
	out := make([]Hit, len(top))
	for i, r := range top {
		out[i] = Hit{p.id(r.rank), r.score}
	}
	return out
}

// rated is a hit in its segment.
type rated struct {
	score float64
	rank  uint32
}

func (a rated) before(b rated) bool {
	return a.score > b.score || a.score == b.score && a.rank < b.rank
}

// keepBest keeps the best n in a heap whose root is the worst of them.
func keepBest[T any](heap []T, r T, n int, before func(a, b T) bool) []T {
	if len(heap) < n {
		heap = append(heap, r)
		for i := len(heap) - 1; i > 0; {
			up := (i - 1) / 2
			if !before(heap[up], heap[i]) {
				break
			}
			heap[up], heap[i] = heap[i], heap[up]
			i = up
		}
		return heap
	}
	if n == 0 || !before(r, heap[0]) {
		return heap
	}
	heap[0] = r
	for i := 0; ; {
		worst := i
		for _, down := range []int{2*i + 1, 2*i + 2} {
			if down < n && before(heap[worst], heap[down]) {
				worst = down
			}
		}
		if worst == i {
			return heap
		}
		heap[i], heap[worst] = heap[worst], heap[i]
		i = worst
	}
}

// all answers the question that finds everything: nothing is walked.
func (v *View) all(w Wanted) Answer {
	totals := v.allCounts()
	a := Answer{Total: v.live - v.others}
	score := 0.0
	if w.Scored {
		score = 1
	}
	if w.After == nil || w.After.Score >= score {
		for i, p := range v.parts {
			a.Hits = append(a.Hits, p.ahead(w, score, v.left[i])...)
		}
	}
	slices.SortFunc(a.Hits, compare)
	a.Hits = a.Hits[:min(w.Best, len(a.Hits))]
	for _, f := range w.Count {
		a.Count = append(a.Count, totals[f])
	}
	return a
}

// ahead are the first live documents of a segment in the order of their ids, without those
// for which another of their group stands.
func (p *part) ahead(w Wanted, score float64, left *roaring.Bitmap) []Hit {
	at := uint32(0)
	if w.After != nil && w.After.Score == score {
		at = p.behind(w.After.ID)
	}
	var out []Hit
	for ; int(at) < len(p.byRank) && len(out) < w.Best; at++ {
		doc := p.byRank[at]
		if (p.deleted == nil || !p.deleted.Contains(doc)) && (left == nil || !left.Contains(doc)) {
			out = append(out, Hit{p.id(at), score})
		}
	}
	return out
}

// behind is the first place whose id comes after one.
func (c *columns) behind(id string) uint32 {
	at := c.place(id)
	if int(at) < len(c.ends) && c.id(at) == id {
		at++
	}
	return at
}
