package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childEnv turns the test binary into guichet-local: versitygw changes the
// working directory and runs once in a process.
const childEnv = "GUICHET_LOCAL_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// rig is a running serve.
type rig struct {
	readyLine
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// startRig serves from dir until the test ends.
func startRig(t *testing.T, dir string, args ...string) *rig {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{"serve", "--data", dir, "--json"}, args...)...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	r := &rig{cmd: cmd, stdin: stdin, stdout: bufio.NewReader(out)}
	line, err := r.stdout.ReadBytes('\n')
	if err != nil {
		t.Fatalf("no ready line: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(line, &r.readyLine); err != nil {
		t.Fatalf("ready line %s: %v", line, err)
	}
	if !r.Ready {
		t.Fatalf("not ready: %s", line)
	}
	return r
}

// ended waits for the rig's end and checks that it was clean and that nothing
// but the ready line came on standard output.
func (r *rig) ended(t *testing.T) {
	t.Helper()
	dog := time.AfterFunc(15*time.Second, func() { _ = r.cmd.Process.Kill() })
	defer dog.Stop()
	rest, err := io.ReadAll(r.stdout)
	if err != nil {
		t.Fatal(err)
	}
	if len(rest) > 0 {
		t.Errorf("standard output holds more than the ready line: %q", rest)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

// stop asks it to end, as a service manager does.
func (r *rig) stop(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	r.ended(t)
}

// said runs a verb in this process and returns what it prints.
func said(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	if err := run(t.Context(), args, strings.NewReader(""), &out, io.Discard); err != nil {
		t.Fatalf("%s: %v", args[0], err)
	}
	return out.String()
}

func TestRefusesOtherMachines(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, flag := range []string{"--s3-listen", "--issuer-listen", "--second-issuer-listen"} {
		err := run(ctx, []string{"serve", "--data", t.TempDir(), flag, "0.0.0.0:0"}, strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "not a loopback address") {
			t.Errorf("%s 0.0.0.0:0: got %v", flag, err)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	out := said(t, "--help")
	for _, verb := range []string{"serve", "make", "load"} {
		if !strings.Contains(out, verb) {
			t.Errorf("help does not name %s:\n%s", verb, out)
		}
	}
}
