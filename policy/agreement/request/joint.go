package request

import (
	"slices"

	"guichet/schemas"
)

// markJoins says of each item in which joint domains its pseudonyms join, and with which
// other items: what a reviewer should know before a yes, and the asker after it.
func markJoins(items []schemas.RequestItem) {
	// Farms in ds-a and ds-b get the same pseudonyms where both offers name the domain "farm"
	// with the same parties: a and b join each other. An offer that names other parties, or a
	// refused item, joins neither.
	for i := range items {
		items[i].Joins = nil
		for _, d := range joining(&items[i]) {
			j := schemas.Joint{Domain: d.Domain, Columns: wanted(d.Columns, items[i].Columns)}
			for _, p := range d.With {
				j.Parties = append(j.Parties, schemas.ParticipantID(p))
			}
			for k := range items {
				if k != i &&
					slices.ContainsFunc(joining(&items[k]), func(o schemas.Duty) bool { return o.Domain == d.Domain && slices.Equal(o.With, d.With) }) {
					j.Items = append(j.Items, items[k].Dataset)
				}
			}
			if len(j.Columns) > 0 {
				items[i].Joins = append(items[i].Joins, j)
			}
		}
	}
}

// joining gives the duties of an item, unless it is refused or taken back, that name a joint domain.
func joining(it *schemas.RequestItem) []schemas.Duty {
	if it.Decision == nil || it.State == schemas.RequestRefused || it.State == schemas.RequestWithdrawn {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(it.Decision.Obligations), func(d schemas.Duty) bool { return d.Domain == "" })
}

// wanted are the columns that a rule changes and that were asked for; all of them where
// none was named.
func wanted(columns, asked []string) []string {
	return slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return len(asked) > 0 && !slices.Contains(asked, c) })
}

// countOthers leaves in each joint domain the items that stand in the list, which is
// what the caller may see of the request, and counts the rest.
func countOthers(items []schemas.RequestItem) {
	for i := range items {
		items[i].Joins = slices.Clone(items[i].Joins)
		for k := range items[i].Joins {
			j := &items[i].Joins[k]
			all := len(j.Items)
			j.Items = slices.DeleteFunc(slices.Clone(j.Items), func(id schemas.DatasetID) bool {
				return !slices.ContainsFunc(items, func(it schemas.RequestItem) bool { return it.Dataset == id })
			})
			j.Others += all - len(j.Items)
		}
	}
}
