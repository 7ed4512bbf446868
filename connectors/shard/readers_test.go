package shard

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
)

// TestReadersShutOut: the publish report names, for each column, who cannot read the
// table while the column is in it.
func TestReadersShutOut(t *testing.T) {
	uuid := arrow.Field{Name: "id", Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}, Metadata: extension("arrow.uuid", "")}
	fields := []arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{Name: "h", Type: arrow.FixedWidthTypes.Float16},
		{Name: "d", Type: &arrow.Decimal256Type{Precision: 50, Scale: 2}},
		{Name: "i", Type: arrow.FixedWidthTypes.MonthDayNanoInterval},
		{Name: "l", Type: arrow.ListOfField(uuid)},
	}
	p, err := newPlan(fields, make([][]*col, len(fields)), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(p.notes, "\n")
	for _, want := range []string{
		`column "h" (float16) shuts out DuckDB: they read nothing`,
		`column "d" (decimal256(50, 2)) shuts out polars and DuckDB`,
		`column "i" (month_day_nano_interval) shuts out polars and Hugging Face datasets`,
		`column "i" (month_day_nano_interval): DuckDB cuts its nanoseconds`,
		`column "l.id" (arrow.uuid) shuts out Hugging Face datasets`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no note %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, `"n"`) {
		t.Error(got)
	}
}
