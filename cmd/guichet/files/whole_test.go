package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guichet/schemas"
)

// A stream that is cut leaves the file that was there, and keeps what came beside it.
func TestCutStreamLeavesTheGoodFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.arrows")
	err := os.WriteFile(path, []byte("good"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("half")
	if err != nil {
		t.Fatal(err)
	}
	err = f.KeepCut(7, &schemas.Error{Kind: schemas.Gone, Message: "the stream was cut", Remedy: "open it again with from=7"})
	e, ok := err.(*schemas.Error)
	if !ok || !strings.Contains(e.Remedy, "from=7") || !strings.Contains(e.Remedy, "7 rows, is in "+path+".part") {
		t.Errorf("the error does not say where the rows are: %+v", err)
	}
	for name, want := range map[string]string{path: "good", path + ".part": "half"} {
		b, err := os.ReadFile(name)
		if err != nil || string(b) != want {
			t.Errorf("%s holds %q, %v; want %q", name, b, err, want)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("left over: %v, %v", left, err)
	}
}
