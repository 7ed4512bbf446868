package page

import (
	"slices"
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

// Stood is what shows the terms of an agreement as they stood when it was made. recorded is their digest by the record, ""
// where that is not at hand; of terms from which the API left names out, another digest says nothing.
func (v *Visit) Stood(a *schemas.Agreement, recorded string) map[string]any {
	whole := v.Has(schemas.RoleOfficer) || v.Has(schemas.RoleOperator) || v.Me != nil && v.Me.Participant == a.Provider
	return map[string]any{"of": a, "recorded": recorded, "whole": whole}
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

// duty says a duty in words, with the table where it is for one.
func duty(r *words.Reader, d *schemas.Duty) string {
	said := demand(r, d)
	if d.Table != "" {
		said = r.T("duty.intable", "What", said, "Table", d.Table)
	}
	return said
}

// demand says what a duty demands.
func demand(r *words.Reader, d *schemas.Duty) string {
	columns := r.List(d.Columns)
	switch d.Kind {
	case schemas.DutyHide:
		return r.T("duty.hide", "Columns", columns)
	case schemas.DutyPseudonymise:
		switch {
		case d.Domain != "" && len(d.With) == 0:
			return r.T("duty.jointown", "Columns", columns, "Domain", d.Domain)
		case d.Domain != "":
			return r.T("duty.joint", "Columns", columns, "Domain", d.Domain, "Parties", r.List(d.With))
		}
		return r.T("duty.pseudonymise", "Columns", columns)
	case schemas.DutyGeneralise:
		return r.T("duty.generalise", "Columns", columns, "To", Named(r, "step.", d.To))
	case schemas.DutyFilter:
		if d.Filter == nil {
			return d.Kind
		}
		return r.T("duty.filter", "Rows", filter(r, d.Filter))
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

// mostCompared is how many values of a comparison are read out.
const mostCompared = 50

// filter says in words which rows it lets stay.
func filter(r *words.Reader, f *schemas.Filter) string {
	join := func(list []schemas.Filter, id string) string {
		parts := make([]string, len(list))
		for i := range list {
			parts[i] = filter(r, &list[i])
			if len(list) > 1 && len(list[i].And)+len(list[i].Or) > 1 {
				parts[i] = "(" + parts[i] + ")"
			}
		}
		return strings.Join(parts, " "+r.T(id)+" ")
	}
	op := f.Op
	switch {
	case len(f.And) > 0:
		return join(f.And, "and")
	case len(f.Or) > 0:
		return join(f.Or, "or")
	case f.Not != nil && f.Not.Op == "in":
		f, op = f.Not, "notin"
	case f.Not != nil:
		return r.T("filter.not", "Condition", filter(r, f.Not))
	}
	values := slices.Clone(f.Values[:min(len(f.Values), mostCompared)])
	for i, v := range values {
		if v == "" || strings.TrimSpace(v) != v || len(values) > 1 && strings.Contains(v, ",") {
			values[i] = r.T("filter.quoted", "Value", v)
		}
	}
	said := strings.Join(values, r.T("list.comma"))
	if more := len(f.Values) - len(values); more > 0 {
		said += " " + r.T("filter.more", "Number", more)
	}
	return r.T("condition", "What", f.Column, "Is", Named(r, "filter.", op), "Values", said)
}
