package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"guichet/schemas"
)

// An empty file is called one, whether its sender said its length or not, and when it
// lies in a store.
func TestEmptyFilesAreCalledSo(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.offered("Empty", "open-with-attribution")
	path := "/datasets/" + string(d.ID)
	bodies := map[string]io.Reader{"length 0": http.NoBody, "length unknown": io.LimitReader(strings.NewReader(""), 0)}
	for what, body := range bodies {
		size := int64(-1)
		if what == "length 0" {
			size = 0
		}
		err := g.as("agronomy").Upload(t.Context(), path+"/files/data/all/rows.csv", body, size)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "the file rows.csv is empty") {
			t.Errorf("%s: %v, want a refusal that says empty", what, err)
		}
	}
	g.post("agronomy", path+"/versions", g.publication("v1", g.put("empty", nil)), nil)
	_, err := g.as("agronomy").WaitPublished(t.Context(), d.ID, "v1", nil)
	if err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty object: %v, want a fault that says empty", err)
	}
}
