package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"guichet/schemas"
)

// duty checks that a duty can be judged and carried out: what is only found out when
// somebody streams is too late.
func (c *offerCheck) duty(at string, d *schemas.Duty) {
	if d.Kind != schemas.DutyPseudonymise && (d.Domain != "" || len(d.With) > 0) {
		c.fault(at+"/domain", "only pseudonymise has a joint domain")
	}
	for i := range c.tables {
		if t := &c.tables[i]; t.Objects && d.Divides(t.Name) {
			c.fault(at, "the table %s is of objects, which are given whole or not at all: %s cannot be kept on it; name another table as the one "+
				"that it is for", t.Name, d.Kind)
			return
		}
	}
	switch d.Kind {
	case schemas.DutyAttribute:
		if d.Text == "" || len(d.Text) > 4000 {
			c.fault(at+"/text", "the words to give: between 1 and 4000 characters")
		}
	case schemas.DutyHide, schemas.DutyPseudonymise, schemas.DutyGeneralise:
		c.columns(at, d)
		if d.Kind == schemas.DutyGeneralise && !validStep(d.To) {
			c.fault(at+"/to", "%q is not a step; use year, month, day, hour, first:N, or a width such as 10", d.To)
		}
		if d.Kind == schemas.DutyPseudonymise {
			c.domain(at, d)
		}
	case schemas.DutyFilter:
		if d.Filter == nil {
			c.fault(at+"/filter", "a filter says which rows stay")
			return
		}
		c.nodes, c.values = 0, 0
		c.filter(at+"/filter", d.Filter, 1)
	case schemas.DutyBudget:
		if d.Rows < 0 || d.Bytes < 0 || d.Rows == 0 && d.Bytes == 0 {
			c.fault(at, "a budget gives rows or bytes, above 0")
		}
	case schemas.DutyFactory:
		if len(d.Values) == 0 && !d.Enforced {
			c.fault(at+"/values", "name the factories, or set enforced")
		}
		for i := range d.Values {
			c.value(fmt.Sprintf("%s/values/%d", at, i), "factory", "", &d.Values[i])
		}
	default:
		c.fault(at+"/kind", "%q is not a duty known here", d.Kind)
	}
}

// domain checks the joint domain of pseudonyms that a duty names. It joins with those
// alone who name the same domain and the same parties, so whom it names is all that
// has to be checked here.
func (c *offerCheck) domain(at string, d *schemas.Duty) {
	if d.Domain != "" && !schemas.IsSlug(d.Domain) {
		c.fault(at+"/domain", "%q cannot name a joint domain: a name has %s", d.Domain, schemas.SlugInWords)
	}
	if d.Domain == "" && len(d.With) > 0 {
		c.fault(at+"/domain", "name the joint domain that the parties share")
	}
	for i := range d.With { // in the spelling that is registered: another one would join with nobody
		c.value(fmt.Sprintf("%s/with/%d", at, i), "recipient", "", &d.With[i])
	}
}

// steps refuses a duty that makes a column coarser in another way than one before it,
// where neither shows less than the other. What several rules or layers demand meets
// only in a request, which is refused then.
func (c *offerCheck) steps(at string, before []schemas.Duty, d *schemas.Duty) {
	for _, b := range before {
		if b.Kind != schemas.DutyGeneralise || d.Kind != b.Kind || b.Table != "" && d.Table != "" && b.Table != d.Table {
			continue
		}
		for i, col := range d.Columns {
			_, nested := schemas.Coarser(b.To, d.To)
			if slices.Contains(b.Columns, col) && !nested && validStep(b.To) && validStep(d.To) {
				c.fault(fmt.Sprintf("%s/columns/%d", at, i),
					"%q is made coarser to %s already, and to %s is neither coarser nor finer than that", col, b.To, d.To)
			}
		}
	}
}

var stepPattern = regexp.MustCompile(`^(year|month|day|hour|first:[1-9][0-9]?|[1-9][0-9]{0,8}(\.[0-9]{1,6})?|0\.[0-9]{1,6})$`)

// validStep says whether a text is a step of generalisation: a unit of time, a number of
// letters, or a width above zero.
func validStep(to string) bool {
	if !stepPattern.MatchString(to) {
		return false
	}
	f, err := strconv.ParseFloat(to, 64)
	return err != nil || f > 0
}

// columns checks that the columns of a duty are in the dataset; a duty on a mistyped
// name would hide nothing.
func (c *offerCheck) columns(at string, d *schemas.Duty) {
	if len(d.Columns) == 0 {
		c.fault(at+"/columns", "name at least one column")
	}
	for i, col := range d.Columns {
		if !c.hasColumn(d.Table, col) {
			c.fault(fmt.Sprintf("%s/columns/%d", at, i), "the dataset has no column %q%s", col, inTable(d.Table))
		}
	}
}

// inTable names the table in a message, where one is named at all.
func inTable(table string) string {
	if table == "" {
		return ""
	}
	return " in table " + table
}

// hasColumn also accepts names while no table says its columns: then the
// publisher checks them against the shards.
func (c *offerCheck) hasColumn(table, column string) bool {
	described := false
	for i := range c.tables {
		t := &c.tables[i]
		if table != "" && t.Name != table {
			continue
		}
		described = described || len(t.Fields) > 0
		if slices.ContainsFunc(t.Fields, func(f schemas.Field) bool {
			return f.Name == column || strings.HasPrefix(f.Name, column+".")
		}) {
			return true
		}
	}
	return !described && column != ""
}

// filter checks a row filter within the bounds of its size, which are said once for the
// whole tree.
func (c *offerCheck) filter(at string, f *schemas.Filter, depth int) {
	if depth > schemas.MaxConstraintDepth {
		c.fault(at, "the filter is too deep: at most %d levels", schemas.MaxConstraintDepth)
		return
	}
	over := c.nodes > schemas.MaxFilterNodes || c.values > schemas.MaxFilterValues
	c.nodes++
	c.values += len(f.Values)
	if !over && (c.nodes > schemas.MaxFilterNodes || c.values > schemas.MaxFilterValues) {
		c.fault(at, "the filter is too large: at most %d nodes and %d values", schemas.MaxFilterNodes, schemas.MaxFilterValues)
	}
	if c.nodes > schemas.MaxFilterNodes || c.values > schemas.MaxFilterValues || !c.spend(at, len(f.Values)) {
		return
	}
	forms := 0
	for _, is := range []bool{len(f.And) > 0, len(f.Or) > 0, f.Not != nil, f.Column != "" || f.Op != ""} {
		if is {
			forms++
		}
	}
	if forms != 1 {
		c.fault(at, "a filter is either and, or, not, or one comparison")
		return
	}
	for i := range f.And {
		c.filter(fmt.Sprintf("%s/and/%d", at, i), &f.And[i], depth+1)
	}
	for i := range f.Or {
		c.filter(fmt.Sprintf("%s/or/%d", at, i), &f.Or[i], depth+1)
	}
	if f.Not != nil {
		c.filter(at+"/not", f.Not, depth+1)
	}
	if f.Column == "" && f.Op == "" {
		return
	}
	if !c.hasColumn("", f.Column) {
		c.fault(at+"/column", "the dataset has no column %q", f.Column)
	}
	if !slices.Contains([]string{"eq", "neq", "lt", "lteq", "gt", "gteq", "in"}, f.Op) {
		c.fault(at+"/op", "%q is not a comparison; use eq neq lt lteq gt gteq in", f.Op)
	}
	if len(f.Values) == 0 || f.Op != "in" && len(f.Values) != 1 {
		c.fault(at+"/values", "%s takes one value (in: several)", f.Op)
	}
}
