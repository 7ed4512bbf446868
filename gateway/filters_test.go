package gateway_test

import (
	"slices"
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
		{422, "/datasets?q=wheat&q=b", "given twice"},
		{422, "/datasets?q=wheat&q=wheat", "given twice"},
		{422, "/audit/records?limit=1&limit=2", "given twice"},
		{422, "/audit/export?kind=release.begin&kind=release.end", "given twice"},
		{422, "/datasets?q=wheat;b", "malformed"},
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

// The record is read from either end, page by page, and each way gives all of it once.
func TestTheRecordFromBothEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	read := func(order string) (out []int64) {
		cursor := ""
		for {
			var page schemas.Page[schemas.Record]
			s.want(200, "officer", "GET", "/audit/records?kind=party.put,log.start&limit=2&order="+order+cursor, nil).as(t, &page)
			for _, r := range page.Items {
				out = append(out, r.Index)
			}
			if page.Next == "" {
				return out
			}
			cursor = "&cursor=" + page.Next
		}
	}
	oldest, newest := read("oldest"), read("newest")
	if len(oldest) < 3 || oldest[0] != 0 || !slices.IsSorted(oldest) {
		t.Errorf("oldest first: %v", oldest)
	}
	slices.Reverse(newest)
	if !slices.Equal(oldest, newest) {
		t.Errorf("newest first: %v, want %v in reverse", newest, oldest)
	}
	s.want(422, "officer", "GET", "/audit/records?order=random", nil)
	s.want(422, "officer", "GET", "/audit/records?order=newest&cursor=0", nil)
}

// Where the terms filter rows out, how many there are of the whole is for who may read
// them: from it and a view's own count anybody could say how many are hidden.
func TestHiddenRowsAreNotCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", permit(nil))
	s.publish(d.ID)
	s.settle()
	paths := []string{"/datasets/" + string(d.ID), "/datasets/" + string(d.ID) + "/versions", "/datasets/" + string(d.ID) + "/versions/v1", "/datasets?q=wheat"}
	for _, path := range paths {
		if r := s.want(200, "", "GET", path, nil); !strings.Contains(r.body, `"rows":10`) {
			t.Errorf("%s: rows that nothing hides are not counted: %s", path, r.body)
		}
	}
	o := permit(nil)
	o.Rules[0].Duties = append(o.Rules[0].Duties, schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "crop", Op: "eq", Values: []string{"wheat"}}})
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", o)
	s.settle()
	for _, path := range paths {
		for who, sees := range map[string]bool{"": false, "trainer": false, "grid": false, "agronomy": true, "officer": true} {
			if r := s.want(200, who, "GET", path, nil); strings.Contains(r.body, `"rows":10`) != sees {
				t.Errorf("%q reads in %s: %s", who, path, r.body)
			}
		}
	}
}

// Who of another organisation did something is not told, which organisation it was is.
func TestRecordsNameOwnPeopleOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", permit(nil))
	s.publish(d.ID)
	id := string(s.asked(d.ID, nil).Items[0].Agreement)
	s.want(200, "agronomy", "POST", "/agreements/"+id+"/revoke", map[string]string{"reason": "a trial"})
	for who, c := range map[string]struct{ own, other string }{"trainer": {"#trainer", "#agronomy"}, "agronomy": {"#agronomy", "#trainer"}} {
		r := s.want(200, who, "GET", "/audit/records?agreement="+id, nil)
		if strings.Contains(r.body, c.other) || !strings.Contains(r.body, c.own) || !strings.Contains(r.body, string(providerOrg)) {
			t.Errorf("%s reads %s", who, r.body)
		}
	}
	if r := s.want(200, "officer", "GET", "/audit/records?agreement="+id, nil); !strings.Contains(r.body, "#agronomy") || !strings.Contains(r.body, "#trainer") {
		t.Errorf("the officer reads %s", r.body)
	}
}
