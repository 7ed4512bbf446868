package column_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"pgregory.net/rapid"

	"guichet/connectors/column"
)

// le are integers of 4 bytes as a buffer.
func le(values ...int32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, uint32(v))
	}
	return out
}

// le64 are integers of 8 bytes as a buffer.
func le64(values ...int64) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint64(out, uint64(v))
	}
	return out
}

// view is a view of a text of n bytes, the first of buffer buf from byte at on.
func view(n, buf, at int32) []byte { return le(n, 0, buf, at) }

// TestCheck: each way in which buffers may contradict what is said of them.
func TestCheck(t *testing.T) {
	bytesOf := func(n int) *column.Column {
		return &column.Column{Type: arrow.PrimitiveTypes.Uint8, Len: n, Buffers: [][]byte{make([]byte, n)}}
	}
	text, large := arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString
	views := arrow.BinaryTypes.StringView
	list, listView := arrow.ListOf(arrow.PrimitiveTypes.Uint8), arrow.ListViewOf(arrow.PrimitiveTypes.Uint8)
	runs := arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Uint8)
	ends := func(e ...int32) *column.Column {
		return &column.Column{Type: arrow.PrimitiveTypes.Int32, Len: len(e), Buffers: [][]byte{le(e...)}}
	}
	for _, x := range []struct {
		name string
		c    column.Column
		want string
	}{
		{"nulls", column.Column{Type: arrow.Null, Len: 1 << 30}, ""},
		{"integers", column.Column{Type: arrow.PrimitiveTypes.Int32, Len: 2, Buffers: [][]byte{le(1, 2)}}, ""},
		{"integers too few", column.Column{Type: arrow.PrimitiveTypes.Int32, Len: 3, Buffers: [][]byte{le(1, 2)}},
			"a buffer is shorter than the 12 bytes that 3 values need"},
		{"integers behind an offset", column.Column{Type: arrow.PrimitiveTypes.Int32, Len: 1, Offset: 2, Buffers: [][]byte{le(1, 2)}},
			"a buffer is shorter than the 12 bytes that 1 values need"},
		{"no buffer", column.Column{Type: arrow.PrimitiveTypes.Int32, Len: 1}, "a buffer is shorter than the 4 bytes that 1 values need"},
		{"bits", column.Column{Type: arrow.FixedWidthTypes.Boolean, Len: 9, Buffers: [][]byte{{1}}},
			"a buffer is shorter than the 2 bytes that 9 values need"},
		{"a bitmap too short", column.Column{Type: arrow.PrimitiveTypes.Uint8, Len: 9, Valid: []byte{255}, Buffers: [][]byte{make([]byte, 9)}},
			"the validity bitmap has 1 bytes for 9 values"},
		{"texts", column.Column{Type: text, Len: 2, Buffers: [][]byte{le(0, 1, 3), []byte("abc")}}, ""},
		{"texts that go back", column.Column{Type: text, Len: 2, Buffers: [][]byte{le(0, 2, 1), []byte("abc")}}, "row 1: offset 1 follows 2"},
		{"texts from before", column.Column{Type: text, Len: 1, Buffers: [][]byte{le(-1, 2), []byte("abc")}}, "the first offset is -1"},
		{"texts beyond", column.Column{Type: text, Len: 1, Buffers: [][]byte{le(0, 4), []byte("abc")}},
			"offset 4 lies beyond the 3 values or bytes that are there"},
		{"texts without their last offset", column.Column{Type: text, Len: 2, Buffers: [][]byte{le(0, 1), []byte("abc")}},
			"a buffer is shorter than the 12 bytes that 2 values need"},
		{"no texts, and no offsets", column.Column{Type: text, Buffers: [][]byte{nil, nil}}, ""},
		{"large texts beyond", column.Column{Type: large, Len: 1, Buffers: [][]byte{le64(0, math.MaxInt64), []byte("abc")}},
			"offset 9223372036854775807 lies beyond the 3 values or bytes that are there"},
		{"short views", column.Column{Type: views, Len: 1, Buffers: [][]byte{append(le(12), "twelve bytes"...)}}, ""},
		{"a view outside", column.Column{Type: views, Len: 1, Buffers: [][]byte{view(13, 0, 3), make([]byte, 15)}},
			"row 0: a view of 13 bytes points outside its data"},
		{"a view of no buffer", column.Column{Type: views, Len: 1, Buffers: [][]byte{view(13, 1, 0), make([]byte, 13)}},
			"row 0: a view of 13 bytes points outside its data"},
		{"a negative view", column.Column{Type: views, Len: 1, Buffers: [][]byte{view(-1, 0, 0), make([]byte, 13)}},
			"row 0: a view of -1 bytes points outside its data"},
		{"a view outside that is null", column.Column{Type: views, Len: 1, Valid: []byte{0}, Buffers: [][]byte{view(99, 9, 9)}}, ""},
		{"lists", column.Column{Type: list, Len: 2, Buffers: [][]byte{le(1, 1, 3)}, Kids: []*column.Column{bytesOf(3)}}, ""},
		{"lists beyond", column.Column{Type: list, Len: 1, Buffers: [][]byte{le(0, 4)}, Kids: []*column.Column{bytesOf(3)}},
			"offset 4 lies beyond the 3 values or bytes that are there"},
		{"list views, in any order", column.Column{Type: listView, Len: 2, Buffers: [][]byte{le(2, 0), le(1, 3)},
			Kids: []*column.Column{bytesOf(3)}}, ""},
		{"a list view beyond", column.Column{Type: listView, Len: 1, Buffers: [][]byte{le(2), le(2)}, Kids: []*column.Column{bytesOf(3)}},
			"row 0: a list of 2 from 2 lies outside the 3 values that are there"},
		{"a list view whose end overflows", column.Column{Type: arrow.LargeListViewOf(arrow.PrimitiveTypes.Uint8), Len: 1,
			Buffers: [][]byte{le64(2), le64(math.MaxInt64)}, Kids: []*column.Column{bytesOf(3)}},
			"row 0: a list of 9223372036854775807 from 2 lies outside the 3 values that are there"},
		{"list views without sizes", column.Column{Type: listView, Len: 1, Buffers: [][]byte{le(2), nil}, Kids: []*column.Column{bytesOf(3)}},
			"a buffer is shorter than the 4 bytes that 1 values need"},
		{"lists of a fixed size", column.Column{Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Uint8), Len: 2,
			Kids: []*column.Column{bytesOf(3)}},
			"2 lists of 2 have only 3 values"},
		{"structs", column.Column{Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Uint8}), Len: 2,
			Kids: []*column.Column{bytesOf(1)}},
			"a struct of 2 values has a member of 1"},
		{"runs", column.Column{Type: runs, Len: 5, Kids: []*column.Column{ends(2, 5), bytesOf(2)}}, ""},
		{"runs that go back", column.Column{Type: runs, Len: 5, Kids: []*column.Column{ends(2, 2), bytesOf(2)}}, "run end 2 follows 2"},
		{"runs that end before", column.Column{Type: runs, Len: 5, Kids: []*column.Column{ends(2, 4), bytesOf(2)}},
			"the runs end at 4 of 5 rows"},
		{"runs without values", column.Column{Type: runs, Len: 5, Kids: []*column.Column{ends(2, 5), bytesOf(1)}},
			"run ends that are null or more than the values"},
	} {
		err := x.c.Check()
		if x.want == "" && err != nil || x.want != "" && (err == nil || err.Error() != x.want) {
			t.Errorf("%s: %v\nwant %s", x.name, err, x.want)
		}
	}
}

// Whatever is said of a column over any bytes: after Check nothing of it panics.
func TestCheckedColumnsDoNotPanic(t *testing.T) {
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Int16, arrow.FixedWidthTypes.Boolean, arrow.BinaryTypes.String, arrow.BinaryTypes.LargeBinary,
		arrow.BinaryTypes.StringView, arrow.ListOf(arrow.PrimitiveTypes.Uint8), arrow.LargeListViewOf(arrow.PrimitiveTypes.Uint8),
		arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Uint8), arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Uint8),
	}
	sound := 0
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		buffer := func() []byte {
			b := make([]byte, r.IntN(40))
			for i := range b {
				b[i] = byte(r.IntN(1 + r.IntN(256)))
				if r.IntN(3) > 0 {
					b[i] = 0
				}
			}
			return b
		}
		c := &column.Column{Type: types[r.IntN(len(types))], Len: r.IntN(6), Offset: r.IntN(3), Buffers: [][]byte{buffer(), buffer(), buffer()}}
		if r.IntN(2) == 0 {
			c.Valid = buffer()
		}
		kid := &column.Column{Type: arrow.PrimitiveTypes.Uint8, Len: r.IntN(20)}
		kid.Buffers = [][]byte{make([]byte, kid.Len)}
		ends := &column.Column{Type: arrow.PrimitiveTypes.Int16, Len: r.IntN(4)}
		ends.Buffers = [][]byte{make([]byte, 2*ends.Len)}
		for i := range ends.Len {
			binary.LittleEndian.PutUint16(ends.Buffers[0][2*i:], uint16(r.IntN(8)))
		}
		c.Kids = []*column.Column{kid}
		if column.ShapeOf(c.Type) == column.ShapeRuns {
			c.Kids, c.Valid = []*column.Column{ends, kid}, nil
		}
		if c.Check() != nil {
			return
		}
		sound++
		f := arrow.Field{Name: "x", Type: column.CanonicalType(c.Type), Nullable: true}
		runs := []column.Run{{Column: c, Len: c.Len}}
		if _, err := column.Measure(f, runs); err != nil {
			t.Fatal(err)
		}
		out, err := column.Canonical(f, runs, &column.DictionaryMap{})
		if err != nil {
			return // not UTF-8
		}
		if why := canonicalFault(out); why != "" || out.Len != c.Len {
			t.Fatalf("%s: %d values of %d: %s", c.Type, out.Len, c.Len, why)
		}
	})
	if sound == 0 {
		t.Error("no column was sound")
	}
}

// TestValuesOutsideTheirType: the last value that a type holds is taken, the first that it
// does not is refused, naming the row.
func TestValuesOutsideTheirType(t *testing.T) {
	day := int64(86_400_000)
	decimal := func(lo, hi int64) []byte { return le64(lo, hi) }
	for _, x := range []struct {
		dt        arrow.DataType
		good, bad []byte
		want      string
	}{
		{arrow.FixedWidthTypes.Date64, le64(-day), le64(-day + 1), "row 1 holds -86399999 ms, which is not a whole day, as date64 requires"},
		{arrow.FixedWidthTypes.Time32s, le(86_399), le(86_400), "row 1 holds 86400, which is not a time of day, as time32[s] requires"},
		{arrow.FixedWidthTypes.Time32ms, le(86_399_999), le(-1), "row 1 holds -1, which is not a time of day, as time32[ms] requires"},
		{arrow.FixedWidthTypes.Time64us, le64(day*1000 - 1), le64(day * 1000), "row 1 holds 86400000000, which is not a time of day, " +
			"as time64[us] requires"},
		{arrow.FixedWidthTypes.Time64ns, le64(day*1e6 - 1), le64(-1), "row 1 holds -1, which is not a time of day, as time64[ns] requires"},
		{&arrow.Decimal128Type{Precision: 3}, decimal(-999, -1), decimal(-1000, -1), "row 1 holds a decimal of more than the 3 digits " +
			"that decimal(3, 0) has"},
		{&arrow.Decimal128Type{Precision: 3}, decimal(999, 0), decimal(1000, 0), "row 1 holds a decimal of more than the 3 digits " +
			"that decimal(3, 0) has"},
		{&arrow.Decimal128Type{Precision: 38}, decimal(0, 1<<60), decimal(0, math.MinInt64), "row 1 holds a decimal of more than the " +
			"38 digits that decimal(38, 0) has"},
		{&arrow.Decimal256Type{Precision: 40}, le64(1, 0, 0, 0), le64(0, 0, 1000, 0), "row 1 holds a decimal of more than the 40 digits " +
			"that decimal256(40, 0) has"},
	} {
		for _, bad := range []bool{false, true} {
			c := &column.Column{Type: x.dt, Len: 2, Buffers: [][]byte{append(append([]byte{}, x.good...), x.good...)}}
			want := ""
			if bad {
				copy(c.Buffers[0][len(x.good):], x.bad)
				want = x.want
			}
			_, err := column.Canonical(arrow.Field{Type: x.dt}, []column.Run{{Column: c, Len: 2}}, &column.DictionaryMap{})
			if got := fmt.Sprint(err); want == "" && err != nil || want != "" && got != want {
				t.Errorf("%s: %v\nwant %q", x.dt, err, want)
			}
			// Under a null it is nothing.
			c.Valid = []byte{0b01}
			if _, err := column.Canonical(arrow.Field{Type: x.dt, Nullable: true}, []column.Run{{Column: c, Len: 2}},
				&column.DictionaryMap{}); err != nil {
				t.Errorf("%s, under a null: %v", x.dt, err)
			}
		}
	}
	nested := column.ValueError{Row: 7, Nested: true}
	if got := nested.Error(); got != "value 7 " {
		t.Errorf("%q", got)
	}
}

// Offsets are held against each other in one pass; what one by one would find, it finds.
func TestOffsetsThatGoBack(t *testing.T) {
	for _, c := range []struct {
		offsets []int32
		want    string
	}{
		{[]int32{0, 0, 2, 3}, ""}, {[]int32{1, 1, 1, 1}, ""}, {[]int32{0, 2, 1, 3}, "row 1: offset 1 follows 2"},
		{[]int32{0, 1, 2, 1}, "row 2: offset 1 follows 2"}, {[]int32{-1, 0, 0, 0}, "the first offset is -1"},
		{[]int32{0, -1, 0, 0}, "row 0: offset -1 follows 0"}, {[]int32{0, 1 << 30, math.MinInt32, 3}, "row 1: offset -2147483648 follows 1073741824"},
		{[]int32{math.MaxInt32, math.MinInt32, 0, 0}, "row 0: offset -2147483648 follows 2147483647"},
		{[]int32{0, 1, 2, 4}, "offset 4 lies beyond the 3 values or bytes that are there"},
	} {
		a := &column.Column{Type: arrow.BinaryTypes.String, Len: 3, Buffers: [][]byte{arrow.Int32Traits.CastToBytes(c.offsets), []byte("abc")}}
		got := ""
		if err := a.Check(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.offsets, got, c.want)
		}
	}
}
