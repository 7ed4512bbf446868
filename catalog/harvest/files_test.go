package harvest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guichet/connectors/db/dbtest"
	"guichet/connectors/fetch"
	"guichet/connectors/folder"
	"guichet/schemas"
)

// inFolder is a harvester of a folder of files.
func inFolder(t *testing.T, kind string) (h *Harvester, dir string, write func(name, body string)) {
	t.Helper()
	dir = t.TempDir()
	h = newHarvester(t, kind)
	files, web := folder.New([]string{dir}), h.Fetch
	h.Fetch = func(ctx context.Context, r fetch.Request) (*fetch.Answer, error) {
		if folder.Is(r.From) {
			return files.Get(ctx, r)
		}
		return web(ctx, r)
	}
	h.Address = func(url string) error {
		if folder.Is(url) {
			return files.Check(url)
		}
		return fetch.Check(url)
	}
	return h, dir, func(name, body string) {
		t.Helper()
		at := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(at), 0o755))
		if body == "" {
			must(t, os.Remove(at))
			return
		}
		must(t, os.WriteFile(at, []byte(body), 0o644))
	}
}

func ours(title string) string { return "title: {en: " + title + "}\n" }

const twoSets = prefixes + `<https://portal.example/a> a dcat:Dataset ; dct:title "A"@en . <https://portal.example/b> a dcat:Dataset ; dct:title "B"@en .`

// TestFolder: what a folder's files describe is here, in whichever form, and stays true; what is not read stays as
// it was, and what is gone goes.
func TestFolder(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			h, dir, write := inFolder(t, kind)
			write("two.ttl", twoSets)
			write("sub/c.yaml", ours("C"))
			write("sub/datapackage.json", `{"name": "d", "title": "D", "resources": [{"name": "d", "path": "https://x.example/d.csv"}]}`)
			write("sub/bad.json", `{"compilerOptions": {}}`)
			write("closed.yaml", ours("Closed")+"visibility: own\n")
			s, err := h.Put(t.Context(), operator, Catalogue{ID: "ours", URL: dir, Space: "agriculture"}, 0)
			must(t, err)
			if s.Kind != Files || s.URL != "file://"+dir {
				t.Fatalf("%+v", s)
			}
			f := h.once(t, s.ID, false)
			has := h.has(t)
			if f.State != Well || f.Datasets != 4 || f.Refused != 2 || f.Counts.New != 4 || f.Counts.Pages != 6 || has["a"] != "A" || has["urn:guichet:file:ours:sub/c.yaml"] != "C" || len(has) != 4 {
				t.Fatalf("%+v\n%v", f, has)
			}
			set, _, err := h.Refused(t.Context(), s.ID, "", 10)
			if err != nil || len(set) != 2 || !strings.HasSuffix(set[1].IRI, "/sub/bad.json") || !strings.Contains(set[0].Why, "register it instead") {
				t.Errorf("%+v, %v", set, err)
			}
			head, err := h.DB.Head(t.Context())
			must(t, err)
			f = h.once(t, s.ID, false)
			after, err := h.DB.Head(t.Context())
			must(t, err)
			if f.State != Well || f.Counts.New+f.Counts.Changed+f.Counts.Withdrawn != 0 || f.Datasets != 4 || f.Refused != 2 || after != head {
				t.Errorf("nothing changed: %+v, %d changes", f, after-head)
			}
			write("two.ttl", "<no") // what it described stays
			write("sub/c.yaml", ours("Another"))
			write("sub/bad.json", "") // its refusal goes
			write("between.yaml", ours("E"))
			f = h.once(t, s.ID, false)
			has = h.has(t)
			if f.State != Well || f.Counts.New != 1 || f.Counts.Changed != 1 || f.Counts.Withdrawn != 0 || f.Datasets != 5 || f.Refused != 2 || has["b"] != "B" || has["urn:guichet:file:ours:sub/c.yaml"] != "Another" {
				t.Errorf("%+v\n%v", f, has)
			}
			write("two.ttl", strings.Replace(twoSets, `"A"`, `"AA"`, 1))
			write("sub/c.yaml", "")
			f = h.once(t, s.ID, false)
			if has = h.has(t); f.State != Well || f.Counts.Changed != 1 || f.Counts.Withdrawn != 1 || f.Refused != 1 || has["a"] != "AA" || len(has) != 4 {
				t.Errorf("%+v\n%v", f, has)
			}
			must(t, os.RemoveAll(dir))
			if f = h.once(t, s.ID, false); f.State != Failing || len(h.has(t)) != 4 {
				t.Errorf("the folder is away: %+v", f)
			}
			must(t, os.Mkdir(dir, 0o755))
			if f = h.once(t, s.ID, false); f.State != Held || f.Gone != 4 || len(h.has(t)) != 4 {
				t.Errorf("it is empty: %+v", f)
			}
			if f = h.once(t, s.ID, true); f.State != Well || len(h.has(t)) != 0 {
				t.Errorf("agreed: %+v", f)
			}
		})
	}
}

// TestFileOnTheWeb: one file at an address is read in whichever form it is, and named by its address.
func TestFileOnTheWeb(t *testing.T) {
	t.Parallel()
	pages := told{}
	const at = "https://x.example/datapackage.json"
	pages.say(at, "application/octet-stream", `{"name": "d", "title": "D", "resources": [{"name": "d", "path": "https://x.example/d.csv"}]}`)
	h := following(t, dbtest.SQLite, pages, "https://x.example/none")
	s, err := h.Put(t.Context(), operator, Catalogue{ID: "one", URL: at, Kind: Files, Space: "energy"}, 0)
	must(t, err)
	if f := h.once(t, s.ID, false); f.State != Well || f.Datasets != 1 || len(h.whole(t)) != 1 || h.whole(t)[at].Title[""] != "D" {
		t.Errorf("%+v, %v", f, h.whole(t))
	}
	pages.say(at, "text/html", "<html>")
	if f := h.once(t, s.ID, false); f.State != Failing || f.Datasets != 1 {
		t.Errorf("%+v", f)
	}
}

// TestFilesAreNotLedTo: a path is read where the settings allow, and a catalogue of the web leads to none.
func TestFilesAreNotLedTo(t *testing.T) {
	t.Parallel()
	h, dir, write := inFolder(t, dbtest.SQLite)
	write("a.ttl", twoSets)
	for _, c := range []Catalogue{{ID: "x", URL: "/etc"}, {ID: "x", URL: dir + "/../x"}, {ID: "x", URL: dir, Kind: DCATAP}, {ID: "x", URL: "file://" + dir, Kind: CKAN}} {
		if _, err := h.Put(t.Context(), operator, c, 0); schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
	inner := h.Fetch
	h.Fetch = func(ctx context.Context, r fetch.Request) (*fetch.Answer, error) {
		if r.URL == "https://portal.example/all" {
			return &fetch.Answer{URL: r.URL, Type: "text/turtle", Body: []byte(prefixes), Links: []string{"<" + folder.Address(dir) + `/a.ttl>; rel="next"`}}, nil
		}
		return inner(ctx, r)
	}
	s, err := h.Put(t.Context(), operator, Catalogue{ID: "web", URL: "https://portal.example/all", Space: "energy"}, 0)
	must(t, err)
	if f := h.once(t, s.ID, false); f.State != Failing || len(h.has(t)) != 0 {
		t.Errorf("%+v, %v", f, h.has(t))
	}
	write("feed.jsonld", `[{"@id": "https://x.example/1", "@type": "https://w3id.org/tree#Node"}]`)
	write("none.ttl", prefixes)
	s, err = h.Put(t.Context(), operator, Catalogue{ID: "files", URL: dir, Space: "energy"}, 0)
	must(t, err)
	if f := h.once(t, s.ID, false); f.State != Well || f.Refused != 2 || f.Datasets != 2 {
		t.Errorf("%+v", f)
	}
}
