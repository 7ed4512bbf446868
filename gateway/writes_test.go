package gateway_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"guichet/schemas"
)

// A change that was made from an old copy is refused, and the stored one stays.
func TestIfMatch(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.want(201, "agronomy", "POST", "/datasets", wheat("First"))
	var d schemas.Dataset
	r.as(t, &d)
	path, old := "/datasets/"+string(d.ID), r.header.Get("ETag")
	if old != `"1"` {
		t.Fatalf("ETag %q, want \"1\"", old)
	}
	offer := map[string]any{"template": "open-with-attribution"}
	second := s.want(200, "agronomy", "PUT", path, wheat("Second"), "If-Match", old)
	s.want(412, "agronomy", "PUT", path, wheat("Third"), "If-Match", old)
	s.want(412, "agronomy", "PUT", path+"/offer", offer, "If-Match", old)
	s.want(412, "agronomy", "DELETE", path, nil, "If-Match", old)
	s.want(422, "agronomy", "PUT", path, wheat("Third"), "If-Match", `"abc"`)
	s.want(200, "agronomy", "GET", path, nil).as(t, &d)
	if d.Title["en"] != "Second" || d.Withdrawn || d.Offer != nil {
		t.Errorf("refused changes took effect: %+v", d)
	}
	s.want(200, "agronomy", "PUT", path+"/offer", offer, "If-Match", second.header.Get("ETag"))
	s.want(412, "operator", "POST", "/factories", schemas.Factory{ID: "leonardo", Name: "Other", Country: "IT"}, "If-Match", `"7"`)
	s.want(409, "operator", "POST", "/factories", schemas.Factory{ID: "leonardo", Name: "Other", Country: "IT"})
}

// Of a long answer under an Idempotency-Key there stays what tells that the write was
// done, not the whole of it: it would fill the database.
func TestLongAnswersAreNotKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	who := make([]string, 250)
	for i := range who {
		who[i] = fmt.Sprintf("https://organisation-%d.example/%s", i, strings.Repeat("x", 100))
	}
	offer := map[string]any{"rules": []map[string]any{{"kind": "permission", "actions": []string{"use"}, "constraint": map[string]any{"left": "recipient", "operator": "isAnyOf", "right": who}}}}
	path := "/datasets/" + string(d.ID) + "/offer"
	var etag string
	for _, key := range []string{"a", "b", "c"} {
		r := s.want(200, "agronomy", "PUT", path, offer, "Idempotency-Key", key)
		if len(r.body) < 20<<10 {
			t.Fatalf("the answer has %d bytes only", len(r.body))
		}
		etag = r.header.Get("ETag")
	}
	kept := 0
	must(t, s.db.QueryRow(t.Context(), `SELECT coalesce(sum(length(body)), 0) FROM idempotency`).Scan(&kept))
	if kept > 16<<10 {
		t.Errorf("%d bytes of three answers are kept", kept)
	}
	r := s.want(409, "agronomy", "PUT", path, offer, "Idempotency-Key", "c")
	if r.header.Get("Idempotency-Replayed") != "true" || r.header.Get("ETag") != etag || r.header.Get("Idempotency-Digest") == "" || !strings.Contains(r.body, "answered with 200") {
		t.Errorf("%v %s", r.header, r.body)
	}
	if now := s.want(200, "agronomy", "GET", "/datasets/"+string(d.ID), nil).header.Get("ETag"); now != etag {
		t.Errorf("the repetition changed the dataset: %s, then %s", etag, now)
	}
}

// A repeated write with its key is answered as the first one; the same key for
// something else is refused; of many at once one takes effect.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.want(201, "agronomy", "POST", "/datasets", wheat("Once"), "Idempotency-Key", "k")
	again := s.want(201, "agronomy", "POST", "/datasets", wheat("Once"), "Idempotency-Key", "k")
	if first.body != again.body || again.header.Get("Idempotency-Replayed") != "true" || again.header.Get("ETag") != first.header.Get("ETag") {
		t.Errorf("the repeated write got another answer:\n%s\n%s", first.body, again.body)
	}
	s.want(422, "agronomy", "POST", "/datasets", wheat("Twice"), "Idempotency-Key", "k")
	other := s.want(201, "grid", "POST", "/datasets", wheat("Once"), "Idempotency-Key", "k") // another caller's key
	if other.body == first.body {
		t.Error("one caller got another's answer")
	}
	// A refusal that cannot change by itself is kept too.
	bad := wheat("")
	bad.Title = nil
	for range 2 {
		s.want(422, "agronomy", "POST", "/datasets", bad, "Idempotency-Key", "bad")
	}
	// A lease is a caller too: a job that lost the answer gets the same child again.
	var minted struct {
		Token string `json:"token"`
	}
	open := s.register(wheat("Open"))
	s.want(200, "agronomy", "PUT", "/datasets/"+string(open.ID)+"/offer", permit(nil))
	s.publish(open.ID)
	s.want(201, "trainer", "POST", "/leases", map[string]any{"items": []map[string]any{{"agreement": s.asked(open.ID, nil).Items[0].Agreement}}}).as(t, &minted)
	var tokens []string
	for range 2 {
		var child struct {
			Token string `json:"token"`
		}
		s.want(201, "", "POST", "/leases", map[string]any{}, "Authorization", "Bearer "+minted.Token, "Idempotency-Key", "child").as(t, &child)
		tokens = append(tokens, child.Token)
	}
	if tokens[0] != tokens[1] {
		t.Error("one key made two leases")
	}
	// A file of any size may be sent under a key: a PUT of the same bytes is the same.
	var d schemas.Dataset
	first.as(t, &d)
	r := s.call("agronomy", "PUT", "/datasets/"+string(d.ID)+"/files/data/all/large.csv", strings.Repeat("a,b\n", 2<<20), "Idempotency-Key", "file")
	if r.status == http.StatusRequestEntityTooLarge {
		t.Errorf("a file under a key: %d %s", r.status, r.body)
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			r := s.call("agronomy", "POST", "/datasets", wheat("At once"), "Idempotency-Key", "race")
			mu.Lock()
			defer mu.Unlock()
			switch r.status {
			case 201:
				seen[r.body]++
			case 409: // the first one is still running
			default:
				t.Errorf("a concurrent write got %d: %s", r.status, r.body)
			}
		})
	}
	group.Wait()
	if len(seen) != 1 {
		t.Errorf("concurrent writes with one key made %d datasets", len(seen))
	}
	s.want(422, "agronomy", "POST", "/datasets", wheat("Long"), "Idempotency-Key", strings.Repeat("k", 257))
}

// What is wrong with an input is said at the place where it is wrong, and nothing of
// what was sent comes back.
func TestWrongInput(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Subject"))
	s.settle() // a search says that the index is made before it says what is wrong
	id := string(d.ID)
	deep := func(n int) string { return strings.Repeat(`{"and":[`, n) + strings.Repeat(`]}`, n) }
	rule := func(s string) string { return `{"rules":[{"kind":"permission","actions":["use"],` + s + `}]}` }
	for _, c := range []struct {
		name, who, method, path, body string
		status                        int
		at                            string // a pointer or word of the answer
	}{
		{"unknown key", "agronomy", "POST", "/datasets", `{"space":"agriculture","title":{"en":"x"},"titel":1}`, 422, "titel"},
		{"wrong type", "agronomy", "POST", "/datasets", `{"space":7,"title":{"en":"x"}}`, 422, "/space"},
		{"missing title", "agronomy", "POST", "/datasets", `{"space":"agriculture","licence":"CC0-1.0"}`, 422, "title"},
		{"empty title", "agronomy", "POST", "/datasets", `{"space":"agriculture","title":{"en":"  "},"licence":"CC0-1.0"}`, 422, "/title"},
		{"no such space", "agronomy", "POST", "/datasets", `{"space":"moon","title":{"en":"x"}}`, 422, "/space"},
		{"for somebody else", "agronomy", "POST", "/datasets", `{"space":"agriculture","title":{"en":"x"},"provider":"https://grid.example"}`, 422, "/provider"},
		{"no JSON", "agronomy", "POST", "/datasets", `{"space":`, 400, ""},
		{"no body", "agronomy", "POST", "/datasets", ``, 400, ""},
		{"a list", "agronomy", "POST", "/datasets", `[]`, 422, ""},
		{"null", "agronomy", "POST", "/datasets", `null`, 422, ""},
		{"deep nothing", "agronomy", "POST", "/datasets", strings.Repeat("[", 100_000), 0, ""},
		{"too large", "agronomy", "POST", "/datasets", `{"title":{"en":"` + strings.Repeat("x", 5<<20) + `"}}`, 413, ""},
		{"unknown purpose in an ask", "trainer", "POST", "/decisions", `{"dataset":"` + id + `","purpose":"world-domination"}`, 422, "/purpose"},
		{"unknown purpose in a project", "trainer", "POST", "/projects", `{"id":"x","title":"X","factory":"leonardo","purposes":["world-domination"]}`, 422, "/purposes/0"},
		{"no items", "trainer", "POST", "/requests", `{"project":"crops","items":[]}`, 422, "/items"},
		{"twice the same", "trainer", "POST", "/requests", `{"project":"crops","items":[{"dataset":"` + id + `"},{"dataset":"` + id + `"}]}`, 422, "/items/1/dataset"},
		{"unknown operand", "agronomy", "PUT", "/datasets/" + id + "/offer", rule(`"constraint":{"left":"weather","operator":"eq","right":["sun"]}`), 422, "weather"},
		{"unknown operator", "agronomy", "PUT", "/datasets/" + id + "/offer", rule(`"constraint":{"left":"purpose","operator":"like","right":["research"]}`), 422, "like"},
		{"unknown purpose", "agronomy", "PUT", "/datasets/" + id + "/offer", rule(`"constraint":{"left":"purpose","operator":"isA","right":["fun"]}`), 422, "fun"},
		{"unknown purpose deep inside", "agronomy", "PUT", "/datasets/" + id + "/offer", rule(`"constraint":{"or":[{"left":"spatial","operator":"eq","right":["FR"]},{"and":[{"left":"purpose","operator":"isA","right":["fun"]}]}]}`), 422, "fun"},
		{"unknown action", "agronomy", "PUT", "/datasets/" + id + "/offer", `{"rules":[{"kind":"permission","actions":["sing"]}]}`, 422, "sing"},
		{"unknown kind", "agronomy", "PUT", "/datasets/" + id + "/offer", `{"rules":[{"kind":"duty","actions":["use"]}]}`, 422, "kind"},
		{"unknown duty", "agronomy", "PUT", "/datasets/" + id + "/offer", rule(`"duties":[{"kind":"dance"}]`), 422, "duties"},
		{"unknown key of a rule", "agronomy", "PUT", "/datasets/" + id + "/offer", rule(`"unless":true`), 422, "unless"},
		{"hides what is not there", "agronomy", "PUT", "/datasets/" + id + "/offer", rule(`"duties":[{"kind":"hide"}]`), 422, ""},
		{"17 levels", "agronomy", "PUT", "/datasets/" + id + "/offer", rule(`"constraint":` + deep(17)), 422, ""},
		{"5,000 levels", "agronomy", "PUT", "/datasets/" + id + "/offer", rule(`"constraint":` + deep(5000)), 422, ""},
		{"cursor", "", "GET", "/datasets?cursor=zzz", "", 422, "cursor"},
		{"limit 0", "", "GET", "/datasets?limit=0", "", 422, "limit"},
		{"limit 1001", "", "GET", "/datasets?limit=1001", "", 422, "limit"},
		{"limit of words", "", "GET", "/datasets?limit=many", "", 422, "limit"},
		{"unknown facet", "", "GET", "/datasets?facets=weather", "", 422, "weather"},
		{"unknown order", "", "GET", "/datasets?sort=random", "", 422, "sort"},
		{"33 words", "", "GET", "/datasets?q=" + strings.Repeat("a+", 33), "", 422, "q"},
		{"513 bytes", "", "GET", "/datasets?q=" + strings.Repeat("a", 513), "", 422, "q"},
		{"no day", "", "GET", "/datasets?from=yesterday", "", 422, "from"},
		{"no such path", "", "GET", "/nowhere", "", 404, "nowhere"},
		{"no such method", "", "PATCH", "/datasets", "", 405, ""},
		{"another method", "", "DELETE", "/spaces", "", 405, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := *s
			at.t = t
			var in any
			if c.body != "" || c.method == "POST" {
				in = c.body
			}
			r := at.call(c.who, c.method, c.path, in)
			if c.status != 0 && r.status != c.status || r.status < 400 || r.status >= 500 {
				t.Fatalf("status %d, want %d: %.500s", r.status, c.status, r.body)
			}
			if !strings.Contains(r.body, c.at) {
				t.Errorf("the answer does not name %q: %.800s", c.at, r.body)
			}
			if len(r.body) > 4000 {
				t.Errorf("the answer has %d bytes", len(r.body))
			}
		})
	}
	var after schemas.Dataset
	s.want(200, "agronomy", "GET", "/datasets/"+id, nil).as(t, &after)
	if after.Revision != 1 {
		t.Errorf("a refused offer changed the dataset to revision %d", after.Revision)
	}
}

// Outside the API too a refusal is a problem, and a panic of ours tells nothing.
func TestProblemsEverywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, path := range []string{"/api", "/api/v2/datasets", "/favicon.ico", "/api/v1/datasets/", "/healthz/x"} {
		resp, err := http.Get(s.base + path)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode < 400 || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s answers %d as %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
	}
	for _, h := range []string{"Basic abc", "Bearer", "bearer x", "Bearer " + strings.Repeat("x", 20<<10), "Bearer a.b.c", "Bearer lease-forged.00"} {
		r := s.call("", "GET", "/agreements", nil, "Authorization", h)
		if r.status != 401 || !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("Authorization %.20q: %d, WWW-Authenticate %q, want 401", h, r.status, r.header.Get("WWW-Authenticate"))
		}
	}
}

// facetSums reads trial 18's catalogue as DCAT-AP in JSON-LD, one document a dataset.
// Its Turtle has one statement a line, and says neither data space nor
// licence nor country, which we add.
func facetSums(t *testing.T) []string {
	t.Helper()
	ttl := shared(t, "reports/18-facet-sums/catalogue.ttl")
	names := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^ex:(pub\d+) a foaf:Agent ; foaf:name "([^"]+)"@en \.$`).FindAllStringSubmatch(ttl, -1) {
		names[m[1]] = m[2]
	}
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^ex:(f\d+) a dcat:Dataset ; dct:title "([^"]+)"@en ; dct:description "([^"]+)"@en ; dct:publisher ex:(pub\d+) \.$`).FindAllStringSubmatch(ttl, -1) {
		out = append(out, fmt.Sprintf(`{"@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/", "ex": "https://data.example/id/"},
			"@id": "ex:%s", "@type": "dcat:Dataset", "urn:guichet:space": "agriculture", "dct:license": {"@id": "http://publications.europa.eu/resource/authority/licence/CC_BY_4_0"}, "dct:spatial": {"@id": "http://publications.europa.eu/resource/authority/country/FRA"}, "dct:title": {"@value": %q, "@language": "en"}, "dct:description": {"@value": %q, "@language": "en"},
			"dct:publisher": {"@id": "ex:%s", "@type": "foaf:Agent", "foaf:name": {"@value": %q, "@language": "en"}}}`, m[1], m[2], m[3], m[4], names[m[4]]))
	}
	if len(out) != 600 || len(names) != 150 {
		t.Fatalf("%d datasets of %d publishers are in the file", len(out), len(names))
	}
	return out
}

// Trial 18: 600 datasets of 150 publishers, four each. Counts do not depend on how
// many values are asked for, and they add up. Pages show each hit once.
func TestFacetSumsAndPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, doc := range facetSums(t) {
		s.want(201, "agronomy", "POST", "/datasets", doc, "Content-Type", "application/ld+json")
	}
	s.settle()
	type page struct {
		Total  int
		Items  []struct{ ID string }
		Next   string
		Facets map[string]struct {
			Values []struct {
				Value string
				Count int
			}
			Remainder int
		}
	}
	for _, limit := range []int{1, 100, 1000} {
		var p page
		s.want(200, "", "GET", fmt.Sprintf("/datasets?q=facet&facets=publisher&facet_limit=%d&limit=1", limit), nil).as(t, &p)
		f := p.Facets["publisher"]
		sum := f.Remainder
		for _, v := range f.Values {
			sum += v.Count
			if v.Count != 4 {
				t.Errorf("facet_limit %d: %s has %d, want 4", limit, v.Value, v.Count)
			}
		}
		if p.Total != 600 || sum != 600 || len(f.Values) != min(limit, 150) {
			t.Errorf("facet_limit %d: total %d, sum %d, %d values; want 600, 600, %d", limit, p.Total, sum, len(f.Values), min(limit, 150))
		}
	}
	for _, size := range []int{7, 100, 1000} {
		seen := map[string]bool{}
		for next := fmt.Sprintf("?q=facet&limit=%d", size); next != ""; {
			var p page
			r := s.want(200, "", "GET", "/datasets"+next, nil)
			r.as(t, &p)
			for _, it := range p.Items {
				if seen[it.ID] {
					t.Fatalf("pages of %d show %s twice", size, it.ID)
				}
				seen[it.ID] = true
			}
			if len(p.Items) > size || p.Total != 600 {
				t.Fatalf("a page of %d has %d items of %d", size, len(p.Items), p.Total)
			}
			link, last := strings.CutSuffix(r.header.Get("Link"), `>; rel="next"`)
			next, _ = strings.CutPrefix(link, "<") // the filters stand in it
			if (p.Next != "") != last {
				t.Errorf("next is %q and Link is %q", p.Next, r.header.Get("Link"))
			}
		}
		if len(seen) != 600 {
			t.Errorf("pages of %d show %d datasets, want 600", size, len(seen))
		}
	}
}
