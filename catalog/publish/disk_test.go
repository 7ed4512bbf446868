package publish

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"guichet/schemas"
)

// TestUnlinked: a temporary file has no name that anybody else could open, and its room is
// given back when it is closed.
func TestUnlinked(t *testing.T) {
	dir := t.TempDir()
	f, err := unlinked(dir)
	must(t, err)
	defer f.Close()
	if _, err := f.WriteString("rows of persons"); err != nil {
		t.Fatal(err)
	}
	there, err := os.ReadDir(dir)
	if err != nil || len(there) > 0 {
		t.Errorf("there are %v, %v", there, err)
	}
	_, err = unlinked(filepath.Join(dir, "gone"))
	if schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "no room for a temporary file") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestFullDisks: a full disk, and a quota that is used up, are told as what they are; other
// faults of a write are not.
func TestFullDisks(t *testing.T) {
	for err, is := range map[error]bool{syscall.ENOSPC: true, syscall.EDQUOT: true, fmt.Errorf("write: %w", syscall.ENOSPC): true, syscall.EIO: false, os.ErrClosed: false} {
		if full(err) != is {
			t.Errorf("%v is a full disk: %t", err, !is)
		}
	}
	p := New(Config{TempDir: filepath.Join(t.TempDir(), "gone")})
	if err := p.fitsDisk("k", 1<<60); err != nil {
		t.Errorf("a disk of which nothing is known refuses an object: %v", err)
	}
	err := p.noRoom("k", 100, syscall.ENOSPC)
	if schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "it needs 100 bytes for the object") || strings.Contains(err.Error(), "are free") {
		t.Errorf("%v", err)
	}
}

// TestNoRoomForAnObject: a version whose object does not fit onto the disk fails with what
// it needs, and others go on.
func TestNoRoomForAnObject(t *testing.T) {
	l := newLab(t)
	l.TempDir = filepath.Join(t.TempDir(), "gone")
	l.run()
	id := l.dataset()
	l.put("a.csv", "x\n1\n")
	v := l.published(id, of("v1", "a.csv"))
	if v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), "there is no room for a temporary file; free disk space") {
		t.Errorf("%s\n%s", v.State, said(v.Failures))
	}
}
