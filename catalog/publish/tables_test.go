package publish

import (
	"fmt"
	"strings"
	"testing"

	"guichet/schemas"
)

// several is a publication of tables with splits: "table/split" to names.
func several(version string, splits map[string][]string, order ...string) schemas.Publication {
	p := schemas.Publication{Version: schemas.VersionID(version), Store: "lab", Bucket: provided}
	at := map[string]int{}
	for _, place := range order {
		table, split, _ := strings.Cut(place, "/")
		if _, known := at[table]; !known {
			at[table] = len(p.Tables)
			p.Tables = append(p.Tables, schemas.PublicationTable{Name: table})
		}
		s := schemas.PublicationSplit{Name: split}
		for _, name := range splits[place] {
			s.Keys = append(s.Keys, wheat+name)
		}
		p.Tables[at[table]].Splits = append(p.Tables[at[table]].Splits, s)
	}
	return p
}

// TestTablesAndSplits: each object stands in the split that it was named for, in the order
// in which it was named; the splits of a table have one schema, its tables each their own.
func TestTablesAndSplits(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("1.csv", "id\n1\n", "2.csv", "id\n2\n", "3.csv", "id\n3\n", "p.csv", "name\nnorth\n", "odd.csv", "id,more\n1,2\n")
	v := l.published(id, several("v1", map[string][]string{"rows/train": {"3.csv", "1.csv"}, "rows/test": {"2.csv"}, "plots/all": {"p.csv"}}, "rows/train", "rows/test", "plots/all"))
	if v.State != schemas.VersionPublished || v.Tables != 2 || v.Shards != 4 || v.Rows != 4 || keys(&v) != "3.csv 1.csv 2.csv p.csv" {
		t.Fatalf("%+v %q\n%s", v.VersionSummary, keys(&v), said(v.Failures))
	}
	var got []string
	for _, table := range v.Data {
		for _, s := range table.Splits {
			got = append(got, fmt.Sprintf("%s/%s %d %v", table.Name, s.Name, s.Rows(), table.Columns))
		}
	}
	if want := "rows/train 2 [{id int64}]; rows/test 1 [{id int64}]; plots/all 1 [{name utf8}]"; strings.Join(got, "; ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	v = l.published(id, several("v2", map[string][]string{"rows/train": {"1.csv"}, "rows/test": {"odd.csv"}}, "rows/train", "rows/test"))
	if v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), "odd.csv: the shard has 2 columns; the table's other shards have 1") {
		t.Errorf("%s\n%s", v.State, said(v.Failures))
	}
	// A base's other tables come along; a new table stands behind them.
	add := several("v3", map[string][]string{"extra/all": {"odd.csv"}, "rows/test": {"odd2.csv"}}, "extra/all", "rows/test")
	add.Base = "v1"
	l.put("odd2.csv", "id\n9\n")
	v = l.published(id, add)
	if v.State != schemas.VersionPublished || v.Tables != 3 || v.Rows != 6 {
		t.Fatalf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
	if names := fmt.Sprint(v.Data[0].Name, v.Data[1].Name, v.Data[2].Name); names != "rowsplotsextra" || len(v.Data[0].Splits[1].Shards) != 2 {
		t.Errorf("tables are %s", names)
	}
}

// TestWhatWasDescribed: types, units and how CSV is read come from the description of the
// table; what is described and not there is said.
func TestWhatWasDescribed(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset(schemas.TableInfo{Name: "plots", CSV: &schemas.CSV{Delimiter: ";", DecimalChar: ","}, Fields: []schemas.Field{
		{Name: "id", Type: "text"}, {Name: "yield", Type: "float64", Unit: "t/ha"}, {Name: "Area", Unit: "ha"},
	}})
	l.put("a.csv", "id;yield;area\n007;7,5;1\n")
	v := l.published(id, of("v1", "a.csv"))
	if v.State != schemas.VersionPublished || fmt.Sprint(v.Data[0].Columns) != "[{id utf8} {yield float64} {area int64}]" || v.Data[0].Columns[1].Unit != "t/ha" {
		t.Fatalf("%v\n%s%s", v.Data, said(v.Failures), said(v.Notes))
	}
	if !strings.Contains(said(v.Notes), `column "Area" is described and not in the table; "area" is`) {
		t.Errorf("notes are\n%s", said(v.Notes))
	}
	d, err := l.Catalog.Own(t.Context(), agronomy, id)
	must(t, err)
	var names []string
	for _, f := range d.Tables[0].Fields {
		names = append(names, f.Name)
	}
	if strings.Join(names, " ") != "id yield Area area" {
		t.Errorf("the description has the columns %q", names)
	}
	l.put("b.csv", "id;yield;area\n008;much;1\n")
	v = l.published(id, of("v2", "b.csv"))
	if v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), `"much"`) || !strings.Contains(said(v.Failures), "yield") {
		t.Errorf("a text in a column of numbers: %s\n%s", v.State, said(v.Failures))
	}
}
