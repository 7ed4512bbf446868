package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// TestWithdrawVersion: one version is taken back with the agreements made on it; the
// dataset, its other versions and their agreements stand.
func TestWithdrawVersion(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			s := newSiteOn(t, kind)
			d := s.register(wheat("Wheat"))
			s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", map[string]any{"template": "open-with-attribution", "attribution": "x"})
			s.publish(d.ID)
			at := "/datasets/" + string(d.ID) + "/versions/"
			grant := func() schemas.AgreementID {
				t.Helper()
				var r schemas.Request
				s.want(201, "trainer", "POST", "/requests", map[string]any{"project": "crops", "purpose": "train-model", "items": []any{map[string]any{"dataset": d.ID}}}).as(t, &r)
				return r.Items[0].Agreement
			}
			state := func(id schemas.AgreementID) schemas.AgreementState {
				t.Helper()
				var a schemas.Agreement
				s.want(200, "trainer", "GET", "/agreements/"+string(id), nil).as(t, &a)
				return a.State
			}
			first := grant()
			s.publishAs("v2", d.ID)
			second := grant()
			refused := s.want(409, "agronomy", "DELETE", at+"v2", nil)
			if !strings.Contains(refused.body, "1 agreement made on version v2 is active") || !strings.Contains(refused.body, "guichet withdraw --revoke") {
				t.Errorf("%s", refused.body)
			}
			var v schemas.VersionSummary
			s.want(200, "agronomy", "DELETE", at+"v2?revoke=true", nil).as(t, &v)
			if v.State != schemas.VersionWithdrawn || v.Withdrawn.IsZero() || state(first) != schemas.AgreementActive || state(second) != schemas.AgreementRevoked {
				t.Errorf("%+v; the first agreement is %s, the second %s", v, state(first), state(second))
			}
			s.want(200, "trainer", "GET", "/datasets/"+string(d.ID), nil).as(t, &d)
			if d.Latest == nil || d.Latest.Version != "v1" {
				t.Errorf("the latest version is %+v", d.Latest)
			}
			s.want(404, "trainer", "GET", at+"v2", nil)
			s.want(410, "agronomy", "GET", at+"v2/manifest", nil)
			s.want(410, "agronomy", "DELETE", at+"v2", nil)
			s.want(200, "agronomy", "DELETE", at+"v2?revoke=true", nil) // again, as after a cut
			s.want(200, "agronomy", "DELETE", at+"v1?revoke=true", nil)
			d.Latest = nil
			s.want(200, "trainer", "GET", "/datasets/"+string(d.ID), nil).as(t, &d)
			if d.Latest != nil || state(first) != schemas.AgreementRevoked {
				t.Errorf("the latest version is %+v, the first agreement %s", d.Latest, state(first))
			}
			records := s.want(200, "agronomy", "GET", "/audit/records?dataset="+string(d.ID), nil).body
			if strings.Count(records, `"state":"withdrawn"`) != 2 {
				t.Errorf("the record says %s", records)
			}
		})
	}
}

// TestPublicationIsGivenUp: a publication that does not go on is cancelled by its
// provider, and its name is free again.
func TestPublicationIsGivenUp(t *testing.T) {
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	at := "/datasets/" + string(d.ID) + "/versions"
	p := schemas.Publication{Version: "v1", Store: "local", Bucket: "b", Tables: []schemas.PublicationTable{{Name: "data", Splits: []schemas.PublicationSplit{{Name: "all", Keys: []string{"agronomy/a.csv"}}}}}}
	for range 2 {
		s.want(202, "agronomy", "POST", at, p)
		s.want(404, "grid", "DELETE", at+"/v1", nil)
		var v schemas.VersionSummary
		s.want(200, "agronomy", "DELETE", at+"/v1", nil).as(t, &v)
		if v.State != schemas.VersionFailed || len(v.Failures) != 1 || !strings.Contains(v.Failures[0].Message, "cancelled by its provider") {
			t.Errorf("%+v", v)
		}
		s.want(409, "agronomy", "DELETE", at+"/v1", nil)
	}
}

// TestWithdrawnIRI: the IRI of a withdrawn dataset is its provider's to use again, and
// every sentence on the withdrawn one says so.
func TestWithdrawnIRI(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			s := newSiteOn(t, kind)
			w := wheat("Wheat")
			w.IRI = "https://agronomy.example/wheat"
			seen := map[schemas.DatasetID]bool{}
			for range 3 {
				d := s.register(w)
				if seen[d.ID] || d.IRI != w.IRI {
					t.Errorf("registered as %s with %s", d.ID, d.IRI)
				}
				seen[d.ID] = true
				s.want(409, "agronomy", "POST", "/datasets", w)
				s.want(200, "agronomy", "DELETE", "/datasets/"+string(d.ID), nil)
				gone := s.want(410, "agronomy", "PUT", "/datasets/"+string(d.ID), w)
				if !strings.Contains(gone.body, "register it again, under the same iri") {
					t.Errorf("%s", gone.body)
				}
				var old schemas.Dataset
				s.want(200, "agronomy", "GET", "/datasets/"+string(d.ID), nil).as(t, &old)
				if old.IRI != w.IRI || !old.Withdrawn {
					t.Errorf("the withdrawn one is %+v", old)
				}
			}
		})
	}
}

// TestReadinessNamesWaiting: publications that do not go on are counted by /readyz, which
// stays ready and names none of them.
func TestReadinessNamesWaiting(t *testing.T) {
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	s.want(202, "agronomy", "POST", "/datasets/"+string(d.ID)+"/versions", schemas.Publication{Version: "v1", Store: "local", Bucket: "b", Tables: []schemas.PublicationTable{{Name: "data", Splits: []schemas.PublicationSplit{{Name: "all", Keys: []string{"agronomy/a.csv"}}}}}})
	must(t, s.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		v, revision, err := db.Get[schemas.Version](ctx, tx, "version", string(d.ID)+"/v1")
		if err != nil {
			return err
		}
		v.Waiting = &schemas.Waiting{Why: "the store is away", Since: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), Tries: 3}
		_, err = db.Update(ctx, tx, "version", string(d.ID)+"/v1", revision, v, nil)
		return err
	}))
	var v schemas.VersionSummary
	s.want(200, "agronomy", "GET", "/datasets/"+string(d.ID)+"/versions/v1", nil).as(t, &v)
	if v.Waiting == nil || v.Waiting.Why != "the store is away" || v.Waiting.Tries != 3 {
		t.Errorf("%+v", v)
	}
	s.settle() // the index of a new site is there
	r, err := http.Get(s.base + "/readyz")
	must(t, err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	must(t, err)
	if r.StatusCode != 200 || !strings.Contains(string(b), "publications that do not go on: 1, the first since 2026-11-28T12:00:00Z") || strings.Contains(string(b), string(d.ID)) {
		t.Errorf("%d %s", r.StatusCode, b)
	}
}

// Whoever sees a dataset gets made-up rows of its shape, before any request; what is wrong with
// an ask is named.
func TestStandIns(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Yields", "application/json", map[string]any{"template": "ask-the-holder"})
	at := "/datasets/" + string(d.ID) + "/stand-in.arrow"
	for _, who := range []string{"", "trainer", "agronomy"} {
		r := s.want(200, who, "GET", at+"?rows=10&seed=18446744073709551615", nil)
		if r.header.Get("Content-Type") != "application/vnd.apache.arrow.file" || !strings.HasPrefix(r.body, "ARROW1") ||
			!strings.Contains(r.body, "made-up rows in place of "+string(d.ID)+", version v1, table data") {
			t.Errorf("%q gets %v %q", who, r.header, r.body[:min(100, len(r.body))])
		}
	}
	for query, want := range map[string]struct {
		status int
		says   string
	}{
		"?rows=100001": {422, "rows"}, "?rows=-1": {422, "rows"}, "?seed=-1": {422, "seed"}, "?columns=id,nope": {422, `no column \"nope\"`},
		"?table=nope": {422, `has no table \"nope\"; there are data`}, "?version=v9": {404, "no version v9"},
	} {
		if r := s.call("trainer", "GET", at+query, nil); r.status != want.status || !strings.Contains(r.body, want.says) {
			t.Errorf("%s: %d %s; want %d with %s", query, r.status, r.body, want.status, want.says)
		}
	}
	empty := s.register(wheat("Nothing published"))
	s.want(200, "agronomy", "PUT", "/datasets/"+string(empty.ID)+"/offer", permit(nil))
	if r := s.want(404, "trainer", "GET", "/datasets/"+string(empty.ID)+"/stand-in.arrow", nil); !strings.Contains(r.body, "has no published version") {
		t.Errorf("a dataset without a version: %s", r.body)
	}
}
