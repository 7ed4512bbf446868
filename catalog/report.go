package catalog

import (
	"fmt"
	"slices"
	"strings"

	"guichet/schemas"
)

// report gathers what is said of the objects of a publication: of many objects once, what
// asks for something first.
type report struct {
	files map[string]int // by table
	said  map[remark]*about
	order []*about
}

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
	for w, words := range [][]string{{"declare ", "reads like that of", "shuts out", "cannot be opened by"}, {"left out", "became", "more digits", "written out", "larger than a message"}} {
		for _, word := range words {
			if strings.Contains(message, word) {
				return w
			}
		}
	}
	return 2
}
