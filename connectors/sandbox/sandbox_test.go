package sandbox

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"guichet/connectors/shard"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

func TestMain(m *testing.M) {
	if Main(os.Args) {
		return
	}
	os.Exit(m.Run())
}

func runner(t testing.TB, l Limits) *Runner {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return New(exe, l)
}

func run(t testing.TB, r *Runner, path string, format shard.Format) (shard.Report, error) {
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
	return r.Conform(context.Background(), in, st.Size(), shard.Spec{Name: filepath.Base(path), Format: format}, out)
}

func TestConformInChild(t *testing.T) {
	r := runner(t, Limits{})
	t.Logf("namespaces %#x", r.namespaces)
	rep, err := run(t, r, sharedtest.Path(t, "reports", "54-truncated-upload", "whole.arrows"), "")
	if err != nil || rep.Rows != 300 || rep.OutSize == 0 {
		t.Fatalf("%+v %v", rep, err)
	}
	_, err = run(t, r, sharedtest.Path(t, "reports", "54-truncated-upload", "in-body.arrows"), "")
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "in-body.arrows: no end marker") {
		t.Fatal(err)
	}
}

// TestLimits reads a good file under limits that it cannot keep.
func TestLimits(t *testing.T) {
	const file = "health/mimic-iv-demo-meds/mimic_iv_demo_meds_events.parquet"
	for _, x := range []struct {
		limits Limits
		want   string
	}{
		{Limits{Memory: 24 << 20}, "took more than 24 MiB"},
		{Limits{Wall: 50 * time.Millisecond}, "took longer than 50ms"},
	} {
		_, err := run(t, runner(t, x.limits), sharedtest.Path(t, "data", file), "")
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %v", x.limits, err)
		}
	}
	if rep, err := run(t, runner(t, Limits{}), sharedtest.Path(t, "data", file), ""); err != nil || rep.Rows != 916_166 {
		t.Errorf("%d rows, %v", rep.Rows, err)
	}
}

// TestOutOfMemory: last words of children that ended for want of memory, and of
// ones that ended for another reason.
func TestOutOfMemory(t *testing.T) {
	for stderr, want := range map[string]bool{
		"fatal error: runtime: out of memory\n":          true,
		"fatal error: runtime: cannot allocate memory\n": true,
		"panic: 900000000 bytes at once\n":               true,
		"SIGSEGV: segmentation violation\nPC=0x43941d m=0 sigcode=1 addr=0x0\n\ngoroutine 0 gp=0x2338d00 m=0 mp=0x233a100 " +
			"[idle]:\nruntime.(*spanQueue).tryDrain": true,
		"SIGSEGV: segmentation violation\nPC=0x43941d m=0 sigcode=1 addr=0x7fe31000\n\ngoroutine 0 gp=0x2338d00 m=0 mp=0x233a100 " +
			"[idle]:\nruntime.(*mspan).nextFreeIndex": false,
		"panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 " +
			"addr=0x0 pc=0xa32865]\n": false,
	} {
		if got := outOfMemory(stderr); got != want {
			t.Errorf("%t for %s", got, stderr)
		}
	}
}

func TestCancelKillsTheChild(t *testing.T) {
	r := runner(t, Limits{Children: 1})
	in, err := os.Open(sharedtest.Path(t, "data", "health/mimic-iv-demo-meds/mimic_iv_demo_meds_events.parquet"))
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
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := r.Conform(ctx, in, st.Size(), shard.Spec{}, out); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Fatalf("the child lived for %s", d)
	}
	if len(r.slots) != 0 {
		t.Fatal("its place is not free")
	}
}

func TestNoExecutable(t *testing.T) {
	r := New(filepath.Join(t.TempDir(), "absent"), Limits{})
	if _, err := run(t, r, os.Args[0], ""); schemas.KindOf(err) != schemas.Internal {
		t.Fatal(err)
	}
}

// TestBadCorpus gives every malformed file of the Arrow and Parquet projects to
// a child, as what it pretends to be: an answer each time, and we live.
func TestBadCorpus(t *testing.T) {
	r := runner(t, Limits{Wall: 30 * time.Second})
	formats := map[string]shard.Format{
		"arrow-ipc-file": shard.FormatArrowFile, "arrow-ipc-stream": shard.FormatArrowStream, "arrow-ipc-tensor-stream": shard.FormatArrowStream,
		"csv": shard.FormatCSV, "parquet": shard.FormatParquet, "parquet-encoding": shard.FormatParquet,
	}
	var read, refused int
	err := filepath.WalkDir(sharedtest.Path(t, "data", "interop", "bad"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rep, err := run(t, r, p, formats[filepath.Base(filepath.Dir(p))])
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
	t.Logf("%d read, %d refused, the largest child had %d MiB", read, refused, largestChild(t)>>20)
}

// TestGoodParquetInChild reads the good files, some of which make arrow v17
// crash or unpack to gigabytes.
func TestGoodParquetInChild(t *testing.T) {
	r := runner(t, Limits{Wall: 60 * time.Second})
	for _, dir := range []string{"", "geospatial", "arrow-testing", "natural-earth", "variant", "encrypted"} {
		files, err := filepath.Glob(sharedtest.Path(t, "data", "interop", "parquet", dir, "*.parquet*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, ".json") {
				continue
			}
			rep, err := run(t, r, f, shard.FormatParquet)
			if dir == "encrypted" && err == nil {
				t.Errorf("%s: encrypted, and read as %d rows of %v", f, rep.Rows, rep.Columns)
			}
			if err != nil {
				t.Logf("%.300s", err)
				if schemas.KindOf(err) != schemas.Invalid {
					t.Errorf("%s: %v", f, err)
				}
			}
		}
	}
	t.Logf("the largest child had %d MiB", largestChild(t)>>20)
}

// largestChild is the most memory that a child of this process had resident.
func largestChild(t testing.TB) int64 {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		t.Fatal(err)
	}
	if n := int64(u.Maxrss) << 10; n < 600<<20 {
		return n
	}
	t.Errorf("a child had %d MiB resident", u.Maxrss>>10)
	return 0
}

// TestNoRoom: a disk that is full is no fault of the file.
func TestNoRoom(t *testing.T) {
	in, err := os.CreateTemp(t.TempDir(), "in")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	text := "a\n" + strings.Repeat("some text\n", 300_000)
	if _, err := in.WriteString(text); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return // no such device here; cmd/guichet tries a small disk
	}
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	_, err = runner(t, Limits{}).Conform(context.Background(), in, int64(len(text)), shard.Spec{Name: "x.csv"}, out)
	if schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "no room on the disk") {
		t.Errorf("%v", err)
	}
}

// TestLargeCells: the largest value that is read, and larger ones that are refused before
// the child is at its end.
func TestLargeCells(t *testing.T) {
	for mib, want := range map[int]string{60: "", 70: "a value of 73400320 bytes", 300: "a value of 314572800 bytes"} {
		in, err := os.CreateTemp(t.TempDir(), "in")
		if err != nil {
			t.Fatal(err)
		}
		_, err = in.WriteString("id,text\n1,a\n2," + strings.Repeat("x", mib<<20) + "\n")
		if err != nil {
			t.Fatal(err)
		}
		in.Close()
		rep, err := run(t, runner(t, Limits{}), in.Name(), shard.FormatCSV)
		if want == "" && (err != nil || rep.Rows != 2) ||
			want != "" && (schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), want) ||
				!strings.Contains(err.Error(), `line 3, column "text"`)) {
			t.Errorf("%d MiB: %v", mib, err)
		}
	}
}

// TestGroup: the small objects of a publication share one child; one that kills it costs
// only itself; nothing stays of a group.
func TestGroup(t *testing.T) {
	r := runner(t, Limits{Memory: 160 << 20})
	g := r.Group()
	read := func(name, text string) (shard.Report, error) {
		t.Helper()
		in, err := os.CreateTemp(t.TempDir(), "in")
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out, err := os.CreateTemp(t.TempDir(), "out")
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		_, err = in.WriteString(text)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := g.Conform(context.Background(), in, int64(len(text)), shard.Spec{Name: name}, out)
		if st, late := out.Stat(); late != nil || err == nil && st.Size() != rep.OutSize {
			t.Errorf("%s: %d bytes were written, the report says %d", name, st.Size(), rep.OutSize)
		}
		return rep, err
	}
	for i := range 5 {
		rep, err := read("a.csv", "a,b\n"+strings.Repeat("1,x\n", 1+i))
		if err != nil || rep.Rows != int64(1+i) {
			t.Errorf("%d rows, %v", rep.Rows, err)
		}
	}
	_, err := read("b.csv", "a\n\"x\n")
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "b.csv: line 2: a quote opens") {
		t.Errorf("%v", err)
	}
	if n := r.started.Load(); n != 1 {
		t.Errorf("six objects were read by %d children", n)
	}
	_, err = read("big.csv", "a\n"+strings.Repeat("x", 60<<20)+"\n")
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "took more than 160 MiB") {
		t.Errorf("%v", err)
	}
	rep, err := read("c.csv", "a,b\n1,x\n")
	if err != nil || rep.Rows != 1 {
		t.Errorf("after it: %d rows, %v", rep.Rows, err)
	}
	if n := r.started.Load(); n != 3 { // the one that died, a new one for the same object, one after it
		t.Errorf("%d children were started", n)
	}
	last := g.idle
	g.Close()
	for _, c := range last {
		if c.cmd.ProcessState == nil {
			t.Error("a child outlives its group")
		}
	}
	if len(last) != 1 || len(r.slots) != 0 {
		t.Errorf("%d idle children, %d places taken", len(last), len(r.slots))
	}
}
