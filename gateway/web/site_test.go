package web

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/catalog/harvest"
	"guichet/catalog/saved"
	"guichet/gateway/problem"
	"guichet/gateway/web/page"
	"guichet/gateway/web/words"
	"guichet/policy/agreement/throughput"
	"guichet/policy/call"
	"guichet/policy/join"
	"guichet/schemas"
	"guichet/schemas/values"
)

// answers is an API of fixed answers: by method and path, a value or an error.
type answers map[string]any

// api answers, and keeps what it was asked.
type api struct {
	answers
	asked []*http.Request
	sent  []string
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	if r.Body != nil {
		_, _ = b.WriteString(read(r))
	}
	a.asked, a.sent = append(a.asked, r), append(a.sent, b.String())
	call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/v1")
	if r.URL.Query().Has("check") {
		call += "?check"
	}
	v, is := a.answers[call]
	if !is {
		v = schemas.Errorf(schemas.NotFound, r.URL.Path, "there is nothing at %s", r.URL.Path)
	}
	if of, is := v.(func(r *http.Request) any); is {
		v = of(r)
	}
	if err, is := v.(error); is {
		problem.Write(w, problem.Of(err, slog.New(slog.DiscardHandler)))
		return
	}
	if raw, is := v.([]byte); is {
		_, _ = w.Write(raw)
		return
	}
	_ = json.NewEncoder(w).Encode(v)
}

func read(r *http.Request) string {
	b := make([]byte, 1<<16)
	n := 0
	for {
		m, err := r.Body.Read(b[n:])
		n += m
		if err != nil {
			return string(b[:n])
		}
	}
}

// site is one over fixed answers; as is who signed in, "" for nobody.
func site(t *testing.T, a *api, as string) http.Handler {
	t.Helper()
	return siteOver(t, a, as)
}

func siteOver(t *testing.T, a http.Handler, as string) http.Handler {
	t.Helper()
	gin.SetMode(gin.TestMode)
	s, err := New(page.Config{API: a, Public: "https://guichet.example", Log: slog.New(slog.DiscardHandler),
		Token: func(http.ResponseWriter, *http.Request) (string, bool, error) { return as, as != "", nil }})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	s.Mount(r)
	r.GET("/datasets/:id", s.Dataset)
	return r
}

// visited asks for a page, as a browser would.
func visited(h http.Handler, method, target string, form url.Values, heads ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://guichet.example"+target, strings.NewReader(form.Encode()))
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(heads); i += 2 {
		r.Header.Set(heads[i], heads[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// hostile is a text that would do harm if a page held it as it is.
const hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202eevil\u2066\u0007\u200b"

// would is a request of one dataset as it would be.
func would(d *schemas.Decision) schemas.Request {
	return schemas.Request{Items: []schemas.RequestItem{{Dataset: "ds-1", Decision: d}}}
}

// everything is an API whose every text is hostile.
func everything() *api {
	text := schemas.Text{"en": hostile, hostile: hostile}
	d := schemas.Dataset{
		ID: "ds-1", IRI: "javascript:alert(1)", Provider: hostile, Space: "agriculture", Title: text, Description: text,
		Keywords: []string{hostile}, Themes: []string{hostile}, Countries: []string{hostile}, Regions: []string{hostile},
		Languages: []string{hostile}, Publisher: hostile, Contact: "javascript:alert(1)", Licence: "javascript:alert(1)",
		Licences: []string{hostile, hostile}, Attribution: hostile, From: hostile, Until: hostile, Identifiers: []string{hostile},
		Links: []schemas.Link{{URL: "javascript:alert(1)", Title: hostile, Format: hostile, Licence: hostile}},
		Tables: []schemas.TableInfo{{Name: hostile, Title: text, Fields: []schemas.Field{
			{Name: hostile, Type: hostile, Unit: hostile, Concept: "javascript:alert(1)", Description: text, Sensitivity: "quasi"},
		}}},
		Offer: &schemas.Offer{Title: text, Rules: []schemas.Rule{{
			ID: hostile, Kind: schemas.Permission, Actions: []string{hostile},
			Constraint: &schemas.Constraint{And: []schemas.Constraint{{Left: hostile, Operator: hostile, Right: []string{hostile}}}},
			Duties:     []schemas.Duty{{Kind: schemas.DutyAttribute, Text: hostile}, {Kind: hostile}},
		}, {ID: "barred", Kind: schemas.Prohibition, Actions: []string{"use"},
			Constraint: &schemas.Constraint{Left: "recipient", Operator: "isAnyOf", Right: []string{hostile}}}}},
		Latest:   &schemas.VersionSummary{Version: "v1", State: "published"},
		Profiles: &schemas.Profiled{Meets: []string{hostile}},
		Quality:  &schemas.Quality{Rating: hostile, Raise: []string{hostile}},
	}
	reasons := []schemas.Reason{{Rule: hostile, Source: hostile, Text: hostile, Remedy: hostile}}
	decision := schemas.Decision{Verdict: "no", Reasons: reasons, Notes: []string{hostile}, Reviewer: hostile,
		Obligations: []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{hostile}, Source: hostile}}}
	request := schemas.Request{
		ID: "req-1", Project: hostile, Purpose: hostile, Factory: hostile, State: "pending", Message: hostile, Contact: hostile,
		Answers: map[string]string{hostile: hostile}, By: hostile,
		About: &schemas.RequestAbout{Title: hostile, Description: hostile, Asker: schemas.Organisation{ID: hostile, Name: hostile},
			Place: &schemas.RequestPlace{Name: hostile}},
		Items: []schemas.RequestItem{{Dataset: "ds-1", Columns: []string{hostile}, State: "pending", Decision: &decision,
			Agreement: hostile, Review: &schemas.Review{Reason: hostile, By: hostile}}},
	}
	agreement := schemas.Agreement{ID: "agr-1", Dataset: "ds-1", Provider: hostile, Project: hostile, Purpose: hostile, Reason: hostile,
		State: "active", Versions: []schemas.VersionID{hostile}, Columns: []string{hostile}, Obligations: decision.Obligations}
	hit := schemas.Hit{ID: "ds-1", Title: text, Space: "agriculture", Publisher: hostile, Access: "no", Reasons: reasons,
		Licence: hostile, Countries: []string{hostile}, Highlight: map[string]string{hostile: "**" + hostile + "**"},
		Same: []schemas.Origin{{ID: "ds-2", Publisher: hostile, Source: hostile}}, SameTotal: 1, Links: d.Links}
	faults := []schemas.FieldError{{Pointer: hostile, Message: hostile}}
	facet := schemas.Facet{Values: []schemas.FacetValue{{Value: hostile, Label: hostile, Count: 1}}}
	application := join.Application{ID: "app-1", State: "refused", By: join.Person{Issuer: hostile, Subject: hostile, Mail: hostile}, Reason: hostile,
		Decider: hostile, Project: hostile, Declared: join.Declared{Organisation: hostile, Name: hostile, Country: hostile, Kind: hostile,
			Roles: []schemas.Role{hostile}, Contact: hostile, Word: hostile},
		Checked: join.Checked{Speaks: hostile, Mail: hostile, Alike: []schemas.ParticipantID{hostile}, Others: 2}}
	return &api{answers: answers{
		"GET /me": schemas.Identity{Issuer: hostile, Subject: hostile, Participant: hostile,
			Roles: []schemas.Role{"trainer", "provider", "operator", hostile}},
		"GET /datasets": schemas.Found{Total: 1, Items: []schemas.Hit{hit}, Without: []string{hostile}, Next: hostile,
			Facets: map[string]schemas.Facet{"space": facet, "theme": facet, "access": facet, "publisher": facet,
				"time":  {Values: []schemas.FacetValue{{Value: "../1999", Count: 1}, {Value: hostile, Count: 7}}, Remainder: 3},
				"place": {Values: []schemas.FacetValue{{Value: "0,40,10,50", Count: 1}, {Value: hostile, Count: 7}}, Remainder: 3}}},
		"GET /datasets/ds-1":          d,
		"GET /datasets/ds-1/versions": schemas.Page[schemas.VersionSummary]{Items: []schemas.VersionSummary{{Version: hostile, State: hostile}}},
		"GET /datasets/ds-1/versions/v1": map[string]any{"data": []any{map[string]any{"name": hostile, "columns": []any{
			map[string]any{"name": hostile, "type": hostile}, map[string]any{"name": "n", "type": "int8"}}}}},
		"GET /datasets/ds-1/versions/v1/distributions": values.Distributions{Asked: []string{hostile},
			LeftOut: []values.LeftOut{{Table: hostile, Column: hostile, Why: hostile}},
			Columns: []values.Distribution{
				{Table: hostile, Column: hostile, Kind: "category", Values: []values.ValueCount{{Value: hostile, Count: 10}}, Others: 20, Missing: 10, Sampled: true},
				{Table: hostile, Column: "n", Kind: "number", Bins: []values.Bin{{From: hostile, Until: "5", Count: 10}, {From: "5", Count: 20}}},
			}},
		"GET /datasets/ds-1/versions/out":                      map[string]any{"version": hostile, "state": "published"},
		"GET /datasets/ds-1/versions/out/distributions":        values.Distributions{Asked: []string{hostile}},
		"DELETE /datasets/ds-1/versions/hostile/distributions": schemas.BadField("version", "/version", "%s", hostile),
		"GET /datasets/ds-1/versions/hostile": map[string]any{"version": hostile, "state": "tried", "failures": faults, "notes": faults, "data": []any{
			map[string]any{"name": hostile, "columns": []any{map[string]any{"name": hostile, "type": hostile, "unit": hostile}}}}},
		"GET /datasets/ds-1/versions/running": map[string]any{"version": hostile, "state": "publishing", "shards": 3, "shards_done": 1, "rows": 7,
			"started": "2026-11-30T10:00:00Z", "waiting": map[string]any{"why": hostile}},
		"GET /datasets/ds-1/versions/failed": map[string]any{"version": hostile, "state": "failed", "failures": faults},
		"GET /projects":                      schemas.Page[schemas.Project]{Items: []schemas.Project{{ID: hostile, Title: hostile, Lead: hostile, Purposes: []string{hostile}}}},
		"GET /factories":                     schemas.Page[schemas.Factory]{Items: []schemas.Factory{{ID: hostile, Name: hostile}}},
		"GET /spaces/agriculture/request-form": form{Fields: []formField{
			{Name: "purpose", Label: text, Help: text}, {Name: "answers/why", Label: text, Help: text, Choices: []string{hostile}},
		}},
		"GET /datasets/ds-1/stand-in.arrow": arrowFile(),
		"POST /requests?check":              would(&decision),
		"GET /requests":                     schemas.Page[schemas.Request]{Items: []schemas.Request{request}, Next: hostile},
		"GET /requests/req-1":               request,
		"GET /uses":                         map[string]any{"items": []map[string]any{{"dataset": "ds-1", "active": 3, "rows": 7}}},
		"GET /agreements":                   schemas.Page[schemas.Agreement]{Items: []schemas.Agreement{agreement}, Next: hostile},
		"GET /agreements/agr-1":             agreement,
		"GET /sources":                      schemas.Page[harvest.Catalogue]{Items: []harvest.Catalogue{*hostileSource()}},
		"GET /sources/src-1":                hostileSource(),
		"GET /sources/src-1/refused":        schemas.Page[harvest.Refusal]{Items: []harvest.Refusal{{IRI: hostile, Dataset: hostile, Why: hostile}}, Next: hostile},
		"POST /sources/src-1/harvest":       schemas.Errorf(schemas.Conflict, hostile, "%s", hostile),
		"GET /issuers":                      schemas.Page[schemas.SignInAt]{Items: []schemas.SignInAt{{Issuer: hostile, Name: hostile, Client: hostile}}},
		"GET /calls":                        schemas.Page[call.Call]{Items: []call.Call{*hostileCall()}},
		"GET /demand":                       map[string]any{"items": []map[string]any{{"space": hostile, "words": hostile, "count": 9, "month": 3, "last": hostile}}, "few": 5, "note": hostile},
		"GET /calls/call-1":                 hostileCall(),
		"GET /calls/call-1/applications": schemas.Page[call.Candidate]{Items: []call.Candidate{{ID: hostile, Project: hostile, Title: hostile, Lead: hostile,
			Word: hostile, Reason: hostile, Decider: hostile, State: call.Waiting}, {State: hostile}}},
		"POST /calls/call-1/applications":   schemas.BadField("application", "/project", "%s", hostile),
		"POST /calls/" + hostile + "/close": schemas.BadField("call", "/reason", "%s", hostile),
		"POST /participants":                schemas.BadField("participant", "/members/0", "%s", hostile),
		"POST /projects":                    schemas.BadField("project", "/until", "%s", hostile),
		"POST /factories":                   schemas.BadField("factory", "/egress/0", "%s", hostile),
		"POST /stores":                      schemas.BadField("store", "/prefixes/1", "%s", hostile),
		"POST /sources":                     schemas.BadField("source", "/url", "%s", hostile),
		"POST /calls":                       schemas.BadField("call", "/name", "%s", hostile),
		"POST /leases":                      schemas.LeaseAnswer{Token: hostile},
		"GET /audit/records": schemas.Page[schemas.Record]{Items: []schemas.Record{{Kind: hostile, Subject: hostile, Values: map[string]string{
			hostile: hostile, "agreement": hostile, "run": hostile, "release": hostile, "lease": hostile, "state": hostile, "rule": hostile, "rules": hostile,
			"reason": hostile, "text": hostile, "dataset": hostile, "by": hostile}, Leaf: []byte(hostile), Salts: map[string][]byte{hostile: nil}}}},
		"GET /audit/checkpoint":      hostile,
		"GET /audit/key":             hostile,
		"GET /audit/proofs/0":        hostile,
		"GET /agreements/" + hostile: agreement,
		"POST /runs":                 schemas.BadField("run", "/project", "%s", hostile),
		"GET /runs":                  schemas.Page[schemas.Run]{Items: []schemas.Run{{ID: hostile, ExternalID: hostile, Outputs: []schemas.Output{{Kind: hostile, Name: hostile}}}}, Next: hostile},
		"GET /runs/run-1":            schemas.Run{ID: hostile, ExternalID: hostile, Inputs: []schemas.RunInput{{Dataset: hostile, Agreement: hostile, Table: hostile, AtMost: true}}, OtherStreams: 2},
		"GET /runs/" + hostile:       schemas.Run{ID: hostile, ExternalID: hostile, Outputs: []schemas.Output{{Kind: hostile, Name: hostile, Digest: hostile}}},
		"GET /reports": map[string]any{"items": []map[string]any{{"name": "uses", "title": hostile, "says": hostile,
			"parameters": []map[string]any{{"name": "dataset", "says": hostile, "required": true}, {"name": hostile, "says": hostile}}}}},
		"GET /reports/uses": map[string]any{"report": "uses", "title": hostile, "says": hostile, "for": hostile, "notes": []string{hostile},
			"parameters": []map[string]any{{"name": "dataset", "value": hostile}},
			"checkpoint": map[string]any{"origin": hostile, "size": 7, "note": hostile, "last": hostile, "root": hostile},
			"prompts":    []map[string]any{{"id": hostile, "part": hostile, "text": hostile}},
			"tables": []map[string]any{{"name": hostile, "title": hostile, "source": "now", "left_out": 3, "rows": [][]any{{hostile, 7, nil}},
				"columns": []map[string]any{{"name": hostile, "title": hostile, "type": "text"}, {"name": "rows", "type": "integer"}, {"name": "day", "type": "day"}}}},
			"records": map[string]any{"count": 1, "ranges": [][]int{{1, 1}}, "digest": hostile}},
		"GET /streams": schemas.Page[schemas.Release]{Items: []schemas.Release{{State: hostile, Table: hostile, Provider: hostile, Dataset: "ds-1",
			Participant: hostile}}},
		"GET /throughput":              flows(),
		"GET /lineage":                 uses(),
		"GET /participants":            schemas.Page[schemas.Participant]{Items: []schemas.Participant{{ID: hostile, Name: hostile, Kind: hostile, Roles: []schemas.Role{hostile}}}},
		"GET /spaces":                  schemas.Page[schemas.SpaceProfile]{Items: []schemas.SpaceProfile{{ID: "agriculture"}, {ID: hostile}}},
		"POST /datasets":               schemas.BadField("dataset", "/title", "%s", hostile),
		"PUT /datasets/ds-1":           schemas.BadField("dataset", "/tables/0/fields/0/type", "%s", hostile),
		"PUT /datasets/ds-1/offer":     schemas.BadField("offer", "/rules/0/constraint", "%s", hostile),
		"POST /datasets/ds-1/versions": schemas.BadField("publication", "/tables/0/name", "%s", hostile),
		"GET /datasets/ds-1/files":     map[string]any{"items": []map[string]any{{"table": hostile, "split": hostile, "name": hostile, "bytes": 7}}, "next": hostile},
		"GET /stores/" + hostile + "/objects": map[string]any{"next": hostile, "items": []map[string]any{{"key": hostile + hostile + "/", "folder": true},
			{"key": hostile + hostile, "bytes": 7}, {"key": hostile + strings.Repeat("\u202e", 300), "fault": hostile}}},
		"POST /datasets/ds-1/offer/trial": map[string]any{"offer": d.Offer, "odrl": map[string]any{hostile: hostile}, "notes": []string{hostile},
			"tries": []map[string]any{{"purpose": hostile, "kind": hostile, "verdict": "no", "reasons": reasons}}},
		"GET /stores": schemas.Page[schemas.Store]{Items: []schemas.Store{{ID: hostile, Endpoint: hostile, Region: hostile,
			Prefixes: []schemas.Prefix{{Participant: hostile, Bucket: hostile, Prefix: hostile}}}}},
		"POST /requests":                request,
		"POST /agreements/agr-1/revoke": schemas.BadField("revoke", "/reason", "%s", hostile),
		"POST /requests/req-1/review":   schemas.BadField("review", "/reason", "%s", hostile),
		"GET /contacts":                 map[string]any{"site": hostile, "spaces": map[string]string{"agriculture": hostile}, "factories": map[string]string{hostile: hostile}},
		"GET /searches":                 schemas.Page[saved.Search]{Items: []saved.Search{{ID: hostile, Name: hostile, Query: url.Values{"q": {hostile}}.Encode()}}},
		"POST /searches":                schemas.BadField("search", "/name", "%s", hostile),
		"GET /joining":                  join.Standing{Waiting: 2, Application: &application},
		"GET /applications":             schemas.Page[join.Application]{Items: []join.Application{application}, Next: hostile},
		"GET /organisation": join.Roster{ID: hostile, Name: hostile, Country: hostile, Kind: hostile, Roles: []schemas.Role{hostile, "trainer"},
			MayInvite: []schemas.Role{hostile}, Members: []join.Colleague{{Issuer: hostile, Subject: hostile, Roles: []schemas.Role{hostile}, Mail: hostile,
				How: hostile, Inviter: hostile, Removes: true, You: true}},
			Invitations: []join.Invitation{{ID: hostile, Roles: []schemas.Role{hostile}, For: hostile, By: join.Person{Subject: hostile}}}},
		"POST /invitations":               join.NewInvitation{Secret: hostile, Link: hostile},
		"POST /invitations/look":          join.Invited{Participant: hostile, Name: hostile, Roles: []schemas.Role{hostile}, By: join.Person{Subject: hostile}},
		"POST /invitations/accept":        schemas.Errorf(schemas.Gone, hostile, "%s", hostile),
		"POST /applications":              schemas.BadField("application", "/name", "%s", hostile),
		"POST /applications/app-1/answer": schemas.BadField("application", "/reason", "%s", hostile),
		"POST /organisation/removals":     schemas.Errorf(schemas.Conflict, hostile, "%s", hostile),
	}}
}

func hostileSource() *harvest.Catalogue {
	return &harvest.Catalogue{ID: hostile, URL: hostile, Kind: hostile, Title: hostile, Space: hostile, Health: harvest.Health{State: harvest.Held, Why: hostile, Gone: 7}}
}

func hostileCall() *call.Call {
	return &call.Call{ID: hostile, Name: hostile, Description: hostile, Owner: hostile, Factories: []schemas.FactoryID{hostile}, Spaces: []schemas.SpaceID{hostile},
		State: call.Open, Rows: 9, Bytes: 9, Projects: 3, MaxDays: 7, Used: &call.Used{Rows: 1}, Answers: true, ClosedFor: hostile, Revision: 4}
}

// flows are two days of which one has what is exact and what is not.
func flows() throughput.Throughput {
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	return throughput.Throughput{By: "day", From: day, To: day.AddDate(0, 0, 2), Note: hostile, Bins: []throughput.Interval{
		{From: day, Flow: throughput.Flow{Streams: 1, Rows: 2, Bytes: 3000}, AtMost: &throughput.Flow{Streams: 4, Rows: 5, Bytes: 6000}},
		{From: day.AddDate(0, 0, 1)}}}
}

// uses are one whose run the reader may know, and one of which she may know nothing.
func uses() throughput.Lineage {
	return throughput.Lineage{LeftOut: 3, Uses: []throughput.Use{
		{Dataset: "ds-1", Provider: hostile, Agreement: hostile, Purpose: hostile, Project: hostile, Versions: []schemas.VersionID{hostile}, Run: hostile,
			MayRead: true, External: hostile, Outputs: []schemas.Output{{Kind: hostile, Name: hostile}}},
		{Dataset: hostile, Agreement: hostile, Run: "run-2"}}}
}

// pages are the addresses of all pages, and of writes that answer with one.
func pages() []string {
	return []string{
		"GET /", "GET /datasets", "GET /datasets?q=" + url.QueryEscape(hostile) + "&theme=" + url.QueryEscape(hostile), "GET /datasets/ds-1", "GET /compare?id-1=ds-1&id=" + url.QueryEscape(hostile),
		"GET /datasets/ds-1/ask", "GET /datasets/ds-1/sample", "POST /datasets/ds-1/sample/rows", "GET /operate", "GET /requests", "GET /requests/req-1", "GET /agreements", "GET /agreements/agr-1", "GET /record", "GET /record/0", "GET /record/verify",
		"GET /record/verify?index=0&kept=" + url.QueryEscape(hostile), "GET /runs", "GET /runs/run-1", "GET /help", "GET /me",
		"GET /requests/none", "GET /reports", "GET /reports/uses", "GET /reports/uses?dataset=ds-1", "POST /datasets/ds-1/decision", "POST /datasets/ds-1/ask?look", "POST /agreements/agr-1/lease",
		"GET /agreements/agr-1?run=" + url.QueryEscape(hostile) + "&data=" + url.QueryEscape(hostile), "POST /runs/new",
		"POST /agreements/agr-1/revoke", "POST /requests/req-1/review",
		"GET /provide", "GET /provide/new?place=" + url.QueryEscape(hostile), "GET /provide/file", "GET /provide/bar?participant=" + url.QueryEscape(hostile),
		"GET /provide/ds-1/edit", "GET /provide/ds-1/terms", "GET /provide/ds-1/publish", "GET /provide/ds-1/publish?as=files&table=a&table-1=b&path=" + url.QueryEscape(hostile), "GET /provide/ds-1/publish/browse",
		"GET /provide/ds-1/publish/browse?in=" + url.QueryEscape("s3://"+hostile+"/"+hostile+"/"+hostile), "GET /provide/ds-1/upload?sent=" + url.QueryEscape(hostile),
		"POST /provide/ds-1/upload/send", "POST /provide/ds-1/upload/begin", "GET /provide/ds-1/withdraw", "GET /help", "GET /help/ask", "GET /back", "GET /provide/ds-1/versions/hostile?place=" + url.QueryEscape(hostile),
		"GET /provide/ds-1/versions/running", "GET /provide/ds-1/versions/running?part=progress", "GET /provide/ds-1/versions/failed",
		"GET /provide/ds-1/versions/out", "POST /provide/ds-1/versions/hostile/take-back",
		"POST /provide/new/check", "POST /provide/new/register", "POST /provide/ds-1/edit/check", "POST /provide/ds-1/edit/change",
		"POST /provide/ds-1/terms/try", "POST /provide/ds-1/terms/put", "POST /provide/ds-1/publish/begin", "POST /provide/ds-1/withdraw/do", "POST /provide/file/register",
		"POST /provide/bar/do", "POST /provide/bar/lift",
		"GET /searches", "POST /searches/new", "GET /join", "GET /join/secret", "GET /organisation", "GET /operate/joining", "POST /join/application", "POST /join/secret/membership",
		"POST /organisation/invitation", "POST /organisation/removal", "POST /operate/joining/answer",
		"GET /operate/participants?id=" + url.QueryEscape(hostile), "GET /operate/projects?id=" + url.QueryEscape(hostile), "GET /operate/factories?done=" + url.QueryEscape(hostile),
		"GET /operate/stores?id=" + url.QueryEscape(hostile), "GET /operate/sources?id=" + url.QueryEscape(hostile), "GET /operate/calls?id=" + url.QueryEscape(hostile),
		"GET /operate/sources/src-1?cursor=" + url.QueryEscape(hostile), "GET /operate/spaces", "GET /demand", "GET /calls", "GET /calls/call-1",
		"POST /operate/participants/put", "POST /operate/projects/put", "POST /operate/factories/put", "POST /operate/stores/put", "POST /operate/sources/put", "POST /operate/calls/put",
		"POST /operate/participants/stop", "POST /operate/projects/end", "POST /operate/stores/grant", "POST /operate/sources/src-1/harvest", "POST /operate/sources/src-1/remove",
		"POST /calls/call-1/apply", "POST /calls/call-1/close", "POST /calls/call-1/answer",
	}
}

// TestHostileTextIsHarmless: on no page does a text from outside become markup, a script, or a
// character that shows nothing or turns directions.
func TestHostileTextIsHarmless(t *testing.T) {
	t.Parallel()
	h := site(t, everything(), "token")
	for _, what := range pages() {
		method, target, _ := strings.Cut(what, " ")
		for _, lang := range []string{"en", "fr"} {
			form := url.Values{"reason": {hostile}, "message": {hostile}, "project": {hostile}, "look": {"yes"}, "key": {hostile}, "application": {"app-1"}, "name": {hostile},
				"title": {hostile}, "lang": {hostile}, "place": {hostile}, "text": {hostile}, "participant": {hostile}, "barred": {hostile},
				"tables": {"1"}, "t0-columns": {"1"}, "t0-name": {hostile}, "t0-c0-name": {hostile}, "column": {hostile}, "treat": {hostile}, "step": {hostile}}
			w := visited(h, method, strings.TrimSuffix(target, "?look"), form, "Accept-Language", lang)
			body := w.Body.String()
			if w.Code == http.StatusInternalServerError || !strings.Contains(body, "<") {
				t.Errorf("%s: %d %.200s", what, w.Code, body)
			}
			if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img") || regexp.MustCompile(`href="\s*javascript`).MatchString(body) {
				t.Errorf("%s holds markup of others: %s", what, body)
			}
			if i := strings.IndexFunc(body, page.Hidden); i >= 0 {
				t.Errorf("%s holds %q", what, body[i:i+6])
			}
			if strings.Contains(body, "&lt;no value&gt;") {
				t.Errorf("%s lacks a value: %s", what, body)
			}
			if !strings.Contains(target, "decision") && w.Code != http.StatusSeeOther && w.Header().Get("Content-Language") != lang {
				t.Errorf("%s is in %s, want %s", what, w.Header().Get("Content-Language"), lang)
			}
		}
	}
}

// TestHeads: every page forbids browsers what no page needs, and is kept by none.
func TestHeads(t *testing.T) {
	t.Parallel()
	h := site(t, everything(), "token")
	for _, what := range pages() {
		method, target, _ := strings.Cut(what, " ")
		head := visited(h, method, strings.TrimSuffix(target, "?look"), url.Values{"look": {"yes"}}).Header()
		csp := head.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: %q lacks %s", what, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || head.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %q, kept as %q", what, csp, head.Get("Cache-Control"))
		}
	}
}

// TestTemplatesNeedNoInline: no template has scripts, styles or handlers of its own, which the
// Content-Security-Policy would stop, nor anything from another host.
func TestTemplatesNeedNoInline(t *testing.T) {
	t.Parallel()
	inline := regexp.MustCompile(`(?i)\son[a-z]+=|\sstyle=|<style|<script>|(src|href|action)="(https?:)?//`)
	here := os.DirFS(".")
	own, err := fs.Glob(here, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(here, "*/templates/*.html")
	if err != nil || len(files) == 0 || len(own) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range append(own, files...) {
		b, err := fs.ReadFile(here, f)
		if err != nil {
			t.Fatal(err)
		}
		if m := inline.Find(b); m != nil {
			t.Errorf("%s holds %q", f, m)
		}
		if strings.ContainsFunc(string(b), page.Hidden) {
			t.Errorf("%s holds characters that show nothing", f)
		}
	}
}

// TestEveryMessageIsUsed: templates and code name messages that there are, and there is none that
// nobody names.
func TestEveryMessageIsUsed(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	for _, pattern := range []string{"templates/*.html", "*.go", "*/templates/*.html", "*/*.go"} {
		files, err := fs.Glob(os.DirFS("."), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(f, "_test.go") {
				source.Write(b)
			}
		}
	}
	ids, err := words.IDs("en")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?:\bt|\.T\(|"else"|"head") ?"([a-z][A-Za-z.]*[a-zA-Z])"`).FindAllStringSubmatch(source.String(), -1) {
		if !slices.Contains(ids, m[1]) {
			t.Errorf("there is no message %q", m[1])
		}
	}
	// Labels of codes are named by what they begin with.
	codes := []string{"nav", "helper", "access", "mark", "facet", "field", "sort", "space", "state", "stream", "request", "requests", "agreement", "role", "rating",
		"sensitivity", "kind", "source", "reported", "action", "left", "operator", "step", "error", "did", "outcome", "value", "output", "verify", "theme", "help", "visibility", "template", "treat", "tryplace",
		"lines", "linesabout", "owned", "standing", "wants", "speaks", "mail", "how", "opfield", "ophelp", "operated", "called", "dist", "span", "filter"}
	for _, id := range ids {
		family, _, _ := strings.Cut(id, ".")
		if !strings.Contains(source.String(), `"`+id+`"`) && !slices.Contains(codes, family) {
			t.Errorf("nobody says %q", id)
		}
	}
}

// TestStatic: the files that pages name, once each for a browser.
func TestStatic(t *testing.T) {
	t.Parallel()
	h := site(t, everything(), "")
	for name, kind := range map[string]string{"htmx.min.js": "text/javascript", "site.js": "text/javascript", "site.css": "text/css", "land.svg": "image/svg+xml",
		"icon.svg": "image/svg+xml"} {
		w := visited(h, http.MethodGet, "/static/"+name, nil)
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d, %s", name, w.Code, w.Header().Get("Content-Type"))
		}
		w = visited(h, http.MethodGet, "/static/"+name, nil, "If-None-Match", w.Header().Get("ETag"))
		if w.Code != http.StatusNotModified {
			t.Errorf("%s again: %d", name, w.Code)
		}
	}
	if w := visited(h, http.MethodGet, "/static/none.js", nil); w.Code != http.StatusNotFound {
		t.Errorf("no file: %d", w.Code)
	}
}

// TestWritesComeFromHere: what another site sends is refused before anything is asked.
func TestWritesComeFromHere(t *testing.T) {
	t.Parallel()
	a := everything()
	h := site(t, a, "token")
	for _, heads := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
	} {
		for _, target := range []string{"/datasets/ds-1/ask", "/agreements/agr-1/revoke", "/requests/req-1/review", "/agreements/agr-1/lease", "/language"} {
			w := visited(h, http.MethodPost, target, url.Values{"reason": {"because"}}, heads...)
			if w.Code != http.StatusForbidden {
				t.Errorf("%s with %v: %d", target, heads, w.Code)
			}
		}
	}
	for _, r := range a.asked {
		if r.Method != http.MethodGet && !r.URL.Query().Has("check") {
			t.Errorf("%s %s was called", r.Method, r.URL.Path)
		}
	}
	w := visited(h, http.MethodPost, "/agreements/agr-1/revoke", url.Values{"reason": {strings.Repeat("x", 64<<10)}})
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of more than is read: %d", w.Code)
	}
}

// TestHosts: the site answers to its own name, and on this machine.
func TestHosts(t *testing.T) {
	t.Parallel()
	h := site(t, everything(), "")
	for host, want := range map[string]int{"guichet.example": 200, "guichet.example:443": 200, "GUICHET.example": 200, "localhost:8080": 200,
		"127.0.0.1": 200, "[::1]:80": 200, "evil.example": 421, "guichet.example.evil.example": 421, "": 421} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}

// TestStrangers: who is nobody sees what is public, and is sent to sign in for the rest, and back.
func TestStrangers(t *testing.T) {
	t.Parallel()
	a := everything()
	h := site(t, a, "")
	for _, target := range []string{"/", "/datasets", "/datasets/ds-1"} {
		if w := visited(h, http.MethodGet, target, nil); w.Code != http.StatusOK {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	for _, target := range []string{"/requests", "/requests/req-1", "/agreements?dataset=x", "/record", "/me", "/datasets/ds-1/ask", "/record/bundle", "/reports", "/reports/uses", "/reports/uses/file", "/reports/dossier"} {
		w := visited(h, http.MethodGet, target, nil)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/signin?to="+url.QueryEscape(target) {
			t.Errorf("%s: %d to %q", target, w.Code, w.Header().Get("Location"))
		}
	}
	w := visited(h, http.MethodPost, "/agreements/agr-1/revoke?a=b", url.Values{"reason": {"because <b>"}, "column": {"x", "y"}})
	if w.Code != http.StatusUnauthorized {
		t.Errorf("a write of nobody: %d", w.Code)
	}
	for _, kept := range []string{`action="/agreements/agr-1/revoke?a=b"`, `name="reason" value="because &lt;b&gt;"`, `name="column" value="x"`, `name="column" value="y"`,
		`href="/signin?to=/back"`} {
		if !strings.Contains(w.Body.String(), kept) {
			t.Errorf("the page that answers a write of nobody has no %s:\n%s", kept, w.Body)
		}
	}
	for _, r := range a.asked {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("%s was called as somebody", r.URL)
		}
	}
}

// TestSessionThatEnded: its person is a stranger, who still sees what is public.
func TestSessionThatEnded(t *testing.T) {
	t.Parallel()
	a := everything()
	a.answers["GET /me"] = &schemas.Error{Kind: schemas.Unauthenticated, Subject: "token", Message: "the token expired"}
	h := site(t, a, "old")
	if w := visited(h, http.MethodGet, "/datasets", nil); w.Code != http.StatusOK {
		t.Errorf("a public page: %d", w.Code)
	}
	if w := visited(h, http.MethodGet, "/requests", nil); w.Code != http.StatusSeeOther {
		t.Errorf("another one: %d", w.Code)
	}
}

// TestAskedOnce: a form that is sent twice makes one request, and going back sends nothing again.
func TestAskedOnce(t *testing.T) {
	t.Parallel()
	a := everything()
	h := site(t, a, "token")
	shown := visited(h, http.MethodGet, "/datasets/ds-1/ask", nil).Body.String()
	key := regexp.MustCompile(`name="key" value="([A-Z2-7]+)"`).FindStringSubmatch(shown)
	if key == nil {
		t.Fatalf("the form has no key: %s", shown)
	}
	form := url.Values{"key": {key[1]}, "project": {"p"}, "purpose": {"train-model"}, "until": {"2027-06-30"}, "column": {"a", "b"},
		"message": {"for a paper"}, "answers/why": {"because"}}
	for range 2 {
		w := visited(h, http.MethodPost, "/datasets/ds-1/ask", form)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/requests/req-1" {
			t.Fatalf("%d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
		}
	}
	n := 0
	for i, r := range a.asked {
		if r.Method == http.MethodPost && r.URL.Path == "/api/v1/requests" && !r.URL.Query().Has("check") {
			n++
			if r.Header.Get("Idempotency-Key") != "form-"+key[1] || r.Header.Get("Authorization") != "Bearer token" {
				t.Errorf("sent with %v", r.Header)
			}
			for _, want := range []string{`"columns":["a","b"]`, `"until":"2027-07-01T00:00:00Z"`, `"answers":{"why":"because"}`, `"message":"for a paper"`} {
				if !strings.Contains(a.sent[i], want) {
					t.Errorf("%s lacks %s", a.sent[i], want)
				}
			}
		}
	}
	if n != 2 {
		t.Errorf("%d calls", n)
	}
}

// TestWrongFormsKeepWhatWasTyped, and say at the field what is wrong with it.
func TestWrongFormsKeepWhatWasTyped(t *testing.T) {
	t.Parallel()
	a := everything()
	a.answers["POST /requests"] = schemas.BadField("request", "/contact", "this is no address")
	h := site(t, a, "token")
	form := url.Values{"key": {"K"}, "project": {"p"}, "message": {"as it was typed"}, "contact": {"nobody"}}
	w := visited(h, http.MethodPost, "/datasets/ds-1/ask", form)
	for _, want := range []string{">as it was typed</textarea>", `value="nobody"`, "this is no address</small>", `role="alert"`} {
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d, lacks %s: %s", w.Code, want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), `value="K"`) {
		t.Error("the mended form would be taken for the wrong one, whose answer is kept under its key")
	}
	for _, day := range []string{"soon", "9999-12-31", "0000-12-31"} {
		form.Set("until", day)
		w = visited(h, http.MethodPost, "/datasets/ds-1/ask", form)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "is not a day") {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
	}
	form.Set("look", "yes")
	form.Del("until")
	w = visited(h, http.MethodPost, "/datasets/ds-1/ask", form)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `value="K"`) {
		t.Errorf("to look changes the key of what is not sent yet: %d: %s", w.Code, w.Body)
	}
}

// TestNoDecisionIsNoRefusal: where the API cannot decide, a page says why, and not no.
func TestNoDecisionIsNoRefusal(t *testing.T) {
	t.Parallel()
	a := everything()
	a.answers["POST /requests?check"] = schemas.BadField("request", "/items/0/columns/0", "there is no such column")
	w := visited(site(t, a, "token"), http.MethodGet, "/datasets/ds-1/ask?some=yes&column=x", nil)
	if !strings.Contains(w.Body.String(), "there is no such column") || strings.Contains(w.Body.String(), `class="verdict`) {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// TestLanguage: a language that is chosen is kept, and leads back to where it was chosen, never
// elsewhere.
func TestLanguage(t *testing.T) {
	t.Parallel()
	h := site(t, everything(), "")
	for to, want := range map[string]string{"/datasets?q=wheat&space=health": "/datasets?q=wheat&space=health", "//evil.example/x": "/", "https://evil.example": "/",
		`/\evil.example`: "/", "javascript:alert(1)": "/", "": "/", "/a\r\nb": "/", "/%2f%2fevil.example": "/"} {
		w := visited(h, http.MethodPost, "/language", url.Values{"language": {"fr"}, "to": {to}})
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want || !strings.Contains(w.Header().Get("Set-Cookie"), "language=fr") {
			t.Errorf("%q: %d to %q, %q", to, w.Code, w.Header().Get("Location"), w.Header().Get("Set-Cookie"))
		}
	}
	w := visited(h, http.MethodGet, "/", nil, "Cookie", "language=fr", "Accept-Language", "en")
	if !strings.Contains(w.Body.String(), `<html lang="fr">`) {
		t.Errorf("not in French: %s", w.Body)
	}
	// A page that answers a form is not shown again by its address: the other language comes beside it.
	const beside = `<form method="post" action="/language" lang="fr" target="_blank" rel="noopener"><input type="hidden" name="to" value="/agreements/agr-1">`
	if body := visited(h, http.MethodPost, "/agreements/agr-1/lease", url.Values{"key": {"K"}}).Body.String(); !strings.Contains(body, beside) {
		t.Errorf("the language of a page with a lease: %s", body)
	}
	if body := visited(h, http.MethodGet, "/agreements/agr-1", nil).Body.String(); strings.Contains(body, `target="_blank"`) {
		t.Error("the language of a page that can be asked for again opens beside it")
	}
	w = visited(h, http.MethodPost, "/language", url.Values{"language": {"xx"}})
	if w.Header().Get("Set-Cookie") != "" {
		t.Errorf("an unknown language is kept: %s", w.Header())
	}
}

// TestAddressesOfForms: whoever asks for what a form was sent to, for its answer stood in the browser,
// comes to the page on which the form stands.
func TestAddressesOfForms(t *testing.T) {
	t.Parallel()
	h := site(t, everything(), "token")
	for target, want := range map[string]string{
		"/agreements/agr-1/lease": "/agreements/agr-1", "/agreements/agr-1/revoke": "/agreements/agr-1", "/requests/req-1/review": "/requests/req-1",
		"/datasets/ds-1/decision": "/datasets/ds-1", "/language": "/",
	} {
		w := visited(h, http.MethodGet, target, nil)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("%s: %d to %q", target, w.Code, w.Header().Get("Location"))
		}
	}
	w := visited(h, http.MethodPost, "/language", nil, "Sec-Fetch-Site", "cross-site")
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `name="to" value="/"`) {
		t.Errorf("%d, and not back to a page: %s", w.Code, w.Body)
	}
}

// TestWrongWordsAreNamed: whichever form is wrong, its page keeps what was typed and says what is wrong, and where.
func TestWrongWordsAreNamed(t *testing.T) {
	t.Parallel()
	a := everything()
	wrong := &schemas.Error{Kind: schemas.Invalid, Message: "validation failed", Fields: []schemas.FieldError{{Pointer: "/reason", Message: "it is too short"}}}
	for _, call := range []string{"GET /audit/records", "GET /datasets", "POST /agreements/agr-1/revoke", "POST /requests/req-1/review"} {
		a.answers[call] = wrong
	}
	h := site(t, a, "token")
	for _, c := range []struct{ method, target, kept string }{
		{http.MethodGet, "/record?from=abc&kind=release.end", `value="abc"`},
		{http.MethodGet, "/datasets?from=abc", `value="abc"`},
	} {
		w := visited(h, c.method, c.target, nil)
		for _, want := range []string{c.kept, "it is too short <small>(/reason)</small>"} {
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d, lacks %s: %s", c.target, w.Code, want, w.Body)
			}
		}
	}
	a.answers["GET /datasets"] = schemas.Found{}
	for _, target := range []string{"/agreements/agr-1/revoke", "/requests/req-1/review"} {
		w := visited(h, http.MethodPost, target, url.Values{"reason": {"no"}, "decision": {"refuse"}})
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "it is too short") {
			t.Errorf("%s: %d: %s", target, w.Code, w.Body)
		}
	}
}

// TestUseOfWhatIsGone: an agreement on a dataset that its reader can see no longer names it by its id, and leads
// nowhere.
func TestUseOfWhatIsGone(t *testing.T) {
	t.Parallel()
	a := everything()
	a.answers["GET /datasets"] = schemas.Found{}
	delete(a.answers, "GET /datasets/ds-1")
	h := site(t, a, "token")
	w := visited(h, http.MethodGet, "/agreements/agr-1", nil)
	if body := w.Body.String(); !strings.Contains(body, "<title>Agreement on ds-1 ") || strings.Contains(body, `<a href="/datasets/ds-1">`) {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// TestLinesToCopy: where nobody said what the site's address is, lines to copy name the one that the browser used.
func TestLinesToCopy(t *testing.T) {
	t.Parallel()
	a := everything()
	agreement, _ := a.answers["GET /agreements/agr-1"].(schemas.Agreement)
	agreement.Provider = "https://holder.example"
	a.answers["GET /agreements/agr-1"] = agreement
	s, err := New(page.Config{API: a, Log: slog.New(slog.DiscardHandler),
		Token: func(http.ResponseWriter, *http.Request) (string, bool, error) { return "token", true, nil }})
	if err != nil {
		t.Fatal(err)
	}
	h := gin.New()
	s.Mount(h)
	for scheme, body := range map[string]string{
		"https": visited(h, http.MethodGet, "/agreements/agr-1", nil).Body.String(),
		"http":  visitedPlainly(h, "/agreements/agr-1").Body.String(),
	} {
		if want := scheme + "://guichet.example/api/v1/agreements/agr-1/stream"; !strings.Contains(body, want) {
			t.Errorf("lacks %s: %s", want, body)
		}
	}
}

func visitedPlainly(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://guichet.example"+target, nil))
	return w
}

// TestEndedTwice: who presses the button that ends an agreement twice sees that it ended.
func TestEndedTwice(t *testing.T) {
	t.Parallel()
	a := everything()
	a.answers["POST /agreements/agr-1/revoke"] = schemas.Errorf(schemas.Conflict, "agr-1", "the agreement was revoked already")
	w := visited(site(t, a, "token"), http.MethodPost, "/agreements/agr-1/revoke", url.Values{"reason": {"because"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/agreements/agr-1" {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// later answers a write with a conflict of its key until it was asked so often.
type later struct {
	*api
	left int
}

func (l *later) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Idempotency-Key") != "" && l.left > 0 {
		l.left--
		problem.Write(w, problem.Of(&schemas.Error{Kind: schemas.Conflict, Subject: "Idempotency-Key", Message: "the first request is still running"},
			slog.New(slog.DiscardHandler)))
		return
	}
	l.api.ServeHTTP(w, r)
}

// TestPressedTwice: a form that is sent while its first sending is being answered waits for that answer.
func TestPressedTwice(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]int{
		"/agreements/agr-1/lease": http.StatusOK, "/datasets/ds-1/ask": http.StatusSeeOther, "/requests/req-1/review": http.StatusSeeOther,
	} {
		a := everything()
		a.answers["POST /requests/req-1/review"] = schemas.Request{}
		h := siteOver(t, &later{api: a, left: 2}, "token")
		if w := visited(h, http.MethodPost, target, url.Values{"key": {"K"}, "project": {"p"}}); w.Code != want {
			t.Errorf("%s: %d: %s", target, w.Code, w.Body)
		}
	}
}

// TestWhoHelps: what is refused or waits says whom to ask, what is granted does not, and a page without the API's word stands.
func TestWhoHelps(t *testing.T) {
	t.Parallel()
	a := everything()
	a.answers["GET /contacts"] = map[string]any{"site": "help@guichet.example", "spaces": map[string]string{"agriculture": "https://agri.example/ask"},
		"factories": map[string]string{"lumi": "help@lumi.example"}}
	a.answers["GET /datasets/ds-1"] = schemas.Dataset{ID: "ds-1", Title: schemas.Text{"en": "Wheat"}, Space: "agriculture", Contact: "data@agronomy.example"}
	a.answers["GET /requests/req-1"] = schemas.Request{ID: "req-1", Factory: "lumi", Items: []schemas.RequestItem{{Dataset: "ds-1", State: schemas.RequestPending}}}
	h := site(t, a, "token")
	all := []string{"Who helps", "data@agronomy.example", `href="https://agri.example/ask"`, "help@lumi.example", "help@guichet.example"}
	says := func(target string, want ...string) {
		t.Helper()
		body := visited(h, http.MethodGet, target, nil).Body.String()
		for _, w := range all {
			if strings.Contains(body, w) != slices.Contains(want, w) {
				t.Errorf("%s: %q stands there: %v", target, w, strings.Contains(body, w))
			}
		}
	}
	says("/requests/req-1", all...)
	says("/requests/none", all[0], all[4])
	a.answers["GET /requests/req-1"] = schemas.Request{ID: "req-1", Items: []schemas.RequestItem{{Dataset: "ds-1", State: schemas.RequestGranted}}}
	says("/requests/req-1")
	a.answers["POST /requests?check"] = would(&schemas.Decision{Verdict: schemas.VerdictNo})
	says("/datasets/ds-1/ask?project=p&factory=lumi", all...)
	a.answers["POST /requests?check"] = would(&schemas.Decision{Verdict: schemas.VerdictYes})
	says("/datasets/ds-1/ask?project=p&factory=lumi")
	delete(a.answers, "GET /contacts")
	a.answers["POST /requests?check"] = would(&schemas.Decision{Verdict: schemas.VerdictNo})
	says("/datasets/ds-1/ask?project=p&factory=lumi", all[0], all[1])
}

// Who asked withdraws what waits, after a second look; others, and who asked what is decided, have no button.
func TestWithdrawsARequest(t *testing.T) {
	t.Parallel()
	a := everything()
	me := schemas.ParticipantID("https://lab.example")
	a.answers["GET /me"] = schemas.Identity{Participant: me, Roles: []schemas.Role{schemas.RoleTrainer}}
	r := schemas.Request{ID: "req-1", By: me, State: schemas.RequestPending, Items: []schemas.RequestItem{{Dataset: "ds-1", State: schemas.RequestPending}}}
	shows := func(what string, want bool) string {
		t.Helper()
		a.answers["GET /requests/req-1"] = r
		body := visited(site(t, a, "token"), http.MethodGet, "/requests/req-1", nil).Body.String()
		if strings.Contains(body, `<form method="post" action="/requests/req-1/withdraw">`) != want {
			t.Errorf("%s: may withdraw is not %v", what, want)
		}
		return body
	}
	shows("it waits", true)
	r.By = "https://other.example"
	shows("of others", false)
	r.By, r.State, r.Decided = me, schemas.RequestWithdrawn, time.Now()
	r.Items[0].State = schemas.RequestWithdrawn
	if body := shows("withdrawn", false); !strings.Contains(body, "<span>withdrawn <time") || !strings.Contains(body, "Withdrawn by who asked") {
		t.Errorf("a withdrawn one reads %s", body)
	}
	a.answers["POST /requests/req-1/withdraw"] = r
	if w := visited(site(t, a, "token"), http.MethodPost, "/requests/req-1/withdraw", nil); w.Code != http.StatusSeeOther {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	a.answers["POST /requests/req-1/withdraw"] = schemas.Errorf(schemas.Conflict, "req-1", "the request was decided already")
	if w := visited(site(t, a, "token"), http.MethodPost, "/requests/req-1/withdraw", nil); w.Code != http.StatusSeeOther {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// TestHeld: agreements stand beside the use that they are for, others apart, ended ones with why.
func TestHeld(t *testing.T) {
	t.Parallel()
	a := everything()
	me := schemas.ParticipantID("https://lab.example")
	a.answers["GET /me"] = schemas.Identity{Participant: me, Roles: []schemas.Role{schemas.RoleTrainer}}
	a.answers["GET /projects"] = schemas.Page[schemas.Project]{Items: []schemas.Project{
		{ID: "crops", Purposes: []string{"train-model"}}, {ID: "ads", Purposes: []string{"marketing"}}}}
	one := func(id, project, purpose string, state schemas.AgreementState) schemas.Agreement {
		return schemas.Agreement{ID: schemas.AgreementID(id), Participant: me, Project: schemas.ProjectID(project), Purpose: purpose, State: state,
			Reason: map[schemas.AgreementState]string{schemas.AgreementRevoked: "by mistake"}[state]}
	}
	a.answers["GET /agreements"] = schemas.Page[schemas.Agreement]{Items: []schemas.Agreement{
		one("agr-fits", "crops", "train-model", schemas.AgreementActive), one("agr-gone", "crops", "train-model", schemas.AgreementRevoked)}}
	h := site(t, a, "token")
	for target, want := range map[string][]string{
		"/datasets/ds-1?project=crops&purpose=train-model": {`class="button" href="/agreements/agr-fits#use"`, "by mistake"},
		"/datasets/ds-1?project=ads&purpose=marketing":     {"Agreements for another use:", `href="/agreements/agr-fits"`, "by mistake"},
	} {
		body := visited(h, http.MethodGet, target, nil).Body.String()
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s lacks %s:\n%s", target, w, body)
			}
		}
		if target == "/datasets/ds-1?project=ads&purpose=marketing" && strings.Contains(body, "#use") {
			t.Errorf("an agreement for another use is to be used for this one:\n%s", body)
		}
	}
	a.answers["GET /me"] = schemas.Identity{Subject: "newcomer"}
	for _, target := range []string{"/datasets/ds-1", "/datasets/ds-1/ask"} {
		if body := visited(h, http.MethodGet, target, nil).Body.String(); !strings.Contains(body, `href="/join"`) {
			t.Errorf("%s does not say how to join:\n%s", target, body)
		}
	}
}

// TestNearest: where nothing has all words, what the nearest search finds stands there, and what was typed in its field.
func TestNearest(t *testing.T) {
	t.Parallel()
	a := everything()
	found := false
	a.answers["GET /datasets"] = func(r *http.Request) any {
		switch q := r.URL.Query(); {
		case q.Get("q") == "crop yield":
			return schemas.Found{Near: []schemas.Near{{Words: "yield", Without: []string{"crop"}, Total: 1}, {Words: "crops", Total: 1}}}
		case q.Get("q") == "yield" && found:
			return schemas.Found{Total: 1, Items: []schemas.Hit{{ID: "ds-7", Title: schemas.Text{"en": "Wheat yields"}}}}
		}
		return schemas.Found{}
	}
	h := site(t, a, "")
	for _, found = range []bool{true, false} {
		body := visited(h, http.MethodGet, "/datasets?q=crop+yield&country=BE", nil).Body.String()
		for part, want := range map[string]bool{`value="crop yield"`: true, "Wheat yields": found, "These have: yield.": found, `q=crops`: true} {
			if strings.Contains(body, part) != want {
				t.Errorf("nearest found: %v; %q stands there: %v\n%s", found, part, !want, body)
			}
		}
	}
}
