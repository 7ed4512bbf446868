package shardtest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"guichet/connectors/sharedtest"
)

// equal compares files with pyarrow.
//
//go:embed testdata/equal.py
var equal string

// Verdict is what testdata/equal.py says of one published file.
type Verdict struct {
	Source  string
	Error   string // pyarrow does not read the source
	Broken  string // pyarrow does not read what was published
	Differs []string
	Types   [][]string
}

// Judge compares published files with pyarrow's reading of their sources.
func Judge(t testing.TB, pairs map[string][]byte) map[string]Verdict {
	t.Helper()
	dir, out := t.TempDir(), map[string]Verdict{}
	var in bytes.Buffer
	for source, b := range pairs {
		p := filepath.Join(dir, fmt.Sprint(in.Len()))
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&in, "%s\t%s\n", source, p)
	}
	cmd := exec.Command(sharedtest.Python(t), "-c", equal)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = &in, &said
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("equal.py: %v\n%s", err, said.String())
	}
	for line := range bytes.Lines(b) {
		var j Verdict
		if err := json.Unmarshal(line, &j); err != nil {
			t.Fatal(err)
		}
		out[j.Source] = j
	}
	return out
}
