package shard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"guichet/schemas"
)

// TestRealParquet converts the providers' Parquet files and compares every cell
// with arrow's reading of the whole table.
func TestRealParquet(t *testing.T) {
	for _, p := range []string{
		"agriculture/agridat/barrero.maize.parquet", "agriculture/agridat/cleveland.soil.parquet", "agriculture/agridat/gartner.corn.parquet",
		"health/mimic-iv-demo-meds/mimic_iv_demo_meds_events.parquet",
	} {
		b := readShared(t, "data", p)
		r, out, err := conform(t, b, Spec{Name: p})
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		t.Logf("%s: %d rows, windows of %d, %d batches, %s", p, r.Rows, r.WindowRows, len(r.Batches), types(r))
		sameTable(t, b, out)
	}
}

func sameTable(t *testing.T, source, out []byte) {
	t.Helper()
	rd, err := file.NewParquetReader(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	fr, err := pqarrow.NewFileReader(rd, pqarrow.ArrowReadProperties{}, memory.NewGoAllocator())
	if err != nil {
		t.Fatal(err)
	}
	want, err := fr.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := array.NewTableFromRecords(stripped(want.Schema()), records(t, out))
	if got.NumRows() != want.NumRows() {
		t.Fatalf("%d rows of %d", got.NumRows(), want.NumRows())
	}
	for i := range int(want.NumCols()) {
		w, g := want.Column(i).Data(), got.Column(i).Data()
		if !array.ChunkedEqual(w, g) {
			t.Errorf("column %s differs", want.Schema().Field(i))
		}
	}
}

func stripped(s *arrow.Schema) *arrow.Schema {
	fs := make([]arrow.Field, s.NumFields())
	for i, f := range s.Fields() {
		fs[i] = targetField(f)
	}
	return arrow.NewSchema(fs, nil)
}

// TestGoodParquet reads what v17 can read without crashing; the rest is the
// child's part.
func TestGoodParquet(t *testing.T) {
	files, err := filepath.Glob(shared(t, "data", "interop", "parquet", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	var refused strings.Builder
	for _, f := range files {
		name := filepath.Base(f)
		if strings.HasPrefix(name, "large_string_map") {
			continue // unpacks to gigabytes: see sandbox
		}
		if _, _, err := conform(t, readShared(t, "data", "interop", "parquet", name), Spec{Name: name}); err != nil {
			fmt.Fprintf(&refused, "%.200s\n", err)
			continue
		}
		read++
	}
	t.Logf("%d of %d read; refused:\n%s", read, len(files), refused.String())
	if read < 20 {
		t.Fail()
	}
}

// A small file that unpacks without end is refused before it fills a disk.
func TestOutputIsBounded(t *testing.T) {
	const rows = 1 << 16
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues(make([]int64, rows), nil)
	rec := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil), []arrow.Array{b.NewArray()}, rows)
	f, err := os.Create(filepath.Join(t.TempDir(), "bomb.arrows"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := ipc.NewWriter(f, ipc.WithSchema(rec.Schema()), ipc.WithZstd())
	for range 600 { // 300 MiB
		err = errors.Join(err, w.Write(rec))
	}
	err = errors.Join(err, w.Close())
	if err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err != nil || st.Size() > 512<<10 {
		t.Fatalf("the bomb has %d bytes, %v", st.Size(), err)
	}
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	_, err = Conform(context.Background(), f, st.Size(), Spec{}, out)
	if schemas.KindOf(err) != schemas.TooLarge || !strings.Contains(err.Error(), "64 times") {
		t.Error(err)
	}
	wrote, err := out.Stat()
	if err != nil || wrote.Size() > MostOut(st.Size()) {
		t.Errorf("%d bytes were written, %v", wrote.Size(), err)
	}
}
