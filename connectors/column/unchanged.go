package column

import "github.com/apache/arrow/go/v17/arrow"

// Unchanged gives a whole column as it stands, where its buffers are canonical by their
// layout: flat values without nulls, the first of them at the buffers' start. Its values
// are checked as Canonical checks them; nothing is copied. nil where Canonical has to say.
//
// Most columns of most tables are such, and copying them is most of what publication would
// do with them.
func Unchanged(f arrow.Field, runs []Run) (*Column, error) {
	if len(runs) != 1 || runs[0].Column == nil || runs[0].From != 0 || runs[0].Len != runs[0].Column.Len {
		return nil, nil
	}
	k := runs[0].Column
	if k.Len == 0 || k.Offset != 0 || k.Valid != nil || k.Dictionary != nil || !arrow.TypeEqual(k.Type, f.Type) {
		return nil, nil
	}
	switch ShapeOf(f.Type) {
	case ShapeFixed:
		bits := BitWidth(f.Type)
		if bits%8 != 0 {
			return nil, nil
		}
		c := &Column{Type: f.Type, Len: k.Len, Buffers: [][]byte{k.Buffers[0][:k.Len*bits/8]}}
		return c, c.checkRange()
	case ShapeText:
		w := OffsetWidth(f.Type)
		if intAt(k.Buffers[0], w, 0, true) != 0 {
			return nil, nil
		}
		c := &Column{Type: f.Type, Len: k.Len, Buffers: [][]byte{k.Buffers[0][:(k.Len+1)*w], k.Buffers[1][:intAt(k.Buffers[0], w, k.Len, true)]}}
		return c, c.checkText()
	}
	return nil, nil
}
