package description

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

const turtle = `@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
<https://x.example/a> a dcat:Dataset ; dct:title "A" . <https://x.example/b> a dcat:Dataset ; dct:title "B" .`

// TestForms: a file says itself of which form it is, whatever it is called.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, file, body, want string
	}{
		"Turtle by its name":       {"", "a.ttl", turtle, "A B"},
		"Turtle by its type":       {"text/turtle; charset=utf-8", "get", turtle, "A B"},
		"N-Triples":                {"", "a.nt", `<https://x.example/a> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/ns/dcat#Dataset> . <https://x.example/a> <http://purl.org/dc/terms/title> "A" .`, "A"},
		"RDF/XML":                  {"", "a.xml", `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dct="http://purl.org/dc/terms/"><dcat:Dataset xmlns:dcat="http://www.w3.org/ns/dcat#" rdf:about="https://x.example/a"><dct:title>A</dct:title></dcat:Dataset></rdf:RDF>`, "A"},
		"JSON-LD":                  {"application/json", "a.json", `{"@id": "https://x.example/a", "@type": "http://www.w3.org/ns/dcat#Dataset", "http://purl.org/dc/terms/title": "A"}`, "A"},
		"a list in JSON-LD":        {"", "a.jsonld", ` [{"@id": "https://x.example/a", "@type": "http://www.w3.org/ns/dcat#Dataset", "http://purl.org/dc/terms/title": "A"}]`, "A"},
		"Croissant":                {"", "a.json", `{"@context": {"@vocab": "https://schema.org/"}, "@type": "Dataset", "name": "A", "url": "https://x.example/a"}`, "A"},
		"a package of CKAN":        {"", "a.json", `{"success": true, "result": {"id": "a", "name": "a", "title": "A", "license_id": "cc-by", "resources": []}}`, "A"},
		"found packages of CKAN":   {"", "a.json", `{"success": true, "result": {"count": 1, "results": [{"id": "a", "name": "a", "title": "A", "license_id": "cc-by", "resources": []}]}}`, "A"},
		"a data package":           {"", "datapackage.json", `{"name": "a", "title": "A", "resources": [{"name": "a", "path": "https://x.example/a.csv"}]}`, "A"},
		"a data package in YAML":   {"", "datapackage.yaml", "name: a\ntitle: A\nresources:\n- {name: a, path: 'https://x.example/a.csv'}\n", "A"},
		"ours in YAML":             {"", "a.yml", "title: {en: A}\nspace: energy\n", "A"},
		"ours in JSON":             {"", "a.json", "\ufeff" + `{"title": {"en": "A"}, "space": "energy"}`, "A"},
		"ours, with a slip":        {"", "a.yaml", "titel: {en: A}\n", "! titel"},
		"JSON of something else":   {"", "a.json", `{"compilerOptions": {}}`, "! compilerOptions"},
		"a page for people":        {"text/html", "index", "<html>", "! RDF/XML"},
		"a table":                  {"text/csv", "a.csv", "a,b", "! none of the forms"},
		"nothing":                  {"", "a.json", "", "! none of the forms"},
		"YAML that is none":        {"", "a.yaml", "a: [", "! YAML"},
		"a failed answer of CKAN":  {"", "a.json", `{"success": false, "error": {"message": "no"}, "result": {}}`, "! the portal says"},
		"not of its name's format": {"", "a.ttl", "{}", "! Turtle"},
	} {
		p, err := Read(c.kind, c.file, []byte(c.body), "")
		var got []string
		for _, item := range p.Items {
			got = append(got, item.Dataset.Title[""]+item.Dataset.Title["en"])
			if item.Err != nil {
				t.Errorf("%s: %v", name, item.Err)
			}
		}
		said := strings.Join(got, " ")
		if err != nil {
			said = "! " + err.Error()
		}
		if fault, is := strings.CutPrefix(c.want, "! "); is && (err == nil || !strings.Contains(said, fault)) || !is && said != c.want {
			t.Errorf("%s: %q", name, said)
		}
	}
}

// TestReal: real descriptions are read as the form that they are of.
func TestReal(t *testing.T) {
	t.Parallel()
	read := 0
	for _, pattern := range []string{"health-rki/*/govdata.ttl", "health-rki/*/datapackage.json", "energy-oemetadata/*example.json", "croissant/*.json"} {
		files, err := filepath.Glob(sharedtest.Path(t, "reference-data/catalogue/"+pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Read("", filepath.Base(file), b, "")
			if err == nil && len(p.Items) > 0 {
				read++
			} else if schemas.KindOf(err) == schemas.Internal {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if read < 30 {
		t.Errorf("%d files are read", read)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("", "a.json", `{"title": {"en": "A"}, "@type": []}`)
	f.Add("", "a.yaml", "resources: [{path: a}]\nname: a")
	f.Add("text/turtle", "", turtle)
	f.Add("", "", `<rdf:RDF`)
	f.Fuzz(func(t *testing.T, kind, name, body string) {
		_, err := Read(kind, name, []byte(body), "")
		if err != nil && schemas.KindOf(err) == schemas.Internal {
			t.Error(err)
		}
	})
}
