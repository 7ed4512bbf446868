//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

// TestFailed: what crosses from the child is a sentence of a kind, without causes, which are
// for its own log.
func TestFailed(t *testing.T) {
	secret := errors.New("pointer 0x4711")
	for _, x := range []struct {
		err  error
		want schemas.Error
	}{
		{ipc.Invalid("the file is torn"), schemas.Error{Kind: schemas.Invalid, Subject: "a.csv", Message: "the file is torn"}},
		{&schemas.Error{Kind: schemas.TooLarge, Subject: "other", Message: "too large", Err: secret},
			schemas.Error{Kind: schemas.TooLarge, Subject: "other", Message: "too large"}},
		{fmt.Errorf("write: %w", syscall.ENOSPC), schemas.Error{Kind: schemas.Unavailable, Subject: "a.csv",
			Message: "there is no room on the disk for what is written of the file"}},
		{errors.New("the mapping failed"), schemas.Error{Kind: schemas.Internal, Subject: "a.csv", Message: "the mapping failed"}},
	} {
		a := failed("a.csv", x.err)
		if diff := cmp.Diff(&x.want, a.Error); diff != "" || a.Report != nil {
			t.Errorf("%v (-want +got):\n%s", x.err, diff)
		}
	}
}

// exited runs a shell command that ends as a child might.
func exited(t *testing.T, script string) error {
	t.Helper()
	err := exec.Command("/bin/sh", "-c", script).Run()
	if err == nil {
		t.Fatalf("%s ends well", script)
	}
	return err
}

// TestDied: how a child ended that gave no answer, in words for who uploaded the file; what
// it wrote last is for the log.
func TestDied(t *testing.T) {
	r := &Runner{limits: Limits{Memory: 64 << 20, CPU: time.Minute}.withDefaults()}
	for _, x := range []struct{ script, stderr, want string }{
		{"exit 2", "panic: index out of range", "the file made its reader stop: it is corrupt, or uses a part of the format that cannot be read"},
		{"exit 2", "fatal error: runtime: out of memory", "reading the file took more than 64 MiB; its batches or row groups are too " +
			"large, or it is corrupt"},
		{"kill -KILL $$", "", "the process that read the file was killed by the system, most likely for its memory"},
		{"kill -XCPU $$", "", "reading the file took more than 1m0s of processor time and was stopped"},
	} {
		err := r.died("a.parquet", exited(t, x.script), x.stderr)
		e, ok := errors.AsType[*schemas.Error](err)
		if !ok || e.Kind != schemas.Invalid || e.Subject != "a.parquet" || e.Message != x.want {
			t.Errorf("%s: %v", x.script, err)
			continue
		}
		if strings.Contains(e.Message, "panic") || e.Err == nil || !strings.Contains(e.Err.Error(), x.stderr) {
			t.Errorf("%s: the cause is %v", x.script, e.Err)
		}
	}
	if err := r.died("a", errors.New("no such file"), ""); schemas.KindOf(err) != schemas.Internal ||
		err.Error() != "start the reading process: no such file" {
		t.Errorf("never started: %v", err)
	}
	if err := r.slow("a"); !strings.Contains(err.Error(), "reading the file took longer than 10m0s and was stopped") {
		t.Error(err)
	}
}

// TestCapped: the first bytes of what a child says are kept, and it may say any number more.
func TestCapped(t *testing.T) {
	c := &capped{left: 5}
	for _, s := range []string{"ab", "", "cdef", "gh"} {
		if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("%d of %q are taken, %v", n, s, err)
		}
	}
	if c.String() != "abcde" {
		t.Errorf("%q", c.String())
	}
	if head("word", 9) != "word" || head("word", 2) != "wo" {
		t.Error("a head is not the beginning")
	}
}

// TestLimitsOfTheirOwn: what is not set takes the default; what is set stands.
func TestLimitsOfTheirOwn(t *testing.T) {
	want := Limits{Memory: 512 << 20, CPU: 10 * time.Minute, Wall: 10 * time.Minute, Files: 32, Children: 2}
	if got := (Limits{}).withDefaults(); got != want {
		t.Errorf("%+v", got)
	}
	own := Limits{Memory: 1, CPU: 2, Wall: 3, Files: 4, Children: 5}
	if got := own.withDefaults(); got != own {
		t.Errorf("%+v", got)
	}
}

// TestNames: what publication asks without a child is answered without a byte of the object.
func TestNames(t *testing.T) {
	columns, err := PathColumns("year=2024/country=F%49/part-0.csv")
	if err != nil || len(columns) != 2 || columns[1].Name != "country" || columns[1].Value != "FI" {
		t.Fatalf("%+v, %v", columns, err)
	}
	if _, err := PathColumns("a=1/a=2/x"); err == nil || err.Error() != `invalid: the column "a" is given twice in the path` {
		t.Error(err)
	}
	other, err := PathColumns("year=x/country=SE/part-0.csv")
	if err != nil {
		t.Fatal(err)
	}
	JoinPaths([][]PathColumn{columns, other}, nil)
	spec := Spec{Name: "x.csv", Seen: JoinCSV(nil, []CSVSeen{{Name: "n", Values: 1}}), Path: columns}
	msg, err := SchemaOfTexts(spec)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ipc.ParseSchema(msg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range s.TableColumns() {
		got = append(got, c.Name+":"+c.Type)
	}
	if strings.Join(got, " ") != "n:int64 year:utf8 country:utf8" { // "x" is no year
		t.Errorf("%q", got)
	}
	joined := JoinJSON(nil, &JSONShape{Names: []string{"n"}, Members: []*JSONShape{{}}})
	msg, err = SchemaOfTexts(Spec{Name: "x.jsonl", Shape: joined, Path: columns})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = ipc.ParseSchema(msg); err != nil || len(s.TableColumns()) != 3 || s.TableColumns()[0].Type != "null" {
		t.Errorf("%v, %v", s, err)
	}
	tars := JoinTar(JoinTar(nil, []TarSeen{{Ending: "cls"}}), []TarSeen{{Ending: "cls", NotWhole: true}, {Ending: "jpg"}})
	msg, err = SchemaOfTexts(Spec{Name: "x.tar", Members: tars})
	if err != nil {
		t.Fatal(err)
	}
	got = nil
	if s, err = ipc.ParseSchema(msg); err == nil {
		for _, c := range s.TableColumns() {
			got = append(got, c.Name+":"+c.Type)
		}
	}
	if err != nil || strings.Join(got, " ") != "__key__:utf8 cls:utf8 jpg:binary" {
		t.Errorf("%q, %v", got, err)
	}
	if MostOut(1) != 256<<20+64 {
		t.Errorf("%d bytes may be written of one", MostOut(1))
	}
}
