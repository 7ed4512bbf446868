package csv

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/schemas"
)

// TestLayouts: patterns of Unicode TS 35 as Go has them.
func TestLayouts(t *testing.T) {
	for _, x := range []struct{ pattern, want, fault string }{
		{"yyyy-MM-dd", "2006-01-02", ""},
		{"d.M.yy", "2.1.06", ""},
		{"EEE, dd MMM yyyy", "Mon, 02 Jan 2006", ""},
		{"EEEE d MMMM y", "Monday 2 January 2006", ""},
		{"HH:mm:ss.SSSXXX", "15:04:05.000Z07:00", ""},
		{"h:mm a", "3:04 PM", ""},
		{"HHmmss Z", "150405 -0700", ""},
		{"dd'T'HH", "02T15", ""},
		{"dd/MM 'of' yyyy", "02/01 of 2006", ""},
		{"", "", ""},
		{"dd.QQ", "", `the letter "Q" is not known`},
		{"dd'", "", "a quote that never closes"},
	} {
		got, err := goLayout(x.pattern)
		if x.fault == "" && (err != nil || got != x.want) || x.fault != "" && (err == nil || err.Error() != x.fault) {
			t.Errorf("%q: %q, %v", x.pattern, got, err)
		}
	}
}

// TestNumberMarks: what the marks of one number can only mean.
func TestNumberMarks(t *testing.T) {
	for _, x := range []struct {
		text  string
		want  Marks
		other bool
		ok    bool
	}{
		{"12", 0, false, true},
		{"-12.5", pointed | pointIsMark, false, true},
		{"+0.204", pointed | pointIsMark, false, true}, // no group begins with 0
		{"1.204", pointed | pointGroups, false, true},
		{"1.204.000", pointed | pointGroups, false, true},
		{"1.204,5", pointed | pointGroups | commaIsMark, false, true},
		{"12.", pointed | pointIsMark, false, true},
		{"1234.567", pointed | pointIsMark, false, true}, // four digits are no group
		{"1,204", commaGroups, false, true},
		{"1,5", commaIsMark, false, true},
		{"1,204.5", commaGroups | pointed | pointIsMark, false, true},
		{"1'204", 0, true, true},
		{"1 204 000,5", commaIsMark, true, true},
		{"1\u00a0204", 0, true, true},
		{"1.20.4", 0, false, false},
		{"1,2,3", 0, false, false},
		{"12a", 0, false, false},
		{"", 0, false, false},
		{"-", 0, false, false},
	} {
		got, other, ok := numberMarks(x.text)
		if got != x.want || other != x.other || ok != x.ok {
			t.Errorf("%q: %b, %t, %t; want %b, %t, %t", x.text, got, other, ok, x.want, x.other, x.ok)
		}
	}
}

// TestPlain: numbers of a declared dialect as strconv reads them.
func TestPlain(t *testing.T) {
	for _, x := range []struct{ decimal, group, in, want string }{
		{"", "", "1.5", "1.5"},
		{",", "", "1,5", "1.5"},
		{",", "", "1.5", noNumber},
		{",", ".", "-1.204,50", "-1204.50"},
		{",", ".", "12.34.567,5", "1234567.5"}, // as in India
		{",", ".", "1.20,5", noNumber},
		{",", ".", "1.204,5.0", noNumber},
		{".", ",", "1,204.5", "1204.5"},
		{".", ",", "1204.5", "1204.5"},
		{"", "'", "1'204", "1204"},
		{"", " ", "1 204", "1204"},
		{"", ",", "1234,567", noNumber},
	} {
		c := Column{decimal: x.decimal, group: x.group}
		if got := c.plain(x.in); got != x.want {
			t.Errorf("%q with %q and %q: %q, want %q", x.in, x.decimal, x.group, got, x.want)
		}
	}
}

// What an undeclared column takes for a number reads back as it was written.
func TestNumbersReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.StringMatching(`[-+]?[0-9]{1,17}(\.[0-9]{0,17})?`),
			rapid.Map(rapid.Float64(), func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }),
			rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		).Draw(t, "number")
		c := Column{}
		c.See(s, 1)
		if v, err := strconv.ParseInt(s, 10, 64); (c.Seen.Not&aInt == 0) != (err == nil && strconv.FormatInt(v, 10) == s) {
			t.Fatalf("%q is an integer: %t", s, c.Seen.Not&aInt == 0)
		}
		if v, err := strconv.ParseUint(s, 10, 64); (c.Seen.Not&aUint == 0) != (err == nil && strconv.FormatUint(v, 10) == s) {
			t.Fatalf("%q is an unsigned integer: %t", s, c.Seen.Not&aUint == 0)
		}
		if v, err := strconv.ParseFloat(s, 64); (c.Seen.Not&aFloat == 0) != (err == nil && strconv.FormatFloat(v, 'f', -1,
			64) == s && !strings.ContainsAny(s, "NI")) {
			t.Fatalf("%q is a float: %t", s, c.Seen.Not&aFloat == 0)
		}
	})
}

// What several files have shown does not depend on how the values were spread over them.
func TestJoiningIsLikeSeeing(t *testing.T) {
	words := []string{"1", "-2", "2.5", "1.204", "1,5", "1'000", "x", "2024-02-29", "007", "18446744073709551615"}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		files := [][]Seen{nil, nil}
		one := Column{Seen: Seen{Name: "v"}}
		parts := []Column{{Seen: Seen{Name: "v"}}, {Seen: Seen{Name: "v"}}}
		for i := range r.IntN(8) {
			w := words[r.IntN(len(words))]
			one.See(w, i)
			k := r.IntN(2)
			parts[k].See(w, i)
		}
		for i, p := range parts {
			files[i] = []Seen{p.Seen}
		}
		joined := Join(files[0], files[1])
		if joined[0].Values != one.Seen.Values || joined[0].Not&aKind != one.Seen.Not&aKind {
			t.Fatalf("%+v, want %+v", joined[0], one.Seen)
		}
		if files[0][0].Values+files[1][0].Values != joined[0].Values {
			t.Fatal("joining changes what was joined")
		}
	})
}

// TestFaithful: whether a value reads back as written from the type that a table has.
func TestFaithful(t *testing.T) {
	for _, x := range []struct{ typ, good, bad string }{
		{"int8", "1;-1;0", "01;+1;1.0"},
		{"uint16", "7", "07;-7"},
		{"float64", "0.1;1", "0.10;1e3;.5"},
		{"bool", "true;false", "1;TRUE"},
		{"decimal", "1.5;0.25;-3.0", "01.5;.5;+1.5"},
		{"text", "anything", ""},
	} {
		c, err := NewColumn("v", schemas.CSV{}, []schemas.Field{{Name: "v", Type: x.typ}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Seen.Fraction = 2
		if c.Type, err = c.DeclaredType(); err != nil {
			t.Fatal(err)
		}
		for want, cells := range map[bool]string{true: x.good, false: x.bad} {
			for cell := range strings.SplitSeq(cells, ";") {
				if cell != "" && c.Faithful(cell) != want {
					t.Errorf("%s of %s: %t", x.typ, cell, !want)
				}
			}
		}
	}
}

// TestFineness: which unit the digits of a second ask for.
func TestFineness(t *testing.T) {
	for s, want := range map[string]Marks{
		"10:00:00": 0, "10:00:00.123456": 0, "10:00:00.1234560": 0, "10:00:00.1234567": nanos, "10:00:00,123456789Z": nanos,
		"10:00:00.1234567891": nanos | picos, "10:00:00.1234567890000+02:00": nanos,
	} {
		if got := fineness(s); got != want {
			t.Errorf("%s: %b, want %b", s, got, want)
		}
	}
}

// An example in a sentence is short, and ends with a whole character.
func TestExamples(t *testing.T) {
	e := example(strings.Repeat("ž", 30), 7)
	if e.Text != strings.Repeat("ž", maxCellText/2) || e.String() != fmt.Sprintf("%q (line 7)", e.Text) {
		t.Errorf("%s", e)
	}
	e.File = "a.csv"
	if e.String() != fmt.Sprintf("%q (line 7 of a.csv)", e.Text) {
		t.Errorf("%s", e)
	}
}

// TestSepLine: the line by which Excel is told the delimiter, and what only looks like one.
func TestSepLine(t *testing.T) {
	for _, x := range []struct {
		in, rest string
		delim    byte
	}{
		{"sep=;\na", "a", ';'}, {"sep=\t\r\na", "a", '\t'}, {"\"sep=|\"\ra", "a", '|'},
		{"sep=x\na", "sep=x\na", 0}, {"sep=;", "sep=;", 0}, {"sep=;a\n", "sep=;a\n", 0}, {"\"sep=;\na", "\"sep=;\na", 0}, {"a\n", "a\n", 0},
	} {
		rest, delim := sepLine([]byte(x.in))
		if string(rest) != x.rest || delim != x.delim {
			t.Errorf("%q: %q and %q", x.in, rest, delim)
		}
	}
}
