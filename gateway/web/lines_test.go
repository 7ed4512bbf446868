package web

import (
	"bytes"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"guichet/connectors/python"
	"guichet/schemas"
)

// usable is an API with an agreement on two tables, under which its reader may stream.
func usable() *api {
	a := everything()
	agreement := schemas.Agreement{ID: "agr-1", Dataset: "ds-1", Provider: "https://holder.example", Participant: hostile, Project: "p", Purpose: "train-model",
		State: schemas.AgreementActive, Versions: []schemas.VersionID{"v1"}}
	a.answers["GET /agreements/agr-1"] = agreement
	a.answers["GET /agreements"] = schemas.Page[schemas.Agreement]{Items: []schemas.Agreement{agreement,
		{ID: "agr-2", Dataset: "ds-1", Participant: hostile, Project: "other", State: schemas.AgreementActive}}}
	a.answers["GET /datasets/ds-1/versions/v1"] = map[string]any{"data": []any{
		map[string]any{"name": "plots", "splits": []any{map[string]any{"name": "train", "rows": 1200}, map[string]any{"name": "test", "rows": 1}}},
		map[string]any{"name": "scans", "objects": true, "splits": []any{map[string]any{"name": "all", "rows": 7}}}}}
	a.answers["GET /runs"] = schemas.Page[schemas.Run]{Items: []schemas.Run{{ID: "run-old", Project: "p", Started: time.Unix(1, 0)},
		{ID: "run-new", Project: "p", ExternalID: "night", Started: time.Unix(2, 0)}}}
	a.answers["GET /runs/run-other"] = schemas.Run{ID: "run-other", Project: "other"}
	a.answers["GET /runs/run-older"] = schemas.Run{ID: "run-older", Project: "p"}
	a.answers["POST /runs"] = schemas.Run{ID: "run-made"}
	a.answers["POST /leases"] = schemas.LeaseAnswer{Token: "lease-token"}
	return a
}

// TestPicked: the lines are for the table, split and run that were picked; of none for the first table, and no run.
func TestPicked(t *testing.T) {
	t.Parallel()
	h := site(t, usable(), "token")
	for query, want := range map[string][]string{
		"":                                {"/stream?rows=20&split=train&table=plots", "plots · train · 1,200 rows", "plots · test · 1 row<", "scans · all · 7 files", "No run is picked", "night, run-new"},
		"?data=plots/test&run=run-new":    {"/stream?rows=20&run=run-new&split=test&table=plots", "The lines below name this run", `--table plots --split test --run run-new`},
		"?data=scans/all&run=run-older":   {"/manifest?run=run-older&split=all&table=scans", "guichet mount agr-1 --run run-older data"},
		"?data=none/all&run=run-other":    {"/stream?rows=20&split=train&table=plots", "The project has no run run-other"},
		"?data=plots/test&run=night":      {"/stream?rows=20&split=test&table=plots", "The project has no run night"},
		"?data=plots/test&run=run-no+one": {"The project has no run run-no one"},
	} {
		body := html.UnescapeString(visited(h, http.MethodGet, "/agreements/agr-1"+query, nil).Body.String())
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s lacks %s:\n%s", query, w, body)
			}
		}
	}
}

// TestLeaseForRun: a lease is made for the run that was picked, and the lines stay those of what was.
func TestLeaseForRun(t *testing.T) {
	t.Parallel()
	a := usable()
	h := site(t, a, "token")
	w := visited(h, http.MethodPost, "/agreements/agr-1/lease", url.Values{"key": {"K"}, "data": {"plots/test"}, "run": {"run-new"}})
	body := html.UnescapeString(w.Body.String())
	for _, want := range []string{"export LEASE=lease-token", "Make another", "/stream?rows=20&run=run-new&split=test&table=plots"} {
		if w.Code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d lacks %s: %s", w.Code, want, body)
		}
	}
	if sent := strings.Join(a.sent, "\n"); !strings.Contains(sent, `"run":"run-new"`) {
		t.Errorf("the lease is for no run: %s", sent)
	}
	a.answers["POST /leases"] = schemas.BadField("lease", "/run", "the project has no run")
	w = visited(h, http.MethodPost, "/agreements/agr-1/lease", url.Values{"run": {"night"}})
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "the project has no run") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// TestNewRun: a run that is begun leads to its page, or back to the lines that it is for; a wrong form keeps what was typed.
func TestNewRun(t *testing.T) {
	t.Parallel()
	a := usable()
	h := site(t, a, "token")
	form := url.Values{"key": {"K"}, "project": {"p"}, "name": {"night"}}
	for agreement, want := range map[string]string{"": "/runs/run-made", "agr-1": "/agreements/agr-1?data=plots%2Ftest&run=run-made#use"} {
		form.Set("agreement", agreement)
		form.Set("data", "plots/test")
		w := visited(h, http.MethodPost, "/runs/new", form)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("%d to %q, want %q", w.Code, w.Header().Get("Location"), want)
		}
	}
	if sent := strings.Join(a.sent, "\n"); !strings.Contains(sent, `{"external_id":"night","project":"p"}`) {
		t.Errorf("sent %s", sent)
	}
	a.answers["POST /runs"] = schemas.BadField("run", "/project", "you take part in no project")
	form.Set("agreement", "agr-1")
	w := visited(h, http.MethodPost, "/runs/new", form)
	for _, want := range []string{"you take part in no project", `value="night"`, `name="agreement" value="agr-1"`} {
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d lacks %s: %s", w.Code, want, w.Body)
		}
	}
	if w := visited(h, http.MethodGet, "/runs/new", nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/runs" {
		t.Errorf("the form's own address: %d to %q", w.Code, w.Header().Get("Location"))
	}
}

// TestTied: a run's page leads to the agreements of its own project, with the run picked.
func TestTied(t *testing.T) {
	t.Parallel()
	body := visited(site(t, usable(), "token"), http.MethodGet, "/runs/run-older", nil).Body.String()
	if !strings.Contains(body, `href="/agreements/agr-1?run=run-older#use"`) || strings.Contains(body, "agr-2") {
		t.Errorf("the page of a run: %s", body)
	}
}

// TestTermsStood: an agreement shows the terms that it was made under; a request leads to them, or to the digest of its decision.
func TestTermsStood(t *testing.T) {
	t.Parallel()
	a := usable()
	h := site(t, a, "token")
	agreed := a.answers["GET /agreements/agr-1"].(schemas.Agreement)
	agreed.Offer = schemas.Offer{Rules: []schemas.Rule{{ID: "reuse", Kind: schemas.Permission, Actions: []string{"use"}}}}
	a.answers["GET /agreements/agr-1"] = agreed
	body := visited(h, http.MethodGet, "/agreements/agr-1", nil).Body.String()
	if !strings.Contains(body, `id="terms"`) || !strings.Contains(body, "<strong>reuse</strong>") {
		t.Errorf("the agreement's terms: %s", body)
	}
	a.answers["GET /requests/req-1"] = schemas.Request{ID: "req-1", Items: []schemas.RequestItem{
		{Dataset: "ds-1", State: schemas.RequestGranted, Agreement: "agr-1", Decision: &schemas.Decision{Verdict: "yes", Digest: "d1"}},
		{Dataset: "ds-2", State: schemas.RequestRefused, Decision: &schemas.Decision{Verdict: "no", Digest: "d2"}},
	}}
	body = visited(h, http.MethodGet, "/requests/req-1", nil).Body.String()
	if !strings.Contains(body, `href="/agreements/agr-1#terms"`) || !strings.Contains(body, `<code class="long">d2</code>`) || strings.Contains(body, ">d1<") {
		t.Errorf("the request leads to no terms: %s", body)
	}
}

// TestEndedRun: a run that is over says so, ties nothing more to itself, and is offered nowhere.
func TestEndedRun(t *testing.T) {
	t.Parallel()
	a := usable()
	a.answers["GET /projects"] = schemas.Page[schemas.Project]{Items: []schemas.Project{{ID: "p"}}}
	h := site(t, a, "token")
	const form = `<form method="post" action="/runs/run-older/end">`
	if body := visited(h, http.MethodGet, "/runs/run-older", nil).Body.String(); !strings.Contains(body, form) {
		t.Errorf("it cannot be ended: %s", body)
	}
	a.answers["POST /runs/run-older/end"] = schemas.Run{}
	if w := visited(h, http.MethodPost, "/runs/run-older/end", nil); w.Code != http.StatusSeeOther {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	over := schemas.Run{ID: "run-older", Project: "p", ExternalID: "oldest", Ended: time.Now()}
	a.answers["GET /runs/run-older"] = over
	a.answers["GET /runs"] = schemas.Page[schemas.Run]{Items: []schemas.Run{{ID: "run-new", Project: "p"}, over}}
	body := visited(h, http.MethodGet, "/runs/run-older", nil).Body.String()
	if strings.Contains(body, form) || strings.Contains(body, `id="tied"`) || !strings.Contains(body, "This run is ended") {
		t.Errorf("an ended run: %s", body)
	}
	body = visited(h, http.MethodGet, "/agreements/agr-1?run=run-older", nil).Body.String()
	if strings.Contains(body, `<option value="run-older"`) || !strings.Contains(body, `<option value="run-new"`) ||
		!strings.Contains(body, "The run that was named is ended") {
		t.Errorf("what can be picked: %s", body)
	}
	if body := visited(h, http.MethodGet, "/runs", nil).Body.String(); !strings.Contains(body, "goes on") {
		t.Errorf("the list: %s", body)
	}
}

// TestKit: everybody gets the wheel, whole, once, and by no other name.
func TestKit(t *testing.T) {
	t.Parallel()
	a := usable()
	h := site(t, a, "")
	wheel, err := python.Wheel()
	if err != nil {
		t.Fatal(err)
	}
	got := visited(h, http.MethodGet, "/kit/"+python.Name, nil)
	head := visited(h, http.MethodHead, "/kit/"+python.Name, nil)
	again := visited(h, http.MethodGet, "/kit/"+python.Name, nil, "If-None-Match", got.Header().Get("ETag"))
	if got.Code != http.StatusOK || !bytes.Equal(got.Body.Bytes(), wheel) || got.Header().Get("X-Content-Type-Options") != "nosniff" ||
		got.Header().Get("Content-Type") != "application/zip" {
		t.Errorf("%d, %d bytes of %d, %v", got.Code, got.Body.Len(), len(wheel), got.Header())
	}
	if head.Code != http.StatusOK || head.Body.Len() > 0 || head.Header().Get("Content-Length") != got.Header().Get("Content-Length") ||
		again.Code != http.StatusNotModified {
		t.Errorf("HEAD %d %v, again %d", head.Code, head.Header(), again.Code)
	}
	for _, other := range []string{"guichet-9.9.9-py3-none-any.whl", "..", "x%2f..%2f" + python.Name} {
		if w := visited(h, http.MethodGet, "/kit/"+other, nil); w.Code == http.StatusOK {
			t.Errorf("%s: %d", other, w.Code)
		}
	}
	if len(a.asked) > 3 { // what a page of an error asks for
		t.Errorf("the API was asked: %d", len(a.asked))
	}
}
