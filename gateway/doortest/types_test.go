package doortest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// everyTypeOpens: pyarrow opens each published type through each door and validates it
// in full, whatever came in: Arrow, Parquet of two writers, extension names over
// storage that their definition forbids.
func everyTypeOpens(t *testing.T, r *Rig, _ []Door) {
	py, dir := python(t), t.TempDir()
	if out, err := exec.Command(py, "testdata/opened.py", "write", dir).CombinedOutput(); err != nil {
		t.Fatalf("opened.py: %v\n%s", err, out)
	}
	for _, name := range []string{"arrow.arrows", "parquet.parquet", "lz4.parquet", "duckdb.parquet"} {
		source := filepath.Join(dir, name)
		b, err := os.ReadFile(source)
		must(t, err)
		id, lease := r.Ready(t, "types-"+name, Open(), b)
		out, err := exec.Command(py, "testdata/opened.py", "read", r.HTTP, r.Flight, lease, string(id), source).CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "opened ") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
