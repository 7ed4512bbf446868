package ipc_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// anyBuffers are buffers of any bytes.
func anyBuffers(t *rapid.T) [][]byte {
	return rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 200), 0, 9).Draw(t, "buffers")
}

// Buffers lie one after another, aligned, with nothing but zeros between.
func TestPlaceBuffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bufs := anyBuffers(t)
		refs, size := ipc.PlaceBuffers(bufs)
		body := ipc.AppendPadded([]byte("before"), bufs)[len("before"):]
		if int64(len(body)) != size || size%ipc.Alignment != 0 || len(refs) != len(bufs) {
			t.Fatalf("%d bytes in %d buffers, want %d in %d", len(body), len(refs), size, len(bufs))
		}
		end := int64(0)
		for i, r := range refs {
			if r.Offset != end || r.Length != int64(len(bufs[i])) || !bytes.Equal(body[r.Offset:r.Offset+r.Length], bufs[i]) {
				t.Fatalf("buffer %d is at %+v", i, r)
			}
			end = r.Offset + ipc.Padded(r.Length)
			if n := end - r.Offset - r.Length; n >= ipc.Alignment || bytes.Count(body[r.Offset+r.Length:end], []byte{0}) != int(n) {
				t.Fatalf("buffer %d is followed by %x", i, body[r.Offset+r.Length:end])
			}
		}
	})
}

func TestPadded(t *testing.T) {
	for n, want := range map[int64]int64{0: 0, 1: 64, 63: 64, 64: 64, 65: 128, 1 << 40: 1 << 40} {
		if got := ipc.Padded(n); got != want {
			t.Errorf("%d bytes take %d, want %d", n, got, want)
		}
	}
}

// Metadata come back as they were written, padded so that the body is aligned.
func TestMetadataGoBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		refs, size := ipc.PlaceBuffers(anyBuffers(t))
		rows := rapid.Int64Range(0, 1<<31-1).Draw(t, "rows")
		var nodes []ipc.NodeRef
		for range rapid.IntRange(0, 9).Draw(t, "columns") {
			n := rapid.Int64Range(0, 1<<31-1).Draw(t, "values")
			nodes = append(nodes, ipc.NodeRef{Length: n, Nulls: rapid.Int64Range(0, n).Draw(t, "nulls")})
		}
		id := rapid.Int64Range(0, 1<<40).Draw(t, "id")
		for kind, meta := range map[ipc.Kind][]byte{
			ipc.KindRecord: ipc.RecordMeta(rows, nodes, refs, size), ipc.KindDictionary: ipc.DictionaryMeta(id, rows, nodes, refs, size),
		} {
			m, at, err := ipc.SplitMessage(append(slices.Clone(meta), make([]byte, size)...))
			if err != nil {
				t.Fatal(err)
			}
			if m.Kind != kind || m.Rows != rows || m.BodyLen != size || at.Meta != int32(len(meta)) ||
				len(meta)%8 != 0 || m.IsDelta || m.Compressed {
				t.Fatalf("%+v at %+v", m, at)
			}
			if kind == ipc.KindDictionary && m.DictionaryID != id {
				t.Fatalf("id %d, want %d", m.DictionaryID, id)
			}
			if !slices.Equal(m.Nodes, nodes) || !slices.Equal(m.Buffers, refs) {
				t.Fatalf("%v %v, want %v %v", m.Nodes, m.Buffers, nodes, refs)
			}
		}
	})
}

// A file that is made of our schema, a batch and our footer is one that Arrow reads, and
// Arrow's footer is one that we read.
func TestFootersGoBothWays(tb *testing.T) {
	rapid.Check(tb, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 6))
		schema, recs := columntest.Table(r)
		recs = recs[:min(1, len(recs))] // Arrow's writer of files refuses a second dictionary
		var theirs bytes.Buffer
		w, err := arrowipc.NewFileWriter(seekless{&theirs}, arrowipc.WithSchema(schema))
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs {
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		file := theirs.Bytes()
		f, foot := footerOf(t, file)
		if !f.Schema.Arrow.Equal(schema) || len(f.Batches) != len(recs) || f.Extras || f.Size != len(file)-10-foot {
			t.Fatalf("the footer of %d batches is %+v", len(recs), f)
		}
		// The same messages under a footer of ours.
		again, err := ipc.FileFooter(ipc.EncodeSchema(schema.Fields()), f.Dictionaries, f.Batches)
		if err != nil {
			t.Fatal(err)
		}
		ours := append(slices.Clone(file[:foot]), again...) // Arrow's writer of files puts no end marker
		if diff := cmp.Diff(columntest.Texts(recs), columntest.Texts(columntest.ReadFile(tb, ours))); diff != "" {
			t.Fatal(diff)
		}
		g, _ := footerOf(t, ours)
		if fmt.Sprint(g.Dictionaries, g.Batches) != fmt.Sprint(f.Dictionaries, f.Batches) || !ipc.EqualNodes(g.Schema.Top, f.Schema.Top) {
			t.Fatalf("%+v, want %+v", g, f)
		}
	})
}

// seekless is a writer for Arrow's file writer, which only asks where it is.
type seekless struct{ *bytes.Buffer }

func (s seekless) Seek(int64, int) (int64, error) { return int64(s.Len()), nil }

// footerOf reads a file's footer and says where it begins.
func footerOf(t *rapid.T, file []byte) (ipc.Footer, int) {
	n := int(file[len(file)-10]) | int(file[len(file)-9])<<8 | int(file[len(file)-8])<<16
	foot := len(file) - 10 - n
	f, err := ipc.ParseFooter(file[foot : len(file)-10])
	if err != nil {
		t.Fatal(err)
	}
	return f, foot
}

func TestFootersRefused(t *testing.T) {
	schema := table{1: []table{field("n", tBool, table{})}}
	for _, x := range []struct {
		name string
		in   []byte
		want string
	}{
		{"no schema", table{0: int16(4)}.flat(), "no schema"},
		{"a schema that is not read", table{0: int16(4), 1: table{1: []table{field("n", tUnion, table{})}}}.flat(),
			`column "n": unions are not read; give one column for each kind of value`},
		{"bytes of no table", bytes.Repeat([]byte{0x7f}, 64), "the metadata is not a well-formed flatbuffer"},
		{"nothing", nil, "the metadata is not a well-formed flatbuffer"},
	} {
		_, err := ipc.ParseFooter(x.in)
		wants(t, x.name, err, x.want)
	}
	f, err := ipc.ParseFooter(table{0: int16(4), 1: schema, 4: []table{{0: "k", 1: "v"}}}.flat())
	if err != nil || !f.Extras || len(f.Batches)+len(f.Dictionaries) != 0 {
		t.Errorf("%+v, %v", f, err)
	}
	_, err = ipc.FileFooter([]byte("no schema"), nil, nil)
	wants(t, "the footer of no schema", err, "invalid: the message does not begin with the continuation marker ffffffff")
	_, err = ipc.FileFooter(message(3, batch(), 192).framed(), nil, nil)
	wants(t, "the footer of a batch", err, "invalid: the first message is not a schema")
}

// Places beyond 4 GiB stand in a footer as they are.
func TestFarBlocks(t *testing.T) {
	blocks := []schemas.Block{{Offset: 8, Meta: 216, Body: 64}, {Offset: 5 << 32, Meta: 1 << 20, Body: 3 << 33}}
	b, err := ipc.FileFooter(ipc.EncodeSchema(nil), blocks[:1], blocks)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ipc.ParseFooter(b[8 : len(b)-10])
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(f.Dictionaries) != fmt.Sprint(blocks[:1]) || fmt.Sprint(f.Batches) != fmt.Sprint(blocks) {
		t.Errorf("%v and %v", f.Dictionaries, f.Batches)
	}
	if !bytes.HasPrefix(b, ipc.EndOfStream()) || !bytes.HasSuffix(b, []byte(ipc.Magic)) {
		t.Errorf("%x does not end a file", b)
	}
}

func FuzzParseFooter(f *testing.F) {
	b, err := ipc.FileFooter(ipc.EncodeSchema([]arrow.Field{{Name: "a", Type: arrow.BinaryTypes.String}}), nil,
		[]schemas.Block{{Offset: 8, Meta: 16, Body: 24}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[8 : len(b)-10])
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ipc.ParseFooter(b)
		if err == nil && (got.Schema == nil || len(got.Batches)+len(got.Dictionaries) > len(b)/24+1) {
			t.Fatalf("%d bytes hold %+v", len(b), got)
		}
	})
}

// The least stream is a schema and the end marker.
func ExampleParseMeta() {
	msg := ipc.EncodeSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}})
	m, err := ipc.ParseMeta(msg)
	if err != nil {
		panic(err)
	}
	fmt.Printf("% x\n", msg[:4])
	fmt.Println("a schema:", m.Kind == ipc.KindSchema, "body:", m.BodyLen, "whole words:", len(msg)%8 == 0)
	fmt.Printf("% x\n", ipc.EndOfStream())
	// Output:
	// ff ff ff ff
	// a schema: true body: 0 whole words: true
	// ff ff ff ff 00 00 00 00
}

// A text column of three rows, one of them null: where its buffers lie.
func ExamplePlaceBuffers() {
	refs, body := ipc.PlaceBuffers([][]byte{{0b101}, make([]byte, 16), []byte("abc")})
	meta := ipc.RecordMeta(3, []ipc.NodeRef{{Length: 3, Nulls: 1}}, refs, body)
	m, err := ipc.ParseMeta(meta)
	if err != nil {
		panic(err)
	}
	fmt.Println("rows", m.Rows, "nodes", m.Nodes, "buffers", m.Buffers, "of", m.BodyLen)
	// Output:
	// rows 3 nodes [{3 1}] buffers [{0 1} {64 16} {128 3}] of 192
}

// Two shards' bytes are summed apart, and the sum of both follows.
func ExampleJoinSums() {
	a, b := []byte("one message, "), []byte("and the next")
	fmt.Println(ipc.JoinSums(ipc.Sum(a), ipc.Sum(b), int64(len(b))) == ipc.Sum(append(a, b...)))
	// Output:
	// true
}
