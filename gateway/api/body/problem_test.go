package body

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"guichet/gateway/problem"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// What huma finds wrong with an input becomes our problem: where, in words, at most ten, and
// nothing of what was sent.
func TestInputProblems(t *testing.T) {
	t.Parallel()
	fault := func(location, message string) error {
		return &huma.ErrorDetail{Location: location, Message: message, Value: "secret"}
	}
	many := make([]error, 13)
	for i := range many {
		many[i] = fault(fmt.Sprintf("body.items[%d].rows", i), "expected number >= 0")
	}
	ours := problem.Of(schemas.BadField("x", "/y", "ours"), nil)
	for _, c := range []struct {
		name   string
		status int
		errs   []error
		want   string
	}{
		{"a member", 422, []error{fault("body.a[0].b", "expected string")},
			`422 The input has faults: [{/a/0/b this is a text: write it in quotes}]`},
		{"a query", 422, []error{fault("query.limit", "expected integer")}, `422 The input has faults: [{limit write a whole number}]`},
		{"the body", 422, []error{fault("body", "expected object")},
			`422 The input has faults: [{ this has members: write it like {name: value}}]`},
		{"another error", 400, []error{errors.New("broken")}, `400 The input has faults: [{ broken}]`},
		{"too large", 413, nil, `413 Too large: []`},
		{"not there", 404, nil, `404 Not found: []`},
		{"ours", 422, []error{ours}, `422 The input has faults: [{/y ours}]`},
		{"one that is carried", 422, []error{fault("body", inputFault{schemas.BadField("x", "/z", "carried")}.Error())},
			`422 The input has faults: [{/z carried}]`},
		{"many", 422, many[:11], `{ and 1 more}]`},
		{"more", 422, many, `{/items/9/rows write a number of at least 0} { and 3 more}]`},
	} {
		p, ok := Problem(c.status, "validation failed", c.errs).(*schemas.Problem)
		if !ok {
			t.Fatalf("%s is no problem of ours", c.name)
		}
		got := fmt.Sprintf("%d %s: %v", p.Status, p.Title, p.Errors)
		if !strings.HasSuffix(got, c.want) || strings.Contains(got, "secret") {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	p, _ := Problem(500, "panic: secret", nil).(*schemas.Problem)
	if p.Detail != "something went wrong on our side" || p.Errors != nil {
		t.Errorf("a fault of ours is told as %+v", p)
	}
}

// A document is read as the operations read it, for whoever wants its faults before.
func TestReadDataset(t *testing.T) {
	t.Parallel()
	for body, media := range map[string]string{`{"space":"agriculture","title":{"en":"Wheat"}}`: "application/json", "space: agriculture\ntitle: {en: Wheat}\n": "application/yaml"} {
		d, err := ReadDataset(media, []byte(body))
		if err != nil || d.Space != "agriculture" || d.Title["en"] != "Wheat" {
			t.Errorf("%s: %+v, %v", media, d, err)
		}
	}
	for _, c := range []struct{ media, body, text string }{
		{"application/json", `{"space":7}`, "this is not a dataset: "},
		{"application/json", `{"space":"energy","space":"agriculture"}`, "twice"},
		{"application/json", `{`, "the document ends in the middle (line 1)"},
		{"application/yaml", "space: [", "YAML"},
		{"application/yaml", "titel: x\n", "titel"},
		{"application/yaml", "title: {en: \"a\\0b\"}\n", "the document holds the character NUL"},
	} {
		_, err := ReadDataset(c.media, []byte(c.body))
		agreementtest.Refused(t, c.body, err, schemas.Invalid, c.text)
	}
}
