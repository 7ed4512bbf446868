package csv_test

import (
	"bytes"
	"context"
	stdcsv "encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
	"guichet/connectors/shard/csv"
	"guichet/schemas"
)

// table is what became of a file.
type table struct {
	types string // name:type of each column
	rows  []string
	notes []string
	seen  []csv.Seen
}

// read opens a text and gives all of its rows, values joined by |.
func read(text string, o csv.Options, want *ipc.Schema) (out table, err error) {
	s, err := csv.Open(context.Background(), []byte(text), o, want)
	if err != nil {
		return out, err
	}
	for _, f := range s.Fields() {
		out.types += f.Name + ":" + f.Type.String() + " "
	}
	out.types, out.seen = strings.TrimSpace(out.types), s.Seen()
	err = s.Each(context.Background(), func(rows batch.Rows) error {
		var cols []arrow.Array
		for _, c := range rows.Columns {
			cols = append(cols, array.MakeFromData(c.ToArrow(map[*column.Column]arrow.ArrayData{})))
		}
		for i := rows.Skip; i < rows.Skip+rows.Len; i++ {
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
	out.notes = append(s.Notes, s.Late()...)
	return out, err
}

// declared are fields of the types given as name:type or name:type:format.
func declared(fields ...string) (out []schemas.Field) {
	for _, f := range fields {
		p := append(strings.SplitN(f, ":", 3), "", "")
		out = append(out, schemas.Field{Name: p[0], Type: p[1], Format: p[2]})
	}
	return out
}

// noted says whether a note has all of the words.
func noted(notes []string, words string) bool {
	return slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, words) })
}

// Whatever texts stand in whatever cells: what Go's own writer puts down is read as it was,
// with any line ends and delimiters.
func TestAnyText(t *testing.T) {
	cell := rapid.StringMatching(`[a-zž"';, |\t0-9.]{0,6}(\n[a-z]{0,3})?`)
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(2, 4).Draw(t, "columns")
		comma := rapid.SampledFrom([]rune{',', ';', '\t', '|'}).Draw(t, "delimiter")
		crlf := rapid.Bool().Draw(t, "of DOS")
		var buf bytes.Buffer
		w := stdcsv.NewWriter(&buf)
		w.Comma, w.UseCRLF = comma, crlf
		names, fields := []string{}, []string{}
		for i := range width {
			names, fields = append(names, fmt.Sprint("c", i)), append(fields, fmt.Sprintf("c%d:text", i))
		}
		if err := w.Write(names); err != nil {
			t.Fatal(err)
		}
		var want []string
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			row := rapid.SliceOfN(cell, width, width).Draw(t, "row")
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
			var shown []string
			for _, c := range row {
				switch {
				case c == "":
					c = "null"
				case crlf:
					c = strings.ReplaceAll(c, "\n", "\r\n")
				}
				shown = append(shown, c)
			}
			want = append(want, strings.Join(shown, "|"))
		}
		w.Flush()
		got, err := read(buf.String(), csv.Options{Fields: declared(fields...), Dialect: &schemas.CSV{Delimiter: string(comma)}}, nil)
		if err != nil {
			t.Fatalf("%q: %v", buf.String(), err)
		}
		if diff := cmp.Diff(want, got.rows); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", buf.String(), diff)
		}
	})
}

// TestRecords: where a record ends and what is a cell of it.
func TestRecords(t *testing.T) {
	for _, x := range []struct{ name, in, want string }{
		{"line ends of all kinds", "a,b\r\n1,2\r3,4\n5,6", "1|2 3|4 5|6"},
		{"a quote inside", "a,b\nx\"y,1\n", `x"y|1`},
		{"doubled quotes", "a,b\n\"x\"\"y\",1\n", `x"y|1`},
		{"a delimiter in quotes", "a,b\n\"x,y\",1\n", "x,y|1"},
		{"an empty text in quotes", "a,b\n\"\",1\n", "null|1"},
		{"no last line end", "a,b\n1,2", "1|2"},
		{"empty lines at the end", "a,b\n1,2\n\n\n", "1|2"},
		{"one column, and an empty line is a null", "a\n1\n\n2\n", "1 null 2"},
		{"spaces are text", "a,b\n x ,1\n", " x |1"},
		{"a header without rows", "a,b\n", ""},
	} {
		got, err := read(x.in, csv.Options{}, nil)
		if err != nil || strings.Join(got.rows, " ") != x.want {
			t.Errorf("%s: %q, %v", x.name, got.rows, err)
		}
	}
}

// TestRecordsRefused: each sentence with its line.
func TestRecordsRefused(t *testing.T) {
	long := strings.Repeat("x", column.MaxValue+1)
	var ragged strings.Builder
	ragged.WriteString("a,b\n")
	for range 12 {
		ragged.WriteString("1\n")
	}
	for _, x := range []struct{ name, in, want string }{
		{"nothing", "", "the first line is empty; a header is expected"},
		{"an empty first line", "\na,b\n", "the first line is empty; a header is expected"},
		{"a name twice", "a,a\n", `line 1: two columns are called "a"`},
		{"a name that is no text", "a,\xff\n", "line 1: the header is not UTF-8; declare csv.encoding"},
		{"empty lines inside", "a,b\n1,2\n\n\n3,4\n", "line 5: there are 2 empty lines before it"},
		{"rows of other lengths", ragged.String(), "12 lines do not have the 2 fields of the first line: line 2 has 1, line 3 has 1, " +
			"line 4 has 1, " +
			"line 5 has 1, line 6 has 1, line 7 has 1, line 8 has 1, line 9 has 1, line 10 has 1, line 11 has 1"},
		{"an open quote", "a,b\n1,\"x\n", "line 2: a quote opens and never closes"},
		{"text behind a quote", "a,b\n\"x\" ,1\n", "line 2: text follows a closing quote"},
		{"a large value", "a,b\n" + long + ",1\n", `line 2, column "a": a value of 67108865 bytes; one has at most 67108864 (64 MiB): ` +
			`keep it in a file of its own and its address in the column`},
		{"more columns than are read", strings.Repeat("x,", column.MaxColumns) + "x\n", "line 1 has 10001 fields; at most 10000 " +
			"columns are read"},
	} {
		_, err := read(x.in, csv.Options{}, nil)
		if err == nil || err.Error() != "invalid: "+x.want {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

// TestDelimiters: declared, found, or said by the first line.
func TestDelimiters(t *testing.T) {
	for _, x := range []struct{ name, in, delimiter, types, note string }{
		{"commas", "a,b\n1,2\n", "", "a:int64 b:int64", `delimiter "," (found)`},
		{"semicolons beside decimal commas", "a;b\n1,5;2,5\n", "", "a:utf8 b:utf8", `delimiter ";" (found)`},
		{"tabs", "a\tb\n1\t2\n", "", "a:int64 b:int64", `delimiter "\t" (found)`},
		{"bars", "a|b\n1|2\n", "", "a:int64 b:int64", `delimiter "|" (found)`},
		{"the one that splits every line alike", "a;b,c\n1;2,3\n4;5,6\n", "", "a;b:utf8 c:int64", `delimiter "," (found)`},
		{"none", "a\n1\n", "", "a:int64", `delimiter "," (found)`},
		{"declared", "a:b\n1:2\n", ":", "a:int64 b:int64", `delimiter ":" (declared)`},
		{"declared against what is found", "a;b\n1;2\n", ",", "a;b:utf8", `delimiter "," (declared)`},
	} {
		got, err := read(x.in, csv.Options{Dialect: &schemas.CSV{Delimiter: x.delimiter}}, nil)
		if err != nil || got.types != x.types || !noted(got.notes, x.note) {
			t.Errorf("%s: %s, %q, %v", x.name, got.types, got.notes, err)
		}
	}
	for _, d := range []string{"ab", "\"", "\n", "é"} {
		_, err := read("a,b\n", csv.Options{Dialect: &schemas.CSV{Delimiter: d}}, nil)
		if err == nil || err.Error() != fmt.Sprintf("invalid: the delimiter %q is not one ASCII character", d) {
			t.Errorf("%q: %v", d, err)
		}
	}
}

// TestInferred: what all values of a column are, and the reason that the note gives.
func TestInferred(t *testing.T) {
	for _, x := range []struct{ values, want, why string }{
		{"1 -2 0", "int64", "every value is a whole number"},
		{"9223372036854775807", "int64", "every value is a whole number"},
		{"9223372036854775808 1", "uint64", "every value is a whole number, some beyond int64"},
		{"9223372036854775808 -1", "utf8", "numbers, but some would not read back as written"},
		{"1 2.5", "float64", "every value is a decimal number that reads back as written"},
		{"2024-02-29 1969-12-31", "date32", "every value is a day, yyyy-mm-dd"},
		{"2024-02-29 2023-02-29", "utf8", "text"},
		{"007 1", "utf8", "numbers, but some would not read back as written; declare a type to have numbers"},
		{"+1", "utf8", "numbers, but some would not read back as written"},
		{"1e3 5", "utf8", "numbers, but some would not read back as written"},
		{"2.50 1.5", "utf8", "numbers, but some would not read back as written"},
		{"1 x", "utf8", "text"},
		{"", "utf8", "every value is empty"},
		{"1.204 5.108", "utf8", `numbers with a point, as "1.204" (line 2), which may stand between thousands`},
		{"1.204 2.5", "float64", "every value is a decimal number that reads back as written"},
		{"1.204.000 1", "utf8", "numbers with points between groups of digits"},
		{`"1,5" "2,25"`, "utf8", `numbers with a decimal comma, as "1,5" (line 2); declare csv.decimalChar ","`},
		{`"1,204" "5,108"`, "utf8", `numbers with a comma, as "1,204" (line 2); declare csv.groupChar "," where it stands between thousands`},
		{`"1.204,50"`, "utf8", `declare csv.decimalChar "," and csv.groupChar "." to have numbers`},
		{"1'204'000", "utf8", "numbers with a mark between groups of digits"},
		{"true false", "utf8", "text"},
	} {
		in := "v,w\n"
		for _, v := range strings.Fields(x.values) {
			in += v + ",x\n"
		}
		got, err := read(in+",y\n", csv.Options{}, nil)
		if err != nil || got.types != "v:"+x.want+" w:utf8" || !noted(got.notes, x.why) {
			t.Errorf("%s: %s, %q, %v", x.values, got.types, got.notes, err)
		}
	}
}

// TestDeclaredValues: for each declared type what is taken and what it becomes, and what is
// refused.
func TestDeclaredValues(t *testing.T) {
	comma := &schemas.CSV{Delimiter: ";", DecimalChar: ",", GroupChar: "."}
	for _, x := range []struct {
		typ     string
		dialect *schemas.CSV
		in, out string
		bad     string // cells that are refused, one by one
	}{
		{"bool", nil, "true;FALSE;1;0", "true false true false", "yes;2;t"},
		{"int8", nil, "-128;127;+5; 7", "-128 127 5 7", "128;1.5;x;0x1;1e2"},
		{"uint64", nil, "18446744073709551615;0", "18446744073709551615 0", "-1;18446744073709551616"},
		{"int64", comma, "1.204;-12.345.678", "1204 -12345678", "1.20;12.34;1,5"},
		{"float32", nil, "0.5;INF;-INF;NaN;1e3", "0.5 +Inf -Inf NaN 1000", "0x1p3;1_000;1,5"},
		{"float64", comma, "1.204,5;0,25", "1204.5 0.25", "1.2.3;1,2,3"},
		{"text", nil, "x;007", "x 007", ""},
		{"binary", nil, "abc", "YWJj", ""},
		{"date", nil, "2024-02-29;0001-01-01", "2024-02-29 0001-01-01", "2023-02-29;29.02.2024;2024-2-9"},
		{"date:dd.MM.yyyy", nil, "29.02.2024", "2024-02-29", "2024-02-29;31.02.2024"},
		{"date:d/M/yy", nil, "1/2/24;31/12/69", "2024-02-01 1969-12-31", "1.2.24"},
		{"time", nil, "23:59;00:00:00.5", "23:59:00.000000 00:00:00.500000", "24:00;1pm"},
		{"time:h:mm a", nil, "1:05 PM", "13:05:00.000000", "13:05"},
		{"timestamp", nil, "2024-02-29T10:00:00;2024-02-29 10:00;2024-02-29", "2024-02-29 10:00:00Z 2024-02-29 10:00:00Z " +
			"2024-02-29 00:00:00Z", "29.02.2024;now"},
		{"timestamp", nil, "2024-02-29T10:00:00+02:00;2024-02-29T10:00Z", "2024-02-29 08:00:00Z 2024-02-29 10:00:00Z", ""},
		{"timestamp:dd.MM.yyyy HH:mm:ss", nil, "29.02.2024 23:59:01", "2024-02-29 23:59:01Z", "2024-02-29T10:00:00"},
		{"decimal", nil, "1.5;-0.25;7", "1.5 -0.25 7", "1,5;x;1e3"},
		{"decimal", comma, "1.204,50;-3", "1204.5 -3", "1.2,5"},
	} {
		o := csv.Options{Fields: declared("v:" + x.typ), Dialect: x.dialect}
		if o.Dialect == nil {
			o.Dialect = &schemas.CSV{Delimiter: ";"}
		}
		got, err := read("v\n"+strings.ReplaceAll(x.in, ";", "\n")+"\n", o, nil)
		if err != nil || strings.Join(got.rows, " ") != x.out {
			t.Errorf("%s of %s: %q, %v", x.typ, x.in, got.rows, err)
		}
		for cell := range strings.SplitSeq(x.bad, ";") {
			if cell == "" {
				continue
			}
			got, err := read("v\n"+cell+"\n", o, nil)
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf(`line 2, column "v": %q is not a value of type `, cell)) {
				t.Errorf("%s of %s: %q, %v", x.typ, cell, got.rows, err)
			}
		}
	}
}

// TestDeclarationsRefused: what is declared of a column may itself be wrong.
func TestDeclarationsRefused(t *testing.T) {
	for _, x := range []struct {
		fields []schemas.Field
		in     string
		want   string
	}{
		{declared("v:number"), "v\n1\n", `column "v" is declared as "number"; known types are bool, int8 to int64, uint8 to uint64, ` +
			`float32, float64, ` +
			`text, binary, date, timestamp, time, decimal`},
		{declared("v:date:dd.MM.Qyyy"), "v\n1\n", `column "v": the format "dd.MM.Qyyy": the letter "Q" is not known`},
		{declared("v:date:dd'of"), "v\n1\n", `column "v": the format "dd'of": a quote that never closes`},
		{declared("v:decimal"), "v\n" + strings.Repeat("1", 30) + "." + strings.Repeat("1", 9) + "\n", `column "v": decimals need 39 ` +
			`digits; at most 38 are kept`},
		{declared("v:timestamp"), "v\n2024-02-29T10:00:00Z\n2024-02-29T10:00:00\n", `column "v": some timestamps name a time zone and ` +
			`some do not`},
		{declared("v:time"), "v\n10:00:00.1234567891\n", `column "v": some values are finer than a nanosecond, which is the finest ` +
			`that is kept; declare it as text`},
	} {
		_, err := read(x.in, csv.Options{Fields: x.fields}, nil)
		if err == nil || err.Error() != "invalid: "+x.want {
			t.Errorf("%v", err)
		}
	}
}

// TestNulls: the empty text is null, and what is declared as such; in quotes, too.
func TestNulls(t *testing.T) {
	o := csv.Options{Dialect: &schemas.CSV{Null: []string{"NA", "-"}}}
	got, err := read("n,t\n1,NA\n-,x\n,\"NA\"\n", o, nil)
	if err != nil || got.types != "n:int64 t:utf8" || strings.Join(got.rows, " ") != "1|null null|x null|null" {
		t.Errorf("%s, %q, %v", got.types, got.rows, err)
	}
	if !noted(got.notes, `"NA" is null, "-" is null`) || !noted(got.notes, `column "t": "NA" in quotes is read as null, as without them`) {
		t.Errorf("%q", got.notes)
	}
}

// TestHeaders: names that are missing are made, and a file may have no header at all.
func TestHeaders(t *testing.T) {
	got, err := read(",b,\n1,2,3\n", csv.Options{}, nil)
	if err != nil || got.types != "column_1:int64 b:int64 column_3:int64" || !noted(got.notes, `column 3 has no name in the header `+
		`and is called "column_3"`) {
		t.Errorf("%s, %q, %v", got.types, got.notes, err)
	}
	got, err = read("1,2,3\n4,5,6\n", csv.Options{Dialect: &schemas.CSV{NoHeader: true}, Fields: declared("x:", "y:float64")}, nil)
	if err != nil || got.types != "x:int64 y:float64 column_3:int64" || len(got.rows) != 2 || !noted(got.notes, "no header") {
		t.Errorf("%s, %q, %q, %v", got.types, got.rows, got.notes, err)
	}
}

// A table's types follow from all of its files: what each has shown is joined.
func TestFilesOfATable(t *testing.T) {
	first, err := read("a,b\n1,x\n", csv.Options{Name: "data/a.csv", Open: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := read("a,b\n2.5,1\n", csv.Options{Name: "data/b.csv", Open: true, Seen: first.seen}, nil)
	if err != nil || second.types != "a:float64 b:utf8" {
		t.Errorf("%s, %v", second.types, err)
	}
	joined := csv.Join(csv.Join(nil, first.seen), second.seen)
	if joined[0].Values != 2 || joined[0].WholeNumbers() || !first.seen[0].WholeNumbers() || first.seen[0].Values != 1 {
		t.Errorf("%+v", joined)
	}
	fields, err := csv.Fields(csv.Options{Seen: joined, Fields: declared("b:binary")})
	if err != nil || fmt.Sprint(fields[0].Type, fields[1].Type) != "float64 binary" {
		t.Errorf("%v, %v", fields, err)
	}
	if _, err := csv.Fields(csv.Options{Seen: joined, Fields: declared("b:number")}); err == nil {
		t.Error("an unknown type is settled")
	}
	_, err = read("a,c\n1,2\n", csv.Options{Seen: joined}, nil)
	if err == nil || err.Error() != `invalid: column 2 is called "c"; in the table's other shards it is "b"` {
		t.Error(err)
	}
	comma, err := read("v;w\n1,5;2\n", csv.Options{Name: "data/comma.csv", Open: true}, nil)
	if err != nil || comma.seen[0].Comma == nil || comma.seen[0].Comma.String() != `"1,5" (line 2 of comma.csv)` {
		t.Errorf("%+v, %v", comma.seen, err)
	}
	// One file has a decimal comma, so that a point in another is in doubt.
	point, err := read("v;w\n1;1.204\n", csv.Options{Name: "b.csv", Open: true, Seen: comma.seen}, nil)
	if err != nil || point.types != "v:utf8 w:utf8" || !noted(point.notes, "may stand between thousands") {
		t.Errorf("%s, %q, %v", point.types, point.notes, err)
	}
}

// A file that comes to a table whose types stand has them, or is refused with line and value.
func TestTypesThatStand(t *testing.T) {
	want := ipc.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, {Name: "d",
		Type: &arrow.Decimal128Type{Precision: 5, Scale: 1}, Nullable: true}})
	got, err := read("n,d\n7,1.5\n", csv.Options{}, want)
	if err != nil || got.types != "n:int32 d:decimal(5, 1)" || got.rows[0] != "7|1.5" || !noted(got.notes, "as in the table's other shards") {
		t.Errorf("%s, %q, %q, %v", got.types, got.rows, got.notes, err)
	}
	_, err = read("n,d\n1,1.5\n07,2\n", csv.Options{}, want)
	if err == nil || err.Error() != `invalid: line 3, column "n": "07" would not read back as written from int32, the type that `+
		`the table has; `+
		`declare a type for the column, or publish a whole version` {
		t.Error(err)
	}
	// Open: the schema does not bind.
	got, err = read("n,d\n1.5,x\n", csv.Options{Open: true}, want)
	if err != nil || got.types != "n:float64 d:utf8" {
		t.Errorf("%s, %v", got.types, err)
	}
}

// Digits that a declared type does not hold are counted, with the first as an example.
func TestDigitsLost(t *testing.T) {
	got, err := read("v\n0.1\n16777217\n0.123456789\n", csv.Options{Fields: declared("v:float32")}, nil)
	if err != nil || !noted(got.notes, `column "v": values with more digits than float32 holds, as declared: 2; the first: `+
		`"16777217" became 16777216`) {
		t.Errorf("%q, %v", got.notes, err)
	}
}

// Rows come in batches of at most 16,384, each saying from which line on.
func TestBatches(t *testing.T) {
	text := "v\n" + strings.Repeat("1\n", 40_000)
	s, err := csv.Open(context.Background(), []byte(text), csv.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	each := func(rows batch.Rows) error {
		got = append(got, fmt.Sprintf("%d %s", rows.Len, rows.Where))
		return nil
	}
	for range 2 { // as often as it is asked
		got = nil
		if err := s.Each(context.Background(), each); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != "[16384 lines from 2 on 16384 lines from 16386 on 7232 lines from 32770 on]" {
			t.Errorf("%q", got)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Each(ctx, each); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := csv.Open(ctx, []byte(text), csv.Options{}, nil); err != context.Canceled {
		t.Errorf("cancelled while it was opened: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	for _, s := range []string{"a,b\n1,\"x\"\n", "sep=;\na;b\n1,5;2\n", "\xff\xfea\x00\n\x001\x00", "a\n2024-02-29\n", "\"", "a,b\r\r\n"} {
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, none bool) {
		got, err := read(text, csv.Options{Dialect: &schemas.CSV{NoHeader: none}}, nil)
		if err == nil && strings.Count(got.types, ":") == 0 {
			t.Fatalf("%q has no columns", text)
		}
	})
}

// A file whose second line tells what the points of its first mean.
func ExampleOpen() {
	s, err := csv.Open(context.Background(), []byte("id,price,day\n1,1.204,2024-02-29\n2,2.5,2024-03-01\n"),
		csv.Options{Name: "prices.csv"}, nil)
	if err != nil {
		panic(err)
	}
	for _, f := range s.Fields() {
		fmt.Println(f.Name, f.Type)
	}
	// Output:
	// id int64
	// price float64
	// day date32
}

// TestBecause: a value that does not fit its column says what is known of why, and what helps.
func TestBecause(t *testing.T) {
	p := arrow.PrimitiveTypes
	for _, x := range []struct {
		dt    arrow.DataType
		typ   string // declared beside it, if at all
		cell  string
		after string
	}{
		{p.Int8, "", "300", ""},
		{p.Int64, "", "1.204", "; say how the file writes numbers: csv.decimalChar, csv.groupChar"},
		{p.Float64, "", "1.204,5", "; say how the file writes numbers: csv.decimalChar, csv.groupChar"},
		{p.Float64, "", "many", ""},
		{&arrow.TimestampType{Unit: arrow.Second}, "", "2024-02-29T10:00:00.5", ": it is finer than the type's unit"},
		{&arrow.TimestampType{Unit: arrow.Nanosecond}, "timestamp", "9999-01-01T00:00:00",
			": it is outside the years 1678 to 2261 of nanoseconds, which other values of the column need"},
		{&arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}, "timestamp", "2024-02-29T10:00:00",
			": it is without a time zone where the type has one, or with one where it has none"},
		{arrow.FixedWidthTypes.Date32, "", "29.02.2024", ""},
		{arrow.FixedWidthTypes.Boolean, "", "1,5", "; say how the file writes numbers: csv.decimalChar, csv.groupChar"},
	} {
		want := ipc.NewSchema([]arrow.Field{{Name: "v", Type: x.dt, Nullable: true}})
		o := csv.Options{Dialect: &schemas.CSV{Delimiter: ";"}}
		if x.typ != "" {
			o.Fields = declared("v:" + x.typ)
		}
		_, err := read("v\n"+x.cell+"\n", o, want)
		says := fmt.Sprintf(`invalid: line 2, column "v": %q is not a value of type %s%s`, x.cell, x.dt, x.after)
		if err == nil || err.Error() != says {
			t.Errorf("%v\nwant %s", err, says)
		}
	}
}

// TestColumnsOfATable: which type a column of a later file has, by what is declared and by
// what the table has.
func TestColumnsOfATable(t *testing.T) {
	p := arrow.PrimitiveTypes
	for _, x := range []struct {
		has      arrow.DataType
		declared string
		value    string
		want     string
	}{
		{p.Int16, "", "1", "int16"},
		{p.Int16, "int64", "1", "int64"},
		{&arrow.Decimal128Type{Precision: 9, Scale: 4}, "decimal", "1.5", "decimal(9, 4)"},
		{p.Float64, "decimal", "1.5", "decimal(38, 1)"},
		{&arrow.TimestampType{Unit: arrow.Second}, "timestamp", "2024-02-29T10:00:00", "timestamp[s]"},
		{arrow.FixedWidthTypes.Time32s, "time", "10:00", "time32[s]"},
		{arrow.FixedWidthTypes.Time64ns, "time", "10:00", "time64[ns]"},
		{arrow.BinaryTypes.LargeString, "text", "x", "utf8"},
		{arrow.BinaryTypes.LargeString, "", "x", "large_utf8"},
	} {
		want := ipc.NewSchema([]arrow.Field{{Name: "v", Type: x.has, Nullable: true}})
		o := csv.Options{}
		if x.declared != "" {
			o.Fields = declared("v:" + x.declared)
		}
		got, err := read("v\n"+x.value+"\n", o, want)
		if err != nil || got.types != "v:"+x.want {
			t.Errorf("%s, declared %q: %s, %v", x.has, x.declared, got.types, err)
		}
	}
	twice := ipc.NewSchema([]arrow.Field{{Name: "v", Type: p.Int16}, {Name: "v", Type: p.Int8}})
	if c, err := csv.NewColumn("v", schemas.CSV{}, nil, twice); err != nil || c.Type != nil {
		t.Errorf("of two columns of one name it has the type %v, %v", c.Type, err)
	}
}
