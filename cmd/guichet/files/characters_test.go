package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A control character in a file of terms is named as such, not as a fault of JSON in a
// file that is YAML.
func TestControlCharactersInFiles(t *testing.T) {
	for text, says := range map[string]string{
		`title: {en: "Wheat\x1b[2J"}`: `"Wheat" goes on with a control character`, "title: {en: \"Wheat\x1b\"}": `(\x1b)`, `title: {en: "a\v"}`: `(\v)`, `title: {en: "a\U000E0001"}`: `(\U000e0001)`,
		`title: {en: 'C:\x1b\\'}`: "",
	} {
		path := filepath.Join(t.TempDir(), "d.yaml")
		err := os.WriteFile(path, []byte(text), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Title map[string]string `json:"title"`
		}
		err = ReadDocument(path, &d)
		if (err == nil) != (says == "") || err != nil && (!strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "not JSON")) {
			t.Errorf("%s: %v %v", text, d, err)
		}
	}
}
