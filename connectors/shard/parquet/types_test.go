package parquet_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
	"guichet/connectors/shard/parquet"
	"guichet/schemas"
)

// table is what became of a file.
type table struct {
	types string // name:type of each column
	ext   string // extension name of the first column, with its metadata
	rows  []string
	notes []string
}

// read opens a file and gives all of its rows, values joined by |, in canonical form.
func read(b []byte, want *ipc.Schema) (out table, err error) {
	s, err := parquet.Open(context.Background(), b, want)
	if err != nil {
		return out, err
	}
	fields, notes := s.Fields()
	for _, f := range fields {
		out.types += f.Name + ":" + f.Type.String() + " "
	}
	out.types, out.notes = strings.TrimSpace(out.types), notes
	name, _ := fields[0].Metadata.GetValue(ipc.ExtensionName)
	data, _ := fields[0].Metadata.GetValue(ipc.ExtensionMetadata)
	out.ext = strings.TrimSpace(name + " " + data)
	err = s.Each(context.Background(), func(rows batch.Rows) error {
		var cols []arrow.Array
		for i, c := range rows.Columns {
			f := column.CanonicalField(fields[i])
			k, err := column.Canonical(f, []column.Run{{Column: c, From: rows.Skip, Len: rows.Len}}, &column.DictionaryMap{})
			if err != nil {
				return err
			}
			cols = append(cols, array.MakeFromData(k.ToArrow(map[*column.Column]arrow.ArrayData{})))
		}
		for i := range rows.Len {
			var cells []string
			for _, c := range cols {
				if c.IsNull(i) {
					cells = append(cells, "null")
				} else {
					cells = append(cells, c.ValueStr(i))
				}
			}
			out.rows = append(out.rows, strings.Join(cells, "|"))
		}
		return nil
	})
	return out, err
}

// put writes the values of one leaf with their levels; without def every value is there.
func put(values any, def, rep []int16) func(file.ColumnChunkWriter) error {
	return func(c file.ColumnChunkWriter) (err error) {
		switch c := c.(type) {
		case *file.BooleanColumnChunkWriter:
			_, err = c.WriteBatch(values.([]bool), def, rep)
		case *file.Int32ColumnChunkWriter:
			_, err = c.WriteBatch(values.([]int32), def, rep)
		case *file.Int64ColumnChunkWriter:
			_, err = c.WriteBatch(values.([]int64), def, rep)
		case *file.Int96ColumnChunkWriter:
			_, err = c.WriteBatch(values.([]pq.Int96), def, rep)
		case *file.Float32ColumnChunkWriter:
			_, err = c.WriteBatch(values.([]float32), def, rep)
		case *file.Float64ColumnChunkWriter:
			_, err = c.WriteBatch(values.([]float64), def, rep)
		case *file.ByteArrayColumnChunkWriter:
			var v []pq.ByteArray
			for _, s := range values.([]string) {
				v = append(v, []byte(s))
			}
			_, err = c.WriteBatch(v, def, rep)
		case *file.FixedLenByteArrayColumnChunkWriter:
			var v []pq.FixedLenByteArray
			for _, s := range values.([]string) {
				v = append(v, []byte(s))
			}
			_, err = c.WriteBatch(v, def, rep)
		}
		return err
	}
}

// leaf is a column of values; width is of bytes of a fixed length.
func leaf(name string, rep pq.Repetition, logical schema.LogicalType, phys pq.Type, width int) schema.Node {
	return schema.MustPrimitive(schema.NewPrimitiveNodeLogical(name, rep, logical, phys, width, -1))
}

// TestTypes: each physical and logical type with what it becomes.
func TestTypes(t *testing.T) {
	t32, t64, bytes, fixed := pq.Types.Int32, pq.Types.Int64, pq.Types.ByteArray, pq.Types.FixedLenByteArray
	none := schema.LogicalType(schema.NoLogicalType{})
	big := strings.Repeat("\x00", 15) + "\x07"
	for _, x := range []struct {
		name    string
		logical schema.LogicalType
		phys    pq.Type
		width   int
		values  any
		typ     string
		ext     string
		rows    string
		note    string
	}{
		{"booleans", none, pq.Types.Boolean, -1, []bool{true, false, true}, "bool", "", "true false true", ""},
		{"integers", none, t32, -1, []int32{-1, 1 << 30}, "int32", "", "-1 1073741824", ""},
		{"long integers", none, t64, -1, []int64{-1 << 63, 7}, "int64", "", "-9223372036854775808 7", ""},
		{"floats", none, pq.Types.Float, -1, []float32{0.5, -2}, "float32", "", "0.5 -2", ""},
		{"doubles", none, pq.Types.Double, -1, []float64{0.1, 1e300}, "float64", "", "0.1 1e+300", ""},
		{"bytes", none, bytes, -1, []string{"a", "", "\xff"}, "binary", "", "YQ==  /w==", ""},
		{"bytes of a length", none, fixed, 2, []string{"ab", "\x00\xff"}, "fixed_size_binary[2]", "", "YWI= AP8=", ""},
		{"int8", schema.NewIntLogicalType(8, true), t32, -1, []int32{-128, 127}, "int8", "", "-128 127", ""},
		{"int16", schema.NewIntLogicalType(16, true), t32, -1, []int32{-32768}, "int16", "", "-32768", ""},
		{"uint8", schema.NewIntLogicalType(8, false), t32, -1, []int32{255, 0}, "uint8", "", "255 0", ""},
		{"uint16", schema.NewIntLogicalType(16, false), t32, -1, []int32{65535}, "uint16", "", "65535", ""},
		{"uint32", schema.NewIntLogicalType(32, false), t32, -1, []int32{-1}, "uint32", "", "4294967295", ""},
		{"uint64", schema.NewIntLogicalType(64, false), t64, -1, []int64{-1}, "uint64", "", "18446744073709551615", ""},
		{"text", schema.StringLogicalType{}, bytes, -1, []string{"ž", ""}, "utf8", "", "ž ", ""},
		{"an enumeration", schema.EnumLogicalType{}, bytes, -1, []string{"RED"}, "utf8", "", "RED", `column "x": ENUM became utf8`},
		{"JSON", schema.JSONLogicalType{}, bytes, -1, []string{"{}"}, "utf8", "arrow.json", "{}", ""},
		{"BSON", schema.BSONLogicalType{}, bytes, -1, []string{"\x05"}, "binary", "", "BQ==", `column "x": BSON became binary`},
		{"a UUID", schema.UUIDLogicalType{}, fixed, 16, []string{"0123456789abcdef"}, "fixed_size_binary[16]", "arrow.uuid",
			"MDEyMzQ1Njc4OWFiY2RlZg==", ""},
		{"a half float", schema.Float16LogicalType{}, fixed, 2, []string{"\x00\x3c"}, "float16", "", "1", ""},
		{"an interval", schema.IntervalLogicalType{}, fixed, 12, []string{"\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00"},
			"fixed_size_binary[12]", "",
			"AQAAAAIAAAADAAAA", "INTERVAL stays 12 bytes: months, days, milliseconds as little-endian integers"},
		{"days", schema.DateLogicalType{}, t32, -1, []int32{-1, 19782}, "date32", "", "1969-12-31 2024-02-29", ""},
		{"times in ms", schema.NewTimeLogicalType(true, schema.TimeUnitMillis), t32, -1, []int32{86_399_999}, "time32[ms]", "",
			"23:59:59.999", ""},
		{"times in µs", schema.NewTimeLogicalType(true, schema.TimeUnitMicros), t64, -1, []int64{1}, "time64[us]", "", "00:00:00.000001", ""},
		{"times in ns", schema.NewTimeLogicalType(false, schema.TimeUnitNanos), t64, -1, []int64{1}, "time64[ns]", "", "00:00:00.000000001", ""},
		{"instants in ms", schema.NewTimestampLogicalType(true, schema.TimeUnitMillis), t64, -1, []int64{-1}, "timestamp[ms, tz=UTC]",
			"", "1969-12-31 23:59:59.999Z", ""},
		{"instants in µs, of no zone", schema.NewTimestampLogicalType(false, schema.TimeUnitMicros), t64, -1, []int64{1},
			"timestamp[us]", "", "1970-01-01 00:00:00.000001Z", ""},
		{"instants in ns", schema.NewTimestampLogicalType(true, schema.TimeUnitNanos), t64, -1, []int64{1}, "timestamp[ns, tz=UTC]",
			"", "1970-01-01 00:00:00.000000001Z", ""},
		{"decimals over 32 bits", schema.NewDecimalLogicalType(5, 2), t32, -1, []int32{-150, 99999}, "decimal(5, 2)", "", "-1.5 999.99", ""},
		{"decimals over 64 bits", schema.NewDecimalLogicalType(18, 3), t64, -1, []int64{-1, 1500}, "decimal(18, 3)", "", "-0.001 1.5", ""},
		{"decimals over bytes of a length", schema.NewDecimalLogicalType(9, 0), fixed, 4, []string{"\x00\x00\x01\x00",
			"\xff\xff\xff\xff"}, "decimal(9, 0)", "", "256 -1", ""},
		{"decimals over bytes", schema.NewDecimalLogicalType(20, 1), bytes, -1, []string{"\x7f", "\xff\x38", ""}, "decimal(20, 1)",
			"", "12.7 -20 0", ""},
		{"decimals longer than their type", schema.NewDecimalLogicalType(20, 0), bytes, -1, []string{"\x00\x00" + big,
			"\xff\xff" + strings.Repeat("\xff", 16)}, "decimal(20, 0)", "", "7 -1", ""},
		{"wide decimals", schema.NewDecimalLogicalType(50, 0), bytes, -1, []string{big}, "decimal256(50, 0)", "", "7", ""},
	} {
		n := 1
		f := pqFile{node: leaf("x", pq.Repetitions.Required, x.logical, x.phys, x.width), put: put(x.values, nil, nil)}
		got, err := read(f.bytes(t), nil)
		if err != nil || got.types != "x:"+x.typ || strings.Join(got.rows, " ") != x.rows || got.ext != x.ext {
			t.Errorf("%s: %s %q %q, %v", x.name, got.types, got.ext, got.rows, err)
		}
		if x.note == "" && len(got.notes) > 0 || !strings.Contains(strings.Join(got.notes, "\n"), x.note) {
			t.Errorf("%s: %q", x.name, got.notes)
		}
		// With a null before each value the values are the same.
		def, rows := []int16{}, []string{}
		n = len(strings.Split(x.rows, " "))
		for _, r := range strings.Split(x.rows, " ") {
			def = append(def, 0, 1)
			if rows = append(rows, "null", r); strings.HasPrefix(x.typ, "timestamp") {
				n = 1
				def, rows = []int16{0, 1}, []string{"null", x.rows}
				break
			}
		}
		f = pqFile{node: leaf("x", pq.Repetitions.Optional, x.logical, x.phys, x.width), put: put(x.values, def, nil)}
		got, err = read(f.bytes(t), nil)
		if err != nil || !slices.Equal(got.rows, rows) || len(got.rows) != 2*n {
			t.Errorf("%s, with nulls: %q, want %q, %v", x.name, got.rows, rows, err)
		}
	}
}

// TestValuesRefused: values that their logical type has no room for, with their row.
func TestValuesRefused(t *testing.T) {
	bytes := pq.Types.ByteArray
	for _, x := range []struct {
		logical schema.LogicalType
		phys    pq.Type
		values  any
		want    string
	}{
		{schema.NewIntLogicalType(8, true), pq.Types.Int32, []int32{1, -129}, "row 1 holds -129, which does not fit int8"},
		{schema.NewIntLogicalType(16, false), pq.Types.Int32, []int32{65536}, "row 0 holds 65536, which does not fit uint16"},
		{schema.NewDecimalLogicalType(20, 0), bytes, []string{"\x01" + strings.Repeat("\x00", 16)}, "row 0 holds a decimal of more " +
			"than 128 bits"},
		{schema.NewDecimalLogicalType(50, 0), bytes, []string{"", "\x80" + strings.Repeat("\x00", 32)}, "row 1 holds a decimal of " +
			"more than 256 bits"},
	} {
		f := pqFile{node: leaf("x", pq.Repetitions.Required, x.logical, x.phys, -1), put: put(x.values, nil, nil)}
		_, err := read(f.bytes(t), nil)
		if err == nil || err.Error() != `invalid: column "x": row group 0, rows from 0 on: `+x.want {
			t.Errorf("%s: %v", x.want, err)
		}
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "its magic alone": []byte("PAR1"), "no footer": []byte("PAR1" + strings.Repeat("x", 40) + "PAR1"),
		"a footer longer than the file": []byte("PAR1\xff\xff\x00\x00PAR1"), "text": []byte("a,b\n1,2\n"),
	} {
		_, err := parquet.Open(context.Background(), b, nil)
		if err == nil || schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := parquet.Open(context.Background(), []byte("PARE....PARE"), nil)
	if err == nil || !strings.Contains(err.Error(), "the Parquet file is encrypted, its footer too; write it without encryption") {
		t.Error(err)
	}
}

// stored is the footer's entry of the Arrow schema that a writer had.
func stored(fields ...arrow.Field) map[string]string {
	return map[string]string{"ARROW:schema": base64.StdEncoding.EncodeToString(ipc.EncodeSchema(fields))}
}

// TestStoredTypes: a writer gets its own types back where the values are the same in both,
// and the report says where not.
func TestStoredTypes(t *testing.T) {
	bytes, t64 := pq.Types.ByteArray, pq.Types.Int64
	word := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	for _, x := range []struct {
		name    string
		logical schema.LogicalType
		phys    pq.Type
		values  any
		own     arrow.DataType
		typ     string
		note    string
	}{
		{"large text", schema.StringLogicalType{}, bytes, []string{"a"}, arrow.BinaryTypes.LargeString, "large_utf8", ""},
		{"large bytes", schema.NoLogicalType{}, bytes, []string{"a"}, arrow.BinaryTypes.LargeBinary, "large_binary", ""},
		{"durations", schema.NoLogicalType{}, t64, []int64{5}, arrow.FixedWidthTypes.Duration_ms, "duration[ms]", ""},
		{"wide decimals", schema.NewDecimalLogicalType(10, 2), t64, []int64{5}, &arrow.Decimal256Type{Precision: 10, Scale: 2},
			"decimal256(10, 2)", ""},
		{"a zone", schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), t64, []int64{5},
			&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Riga"},
			"timestamp[us, tz=Europe/Riga]", ""},
		{"a zone, and another unit", schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), t64, []int64{5},
			&arrow.TimestampType{Unit: arrow.Second, TimeZone: "Europe/Riga"},
			"timestamp[us, tz=Europe/Riga]", `column "x": timestamp[s, tz=Europe/Riga] became timestamp[us, tz=Europe/Riga]`},
		{"another decimal", schema.NewDecimalLogicalType(10, 2), t64, []int64{5}, &arrow.Decimal256Type{Precision: 9, Scale: 2}, "decimal(10, 2)",
			`column "x": decimal256(9, 2) became decimal(10, 2)`},
		{"text that are bytes now", schema.NoLogicalType{}, bytes, []string{"a"}, arrow.BinaryTypes.LargeString, "binary",
			`column "x": large_utf8 became binary`},
		{"a dictionary", schema.StringLogicalType{}, bytes, []string{"a"}, word, "utf8", `column "x": dictionary written out as plain values`},
	} {
		f := pqFile{node: leaf("x", pq.Repetitions.Required, x.logical, x.phys, -1), put: put(x.values, nil, nil),
			kv: stored(arrow.Field{Name: "x", Type: x.own})}
		got, err := read(f.bytes(t), nil)
		if err != nil || got.types != "x:"+x.typ || x.note == "" && len(got.notes) > 0 || !strings.Contains(strings.Join(got.notes,
			"\n"), x.note) {
			t.Errorf("%s: %s, %q, %v", x.name, got.types, got.notes, err)
		}
	}
	named := arrow.Field{Name: "x", Type: arrow.BinaryTypes.String, Metadata: ipc.Extension("acme.word", "v1")}
	f := pqFile{node: leaf("x", pq.Repetitions.Required, schema.StringLogicalType{}, bytes, -1), put: put([]string{"a"}, nil, nil),
		kv: stored(named)}
	if got, err := read(f.bytes(t), nil); err != nil || got.ext != "acme.word v1" {
		t.Errorf("%q, %v", got.ext, err)
	}
	for _, bad := range []string{"no base64!", base64.StdEncoding.EncodeToString([]byte("no schema")), ""} {
		f.kv = map[string]string{"ARROW:schema": bad, "origin": "a survey"}
		got, err := read(f.bytes(t), nil)
		notes := strings.Join(got.notes, "\n")
		if err != nil || got.types != "x:utf8" || !strings.Contains(notes, "the Arrow schema in the footer cannot be read and is ignored") ||
			!strings.Contains(notes, `metadata left out: "origin"`) {
			t.Errorf("%q: %s, %q, %v", bad, got.types, got.notes, err)
		}
	}
}

// TestGeometry: columns of geometries are named as readers know them, with the reference
// system that the type, the footer's entry "geo" or the standard says.
func TestGeometry(t *testing.T) {
	bytes := pq.Types.ByteArray
	plain := schema.NoLogicalType{}
	for _, x := range []struct {
		name    string
		logical schema.LogicalType
		kv      map[string]string
		ext     string
	}{
		{"none of it", plain, nil, ""},
		{"the standard system", schema.GeometryLogicalType{}, nil, `geoarrow.wkb {"crs":"OGC:CRS84","crs_type":"authority_code"}`},
		{"a name", schema.GeometryLogicalType{Crs: "EPSG:3857"}, nil, `geoarrow.wkb {"crs":"EPSG:3857"}`},
		{"a number", schema.GeometryLogicalType{Crs: "srid:4326"}, nil, `geoarrow.wkb {"crs":"4326","crs_type":"srid"}`},
		{"PROJJSON in the type", schema.GeometryLogicalType{Crs: `{"name":"x"}`}, nil, `geoarrow.wkb {"crs":{"name":"x"},"crs_type":"projjson"}`},
		{"PROJJSON in the footer", schema.GeometryLogicalType{Crs: "projjson:mine"}, map[string]string{"mine": `{"name":"y"}`},
			`geoarrow.wkb {"crs":{"name":"y"},"crs_type":"projjson"}`},
		{"PROJJSON that is not there", schema.GeometryLogicalType{Crs: "projjson:mine"}, nil, `geoarrow.wkb {"crs":"projjson:mine"}`},
		{"GeoParquet beside it", schema.GeometryLogicalType{},
			map[string]string{"geo": `{"columns":{"x":{"encoding":"WKB","crs":{"name":"z"}}}}`},
			`geoarrow.wkb {"crs":{"name":"z"},"crs_type":"projjson"}`},
		{"GeoParquet alone", plain, map[string]string{"geo": `{"columns":{"x":{"encoding":"WKB","edges":"spherical"}}}`},
			`geoarrow.wkb {"crs":"OGC:CRS84","crs_type":"authority_code","edges":"spherical"}`},
		{"GeoParquet of no " +
			"known system", plain, map[string]string{"geo": `{"columns":{"x":{"encoding":"WKB","crs":null,"edges":"planar"}}}`}, "geoarrow.wkb {}"},
		{"GeoParquet of points", plain, map[string]string{"geo": `{"columns":{"x":{"encoding":"point"}}}`}, ""},
		{"GeoParquet of another column", plain, map[string]string{"geo": `{"columns":{"y":{"encoding":"WKB"}}}`}, ""},
		{"GeoParquet that is no JSON", plain, map[string]string{"geo": `{`}, ""},
	} {
		f := pqFile{node: leaf("x", pq.Repetitions.Required, x.logical, bytes, -1), put: put([]string{"\x01"}, nil, nil), kv: x.kv}
		got, err := read(f.bytes(t), nil)
		if err != nil || got.types != "x:binary" || got.ext != x.ext {
			t.Errorf("%s: %s %s, %v", x.name, got.types, got.ext, err)
		}
	}
}

// Times of INT96 become the unit that holds all of them, which the table may settle.
func TestInt96Units(t *testing.T) {
	micros := int96At(1, 1000)
	for _, x := range []struct {
		name   string
		values []pq.Int96
		want   arrow.DataType // of the table
		typ    string
		fault  string
	}{
		{"microseconds", []pq.Int96{micros}, nil, "timestamp[us]", ""},
		{"nanoseconds", []pq.Int96{micros, int96At(1, 1)}, nil, "timestamp[ns]", ""},
		{"seconds in a table of seconds", []pq.Int96{int96At(1, 0)}, arrow.FixedWidthTypes.Timestamp_s, "timestamp[s, tz=UTC]", ""},
		{"microseconds in a table of seconds", []pq.Int96{int96At(1, 0), micros}, arrow.FixedWidthTypes.Timestamp_s, "",
			`column "t": row 1 of row group 0 holds a time that timestamp[s, tz=UTC], the type in the table's other shards, has no room for; ` +
				`write the column with TIMESTAMP_MICROS, in all shards`},
		{"years and nanoseconds", []pq.Int96{int96At(1, 1), int96At(253402300799, 0)}, nil, "", `column "t": no unit of a timestamp ` +
			`holds all of its INT96 times exactly ` +
			`(row 0 of row group 0): it has years beyond 1677 to 2262 beside fractions of a microsecond; write it with TIMESTAMP_MICROS (Spark: ` +
			`spark.sql.parquet.outputTimestampType)`},
	} {
		var want *ipc.Schema
		if x.want != nil {
			want = ipc.NewSchema([]arrow.Field{{Name: "t", Type: x.want}})
		}
		got, err := read(int96File(nil, x.values...).bytes(t), want)
		if x.fault != "" && (err == nil || err.Error() != "invalid: "+x.fault) ||
			x.fault == "" && (err != nil || got.types != "t:"+x.typ || len(got.rows) != len(x.values)) {
			t.Errorf("%s: %s, %v", x.name, got.types, err)
		}
	}
}

// A file of one column of numbers with a null in it.
func ExampleOpen() {
	f := pqFile{node: leaf("n", pq.Repetitions.Optional, schema.NoLogicalType{}, pq.Types.Int32, -1), put: put([]int32{7, 8},
		[]int16{1, 0, 1}, nil)}
	data, err := f.build()
	if err != nil {
		panic(err)
	}
	s, err := parquet.Open(context.Background(), data, nil)
	if err != nil {
		panic(err)
	}
	fields, _ := s.Fields()
	err = s.Each(context.Background(), func(rows batch.Rows) error {
		c := rows.Columns[0]
		fmt.Println(fields[0].Name, fields[0].Type, "rows", rows.Len, "nulls", c.Nulls(0, c.Len), rows.Where)
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// n int32 rows 3 nulls 1 row group 0, rows from 0 on
}
