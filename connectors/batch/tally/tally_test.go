package tally

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas/values"
)

// counted gives arrays to a column twice, and what it tells.
func counted(dt arrow.DataType, arrays ...arrow.Array) (values.Distribution, values.Why) {
	c := newColumn(dt)
	for _, a := range arrays {
		c.Look(a)
	}
	c.Settle()
	for _, a := range arrays {
		c.Count(a)
	}
	return c.Result()
}

// floats is an array; NaN stands for null where null says so.
func floats(null bool, of ...float64) arrow.Array {
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	for _, f := range of {
		if null && math.IsNaN(f) {
			b.AppendNull()
		} else {
			b.Append(f)
		}
	}
	return b.NewArray()
}

func strs(of ...string) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.AppendValues(of, nil)
	return b.NewArray()
}

// said writes what is told in a line.
func said(d values.Distribution, why values.Why) string {
	if why != "" {
		return string(why)
	}
	var out []string
	for _, b := range d.Bins {
		out = append(out, fmt.Sprintf("[%s,%s) %d", b.From, b.Until, b.Count))
	}
	for _, v := range d.Values {
		out = append(out, fmt.Sprintf("%s %d", v.Value, v.Count))
	}
	if d.Others > 0 {
		out = append(out, fmt.Sprintf("others %d", d.Others))
	}
	if d.Missing > 0 {
		out = append(out, fmt.Sprintf("missing %d", d.Missing))
	}
	return strings.Join(out, "; ")
}

// Numbers fall into bins with round edges; nothing below ten is told, and all to the nearest ten.
func TestNumbers(t *testing.T) {
	t.Parallel()
	var even, few, skew, gap []float64
	for i := range 1000 {
		even = append(even, float64(i)/100)
		skew = append(skew, math.Pow(10, float64(i%7)))
		gap = append(gap, float64(i%2*100))
	}
	for i := range 29 {
		few = append(few, float64(i))
	}
	for name, x := range map[string]struct {
		of   []float64
		want string
	}{
		"even":     {even, "[,1) 100; [1,2) 100; [2,3) 100; [3,4) 100; [4,5) 100; [5,6) 100; [6,7) 100; [7,8) 100; [8,9) 100; [9,) 100"},
		"few":      {few, "few"},
		"constant": {slices.Repeat([]float64{0.37}, 40), "few"},
		"zero":     {slices.Repeat([]float64{0}, 31), "few"},
		"missing":  {append(slices.Repeat([]float64{math.NaN()}, 12), slices.Repeat([]float64{-5}, 35)...), "few"},
		"nine":     {append(slices.Repeat([]float64{math.NaN()}, 9), slices.Repeat([]float64{-5}, 35)...), "few"},
		"infinite": {append(slices.Repeat([]float64{math.Inf(1)}, 30), slices.Repeat([]float64{5}, 30)...), "[,6) 30; [6,) 30"},
	} {
		if got := said(counted(arrow.PrimitiveTypes.Float64, floats(name == "missing", x.of...))); got != x.want {
			t.Errorf("%s: %s; want %s", name, got, x.want)
		}
	}
	d, why := counted(arrow.PrimitiveTypes.Float64, floats(false, skew...))
	if !d.Log || why != "" || len(d.Bins) < 6 {
		t.Errorf("powers of ten: %s", said(d, why))
	}
	d, why = counted(arrow.PrimitiveTypes.Float64, floats(false, gap...))
	if len(d.Bins) != 2 || d.Bins[0].Count != 500 || d.Bins[1].Count != 500 || d.Bins[0].Until != d.Bins[1].From || why != "" {
		t.Errorf("empty bins are told: %s", said(d, why))
	}
}

// The largest and the smallest value are not told: one person's is far from all others.
func TestExtremesAreNotTold(t *testing.T) {
	t.Parallel()
	of := []float64{-987654321, 123456789}
	for i := range 1000 {
		of = append(of, 20+float64(i%40))
	}
	d, why := counted(arrow.PrimitiveTypes.Float64, floats(false, of...))
	got := said(d, why)
	if strings.Contains(got, "987654321") || strings.Contains(got, "12345") || d.Bins[0].From != "" || d.Bins[len(d.Bins)-1].Until != "" {
		t.Errorf("%s", got)
	}
	total := int64(0)
	for _, b := range d.Bins {
		total += b.Count
	}
	if len(d.Bins) > 20 || total < 950 || total > 1050 {
		t.Errorf("%d bins of %d: %s", len(d.Bins), total, got)
	}
}

// Nor are they of a small table, in which each bin holds some ten.
func TestExtremesOfFewAreNotTold(t *testing.T) {
	t.Parallel()
	of := []float64{20, 37}
	for i := range 28 {
		of = append(of, 25+float64(i%10))
	}
	d, why := counted(arrow.PrimitiveTypes.Float64, floats(false, of...))
	got := said(d, why)
	if why != "" || d.Bins[0].From != "" || d.Bins[len(d.Bins)-1].Until != "" || strings.Contains(got, "20,") || strings.Contains(got, "37") || strings.Contains(got, "38") {
		t.Errorf("%s", got)
	}
}

// Times are cut where calendars are.
func TestTimes(t *testing.T) {
	t.Parallel()
	at := func(s string) int64 {
		x, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return x.Unix()
	}
	stamp := func(from string, step time.Duration, n int) arrow.Array {
		b := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Second})
		for i := range n {
			b.Append(arrow.Timestamp(at(from) + int64(i)*int64(step/time.Second)))
		}
		return b.NewArray()
	}
	for _, x := range []struct {
		from string
		step time.Duration
		n    int
		want string
	}{
		{"2020-01-01T00:00:00Z", 24 * time.Hour, 3653, "[,2021-01-01) 370; [2021-01-01,2022-01-01) 370"},
		{"2020-01-01T00:00:00Z", 24 * time.Hour, 366, "[,2020-02-01) 30; [2020-02-01,2020-03-01) 30"},
		{"2020-01-06T00:00:00Z", time.Hour, 24 * 7 * 8, "[,2020-01-13) 170"},
		{"2020-01-06T00:00:00Z", time.Minute, 600, "[,2020-01-06T01:00:00Z) 60"},
		{"1200-01-01T00:00:00Z", 24 * 366 * time.Hour, 800, "[,1250-01-01) 50"},
	} {
		b := stamp(x.from, x.step, x.n)
		got := said(counted(b.DataType(), b))
		if !strings.HasPrefix(got, x.want) || strings.Count(got, "[") > 20 {
			t.Errorf("%s by %s: %s; want %s …", x.from, x.step, got, x.want)
		}
	}
	days := array.NewDate32Builder(memory.DefaultAllocator)
	for i := range 40 {
		days.Append(arrow.Date32(i / 20))
	}
	if got := said(counted(arrow.FixedWidthTypes.Date32, days.NewArray())); got != "[,1970-01-02) 20; [1970-01-02,) 20" {
		t.Errorf("days: %s", got)
	}
	wild := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Second})
	for i := range 100 {
		wild.Append(arrow.Timestamp(math.MaxInt64 / int64(i+1)))
	}
	d, why := counted(&arrow.TimestampType{Unit: arrow.Second}, wild.NewArray())
	if why != values.LeftFew { // all are in one bin
		t.Errorf("times beyond calendars: %s", said(d, why))
	}
}

// Of texts the most frequent are told, long ones cut, rare ones together.
func TestCategories(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 70)
	all := slices.Concat(slices.Repeat([]string{"wheat"}, 50), slices.Repeat([]string{"rye"}, 20), slices.Repeat([]string{long}, 15),
		slices.Repeat([]string{"Ann"}, 9), slices.Repeat([]string{""}, 30), []string{"Bob", "bad \xff"})
	want := "wheat 50;  30; rye 20; " + strings.Repeat("é", 60) + "… 20; others 10"
	if got := said(counted(arrow.BinaryTypes.String, strs(all...))); got != want {
		t.Errorf("%s; want %s", got, want)
	}
	var names []string
	for i := range 5000 {
		names = append(names, fmt.Sprintf("person %d", i))
	}
	if got := said(counted(arrow.BinaryTypes.String, strs(names...))); got != string(values.LeftVarious) {
		t.Errorf("names of persons: %s", got)
	}
	many := slices.Concat(names, slices.Repeat([]string{"town"}, 100), names)
	if got := said(counted(arrow.BinaryTypes.String, strs(many...))); got != "town 100; others 10000" {
		t.Errorf("one in fifty, after five thousand others: %s", got)
	}
	b := array.NewBooleanBuilder(memory.DefaultAllocator)
	for i := range 100 {
		b.Append(i%4 == 0)
	}
	if got := said(counted(arrow.FixedWidthTypes.Boolean, b.NewArray())); got != "false 80; true 30" {
		t.Errorf("yes and no: %s", got)
	}
	dict := array.NewDictionaryBuilder(memory.DefaultAllocator, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
	for i := range 100 {
		if err := dict.AppendString([]string{"x", "y"}[i%2]); err != nil {
			t.Fatal(err)
		}
	}
	a := dict.NewArray()
	if got := said(counted(a.DataType(), a)); got != "x 50; y 50" {
		t.Errorf("a dictionary: %s", got)
	}
}

// Whatever the values, no count below ten is told, none that is not a multiple of ten, at most
// twenty bins, in order and beside each other.
func TestWhateverTheValues(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 300 {
		var of []float64
		for range 30 + r.IntN(3000) {
			x := r.NormFloat64() * math.Pow(10, float64(r.IntN(1+n%40)-n%20))
			if n%3 == 0 {
				x = math.Round(x)
			}
			if n%7 == 0 {
				x = math.Exp(x)
			}
			of = append(of, x)
		}
		d, why := counted(arrow.PrimitiveTypes.Float64, floats(false, of...))
		if why == values.LeftFew {
			continue // most are in one bin
		}
		if why != "" || len(d.Bins) < 2 || len(d.Bins) > 20 || d.Bins[0].From != "" || d.Bins[len(d.Bins)-1].Until != "" {
			t.Fatalf("%d: %s", n, said(d, why))
		}
		for i, b := range d.Bins {
			if b.Count < values.LeastCount || b.Count%10 != 0 || i > 0 && d.Bins[i-1].Until != b.From || (b.From == "") && i > 0 {
				t.Fatalf("%d: %s", n, said(d, why))
			}
		}
	}
}

// Types without bins have no column; numbers of all widths are numbers.
func TestTypes(t *testing.T) {
	t.Parallel()
	for _, dt := range []arrow.DataType{arrow.BinaryTypes.Binary, arrow.ListOf(arrow.PrimitiveTypes.Int8), arrow.StructOf(), arrow.Null,
		arrow.FixedWidthTypes.Time32s, arrow.FixedWidthTypes.Duration_s, &arrow.FixedSizeBinaryType{ByteWidth: 2}} {
		if newColumn(dt) != nil {
			t.Errorf("%s has bins", dt)
		}
	}
	for _, dt := range []arrow.DataType{arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64, arrow.FixedWidthTypes.Float16,
		arrow.PrimitiveTypes.Float32, arrow.FixedWidthTypes.Date64, &arrow.Decimal128Type{Precision: 9, Scale: 2}, &arrow.Decimal256Type{Precision: 50, Scale: 2}} {
		b := array.NewBuilder(memory.DefaultAllocator, dt)
		for i := range 60 {
			err := b.AppendValueFromString(map[bool]string{true: strconv.Itoa(i / 20), false: fmt.Sprintf("197%d-01-01", i/20)}[dt.ID() != arrow.DATE64])
			if err != nil {
				t.Fatal(err)
			}
		}
		d, why := counted(dt, b.NewArray())
		if why != "" || len(d.Bins) != 3 || d.Bins[1].Count != 20 || !strings.HasPrefix(d.Bins[1].From, map[bool]string{true: "197", false: "1"}[d.Kind == "time"]) {
			t.Errorf("%s: %s", dt, said(d, why))
		}
	}
	for _, dt := range []arrow.DataType{arrow.BinaryTypes.LargeString, arrow.BinaryTypes.StringView} {
		b := array.NewBuilder(memory.DefaultAllocator, dt)
		for range 40 {
			b.AppendEmptyValue()
		}
		if got := said(counted(dt, b.NewArray())); got != " 40" {
			t.Errorf("%s: %s", dt, got)
		}
	}
	if _, err := Columns([]byte("no schema")); err == nil {
		t.Error("no schema is one")
	}
}

// Edges are round, however large or small the values.
func TestEdges(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		low, high float64
		whole     bool
		want      string
	}{
		{0, 1, false, "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1 1.1"},
		{0, 1, true, "0 1 2"},
		{1, 6, true, "1 2 3 4 5 6 7"},
		{2015, 2024, true, "2015 2016 2017 2018 2019 2020 2021 2022 2023 2024 2025"},
		{-3, 3, false, "-3 -2.5 -2 -1.5 -1 -0.5 0 0.5 1 1.5 2 2.5 3 3.5"},
		{0, 0, false, "0 1"},
		{7.25, 7.25, false, "7.2 7.3"},
		{-120, -120, true, "-120 -110"},
		{1e6, 5e6, true, "1000000 1500000 2000000 2500000 3000000 3500000 4000000 4500000 5000000 5500000"},
		{1e-9, 4e-9, false, "1e-09 1.2e-09 1.4e-09 1.6e-09 1.8e-09 2e-09 2.2e-09 2.4e-09 2.6e-09 2.8e-09 3e-09 3.2e-09 3.4e-09 3.6e-09 3.8e-09 4e-09 4.2e-09"},
		{1e20, 3e20, true, "1e+20 1.2e+20 1.4e+20 1.6e+20 1.8e+20 2e+20 2.2e+20 2.4e+20 2.6e+20 2.8e+20 3e+20 3.2e+20"},
	} {
		e := linearEdges(x.low, x.high, x.whole)
		if got := strings.Join(e.say, " "); got != x.want {
			t.Errorf("%g to %g: %s; want %s", x.low, x.high, got, x.want)
		}
	}
	for _, x := range []struct {
		low, high float64
		want      string
	}{
		{1, 1000, "1 2 5 10 20 50 100 200 500 1000 2000"},
		{3, 3000, "2 5 10 20 50 100 200 500 1000 2000 5000"},
		{0.002, 40, "0.002 0.005 0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10 20 50"},
		{1, 1e12, "1 10 100 1000 10000 100000 1000000 10000000 100000000 1000000000 10000000000 100000000000 1000000000000"},
	} {
		e := logEdges(x.low, x.high)
		if got := strings.Join(e.say, " "); got != x.want {
			t.Errorf("%g to %g by factors: %s; want %s", x.low, x.high, got, x.want)
		}
	}
	wide := logEdges(1e-150, 1e150)
	if len(wide.at) > mostSteps+2 || !wide.log {
		t.Errorf("%d edges over 300 powers of ten", len(wide.at))
	}
	for _, of := range [][]float64{{-math.MaxFloat64, math.MaxFloat64}, {math.MaxFloat64}, {math.SmallestNonzeroFloat64, 1}, {5e-324}} {
		e := edgesOf(slices.Clone(of), false, false)
		if len(e.at) == 0 || len(e.at) > mostSteps+2 || !slices.IsSorted(e.at) {
			t.Errorf("%g: %v", of, e.say)
		}
	}
	if e := edgesOf(nil, false, false); len(e.at) != 0 {
		t.Errorf("edges of nothing: %v", e.say)
	}
}

// A value at an edge is in the bin that begins there.
func TestPlace(t *testing.T) {
	t.Parallel()
	e := edges{at: []float64{0, 1, 2}}
	for f, want := range map[float64]int{
		-1:           0,
		0:            1,
		0.5:          1,
		1:            2,
		2:            3,
		3:            3,
		math.Inf(1):  3,
		math.Inf(-1): 0,
	} {
		if got := e.place(f); got != want {
			t.Errorf("%g is in bin %d, want %d", f, got, want)
		}
	}
}

// Bins that are too small are joined with the smaller one beside them.
func TestBins(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		counts []int64
		want   string
	}{
		{[]int64{0, 10, 10, 0}, "[,1) 10; [1,) 10"},
		{[]int64{3, 10, 10, 0}, "[,1) 10; [1,) 10"},
		{[]int64{0, 10, 10, 9}, "[,1) 10; [1,) 20"},
		{[]int64{10, 0, 30, 40}, "[,1) 10; [1,2) 30; [2,) 40"},
		{[]int64{100, 0, 30, 40}, "[,0) 100; [0,2) 30; [2,) 40"},
		{[]int64{9, 9, 9, 9}, "[,1) 20; [1,) 20"},
		{[]int64{0, 0, 0, 30}, "[,) 30"},
		{[]int64{31, 0, 0, 0}, "[,) 30"},
		{[]int64{1, 1, 1, 1}, "[,) 0"},
	} {
		c := &Column{edges: edges{at: []float64{0, 1, 2}, say: []string{"0", "1", "2"}}, counts: x.counts}
		if got := said(values.Distribution{Bins: c.bins()}, ""); got != x.want {
			t.Errorf("%v: %s; want %s", x.counts, got, x.want)
		}
	}
}

// What is told of long and odd texts.
func TestShown(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                                       "",
		"wheat":                                  "wheat",
		strings.Repeat("x", 60):                  strings.Repeat("x", 60),
		strings.Repeat("x", 61):                  strings.Repeat("x", 60) + "…",
		strings.Repeat("é", 60):                  strings.Repeat("é", 60),
		strings.Repeat("é", 61):                  strings.Repeat("é", 60) + "…",
		"a\xffb":                                 "a\uFFFDb",
		strings.Repeat("x", 60) + "\xff" + "yyy": strings.Repeat("x", 60) + "…",
	} {
		if got := shown(s); got != want {
			t.Errorf("%q is told as %q, want %q", s, got, want)
		}
	}
	for n, want := range map[int64]int64{0: 0, 9: 0, 10: 10, 14: 10, 15: 20, 1004: 1000} {
		if got := told(n); got != want {
			t.Errorf("%d is told as %d, want %d", n, got, want)
		}
	}
}

// What a column holds is bounded, however many and however different its values.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	numbers, texts := newColumn(arrow.PrimitiveTypes.Float64), newColumn(arrow.BinaryTypes.String)
	for i := range 50 {
		var of []float64
		var words []string
		for j := range 1000 {
			of = append(of, float64(i*1000+j))
			words = append(words, fmt.Sprintf("%d %s", i*1000+j, strings.Repeat("x", 500)))
		}
		numbers.Look(floats(false, of...))
		texts.Look(strs(words...))
	}
	if len(numbers.sample) != sampled || numbers.seen != 50_000 || len(texts.words) > mostWords {
		t.Errorf("%d numbers of %d, %d texts", len(numbers.sample), numbers.seen, len(texts.words))
	}
	slices.Sort(numbers.sample)
	if middle := numbers.sample[sampled/2]; middle < 22_000 || middle > 28_000 {
		t.Errorf("the sample is not of all: its middle is %g", middle)
	}
	numbers.Settle()
	if len(numbers.sample) != 0 || len(numbers.counts) != len(numbers.edges.at)+1 {
		t.Errorf("%d counts of %d edges", len(numbers.counts), len(numbers.edges.at))
	}
}

// The same arrays make the same counts.
func TestSameCounts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	var of []float64
	for range 20_000 {
		of = append(of, r.NormFloat64())
	}
	once := said(counted(arrow.PrimitiveTypes.Float64, floats(false, of...)))
	again := said(counted(arrow.PrimitiveTypes.Float64, floats(false, of...)))
	if once != again || !strings.HasPrefix(once, "[,") {
		t.Errorf("%s\nand then %s", once, again)
	}
}
