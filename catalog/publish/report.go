package publish

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"guichet/schemas"
)

// report gathers what is said of the objects of a publication: of many objects once, what
// asks for something first.
type report struct {
	files map[string]int // by table
	said  map[remark]*about
	order []*about
}

// remark is a sentence about objects of a table; the same sentence is one remark.
type remark struct{ table, message string }

// about is a remark with the objects that it is about.
type about struct {
	remark
	first string
	n     int
}

// add takes what is said of one object.
func (r *report) add(table, key string, notes []string) {
	if r.files == nil {
		r.files, r.said = map[string]int{}, map[remark]*about{}
	}
	r.files[table]++
	for _, note := range notes {
		m := remark{table, note}
		if r.said[m] == nil {
			r.said[m] = &about{remark: m, first: key}
			r.order = append(r.order, r.said[m])
		}
		r.said[m].n++
	}
}

// maxNotes is how many remarks a version keeps; each may be about many objects.
const maxNotes = 200

// notes gives the remarks after those that came before, in the order of their weight.
func (r *report) notes(before []schemas.FieldError) []schemas.FieldError {
	out := slices.Clone(before)
	for _, a := range r.order {
		at := a.first
		switch all := r.files[a.table]; {
		case a.n == all && all > 1:
			at = fmt.Sprintf("%s (all %d files)", a.table, all)
		case a.n > 1:
			at = fmt.Sprintf("%s and %d more of %s", a.first, a.n-1, a.table)
		}
		out = append(out, schemas.FieldError{Pointer: at, Message: a.message})
	}
	slices.SortStableFunc(out, func(a, b schemas.FieldError) int { return weight(a.Message) - weight(b.Message) })
	if more := len(out) - maxNotes; more > 0 {
		out = append(out[:maxNotes], schemas.FieldError{Pointer: "report", Message: fmt.Sprintf("%d more remarks are left out", more)})
	}
	return out
}

// weight puts first what the provider may want to act on, then what did not come along or
// became something else.
func weight(message string) int {
	for w, words := range [][]string{{"declare ", "is a title", "is described and not in", "is not in the description", "reads like that of",
		"shuts out", "cannot be opened by"}, {"left out", "read as null", "became", "more digits", "written out", "larger than a message"}} {
		for _, word := range words {
			if strings.Contains(message, word) {
				return w
			}
		}
	}
	return 2
}

// described notes what the provider said of tables and columns that the version has not:
// a mistyped name would lose types, units and sensitivities in silence.
func (p *publication) described() []schemas.FieldError {
	var out, of []schemas.FieldError
	var missing []string
	has := func(name string) bool {
		return slices.ContainsFunc(p.version.Data, func(t schemas.Table) bool { return t.Name == name })
	}
	known := map[string]bool{}
	for _, info := range p.dataset.Tables {
		known[info.Name] = slices.ContainsFunc(info.Fields, says) || len(info.Title) > 0 || info.CSV != nil
		if known[info.Name] && !has(info.Name) {
			missing = append(missing, info.Name)
		}
	}
	for _, t := range p.version.Data {
		if !known[t.Name] && len(missing) > 0 {
			out = append(
				out,
				schemas.FieldError{
					Pointer: t.Name,
					Message: fmt.Sprintf(
						"the table %q is not in the description, which has %s: what stands there (types, units, sensitivities, how CSV is read) does not "+
							"apply to it",
						t.Name,
						strings.Join(missing, ", "),
					),
				},
			)
		}
		i := slices.IndexFunc(p.dataset.Tables, func(info schemas.TableInfo) bool { return info.Name == t.Name })
		if i < 0 {
			continue
		}
		for _, f := range p.dataset.Tables[i].Fields {
			if said := absent(f, t.Columns); said != "" {
				of = append(of, schemas.FieldError{Pointer: t.Name, Message: said})
			}
		}
	}
	return append(out, of...)
}

// says tells a column that its provider described from one that a version has added.
func says(f schemas.Field) bool {
	return f.Type != "" || f.Format != "" || f.Unit != "" || f.Concept != "" || len(f.Description) > 0 ||
		f.Sensitivity != schemas.SensitivityNone
}

// absent says that a described column is not in a table, and which one reads like it.
func absent(f schemas.Field, columns []schemas.TableColumn) string {
	top, _, _ := strings.Cut(f.Name, ".") // of a nested one
	if !says(f) || slices.ContainsFunc(columns, func(c schemas.TableColumn) bool { return c.Name == f.Name || c.Name == top }) {
		return ""
	}
	plain := func(s string) string { return strings.ToLower(strings.TrimSpace(norm.NFC.String(s))) }
	said := fmt.Sprintf("column %q is described and not in the table", f.Name)
	for _, c := range columns {
		if plain(c.Name) == plain(f.Name) {
			return said + fmt.Sprintf("; %q is, which is written otherwise (capitals, spaces, or the form of accents)", c.Name)
		}
	}
	return said
}

// alike notes files of a split whose names a person reads as one: they differ by case,
// by the form of an accented letter, or by a dot or space at the end. Each is a shard of
// its own, and seldom was that meant.
func (p *publication) alike() {
	for i := range p.ask.Tables {
		for j := range p.ask.Tables[i].Splits {
			seen := map[string]string{}
			for _, key := range p.ask.Tables[i].Splits[j].Keys {
				looks := strings.TrimRight(strings.ToLower(norm.NFC.String(key)), ". ")
				if other, twice := seen[looks]; twice && len(p.version.Notes) < 200 {
					p.version.Notes = append(p.version.Notes, schemas.FieldError{Pointer: asUploaded(&p.dataset, key),
						Message: fmt.Sprintf("its name reads like that of %s, which is another file here; both are in the split", path.Base(other))})
				}
				seen[looks] = key
			}
		}
	}
}
