package jsonl

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/schemas"
)

// shapeOf is what lines show.
func shapeOf(t interface{ Fatal(...any) }, name string, lines ...string) *Shape {
	s := &Source{data: []byte(strings.Join(lines, "\n") + "\n"), own: &Shape{}}
	w := walker{left: maxPlaces, name: name}
	err := s.each(bg(), &w, func() error { return w.object(s.own) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.own
}

// types are the columns that a shape comes to, or why it comes to none.
func types(s *Shape) string {
	fields, err := s.Fields()
	if err != nil {
		return "fault"
	}
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name + " " + f.Type.String()
	}
	return strings.Join(out, ", ")
}

// TestPartsAreTheWhole: wherever the lines of a table are divided into files, its types are those
// of all lines in one file.
func TestPartsAreTheWhole(t *testing.T) {
	line := rapid.SampledFrom([]string{
		`{"a":1}`, `{"a":2.5}`, `{"a":null,"b":"x"}`, `{"b":"2026-01-02T03:04:05Z"}`, `{"b":"2026-01-02T03:04:05.123Z"}`, `{"c":[1]}`,
		`{"c":[]}`, `{"c":[null,2.5]}`, `{"d":{"x":1}}`, `{"d":{"y":{"z":[true]}}}`, `{"d":{}}`, `{"a":18446744073709551615}`, `{"a":-1}`,
		`{"e":"2026-01-02T03:04:05.123456Z"}`, `{}`,
	})
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(line, 1, 8).Draw(t, "lines")
		whole := shapeOf(t, "a.jsonl", lines...)
		at := rapid.IntRange(0, len(lines)).Draw(t, "first file")
		first, second := shapeOf(t, "a.jsonl", lines[:at]...), shapeOf(t, "a.jsonl", lines[at:]...)
		joined := Join(first, second)
		if got, want := types(joined), types(whole); got != want {
			t.Fatalf("%q: in two files %s, in one %s", lines, got, want)
		}
		if got := types(Join(nil, whole)); got != types(whole) || types(Join(whole, nil)) != got || types(Join(whole, whole)) != got {
			t.Fatalf("%q: joined with nothing and with itself %s", lines, got)
		}
		text, err := json.Marshal(joined)
		crossed := &Shape{}
		if err == nil {
			err = json.Unmarshal(text, crossed)
		}
		if err != nil || types(crossed) != types(joined) {
			t.Fatalf("%s: %v", text, err)
		}
	})
}

// TestJoinChangesNeither: what a file has shown stays what it was when it is joined.
func TestJoinChangesNeither(t *testing.T) {
	a, b := shapeOf(t, "a.jsonl", `{"x":1,"o":{"p":[1]}}`), shapeOf(t, "b.jsonl", `{"y":"t","o":{"p":[2.5],"q":true}}`)
	before, other := types(a), types(b)
	if got := types(Join(a, b)); got != "x int64, o struct<p: list<item: float64, nullable>, q: bool>, y utf8" {
		t.Errorf("joined they are %s", got)
	}
	if types(a) != before || types(b) != other {
		t.Errorf("they were %s and %s, and are %s and %s", before, other, types(a), types(b))
	}
	if got := Join(nil, nil); got != nil {
		t.Errorf("nothing joined with nothing is %v", got)
	}
}

// TestManyPlaces: a table has at most so many places for values, in one file or in many.
func TestManyPlaces(t *testing.T) {
	part := func(from int) *Shape {
		var b strings.Builder
		b.WriteString("{")
		for i := range 6000 {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, `"k%d":1`, from+i)
		}
		b.WriteString("}")
		return shapeOf(t, "a.jsonl", b.String())
	}
	_, err := Join(part(0), part(6000)).Fields()
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "more than 10000 places") {
		t.Errorf("%v", err)
	}
	if fields, err := Join(part(0), part(3000)).Fields(); err != nil || len(fields) != 9000 {
		t.Errorf("%d fields, %v", len(fields), err)
	}
}

// TestNumbers: which texts of numbers a float reads back, digit by digit.
func TestNumbers(t *testing.T) {
	for text, bits := range map[string]int{
		"0.0": 64, "-0.0": 64, "0e5": 64, "1.5": 64, "2.50": 64, "1e3": 64, "1E+3": 64, "0.1": 64, "0.10000000000000001": 64,
		"0.1000000000000000055511151231257827021181583404541015625": 64, "1.7976931348623157e308": 64, "5e-324": 64, "4.9e-324": 64,
		"9007199254740992.0": 64, "123456789012345": 64, "1e22": 64, "0.5": 32, "0.1e0": 32, "16777216": 32, "3.4028235e38": 32,
	} {
		if _, err := float(text, bits); err != nil {
			t.Errorf("%s in %d bits: %v", text, bits, err)
		}
	}
	for text, bits := range map[string]int{
		"0.1234567890123456789": 64, "9007199254740993.0": 64, "1e309": 64, "-1e309": 64, "1e-400": 64, "4.94065645e-324": 64,
		"0.30000000000000000001": 64, "1." + strings.Repeat("1", 900): 64, "0.123456789": 32, "16777217": 32, "1e39": 32,
	} {
		if v, err := float(text, bits); err == nil {
			t.Errorf("%.40s in %d bits is read as %v", text, bits, v)
		}
	}
	rapid.Check(t, func(t *rapid.T) { // whatever writes a float64 shortest, or with 17 digits, is read
		v := rapid.Float64().Draw(t, "v")
		for _, text := range []string{fmt.Sprintf("%e", v), fmt.Sprintf("%.16e", v)} {
			if v != v || v > 1e308 || v < -1e308 || strings.Contains(text, "Inf") {
				return
			}
			got, err := float(text, 64)
			if text == fmt.Sprintf("%.16e", v) && (err != nil || got != v && v != 0) {
				t.Fatalf("%s is read as %v, %v", text, got, err)
			}
		}
	})
}

// TestInstants: which texts are times that a column of times writes again as they were.
func TestInstants(t *testing.T) {
	for text, digits := range map[string]int{
		"2026-01-02T03:04:05Z": 0, "2026-01-02T03:04:05.1Z": 1, "2026-01-02T03:04:05.123Z": 3, "2026-01-02T03:04:05.123456789Z": 9,
		"0000-01-01T00:00:00Z": 0, "9999-12-31T23:59:59Z": 0,
	} {
		if _, n, is := instant(text); !is || n != digits {
			t.Errorf("%s: %d digits, %t", text, n, is)
		}
	}
	for _, text := range []string{
		"", "2026-01-02", "2026-01-02 03:04:05Z", "2026-01-02t03:04:05Z", "2026-01-02T03:04:05z", "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05,5Z", "2026-01-02T03:04:60Z", "2026-01-02T24:00:00Z", "2026-13-02T03:04:05Z", "2026-02-29T03:04:05Z",
		"2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05.1234567890Z", "2026-01-02T3:04:05Z", "12026-01-02T03:04:05Z", "2026-01-02T03:04:05.12ZZ",
	} {
		if ts, _, is := instant(text); is {
			t.Errorf("%q is %s", text, ts)
		}
	}
}

// TestLines: lines come as they are, without their ends and without empty ones, whatever their
// length, and each with its number.
func TestLines(t *testing.T) {
	long := strings.Repeat("y", 600<<10) // longer than the buffer, twice
	for name, c := range map[string]struct {
		text string
		want []string
		n    []int
	}{
		"none":          {"", nil, nil},
		"empty":         {"\n\n \t\r\n", nil, nil},
		"no end":        {"a\nb", []string{"a", "b"}, []int{1, 2}},
		"ends":          {"a\r\nb\n", []string{"a", "b"}, []int{1, 2}},
		"between":       {"\na\n\n\nb\n", []string{"a", "b"}, []int{2, 5}},
		"long":          {long + "\n" + long + "z\nq", []string{long, long + "z", "q"}, []int{1, 2, 3}},
		"mark":          {"\xef\xbb\xbfa", []string{"a"}, []int{1}},
		"mark and none": {"\xef\xbb\xbf", nil, nil},
	} {
		in, err := newLines([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var n []int
		for {
			line, err := in.next()
			if err != nil {
				break
			}
			got, n = append(got, string(line)), append(n, in.n)
		}
		if !reflect.DeepEqual(got, c.want) || !reflect.DeepEqual(n, c.n) {
			t.Errorf("%s: %d lines at %v", name, len(got), n)
		}
	}
	in, err := newLines([]byte(strings.Repeat("z", 65<<20)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.next(); schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "64 MiB") {
		t.Errorf("a line of 65 MiB: %v", err)
	}
}
