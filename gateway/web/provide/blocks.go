package provide

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"guichet/schemas"
)

// Terms as building blocks: one permission with what has to hold and what it demands, purposes that are excluded,
// organisations that are barred. Other terms are understood by the API and cannot be made here.
//
//	block                        in the offer
//	purposes, who, where, until  one constraint each of the permission, all of which hold
//	columns                      a duty for each kind of treatment, with its columns
//	budget, credit               a duty each
//	excluded purposes, barred    a prohibition each
//	staging, reading by URL      further actions of the permission
//	review, follow               the offer's own words
//
// offerOf writes blocks as an offer, blocksOf reads one back; what does not come back the same cannot be said in
// blocks, and is shown as text.

// What is done with a column.
const (
	asItIs       = ""
	hidden       = "hide"
	pseudonymous = "pseudonymise"
	coarser      = "generalise"
)

// treatment is what is done with one column.
type treatment struct {
	Column, How string
	Step        string // for coarser: year, month, 10, first:3
}

// mostTreated is how many columns a form shows.
const mostTreated = 200

// blockForm is the field of a condition: its left side, the operator that the form means, the name of the field.
type blockForm struct{ left, operator, field string }

// conditions are those that a form can say, in the order in which they are written.
func conditions() []blockForm {
	return []blockForm{
		{"purpose", "isA", "purpose"}, {"recipientKind", "isAnyOf", "kind"}, {"spatial", "isAnyOf", "spatial"},
		{"factory", "isAnyOf", "factory"}, {"recipient", "isAnyOf", "recipient"}, {"dateTime", "lteq", "until"},
	}
}

// listed says whether a field is written as a list.
func listed(field string) bool {
	return field == "spatial" || field == "recipient" || field == "barred"
}

// offerOf makes the terms of a form. Errors: Invalid for a number that is none.
func offerOf(t typed) (schemas.Offer, error) {
	o := schemas.Offer{Review: t.Get("review") != "", Follow: t.Get("follow") != "", Template: t.Get("template")}
	permit := schemas.Rule{Kind: schemas.Permission, Actions: []string{cmp.Or(t.Get("action"), "use")}}
	for _, beside := range []string{"stage", "direct"} {
		if t.Get(beside) != "" {
			permit.Actions = append(permit.Actions, beside)
		}
	}
	var all []schemas.Constraint
	for _, c := range conditions() {
		values := slices.DeleteFunc(slices.Clone(t[c.field]), func(s string) bool { return strings.TrimSpace(s) == "" })
		if listed(c.field) {
			values = split(t.Get(c.field))
		}
		if len(values) > 0 {
			all = append(all, schemas.Constraint{Left: c.left, Operator: c.operator, Right: values})
		}
	}
	switch len(all) {
	case 0:
	case 1:
		permit.Constraint = &all[0]
	default:
		permit.Constraint = &schemas.Constraint{And: all}
	}
	var err error
	permit.Duties, err = dutiesOf(t)
	if err != nil {
		return o, err
	}
	o.Rules = []schemas.Rule{permit}
	if never := t["never"]; len(never) > 0 {
		o.Rules = append(o.Rules, schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"},
			Constraint: &schemas.Constraint{Left: "purpose", Operator: "isA", Right: never}})
	}
	return barring(o, split(t.Get("barred"))), nil
}

// dutiesOf are what the permission of a form demands.
func dutiesOf(t typed) ([]schemas.Duty, error) {
	var out []schemas.Duty
	if s := strings.TrimSpace(t.Get("attribute")); s != "" {
		out = append(out, schemas.Duty{Kind: schemas.DutyAttribute, Text: s})
	}
	hide, pseudonymise, steps, coarse := split(t.Get("hidden")), []string(nil), []string(nil), map[string][]string{}
	for _, c := range t.treated() {
		switch c.How {
		case hidden:
			hide = append(hide, c.Column)
		case pseudonymous:
			pseudonymise = append(pseudonymise, c.Column)
		case coarser:
			if !slices.Contains(steps, c.Step) {
				steps = append(steps, c.Step)
			}
			coarse[c.Step] = append(coarse[c.Step], c.Column)
		}
	}
	if len(hide) > 0 {
		out = append(out, schemas.Duty{Kind: schemas.DutyHide, Columns: hide})
	}
	if len(pseudonymise) > 0 {
		out = append(out, schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: pseudonymise})
	}
	for _, to := range steps {
		out = append(out, schemas.Duty{Kind: schemas.DutyGeneralise, Columns: coarse[to], To: to})
	}
	for _, budget := range []string{"rows", "bytes"} {
		s := strings.TrimSpace(t.Get(budget))
		if s == "" {
			continue
		}
		n, ok := count(s, budget == "bytes")
		if !ok {
			return nil, schemas.BadField("offer", "/"+budget, "%q is not a number above 0", s)
		}
		d := schemas.Duty{Kind: schemas.DutyBudget, Rows: n}
		if budget == "bytes" {
			d.Rows, d.Bytes = 0, n
		}
		out = append(out, d)
	}
	if t.Get("proof") != "" {
		out = append(out, schemas.Duty{Kind: schemas.DutyFactory, Enforced: true})
	}
	return out, nil
}

// treated reads what is done with each column: three fields for each, in one order.
func (t typed) treated() []treatment {
	var out []treatment
	for i, name := range t["column"] {
		at := func(field string) string {
			if i < len(t[field]) {
				return strings.TrimSpace(t[field][i])
			}
			return ""
		}
		out = append(out, treatment{name, at("treat"), at("step")})
	}
	return out
}

// blocksOf fills a form with terms. It is false where the form would not say the same.
func blocksOf(o *schemas.Offer, columns []string) (typed, bool) {
	t := typed{}
	if o == nil {
		t.columns(columns, nil)
		return t, true
	}
	flag := func(name string, on bool) {
		if on {
			t.set(name, "yes")
		}
	}
	flag("review", o.Review)
	flag("follow", o.Follow)
	t.set("template", o.Template)
	t.set("barred", strings.Join(barredIn(o), "\n"))
	done := map[string]treatment{}
	for i := range o.Rules {
		r := &o.Rules[i]
		switch {
		case isBar(r):
		case r.Kind == schemas.Prohibition:
			if r.Constraint != nil {
				t.set("never", r.Constraint.Right...)
			}
		default:
			for _, a := range r.Actions {
				if a == "stage" || a == "direct" {
					flag(a, true)
				} else {
					t.set("action", a)
				}
			}
			t.condition(r.Constraint)
			for j := range r.Duties {
				t.duty(&r.Duties[j], done)
			}
		}
	}
	t.columns(columns, done)
	back, err := offerOf(t)
	return t, err == nil && same(back, *o)
}

// condition fills in what has to hold.
func (t typed) condition(c *schemas.Constraint) {
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
				t.set(known.field, strings.Join(leaf.Right, ", "))
			} else {
				t.set(known.field, leaf.Right...)
			}
		}
	}
}

// duty fills in what is demanded.
func (t typed) duty(d *schemas.Duty, done map[string]treatment) {
	for _, c := range d.Columns {
		done[c] = treatment{c, d.Kind, d.To}
	}
	switch d.Kind {
	case schemas.DutyAttribute:
		t.set("attribute", d.Text)
	case schemas.DutyBudget:
		if d.Rows > 0 {
			t.set("rows", fmt.Sprint(d.Rows))
		}
		if d.Bytes > 0 {
			t.set("bytes", fmt.Sprint(d.Bytes))
		}
	case schemas.DutyFactory:
		t.set("proof", "yes")
	}
}

// columns lays out what is done with each column: those of the data first, then those that terms name beside them.
func (t typed) columns(names []string, done map[string]treatment) {
	names = slices.Clone(names)
	more := []string{}
	for c := range done {
		if !slices.Contains(names, c) {
			more = append(more, c)
		}
	}
	slices.Sort(more)
	names = append(names, more...)
	if len(names) > mostTreated {
		slices.SortStableFunc(names, func(a, b string) int { // those with something first
			return cmp.Compare(len(done[b].How), len(done[a].How))
		})
		names = names[:mostTreated]
	}
	for _, c := range names {
		t["column"], t["treat"], t["step"] = append(t["column"], c), append(t["treat"], done[c].How), append(t["step"], done[c].Step)
	}
}

// same says whether two offers say the same, however their lists are ordered and their rules are called.
func same(a, b schemas.Offer) bool { return reflect.DeepEqual(plain(a), plain(b)) }

func plain(o schemas.Offer) schemas.Offer {
	var out schemas.Offer
	text, err := json.Marshal(o)
	if err != nil || json.Unmarshal(text, &out) != nil {
		return o
	}
	out.Title = nil
	for i := range out.Rules {
		r := &out.Rules[i]
		r.ID = ""
		slices.Sort(r.Actions)
		if r.Constraint != nil {
			sorted(r.Constraint)
		}
		for j := range r.Duties {
			slices.Sort(r.Duties[j].Columns)
		}
		slices.SortFunc(r.Duties, func(a, b schemas.Duty) int { return cmp.Compare(fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b)) })
	}
	slices.SortFunc(out.Rules, func(a, b schemas.Rule) int { return cmp.Compare(ruleText(&a), ruleText(&b)) })
	return out
}

func ruleText(r *schemas.Rule) string {
	b, _ := json.Marshal(r) // texts and numbers: cannot fail
	return string(b)
}

// sorted brings a condition into one order. One value is a list of one.
func sorted(c *schemas.Constraint) {
	slices.Sort(c.Right)
	if c.Operator == "eq" && c.Left != "purpose" && c.Left != "dateTime" {
		c.Operator = "isAnyOf"
	}
	for i := range c.And {
		sorted(&c.And[i])
	}
	slices.SortFunc(c.And, func(a, b schemas.Constraint) int { return cmp.Compare(a.Left, b.Left) })
	if len(c.And) == 1 {
		*c = c.And[0]
	}
}
