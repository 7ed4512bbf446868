package web

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"guichet/schemas"
)

// TestOrigins: splits and tables of one version under one agreement are one origin; another agreement is another.
func TestOrigins(t *testing.T) {
	t.Parallel()
	got := origins([]schemas.RunInput{
		{Dataset: "ds-1", Agreement: "agr-1", Version: "a", Table: "plots", Split: "train"},
		{Dataset: "ds-2", Agreement: "agr-2", Version: "a", Table: "load"},
		{Dataset: "ds-1", Agreement: "agr-1", Version: "a", Table: "plots", Split: "test"},
		{Dataset: "ds-1", Agreement: "agr-1", Version: "a", Table: "weather"},
		{Dataset: "ds-1", Agreement: "agr-3", Version: "a", Table: "plots"},
	})
	want := []origin{
		{"ds-1", "", "agr-1", "a", []string{"plots", "weather"}}, {"ds-2", "", "agr-2", "a", []string{"load"}}, {"ds-1", "", "agr-3", "a", []string{"plots"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// TestLineageOfARun: each dataset by the agreement that permits it to the run and what came out; of many outputs the rest
// is counted; a permit that the reader may not know has no purpose, and a dataset that she may not see its id alone.
func TestLineageOfARun(t *testing.T) {
	t.Parallel()
	run := schemas.Run{ID: "run-7", ExternalID: "night", Project: "crops", Inputs: []schemas.RunInput{
		{Dataset: "ds-1", Provider: "https://p.example", Agreement: "agr-1", Version: "v1", Table: "plots"},
		{Dataset: "ds-9", Provider: "https://q.example", Agreement: "agr-9", Version: "v2", Table: "load", AtMost: true},
	}}
	for i := range mostOutputs + 2 {
		run.Outputs = append(run.Outputs, schemas.Output{Kind: "model", Name: fmt.Sprint("weights ", i), Digest: fmt.Sprint("sha256:", i)})
	}
	a := everything()
	a.answers["GET /runs/run-7"] = run
	a.answers["GET /datasets/ds-1"] = schemas.Dataset{ID: "ds-1", Title: schemas.Text{"en": "Wheat"}, Source: "portal", Provider: "https://p.example"}
	a.answers["GET /agreements/agr-1"] = schemas.Agreement{ID: "agr-1", Purpose: "train-model"}
	body := visited(site(t, a, "token"), http.MethodGet, "/runs/run-7", nil).Body.String()
	for _, want := range []string{
		`<a href="/datasets/ds-1"><bdi>Wheat</bdi></a> <small><bdi>v1 · portal</bdi></small>`,
		`<td><bdi>ds-9</bdi> <small><bdi>v2 · q.example</bdi></small></td>`,
		`<a href="/agreements/agr-1"><bdi>training, testing and evaluating algorithms</bdi></a>`,
		`<a href="/agreements/agr-9"><bdi>agr-9</bdi></a>`,
		`<a href="/runs/run-7"><bdi>night</bdi></a>`, `weights 5`, `and 2 more`, "2 sources, 2 permits, 1 run, 7 outputs",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("it lacks %s: %s", want, body)
		}
	}
	lineage, _, _ := strings.Cut(body, `id="flow"`)
	if strings.Contains(lineage, "weights 6</text>") {
		t.Error("all outputs are drawn")
	}
	run.Inputs, run.Outputs = nil, nil
	a.answers["GET /runs/run-7"] = run
	body = visited(site(t, a, "token"), http.MethodGet, "/runs/run-7", nil).Body.String()
	if !strings.Contains(body, "Nothing was read in its name yet.") || strings.Contains(body, `id="lineage"`) {
		t.Errorf("a run without anything: %s", body)
	}
}
