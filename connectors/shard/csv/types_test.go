package csv_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
	"guichet/connectors/shard"
	"guichet/connectors/shard/csv"
	"guichet/connectors/shard/shardtest"
	"guichet/schemas"
)

// TestValuesOfFixedTypes: a file that comes to a table holds each of its values as it is
// written, or is refused with line and value.
func TestValuesOfFixedTypes(t *testing.T) {
	for _, x := range []struct {
		typ        arrow.DataType
		good, bad  string
		want, says string
	}{
		{arrow.PrimitiveTypes.Int32, "12", "0012", "12", "would not read back as written from int32"},
		{arrow.PrimitiveTypes.Int8, "-1", "128", "-1", "is not a value of type int8"},
		{arrow.PrimitiveTypes.Uint16, "7", "+7", "7", "would not read back"},
		{arrow.PrimitiveTypes.Float32, "0.1", "16777217", "0.1", "would not read back as written from float32"},
		{arrow.PrimitiveTypes.Float64, "2.5", "2.50", "2.5", "would not read back"},
		{&arrow.Decimal128Type{Precision: 5, Scale: 2}, "1.50", "0001.5", "1.5", "would not read back"},
		{&arrow.Decimal128Type{Precision: 5, Scale: 2}, "999.99", "1000.00", "999.99", "is not a value of type decimal(5, 2)"},
		{&arrow.Decimal128Type{Precision: 5, Scale: 2}, "1.500", "1.505", "1.5", "is not a value of type decimal(5, 2)"},
		{arrow.FixedWidthTypes.Boolean, "true", "1", "true", "would not read back"},
		{arrow.FixedWidthTypes.Timestamp_s, "2024-02-29T10:00:00Z", "2024-02-29T10:00:00.5Z", "2024-02-29 10:00:00Z",
			"finer than the type's unit"},
		{arrow.FixedWidthTypes.Timestamp_ns, "2024-02-29T10:00:00.123456789Z", "9999-01-01T00:00:00Z",
			"2024-02-29 10:00:00.123456789Z", "outside the years 1678 to 2261"},
		{&arrow.TimestampType{Unit: arrow.Millisecond}, "2024-02-29 10:00:00.5", "2024-02-29T10:00:00Z", "2024-02-29 10:00:00.5Z", "time zone"},
		{arrow.FixedWidthTypes.Time32s, "10:00:01", "10:00:01.5", "10:00:01", "finer than the type's unit"},
		{arrow.FixedWidthTypes.Time64ns, "10:00:01.000000001", "25:00", "10:00:01.000000001", "is not a value of type time64[ns]"},
		{arrow.BinaryTypes.LargeString, "0012", "", "0012", ""},
		{&arrow.Decimal256Type{Precision: 50, Scale: 2}, "", "1.25", "", "is not a value of type decimal256(50, 2)"},
	} {
		spec := shard.Spec{Name: "x.csv", Schema: ipc.EncodeSchema([]arrow.Field{{Name: "v", Type: x.typ, Nullable: true}, {Name: "w",
			Type: arrow.BinaryTypes.String, Nullable: true}})}
		if x.good != "" {
			_, out := shardtest.Must(t, []byte("v,w\n"+x.good+",a\n"), spec)
			if got := columntest.Cells(t, out, "v")[0]; got != x.want {
				t.Errorf("%s: %s", x.typ, got)
			}
		}
		if x.bad == "" {
			continue
		}
		_, _, err := shardtest.Conform(t, []byte("v,w\n,a\n"+x.bad+",b\n"), spec)
		if err == nil || !strings.Contains(err.Error(), `line 3, column "v": "`+x.bad+`"`) || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", x.typ, err)
		}
	}
}

// TestFinenessOfTimes: declared times keep every digit that was written.
func TestFinenessOfTimes(t *testing.T) {
	spec := shard.Spec{Name: "x.csv", Fields: []schemas.Field{{Name: "at", Type: "timestamp"}, {Name: "of", Type: "time"}, {Name: "on",
		Type: "date", Format: "dd.MM.yyyy HH:mm"}}}
	r, out := shardtest.Must(t, []byte("at,of,on\n2024-02-29T10:00:00.123456789,10:00:00.000000001,29.02.2024 "+
		"00:00\n1970-01-01T00:00:00,00:00,01.01.1970 00:00\n"), spec)
	if got := shardtest.Types(r); got != "at:timestamp[ns] of:time64[ns] on:date32" {
		t.Error(got)
	}
	if got := columntest.Cells(t, out, "at")[0] + " " + columntest.Cells(t, out, "of")[0]; got != "2024-02-29 10:00:00.123456789Z "+
		"10:00:00.000000001" {
		t.Error(got)
	}
	if !strings.Contains(strings.Join(r.Notes, "\n"), "finer than a microsecond") {
		t.Error(r.Notes)
	}
	for in, want := range map[string]string{
		"at\n2024-02-29T10:00:00.1234567891\n": "finer than a nanosecond",
		"at\n2024-02-29T10:00:00.123456789\n9999-01-01T00:00\n": `line 3, column "at": "9999-01-01T00:00" is not a value of type ` +
			`timestamp[ns]: it is outside the years 1678 to 2261`,
		"on\n29.02.2024 10:30\n": `line 2, column "on": "29.02.2024 10:30" is not a value of type ` +
			`date32: it is finer than the type's unit`,
	} {
		_, _, err := shardtest.Conform(t, []byte(in), spec)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// TestDeclaredOverFiles: what settles a declared type counts over all files.
func TestDeclaredOverFiles(t *testing.T) {
	spec := shard.Spec{Name: "a.csv", Open: true, Fields: []schemas.Field{{Name: "c", Type: "decimal"}, {Name: "t", Type: "timestamp"}}}
	first, _ := shardtest.Must(t, []byte("c,t\n1.5,2024-02-29T10:00:00\n"), spec)
	spec.Name, spec.Seen = "b.csv", first.Seen
	second, _ := shardtest.Must(t, []byte("c,t\n1.505,2024-02-29T10:00:00.000000001\n"), spec)
	if got := shardtest.Types(second); got != "c:decimal(38, 3) t:timestamp[ns]" {
		t.Error(got)
	}
	spec.Seen = csv.Join(first.Seen, second.Seen)
	schema, err := shard.SchemaOfTexts(spec)
	if err != nil || string(schema) != string(second.Schema) {
		t.Errorf("the joined schema is not the wider one: %v", err)
	}
	_, _, err = shardtest.Conform(t, []byte("c,t\n1,2024-02-29T10:00:00Z\n"), spec)
	if err == nil || !strings.Contains(err.Error(), `some timestamps name a time zone and some do not`) {
		t.Error(err)
	}
	_, _, err = shardtest.Conform(t, []byte("c,u\n1,2\n"), spec)
	if err == nil || !strings.Contains(err.Error(), `column 2 is called "u"; in the table's other shards it is "t"`) {
		t.Error(err)
	}
}
