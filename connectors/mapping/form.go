package mapping

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"sync"
)

//go:embed forms/*.json
var files embed.FS

// Form says what members of a kind of description mean. Members are named by their path from the
// top; lists on the way are walked through.
type Form struct {
	Name      string
	KnownBy   []string            // members that the document has at its top
	Within    map[string][]string // of members that are objects, or lists of them: each has one of these
	Dataset   []Rule              // in order
	Resources Resources
	Quiet     []string          // members that are not told where they are not carried over, with all below them
	Types     map[string]string // of columns, to ours
}

// Rule carries the values of a member over to a property.
type Rule struct {
	From string
	To   string // a property by its prefix, or @id
	As   string // text, iri, date, licence, agent, contact, period, attribution, identifier, place, box
	Else bool   // only where no rule before gave the property a value

	Start, End      string // members of a period
	Corners, System string // members of a box: west, south, east and north, and the reference system
}

// Resources says where files and tables stand, and their members.
type Resources struct {
	Each, Name, Title, Address, Format, MediaType, Description, Licence string

	Columns struct{ Each, Name, Type, Description, Title, Unit, Concept string }
}

// forms are read once in a process: they never change.
var forms = sync.OnceValues(readForms)

// Forms are those that are known, the more particular ones first.
func Forms() ([]Form, error) { return forms() }

func readForms() ([]Form, error) {
	names, err := fs.Glob(files, "forms/*.json")
	if err != nil {
		return nil, fmt.Errorf("list the forms: %w", err)
	}
	var out []Form
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read a form: %w", err)
		}
		var f Form
		err = json.Unmarshal(b, &f)
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w", name, err)
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b Form) int { return len(b.KnownBy) - len(a.KnownBy) })
	return out, nil
}

// mayFit says whether the bytes of a document have what the form is known by: most have not, and are
// not parsed for it.
func (f *Form) mayFit(b []byte) bool {
	return !slices.ContainsFunc(f.KnownBy, func(name string) bool { return !bytes.Contains(b, []byte(`"`+name+`"`)) })
}

// fits says whether a document is of the form.
func (f *Form) fits(doc map[string]any) bool {
	for _, name := range f.KnownBy {
		if _, ok := doc[name]; !ok {
			return false
		}
	}
	for name, has := range f.Within {
		list, ok := doc[name].([]any)
		if one, is := doc[name].(map[string]any); is {
			list, ok = []any{one}, true
		}
		if !ok || len(list) == 0 {
			return false
		}
		for _, item := range list {
			m, _ := item.(map[string]any)
			if !slices.ContainsFunc(has, func(member string) bool { return m[member] != nil }) {
				return false
			}
		}
	}
	return true
}
