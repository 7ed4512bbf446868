package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An older database is restored: the gateway does not start and says what to do; the
// steps that it names let it start, and the log says how much was given up.
func TestOlderDatabaseRestored(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	g.stop()
	db, head := filepath.Join(g.data, "guichet.db"), filepath.Join(g.data, "checkpoint")
	backup, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	g.start()
	g.some(2)
	g.verify() // signs what there is
	g.stop()
	err = errors.Join(os.WriteFile(db, backup, 0o600), os.RemoveAll(db+"-wal"), os.RemoveAll(db+"-shm"), os.RemoveAll(filepath.Join(g.data, "index")))
	if err != nil {
		t.Fatal(err)
	}
	cmd := guichetCommand("serve", "--data", g.data, "--listen", ":0", "--flight-listen", ":0")
	started := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // it must not start; if it does, the test must end
	out, err := cmd.CombinedOutput()
	started.Stop()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if !failed || exit.ExitCode() != 1 {
		t.Errorf("the gateway's status on an older database is %v, want 1", err)
	}
	for _, want := range []string{"records were signed", "put the newer database back", "move " + head + " to " + head + ".lost"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	err = errors.Join(os.Rename(head, head+".lost"), os.WriteFile(head, nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	g.start()
	if !strings.Contains(g.log.String(), "takes the record as it is") || !strings.Contains(g.log.String(), "signed_before") {
		t.Errorf("the log does not say what was given up:\n%s", g.log.String())
	}
	g.verify()
}
