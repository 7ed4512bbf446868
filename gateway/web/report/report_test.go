package report

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"guichet/gateway/problem"
	"guichet/gateway/web/page"
	"guichet/policy/report"
	"guichet/schemas"
)

// api answers as it is told to, and keeps what it was asked.
type api struct {
	role  schemas.Role
	fails error // of the report
	asked []string
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.asked = append(a.asked, r.URL.RequestURI())
	fail := func(err error) { problem.Write(w, problem.Of(err, slog.New(slog.DiscardHandler))) }
	switch path := strings.TrimPrefix(r.URL.Path, "/api/v1"); {
	case path == "/me":
		_ = json.NewEncoder(w).Encode(schemas.Identity{Subject: "x", Participant: "https://x.example", Roles: []schemas.Role{a.role}})
	case path == "/reports":
		_ = json.NewEncoder(w).Encode(schemas.Page[report.Kind]{Items: report.Kinds()})
	case a.fails != nil:
		fail(a.fails)
	case path == "/datasets":
		_ = json.NewEncoder(w).Encode(schemas.Found{Items: []schemas.Hit{{ID: "ds-a", Title: schemas.Text{"de": "<i>Weizen</i>"}}}})
	case path == "/projects" && a.role == schemas.RoleTrainer:
		fail(schemas.Errorf(schemas.Denied, "projects", "of no organisation"))
	case path == "/projects":
		_ = json.NewEncoder(w).Encode(schemas.Page[schemas.Project]{Items: []schemas.Project{{ID: "p", Title: "Crop yield"}}})
	case path == "/reports/dossier":
		w.Header().Set("Content-Type", "application/zip")
		_, _ = w.Write([]byte("PK"))
	case r.URL.Query().Get("format") == "csv":
		w.Header().Set("Content-Disposition", "attachment")
		_, _ = w.Write([]byte("a,b\n"))
	case path == "/reports/uses" || path == "/reports/training":
		_, _ = w.Write([]byte(`{"report":"uses","parameters":[{"name":"dataset","value":"it's"},{"name":"to","value":"2026-12-01"}],"for":"https://x.example","notes":["a note"],
			"checkpoint":{"origin":"o","size":583,"last":"2026-11-30T13:10:37Z","note":"the head"},
			"prompts":[{"id":"uses.outside","part":"art. 1","text":"x"},{"id":"new","text":"of a later version"}],
			"tables":[{"name":"uses","title":"Who","source":"record","left_out":7,"columns":[{"name":"project","type":"text"},{"name":"rows","type":"integer"},
				{"name":"dataset","type":"text"},{"name":"agreement","type":"text"},{"name":"record","type":"integer"}],
				"rows":[["p",1234567,"ds-a","agr-7",1512],["gone",1,"ds-hidden","(erased)",1],["(erased)",1,"(does not verify)",null,2]]},{"name":"later","title":"Of a later version","source":"now","columns":[],"rows":[]}],
			"records":{"count":12,"digest":"00ff"}}`))
	default:
		fail(schemas.Errorf(schemas.NotFound, path, "there is no report"))
	}
}

// last is what was asked last of what begins so.
func (a *api) last(begins string) (out string) {
	for _, x := range a.asked {
		if strings.HasPrefix(x, begins) {
			out = x
		}
	}
	return out
}

// site is the pages over an API.
func site(t *testing.T, a *api) http.Handler {
	t.Helper()
	gin.SetMode(gin.TestMode)
	s, err := page.New(page.Config{API: a, Log: slog.New(slog.DiscardHandler),
		Token: func(http.ResponseWriter, *http.Request) (string, bool, error) { return "token", true, nil }}, Part())
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	s.Mount(r)
	return r
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://guichet.example"+target, nil))
	return w
}

// The list has what somebody may ask for; members find it in the navigation.
func TestList(t *testing.T) {
	t.Parallel()
	for role, all := range map[schemas.Role]bool{schemas.RoleOfficer: true, schemas.RoleTrainer: false} {
		body := get(site(t, &api{role: role}), "/reports").Body.String()
		if strings.Contains(body, "Record of processing") != all || !strings.Contains(body, `<a href="/reports" aria-current`) ||
			!strings.Contains(body, "Uses of a dataset") || !strings.Contains(body, `action="/reports/dossier"`) {
			t.Errorf("%s: %s", role, body)
		}
	}
}

// A report is shown as tables, with what it is as at, what it cannot know, and files of the same checkpoint.
func TestOne(t *testing.T) {
	t.Parallel()
	a := &api{role: schemas.RoleOfficer}
	h := site(t, a)
	if w := get(h, "/reports/uses"); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "How to verify") {
		t.Errorf("the form alone: %d: %s", w.Code, w.Body)
	}
	w := get(h, "/reports/uses?dataset=it%27s&from=2026-11-01&to=2026-11-30&colour=red")
	for _, want := range []string{
		"Who used it", "1,234,567", "583 entries of o", "concerns https://x.example alone", "a note", "Of a later version", "7 more rows",
		"What became of the data", "of a later version", "art. 1", "the head", "12 entries", "Not from the record", "Nothing.",
		"guichet report uses --dataset &#39;it&#39;\\&#39;&#39;s&#39; --to &#39;2026-12-01&#39; --at 583", "· to 2026-11-30</h1>",
		`<a href="/datasets/ds-a"><span lang="de">&lt;i&gt;Weizen&lt;/i&gt;</span></a> <small class="id">ds-a</small>`,
		`<a href="/reports/project?project=p"><span>Crop yield</span></a> <small class="id">p</small>`, `<a href="/agreements/agr-7">agr-7</a>`,
		`<a href="/record/1512">1,512</a>`, ">ds-hidden</td>", ">gone</td>", ">(erased)</td>", ">(does not verify)</td>",
		`href="/reports/uses/file?at=583&amp;dataset=it%27s&amp;format=csv&amp;from=2026-11-01&amp;table=uses&amp;to=2026-12-01"`,
		`href="/reports/uses/file?at=583&amp;dataset=it%27s&amp;format=json&amp;from=2026-11-01&amp;to=2026-12-01"`, `value="2026-11-30"`,
	} {
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d lacks %q", w.Code, want)
		}
	}
	asked, err := url.Parse(a.last("/api/v1/reports/uses"))
	if err != nil || asked.Query().Get("to") != "2026-12-01" || asked.Query().Get("rows") != "200" || asked.Query().Has("colour") {
		t.Errorf("asked %v %v", asked, err)
	}
	if w := get(h, "/reports/training"); strings.Contains(w.Body.String(), "How to verify") {
		t.Error("of neither a run nor a model")
	}
	if w := get(h, "/reports/training?run=r"); !strings.Contains(w.Body.String(), "How to verify") || !strings.Contains(a.last("/api/v1/reports/training"), "beside=true") {
		t.Errorf("%s", w.Body)
	}
	if ids := a.last("/api/v1/datasets?"); ids != "/api/v1/datasets?brief=true&id=ds-a%2Cds-hidden&limit=1000" {
		t.Errorf("titles are asked for by %s", ids)
	}
	w = get(site(t, &api{role: schemas.RoleTrainer}), "/reports/uses?dataset=x")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), ">p</td>") {
		t.Errorf("where projects are nobody's to read: %d", w.Code)
	}
	if w := get(h, "/reports/none"); w.Code != http.StatusNotFound {
		t.Errorf("no such report: %d", w.Code)
	}
	if w := get(site(t, &api{role: schemas.RoleTrainer}), "/reports/demand"); w.Code != http.StatusNotFound {
		t.Errorf("an officer's report, for a trainer: %d", w.Code)
	}
}

// What is no id has no page and no title, whatever stands in its column.
func TestPlain(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{"ds-a": true, "(erased)": false, "ds-a, ds-b": false, "(does not verify)": false, "a\nb": false, "": true} {
		if plain(id) != want {
			t.Errorf("%q is taken for an id: %t", id, !want)
		}
	}
}

// What goes wrong is said where it was typed, and files that are refused are pages.
func TestWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		target string
		status int
		text   string
	}{
		{schemas.BadField("report", "at", "no head of 9 records was signed yet"), "/reports/uses?dataset=x&at=9", 422, "no head of 9 records"},
		{schemas.BadField("report", "at", "wrong"), "/reports/uses?dataset=typed&at=9", 422, `value="typed"`},
		{schemas.Errorf(schemas.NotFound, "x", "none"), "/reports/uses?dataset=x", 404, "There is nothing of this id here"},
		{schemas.Errorf(schemas.Busy, "x", "too many"), "/reports/uses?dataset=x", 503, "too many"},
		{schemas.BadField("report", "at", "wrong size"), "/reports/dossier?project=p&at=9", 422, "wrong size"},
		{schemas.Errorf(schemas.NotFound, "x", "nothing of that project"), "/reports/dossier?project=p", 404, "<html"},
		{schemas.Errorf(schemas.Denied, "x", "not yours"), "/reports/uses/file?format=csv", 403, "not yours"},
	} {
		w := get(site(t, &api{role: schemas.RoleOfficer, fails: c.err}), c.target)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) {
			t.Errorf("%s: %d, want %d with %q: %s", c.target, w.Code, c.status, c.text, w.Body)
		}
	}
}

// Files come as the API gives them.
func TestFiles(t *testing.T) {
	t.Parallel()
	a := &api{role: schemas.RoleOfficer}
	h := site(t, a)
	w := get(h, "/reports/uses/file?format=csv&dataset=x&at=7")
	if w.Body.String() != "a,b\n" || w.Header().Get("Content-Disposition") != "attachment" || a.asked[len(a.asked)-1] != "/api/v1/reports/uses?format=csv&dataset=x&at=7" {
		t.Errorf("%s %v %v", w.Body, w.Header(), a.asked)
	}
	w = get(h, "/reports/dossier?project=+p+&at=&colour=red")
	if w.Body.String() != "PK" || w.Header().Get("Content-Type") != "application/zip" || a.asked[len(a.asked)-1] != "/api/v1/reports/dossier?project=p" {
		t.Errorf("%s %v %v", w.Body, w.Header(), a.asked)
	}
}

// In French every word of ours is French, and numbers are as its readers write them.
func TestInFrench(t *testing.T) {
	t.Parallel()
	h := site(t, &api{role: schemas.RoleOfficer})
	for target, wants := range map[string][]string{
		"/reports":                {"Rapports", "Usages d’un jeu de données", "Registre des permis", "Dossier d’un projet", "facultatif"},
		"/reports/uses?dataset=x": {"Qui l’a utilisé", "Ce que les données sont devenues", "Comment le vérifier", "Ce que le registre ne peut savoir"},
		"/reports/uses":           {"Établir le rapport", "identifiant d’un jeu de données"},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://guichet.example"+target, nil)
		r.Header.Set("Accept-Language", "fr")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		for _, want := range wants {
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d lacks %q", target, w.Code, want)
			}
		}
		if strings.Contains(w.Body.String(), "reported.") || strings.Contains(w.Body.String(), "1,234,567") {
			t.Errorf("%s holds names of messages, or English numbers: %s", target, w.Body)
		}
	}
}

// Every word of every report that there is, is there for readers of every language.
func TestEveryWordIsTranslated(t *testing.T) {
	t.Parallel()
	h := site(t, &api{role: schemas.RoleOfficer})
	list := get(h, "/reports").Body.String()
	for _, k := range report.Kinds() {
		if !strings.Contains(list, ">"+k.Title+"</a>") || !strings.Contains(list, k.Says) {
			t.Errorf("%s is told in other words than the API's", k.Name)
		}
		for _, p := range k.Parameters {
			if !strings.Contains(list, p.Says) {
				t.Errorf("%s does not say what %s is", k.Name, p.Name)
			}
		}
	}
	for name, said := range map[string]string{"to": "2026-11-30", "from": "2026-11-30", "at": "7"} {
		want := said
		if name == "to" {
			want = "2026-12-01" // the day that was typed is the last
		}
		if got := instant(name, said); got != want {
			t.Errorf("%s %s: %s", name, said, got)
		}
	}
}

// What is called by its title is found by it where one alone is called so; columns of bounds are shown where there are some.
func TestByTitle(t *testing.T) {
	t.Parallel()
	h := site(t, &api{role: schemas.RoleOfficer})
	for target, want := range map[string]string{
		"/reports/uses?dataset=%3Ci%3Eweizen%3C%2Fi%3E&to=30%2F11%2F2026": "/reports/uses?dataset=ds-a&to=30%2F11%2F2026",
		"/reports/project?project=crop+yield":                             "/reports/project?project=p",
	} {
		if w := get(h, target); w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("%s leads to %q: %d", target, w.Header().Get("Location"), w.Code)
		}
	}
	body := get(h, "/reports").Body.String()
	for _, want := range []string{`list="projects"`, `<datalist id="projects"><option value="p">Crop yield</option>`, `<option value="ds-a">`} {
		if !strings.Contains(body, want) {
			t.Errorf("the forms lack %s", want)
		}
	}
	doc := report.Document{Tables: []report.Table{{Columns: []report.Column{{Name: "rows"}, {Name: "rows_at_most"}, {Name: "bytes_at_most"}},
		Rows: [][]report.Cell{make([]report.Cell, 3), make([]report.Cell, 3)}}}}
	err := json.Unmarshal([]byte(`[[1,0,0],[2,0,7]]`), &doc.Tables[0].Rows)
	if err != nil {
		t.Fatal(err)
	}
	withoutBounds(&doc)
	if c := doc.Tables[0].Columns; len(c) != 2 || c[1].Name != "bytes_at_most" || len(doc.Tables[0].Rows[1]) != 2 || doc.Tables[0].Rows[1][1].String() != "7" {
		t.Errorf("%+v", doc.Tables[0])
	}
}
