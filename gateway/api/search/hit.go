package search

import (
	"slices"
	"strings"

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

// HitOf is what a search tells of a dataset and the decision about it.
func HitOf(by schemas.Principal, d *schemas.Dataset, dec *schemas.Decision) schemas.Hit {
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
	}
	return h
}
