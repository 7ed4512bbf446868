// Package values are the nouns of how the values of a version's columns are distributed, and what keeps
// them from being told.
//
// In: description and terms of a dataset, a version's tables. Out: whether the distribution of a column
// may be told, and why not. Always: what any rule keeps from anybody is told to nobody. It must not know
// who asks, nor count.
package values

import (
	"slices"
	"strings"
	"time"

	"guichet/schemas"
)

// What a distribution tells at least of: a count below LeastCount is told nowhere, and a column with
// fewer than LeastRows values has no distribution.
const (
	LeastCount = 10
	LeastRows  = 30
)

// Distributions are how the values of a version's columns are distributed, as far as its provider
// consented and the terms of the moment permit.
type Distributions struct {
	Dataset schemas.DatasetID `json:"dataset"`
	Version schemas.VersionID `json:"version"`
	Made    time.Time         `json:"made,omitzero" doc:"when they were counted; absent where the provider consented to none"`
	Asked   []string          `json:"asked,omitempty" doc:"what the provider consented to: table/column, table/* or *"`
	Columns []Distribution    `json:"columns" doc:"in the order of the tables"`
	LeftOut []LeftOut         `json:"left_out,omitempty" doc:"columns of what was consented to that are not told, and why"`
}

// Distribution is how the values of one column are distributed. All counts of values are to the
// nearest ten, and none is below ten: bins that hold fewer are part of the one beside them.
type Distribution struct {
	Table   string       `json:"table"`
	Column  string       `json:"column"`
	Kind    string       `json:"kind" enum:"number,time,category"`
	Rows    int64        `json:"rows" doc:"how many rows were counted"`
	Sampled bool         `json:"sampled,omitempty" doc:"not all rows of the table were counted: evenly spread ones"`
	Missing int64        `json:"missing,omitempty" doc:"rows without a value; absent where fewer than ten"`
	Log     bool         `json:"log,omitempty" doc:"the edges grow by factors"`
	Bins    []Bin        `json:"bins,omitempty" doc:"of numbers and times, ascending"`
	Values  []ValueCount `json:"values,omitempty" doc:"of a category: the most frequent values, at most ten"`
	Others  int64        `json:"others,omitempty" doc:"rows with other values; absent where fewer than ten"`
}

// Bin counts the values from an edge on and before the next. Edges are numbers, or days and
// instants in UTC.
type Bin struct {
	From  string `json:"from,omitempty" doc:"absent: everything before until"`
	Until string `json:"until,omitempty" doc:"absent: everything from here on"`
	Count int64  `json:"count"`
}

// ValueCount counts the rows with one value.
type ValueCount struct {
	Value string `json:"value" doc:"at most 60 characters; a longer one ends with …"`
	Count int64  `json:"count"`
}

// LeftOut says that a column is not told, and why.
type LeftOut struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Why    Why    `json:"why" enum:"sensitive,hidden,changed,filtered,unclear,no-terms,type,few,various,many"`
}

// Why is why a column has no distribution.
type Why string

// The reasons: the first six are of description and terms, looked at whenever somebody reads; the
// others of the values.
const (
	LeftSensitive Why = "sensitive" // said to be about persons, or confidential
	LeftHidden    Why = "hidden"    // the terms hide it from somebody
	LeftChanged   Why = "changed"   // or change its values
	LeftFiltered  Why = "filtered"  // or leave rows of the table out
	LeftUnclear   Why = "unclear"   // terms or description name a column that the table has not: it may be meant
	LeftNoTerms   Why = "no-terms"  // there are no terms
	LeftType      Why = "type"      // nested, binary, or another type without bins
	LeftFew       Why = "few"       // too few values
	LeftVarious   Why = "various"   // no value is frequent
	LeftMany      Why = "many"      // the columns behind the first that are counted
)

// Words say why a column is left out.
func (w Why) Words() string {
	return map[Why]string{
		LeftSensitive: "it is said to be about persons, or confidential",
		LeftHidden:    "the terms hide it",
		LeftChanged:   "the terms change its values",
		LeftFiltered:  "the terms leave out rows of the table",
		LeftUnclear:   "the terms or the description name a column that the table does not have, and this one may be meant",
		LeftNoTerms:   "the dataset has no terms yet",
		LeftType:      "its type has no bins: it is nested, binary or the like",
		LeftFew:       "it has too few values",
		LeftVarious:   "no value of it is frequent",
		LeftMany:      "the table has more columns than are counted",
	}[w]
}

// Consents says whether somebody consented to the distribution of a column: asked holds
// table/column, table/* and *.
func Consents(asked []string, table, column string) bool {
	return slices.Contains(asked, "*") || slices.Contains(asked, table+"/*") || slices.Contains(asked, table+"/"+column)
}

// Withholds says why description and terms, as they are now, keep the distribution of a column of
// a version's table from everybody; "" where they do not. It is stricter than a view: what is kept
// from anybody by any rule is told to nobody, names are compared without case and accents, and
// where one means no column of the version it may mean any.
func Withholds(d *schemas.Dataset, v *schemas.Version, table, column string) Why {
	described := slices.ContainsFunc(d.Tables, func(t schemas.TableInfo) bool { return t.Name == table })
	for i := range d.Tables {
		t := &d.Tables[i]
		there := slices.ContainsFunc(v.Data, func(x schemas.Table) bool { return x.Name == t.Name })
		if t.Name != table && (there || described) {
			continue // it is about another table
		}
		for _, f := range t.Fields {
			switch {
			case f.Sensitivity == schemas.SensitivityNone:
			case !there || !means(v, table, f.Name):
				return LeftUnclear
			case touches(f.Name, column):
				return LeftSensitive
			}
		}
	}
	if d.Offer == nil || !slices.ContainsFunc(d.Offer.Rules, func(r schemas.Rule) bool { return r.Kind == schemas.Permission }) {
		return LeftNoTerms
	}
	var why Why
	for i := range d.Offer.Rules {
		for j := range d.Offer.Rules[i].Duties {
			found := withheld(&d.Offer.Rules[i].Duties[j], v, table, column)
			if found != "" && (why == "" || why == LeftUnclear) { // the surer word
				why = found
			}
		}
	}
	return why
}

// withheld says why one duty of the terms keeps a column from somebody.
func withheld(o *schemas.Duty, v *schemas.Version, table, column string) Why {
	why, known := map[string]Why{
		schemas.DutyAttribute: "", schemas.DutyBudget: "", schemas.DutyFactory: "",
		schemas.DutyFilter: LeftFiltered, schemas.DutyHide: LeftHidden,
		schemas.DutyPseudonymise: LeftChanged, schemas.DutyGeneralise: LeftChanged,
	}[o.Kind]
	switch {
	case !known:
		return LeftUnclear
	case why == "":
		return ""
	case o.Table != "" && !slices.ContainsFunc(v.Data, func(t schemas.Table) bool { return t.Name == o.Table }):
		return LeftUnclear
	case o.Table != "" && o.Table != table:
		return ""
	case why == LeftFiltered:
		return why
	case slices.ContainsFunc(o.Columns, func(name string) bool { return touches(name, column) }):
		return why
	case slices.ContainsFunc(o.Columns, func(name string) bool { return !means(v, o.Table, name) }):
		return LeftUnclear
	}
	return ""
}

// means says whether a name means a column of a table of a version; an empty table is any.
func means(v *schemas.Version, table, name string) bool {
	for i := range v.Data {
		if (table == "" || v.Data[i].Name == table) &&
			slices.ContainsFunc(v.Data[i].Columns, func(c schemas.TableColumn) bool { return touches(name, c.Name) }) {
			return true
		}
	}
	return false
}

// touches says whether a name in a rule may mean a column: it, a part of it, or what it is part of.
func touches(name, column string) bool {
	name, column = schemas.Fold(name), schemas.Fold(column)
	return name == column || strings.HasPrefix(column, name+".") || strings.HasPrefix(name, column+".")
}
