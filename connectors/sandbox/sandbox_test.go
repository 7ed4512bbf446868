package sandbox

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guichet/connectors/shard"
	"guichet/schemas"
)

func TestMain(m *testing.M) {
	if Main(os.Args) {
		return
	}
	os.Exit(m.Run())
}

// shared is a folder beside the repository with reports and data, or skips.
func shared(t testing.TB, parts ...string) string {
	t.Helper()
	dir := os.Getenv("GUICHET_SHARED")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("GUICHET_SHARED is not set, and CI=true")
		}
		t.Skip("GUICHET_SHARED is not set: no reports and data")
	}
	return filepath.Join(append([]string{dir}, parts...)...)
}

func runner(t testing.TB, l Limits) *Runner {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return New(exe, l)
}

func run(t testing.TB, r *Runner, path string) (shard.Report, error) {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	return r.Conform(context.Background(), in, st.Size(), shard.Spec{Name: filepath.Base(path)}, out)
}

func TestConformInChild(t *testing.T) {
	r := runner(t, Limits{})
	rep, err := run(t, r, shared(t, "reports", "54-truncated-upload", "whole.arrows"))
	if err != nil || rep.Rows != 300 || rep.OutSize == 0 {
		t.Fatalf("%+v %v", rep, err)
	}
	_, err = run(t, r, shared(t, "reports", "54-truncated-upload", "in-body.arrows"))
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "in-body.arrows: no end marker") {
		t.Fatal(err)
	}
}

// TestBadCorpus gives every malformed file of the Arrow and Parquet projects to
// a child: an answer each time, and we live.
func TestBadCorpus(t *testing.T) {
	r := runner(t, Limits{Wall: 20 * time.Second})
	var read, refused int
	err := filepath.WalkDir(shared(t, "data", "interop", "bad"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rep, err := run(t, r, p)
		switch {
		case err == nil:
			read++
			t.Logf("%s: read, %d rows", d.Name(), rep.Rows)
		case schemas.KindOf(err) == schemas.Invalid:
			refused++
			t.Logf("%.250s", err)
		default:
			t.Errorf("%s: %v", p, err)
		}
		return nil
	})
	if err != nil || refused == 0 {
		t.Fatal(err)
	}
	t.Logf("%d read, %d refused", read, refused)
}
