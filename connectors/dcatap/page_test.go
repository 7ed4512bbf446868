package dcatap

import (
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
