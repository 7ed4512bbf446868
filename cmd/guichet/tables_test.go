package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/ipc"

	"guichet/cmd/guichet/demo"
	"guichet/connectors/client"
	"guichet/schemas"
)

// object is one object of a table that is published.
type object struct{ name, text string }

// publishObjects puts objects under a prefix of their own and publishes it.
func (g *testGateway) publishObjects(d schemas.Dataset, version, base string, objects ...object) (schemas.VersionSummary, error) {
	g.t.Helper()
	prefix := fmt.Sprintf("%s%s/%s/", g.bucket, d.ID, version)
	for _, o := range objects {
		_, err := g.store().Put(g.t.Context(), g.rig.S3.Bucket, prefix+o.name, strings.NewReader(o.text), int64(len(o.text)))
		if err != nil {
			g.t.Fatal(err)
		}
	}
	p := g.publication(version, prefix)
	p.Base = schemas.VersionID(base)
	err := g.as("agronomy").Post(g.t.Context(), "/datasets/"+string(d.ID)+"/versions", p, nil)
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	return g.as("agronomy").WaitPublished(g.t.Context(), d.ID, p.Version, nil)
}

// values streams the whole newest version and gives each column with its type.
func (g *testGateway) values(d schemas.Dataset) string {
	g.t.Helper()
	id := g.granted(d.ID)[0]
	s, err := g.as("trainer").OpenStream(g.t.Context(), g.lease(id).Token, id, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	defer s.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(s)
	if err != nil {
		g.t.Fatal(err)
	}
	r, err := ipc.NewReader(&b)
	if err != nil {
		g.t.Fatal(err)
	}
	defer r.Release()
	out := make([]string, r.Schema().NumFields())
	for i, f := range r.Schema().Fields() {
		out[i] = f.Name + ":" + f.Type.String()
	}
	for r.Next() {
		for i, c := range r.Record().Columns() {
			for k := range c.Len() {
				v := c.ValueStr(k)
				if c.IsNull(k) {
					v = "null"
				}
				out[i] += " " + v
			}
		}
	}
	if r.Err() != nil {
		g.t.Fatal(r.Err())
	}
	return strings.Join(out, "\n")
}

// TestTypesOverAllFiles: the types of a table of CSV files are those that hold all of
// them, whichever comes first; nothing reads back other than written.
func TestTypesOverAllFiles(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	for _, x := range []struct {
		name    string
		objects []object
		want    string
	}{
		{"leading zeros later", []object{{"a.csv", "id\n7\n"}, {"b.csv", "id\n0012\n"}, {"c.csv", "id\n8\n"}}, "id:utf8 7 0012 8"},
		{"a large number among decimals", []object{{"a.csv", "v\n1.5\n"}, {"b.csv", "v\n9007199254740993\n"}}, "v:utf8 1.5 9007199254740993"},
		{"an exponent", []object{{"a.csv", "v\n1.5\n"}, {"b.csv", "v\n1e3\n"}}, "v:utf8 1.5 1e3"},
		{"a header alone comes first", []object{{"a.csv", "id,v\n"}, {"b.csv", "id,v\n1,2.5\n"}}, "id:int64 1\nv:float64 2.5"},
		{"beyond int64 later", []object{{"a.csv", "id\n1\n"}, {"b.csv", "id\n18446744073709551615\n"}}, "id:uint64 1 18446744073709551615"},
		{"whole numbers, then decimals", []object{{"a.csv", "v\n1\n"}, {"b.csv", "v\n2.5\n"}}, "v:float64 1 2.5"},
		{"days, then a word", []object{{"a.csv", "v\n2024-02-29\n"}, {"b.csv", "v\nnever\n"}}, "v:utf8 2024-02-29 never"},
		{"a decimal comma in another file", []object{{"a.csv", "n;u\n1.25;x\n"}, {"b.csv", "n;u\n2.5;3,5\n"}}, "n:utf8 1.25 2.5\nu:utf8 x 3,5"},
		{"text first", []object{{"a.csv", "v\nx\n"}, {"b.csv", "v\n1\n"}}, "v:utf8 x 1"},
	} {
		d := g.offered(x.name, "open-with-attribution")
		_, err := g.publishObjects(d, "v1", "", x.objects...)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		if got := g.values(d); got != x.want {
			t.Errorf("%s:\n%s", x.name, got)
		}
	}

	// With a base the published types stand; what they cannot hold is refused with its
	// place.
	for _, x := range []struct{ name, first, then, want string }{
		{"leading zeros", "id\n7\n", "id\n8\n0012\n", `b.csv: line 3, column "id": "0012" would not read back as written from int64`},
		{"a large number", "id\n7.5\n", "id\n9007199254740993\n", `b.csv: line 2, column "id": "9007199254740993" would not read back as written from float64`},
		{"an exponent", "id\n7.5\n", "id\n1e3\n", `"1e3" would not read back as written`},
		{"a word", "id\n7\n", "id\nx\n", `line 2, column "id": "x" is not a value of type int64`},
		{"a thousands' point", "id;v\n7.5;a\n", "id;v\n1.204;2,5\n", `line 2, column "id": "1.204" may have its point between thousands`},
	} {
		d := g.offered("base, "+x.name, "open-with-attribution")
		_, err := g.publishObjects(d, "v1", "", object{"a.csv", x.first})
		if err != nil {
			t.Fatal(err)
		}
		_, err = g.publishObjects(d, "v2", "v1", object{"b.csv", x.then})
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "]", ""), x.want) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
	d := g.offered("base", "open-with-attribution")
	_, err := g.publishObjects(d, "v1", "", object{"a.csv", "id\nx\n"})
	if err == nil {
		_, err = g.publishObjects(d, "v2", "v1", object{"b.csv", "id\n0012\n"}, object{"c.csv", "id\n"}, object{"d.csv", "id\n1e3\n"})
	}
	if got := g.values(d); err != nil || got != "id:utf8 x 0012 1e3" {
		t.Errorf("%s, %v", got, err)
	}
}

// TestColumnsInPaths: what stands in the paths of a partitioned folder becomes columns;
// what stands beside its shards is left out and named; a folder of a table format, whose
// files hold removed rows, is refused.
func TestColumnsInPaths(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.offered("by country", "open-with-attribution")
	s, err := g.publishObjects(d, "v1", "",
		object{"_SUCCESS", "\n"}, object{"README.md", "# read me"}, object{"country=FI/year=2025/.part-0.csv.crc", "x"}, object{"_committed/x.csv", "a\n1\n"},
		object{"country=FI/year=2025/part-0.csv", "plot,yield\n1,3.5\n"}, object{"country=S%20E/year=2026/part-0.csv", "plot,yield\n2,4\n"},
		object{"country=__HIVE_DEFAULT_PARTITION__/year=2026/part-0.csv", "plot,yield\n3,0.25\n"})
	if err != nil {
		t.Fatal(err)
	}
	if got := g.values(d); got != "plot:int64 1 2 3\nyield:float64 3.5 4 0.25\ncountry:utf8 FI S E null\nyear:int64 2025 2026 2026" {
		t.Errorf("got\n%s", got)
	}
	notes := fmt.Sprint(s.Notes)
	for _, want := range []string{"_SUCCESS", "README.md", "country=FI/year=2025/.part-0.csv.crc", "_committed/x.csv", `column "country": utf8 (from the path)`} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in %s", want, notes)
		}
	}
	for _, x := range []struct {
		want    string
		objects []object
	}{
		{"is a Delta table (_delta_log/0.json): its files hold rows that were removed", []object{{"part-0.parquet", "PAR1"}, {"_delta_log/0.json", "{}"}}},
		{"is an Iceberg table", []object{{"data/part-0.parquet", "PAR1"}, {"metadata/v1.metadata.json", "{}"}}},
		{"is a Hudi table", []object{{"part-0.parquet", "PAR1"}, {".hoodie/hoodie.properties", "x"}}},
		{"there is no shard under", []object{{"_SUCCESS", "\n"}, {"README", "x"}}},
		{"has the columns none, that of", []object{{"a=1/x.csv", "v\n1\n"}, {"x.csv", "v\n1\n"}}},
	} {
		_, err := g.publishObjects(g.offered(x.want, "open-with-attribution"), "v1", "", x.objects...)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v", x.want, err)
		}
	}

	// What is added to a version has the columns of its paths, or none where that has none.
	s, err = g.publishObjects(d, "v2", "v1", object{"country=FI/year=2027/part-0.csv", "plot,yield\n4,5.5\n"})
	if got := g.values(d); err != nil || !strings.HasSuffix(got, "year:int64 2025 2026 2026 2027") {
		t.Errorf("%v\n%s", err, got)
	}
	plain := g.offered("plain", "open-with-attribution")
	_, err = g.publishObjects(plain, "v1", "", object{"part-0.csv", "plot,yield\n1,3.5\n"})
	if err == nil {
		s, err = g.publishObjects(plain, "v2", "v1", object{"country=FI/part-0.csv", "plot,yield\n2,4.5\n"})
	}
	if got := g.values(plain); err != nil || got != "plot:int64 1 2\nyield:float64 3.5 4.5" || !strings.Contains(fmt.Sprint(s.Notes), "columns of the paths are left out, as version v1 has none of them: country") {
		t.Errorf("%v\n%s\n%v", err, got, s.Notes)
	}

	// Spark's own folder, as pyarrow, polars and duckdb read it.
	if demo.SharedFiles() == "" {
		lacking(t, "not tested here: there is no folder with the reports (GUICHET_SHARED)")
	}
	dir := filepath.Join(demo.SharedFiles(), "reports", "94-keys-in-paths")
	var objects []object
	err = filepath.WalkDir(filepath.Join(dir, "data"), func(p string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		name, _ := filepath.Rel(filepath.Join(dir, "data"), p)
		objects = append(objects, object{filepath.ToSlash(name), string(b)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d = g.offered("trial 94", "open-with-attribution")
	_, err = g.publishObjects(d, "v1", "", objects...)
	if err != nil {
		t.Fatal(err)
	}
	var expected struct {
		Columns []string
		Rows    [][]any
	}
	b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err == nil {
		err = json.Unmarshal(b, &expected)
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(g.values(d), "\n")
	for i, name := range expected.Columns {
		var want []string
		for _, row := range expected.Rows {
			want = append(want, fmt.Sprint(row[i]))
		}
		head, got, _ := strings.Cut(lines[i], " ")
		if !strings.HasPrefix(head, name+":") || got != strings.Join(want, " ") {
			t.Errorf("%s, want %v", lines[i], want)
		}
	}
}

// TestColumnsBelowThePrefix: columns of paths stand in the folders below the prefix that is
// published, or below the provider's where keys are named. Folders of the prefix itself are
// named, and are columns where the base has them.
func TestColumnsBelowThePrefix(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	twice := g.offered("one year", "open-with-attribution")
	below := func(version, base, folder string, named ...string) schemas.VersionSummary {
		t.Helper()
		key := fmt.Sprintf("%s%s/%spart-0.csv", g.bucket, twice.ID, folder)
		_, err := g.store().Put(t.Context(), g.rig.S3.Bucket, key, strings.NewReader("plot\n1\n"), 7)
		if err != nil {
			t.Fatal(err)
		}
		p := g.publication(version, strings.TrimSuffix(key, "part-0.csv"))
		p.Base = schemas.VersionID(base)
		if len(named) > 0 {
			p.Tables[0].Splits[0] = schemas.PublicationSplit{Keys: named}
		}
		g.post("agronomy", "/datasets/"+string(twice.ID)+"/versions", p, nil)
		s, err := g.as("agronomy").WaitPublished(t.Context(), twice.ID, p.Version, nil)
		if err != nil {
			t.Error(err)
		}
		return s
	}
	root := g.bucket + string(twice.ID) + "/"
	s := below("v1", "", "year=2025/")
	if got := g.values(twice); got != "plot:int64 1" || !strings.Contains(fmt.Sprint(s.Notes), "it has itself, as no column, year=2025") {
		t.Errorf("%s\n%v", got, s.Notes)
	}
	below("v2", "", "year=2025/", root+"year=2025/part-0.csv")
	if got := g.values(twice); got != "plot:int64 1\nyear:int64 2025" {
		t.Errorf("by its key: %s", got)
	}
	s = below("v3", "v2", "year=2026/")
	if got := g.values(twice); got != "plot:int64 1 1\nyear:int64 2025 2026" || strings.Contains(fmt.Sprint(s.Notes), "no column") {
		t.Errorf("added: %s\n%v", got, s.Notes)
	}

	// The operator's folders above a provider's prefix are never columns.
	stores, err := client.All[schemas.Store](t.Context(), g.as("operator"), "/stores")
	if err != nil {
		t.Fatal(err)
	}
	local := stores[slices.IndexFunc(stores, func(s schemas.Store) bool { return s.ID == "local" })]
	i := slices.IndexFunc(local.Prefixes, func(p schemas.Prefix) bool { return strings.HasPrefix(g.bucket, p.Prefix) })
	local.Prefixes = append(local.Prefixes, schemas.Prefix{Participant: local.Prefixes[i].Participant, Bucket: g.rig.S3.Bucket, Prefix: "tenant=" + root})
	err = g.as("operator").Post(t.Context(), "/stores", local, nil, client.IfMatch(local.Revision))
	if err != nil {
		t.Fatal(err)
	}
	key := "tenant=" + root + "year=2027/part-0.csv"
	_, err = g.store().Put(t.Context(), g.rig.S3.Bucket, key, strings.NewReader("plot\n1\n"), 7)
	if err != nil {
		t.Fatal(err)
	}
	below("v4", "", "x/", key)
	if got := g.values(twice); got != "plot:int64 1\nyear:int64 2027" {
		t.Errorf("under a tenant's folder: %s", got)
	}
}

// TestDescribedAndAbsent: what was said of tables and columns that a version has not is
// named, in every format.
func TestDescribedAndAbsent(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	publish := func(table string, fields ...schemas.Field) string {
		t.Helper()
		in := wheat("described as " + table)
		in.Tables = []schemas.TableInfo{{Name: table, Fields: fields}}
		var d schemas.Dataset
		g.post("agronomy", "/datasets", in, &d)
		s, err := g.publishObjects(d, "v1", "", object{"a.csv", "Yield,plot\n3.5,1\n"})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(s.Notes)
	}
	notes := publish("data", schemas.Field{Name: "yield", Unit: "t/ha"}, schemas.Field{Name: "person", Sensitivity: schemas.SensitivityIdentifies}, schemas.Field{Name: "plot", Type: "int64"}, schemas.Field{Name: "bare"})
	for _, want := range []string{`column "yield" is described and not in the table; "Yield" is`, `column "person" is described and not in the table`} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in %s", want, notes)
		}
	}
	if strings.Contains(notes, `"bare"`) || strings.Contains(notes, `"plot" is described`) || strings.Contains(notes, "the description") {
		t.Error(notes)
	}
	notes = publish("nosuch", schemas.Field{Name: "plot", Type: "text"})
	if !strings.Contains(notes, `the table "data" is not in the description, which has nosuch`) {
		t.Error(notes)
	}
}

// TestDryRun: a dry run reads everything and reports as a publication does; nothing is
// published, nothing stays in the work bucket, and the name is free.
func TestDryRun(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.offered("Tried", "open-with-attribution")
	prefix := g.put("tried", []byte("id;v\n1;1.204\n"), []byte("id;v\n002;2,5\n"))
	p := g.publication("v1", prefix)
	p.DryRun = true
	path := "/datasets/" + string(d.ID) + "/versions"
	g.post("agronomy", path, p, nil)
	s, err := g.as("agronomy").WaitPublished(t.Context(), d.ID, "v1", nil)
	if err != nil || s.State != schemas.VersionTried || s.Rows != 2 || !strings.Contains(fmt.Sprint(s.Notes), "numbers with a decimal comma") {
		t.Errorf("%+v, %v", s, err)
	}
	var shown shownVersion
	g.get("agronomy", path+"/v1", &shown)
	if len(shown.Data) != 1 || len(shown.Data[0].Columns) != 2 || shown.Data[0].Columns[0].Type != "utf8" || shown.Data[0].Columns[1].Name != "v" {
		t.Errorf("%+v", shown.Data)
	}
	g.get("agronomy", "/datasets/"+string(d.ID), &d)
	if d.Latest != nil {
		t.Errorf("published: %+v", d.Latest)
	}
	err = g.as("trainer").Get(t.Context(), path+"/v1", nil)
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("others see it: %v", err)
	}
	left, err := g.store().List(t.Context(), g.rig.S3.WorkBucket, "versions/"+string(d.ID)+"/", 10)
	if err != nil || len(left) > 0 {
		t.Errorf("%v stay in the work bucket, %v", left, err)
	}
	g.post("agronomy", path, g.publication("v1", prefix), nil)
	_, err = g.as("agronomy").WaitPublished(t.Context(), d.ID, "v1", nil)
	if err != nil {
		t.Error(err)
	}
}

// TestSeedsAreSaid: a stream says what its seed did to the order, also where that is
// nothing.
func TestSeedsAreSaid(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	for rows, want := range map[int]string{100: "order=2 shuffle=rows: 1 windows", 40_000: "windows of at most 512 rows in the order of the seed, the rows of each permuted"} {
		id := g.granted(g.published(fmt.Sprintf("%d rows", rows), csvRows(rows, 0)).ID)[0]
		lease := g.lease(id).Token
		for query, want := range map[string]string{"seed=7": want, "seed=7&order=1": "order=1: ", "": "stored"} {
			s, err := g.as("trainer").OpenStream(t.Context(), lease, id, parseQuery(t, query))
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			if !strings.Contains(s.Order, want) || query == "" && s.Order != want {
				t.Errorf("%d rows, %q: %s", rows, query, s.Order)
			}
		}
	}
}
