package transform

import (
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"guichet/schemas"
)

// A day is the whole day, and a month and a year the whole of it, for every comparison,
// as in the constraints of offers: in UTC, or in the zone that is named.
func TestFilterTakesWholeDays(t *testing.T) {
	b := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"})
	for _, s := range []string{"2025-12-30T23:59:59Z", "2025-12-31T00:00:00Z", "2025-12-31T23:30:00Z", "2026-01-01T00:00:00Z"} {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		b.Append(arrow.Timestamp(at.UnixMicro()))
	}
	times := b.NewArray()
	schema := arrow.NewSchema([]arrow.Field{{Name: "at", Type: times.DataType()}}, nil)
	for _, c := range []struct {
		op     string
		values []string
		want   []int32
		whole  bool
	}{
		{"eq", []string{"2025-12-31"}, []int32{1, 2}, true}, {"neq", []string{"2025-12-31"}, []int32{0, 3}, true},
		{"lt", []string{"2025-12-31"}, []int32{0}, true}, {"lteq", []string{"2025-12-31"}, []int32{0, 1, 2}, true},
		{"gt", []string{"2025-12-31"}, []int32{3}, true}, {"gteq", []string{"2025-12-31"}, []int32{1, 2, 3}, true},
		{"lteq", []string{"2025-12"}, []int32{0, 1, 2}, true}, {"gt", []string{"2025"}, []int32{3}, true},
		{"eq", []string{"2025-12-31+01:00"}, []int32{0, 1}, true}, {"gt", []string{"2025-12-31[Europe/Paris]"}, []int32{2, 3}, true},
		{"in", []string{"2025-12-31T23:30:00Z", "2025-12-31", "2026-01-01T00:00:00Z", "2024", "2027-02"}, []int32{1, 2, 3}, true},
		{"in", []string{"2025-12-30", "2025-12", "2025-12-01"}, []int32{0, 1, 2}, true},
		{"lteq", []string{"2025-12-31T00:00:00Z"}, []int32{0, 1}, false}, {"eq", []string{"2025-12-31T23:30:00"}, []int32{2}, false},
		{"gt", []string{"now-P1D"}, []int32{2, 3}, false}, {"lteq", []string{"now"}, []int32{0, 1, 2, 3}, false},
	} {
		f, err := NewFilter(&schemas.Filter{Column: "at", Op: c.op, Values: c.values}, schema, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Errorf("%s %v: %v", c.op, c.values, err)
			continue
		}
		if got := f.Rows([]arrow.Array{times}, times.Len()); !cmp.Equal(got, c.want) || f.Whole() != c.whole {
			t.Errorf("%s %v: rows %v, whole %t; want %v, %t", c.op, c.values, got, f.Whole(), c.want, c.whole)
		}
	}
}

// Days on a calendar lie in no zone, and filters on them mean what they always meant.
func TestFilterOfDays(t *testing.T) {
	b := array.NewDate32Builder(memory.DefaultAllocator)
	for _, day := range []int{30, 31, 32} {
		b.Append(arrow.Date32FromTime(time.Date(2025, 12, day, 0, 0, 0, 0, time.UTC)))
	}
	days := b.NewArray()
	schema := arrow.NewSchema([]arrow.Field{{Name: "day", Type: days.DataType()}}, nil)
	for value, want := range map[string][]int32{"2025-12-31": {0, 1}, "2025-12-31-05:00": {0, 1}, "2025-12-31[Asia/Tokyo]": {0, 1},
		"2025": {0, 1}} {
		f, err := NewFilter(&schemas.Filter{Column: "day", Op: "lteq", Values: []string{value}}, schema, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Rows([]arrow.Array{days}, days.Len()); !cmp.Equal(got, want) || f.Whole() {
			t.Errorf("lteq %s: rows %v, whole %t; want %v", value, got, f.Whole(), want)
		}
	}
}
