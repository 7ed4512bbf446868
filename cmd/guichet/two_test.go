package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guichet/catalog/harvest"
	"guichet/cmd/guichet/demo"
	"guichet/schemas"
)

// settings adds lines to the settings of a gateway, which is started anew on the same port.
func (g *testGateway) settings(lines string) {
	g.t.Helper()
	g.stop()
	f, err := os.OpenFile(filepath.Join(g.data, "guichet.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(lines)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		g.t.Fatal(err)
	}
	g.args = append(g.args, "--listen", strings.TrimPrefix(g.base, "http://"))
	g.start()
}

// TestTwoGuichets: what is registered at one is found at the other within five seconds, marked as
// held elsewhere; who asks for it there is told where to ask, and gets it there.
func TestTwoGuichets(t *testing.T) {
	t.Parallel()
	there, here := newGateway(t, ""), newGateway(t, "")
	there.settings("public_url: " + there.base + "\n")
	here.settings("harvest_networks: [127.0.0.0/8]\n")
	there.populate()
	here.populate()
	here.post("operator", "/sources", harvest.Catalogue{ID: "there", URL: there.base, Kind: harvest.Guichet}, nil)
	first := there.published("Wheat of the other Guichet", csvRows(100, 0))
	registered := time.Now()
	var hits schemas.Page[schemas.Hit]
	for len(hits.Items) == 0 {
		here.get("trainer", "/datasets?q=wheat", &hits)
		if time.Since(registered) > 30*time.Second {
			t.Fatal("what was registered there is not found here after 30 seconds")
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("found after %s", time.Since(registered).Round(time.Millisecond))
	h := hits.Items[0]
	page := there.base + "/datasets/" + string(first.ID)
	if h.Access != schemas.MarkElsewhere || len(h.Links) != 1 || h.Links[0].URL != page || h.ID == first.ID {
		t.Errorf("%+v", h)
	}
	var r schemas.Request
	here.post("trainer", "/requests", demo.Requested("crop-yield", h.ID), &r)
	if why := r.Items[0].Decision.Reasons; r.State != schemas.RequestRefused || len(why) != 1 || why[0].Rule != "dataset.elsewhere" ||
		!strings.Contains(why[0].Remedy, "guichet --server "+there.base+" request "+string(first.ID)) {
		t.Errorf("%+v", why)
	}
	if there.granted(first.ID)[0] == "" {
		t.Error("there it is not granted")
	}
	err := there.as("agronomy").Do(t.Context(), "DELETE", "/datasets/"+string(first.ID)+"?revoke=true", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for len(hits.Items) > 0 {
		hits = schemas.Page[schemas.Hit]{}
		here.get("trainer", "/datasets?q=wheat", &hits)
		if time.Since(registered) > time.Minute {
			t.Fatal("what was withdrawn there is still found here")
		}
		time.Sleep(50 * time.Millisecond)
	}
}
