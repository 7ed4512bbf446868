package ipc_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"pgregory.net/rapid"

	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
)

// TestTypes: each type of the wire by its number and parameters, defaults left out as
// writers do.
func TestTypes(t *testing.T) {
	item := field("item", tInt, table{0: int32(16), 1: true})
	pair := field("entries", tStruct, table{}, field("k", tUtf8, table{}), field("v", tInt, table{0: int32(8), 1: true}))
	ends := field("run_ends", tInt, table{0: int32(32), 1: true})
	for _, x := range []struct {
		typ        byte
		parameters table
		kids       []table
		want       string
	}{
		{tNull, table{}, nil, "null"},
		{tBool, table{}, nil, "bool"},
		{tInt, table{0: int32(8), 1: true}, nil, "int8"},
		{tInt, table{0: int32(16), 1: true}, nil, "int16"},
		{tInt, table{0: int32(32), 1: true}, nil, "int32"},
		{tInt, table{0: int32(64), 1: true}, nil, "int64"},
		{tInt, table{0: int32(8)}, nil, "uint8"},
		{tInt, table{0: int32(16)}, nil, "uint16"},
		{tInt, table{0: int32(32)}, nil, "uint32"},
		{tInt, table{0: int32(64)}, nil, "uint64"},
		{tInt, table{0: int32(128), 1: true}, nil, "int128"},
		{tFloat, table{}, nil, "float16"},
		{tFloat, table{0: int16(1)}, nil, "float32"},
		{tFloat, table{0: int16(2)}, nil, "float64"},
		{tDecimal, table{0: int32(10), 1: int32(2)}, nil, "decimal(10, 2)"},
		{tDecimal, table{0: int32(9), 1: int32(-2), 2: int32(32)}, nil, "decimal32(9, -2)"},
		{tDecimal, table{0: int32(18), 1: int32(2), 2: int32(64)}, nil, "decimal64(18, 2)"},
		{tDecimal, table{0: int32(76), 1: int32(2), 2: int32(256)}, nil, "decimal256(76, 2)"},
		{tDate, table{0: int16(0)}, nil, "date32"},
		{tDate, table{}, nil, "date64"},
		{tTime, table{0: int16(0)}, nil, "time32[s]"},
		{tTime, table{}, nil, "time32[ms]"},
		{tTime, table{0: int16(2), 1: int32(64)}, nil, "time64[us]"},
		{tTime, table{0: int16(3), 1: int32(64)}, nil, "time64[ns]"},
		{tTimestamp, table{}, nil, "timestamp[s]"},
		{tTimestamp, table{0: int16(2), 1: "Europe/Riga"}, nil, "timestamp[us, tz=Europe/Riga]"},
		{tDuration, table{}, nil, "duration[ms]"},
		{tDuration, table{0: int16(3)}, nil, "duration[ns]"},
		{tInterval, table{}, nil, "month_interval"},
		{tInterval, table{0: int16(1)}, nil, "day_time_interval"},
		{tInterval, table{0: int16(2)}, nil, "month_day_nano_interval"},
		{tBinary, table{}, nil, "binary"},
		{tLargeBinary, table{}, nil, "large_binary"},
		{tUtf8, table{}, nil, "utf8"},
		{tLargeUtf8, table{}, nil, "large_utf8"},
		{tUtf8View, table{}, nil, "string_view"},
		{tBinaryView, table{}, nil, "binary_view"},
		{tFixedBinary, table{0: int32(16)}, nil, "fixed_size_binary[16]"},
		{tList, table{}, []table{item}, "list<item: int16, nullable>"},
		{tLargeList, table{}, []table{item}, "large_list<item: int16, nullable>"},
		{tListView, table{}, []table{item}, "list_view<item: int16, nullable>"},
		{tLargeListView, table{}, []table{item}, "large_list_view<item: int16, nullable>"},
		{tFixedList, table{0: int32(3)}, []table{item}, "fixed_size_list<item: int16, nullable>[3]"},
		{tStruct, table{}, []table{item, ends}, "struct<item: int16, run_ends: int32>"},
		{tMap, table{0: true}, []table{pair}, "map<utf8, int8, keys_sorted, items_nullable>"},
		{tRunEnd, table{}, []table{ends, item}, "run_end_encoded<run_ends: int32, values: int16>"},
	} {
		s, err := ipc.ParseSchema(schemaOf(field("x", x.typ, x.parameters, x.kids...)))
		if err != nil {
			t.Errorf("%s: %v", x.want, err)
			continue
		}
		f := s.Arrow.Field(0)
		if got := strings.ReplaceAll(f.Type.String(), ", nullable: true", ""); got != x.want && f.Type.Name() != x.want {
			t.Errorf("type %d is read as %s, want %s", x.typ, got, x.want)
		}
		if len(s.Top[0].Kids) != len(x.kids) || !f.Nullable || s.Extras {
			t.Errorf("%s: %d children, nullable %t, extras %t", x.want, len(s.Top[0].Kids), f.Nullable, s.Extras)
		}
	}
}

// TestTypesRefused: the sentence names the column, the cause, and where there is one the way
// out.
func TestTypesRefused(t *testing.T) {
	item := field("item", tInt, table{0: int32(16), 1: true})
	for _, x := range []struct {
		field table
		want  string
	}{
		{field("x", tUnion, table{}), "unions are not read; give one column for each kind of value"},
		{field("x", tInt, table{0: int32(128)}), "integers of 128 bits are not read; write them as decimals, or as text"},
		{field("x", tInt, table{0: int32(24), 1: true}), "integers of 24 bits are not read; write them as decimals, or as text"},
		{table{0: "x", 2: tInt}, "a type (2) without its parameters"},
		{field("x", tFloat, table{0: int16(7)}), "a type (3) that is not read"},
		{field("x", tTime, table{0: int16(3)}), "a type (9) that is not read"},
		{field("x", tTime, table{0: int16(1), 1: int32(64)}), "a type (9) that is not read"},
		{field("x", tTimestamp, table{0: int16(4)}), "a type (10) that is not read"},
		{field("x", tDuration, table{0: int16(-1)}), "a type (18) that is not read"},
		{field("x", tInterval, table{0: int16(3)}), "a type (11) that is not read"},
		{field("x", tFixedBinary, table{0: int32(-1)}), "a type (15) that is not read"},
		{field("x", 99, table{}), "a type (99) that is not read"},
		{field("x", tDecimal, table{0: int32(39)}), "decimals of 128 bits and 39 digits are not read"},
		{field("x", tDecimal, table{0: int32(0)}), "decimals of 128 bits and 0 digits are not read"},
		{field("x", tDecimal, table{0: int32(10), 2: int32(32)}), "decimals of 32 bits and 10 digits are not read"},
		{field("x", tDecimal, table{0: int32(5), 2: int32(512)}), "decimals of 512 bits and 5 digits are not read"},
		{field("x", tList, table{}), "a list type with 0 children"},
		{field("x", tList, table{}, item, item), "a list type with 2 children"},
		{field("x", tFixedList, table{0: int32(0)}, item), "lists of the fixed size 0 are not read"},
		{field("x", tMap, table{}, item), "a map whose entries are not pairs"},
		{field("x", tRunEnd, table{}, item), "a run-end encoded type with wrong children"},
		{field("x", tRunEnd, table{}, field("e", tUtf8, table{}), item), "a run-end encoded type with wrong children"},
		{with(field("x", tUtf8, table{}), 4, table{1: table{0: int32(128), 1: true}}), "dictionary indices of int128 are not read"},
		{with(field("x", tUtf8, table{}), 4, table{1: table{0: int32(12)}}), "integers of 12 bits are not read; write them as " +
			"decimals, or as text"},
	} {
		_, err := ipc.ParseSchema(schemaOf(x.field))
		wants(t, x.want, err, `invalid: schema: column "x": `+x.want)
	}
	_, err := ipc.ParseSchema(schemaOf(field("outer", tStruct, table{}, field("inner", tUnion, table{}))))
	wants(t, "nested", err, `invalid: schema: column "outer.inner": unions are not read; give one column for each kind of value`)
}

// TestSchemasRefused: limits of a whole schema, and what is none.
func TestSchemasRefused(t *testing.T) {
	deep := field("x", tBool, table{})
	for range ipc.MaxDepth + 1 {
		deep = field("x", tList, table{}, deep)
	}
	many := slices.Repeat([]table{field("x", tBool, table{})}, 1000)
	for i := range many {
		many[i] = field("x", tStruct, table{}, slices.Repeat([]table{field("y", tBool, table{})}, 100)...)
	}
	for _, x := range []struct {
		name string
		in   []byte
		want string
	}{
		{"a batch", message(3, batch(), 192).framed(), "invalid: the first message is not a schema"},
		{"nothing", nil, "invalid: the message does not begin with the continuation marker ffffffff"},
		{"big-endian", message(1, table{0: int16(1), 1: []table{}}, 0).framed(), "invalid: schema: big-endian data are not read"},
		{"too deep", schemaOf(deep), "invalid: schema: columns nested deeper than 64"},
		{"too many", schemaOf(many...), "invalid: schema: more than 100000 columns"},
		{"a long name", schemaOf(field(strings.Repeat("x", ipc.MaxName+1), tBool, table{})),
			"invalid: schema: a column's name is not UTF-8, or longer than 4096 bytes"},
		{"a name that is no text", schemaOf(field("\xff", tBool, table{})),
			"invalid: schema: a column's name is not UTF-8, or longer than 4096 bytes"},
	} {
		_, err := ipc.ParseSchema(x.in)
		wants(t, x.name, err, x.want)
	}
	if _, err := ipc.ParseSchema(schemaOf(field(strings.Repeat("x", ipc.MaxName), tBool, table{}))); err != nil {
		t.Errorf("the longest name: %v", err)
	}
}

// anyFields are fields of random types, dictionaries and extension names among them.
func anyFields(t *rapid.T) []arrow.Field {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 5))
	fields := make([]arrow.Field, 1+r.IntN(5))
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprintf("c%d", i), Type: columntest.Type(r, 3), Nullable: r.IntN(2) == 0}
		switch r.IntN(5) {
		case 0:
			index := []arrow.DataType{arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Int64}[r.IntN(3)]
			fields[i].Type = &arrow.DictionaryType{IndexType: index, ValueType: arrow.BinaryTypes.String, Ordered: r.IntN(2) == 0}
		case 1:
			fields[i].Metadata = ipc.Extension("acme.thing", `{"v":1}`)
		}
	}
	return fields
}

// What we write of a schema Arrow's own reader reads as the same, and what Arrow's writer
// writes we read as the same. Equal schemas have equal bytes.
func TestSchemasGoBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := anyFields(t)
		msg := ipc.EncodeSchema(fields)
		if len(msg)%8 != 0 || !bytes.Equal(msg, ipc.EncodeSchema(slices.Clone(fields))) {
			t.Fatal("the same fields give other bytes, or bytes of no whole words")
		}
		rd, err := arrowipc.NewReader(bytes.NewReader(append(slices.Clone(msg), ipc.EndOfStream()...)))
		if err != nil {
			t.Fatal(err)
		}
		if want := arrow.NewSchema(fields, nil); !rd.Schema().Equal(want) {
			t.Fatalf("Arrow reads %s, want %s", rd.Schema(), want)
		}
		var theirs bytes.Buffer
		w := arrowipc.NewWriter(&theirs, arrowipc.WithSchema(arrow.NewSchema(fields, nil)))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"ours": msg, "Arrow's": theirs.Bytes()} {
			s, err := ipc.ParseSchema(b)
			if err != nil {
				t.Fatal(err)
			}
			if !s.Arrow.Equal(arrow.NewSchema(fields, nil)) || s.Extras {
				t.Fatalf("%s is read as %s, want %v; extras %t", name, s.Arrow, fields, s.Extras)
			}
			if !bytes.Equal(s.Encode(), msg) && name == "ours" {
				t.Fatal("read and written again it has other bytes")
			}
			if !bytes.Equal(ipc.NewSchema(s.Arrow.Fields()).Encode(), msg) {
				t.Fatalf("%s: its canonical form has other bytes", name)
			}
			for i, c := range s.TableColumns() {
				if c.Name != fields[i].Name || c.Type != fields[i].Type.String() {
					t.Fatalf("column %d is %+v", i, c)
				}
			}
		}
	})
}

// Dictionaries are numbered in the order of the fields, nested ones included.
func TestDictionaryIDs(t *testing.T) {
	d := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	s := ipc.NewSchema([]arrow.Field{
		{Name: "a", Type: d},
		{Name: "b", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int8}, arrow.Field{Name: "y", Type: d})},
		{Name: "c", Type: arrow.PrimitiveTypes.Int8},
		{Name: "d", Type: d},
	})
	got := []int64{s.Top[0].DictionaryID, s.Top[1].DictionaryID, s.Top[1].Kid(1).DictionaryID, s.Top[2].DictionaryID, s.Top[3].DictionaryID}
	if fmt.Sprint(got) != "[0 -1 1 -1 2]" {
		t.Errorf("ids %v", got)
	}
	if k := s.Top[1].Kid(2); k != nil || k.Kid(0) != nil {
		t.Error("a child that is not there")
	}
	// Columns of other schemas keep their ids.
	if w := ipc.SchemaWith(s.Top[3:]); w.Arrow.Field(0).Name != "d" || w.Top[0].DictionaryID != 2 {
		t.Errorf("%+v", w.Top[0])
	}
	next := int64(7)
	if n := ipc.NewNode(arrow.Field{Name: "e", Type: d}, &next); n.DictionaryID != 7 || next != 8 {
		t.Errorf("id %d, then %d", n.DictionaryID, next)
	}
}

// TestEqualNodes: what of a field makes two schemas different on the wire.
func TestEqualNodes(t *testing.T) {
	base := arrow.Field{Name: "a", Type: arrow.ListOf(arrow.PrimitiveTypes.Int8), Nullable: true}
	node := func(f arrow.Field) []*ipc.Node { return ipc.NewSchema([]arrow.Field{f}).Top }
	other := func(change func(*arrow.Field)) []*ipc.Node {
		f := base
		change(&f)
		return node(f)
	}
	for name, b := range map[string][]*ipc.Node{
		"name":      other(func(f *arrow.Field) { f.Name = "b" }),
		"nulls":     other(func(f *arrow.Field) { f.Nullable = false }),
		"type":      other(func(f *arrow.Field) { f.Type = arrow.ListOf(arrow.PrimitiveTypes.Int16) }),
		"list":      other(func(f *arrow.Field) { f.Type = arrow.LargeListOf(arrow.PrimitiveTypes.Int8) }),
		"extension": other(func(f *arrow.Field) { f.Metadata = ipc.Extension("arrow.json", "") }),
		"number":    nil,
	} {
		if ipc.EqualNodes(node(base), b) || ipc.EqualNodes(b, node(base)) {
			t.Errorf("another %s is the same", name)
		}
	}
	if !ipc.EqualNodes(node(base), node(base)) || !ipc.EqualNodes(nil, nil) {
		t.Error("the same is another")
	}
	d := ipc.NewSchema([]arrow.Field{{Name: "d", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8,
		ValueType: arrow.BinaryTypes.String}}})
	e := *d.Top[0]
	e.DictionaryID = 5
	if ipc.EqualNodes(d.Top, []*ipc.Node{&e}) {
		t.Error("another dictionary id is the same")
	}
}

// TestMetadataOfSchemas: what a view does not pass on is known by key, at most ten of them.
func TestMetadataOfSchemas(t *testing.T) {
	var many []table
	for i := range 15 {
		many = append(many, table{0: fmt.Sprint("k", i), 1: "v"})
	}
	named := with(field("u", tFixedBinary, table{0: int32(16)}), 6, []table{
		{0: ipc.ExtensionName, 1: "arrow.uuid"}, {0: ipc.ExtensionMetadata, 1: ""}, {0: "unit", 1: "m"},
	})
	s, err := ipc.ParseSchema(message(1, table{1: []table{named, with(field("v", tBool, table{}), 6, many)},
		2: []table{{0: "pandas", 1: "{}"}}}, 0).framed())
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := s.Arrow.Field(0).Metadata.GetValue(ipc.ExtensionName); name != "arrow.uuid" || s.Arrow.Field(0).Metadata.Len() != 2 {
		t.Errorf("the extension's metadata are %v", s.Arrow.Field(0).Metadata)
	}
	if !s.Extras || fmt.Sprint(s.SchemaKeys) != `["pandas"]` || len(s.ColumnKeys) != 10 || s.ColumnKeys[0] != `"unit" of column "u"` {
		t.Errorf("extras %t, %v, %v", s.Extras, s.SchemaKeys, s.ColumnKeys)
	}
	note := ipc.MetadataNote(slices.Concat(s.SchemaKeys, s.ColumnKeys))
	if len(note) != 1 || !strings.HasPrefix(note[0], `metadata left out: "pandas", "unit" of column "u", "k0" `+
		`of column "v"`) || strings.Count(note[0], ",") != 9 {
		t.Error(note)
	}
	if ipc.MetadataNote(nil) != nil {
		t.Error("a note of nothing")
	}
	features, err := ipc.ParseSchema(message(1, table{1: []table{}, 3: []int64{1}}, 0).framed())
	if err != nil || !features.Extras {
		t.Errorf("features are none: %v", err)
	}
	custom, err := ipc.ParseSchema(with(message(1, table{1: []table{}}, 0), 4, []table{{0: "k", 1: "v"}}).framed())
	if err != nil || !custom.Extras {
		t.Errorf("metadata of the message are none: %v", err)
	}
}

// TestStoredSchemas: what another format keeps of the writer's columns is read as far as it
// goes.
func TestStoredSchemas(t *testing.T) {
	msg := schemaOf(field("a", tUtf8, table{}), field("b", tUnion, table{}), field("c", tInt, table{0: int32(24)}))
	s, err := ipc.ParseStoredSchema(msg)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "a type that is not read (unions are not read; give one column for each kind of value)",
		"integers of 24 bits"} {
		n := s.Top[i]
		if n.Unread != want || (want != "") != (n.Field.Type.ID() == arrow.NULL) {
			t.Errorf("%s: %q as %s, want %q", n.Field.Name, n.Unread, n.Field.Type, want)
		}
	}
	for name, b := range map[string][]byte{"nothing": nil, "cut": msg[:len(msg)-9], "a batch": append(message(3, batch(),
		192).framed(), make([]byte, 192)...)} {
		if s, err := ipc.ParseStoredSchema(b); err == nil {
			t.Errorf("%s is a schema: %v", name, s.Arrow)
		}
	}
}
