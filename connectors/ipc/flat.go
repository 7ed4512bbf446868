package ipc

import (
	"errors"

	flatbuffers "github.com/google/flatbuffers/go"
)

var errFlat = errors.New("the metadata is not a well-formed flatbuffer")

// guard turns a panic of the flatbuffers accessors, which index foreign bytes
// by foreign offsets, into errFlat.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = errFlat
	}
}

// flat is one flatbuffers table over untrusted bytes. Its methods panic on
// offsets outside; callers stand under guard.
type flat struct{ t flatbuffers.Table }

// flatRoot is the table that a whole flatbuffer is about.
func flatRoot(b []byte) flat {
	return flat{flatbuffers.Table{Bytes: b, Pos: flatbuffers.GetUOffsetT(b)}}
}

// slot is a field's place in the row of slots, which begins with two lengths.
func slot(field int) flatbuffers.VOffsetT { return flatbuffers.VOffsetT(4 + 2*field) }

// at is where a field's value stands; false where the writer left the field out, which
// means its default.
func (f flat) at(field int) (flatbuffers.UOffsetT, bool) {
	o := flatbuffers.UOffsetT(f.t.Offset(slot(field)))
	return o + f.t.Pos, o != 0
}

func (f flat) i64(field int, def int64) int64 {
	return f.t.GetInt64Slot(slot(field), def)
}

func (f flat) i32(field int, def int32) int32 {
	return f.t.GetInt32Slot(slot(field), def)
}

func (f flat) i16(field int, def int16) int16 {
	return f.t.GetInt16Slot(slot(field), def)
}

func (f flat) u8(field int) byte { return f.t.GetByteSlot(slot(field), 0) }

func (f flat) bool(field int) bool { return f.t.GetBoolSlot(slot(field), false) }

func (f flat) str(field int) string {
	p, ok := f.at(field)
	if !ok {
		return ""
	}
	return string(f.t.ByteVector(p))
}

// table follows a field to a table; ok is false where the field is left out.
func (f flat) table(field int) (flat, bool) {
	p, ok := f.at(field)
	if !ok {
		return flat{}, false
	}
	return flat{flatbuffers.Table{Bytes: f.t.Bytes, Pos: f.t.Indirect(p)}}, true
}

// vector gives start and number of elements of size bytes each, after checking
// that all of them lie within the buffer.
func (f flat) vector(field, size int) (start flatbuffers.UOffsetT, n int) {
	p, ok := f.at(field)
	if !ok {
		return 0, 0
	}
	rel := p - f.t.Pos
	start, n = f.t.Vector(rel), f.t.VectorLen(rel)
	if int64(start)+int64(n)*int64(size) > int64(len(f.t.Bytes)) {
		panic(errFlat)
	}
	return start, n
}

// tables follows a vector of tables.
func (f flat) tables(field int) []flat {
	start, n := f.vector(field, 4)
	out := make([]flat, n)
	for i := range out {
		p := start + flatbuffers.UOffsetT(4*i)
		out[i] = flat{flatbuffers.Table{Bytes: f.t.Bytes, Pos: f.t.Indirect(p)}}
	}
	return out
}

func (f flat) int64At(p flatbuffers.UOffsetT) int64 { return f.t.GetInt64(p) }
