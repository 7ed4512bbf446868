package api

import (
	"strings"
	"testing"

	"guichet/schemas"
)

// granted is a site with a published dataset $a on open terms and one, $b, that its holder
// looks at each request for.
func granted(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	for _, name := range []string{"a", "b"} {
		s.dataset(name)
		s.publish(name, "v1", schemas.VersionPublished)
	}
	s.want(200, "hal", "PUT /datasets/$b/offer", `{"rules":[{"kind":"permission","actions":["use"]}],"review":true}`)
	return s
}

// Would it be allowed: anybody may ask, and is told which rule says so.
func TestDryRuns(t *testing.T) {
	t.Parallel()
	s := granted(t)
	ask := `{"dataset":"$a","project":"p","purpose":"train-model"}`
	s.want(200, "ada", "POST /decisions", ask, `"verdict":"yes"`, "the offer permits this use")
	s.want(200, "ada", "POST /decisions", strings.Replace(ask, "$a", "$b", 1), `"verdict":"review"`, `"reviewer":"https://holder.example"`)
	s.want(200, "", "POST /decisions", `{"dataset":"$a","purpose":"train-model"}`, `"verdict":`)
	s.want(200, "ada", "POST /decisions", `{"dataset":"$a","project":"p","purpose":"train-model","columns":["crop"]}`, `"verdict":"yes"`)
	s.want(404, "ada", "POST /decisions", strings.Replace(ask, "$a", "ds-none", 1), "there is no dataset ds-none")
	s.want(422, "ada", "POST /decisions", strings.Replace(ask, `"p"`, `"q"`, 1), `"pointer":"/project"`, `you take part in no project "q"`)
	s.want(422, "", "POST /decisions", ask, `"pointer":"/project"`)
	s.want(
		422, "ada", "POST /decisions", `{"dataset":"$a","project":"p","purpose":"train-model","factory":"g"}`, `"pointer":"/factory"`,
		`there is no factory "g"`,
	)
	s.want(
		422, "ada", "POST /decisions", `{"dataset":"$a","project":"p","purpose":"train-model","columns":["yield"]}`, `/columns/0`,
		`has a column "yield"`,
	)
	s.want(422, "ada", "POST /decisions", `{"purpose":"train-model"}`, "dataset is missing")
	s.want(422, "ada", "POST /decisions", `{"dataset":7}`, `"pointer":"/dataset"`, "this is a text: write it in quotes")
}

// A request is submitted by a trainer, read by whom it concerns, reviewed by its holder.
func TestRequests(t *testing.T) {
	t.Parallel()
	s := granted(t)
	ask := `{"project":"p","items":[{"dataset":"$a","columns":["crop"],"rows":40},{"dataset":"$b"}],"message":"for wheat","contact":"ada@lab.example"}`
	w := s.want(
		201,
		"ada",
		"POST /requests",
		ask,
		`"state":"pending"`,
		`"state":"granted"`,
		`"purpose":"train-model"`,
		`"contact":"ada@lab.example"`,
		`"message":"for wheat"`,
		`"columns":["crop"]`,
		`"rows":40`,
		`"by":"https://lab.example"`,
	)
	s.keep("r", w, "id")
	if w.Header().Get("Location") != s.filled("/api/v1/requests/$r") || w.Header().Get("ETag") != `"1"` {
		t.Errorf("the headers are %v", w.Header())
	}
	for who, status := range map[string]int{"": 401, "hal": 403, "boss": 403, "lost": 403} {
		s.want(status, who, "POST /requests", ask)
	}
	items := `"items":[{"dataset":"$a","columns":["crop"],"rows":40},{"dataset":"$b"}]`
	s.vars["items"] = s.filled(items)
	ask = s.filled(ask)
	for change, wants := range map[[2]string][]string{
		{`"project":"p"`, `"project":"q"`}:                       {`"pointer":"/project"`, `you take part in no project "q"`},
		{`"project":"p",`, ``}:                                   {"project is missing"},
		{s.vars["items"], `"items":[]`}:                          {`"pointer":"/items"`, "this list must not be empty"},
		{`"rows":40`, `"rows":-1`}:                               {`"pointer":"/items/0/rows"`, "write a number of at least 0"},
		{`"columns":["crop"]`, `"columns":["yield"]`}:            {`"pointer":"/items/0/columns/0"`, `has a column "yield"`},
		{`"contact":"ada@lab.example"`, `"contact":"somewhere"`}: {`"pointer":"/contact"`, `"somewhere" is nowhere to ask back`},
		{s.vars["b"], s.vars["a"]}:                               {`"pointer":"/items/1/dataset"`, "the dataset is given twice"},
		{`{"project"`, `{"until":"soon","project"`}:              {`"pointer":"/until"`, "write an instant with its zone"},
		{`{"project"`, `{"until":"2020-01-01T00:00:00Z","project"`}: {`"pointer":"/until"`,
			"the end must lie between now and ten years from now"},
		{`{"project"`, `{"purpose":"fun","project"`}:   {"fun"},
		{`{"project"`, `{"action":"read","project"`}:   {`"pointer":"/action"`, "the purpose train-model trains on the data"},
		{`{"project"`, `{"state":"granted","project"`}: {`"pointer":"/state"`, "this member is not known here"},
	} {
		s.want(422, "ada", "POST /requests", strings.Replace(ask, change[0], change[1], 1), wants...)
	}
	s.want(404, "ada", "POST /requests", strings.Replace(ask, s.vars["a"], "ds-none", 1), "there is no dataset ds-none")

	s.want(200, "ada", "GET /requests/$r", "", `"title":"P"`, `"partners":[`, `"items":[`)
	s.want(200, "hal", "GET /requests/$r", "", `"dataset":"$b"`)
	s.want(200, "olga", "GET /requests/$r", "")
	s.want(404, "sue", "GET /requests/$r", "", "there is no request $r")
	s.want(401, "", "GET /requests/$r", "")
	s.want(404, "ada", "GET /requests/req-none", "", "req-none")
	s.want(401, "", "GET /requests", "")
	s.want(200, "ada", "GET /requests?state=pending", "", `"id":"$r"`)
	s.want(200, "ada", "GET /requests?state=granted", "", `"items":[]`)
	s.want(422, "ada", "GET /requests?state=done", "", `"pointer":"state"`, "use one of pending, granted, refused, withdrawn")

	review := "POST /requests/$r/review"
	yes := `{"decision":"grant","reason":"fine"}`
	for who, status := range map[string]int{"": 401, "ada": 403, "sue": 404, "lost": 403} {
		s.want(status, who, review, yes)
	}
	s.want(422, "hal", review, `{"decision":"maybe","reason":"fine"}`, `"pointer":"/decision"`, "use one of grant, refuse")
	s.want(422, "hal", review, `{"decision":"grant","reason":"ok"}`, `"pointer":"/reason"`, "this has at least 3 characters")
	w = s.want(200, "hal", review, yes, `"state":"granted"`, "granted by https://holder.example: fine")
	if w.Header().Get("ETag") != `"2"` {
		t.Errorf("the ETag is %s", w.Header().Get("ETag"))
	}
	s.want(409, "hal", review, yes, "nothing in this request waits for your answer")

	s.keep("back", s.want(201, "ada", "POST /requests", ask, `"state":"pending"`), "id")
	back := "POST /requests/$back/withdraw"
	for who, status := range map[string]int{"": 401, "hal": 403, "sue": 404, "lost": 403} {
		s.want(status, who, back, "")
	}
	for range 2 {
		w = s.want(200, "ada", back, "", `"state":"granted"`, `"state":"withdrawn"`)
		if w.Header().Get("ETag") != `"2"` {
			t.Errorf("the ETag is %s", w.Header().Get("ETag"))
		}
	}
	s.want(409, "hal", "POST /requests/$back/review", yes, "the request was withdrawn by who asked")
	s.want(409, "ada", "POST /requests/$r/withdraw", "", "the request was decided already")
	s.want(200, "", "GET /notices/key", "", "whpk_test")
}

// A page of a list is followed by its link, which keeps filters and limit.
func TestPages(t *testing.T) {
	t.Parallel()
	s := granted(t)
	for range 3 {
		s.want(201, "ada", "POST /requests", `{"project":"p","items":[{"dataset":"$a"}]}`)
	}
	for _, path := range []string{"/requests?state=granted&limit=2", "/agreements?dataset=$a&limit=2", "/audit/records?kind=request&limit=2"} {
		who := "ada"
		seen, pages := map[string]bool{}, 0
		for next := path; next != ""; pages++ {
			w := s.want(200, who, "GET "+next, "")
			for _, part := range strings.Split(w.Body.String(), `"id":"re`)[1:] {
				seen[part[:20]] = true
			}
			link := w.Header().Get("Link")
			if link == "" {
				break
			}
			query, rest, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
			if !ok || rest != `; rel="next"` || !strings.Contains(query, "limit=2") {
				t.Fatalf("%s: the link is %s", path, link)
			}
			base, _, _ := strings.Cut(path, "?")
			next = base + query
			if pages > 5 {
				t.Fatalf("%s: the pages have no end", path)
			}
		}
		if pages != 1 {
			t.Errorf("%s: %d pages after the first, want 1", path, pages)
		}
		if strings.HasPrefix(path, "/requests") && len(seen) != 3 {
			t.Errorf("%s: %d requests on all pages", path, len(seen))
		}
	}
}
