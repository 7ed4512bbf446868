package blocks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"guichet/schemas"
)

// same says whether two offers say the same, however their lists are ordered and their rules are called.
func same(a, b schemas.Offer) bool { return reflect.DeepEqual(plain(a), plain(b)) }

func plain(o schemas.Offer) schemas.Offer {
	var out schemas.Offer
	b, err := json.Marshal(o)
	if err != nil || json.Unmarshal(b, &out) != nil {
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
		r.Duties = plainDuties(r.Duties)
	}
	slices.SortFunc(out.Rules, func(a, b schemas.Rule) int { return cmp.Compare(text(a), text(b)) })
	return out
}

// text names what can be written as JSON.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(b)
}

// plainDuties brings duties into one order, each condition on rows as a filter of its own, and of columns as one duty
// what says the same of each.
func plainDuties(list []schemas.Duty) []schemas.Duty {
	var out []schemas.Duty
	at := map[string]int{}
	for _, d := range list {
		if len(d.Columns) > 0 {
			i, is := at[groupOf(&d)]
			if is {
				out[i].Columns = append(out[i].Columns, d.Columns...)
				continue
			}
			at[groupOf(&d)] = len(out)
		}
		all, ok := [][]schemas.Filter(nil), false
		if d.Kind == schemas.DutyFilter && d.Filter != nil {
			all, ok = clauses(d.Filter, false)
		}
		if !ok {
			out = append(out, d)
			continue
		}
		for _, any := range all {
			slices.SortFunc(any, func(a, b schemas.Filter) int { return cmp.Compare(text(a), text(b)) })
			one := d
			one.Filter = &schemas.Filter{Or: any}
			out = append(out, one)
		}
	}
	for i := range out {
		slices.Sort(out[i].Columns)
		slices.Sort(out[i].With)
	}
	slices.SortFunc(out, func(a, b schemas.Duty) int { return cmp.Compare(text(a), text(b)) })
	return out
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
