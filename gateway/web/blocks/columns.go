package blocks

import (
	"slices"

	"guichet/schemas"
)

// Group is the columns that one part of a form is about: of every table that has them (Table ""), or of one.
type Group struct {
	Table  string
	Fields []schemas.Field
}

// Groups are those of a dataset. Where there are several tables a rule is for all of them or for one; where one is of
// objects, which are given whole or not at all, no rule about columns is for all.
func Groups(tables []schemas.TableInfo) []Group {
	every, out, objects := Group{}, []Group(nil), false
	at := map[string]int{}
	for i := range tables {
		t := &tables[i]
		objects = objects || t.Objects
		if t.Objects || len(t.Fields) == 0 {
			continue
		}
		out = append(out, Group{t.Name, t.Fields})
		for _, f := range t.Fields {
			j, is := at[f.Name]
			switch {
			case !is:
				at[f.Name] = len(every.Fields)
				every.Fields = append(every.Fields, f)
			case every.Fields[j].Type != f.Type:
				every.Fields[j].Type = "" // no one type
			}
		}
	}
	switch {
	case objects:
		return out
	case len(out) <= 1 && len(tables) <= 1:
		out = nil
	}
	if len(every.Fields) == 0 {
		return out
	}
	return slices.Insert(out, 0, every)
}

// Part is what a form says of the columns of a group, with their places in the form.
type Part struct {
	Table   string
	Columns []Placed
}

// Placed is what is done with a column, and where a form says it.
type Placed struct {
	Treatment
	I int
}

// Parts lays out what a form says of columns: of every table first, then of each.
func (f Form) Parts() []Part {
	var out []Part
	at := map[string]int{}
	for i, c := range f.Treated() {
		if _, is := at[c.Table]; !is {
			at[c.Table] = len(out)
			out = append(out, Part{Table: c.Table})
		}
		p := &out[at[c.Table]]
		p.Columns = append(p.Columns, Placed{c, i})
	}
	slices.SortStableFunc(out, func(a, b Part) int { return min(len(a.Table), 1) - min(len(b.Table), 1) })
	return out
}

// Said says whether anything is done with columns of the part.
func (p *Part) Said() bool {
	return slices.ContainsFunc(p.Columns, func(c Placed) bool { return c.How != AsItIs })
}

// More says whether a dataset has columns of which a form does not say how they are shown.
func More(tables []schemas.TableInfo, shown []Treatment) bool {
	have := map[string]bool{}
	for _, c := range shown {
		have[At(c.Table, c.Column)] = true
	}
	return slices.ContainsFunc(Groups(tables), func(g Group) bool {
		return slices.ContainsFunc(g.Fields, func(f schemas.Field) bool { return !have[At(g.Table, f.Name)] })
	})
}
