package search

import (
	"bytes"
	"strings"
	"testing"

	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// Who finds nothing is told which words keep it from being found.
func TestSearchTellsWhatIsNear(t *testing.T) {
	var b bytes.Buffer
	f := schemas.Found{Near: []schemas.Near{{Words: "wheat yield", Without: []string{"predict"}, Total: 3}, {Words: "predict", Instead: map[string]string{"yeild": "yield"}, Without: []string{"wheat"}, Total: 1200}}}
	err := Cmd{Words: []string{"predict", "wheat yeild"}}.show(&terminal.Terminal{Out: &b}, &f, true)
	want := "no dataset matches all of predict wheat yeild; without predict: 3; with yield instead of yeild, without wheat: 1 200\n"
	if err != nil || b.String() != want {
		t.Errorf("%q, %v; want %q", b.String(), err, want)
	}
}

// What the gateway notes is told, found or not.
func TestSearchTellsNotes(t *testing.T) {
	for want, f := range map[string]*schemas.Found{
		"no dataset matches\nno dataset has country XX\n": {Notes: []string{"no dataset has country XX"}},
		"1 dataset\nfoo is not a filter\n":                {Notes: []string{"foo is not a filter"}, Total: 1, Items: []schemas.Hit{{ID: "ds-1"}}},
	} {
		var b bytes.Buffer
		err := Cmd{Words: []string{"foo:x"}}.show(&terminal.Terminal{Out: &b}, f, true)
		if err != nil || !strings.HasPrefix(b.String(), want) {
			t.Errorf("%q, %v; want %q", b.String(), err, want)
		}
	}
}

// A flag that is given several times has all of its values.
func TestQuery(t *testing.T) {
	q, asked := Cmd{Words: []string{"wheat", "yield"}, Country: []string{"BE", "DE"}, Sort: "size"}.query("limit", "5")
	for _, want := range []string{"q=wheat+yield", "country=BE%2CDE", "sort=size", "limit=5"} {
		if !strings.Contains(q, want) || !asked {
			t.Errorf("%s: no %s, %v", q, want, asked)
		}
	}
	if _, asked := (Cmd{Sort: "size"}).query(); asked {
		t.Error("an order asks for nothing")
	}
}
