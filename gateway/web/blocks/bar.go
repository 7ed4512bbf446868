package blocks

import (
	"slices"

	"guichet/schemas"
)

// barRule is the id of the rule by which a provider bars organisations for good: a stop ends what they have, the
// rule keeps them from asking anew.
const barRule = "barred"

// Barred are the organisations that terms bar.
func Barred(o *schemas.Offer) []string {
	if o == nil {
		return nil
	}
	for i := range o.Rules {
		if isBar(&o.Rules[i]) {
			return o.Rules[i].Constraint.Right
		}
	}
	return nil
}

func isBar(r *schemas.Rule) bool {
	return r.ID == barRule && r.Kind == schemas.Prohibition && r.Constraint != nil && r.Constraint.Left == "recipient"
}

// Barring gives terms that bar these organisations, and else are as they were.
func Barring(o schemas.Offer, who []string) schemas.Offer {
	o.Rules = slices.DeleteFunc(slices.Clone(o.Rules), func(r schemas.Rule) bool { return isBar(&r) })
	if len(who) > 0 {
		o.Rules = append(o.Rules, schemas.Rule{ID: barRule, Kind: schemas.Prohibition, Actions: []string{"use"},
			Constraint: &schemas.Constraint{Left: "recipient", Operator: "isAnyOf", Right: who}})
	}
	return o
}
