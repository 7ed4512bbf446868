package page

import (
	"strings"

	"guichet/gateway/web/words"
	"guichet/schemas"
)

// ruleShown is a rule of an offer in words.
type ruleShown struct {
	ID         string
	Words      string   // what is permitted or not
	Conditions []string // all of which hold
	Duties     []string
}

// rules says the terms in words, in the order in which they stand.
func rules(r *words.Reader, o *schemas.Offer) []ruleShown {
	out := make([]ruleShown, 0, len(o.Rules))
	for i := range o.Rules {
		rule := &o.Rules[i]
		actions := make([]string, len(rule.Actions))
		for j, a := range rule.Actions {
			actions[j] = Named(r, "action.", a)
		}
		id := "offer.permitted"
		if rule.Kind == schemas.Prohibition {
			id = "offer.prohibited"
		}
		shown := ruleShown{ID: rule.ID, Words: r.T(id, "Actions", r.List(actions))}
		switch c := rule.Constraint; {
		case c == nil:
		case len(c.And) > 0:
			for j := range c.And {
				shown.Conditions = append(shown.Conditions, condition(r, &c.And[j]))
			}
		default:
			shown.Conditions = []string{condition(r, c)}
		}
		for j := range rule.Duties {
			shown.Duties = append(shown.Duties, duty(r, &rule.Duties[j]))
		}
		out = append(out, shown)
	}
	return out
}

// condition says a constraint in words.
func condition(r *words.Reader, c *schemas.Constraint) string {
	join := func(list []schemas.Constraint, id string) string {
		parts := make([]string, len(list))
		for i := range list {
			parts[i] = condition(r, &list[i])
			if len(list[i].And)+len(list[i].Or) > 0 {
				parts[i] = "(" + parts[i] + ")"
			}
		}
		return strings.Join(parts, " "+r.T(id)+" ")
	}
	if len(c.And) > 0 {
		return join(c.And, "and")
	}
	if len(c.Or) > 0 {
		return join(c.Or, "or")
	}
	values := make([]string, len(c.Right))
	for i, v := range c.Right {
		values[i] = v
		if c.Left == "purpose" {
			values[i] = r.Purpose(v)
		}
	}
	return r.T("condition", "What", Named(r, "left.", c.Left), "Is", Named(r, "operator.", c.Operator), "Values",
		strings.Join(values, r.T("list.comma")))
}

// duty says a duty in words.
func duty(r *words.Reader, d *schemas.Duty) string {
	columns := r.List(d.Columns)
	switch d.Kind {
	case schemas.DutyHide:
		return r.T("duty.hide", "Columns", columns)
	case schemas.DutyPseudonymise:
		if d.Domain != "" {
			return r.T("duty.joint", "Columns", columns, "Domain", d.Domain, "Parties", r.List(d.With))
		}
		return r.T("duty.pseudonymise", "Columns", columns)
	case schemas.DutyGeneralise:
		return r.T("duty.generalise", "Columns", columns, "To", Named(r, "step.", d.To))
	case schemas.DutyFilter:
		return r.T("duty.filter")
	case schemas.DutyBudget:
		if d.Rows > 0 {
			return r.T("duty.rows", "Count", d.Rows)
		}
		return r.T("duty.bytes", "Size", r.Size(d.Bytes))
	case schemas.DutyFactory:
		if len(d.Values) > 0 {
			return r.T("duty.factory", "Places", r.List(d.Values))
		}
		return r.T("duty.place")
	case schemas.DutyAttribute:
		return r.T("duty.attribute", "Text", d.Text)
	}
	return d.Kind
}
