// Package blocks is terms as building blocks of a form: what a form says as an offer, and an offer as a form.
//
// In: the fields of a form as they were typed, or an offer with the tables of its dataset. Out: an offer, with the field
// from which each part of it comes, so that a fault of the API goes back to where it was typed; or fields. Always: what
// blocks say comes back as the same blocks, and terms that do not come back the same are said to be more than blocks can
// say, so that no form replaces them unasked. It must not judge terms, nor know pages.
//
//	block                                   in the offer
//	purposes, who, where, call, until       one constraint each of the permission, all of which hold
//	columns                                 a duty for each kind of treatment, with its columns
//	joint domains                           the name and the parties of pseudonyms (joint.go)
//	rows                                    a filter duty for each condition, all of which hold (filter.go)
//	budget, credit                          a duty each
//	excluded purposes, barred               a prohibition each
//	staging, reading by URL                 further actions of the permission
//	review, follow                          the offer's own words
package blocks

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"guichet/schemas"
)

// Form is what a form of terms sent, as it was typed.
type Form url.Values

// Get gives a field.
func (f Form) Get(name string) string { return url.Values(f).Get(name) }

// Has says whether a box is ticked, of those with one name.
func (f Form) Has(name, value string) bool { return slices.Contains(f[name], value) }

// Set puts a field.
func (f Form) Set(name string, values ...string) { f[name] = values }

// at gives the i-th of the fields of one name, without blanks around it.
func (f Form) at(name string, i int) string {
	if i >= len(f[name]) {
		return ""
	}
	return strings.TrimSpace(f[name][i])
}

// condition is the field of a condition: its left side, the operator that the form means, the name of the field.
type condition struct{ left, operator, field string }

// conditions are those that a form can say, in the order in which they are written.
func conditions() []condition {
	return []condition{
		{"purpose", "isA", "purpose"}, {"recipientKind", "isAnyOf", "kind"}, {"spatial", "isAnyOf", "spatial"},
		{"factory", "isAnyOf", "factory"}, {"call", "isAnyOf", "call"}, {"recipient", "isAnyOf", "recipient"}, {"dateTime", "lteq", "until"},
	}
}

// listed says whether a field is written as a list.
func listed(field string) bool { return field == "spatial" || field == "recipient" }

// onLines says whether a field may hold several lines, which others lose in a browser.
func onLines(field string) bool {
	return field == "attribute" || field == "recipient" || field == "barred"
}

// Split makes a list of what was typed with commas or on lines.
func Split(s string) []string {
	var out []string
	have := map[string]bool{} // a form holds thousands
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ';' || r == '\n' || r == '\r' }) {
		if part = strings.TrimSpace(part); part != "" && !have[part] {
			have[part], out = true, append(out, part)
		}
	}
	return out
}

// Made is the offer that a form says.
type Made struct {
	Offer  schemas.Offer
	at     map[string]string // pointer into the offer: the field that it comes from
	faults []schemas.FieldError
}

// Field finds the field that a pointer of the API's is about, or the nearest thing around it; "" for none.
func (m *Made) Field(pointer string) string {
	pointer = strings.TrimPrefix(pointer, "/body")
	for pointer != "" {
		if field, is := m.at[pointer]; is {
			return field
		}
		pointer = pointer[:max(strings.LastIndexByte(pointer, '/'), 0)]
	}
	return ""
}

// fault notes what is wrong with a field before there is a pointer into an offer.
func (m *Made) fault(field, format string, args ...any) {
	m.at["/"+field] = field
	m.faults = append(m.faults, schemas.FieldError{Pointer: "/" + field, Message: fmt.Sprintf(format, args...)})
}

// Read makes the terms of a form. Errors: Invalid with every field that no offer can be made of; its fields are known all
// the same.
func Read(f Form) (Made, error) {
	m := Made{at: map[string]string{}, Offer: schemas.Offer{Review: f.Get("review") != "", Follow: f.Get("follow") != "",
		Template: f.Get("template")}}
	permit := schemas.Rule{Kind: schemas.Permission, Actions: []string{cmp.Or(f.Get("action"), "use")}}
	m.at["/rules/0/actions"] = "action"
	for _, beside := range []string{"stage", "direct"} {
		if f.Get(beside) != "" {
			m.at[fmt.Sprintf("/rules/0/actions/%d", len(permit.Actions))] = beside
			permit.Actions = append(permit.Actions, beside)
		}
	}
	permit.Constraint = m.constraint(f)
	m.duties(f, &permit)
	rules := []schemas.Rule{permit}
	if never := f["never"]; len(never) > 0 {
		m.at[fmt.Sprintf("/rules/%d", len(rules))] = "never"
		rules = append(rules, schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"},
			Constraint: &schemas.Constraint{Left: "purpose", Operator: "isA", Right: never}})
	}
	m.at[fmt.Sprintf("/rules/%d", len(rules))] = "barred"
	m.Offer.Rules = rules
	m.Offer = Barring(m.Offer, Split(f.Get("barred")))
	if len(m.faults) == 0 {
		return m, nil
	}
	return m, &schemas.Error{Kind: schemas.Invalid, Subject: "offer", Message: m.faults[0].Message, Fields: m.faults}
}

// constraint is what has to hold, all of it; nil for nothing.
func (m *Made) constraint(f Form) *schemas.Constraint {
	var all []schemas.Constraint
	var fields []string
	for _, c := range conditions() {
		values := slices.DeleteFunc(slices.Clone(f[c.field]), func(s string) bool { return strings.TrimSpace(s) == "" })
		if listed(c.field) {
			values = Split(f.Get(c.field))
		}
		if len(values) > 0 {
			all, fields = append(all, schemas.Constraint{Left: c.left, Operator: c.operator, Right: values}), append(fields, c.field)
		}
	}
	const at = "/rules/0/constraint"
	switch len(all) {
	case 0:
		return nil
	case 1:
		m.at[at] = fields[0]
		return &all[0]
	}
	for i, field := range fields {
		m.at[fmt.Sprintf("%s/and/%d", at, i)] = field
	}
	return &schemas.Constraint{And: all}
}

// Of fills a form with terms, for a dataset of these tables. It is false where the form would not say the same.
func Of(o *schemas.Offer, tables []schemas.TableInfo) (Form, bool) {
	f := Form{}
	if o == nil {
		f.columns(tables, nil)
		return f, true
	}
	flag := func(name string, on bool) {
		if on {
			f.Set(name, "yes")
		}
	}
	flag("review", o.Review)
	flag("follow", o.Follow)
	f.Set("template", o.Template)
	f.Set("barred", strings.Join(Barred(o), "\n"))
	var treated []Treatment
	for i := range o.Rules {
		r := &o.Rules[i]
		switch {
		case isBar(r):
		case r.Kind == schemas.Prohibition:
			if r.Constraint != nil {
				f.Set("never", r.Constraint.Right...)
			}
		default:
			for _, a := range r.Actions {
				if a == "stage" || a == "direct" {
					flag(a, true)
				} else {
					f.Set("action", a)
				}
			}
			f.condition(r.Constraint)
			for j := range r.Duties {
				treated = append(treated, f.duty(&r.Duties[j])...)
			}
		}
	}
	f.columns(tables, treated)
	for name, values := range f {
		if !onLines(name) && slices.ContainsFunc(values, func(s string) bool { return strings.ContainsAny(s, "\r\n") }) {
			return f, false
		}
	}
	back, err := Read(f)
	return f, err == nil && same(back.Offer, *o)
}

// condition fills in what has to hold.
func (f Form) condition(c *schemas.Constraint) {
	if c == nil {
		return
	}
	all := c.And
	if c.Left != "" {
		all = []schemas.Constraint{*c}
	}
	for _, leaf := range all {
		for _, known := range conditions() {
			if known.left != leaf.Left {
				continue
			}
			if listed(known.field) {
				f.Set(known.field, strings.Join(leaf.Right, ", "))
			} else {
				f.Set(known.field, leaf.Right...)
			}
		}
	}
}
