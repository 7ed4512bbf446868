package publish

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"guichet/schemas"
)

// adding is a publication that adds to a version.
func adding(base, version string, names ...string) schemas.Publication {
	p := of(version, names...)
	p.Base = schemas.VersionID(base)
	return p
}

// TestAddedShards: a version is the shards of another and new ones, in the form of the
// other's table; the old ones are not read again.
func TestAddedShards(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("1.csv", "plot,yield\n1,7.5\n", "2.csv", "plot,yield\n2,8.5\n")
	v1 := l.published(id, of("v1", "./"))
	l.put("3.csv", "plot,yield\n3,6.5\n4,5.5\n")
	read := len(l.reads.names)
	v2 := l.published(id, adding("v1", "v2", "./"))
	if v2.State != schemas.VersionPublished || v2.Rows != 4 || v2.Shards != 3 || keys(&v2) != "1.csv 2.csv 3.csv" {
		t.Fatalf("%+v\n%s%s", v2.VersionSummary, keys(&v2), said(v2.Failures))
	}
	if got := l.reads.names[read:]; len(got) != 1 || got[0] != wheat+"3.csv" {
		t.Errorf("read were %q", got)
	}
	a, b := v1.Data[0], v2.Data[0]
	if string(a.Schema) != string(b.Schema) || a.WindowRows != b.WindowRows || !reflect.DeepEqual(a.Splits[0].Shards, b.Splits[0].Shards[:2]) {
		t.Error("the base's table is another one in the version that adds to it")
	}
	for name, c := range map[string]struct {
		p    schemas.Publication
		kind schemas.Kind
		says string
	}{
		"nothing new":  {adding("v2", "v3", "./"), schemas.Invalid, "is new since version v2"},
		"held already": {adding("v2", "v3", "3.csv"), schemas.Invalid, "version v2 holds " + wheat + "3.csv already"},
	} {
		_, err := l.Publish(t.Context(), agronomy, id, c.p)
		if schemas.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l.put("2.csv", "plot,yield\n2,9.5\n", "4.csv", "plot,yield\n4,1.5\n")
	_, err := l.Publish(t.Context(), agronomy, id, adding("v2", "v3", "./"))
	if schemas.KindOf(err) != schemas.Conflict || !strings.Contains(err.Error(), "2.csv changed since version v2") {
		t.Errorf("an object of the base that changed: %v", err)
	}
}

// TestAddedShardsFit: what is added takes the types of its table, or fails by them; the
// same bytes under another name are no new shard.
func TestAddedShardsFit(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put(
		"1.csv",
		"plot,yield\n1,7.5\n",
		"whole.csv",
		"plot,yield\n2,8\n",
		"text.csv",
		"plot,yield\n2,much\n",
		"copy.csv",
		"plot,yield\n1,7.5\n",
		"other.csv",
		"plot\n2\n",
	)
	l.published(id, of("v1", "1.csv"))
	v := l.published(id, adding("v1", "v2", "whole.csv"))
	if v.State != schemas.VersionPublished || v.Rows != 2 || fmt.Sprint(v.Data[0].Columns) != "[{plot int64} {yield float64}]" {
		t.Errorf("whole numbers in a column of numbers: %+v\n%s", v.VersionSummary, said(v.Failures))
	}
	for name, says := range map[string]string{"text.csv": `"much"`, "copy.csv": "version v1 holds the same bytes already, as " + wheat + "1.csv", "other.csv": "the shard has 1 columns; the table's other shards have 2"} {
		v := l.published(id, adding("v1", "v3", name))
		if v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), says) {
			t.Errorf("%s: %s\n%s", name, v.State, said(v.Failures))
		}
	}
}

// TestBaseMustStand: where an object of the base is not as it was published, the version
// fails and says which.
func TestBaseMustStand(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("1.csv", "x\n1\n", "2.csv", "x\n2\n")
	v1 := l.published(id, of("v1", "1.csv"))
	for s := range v1.EveryShard() {
		l.bucket.Delete(s.Bucket, s.Key)
	}
	v := l.published(id, adding("v1", "v2", "2.csv"))
	if v.State != schemas.VersionFailed ||
		said(v.Failures) != "1.csv: it is not as it was when version v1 was published; publish a whole version\n" {
		t.Errorf("%s\n%s", v.State, said(v.Failures))
	}
}

// TestColumnsOfPaths: folders NAME=VALUE below the prefix are columns, the same ones for
// every object of a table; what is added to a version has those of its table.
func TestColumnsOfPaths(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("year=2025/a.csv", "plot\n1\n", "year=2026/a.csv", "plot\n2\n", "year=2026/notes.md", "# about", "year=2026/_SUCCESS", "")
	v := l.published(id, of("v1", "./"))
	if v.State != schemas.VersionPublished || fmt.Sprint(v.Data[0].Columns) != "[{plot int64} {year int64}]" {
		t.Fatalf("%+v %v\n%s", v.VersionSummary, v.Data, said(v.Failures))
	}
	if !strings.Contains(said(v.Notes), "no shards: year=2026/_SUCCESS, year=2026/notes.md") {
		t.Errorf("what was left out is not said:\n%s", said(v.Notes))
	}
	l.put("year=2027/a.csv", "plot\n3\n")
	v = l.published(id, adding("v1", "v2", "year=2027/"))
	if v.State != schemas.VersionPublished || v.Rows != 3 {
		t.Errorf("a year that is added alone: %+v\n%s", v.VersionSummary, said(v.Failures))
	}
	l.put("flat.csv", "plot\n4\n")
	_, err := l.Publish(t.Context(), agronomy, id, of("v3", "year=2025/a.csv", "flat.csv"))
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Fields[0].Pointer != "/tables/0/splits/0/keys/1" || !strings.Contains(e.Message, "has the columns none, that of") {
		t.Errorf("one object in a folder, one in none: %v", err)
	}
	v = l.published(id, of("v3", "year=2025/"))
	if v.State != schemas.VersionPublished || !strings.Contains(said(v.Notes), "it has itself, as no column, year=2025") {
		t.Errorf("a folder that is a column, published alone: %s\n%s", v.State, said(v.Notes))
	}
}

// TestHeldByABase: what a base holds is known by the objects that its provider gave, in the
// store and bucket of the publication, whatever they were rewritten into.
func TestHeldByABase(t *testing.T) {
	raw := schemas.Shard{Store: "lab", Bucket: provided, Key: "p/raw.arrow", ETag: "r"}
	made := schemas.Shard{Store: "lab", Bucket: worked, Key: "versions/0.arrow", ETag: "w",
		Source: &schemas.Source{Store: "lab", Bucket: provided, Key: "p/made.csv", ETag: "m"}}
	elsewhere := schemas.Shard{Store: "other", Bucket: provided, Key: "p/x.csv", ETag: "x"}
	base := &schemas.Version{Data: []schemas.Table{{Name: "a", Splits: []schemas.Split{{Name: "all", Shards: []schemas.Shard{raw, made, elsewhere}}}}}}
	p := &schemas.Publication{Store: "lab", Bucket: provided, Tables: []schemas.PublicationTable{{Name: "a"}, {Name: "b"}}}
	if got := held(base, p); !reflect.DeepEqual(got, map[string]string{"p/raw.arrow": "r", "p/made.csv": "m"}) {
		t.Errorf("held are %v", got)
	}
	if got := held(nil, p); len(got) > 0 {
		t.Errorf("without a base %v are held", got)
	}
	p.Uploaded = true
	if got := held(base, p); len(got) > 0 {
		t.Errorf("of uploads %v are held, whose names may be used again", got)
	}
	if n := tables(base, p); n != 2 {
		t.Errorf("%d tables", n)
	}
	base.Data = append(base.Data, schemas.Table{Name: "c"})
	if n := tables(base, p); n != 3 {
		t.Errorf("%d tables with one of the base alone", n)
	}
	v := publication{version: *base}
	if v.place("c") != &v.version.Data[1] || v.place("d").Name != "d" || len(v.version.Data) != 3 {
		t.Errorf("tables are %v", v.version.Data)
	}
	if split(&v.version.Data[0], "all") != &v.version.Data[0].Splits[0] || split(&v.version.Data[0], "test").Name != "test" {
		t.Errorf("splits are %v", v.version.Data[0].Splits)
	}
}
