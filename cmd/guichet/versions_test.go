package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"guichet/schemas"
)

// What is shown of a version's columns is what its streams say: a unit that was changed
// since holds from the next version on.
func TestShowsTheVersionsOwnUnits(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := wheat("Units")
	d.Tables = []schemas.TableInfo{{Name: "data", Fields: []schemas.Field{{Name: "y", Unit: "t/ha"}}}}
	id := g.publishedAs(d, []byte("y\n1.5\n"))
	run := g.home("agronomy")
	d.Tables[0].Fields[0].Unit = "kg"
	if err := g.as("agronomy").Do(t.Context(), "PUT", "/datasets/"+string(id), d, nil); err != nil {
		t.Fatal(err)
	}
	out, err := run("show", string(id))
	if err != nil || !strings.Contains(out, "y float64 in t/ha; in kg from the next version on") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Whoever stops waiting for a publication reads that it goes on, and how to give it up.
func TestStoppingToWaitIsNoEnd(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // a gateway that publishes for long
		_ = json.NewEncoder(w).Encode(schemas.VersionSummary{Version: "v1", State: schemas.VersionPublishing, Shards: 9})
		if r.Method == http.MethodGet {
			interrupt() // the command waits by now
		}
	}))
	t.Cleanup(site.Close)
	file := written(t, t.TempDir(), "publication.yaml", "{version: v1, tables: [{name: data, splits: [{keys: [a.csv]}]}]}")
	var out, errs bytes.Buffer
	status := execute(ctx, []string{"--server", site.URL, "publish", "ds-x", "--file", file}, nil, &out, &errs)
	if status == 0 || !strings.Contains(errs.String(), "goes on with version v1") || !strings.Contains(errs.String(), "guichet withdraw ds-x v1") {
		t.Errorf("status %d, %s%s", status, &out, &errs)
	}
}
