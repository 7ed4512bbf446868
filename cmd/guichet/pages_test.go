package main

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"guichet/cmd/guichet/session"
	"guichet/schemas"
)

// page runs the blocks of a page of docs/, as they stand there and in their order, in one
// folder, and gives what each printed.
func (g *testGateway) page(t *testing.T, name, who string, known map[string]string, after func(i int, out string)) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "guichet"))
	}
	if err != nil {
		t.Fatal(err)
	}
	p := g.rig.Persona(who)
	written(t, dir, who+".secret", p.Secret)
	written(t, dir, "token", known["TOKEN"])
	home := filepath.Join(dir, "home")
	err = session.KeepIn(home, session.Session{Server: g.base, Issuer: p.Issuer, ClientID: p.ID}, p.Secret)
	if err != nil {
		t.Fatal(err)
	}
	known["GUICHET"], known["FLIGHT"], known["ISSUER"], known["GUICHET_HOME"] = g.base, "grpc://"+g.flight, p.Issuer, home
	blocks := regexp.MustCompile("(?s)```(sh|python)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if strings.Count(string(text), "```") != 2*len(blocks) || len(blocks) < 4 {
		t.Fatalf("%s has blocks of other kinds than sh and python", name)
	}
	for i, b := range blocks {
		cmd := exec.Command("bash", "-eu", written(t, dir, "block.sh", b[2]))
		if b[1] == "python" {
			python := cmp.Or(known["PYTHON"], os.Getenv("GUICHET_PYTHON"))
			if strings.Contains(b[2], "guichet.torch") {
				python = torchPython(t)
			}
			cmd = exec.Command(python, written(t, dir, "block.py", b[2]))
		}
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HF_HOME="+filepath.Join(dir, "hf"), "HF_HUB_OFFLINE=1")
		for k, v := range known {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("block %d of %s: %v\n%s\n%s", i+1, name, err, b[2], out)
		}
		after(i, string(out))
	}
}

// What the page for trainers says works as it stands there.
func TestTrainingPage(t *testing.T) {
	t.Parallel()
	python := os.Getenv("GUICHET_PYTHON")
	if python == "" || exec.Command(python, "-c", "import pyarrow.flight, polars, duckdb, datasets").Run() != nil {
		lacking(t, "not tested here: GUICHET_PYTHON names no interpreter with pyarrow, polars, duckdb and datasets; make setup installs them")
	}
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		lacking(t, "not tested here: this machine mounts nothing: %v", err)
	} else {
		_ = f.Close()
	}
	g := newGateway(t, "")
	g.populate()
	d := wheat("Winter wheat by field")
	d.Tables = []schemas.TableInfo{{Name: "data", Fields: []schemas.Field{{Name: "yield", Unit: "t/ha", Description: schemas.Text{"en": "grain yield"}}}}}
	rows := "field,yield,note\n" + strings.Repeat("a,7.5,x\nb,8.25,y\n", 75)
	id := g.publishedAs(d, []byte(rows), []byte(rows))
	known := map[string]string{"DATASET": string(id), "PYTHONPATH": installedKit(t), "TOKEN": bearer(t, g, "trainer")}
	want := [][]string{
		{"signed in at", "● now", "yield float64 in t/ha: grain yield", "Yes", "granted", string(id)},
		{"500 rows made up", "500 ['field', 'yield', 'note'] {b'guichet.stand_in': b'made-up rows in place of " + string(id)},
		{""},
		{"good until", "nothing limits them", "the job reads 600 rows", "300 rows", "night-run"},
		{`"token":"lease-`},
		{"300 rows", "run-", "in: " + string(id), "300 rows", "out: model model sha256:"},
		{"150 rows", "140 rows"},
		{"['now'", "data all 300 ['field', 'yield']", "60 rel- 7.8"},
		{"7 torch.float64 ", " 150"},
		{"180 3"},
		{"300 {b'description': b'grain yield', b'unit': b't/ha'}"},
		{"150"},
		{"300 7.875 [(300,)]", "'field': 'a', 'yield': 7.5"},
		{"2 7.875", "300 [(300,)] 150", "{'field': 'a', 'yield': 7.5"},
		{"300 rows from files", "0.arrow\n1.arrow"},
	}
	g.page(t, "training.md", "trainer", known, func(i int, out string) {
		if i == 0 {
			known["AGREEMENT"] = regexp.MustCompile(`agr-[a-z0-9]{20}`).FindString(out)
		}
		if i >= len(want) {
			t.Fatalf("block %d is not known: %s", i+1, out)
		}
		for _, w := range want[i] {
			if !strings.Contains(out, w) {
				t.Errorf("block %d says nothing of %q:\n%s", i+1, w, out)
			}
		}
	})
}

// What the page for providers says works as it stands there.
func TestProvidingPage(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	g.post("trainer", "/projects", schemas.Project{ID: "forecasts", Title: "Crop yield", Description: "Forecasts", Factory: "leonardo", Purposes: []string{"train-model"}}, nil)
	known := map[string]string{}
	want := [][]string{
		{"ds-"}, {"the terms of"}, {"is published", "2 rows", "Einsteiger int64 in {passengers}: boardings"},
		{"is tried: 1 table", "nothing is published"},
		{"pending", "https://crop-ai.example", "Forecasts", "to ask back: lab@crop-ai.example", "granted, agreement agr-"},
		{"active", "no stream", "review", "by offer.review", "verify it anywhere", "is revoked", "is withdrawn"},
	}
	g.page(t, "providing.md", "transit", known, func(i int, out string) {
		for _, w := range want[i] {
			if !strings.Contains(out, w) {
				t.Errorf("block %d says nothing of %q:\n%s", i+1, w, out)
			}
		}
		switch i {
		case 0:
			known["DATASET"] = regexp.MustCompile(`ds-[a-z0-9]{20}`).FindString(out)
		case 2:
			var r schemas.Request
			g.post("trainer", "/requests", map[string]any{"project": "forecasts", "contact": "mailto:lab@crop-ai.example", "items": []map[string]string{{"dataset": known["DATASET"]}}}, &r)
			known["REQUEST"] = string(r.ID)
		case 4:
			known["AGREEMENT"] = regexp.MustCompile(`agr-[a-z0-9]{20}`).FindString(out)
		}
	})
}
