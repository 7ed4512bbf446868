package policy

import (
	"fmt"
	"regexp"
	"slices"

	"guichet/schemas"
)

// A licence is the provider's word beside the terms. Nothing here decides by it: the terms
// do. But where it is narrower than they are, whoever reads a yes is told.
var (
	licenceNonCommercial = regexp.MustCompile(`(?i)(^|[^a-z])nc([^a-z]|$)|non-?commercial`)
	licenceNoDerivatives = regexp.MustCompile(`(?i)(^|[^a-z])nd([^a-z]|$)|no-?deriv`)
)

// licenceNotes says where the licence of a dataset asks for more than a yes of its terms
// has looked at. Licences are told by their SPDX ids or addresses (CC-BY-NC-4.0,
// …/licenses/by-nd/4.0/); of others nothing is said.
func (e *Engine) licenceNotes(d *schemas.Dataset, f Attributes) []string {
	var notes []string
	purpose := e.vocabulary.purposes[f.Purpose].ID
	free := slices.ContainsFunc(notForProfit(), func(p string) bool { return e.SamePurpose(p, purpose) })
	if licenceNonCommercial.MatchString(d.Licence) && !free {
		whether := "your use"
		if purpose != "" {
			whether = purpose
		}
		notes = append(
			notes,
			fmt.Sprintf(
				"the licence %s is for non-commercial use, and the terms do not ask for that: see that %s is non-commercial, or ask the provider",
				d.Licence, whether),
		)
	}
	if licenceNoDerivatives.MatchString(d.Licence) {
		notes = append(
			notes,
			fmt.Sprintf(
				"the licence %s lets nobody pass on what is derived from the data, and the terms do not say so: ask the provider what holds for a "+
					"model",
				d.Licence,
			),
		)
	}
	return notes
}

// TermsBesideLicence says to a provider where the terms of a dataset give more than its
// licence: they would say yes to uses that the licence may exclude.
func (e *Engine) TermsBesideLicence(d *schemas.Dataset) []string {
	if d.Offer == nil || !licenceNonCommercial.MatchString(d.Licence) {
		return nil
	}
	for i := range d.Offer.Rules {
		r := &d.Offer.Rules[i]
		if r.Kind == schemas.Permission && !e.onlyNotForProfit(r.Constraint) {
			return []string{
				fmt.Sprintf(
					"the licence %s is for non-commercial use, and these terms also permit other uses; the template non-commercial, or a constraint "+
						"on the purpose, would keep to it",
					d.Licence,
				),
			}
		}
	}
	return nil
}

// onlyNotForProfit says whether a constraint holds for non-commercial purposes alone.
func (e *Engine) onlyNotForProfit(c *schemas.Constraint) bool {
	switch {
	case c == nil:
		return false
	case len(c.And) > 0:
		return slices.ContainsFunc(c.And, func(k schemas.Constraint) bool { return e.onlyNotForProfit(&k) })
	case len(c.Or) > 0:
		return !slices.ContainsFunc(c.Or, func(k schemas.Constraint) bool { return !e.onlyNotForProfit(&k) })
	case c.Left != "purpose" || !slices.Contains([]string{"eq", "isA", "isAnyOf"}, c.Operator):
		return false
	}
	return !slices.ContainsFunc(c.Right, func(p string) bool {
		return !slices.ContainsFunc(notForProfit(), func(free string) bool { return e.SamePurpose(free, p) })
	})
}
