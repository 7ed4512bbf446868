package contacts

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"guichet/schemas"
)

// Whom to ask is an address, and for a data space that there is.
func TestCheck(t *testing.T) {
	t.Parallel()
	spaces := []schemas.SpaceProfile{{ID: "health"}, {ID: "energy"}}
	for name, c := range map[string]struct {
		said  Helpers
		wrong string // "" for nothing
	}{
		"nothing":       {Helpers{}, ""},
		"mail":          {Helpers{Site: "help@guichet.example", Spaces: map[schemas.SpaceID]string{"health": "https://health.example/ask"}}, ""},
		"no address":    {Helpers{Site: "ask somebody"}, `contacts.site: "ask somebody" is no address`},
		"a script":      {Helpers{Site: "javascript:alert"}, "is no address"},
		"no space":      {Helpers{Spaces: map[schemas.SpaceID]string{"helth": "a@b.example"}}, `no data space "helth"`},
		"space without": {Helpers{Spaces: map[schemas.SpaceID]string{"energy": ""}}, "contacts.spaces"},
	} {
		err := c.said.Check("contacts", spaces)
		if (c.wrong == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Factories are asked for page by page; of those that name nobody, nobody is named.
func TestFactories(t *testing.T) {
	t.Parallel()
	pages := map[string][]schemas.Factory{
		"":  {{ID: "leonardo", Contact: "help@leonardo.example"}, {ID: "silent"}},
		"b": {{ID: "lumi", Contact: "https://lumi.example/help"}},
	}
	next := map[string]string{"": "b"}
	all, err := Helpers{Site: "help@guichet.example"}.with(t.Context(), func(_ context.Context, after string, limit int) ([]schemas.Factory, string, error) {
		if limit != most {
			t.Errorf("%d are asked for at once", limit)
		}
		return pages[after], next[after], nil
	})
	want := map[schemas.FactoryID]string{"leonardo": "help@leonardo.example", "lumi": "https://lumi.example/help"}
	if err != nil || all.Site != "help@guichet.example" || !maps.Equal(all.Factories, want) {
		t.Errorf("%+v, %v", all, err)
	}
	broken := errors.New("the database is away")
	_, err = Helpers{}.with(t.Context(), func(context.Context, string, int) ([]schemas.Factory, string, error) { return nil, "", broken })
	if !errors.Is(err, broken) {
		t.Errorf("a fault is told as %v", err)
	}
}
