package shard

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas"
)

// shared is a folder beside the repository with reports and data, or skips.
func shared(t testing.TB, parts ...string) string {
	t.Helper()
	dir := os.Getenv("GUICHET_SHARED")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("GUICHET_SHARED is not set, and CI=true")
		}
		t.Skip("GUICHET_SHARED is not set: no reports and data")
	}
	return filepath.Join(append([]string{dir}, parts...)...)
}

// fileOf is an open file without a name, as the gateway hands them to the child.
func fileOf(t testing.TB, b []byte) *os.File {
	t.Helper()
	f, err := os.CreateTemp("", "shard")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	return f
}

// conform runs Conform on bytes and gives what it wrote.
func conform(t testing.TB, in []byte, spec Spec) (Report, []byte, error) {
	t.Helper()
	src, out := fileOf(t, in), fileOf(t, nil)
	defer src.Close()
	defer out.Close()
	r, err := Conform(context.Background(), src, int64(len(in)), spec, out)
	if err != nil {
		if schemas.KindOf(err) != schemas.Invalid {
			t.Fatalf("an error of Kind %s: %v", schemas.KindOf(err), err)
		}
		return r, nil, err
	}
	b, err := io.ReadAll(io.NewSectionReader(out, 0, 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	if r.Conforms {
		if len(b) > 0 {
			t.Fatalf("a conforming shard, and %d bytes were written", len(b))
		}
		return r, in, nil
	}
	if int64(len(b)) != r.OutSize {
		t.Fatalf("out has %d bytes, the report says %d", len(b), r.OutSize)
	}
	return r, b, nil
}

// must conforms in, then wants its own output to conform with equal places.
func must(t testing.TB, in []byte, spec Spec) (Report, []byte) {
	t.Helper()
	r, out, err := conform(t, in, spec)
	if err != nil {
		t.Fatalf("%s: %v", spec.Name, err)
	}
	again, _, err := conform(t, out, Spec{})
	if err != nil {
		t.Fatalf("%s: own output: %v", spec.Name, err)
	}
	if !again.Conforms {
		t.Fatalf("%s: own output does not conform", spec.Name)
	}
	if fmt.Sprint(again.Batches, again.Dictionaries, again.WindowRows, again.Schema) != fmt.Sprint(r.Batches, r.Dictionaries,
		r.WindowRows, r.Schema) {
		t.Fatalf("%s: own output is reported as\n%v\nand not as\n%v", spec.Name, again, r)
	}
	return r, out
}

func readShared(t testing.TB, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(shared(t, parts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// records reads a file with arrow's own reader.
func records(t testing.TB, file []byte) []arrow.Record {
	t.Helper()
	r, err := arrowipc.NewFileReader(bytes.NewReader(file), arrowipc.WithAllocator(memory.NewGoAllocator()))
	if err != nil {
		t.Fatal(err)
	}
	var out []arrow.Record
	for i := range r.NumRecords() {
		rec, err := r.Record(i)
		if err != nil {
			t.Fatal(err)
		}
		rec.Retain()
		out = append(out, rec)
	}
	return out
}

// cells gives column name as texts, "null" for nulls, over all batches.
func cells(t testing.TB, file []byte, name string) (out []string) {
	t.Helper()
	for _, rec := range records(t, file) {
		i := rec.Schema().FieldIndices(name)
		if len(i) != 1 {
			t.Fatalf("%d columns are called %q", len(i), name)
		}
		c := rec.Column(i[0])
		for k := range c.Len() {
			if c.IsNull(k) {
				out = append(out, "null")
			} else {
				out = append(out, c.ValueStr(k))
			}
		}
	}
	return out
}

func TestTruncatedUpload(t *testing.T) { // trial 54
	r, _ := must(t, readShared(t, "reports", "54-truncated-upload", "whole.arrows"), Spec{Name: "whole.arrows"})
	if r.Rows != 300 || r.Format != FormatArrowStream {
		t.Fatalf("%d rows of %s", r.Rows, r.Format)
	}
	for _, f := range []string{"after-batch-2", "after-schema", "in-body", "in-length", "in-metadata"} {
		_, _, err := conform(t, readShared(t, "reports", "54-truncated-upload", f+".arrows"), Spec{Name: f + ".arrows"})
		if err == nil || !strings.Contains(err.Error(), "no end marker: the stream is cut at byte") {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestNullDictionary(t *testing.T) { // trial 50
	r, out := must(t, readShared(t, "reports", "50-null-dictionary", "shard-00000.arrow"), Spec{Name: "shard-00000.arrow"})
	if r.Rows != 5 || len(r.Dictionaries) != 3 {
		t.Fatalf("%+v", r)
	}
	for col, want := range map[string]string{
		"colour": "[null null null null null]", "empty": "[null null null null null]", "state": "[on off null off on]",
	} {
		if got := fmt.Sprint(cells(t, out, col)); got != want {
			t.Errorf("%s: %s", col, got)
		}
	}
}

func TestSliceOfViews(t *testing.T) { // trial 52, as published
	r, out := must(t, readShared(t, "reports", "52-slice-of-views", "shard-00000.arrow"), Spec{Name: "shard-00000.arrow"})
	t.Log(r.Notes, r.Columns, cells(t, out, "words"), cells(t, out, "nums"))
	if got := fmt.Sprint(cells(t, out, "words")[2:]); got != `[["third-long-value-2222",null,"dd"] ["ee"]]` {
		t.Errorf("words %s", got)
	}
	if got := fmt.Sprint(cells(t, out, "nums")[2:]); got != `[[2,3] []]` {
		t.Errorf("nums %s", got)
	}
}

// TestGoodCorpus reads the Arrow project's own files: each is read, or refused
// with a sentence.
func TestGoodCorpus(t *testing.T) {
	var read, refused int
	err := filepath.WalkDir(shared(t, "data", "interop", "arrow"), func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(p, ".gz") {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		name := filepath.Base(p)
		if strings.HasSuffix(p, "arrow_file") {
			name += ".arrow"
		}
		_, _, err = conform(t, b, Spec{Name: name})
		if err != nil {
			refused++
			t.Logf("%s: %v", p, err)
			return nil
		}
		must(t, b, Spec{Name: name})
		read++
		return nil
	})
	if err != nil || read == 0 {
		t.Fatalf("%d read, %d refused: %v", read, refused, err)
	}
	t.Logf("%d read, %d refused", read, refused)
}
