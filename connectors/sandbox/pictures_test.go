package sandbox

import (
	"os/exec"
	"path/filepath"
	"testing"

	"guichet/connectors/sharedtest"
)

// TestPicturesFitTheChild: a page of 80 MB, as pyarrow makes of some hundred pictures,
// is read by a child of 208.
func TestPicturesFitTheChild(t *testing.T) {
	python := sharedtest.Python(t)
	path := filepath.Join(t.TempDir(), "pictures.parquet")
	out, err := exec.Command(python, "-c", `
import sys, random, pyarrow as pa, pyarrow.parquet as pq
r = random.Random(5)
rows = [r.randbytes(7_500) * 20 for _ in range(550)]
pq.write_table(pa.table({"picture": pa.array(rows, pa.binary())}), sys.argv[1],
  use_dictionary=False, compression="zstd", data_page_size=1 << 30)
`, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := run(t, runner(t, Limits{Memory: 208 << 20}), path, "")
	if err != nil || got.Rows != 550 {
		t.Errorf("%d rows: %v", got.Rows, err)
	}
}
