package publish

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"guichet/schemas"
)

// TestJSONLines: files of JSON lines are a table whose types follow from all of them, read in a
// child, packed or not; what is added later takes them.
func TestJSONLines(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprintln(z, `{"plot":3,"crops":["wheat",null],"at":"2026-01-02T03:04:05Z"}`)
	must(t, z.Close())
	l.put("year=2025/a.jsonl", "{\"plot\":1,\"yield\":7}\n{\"plot\":2}\n", "year=2026/b.ndjson", "{\"plot\":4,\"yield\":2.5}\n",
		"year=2026/c.jsonl.gz", packed.String())
	v := l.published(id, of("v1", "./"))
	const want = "[{plot int64} {yield float64} {crops list<item: utf8, nullable>} {at timestamp[s, tz=UTC]} {year int64}]"
	if v.State != schemas.VersionPublished || v.Rows != 4 || fmt.Sprint(v.Data[0].Columns) != want {
		t.Fatalf("%+v %v\n%s", v.VersionSummary, v.Data, said(v.Failures))
	}
	for s := range v.EveryShard() {
		if s.Source == nil || s.Source.Format != "json-lines" {
			t.Errorf("%+v", s.Source)
		}
	}
	l.put("year=2027/d.jsonl", `{"yield":1}`, "year=2027/e.jsonl", `{"yield":"much"}`)
	v = l.published(id, adding("v1", "v2", "year=2027/d.jsonl"))
	if v.State != schemas.VersionPublished || v.Rows != 5 || fmt.Sprint(v.Data[0].Columns) != want {
		t.Errorf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
	for name, says := range map[string]string{"year=2027/e.jsonl": `line 1, "yield": text is no value of the type float64`} {
		if v := l.published(id, adding("v1", "v3", name)); v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), says) {
			t.Errorf("%s: %s\n%s", name, v.State, said(v.Failures))
		}
	}
}

// TestTextsOfOneTable: what texts of a table contradict each other in is said of the table, and
// CSV and JSON lines make no table together.
func TestTextsOfOneTable(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("1.jsonl", `{"x":1}`, "2.jsonl", `{"x":"one"}`, "3.csv", "x\n1\n", "4.json", `[{"x":1}]`)
	for says, names := range map[string][]string{
		"a whole number in line 1 of 1.jsonl, text in line 1 of 2.jsonl":                {"1.jsonl", "2.jsonl"},
		"the table's files before are of the format json-lines, and this is csv":        {"1.jsonl", "3.csv"},
		"the table's files before are of the format csv, and this is json-lines":        {"3.csv", "1.jsonl"},
		"a .json file may be one document or many: where it is one object on each line": {"4.json"},
	} {
		if v := l.published(id, of("v1", names...)); v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), says) {
			t.Errorf("%s: %s\n%s", names, v.State, said(v.Failures))
		}
	}
}

// TestTars: WebDataset's tars are a table of samples, whose columns of files say their media type.
func TestTars(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	tarOf := func(pairs ...string) string {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		for i := 0; i+1 < len(pairs); i += 2 {
			must(t, w.WriteHeader(&tar.Header{Name: pairs[i], Typeflag: tar.TypeReg, Size: int64(len(pairs[i+1])), Mode: 0o600}))
			_, err := w.Write([]byte(pairs[i+1]))
			must(t, err)
		}
		must(t, w.Close())
		return out.String()
	}
	l.put("0.tar", tarOf("a.jpg", jpeg, "a.cls", "1", "b.jpg", jpeg, "b.cls", "2"), "1.tar", tarOf("c.jpg", jpeg, "c.txt", "words"))
	v := l.published(id, of("v1", "./"))
	if v.State != schemas.VersionPublished || v.Rows != 3 || v.Objects != 0 ||
		fmt.Sprint(v.Data[0].Columns) != "[{__key__ utf8} {jpg binary} {cls int64} {txt utf8}]" {
		t.Fatalf("%+v %v\n%s", v.VersionSummary, v.Data, said(v.Failures))
	}
	if c := v.Data[0].Columns[1]; c.MediaType != "image/jpeg" || c.About()["media_type"] != "image/jpeg" {
		t.Errorf("%+v", c)
	}
	v = l.published(id, objectsOf("v2", "0.tar")) // or as it is
	if v.State != schemas.VersionPublished || v.Objects != 1 || v.Data[0].Splits[0].Shards[0].MediaType != "application/x-tar" {
		t.Errorf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
}
