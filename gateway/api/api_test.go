package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/gateway/api/rights"
	"guichet/gateway/problem"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// described is the OpenAPI document, as far as these tests read it.
type described struct {
	Paths map[string]map[string]struct {
		OperationID string                     `json:"operationId"`
		Responses   map[string]json.RawMessage `json:"responses"`
	} `json:"paths"`
}

func describedBy(t *testing.T, s *site) described {
	t.Helper()
	var d described
	w := s.want(200, "", "GET /openapi.json", "")
	agreementtest.Must(t, json.Unmarshal(w.Body.Bytes(), &d))
	return d
}

// Every operation that takes a body stands in the table of rights, and the table has no
// other; the gate finds them by their routes.
func TestEveryBodyHasItsRight(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	unseen := rights.All()
	n := 0
	for path, methods := range describedBy(t, s).Paths {
		route := strings.NewReplacer("{", ":", "}", "").Replace(path)
		for method, op := range methods {
			n++
			right, ok := s.gate.Right(strings.ToUpper(method), route)
			if method == "get" {
				if ok {
					t.Errorf("%s is read, and has a right", op.OperationID)
				}
				continue
			}
			if _, listed := unseen[op.OperationID]; !ok || !listed || right.What == "" && !right.Open {
				t.Errorf("%s is open to nobody: %+v", op.OperationID, right)
			}
			delete(unseen, op.OperationID)
		}
	}
	for _, id := range []string{"ask-to-join", "answer-application", "withdraw-asking", "invite", "look-at-invitation", "accept-invitation",
		"withdraw-invitation", "remove-member", "save-search", "look-at-search", "remove-search", "put-call", "close-call", "apply-to-call",
		"answer-call-application", "withdraw-call-application", "withdraw-distributions"} { // of packages below, whose tests call them
		delete(unseen, id)
	}
	if len(unseen) > 0 || n < 40 {
		t.Errorf("of %d operations none is one of %v", n, unseen)
	}
	if _, ok := s.gate.Right("POST", "/nowhere"); ok {
		t.Error("a route that is not there has a right")
	}
}

// The document says what each operation answers when all is well.
func TestGoodStatus(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for path, methods := range describedBy(t, s).Paths {
		for method, op := range methods {
			want := fmt.Sprint(goodStatus(op.OperationID))
			if _, ok := op.Responses[want]; !ok {
				t.Errorf("%s %s (%s) answers none of its good status %s", method, path, op.OperationID, want)
			}
			for _, status := range []string{"401", "403", "404", "422", "503"} {
				if _, ok := op.Responses[status]; !ok {
					t.Errorf("%s does not say that it may answer %s", op.OperationID, status)
				}
			}
		}
	}
	for id, want := range map[string]int{"register-dataset": 201, "publish-version": 202, "get-dataset": 200, "withdraw-dataset": 200,
		"mint-lease": 201} {
		if got := goodStatus(id); got != want {
			t.Errorf("%s: %d, want %d", id, got, want)
		}
	}
}

// Faults of several members come at once, each where it stands.
func TestFaultsOfAnInput(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := s.want(422, "boss", "POST /participants", `{"id":"https://x.example","name":"","country":"F","kind":"club","colour":"red"}`)
	var p schemas.Problem
	agreementtest.Must(t, json.Unmarshal(w.Body.Bytes(), &p))
	var at []string
	for _, e := range p.Errors {
		at = append(at, e.Pointer)
	}
	slices.Sort(at)
	if d := cmp.Diff([]string{"", "/colour", "/country", "/kind", "/name"}, at); d != "" ||
		w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%v (-want +got):\n%s\n%s", w.Header(), d, w.Body)
	}
	s.want(404, "boss", "GET /nowhere", "")
	if w := s.call("boss", "PUT /participants", `{}`); w.Code != 404 && w.Code != 405 {
		t.Errorf("another method: %d", w.Code)
	}
}

// ETags are revisions, and If-Match reads them back.
func TestETags(t *testing.T) {
	t.Parallel()
	for revision, want := range map[int64]string{0: "", 1: `"1"`, 42: `"42"`} {
		if got := etag(revision); got != want {
			t.Errorf("%d: %s", revision, got)
		}
	}
	for header, want := range map[string]int64{"": 0, "*": 0, `"1"`: 1, `W/"42"`: 42, "7": 7} {
		got, err := IfMatch{header}.revision()
		if err != nil || got != want {
			t.Errorf("%s reads %d, %v", header, got, err)
		}
	}
	for _, header := range []string{`"0"`, `"-1"`, `"x"`, `"1", "2"`, `""`, `"99999999999999999999"`} {
		_, err := IfMatch{header}.revision()
		agreementtest.Refused(t, header, err, schemas.Invalid, "[If-Match: ", "is not a valid ETag]")
	}
}

// A list is never null, and says where its next page is.
func TestLists(t *testing.T) {
	t.Parallel()
	empty := listOf[int](nil, "")
	if b, err := json.Marshal(empty.Body); err != nil || string(b) != `{"items":[]}` || empty.Link != "" {
		t.Errorf("%s %q, %v", b, empty.Link, err)
	}
	more := listOf([]int{1}, "abc")
	if more.Link != `<?cursor=abc>; rel="next"` || more.Body.Next != "abc" {
		t.Errorf("%+v", more)
	}
}

// Bodies come and go in YAML and JSON-LD at the operations themselves.
func TestOperationsInOtherFormats(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	yaml := []string{"Content-Type", "application/yaml", "Accept", "application/yaml"}
	w := s.wantWith(
		yaml,
		201,
		"hal",
		"POST /datasets",
		"space: agriculture\ntitle: {en: Wheat}\ndescription: {en: Yields}\nlicence: CC-BY-4.0\ncountries: [FR]\n",
		"provider: https://holder.example",
	)
	s.vars["ds"] = strings.TrimPrefix(w.Header().Get("Location"), "/api/v1/datasets/")
	s.wantWith(yaml, 422, "hal", "POST /datasets", "space: agriculture\ntitel: x\n", "titel", "line 2")
	ld := []string{"Accept", "application/ld+json"}
	w = s.wantWith(ld, 200, "", "GET /datasets/$ds", "")
	if d, err := dcatap.Read(rdf.JSONLD, w.Body.Bytes(), ""); err != nil || d.Title["en"] != "Wheat" ||
		w.Header().Get("Content-Type") != "application/ld+json" {
		t.Errorf("%v %v", err, w.Header())
	}
	s.wantWith(
		[]string{"Content-Type", "application/ld+json"},
		200,
		"hal",
		"PUT /datasets/$ds/offer",
		`{"@context":"http://www.w3.org/ns/odrl.jsonld","@type":"Offer","uid":"https://x.example/o","permission":[{"action":"use"}]}`,
		`"kind":"permission"`,
	)
	s.wantWith([]string{"Content-Type", "application/ld+json"}, 422, "hal", "PUT /datasets/$ds/offer",
		`{"@context":"http://www.w3.org/ns/odrl.jsonld","@type":"Offer","permission":[{"action":"print"}]}`, `/permission/0/action`)
	s.wantWith([]string{"Content-Type", "application/ld+json"}, 422, "boss", "POST /projects",
		`{"@id":"urn:x","@type":"http://www.w3.org/ns/odrl/2/Offer"}`)
	for _, path := range []string{"/datasets/$ds", "/spaces", "/factories"} {
		s.wantWith([]string{"Accept", "*/*"}, 200, "", "GET "+path, "")
	}
}

// A database that does not answer, and a fault of ours, are told without what they said.
func TestFaultsOfOursAreNotTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, gone := context.WithCancel(t.Context())
	gone()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/factories", http.NoBody)
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	if w.Code < 500 || strings.Contains(w.Body.String(), "SELECT") {
		t.Errorf("a database that does not answer: %d %s", w.Code, w.Body)
	}
	p := problem.Of(errors.New("secret"), slog.New(slog.DiscardHandler))
	if b, err := json.Marshal(p); err != nil || strings.Contains(string(b), "secret") || p.Instance == "" {
		t.Errorf("a fault of ours is told: %s, %v", b, err)
	}
}
