package standin

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"pgregory.net/rapid"

	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// table is one of fields.
func table(fields ...arrow.Field) *schemas.Table {
	s := ipc.NewSchema(fields)
	return &schemas.Table{Name: "t", Schema: s.Encode(), Columns: s.TableColumns()}
}

// every is a column of each flat type.
func every() []arrow.Field {
	var out []arrow.Field
	for _, dt := range []arrow.DataType{
		arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64,
		arrow.FixedWidthTypes.Float16, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.String,
		arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary, &arrow.FixedSizeBinaryType{ByteWidth: 5},
		arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Date64, arrow.FixedWidthTypes.Time32s, arrow.FixedWidthTypes.Time32ms,
		arrow.FixedWidthTypes.Time64us, arrow.FixedWidthTypes.Time64ns, arrow.FixedWidthTypes.Timestamp_s, arrow.FixedWidthTypes.Timestamp_ns,
		&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Riga"}, arrow.FixedWidthTypes.Duration_ms, arrow.FixedWidthTypes.MonthInterval,
		arrow.FixedWidthTypes.DayTimeInterval, arrow.FixedWidthTypes.MonthDayNanoInterval, &arrow.Decimal128Type{Precision: 3, Scale: 1},
		&arrow.Decimal256Type{Precision: 60, Scale: 2},
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String},
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.PrimitiveTypes.Int64},
		arrow.ListOf(arrow.PrimitiveTypes.Int32), arrow.LargeListOf(arrow.BinaryTypes.String), arrow.FixedSizeListOf(4, arrow.PrimitiveTypes.Float32),
		arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}), arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8),
	} {
		out = append(out, arrow.Field{Name: dt.String(), Type: dt, Nullable: len(out)%2 == 0})
	}
	return out
}

// Of every type come values that Arrow takes for whole, about a tenth of them null where
// nulls are allowed and none elsewhere.
func TestEveryTypeHasValues(t *testing.T) {
	t.Parallel()
	b, err := File(table(every()...), Ask{Rows: 1000, Seed: 7, Of: "ds-a"})
	if err != nil {
		t.Fatal(err)
	}
	rec := columntest.ReadFile(t, b)[0]
	if rec.NumRows() != 1000 || !strings.Contains(rec.Schema().Metadata().String(), "made-up rows in place of ds-a; seed 7") {
		t.Errorf("%d rows, %v", rec.NumRows(), rec.Schema().Metadata())
	}
	for i, f := range rec.Schema().Fields() {
		c := rec.Column(i)
		n := c.NullN()
		if f.Nullable && (n < 50 || n > 200) || !f.Nullable && n > 0 {
			t.Errorf("%s has %d nulls", f.Name, n)
		}
		distinct := map[string]bool{}
		for k := range c.Len() {
			if c.IsValid(k) {
				distinct[c.ValueStr(k)] = true
			}
		}
		if len(distinct) < 2 {
			t.Errorf("%s has the values %v", f.Name, distinct)
		}
		if f.Type.ID() == arrow.DICTIONARY && len(distinct) > distinctWords {
			t.Errorf("%s has %d codes", f.Name, len(distinct))
		}
	}
}

const distinctWords = 16

// The same ask is the same bytes; a column is the same whatever stands beside it, and another by
// another seed.
func TestTheSameAskIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "table"), 1))
		var fields []arrow.Field
		for i := range rapid.IntRange(1, 5).Draw(rt, "columns") {
			fields = append(fields, arrow.Field{Name: string(rune('a' + i)), Type: columntest.Type(r, 2), Nullable: true})
		}
		ask := Ask{Rows: rapid.IntRange(0, 300).Draw(rt, "rows"), Seed: rapid.Uint64().Draw(rt, "seed")}
		one, err := File(table(fields...), ask)
		two, late := File(table(fields...), ask)
		if err != nil || late != nil || !bytes.Equal(one, two) {
			rt.Fatalf("%d and %d bytes, %v, %v", len(one), len(two), err, late)
		}
		name := fields[len(fields)-1].Name
		ask.Columns = []string{name}
		alone, err := File(table(fields...), ask)
		if err != nil || !slices.Equal(columntest.Cells(t, alone, name), columntest.Cells(t, one, name)) {
			rt.Fatalf("%s alone is another column (%v)", name, err)
		}
	})
	b, err := File(table(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Float64}), Ask{Rows: 100, Seed: 1})
	other, late := File(table(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Float64}), Ask{Rows: 100, Seed: 2})
	if err != nil || late != nil || slices.Equal(columntest.Cells(t, b, "x"), columntest.Cells(t, other, "x")) {
		t.Errorf("another seed is the same: %v, %v", err, late)
	}
}

// Rows are bounded, by their number and by what is in them; a column that is not there is named;
// what the provider said of a column stands in its field.
func TestWhatIsMadeUp(t *testing.T) {
	t.Parallel()
	wide := table(arrow.Field{Name: "v", Type: arrow.FixedSizeListOf(1<<18, arrow.PrimitiveTypes.Float32)})
	flat := table(arrow.Field{Name: "yield", Type: arrow.PrimitiveTypes.Float64}, arrow.Field{Name: "crop", Type: arrow.BinaryTypes.String})
	flat.Columns[0].Unit = "t/ha"
	for _, c := range []struct {
		t    *schemas.Table
		ask  Ask
		text string
	}{
		{flat, Ask{Rows: MostRows + 1}, "[/rows: of this table 0 to 100000 rows are made up at a time, not 100001]"},
		{flat, Ask{Rows: -1}, "0 to 100000 rows"},
		{wide, Ask{Rows: 4}, "0 to 3 rows"},
		{flat, Ask{Rows: 1, Columns: []string{"crop", "nope"}}, `the table has no column "nope"`},
	} {
		_, err := File(c.t, c.ask)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(strings.ReplaceAll(err.Error(), "[rows", "[/rows"), c.text) {
			t.Errorf("%+v: %v", c.ask, err)
		}
	}
	b, err := File(flat, Ask{Rows: 3})
	if err != nil {
		t.Fatal(err)
	}
	rec := columntest.ReadFile(t, b)[0]
	if unit, _ := rec.Schema().Field(0).Metadata.GetValue("unit"); unit != "t/ha" {
		t.Errorf("the unit is %q", unit)
	}
	if s := rec.Column(1).(*array.String).Value(0); !strings.HasPrefix(s, "made up ") {
		t.Errorf("a text is %q", s)
	}
	b, err = File(wide, Ask{Rows: 3})
	if err != nil || len(b) < 3*4<<18 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

// The rows of a seed are what they were: a job's test that was written over them still holds.
func TestRowsStayWhatTheyWere(t *testing.T) {
	t.Parallel()
	b, err := File(table(
		arrow.Field{Name: "field", Type: arrow.BinaryTypes.String},
		arrow.Field{Name: "yield", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		arrow.Field{Name: "sown", Type: arrow.FixedWidthTypes.Date32},
		arrow.Field{Name: "crop", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}},
		arrow.Field{Name: "plots", Type: arrow.ListOf(arrow.PrimitiveTypes.Int16)},
	), Ask{Rows: 4, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"field": {"made up 67", "made up 55", "made up 25", "made up 43"},
		"yield": {"null", "-6.7", "7", "-18.4"},
		"sown":  {"2020-02-22", "2023-01-10", "2023-02-21", "2022-07-26"},
		"crop":  {"made up 12", "made up 4", "made up 9", "made up 11"},
		"plots": {"[]", "[]", "[]", "[79]"},
	} {
		if have := columntest.Cells(t, b, name); !slices.Equal(have, want) {
			t.Errorf("%s is %q, and was %q", name, have, want)
		}
	}
}

// What is made up lies where people expect such values: days in six years, times in a day,
// decimals within their digits, short lists.
func TestValuesArePlausible(t *testing.T) {
	t.Parallel()
	fields := every()
	b, err := File(table(fields...), Ask{Rows: 2000, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	rec := columntest.ReadFile(t, b)[0]
	within := func(name string, i int, value, least, most float64) {
		if value < least || value > most {
			t.Errorf("%s in row %d: %g is not from %g to %g", name, i, value, least, most)
		}
	}
	for k, f := range rec.Schema().Fields() {
		for i := range int(rec.NumRows()) {
			if rec.Column(k).IsNull(i) {
				continue
			}
			switch c := rec.Column(k).(type) {
			case *array.Date32:
				within(f.Name, i, float64(c.Value(i)), from/86400, (from+span)/86400)
			case *array.Date64:
				within(f.Name, i, float64(c.Value(i)), from*1000, (from+span)*1000)
				if c.Value(i)%86_400_000 != 0 {
					t.Errorf("%s in row %d is no day: %d", f.Name, i, c.Value(i))
				}
			case *array.Timestamp:
				at := c.Value(i).ToTime(f.Type.(*arrow.TimestampType).Unit)
				within(f.Name, i, float64(at.Unix()), from, from+span)
			case *array.Time32:
				within(f.Name, i, float64(c.Value(i).ToTime(f.Type.(*arrow.Time32Type).Unit).Sub(time.Unix(0, 0))), 0, float64(24*time.Hour))
			case *array.Time64:
				within(f.Name, i, float64(c.Value(i).ToTime(f.Type.(*arrow.Time64Type).Unit).Sub(time.Unix(0, 0))), 0, float64(24*time.Hour))
			case *array.Decimal128:
				within(f.Name, i, c.Value(i).ToFloat64(0), 0, 999)
			case *array.Decimal256:
				within(f.Name, i, c.Value(i).ToFloat64(0), 0, 999_999)
			case *array.Float32:
				within(f.Name, i, float64(c.Value(i)), -60, 60)
			case *array.List:
				from, to := c.ValueOffsets(i)
				within(f.Name, i, float64(to-from), 0, mostItems)
			case *array.FixedSizeList:
				within(f.Name, i, float64(c.ListValues().Len()), 4*2000, 4*2000)
			case *array.FixedSizeBinary:
				within(f.Name, i, float64(len(c.Value(i))), 5, 5)
			case *array.Map:
				from, to := c.ValueOffsets(i)
				within(f.Name, i, float64(to-from), 0, mostItems)
			}
		}
	}
}

// Below a null, and in what must not be null, are no nulls that a reader would refuse; a
// schema that is none is refused.
func TestNestedNulls(t *testing.T) {
	t.Parallel()
	inner := arrow.StructOf(
		arrow.Field{Name: "must", Type: arrow.PrimitiveTypes.Int32}, arrow.Field{Name: "may", Type: arrow.BinaryTypes.String, Nullable: true},
	)
	b, err := File(table(arrow.Field{Name: "s", Type: arrow.ListOfField(arrow.Field{Name: "item", Type: inner}), Nullable: true}), Ask{Rows: 500})
	if err != nil {
		t.Fatal(err)
	}
	lists := columntest.ReadFile(t, b)[0].Column(0).(*array.List)
	items := lists.ListValues().(*array.Struct)
	if lists.NullN() == 0 || items.NullN() > 0 || items.Field(0).NullN() > 0 || items.Field(1).NullN() == 0 {
		t.Errorf("%d lists, %d items, %d and %d members are null", lists.NullN(), items.NullN(), items.Field(0).NullN(), items.Field(1).NullN())
	}
	whole := table(every()...).Schema
	for _, bad := range [][]byte{nil, []byte("no schema"), whole[:len(whole)/2], append([]byte("x"), whole...)} {
		_, err = File(&schemas.Table{Schema: bad}, Ask{Rows: 1})
		if err == nil {
			t.Errorf("rows of no schema (%d bytes) are made up", len(bad))
		}
	}
}

// What a type costs is counted, not wrapped around: schemas whose values are more than an int
// counts, or whose dictionary has huge words, are made up of no rows at all.
func TestNoTypeCostsMoreThanIsCounted(t *testing.T) {
	t.Parallel()
	lists, vectors := arrow.DataType(arrow.PrimitiveTypes.Int8), arrow.DataType(arrow.PrimitiveTypes.Int8)
	for range 40 { // 3^40 is more than an int64 holds
		lists = arrow.ListOf(lists)
	}
	for range 4 { // 2^84 is 0 modulo 2^64
		vectors = arrow.FixedSizeListOf(1<<21, vectors)
	}
	words := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: &arrow.FixedSizeBinaryType{ByteWidth: math.MaxInt32}}
	for _, dt := range []arrow.DataType{lists, vectors, words, arrow.StructOf(arrow.Field{Name: "l", Type: lists})} {
		tb := table(arrow.Field{Name: "x", Type: dt})
		_, err := File(tb, Ask{Rows: 1})
		if schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%.60s: a row of it was made up: %v", dt, err)
		}
		b, err := File(tb, Ask{})
		if err != nil || len(b) > 1<<16 {
			t.Errorf("%.60s: no rows take %d bytes, %v", dt, len(b), err)
		}
	}
}
