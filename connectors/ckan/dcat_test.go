package ckan

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"guichet/connectors/dcatap"
	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// TestCKANReadsOurTurtle: CKAN's own DCAT extension makes packages of what we write that have the
// title, the description, the keywords, the publisher, the licence and every file; and its package,
// read here, is the dataset again.
func TestCKANReadsOurTurtle(t *testing.T) {
	t.Parallel()
	python := sharedtest.CKAN(t)
	dir, of := t.TempDir(), map[string]schemas.Dataset{}
	add := func(d schemas.Dataset) {
		b, err := dcatap.Write(rdf.Turtle, d, "https://guichet.example")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, strconv.Itoa(len(of))+".ttl")
		of[path] = d
		err = os.WriteFile(path, b, 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	add(schemas.Dataset{
		ID: "ds-1", IRI: "https://x.example/d", Title: schemas.Text{"en": "Wind"}, Description: schemas.Text{"en": "Where it blows."},
		Keywords: []string{"wind", "sea"}, Themes: []string{"ENER"}, Publisher: "Office", Contact: "ask@x.example", Licence: "CC-BY-4.0",
		From: "2020-01-01", Until: "2021-01-01", RDF: "<> dct:accrualPeriodicity <https://x.example/yearly> .\n",
		Links: []schemas.Link{{URL: "https://x.example/wind.csv", Format: "CSV", Title: "As CSV"}, {URL: "https://x.example/wind.json", Format: "application/json"}},
	})
	dcataptest.Documents(t, func(path string, f rdf.Format, b []byte) {
		if f != rdf.Turtle || !strings.Contains(path, "health-rki") && !strings.Contains(path, "be-datagov") {
			return
		}
		items, err := dcatap.ReadAll(f, b, "https://source.example/")
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items[:min(len(items), 20)] {
			if item.Err == nil {
				item.Dataset.ID = "ds-2"
				add(item.Dataset)
			}
		}
	})
	cmd := exec.Command(python, "testdata/parse.py")
	cmd.Stdin = strings.NewReader(strings.Join(slices.Sorted(maps.Keys(of)), "\n"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var parsed map[string][]json.RawMessage
	err = json.Unmarshal(out, &parsed)
	if err != nil {
		t.Fatal(err)
	}
	for path, d := range of {
		if len(parsed[path]) != 1 {
			t.Errorf("%s: %d packages", d.IRI, len(parsed[path]))
			continue
		}
		same(t, d, parsed[path][0])
	}
	t.Logf("%d datasets are read by ckanext-dcat", len(of))
	if len(of) < 60 {
		t.Error("the test looks at too little")
	}
}

// same holds the package that the extension made against the dataset.
func same(t *testing.T, d schemas.Dataset, b []byte) {
	t.Helper()
	got, err := Read(b, "")
	if err != nil {
		t.Errorf("%s: %v\n%s", d.IRI, err, b)
		return
	}
	title := got.Title[""]
	if !slices.ContainsFunc(texts(d.Title), func(s string) bool { return s == title }) {
		t.Errorf("%s: the title %q is none of %q", d.IRI, title, d.Title)
	}
	if len(d.Description) > 0 && len(got.Description) == 0 {
		t.Errorf("%s: no description", d.IRI)
	}
	if got.IRI != d.IRI {
		t.Errorf("%s: it is called %q", d.IRI, got.IRI)
	}
	one := strings.TrimSpace(d.Publisher) == got.Publisher || strings.Contains(d.RDF, strconv.Quote(got.Publisher)) // of its names
	if d.Publisher != "" && !one {
		t.Errorf("%s: the publisher %q, want %q", d.IRI, got.Publisher, d.Publisher)
	}
	if d.Contact != "" && !strings.Contains(d.Contact, "://") && got.Contact != d.Contact {
		t.Errorf("%s: the contact %q, want %q", d.IRI, got.Contact, d.Contact)
	}
	if len(d.Keywords) > 0 && len(got.Keywords) == 0 {
		t.Errorf("%s: no keywords, want %q", d.IRI, d.Keywords)
	}
	if !slices.Equal(got.Themes, d.Themes) {
		t.Errorf("%s: themes %q, want %q", d.IRI, got.Themes, d.Themes)
	}
	urls := func(links []schemas.Link) (out []string) {
		for _, l := range links {
			out = append(out, l.URL)
		}
		slices.Sort(out)
		return out
	}
	if want, have := urls(d.Links), urls(got.Links); len(want) > 0 && !slices.Equal(have, want) {
		t.Errorf("%s: files %q, want %q", d.IRI, have, want)
	}
}

func texts(t schemas.Text) (out []string) {
	for _, s := range t {
		out = append(out, strings.TrimSpace(s))
	}
	return out
}
