package blocks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"guichet/schemas"
)

// What is done with a column.
const (
	AsItIs       = ""
	Hidden       = "hide"
	Pseudonymous = "pseudonymise"
	Joint        = "joint" // pseudonymised, in a joint domain
	Coarser      = "generalise"
)

// Treatments are what can be done with a column.
func Treatments() []string { return []string{AsItIs, Hidden, Pseudonymous, Joint, Coarser} }

// Treatment is what is done with one column, of one table or ("") of every one that has it.
type Treatment struct {
	Table, Column string
	How           string
	Step          string // for Coarser: year, month, 10, first:3; for Joint the domain's name
}

// mostTreated is how many columns a form shows.
const mostTreated = 200

// duties are what the permission of a form demands.
func (m *Made) duties(f Form, permit *schemas.Rule) {
	add := func(d schemas.Duty, field string) string {
		pointer := fmt.Sprintf("/rules/0/duties/%d", len(permit.Duties))
		m.at[pointer] = field
		permit.Duties = append(permit.Duties, d)
		return pointer
	}
	if s := strings.TrimSpace(strings.ReplaceAll(f.Get("attribute"), "\r\n", "\n")); s != "" {
		add(schemas.Duty{Kind: schemas.DutyAttribute, Text: s}, "attribute")
	}
	m.treatments(f, add)
	m.filters(f, add)
	for _, budget := range []string{"rows", "bytes"} {
		s := strings.TrimSpace(f.Get(budget))
		if s == "" {
			continue
		}
		n, ok := count(s, budget == "bytes")
		if !ok {
			m.fault(budget, "%q is not a number above 0", s)
			continue
		}
		d := schemas.Duty{Kind: schemas.DutyBudget, Rows: n}
		if budget == "bytes" {
			d.Rows, d.Bytes = 0, n
		}
		add(d, budget)
	}
	if f.Get("proof") != "" {
		add(schemas.Duty{Kind: schemas.DutyFactory, Enforced: true}, "proof")
	}
	m.at["/rules/0/duties"] = ""
	if len(f["column"]) > 0 {
		m.at["/rules/0/duties"] = "columns"
	}
}

// treatments are the duties about columns: one for all that is done the same way.
func (m *Made) treatments(f Form, add func(d schemas.Duty, field string) string) {
	type column struct{ name, field, step string }
	var order []schemas.Duty
	groups := map[string][]column{}
	put := func(d schemas.Duty, c column) {
		key := groupOf(&d)
		if groups[key] == nil {
			order = append(order, d)
		}
		groups[key] = append(groups[key], c)
	}
	with := m.domains(f)
	for _, name := range Split(f.Get("hidden")) {
		put(schemas.Duty{Kind: schemas.DutyHide}, column{name, "hidden", "hidden"})
	}
	for i, c := range f.Treated() {
		d := schemas.Duty{Kind: c.How, Table: c.Table}
		switch c.How {
		case Coarser:
			d.To = c.Step
		case Joint:
			d.Kind, d.Domain = schemas.DutyPseudonymise, c.Step
			if d.With = with[c.Step].with; c.Step == "" {
				m.fault(fmt.Sprintf("step-%d", i), "say what the joint domain is called")
			}
		case Hidden, Pseudonymous:
		default:
			continue
		}
		put(d, column{c.Column, fmt.Sprintf("treat-%d", i), fmt.Sprintf("step-%d", i)})
	}
	slices.SortStableFunc(order, func(a, b schemas.Duty) int {
		return cmp.Compare(slices.Index(Treatments(), a.Kind), slices.Index(Treatments(), b.Kind))
	})
	for _, d := range order {
		columns := groups[groupOf(&d)]
		for _, c := range columns {
			d.Columns = append(d.Columns, c.name)
		}
		pointer := add(d, columns[0].field)
		m.at[pointer+"/to"], m.at[pointer+"/domain"] = columns[0].step, columns[0].step
		if d.Domain != "" && len(d.With) > 0 {
			m.at[pointer+"/with"] = with[d.Domain].field
		}
		for i, c := range columns {
			m.at[fmt.Sprintf("%s/columns/%d", pointer, i)] = c.field
		}
	}
}

// groupOf names the duties about columns that say the same of each.
func groupOf(d *schemas.Duty) string {
	one := *d
	one.Columns, one.With = nil, slices.Sorted(slices.Values(d.With))
	return text(one)
}

// Treated reads what is done with each column: four fields for each, in one order.
func (f Form) Treated() []Treatment {
	var out []Treatment
	for i, name := range f["column"] {
		out = append(out, Treatment{f.of(i), name, f.at("treat", i), f.at("step", i)})
	}
	return out
}

// duty fills in what is demanded, and gives what is done with columns.
func (f Form) duty(d *schemas.Duty) (out []Treatment) {
	one := Treatment{Table: d.Table, How: d.Kind, Step: d.To}
	if d.Kind == schemas.DutyPseudonymise && d.Domain != "" {
		one.How, one.Step = Joint, d.Domain
		f.domain(d)
	}
	for _, c := range d.Columns {
		one.Column = c
		out = append(out, one)
	}
	switch d.Kind {
	case schemas.DutyAttribute:
		f.Set("attribute", d.Text)
	case schemas.DutyFilter:
		f.filter(d)
	case schemas.DutyBudget:
		if d.Rows > 0 {
			f.Set("rows", fmt.Sprint(d.Rows))
		}
		if d.Bytes > 0 {
			f.Set("bytes", fmt.Sprint(d.Bytes))
		}
	case schemas.DutyFactory:
		f.Set("proof", "yes")
	}
	return out
}

// of is the table of the i-th column; a form about every table does not say it.
func (f Form) of(i int) string {
	if i >= len(f["of"]) {
		return ""
	}
	return f["of"][i]
}

// columns lays out what is done with each column: those of the data first, for every table and for each, then those that
// terms name beside them.
func (f Form) columns(tables []schemas.TableInfo, treated []Treatment) {
	type column struct{ table, name string }
	done := map[column]Treatment{}
	for _, c := range treated {
		done[column{c.Table, c.Column}] = c
	}
	var all, more []column
	seen := map[column]bool{}
	for _, g := range Groups(tables) {
		for _, field := range g.Fields {
			c := column{g.Table, field.Name}
			seen[c], all = true, append(all, c)
		}
	}
	for c := range done {
		if !seen[c] {
			more = append(more, c)
		}
	}
	slices.SortFunc(more, func(a, b column) int { return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.name, b.name)) })
	all = append(all, more...)
	if len(all) > mostTreated {
		slices.SortStableFunc(all, func(a, b column) int { // those with something first
			return cmp.Compare(len(done[b].How), len(done[a].How))
		})
		all = all[:mostTreated]
	}
	for _, c := range all {
		f["of"], f["column"] = append(f["of"], c.table), append(f["column"], c.name)
		f["treat"], f["step"] = append(f["treat"], done[c].How), append(f["step"], done[c].Step)
	}
}
