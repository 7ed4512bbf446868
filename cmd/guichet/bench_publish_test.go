package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
)

// benchCSV makes rows of seven columns: two whole numbers, two decimals, two texts, a day.
func benchCSV(rows int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	crops := []string{"winter wheat, late sown", "spring barley", "rye", "oats with clover"}
	var b bytes.Buffer
	b.WriteString("id,plot,yield,nitrogen,crop,station,day\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%d,%.9f,%g,%q,Versuchsstation %d nahe am Fluss,20%02d-%02d-%02d\n", 1_000_000+i, r.IntN(99_999), 1+r.Float64()*9+0.0000000005, float64(r.IntN(1200))/4,
			crops[r.IntN(len(crops))], r.IntN(500), 10+r.IntN(15), 1+r.IntN(12), 1+r.IntN(28))
	}
	return b.Bytes()
}

// reading says whether the gateway has a child that reads.
func (m *meter) reading() bool {
	pid := m.gateway.Process.Pid
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, t := range tasks {
		b, err := os.ReadFile(t)
		if err == nil && len(bytes.TrimSpace(b)) > 0 {
			return true
		}
	}
	return false
}

// python runs a script on files and gives the seconds that it prints.
func (m *meter) python(script string, files ...string) float64 {
	out, err := exec.Command(os.Getenv("GUICHET_PYTHON"), append([]string{"-c", script}, files...)...).Output()
	m.must(err)
	var s float64
	_, err = fmt.Sscan(string(out), &s)
	m.must(err)
	return s
}

// reads is what a careful reader does with a file of the store.
const reads = "import sys, time, hashlib, pyarrow.ipc as i\nt=time.time()\nfor p in sys.argv[1:]:\n b=open(p,'rb').read()\n" +
	" hashlib.sha256(b).hexdigest(); i.open_file(b).read_all().validate(full=True)\nprint(time.time()-t)"

const reader = "pyarrow read, validate, SHA-256 of local files"

// compared says whether there is a pyarrow to compare with.
func (m *meter) compared() bool {
	if os.Getenv("GUICHET_PYTHON") == "" {
		m.Log("publishing is not compared: GUICHET_PYTHON names no interpreter with pyarrow")
		return false
	}
	return true
}

// publish reads every byte of the large set once.
func (m *meter) publish() {
	s := m.set("large")
	ref := 0.0
	if m.compared() {
		ref = float64(s.bytes) / 1e6 / m.python(reads, s.files...)
	}
	m.add(figure{Bench: "publish", Value: s.rate / 1e6, Unit: "MB/s", Reference: reader, RefValue: ref, Gateway: s.cpu / float64(s.bytes) * 1e9,
		Note: "4 objects of 121 MB; gateway with its children"})
}

// publishSmall publishes many small objects, where a process's start counts.
func (m *meter) publishSmall() {
	s := m.set("small")
	ref := 0.0
	if m.compared() {
		ref = float64(s.bytes) / 1e6 / m.python(reads, s.files...)
	}
	m.add(figure{Bench: "publish.small", Value: s.rate / 1e6, Unit: "MB/s", Reference: reader, RefValue: ref, Gateway: s.cpu / float64(s.bytes) * 1e9,
		Note: "40 objects of 2.5 MB; gateway with its children"})
}

// publishCSV publishes a CSV file, where the reading of numbers counts.
func (m *meter) publishCSV() {
	m.up()
	csv := benchCSV(520_000, 7)
	path := filepath.Join(m.dir, "rows.csv")
	m.must(os.WriteFile(path, csv, 0o600))
	_, err := m.store().Put(m.Context(), m.rig.S3.Bucket, "grid/bench-csv/rows.csv", bytes.NewReader(csv), int64(len(csv)))
	m.must(err)
	_, _, cpu := m.published("csv", "grid/bench-csv/", int64(len(csv)))
	ref := 0.0
	if m.compared() {
		ref = m.python("import sys, time, hashlib, pyarrow as a, pyarrow.csv as c, pyarrow.ipc as i\nt=time.process_time()\n"+
			"b=open(sys.argv[1],'rb').read(); hashlib.sha256(b).hexdigest()\nv=c.read_csv(a.BufferReader(b))\n"+
			"s=a.BufferOutputStream()\nw=i.new_file(s, v.schema); w.write_table(v); w.close()\n"+
			"hashlib.sha256(s.getvalue()).hexdigest()\nprint(time.process_time()-t)", path)
	}
	m.add(figure{Bench: "publish.csv", Value: cpu, Unit: "CPU s", Reference: "pyarrow read, write IPC, two SHA-256", RefValue: ref,
		Note: fmt.Sprintf("%.0f MB, 7 columns", float64(len(csv))/1e6)})
}
