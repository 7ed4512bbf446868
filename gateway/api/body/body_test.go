package body

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"guichet/connectors/dcatap"
	"guichet/connectors/odrl"
	"guichet/connectors/rdf"
	"guichet/connectors/yaml"
	"guichet/schemas"
)

type answer[T any] struct{ Body T }

type datasetIn struct{ Body schemas.Dataset }

type offerIn struct{ Body OfferBody }

// echo is an API that answers with what it read.
func echo(t *testing.T) http.Handler {
	t.Helper()
	gin.SetMode(gin.TestMode)
	before := huma.NewError
	t.Cleanup(func() { huma.NewError = before })
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError { return Problem(status, msg, errs) }
	g := gin.New()
	c := huma.DefaultConfig("test", "1")
	c.CreateHooks = nil
	c.Formats = Formats("https://guichet.example")
	a := humagin.New(g, c)
	huma.Put(a, "/dataset", func(_ context.Context, in *datasetIn) (*answer[schemas.Dataset], error) {
		return &answer[schemas.Dataset]{in.Body}, nil
	})
	huma.Put(a, "/offer", func(_ context.Context, in *offerIn) (*answer[OfferBody], error) {
		return &answer[OfferBody]{in.Body}, nil
	})
	huma.Get(a, "/agreement", func(context.Context, *struct{}) (*answer[schemas.Agreement], error) {
		return &answer[schemas.Agreement]{schemas.Agreement{ID: "agr-1", Participant: "https://t.example", Provider: "https://p.example"}}, nil
	})
	return g
}

func send(h http.Handler, method, path, contentType, accept, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	err := json.Unmarshal(w.Body.Bytes(), &v)
	if err != nil {
		t.Fatalf("%v\n%d %s", err, w.Code, w.Body)
	}
	return v
}

func TestBodiesInEveryFormat(t *testing.T) {
	h := echo(t)
	want := schemas.Dataset{IRI: "https://x.example/d", Space: "energy", Title: schemas.Text{"en": "Wind"}, Themes: []string{"ENER"}}
	for contentType, body := range map[string]string{
		"application/json":                   `{"iri": "https://x.example/d", "space": "energy", "title": {"en": "Wind"}, "themes": ["ENER"]}`,
		"application/yaml":                   "iri: https://x.example/d\nspace: energy\ntitle: {en: Wind}\nthemes: [ENER]\n",
		"application/x-yaml; charset=utf-8":  "iri: https://x.example/d\nspace: energy\ntitle: {en: Wind}\nthemes: [ENER]\n",
		"application/ld+json; charset=utf-8": `{"@id": "https://x.example/d", "@type": "http://www.w3.org/ns/dcat#Dataset", "http://purl.org/dc/terms/title": {"@value": "Wind", "@language": "en"}, "http://www.w3.org/ns/dcat#theme": {"@id": "http://publications.europa.eu/resource/authority/data-theme/ENER"}}`,
		`application/ld+json;profile="http://mlcommons.org/croissant/1.1"`: `{"@context": {"@language": "en", "@vocab": "https://schema.org/"}, "@type": "Dataset", "url": "https://x.example/d", "name": "Wind"}`,
		"text/turtle":           "PREFIX dcat: <http://www.w3.org/ns/dcat#>\n<https://x.example/d> a dcat:Dataset ; <http://purl.org/dc/terms/title> 'Wind'@en ; dcat:theme <http://publications.europa.eu/resource/authority/data-theme/ENER> .",
		"application/n-triples": "<https://x.example/d> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/ns/dcat#Dataset> .\n<https://x.example/d> <http://purl.org/dc/terms/title> \"Wind\"@en .\n<https://x.example/d> <http://www.w3.org/ns/dcat#theme> <http://publications.europa.eu/resource/authority/data-theme/ENER> .\n",
		"application/rdf+xml":   `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dct="http://purl.org/dc/terms/" xmlns:dcat="http://www.w3.org/ns/dcat#"><dcat:Dataset rdf:about="https://x.example/d"><dct:title xml:lang="en">Wind</dct:title><dcat:theme rdf:resource="http://publications.europa.eu/resource/authority/data-theme/ENER"/></dcat:Dataset></rdf:RDF>`,
	} {
		w := send(h, http.MethodPut, "/dataset", contentType, "application/json", body)
		want := want
		if strings.Contains(contentType, "croissant") { // which has no word for the space and the theme
			want.Space, want.Themes = "", nil
		}
		if diff := cmp.Diff(want, decode[schemas.Dataset](t, w)); w.Code != http.StatusOK || diff != "" {
			t.Errorf("%s: %d (-want +got):\n%s", contentType, w.Code, diff)
		}
	}
	constraint := schemas.Constraint{Left: "spatial", Operator: "eq", Right: []string{"FR"}}
	rules := []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: &constraint}}
	for contentType, body := range map[string]string{
		"application/json":    `{"rules": [{"kind": "permission", "actions": ["use"], "constraint": {"left": "spatial", "operator": "eq", "right": ["FR"]}}]}`,
		"application/yaml":    "rules:\n  - kind: permission\n    actions: [use]\n    constraint: {left: spatial, operator: eq, right: [FR]}\n",
		"application/ld+json": `{"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Offer", "uid": "https://x.example/o", "permission": [{"action": "use", "constraint": [{"leftOperand": "spatial", "operator": "eq", "rightOperand": "FR"}]}]}`,
	} {
		w := send(h, http.MethodPut, "/offer", contentType, "application/json", body)
		if diff := cmp.Diff(OfferBody{Rules: rules}, decode[OfferBody](t, w)); w.Code != http.StatusOK || diff != "" {
			t.Errorf("%s: %d (-want +got):\n%s", contentType, w.Code, diff)
		}
	}
}

func TestFaultsOfEveryFormat(t *testing.T) {
	h := echo(t)
	for name, c := range map[string]struct {
		path, contentType, body string
		status                  int
		pointer, word           string
	}{
		"yaml key":    {"/dataset", "application/yaml", "space: energy\ntitle: {en: Wind}\ntitel: x\n", 422, "/titel", "line 3"},
		"yaml broken": {"/dataset", "application/yaml", "space: [\n", 422, "", "not YAML"},
		"yaml offer":  {"/offer", "application/yaml", "rules: []\nreviw: true\n", 422, "", "not known here"},
		"no title": {"/dataset", "application/ld+json",
			`{"@id": "https://x.example/d", "@type": "http://www.w3.org/ns/dcat#Dataset"}`, 422, "/title", "title"},
		"action": {"/offer", "application/ld+json",
			`{"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Offer", "permission": [{"action": "print"}]}`, 422,
			"/permission/0/action", "odrl:print"},
		"no JSON": {"/offer", "application/ld+json", "{\n\"@context\": ", 422, "/@context", "line 2"},
		"wrong noun": {"/offer", "application/ld+json",
			`{"@id": "https://x.example/d", "@type": "http://www.w3.org/ns/dcat#Dataset", "http://purl.org/dc/terms/title": "secret"}`, 422, "", ""},
		"unknown media":  {"/dataset", "text/csv", "a,b", 415, "", ""},
		"broken Turtle":  {"/dataset", "text/turtle; charset=utf-8", "\n<a> <b> c:d .", 422, "", `line 2: this is not Turtle: undefined prefix "c"`},
		"broken RDF/XML": {"/dataset", "application/rdf+xml", `<!DOCTYPE a><a/>`, 422, "", "line 1: a document type"},
		"untitled":       {"/dataset", "text/turtle", "<https://x.example/d> a <http://www.w3.org/ns/dcat#Dataset> .", 422, "/title", "title"},
		"Turtle offer":   {"/offer", "text/turtle", "<https://x.example/d> a <http://www.w3.org/ns/dcat#Dataset> ; <http://purl.org/dc/terms/title> \"t\" .", 422, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := send(h, http.MethodPut, c.path, c.contentType, "application/json", c.body)
			p := decode[schemas.Problem](t, w)
			if w.Code != c.status || w.Header().Get("Content-Type") != "application/problem+json" || len(p.Errors) == 0 {
				t.Fatalf("%d %s %+v", w.Code, w.Header(), p)
			}
			if !strings.HasPrefix(p.Errors[0].Pointer, c.pointer) || !strings.Contains(p.Errors[0].Message, c.word) {
				t.Errorf("%+v", p.Errors)
			}
			if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "guichet-problem") {
				t.Errorf("the answer echoes what it should not: %s", w.Body)
			}
		})
	}
}

func TestAnswersInLinkedData(t *testing.T) {
	h := echo(t)
	w := send(
		h,
		http.MethodPut,
		"/dataset",
		"application/json",
		"application/ld+json",
		`{"iri": "https://x.example/d", "space": "energy", "title": {"en": "Wind", "de": "Wind"}}`,
	)
	d, err := dcatap.Read(rdf.JSONLD, w.Body.Bytes(), "")
	if err != nil || w.Header().Get("Content-Type") != "application/ld+json" || d.Title["de"] != "Wind" || d.Space != "energy" {
		t.Errorf("%v %s %+v", err, w.Header(), d)
	}
	w = send(h, http.MethodGet, "/agreement", "", "application/ld+json", "")
	_, err = odrl.Parse(w.Body.Bytes())
	if err == nil || !strings.Contains(err.Error(), "odrl:Agreement") || !strings.Contains(w.Body.String(), "urn:guichet:agreement:agr-1") {
		t.Errorf("%v %s", err, w.Body)
	}
	w = send(h, http.MethodPut, "/dataset", "application/json", "application/yaml", `{"space": "energy", "title": {"en": "Wind"}}`)
	d, err = yaml.ReadDataset(w.Body.Bytes())
	if err != nil || d.Title["en"] != "Wind" {
		t.Errorf("%v %s", err, w.Body)
	}
	w = send(h, http.MethodPut, "/offer", "application/json", "*/*", `{"template": "research-only"}`)
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("anything goes: %s", got)
	}
}

// TestForeign: what others describe in JSON is read as a dataset, whatever JSON it is called, and only
// where a dataset is wanted.
func TestForeign(t *testing.T) {
	for name, c := range map[string]struct{ doc, title string }{
		"a package of CKAN": {`{"id": "a", "title": "Wind", "owner_org": "o", "resources": []}`, "Wind"},
		"its answer":        {`{"success": true, "result": {"id": "a", "title": "Wind", "owner_org": "o", "resources": []}}`, "Wind"},
		"a data package":    {`{"name": "wind", "resources": [{"path": "wind.csv"}]}`, "wind"},
		"OEMetadata":        {`{"@context": "https://x.example/c", "title": "Wind", "metaMetadata": {}, "resources": []}`, "Wind"},
	} {
		for _, mediaType := range []string{"application/json", "application/ld+json"} {
			d, err := ReadDataset(mediaType, []byte(c.doc))
			if err != nil || d.Title[""] != c.title {
				t.Errorf("%s as %s: %+v, %v", name, mediaType, d, err)
			}
		}
		var plain any
		err := readLD([]byte(c.doc), &plain)
		members, _ := plain.(map[string]any)
		if _, is := members["title"].(map[string]any); err != nil || !is {
			t.Errorf("%s for huma: %v, %v", name, plain, err)
		}
		var offer OfferBody
		if err := readLD([]byte(c.doc), &offer); err == nil && offer.Title != nil {
			t.Errorf("%s is taken for an offer: %+v", name, offer)
		}
	}
	_, err := ReadDataset("application/json", []byte(`{"id": "a", "title": "W", "title": "V", "owner_org": "o", "resources": []}`))
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "twice") {
		t.Errorf("%v", err)
	}
}
