package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"guichet/connectors/client"
	"guichet/schemas"
)

// mounted is an agreement that a job has mounted, with its key.
type mounted struct {
	t       *testing.T
	g       *testGateway
	id      schemas.AgreementID
	dataset schemas.DatasetID
	env     []string
	rows    int
}

func newMounted(t *testing.T) *mounted {
	t.Helper()
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		lacking(t, "not tested here: this machine mounts nothing: %v", err)
	}
	_ = f.Close()
	g := newGateway(t, "")
	g.populate()
	const rows = 200_000
	var shards [][]byte
	for s := range 2 {
		var text strings.Builder
		text.WriteString("n,word\n")
		for n := range rows / 2 {
			fmt.Fprintf(&text, "%d,word %d\n", s*rows/2+n, n%97)
		}
		shards = append(shards, []byte(text.String()))
	}
	dataset := g.publishedAs(wheat("Numbers"), shards...)
	id := g.granted(dataset)[0]
	key := written(t, t.TempDir(), "job.key", jobKeyOf(t, g.as("trainer"), id))
	server := "http://" + breaking(t, strings.TrimPrefix(g.base, "http://"))
	return &mounted{t, g, id, dataset, append(os.Environ(), "GUICHET_JOB_KEY="+key, "GUICHET_SERVER="+server), rows}
}

// shards are the files as the gateway gives them.
func (m *mounted) shards() (out [][]byte) {
	lease := m.g.lease(m.id)
	for i := range 2 {
		var b []byte
		err := m.g.as("trainer").As(client.Static(lease.Token)).Get(m.t.Context(), fmt.Sprintf("/agreements/%s/%d.arrow", m.id, i), &b)
		if err != nil {
			m.t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// mount mounts in a folder and waits until it is there.
func (m *mounted) mount(args ...string) (dir string, stop func() (string, error)) {
	m.t.Helper()
	dir = m.t.TempDir()
	cmd := guichetCommand(append([]string{"mount", string(m.id), dir}, args...)...)
	cmd.Env = m.env
	var said logBuffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		m.t.Fatal(err)
	}
	stop = func() (string, error) {
		_ = cmd.Process.Signal(os.Interrupt)
		return said.String(), cmd.Wait()
	}
	m.t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }) // where the test has failed
	line := make([]byte, 1)
	_, err = io.ReadFull(out, line)
	if err != nil {
		_, err = stop()
		m.t.Fatalf("it does not mount: %v\n%s", err, said.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return dir, stop
}

// Programs that know nothing of us read a mounted agreement as files, over a network that breaks
// off again and again; nobody writes; a revocation ends it, also for who has a file open.
func TestMount(t *testing.T) {
	t.Parallel()
	m := newMounted(t)
	want := m.shards()
	dir, stop := m.mount()
	for i, b := range want {
		name := filepath.Join(dir, "data", "all", fmt.Sprintf("%d.arrow", i))
		st, err := os.Stat(name)
		if err != nil || st.Size() != int64(len(b)) || st.Mode().Perm() != 0o444 {
			t.Fatalf("%s: %+v, %v; want %d bytes", name, st, err, len(b))
		}
		have, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(have, b) {
			t.Errorf("%s has %d bytes (%v), and the gateway gives %d others", name, len(have), err, len(b))
		}
		for _, how := range []int{os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC} {
			_, err = os.OpenFile(name, how, 0)
			if !errors.Is(err, syscall.EROFS) && !errors.Is(err, syscall.EACCES) {
				t.Errorf("it is opened for writing (%#x): %v", how, err)
			}
		}
	}
	err := os.WriteFile(filepath.Join(dir, "data", "mine"), nil, 0o600)
	if !errors.Is(err, syscall.EROFS) {
		t.Errorf("a file is made: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "_manifest.json"))
	if err != nil || !bytes.Contains(text, []byte(m.id)) {
		t.Errorf("the manifest is %s, %v", text, err)
	}
	m.reads(dir)
	// What the kernel has kept is not read any more either.
	name := filepath.Join(dir, "data", "all", "0.arrow")
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = io.ReadFull(f, make([]byte, 4096))
	if err != nil {
		t.Fatal(err)
	}
	m.g.post("agronomy", "/agreements/"+string(m.id)+"/revoke", map[string]string{"reason": "a person objected"}, nil)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		_, err = f.ReadAt(make([]byte, 4096), 0)
		if errors.Is(err, syscall.EACCES) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is read after it was revoked: %v", err)
		}
	}
	_, err = os.ReadFile(filepath.Join(dir, "data", "all", "1.arrow"))
	if !errors.Is(err, syscall.EACCES) {
		t.Errorf("the other file: %v", err)
	}
	_ = f.Close()
	said, err := stop()
	if err != nil || strings.Count(said, "a person objected") != 1 {
		t.Errorf("it ends with %v and said %s", err, said)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("the folder holds %v, %v", list, err)
	}
}

// reads reads the mounted files with pyarrow, polars and DuckDB.
func (m *mounted) reads(dir string) {
	python := os.Getenv("GUICHET_PYTHON")
	if python == "" {
		lacking(m.t, "not tested here: GUICHET_PYTHON names no interpreter")
	}
	program := `
import glob, sys, duckdb, polars, pyarrow.dataset as ds, pyarrow.feather
files = sorted(glob.glob(sys.argv[1] + "/*/*/*.arrow"))
table = ds.dataset(sys.argv[1], format="ipc").to_table()
print(table.num_rows, table["n"].to_pandas().sum(), ds.dataset(sys.argv[1], format="ipc").head(1).num_rows)
print(polars.scan_ipc(files).select(polars.col("n").sum()).collect().item())
print(pyarrow.feather.read_table(files[1], columns=["n"], memory_map=True)["n"][0].as_py())
`
	out, err := exec.Command(python, "-c", program, dir).CombinedOutput()
	sum := m.rows * (m.rows - 1) / 2
	if want := fmt.Sprintf("%d %d 1\n%d\n%d\n", m.rows, sum, sum, m.rows/2); err != nil || string(out) != want {
		m.t.Errorf("readers say %s, %v; want %s", out, err, want)
	}
}

// A command finds the data, some of the columns where that was asked, and its exit status is
// that of guichet; nothing is left behind.
func TestExec(t *testing.T) {
	t.Parallel()
	m := newMounted(t)
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--", "sh", "-c", `echo $GUICHET_DATA; ls $GUICHET_DATA/data/all | wc -l; exit 7`}, 7, "\n2\n"},
		{[]string{"--", "true"}, 0, ""},
		{[]string{"--columns", "n", "--", "sh", "-c", "wc -c < $GUICHET_DATA/data/all/0.arrow"}, 0, ""},
		{[]string{"--", "sh", "-c", "kill -TERM $PPID; exec sleep 60"}, 143, ""}, // handed on
		{[]string{"--", "sh", "-c", "kill -9 $$"}, 137, ""},
		{[]string{"--", "no-such-program"}, 2, "the command cannot be run"},
		{[]string{"--columns", "no-such-column", "--", "true"}, 2, "no-such-column"},
	} {
		cmd := guichetCommand(append([]string{"exec"}, append(flagsOf(c.args), append([]string{string(m.id)}, commandOf(c.args)...)...)...)...)
		tmp := t.TempDir()
		cmd.Env = append(m.env, "TMPDIR="+tmp)
		out, _ := cmd.CombinedOutput()
		if status := cmd.ProcessState.ExitCode(); status != c.status || !strings.Contains(string(out), c.says) {
			t.Errorf("%v: %d %s; want %d with %q", c.args, status, out, c.status, c.says)
		}
		if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
			t.Errorf("%v leaves %v, %v", c.args, left, err)
		}
	}
}

// flagsOf and commandOf part what stands before -- from the command.
func flagsOf(args []string) (flags []string) {
	for _, a := range args {
		if a == "--" {
			return flags
		}
		flags = append(flags, a)
	}
	return flags
}

func commandOf(args []string) []string { return args[len(flagsOf(args)):] }

// A command has the files and not the device: with it, it would outlive the mount and wait for
// itself.
func TestExecKeepsTheDevice(t *testing.T) {
	t.Parallel()
	m := newMounted(t)
	cmd := guichetCommand("exec", string(m.id), "--", "sh", "-c", "ls -l /proc/self/fd && ls $GUICHET_DATA")
	cmd.Env = m.env
	said, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(said), "/dev/fuse") || !strings.Contains(string(said), "_manifest.json") {
		t.Errorf("%v\n%s", err, said)
	}
}

// A terminal that goes away ends the command in its own way, and then the mount.
func TestExecHungUp(t *testing.T) {
	t.Parallel()
	m := newMounted(t)
	bin := filepath.Join(t.TempDir(), "guichet")
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, bin)
	}
	if err != nil {
		t.Fatal(err)
	}
	// The test itself may run where hang-ups are ignored, which whoever it starts would inherit.
	cmd := exec.Command("env", "--default-signal=HUP", bin, "exec", string(m.id), "--",
		"sh", "-c", `trap "exit 3" HUP; echo $GUICHET_DATA; while :; do sleep 0.1; done`)
	cmd.Env = m.env
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		err = cmd.Process.Signal(syscall.SIGHUP)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // with the command's own status
	_, err = os.Lstat(strings.TrimSpace(dir))
	if cmd.ProcessState.ExitCode() != 3 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it ended with %v, and of its folder: %v", cmd.ProcessState, err)
	}
}

// Objects are mounted under their names, in the folders that these have.
func TestMountObjects(t *testing.T) {
	t.Parallel()
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		lacking(t, "not tested here: this machine mounts nothing: %v", err)
	}
	_ = f.Close()
	g, _, id := shelved(t)
	key := written(t, t.TempDir(), "job.key", jobKeyOf(t, g.as("trainer"), id))
	m := &mounted{t: t, g: g, id: id, env: append(os.Environ(), "GUICHET_JOB_KEY="+key, "GUICHET_SERVER="+g.base)}
	dir, stop := m.mount()
	for name, want := range objects() {
		have, err := os.ReadFile(filepath.Join(dir, "data", "all", name))
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s has %d bytes, %v; want %d", name, len(have), err, len(want))
		}
	}
	list, err := os.ReadDir(filepath.Join(dir, "data", "all"))
	if err != nil || len(list) != 3 { // scans is a folder of two
		t.Errorf("%v, %v", list, err)
	}
	if said, err := stop(); err != nil {
		t.Errorf("%v: %s", err, said)
	}
}
