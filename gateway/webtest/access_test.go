package webtest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// finding is a rule of axe-core that a page breaks.
type finding struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// all are the pages that somebody of the demo sees, by who.
func all(t *testing.T, s *Site) map[string][]string {
	t.Helper()
	p := s.Visit(t, Reader{})
	p.Go("/datasets?q=winter+wheat")
	p.Follow("Winter wheat field trials")
	dataset, _, _ := strings.Cut(p.Path(), "?")
	provided := "/provide" + strings.TrimPrefix(dataset, "/datasets")
	newest := p.first("(//section[h2='Versions']//tbody/tr)[1]/th")
	p.Go("/agreements")
	p.Click("Example AI Factory")
	p.choose("trainer")
	p.Follow("Dairy herd")
	agreement := p.Path()
	p.Go("/runs")
	p.Follow("night-run")
	run := p.Path()
	p.Go("/requests")
	p.Follow("Dairy herd")
	v := s.Visit(t, Reader{})
	v.Go("/join")
	v.Click("Example AI Factory")
	v.choose("visitor")
	if !strings.Contains(v.Text(), "waits for the operator") {
		v.Type("organisation", "https://visits.example")
		v.Type("name", "Visits")
		v.Type("country", "BE")
		v.Type("contact", "visitor@visits.example")
		v.Click("Ask to join")
		v.Sees("waits for the operator")
	}
	return map[string][]string{
		"":        {"/", "/datasets", "/datasets?q=nothinglikethis", dataset, "/compare?id=" + strings.TrimPrefix(dataset, "/datasets/"), "/signin?to=/me", "/help", "/help/find", "/nowhere"},
		"trainer": {"/", "/datasets", dataset, dataset + "/sample", dataset + "/ask", "/requests", p.Path(), "/agreements", agreement, "/runs", run, "/me", "/organisation", "/join", "/join/none", "/searches", "/help/ask", "/help/stream"},
		"officer": {"/record", "/record/1", "/record/verify?index=1", "/reports", "/reports/permits", "/reports/uses", "/reports/project?project=crop-yield-2027"},
		"agronomy": {"/", dataset, agreement, "/provide", "/provide/new", "/provide/file", provided + "/edit", provided + "/terms", provided + "/publish", provided + "/publish/browse?in=s3://local/spaces/agronomy/", provided + "/upload", provided + "/withdraw", "/help/publish",
			provided + "/versions/" + newest, "/provide/bar?participant=https://crop-ai.example", "/provide/none/terms"},
		"visitor": {"/", "/join", "/operate"},
		"operator": {"/operate", "/operate/joining", "/operate/participants", "/operate/participants?id=https://crop-ai.example", "/operate/projects?id=crop-yield-2027",
			"/operate/factories", "/operate/stores", "/operate/sources", "/operate/spaces", "/operate/calls", "/calls", "/demand"},
	}
}

// first is what the first of these says.
func (p *Person) first(xpath string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.TextContent(xpath))
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(text)
}

// everyone: axe-core finds nothing wrong with any page, in either theme, on a phone or a
// wide screen, in either language.
func everyone(t *testing.T, s *Site) {
	axe, err := os.ReadFile(filepath.Join(repository(t), ".cache/axe/package/axe.min.js"))
	if err != nil {
		t.Fatalf("axe-core is missing, which make setup fetches: %v", err)
	}
	pages := all(t, s)
	for _, r := range []Reader{{}, {Dark: true, Language: "fr"}, {Width: 360}} {
		for who, paths := range pages {
			p := s.Visit(t, r)
			if who != "" {
				p.Go("/me")
				p.clickAt(`//main//button[normalize-space(.)="Example AI Factory"]`, "the issuer")
				p.choose(who)
			}
			for _, path := range paths {
				p.Go(path)
				for _, f := range p.axe(string(axe)) {
					t.Errorf("%+v %s %s: %s (%s)\n  %s\n  %s", r, who, path, f.Help, f.ID, f.Nodes[0].HTML, f.Nodes[0].Summary)
				}
				most := 60_000
				if path == "/" {
					most = 100_000
				}
				if weighs := p.weight(); weighs > most {
					t.Errorf("%+v %s %s: the page and its parts are %d bytes, want at most %d", r, who, path, weighs, most)
				}
				if wide := p.overflow(); wide > 0 {
					t.Errorf("%+v %s %s: the page is %d pixels wider than the window", r, who, path, wide)
				}
			}
		}
	}
}

// axe runs axe-core on the page.
func (p *Person) axe(source string) []finding {
	p.t.Helper()
	ctx, end := context.WithTimeout(p.ctx, patience)
	defer end()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[json.RawMessage](source+"; null"))
	if err != nil {
		p.t.Fatalf("load axe-core: %v", err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("run axe-core on %s: %v", p.Path(), err)
	}
	var out []finding
	err = json.Unmarshal([]byte(found), &out)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// weight is how many bytes the page and all of its parts are, as they are sent.
func (p *Person) weight() int {
	p.t.Helper()
	n, err := chromedp.Run(p.ctx, chromedp.Evaluate[int](
		`[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((n, e) => n + e.encodedBodySize, 0)`))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Logf("%s: %d bytes", p.Path(), n)
	return n
}

// overflow is by how many pixels the page is wider than its window.
func (p *Person) overflow() int {
	p.t.Helper()
	n, err := chromedp.Run(p.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// keyboard: the first key leads past the navigation, and a form is filled in and sent by keys alone.
func keyboard(t *testing.T, s *Site) {
	p := s.Visit(t, Reader{})
	p.Go("/")
	p.do("press keys", chromedp.KeyEvent("\t"))
	first, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.activeElement.textContent`))
	if err != nil || first != "Skip to the content" {
		t.Errorf("%q %v", first, err)
	}
	for range 30 {
		p.do("press Tab", chromedp.KeyEvent("\t"))
		id, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.activeElement.id`))
		if err != nil {
			t.Fatal(err)
		}
		if id == "q" {
			break
		}
	}
	_, err = chromedp.RunResponse(p.ctx, chromedp.KeyEvent("winter wheat\r"))
	if err != nil {
		t.Fatal(err)
	}
	p.Sees("Winter wheat field trials")
}

// liveDecision: while the form of a request is filled in, the decision beside it changes, and what
// there is to choose.
func liveDecision(t *testing.T, s *Site) {
	p := s.Visit(t, Reader{})
	p.Go("/datasets?q=dairy+herd")
	p.SignIn("Sign in", "Example AI Factory", "trainer")
	p.Follow("Dairy herd")
	p.asks()
	p.Sees("Not yet", "reviews requests")
	_, err := chromedp.Run(p.ctx, chromedp.Evaluate[json.RawMessage](
		`const f = document.querySelector("#project"); f.value = "ad-targeting"; f.dispatchEvent(new Event("change", {bubbles: true})); null`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`document.querySelector("#decision strong").textContent === "No"`, `document.querySelector("#purpose").value === "marketing"`} {
		_, err = chromedp.Run(p.ctx, chromedp.Poll[bool](want, chromedp.WithPollingTimeout(patience)))
		if err != nil {
			t.Errorf("%s does not come: %v\n%s", want, err, p.Text())
		}
	}
	if !strings.Contains(p.Path(), "/ask?") {
		t.Errorf("the page was left for %s", p.Path())
	}
	// Where no decision comes, for the session ended meanwhile, none stands there, and the form stays whole.
	p.do("lose the session", call(network.ClearBrowserCookies, cdp.Empty{}))
	_, err = chromedp.Run(p.ctx, chromedp.Evaluate[json.RawMessage](
		`document.querySelector("#project").dispatchEvent(new Event("change", {bubbles: true})); null`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`!document.querySelector("#decision strong")`, `document.querySelectorAll("h1, header, #decision").length === 3`} {
		_, err = chromedp.Run(p.ctx, chromedp.Poll[bool](want, chromedp.WithPollingTimeout(patience)))
		if err != nil {
			t.Errorf("%s does not come: %v\n%s", want, err, p.Text())
		}
	}
}

// sessionEnds: what was typed into a form while the session ended is kept, and sent after signing in again.
func sessionEnds(t *testing.T, s *Site) {
	p := s.Visit(t, Reader{NoScripts: true})
	p.Go("/datasets?q=winter+wheat")
	p.SignIn("Sign in", "Example AI Factory", "trainer")
	p.Follow("Winter wheat field trials")
	p.asks()
	p.Type("message", "written for long")
	var had network.GetCookiesResult
	p.do("keep her cookies", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		var err error
		had, err = cdp.Call(ctx, t, network.GetCookies, network.GetCookiesParams{})
		return chromedp.Void{}, err
	})
	p.do("let the session end", call(network.ClearBrowserCookies, cdp.Empty{}))
	p.Click("Send the request")
	p.Sees("You are not signed in any more, so nothing was done.")
	var again []*network.CookieParam // as a sign-in on another page of the browser would
	for _, c := range had.Cookies {
		again = append(again, &network.CookieParam{Name: c.Name, Value: c.Value, URL: s.Address, Path: c.Path, HTTPOnly: c.HTTPOnly, SameSite: c.SameSite})
	}
	p.do("sign in", call(network.SetCookies, network.SetCookiesParams{Cookies: again}))
	p.Click("Send again what you typed")
	p.Sees("active", "What is allowed")
	p.Go("/back")
	p.Sees("You are signed in")
}
