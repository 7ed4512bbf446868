package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/schemas"
)

// TestRay runs connectors/python/tests/ray_kit.py: guichet.ray on a cluster of two nodes of this
// machine, one of whose workers is killed in the middle.
func TestRay(t *testing.T) {
	t.Parallel()
	python, err := filepath.Abs(filepath.Join(root, ".cache", "ray", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".cache", "ray", "made")); err != nil {
		lacking(t, "not tested here: Ray is not installed into .cache/ray; make setup does it")
	}
	g := newGateway(t, "")
	g.populate()
	const rows = 300_000 // several windows
	var text strings.Builder
	text.WriteString("n,word\n")
	for n := range rows {
		fmt.Fprintf(&text, "%d,word %d\n", n, n%97)
	}
	d := g.published("Numbers", []byte(text.String()))
	offer := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"},
		Duties: []schemas.Duty{{Kind: schemas.DutyBudget, Rows: 20 * rows}}}}}
	err = g.as("agronomy").Do(t.Context(), http.MethodPut, "/datasets/"+string(d.ID)+"/offer", offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	agreement := g.granted(d.ID)[0]
	var run schemas.Run
	g.post("trainer", "/runs", map[string]string{"project": "crop-yield"}, &run)
	folder, err := os.MkdirTemp("", "ray") // short: it holds sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	cmd := exec.Command(python, filepath.Join(root, "connectors", "python", "tests", "ray_kit.py"), folder)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+installedKit(t), "GUICHET_SERVER="+g.base, "AGREEMENT="+string(agreement),
		fmt.Sprint("ROWS=", rows), "RUN="+string(run.ID), "DATASET="+string(g.offered("Halves", "open-with-attribution").ID),
		"GUICHET_TOKEN_FILE="+written(t, folder, "token", bearer(t, g, "trainer")),
		"PROVIDER_TOKEN_FILE="+written(t, folder, "provider", bearer(t, g, "agronomy")), "RAY_USAGE_STATS_ENABLED=0", "RAY_TMPDIR="+folder)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ok all") {
		t.Fatalf("%v\n%s", err, out)
	}
	g.verify()
}
