package disk

import (
	"fmt"
	"math"
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
	f, err := Unlinked(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("rows of persons"); err != nil {
		t.Fatal(err)
	}
	there, err := os.ReadDir(dir)
	if err != nil || len(there) > 0 {
		t.Errorf("there are %v, %v", there, err)
	}
	_, err = Unlinked(filepath.Join(dir, "gone"))
	if schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "no room for a temporary file") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestFullDisks: a full disk, and a quota that is used up, are told as what they are; other
// faults of a write are not.
func TestFullDisks(t *testing.T) {
	for err, is := range map[error]bool{syscall.ENOSPC: true, syscall.EDQUOT: true, fmt.Errorf("write: %w", syscall.ENOSPC): true, syscall.EIO: false, os.ErrClosed: false} {
		if Full(err) != is {
			t.Errorf("%v is a full disk: %t", err, !is)
		}
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if err := Fits(gone, "k", 1<<60); err != nil {
		t.Errorf("a disk of which nothing is known refuses an object: %v", err)
	}
	err := NoRoom(gone, "k", 100, syscall.ENOSPC)
	if schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "it needs 100 bytes for the object") || strings.Contains(err.Error(), "are free") {
		t.Errorf("%v", err)
	}
}

// TestRoom: an object is not copied onto a disk that it would fill.
func TestRoom(t *testing.T) {
	dir := t.TempDir()
	_, _, known := disk(dir)
	if !known && os.Getenv("CI") == "true" {
		t.Fatal("the free space of a disk is not known, and CI=true")
	}
	if !known {
		t.Skip("not tested here: the free space of a disk is not known")
	}
	err := Fits(dir, "k", math.MaxInt64/2)
	if schemas.KindOf(err) != schemas.Unavailable {
		t.Errorf("%v", err)
	}
}
