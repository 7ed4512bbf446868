package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// torchRows are few, because MosaicML's and LitData's writers take a minute for them.
const torchRows = 1 << 18

// trained is what a loader did over an epoch.
type trained struct {
	Rate        float64 `json:"samples_per_s"`
	Correlation float64 `json:"rank_correlation"` // of the order of the rows with the stored one
	Rows        int64   `json:"rows"`
}

// kitTorch compares guichet.torch, through the gateway, with the loaders that resume exactly, on the
// same rows of ten columns from this machine's disk: all of them shuffled, in batches of 1,024, the
// start included.
func (m *meter) kitTorch() {
	m.up()
	python, kit := torchPython(m), installedKit(m)
	rivals, err := filepath.Abs(filepath.Join(root, ".cache", "rivals"))
	m.must(err)
	tests := filepath.Join(root, "connectors", "python", "tests")
	if _, err := os.Stat(filepath.Join(rivals, "made")); err != nil {
		out, err := exec.Command("bash", filepath.Join(tests, "rivals.sh"), filepath.Dir(filepath.Dir(python)), rivals).CombinedOutput()
		if err != nil {
			m.must(fmt.Errorf("MosaicML Streaming and LitData cannot be installed: %w\n%s", err, out))
		}
	}
	dir := filepath.Join(m.dir, "torch")
	m.must(os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "rows.arrow")
	m.must(writeTorchRows(path))
	f, err := os.Open(path)
	m.must(err)
	defer f.Close()
	info, err := f.Stat()
	m.must(err)
	const prefix = "grid/bench-torch/"
	_, err = m.store().Put(m.Context(), m.rig.S3.Bucket, prefix+"rows.arrow", f, info.Size())
	m.must(err)
	d, _, _ := m.published("torch", prefix, info.Size())
	agreement := m.shown(d, nil)
	token := filepath.Join(dir, "token")
	m.must(os.WriteFile(token, []byte(bearerOf(m, m.as("trainer"))), 0o600))
	run := func(what string) (out trained) {
		cmd := exec.Command(python, filepath.Join(tests, "bench_torch.py"), what, dir)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+kit+":"+rivals, "GUICHET_SERVER="+m.addresses.HTTP, "GUICHET_TOKEN_FILE="+token,
			"AGREEMENT="+string(agreement))
		cmd.Stderr = os.Stderr
		said, err := cmd.Output()
		m.must(err)
		m.must(json.Unmarshal(said, &out))
		if out.Rows != torchRows {
			m.must(fmt.Errorf("%s read %d of %d rows", what, out.Rows, torchRows))
		}
		return out
	}
	run("write")
	mosaicML, litData, plain := run("mosaicml"), run("litdata"), run("pyarrow")
	for workers, what := range []string{0: "guichet", 2: "guichet_workers"} {
		if what == "" {
			continue
		}
		got := run(what)
		note := fmt.Sprintf("%d workers, %d rows; rank correlation %.3f, MosaicML's %.3f, LitData's %.3f", workers, got.Rows, got.Correlation,
			mosaicML.Correlation, litData.Correlation)
		for _, ref := range []struct {
			name string
			rate float64
		}{{"MosaicML, disk, shuffled", mosaicML.Rate}, {"LitData, disk, shuffled", litData.Rate}, {"pyarrow, disk, in order", plain.Rate}} {
			m.add(figure{Bench: "kit.torch", Readers: 1, Value: got.Rate, Unit: "samples/s", Reference: ref.name, RefValue: ref.rate, Note: note})
		}
	}
}

// writeTorchRows writes rows of ten numbers, 52 bytes each, in batches of 65,536.
func writeTorchRows(path string) error {
	fields := []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "site", Type: arrow.PrimitiveTypes.Int64}}
	for i := range 4 {
		fields = append(fields, arrow.Field{Name: fmt.Sprint("weather", i), Type: arrow.PrimitiveTypes.Float32})
	}
	for i := range 3 {
		fields = append(fields, arrow.Field{Name: fmt.Sprint("state", i), Type: arrow.PrimitiveTypes.Int32})
	}
	fields = append(fields, arrow.Field{Name: "load", Type: arrow.PrimitiveTypes.Float64})
	schema := arrow.NewSchema(fields, nil)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(schema))
	if err != nil {
		return err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	r := rand.New(rand.NewPCG(7, 7))
	const batch = 65_536
	for id := range int64(torchRows) {
		b.Field(0).(*array.Int64Builder).Append(id)
		b.Field(1).(*array.Int64Builder).Append(r.Int64N(1000))
		for i := range 4 {
			b.Field(2 + i).(*array.Float32Builder).Append(r.Float32())
		}
		for i := range 3 {
			b.Field(6 + i).(*array.Int32Builder).Append(r.Int32N(100))
		}
		b.Field(9).(*array.Float64Builder).Append(r.Float64())
		if (id+1)%batch == 0 {
			rec := b.NewRecord()
			err := w.Write(rec)
			rec.Release()
			if err != nil {
				return err
			}
		}
	}
	return w.Close()
}
