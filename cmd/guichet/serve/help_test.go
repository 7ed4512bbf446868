package serve

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"guichet/schemas"
)

// remedy is what an error says to do.
func remedy(err error) string {
	e, _ := errors.AsType[*schemas.Error](err)
	if e == nil {
		return ""
	}
	return e.Remedy
}

// pointer is where an error says that the fault is.
func pointer(err error) string {
	e, _ := errors.AsType[*schemas.Error](err)
	if e == nil || len(e.Fields) == 0 {
		return ""
	}
	return e.Fields[0].Pointer
}

// write makes a file for its owner alone and gives its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	err := os.WriteFile(path, []byte(text), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
