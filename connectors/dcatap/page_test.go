package dcatap

import (
	"strconv"
	"strings"
	"testing"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// TestReadPage: the next page is found in both of Hydra's vocabularies, in each serialisation,
// and a faulty dataset does not spoil the page.
func TestReadPage(t *testing.T) {
	t.Parallel()
	const prefixes = `@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
		@prefix hydra: <http://www.w3.org/ns/hydra/core#> . <https://x.example/1> a dcat:Dataset ; dct:title "one" . <https://x.example/2> a dcat:Dataset . `
	for name, c := range map[string]struct {
		format rdf.Format
		doc    string
		next   string
		total  int64
	}{
		"view":      {rdf.Turtle, prefixes + `<?page=1> a hydra:PartialCollectionView ; hydra:next <?page=2> . <> hydra:totalItems 17 .`, "https://x.example/all?page=2", 17},
		"paged":     {rdf.Turtle, prefixes + `<?page=1> a hydra:PagedCollection ; hydra:nextPage "https://x.example/all?page=2" ; hydra:totalItems "17" .`, "https://x.example/all?page=2", 17},
		"the last":  {rdf.Turtle, prefixes + `<?page=9> a hydra:PartialCollectionView ; hydra:first <?page=1> .`, "", 0},
		"elsewhere": {rdf.Turtle, prefixes + `<?page=1> hydra:next <file:///etc/hostname> ; hydra:totalItems "many" .`, "", 0},
		"JSON-LD": {rdf.JSONLD, `{"@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "hydra": "http://www.w3.org/ns/hydra/core#"},
			"@graph": [{"@id": "https://x.example/1", "@type": "dcat:Dataset", "dct:title": "one"}, {"@id": "https://x.example/2", "@type": "dcat:Dataset"},
			{"@type": "hydra:PartialCollectionView", "hydra:next": {"@id": "?page=2"}, "hydra:totalItems": 17}]}`, "https://x.example/all?page=2", 17},
	} {
		p, err := ReadPage(c.format, []byte(c.doc), "https://x.example/all")
		if err != nil || p.Next != c.next || p.Total != c.total || len(p.Items) != 2 || p.Items[0].Err != nil || p.Items[1].Err == nil {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	_, err := ReadPage(rdf.Turtle, []byte(strings.Repeat("<a", 3)), "")
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("no RDF: %v, want Invalid", err)
	}
}

// TestPageBounds: what is made to be dear is refused, a dataset by itself where it can be, and
// what the page says of its next one is read all the same.
func TestPageBounds(t *testing.T) {
	t.Parallel()
	const prefixes = `@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
		@prefix hydra: <http://www.w3.org/ns/hydra/core#> . <> hydra:next <?page=2> .
		<https://x.example/1> a dcat:Dataset ; dct:title "one" . <https://x.example/2> a dcat:Dataset ; dct:title "two" `
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "N", strconv.Itoa(i)))
		}
		return b.String()
	}
	for name, c := range map[string]struct{ more, why string }{
		"values":        {"; dcat:keyword 0" + many(maxRead, ", N"), "values"},
		"licences":      {many(maxLicences+1, "; dct:license <https://l.example/N> "), "licences"},
		"one licence":   {many(1000, "; dcat:distribution [ dcat:accessURL <https://x.example/N/get> ; dct:license <https://l.example/1> ] "), ""},
		"few licences":  {many(maxLicences, "; dct:license <https://l.example/N> "), ""},
		"distributions": {many(8000, "; dcat:distribution [ dcat:accessURL <https://x.example/N/get> ] "), ""},
	} {
		p, err := ReadPage(rdf.Turtle, []byte(prefixes+c.more+"."), "https://x.example/all")
		if err != nil || len(p.Items) != 2 || p.Items[0].Err != nil || p.Next == "" {
			t.Errorf("%s: %d, %q, %v", name, len(p.Items), p.Next, err)
			continue
		}
		if err := p.Items[1].Err; (err != nil) != (c.why != "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", name, err, c.why)
		}
	}
	shared := prefixes + "; dcat:distribution <d> . <d> dct:title 0" + many(30_000, ", N") + " . " +
		many(200, "<https://x.example/shares/N> a dcat:Dataset ; dct:title \"x\" ; dcat:distribution <d> . ")
	if _, err := ReadPage(rdf.Turtle, []byte(shared), "https://x.example/all"); schemas.KindOf(err) != schemas.TooLarge {
		t.Errorf("shared: %v, want TooLarge", err)
	}
}

// TestPageTellsNoNotes: nobody reads what of a harvested dataset is not kept, and what else stands
// on its page, which had each dataset look at all others.
func TestPageTellsNoNotes(t *testing.T) {
	t.Parallel()
	p, err := ReadPage(rdf.Turtle, []byte(`@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
		<https://x.example/1> a dcat:Dataset ; dct:title "one" ; dct:subject "s" . <https://x.example/p> a dct:Agent .`), "https://x.example/")
	if err != nil || len(p.Items) != 1 || len(p.Items[0].Dataset.Notes) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}
