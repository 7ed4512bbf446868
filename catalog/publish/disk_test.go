package publish

import (
	"path/filepath"
	"strings"
	"testing"

	"guichet/schemas"
)

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
