package search

import (
	"bytes"
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
