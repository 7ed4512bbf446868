package check

import (
	"reflect"
	"strings"
	"testing"

	"guichet/connectors/dcatap"
	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// TestRDF: what a person writes beside the fields never moves one, and each fault has its place.
func TestRDF(t *testing.T) {
	t.Parallel()
	const fine = `<> dct:accrualPeriodicity <https://x.example/yearly> .`
	for name, c := range map[string]struct{ dataset, link, at, says string }{
		"fine":                 {fine, `@base <https://x.example/dist> . <> dct:issued "2020" .`, "", ""},
		"more of its fields":   {`<> dcat:theme <http://eurovoc.europa.eu/1> ; dct:spatial [ dcat:bbox "POLYGON EMPTY" ] .`, "", "", ""},
		"its publisher's page": {`<> dct:publisher <https://x.example/org> .`, "", "", ""},
		"its publisher's name": {`<> dct:publisher [ foaf:name "Office" ; foaf:homepage <https://x.example/> ] .`, "", "", ""},
		"other publisher":      {`<> dct:publisher [ foaf:name "Bureau" ] .`, "", "/rdf", "publisher"},
		"a title":              {"\n<> dct:title \"T\" .", "", "/rdf", "line 2: dct:title has a field of its own: title"},
		"keywords":             {`<> dcat:keyword "k" .`, "", "/rdf", "dcat:keyword has a field of its own: keywords"},
		"a theme":              {`<> dcat:theme <http://publications.europa.eu/resource/authority/data-theme/TRAN> .`, "", "/rdf", "themes"},
		"a country":            {`<> dct:spatial <https://sws.geonames.org/2921044/> .`, "", "/rdf", "dct:spatial has a field of its own: countries"},
		"access rights":        {`<> dct:accessRights <http://publications.europa.eu/resource/authority/access-right/PUBLIC> .`, "", "", ""},
		"a licence":            {`<> dct:license <https://creativecommons.org/publicdomain/zero/1.0/> .`, "", "/rdf", "licence"},
		"a licence of a link":  {"", `<> dct:license <https://creativecommons.org/publicdomain/zero/1.0/> .`, "/links/0/rdf", "dct:license has a field of its own: licence"},
		"terms":                {`<> <http://www.w3.org/ns/odrl/2/hasPolicy> <https://x.example/free> .`, "", "/rdf", "terms are put by themselves"},
		"a distribution":       {`<> dcat:distribution [ dcat:accessURL <https://x.example/other> ] .`, "", "/rdf", "links"},
		"another address":      {"", `<> dcat:downloadURL <https://x.example/other> .`, "/rdf", "it would change what links says"},
		"what it is called":    {`@base <https://x.example/else> . ` + fine, "", "/rdf", "iri"},
		"the dataset's name":   {"", `@base <https://x.example/d> .`, "/links/0/rdf", "is not the dataset"},
		"no Turtle":            {fine, "\n<> a", "/links/0/rdf", "line 2"},
	} {
		d := schemas.Dataset{IRI: "https://x.example/d", Title: schemas.Text{"en": "T"}, Publisher: "Office", RDF: c.dataset,
			Links: []schemas.Link{{URL: "https://x.example/a.csv", Format: "CSV", RDF: c.link}}}
		faults := RDF(&d)
		switch {
		case c.at == "" && len(faults) > 0:
			t.Errorf("%s: %v", name, faults)
		case c.at != "" && len(faults) == 0:
			t.Errorf("%s: taken as %q, %q", name, d.RDF, d.Links[0].RDF)
		case c.at != "" && (faults[0].Pointer != c.at || !strings.Contains(faults[0].Message, c.says)):
			t.Errorf("%s: %+v, want %s %q", name, faults, c.at, c.says)
		case c.at == "" && c.dataset == fine && d.RDF != fine+"\n":
			t.Errorf("%s: %q", name, d.RDF)
		}
	}
}

// TestCorpus: what was read of the reference catalogues would be taken from a person as it stands.
func TestCorpus(t *testing.T) {
	t.Parallel()
	datasets := 0
	dcataptest.Documents(t, func(path string, f rdf.Format, b []byte) {
		items, err := dcatap.ReadAll(f, b, "https://source.example/")
		if err != nil {
			return
		}
		for _, item := range items {
			d := item.Dataset
			if item.Err != nil || d.RDF == "" {
				continue
			}
			datasets++
			if faults := RDF(&d); len(faults) > 0 || d.RDF != item.Dataset.RDF {
				t.Errorf("%s %s: %v\n%s", path, d.IRI, faults, d.RDF)
			}
		}
	})
	if datasets < 300 {
		t.Errorf("%d datasets", datasets)
	}
}

// TestOneForm: what is taken comes into its one form, whatever it was written in, and nothing else of
// the dataset changes.
func TestOneForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dataset, link         string
		wantDataset, wantLink string
	}{
		"nothing": {},
		"comments alone": {
			dataset: "# nothing to say\n",
		},
		"other prefixes": {
			dataset:     "@prefix t: <http://purl.org/dc/terms/> .\n<> t:type <https://x.example/t> .",
			wantDataset: "<> dct:type <https://x.example/t> .\n",
		},
		"another order": {
			dataset:     `<> dct:type "b", "a" ; dct:abstract "c" .`,
			wantDataset: "<> dct:abstract \"c\" ;\n    dct:type \"a\", \"b\" .\n",
		},
		"a link": {
			link:     `@base <https://x.example/dist> . <> dct:type "a" .`,
			wantLink: "@base <https://x.example/dist> .\n<> dct:type \"a\" .\n",
		},
		"a file of a page": {
			link: `<> dcat:accessURL <https://x.example/page> ; dcat:downloadURL <https://x.example/a.csv> .`,
			wantLink: "<> dcat:accessURL <https://x.example/page> ;\n" +
				"    dcat:downloadURL <https://x.example/a.csv> .\n",
		},
	} {
		d := schemas.Dataset{
			IRI:   "https://x.example/d",
			Title: schemas.Text{"en": "T"},
			RDF:   c.dataset,
			Links: []schemas.Link{{URL: "https://x.example/a.csv", RDF: c.link}},
		}
		want := d
		want.RDF = c.wantDataset
		want.Links = []schemas.Link{{URL: "https://x.example/a.csv", RDF: c.wantLink}}
		faults := RDF(&d)
		if len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
		if len(d.Links) != 1 {
			t.Fatalf("%s: %+v", name, d.Links)
		}
		if !reflect.DeepEqual(d, want) {
			t.Errorf("%s: %+v\nwant %+v", name, d, want)
		}
	}
}
