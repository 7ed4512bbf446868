package api

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"guichet/catalog"
	"guichet/catalog/harvest"
	"guichet/connectors/fetch"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// portal harvests a catalogue that has one dataset, and one record that is none, at every address.
func portal(c *catalog.Catalog, log *slog.Logger) *harvest.Harvester {
	page := func(context.Context, fetch.Request) (*fetch.Answer, error) {
		return &fetch.Answer{URL: "https://portal.example/all", Type: "text/turtle", Body: []byte(`@prefix dcat: <http://www.w3.org/ns/dcat#> .
			@prefix dct: <http://purl.org/dc/terms/> . <https://portal.example/1> a dcat:Dataset ; dct:title "Wind" .
			<https://portal.example/2> a dcat:Dataset .`)}, nil
	}
	return harvest.NewHarvester(harvest.Config{DB: c.DB, Catalog: c, Spaces: []schemas.SpaceID{"energy"}, Fetch: page, Address: fetch.Check,
		Kinds: harvest.Kinds(), Log: log, Alone: true})
}

// Catalogues of others: operators name, change, harvest and remove them, officers see how they fare,
// others neither; what they bring is found, and is nobody's to change here.
func TestSources(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Sources.Run(ctx) }()
	defer func() {
		end()
		agreementtest.Must(t, <-done)
	}()
	body := `{"id":"portal","url":"https://portal.example/all","space":"energy"}`
	w := s.want(201, "boss", "POST /sources", body, `"id":"portal"`, `"state":"new"`, `"kind":"dcat-ap"`)
	if w.Header().Get("Location") != "/api/v1/sources/portal" || w.Header().Get("ETag") != `"1"` {
		t.Errorf("the headers are %v", w.Header())
	}
	s.want(409, "boss", "POST /sources", body, "there is a source portal already")
	for change, want := range map[[2]string]string{
		{"https://", "ftp://"}:            "only http and https are read",
		{"https://", "https://me:pw@"}:    "a name or a password",
		{`"other"`, `"Por tal"`}:          "/id",
		{"energy", "space"}:               "is not a data space",
		{`"id"`, `"every_hours":-1,"id"`}: "/every_hours",
	} {
		s.want(422, "boss", "POST /sources", strings.Replace(strings.Replace(body, `"portal"`, `"other"`, 1), change[0], change[1], 1), want)
	}
	for who, status := range map[string]int{"": 401, "ada": 403, "hal": 403, "lost": 403, "olga": 403} {
		s.want(status, who, "POST /sources", body)
		s.want(status, who, "POST /sources/portal/harvest", `{}`)
		s.want(status, who, "DELETE /sources/portal", "")
		if who != "olga" {
			s.want(status, who, "GET /sources", "")
			s.want(status, who, "GET /sources/portal/refused", "")
		}
	}
	until := func(has string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			w := s.call("olga", "GET /sources/portal", "")
			if strings.Contains(w.Body.String(), has) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("it does not come to %s: %s", has, w.Body)
			}
		}
	}
	until(`"state":"well"`)
	s.want(200, "olga", "GET /sources", "", `"datasets":1`, `"refused":1`, `"records":2`)
	s.want(200, "olga", "GET /sources/portal/refused", "", `"iri":"https://portal.example/2"`, "title")
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) { // the index follows
		w = s.call("", "GET /datasets?q=wind", "")
		if strings.Contains(w.Body.String(), `"total":1`) || time.Now().After(deadline) {
			break
		}
	}
	s.want(200, "", "GET /datasets?q=wind", "", `"access":"elsewhere"`, `"url":"https://portal.example/1"`)
	_, rest, _ := strings.Cut(w.Body.String(), `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	s.people["ola"] = agreementtest.Person("ola", s.people["boss"].Participant, schemas.RoleProvider)
	s.want(409, "ola", "DELETE /datasets/"+id, "", "harvested from the source portal")
	w = s.want(200, "boss", "GET /sources/portal", "", `"id":"portal"`)
	at := []string{"If-Match", w.Header().Get("ETag")}
	titled := strings.Replace(body, `"space"`, `"title":"The portal","space"`, 1)
	s.wantWith([]string{"If-Match", `"99"`}, 412, "boss", "POST /sources", titled, "the source is at revision")
	s.wantWith([]string{"If-Match", "x"}, 422, "boss", "POST /sources", titled, `"pointer":"If-Match"`)
	s.wantWith(at, 201, "boss", "POST /sources", titled, `"title":"The portal"`, `"datasets":1`)
	s.wantWith(at, 412, "boss", "POST /sources", titled)
	s.want(201, "boss", "POST /sources", strings.Replace(body, `"portal"`, `"second"`, 1), `"id":"second"`)
	s.want(200, "olga", "GET /sources?limit=1", "", `"id":"portal"`, `"next":"`)
	s.want(200, "olga", "GET /sources?limit=1&cursor=portal", "", `"id":"second"`)
	s.want(404, "olga", "GET /sources/other", "", "there is no source other")
	s.want(404, "boss", "POST /sources/other/harvest", `{}`, "there is no source other")
	s.want(200, "boss", "POST /sources/portal/harvest", `{"agree":true}`, `"agreed":true`)
	s.want(200, "boss", "DELETE /sources/portal", "", `"removed":true`)
	until("there is no source portal")
}
