package shard

import (
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// A column is put together from levels [Dremel, parquet-format NestedEncoding]: of
// the column's leaves those levels count whose repetition is at most rep, and whose
// definition is at least def: one for each value that the column has, null or not.

// build makes the column of what was cut of the leaves.
func (c *pqColumn) build(leaves []*pqLeaf, rep, def int16) (*col, error) {
	switch {
	case c.node != nil:
		return c.buildLeaf(leaves[c.node.leaf], rep, def)
	case c.has > 0:
		return c.buildList(leaves, rep, def)
	}
	return c.buildStruct(leaves, rep, def)
}

// buildStruct wants the same nulls from each member.
func (c *pqColumn) buildStruct(leaves []*pqLeaf, rep, def int16) (*col, error) {
	out := &col{typ: c.field.Type}
	var first bitmap
	for i, k := range c.leaves {
		b := leaves[k].validity(rep, def, c.valid)
		if i > 0 && (b.n != first.n || !slices.Equal(b.bits, first.bits)) {
			return nil, fmt.Errorf("%s: its members do not agree on what is null", c.field.Name)
		}
		first = b
	}
	out.n, out.valid = first.n, first.buffer()
	for _, k := range c.kids {
		kid, err := k.build(leaves, rep, def)
		if err != nil {
			return nil, err
		}
		if kid.n != out.n {
			return nil, fmt.Errorf("%s: %d values beside %d", k.field.Name, kid.n, out.n)
		}
		out.kids = append(out.kids, kid)
	}
	return out, nil
}

// lists are the offsets and nulls of the lists of one leaf.
type lists struct {
	offs  []int32
	valid bitmap
}

// buildList wants the same lists from each leaf.
func (c *pqColumn) buildList(leaves []*pqLeaf, rep, def int16) (*col, error) {
	var first lists
	for i, k := range c.leaves {
		l := leaves[k].lists(rep, def, c.valid, c.has)
		if i > 0 && (!slices.Equal(l.offs, first.offs) || !slices.Equal(l.valid.bits, first.valid.bits)) {
			return nil, errLists
		}
		first = l
	}
	kid, err := c.kids[0].build(leaves, rep+1, c.has)
	if err != nil {
		return nil, err
	}
	out := &col{typ: c.field.Type, n: first.valid.n, valid: first.valid.buffer(), kids: []*col{kid}}
	if int(first.offs[out.n]) != kid.n {
		return nil, errLists
	}
	switch c.field.Type.ID() {
	case arrow.FIXED_SIZE_LIST:
		return out, fillLists(out, first.offs)
	case arrow.LARGE_LIST:
		wide := make([]int64, len(first.offs))
		for i, o := range first.offs {
			wide[i] = int64(o)
		}
		out.bufs = [][]byte{arrow.Int64Traits.CastToBytes(wide)}
	default:
		out.bufs = [][]byte{arrow.Int32Traits.CastToBytes(first.offs)}
	}
	return out, nil
}

// fillLists makes lists of a fixed size of lists that have it, and gives the null
// ones blank values.
func fillLists(c *col, offs []int32) error {
	t, ok := c.typ.(*arrow.FixedSizeListType)
	if !ok {
		return errors.New("no list of a fixed size")
	}
	size := int(t.Len())
	var segs []seg
	for i := range c.n {
		switch n := int(offs[i+1] - offs[i]); {
		case c.isNull(i):
			segs = push(segs, seg{n: size})
		case n != size:
			return fmt.Errorf("row %d has a list of %d where the Arrow schema in the footer says %d", i, n, size)
		default:
			segs = push(segs, seg{c: c.kids[0], from: int(offs[i]), n: n})
		}
	}
	if c.valid == nil {
		return nil
	}
	f := t.ElemField()
	if f.Type = target(f.Type); f.Type.ID() != c.kids[0].typ.ID() {
		return errors.New("a list of a fixed size of a type that cannot be filled")
	}
	kid, err := canon(f, segs, &canonizer{})
	c.kids[0] = kid
	return err
}

// bitmap grows bit by bit.
type bitmap struct {
	bits  []byte
	n     int
	nulls int
}

func (m *bitmap) add(ok bool) {
	if m.n&7 == 0 {
		m.bits = append(m.bits, 0)
	}
	if ok {
		m.bits[m.n>>3] |= 1 << (m.n & 7)
	} else {
		m.nulls++
	}
	m.n++
}

// buffer is nil where nothing is null.
func (m *bitmap) buffer() []byte {
	if m.nulls == 0 {
		return nil
	}
	return m.bits
}

// validity says of each value whether it is null: whether its level reaches valid.
func (l *pqLeaf) validity(rep, def, valid int16) bitmap {
	m := bitmap{bits: make([]byte, 0, l.cutLevels/8+1)}
	switch {
	case l.node.maxDef == 0:
		m.n = l.cutLevels
		m.bits = make([]byte, (m.n+7)/8)
		setBits(m.bits, 0, m.n)
	case l.node.maxRep == 0 && def == 0: // the many flat columns
		m.n = l.cutLevels
		m.bits = m.bits[:(m.n+7)/8]
		clear(m.bits)
		set := 0
		for i, d := range l.def[:m.n] {
			b := byte(0)
			if d >= valid {
				b = 1
			}
			set += int(b)
			m.bits[i>>3] |= b << (i & 7)
		}
		m.nulls = m.n - set
	default:
		for i, d := range l.def[:l.cutLevels] {
			if d >= def && (l.node.maxRep == 0 || l.rep[i] <= rep) {
				m.add(d >= valid)
			}
		}
	}
	return m
}

// lists counts the elements of each list.
func (l *pqLeaf) lists(rep, def, valid, has int16) lists {
	out := lists{offs: make([]int32, 0, l.starts+1)}
	count := int32(0)
	for i, r := range l.rep[:l.cutLevels] {
		d := l.def[i]
		switch {
		case r <= rep && d < def: // of a list or struct above that has no value here
			continue
		case r <= rep:
			out.offs = append(out.offs, count)
			out.valid.add(d >= valid)
		case r > rep+1:
			continue
		}
		if d >= has {
			count++
		}
	}
	out.offs = append(out.offs, count)
	return out
}

// buildLeaf spreads the values to their places.
func (c *pqColumn) buildLeaf(l *pqLeaf, rep, def int16) (*col, error) {
	m := l.validity(rep, def, c.valid)
	out := &col{typ: c.field.Type, n: m.n, valid: m.buffer()}
	if c.field.Type.ID() == arrow.NULL {
		out.valid = nil
		if l.cutValues > 0 {
			return nil, errors.New("values in a column of nulls")
		}
		return out, nil
	}
	if l.cutValues != m.n-m.nulls {
		return nil, errLists
	}
	if shapeOf(out.typ) == shapeText {
		offs := l.offs[:l.cutValues+1]
		if m.nulls > 0 {
			offs = spreadOffsets(offs, out.valid, m.n)
		}
		out.bufs = [][]byte{arrow.Int32Traits.CastToBytes(offs), l.data[:l.offs[l.cutValues]]}
		if offsetWidth(out.typ) == 8 {
			wide := make([]int64, len(offs))
			for i, o := range offs {
				wide[i] = int64(o)
			}
			out.bufs[0] = arrow.Int64Traits.CastToBytes(wide)
		}
		return out, nil
	}
	vals, mine, err := l.fixed[:l.cutValues*l.node.width], false, error(nil)
	if !c.little {
		vals, mine, err = l.dense(out.typ)
	}
	if err != nil {
		return nil, err
	}
	if m.nulls > 0 {
		vals, mine = placed(vals, bitWidth(out.typ), out.valid, m.n), true
	}
	l.given = l.given || !mine
	out.bufs = [][]byte{vals}
	return out, nil
}

func spreadOffsets(in []int32, valid []byte, n int) []int32 {
	out := make([]int32, n+1)
	j := 0
	for i := range n {
		if bitAt(valid, i) {
			j++
		}
		out[i+1] = in[j]
	}
	return out
}

// placed puts dense values of some bits each where valid says.
func placed(in []byte, width int, valid []byte, n int) []byte {
	out := make([]byte, (n*width+7)/8)
	switch width {
	case 1:
		for i, j := 0, 0; i < n; i++ {
			if bitAt(valid, i) {
				if bitAt(in, j) {
					out[i>>3] |= 1 << (i & 7)
				}
				j++
			}
		}
	case 32:
		spreadAs[uint32](out, in, valid, n)
	case 64:
		spreadAs[uint64](out, in, valid, n)
	default:
		w := width / 8
		for i, j := 0, 0; i < n; i++ {
			if bitAt(valid, i) {
				copy(out[i*w:(i+1)*w], in[j*w:])
				j++
			}
		}
	}
	return out
}

func spreadAs[T any](dst, src, valid []byte, n int) {
	out, in, j := view[T](dst), view[T](src), 0
	for i := range n {
		if bitAt(valid, i) {
			out[i] = in[j]
			j++
		}
	}
}
