package transform

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Width is the bytes of a pseudonym.
const Width = 16

type pseudonym struct{ key Key }

// Pseudonymise replaces values by 16 bytes of a keyed function of their text, which nobody
// without the key can compute or turn back, and by which columns of one linkage join: the
// number 42 and the text "42" give the same pseudonym. Any flat type.
func Pseudonymise(from arrow.DataType, key Key) (Column, error) {
	if arrow.IsNested(from.ID()) {
		return nil, fmt.Errorf("columns of type %s cannot be pseudonymised", from)
	}
	return &pseudonym{key}, nil
}

func (*pseudonym) Type() arrow.DataType { return &arrow.FixedSizeBinaryType{ByteWidth: Width} }

func (*pseudonym) Most() int64 { return Width }

func (p *pseudonym) Apply(a arrow.Array) (arrow.Array, error) {
	function, err := p.key.function()
	if err != nil {
		return nil, err
	}
	if d, ok := a.(*array.Dictionary); ok {
		return p.dictionary(d)
	}
	out := newPseudonyms(a.Len())
	v := valuesOf(a)
	seen := newMemo(a.Len(), v)
	for i := range a.Len() {
		if a.IsNull(i) {
			out.setNull(i)
			continue
		}
		if row := seen.find(i); row >= 0 {
			copy(out.at(i), out.at(row))
			continue
		}
		function(out.at(i), v.text(i))
	}
	return out.array(), nil
}

// dictionary maps each value once: a column of a million rows may name some hundred people.
func (p *pseudonym) dictionary(d *array.Dictionary) (arrow.Array, error) {
	mapped, err := p.Apply(d.Dictionary())
	if err != nil {
		return nil, err
	}
	out, values := newPseudonyms(d.Len()), mapped.(*array.FixedSizeBinary)
	for i := range d.Len() {
		if d.IsNull(i) || values.IsNull(d.GetValueIndex(i)) {
			out.setNull(i)
			continue
		}
		copy(out.at(i), values.Value(d.GetValueIndex(i)))
	}
	return out.array(), nil
}

// pseudonyms are written where the array has them.
type pseudonyms struct {
	data  []byte
	null  []bool // nil while there is none
	nulls int
}

func newPseudonyms(n int) *pseudonyms { return &pseudonyms{data: make([]byte, n*Width)} }

func (p *pseudonyms) at(i int) []byte { return p.data[i*Width : (i+1)*Width : (i+1)*Width] }

func (p *pseudonyms) setNull(i int) {
	if p.null == nil {
		p.null = make([]bool, len(p.data)/Width)
	}
	p.null[i] = true
	p.nulls++
}

func (p *pseudonyms) array() arrow.Array {
	n := len(p.data) / Width
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(p.data)}
	if p.null != nil {
		valid := make([]byte, (n+7)/8)
		for i, null := range p.null {
			if !null {
				valid[i>>3] |= 1 << (i & 7)
			}
		}
		buffers[0] = memory.NewBufferBytes(valid)
	}
	return array.NewFixedSizeBinaryData(array.NewData(&arrow.FixedSizeBinaryType{ByteWidth: Width}, n, buffers, nil, p.nulls, 0))
}

// values reads an array's values. Those with equal bytes have equal texts.
type values struct {
	text  func(i int) []byte // until the next one is asked for
	bytes func(i int) []byte // as they lie; nil where a value has no bytes of its own
}

// valuesOf reads the common types without a string for each value; ValueStr is what their
// text is too.
func valuesOf(a arrow.Array) values {
	switch a := a.(type) {
	case *array.String:
		data, first := a.ValueBytes(), a.ValueOffset(0)
		at := func(i int) []byte { return data[a.ValueOffset(i)-first : a.ValueOffset(i+1)-first] }
		return values{at, at}
	case *array.LargeString:
		data, first := a.ValueBytes(), a.ValueOffset(0)
		at := func(i int) []byte { return data[a.ValueOffset(i)-first : a.ValueOffset(i+1)-first] }
		return values{at, at}
	case *array.Binary:
		return values{a.Value, a.Value}
	case *array.FixedSizeBinary:
		return values{a.Value, a.Value}
	}
	return values{numberTexts(a), fixedBytes(a)}
}

func numberTexts(a arrow.Array) func(i int) []byte {
	var text []byte
	signed := func(value func(i int) int64) func(i int) []byte {
		return func(i int) []byte { text = strconv.AppendInt(text[:0], value(i), 10); return text }
	}
	switch a := a.(type) {
	case *array.Int64:
		return signed(a.Value)
	case *array.Int32:
		return signed(func(i int) int64 { return int64(a.Value(i)) })
	case *array.Uint32:
		return signed(func(i int) int64 { return int64(a.Value(i)) })
	case *array.Uint64:
		return func(i int) []byte { text = strconv.AppendUint(text[:0], a.Value(i), 10); return text }
	case *array.Float64:
		return func(i int) []byte { text = strconv.AppendFloat(text[:0], a.Value(i), 'g', -1, 64); return text }
	}
	return func(i int) []byte { return []byte(a.ValueStr(i)) }
}

// fixedBytes gives the values of a type of whole bytes as they lie; nil of others.
func fixedBytes(a arrow.Array) func(i int) []byte {
	t, ok := a.DataType().(arrow.FixedWidthDataType)
	if !ok || t.BitWidth()%8 != 0 || len(a.Data().Buffers()) < 2 || a.Data().Buffers()[1] == nil {
		return nil
	}
	w := t.BitWidth() / 8
	data := a.Data().Buffers()[1].Bytes()[a.Data().Offset()*w:]
	return func(i int) []byte { return data[i*w : (i+1)*w] }
}

// memo finds the row of an array that had a value before: a copy of its pseudonym is
// cheaper than the function. It holds rows, not values, so that it is small and ends with
// the array; a row that hashes as a later one does is forgotten.
//
//	rows     "Ada"  "Bob"  "Ada"  "Cy"     Bob and Cy hash alike
//	find      -1     -1      0     -1      and a later "Bob" is not found
type memo struct {
	bytes        func(i int) []byte // nil: nothing is found
	seed         maphash.Seed       // a fresh one: nobody can choose values that hash alike
	rows         []int32            // by hash, plus 1
	asked, found int
	last         int // row that was asked for last, plus 1
}

const (
	memoBits = 14    // of the hash; its 64 KiB lie in the cache
	memoTry  = 4_096 // values after which it must have been of use, again and again
	memoUse  = 8     // one of so many at least must have been found
)

func newMemo(n int, v values) *memo {
	m := &memo{bytes: v.bytes}
	if m.bytes != nil && n > 1 {
		m.seed, m.rows = maphash.MakeSeed(), make([]int32, 1<<memoBits)
	}
	return m
}

// find gives a row before i that had the value of row i; -1 where none is known.
func (m *memo) find(i int) int {
	if m.rows == nil {
		return -1
	}
	if m.asked == memoTry {
		if m.found*memoUse < m.asked {
			m.rows = nil
			return -1
		}
		m.asked, m.found = 0, 0
	}
	m.asked++
	v := m.bytes(i)
	last := m.last - 1
	m.last = i + 1
	if last >= 0 && bytes.Equal(m.bytes(last), v) { // rows of one person often follow each other
		m.found++
		return last
	}
	slot := &m.rows[maphash.Bytes(m.seed, v)>>(64-memoBits)]
	if row := int(*slot) - 1; row >= 0 && bytes.Equal(m.bytes(row), v) {
		m.found++
		return row
	}
	*slot = int32(i) + 1
	return -1
}
