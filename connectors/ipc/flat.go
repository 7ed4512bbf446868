package ipc

import (
	"errors"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Slots of the flatbuffers tables of Arrow's Message.fbs, Schema.fbs and
// File.fbs: 4 plus twice the field's number [Arrow columnar format 1.5].
const (
	slot0 = 4 + 2*iota
	slot1
	slot2
	slot3
	slot4
	slot5
	slot6
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

func flatRoot(b []byte) flat {
	return flat{flatbuffers.Table{Bytes: b, Pos: flatbuffers.GetUOffsetT(b)}}
}

func (f flat) at(slot int) (flatbuffers.UOffsetT, bool) {
	o := flatbuffers.UOffsetT(f.t.Offset(flatbuffers.VOffsetT(slot)))
	return o + f.t.Pos, o != 0
}

func (f flat) i64(slot int, def int64) int64 {
	return f.t.GetInt64Slot(flatbuffers.VOffsetT(slot), def)
}

func (f flat) i32(slot int, def int32) int32 {
	return f.t.GetInt32Slot(flatbuffers.VOffsetT(slot), def)
}

func (f flat) i16(slot int, def int16) int16 {
	return f.t.GetInt16Slot(flatbuffers.VOffsetT(slot), def)
}

func (f flat) u8(slot int) byte { return f.t.GetByteSlot(flatbuffers.VOffsetT(slot), 0) }

func (f flat) bool(slot int) bool { return f.t.GetBoolSlot(flatbuffers.VOffsetT(slot), false) }

func (f flat) str(slot int) string {
	p, ok := f.at(slot)
	if !ok {
		return ""
	}
	return string(f.t.ByteVector(p))
}

// table follows slot to a table; ok is false where the slot is empty.
func (f flat) table(slot int) (flat, bool) {
	p, ok := f.at(slot)
	if !ok {
		return flat{}, false
	}
	return flat{flatbuffers.Table{Bytes: f.t.Bytes, Pos: f.t.Indirect(p)}}, true
}

// vector gives start and number of elements of size bytes each, after checking
// that all of them lie within the buffer.
func (f flat) vector(slot, size int) (start flatbuffers.UOffsetT, n int) {
	p, ok := f.at(slot)
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
func (f flat) tables(slot int) []flat {
	start, n := f.vector(slot, 4)
	out := make([]flat, n)
	for i := range out {
		p := start + flatbuffers.UOffsetT(4*i)
		out[i] = flat{flatbuffers.Table{Bytes: f.t.Bytes, Pos: f.t.Indirect(p)}}
	}
	return out
}

func (f flat) int64At(p flatbuffers.UOffsetT) int64 { return f.t.GetInt64(p) }
