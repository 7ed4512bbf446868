package shard

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// seg is n values of c from value from on. Without c it is n blanks: null where
// the field may be null, zero where it may not. mustNull marks blanks that are
// nulls of the source and so contradict a field without nulls.
type seg struct {
	c        *col
	from, n  int
	mustNull bool
}

// push appends s to segs, joined to the last one where they touch.
func push(segs []seg, s seg) []seg {
	if s.n == 0 {
		return segs
	}
	if k := len(segs) - 1; k >= 0 {
		l := &segs[k]
		if l.c == s.c && l.mustNull == s.mustNull && (s.c == nil || l.from+l.n == s.from) {
			l.n += s.n
			return segs
		}
	}
	return append(segs, s)
}

func length(segs []seg) (n int) {
	for _, s := range segs {
		n += s.n
	}
	return n
}

// writeOut replaces segments of dictionary and run-end encoded columns by
// segments of their values, where the field's type is a plain one.
func writeOut(f arrow.Field, segs []seg) ([]seg, error) {
	for depth := 0; ; depth++ {
		coded := false
		for _, s := range segs {
			if s.c != nil {
				sh := shapeOf(s.c.typ)
				coded = coded || sh == shapeRuns || sh == shapeDict && f.Type.ID() != arrow.DICTIONARY
			}
		}
		if !coded {
			return segs, nil
		}
		if depth > maxDepth {
			return nil, fmt.Errorf("dictionaries nested deeper than %d", maxDepth)
		}
		var out []seg
		for _, s := range segs {
			var err error
			switch {
			case s.c != nil && shapeOf(s.c.typ) == shapeRuns:
				out = s.runs(out)
			case s.c != nil && shapeOf(s.c.typ) == shapeDict:
				out, err = s.lookUp(out)
			default:
				out = push(out, s)
			}
			if err != nil {
				return nil, err
			}
		}
		segs = out
	}
}

func (s seg) lookUp(out []seg) ([]seg, error) {
	for i := s.from; i < s.from+s.n; i++ {
		if s.c.isNull(i) {
			out = push(out, seg{n: 1, mustNull: true})
			continue
		}
		k := s.c.index(i)
		if k < 0 || k >= int64(s.c.dict.n) {
			return nil, fmt.Errorf("row %d: index %d in a dictionary of %d values", i, k, s.c.dict.n)
		}
		out = push(out, seg{c: s.c.dict, from: int(k), n: 1})
	}
	return out, nil
}

func (s seg) runs(out []seg) []seg {
	ends, vals := s.c.kids[0], s.c.kids[1]
	w, run := bitWidth(ends.typ)/8, 0
	for i := s.from; i < s.from+s.n; i++ {
		for run < ends.n && intAt(ends.bufs[0], w, ends.off+run, true) <= int64(s.c.off+i) {
			run++
		}
		out = append(out, seg{c: vals, from: run, n: 1})
	}
	return out
}

// eachRun calls f for the longest runs of null and of non-null values in s.
func (s seg) eachRun(f func(from, n int, null bool)) {
	if s.c == nil || s.c.typ.ID() == arrow.NULL || s.c.valid == nil {
		if s.n > 0 || s.c == nil {
			f(s.from, s.n, s.c == nil || s.c.typ.ID() == arrow.NULL)
		}
		return
	}
	off, end := s.c.off, s.from+s.n
	for i := s.from; i < end; {
		ok := bitAt(s.c.valid, off+i)
		j := runEnd(s.c.valid, off+i, off+end, ok) - off
		f(i, j-i, !ok)
		i = j
	}
}

// kidSegs are the segments of child k under segs of a nested field: what stands
// under a null is blank, or left out where lists say how long they are.
func kidSegs(f arrow.Field, segs []seg, k int) []seg {
	var out []seg
	fixed := 1
	if t, ok := f.Type.(*arrow.FixedSizeListType); ok {
		fixed = int(t.Len())
	}
	sh := shapeOf(f.Type)
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			switch {
			case sh == shapeList && null:
			case sh == shapeList:
				out = listSegs(out, s.c, from, n)
			case null:
				out = push(out, seg{n: n * fixed})
			default:
				out = push(out, seg{c: s.c.kids[k], from: (s.c.off + from) * fixed, n: n * fixed})
			}
		})
	}
	return out
}

// listSegs appends the values of n lists of c; lists that follow one another
// make one segment.
func listSegs(out []seg, c *col, from, n int) []seg {
	if n > 0 && shapeOf(c.typ) == shapeList {
		a, _ := c.span(from)
		_, b := c.span(from + n - 1)
		return push(out, seg{c: c.kids[0], from: a, n: b - a})
	}
	for i := from; i < from+n; i++ {
		a, b := c.span(i)
		out = push(out, seg{c: c.kids[0], from: a, n: b - a})
	}
	return out
}
