package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// visited is a page with who looks at it; where it has several addresses, they are looked at by turns.
type visited struct {
	name, who string
	paths     []string
}

// visits are the pages that are measured.
func (w *world) visits() []visited {
	d, own := "/datasets/"+w.some["dataset"], "/provide/"+w.some["own"]
	var searches, sets, agreements, entries []string
	for _, q := range []string{"wheat+yield", "weather", "river+quality", "hospital+admissions", "soil+temperature+station", `"solar+grid"`, "energ*"} {
		searches = append(searches, "/datasets?q="+q)
	}
	for i := range 10 {
		sets = append(sets, "/datasets/"+string(w.published[i*len(w.published)/10].ID))
		agreements = append(agreements, "/agreements/"+string(w.agreed[i*len(w.agreed)/10].ID))
		entries = append(entries, fmt.Sprint("/record/", 1000+i*len(w.published)))
	}
	at := func(paths ...string) []string { return paths }
	return []visited{
		{"home", "", at("/")}, {"search.all", "", at("/datasets")}, {"search", "", searches},
		{"search.facet", "", at("/datasets?q=wheat&space=energy", "/datasets?country=BE&theme=ENER&q=weather")},
		{"dataset", "", append(sets, d)}, {"sample", "", at(d + "/sample")}, {"help", "", at("/help")},

		{"home", "trainer", at("/")}, {"search.all", "trainer", at("/datasets")}, {"search", "trainer", searches},
		{"dataset", "trainer", append(sets, d)}, {"ask", "trainer", at(d + "/ask")}, {"requests", "trainer", at("/requests")},
		{"request", "trainer", at("/requests/" + w.some["request"])}, {"agreements", "trainer", at("/agreements")},
		{"agreement", "trainer", at("/agreements/" + w.some["agreement"])}, {"runs", "trainer", at("/runs")},
		{"run", "trainer", at("/runs/" + w.some["run"])}, {"me", "trainer", at("/me")}, {"organisation", "trainer", at("/organisation")},
		{"searches", "trainer", at("/searches")}, {"record", "trainer", at("/record")},

		{"home", "agronomy", at("/")}, {"provide", "agronomy", at("/provide")}, {"provide.new", "agronomy", at("/provide/new")},
		{"provide.edit", "agronomy", at(own + "/edit")}, {"provide.terms", "agronomy", at(own + "/terms")},
		{"provide.publish", "agronomy", at(own + "/publish")}, {"provide.bar", "agronomy", at("/provide/bar?participant=" + worldTrainer)}, {"dataset", "agronomy", at(d)},
		{"requests", "agronomy", at("/requests")}, {"agreements", "agronomy", at("/agreements")}, {"reports", "agronomy", at("/reports")},

		{"home", "officer", at("/")}, {"search", "officer", searches}, {"dataset", "officer", append(sets, d)}, {"requests", "officer", at("/requests")},
		{"agreements", "officer", at("/agreements")}, {"agreement", "officer", agreements}, {"record", "officer", at("/record")},
		{"record.filter", "officer", at("/record?kind=agreement", "/record?dataset="+w.some["dataset"], "/record?project=project-7")},
		{"record.entry", "officer", entries}, {"record.verify", "officer", at("/record/verify?index=7")}, {"reports", "officer", at("/reports")},
		{"report.uses", "officer", at("/reports/uses?dataset=" + w.some["dataset"])},
		{"report.project", "officer", at("/reports/project?project=project-7")},
		{"report.permits.project", "officer", at("/reports/permits?project=project-7")},

		{"home", "operator", at("/")}, {"search", "operator", searches}, {"operate", "operator", at("/operate")},
		{"operate.joining", "operator", at("/operate/joining")},
	}
}

// visitsEach is how often each page is looked at.
const visitsEach = 60

// pages measures each page over a world: how long the gateway takes for it, beside the calls of the API that it
// makes, and how much it weighs with all its parts.
func (m *meter) pages() {
	w := m.populate()
	w.some["own"] = string(w.published[0].ID)
	readers := map[string]*http.Client{}
	for _, v := range w.visits() {
		c := readers[v.who]
		if c == nil {
			c = m.browser(v.who)
			readers[v.who] = c
		}
		for _, path := range v.paths { // once, so that what is kept is there
			m.looked(c, path)
		}
		var took []float64
		weighs := 0
		before := m.answered()
		for i := range visitsEach {
			began := time.Now()
			page := m.looked(c, v.paths[i%len(v.paths)])
			took = append(took, time.Since(began).Seconds()*1e3)
			weighs = max(weighs, len(page))
			if i < len(v.paths) {
				weighs = max(weighs, len(page)+m.parts(c, page))
			}
		}
		slices.Sort(took)
		whole, calls, dearest := m.answered().since(before)
		ratio := 0.0 // of a page that makes none
		if calls > 0 {
			ratio = whole / calls
		}
		m.add(figure{Bench: "pages." + strings.TrimSuffix(v.name+"."+v.who, "."), Value: took[len(took)*95/100], Unit: "ms, p95",
			Reference: "its calls", Ratio: ratio, Note: fmt.Sprintf("p50 %.1f ms, %.1f KB%s", took[len(took)/2], float64(weighs)/1e3, dearest)})
	}
}

// browser is somebody's, who signed in where who names her.
func (m *meter) browser(who string) *http.Client {
	jar, err := cookiejar.New(nil)
	m.must(err)
	c := &http.Client{Jar: jar, Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 4}}
	if who == "" {
		return c
	}
	ask := func(method, at string, form url.Values) (*http.Response, string) {
		r, err := http.NewRequestWithContext(m.Context(), method, at, strings.NewReader(form.Encode()))
		m.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := c.Do(r)
		m.must(err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		m.must(err)
		return resp, string(b)
	}
	resp, _ := ask(http.MethodPost, m.addresses.HTTP+"/signin", url.Values{"issuer": {m.rig.Issuers[0].Issuer}, "to": {"/me"}})
	_, onward, _ := strings.Cut(resp.Header.Get("Refresh"), "url=")
	resp, people := ask(http.MethodGet, onward, nil)
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(people)
	if id == nil {
		m.must(fmt.Errorf("at the issuer:\n%s", people))
	}
	resp, said := ask(http.MethodPost, resp.Request.URL.Scheme+"://"+resp.Request.URL.Host+"/sign-in", url.Values{"id": {id[1]}, "who": {who}})
	if resp.StatusCode != http.StatusOK {
		m.must(fmt.Errorf("%s cannot sign in: %d\n%s", who, resp.StatusCode, said))
	}
	return c
}

// looked is what somebody gets at an address, as it is sent.
func (m *meter) looked(c *http.Client, path string) []byte {
	r, err := http.NewRequestWithContext(m.Context(), http.MethodGet, m.addresses.HTTP+path, nil)
	m.must(err)
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := c.Do(r)
	m.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	m.must(err)
	if resp.StatusCode != http.StatusOK {
		m.must(fmt.Errorf("%s: %s\n%.2000s", path, resp.Status, plainText(b)))
	}
	return b
}

// plainText is what was sent, unpacked where it was packed.
func plainText(b []byte) []byte {
	in, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return b
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return b
	}
	return text
}

// parts is how many bytes what a page loads has.
func (m *meter) parts(c *http.Client, page []byte) (n int) {
	var known []string
	for _, match := range regexp.MustCompile(`(?:src|href)="(/static/[^"#]+)`).FindAllSubmatch(plainText(page), -1) {
		if at := string(match[1]); !slices.Contains(known, at) {
			known = append(known, at)
			n += len(m.looked(c, at))
		}
	}
	return n
}

// answered is how long the gateway has answered each route, in seconds.
type answered map[string]float64

// figuresAt is where the gateway gives its figures.
func (m *meter) figuresAt() string {
	return strings.TrimSuffix(strings.TrimPrefix(m.addresses.Metrics, "http://"), "/metrics")
}

func (m *meter) answered() answered {
	out := answered{}
	for name, value := range m.metrics(m.figuresAt()) {
		route, is := strings.CutPrefix(name, `guichet_http_request_seconds_sum{route="`)
		if is {
			out[strings.TrimSuffix(route, `"}`)] = value
		}
	}
	return out
}

// since is how long pages took since then, and the calls of the API within them, with that which took the most.
func (a answered) since(before answered) (pages, calls float64, dearest string) {
	most := 0.0
	for route, seconds := range a {
		switch took := seconds - before[route]; {
		case strings.HasPrefix(route, "/api/"), route == "/readyz":
			calls += took
			if took > most {
				most, dearest = took, fmt.Sprintf(", most for %s: %.1f ms", strings.TrimPrefix(route, "/api/v1"), took/visitsEach*1e3)
			}
		case route != "/metrics" && !strings.HasPrefix(route, "/static"):
			pages += took
		}
	}
	return pages, calls, dearest
}
