package python

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/sharedtest"
)

// TestInstalls: pip installs the wheel, checks its RECORD, and the package runs from there, typed, with its entry point.
func TestInstalls(t *testing.T) {
	t.Parallel()
	b, err := Wheel()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, env := filepath.Join(dir, Name), filepath.Join(dir, "env")
	err = os.WriteFile(file, b, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	python := sharedtest.Python(t) // which has pyarrow
	told(t, python, "-m", "venv", env)
	own := filepath.Join(env, "bin", "python")
	told(t, own, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check", file)
	where := told(t, python, "-c", "import pyarrow, os; print(os.path.dirname(os.path.dirname(pyarrow.__file__)))")
	said := told(t, own, "-I", "-c", `import importlib.metadata as m, json, os, sys
sys.path.append(`+quoted(t, strings.TrimSpace(where))+`)
import guichet
d = m.distribution("guichet")
print(json.dumps([guichet.__file__.startswith(sys.prefix), d.version, bool(guichet.connect), [e.name for e in d.entry_points],
  sorted(str(f) for f in d.files if f.suffix in (".py", ".typed"))]))`)
	want := []string{"guichet/py.typed"}
	files, err := filepath.Glob("guichet/*.py")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, files...)
	slices.Sort(want)
	var got, wanted any
	as(t, said, &got)
	all, _ := json.Marshal([]any{true, Version, true, []string{"guichet"}, want})
	as(t, string(all), &wanted)
	if d := cmp.Diff(wanted, got); d != "" {
		t.Errorf("the installed kit (-want +got):\n%s", d)
	}
}

// TestMetadata are those of pyproject.toml: a field that is added there is added here.
func TestMetadata(t *testing.T) {
	t.Parallel()
	said := told(t, sharedtest.Python(t), "-c", `import tomllib
p = tomllib.load(open("pyproject.toml", "rb"))
project, tool = p["project"], p["tool"]["setuptools"]
out = ["Metadata-Version: 2.4"]
for key, head in [("name", "Name"), ("version", "Version"), ("description", "Summary"), ("license", "License-Expression"), ("requires-python", "Requires-Python")]:
    out.append(head + ": " + project.pop(key))
assert project.pop("readme") == "README.md"
out.append("Description-Content-Type: text/markdown")
out += ["Requires-Dist: " + d for d in project.pop("dependencies")]
for extra, needs in project.pop("optional-dependencies").items():
    out.append("Provides-Extra: " + extra)
    out += [f'Requires-Dist: {d}; extra == "{extra}"' for d in needs]
points = project.pop("entry-points")
assert not project and tool == {"packages": ["guichet"], "package-data": {"guichet": ["py.typed"]}}, (project, tool)
print("\n".join(out) + "\n")
for group, names in points.items():
    print(f"[{group}]", *(f"{k} = {v}" for k, v in names.items()), sep="\n")`)
	if d := cmp.Diff(said, metadata+entryPoints); d != "" {
		t.Errorf("pyproject.toml, and the wheel (-want +got):\n%s", d)
	}
}

// TestSameBytes: nothing in the wheel tells when or where it was made.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	b, err := Wheel()
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, r)
		if err != nil || f.Modified.Year() != 1980 || f.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %s, %s", f.Name, err, f.Modified, f.Mode())
		}
	}
	if last := z.File[len(z.File)-1].Name; last != "guichet-"+Version+".dist-info/RECORD" {
		t.Errorf("the last file is %s", last)
	}
}

// told is what a program says.
func told(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

func quoted(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func as(t *testing.T, text string, to any) {
	t.Helper()
	err := json.Unmarshal([]byte(text), to)
	if err != nil {
		t.Fatal(err, text)
	}
}
