package shard

import "github.com/apache/arrow/go/v17/arrow"

// asItIs gives a whole column as it stands, where its buffers are canonical by their
// layout: flat values without nulls, the first of them at the buffers' start. Its values
// are checked as canon checks them; nothing is copied. nil where canon has to say.
func asItIs(f arrow.Field, segs []seg) (*col, error) {
	if len(segs) != 1 || segs[0].c == nil || segs[0].from != 0 || segs[0].n != segs[0].c.n {
		return nil, nil
	}
	k := segs[0].c
	if k.n == 0 || k.off != 0 || k.valid != nil || k.dict != nil || !arrow.TypeEqual(k.typ, f.Type) {
		return nil, nil
	}
	switch shapeOf(f.Type) {
	case shapeFixed:
		bits := bitWidth(f.Type)
		if bits%8 != 0 {
			return nil, nil
		}
		c := &col{typ: f.Type, n: k.n, bufs: [][]byte{k.bufs[0][:k.n*bits/8]}}
		return c, c.checkRange()
	case shapeText:
		w := offsetWidth(f.Type)
		if intAt(k.bufs[0], w, 0, true) != 0 {
			return nil, nil
		}
		c := &col{typ: f.Type, n: k.n, bufs: [][]byte{k.bufs[0][:(k.n+1)*w], k.bufs[1][:intAt(k.bufs[0], w, k.n, true)]}}
		return c, c.checkText()
	}
	return nil, nil
}
