package rdf

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

func expandDoc(doc string) (*Document, error) {
	return Expand([]byte(doc), Options{Base: "https://x.example/", Limits: Limits{Bytes: 4 << 20, Depth: 64, Values: 1 << 18}})
}

// terms is a context of n terms, n > 0.
func terms(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"t%d": "https://x.example/%d",`, i, i)
	}
	return "{" + strings.TrimSuffix(b.String(), ",") + "}"
}

func repeat(s string, n int) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }

// Documents made to take long end early, with a reason.
func TestHostileDocuments(t *testing.T) {
	for name, c := range map[string]struct {
		doc  string
		kind schemas.Kind
	}{
		"many terms":      {`{"@context": ` + terms(3000) + `, "t0": "x"}`, schemas.TooLarge},
		"many contexts":   {`{"@graph": [` + repeat(`{"@context": {"a": "b:c"}, "a": "x"}`, 50000) + `]}`, schemas.TooLarge},
		"many names":      {`{"@context": [` + repeat(`"http://www.w3.org/ns/odrl.jsonld"`, 20000) + `]}`, schemas.TooLarge},
		"scoped":          {`{"@context": {"T": {"@id": "https://x.example/T", "@context": ` + terms(100) + `}}, "@graph": [` + repeat(`{"@type": "T"}`, 50000) + `]}`, schemas.Invalid},
		"imported":        {`{"@context": {"@import": "http://www.w3.org/ns/odrl.jsonld"}}`, schemas.Invalid},
		"values":          {"[" + repeat("1", 1<<18) + "]", schemas.TooLarge},
		"depth":           {strings.Repeat("[", 1000) + strings.Repeat("]", 1000), schemas.Invalid},
		"a file":          {`{"@context": "file:///etc/passwd"}`, schemas.Invalid},
		"a name as JSON":  {`"https://x.example/"`, schemas.Invalid},
		"not UTF-8":       {"{\"a\": \"\xff\"}", schemas.Invalid},
		"a context in it": {`{"@context": {"a": {"@id": "b:c", "@context": "https://x.example/c"}}}`, schemas.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := expandDoc(c.doc)
			if err == nil || schemas.KindOf(err) != c.kind {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTimeIsBounded(t *testing.T) {
	doc := `{"@context": "https://semiceu.github.io/DCAT-AP/releases/3.0.1/context/dcat-ap.jsonld", "@graph": [` + repeat(`{"@type": "Dataset"}`, 20000) + `]}`
	_, err := Expand([]byte(doc), Options{Limits: Limits{Bytes: 1 << 20, Depth: 64, Values: 1 << 18, Time: time.Millisecond}})
	if schemas.KindOf(err) != schemas.TooLarge {
		t.Error(err)
	}
}

func TestTag(t *testing.T) {
	for in, want := range map[string]string{"": "", "EN": "en", "pt-br": "pt-BR", "ZH-hant-tw": "zh-Hant-TW", "en-t-nl": "en-t-nl", "de-1996": "de-1996"} {
		if got := Tag(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestCodes(t *testing.T) {
	c, err := LoadCodes()
	if err != nil {
		t.Fatal(err)
	}
	unions, err := schemas.Unions()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range unions["EEA"] {
		iri, ok := c.PlaceIRI(code)
		back, known := c.Place(iri)
		if !ok || !known || back != code {
			t.Errorf("%s: %s, %s", code, iri, back)
		}
	}
	for iri, want := range map[string]string{Authority + "country/GRC": "GR", "https://publications.europa.eu/resource/authority/country/FRA": "FR", "https://w3id.org/dpv/loc#EEA": "EEA", Authority + "country/QQQ": "", "https://x.example/FRA": ""} {
		got, ok := c.Place(iri)
		if got != want && ok {
			t.Errorf("%s: %q", iri, got)
		}
	}
	for iri, want := range map[string]string{"ELL": "el", "FRA": "fr", "GLE": "ga", "ENG": "en"} {
		if got, ok := c.Language(Authority + "language/" + iri); !ok || got != want {
			t.Errorf("%s: %s", iri, got)
		}
	}
}

func TestEmbeddedContextsLoad(t *testing.T) {
	for _, name := range schemas.JSONLDContexts() {
		_, err := expandDoc(`{"@context": "` + name + `", "@id": "https://x.example/a", "@type": "https://x.example/T"}`)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Bounds hold over the bytes: nothing is made of a document that is beyond them.
func TestBound(t *testing.T) {
	l := Limits{Bytes: 1 << 20, Depth: 8, Values: 100}
	for name, c := range map[string]struct {
		doc  string
		fine bool
	}{
		"fine":         {`{"a": ["[[[[[[[[[[", {"b": "\"]"}]}`, true},
		"deep":         {strings.Repeat("[", 9), false},
		"in a string":  {`"` + strings.Repeat("[", 9) + `"`, true},
		"values":       {"[" + strings.Repeat("1,", 201) + "1]", false},
		"name":         {`{"` + strings.Repeat("n", 3000) + `": 1}`, false},
		"bytes":        {strings.Repeat(" ", 1<<20+1), false},
		"cut short":    {`{"a": "b`, true},
		"half escaped": {`"\`, true},
	} {
		if err := Bound([]byte(c.doc), l); (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := Limits{Bytes: 4 << 20, Depth: 64, Values: 1 << 20} // names above many values would stand in every pointer
	if err := Bound([]byte(`{"`+strings.Repeat("n", 2000)+`": [`+strings.Repeat("1,", 20_000)+`1]}`), many); err == nil {
		t.Error("long names above many values are read")
	}
}

// TestContexts: every context that is embedded is one that a processor takes, with what it imports.
func TestContexts(t *testing.T) {
	t.Parallel()
	for _, name := range schemas.JSONLDContexts() {
		doc, err := expandDoc(fmt.Sprintf(`{"@context": %q, "@id": "https://x.example/a", "@type": "https://x.example/T", "https://x.example/p": "v"}`, name))
		if err != nil || len(doc.Nodes) != 1 || len(List(doc.Nodes[0], "https://x.example/p")) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, class := range []string{"Catalog", "Dataset", "ContractOfferMessage", "ContractAgreementMessage", "TransferRequestMessage"} {
		_, err := expandDoc(fmt.Sprintf(`{"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": %q, "@id": "urn:a:b"}`, class))
		if err != nil {
			t.Errorf("%s: %v", class, err)
		}
	}
}
