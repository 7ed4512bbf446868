package shard

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// TestReadersShutOut: the publish report names, for each column, who cannot read the
// table while the column is in it.
func TestReadersShutOut(t *testing.T) {
	uuid := arrow.Field{Name: "id", Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}, Metadata: ipc.Extension("arrow.uuid", "")}
	fields := []arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{Name: "h", Type: arrow.FixedWidthTypes.Float16},
		{Name: "d", Type: &arrow.Decimal256Type{Precision: 50, Scale: 2}},
		{Name: "i", Type: arrow.FixedWidthTypes.MonthDayNanoInterval},
		{Name: "l", Type: arrow.ListOfField(uuid)},
		{Name: "z", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "+05:30"}},
		{Name: "riga", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Riga"}},
		{Name: "e", Type: &arrow.Decimal128Type{Precision: 5, Scale: -2}},
	}
	p, err := newPlan(fields, make([][]*column.Column, len(fields)), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(p.notes, "\n")
	for _, want := range []string{
		`column "h" (float16) shuts out DuckDB: it reads nothing`,
		`column "d" (decimal256(50, 2)) shuts out polars and DuckDB`,
		`column "i" (month_day_nano_interval) shuts out polars and Hugging Face datasets`,
		`column "i" (month_day_nano_interval): DuckDB cuts its nanoseconds`,
		`column "z" (timestamp[us, tz=+05:30]) shuts out polars`,
		`column "e" (decimal(5, -2)) shuts out polars and DuckDB`,
		`column "l.id" (arrow.uuid) shuts out Hugging Face datasets`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no note %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, `"n"`) || strings.Contains(got, `"riga"`) {
		t.Error(got)
	}
}
