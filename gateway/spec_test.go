package gateway_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is the API's description as it is published beside the other schemas.
var golden = filepath.Join("..", "schemas", "openapi", "openapi.json")

// spec is the OpenAPI document that a gateway serves about itself.
type spec struct {
	raw   []byte
	doc   map[string]any
	paths map[string]any
	mu    sync.Mutex
	c     *jsonschema.Compiler
	seen  map[string]*jsonschema.Schema
}

func readSpec(t *testing.T, s *site) *spec {
	t.Helper()
	r := s.want(200, "", "GET", "/openapi.json", nil)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(r.body))
	must(t, err)
	p := &spec{raw: []byte(r.body), doc: doc.(map[string]any), c: jsonschema.NewCompiler(), seen: map[string]*jsonschema.Schema{}}
	p.c.DefaultDraft(jsonschema.Draft2020)
	must(t, p.c.AddResource("urn:openapi", doc))
	p.paths = p.doc["paths"].(map[string]any)
	return p
}

// operation finds the template that a path matches.
func (p *spec) operation(method, path string) (template string, op map[string]any) {
	path, _, _ = strings.Cut(path, "?")
	want := strings.Split(path, "/")
	best := -1
	for t, item := range p.paths {
		have := strings.Split(t, "/")
		if len(have) != len(want) {
			continue
		}
		literal, ok := 0, true
		for i := range have {
			switch {
			case have[i] == want[i]:
				literal++
			case !strings.HasPrefix(have[i], "{"):
				ok = false
			}
		}
		o, is := item.(map[string]any)[strings.ToLower(method)].(map[string]any)
		if ok && is && literal > best {
			template, op, best = t, o, literal
		}
	}
	return template, op
}

// check holds an answer against the document. What the document does not describe
// (pages, byte doors) is not judged.
func (p *spec) check(t testing.TB, method, path string, r reply) {
	t.Helper()
	kind, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	if r.status >= 400 && method != http.MethodHead {
		checkProblem(t, method, path, r)
	}
	template, op := p.operation(method, path)
	if op == nil || r.body == "" {
		return
	}
	responses := op["responses"].(map[string]any)
	status := strconv.Itoa(r.status)
	answer, ok := responses[status].(map[string]any)
	if !ok {
		status = "default"
		answer, ok = responses[status].(map[string]any)
	}
	if !ok {
		t.Errorf("%s %s answers %d, which the document does not name", method, path, r.status)
		return
	}
	content, _ := answer["content"].(map[string]any)
	media, ok := content[kind].(map[string]any)
	if !ok {
		if kind == "application/json" || kind == "application/problem+json" {
			t.Errorf("%s %s answers %d as %s, which the document does not name", method, path, r.status, kind)
		}
		return
	}
	if media["schema"] == nil || !strings.HasSuffix(kind, "json") { // bytes are no JSON
		return
	}
	schema := p.compile(t, "#/paths/"+escape(template)+"/"+strings.ToLower(method)+"/responses/"+status+"/content/"+escape(kind)+"/schema")
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(r.body))
	if err == nil {
		err = schema.Validate(v)
	}
	if err != nil {
		t.Errorf("%s %s: the answer is not what the document says: %v\n%.1000s", method, path, err, r.body)
	}
}

func escape(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(s)
}

func (p *spec) compile(t testing.TB, pointer string) *jsonschema.Schema {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.seen[pointer]; s != nil {
		return s
	}
	s, err := p.c.Compile("urn:openapi" + pointer)
	if err != nil {
		t.Fatalf("the document's %s is not a schema: %v", pointer, err)
	}
	p.seen[pointer] = s
	return s
}

// checkProblem: every refusal is an RFC 9457 body whose status is the answer's.
func checkProblem(t testing.TB, method, path string, r reply) {
	t.Helper()
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	kind := r.header.Get("Content-Type")
	if kind != "application/problem+json" {
		t.Errorf("%s %s answers %d as %q, not as application/problem+json\n%.300s", method, path, r.status, kind, r.body)
		return
	}
	r.as(t, &p)
	if p.Status != r.status || !strings.HasPrefix(p.Type, "urn:guichet:problem:") || p.Title == "" || p.Detail == "" {
		t.Errorf("%s %s answers %d with the problem %+v", method, path, r.status, p)
	}
}

// The description is a golden file: a change of the API shows as a change of it.
func TestOpenAPIGolden(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var doc any
	must(t, json.Unmarshal(s.spec.raw, &doc))
	info := doc.(map[string]any)["info"].(map[string]any)
	info["version"] = "0"
	got, err := json.MarshalIndent(doc, "", " ")
	must(t, err)
	got = append(got, '\n')
	if *update {
		must(t, os.MkdirAll(filepath.Dir(golden), 0o755))
		must(t, os.WriteFile(golden, got, 0o644))
		return
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("the API's description changed; look at it, then run go test ./gateway -run OpenAPIGolden -update (-want +got):\n%s", cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")))
	}
}

// Every schema in the description compiles, every operation says who it is, and no
// path is served without the document naming it.
func TestOpenAPIIsValid(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if v := s.spec.doc["openapi"]; v != "3.1.0" {
		t.Errorf("openapi is %v, want 3.1.0", v)
	}
	for name := range s.spec.doc["components"].(map[string]any)["schemas"].(map[string]any) {
		s.spec.compile(t, "#/components/schemas/"+escape(name))
	}
	ids := map[string]string{}
	for path, item := range s.spec.paths {
		for method, o := range item.(map[string]any) {
			op := o.(map[string]any)
			id, _ := op["operationId"].(string)
			if id == "" || op["summary"] == nil || ids[id] != "" {
				t.Errorf("%s %s has the id %q (also of %q) and the summary %v", method, path, id, ids[id], op["summary"])
			}
			ids[id] = method + " " + path
		}
	}
	if len(ids) < 25 {
		t.Errorf("only %d operations are described", len(ids))
	}
}
