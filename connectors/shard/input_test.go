package shard

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPolarsFiles: polars writes the schema message of an Arrow file without marker and
// length; the footer has the schema.
func TestPolarsFiles(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command(python(t), "-c", `
import sys, polars as pl
frame = pl.DataFrame({"n": [1, None, 3], "word": ["a", "ž", None], "kind": pl.Series(["x", "y", "x"], dtype=pl.Categorical), "list": [[1], [], None]})
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
		r, file := must(t, b, Spec{Name: name + ".arrow"})
		if int(r.Rows) != rows || !strings.Contains(strings.Join(r.Notes, "\n"), "rewritten: its") {
			t.Errorf("%s: %d rows, %v", name, r.Rows, r.Notes)
		}
		if rows > 0 && strings.Join(append(append(cells(t, file, "n"), cells(t, file, "word")...), cells(t, file, "list")...), " ") != "1 null 3 a ž null [1] [] null" {
			t.Error(cells(t, file, "n"), cells(t, file, "word"), cells(t, file, "list"))
		}
	}
}
