package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"guichet/cmd/guichet/demo"
	"guichet/connectors/s3"
	"guichet/connectors/shard"
	"guichet/schemas"
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

// canonical makes a conforming Arrow file of CSV.
func (m *meter) canonical(csv []byte) []byte {
	in, err := os.CreateTemp(m.dir, "in")
	m.must(err)
	defer in.Close()
	out, err := os.CreateTemp(m.dir, "out")
	m.must(err)
	defer out.Close()
	_, err = in.Write(csv)
	m.must(err)
	_, err = shard.Conform(m.ctx, in, int64(len(csv)), shard.Spec{Name: "x.csv"}, out)
	m.must(err)
	_, err = out.Seek(0, io.SeekStart)
	m.must(err)
	b, err := io.ReadAll(out)
	m.must(err)
	return b
}

// published puts objects into the store and publishes them; it gives the bytes a second
// and the gateway's seconds of processor, with its children's.
func (m *meter) published(name string, objects map[string][]byte) (bytesPerSecond, cpu float64) {
	st, err := s3.New("local", m.rig.S3.Endpoint, m.rig.S3.Region, s3.Credentials{AccessKey: m.rig.S3.AccessKey, SecretKey: m.rig.S3.SecretKey})
	m.must(err)
	prefix, all := "grid/bench-"+name+"/", 0.0
	for key, b := range objects {
		_, err := st.Put(m.ctx, m.rig.S3.Bucket, prefix+key, bytes.NewReader(b), int64(len(b)))
		m.must(err)
		all += float64(len(b))
	}
	grid, err := m.story.As(m.ctx, "grid")
	m.must(err)
	d, err := demo.Registered(m.ctx, grid, schemas.Dataset{IRI: "urn:bench:" + name, Space: "energy", Title: schemas.Text{"en": name}, Licence: "CC-BY-4.0", Countries: []string{"LU"}})
	m.must(err)
	used := m.cpu()
	m.must(grid.Post(m.ctx, "/datasets/"+string(d.ID)+"/versions", schemas.Publication{Version: "1", Store: "local", Bucket: m.rig.S3.Bucket,
		Tables: []schemas.PublicationTable{{Name: "data", Splits: []schemas.PublicationSplit{{Name: "all", Prefix: prefix}}}}}, nil))
	v, err := grid.WaitPublished(m.ctx, d.ID, "1", nil)
	m.must(err)
	for m.reading() {
		time.Sleep(10 * time.Millisecond)
	}
	return all / v.Published.Sub(v.Started).Seconds(), m.cpu() - used
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

// small publishes many small objects, where a process's start counts, and a CSV file,
// where the reading of numbers does.
func (m *meter) small() {
	objects, files, all := map[string][]byte{}, []string{}, 0.0
	for i := range 40 {
		b := m.canonical(benchCSV(26_000, uint64(i)))
		name := "part-" + strconv.Itoa(100+i) + ".arrow"
		objects[name] = b
		files = append(files, filepath.Join(m.dir, name))
		m.must(os.WriteFile(files[i], b, 0o600))
		all += float64(len(b))
	}
	rate, used := m.published("small", objects)
	csv := benchCSV(520_000, 7)
	_, cpu := m.published("csv", map[string][]byte{"rows.csv": csv})
	if os.Getenv("GUICHET_PYTHON") == "" {
		m.b.Log("publish.small and publish.csv are not compared: GUICHET_PYTHON names no interpreter with pyarrow")
		return
	}
	ref := m.python("import sys, time, hashlib, pyarrow.ipc as i\nt=time.time()\nfor p in sys.argv[1:]:\n b=open(p,'rb').read(); hashlib.sha256(b).hexdigest(); i.open_file(b).read_all().validate(full=True)\nprint(time.time()-t)", files...)
	m.add(figure{Bench: fmt.Sprintf("publish.small, 40 objects of %.1f MB", all/40e6), Value: rate / 1e6, Unit: "MB/s", Reference: "pyarrow read, validate, SHA-256 of local files", RefValue: all / 1e6 / ref, CPU: used / all * 1e9})
	path := filepath.Join(m.dir, "rows.csv")
	m.must(os.WriteFile(path, csv, 0o600))
	ref = m.python("import sys, time, hashlib, pyarrow as a, pyarrow.csv as c, pyarrow.ipc as i\nt=time.process_time()\nb=open(sys.argv[1],'rb').read(); hashlib.sha256(b).hexdigest()\nv=c.read_csv(a.BufferReader(b))\ns=a.BufferOutputStream()\nw=i.new_file(s, v.schema); w.write_table(v); w.close()\nhashlib.sha256(s.getvalue()).hexdigest()\nprint(time.process_time()-t)", path)
	m.add(figure{Bench: fmt.Sprintf("publish.csv, %.0f MB, 7 columns", float64(len(csv))/1e6), Value: cpu, Unit: "CPU s", Reference: "pyarrow read, write IPC, two SHA-256", RefValue: ref})
}
