package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/policy/report"
	"guichet/schemas"
)

// clientAsk is one part of an agreement that a job streams.
type clientAsk struct {
	Agreement schemas.AgreementID `json:"agreement"`
	Run       schemas.RunID       `json:"run,omitempty"`
	Query     map[string]string   `json:"query"`
	Most      int                 `json:"most,omitempty"`
}

// clientGot is what a job kept of a release.
type clientGot struct {
	Release     string              `json:"release"`
	Agreement   schemas.AgreementID `json:"agreement"`
	Rows, Bytes int64
	Digests     map[string]string `json:"digests"`
	Whole       bool              `json:"whole"`
}

// farmRows are rows with something to hide, and something to give other names.
func farmRows(n, from int) []byte {
	var b bytes.Buffer
	b.WriteString("farm,field,yield,owner\n")
	for i := range n {
		fmt.Fprintf(&b, "farm-%d,%d,%d.25,owner %d\n", (from+i)%17, from+i, (from+i)%9, (from+i)%5)
	}
	return b.Bytes()
}

// reproducing is a world whose releases are streamed by pyarrow, and again by the dossier's script.
type reproducing struct {
	*testGateway
	test        *testing.T
	dir, python string
}

// script runs Python in the test's folder.
func (r *reproducing) script(in []byte, args ...string) []byte {
	r.t.Helper()
	cmd := exec.Command(r.python, args...)
	var words bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = r.dir, bytes.NewReader(in), &words
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("%v: %v\n%s\n%s", args, err, words.String(), out)
	}
	return out
}

// jsonLines reads lines of JSON.
func jsonLines[T any](t *testing.T, b []byte) (out []T) {
	t.Helper()
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var x T
		err := d.Decode(&x)
		if err == io.EOF { //nolint:errorlint // a decoder's own
			return out
		}
		if err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		out = append(out, x)
	}
}

// edited publishes farms whose owners are hidden and whose names are pseudonyms.
func (r *reproducing) edited() schemas.DatasetID {
	r.t.Helper()
	id := r.publishedAs(wheat("Farms"), farmRows(900, 0), farmRows(700, 900))
	err := r.as("agronomy").Do(r.t.Context(), http.MethodPut, "/datasets/"+string(id)+"/offer", map[string]any{"rules": []schemas.Rule{{
		Kind: schemas.Permission, Actions: []string{"use"}, Duties: []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"owner"}},
			{Kind: schemas.DutyPseudonymise, Columns: []string{"farm"}}}}}}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// files keeps the sample and the dossier as at a checkpoint, with the script that is in it.
func (r *reproducing) files() {
	r.t.Helper()
	var now report.Document
	r.get("officer", "/reports/sample?size=60&seed=an+auditor", &now)
	for name, path := range map[string]string{
		"sample.json": fmt.Sprintf("/reports/sample?size=60&seed=an+auditor&at=%d", now.Checkpoint.Size),
		"dossier.zip": fmt.Sprintf("/reports/dossier?project=crop-yield&at=%d", now.Checkpoint.Size),
	} {
		var b []byte
		r.get("officer", path, &b)
		written(r.test, r.dir, name, string(b))
	}
	z, err := zip.OpenReader(filepath.Join(r.dir, "dossier.zip"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open("reproduce.py")
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		r.t.Fatal(err)
	}
	written(r.test, r.dir, "reproduce.py", string(b))
}

// found is what the script says of a release.
type found struct {
	Release, State, Result, Why string
	Agreement                   schemas.AgreementID
	Rows                        int64
}

// again runs the dossier's script on the sample.
func (r *reproducing) again() []found {
	r.t.Helper()
	written(r.test, r.dir, "token", bearer(r.t, r.testGateway, "trainer"))
	out := r.script(nil, "reproduce.py", "--dossier", "dossier.zip", "--sample", "sample.json", "--kept", "kept.jsonl", "--gateway", r.base,
		"--token-file", "token")
	all := jsonLines[found](r.test, out)
	if len(all) != 60 {
		r.t.Errorf("of 60 releases %d are told", len(all))
	}
	return all
}

// Of 60 releases that are drawn the dossier's own script, which knows nothing but the dossier and the API, streams each
// again: the same rows come, value by value, under the same versions, views and cuts; where they cannot, it
// says why. The reports' sums are what pyarrow counted at the client.
func TestReleasesAreReproduced(t *testing.T) {
	t.Parallel()
	python := os.Getenv("GUICHET_PYTHON")
	if python == "" || exec.Command(python, "-c", "import pyarrow").Run() != nil {
		lacking(t, "not tested here: GUICHET_PYTHON names no interpreter with pyarrow; make setup installs it")
	}
	r := &reproducing{testGateway: newGateway(t, ""), test: t, dir: t.TempDir(), python: python}
	r.populate()
	plain := r.published("Plain", farmRows(1000, 0), farmRows(1000, 1000))
	first := r.granted(plain.ID)[0]
	r.post("agronomy", "/datasets/"+string(plain.ID)+"/versions", r.publication("v2", r.put("more", farmRows(500, 5000), farmRows(600, 6000))), nil)
	_, err := r.as("agronomy").WaitPublished(t.Context(), plain.ID, "v2", nil)
	if err != nil {
		t.Fatal(err)
	}
	long := r.published("Long", csvRows(30_000, 0), csvRows(30_000, 30_000), csvRows(30_000, 60_000)) // more than the buffers of both ends hold
	edited := r.edited()
	gone := r.published("Gone", farmRows(300, 0))
	granted := r.granted(plain.ID, edited, long.ID, gone.ID)
	var run schemas.Run
	r.post("trainer", "/runs", map[string]string{"project": "crop-yield"}, &run)
	var asks []clientAsk
	for i := range 12 {
		rank := map[string]string{"world": "3", "rank": fmt.Sprint(i % 3), "seed": fmt.Sprint(i / 3), "epoch": fmt.Sprint(i % 2)}
		asks = append(asks, clientAsk{granted[1], run.ID, maps.Clone(rank), 0}, clientAsk{granted[1], "", maps.Clone(rank), 0})
		of := []schemas.AgreementID{first, granted[0]}[i%2]
		rank["version"] = []string{"v1", "v2"}[i%2]
		asks = append(asks, clientAsk{of, run.ID, maps.Clone(rank), 0})
		rank["columns"], rank["from"], rank["order"] = "yield,farm", "7", "2"
		asks = append(asks, clientAsk{of, "", rank, 0})
		if i%2 == 0 {
			asks = append(asks, clientAsk{granted[2], "", map[string]string{"seed": fmt.Sprint(i), "shuffle": "windows"}, 1000 + 100*i},
				clientAsk{granted[3], "", map[string]string{"rows": fmt.Sprint(10 + i)}, 0})
		}
	}
	var in bytes.Buffer
	for _, a := range asks {
		err := json.NewEncoder(&in).Encode(a)
		if err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs(filepath.Join(root, "policy/report/dossier/templates/reproduce.py"))
	if err != nil {
		t.Fatal(err)
	}
	job, err := filepath.Abs("testdata/client.py")
	if err != nil {
		t.Fatal(err)
	}
	written(t, r.dir, "token", bearer(t, r.testGateway, "trainer"))
	got := jsonLines[clientGot](t, r.script(in.Bytes(), job, script, r.base, "token"))
	if len(got) != len(asks) {
		t.Fatalf("%d streams of %d", len(got), len(asks))
	}
	var kept bytes.Buffer
	for _, g := range got {
		if g.Whole {
			err := json.NewEncoder(&kept).Encode(g)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	written(t, r.dir, "kept.jsonl", kept.String())
	r.counted(got, map[schemas.AgreementID]schemas.DatasetID{first: plain.ID, granted[0]: plain.ID,
		granted[1]: edited, granted[3]: gone.ID})
	err = r.withdraw(t.Context(), gone.ID)
	if err != nil {
		t.Fatal(err)
	}
	r.files()
	states, same, lost := map[string]int{}, map[schemas.AgreementID]int{}, 0
	for _, x := range r.again() {
		switch {
		case x.Agreement == granted[3] && x.Result == "cannot" && strings.Contains(x.Why, "revoked"):
			lost++
		case x.Result != "same" || x.Agreement == granted[3]:
			t.Errorf("%+v", x)
		default:
			states[x.State]++
			same[x.Agreement]++
		}
	}
	if lost == 0 || states["complete"] < 30 || states["complete"] == same[first]+same[granted[0]]+same[granted[1]]+same[granted[2]] || len(same) != 4 {
		t.Errorf("%v by state, %v by agreement, %d cannot come again: not all cases are among those drawn", states, same, lost)
	}

	r.stop()
	err = os.WriteFile(filepath.Join(r.data, "keys", "pseudonym.key"), []byte(strings.Repeat("5a", 32)+"\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	r.start()
	for _, x := range r.again() {
		switch x.Agreement {
		case granted[1]:
			if x.Result != "cannot" || !strings.Contains(x.Why, "pseudonyms are others, in farm: the key that they are made with was changed") {
				t.Errorf("after the key was changed: %+v", x)
			}
		case granted[3]:
		default:
			if x.Result != "same" {
				t.Errorf("what has no pseudonyms: %+v", x)
			}
		}
	}
}

// counted holds the sums of reports against what the client counted, by dataset; of are those of agreements.
func (r *reproducing) counted(got []clientGot, of map[schemas.AgreementID]schemas.DatasetID) {
	r.t.Helper()
	sums := map[schemas.DatasetID]*[3]int64{}
	for _, g := range got {
		id := of[g.Agreement]
		if sums[id] == nil {
			sums[id] = &[3]int64{}
		}
		s := sums[id]
		s[0], s[1], s[2] = s[0]+1, s[1]+g.Rows, s[2]+g.Bytes
	}
	delete(sums, "")
	for id, sum := range sums {
		exact, most := r.reported("/reports/uses?dataset=" + string(id))
		if exact != *sum || most != [3]int64{} {
			r.t.Errorf("of %s the report sums %v and at most %v, the client counted %v", id, exact, most, *sum)
		}
	}
}
