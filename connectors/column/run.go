package column

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// Run is Len values of Column from value From on. Without a column it is Len blanks: null
// where the field may be null, zero where it may not.
//
// A list of runs says what a new column is made of before a byte is copied: the same list
// is measured, cut, and copied at last, once.
//
//	column a  ["x" "y" "z" "x"]      column b  ["q"]
//	runs      {a, 1, 2} {nil, 0, 1} {b, 0, 1}
//	column    ["y" "z" null "q"]
type Run struct {
	Column     *Column
	From, Len  int
	MustBeNull bool // blanks that are nulls of the source, and so contradict a field without nulls
}

// AppendRun appends r to runs, joined to the last one where they touch: rows that follow
// each other in their source are copied in one piece.
func AppendRun(runs []Run, r Run) []Run {
	if r.Len == 0 {
		return runs
	}
	if k := len(runs) - 1; k >= 0 {
		l := &runs[k]
		if l.Column == r.Column && l.MustBeNull == r.MustBeNull && (r.Column == nil || l.From+l.Len == r.From) {
			l.Len += r.Len
			return runs
		}
	}
	return append(runs, r)
}

// anyColumn says whether something holds for a column of runs. Many runs have few columns.
func anyColumn(runs []Run, holds func(c *Column) bool) bool {
	var last *Column
	for i := range runs {
		c := runs[i].Column
		if c == last || c == nil {
			continue
		}
		if last = c; holds(c) {
			return true
		}
	}
	return false
}

// mayBeNull says whether a value of runs may be null, or is a blank.
func mayBeNull(runs []Run) bool {
	for i := range runs {
		if runs[i].Column == nil && runs[i].Len > 0 {
			return true
		}
	}
	return anyColumn(runs, (*Column).hasNulls)
}

func length(runs []Run) (n int) {
	for _, r := range runs {
		n += r.Len
	}
	return n
}

// Decode replaces runs of dictionary and run-end encoded columns by runs of their values,
// where the field's type is a plain one. It copies no value. Dictionaries may have
// dictionaries as their values; each round takes off one coat.
func Decode(f arrow.Field, runs []Run) ([]Run, error) {
	for depth := 0; ; depth++ {
		coded := anyColumn(runs, func(c *Column) bool {
			sh := ShapeOf(c.Type)
			return sh == ShapeRuns || sh == ShapeDict && f.Type.ID() != arrow.DICTIONARY
		})
		if !coded {
			return runs, nil
		}
		if depth > ipc.MaxDepth {
			return nil, fmt.Errorf("dictionaries nested deeper than %d", ipc.MaxDepth)
		}
		var out []Run
		for _, r := range runs {
			var err error
			switch {
			case r.Column != nil && ShapeOf(r.Column.Type) == ShapeRuns:
				out = r.runEnds(out)
			case r.Column != nil && ShapeOf(r.Column.Type) == ShapeDict:
				out, err = r.lookUp(out)
			default:
				out = AppendRun(out, r)
			}
			if err != nil {
				return nil, err
			}
		}
		runs = out
	}
}

// lookUp appends the run's values as runs of the dictionary. Indices are checked here, as
// they lead to bytes for the first time.
func (r Run) lookUp(out []Run) ([]Run, error) {
	for i := r.From; i < r.From+r.Len; i++ {
		if r.Column.IsNull(i) {
			out = AppendRun(out, Run{Len: 1, MustBeNull: true})
			continue
		}
		k := r.Column.Index(i)
		if k < 0 || k >= int64(r.Column.Dictionary.Len) {
			return nil, fmt.Errorf("row %d: index %d in a dictionary of %d values", i, k, r.Column.Dictionary.Len)
		}
		out = AppendRun(out, Run{Column: r.Column.Dictionary, From: int(k), Len: 1})
	}
	return out, nil
}

// runEnds appends the run's values as runs of the values of a run-end encoded column, in
// which run k covers the rows before end k: ends [2 5] are two rows of value 0, three of 1.
func (r Run) runEnds(out []Run) []Run {
	ends, vals := r.Column.Kids[0], r.Column.Kids[1]
	w, at := BitWidth(ends.Type)/8, 0
	for i := r.From; i < r.From+r.Len; i++ {
		for at < ends.Len && intAt(ends.Buffers[0], w, ends.Offset+at, true) <= int64(r.Column.Offset+i) {
			at++
		}
		out = append(out, Run{Column: vals, From: at, Len: 1})
	}
	return out
}

// eachRun calls f for the longest stretches of null and of non-null values in r: most
// columns have one, and copying it whole is what makes copying fast.
func (r Run) eachRun(f func(from, n int, null bool)) {
	if r.Column == nil || r.Column.Type.ID() == arrow.NULL || r.Column.Valid == nil {
		if r.Len > 0 || r.Column == nil {
			f(r.From, r.Len, r.Column == nil || r.Column.Type.ID() == arrow.NULL)
		}
		return
	}
	off, end := r.Column.Offset, r.From+r.Len
	for i := r.From; i < end; {
		ok := BitAt(r.Column.Valid, off+i)
		j := runEnd(r.Column.Valid, off+i, off+end, ok) - off
		f(i, j-i, !ok)
		i = j
	}
}

// ChildRuns are the runs of child k under runs of a nested field f. Values of the child
// under a null of the parent are in the buffers as often as not, and nobody may see them:
// lists leave them out, as offsets say how long each list is; structs and lists of a fixed
// size, whose children are counted with them, have blanks there.
func ChildRuns(f arrow.Field, runs []Run, k int) []Run {
	var out []Run
	fixed := 1
	if len(runs) > 1 {
		out = make([]Run, 0, len(runs))
	}
	if t, ok := f.Type.(*arrow.FixedSizeListType); ok {
		fixed = int(t.Len())
	}
	sh := ShapeOf(f.Type)
	for _, r := range runs {
		if r.Column != nil && r.Column.Valid == nil && r.Column.Type.ID() != arrow.NULL {
			if sh == ShapeList {
				out = listRuns(out, r.Column, r.From, r.Len)
			} else {
				out = AppendRun(out, Run{Column: r.Column.Kids[k], From: (r.Column.Offset + r.From) * fixed, Len: r.Len * fixed})
			}
			continue
		}
		r.eachRun(func(from, n int, null bool) {
			switch {
			case sh == ShapeList && null:
			case sh == ShapeList:
				out = listRuns(out, r.Column, from, n)
			case null:
				out = AppendRun(out, Run{Len: n * fixed})
			default:
				out = AppendRun(out, Run{Column: r.Column.Kids[k], From: (r.Column.Offset + from) * fixed, Len: n * fixed})
			}
		})
	}
	return out
}

// listRuns appends the values of n lists of c. Values of lists with offsets follow one
// another without a gap, so n of them make one run; list views may lie anywhere.
func listRuns(out []Run, c *Column, from, n int) []Run {
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
