package blocks

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"guichet/schemas"
)

// Which rows are shown, as comparisons one below the other:
//
//	     age      is at least   18            a filter duty
//	     region   is            Bretagne      another one, which has to hold too
//	or   region   is one of     Corse, Var    a further way to meet the one before
//
// Several filters let those rows stay that each lets stay, and a row without a value in a column that is named stays in
// none, also under not [decisions.md 11]. Therefore a filter that is an and is as good as several, and a not is as good
// as the opposite comparison: clauses writes filters like that, and what it cannot write no form can say.

// mostRows is how many comparisons a form shows.
const mostRows = 50

// NoneOf is the comparison that is the opposite of in; the language says it with not.
const NoneOf = "notin"

// Comparisons are those that a form can say.
func Comparisons() []string { return []string{"eq", "neq", "lt", "lteq", "gt", "gteq", "in", NoneOf} }

// opposites are the comparisons that say the opposite of each other, of rows that have a value.
func opposites() map[string]string {
	return map[string]string{"eq": "neq", "neq": "eq", "lt": "gteq", "gteq": "lt", "gt": "lteq", "lteq": "gt", "in": NoneOf, NoneOf: "in"}
}

// Comparison is one line of the form.
type Comparison struct {
	Or    bool // it is a further way to meet the one before
	At    string
	Op    string
	Value string
}

// blank says whether nothing was said by it.
func (c *Comparison) blank() bool { return c.At == "" && c.Value == "" }

// At names a column in a form, of one table or ("") of every one that has it.
func At(table, column string) string {
	if table == "" && !strings.Contains(column, "/") {
		return column
	}
	return url.PathEscape(table) + "/" + column
}

// named reads what At wrote.
func named(at string) (table, column string) {
	first, rest, is := strings.Cut(at, "/")
	if !is {
		return "", at
	}
	table, err := url.PathUnescape(first)
	if err != nil {
		table = first
	}
	return table, rest
}

// Rows reads the comparisons of a form: four fields for each, in one order.
func (f Form) Rows() []Comparison {
	var out []Comparison
	for i := range f["row-column"][:min(len(f["row-column"]), mostRows+1)] {
		out = append(out, Comparison{len(out) > 0 && f.at("row-join", i) == "or", f["row-column"][i], f.at("row-op", i), f.at("row-value", i)})
	}
	return out
}

// setRows puts them.
func (f Form) setRows(rows []Comparison) {
	for _, name := range []string{"row-join", "row-column", "row-op", "row-value"} {
		delete(f, name)
	}
	for _, r := range rows {
		join := "and"
		if r.Or {
			join = "or"
		}
		f["row-join"], f["row-column"] = append(f["row-join"], join), append(f["row-column"], r.At)
		f["row-op"], f["row-value"] = append(f["row-op"], r.Op), append(f["row-value"], r.Value)
	}
}

// Tidy takes out lines in which nothing was said, so that those that are left keep their places.
func (f Form) Tidy() Form {
	f.setRows(slices.DeleteFunc(f.Rows(), func(c Comparison) bool { return c.blank() }))
	f.setDomains(slices.DeleteFunc(f.Domains(), func(d Domain) bool { return d == Domain{} }))
	return f
}

// filters are the duties that say which rows are shown: one for each condition, with the ways to meet it.
func (m *Made) filters(f Form, add func(d schemas.Duty, field string) string) {
	rows := f.Rows()
	if len(rows) > mostRows {
		m.fault(fmt.Sprintf("row-column-%d", mostRows), "a form says at most %d comparisons; guichet offer puts terms with more", mostRows)
	}
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].Or {
			to++
		}
		table, _ := named(rows[from].At)
		var any []schemas.Filter
		for i := from; i < to; i++ {
			any = append(any, m.comparison(i, &rows[i], table))
		}
		d := schemas.Duty{Kind: schemas.DutyFilter, Table: table, Filter: &any[0]}
		if len(any) > 1 {
			d.Filter = &schemas.Filter{Or: any}
		}
		pointer := add(d, fmt.Sprintf("row-value-%d", from)) + "/filter"
		for i := from; i < to; i++ {
			at := pointer
			if len(any) > 1 {
				at = fmt.Sprintf("%s/or/%d", pointer, i-from)
			}
			m.at[at] = fmt.Sprintf("row-value-%d", i)
			if any[i-from].Not != nil {
				at += "/not"
			}
			m.at[at+"/column"], m.at[at+"/op"] = fmt.Sprintf("row-column-%d", i), fmt.Sprintf("row-op-%d", i)
		}
		from = to
	}
}

// comparison makes one line a filter.
func (m *Made) comparison(i int, c *Comparison, table string) schemas.Filter {
	of, column := named(c.At)
	f := schemas.Filter{Column: column, Op: c.Op, Values: values(c.Op, c.Value)}
	switch {
	case c.blank():
	case column == "":
		m.fault(fmt.Sprintf("row-column-%d", i), "choose the column that is compared")
	case len(f.Values) == 0:
		m.fault(fmt.Sprintf("row-value-%d", i), "say with what %q is compared", column)
	case of != table:
		m.fault(fmt.Sprintf("row-column-%d", i), "comparisons that are joined by or are of one table")
	}
	if c.Op == NoneOf {
		f.Op = "in"
		return schemas.Filter{Not: &f}
	}
	return f
}

// filter fills in the conditions of a duty; one that cannot be said is left out.
func (f Form) filter(d *schemas.Duty) {
	if d.Filter == nil {
		return
	}
	all, ok := clauses(d.Filter, false)
	if !ok {
		return
	}
	rows := f.Rows()
	for _, any := range all {
		for i, c := range any {
			if c.Not != nil {
				c = schemas.Filter{Column: c.Not.Column, Op: NoneOf, Values: c.Not.Values}
			}
			rows = append(rows, Comparison{i > 0, At(d.Table, c.Column), c.Op, typed(c.Op, c.Values)})
		}
	}
	if len(rows) <= mostRows {
		f.setRows(rows)
	}
}

// clauses writes a filter as conditions all of which hold, each as comparisons one of which holds; not asks for its
// opposite. It is false for a filter that is none such, or that is not understood.
func clauses(f *schemas.Filter, not bool) (out [][]schemas.Filter, ok bool) {
	children, all, forms := f.And, !not, 0
	for _, is := range []bool{len(f.And) > 0, len(f.Or) > 0, f.Not != nil, f.Column != "" || f.Op != "" || len(f.Values) > 0} {
		if is {
			forms++
		}
	}
	switch {
	case forms != 1:
		return nil, false
	case f.Not != nil:
		return clauses(f.Not, !not)
	case len(f.Or) > 0:
		children, all = f.Or, not
	case len(f.And) == 0:
		return literal(f, not)
	}
	var any []schemas.Filter
	for i := range children {
		below, ok := clauses(&children[i], not)
		if !ok || !all && len(below) != 1 {
			return nil, false
		}
		if all {
			out = append(out, below...)
		} else {
			any = append(any, below[0]...)
		}
	}
	if !all {
		out = [][]schemas.Filter{any}
	}
	return out, true
}

// literal is one comparison, or its opposite.
func literal(f *schemas.Filter, not bool) ([][]schemas.Filter, bool) {
	op, ok := f.Op, slices.Contains(Comparisons(), f.Op) && f.Op != NoneOf && f.Column != "" && len(f.Values) > 0
	if !ok || op != "in" && len(f.Values) != 1 {
		return nil, false
	}
	if not {
		op = opposites()[op]
	}
	if op == NoneOf {
		return [][]schemas.Filter{{{Not: &schemas.Filter{Column: f.Column, Op: "in", Values: f.Values}}}}, true
	}
	return [][]schemas.Filter{{{Column: f.Column, Op: op, Values: f.Values}}}, true
}

// typed writes values as they are typed: a list with commas; in quotation marks, which are doubled within, what would
// not come back without.
func typed(op string, list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		if s == "" || s != strings.TrimSpace(s) || s[0] == '"' || several(op) && strings.Contains(s, ",") {
			s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
		out[i] = s
	}
	return strings.Join(out, ", ")
}

// several says whether a comparison is with a list.
func several(op string) bool { return op == "in" || op == NoneOf }

// values reads what typed wrote, and what people type.
func values(op, s string) []string {
	s = strings.TrimSpace(s)
	var out []string
	for s != "" {
		value, rest, quoted := unquoted(s)
		switch {
		case quoted && (rest == "" || several(op) && rest[0] == ','):
			out = append(out, value)
		case !several(op):
			return []string{s}
		default:
			value, rest, _ = strings.Cut(s, ",")
			if value = strings.TrimSpace(value); value != "" {
				out = append(out, value)
			}
			s = strings.TrimSpace(rest)
			continue
		}
		s = strings.TrimSpace(strings.TrimPrefix(rest, ","))
	}
	return out
}

// unquoted takes what stands in quotation marks from the beginning of a text.
func unquoted(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", s, false
	}
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		return strings.ReplaceAll(s[1:i], `""`, `"`), strings.TrimSpace(s[i+1:]), true
	}
	return "", s, false
}
