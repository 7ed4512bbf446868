package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/cmd/guichet/demo"
	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// comparison is one split of one table beside the file that it was published from.
type comparison struct {
	Name       string              `json:"name"`
	Agreement  schemas.AgreementID `json:"agreement"`
	Table      string              `json:"table"`
	Split      string              `json:"split"`
	File       string              `json:"file"`
	CSV        *schemas.CSV        `json:"csv,omitempty"`
	Pseudonyms []string            `json:"pseudonyms,omitempty"`
}

// TestSetsReadBack: the real files of all four spaces, and made sets of each,
// registered, published and asked for as the demo does it, come back over HTTP and
// Flight as others read them from the source: for worlds of 1, 2, 3 and 8 ranks, in
// order without a seed, each row once with one, and when an epoch goes on 8→6→3→8.
func TestSetsReadBack(t *testing.T) {
	if testing.Short() {
		t.Skip("not tested here: -short leaves the whole sets out")
	}
	t.Parallel()
	python := os.Getenv("GUICHET_PYTHON")
	if python == "" || exec.Command(python, "-c", "import pyarrow, duckdb").Run() != nil {
		lacking(t, "not tested here: GUICHET_PYTHON names no interpreter with pyarrow and duckdb; make setup installs them")
	}
	if demo.SharedFiles() == "" {
		lacking(t, "not tested here: there is no folder with real files (GUICHET_SHARED)")
	}
	g := newGateway(t, "")
	g.populate()
	// A factory that is proven to be where this test runs: health data comes too.
	g.post("operator", "/factories", schemas.Factory{ID: "here", Name: "Here", Country: "FI", Egress: []string{"127.0.0.1/32"}, Secure: true}, nil)
	g.post("trainer", "/projects", schemas.Project{ID: "sets", Title: "Sets", Factory: "here", Purposes: []string{"scientific-research"}}, nil)
	s := demo.NewStory(&terminal.Terminal{Out: io.Discard, Err: io.Discard, JSON: true}, g.rig, nil, "", 0, serve.Addresses{HTTP: g.base})
	var ids []schemas.DatasetID
	var all [][]comparison // by dataset
	for _, r := range demo.RealDatasets() {
		v, err := s.PublishReal(t.Context(), demo.SharedFiles(), r)
		if err != nil {
			t.Fatalf("%s: %v", terminal.Title(r.Dataset.Title), err)
		}
		t.Logf("%s: %d rows in %d tables", terminal.Title(r.Dataset.Title), v.Rows, v.Tables)
		ids = append(ids, s.Dataset("real-"+r.Persona).ID)
		all = append(all, comparisonsOfReal(r))
	}
	made := filepath.Join(t.TempDir(), "made")
	err := g.rig.MakeData(t.Context(), made, 24)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"agronomy/winter-wheat-trials", "agronomy/vineyard-phenology", "grid/household-load-curves", "transit/bus-punctuality", "transit/bicycle-counters", "hospital/icu-vital-signs"} {
		d, _, err := s.Publish(t.Context(), filepath.Join(made, name, "dataset.yaml"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ids = append(ids, d.ID)
		all = append(all, comparisonsOfMade(t, filepath.Join(made, name), d))
	}
	agreements := g.reviewed("sets", ids...)
	var plan []comparison
	for i, cs := range all {
		for _, c := range cs {
			c.Agreement = agreements[i]
			plan = append(plan, c)
		}
	}
	file := filepath.Join(t.TempDir(), "sets.json")
	b, err := json.Marshal(plan)
	if err == nil {
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "testdata/sets.py", g.base, g.flight, g.lease(agreements...).Token, file).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("sets.py: %v", err)
	}
	g.verify()
}

// reviewed asks for datasets, lets the hospital say yes to its own, and gives the
// agreements in the same order.
func (g *testGateway) reviewed(project string, ids ...schemas.DatasetID) []schemas.AgreementID {
	g.t.Helper()
	var r schemas.Request
	g.post("trainer", "/requests", demo.Requested(project, ids...), &r)
	g.post("hospital", "/requests/"+string(r.ID)+"/review", map[string]string{"decision": "grant", "reason": "a test"}, &r)
	g.get("trainer", "/requests/"+string(r.ID), &r)
	var out []schemas.AgreementID
	for _, it := range r.Items {
		if it.Agreement == "" {
			g.t.Fatalf("%s is %s: %+v", it.Dataset, it.State, it.Decision)
		}
		out = append(out, it.Agreement)
	}
	return out
}

func comparisonsOfReal(r demo.RealData) []comparison {
	var out []comparison
	for _, f := range r.Files {
		table, path, _ := strings.Cut(f, "=")
		c := comparison{Name: filepath.Base(filepath.Dir(path)), Table: table, Split: "all", File: filepath.Join(demo.SharedFiles(), "data", path)}
		for _, info := range r.Dataset.Tables {
			if info.Name == table {
				c.CSV, c.Pseudonyms = info.CSV, identifying(r.Dataset.Space, info)
			}
		}
		out = append(out, c)
	}
	return out
}

// comparisonsOfMade: one file per split, beside the documents.
func comparisonsOfMade(t *testing.T, dir string, d schemas.Dataset) []comparison {
	t.Helper()
	var out []comparison
	for _, info := range d.Tables {
		files, err := filepath.Glob(filepath.Join(dir, info.Name, "*", "part-*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no files of table %s: %v", dir, info.Name, err)
		}
		for _, f := range files {
			out = append(out, comparison{Name: filepath.Base(dir), Table: info.Name, Split: filepath.Base(filepath.Dir(f)), File: f, Pseudonyms: identifying(d.Space, info)})
		}
	}
	return out
}

// identifying gives the columns that the health space's baseline pseudonymises.
func identifying(space schemas.SpaceID, t schemas.TableInfo) []string {
	var out []string
	for _, f := range t.Fields {
		if space == "health" && f.Sensitivity == schemas.SensitivityIdentifies {
			out = append(out, f.Name)
		}
	}
	return out
}
