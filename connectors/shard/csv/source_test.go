package csv_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/column/columntest"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// expected reads a trial's expected.json; numbers become their texts.
func expected(t *testing.T, trial string) map[string][]string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(shardtest.ReadShared(t, "reports", trial, "expected.json"), &m); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for k, v := range m {
		vs, _ := v.([]any)
		for _, x := range vs {
			if x == nil {
				x = "null"
			}
			out[k] = append(out[k], fmt.Sprint(x))
		}
	}
	return out
}

func TestCSVTrials(t *testing.T) { // trials 40, 42, 46
	for _, x := range []struct{ trial, file, types string }{
		{"40-namibia", "codes.csv", "name:utf8 iso2:utf8 visits:int64"},
		{"42-big-integers", "ids.csv", "row:int64 with_null:int64 int64:int64 uint64:uint64 wide:utf8"},
		{"46-not-a-date", "plots.csv", "date:date32 event:utf8 plot:utf8"},
	} {
		r, out := shardtest.Must(t, shardtest.ReadShared(t, "reports", x.trial, x.file), shard.Spec{Name: x.file})
		if got := shardtest.Types(r); got != x.types {
			t.Errorf("%s: %s", x.trial, got)
		}
		for col, want := range expected(t, x.trial) {
			if got := columntest.Cells(t, out, col); cmp.Diff(want, got) != "" {
				t.Errorf("%s %s: %v", x.trial, col, got)
			}
		}
	}
}

// A first line that tells Excel the delimiter is not data; lines keep their numbers. A
// first line with one name for several columns is said.
func TestFirstLines(t *testing.T) {
	for _, x := range []struct{ name, in, types, cell, note string }{
		{"sep", "sep=;\na;b\n1;2.5\n", "a:int64 b:float64", "1", `delimiter ";" (the first line says so, and is not data)`},
		{"quoted, of DOS", "\"sep=\t\"\r\na\tb\r\n1\t2.5\r\n", "a:int64 b:float64", "1", `delimiter "\t" (the first line says so`},
		{"against what is found", "sep=|\na|b;c\n1|2;3\n", "a:int64 b;c:utf8", "1", `delimiter "|"`},
		{"a column's name", "sep=x\n1\n", "sep=x:int64", "", `delimiter ","`},
		{"a title", "Harvest,,\na,b,c\n1,2,3\n", "Harvest:utf8 column_2:utf8 column_3:utf8", "", "line 1 has 1 name for 3 columns: " +
			"where it is a title, remove it"},
	} {
		r, out := shardtest.Must(t, []byte(x.in), shard.Spec{Name: "x.csv"})
		if got := shardtest.Types(r); got != x.types || !strings.Contains(fmt.Sprint(r.Notes), x.note) {
			t.Errorf("%s: %s, %q", x.name, got, r.Notes)
		}
		if got := r.Rows; x.cell != "" && (got != 1 || columntest.Cells(t, out, "a")[0] != x.cell) {
			t.Errorf("%s: %d rows", x.name, got)
		}
	}
	_, _, err := shardtest.Conform(t, []byte("sep=;\na;b\n1;2\n1;2;3\n"), shard.Spec{Name: "x.csv"})
	if err == nil || !strings.Contains(err.Error(), "line 4 has 3") {
		t.Error(err)
	}
	r, _ := shardtest.Must(t, []byte("sep=;\na,b\n1,2\n"), shard.Spec{Name: "x.csv", CSV: &schemas.CSV{Delimiter: ","}})
	if got := shardtest.Types(r); got != "a:int64 b:int64" || !strings.Contains(fmt.Sprint(r.Notes), "(declared); the first line, "+
		"sep=;, is not data") {
		t.Errorf("declared otherwise: %s, %q", got, r.Notes)
	}
}

// What stands in quotes and is null, in columns of text, is said.
func TestQuotedNulls(t *testing.T) {
	for in, want := range map[string]string{
		"a,b\n\"\",1\nx,2\n":         `column "a": "" in quotes is read as null, as without them`,
		"a,b\nx,\"NA\"\ny,z\n":       `column "b": "NA" in quotes is read as null`,
		"\"a\",b\n\"x\",\"\"\ny,1\n": "",
		"a,b\n,1\nNA,2\nx\"\",3\n":   "",
	} {
		r, out := shardtest.Must(t, []byte(in), shard.Spec{Name: "x.csv", CSV: &schemas.CSV{Null: []string{"NA"}}})
		notes := fmt.Sprint(r.Notes)
		if want == "" && strings.Contains(notes, "in quotes") || !strings.Contains(notes, want) || len(columntest.Cells(t, out,
			"a")) != int(r.Rows) {
			t.Errorf("%q: %s", in, notes)
		}
	}
}

func TestRaggedCSV(t *testing.T) { // trial 44
	_, _, err := shardtest.Conform(t, shardtest.ReadShared(t, "reports", "44-ragged", "ragged.csv"), shard.Spec{Name: "ragged.csv"})
	if err == nil || !strings.Contains(err.Error(), "line 3 has 5, line 4 has 2") {
		t.Fatal(err)
	}
}

func TestByteOrderMarks(t *testing.T) { // trial 48
	for _, f := range []string{"bom.csv", "bom-quoted.csv", "utf16le.csv"} {
		r, out := shardtest.Must(t, shardtest.ReadShared(t, "reports", "48-bom", f), shard.Spec{Name: f})
		if got := shardtest.Types(r); got != "day:date32 amount:int64" {
			t.Errorf("%s: %s", f, got)
		}
		if got := columntest.Cells(t, out, "amount")[0]; got != "100" {
			t.Errorf("%s: %s", f, got)
		}
	}
}

func TestCSVSentences(t *testing.T) {
	for _, x := range []struct {
		name, in, want string
		spec           shard.Spec
	}{
		{"open quote", "a,b\n1,\"x\ny", `line 2: a quote opens and never closes`, shard.Spec{}},
		{"after quote", "a,b\n\"x\"y,2\n", `line 2: text follows a closing quote`, shard.Spec{}},
		{"latin", "a,b\nM\xfcnster,1\n", `line 2, column "a": bytes that are not UTF-8; declare csv.encoding`, shard.Spec{}},
		{"zero bytes", "a\x00,\x00b\x00", `UTF-16 without a byte-order mark`, shard.Spec{}},
		{"twice", "a,a\n1,2\n", `two columns are called "a"`, shard.Spec{}},
		{"type", "a,b\n1,2\nx,3\n", `line 3, column "a": "x" is not a value of type int64`, shard.Spec{Fields: []schemas.Field{{Name: "a",
			Type: "int64"}}}},
		{"range", "a\n128\n", `"128" is not a value of type int8`, shard.Spec{Fields: []schemas.Field{{Name: "a", Type: "int8"}}}},
		{"unknown type", "a\n1\n", `declared as "number"`, shard.Spec{Fields: []schemas.Field{{Name: "a", Type: "number"}}}},
		{"UTF-32, little end first", "\xff\xfe\x00\x00a\x00\x00\x00\n\x00\x00\x001\x00\x00\x00", `the file is UTF-32`, shard.Spec{}},
		{"UTF-32, big end first", "\x00\x00\xfe\xff\x00\x00\x00a\x00\x00\x00\n\x00\x00\x001", `the file is UTF-32`, shard.Spec{}},
		{"UTF-32, declared otherwise", "\xff\xfe\x00\x00a\x00\x00\x00", `the file is UTF-32`, shard.Spec{CSV: &schemas.CSV{Encoding: "utf-16"}}},
		{"zero characters in UTF-16", "\xff\xfea\x00\n\x00x\x00\x00\x00",
			`there is a zero character at byte 3 of the text (encoding utf-16le)`, shard.Spec{}},
		{"zero characters in Latin", "a\nx\x00y\n", `there is a zero character at byte 3 of the text (encoding latin1)`,
			shard.Spec{CSV: &schemas.CSV{Encoding: "latin1"}}},
		{"mark against dialect", "\xef\xbb\xbfa\n1\n", `byte-order mark of utf-8`, shard.Spec{CSV: &schemas.CSV{Encoding: "utf-16"}}},
		{"zones", "a\n2020-01-01T00:00:00Z\n2020-01-01T00:00:00\n", `some timestamps name a time zone and some do not`,
			shard.Spec{Fields: []schemas.Field{{Name: "a", Type: "timestamp"}}}},
	} {
		x.spec.Name = "x.csv"
		if _, _, err := shardtest.Conform(t, []byte(x.in), x.spec); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

func TestDeclaredTypes(t *testing.T) {
	in := "b|i|f|d|t|ts|c|m|x\ntrue|007|1.234,5|31/12/2024|23:59:01.5|2024-02-29 " +
		"10:00|-1,50|z|-\n0||INF||00:00|1969-12-31T23:59:59.5|12,345|\"\"|q\n"
	spec := shard.Spec{Name: "x.csv", CSV: &schemas.CSV{Delimiter: "|", DecimalChar: ",", GroupChar: ".", Null: []string{"-"}}}
	for _, f := range []string{"b bool", "i uint8", "f float64", "d date dd/MM/yyyy", "t time", "ts timestamp", "c decimal",
		"m text", "x text"} {
		p := append(strings.Fields(f), "")
		spec.Fields = append(spec.Fields, schemas.Field{Name: p[0], Type: p[1], Format: p[2]})
	}
	spec.Fields[5].Format = ""
	r, out := shardtest.Must(t, []byte(in), spec)
	if got := shardtest.Types(r); got != "b:bool i:uint8 f:float64 d:date32 t:time64[us] ts:timestamp[us] c:decimal(38, 3) m:utf8 x:utf8" {
		t.Error(got)
	}
	want := []string{
		"true|7|1234.5|2024-12-31|23:59:01.500000|2024-02-29 10:00:00Z|-1.5|z|null",
		"false|null|+Inf|null|00:00:00.000000|1969-12-31 23:59:59.5Z|12.345|null|q",
	}
	if diff := cmp.Diff(want, columntest.Texts(columntest.ReadFile(t, out))); diff != "" {
		t.Error(diff)
	}
}

// TestRealCSV publishes the three providers' files and compares every cell with
// the source as encoding/csv reads it.
func TestRealCSV(t *testing.T) {
	smard := shard.Spec{CSV: &schemas.CSV{Delimiter: ";", DecimalChar: ","}}
	for _, name := range []string{
		"Wasserkraft", "Sonstige Konventionelle", "Biomasse",
		"Wind Onshore", "Photovoltaik", "Erdgas", "Gesamtverbrauch (Netzlast)", "Residuallast",
	} {
		smard.Fields = append(smard.Fields, schemas.Field{Name: name + " [MWh]", Type: "float64"})
	}
	for pattern, spec := range map[string]shard.Spec{
		"mobility/riga-gtfs/*.txt": {}, "energy/smard-luxembourg/*.csv": smard,
		"agriculture/rothamsted-broadbalk/*/*.csv": {}, "agriculture/rothamsted-woburn-ley-arable/*.csv": {},
		"health/synthea/*.csv": {}, "health/ecdc-erviss/*.csv": {}, "agriculture/eurocrops/*/*.csv": {},
		"energy/uci-appliances/*.csv": {}, "mobility/muenster-bike-counts/100031297/*.csv": {},
	} {
		files, err := filepath.Glob(filepath.Join(sharedtest.Path(t, "data"), pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files: %v", pattern, err)
		}
		for _, f := range files {
			spec.Name = f
			sameCells(t, spec)
		}
	}
}

func sameNumber(a, b string) bool {
	x, err := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(strings.TrimSpace(b), 64)
	return err == nil && err2 == nil && x == y
}

func sameCells(t *testing.T, spec shard.Spec) {
	t.Helper()
	path, dialect := spec.Name, spec.CSV
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, out, err := shardtest.Conform(t, b, spec)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	rd := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(b), "\xef\xbb\xbf")))
	rd.LazyQuotes = true
	rd.Comma = rune(delimiterIn(r))
	want, err := rd.ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if int(r.Rows) != len(want)-1 {
		t.Fatalf("%s: %d rows of %d", path, r.Rows, len(want)-1)
	}
	for c, name := range want[0] {
		if name == "" {
			name = fmt.Sprintf("column_%d", c+1)
		}
		got := columntest.Cells(t, out, name)
		for i, g := range got {
			w := want[i+1][c]
			if dialect != nil && r.Columns[c].Type == "float64" {
				w = strings.Replace(w, ",", ".", 1)
			}
			if w == "" {
				w = "null"
			}
			if r.Columns[c].Type == "float64" && sameNumber(g, w) {
				continue
			}
			if strings.ReplaceAll(g, "\r\n", "\n") != w {
				t.Fatalf("%s, row %d, %s (%s): %q is not %q", path, i, name, r.Columns[c].Type, g, w)
			}
		}
	}
	t.Logf("%s: %d rows, %s", filepath.Base(path), r.Rows, shardtest.Types(r))
}

func delimiterIn(r shard.Report) byte {
	_, after, _ := strings.Cut(r.Notes[0], `delimiter "`)
	if strings.HasPrefix(after, `\t`) {
		return '\t'
	}
	return after[0]
}
