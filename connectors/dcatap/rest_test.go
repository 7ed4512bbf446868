package dcatap

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

// TestRoundTrip: of every dataset of the reference catalogues all that is kept is written and read
// again as it was, in each serialisation.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	datasets, statements, longest, longestLink := 0, 0, 0, 0
	dcataptest.Documents(t, func(path string, f rdf.Format, b []byte) {
		items, err := ReadAll(f, b, "https://source.example/")
		if err != nil {
			return
		}
		for _, item := range items {
			if item.Err != nil {
				continue
			}
			d := item.Dataset
			datasets++
			longest = max(longest, len(d.RDF))
			for _, l := range d.Links {
				longestLink = max(longestLink, len(l.RDF))
			}
			text, err := about.Read(d.RDF, MaxRDF)
			if err != nil || text.String() != d.RDF {
				t.Errorf("%s %s: %v: not in its one form:\n%s", path, d.IRI, err, d.RDF)
			}
			statements += about.Count(&d)
			got := rewrite(t, d)
			for _, n := range d.Notes {
				if strings.Contains(n, "would have more than") {
					t.Errorf("%s %s: %s", path, d.IRI, n)
				}
			}
			d.Notes = nil
			d.Visibility = cmp.Or(d.Visibility, schemas.VisibleToEveryone)
			if len(d.Description) == 0 {
				d.Description = d.Title
			}
			if d.IRI == "" {
				got.IRI = ""
			}
			if said := diff.Diff(d, got); said != "" {
				t.Errorf("%s %s (-want +got):\n%s", path, d.IRI, said)
			}
		}
	})
	t.Logf("%d datasets with %d statements beyond our fields; the longest text has %d bytes, of a link %d", datasets, statements, longest, longestLink)
	if datasets < 300 || statements < 3000 {
		t.Error("the test looks at too little")
	}
}

// describe is a description of a dataset and its one distribution, in Turtle.
func describedIn(dataset, distribution string) []byte {
	return []byte(`@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . @prefix foaf: <http://xmlns.com/foaf/0.1/> .
		@prefix vcard: <http://www.w3.org/2006/vcard/ns#> . @prefix adms: <http://www.w3.org/ns/adms#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
		@prefix odrl: <http://www.w3.org/ns/odrl/2/> . @prefix eu: <http://publications.europa.eu/resource/authority/> . @prefix x: <https://x.example/> .
		x:d a dcat:Dataset ; dct:title "T"@en ; dcat:distribution x:dist ` + dataset + ` .
		x:dist a dcat:Distribution ; dcat:accessURL x:a ` + distribution + ` .`)
}

// TestRest: what has no field is kept, what a field takes whole is not kept twice, and what may not
// be kept is named.
func TestRest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ dataset, distribution, rdf, link, note string }{
		"nothing": {},
		"a frequency": {
			dataset: `; dct:accrualPeriodicity eu:frequency\/ANNUAL`,
			rdf:     "<> dct:accrualPeriodicity <http://publications.europa.eu/resource/authority/frequency/ANNUAL> .\n",
		},
		"what fields take": {
			dataset: `; dct:language eu:language\/DEU ; dct:spatial eu:country\/DEU ; dct:publisher [ a foaf:Agent ; foaf:name "P" ] ;
				dcat:contactPoint [ a vcard:Kind ; vcard:hasEmail <mailto:a@x.example> ]`,
			distribution: `; dct:format "CSV" ; dct:title "A"`,
		},
		"a publisher with a name of its own": {
			dataset: `; dct:publisher x:p . x:p a foaf:Agent ; foaf:name "P" ; dct:title "not so"`,
			rdf:     "<> dct:publisher <https://x.example/p> .\n<https://x.example/p> a foaf:Agent ;\n    foaf:name \"P\" .\n",
			note:    "dct:publisher: not kept: dct:title",
		},
		"contacts": {
			dataset: `; dcat:contactPoint [ vcard:hasEmail <mailto:a@x.example> ], [ vcard:hasEmail <mailto:b@x.example> ]`,
			rdf:     "<> dcat:contactPoint [ vcard:hasEmail <mailto:b@x.example> ] .\n",
		},
		"another dataset": {
			dataset: `; dct:relation x:other . x:other a dcat:DatasetSeries ; dct:license x:free ; foaf:name "O"`,
			rdf:     "<> dct:relation <https://x.example/other> .\n",
			note:    "dct:relation: not kept: dct:license, foaf:name",
		},
		"a nameless dataset": {
			dataset: `; dct:relation [ a dcat:DatasetSeries ; dct:title "O" ]`,
			note:    "dct:relation: not kept, as it describes something else of a catalogue: dcat:DatasetSeries",
		},
		"a sample": {
			dataset: `; adms:sample x:s . x:s a dcat:Distribution ; dcat:accessURL x:s.csv`,
			rdf:     "<> adms:sample [ a dcat:Distribution ;\n        dcat:accessURL <https://x.example/s.csv> ] .\n",
			note:    "adms:sample: kept without its name",
		},
		"terms": {
			dataset: `; odrl:hasPolicy [ a odrl:Offer ]`,
			note:    "odrl:hasPolicy: terms are put by themselves",
		},
		"terms of the distribution": {
			distribution: `; odrl:hasPolicy [ a odrl:Offer ] ; dct:accessRights eu:access-right\/PUBLIC`,
			link:         "<> dct:accessRights <http://publications.europa.eu/resource/authority/access-right/PUBLIC> .\n",
			note:         "dcat:distribution: not kept: odrl:hasPolicy",
		},
		"an identifier of a scheme": {
			dataset: `; adms:identifier [ a adms:Identifier ; skos:notation "1"^^x:scheme ], [ a adms:Identifier ; skos:notation "2" ]`,
			rdf:     "<> adms:identifier [ a adms:Identifier ;\n        skos:notation \"1\"^^<https://x.example/scheme> ] .\n",
		},
		"titles of the distribution": {
			distribution: `; dct:title "A"@de, "B"@en ; dcat:downloadURL x:file`,
			link:         "<> dct:title \"A\"@de, \"B\"@en ;\n    dcat:accessURL <https://x.example/a> ;\n    dcat:downloadURL <https://x.example/file> .\n",
		},
		"formats": {
			distribution: `; dct:format eu:file-type\/CSV, "other" ; dcat:mediaType <https://www.iana.org/assignments/media-types/text/csv>`,
			link:         "<> dct:format \"other\" ;\n    dcat:mediaType <https://www.iana.org/assignments/media-types/text/csv> .\n",
		},
		"not sayable": {
			dataset: `; x:1 "a" ; x:p "\u0001" ; x:q <urn:guichet:x> ; x:r [ x:r x:r ]`,
			rdf:     "<> <https://x.example/r> [ <https://x.example/r> <https://x.example/r> ] .\n",
			note:    "https://x.example/1: not kept, as it is no property that every serialisation can say",
		},
	} {
		d, err := Read(rdf.Turtle, describedIn(c.dataset, c.distribution), "")
		if err != nil || len(d.Links) != 1 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		link, _ := strings.CutPrefix(d.Links[0].RDF, "@base <https://x.example/dist> .\n")
		if d.RDF != c.rdf || link != c.link {
			t.Errorf("%s:\n%s%s\nwant\n%s%s", name, d.RDF, link, c.rdf, c.link)
		}
		if c.note != "" && !strings.Contains(strings.Join(d.Notes, "\n"), c.note) {
			t.Errorf("%s: %q, want %q", name, d.Notes, c.note)
		}
	}
}

// TestLandingPage: it is kept, and leads to the data where nothing else does; a Guichet's own is not.
func TestLandingPage(t *testing.T) {
	t.Parallel()
	const head = `@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . <https://x.example/d> a dcat:Dataset ;
		dct:title "T" ; dcat:landingPage <https://x.example/page> `
	d, err := Read(rdf.Turtle, []byte(head+"."), "")
	if err != nil || len(d.Links) != 1 || d.Links[0].URL != "https://x.example/page" || d.RDF != "<> dcat:landingPage <https://x.example/page> .\n" {
		t.Errorf("%+v, %v", d, err)
	}
	again := rewrite(t, d)
	if again.RDF != d.RDF || !slices.Equal(again.Links, d.Links) {
		t.Errorf("%+v", again)
	}
	d, err = Read(rdf.Turtle, []byte(head+"; <urn:guichet:page> <https://x.example/page> ."), "")
	if err != nil || len(d.Links) != 0 || d.RDF != "" {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestSameRecord: the order of statements and the names of blank nodes change nothing.
func TestSameRecord(t *testing.T) {
	t.Parallel()
	const head = `@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . @prefix x: <https://x.example/> . `
	a, errA := Read(rdf.Turtle, []byte(head+`x:d a dcat:Dataset ; dct:title "T" ; x:p [ x:a 1 ], [ x:a 2 ], "b", "a" ; x:o _:z . _:z x:q 1, "q" .`), "")
	b, errB := Read(rdf.Turtle, []byte(head+`_:b x:q "q", 1 . x:d x:o _:b ; x:p "a", _:c, "b", _:a . _:a x:a 1 . _:c x:a 2 . x:d dct:title "T" ; a dcat:Dataset .`), "")
	if said := diff.Diff(a, b); errA != nil || errB != nil || said != "" || a.RDF == "" {
		t.Errorf("%v %v %s", errA, errB, said)
	}
}

// TestKeptBounds: what would be too much is left out and named; the rest stays.
func TestKeptBounds(t *testing.T) {
	t.Parallel()
	d, err := Read(rdf.Turtle, describedIn(`; x:big "`+strings.Repeat("x", MaxRDF)+`" ; x:small "y"`, `; x:big "`+strings.Repeat("x", MaxLinkRDF)+`"`), "")
	notes := strings.Join(d.Notes, "\n")
	if err != nil || d.RDF != "<> <https://x.example/small> \"y\" .\n" || !strings.Contains(notes, "x.example/big: not kept") ||
		!strings.Contains(notes, "dcat:distribution/https://x.example/big: not kept") {
		t.Errorf("%q, %s, %v", d.RDF, notes, err)
	}
	var many strings.Builder // a blank node that leads to two of the next, each to two of the next
	many.WriteString("; x:p _:n0 .")
	for i := range 40 {
		many.WriteString(strings.NewReplacer("A", strconv.Itoa(i), "B", strconv.Itoa(i+1)).Replace(" _:nA x:a _:nB ; x:b _:nB ."))
	}
	d, err = Read(rdf.Turtle, describedIn(many.String()+" _:n40 x:p 1", ""), "")
	if err != nil || len(d.RDF) > MaxRDF {
		t.Errorf("%d bytes, %v", len(d.RDF), err)
	}
}
