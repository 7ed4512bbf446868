package view

import (
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/policy/view/transform"
	"guichet/schemas"
)

// View is what an agreement shows of a table. Nobody changes it once it is made. Columns
// are named by their places in the table.
type View struct {
	Schema       []byte // schema message of what is shown
	TableSchema  []byte // the table's own
	Table        *arrow.Schema
	Columns      []int             // what is shown, ascending
	Edited       []int             // those of them whose values are changed
	Filter       *transform.Filter // nil: every row stays
	Digest       string            // of everything that moves the rows or bytes shown
	Fields       []arrow.Field     // of what is shown
	Frame        int64             // bytes of a shown batch's metadata
	Dictionaries []int             // shown dictionaries, by their place among the table's
	Needed       []int             // those that decoding needs: filters and edits read hidden ones too
	// Under a budget of rows a stream's batches carry the dictionary values that their
	// own rows use, and no others: a value is charged with a row that has it.
	Compact bool

	keep    []int // Columns, or nil where that is all of them: the digest tells the two apart
	project *batch.Projection
	edits   map[int]transform.Column
	steps   map[int]string               // how edits that generalise do it
	filters []schemas.Filter             // what Filter is made of
	before  *arrow.Schema                // of the shown columns as the table has them
	about   map[string]map[string]string // what the schema says of shown columns
	buffers int                          // of a shown batch
}

// Raw says that messages pass as they lie in the store.
func (v *View) Raw() bool { return v.keep == nil && len(v.edits) == 0 && v.Filter == nil }

// Passes says that whole batches pass without a look at their values: raw, or with columns
// hidden.
func (v *View) Passes() bool { return !v.Compact && len(v.edits) == 0 && v.Filter == nil }

// New makes the view of one table under an agreement. wanted are the columns
// asked for; nil is every column that is not hidden. Errors: Denied for a hidden
// column, Invalid for one that is not there, Denied for an obligation that cannot be
// carried out on its column.
func New(t *schemas.Table, a *schemas.Agreement, wanted []string, master []byte) (*View, error) {
	s, err := ipc.ParseSchema(t.Schema)
	if err != nil {
		return nil, fmt.Errorf("read the schema of table %s: %w", t.Name, err)
	}
	v := &View{TableSchema: t.Schema, Schema: t.Schema, Table: s.Arrow, edits: map[int]transform.Column{}, steps: map[int]string{}}
	for _, d := range a.Obligations {
		if !binds(&d, t) {
			continue
		}
		err := v.apply(d, t, a, master)
		if err != nil {
			return nil, err
		}
	}
	err = v.choose(wanted, hiddenIn(s.Arrow, t, a))
	if err == nil {
		err = v.layOut(t)
	}
	if err != nil {
		return nil, err
	}
	for i := range a.Obligations {
		o := &a.Obligations[i]
		v.Compact = v.Compact || o.Kind == schemas.DutyBudget && o.Rows > 0 && len(v.Dictionaries) > 0 && v.Filter == nil
	}
	err = v.describe(t)
	if err != nil {
		return nil, err
	}
	return v, v.setDigest(t, a)
}

// describe puts what the provider said of the shown columns into the schema.
func (v *View) describe(t *schemas.Table) error {
	for _, c := range t.Columns {
		about := c.About()
		if about == nil || !slices.ContainsFunc(v.Fields, func(f arrow.Field) bool { return f.Name == c.Name }) {
			continue
		}
		if v.about == nil {
			v.about = map[string]map[string]string{}
		}
		v.about[c.Name] = about
	}
	var err error
	v.Schema, err = ipc.Describe(v.Schema, v.about)
	if err != nil {
		return fmt.Errorf("describe the columns of table %s: %w", t.Name, err)
	}
	return nil
}

// refuse says why a duty cannot be carried out, or what it hides.
func refuse(d schemas.Duty, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	remedy := "ask the provider to change the terms"
	return &schemas.Error{Kind: schemas.Denied, Subject: "view", Message: text, Remedy: remedy,
		Reasons: []schemas.Reason{{Rule: d.Rule, Source: d.Source, Text: text, Remedy: remedy}}}
}

// apply takes one obligation into the view.
func (v *View) apply(d schemas.Duty, t *schemas.Table, a *schemas.Agreement, master []byte) error {
	switch d.Kind {
	case schemas.DutyPseudonymise, schemas.DutyGeneralise:
		for _, name := range d.Columns {
			for _, i := range bound(v.Table, name) {
				err := v.edit(i, d, t, a, master)
				if err != nil {
					return err
				}
			}
		}
	case schemas.DutyFilter:
		v.filters = append(v.filters, *d.Filter) // a row stays that every rule lets stay
		f, err := transform.NewFilter(&schemas.Filter{And: v.filters}, v.Table, a.From)
		if err != nil {
			return refuse(d, "the row filter cannot be carried out: %s", messageOf(err))
		}
		v.Filter = f
	case schemas.DutyHide, schemas.DutyAttribute, schemas.DutyBudget, schemas.DutyFactory:
	default:
		return refuse(d, "the obligation %q cannot be carried out here", d.Kind)
	}
	return nil
}

// messageOf is an error's message, once: as a whole it also tells kind and field.
func messageOf(err error) string {
	e, ok := errors.AsType[*schemas.Error](err)
	if ok {
		return e.Message
	}
	return err.Error()
}

func (v *View) edit(i int, d schemas.Duty, t *schemas.Table, a *schemas.Agreement, master []byte) error {
	typ := v.Table.Field(i).Type
	if d.Kind == schemas.DutyGeneralise {
		step, nested := d.To, true
		have, twice := v.steps[i]
		switch {
		case twice:
			step, nested = schemas.Coarser(have, d.To)
		case v.edits[i] != nil:
			return nil // a pseudonym shows less already
		}
		if !nested {
			return refuse(d, "two rules make column %q coarser, to %s and to %s, and neither is the coarser", v.Table.Field(i).Name, have, d.To)
		}
		v.steps[i] = step
		g, err := transform.Generalise(typ, step)
		if err != nil {
			return refuse(d, "column %q: %v", v.Table.Field(i).Name, err)
		}
		v.edits[i] = g
		return nil
	}
	key, err := transform.PseudonymKey(master, v.linkage(i, t, a))
	if err != nil {
		return err
	}
	p, err := transform.Pseudonymise(typ, key)
	if err != nil {
		return refuse(d, "column %q: %v", v.Table.Field(i).Name, err)
	}
	v.edits[i] = p
	delete(v.steps, i)
	return nil
}

// linkage says where the pseudonyms of a column join: in the one joint domain that the
// duties on it name, else inside the column alone.
func (v *View) linkage(i int, t *schemas.Table, a *schemas.Agreement) transform.Linkage {
	l := transform.Linkage{Derivation: a.Pseudonyms, Permit: a.Permit, Provider: a.Provider, Dataset: a.Dataset, Column: v.Table.Field(i).Name}
	named := false
	for _, d := range a.Obligations {
		onIt := func(name string) bool { return slices.Contains(bound(v.Table, name), i) }
		if d.Kind != schemas.DutyPseudonymise || d.Domain == "" || !binds(&d, t) || !slices.ContainsFunc(d.Columns, onIt) {
			continue
		}
		if named && (d.Domain != l.Domain || !slices.Equal(d.With, l.Parties)) {
			l.Domain, l.Parties = "", nil
			return l
		}
		named, l.Domain, l.Parties = true, d.Domain, d.With
	}
	return l
}

// layOut derives how what is shown lies in messages.
func (v *View) layOut(t *schemas.Table) error {
	places := map[int]int{} // of dictionaries, which a canonical shard numbers by columns
	for i, f := range v.Table.Fields() {
		if f.Type.ID() == arrow.DICTIONARY {
			places[i] = len(places)
		}
	}
	v.Columns = v.keep
	if v.keep == nil {
		for i := range v.Table.NumFields() {
			v.Columns = append(v.Columns, i)
		}
	}
	need := map[int]bool{}
	edited := map[int]arrow.Field{}
	var taken []arrow.Field
	for _, i := range v.Columns {
		f := v.Table.Field(i)
		taken = append(taken, f)
		place, coded := places[i]
		need[place] = need[place] || coded
		if e := v.edits[i]; e != nil {
			f = arrow.Field{Name: f.Name, Type: e.Type(), Nullable: f.Nullable}
			edited[i], v.Edited = f, append(v.Edited, i)
		} else if coded {
			v.Dictionaries = append(v.Dictionaries, place)
		}
		v.Fields = append(v.Fields, f)
	}
	v.before = arrow.NewSchema(taken, nil)
	if v.Filter != nil {
		for _, i := range v.Filter.Columns() {
			place, coded := places[i]
			need[place] = need[place] || coded
		}
	}
	for place := range len(places) {
		if need[place] {
			v.Needed = append(v.Needed, place)
		}
	}
	var err error
	v.Frame, v.buffers, err = batch.BatchFrame(v.Fields)
	if err != nil {
		return fmt.Errorf("measure table %s: %w", t.Name, err)
	}
	switch {
	case v.Filter != nil:
		v.Schema = ipc.EncodeSchema(v.Fields)
	case !v.Raw():
		v.project, err = batch.Edit(t.Schema, v.Columns, edited)
		if err != nil {
			return fmt.Errorf("project table %s: %w", t.Name, err)
		}
		v.Schema = v.project.Schema()
	}
	return nil
}
