package lines

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/sharedtest"
	"guichet/gateway/web/words"
	"guichet/schemas"
)

// hostile is a name that would do harm in a line that holds it as it is.
const hostile = `a'b"c$(touch pwned)` + "`touch pwned`" + `;touch pwned #\` + "\nd é"

// every is the lines of each kind of use.
func every(t *testing.T) map[string][]Group {
	t.Helper()
	out := map[string][]Group{}
	for name, u := range map[string]Use{
		"plain":   {Server: "https://guichet.example", Agreement: "agr-1"},
		"whole":   {Server: "https://guichet.example", Issuer: "https://id.example", Agreement: "agr-1", Table: "plots", Split: "train", Run: "run-1", S3: true},
		"files":   {Server: "http://127.0.0.1:8080", Agreement: "agr-1", Table: "scans", Split: "all", Run: "run-1", S3: true, Files: true},
		"hostile": {Server: "http://" + hostile, Issuer: hostile, Agreement: hostile, Table: hostile, Split: hostile, Run: hostile, S3: true},
		"hostile files": {Server: "http://" + hostile, Issuer: hostile, Agreement: hostile, Table: hostile, Split: hostile, Run: hostile,
			S3: true, Files: true},
	} {
		u.Missing = "first paste the line"
		out[name] = Of(u)
	}
	return out
}

// code is the lines of one part.
func code(t *testing.T, groups []Group, id string) string {
	t.Helper()
	for _, g := range groups {
		for _, p := range g.Parts {
			if p.ID == id {
				return p.Code
			}
		}
	}
	t.Fatalf("there are no lines %q", id)
	return ""
}

// TestLines are what they were said to be.
func TestLines(t *testing.T) {
	t.Parallel()
	all := every(t)
	const stream = "https://guichet.example/api/v1/agreements/agr-1/stream"
	for _, c := range []struct{ of, id, want string }{
		{"plain", "python", `urllib.request.Request("` + stream + `?rows=20"`},
		{"plain", "pythonall", `urllib.request.Request("` + stream + `",`},
		{"plain", "curl", "-o all.arrows.part \\\n  " + stream + " && mv all.arrows.part all.arrows ||"},
		{"plain", "kit", "pip install https://guichet.example/kit/guichet-"},
		{"plain", "login", "guichet login --server https://guichet.example"},
		{"plain", "slurm", "guichet job-key agr-1 --for 10d"},
		{"whole", "login", "--issuer https://id.example"},
		{"whole", "duckdb", stream + "?rows=20&run=run-1&split=train&table=plots"},
		{"whole", "curlfirst", "'" + stream + "?rows=20&run=run-1&split=train&table=plots' && mv"},
		{"whole", "kitfirst", `site.dataset("agr-1", table="plots", split="train", run="run-1", prefetch=0)`},
		{"whole", "torch", `"agr-1", table="plots", split="train", run="run-1",`},
		{"whole", "stream", "guichet stream agr-1 --table plots --split train --run run-1 --out all.arrows"},
		{"whole", "mount", "guichet mount agr-1 --run run-1 data"},
		{"whole", "slurm", "guichet job-key agr-1 --run run-1 --for 10d"},
		{"whole", "s3", "aws s3 ls --recursive s3://agr-1/"},
		{"files", "python", "/api/v1/agreements/agr-1/manifest?run=run-1&split=all&table=scans"},
		{"files", "pythonall", `read("http://127.0.0.1:8080/api/v1/agreements/agr-1/objects/scans/all/" + urllib.parse.quote(name, safe="") + "?run=run-1")`},
	} {
		if got := code(t, all[c.of], c.id); !strings.Contains(got, c.want) {
			t.Errorf("%s %s lacks %s:\n%s", c.of, c.id, c.want, got)
		}
	}
	for name, groups := range all {
		var ids []string
		for _, g := range groups {
			for _, p := range g.Parts {
				ids = append(ids, p.ID)
			}
		}
		if slices.Sort(ids); len(slices.Compact(slices.Clone(ids))) != len(ids) {
			t.Errorf("%s: two parts have one name: %v", name, ids)
		}
	}
}

// TestNamesStayWords: a shell takes each word that a name stands in as that name, and runs nothing of it; all lines for a shell
// are whole, and so are all for Python.
func TestNamesStayWords(t *testing.T) {
	t.Parallel()
	python := sharedtest.Python(t)
	for name, groups := range every(t) {
		for _, g := range groups {
			for _, p := range g.Parts {
				checked := exec.Command("bash", "-n")
				if strings.HasPrefix(p.Code, "import ") {
					checked = exec.Command(python, "-c", "import ast, sys; ast.parse(sys.stdin.read())")
				}
				checked.Stdin = strings.NewReader(p.Code)
				if out, err := checked.CombinedOutput(); err != nil {
					t.Errorf("%s %s: %v %s\n%s", name, p.ID, err, out, p.Code)
				}
			}
		}
	}
	dir := t.TempDir()
	for _, s := range []string{hostile, "", "-rf", "plain", "a b", "~", "*"} {
		cmd := exec.Command("bash", "-c", "printf %s "+shell(s))
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil || string(out) != s {
			t.Errorf("%q is %q to a shell, %v", s, out, err)
		}
		out, err = exec.Command(python, "-c", "import sys; sys.stdout.buffer.write("+quoted(s)+".encode())").Output()
		if err != nil || string(out) != s {
			t.Errorf("%q is %q to Python, %v", s, out, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("a name ran: %v, %v", left, err)
	}
}

// TestWithoutLease: each line that needs one says so, in both languages, and leaves no file.
func TestWithoutLease(t *testing.T) {
	t.Parallel()
	catalogue, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range catalogue.Readers() {
		missing := r.T("use.missing")
		groups := Of(Use{Server: "http://127.0.0.1:1", Agreement: "agr-1", Missing: missing})
		for _, id := range []string{"python", "pythonall", "duckdb", "duckdball", "curl", "curlfirst"} {
			dir := t.TempDir()
			cmd := exec.Command("bash", "-c", code(t, groups, id))
			if !strings.HasPrefix(id, "curl") {
				cmd = exec.Command(sharedtest.Python(t), "-c", code(t, groups, id))
			}
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH")}
			out, err := cmd.CombinedOutput()
			left, _ := filepath.Glob(filepath.Join(dir, "*"))
			if err == nil || !strings.Contains(string(out), missing) || strings.Contains(string(out), "Traceback") || len(left) > 0 {
				t.Errorf("%s %s: %v %s, leaves %v", r.Tag, id, err, out, left)
			}
		}
	}
}

// TestOrder: what a line needs stands in a line before it: libraries, the kit, the sign-in.
func TestOrder(t *testing.T) {
	t.Parallel()
	for name, groups := range every(t) {
		had := map[string]bool{}
		for _, g := range groups {
			for _, p := range g.Parts {
				for needed, word := range map[string]string{"login": "guichet stream", "kit": "import guichet", "pip": "duckdb.sql"} {
					if strings.Contains(p.Code, word) && !had[needed] {
						t.Errorf("%s: %s has no %s before it", name, p.ID, needed)
					}
				}
				had[p.ID] = true
			}
		}
	}
	kit := Kit(Use{Server: "https://guichet.example", Agreement: "agr-1"})
	if len(kit) != 2 || !strings.HasPrefix(kit[0], "pip install https://") || !strings.Contains(kit[1], `guichet.connect().dataset("agr-1")`) {
		t.Errorf("%q", kit)
	}
}

// TestIDsOfSchemas: ids are words that need no quotes.
func TestIDsOfSchemas(t *testing.T) {
	t.Parallel()
	if id := string(schemas.NewRunID()); shell(id) != id {
		t.Errorf("%s is quoted as %s", id, shell(id))
	}
}
