package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that says a thing twice, also in another case, is refused before it is sent.
func TestDocumentsSayThingsOnce(t *testing.T) {
	t.Parallel()
	for doc, fault := range map[string]string{`{"kind":"a"}`: "", `{"kind":"a","kind":"b"}`: "kind", `{"kind":"a","KIND":"b"}`: "case", "kind: a\nKind: b\n": "case"} {
		path := filepath.Join(t.TempDir(), "document")
		err := os.WriteFile(path, []byte(doc), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Kind string `json:"kind"`
		}
		err = ReadDocument(path, &v)
		if (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v, want %q", doc, err, fault)
		}
	}
}
