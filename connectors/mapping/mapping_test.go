package mapping

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/rdf/about"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

const dataPackage = `{
  "name": "grain-yields", "title": "Grain yields", "description": "By plot.", "version": "1.2", "created": "2024-10-15",
  "homepage": "https://x.example/grain", "keywords": ["grain"], "profile": "data-package", "odd": {"a": 1},
  "licenses": [{"name": "CC-BY-4.0", "path": "https://creativecommons.org/licenses/by/4.0/"}],
  "contributors": [{"title": "A. Person", "email": "a@x.example", "role": "author"}],
  "resources": [
    {"name": "Yields 2020", "path": "https://x.example/yields.csv", "format": "csv", "mediatype": "text/csv",
     "schema": {"fields": [
       {"name": "plot", "type": "integer", "title": "Plot"},
       {"name": "yield", "type": "number", "description": "Of grain", "unit": "t/ha", "rdfType": "https://x.example/yield"},
       {"name": "shape", "type": "geojson"}]}},
    {"name": "more", "path": "more.csv", "schema": "schemas/more.json"}]}`

func TestDataPackage(t *testing.T) {
	t.Parallel()
	got, is, err := Read([]byte(dataPackage))
	want := schemas.Dataset{
		Title:       schemas.Text{"": "Grain yields"},
		Description: schemas.Text{"": "By plot."},
		Identifiers: []string{"grain-yields"},
		Keywords:    []string{"grain"},
		Publisher:   "A. Person",
		Contact:     "a@x.example",
		Licence:     "CC-BY-4.0",
		Links: []schemas.Link{{
			URL:    "https://x.example/yields.csv",
			Format: "csv",
			Title:  "Yields 2020",
		}},
		Tables: []schemas.TableInfo{{
			Name: "yields-2020",
			Fields: []schemas.Field{
				{Name: "plot", Type: "int64", Description: schemas.Text{"": "Plot"}},
				{Name: "yield", Type: "float64", Unit: "t/ha", Concept: "https://x.example/yield", Description: schemas.Text{"": "Of grain"}},
				{Name: "shape"},
			},
		}},
		RDF: `<> dct:issued "2024-10-15"^^xsd:date ;
    dcat:landingPage <https://x.example/grain> ;
    dcat:version "1.2" .
`,
		Notes: []string{
			"resources.schema.fields.type: not carried over, as it is no type of ours: geojson",
			"resources.path: not carried over, as it is no whole address: more.csv",
			"resources.schema: not carried over, as it lies in another file, and nothing is fetched: schemas/more.json",
			"not carried over: contributors.role, odd.a",
		},
	}
	if diff := cmp.Diff(want, got); err != nil || !is || diff != "" {
		t.Errorf("%v, %v (-want +got):\n%s", is, err, diff)
	}
}

// TestOEMetadata: the Open Energy family's own example, its columns with units and concepts.
func TestOEMetadata(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(sharedtest.Path(t, "reference-data", "catalogue", "energy-oemetadata", "v2__v20__example.json"))
	if err != nil {
		t.Fatal(err)
	}
	got, is, err := Read(b)
	if err != nil || !is {
		t.Fatalf("%v, %v", is, err)
	}
	if got.Title[""] != "OEP OEMetadata" || got.IRI != "https://databus.openenergyplatform.org/oeplatform/reference" || got.Licence != "ODbL-1.0" ||
		got.Publisher != "Open Energy Platform (OEP)" || got.Contact != "contact@example.com" || got.Attribution != "© Reiner Lemoine Institut" ||
		got.From != "2020-01-01" || len(got.Links) == 0 || len(got.Tables) == 0 {
		t.Errorf("%+v", got)
	}
	with := map[string]int{}
	for _, table := range got.Tables {
		for _, f := range table.Fields {
			for name, s := range map[string]string{"type": f.Type, "unit": f.Unit, "concept": f.Concept, "description": f.Description[""]} {
				if s != "" {
					with[name]++
				}
			}
		}
	}
	t.Logf("%d tables; columns with %v; %q", len(got.Tables), with, got.Notes)
	if with["type"] < 5 || with["unit"] < 1 || with["concept"] < 3 || with["description"] < 5 {
		t.Errorf("columns with %v", with)
	}
	if !strings.Contains(got.RDF, "dct:source <https://www.ipcc.ch/") {
		t.Errorf("%s", got.RDF)
	}
}

// TestCorpus: every real data package is known and read.
func TestCorpus(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{
		"reference-data/catalogue/health-rki/*/datapackage*.json", "data/agriculture/*/datapackage.json", "data/agriculture/*/*/datapackage.json",
	} {
		found, err := filepath.Glob(sharedtest.Path(t, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	columns, concepts := 0, 0
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d, is, err := Read(b)
		if err != nil || !is || len(d.Title) == 0 {
			t.Errorf("%s: %v, %v", path, is, err)
		}
		for _, table := range d.Tables {
			columns += len(table.Fields)
			for _, f := range table.Fields {
				if f.Concept != "" {
					concepts++
				}
			}
		}
	}
	t.Logf("%d data packages with %d columns, %d of them with a concept", len(files), columns, concepts)
	if len(files) < 17 || columns < 200 || concepts < 200 {
		t.Error("the test looks at too little")
	}
}

// TestOthers: documents of no form are left to who reads them.
func TestOthers(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"a dataset of ours":  `{"title": {"en": "resources"}, "space": "energy"}`,
		"not JSON":           `{"resources": [`,
		"a list":             `[{"resources": []}]`,
		"no resources":       `{"name": "x", "resources": []}`,
		"of something else":  `{"name": "x", "resources": [{"kind": "pod"}]}`,
		"a text as resource": `{"name": "x", "resources": ["a.csv"]}`,
		"too deep":           `{"resources": ` + strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40) + `}`,
	} {
		d, is, err := Read([]byte(doc))
		if is || err != nil {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

// TestForms: each form's properties have prefixes that are known, and its types are ours.
func TestForms(t *testing.T) {
	t.Parallel()
	known, err := Forms()
	if err != nil || len(known) != 5 {
		t.Fatalf("%d forms, %v", len(known), err)
	}
	for _, f := range known {
		if f.Name == "" || len(f.KnownBy) == 0 || f.Resources.Each == "" {
			t.Errorf("%+v", f)
		}
		for _, rule := range f.Dataset {
			prefix, _, _ := strings.Cut(rule.To, ":")
			if rule.To != "@id" && about.Prefixes()[prefix] == "" {
				t.Errorf("%s: %q has no prefix that is known", f.Name, rule.To)
			}
			switch rule.As {
			case "text", "iri", "date", "licence", "agent", "contact", "period", "attribution", "identifier", "place", "box":
			default:
				t.Errorf("%s: %q is nothing that a value can be", f.Name, rule.As)
			}
		}
	}
}

// TestRepositories: what depositories of research data say is read, with the identifiers and addresses by
// which the same data are known elsewhere.
func TestRepositories(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]schemas.Dataset{
		`{"upload_type": "dataset", "title": "Beds", "description": "<p>By day.</p>", "creators": [{"name": "A. Institute"}], "license": "CC-BY-4.0",
		  "doi": "10.5281/zenodo.1", "language": "deu", "related_identifiers": [{"identifier": "https://code.example/beds", "relation": "isSupplementTo"}]}`: {
			Title: schemas.Text{"": "Beds"}, Description: schemas.Text{"": "<p>By day.</p>"}, Identifiers: []string{"10.5281/zenodo.1"},
			Licence: "CC-BY-4.0", Languages: []string{"de"},
			RDF: "<> dct:creator [ foaf:name \"A. Institute\" ] ;\n    dct:relation <https://code.example/beds> .\n",
		},
		`{"resource_type": {"id": "dataset"}, "title": "Beds", "creators": [{"person_or_org": {"name": "A. Institute"}}], "publisher": "Zenodo",
		  "identifiers": [{"identifier": "10.5281/zenodo.1", "scheme": "doi"}], "subjects": [{"subject": "Hospitals"}]}`: {
			Title: schemas.Text{"": "Beds"}, Identifiers: []string{"10.5281/zenodo.1"}, Publisher: "Zenodo", Keywords: []string{"Hospitals"},
			RDF: "<> dct:creator [ foaf:name \"A. Institute\" ] .\n", Notes: []string{"not carried over: identifiers.scheme"},
		},
		`{"resource": {"titles": [{"text": "Beds", "language": "EN"}], "ids": [{"identifier": "10.5281/zenodo.1", "scheme": "DOI"}],
		  "webpage": "https://beds.example/page", "contributors": [{"organisational": {"name": "A. Institute"}}]}}`: {
			Title: schemas.Text{"": "Beds"}, Identifiers: []string{"10.5281/zenodo.1"}, Publisher: "A. Institute",
			Links: []schemas.Link{{URL: "https://beds.example/page"}}, RDF: "<> dcat:landingPage <https://beds.example/page> .\n",
		},
	} {
		got, is, err := Read([]byte(name))
		if diff := cmp.Diff(want, got); err != nil || !is || diff != "" {
			t.Errorf("%v, %v (-want +got):\n%s", is, err, diff)
		}
	}
	for pattern, want := range map[string]int{"nfdi4health.json": 14, "zenodo.json": 15, "zenodo-invenio.json": 13} {
		files, err := filepath.Glob(sharedtest.Path(t, "reference-data/catalogue/health-rki/*/"+pattern))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, path := range files {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d, is, err := Read(b)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if is && len(d.Title) == 1 && len(d.Description) == 1 && len(d.Keywords) > 0 {
				n++
			}
		}
		if n != want { // one is of a form that its registry has left
			t.Errorf("of %d %s %d are read, want %d", len(files), pattern, n, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(dataPackage))
	f.Add([]byte(`{"metaMetadata": {}, "resources": [{"schema": {"fields": [{"name": 1, "isAbout": [{"@id": []}]}]}, "temporal": {"timeseries": [7]}}]}`))
	f.Add([]byte(`{"metaMetadata": {}, "title": "T", "resources": [{"spatial": {"extent": {"boundingBox": [13.1, 52.3, 13.7, "x"], "crs": "EPSG:4326"}}}]}`))
	f.Add([]byte(`{"title": "T", "spatial": {"type": "Point", "coordinates": [1, 2]}, "resources": [{"path": "a.csv", "licenses": [{"name": "MIT"}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, err := Read(b)
		if k := schemas.KindOf(err); err != nil && k != schemas.Invalid && k != schemas.TooLarge {
			t.Fatal(err)
		}
	})
}
