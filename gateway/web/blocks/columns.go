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

// More says whether a dataset has columns of which a form does not say how they are shown.
func More(tables []schemas.TableInfo, shown []Treatment) bool {
	have := map[string]bool{}
	for _, c := range shown {
		have[c.Column] = true
	}
	return slices.ContainsFunc(tables, func(t schemas.TableInfo) bool {
		return slices.ContainsFunc(t.Fields, func(f schemas.Field) bool { return !have[f.Name] })
	})
}
