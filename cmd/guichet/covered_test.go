package main

import (
	"net/http"
	"strings"
	"testing"

	"guichet/cmd/guichet/demo"
	"guichet/schemas"
)

// publishMore publishes another version of a dataset and waits for it.
func (g *testGateway) publishMore(id schemas.DatasetID, version string, shards ...[]byte) {
	g.t.Helper()
	prefix := g.put(string(id)+"-"+version, shards...)
	g.post("agronomy", "/datasets/"+string(id)+"/versions", g.publication(version, prefix), nil)
	_, err := g.as("agronomy").WaitPublished(g.t.Context(), id, schemas.VersionID(version), nil)
	if err != nil {
		g.t.Fatal(err)
	}
}

// Terms that hide a column under another name than it has in the data would hide
// nothing: the request is refused, and says which column.
func TestTermsMustResolve(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.offered("Herds", "open-with-attribution")
	err := g.as("agronomy").Do(t.Context(), http.MethodPut, "/datasets/"+string(d.ID)+"/offer", map[string]any{"template": "open-with-attribution", "hide": []string{"Farm_Name"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g.publishMore(d.ID, "v1", []byte("farm_name,yield\nA,1\nB,2\n"))
	var r schemas.Request
	g.post("trainer", "/requests", demo.Requested("crop-yield", d.ID), &r)
	if r.State != schemas.RequestRefused || !strings.Contains(r.Items[0].Decision.Reasons[0].Text, "Farm_Name") {
		t.Errorf("the request is %s: %+v", r.State, r.Items[0].Decision)
	}
}

// An agreement that follows covers later versions, not older ones, and none with
// columns that nobody judged.
func TestFollowMeansLater(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Herds", []byte("farm,yield\nA,1\nB,2\n"))
	g.publishMore(d.ID, "v2", []byte("farm,yield\nA,3\n"))
	id := g.granted(d.ID)[0]
	g.publishMore(d.ID, "v3", []byte("farm,yield\nA,4\nB,5\nC,6\n"))
	g.publishMore(d.ID, "v4", []byte("farm,yield,owner\nA,4,Somebody\n"))
	open := func(version string) (int64, error) {
		var l struct {
			Token string `json:"token"`
		}
		err := g.as("trainer").Post(t.Context(), "/leases", map[string]any{"items": []map[string]any{{"agreement": id, "version": version}}}, &l)
		if err != nil {
			return 0, err
		}
		s, err := g.as("trainer").OpenStream(t.Context(), l.Token, id, nil)
		if err != nil {
			return 0, err
		}
		defer s.Close()
		return s.Rows, nil
	}
	for _, tt := range []struct {
		version string
		rows    int64
		refused string
	}{{"v1", 0, "older"}, {"v2", 1, ""}, {"v3", 3, ""}, {"v4", 0, "owner"}} {
		rows, err := open(tt.version)
		switch {
		case tt.refused == "" && (err != nil || rows != tt.rows):
			t.Errorf("%s: %d rows, %v", tt.version, rows, err)
		case tt.refused != "" && (schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), tt.refused)):
			t.Errorf("%s: want a refusal that says %q, got %v", tt.version, tt.refused, err)
		}
	}
}
