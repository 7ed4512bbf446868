package parquet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/apache/arrow/go/v17/arrow"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/connectors/shard/parquet"
	"guichet/schemas"
)

func required(name string) schema.Node {
	return leaf(name, pq.Repetitions.Required, schema.NoLogicalType{}, pq.Types.Int32, -1)
}

func optional(name string) schema.Node {
	return leaf(name, pq.Repetitions.Optional, schema.NoLogicalType{}, pq.Types.Int32, -1)
}

// group is a node with members.
func group(name string, rep pq.Repetition, kids ...schema.Node) schema.Node {
	return schema.MustGroup(schema.NewGroupNode(name, rep, kids, -1))
}

// list is a list of item as the format has it since 2014.
func list(name string, rep pq.Repetition, item schema.Node) schema.Node {
	inner := group("list", pq.Repetitions.Repeated, item)
	return schema.MustGroup(schema.NewGroupNodeLogical(name, rep, schema.FieldList{inner}, schema.ListLogicalType{}, -1))
}

// TestLevels: what levels say, for each way in which a column may be nested.
func TestLevels(t *testing.T) {
	pairs := func(value schema.Node) schema.Node {
		kv := group("key_value", pq.Repetitions.Repeated, required("key"), value)
		return schema.MustGroup(schema.NewGroupNodeLogical("x", pq.Repetitions.Optional, schema.FieldList{kv}, schema.MapLogicalType{}, -1))
	}
	keys := schema.MustGroup(schema.NewGroupNodeLogical("x", pq.Repetitions.Optional,
		schema.FieldList{group("key_value", pq.Repetitions.Repeated, required("key"))}, schema.MapLogicalType{}, -1))
	repeated := leaf("x", pq.Repetitions.Repeated, schema.NoLogicalType{}, pq.Types.Int32, -1)
	old := schema.MustGroup(schema.NewGroupNodeLogical("x", pq.Repetitions.Optional,
		schema.FieldList{leaf("array", pq.Repetitions.Repeated, schema.NoLogicalType{}, pq.Types.Int32, -1)}, schema.ListLogicalType{}, -1))
	tuple := schema.MustGroup(schema.NewGroupNodeLogical("x", pq.Repetitions.Optional,
		schema.FieldList{group("x_tuple", pq.Repetitions.Repeated, required("a"))}, schema.ListLogicalType{}, -1))
	for _, x := range []struct {
		name     string
		node     schema.Node
		put      func(file.ColumnChunkWriter) error
		more     []func(file.ColumnChunkWriter) error
		typ, out string
	}{
		{"the example of the package", list("x", pq.Repetitions.Optional, optional("item")),
			put([]int32{7, 8}, []int16{3, 2, 0, 1, 3}, []int16{0, 1, 0, 0, 0}), nil, "list<item: int32, nullable>", "[7,null] null [] [8]"},
		{"a list that is there, of values that are", list("x", pq.Repetitions.Required, required("item")),
			put([]int32{1, 2, 3}, []int16{1, 1, 0, 1}, []int16{0, 1, 0, 0}), nil, "list<item: int32>", "[1,2] [] [3]"},
		{"a repeated field outside a list", repeated, put([]int32{1, 2, 3}, []int16{1, 1, 0, 1}, []int16{0, 1, 0, 0}), nil,
			"list<x: int32>", "[1,2] [] [3]"},
		{"a list of two levels", old, put([]int32{1, 2}, []int16{2, 2, 0, 1}, []int16{0, 1, 0, 0}), nil, "list<array: int32>", "[1,2] null []"},
		{"a list of tuples of before", tuple, put([]int32{1, 2}, []int16{2, 2, 0, 1}, []int16{0, 1, 0, 0}), nil,
			"list<x_tuple: struct<a: int32>>",
			`[{"a":1},{"a":2}] null []`},
		{"a map", pairs(optional("value")), put([]int32{1, 2}, []int16{2, 2, 0, 1}, []int16{0, 1, 0, 0}),
			[]func(file.ColumnChunkWriter) error{put([]int32{5}, []int16{3, 2, 0, 1}, []int16{0, 1, 0, 0})}, "map<int32, int32, items_nullable>",
			`[{"key":1,"value":5},{"key":2,"value":null}] null []`},
		{"a set: a map without values", keys, put([]int32{1, 2}, []int16{2, 2, 0, 1}, []int16{0, 1, 0, 0}), nil, "list<key: int32>",
			"[1,2] null []"},
		{"a struct that may be null", group("x", pq.Repetitions.Optional, optional("a"), required("b")), put([]int32{1}, []int16{2, 1, 0}, nil),
			[]func(file.ColumnChunkWriter) error{put([]int32{3, 4}, []int16{1, 1, 0},
				nil)}, "struct<a: int32, b: int32>", `{"a":1,"b":3} {"a":null,"b":4} null`},
		{"a struct that may not", group("x", pq.Repetitions.Required, optional("a")), put([]int32{1}, []int16{1, 0}, nil), nil,
			"struct<a: int32>", `{"a":1} {"a":null}`},
		{"a list in a list", list("x", pq.Repetitions.Optional, list("item", pq.Repetitions.Optional, optional("item"))),
			put([]int32{1, 2, 3}, []int16{5, 5, 4, 3, 5, 2, 0, 1}, []int16{0, 2, 2, 1, 1, 0, 0, 0}), nil,
			"list<item: list<item: int32, nullable>, nullable>", "[[1,2,null],[],[3]] [null] null []"},
		{"a list in a struct in a list", list("x", pq.Repetitions.Optional, group("item", pq.Repetitions.Optional, list("l",
			pq.Repetitions.Optional, required("item")))),
			put([]int32{1, 2}, []int16{5, 5, 4, 3, 2, 1, 0}, []int16{0, 2, 1, 1, 1, 0, 0}), nil,
			"list<item: struct<l: list<item: int32>>, nullable>", `[{"l":[1,2]},{"l":[]},{"l":null},null] [] null`},
	} {
		f := pqFile{node: x.node, put: x.put, more: x.more}
		got, err := read(f.bytes(t), nil)
		if err != nil || strings.ReplaceAll(got.types, ", nullable: true", "") != "x:"+x.typ || strings.Join(got.rows, " ") != x.out {
			t.Errorf("%s: %s, %q, %v", x.name, got.types, got.rows, err)
		}
	}
}

// nested is a value of a list of lists of numbers: nil for null.
type nested struct {
	null  bool
	lists [][]int32 // nil for a null inside, of which -1 is a null number
}

// levels puts rows down as Dremel does: x optional ▸ item optional ▸ item optional.
func levels(rows []nested) (values []int32, def, rep []int16) {
	add := func(d, r int16) { def, rep = append(def, d), append(rep, r) }
	for _, row := range rows {
		switch {
		case row.null:
			add(0, 0)
		case len(row.lists) == 0:
			add(1, 0)
		}
		for i, l := range row.lists {
			r := int16(min(i, 1))
			switch {
			case l == nil:
				add(2, r)
			case len(l) == 0:
				add(3, r)
			}
			for k, v := range l {
				if k > 0 {
					r = 2
				}
				if v < 0 {
					add(4, r)
				} else {
					values = append(values, v)
					add(5, r)
				}
			}
		}
	}
	return values, def, rep
}

func (n nested) String() string {
	if n.null {
		return "null"
	}
	var lists []string
	for _, l := range n.lists {
		if l == nil {
			lists = append(lists, "null")
			continue
		}
		var items []string
		for _, v := range l {
			if v < 0 {
				items = append(items, "null")
			} else {
				items = append(items, fmt.Sprint(v))
			}
		}
		lists = append(lists, "["+strings.Join(items, ",")+"]")
	}
	return "[" + strings.Join(lists, ",") + "]"
}

// Any lists of lists, put down as levels over pages of any size, come back as they were.
func TestNestedListsComeBack(t *testing.T) {
	node := list("x", pq.Repetitions.Optional, list("item", pq.Repetitions.Optional, optional("item")))
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rows := make([]nested, 1+r.IntN(60))
		var want []string
		for i := range rows {
			rows[i].null = r.IntN(6) == 0
			for range r.IntN(4) {
				if rows[i].null {
					break
				}
				var l []int32
				if r.IntN(5) > 0 {
					l = []int32{}
				}
				for range r.IntN(4) {
					if l != nil {
						l = append(l, int32(r.IntN(12)-2))
					}
				}
				rows[i].lists = append(rows[i].lists, l)
			}
			want = append(want, rows[i].String())
		}
		values, def, rep := levels(rows)
		version := []pq.DataPageVersion{pq.DataPageV1, pq.DataPageV2}[r.IntN(2)]
		f := pqFile{node: node, put: put(values, def, rep), opts: []pq.WriterProperty{
			pq.WithDataPageSize(int64(8 + r.IntN(200))), pq.WithBatchSize(int64(1 + r.IntN(20))), pq.WithDataPageVersion(version),
		}}
		b, err := f.build()
		if err != nil {
			t.Fatal(err)
		}
		got, err := read(b, nil)
		if err != nil || !slices.Equal(got.rows, want) {
			t.Fatalf("%q\nwant %q, %v", got.rows, want, err)
		}
	})
}

// Every encoding under every codec gives the values that were written, nulls in their places.
func TestEncodings(t *testing.T) {
	e, c := pq.Encodings, compress.Codecs
	codecs := []compress.Compression{c.Uncompressed, c.Snappy, c.Gzip, c.Brotli, c.Zstd, c.Lz4Raw}
	n := 3000
	numbers, longs, words, bools, doubles := make([]int32, n), make([]int64, n), make([]string, n), make([]bool, n), make([]float64, n)
	def, present := make([]int16, 0, n+n/5), []int{}
	for i := range n {
		numbers[i], longs[i], words[i], bools[i], doubles[i] = int32(i*7-n), int64(i)<<33, fmt.Sprintf("word %d", i%97), i%3 == 0, float64(i)/8
		if def = append(def, 1); i%5 == 4 {
			def = append(def, 0)
		}
	}
	for i, d := range def {
		if d == 1 {
			present = append(present, i)
		}
	}
	for _, x := range []struct {
		name   string
		phys   pq.Type
		values any
		show   func(i int) string
		enc    []pq.Encoding
	}{
		{"int32", pq.Types.Int32, numbers, func(i int) string { return fmt.Sprint(numbers[i]) }, []pq.Encoding{e.Plain,
			e.DeltaBinaryPacked, e.ByteStreamSplit}},
		{"int64", pq.Types.Int64, longs, func(i int) string { return fmt.Sprint(longs[i]) }, []pq.Encoding{e.Plain, e.DeltaBinaryPacked}},
		{"text", pq.Types.ByteArray, words, func(i int) string { return words[i] }, []pq.Encoding{e.Plain, e.DeltaLengthByteArray,
			e.DeltaByteArray}},
		{"bool", pq.Types.Boolean, bools, func(i int) string { return fmt.Sprint(bools[i]) }, []pq.Encoding{e.Plain, e.RLE}},
		{"double", pq.Types.Double, doubles, func(i int) string { return fmt.Sprint(doubles[i]) }, []pq.Encoding{e.Plain, e.ByteStreamSplit}},
	} {
		logical := schema.LogicalType(schema.NoLogicalType{})
		if x.name == "text" {
			logical = schema.StringLogicalType{}
		}
		for k, enc := range append(x.enc, e.PlainDict) {
			codec, version := codecs[k%len(codecs)], []pq.DataPageVersion{pq.DataPageV1, pq.DataPageV2}[k%2]
			opts := []pq.WriterProperty{pq.WithCompression(codec), pq.WithDataPageVersion(version), pq.WithDataPageSize(2048),
				pq.WithVersion(pq.V2_LATEST)}
			if enc == e.PlainDict {
				opts = append(opts, pq.WithDictionaryDefault(x.name != "bool"))
			} else {
				opts = append(opts, pq.WithDictionaryDefault(false), pq.WithEncoding(enc))
			}
			f := pqFile{node: leaf("x", pq.Repetitions.Optional, logical, x.phys, -1), put: put(x.values, def, nil), opts: opts}
			got, err := read(f.bytes(t), nil)
			if err != nil || len(got.rows) != len(def) {
				t.Errorf("%s, %s, %s: %d of %d rows, %v", x.name, enc, codec, len(got.rows), len(def), err)
				continue
			}
			wrong := 0
			for i, at := range present {
				if got.rows[at] != x.show(i) {
					wrong++
				}
			}
			if wrong > 0 || strings.Count(strings.Join(got.rows, " "), "null") != len(def)-n {
				t.Errorf("%s, %s, %s: %d values are others", x.name, enc, codec, wrong)
			}
		}
	}
}

// TestBatches: rows come some at a time, each batch saying where it begins, and a cancelled
// job ends.
func TestBatches(t *testing.T) {
	n := 20_000
	values := make([]int32, n)
	for i := range values {
		values[i] = int32(i)
	}
	f := pqFile{node: required("x"), put: put(values, nil, nil)}
	s, err := parquet.Open(context.Background(), f.bytes(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // as often as it is asked
		var got []string
		err := s.Each(context.Background(), func(rows batch.Rows) error {
			got = append(got, fmt.Sprint(rows.Len, " ", rows.Where))
			return nil
		})
		if err != nil || strings.Join(got, "; ") != "8192 row group 0, rows from 0 on; 8192 row group 0, rows from 8192 on; 3616 row "+
			"group 0, rows from 16384 on" {
			t.Errorf("%q, %v", got, err)
		}
	}
	stop := errors.New("enough")
	if err := s.Each(context.Background(), func(batch.Rows) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Each(ctx, func(batch.Rows) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Two columns with pages of their own sizes are read side by side.
func TestUnevenPages(t *testing.T) {
	n := 5000
	narrow, long := make([]int32, n), make([]string, n)
	var want []string
	for i := range n {
		narrow[i], long[i] = int32(i), strings.Repeat("x", i%700)
		want = append(want, fmt.Sprintf(`{"a":%d,"b":%q}`, i, long[i]))
	}
	text := leaf("b", pq.Repetitions.Required, schema.StringLogicalType{}, pq.Types.ByteArray, -1)
	f := pqFile{node: group("x", pq.Repetitions.Required, required("a"), text), put: put(narrow, nil, nil),
		more: []func(file.ColumnChunkWriter) error{put(long, nil, nil)},
		opts: []pq.WriterProperty{pq.WithDataPageSize(512), pq.WithDictionaryDefault(false)}}
	got, err := read(f.bytes(t), nil)
	if err != nil || !slices.Equal(got.rows, want) {
		t.Errorf("%d rows, %v", len(got.rows), err)
	}
}

// TestSchemasRefused: what of a Parquet schema is no table.
func TestSchemasRefused(t *testing.T) {
	deep := required("x")
	for range 2*ipc.MaxDepth + 1 {
		deep = group("x", pq.Repetitions.Required, deep)
	}
	ints := put([]int32{1}, nil, nil)
	for _, x := range []struct {
		name string
		f    pqFile
		want string
	}{
		{"too deep", pqFile{node: deep, put: ints}, "columns nested deeper than 64"},
		{"a long name", pqFile{node: required(strings.Repeat("x", ipc.MaxName+1)), put: ints}, "a column's name is not UTF-8, or " +
			"longer than 4096 bytes"},
		{"a name that is no text", pqFile{node: required("\xff"), put: ints}, "a column's name is not UTF-8, or longer than 4096 bytes"},
		{"two members of one name", pqFile{node: group("x", pq.Repetitions.Required, required("a"), required("a")), put: ints,
			more: []func(file.ColumnChunkWriter) error{ints}}, `column "x": two of its members are called "a"`},
	} {
		b, err := x.f.build()
		if err != nil {
			t.Errorf("%s is not written: %v", x.name, err)
			continue
		}
		_, err = read(b, nil)
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

// Lists get back the kind that the writer's schema has, as far as their lengths allow it.
func TestStoredLists(t *testing.T) {
	item := arrow.Field{Name: "item", Type: arrow.PrimitiveTypes.Int32, Nullable: true}
	node := list("x", pq.Repetitions.Optional, optional("element"))
	twos := put([]int32{1, 2, 3}, []int16{3, 3, 0, 3, 2}, []int16{0, 1, 0, 0, 1})
	for _, x := range []struct {
		name     string
		own      arrow.DataType
		put      func(file.ColumnChunkWriter) error
		typ, out string
	}{
		{"large lists", arrow.LargeListOfField(item), twos, "large_list<item: int32, nullable>", "[1,2] null [3,null]"},
		{"lists of a fixed size", arrow.FixedSizeListOfField(2, item), twos, "fixed_size_list<item: int32, nullable>[2]", "[1,2] null [3,null]"},
		{"lists of another size", arrow.FixedSizeListOfField(3, item), twos, "",
			`column "x": row group 0, rows from 0 on: row 0 has a list of 2 where the Arrow schema in the footer says 3`},
		{"no list", arrow.BinaryTypes.String, twos, "list<element: int32, nullable>", "[1,2] null [3,null]"},
	} {
		f := pqFile{node: node, put: x.put, kv: stored(arrow.Field{Name: "x", Type: x.own, Nullable: true})}
		got, err := read(f.bytes(t), nil)
		switch {
		case x.typ == "":
			if err == nil || err.Error() != "invalid: "+x.out {
				t.Errorf("%s: %v", x.name, err)
			}
		case err != nil || strings.ReplaceAll(got.types, ", nullable: true", "") != "x:"+x.typ || strings.Join(got.rows, " ") != x.out:
			t.Errorf("%s: %s, %q, %v", x.name, got.types, got.rows, err)
		}
	}
}

// A struct or map gets back what the writer's schema says of it where that has the same
// members.
func TestStoredGroups(t *testing.T) {
	two := group("x", pq.Repetitions.Optional, optional("a"), leaf("b", pq.Repetitions.Optional, schema.StringLogicalType{},
		pq.Types.ByteArray, -1))
	ones := []func(file.ColumnChunkWriter) error{put([]string{"s"}, []int16{2, 0}, nil)}
	large := arrow.Field{Name: "b", Type: arrow.BinaryTypes.LargeString, Nullable: true}
	number := arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true}
	for _, x := range []struct {
		name      string
		own       arrow.DataType
		typ, note string
	}{
		{"the same members, in another order", arrow.StructOf(large, number), "struct<a: int32, b: large_utf8>", ""},
		{"a member less", arrow.StructOf(number), "struct<a: int32, b: utf8>", `column "x": struct<a: int32> became struct<a: int32, b: utf8>`},
		{"another member", arrow.StructOf(number, arrow.Field{Name: "c", Type: arrow.BinaryTypes.LargeString}), "struct<a: int32, b: utf8>",
			`column "x": struct<a: int32, c: large_utf8> became struct<a: int32, b: utf8>`},
		{"no struct", arrow.BinaryTypes.String, "struct<a: int32, b: utf8>", `column "x": utf8 became struct<a: int32, b: utf8>`},
	} {
		f := pqFile{node: two, put: put([]int32{1}, []int16{2, 0}, nil), more: ones, kv: stored(arrow.Field{Name: "x", Type: x.own,
			Nullable: true})}
		got, err := read(f.bytes(t), nil)
		notes := strings.ReplaceAll(strings.Join(got.notes, "\n"), ", nullable: true", "")
		if err != nil || strings.ReplaceAll(got.types, ", nullable: true", "") != "x:"+x.typ || strings.Join(got.rows,
			" ") != `{"a":1,"b":"s"} null` ||
			x.note == "" && notes != "" || !strings.Contains(notes, x.note) {
			t.Errorf("%s: %s, %q, %s, %v", x.name, got.types, got.rows, notes, err)
		}
	}
	kv := group("key_value", pq.Repetitions.Repeated, required("key"), optional("value"))
	node := schema.MustGroup(schema.NewGroupNodeLogical("x", pq.Repetitions.Optional, schema.FieldList{kv}, schema.MapLogicalType{}, -1))
	sorted := arrow.MapOf(arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int32)
	sorted.KeysSorted = true
	f := pqFile{node: node, put: put([]int32{1}, []int16{2}, []int16{0}), more: []func(file.ColumnChunkWriter) error{put([]int32{},
		[]int16{2}, []int16{0})},
		kv: stored(arrow.Field{Name: "x", Type: sorted, Nullable: true})}
	if got, err := read(f.bytes(t), nil); err != nil || !strings.Contains(got.types,
		"keys_sorted") || fmt.Sprint(got.rows) != `[[{"key":1,"value":null}]]` {
		t.Errorf("%s, %q, %v", got.types, got.rows, err)
	}
}

// VARIANT stays what it is stored as, and is named where readers know it.
func TestVariant(t *testing.T) {
	bin := func(name string) schema.Node {
		return leaf(name, pq.Repetitions.Required, schema.NoLogicalType{}, pq.Types.ByteArray, -1)
	}
	node, err := schema.NewGroupNodeLogical("x", pq.Repetitions.Optional, schema.FieldList{bin("metadata"), bin("value")},
		schema.VariantLogicalType{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	f := pqFile{node: node, put: put([]string{"m"}, []int16{1, 0}, nil),
		more: []func(file.ColumnChunkWriter) error{put([]string{"v"}, []int16{1, 0}, nil)}}
	got, err := read(f.bytes(t), nil)
	if err != nil || got.ext != "arrow.parquet.variant" || fmt.Sprint(got.rows) != `[{"metadata":"bQ==","value":"dg=="} null]` ||
		!strings.Contains(strings.Join(got.notes, "\n"), `column "x": VARIANT became struct<metadata: binary, value: binary>, its `+
			`parts as they are stored`) {
		t.Errorf("%s, %q, %q, %v", got.ext, got.rows, got.notes, err)
	}
}

// Rows of several row groups follow one another; each batch says which group it is of.
func TestRowGroups(t *testing.T) {
	root, err := schema.NewGroupNode("schema", pq.Repetitions.Required, schema.FieldList{list("x", pq.Repetitions.Required,
		required("item"))}, -1)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := file.NewParquetWriter(&buf, root)
	for g := range int32(3) {
		rg, err := w.AppendRowGroupChecked()
		if err != nil {
			t.Fatal(err)
		}
		c, err := rg.NextColumn()
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(put([]int32{g, g + 10}, []int16{1, 1, 0}, []int16{0, 1, 0})(c), c.Close(), rg.Close())
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := read(buf.Bytes(), nil)
	if err != nil || strings.Join(got.rows, " ") != "[0,10] [] [1,11] [] [2,12] []" {
		t.Errorf("%q, %v", got.rows, err)
	}
	s, err := parquet.Open(context.Background(), buf.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var where []string
	err = s.Each(context.Background(), func(rows batch.Rows) error {
		where = append(where, rows.Where)
		return nil
	})
	if err != nil || strings.Join(where, "; ") != "row group 0, rows from 0 on; row group 1, rows from 0 on; row group 2, rows from 0 on" {
		t.Errorf("%q, %v", where, err)
	}
}

// Whatever bytes of a file are others: it is read, or refused as Invalid, and no library's
// panic is the reason.
func TestChangedBytes(t *testing.T) {
	var words []string
	for i := range 40 {
		words = append(words, fmt.Sprint("word ", i%7))
	}
	text := leaf("b", pq.Repetitions.Required, schema.StringLogicalType{}, pq.Types.ByteArray, -1)
	f := pqFile{node: group("x", pq.Repetitions.Required, optional("a"), text), put: put(make([]int32, 40),
		slices.Repeat([]int16{1}, 40), nil),
		more: []func(file.ColumnChunkWriter) error{put(words, nil, nil)}, opts: []pq.WriterProperty{pq.WithCompression(compress.Codecs.Snappy)}}
	good := f.bytes(t)
	read40, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		b := slices.Clone(good)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			b[rapid.IntRange(4, len(b)-9).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		}
		s, err := parquet.Open(context.Background(), b, nil)
		if err == nil {
			rows := 0
			err = s.Each(context.Background(), func(r batch.Rows) error { rows += r.Len; return nil })
			if err == nil && rows == 40 {
				read40++
			}
		}
		if err == nil {
			return
		}
		if refused++; schemas.KindOf(err) != schemas.Invalid || strings.Contains(err.Error(), "runtime error") {
			t.Fatalf("%v", err)
		}
	})
	if read40 == 0 || refused == 0 {
		t.Errorf("%d were read, %d refused: that is no test", read40, refused)
	}
}

// A dictionary makes a small page of values that are large each time they stand in a row:
// they are copied some rows at a time.
func TestLargeDictionaryValues(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	text := leaf("b", pq.Repetitions.Required, schema.StringLogicalType{}, pq.Types.ByteArray, -1)
	f := pqFile{node: text, put: put(slices.Repeat([]string{long}, 300), nil, nil),
		opts: []pq.WriterProperty{pq.WithDictionaryPageSizeLimit(2 << 20)}}
	b := f.bytes(t)
	if len(b) > 2<<20 {
		t.Fatalf("the file has %d bytes", len(b))
	}
	s, err := parquet.Open(context.Background(), b, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, most := 0, 0
	err = s.Each(context.Background(), func(r batch.Rows) error {
		rows, most = rows+r.Len, max(most, r.Len)
		for i := range r.Len {
			if v := r.Columns[0].Bytes(r.Skip + i); len(v) != 1<<20 || v[0] != 'x' {
				return fmt.Errorf("row %d holds %d bytes", i, len(v))
			}
		}
		return nil
	})
	if err != nil || rows != 300 || most > 10 {
		t.Errorf("%d rows, at most %d at once, %v", rows, most, err)
	}
}
