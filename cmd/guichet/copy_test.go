package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/cmd/guichet/demo"
	"guichet/cmd/guichet/serve"
	"guichet/schemas"
)

// What the demo prints to be copied runs as it stands there.
func TestPrintedLinesRun(t *testing.T) {
	t.Parallel()
	python := os.Getenv("GUICHET_PYTHON")
	if python == "" || exec.Command(python, "-c", "import pyarrow.flight").Run() != nil {
		lacking(t, "not tested here: GUICHET_PYTHON names no interpreter with pyarrow; make setup installs it")
	}
	g := newGateway(t, "")
	g.populate()
	g.post("trainer", "/projects", schemas.Project{ID: "crop-yield-2027", Title: "Crop yield", Factory: "leonardo", Purposes: []string{"train-model"}}, nil)
	id := g.granted(g.published("Winter wheat", csvRows(300, 0)).ID)[0]
	dir := t.TempDir()
	homes, err := demo.NewStory(nil, g.rig, nil, dir, 0, serve.Addresses{}).Homes(g.base)
	if err != nil {
		t.Fatal(err)
	}
	a := serve.Addresses{HTTP: g.base, Flight: "grpc://" + g.flight}
	printed := demo.Copyable(a, homes, g.rig.People(), g.lease(id).Token, string(id), "data", "all")
	var lines []string
	for paragraph := range strings.SplitSeq(printed, "\n\n") {
		if !strings.HasSuffix(paragraph, ":") { // prose
			lines = append(lines, paragraph)
		}
	}
	self, err := os.Executable()
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "bin"), 0o700)
	}
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "bin", "guichet"))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-e", written(t, dir, "copied.sh", strings.Join(lines, "\n")))
	cmd.Dir, cmd.Env = dir, os.Environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, printed)
	}
	for _, want := range []string{"crop: string", "\n150\n", "1 dataset\n", "release.end", "the record is whole", "https://hospital.example", "lease-"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the lines do not print %q:\n%s", want, out)
		}
	}
	st, err := os.Stat(filepath.Join(dir, "rank0.arrows"))
	if err != nil || st.Size() == 0 {
		t.Errorf("curl wrote nothing: %v", err)
	}
}

// written writes a file and gives its path.
func written(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	err := os.WriteFile(path, []byte(text), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
