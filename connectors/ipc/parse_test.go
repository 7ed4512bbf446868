package ipc_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

// batch is a record batch of a column of 3 values, one of them null, in a body of 192 bytes.
func batch() table {
	return table{0: int64(3), 1: pairs{{3, 1}}, 2: pairs{{0, 1}, {64, 16}, {128, 3}}}
}

// with is t with one field replaced.
func with(t table, field int, v any) table {
	out := table{}
	for k, x := range t {
		out[k] = x
	}
	out[field] = v
	return out
}

func TestParseMeta(t *testing.T) {
	record := ipc.Message{
		Kind: ipc.KindRecord, BodyLen: 192, Rows: 3, Nodes: []ipc.NodeRef{{Length: 3, Nulls: 1}},
		Buffers: []ipc.BufferRef{{Offset: 0, Length: 1}, {Offset: 64, Length: 16}, {Offset: 128, Length: 3}},
	}
	compressed, views, dictionary, custom := record, record, record, record
	compressed.Compressed, compressed.Codec = true, 1
	views.Variadic = []int64{2, 0}
	custom.Custom = true
	dictionary.Kind, dictionary.DictionaryID, dictionary.IsDelta = ipc.KindDictionary, 7, true
	for _, x := range []struct {
		name string
		in   table
		want ipc.Message
	}{
		{"a record batch", message(3, batch(), 192), record},
		{"of version 4", with(message(3, batch(), 192), 0, int16(3)), record},
		{"compressed with Zstandard", message(3, with(batch(), 3, table{0: byte(1)}), 192), compressed},
		{"with views", message(3, with(batch(), 4, []int64{2, 0}), 192), views},
		{"with metadata of its own", with(message(3, batch(), 192), 4, []table{{0: "k", 1: "v"}}), custom},
		{"a delta of a dictionary", message(2, table{0: int64(7), 1: batch(), 2: true}, 192), dictionary},
		{"a schema", message(1, table{1: []table{}}, 0), ipc.Message{Kind: ipc.KindSchema}},
		{"no columns", message(3, table{0: int64(5)}, 0), ipc.Message{Kind: ipc.KindRecord, Rows: 5, Nodes: []ipc.NodeRef{},
			Buffers: []ipc.BufferRef{}}},
	} {
		got, err := ipc.ParseMeta(x.in.framed())
		wants(t, x.name, err, "")
		if diff := cmp.Diff(x.want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".header" },
			cmp.Ignore())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", x.name, diff)
		}
	}
	end, err := ipc.ParseMeta(ipc.EndOfStream())
	if err != nil || end.Kind != ipc.KindEnd {
		t.Errorf("the end marker is %+v, %v", end, err)
	}
}

func TestParseMetaRefuses(t *testing.T) {
	const flat = "invalid: message metadata: "
	lying := message(3, batch(), 192).framed()
	binary.LittleEndian.PutUint32(lying[4:], uint32(len(lying)))
	negative := message(3, batch(), 192).framed()
	binary.LittleEndian.PutUint32(negative[4:], 1<<31)
	torn := message(3, batch(), 192).framed()
	for i := 12; i < len(torn); i++ {
		torn[i] = 0x7f
	}
	for _, x := range []struct {
		name string
		in   []byte
		want string
	}{
		{"nothing", nil, "invalid: the message does not begin with the continuation marker ffffffff"},
		{"half a prefix", []byte{255, 255, 255, 255, 0}, "invalid: the message does not begin with the continuation marker ffffffff"},
		{"another marker", []byte("ARROW1\x00\x00"), "invalid: the message does not begin with the continuation marker ffffffff"},
		{"a length beyond its bytes", lying, fmt.Sprintf("invalid: the message says it has %d bytes of metadata; %d are there (limit 16 MiB)",
			len(lying), len(lying)-8)},
		{"a negative length", negative, fmt.Sprintf("invalid: the message says it has %d bytes of metadata; %d are there (limit 16 MiB)",
			-1<<31, len(negative)-8)},
		{"offsets outside", torn, flat + "the metadata is not a well-formed flatbuffer"},
		{"a version to come", with(message(3, batch(), 192), 0, int16(5)).framed(), flat + "metadata version 6; only V4 and V5 are read"},
		{"a version of before", with(message(3, batch(), 192), 0, int16(1)).framed(), flat + "metadata version 2; only V4 and V5 are read"},
		{"a negative body", message(3, batch(), -8).framed(), flat + "body length -8"},
		{"no header", table{0: int16(4), 1: byte(3), 3: int64(0)}.framed(), flat + "no header"},
		{"a tensor", message(4, table{}, 0).framed(), flat + "message of type 4; only schemas, dictionaries and record batches are read"},
		{"a dictionary of nothing", message(2, table{0: int64(1)}, 0).framed(), flat + "a dictionary batch without data"},
		{"negative rows", message(3, with(batch(), 0, int64(-1)), 192).framed(), flat + "a batch of -1 rows"},
		{"rows beyond 31 bits", message(3, with(batch(), 0, int64(1<<31)), 192).framed(), flat + "a batch of 2147483648 rows"},
		{"negative values", message(3, with(batch(), 1, pairs{{-3, 0}}), 192).framed(), flat + "a column of -3 values"},
		{"a buffer behind the body", message(3, batch(), 130).framed(), flat + "buffer 2 (3 bytes at 128) lies outside the body of 130 bytes"},
		{"a negative buffer", message(3, with(batch(), 2, pairs{{8, -1}}), 192).framed(), flat +
			"buffer 0 (-1 bytes at 8) lies outside the body of 192 bytes"},
		{"a buffer whose end overflows", message(3, with(batch(), 2, pairs{{1 << 62, 1 << 62}}), 192).framed(), flat +
			"buffer 0 (4611686018427387904 bytes at 4611686018427387904) lies outside the body of 192 bytes"},
	} {
		_, err := ipc.ParseMeta(x.in)
		wants(t, x.name, err, x.want)
		if schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%s: an error of Kind %s", x.name, schemas.KindOf(err))
		}
	}
}

// Any byte of a message may be any other: it is read, or refused; and what is read has its
// buffers inside.
func TestParseMetaIsTotal(t *testing.T) {
	good := message(2, table{0: int64(7), 1: with(batch(), 4, []int64{1})}, 192).framed()
	rapid.Check(t, func(t *rapid.T) {
		b := slices.Clone(good)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		m, err := ipc.ParseMeta(b)
		if err != nil {
			return
		}
		for _, r := range m.Buffers {
			if r.Offset < 0 || r.Length < 0 || r.Length > m.BodyLen-r.Offset {
				t.Fatalf("%+v in a body of %d", r, m.BodyLen)
			}
		}
	})
}

// stream is a schema, a batch with its body, and the end marker.
func stream() []byte {
	out := schemaOf(field("n", tInt, table{0: int32(64), 1: true}))
	out = append(out, message(3, batch(), 192).framed()...)
	return append(append(out, make([]byte, 192)...), ipc.EndOfStream()...)
}

func TestReadMessage(t *testing.T) {
	data := stream()
	r, size := bytes.NewReader(data), int64(len(data))
	var kinds []ipc.Kind
	pos := int64(0)
	for pos < size {
		m, at, err := ipc.ReadMessage(r, pos, size, false)
		if err != nil {
			t.Fatal(err)
		}
		if at.Offset != pos || m.BodyLen != at.Body || m.Kind == ipc.KindRecord && at.Rows != 3 {
			t.Errorf("at byte %d: %+v of %+v", pos, at, m)
		}
		// A message in one piece is the same message.
		if m.Kind != ipc.KindEnd {
			one, in, err := ipc.SplitMessage(data[pos : pos+at.Len()])
			if err != nil || one.Kind != m.Kind || in.Meta != at.Meta || in.Body != at.Body {
				t.Errorf("at byte %d, split: %+v of %+v, %v", pos, in, one, err)
			}
		}
		kinds = append(kinds, m.Kind)
		pos += at.Len()
	}
	if fmt.Sprint(kinds) != fmt.Sprint([]ipc.Kind{ipc.KindSchema, ipc.KindRecord, ipc.KindEnd}) {
		t.Errorf("kinds %v", kinds)
	}
}

// However a stream is cut, the last message says so, naming the byte.
func TestReadMessageOfEveryCut(t *testing.T) {
	whole := stream()
	for size := range int64(len(whole)) {
		r, pos := bytes.NewReader(whole[:size]), int64(0)
		var err error
		for err == nil {
			var at schemas.Block
			_, at, err = ipc.ReadMessage(r, pos, size, true)
			pos += at.Len()
		}
		wants(t, fmt.Sprint("cut at ", size), err, fmt.Sprintf("invalid: no end marker: the stream is cut at byte %d", size))
	}
	record := message(3, batch(), 192).framed()
	_, _, err := ipc.SplitMessage(append(record, make([]byte, 191)...))
	wants(t, "a body that is cut", err, "invalid: the message says its body has 192 bytes; 191 are there")
}

// Writers before Arrow 0.15 wrote no marker; only publication reads them.
func TestLegacyFraming(t *testing.T) {
	old := schemaOf(field("n", tBool, table{}))[4:]
	m, at, err := ipc.ReadMessage(bytes.NewReader(old), 0, int64(len(old)), true)
	if err != nil || !m.Legacy || m.Kind != ipc.KindSchema || at.Len() != int64(len(old)) {
		t.Errorf("%+v at %+v, %v", m, at, err)
	}
	_, _, err = ipc.ReadMessage(bytes.NewReader(old), 0, int64(len(old)), false)
	wants(t, "of a stored shard", err, "invalid: no message begins at byte 0")
	m, at, err = ipc.ReadMessage(bytes.NewReader(make([]byte, 4)), 0, 4, true)
	if err != nil || m.Kind != ipc.KindEnd || !m.Legacy || at.Len() != 4 {
		t.Errorf("the old end marker is %+v at %+v, %v", m, at, err)
	}
	long := []byte{255, 255, 255, 255, 0, 0, 0, 2, 0}
	_, _, err = ipc.ReadMessage(bytes.NewReader(long), 0, 1<<40, true)
	wants(t, "metadata of 32 MiB", err, "invalid: the message at byte 0 says it has 33554432 bytes of metadata (limit 16 MiB)")
}

// broken is an object that a store stopped giving.
type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestReadMessageKeepsTheStoresError(t *testing.T) {
	_, _, err := ipc.ReadMessage(broken{}, 16, 4096, true)
	if !errors.Is(err, io.ErrUnexpectedEOF) || schemas.KindOf(err) == schemas.Invalid {
		t.Errorf("the object is blamed for its store: %v", err)
	}
}

// A sentence keeps what a cause says and drops its kind, so that it reads as one.
func TestInvalid(t *testing.T) {
	inner := ipc.Invalid("buffer %d is torn", 3)
	err := ipc.Invalid("column %q: %w", "n", inner)
	wants(t, "nested", err, `invalid: column "n": buffer 3 is torn`)
	wants(t, "of another library", ipc.Invalid("footer: %w", io.EOF), "invalid: footer: EOF")
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Err != nil || errors.Is(err, inner) {
		t.Errorf("the cause hangs on: %#v", e)
	}
	if strings.Count(ipc.TruncatedAt(9).Error(), "invalid") != 1 {
		t.Error(ipc.TruncatedAt(9))
	}
}

func TestHeader(t *testing.T) {
	m := schemaOf()
	if !bytes.Equal(ipc.Header(m), m[8:]) || ipc.Header(m[:7]) != nil {
		t.Error("the header is not what follows marker and length")
	}
	if _, err := ipc.ParseUnframed(ipc.Header(m)); err != nil {
		t.Error(err)
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add(stream(), int64(0), true)
	f.Add(schemaOf(field("n", tBool, table{}))[4:], int64(0), true)
	f.Fuzz(func(t *testing.T, b []byte, off int64, legacy bool) {
		if off < 0 || off > int64(len(b)) {
			return
		}
		m, at, err := ipc.ReadMessage(bytes.NewReader(b), off, int64(len(b)), legacy)
		if err == nil && (at.Offset != off || at.Len() > int64(len(b))-off || m.BodyLen != at.Body) {
			t.Fatalf("%+v of %+v in %d bytes from %d on", at, m, len(b), off)
		}
	})
}
