package policy

import (
	"errors"
	"strings"
	"testing"

	"guichet/schemas"
)

// Terms that show a part of a table are refused on a dataset with objects when they are put,
// unless they are for another table; terms on all of it are not.
func TestObjectsTakeNoRulesOfColumns(t *testing.T) {
	tables := []schemas.TableInfo{{Name: "scans", Objects: true}, {Name: "people", Fields: []schemas.Field{{Name: "name"}}}}
	hide := func(table string) schemas.Duty {
		return schemas.Duty{Kind: schemas.DutyHide, Table: table, Columns: []string{"name"}}
	}
	filter := schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "name", Op: "eq", Values: []string{"x"}}}
	for name, c := range map[string]struct {
		duty    schemas.Duty
		refused bool
	}{
		"every table":  {hide(""), true},
		"the objects":  {hide("scans"), true},
		"another":      {hide("people"), false},
		"rows":         {filter, true},
		"budget":       {schemas.Duty{Kind: schemas.DutyBudget, Rows: 10}, false},
		"attribution":  {schemas.Duty{Kind: schemas.DutyAttribute, Text: "by us"}, false},
		"pseudonymise": {schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"name"}}, true},
	} {
		o := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Duties: []schemas.Duty{c.duty}}}}
		err := engine(t).CheckOffer(t.Context(), &o, tables)
		e, ok := errors.AsType[*schemas.Error](err)
		if !c.refused && err != nil || c.refused && (!ok || e.Fields[0].Pointer != "/rules/0/duties/0" ||
			!strings.Contains(e.Fields[0].Message, "the table scans is of objects, which are given whole or not at all")) {
			t.Errorf("%s: %v %+v", name, err, e)
		}
	}
}
