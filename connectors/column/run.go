package column

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// Run is n values of c from value from on. Without c it is n blanks: null where
// the field may be null, zero where it may not. mustNull marks blanks that are
// nulls of the source and so contradict a field without nulls.
type Run struct {
	Column     *Column
	From, Len  int
	MustBeNull bool
}

// AppendRun appends s to segs, joined to the last one where they touch.
func AppendRun(segs []Run, s Run) []Run {
	if s.Len == 0 {
		return segs
	}
	if k := len(segs) - 1; k >= 0 {
		l := &segs[k]
		if l.Column == s.Column && l.MustBeNull == s.MustBeNull && (s.Column == nil || l.From+l.Len == s.From) {
			l.Len += s.Len
			return segs
		}
	}
	return append(segs, s)
}

func length(segs []Run) (n int) {
	for _, s := range segs {
		n += s.Len
	}
	return n
}

// Decode replaces segments of dictionary and run-end encoded columns by
// segments of their values, where the field's type is a plain one.
func Decode(f arrow.Field, segs []Run) ([]Run, error) {
	for depth := 0; ; depth++ {
		coded := false
		for _, s := range segs {
			if s.Column != nil {
				sh := ShapeOf(s.Column.Type)
				coded = coded || sh == ShapeRuns || sh == ShapeDict && f.Type.ID() != arrow.DICTIONARY
			}
		}
		if !coded {
			return segs, nil
		}
		if depth > ipc.MaxDepth {
			return nil, fmt.Errorf("dictionaries nested deeper than %d", ipc.MaxDepth)
		}
		var out []Run
		for _, s := range segs {
			var err error
			switch {
			case s.Column != nil && ShapeOf(s.Column.Type) == ShapeRuns:
				out = s.runEnds(out)
			case s.Column != nil && ShapeOf(s.Column.Type) == ShapeDict:
				out, err = s.lookUp(out)
			default:
				out = AppendRun(out, s)
			}
			if err != nil {
				return nil, err
			}
		}
		segs = out
	}
}

func (s Run) lookUp(out []Run) ([]Run, error) {
	for i := s.From; i < s.From+s.Len; i++ {
		if s.Column.IsNull(i) {
			out = AppendRun(out, Run{Len: 1, MustBeNull: true})
			continue
		}
		k := s.Column.Index(i)
		if k < 0 || k >= int64(s.Column.Dictionary.Len) {
			return nil, fmt.Errorf("row %d: index %d in a dictionary of %d values", i, k, s.Column.Dictionary.Len)
		}
		out = AppendRun(out, Run{Column: s.Column.Dictionary, From: int(k), Len: 1})
	}
	return out, nil
}

func (s Run) runEnds(out []Run) []Run {
	ends, vals := s.Column.Kids[0], s.Column.Kids[1]
	w, run := BitWidth(ends.Type)/8, 0
	for i := s.From; i < s.From+s.Len; i++ {
		for run < ends.Len && intAt(ends.Buffers[0], w, ends.Offset+run, true) <= int64(s.Column.Offset+i) {
			run++
		}
		out = append(out, Run{Column: vals, From: run, Len: 1})
	}
	return out
}

// eachRun calls f for the longest runs of null and of non-null values in s.
func (s Run) eachRun(f func(from, n int, null bool)) {
	if s.Column == nil || s.Column.Type.ID() == arrow.NULL || s.Column.Valid == nil {
		if s.Len > 0 || s.Column == nil {
			f(s.From, s.Len, s.Column == nil || s.Column.Type.ID() == arrow.NULL)
		}
		return
	}
	off, end := s.Column.Offset, s.From+s.Len
	for i := s.From; i < end; {
		ok := BitAt(s.Column.Valid, off+i)
		j := runEnd(s.Column.Valid, off+i, off+end, ok) - off
		f(i, j-i, !ok)
		i = j
	}
}

// ChildRuns are the segments of child k under segs of a nested field: what stands
// under a null is blank, or left out where lists say how long they are.
func ChildRuns(f arrow.Field, segs []Run, k int) []Run {
	var out []Run
	fixed := 1
	if t, ok := f.Type.(*arrow.FixedSizeListType); ok {
		fixed = int(t.Len())
	}
	sh := ShapeOf(f.Type)
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			switch {
			case sh == ShapeList && null:
			case sh == ShapeList:
				out = listSegs(out, s.Column, from, n)
			case null:
				out = AppendRun(out, Run{Len: n * fixed})
			default:
				out = AppendRun(out, Run{Column: s.Column.Kids[k], From: (s.Column.Offset + from) * fixed, Len: n * fixed})
			}
		})
	}
	return out
}

// listSegs appends the values of n lists of c; lists that follow one another
// make one segment.
func listSegs(out []Run, c *Column, from, n int) []Run {
	if n > 0 && ShapeOf(c.Type) == ShapeList {
		a, _ := c.span(from)
		_, b := c.span(from + n - 1)
		return AppendRun(out, Run{Column: c.Kids[0], From: a, Len: b - a})
	}
	for i := from; i < from+n; i++ {
		a, b := c.span(i)
		out = AppendRun(out, Run{Column: c.Kids[0], From: a, Len: b - a})
	}
	return out
}
