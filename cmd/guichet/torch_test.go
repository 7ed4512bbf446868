package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTorch runs connectors/python/tests/torch_kit.py: guichet.torch under the real torch, its
// DataLoader and torchdata's StatefulDataLoader.
func TestTorch(t *testing.T) {
	t.Parallel()
	installed, python := installedKit(t), torchPython(t)
	g := newGateway(t, "")
	g.populate()
	const rows = 300_000 // several windows
	var text strings.Builder
	text.WriteString("n,x,gap,word\n")
	for n := range rows {
		gap := fmt.Sprint(n)
		if n%100 == 0 {
			gap = ""
		}
		fmt.Fprintf(&text, "%d,%.1f,%s,word %d\n", n, float64(n)+0.5, gap, n%97)
	}
	agreement := g.granted(g.publishedAs(wheat("Tensors"), []byte(text.String())))[0]
	dir := t.TempDir()
	token, provider := written(t, dir, "token", bearer(t, g, "trainer")), written(t, dir, "provider", bearer(t, g, "agronomy"))
	jobKey := written(t, dir, "job.key", jobKeyOf(t, g.as("trainer"), agreement))
	for _, what := range []string{"whole others shapes states mixed", "workers loader_states", "killed crashed", "leases", "cut", "ended"} {
		t.Run(what, func(t *testing.T) {
			server := g.base
			if what == "cut" {
				server = "http://" + breaking(t, strings.TrimPrefix(g.base, "http://"))
			}
			script := filepath.Join(root, "connectors", "python", "tests", "torch_kit.py")
			cmd := exec.Command(python, append([]string{script}, strings.Fields(what)...)...)
			cmd.Env = append(os.Environ(), "PYTHONPATH="+installed, "GUICHET_SERVER="+server, "GUICHET_TOKEN_FILE="+token,
				"PROVIDER_TOKEN_FILE="+provider, "JOB_KEY="+jobKey, "AGREEMENT="+string(agreement), fmt.Sprint("ROWS=", rows))
			out, err := cmd.CombinedOutput()
			for w := range strings.FieldsSeq(what) {
				if err == nil && !strings.Contains(string(out), "ok "+w) {
					err = fmt.Errorf("nothing is said of %s", w)
				}
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

// torchPython is the interpreter of the environment that has torch.
func torchPython(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, ".cache", "torch", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	if exec.Command(path, "-c", "import torch, torchdata").Run() != nil {
		lacking(t, "not tested here: torch is not installed into .cache/torch; make setup does it")
	}
	return path
}
