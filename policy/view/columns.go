package view

import (
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/schemas"
)

// bound finds the columns that a name in a rule binds, ascending: the column of that
// name, and each nested column whose name begins it, because the rule may mean a part of
// that one and parts are not changed alone. A name that is neither binds the flat columns
// that begin it: it was meant for something there.
//
//	columns          rule on   binds
//	a, b             a         a
//	a{b}, c          a.b       a            a part of a
//	a{b}, a.b        a.b       a and a.b    it may mean either: both
//	a (flat), a.b    a.b       a.b          a has no parts
//	a (flat), c      a.b       a            there is nothing else it could mean
func bound(s *arrow.Schema, name string) []int {
	var out, flat []int
	for i, f := range s.Fields() {
		begins := strings.HasPrefix(name, f.Name+".")
		switch {
		case f.Name == name || begins && hasParts(f.Type):
			out = append(out, i)
		case begins:
			flat = append(flat, i)
		}
	}
	if len(out) == 0 {
		return flat
	}
	return out
}

func hasParts(dt arrow.DataType) bool {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		dt = d.ValueType
	}
	return arrow.IsNested(dt.ID())
}

// binds says whether a duty is about a table.
func binds(d *schemas.Duty, t *schemas.Table) bool { return d.Table == "" || d.Table == t.Name }

// hiddenIn gives the columns of a table that an agreement hides, each with the first
// duty that does.
func hiddenIn(s *arrow.Schema, t *schemas.Table, a *schemas.Agreement) map[int]schemas.Duty {
	out := map[int]schemas.Duty{}
	for _, d := range a.Obligations {
		if d.Kind != schemas.DutyHide || !binds(&d, t) {
			continue
		}
		for _, name := range d.Columns {
			for _, i := range bound(s, name) {
				if _, twice := out[i]; !twice {
					out[i] = d
				}
			}
		}
	}
	return out
}

func (v *View) choose(wanted []string, hidden map[int]schemas.Duty) error {
	all := v.Table.NumFields()
	if len(wanted) == 0 && len(hidden) == 0 {
		return nil
	}
	show := make([]bool, all)
	for i := range show {
		_, gone := hidden[i]
		show[i] = len(wanted) == 0 && !gone
	}
	for _, name := range wanted {
		at := v.Table.FieldIndices(name)
		if len(at) == 0 {
			return schemas.BadField("stream", "columns", "the table has no column %q", name)
		}
		for _, i := range at {
			if d, gone := hidden[i]; gone {
				return refuse(d, "column %q is hidden by the agreement", name)
			}
			show[i] = true
		}
	}
	for i, is := range show {
		if is {
			v.keep = append(v.keep, i)
		}
	}
	if len(v.keep) == all {
		v.keep = nil
	}
	if v.keep == nil && slices.Contains(show, false) {
		return refuse(schemas.Duty{Rule: "agreement", Source: "the agreement"}, "no column is left to show")
	}
	for i := range v.edits {
		if !show[i] {
			delete(v.edits, i)
		}
	}
	return nil
}
