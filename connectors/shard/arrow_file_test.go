package shard_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/connectors/column/columntest"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
)

// TestPolarsFiles: polars writes the schema message of an Arrow file without marker and
// length; the footer has the schema.
func TestPolarsFiles(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command(sharedtest.Python(t), "-c", `
import sys, polars as pl
frame = pl.DataFrame({"n": [1, None, 3], "word": ["a", "ž", None], 
  "kind": pl.Series(["x", "y", "x"], dtype=pl.Categorical), "list": [[1], [], None]})
frame.write_ipc(sys.argv[1] + "/whole.arrow")
frame.write_ipc(sys.argv[1] + "/packed.arrow", compression="zstd")
frame.clear().write_ipc(sys.argv[1] + "/empty.arrow")
`, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, rows := range map[string]int{"whole": 3, "packed": 3, "empty": 0} {
		b, err := os.ReadFile(filepath.Join(dir, name+".arrow"))
		if err != nil {
			t.Fatal(err)
		}
		r, file := shardtest.Must(t, b, shard.Spec{Name: name + ".arrow"})
		if int(r.Rows) != rows || !strings.Contains(strings.Join(r.Notes, "\n"), "rewritten: its") {
			t.Errorf("%s: %d rows, %v", name, r.Rows, r.Notes)
		}
		if rows > 0 && strings.Join(append(append(columntest.Cells(t, file, "n"), columntest.Cells(t, file, "word")...),
			columntest.Cells(t, file, "list")...),
			" ") != "1 null 3 a ž null [1] [] null" {
			t.Error(columntest.Cells(t, file, "n"), columntest.Cells(t, file, "word"), columntest.Cells(t, file, "list"))
		}
	}
}

// TestSmallDecimalsBecomeWide: decimals of 32 and 64 bits and integers of 128, wherever
// they stand, are published as decimals of 128 bits, and the report says so.
func TestSmallDecimalsBecomeWide(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command(sharedtest.Python(t), "-c", `
import sys, pyarrow as pa, polars as pl
from decimal import Decimal as D
small, large = pa.array([D("1.50"), None, D("-99999.99"), D("0.01")], pa.decimal32(7, 2)), pa.array(
  [None, D("-1.5"), D("123456789.5"), D("2.5")], pa.decimal64(15, 1))
table = pa.table({
  "small": small, "large": large, "coded": pa.DictionaryArray.from_arrays(pa.array([3, None, 1, 3], pa.int8()), large),
  "list": pa.ListArray.from_arrays([0, 2, 2, 4, 4], small),
  "struct": pa.StructArray.from_arrays([small, large], ["a", "b"]),
  "pairs": pa.FixedSizeListArray.from_arrays(pa.concat_arrays([small, small]), 2),
})
with pa.ipc.new_stream(sys.argv[1] + "/decimals.arrows", table.schema) as w:
  w.write_table(table); w.write_table(table.slice(1))
whole = pl.DataFrame({"n": pl.Series([1, -2, None, 2**120], dtype=pl.Int128)})
whole.write_ipc_stream(sys.argv[1] + "/integers.arrows")
whole.write_parquet(sys.argv[1] + "/integers.parquet")
`, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pairs := map[string][]byte{}
	for name, note := range map[string]string{
		"decimals.arrows": `column "small": decimal32(7, 2) became decimal(7, 2)`, "integers.arrows": `column "n": int128 became ` +
			`decimal(38, 0)`, "integers.parquet": `column "n": int128 became decimal(38, 0)`,
	} {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, file := shardtest.Must(t, b, shard.Spec{Name: name})
		if !strings.Contains(strings.Join(r.Notes, "\n"), note) {
			t.Errorf("%s: %v", name, r.Notes)
		}
		pairs[path] = file
	}
	for _, j := range shardtest.Judge(t, pairs) {
		if j.Error != "" || j.Broken != "" || len(j.Differs) > 0 {
			t.Errorf("%+v", j)
		}
	}
}

// TestMetadataLeftOutIsSaid: no view passes on what a file says of itself and its
// columns beside their types; the report names it by key.
func TestMetadataLeftOutIsSaid(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command(sharedtest.Python(t), "-c", `
import sys, pyarrow as pa, pyarrow.parquet as pq
table = pa.table({"n": [1]}, schema=pa.schema([pa.field("n", pa.int64(), metadata={"unit": "kg"})], metadata={"origin": "a survey"}))
pq.write_table(table, sys.argv[1] + "/said.parquet")
with pa.ipc.new_file(sys.argv[1] + "/said.arrow", table.schema) as w:
  w.write_table(table)
`, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"said.parquet", "said.arrow"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		r, _ := shardtest.Must(t, b, shard.Spec{Name: name})
		if got := strings.Join(r.Notes, "\n"); !strings.Contains(got, `metadata left out: "origin", "unit" of column "n"`) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
