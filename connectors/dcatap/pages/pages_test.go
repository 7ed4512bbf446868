package pages

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// TestCatalogueKeepsApart: what one provider's description says of things with names is said of nobody
// else's dataset on the page, whatever names it takes.
func TestCatalogueKeepsApart(t *testing.T) {
	t.Parallel()
	c := Catalogue{Public: "https://site.example", Address: "https://site.example/api/v1/catalogue", Page: "https://site.example/api/v1/catalogue"}
	victim := dcatap.Named("ds-victim", c.Public)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Add(schemas.Dataset{ID: "ds-victim", IRI: "https://hospital.example/1", Title: schemas.Text{"en": "Wards"}, Licence: "CC-BY-4.0"}))
	must(c.Add(schemas.Dataset{ID: "ds-other", Title: schemas.Text{"en": "Other"}, Links: []schemas.Link{{URL: "https://other.example/x",
		RDF: `@base <` + victim + `> . <> <http://purl.org/dc/terms/conformsTo> <https://standard.example/> .`}},
		RDF: `@prefix dct: <http://purl.org/dc/terms/> . <> dct:creator <` + victim + `> . <` + victim + `> <http://www.w3.org/2000/01/rdf-schema#label> "taken over" .`}))
	for _, f := range []rdf.Format{rdf.JSONLD, rdf.Turtle, rdf.RDFXML} {
		b, err := c.Write(f)
		must(err)
		doc, err := rdf.Parse(f, b, rdf.Options{Limits: rdf.Limits{Bytes: 1 << 20, Depth: 64, Values: 1 << 16}})
		must(err)
		for _, n := range doc.Nodes {
			if rdf.ID(n) == victim && (n["http://www.w3.org/2000/01/rdf-schema#label"] != nil || n["http://purl.org/dc/terms/conformsTo"] != nil || len(rdf.Types(n)) > 1) {
				t.Errorf("%s: another says of it %v", f, n)
			}
		}
		p, err := dcatap.ReadPage(f, b, c.Page)
		must(err)
		if len(p.Items) != 2 || p.Feed {
			t.Fatalf("%s: %d datasets\n%s", f, len(p.Items), b)
		}
		for _, i := range p.Items {
			if i.IRI == victim && (len(i.Dataset.Title) != 1 || i.Dataset.Title["en"] != "Wards" || i.Dataset.Identifiers[0] != "https://hospital.example/1") {
				t.Errorf("%s: %+v", f, i.Dataset)
			}
		}
	}
}

// TestDatasetsTurnNoPage: what a page says of a dataset neither says where the page goes on nor makes a feed of
// it, and what was kept before that was refused spoils no page.
func TestDatasetsTurnNoPage(t *testing.T) {
	t.Parallel()
	const said = `@prefix hydra: <http://www.w3.org/ns/hydra/core#> . @prefix as: <https://www.w3.org/ns/activitystreams#> .
		<> a as:Delete ; as:object <https://site.example/datasets/ds-2> ; hydra:next <https://hostile.example/> ; hydra:totalItems 9 .`
	text := `@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . <> a dcat:Dataset ; dct:title "One" . ` + said
	p, err := dcatap.ReadPage(rdf.Turtle, []byte(text), "https://site.example/datasets/ds-1")
	if err != nil || p.Feed || p.Next != "" || p.Total != 0 || len(p.Items) != 1 || p.Items[0].Dataset.RDF != "" {
		t.Errorf("%+v, %v", p, err)
	}
	c := Catalogue{Public: "https://site.example", Address: "https://site.example/c", Page: "https://site.example/c"}
	for _, d := range []schemas.Dataset{
		{ID: "ds-1", Title: schemas.Text{"en": "One"}, RDF: said},
		{ID: "ds-3", Title: schemas.Text{"en": "Three"}, Links: []schemas.Link{{URL: "https://x.example/", RDF: said}}},
		{ID: "ds-2", Title: schemas.Text{"en": "Two"}},
	} {
		if err := c.Add(d); err != nil {
			t.Error(err)
		}
	}
	b, err := c.Write(rdf.Turtle)
	if err != nil {
		t.Fatal(err)
	}
	p, err = dcatap.ReadPage(rdf.Turtle, b, c.Page)
	if err != nil || p.Feed || p.Next != "" || len(p.Items) != 3 {
		t.Errorf("%+v, %v\n%s", p, err, b)
	}
}

// TestCatalogue: a page says what it is of, whose, and where the next one is; its datasets are read back
// under their pages' names, in each serialisation, with what they say beyond our fields.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	c := Catalogue{Public: "https://site.example", Title: "Site", Address: "https://site.example/c", Page: "https://site.example/c?after=a",
		Next: "https://site.example/c?after=b"}
	for _, d := range []schemas.Dataset{
		{ID: "ds-1", IRI: "https://hospital.example/1", Identifiers: []string{"doi:1"}, Countries: []string{"FR"}, Title: schemas.Text{"en": "One", "fr": "Un"}, Keywords: []string{"ward\ufffe"}},
		{ID: "ds-2", Countries: []string{"FR"}, IRI: "urn:guichet:dataset:ds-2", Title: schemas.Text{"en": "Two"}, RDF: `<> <http://purl.org/dc/terms/accrualPeriodicity> <https://f.example/daily> .`},
	} {
		if err := c.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := c.Write(rdf.Turtle); err != nil || strings.Contains(string(b), "dct:Location, dct:Location") {
		t.Errorf("a class is said twice: %v\n%s", err, b)
	}
	if c.Bytes() == 0 {
		t.Error("a page with datasets has no bytes")
	}
	for _, f := range []rdf.Format{rdf.JSONLD, rdf.Turtle, rdf.RDFXML} {
		b, err := c.Write(f)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		p, err := dcatap.ReadPage(f, b, c.Page)
		if err != nil || p.Next != c.Next || len(p.Items) != 2 || p.Feed {
			t.Fatalf("%s: %+v, %v", f, p, err)
		}
		for _, i := range p.Items {
			d := i.Dataset
			switch i.IRI {
			case "https://site.example/datasets/ds-1":
				if d.Title["fr"] != "Un" || len(d.Identifiers) < 2 || d.Identifiers[0] != "https://hospital.example/1" || d.Identifiers[1] != "doi:1" {
					t.Errorf("%s: %+v", f, d)
				}
			case "https://site.example/datasets/ds-2":
				if len(d.RDF) == 0 || d.Title["en"] != "Two" {
					t.Errorf("%s: %+v", f, d)
				}
			default:
				t.Errorf("%s: %s", f, i.IRI)
			}
		}
	}
}

// TestChanges: a feed is read back as what happened, in its order, each with what describes it then.
func TestChanges(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 12, 0, 0, 123, time.UTC)
	c := Changes{Catalogue: Catalogue{Public: "https://site.example", Address: "https://site.example/f", Page: "https://site.example/f",
		Next: "https://site.example/f?after=x"}}
	for i, d := range []schemas.Dataset{{ID: "ds-1", Revision: 1, Title: schemas.Text{"en": "One"}}, {ID: "ds-2", Revision: 7, Title: schemas.Text{"en": "Two"}}} {
		if err := c.Changed(d, at.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	c.Gone("ds-3", at.Add(2*time.Second))
	b, err := c.Write()
	if err != nil {
		t.Fatal(err)
	}
	p, err := dcatap.ReadPage(rdf.JSONLD, b, c.Page)
	if err != nil || !p.Feed || p.Next != c.Next || len(p.Events) != 3 || len(p.Items) > 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	for i, e := range p.Events {
		if e.Object != fmt.Sprintf("https://site.example/datasets/ds-%d", i+1) || !e.At.Equal(at.Add(time.Duration(i)*time.Second)) || e.Gone != (i == 2) {
			t.Errorf("%d: %+v", i, e)
		}
		items, err := dcatap.ReadNodes(&rdf.Document{Nodes: e.Nodes})
		if want := map[bool]int{true: 0, false: 1}[e.Gone]; err != nil || len(items) != want {
			t.Errorf("%d: %+v, %v", i, items, err)
		}
	}
	last := Changes{Catalogue: Catalogue{Public: "https://site.example", Address: "https://site.example/f", Page: "https://site.example/f?after=x"}}
	b, err = last.Write()
	if err == nil {
		p, err = dcatap.ReadPage(rdf.JSONLD, b, last.Page)
	}
	if err != nil || !p.Feed || p.Next != "" || len(p.Events) > 0 {
		t.Errorf("the last page: %+v, %v", p, err)
	}
}

// TestInXML: what XML cannot say is U+FFFD, and all else stays.
func TestInXML(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a\x00b\x1fc\ufffed\uffff": "a\ufffdb\ufffdc\ufffdd\ufffd", "é\t\n\r\U0001F33E": "é\t\n\r\U0001F33E"} {
		if got := inXML([]any{map[string]any{"x": in}}).([]any)[0].(map[string]any)["x"]; got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
