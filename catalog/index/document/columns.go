package document

import (
	"slices"
	"strings"

	"guichet/catalog/index/segment"
	"guichet/schemas"
)

// Columns of a dataset are found by what is said of one and the same column: its name, its
// type, its unit, what it measures. Each stands in the index in three orders, so that it is
// found by what it begins with:
//
//	n name unit type concept
//	u unit type name concept
//	c concept unit type name
const between = "\x1f" // of a column's parts

// column is what is said of one, as it is compared.
type column struct{ name, unit, kind, concept string }

func columnOf(f *schemas.Field) column {
	return column{nameKey(f.Name), unitKey(f.Unit), kindKey(f.Type), conceptKey(f.Concept)}
}

// conceptKey is a part of a column as it is compared. What would end it is a space.
func conceptKey(s string) string { return schemas.Key(strings.ReplaceAll(s, between, " ")) }

// nameKey is a column's name without case.
func nameKey(s string) string { return strings.ToLower(conceptKey(s)) }

// kindKey is a type as it is compared: what other systems call a type is ours.
func kindKey(s string) string {
	switch s = nameKey(s); s {
	case "string", "utf8", "large_utf8", "str", "varchar", "dictionary":
		return "text"
	case "integer":
		return "int"
	case "double":
		return "float64"
	case "real":
		return "float32"
	case "boolean":
		return "bool"
	case "date32", "date64":
		return "date"
	case "datetime":
		return "timestamp"
	}
	return s
}

// unitForms are other ways to write what is in units.
var unitForms = strings.NewReplacer(
	".", "", "·", "", "*", "", " ", "", "⋅", "", "°C", "Cel", "\u00b5", "u", "\u03bc", "u", "³", "3", "²", "2",
)

// unitKey is a unit as it is compared: kW.h, kW h and kWh are one, as °C and Cel, µg and ug
// are; mW and MW are two.
func unitKey(s string) string { return unitForms.Replace(conceptKey(s)) }

func (c column) terms() []string {
	return []string{
		"n" + strings.Join([]string{c.name, c.unit, c.kind, c.concept}, between),
		"u" + strings.Join([]string{c.unit, c.kind, c.name, c.concept}, between),
		"c" + strings.Join([]string{c.concept, c.unit, c.kind, c.name}, between),
	}
}

// read reads a column out of one of its terms.
func readColumn(term string) column {
	p := strings.Split(term[1:], between)
	if len(p) != 4 {
		return column{}
	}
	switch term[0] {
	case 'n':
		return column{p[0], p[1], p[2], p[3]}
	case 'u':
		return column{name: p[2], unit: p[0], kind: p[1], concept: p[3]}
	}
	return column{name: p[3], unit: p[1], kind: p[2], concept: p[0]}
}

// described gives the types and concepts of a dataset's columns, and the terms of each.
func described(d *schemas.Dataset) (types, concepts, terms []string) {
	for i := range d.Tables {
		for j := range d.Tables[i].Fields {
			c := columnOf(&d.Tables[i].Fields[j])
			types, concepts, terms = append(types, c.kind), append(concepts, c.concept), append(terms, c.terms()...)
		}
	}
	return types, concepts, terms
}

// columnNames are the names of a dataset's columns, units their units.
func columnNames(d *schemas.Dataset) []string {
	var out []string
	for i := range d.Tables {
		for _, f := range d.Tables[i].Fields {
			out = append(out, nameKey(f.Name))
		}
	}
	return out
}

func units(d *schemas.Dataset) []string {
	var out []string
	for i := range d.Tables {
		for _, f := range d.Tables[i].Fields {
			out = append(out, f.Unit)
		}
	}
	return out
}

// Column is what is asked of one: alternatives for each part, any where there are none. A
// name, unit or concept that ends with a * is the beginning of one; a type may be that of a
// family, such as float.
type Column struct{ Names, Units, Types, Concepts []string }

// Filter finds datasets with such a column.
func (a Column) Filter() segment.Filter {
	for i := range a.Names {
		a.Names[i] = nameKey(a.Names[i])
	}
	for i := range a.Units {
		begin, star := strings.CutSuffix(a.Units[i], "*")
		a.Units[i] = unitKey(begin)
		if star {
			a.Units[i] += "*"
		}
	}
	for i := range a.Types {
		a.Types[i] = kindKey(a.Types[i])
	}
	for i := range a.Concepts {
		a.Concepts[i] = conceptKey(a.Concepts[i])
	}
	order, values := "c", a.Concepts
	switch {
	case len(a.Names) > 0 && len(a.Units)+len(a.Types)+len(a.Concepts) == 0: // of which there are fewer than columns
		f := segment.Filter{Field: "column"}
		for _, v := range a.Names {
			if begin, star := strings.CutSuffix(v, "*"); star {
				f.Prefixes = append(f.Prefixes, begin)
			} else {
				f.Values = append(f.Values, v)
			}
		}
		f.Prefixes = shortest(f.Prefixes)
		return f
	case len(a.Names) > 0:
		order, values = "n", a.Names
	case len(a.Units) > 0:
		order, values = "u", a.Units
	}
	f := segment.Filter{Field: Columns, Where: func(term string) bool { return a.holds(readColumn(term)) }}
	if len(values) == 0 { // the type alone, of which there are few
		return segment.Filter{Field: "type", Prefixes: []string{""}, Where: func(kind string) bool { return a.holds(column{kind: kind}) }}
	}
	for _, v := range values {
		end := between
		if strings.HasSuffix(v, "*") {
			v, end = strings.TrimSuffix(v, "*"), ""
		}
		f.Prefixes = append(f.Prefixes, order+v+end)
	}
	f.Prefixes = shortest(f.Prefixes)
	return f
}

// shortest leaves out what begins with another: each part of the index is read once.
func shortest(prefixes []string) []string {
	slices.Sort(prefixes)
	var out []string
	for _, p := range prefixes {
		if len(out) == 0 || !strings.HasPrefix(p, out[len(out)-1]) {
			out = append(out, p)
		}
	}
	return out
}

// holds says whether a column is such a one.
func (a Column) holds(c column) bool {
	is := func(wanted []string, have string) bool {
		return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool {
			return w == have || strings.HasSuffix(w, "*") && strings.HasPrefix(have, strings.TrimSuffix(w, "*"))
		})
	}
	kind := len(a.Types) == 0 || slices.ContainsFunc(a.Types, func(w string) bool { return w == c.kind || w == family(c.kind) })
	return kind && is(a.Names, c.name) && is(a.Units, c.unit) && is(a.Concepts, c.concept)
}

// family is what types have in common: float32 and float64 are float.
func family(kind string) string {
	return strings.TrimLeft(strings.TrimRight(kind, "0123456789"), "u")
}
