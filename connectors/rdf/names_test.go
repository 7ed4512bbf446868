package rdf_test

import (
	"strings"
	"testing"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// No object of plain JSON has a name twice, also in another case.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		doc   string
		full  bool
		fault string // "" for none
		at    string
	}{
		{`{"a":1,"b":[{"a":null},{"a":2}]}`, false, "", ""},
		{`{"a":1,"b":{"c":1,"c":2}}`, false, "twice", "/b/c"},
		{`[{"a":1,"\u0061":2}]`, false, "twice", "/0/a"},
		{`{"kind":1,"KIND":2}`, false, "case", "/KIND"},
		{`{"mask":1,"ma\u017fk":2}`, false, "case", "/maſk"}, // a long s, which encoding/json takes for an s
		{`{"rules":{"b":null}}`, true, "null", "/rules/b"},
		{`{"rules":[1,null]}`, true, "null", "/rules/1"},
		{`{"hide":null}`, true, "", ""},
		{strings.Repeat("[", 65) + strings.Repeat("]", 65), false, "nested", ""},
	} {
		err := rdf.Names([]byte(c.doc), c.full)
		e, ok := err.(*schemas.Error) //nolint:errorlint // as it is made
		switch {
		case c.fault == "" && err == nil:
		case !ok || len(e.Fields) != 1 || c.at != "" && e.Fields[0].Pointer != c.at || !strings.Contains(e.Fields[0].Message, c.fault) || c.fault == "":
			t.Errorf("%s: %v, want %q at %q", c.doc, err, c.fault, c.at)
		}
	}
}
