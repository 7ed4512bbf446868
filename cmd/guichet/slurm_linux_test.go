package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cluster is a Slurm of this machine alone, in a folder of its own.
type cluster struct {
	t   *testing.T
	dir string
	env []string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	for _, program := range []string{"munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol"} {
		_, err := exec.LookPath(program)
		if err == nil && os.Getuid() != 0 {
			err = fmt.Errorf("only root runs jobs")
		}
		if err != nil {
			lacking(t, "not tested here: no Slurm: %v", err)
		}
	}
	dir, err := os.MkdirTemp("", "sl") // short: it holds sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 64)
	_, _ = rand.Read(key)
	written(t, dir, "munge.key", string(key))
	conf := written(t, dir, "slurm.conf", fmt.Sprintf(`ClusterName=test
SlurmctldHost=%[1]s(127.0.0.1)
SlurmctldPort=%[3]d
SlurmdPort=%[4]d
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=%[2]s/munge.sock
StateSaveLocation=%[2]s/state
SlurmdSpoolDir=%[2]s/spool
SlurmctldPidFile=%[2]s/slurmctld.pid
SlurmdPidFile=%[2]s/slurmd.pid
SlurmctldLogFile=%[2]s/slurmctld.log
SlurmdLogFile=%[2]s/slurmd.log
SlurmUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=%[1]s NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=all Nodes=%[1]s Default=YES State=UP
SlurmdParameters=config_overrides
`, host, dir, freePort(t), freePort(t)))
	c := &cluster{t, dir, append(os.Environ(), "SLURM_CONF="+conf)}
	for _, folder := range []string{"state", "spool"} {
		err = os.Mkdir(filepath.Join(dir, folder), 0o755)
		if err != nil {
			t.Fatal(err)
		}
	}
	c.daemon("munged", "--foreground", "--force", "--socket="+dir+"/munge.sock", "--key-file="+dir+"/munge.key", "--pid-file="+dir+"/munged.pid",
		"--log-file="+dir+"/munged.log", "--seed-file="+dir+"/munged.seed")
	c.until("munge", func() bool { _, err := os.Stat(dir + "/munge.sock"); return err == nil })
	c.daemon("slurmctld", "-D", "-f", conf)
	c.daemon("slurmd", "-D", "-f", conf)
	c.until("a node", func() bool {
		out, err := c.command("sinfo", "--noheader", "--format=%t").Output()
		return err == nil && strings.TrimSpace(string(out)) == "idle"
	})
	return c
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir = c.env, c.dir
	return cmd
}

// daemon runs until the test is over.
func (c *cluster) daemon(name string, args ...string) {
	c.t.Helper()
	cmd := c.command(name, args...)
	var said logBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Start()
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if c.t.Failed() {
			c.t.Logf("%s:\n%s", name, said.String())
		}
	})
}

// until waits for a state.
func (c *cluster) until(what string, is func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s is not there after two minutes", what)
		}
	}
}

// job sends one and gives what it has written so far, and whether it is over.
func (c *cluster) job(env []string, args ...string) (id string, look func() (out string, over bool)) {
	c.t.Helper()
	cmd := c.command("sbatch", append([]string{"--parsable", "--output=%j.out"}, args...)...)
	cmd.Env = append(cmd.Env, env...)
	b, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("%v\n%s", err, b)
	}
	id = strings.TrimSpace(string(b))
	return id, func() (string, bool) {
		state, err := c.command("squeue", "--noheader", "--format=%t", "--states=all", "--jobs="+id).Output()
		over := err != nil || !slices.Contains([]string{"PD", "R", "CF", "CG", "S"}, strings.TrimSpace(string(state)))
		out, _ := os.ReadFile(filepath.Join(c.dir, id+".out")) // not there before it runs
		return string(out), over
	}
}

// A training over the agreement's rows, on three tasks, is told that its time is up; sent again
// on two it goes on at the exact row, and each row was learned from once. A program that reads
// files finds them.
func TestSlurm(t *testing.T) {
	t.Parallel()
	python := torchPython(t)
	m := newMounted(t)
	c := newCluster(t)
	scripts, err := filepath.Abs(filepath.Join(root, "deploy", "slurm"))
	if err != nil {
		t.Fatal(err)
	}
	const batch = 64
	env := append(m.env[len(os.Environ()):], "AGREEMENT="+string(m.id), "FEATURES=n", "TARGET=n", "LEARNING_RATE=0", fmt.Sprint("BATCH=", batch),
		"CHECKPOINT="+filepath.Join(c.dir, "checkpoint"), "PYTHON="+python, "TRAIN="+filepath.Join(scripts, "train.py"), "MASTER_ADDR=127.0.0.1",
		"OMP_NUM_THREADS=1", "PYTHONPATH="+installedKit(t))
	id, look := c.job(env, "--ntasks=3", filepath.Join(scripts, "train.sbatch"))
	var out string
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last job wrote:\n%s", out)
		}
	})
	c.until("a hundred steps", func() bool {
		var over bool
		out, over = look()
		if over {
			t.Fatalf("the job is over: %s", out)
		}
		return strings.Contains(out, "step 100,")
	})
	b, err := c.command("scancel", "--signal=TERM", id).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	c.until("the end of the first", func() bool { var over bool; out, over = look(); return over })
	rows := rowsOf(t, out, `saved after step \d+, (\d+) rows\n$`)
	if rows <= 0 || rows >= m.rows || rows%(3*batch) != 0 {
		t.Fatalf("%d rows were learned from: %s", rows, out)
	}
	_, look = c.job(env, "--ntasks=2", filepath.Join(scripts, "train.sbatch"))
	c.until("the end of the second", func() bool { var over bool; out, over = look(); return over })
	if again := rowsOf(t, out, `goes on after step \d+, (\d+) rows\n`); again != rows {
		t.Errorf("it goes on after %d rows, not %d: %s", again, rows, out)
	}
	if all := rowsOf(t, out, `done after step \d+, (\d+) rows`); all > m.rows || all <= m.rows-3*2*batch {
		t.Errorf("%d of %d rows were learned from: %s", all, m.rows, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	err = os.Symlink(self, filepath.Join(bin, "guichet"))
	if err != nil {
		t.Fatal(err)
	}
	_, look = c.job(append(env, "PATH="+bin+":"+os.Getenv("PATH")), filepath.Join(scripts, "files.sbatch"), "sh", "-c", "ls $GUICHET_DATA/data/all")
	c.until("the end of the third", func() bool { var over bool; out, over = look(); return over })
	if out != "0.arrow\n1.arrow\n" {
		t.Errorf("the files are %s", out)
	}
	// Staged first, read by a job that has neither key nor gateway.
	copied := []string{"COPY=" + filepath.Join(c.dir, "copy"), "PATH=" + bin + ":" + os.Getenv("PATH")}
	id, look = c.job(append(env, copied...), filepath.Join(scripts, "stage.sbatch"))
	_, after := c.job(append(copied, "GUICHET_SERVER=http://127.0.0.1:1"), "--dependency=afterok:"+id, filepath.Join(scripts, "files.sbatch"), "sh", "-c",
		"head -c 6 $GUICHET_DATA/data/all/1.arrow")
	c.until("the end of the stage", func() bool { var over bool; out, over = look(); return over })
	if !strings.Contains(out, "2 files") {
		t.Errorf("it is staged with %s", out)
	}
	c.until("the end of the fourth", func() bool { var over bool; out, over = after(); return over })
	if out != "ARROW1" {
		t.Errorf("of the copy is read %s", out)
	}
}

// rowsOf finds a number in what a job has written.
func rowsOf(t *testing.T, out, pattern string) int {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("%s is not in %s", pattern, out)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
