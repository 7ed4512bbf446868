// Package hit tells what a search says of each dataset that it found.
//
// In: a dataset that the caller sees, the decision on it and facts about it. Out: the hit. Always: of a
// version it tells what the terms show, of what is held elsewhere where that is. It must not decide.
package hit

import (
	"slices"
	"strings"

	"guichet/connectors/rdf/about"
	"guichet/policy"
	"guichet/policy/agreement/mark"
	"guichet/schemas"
)

// holders are the links to where a dataset is held: its distributions', else its own name, where
// that is an address.
func holders(d *schemas.Dataset) []schemas.Link {
	if len(d.Links) == 0 && strings.HasPrefix(d.IRI, "http") {
		return []schemas.Link{{URL: d.IRI}}
	}
	out := slices.Clone(d.Links)
	for i := range out {
		out[i].RDF = "" // for who looks at the dataset
	}
	return out
}

// Of is what a search tells of a dataset that it found: by is who searches, dec what the dataset means
// to it.
func Of(by schemas.Principal, d *schemas.Dataset, dec *schemas.Decision, facts schemas.Facts) schemas.Hit {
	h := schemas.Hit{
		ID:          d.ID,
		Title:       d.Title,
		Space:       d.Space,
		Publisher:   d.Publisher,
		Provider:    d.Provider,
		Licence:     d.Licence,
		Licences:    d.Licences,
		Attribution: d.Attribution,
		Countries:   d.Countries,
		Reasons:     dec.Reasons,
		Notes:       dec.Notes,
		Left:        dec.Left,
		Facts:       facts,
	}
	if d.Latest != nil {
		v := policy.ShownVersion(by, d, *d.Latest)
		h.Rows, h.Bytes, h.Version = v.Rows, v.Bytes, v.Version
	}
	h.Access = mark.Of(d, dec)
	if h.Access == schemas.MarkElsewhere {
		h.Links, h.Reasons = holders(d), []schemas.Reason{
			{Rule: "dataset.elsewhere", Source: "the catalogue", Text: "known here, held elsewhere", Remedy: "follow the link to its holder"},
		}
		if r, said := accessRight(d); said {
			h.Reasons = append(h.Reasons, r)
		}
	}
	return h
}

// accessRight is what the holder of a dataset that lies elsewhere says of who gets it, where that is not
// everybody.
func accessRight(d *schemas.Dataset) (schemas.Reason, bool) {
	words := about.RightInWords(about.AccessRight(d))
	remedy := "follow the link to its holder"
	if d.Contact != "" {
		remedy = "ask its holder: " + d.Contact
	}
	return schemas.Reason{
		Rule: "dataset.access-right", Source: "its holder's description (dct:accessRights)", Text: words, Remedy: remedy,
	}, words != ""
}
