package shard_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
)

// TestExtensionNamesAreSound writes every extension name that readers know over every
// storage, right and wrong: pyarrow opens whatever is published of them.
func TestExtensionNamesAreSound(t *testing.T) {
	out, err := exec.Command(sharedtest.Python(t), "testdata/names.py", t.TempDir()).Output()
	if err != nil {
		t.Fatal(err)
	}
	pairs, said, dropped := map[string][]byte{}, map[string]string{}, 0
	kept := map[string]bool{}
	for line := range bytes.Lines(out) {
		path, what, _ := strings.Cut(strings.TrimRight(string(line), "\n"), "\t")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, file, err := shardtest.Conform(t, b, shard.Spec{Name: "x.arrows"})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		pairs[path], said[path] = file, what
		if strings.Contains(strings.Join(r.Notes, "\n"), "the extension name") {
			dropped++
		} else {
			name, _, _ := strings.Cut(what, "\t")
			kept[name] = true
		}
	}
	for path, j := range shardtest.Judge(t, pairs) {
		if j.Broken != "" {
			t.Errorf("%s: %s", said[path], j.Broken)
		}
	}
	if len(kept) < 17 || dropped < 1000 {
		t.Errorf("%d names were kept somewhere, %d dropped", len(kept), dropped)
	}
}
