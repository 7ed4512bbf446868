package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/coverage"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"guichet/cmd/guichet/demo"
	"guichet/connectors/sandbox"
)

// TestMain serves three callers: the sandbox's child, the command guichet that
// stories call, and the tests.
func TestMain(m *testing.M) {
	if sandbox.Main(os.Args) {
		return
	}
	if dir := os.Getenv("GUICHET_COVER"); dir != "" { // make cover; go test has a GOCOVERDIR of its own
		os.Setenv("GOCOVERDIR", dir)
	}
	testscript.Main(withRig{m}, map[string]func(){"guichet": func() {
		code := command()
		keepCoverage()
		os.Exit(code)
	}})
}

// keepCoverage writes what a process that is not a test covered: make cover sums it up.
func keepCoverage() {
	dir := os.Getenv("GOCOVERDIR")
	if dir == "" {
		return
	}
	err := errors.Join(coverage.WriteMetaDir(dir), coverage.WriteCountersDir(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, "coverage:", err)
	}
}

// withRig ends the rig after the tests, whatever they did.
type withRig struct{ m *testing.M }

func (w withRig) Run() int {
	code := w.m.Run()
	if testRig.rig != nil {
		err := testRig.rig.Stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, "guichet-local:", err)
			code = max(code, 1)
		}
	}
	if testRig.dir != "" {
		_ = os.RemoveAll(testRig.dir) // a temporary folder
	}
	return code
}

// testRig is the one rig of this test binary: S3 and two issuers, on loopback.
var testRig struct {
	once sync.Once
	dir  string
	rig  *demo.LocalServices
	err  error
}

// theRig starts the rig at its first use. Without it a test is skipped with the
// reason; in CI that is fatal.
func theRig(t testing.TB) *demo.LocalServices {
	t.Helper()
	testRig.once.Do(func() {
		local, err := builtLocal()
		if err != nil {
			testRig.err = err
			return
		}
		os.Setenv("GUICHET_LOCAL", local)
		testRig.dir, err = os.MkdirTemp("", "guichet-test-")
		if err != nil {
			testRig.err = err
			return
		}
		data := filepath.Join(testRig.dir, "local")
		err = os.Mkdir(data, 0o700)
		if err == nil {
			testRig.rig, err = demo.StartLocalServices(context.Background(), data)
		}
		testRig.err = err
	})
	if testRig.err != nil {
		lacking(t, "guichet-local: %v", testRig.err)
	}
	return testRig.rig
}

// lacking skips a test that needs what is not there; in CI it fails.
func lacking(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// builtLocal builds guichet-local into .cache/ unless its sources are older than
// what lies there. Test binaries that run at the same time wait for each other.
func builtLocal() (string, error) {
	cache, err := filepath.Abs(filepath.Join(root, ".cache"))
	if err == nil {
		err = os.MkdirAll(cache, 0o755)
	}
	if err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, "guichet-local.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(cache, "guichet-local")
	source := filepath.Join(root, "deploy", "local")
	newest, err := newestSource(source)
	if err != nil {
		return "", err
	}
	st, err := os.Stat(binary)
	if err == nil && st.ModTime().After(newest) {
		return binary, nil
	}
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = source
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build it: %w: %s", err, out)
	}
	return binary, nil
}

func newestSource(dir string) (time.Time, error) {
	var newest time.Time
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") && !strings.HasPrefix(d.Name(), "go.") {
			return err
		}
		st, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // an editor's temporary file
		}
		if err == nil && st.ModTime().After(newest) {
			newest = st.ModTime()
		}
		return err
	})
	return newest, err
}
