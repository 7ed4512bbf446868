// Package contacts is the API that says who helps.
//
// In: what the operator's settings say of the site and of data spaces, and what factories say of themselves. Out: whom
// to ask, for everybody. Always: nobody is named who was not named for it. Who helps with a dataset stands in its
// own description.
package contacts

import (
	"context"
	"net/http"

	"guichet/gateway/api"
	"guichet/schemas"
)

// Helpers are whom to ask when something is refused, waits, or goes wrong: addresses of mail or of the web.
type Helpers struct {
	Site   string                     `yaml:"site" json:"site,omitempty" doc:"who runs this counter"`
	Spaces map[schemas.SpaceID]string `yaml:"spaces" json:"spaces,omitempty" doc:"who answers for the rules of a data space"`
}

// Check says what is wrong with them; spaces are those that there are. Errors: Invalid, at the setting.
func (h Helpers) Check(setting string, spaces []schemas.SpaceProfile) error {
	if h.Site != "" && !schemas.IsContact(h.Site) {
		return schemas.BadField("settings", setting+".site", notOne, h.Site)
	}
	known := map[schemas.SpaceID]bool{}
	for _, s := range spaces {
		known[s.ID] = true
	}
	for id, contact := range h.Spaces {
		if !known[id] {
			return schemas.BadField("settings", setting+".spaces", "there is no data space %q here", id)
		}
		if !schemas.IsContact(contact) {
			return schemas.BadField("settings", setting+".spaces", notOne, contact)
		}
	}
	return nil
}

const notOne = "%q is no address of mail or of the web; write it like help@guichet.example or https://guichet.example/help"

// contacts are all of them.
type contacts struct {
	Helpers
	Factories map[schemas.FactoryID]string `json:"factories,omitempty" doc:"who helps at a factory"`
}

// Factories reads a page of factories, those after a cursor; "" is the first page, and what the last one gives.
type Factories func(ctx context.Context, after string, limit int) (some []schemas.Factory, next string, err error)

// most is how many factories are read at once.
const most = 1000

// with adds what factories say of themselves.
func (h Helpers) with(ctx context.Context, factories Factories) (contacts, error) {
	out := contacts{Helpers: h, Factories: map[schemas.FactoryID]string{}}
	for after, more := "", true; more; more = after != "" {
		some, next, err := factories(ctx, after, most)
		if err != nil {
			return contacts{}, err
		}
		for _, f := range some {
			if f.Contact != "" {
				out.Factories[f.ID] = f.Contact
			}
		}
		after = next
	}
	return out, nil
}

// Operations are those of contacts.
func Operations(h Helpers, factories Factories) func(*api.Operations) {
	return func(o *api.Operations) {
		api.Add(o, http.MethodGet, "/contacts", "list-contacts", "datasets",
			"Who helps: with this counter, the rules of a data space, a factory",
			func(ctx context.Context, _ *struct{ api.Caller }) (*api.One[contacts], error) {
				all, err := h.with(ctx, factories)
				if err != nil {
					return nil, err
				}
				return &api.One[contacts]{Body: all}, nil
			})
	}
}
