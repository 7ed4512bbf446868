package csv_test

import (
	"strings"
	"testing"

	"guichet/connectors/column/columntest"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/schemas"
)

// TestThousandsPoint: a point or comma that may stand between thousands is never taken
// for a decimal mark; the report says what to declare.
func TestThousandsPoint(t *testing.T) {
	for _, x := range []struct{ name, in, types, note string }{
		{"German with a decimal comma beside", "Linie;Einsteiger;Umsatz\n3;1.204;3.611,20\n11;87;261,00\n",
			"Linie:int64 Einsteiger:utf8 " +
				"Umsatz:utf8", `as "1.204" (line 2), which may stand between thousands, as column "Umsatz" has a decimal comma, "3.611,20" ` +
				`(line 2); declare csv.decimalChar`},
		{"a comma far below", "a;b\n1.25;x\n" + strings.Repeat("2.5;y\n", 500) + "3.5;0,5\n", "a:utf8 b:utf8",
			`column "b" has a decimal comma, "0,5" (line 503)`},
		{"only thousands", "Linie;Einsteiger\n3;1.204\n11;87\n", "Linie:int64 Einsteiger:utf8",
			`"1.204" (line 2), which may stand between thousands; declare csv.decimalChar "."`},
		{"tabs", "Linie\tEinsteiger\n3\t1.204\n", "Linie:int64 Einsteiger:utf8", "may stand between thousands"},
		{"commas, one column", "n\n1.204\n", "n:utf8", "may stand between thousands"},
		{"commas, another column tells", "n,m\n1.204,0.5\n", "n:float64 m:float64", ""},
		{"semicolons, its own values tell", "n;m\n1.204;a\n0.5;b\n", "n:float64 m:utf8", ""},
		{"semicolons, another column does not", "n;m\n1.204;0.5\n", "n:utf8 m:float64", "may stand between thousands"},
		{"zero before the point", "n;m\n0.204;a\n", "n:float64 m:utf8", ""},
		{"four digits before the point", "n;m\n1204.125;a\n", "n:float64 m:utf8", ""},
		{"several points", "n;m\n1.204.567;a\n", "n:utf8 m:utf8", `as "1.204.567" (line 2); declare csv.groupChar "."`},
		{"quoted thousands", "n,m\n\"1,204\",0.5\n", "n:utf8 m:float64", `as "1,204" (line 2); declare csv.groupChar ","`},
		{"quoted thousands with decimals", "n,m\n\"1,204.50\",1\n", "n:utf8 m:int64", `declare csv.groupChar ","`},
		{"quoted decimal comma", "n,m\n\"12,5\",0.5\n\"1,25\",0.25\n", "n:utf8 m:utf8", `column "n" has a decimal comma`},
		{"quoted lists are no numbers", "n,m\n\"12,5\",0.5\n\"1,2,5\",0.25\n", "n:utf8 m:float64", ""},
		{"spaces", "n;m\n1 204;1\n", "n:utf8 m:int64", `as "1 204" (line 2); declare it as csv.groupChar`},
		{"no-break spaces", "n;m\n1\u00a0204,5;1\n", "n:utf8 m:int64", `declare it as csv.groupChar`},
		{"narrow no-break spaces", "n;m\n1\u202f204;1.5\n", "n:utf8 m:float64", `declare it as csv.groupChar`},
		{"apostrophes", "n;m\n1'204.50;1\n", "n:utf8 m:int64", `declare it as csv.groupChar`},
		{"negative", "n;m\n-1.204;-2,5\n", "n:utf8 m:utf8", "may stand between thousands"},
		{"dates and addresses", "n;m;o\n24.12.2024;10.0.0.1;2,5\n", "n:utf8 m:utf8 o:utf8", `decimal comma, as "2,5"`},
	} {
		r, _ := shardtest.Must(t, []byte(x.in), shard.Spec{Name: "x.csv"})
		if got := shardtest.Types(r); got != x.types {
			t.Errorf("%s: %s", x.name, got)
		}
		if all := strings.Join(r.Notes, "\n"); !strings.Contains(all, x.note) || x.note == "" && strings.Contains(all, "declare") {
			t.Errorf("%s:\n%s", x.name, all)
		}
	}
}

// TestDeclaredMarks: with the marks declared the same files give numbers, and what does
// not fit the marks is no number.
func TestDeclaredMarks(t *testing.T) {
	for _, x := range []struct {
		name, in, types, column, want string
		csv                           schemas.CSV
		declared                      string
	}{
		{"German", "n;u\n1.204;3.611,25\n87;261\n", "n:int64 u:float64", "n", "1204 87", schemas.CSV{DecimalChar: ",", GroupChar: "."}, ""},
		{"German decimals", "n;u\n1.204;3.611,25\n87;261\n", "n:int64 u:float64", "u", "3611.25 261", schemas.CSV{DecimalChar: ",",
			GroupChar: "."}, ""},
		{"point beside a comma", "n;u\n1.204;3,5\n", "n:float64 u:utf8", "n", "1.204", schemas.CSV{DecimalChar: "."}, ""},
		{"English", "n\n\"1,204\"\n\"1,204,567.5\"\n", "n:float64", "n", "1204 1.2045675e+06", schemas.CSV{GroupChar: ","}, ""},
		{"Indian", "n\n\"12,34,567\"\n", "n:int64", "n", "1234567", schemas.CSV{GroupChar: ","}, ""},
		{"no-break space", "n;m\n1\u00a0204;1\n", "n:int64 m:int64", "n", "1204", schemas.CSV{GroupChar: "\u00a0"}, ""},
		{"apostrophe", "n;m\n1'204;1\n", "n:int64 m:int64", "n", "1204", schemas.CSV{GroupChar: "'"}, ""},
		{"not a group", "n;m\n12.5;1\n", "n:utf8 m:int64", "n", "12.5", schemas.CSV{DecimalChar: ",", GroupChar: "."}, ""},
		{"a point where a comma is declared", "n;m\n1.204;1,5\n", "n:utf8 m:float64", "n", "1.204", schemas.CSV{DecimalChar: ","}, ""},
		{"declared, its own values tell", "n;m\n0.5;1,5\n1.204;2\n", "n:float64 m:utf8", "n", "0.5 1.204", schemas.CSV{}, "float64"},
	} {
		spec := shard.Spec{Name: "x.csv", CSV: &x.csv}
		if x.declared != "" {
			spec.Fields = []schemas.Field{{Name: "n", Type: x.declared}}
		}
		r, out := shardtest.Must(t, []byte(x.in), spec)
		if got := shardtest.Types(r); got != x.types {
			t.Errorf("%s: %s", x.name, got)
		}
		if got := strings.Join(columntest.Cells(t, out, x.column), " "); got != x.want {
			t.Errorf("%s: %s", x.name, got)
		}
	}
	for _, x := range []struct {
		in, want string
		csv      schemas.CSV
		typ      string
	}{
		{"n;u\n1.204;3.611,20\n", `line 2, column "n": "1.204" may have its point between thousands`, schemas.CSV{}, "float64"},
		{"n;u\n1.204;3.611,20\n", `may have its point between thousands`, schemas.CSV{}, "decimal"},
		{"n;u\n1.204;3.611,20\n", `"1.204" is not a value of type int64; say how the file writes numbers`, schemas.CSV{}, "int64"},
		{"n;u\n12.5;3,20\n", `"12.5" is not a value of type float64`, schemas.CSV{DecimalChar: ",", GroupChar: "."}, "float64"},
		{"n;u\n1.204;3,20\n", `"1.204" is not a value of type float64`, schemas.CSV{DecimalChar: ","}, "float64"},
	} {
		_, _, err := shardtest.Conform(t, []byte(x.in), shard.Spec{Name: "x.csv", CSV: &x.csv, Fields: []schemas.Field{{Name: "n", Type: x.typ}}})
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%q as %s: %v", x.in, x.typ, err)
		}
	}
}
