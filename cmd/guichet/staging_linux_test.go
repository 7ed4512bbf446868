package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	_, err = m.runs(m.env, "stage", string(m.id), dir, "--columns", "n")
	if err == nil {
		t.Error("a copy of all columns goes on as one of another")
	}
	planted := filepath.Join(t.TempDir(), "planted") // somebody else's folder names a gateway that is none
	about, err := os.ReadFile(filepath.Join(dir, "copy.json"))
	if err != nil || os.Mkdir(planted, 0o700) != nil {
		t.Fatal(err)
	}
	asked := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer elsewhere.Close()
	gateway := m.env[len(m.env)-1]
	text := strings.ReplaceAll(string(about), strings.TrimPrefix(gateway, "GUICHET_SERVER="), elsewhere.URL)
	written(t, planted, "copy.json", text)
	plain := slices.DeleteFunc(slices.Clone(m.env), func(e string) bool { return strings.HasPrefix(e, "GUICHET_SERVER=") })
	person := slices.DeleteFunc(slices.Clone(plain), func(e string) bool { return strings.HasPrefix(e, "GUICHET_JOB_KEY=") })
	person = append(person, "GUICHET_TOKEN_FILE="+written(t, t.TempDir(), "token", "secret"))
	out, err = m.runs(person, "renew", planted)
	if err == nil || !strings.Contains(out, "came from "+elsewhere.URL) {
		t.Errorf("a token goes where a folder says: %v\n%s", err, out)
	}
	_, _ = m.runs(plain, "renew", planted) // by a job key, which knows its gateway
	if asked || !strings.Contains(text, elsewhere.URL) {
		t.Error("a folder says where a job's signature goes")
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
	env := append(slices.Clone(m.env), "http_proxy=http://127.0.0.1:1", "NO_PROXY=.example") // as of a cluster, which reaches no program's own
	env = append(env, "GUICHET_SERVER=http://"+strings.TrimPrefix(m.g.base, "http://"))
	out, err := m.runs(env, "exec", "--http", string(m.id), "--", "sh", "-c",
		`curl -sf -r 0-5 $GUICHET_DATA/data/all/0.arrow; curl -s -o /dev/null -w ' %{http_code}' ${GUICHET_DATA%/*}/data/all/0.arrow`)
	if err != nil || out != "ARROW1 404" {
		t.Errorf("%v: %s", err, out)
	}
	out, err = m.runs(env, "exec", "--http", string(m.id), "--", "sh", "-c", "kill -9 $$")
	if exit, is := errors.AsType[*exec.ExitError](err); !is || exit.ExitCode() != 128+9 {
		t.Errorf("a command that was killed: %v: %s", err, out)
	}
}
