package ipc

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	flatbuffers "github.com/google/flatbuffers/go"

	"guichet/schemas"
)

const (
	// Magic begins and ends an IPC file.
	Magic = "ARROW1"
	// Alignment is that of buffers in a body [Arrow columnar format, Buffer Alignment].
	Alignment = 64
)

// FileStart is what stands before the schema message of an IPC file.
func FileStart() []byte { return []byte(Magic + "\x00\x00") }

// EndOfStream is the marker that ends a stream; without it a stream is cut.
func EndOfStream() []byte { return []byte{255, 255, 255, 255, 0, 0, 0, 0} }

// EncodeSchema gives the encapsulated schema message of fields, with the
// dictionary ids 0, 1, … in the order of the fields and no metadata but the
// two keys of extension types. The message has no body.
func EncodeSchema(fields []arrow.Field) []byte { return NewSchema(fields).Encode() }

// Encode gives the encapsulated schema message, which has no body. Equal schemas give equal
// bytes.
func (s *Schema) Encode() []byte {
	b := flatbuffers.NewBuilder(1024)
	return finishMessage(b, headerSchema, schemaTable(b, s.Top), 0)
}

// FileFooter is what follows the last message of an IPC file: end marker,
// footer, its length, magic. schema is the file's schema message.
func FileFooter(schema []byte, dictionaries, batches []schemas.Block) ([]byte, error) {
	s, err := parseDescribed(schema)
	if err != nil {
		return nil, err
	}
	b := flatbuffers.NewBuilder(1024 + 24*(len(dictionaries)+len(batches)))
	st := schemaTable(b, s.Top)
	dv, rv := blockVector(b, dictionaries), blockVector(b, batches)
	b.StartObject(footerFields)
	b.PrependInt16Slot(footerVersion, metadataV5, 0)
	b.PrependUOffsetTSlot(footerSchema, st, 0)
	b.PrependUOffsetTSlot(footerDictionaries, dv, 0)
	b.PrependUOffsetTSlot(footerBatches, rv, 0)
	b.Finish(b.EndObject())
	out := append(EndOfStream(), b.FinishedBytes()...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(b.FinishedBytes())))
	return append(out, Magic...), nil
}

// blockVector writes the places of messages. A flatbuffers vector is written from its end.
func blockVector(b *flatbuffers.Builder, blocks []schemas.Block) flatbuffers.UOffsetT {
	b.StartVector(24, len(blocks), 8)
	for i := len(blocks) - 1; i >= 0; i-- {
		b.Prep(8, 24)
		b.PrependInt64(blocks[i].Body)
		b.Pad(4)
		b.PrependInt32(blocks[i].Meta)
		b.PrependInt64(blocks[i].Offset)
	}
	return b.EndVector(len(blocks))
}

// finishMessage wraps a header table into an encapsulated message without its
// body; kind is the member of MessageHeader. The length is padded to 8, so that bodies are
// aligned as the file is.
func finishMessage(b *flatbuffers.Builder, kind byte, header flatbuffers.UOffsetT, body int64) []byte {
	b.StartObject(messageFields)
	b.PrependInt64Slot(messageBodyLength, body, 0)
	b.PrependUOffsetTSlot(messageHeader, header, 0)
	b.PrependByteSlot(messageHeaderType, kind, 0)
	b.PrependInt16Slot(messageVersion, metadataV5, 0)
	b.Finish(b.EndObject())
	fb := b.FinishedBytes()
	n := (len(fb) + 7) &^ 7
	out := make([]byte, prefix, prefix+n)
	binary.LittleEndian.PutUint32(out, math.MaxUint32)
	binary.LittleEndian.PutUint32(out[4:], uint32(n))
	out = append(out, fb...)
	return out[:prefix+n]
}

// batchTable writes a RecordBatch table.
func batchTable(b *flatbuffers.Builder, rows int64, nodes []NodeRef, buffers []BufferRef) flatbuffers.UOffsetT {
	b.StartVector(16, len(nodes), 8)
	for i := len(nodes) - 1; i >= 0; i-- {
		b.Prep(8, 16)
		b.PrependInt64(nodes[i].Nulls)
		b.PrependInt64(nodes[i].Length)
	}
	nv := b.EndVector(len(nodes))
	b.StartVector(16, len(buffers), 8)
	for i := len(buffers) - 1; i >= 0; i-- {
		b.Prep(8, 16)
		b.PrependInt64(buffers[i].Length)
		b.PrependInt64(buffers[i].Offset)
	}
	bv := b.EndVector(len(buffers))
	b.StartObject(batchFields)
	b.PrependInt64Slot(batchRows, rows, 0)
	b.PrependUOffsetTSlot(batchNodes, nv, 0)
	b.PrependUOffsetTSlot(batchBuffers, bv, 0)
	return b.EndObject()
}

// RecordMeta is the metadata of a record batch message, padded to 8.
func RecordMeta(rows int64, nodes []NodeRef, buffers []BufferRef, body int64) []byte {
	b := flatbuffers.NewBuilder(256 + 16*(len(nodes)+len(buffers)))
	return finishMessage(b, headerRecord, batchTable(b, rows, nodes, buffers), body)
}

// DictionaryMeta is the metadata of a dictionary batch message.
func DictionaryMeta(id, rows int64, nodes []NodeRef, buffers []BufferRef, body int64) []byte {
	b := flatbuffers.NewBuilder(256 + 16*(len(nodes)+len(buffers)))
	data := batchTable(b, rows, nodes, buffers)
	b.StartObject(dictionaryFields)
	b.PrependInt64Slot(dictionaryID, id, 0)
	b.PrependUOffsetTSlot(dictionaryData, data, 0)
	return finishMessage(b, headerDictionary, b.EndObject(), body)
}

// schemaTable writes a Schema table of the nodes with their dictionary ids.
func schemaTable(b *flatbuffers.Builder, top []*Node) flatbuffers.UOffsetT {
	fv := fieldVector(b, top)
	b.StartObject(schemaFields)
	b.PrependUOffsetTSlot(schemaColumns, fv, 0)
	return b.EndObject()
}

func offsetVector(b *flatbuffers.Builder, offs []flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	b.StartVector(4, len(offs), 4)
	for i := len(offs) - 1; i >= 0; i-- {
		b.PrependUOffsetT(offs[i])
	}
	return b.EndVector(len(offs))
}

func fieldVector(b *flatbuffers.Builder, nodes []*Node) flatbuffers.UOffsetT {
	offs := make([]flatbuffers.UOffsetT, len(nodes))
	for i, n := range nodes {
		offs[i] = fieldTable(b, n)
	}
	return offsetVector(b, offs)
}

func fieldTable(b *flatbuffers.Builder, n *Node) flatbuffers.UOffsetT {
	name := b.CreateString(n.Field.Name)
	kids := fieldVector(b, n.Kids)
	dt := n.Field.Type
	var dict flatbuffers.UOffsetT
	if d, ok := dt.(*arrow.DictionaryType); ok {
		dt = d.ValueType
		_, idx := typeTable(b, d.IndexType)
		b.StartObject(encodingFields)
		b.PrependInt64Slot(encodingID, n.DictionaryID, 0)
		b.PrependUOffsetTSlot(encodingIndexType, idx, 0)
		b.PrependBoolSlot(encodingIsOrdered, d.Ordered, false)
		dict = b.EndObject()
	}
	kind, typ := typeTable(b, dt)
	meta := metadataVector(b, n.Field.Metadata, n.about)
	b.StartObject(fieldFields)
	b.PrependUOffsetTSlot(fieldName, name, 0)
	b.PrependUOffsetTSlot(fieldType, typ, 0)
	b.PrependUOffsetTSlot(fieldDictionary, dict, 0)
	b.PrependUOffsetTSlot(fieldChildren, kids, 0)
	b.PrependUOffsetTSlot(fieldMetadata, meta, 0)
	b.PrependBoolSlot(fieldNullable, n.Field.Nullable, false)
	b.PrependByteSlot(fieldTypeType, kind, 0)
	return b.EndObject()
}

func metadataVector(b *flatbuffers.Builder, md arrow.Metadata, about []keyValue) flatbuffers.UOffsetT {
	var offs []flatbuffers.UOffsetT
	var all []keyValue
	for _, key := range []string{ExtensionName, ExtensionMetadata} {
		v, ok := md.GetValue(key)
		if ok {
			all = append(all, keyValue{key, v})
		}
	}
	for _, x := range append(all, about...) {
		k, val := b.CreateString(x.key), b.CreateString(x.value)
		b.StartObject(pairFields)
		b.PrependUOffsetTSlot(pairKey, k, 0)
		b.PrependUOffsetTSlot(pairValue, val, 0)
		offs = append(offs, b.EndObject())
	}
	if offs == nil {
		return 0
	}
	return offsetVector(b, offs)
}

// typeTable writes the parameters of dt and gives its member of the union Type.
// Every slot is written, defaults too, so that equal types give equal bytes.
func typeTable(b *flatbuffers.Builder, dt arrow.DataType) (byte, flatbuffers.UOffsetT) {
	var zone flatbuffers.UOffsetT
	if t, ok := dt.(*arrow.TimestampType); ok && t.TimeZone != "" {
		zone = b.CreateString(t.TimeZone)
	}
	b.StartObject(paramsFields)
	kind := typeSlots(b, dt, zone)
	return kind, b.EndObject()
}

func typeSlots(b *flatbuffers.Builder, dt arrow.DataType, zone flatbuffers.UOffsetT) byte {
	i16 := func(slot int, v int) { b.PrependInt16(int16(v)); b.Slot(slot) }
	i32 := func(slot int, v int) { b.PrependInt32(int32(v)); b.Slot(slot) }
	switch t := dt.(type) {
	case *arrow.Decimal128Type:
		i32(decimalPrecision, int(t.Precision))
		i32(decimalScale, int(t.Scale))
		i32(decimalBitWidth, 128)
		return fbDecimal
	case *arrow.Decimal256Type:
		i32(decimalPrecision, int(t.Precision))
		i32(decimalScale, int(t.Scale))
		i32(decimalBitWidth, 256)
		return fbDecimal
	case *arrow.Time32Type:
		i32(timeBitWidth, 32)
		i16(timeUnit, int(t.Unit))
		return fbTime
	case *arrow.Time64Type:
		i32(timeBitWidth, 64)
		i16(timeUnit, int(t.Unit))
		return fbTime
	case *arrow.TimestampType:
		b.PrependUOffsetTSlot(timestampZone, zone, 0)
		i16(timestampUnit, int(t.Unit))
		return fbTimestamp
	case *arrow.DurationType:
		i16(durationUnit, int(t.Unit))
		return fbDuration
	case *arrow.FixedSizeBinaryType:
		i32(binaryWidth, t.ByteWidth)
		return fbFixedBinary
	case *arrow.FixedSizeListType:
		i32(listSize, int(t.Len()))
		return fbFixedList
	case *arrow.MapType:
		b.PrependBoolSlot(mapKeysSorted, t.KeysSorted, false)
		return fbMap
	}
	return plainSlots(b, dt, i16, i32)
}

func plainSlots(b *flatbuffers.Builder, dt arrow.DataType, i16, i32 func(int, int)) byte {
	switch id := dt.ID(); id {
	case arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64:
		i16(floatPrecision, int(id-arrow.FLOAT16))
		return fbFloat
	case arrow.DATE32:
		i16(dateUnit, 0)
		return fbDate
	case arrow.DATE64:
		i16(dateUnit, 1)
		return fbDate
	case arrow.INTERVAL_MONTHS:
		i16(intervalUnit, 0)
		return fbInterval
	case arrow.INTERVAL_DAY_TIME:
		i16(intervalUnit, 1)
		return fbInterval
	case arrow.INTERVAL_MONTH_DAY_NANO:
		i16(intervalUnit, 2)
		return fbInterval
	case arrow.NULL:
		return fbNull
	case arrow.BOOL:
		return fbBool
	case arrow.STRING:
		return fbUtf8
	case arrow.LARGE_STRING:
		return fbLargeUtf8
	case arrow.BINARY:
		return fbBinary
	case arrow.LARGE_BINARY:
		return fbLargeBinary
	case arrow.LIST:
		return fbList
	case arrow.LARGE_LIST:
		return fbLargeList
	case arrow.STRUCT:
		return fbStruct
	}
	w, _ := dt.(arrow.FixedWidthDataType)
	i32(intBitWidth, w.BitWidth())
	b.PrependBoolSlot(intIsSigned, arrow.IsSignedInteger(dt.ID()), false)
	return fbInt
}

// Padded is what n bytes of a buffer take in a body.
func Padded(n int64) int64 { return (n + Alignment - 1) &^ (Alignment - 1) }

// PlaceBuffers gives each buffer its place in the body.
func PlaceBuffers(bufs [][]byte) (refs []BufferRef, body int64) {
	refs = make([]BufferRef, len(bufs))
	for i, b := range bufs {
		refs[i] = BufferRef{body, int64(len(b))}
		body += Padded(int64(len(b)))
	}
	return refs, body
}

// AppendPadded appends buffers, each padded with zeros to the alignment.
func AppendPadded(out []byte, bufs [][]byte) []byte {
	var zero [Alignment]byte
	for _, b := range bufs {
		out = append(out, b...)
		out = append(out, zero[:int(Padded(int64(len(b))))-len(b)]...)
	}
	return out
}
