package page

import (
	"slices"

	"guichet/schemas"
)

// Helper is whom to ask.
type Helper struct {
	For     string // the message helper.FOR: dataset, space, factory or site
	Contact string // an address of mail or of the web
}

// contacts are what the API says of who helps.
type contacts struct {
	Site      string                       `json:"site"`
	Spaces    map[schemas.SpaceID]string   `json:"spaces"`
	Factories map[schemas.FactoryID]string `json:"factories"`
}

// Helpers are whom to ask about a dataset at a place, and about this site, in this order. Where the API does not
// say now who they are, the page stands without them.
func (v *Visit) Helpers(d *schemas.Dataset, at schemas.FactoryID) []Helper {
	var all contacts
	_ = v.API.Get(v.Ctx(), "/contacts", &all) // what happened matters more than whom to ask
	out := []Helper{{"site", all.Site}}
	if d != nil {
		out = []Helper{{"dataset", d.Contact}, {"space", all.Spaces[d.Space]}, {"factory", all.Factories[at]}, {"site", all.Site}}
	}
	return slices.DeleteFunc(out, func(h Helper) bool { return h.Contact == "" })
}
