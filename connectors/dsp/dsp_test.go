package dsp

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/dcatap"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

const base = "http://127.0.0.1:19194/protocol/2025-1/catalog/request"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answers are what a real Eclipse EDC 0.15.1 answered.
func answers(t testing.TB, name string) (bodies [][]byte) {
	t.Helper()
	b, err := os.ReadFile(sharedtest.Path(t, "reference-data/dsp/edc-live", name))
	if err != nil {
		t.Fatal(err)
	}
	type exchange struct {
		Answer struct{ Body json.RawMessage }
	}
	var all []exchange
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("[")) {
		err = json.Unmarshal(b, &all)
	} else {
		all = make([]exchange, 1)
		err = json.Unmarshal(b, &all[0])
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		bodies = append(bodies, e.Answer.Body)
	}
	return bodies
}

func byIRI(items []dcatap.Item) map[string]schemas.Dataset {
	out := map[string]schemas.Dataset{}
	for _, i := range items {
		out[i.IRI] = i.Dataset
	}
	return out
}

// TestRealCatalogue: the catalogue of a real connector, with a rule-less offer and an id that is
// no IRI, is read whole; its offers are nobody's terms here.
func TestRealCatalogue(t *testing.T) {
	t.Parallel()
	items, err := Read(answers(t, "02-catalog.json")[0], base)
	must(t, err)
	for _, i := range items {
		if i.Err != nil {
			t.Errorf("%s: %v", i.IRI, i.Err)
		}
	}
	all := byIRI(items)
	ward := all["urn:uuid:6f1b5a1e-0000-4000-8000-000000000001"]
	heat := all["http://127.0.0.1:19194/protocol/2025-1/catalog/datasets/asset-heat"]
	links := []schemas.Link{{URL: "http://127.0.0.1:19194/protocol/2025-1", Title: "connector, by the Dataspace Protocol HttpData-PULL"}}
	if ward.Title[""] != "Ward table" || !reflect.DeepEqual(ward.Links, links) || ward.Offer != nil {
		t.Errorf("%+v", ward)
	}
	slices.Sort(heat.Keywords)
	if heat.Title[""] != "Heat load 2025" || heat.Description[""] != "Invented hourly heat load" || !slices.Equal(heat.Keywords, []string{"energy", "heat"}) ||
		heat.Publisher != "edc-provider" {
		t.Errorf("%+v", heat)
	}
	again, err := Read(answers(t, "02-catalog.json")[0], base)
	if err != nil || !reflect.DeepEqual(byIRI(again), all) {
		t.Errorf("read again it says something else: %v", err)
	}
}

// TestOtherAnswers: an empty catalogue has no dataset; what is no catalogue is refused by its type.
func TestOtherAnswers(t *testing.T) {
	t.Parallel()
	items, err := Read(answers(t, "01-empty-catalog.json")[0], base)
	if err != nil || len(items) > 0 {
		t.Errorf("%+v, %v", items, err)
	}
	for _, name := range []string{"20-unknown-dataset.json", "22-catalog-no-auth.json", "24-garbage-token.json", "32-no-context.json"} {
		for _, b := range answers(t, name) {
			_, err := Read(b, base)
			if schemas.KindOf(err) != schemas.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestOlderVersions: their answers are refused by name, not read as empty.
func TestOlderVersions(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"50-catalog-2024-1.json", "51-catalog-v0.8.json"} {
		for _, b := range answers(t, name) {
			items, err := Read(b, base)
			if schemas.KindOf(err) != schemas.Invalid || len(items) > 0 || !strings.Contains(err.Error(), "before 2025-1") {
				t.Errorf("%s: %d items, %v", name, len(items), err)
			}
		}
	}
}

// TestNames: an id that is an IRI is the dataset's; any other is asked for at the connector.
func TestNames(t *testing.T) {
	t.Parallel()
	r := &reader{root: "https://edc.example/2025-1"}
	for id, want := range map[string]string{
		"urn:uuid:1": "urn:uuid:1", "https://data.example/1": "https://data.example/1",
		"asset-1": r.root + "/catalog/datasets/asset-1", "a/b c": r.root + "/catalog/datasets/a%2Fb%20c", ":x": r.root + "/catalog/datasets/:x",
		"a:<script>": r.root + "/catalog/datasets/a:%3Cscript%3E",
	} {
		if got := r.iri(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

// TestDistributions: each connector that gives a dataset is named once; where none is, the one that was
// asked; what is no web address is none.
func TestDistributions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"two formats of one": {`[{"format": "HttpData-PULL", "accessService": {"endpointURL": "https://a.example/p"}},
			{"format": "HttpData-PUSH", "accessService": {"endpointURL": "https://a.example/p"}}]`, []string{"https://a.example/p"}},
		"two connectors": {`[{"accessService": {"endpointURL": "https://a.example/p"}}, {"accessService": {"endpointURL": "https://b.example/p"}}]`,
			[]string{"https://a.example/p", "https://b.example/p"}},
		"one that stands alone": {`{"accessService": {"endpointURL": "https://a.example/p"}}`, []string{"https://a.example/p"}},
		"none":                  {`[]`, []string{"http://127.0.0.1:19194/protocol/2025-1"}},
		"odd ones": {`[5, null, {}, {"accessService": "x"}, {"accessService": {"endpointURL": "javascript:alert(1)"}},
			{"accessService": {"endpointURL": 7}}, {"accessService": {"endpointURL": "file:///etc"}}]`, []string{"http://127.0.0.1:19194/protocol/2025-1"}},
	} {
		items, err := Read([]byte(`{"@type": "Catalog", "dataset": [{"@id": "urn:x:1", "distribution": `+c.in+`}]}`), base)
		must(t, err)
		var got []string
		for _, l := range items[0].Dataset.Links {
			got = append(got, l.URL)
		}
		if !slices.Equal(got, c.want) || items[0].Dataset.Title[""] != "urn:x:1" {
			t.Errorf("%s: %q, %v", name, got, items[0].Err)
		}
	}
}

// TestValues: a value is what it would be in JSON-LD: a literal, a reference, or a thing that is
// described.
func TestValues(t *testing.T) {
	t.Parallel()
	r := &reader{prefixes: prefixes()}
	r.declared([]any{"https://w3id.org/dspace/2025/1/context.jsonld", map[string]any{"x": "https://x.example/ns#", "@vocab": "https://v.example/", "y": 5, "z": "no"}})
	const licence = nsDCT + "license"
	for name, c := range map[string]struct{ property, in, want string }{
		"a text":                    {nsDCT + "title", `"a"`, `[{"@value":"a"}]`},
		"an address that is a text": {nsDCT + "title", `"https://a.example"`, `[{"@value":"https://a.example"}]`},
		"an address that is one":    {licence, `"https://a.example"`, `[{"@id":"https://a.example"}]`},
		"a word for a thing":        {licence, `"CC-BY-4.0"`, `[{"@value":"CC-BY-4.0"}]`},
		"a reference":               {licence, `{"@id": "https://a.example"}`, `[{"@id":"https://a.example"}]`},
		"a language":                {nsDCT + "title", `{"@value": "a", "@language": "fr"}`, `[{"@language":"fr","@value":"a"}]`},
		"a datatype":                {nsDCT + "issued", `{"@value": "2020", "@type": "xsd:gYear"}`, `[{"@type":"http://www.w3.org/2001/XMLSchema#gYear","@value":"2020"}]`},
		"several":                   {nsDCAT + "keyword", `["a", ["b"], 3, true, null]`, `[{"@value":"a"},{"@value":"b"},{"@value":3},{"@value":true}]`},
		"a thing":                   {nsDCT + "publisher", `{"@type": "foaf:Agent", "foaf:name": "Us", "x:of": {"@id": 7}, "unknown": 1}`, `[{"@type":["http://xmlns.com/foaf/0.1/Agent"],"http://xmlns.com/foaf/0.1/name":[{"@value":"Us"}],"https://x.example/ns#of":[{}]}]`},
	} {
		var v any
		must(t, json.Unmarshal([]byte(c.in), &v))
		got, err := json.Marshal(r.values(c.property, v, 0))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, want %s; %v", name, got, c.want, err)
		}
	}
	for name, want := range map[string]string{
		"title": nsDCT + "title", "edc:name": nsDCT + "title", nsEDC + "description": nsDCT + "description", "dct:title": nsDCT + "title",
		"https://x.example/a": "https://x.example/a", "x:a": "https://x.example/ns#a", "version": "", "z:a": "z:a",
	} {
		if got, _ := r.property(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestTwice: of two datasets of one id the first counts, and neither is a mixture of both.
func TestTwice(t *testing.T) {
	t.Parallel()
	items, err := Read([]byte(`{"@type": "Catalog", "dataset": [{"@id": "urn:x:1", "title": "first"}],
		"catalog": [{"@type": "Catalog", "dataset": [{"@id": "urn:x:1", "title": {"@value": "second", "@language": "en"}, "keyword": "more"}]}]}`), base)
	if err != nil || len(items) != 1 || len(items[0].Dataset.Title) != 1 || items[0].Dataset.Title[""] != "first" || items[0].Dataset.Keywords != nil {
		t.Errorf("%+v, %v", items, err)
	}
}

// TestVersions: the version is found by its name, wherever it stands.
func TestVersions(t *testing.T) {
	t.Parallel()
	got, err := Path(answers(t, "00-dspace-version.json")[0])
	if err != nil || got != "/2025-1" {
		t.Errorf("%q, %v", got, err)
	}
	for in, want := range map[string]string{
		`{"protocolVersions": [{"version": "v0.8", "path": "/"}, {"version": "2025-1", "path": "/"}]}`: "",
		`{"protocolVersions": [{"version": "v0.8", "path": "/"}, {"version": "2024/1"}]}`:              "but v0.8, 2024/1",
		`{"protocolVersions": []}`: "but nothing else",
		`[]`:                       "not the JSON",
		`{`:                        "not the JSON",
	} {
		got, err := Path([]byte(in))
		if want == "" && (err != nil || got != "") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}

// TestProperties: properties are understood by their IRIs, by prefixes that the answer declares, and
// as EDC's own where they are nobody else's.
func TestProperties(t *testing.T) {
	t.Parallel()
	items, err := Read([]byte(`{"@context": ["https://w3id.org/dspace/2025/1/context.jsonld", {"d": "http://purl.org/dc/terms/"}],
		"@type": "dcat:Catalog", "participantId": "https://hospital.example", "dataset": {"@id": "urn:x:1", "@type": "Dataset",
		"name": "second", "edc:description": "also second", "d:title": [{"@value": "Wards", "@language": "en"}, {"@value": "Services", "@language": "fr"}],
		"http://www.w3.org/ns/dcat#theme": "http://publications.europa.eu/resource/authority/data-theme/HEAL",
		"dct:license": "http://publications.europa.eu/resource/authority/licence/CC_BY_4_0", "dcat:keyword": ["a", "b"], "count": 3, "odd:thing": true,
		"dct:temporal": {"@type": "dct:PeriodOfTime", "dcat:startDate": {"@value": "2020", "@type": "xsd:gYear"}, "dcat:endDate": "2021"}},
		"catalog": [{"@type": "Catalog", "participantId": "https://lab.example", "dataset": [{"@id": "urn:x:2", "title": "Within"}, {"@type": "Dataset"}, 5]}]}`), base)
	must(t, err)
	all := byIRI(items)
	d := all["urn:x:1"]
	if d.Title["en"] != "Wards" || d.Title["fr"] != "Services" || d.Description[""] != "also second" || d.Space != "health" || d.Licence != "CC-BY-4.0" ||
		d.Publisher != "https://hospital.example" || d.From != "2020" || d.Until != "2021" || len(d.Keywords) != 2 || len(d.Links) != 1 {
		t.Errorf("%+v", d)
	}
	if in := all["urn:x:2"]; in.Title[""] != "Within" || in.Publisher != "https://lab.example" {
		t.Errorf("%+v", in)
	}
	faulty := 0
	for _, i := range items {
		if i.Err != nil {
			faulty++
		}
	}
	if len(items) != 4 || faulty != 2 {
		t.Errorf("%d items, %d faulty", len(items), faulty)
	}
}

// TestBounds: what is too deep, too large, or nested without end is refused, or set aside alone.
func TestBounds(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"deep":         `{"@type": "Catalog", "dataset": ` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"many values":  `{"@type": "Catalog", "dataset": [` + strings.Repeat("1,", 3*maxValues) + `1]}`,
		"no JSON":      `{"@type": "Catalog"`,
		"another type": `{"@type": ["Catalog"]}`,
	} {
		_, err := Read([]byte(in), base)
		if k := schemas.KindOf(err); k != schemas.Invalid && k != schemas.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	in := `{"@type": "Catalog", "dataset": [{"@id": "urn:x:good", "title": "good"}], "catalog": `
	for range 7 {
		in += `[{"@type": "Catalog", "@id": "urn:x:within", "catalog": `
	}
	in += `[]` + strings.Repeat(`}]`, 7) + `}`
	items, err := Read([]byte(in), base)
	if err != nil || len(items) != 2 || items[0].Err != nil || items[1].Err == nil {
		t.Errorf("%+v, %v", items, err)
	}
}

// FuzzRead: an answer of strangers is read or refused.
func FuzzRead(f *testing.F) {
	if os.Getenv("GUICHET_SHARED") != "" {
		for _, name := range []string{"02-catalog.json", "50-catalog-2024-1.json"} {
			for _, b := range answers(f, name) {
				f.Add([]byte(b))
			}
		}
	}
	f.Add([]byte(`{"@type":"Catalog","dataset":[{"@id":"x","dct:title":{"@value":{}},"dcat:keyword":[[["a"]]]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := Read(b, base)
		if err != nil && len(items) > 0 {
			t.Error("an answer is refused and read")
		}
		for _, i := range items {
			if i.Err == nil && len(i.Dataset.Title) == 0 {
				t.Errorf("%q has no title", i.IRI)
			}
		}
		_, _ = Path(b)
	})
}

// TestRequest: the message is the protocol's.
func TestRequest(t *testing.T) {
	t.Parallel()
	var m map[string]any
	must(t, json.Unmarshal(Request(), &m))
	if m["@type"] != "CatalogRequestMessage" || !reflect.DeepEqual(m["@context"], []any{"https://w3id.org/dspace/2025/1/context.jsonld"}) || len(m) != 2 {
		t.Errorf("%v", m)
	}
}
