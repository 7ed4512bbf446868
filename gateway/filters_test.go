package gateway_test

import (
	"strings"
	"testing"

	"guichet/schemas"
)

// A misspelt filter is an error that names what there is, never "nothing": an officer
// would read the empty list as "nothing happened".
func TestMisspeltFilters(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Winter wheat"))
	s.settle()
	for _, c := range []struct {
		status     int
		path, says string
	}{
		{422, "/audit/records?kind=release.begun", "release.begin"},
		{422, "/audit/records?kind=release.begin,nope", `\"nope\"`},
		{422, "/audit/records?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "is after"},
		{404, "/audit/records?dataset=ds-nope", "ds-nope"},
		{404, "/audit/records?participant=https://nobody.example", "nobody"},
		{404, "/audit/records?project=nope", "nope"},
		{404, "/audit/records?agreement=agr-nope", "agr-nope"},
		{404, "/audit/records?run=run-nope", "run-nope"},
		{404, "/audit/export?dataset=ds-nope", "ds-nope"},
		{422, "/audit/export?kind=nope", "release.begin"},
		{404, "/runs?project=nope", "nope"},
		{404, "/agreements?dataset=ds-nope", "ds-nope"},
		{422, "/streams?state=nope", "abandoned"},
		{404, "/streams?agreement=agr-nope", "agr-nope"},
		{422, "/requests?state=nope", "pending"},
		{422, "/datasets?space=farm", "agriculture, energy"},
		{422, "/datasets?from=2020&to=2010", "is after"},
		{422, "/datasets?from=2020-05-01&to=2020-04", "is after"},
	} {
		r := s.call("officer", "GET", c.path, nil)
		if r.status != c.status || !strings.Contains(r.body, c.says) {
			t.Errorf("%s: %d %s", c.path, r.status, r.body)
		}
	}
	// What exists is found, with country codes in any case; others learn of no id.
	for _, path := range []string{"/datasets?country=fr", "/datasets?country=FR", "/datasets?from=2020&to=2020-04", "/audit/records?kind=dataset.put&dataset=" + string(d.ID), "/streams?state=all", "/streams?agreement="} {
		s.want(200, "officer", "GET", path, nil)
	}
	var found struct{ Total int }
	s.want(200, "agronomy", "GET", "/datasets?country=fr", nil).as(t, &found)
	if found.Total != 1 {
		t.Errorf("country=fr finds %d datasets", found.Total)
	}
	s.want(200, "trainer", "GET", "/audit/records?dataset="+string(d.ID), nil)
	s.want(200, "trainer", "GET", "/audit/records?dataset=ds-nope", nil)
	var page struct{ Items []schemas.Record }
	s.want(200, "officer", "GET", "/audit/records?dataset="+string(d.ID), nil).as(t, &page)
	if len(page.Items) == 0 {
		t.Error("the dataset's records are not found")
	}
	s.want(403, "trainer", "GET", "/audit/records?whole=true", nil)
	s.want(403, "operator", "GET", "/audit/records?whole=true", nil)
}
