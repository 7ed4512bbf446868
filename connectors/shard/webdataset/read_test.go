package webdataset_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
)

// write makes a tar as Python's own library and NumPy write it, in several forms of tar.
const write = `
import io, sys, tarfile
import numpy as np

form = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}[sys.argv[2]]
with tarfile.open(sys.argv[1], "w", format=form) as t:
    def add(name, b):
        i = tarfile.TarInfo(name)
        i.size = len(b)
        t.addfile(i, io.BytesIO(b))
    d = tarfile.TarInfo("train")
    d.type = tarfile.DIRTYPE
    t.addfile(d)
    for n in range(300):
        key = f"train/{'x' * (60 if sys.argv[2] == 'ustar' else 150)}{n:06d}"
        a = io.BytesIO()
        np.save(a, np.arange(n, n + 24, dtype="<f4").reshape(2, 3, 4))
        add(key + ".img.npy", a.getvalue())
        add(key + ".cls", str(n % 10).encode())
        if n % 3:
            add(key + ".txt", f"words {n} é".encode())
        add(key + ".jpg", bytes([n % 256]) * n)
`

// compare reads what was published with pyarrow, the tensors as such.
const compare = `
import sys
import numpy as np
import pyarrow as pa, pyarrow.ipc as ipc

t = ipc.open_file(sys.argv[1]).read_all()
t.validate(full=True)
assert t.num_rows == 300 and t.column_names == ["__key__", "img.npy", "cls", "jpg", "txt"] or t.column_names[4] in ("txt", "jpg"), t.column_names
assert t.schema.field("img.npy").type == pa.fixed_shape_tensor(pa.float32(), [2, 3, 4]), t.schema
n = 0
for chunk in t["img.npy"].chunks:
    for a in chunk.to_numpy_ndarray():
        assert (a == np.arange(n, n + 24, dtype="<f4").reshape(2, 3, 4)).all(), n
        n += 1
assert n == 300
assert t["cls"].to_pylist() == [i % 10 for i in range(300)]
assert t["txt"].to_pylist() == [f"words {i} é" if i % 3 else None for i in range(300)]
assert t["jpg"].to_pylist() == [bytes([i % 256]) * i for i in range(300)]
assert [k[-6:] for k in t["__key__"].to_pylist()] == [f"{i:06d}" for i in range(300)]
print("same")
`

// TestAgainstPython: samples that Python writes, in each form of tar, are read by pyarrow as they
// were: arrays as tensors of their shape, numbers, text and bytes.
func TestAgainstPython(t *testing.T) {
	python, dir := sharedtest.Python(t), t.TempDir()
	for _, form := range []string{"ustar", "gnu", "pax"} {
		in, out := filepath.Join(dir, form+".tar"), filepath.Join(dir, form+".arrow")
		said, err := exec.Command(python, "-c", write, in, form).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		b, err := os.ReadFile(in)
		if err != nil {
			t.Fatal(err)
		}
		report, file := shardtest.Must(t, b, shard.Spec{Name: "no-ending"}) // the bytes say what it is
		if report.Format != shard.FormatTar || report.Rows != 300 || report.Conforms {
			t.Errorf("%s: %+v", form, report)
		}
		media := []string{}
		for _, c := range report.Columns {
			media = append(media, c.Name+"="+c.MediaType)
		}
		if got := strings.Join(media, " "); !strings.Contains(got, "jpg=image/jpeg") || !strings.Contains(got, "img.npy= ") {
			t.Errorf("%s: media types are %s", form, got)
		}
		err = os.WriteFile(out, file, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		said, err = exec.Command(python, "-c", compare, out).CombinedOutput()
		if err != nil || string(said) != "same\n" {
			t.Errorf("%s: %v\n%s", form, err, said)
		}
	}
}
