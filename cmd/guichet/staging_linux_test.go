package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guichet/schemas"
)

// runs runs a verb as the job does.
func (m *mounted) runs(env []string, args ...string) (string, error) {
	cmd := guichetCommand(args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A job stages by its key, over a network that breaks off again and again, reads where there is no
// network at all, by a mount and by HTTP, and what it read comes back; a revocation ends it.
func TestStage(t *testing.T) {
	t.Parallel()
	m := newMounted(t)
	want := m.shards()
	dir := filepath.Join(t.TempDir(), "copy")
	out, err := m.runs(m.env, "stage", string(m.id), dir)
	if err != nil || !strings.Contains(out, "2 files") || !strings.Contains(out, "guichet renew "+dir+" --keep") {
		t.Fatalf("it is staged with %v:\n%s", err, out)
	}
	out, err = m.runs(m.env, "stage", string(m.id), dir) // all of it is there
	if err != nil {
		t.Errorf("a second time: %v\n%s", err, out)
	}
	var streams schemas.Page[schemas.Release]
	m.g.get("agronomy", "/streams?state=all&agreement="+string(m.id), &streams)
	copies := 0
	for _, r := range streams.Items {
		if r.Copy != "" {
			copies++
		}
	}
	if copies == 0 {
		t.Errorf("its provider sees none of %d releases as staged", len(streams.Items))
	}
	// There is no gateway, no key and no token where it is read.
	away := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GUICHET_SERVER=http://127.0.0.1:1"}
	python := os.Getenv("GUICHET_PYTHON")
	if python == "" {
		lacking(t, "not tested here: GUICHET_PYTHON names no interpreter")
	}
	program := `
import os, sys, urllib.request, pyarrow.ipc, pyarrow.dataset
data = os.environ["GUICHET_DATA"]
if data.startswith("http"):
    tables = [pyarrow.ipc.open_file(urllib.request.urlopen(f"{data}/data/all/{i}.arrow").read()).read_all() for i in range(2)]
    print(sum(t.num_rows for t in tables), sum(t["n"].to_pandas().sum() for t in tables))
else:
    table = pyarrow.dataset.dataset(data, format="ipc").to_table()
    print(table.num_rows, table["n"].to_pandas().sum())
`
	for _, how := range [][]string{{"exec", dir}, {"exec", "--http", dir}} {
		out, err := m.runs(away, append(how, "--", python, "-c", program)...)
		if sum := fmt.Sprintf("%d %d\n", m.rows, m.rows*(m.rows-1)/2); err != nil || out != sum {
			t.Errorf("%v: %v\n%s", how, err, out)
		}
	}
	for i, b := range want {
		have := filepath.Join(t.TempDir(), "have")
		out, err := m.runs(away, "exec", dir, "--", "sh", "-c", fmt.Sprintf("cat $GUICHET_DATA/data/all/%d.arrow > %s", i, have))
		got, late := os.ReadFile(have)
		if err != nil || late != nil || !bytes.Equal(got, b) {
			t.Errorf("shard %d has %d bytes, and the gateway gives %d others: %v\n%s", i, len(got), len(b), err, out)
		}
	}
	for _, args := range [][]string{{"renew", dir}, {"renew", dir}} { // twice hands nothing back twice
		out, err := m.runs(m.env, args...)
		if err != nil || !strings.Contains(out, "is open until") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	var copy schemas.Page[schemas.Lease]
	m.g.get("agronomy", "/copies", &copy)
	if len(copy.Items) != 1 || copy.Items[0].Reads == nil || copy.Items[0].Reads.Rows < int64(3*m.rows) || copy.Items[0].Reads.Rows > int64(5*m.rows) {
		t.Errorf("its provider sees %+v; %d rows were read three times", copy.Items, m.rows)
	}
	m.g.post("agronomy", "/agreements/"+string(m.id)+"/revoke", map[string]string{"reason": "a person objected"}, nil)
	out, err = m.runs(m.env, "renew", dir)
	if err == nil || !strings.Contains(out, "a person objected") {
		t.Errorf("renewed after a revocation: %v\n%s", err, out)
	}
	out, err = m.runs(away, "exec", dir, "--", "true")
	if err == nil || !strings.Contains(out, "a person objected") {
		t.Errorf("read after a revocation: %v\n%s", err, out)
	}
	m.g.verify()
}

// Where nothing can be mounted the files of an agreement are read by HTTP too.
func TestExecByHTTP(t *testing.T) {
	t.Parallel()
	m := newMounted(t)
	out, err := m.runs(m.env, "exec", "--http", string(m.id), "--", "sh", "-c",
		`curl -sf -r 0-5 $GUICHET_DATA/data/all/0.arrow; curl -s -o /dev/null -w ' %{http_code}' ${GUICHET_DATA%/*}/data/all/0.arrow`)
	if err != nil || out != "ARROW1 404" {
		t.Errorf("%v: %s", err, out)
	}
}
