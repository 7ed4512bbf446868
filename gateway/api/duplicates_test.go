package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// finding looks for duplicates until the test ends.
func (s *site) finding() {
	s.t.Helper()
	ctx, end := context.WithCancel(context.WithoutCancel(s.t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Duplicates.Run(ctx) }()
	s.t.Cleanup(func() {
		end()
		agreementtest.Must(s.t, <-done)
	})
}

// until asks again until an answer has a text.
func (s *site) until(who, do, has string) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		w := s.call(who, do, "")
		if strings.Contains(w.Body.String(), s.filled(has)) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s does not come to %s: %s", do, has, w.Body)
		}
	}
}

// twice is wheat with an identifier, seen by whom is said.
func twice(visibility string) string {
	return strings.Replace(wheat, `"title":{"en":"Wheat"}`, `"title":{"en":"Wheat yields by plot"},"identifiers":["10.1234/wheat"],"visibility":"`+visibility+`"`, 1)
}

// Duplicates: a hit and the dataset say where else the same data are, and why; who provides one of two, and an
// operator, say that they are apart, and take that back; others cannot, and see nothing of what is hidden.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.finding()
	s.keep("a", s.want(201, "hal", "POST /datasets", twice("everyone")), "id")
	s.keep("own", s.want(201, "hal", "POST /datasets", twice("own")), "id")
	s.keep("b", s.want(201, "sue", "POST /datasets", twice("everyone")), "id")
	s.keep("c", s.want(201, "sue", "POST /datasets", strings.Replace(twice("everyone"), "yields by plot", "bridges and tunnels", 1)), "id")
	s.until("", "GET /datasets/$a/duplicates", `"id":"$b"`)
	for _, who := range []string{"", "ada", "hal", "boss"} { // hal has the hidden one: nobody is told of it, he neither
		w := s.want(200, who, "GET /datasets/$a/duplicates", "", `"provider":"https://second.example"`, "both are called doi:10.1234/wheat",
			"they have the same title")
		if body := w.Body.String(); strings.Contains(body, s.vars["own"]) || strings.Contains(body, s.vars["c"]) || w.Header().Get("ETag") != "" {
			t.Errorf("%s is told %s", who, body)
		}
		s.want(200, who, "GET /duplicates", "", `"id":"$a"`, `"id":"$b"`)
		s.until(who, "GET /datasets?q=yields", `"same_total":1`)
	}
	s.want(404, "ada", "GET /datasets/$own/duplicates", "")
	s.want(200, "hal", "GET /datasets/$own/duplicates", "", `"items":[]`)
	var found schemas.Found
	agreementtest.Must(t, json.Unmarshal(s.want(200, "", "GET /datasets?q=yields", "").Body.Bytes(), &found))
	for _, h := range found.Items {
		if string(h.ID) != s.vars["c"] && (len(h.Same) != 1 || h.Same[0].ID == h.ID || h.SameTotal != 1) {
			t.Errorf("%+v", h)
		}
	}
	s.want(401, "", "PUT /datasets/$a/apart/$b", "", "to say that datasets are apart")
	s.want(403, "ada", "PUT /datasets/$a/apart/$b", "")
	s.want(403, "tim", "PUT /datasets/$a/apart/$b", "") // of the holder, and no provider
	s.want(404, "sue", "PUT /datasets/$a/apart/$own", "")
	s.want(404, "sue", "PUT /datasets/$a/apart/ds-none", "")
	s.want(409, "sue", "PUT /datasets/$a/apart/$c", "", "are not shown as one")
	s.want(200, "sue", "PUT /datasets/$a/apart/$b", "", `"items":[]`, `"apart":[`, `"by":"https://second.example"`)
	s.want(200, "", "GET /datasets/$b/duplicates", "", `"items":[]`)
	s.want(200, "", "GET /duplicates", "", `"items":[]`)
	s.want(200, "hal", "DELETE /datasets/$a/apart/$b", "", `"apart":[`) // it was not he who said it
	s.want(200, "boss", "DELETE /datasets/$b/apart/$a", "", `"id":"$a"`)
	s.want(200, "olga", "GET /audit/records?kind=dataset.apart", "", "together", "https://second.example")
	s.until("olga", "GET /audit/records?kind=dataset.same", `"group"`)
}

// TestMarksOfDuplicates: of the same data, here and elsewhere, what has the wanted mark is found, and the marks
// that are counted are those of the hits.
func TestMarksOfDuplicates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.finding()
	s.keep("there", s.want(201, "hal", "POST /datasets", strings.Replace(twice("everyone"), "{", `{"links":[{"url":"https://elsewhere.example/w"}],`, 1)), "id")
	s.keep("here", s.want(201, "hal", "POST /datasets", twice("everyone")), "id")
	s.want(200, "hal", "PUT /datasets/$here/offer", `{"template":"open-with-attribution","attribution":"H"}`)
	s.publish("here", "v1", schemas.VersionPublished)
	s.settle()
	s.until("", "GET /datasets?q=yields", `"total":1,`)
	for access, want := range map[string]string{"": "here", "now": "here", "elsewhere": "there", "now,elsewhere": "here", "ask": ""} {
		_, found := s.hits("ada", "q=yields&project=p&facets=access,country&access="+access)
		ids := ""
		for _, h := range found.Items {
			ids += string(h.ID)
		}
		if want != "" {
			want = s.vars[want]
		}
		if ids != want || found.Total != uint64(len(found.Items)) || len(found.Facets["access"].Values) != 1 || found.Facets["access"].Values[0].Value != "now" {
			t.Errorf("access=%s: %s, %d found, %+v", access, ids, found.Total, found.Facets)
		}
	}
}

// TestManyOrigins: a hit shows ten of the origins, and how many there are.
func TestManyOrigins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.finding()
	for i := range 12 {
		s.keep(fmt.Sprint("ds", i), s.want(201, "hal", "POST /datasets", twice("everyone")), "id")
	}
	s.until("", "GET /datasets?q=yields&limit=1", `"same_total":11`)
	var found schemas.Found
	agreementtest.Must(t, json.Unmarshal(s.want(200, "", "GET /datasets?q=yields&limit=1", "").Body.Bytes(), &found))
	if len(found.Items) != 1 || len(found.Items[0].Same) != sameShown {
		t.Errorf("%+v", found.Items)
	}
}
