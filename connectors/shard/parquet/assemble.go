package parquet

import (
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
)

// A column is put together from levels [Dremel, parquet-format NestedEncoding]: of
// the column's leaves those levels count whose repetition is at most rep, and whose
// definition is at least def: one for each value that the column has, null or not.

// build makes the column of what was cut of the leaves.
func (c *assembler) build(leaves []*leafReader, rep, def int16) (*column.Column, error) {
	switch {
	case c.node != nil:
		return c.buildLeaf(leaves[c.node.leaf], rep, def)
	case c.has > 0:
		return c.buildList(leaves, rep, def)
	}
	return c.buildStruct(leaves, rep, def)
}

// buildStruct wants the same nulls from each member: a struct has no column of its own, and
// the levels of each leaf below say again where it is null.
func (c *assembler) buildStruct(leaves []*leafReader, rep, def int16) (*column.Column, error) {
	out := &column.Column{Type: c.field.Type}
	var first bitmap
	for i, k := range c.leaves {
		b := leaves[k].validity(rep, def, c.valid)
		if i > 0 && (b.n != first.n || !slices.Equal(b.bits, first.bits)) {
			return nil, fmt.Errorf("%s: its members do not agree on what is null", c.field.Name)
		}
		first = b
	}
	out.Len, out.Valid = first.n, first.buffer()
	for _, k := range c.kids {
		kid, err := k.build(leaves, rep, def)
		if err != nil {
			return nil, err
		}
		if kid.Len != out.Len {
			return nil, fmt.Errorf("%s: %d values beside %d", k.field.Name, kid.Len, out.Len)
		}
		out.Kids = append(out.Kids, kid)
	}
	return out, nil
}

// lists are the offsets and nulls of the lists of one leaf.
type lists struct {
	offs  []int32
	valid bitmap
}

// buildList wants the same lists from each leaf, as each says again where they end.
func (c *assembler) buildList(leaves []*leafReader, rep, def int16) (*column.Column, error) {
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
	out := &column.Column{Type: c.field.Type, Len: first.valid.n, Valid: first.valid.buffer(), Kids: []*column.Column{kid}}
	if int(first.offs[out.Len]) != kid.Len {
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
		out.Buffers = [][]byte{arrow.Int64Traits.CastToBytes(wide)}
	default:
		out.Buffers = [][]byte{arrow.Int32Traits.CastToBytes(first.offs)}
	}
	return out, nil
}

// fillLists makes lists of a fixed size of lists that have it, and gives the null
// ones blank values.
func fillLists(c *column.Column, offs []int32) error {
	t, ok := c.Type.(*arrow.FixedSizeListType)
	if !ok {
		return errors.New("no list of a fixed size")
	}
	size := int(t.Len())
	var runs []column.Run
	for i := range c.Len {
		switch n := int(offs[i+1] - offs[i]); {
		case c.IsNull(i):
			runs = column.AppendRun(runs, column.Run{Len: size})
		case n != size:
			return fmt.Errorf("row %d has a list of %d where the Arrow schema in the footer says %d", i, n, size)
		default:
			runs = column.AppendRun(runs, column.Run{Column: c.Kids[0], From: int(offs[i]), Len: n})
		}
	}
	if c.Valid == nil {
		return nil
	}
	// Lists of a fixed size have values under their nulls, too. Parquet has none there, so they
	// are put in as blanks, and the child is copied once.
	f := t.ElemField()
	if f.Type = column.CanonicalType(f.Type); f.Type.ID() != c.Kids[0].Type.ID() {
		return errors.New("a list of a fixed size of a type that cannot be filled")
	}
	kid, err := column.Canonical(f, runs, &column.DictionaryMap{})
	c.Kids[0] = kid
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

// validity says of each value whether it is null: whether its level reaches valid. With
// the levels rep 0 1 0 0 0 and def 3 2 0 1 3 of the package's example the list (rep 0, def
// 0, valid 1) is 1 0 1 1, and its child (rep 1, def 2, valid 3) is 1 0 1.
func (l *leafReader) validity(rep, def, valid int16) bitmap {
	m := bitmap{bits: make([]byte, 0, l.cutLevels/8+1)}
	switch {
	case l.node.maxDef == 0:
		m.n = l.cutLevels
		m.bits = make([]byte, (m.n+7)/8)
		column.SetBits(m.bits, 0, m.n)
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

// lists counts the elements of each list. A level that repeats no deeper than rep begins a
// list; one that repeats just below it is an element; deeper ones are elements of elements.
func (l *leafReader) lists(rep, def, valid, has int16) lists {
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

// buildLeaf spreads the values to their places: they stand close together in the page, and
// a column has a place for each null, too.
func (c *assembler) buildLeaf(l *leafReader, rep, def int16) (*column.Column, error) {
	m := l.validity(rep, def, c.valid)
	out := &column.Column{Type: c.field.Type, Len: m.n, Valid: m.buffer()}
	if c.field.Type.ID() == arrow.NULL {
		out.Valid = nil
		if l.cutValues > 0 {
			return nil, errors.New("values in a column of nulls")
		}
		return out, nil
	}
	if l.cutValues != m.n-m.nulls {
		return nil, errLists
	}
	if column.ShapeOf(out.Type) == column.ShapeText {
		offs := l.offs[:l.cutValues+1]
		if m.nulls > 0 {
			offs = spreadOffsets(offs, out.Valid, m.n)
		}
		out.Buffers = [][]byte{arrow.Int32Traits.CastToBytes(offs), l.data[:l.offs[l.cutValues]]}
		if column.OffsetWidth(out.Type) == 8 {
			wide := make([]int64, len(offs))
			for i, o := range offs {
				wide[i] = int64(o)
			}
			out.Buffers[0] = arrow.Int64Traits.CastToBytes(wide)
		}
		return out, nil
	}
	vals, mine, err := l.fixed[:l.cutValues*l.node.width], false, error(nil)
	if !c.little {
		vals, mine, err = l.dense(out.Type)
	}
	if err != nil {
		return nil, err
	}
	if m.nulls > 0 {
		vals, mine = placed(vals, column.BitWidth(out.Type), out.Valid, m.n), true
	}
	l.given = l.given || !mine
	out.Buffers = [][]byte{vals}
	return out, nil
}

// spreadOffsets gives each null the offset of the value before it, so that it is empty.
func spreadOffsets(in []int32, valid []byte, n int) []int32 {
	out := make([]int32, n+1)
	j := 0
	for i := range n {
		if column.BitAt(valid, i) {
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
			if column.BitAt(valid, i) {
				if column.BitAt(in, j) {
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
			if column.BitAt(valid, i) {
				copy(out[i*w:(i+1)*w], in[j*w:])
				j++
			}
		}
	}
	return out
}

// spreadAs is placed for values of a width that the machine copies at once.
func spreadAs[T any](dst, src, valid []byte, n int) {
	out, in, j := view[T](dst), view[T](src), 0
	for i := range n {
		if column.BitAt(valid, i) {
			out[i] = in[j]
			j++
		}
	}
}
