package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"guichet/cmd/guichet/demo"
	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// trial runs connectors/python/examples/train.py on one of its sets.
type trial struct {
	t   *testing.T
	set string
	dir string
	env []string
}

// command runs lines as a person types them.
func (r *trial) command(lines string) string {
	r.t.Helper()
	cmd := exec.Command("bash", "-eu", "-c", lines)
	cmd.Dir, cmd.Env = r.dir, r.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v\n%s", lines, err, out)
	}
	return string(out)
}

// losses are those that a run wrote.
func (r *trial) losses(name string) (out []float64) {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, name))
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// same runs the example from the files of each door, in one process, and compares the losses.
func (r *trial) same(want []float64, doors map[string]string) {
	r.t.Helper()
	const several = `import json, os, runpy, sys
train, name = os.environ["TRAIN"], os.environ["SET"].split()
for door, files in json.loads(os.environ["DOORS"]).items():
    sys.argv = [train, *name, "--losses", door + ".json", "--checkpoint", door + ".pt", "--files", files]
    runpy.run_path(train, run_name="__main__")
`
	b, err := json.Marshal(doors)
	if err != nil {
		r.t.Fatal(err)
	}
	r.env = append(r.env, "DOORS="+string(b))
	r.command("python3 -c '" + several + "'")
	for door := range doors {
		if got := r.losses(door + ".json"); !slices.Equal(got, want) {
			r.t.Errorf("%s, %s: the losses are %v, not %v", r.set, door, got, want)
		}
	}
}

// A training on the real sets that is killed with kill -9 and goes on with another number of ranks
// ends with the losses of one that was left alone; the same from files of every door.
func TestTrainingGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("not tested here: -short leaves the whole sets out")
	}
	t.Parallel()
	python, kit := torchPython(t), installedKit(t)
	if demo.SharedFiles() == "" {
		lacking(t, "not tested here: there is no folder with real files (GUICHET_SHARED)")
	}
	g := newGatewayWith(t, "--s3-listen", ":0")
	g.populate()
	here := schemas.Factory{ID: "here", Name: "Here", Country: "FI", Egress: []string{"127.0.0.1/32"}, Secure: true}
	g.post("operator", "/factories", here, nil)
	g.post("trainer", "/projects", schemas.Project{ID: "sets", Title: "Sets", Factory: "here", Purposes: []string{"scientific-research"}}, nil)
	s := demo.NewStory(&terminal.Terminal{Out: io.Discard, Err: io.Discard, JSON: true}, g.rig, nil, "", 0, serve.Addresses{HTTP: g.base})
	tables := map[string]string{"hospital": "mimic events", "transit": "riga stop-times"}
	var sets []string
	var ids []schemas.DatasetID
	for _, r := range demo.RealDatasets() {
		if tables[r.Persona] == "" {
			continue
		}
		_, err := s.PublishReal(t.Context(), demo.SharedFiles(), r)
		if err != nil {
			t.Fatal(err)
		}
		id := s.Dataset("real-" + r.Persona).ID
		if r.Persona == "transit" {
			terms := map[string]any{"template": "open-with-attribution", "stage": true}
			err = g.as(r.Persona).Do(t.Context(), http.MethodPut, "/datasets/"+string(id)+"/offer", terms, nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		sets, ids = append(sets, tables[r.Persona]), append(ids, id)
	}
	if len(ids) != 2 {
		t.Fatalf("%d of two sets are known", len(ids))
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "examples.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(string(page))
	train, err := filepath.Abs(filepath.Join(root, "connectors", "python", "examples", "train.py"))
	if err != nil || block == nil {
		t.Fatalf("docs/examples.md shows no training: %v", err)
	}
	token := written(t, t.TempDir(), "token", bearer(t, g, "trainer"))
	for i, id := range g.reviewed("sets", ids...) {
		set, table, _ := strings.Cut(sets[i], " ")
		t.Run(set, func(t *testing.T) {
			key := g.lease(id).S3
			r := &trial{t, set, t.TempDir(), append(os.Environ(), "PATH="+filepath.Dir(python)+":"+os.Getenv("PATH"), "PYTHONPATH="+kit,
				"OMP_NUM_THREADS=1", "GUICHET_SERVER="+g.base, "GUICHET_TOKEN_FILE="+token, "AGREEMENT="+string(id),
				"SET="+set+" --epochs 1", "TRAIN="+train, "AWS_ACCESS_KEY_ID="+key.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey,
				"AWS_EC2_METADATA_DISABLED=true")}
			out := r.command(block[1])
			for _, want := range []string{"killed with -9", "goes on after step 40 on 3 ranks", "the same losses"} {
				if !strings.Contains(out, want) {
					t.Errorf("the example says nothing of %q:\n%s", want, out)
				}
			}
			want := r.losses("undisturbed.json")
			if len(want) < 60 || want[len(want)-1] > want[0]/2 {
				t.Errorf("it learns nothing: %v", want)
			}
			m := &mounted{t: t, g: g, id: id, env: r.env}
			folder, stop := m.mount()
			at := fmt.Sprintf("%s/real/%s/all", id, table)
			s3 := fmt.Sprintf("s3://%s?endpoint_override=%s&scheme=http&region=us-east-1", at, strings.TrimPrefix(g.s3, "http://"))
			r.command("! python3 $TRAIN $SET --checkpoint s3.pt --killed-at 50 --files '" + s3 + "'")
			doors := map[string]string{"mount": filepath.Join(folder, table, "all"), "s3": s3, "fsspec": "fsspec+guichet://" + at}
			if set == "riga" { // whose terms permit it
				copied := filepath.Join(r.dir, "copied")
				said, err := m.runs(r.env, "stage", string(id), copied)
				if err != nil {
					t.Fatalf("it is staged with %v: %s", err, said)
				}
				staged := &mounted{t: t, g: g, id: schemas.AgreementID(copied), env: os.Environ()}
				folder, stop := staged.mount()
				defer func() { _, _ = stop() }()
				doors["staged"] = filepath.Join(folder, table, "all")
			}
			r.same(want, doors)
			said, err := stop()
			if err != nil {
				t.Errorf("the mount ends with %v: %s", err, said)
			}
		})
	}
	g.verify()
}
