package ipc_test

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
)

// table is a flatbuffers table by the numbers of its fields, as a foreign writer might make
// it: scalars, texts, tables, vectors of tables, pairs of integers.
type table map[int]any

type pairs [][2]int64

func (t table) build(b *flatbuffers.Builder) flatbuffers.UOffsetT {
	offsets := map[int]flatbuffers.UOffsetT{}
	last := -1
	for _, k := range slices.Sorted(maps.Keys(t)) {
		last = k
		switch v := t[k].(type) {
		case string:
			offsets[k] = b.CreateString(v)
		case table:
			offsets[k] = v.build(b)
		case []table:
			var each []flatbuffers.UOffsetT
			for _, x := range v {
				each = append(each, x.build(b))
			}
			b.StartVector(4, len(each), 4)
			for _, o := range slices.Backward(each) {
				b.PrependUOffsetT(o)
			}
			offsets[k] = b.EndVector(len(each))
		case pairs:
			b.StartVector(16, len(v), 8)
			for _, p := range slices.Backward(v) {
				b.Prep(8, 16)
				b.PrependInt64(p[1])
				b.PrependInt64(p[0])
			}
			offsets[k] = b.EndVector(len(v))
		case []int64:
			b.StartVector(8, len(v), 8)
			for _, n := range slices.Backward(v) {
				b.PrependInt64(n)
			}
			offsets[k] = b.EndVector(len(v))
		}
	}
	b.StartObject(last + 1)
	for k, v := range t {
		switch v := v.(type) {
		case int16:
			b.PrependInt16(v)
		case int32:
			b.PrependInt32(v)
		case int64:
			b.PrependInt64(v)
		case byte:
			b.PrependByte(v)
		case bool:
			b.PrependBool(v)
		default:
			b.PrependUOffsetT(offsets[k])
		}
		b.Slot(k)
	}
	return b.EndObject()
}

// flat is the table as the root of a buffer.
func (t table) flat() []byte {
	b := flatbuffers.NewBuilder(256)
	b.Finish(t.build(b))
	return b.FinishedBytes()
}

// framed is the table as the metadata of a message: marker, length, zeros to a multiple of 8.
func (t table) framed() []byte {
	fb := t.flat()
	for len(fb)%8 != 0 {
		fb = append(fb, 0)
	}
	out := binary.LittleEndian.AppendUint32([]byte{255, 255, 255, 255}, uint32(len(fb)))
	return append(out, fb...)
}

// message is a message of a kind (1 schema, 2 dictionary, 3 record batch) with a header.
func message(kind byte, header table, body int64) table {
	return table{0: int16(4), 1: kind, 2: header, 3: body}
}

// field is a field of a type: the number of its member of the union Type, and parameters.
func field(name string, typ byte, parameters table, children ...table) table {
	if children == nil {
		children = []table{}
	}
	return table{0: name, 1: true, 2: typ, 3: parameters, 5: children}
}

// schemaOf is a schema message of fields.
func schemaOf(fields ...table) []byte { return message(1, table{1: fields}, 0).framed() }

// Numbers of the union Type [Schema.fbs].
const (
	tNull byte = 1 + iota
	tInt
	tFloat
	tBinary
	tUtf8
	tBool
	tDecimal
	tDate
	tTime
	tTimestamp
	tInterval
	tList
	tStruct
	tUnion
	tFixedBinary
	tFixedList
	tMap
	tDuration
	tLargeBinary
	tLargeUtf8
	tLargeList
	tRunEnd
	tBinaryView
	tUtf8View
	tListView
	tLargeListView
)

// wants fails unless err says want; an empty want wants no error.
func wants(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (err == nil || err.Error() != want):
		t.Errorf("%s: %v\nwant %s", name, err, want)
	}
}
