package stream

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/gateway/stream/transform"
	"guichet/schemas"
)

// view is what an agreement shows of a table: which columns, changed how, which
// rows. The zero of everything is the table as it lies.
type view struct {
	table   string // its name
	schema  []byte // schema message of what is shown
	source  []byte // the table's own
	arrow   *arrow.Schema
	keep    []int // columns shown, by their place in the table; nil is all
	columns []int // the same, all of them named
	project *batch.Projection
	edits   map[int]transform.Column
	edited  []int          // the columns of edits, ascending
	steps   map[int]string // how edits that generalise do it
	filter  *transform.Filter
	picks   []schemas.Filter             // what filter is made of
	digest  string                       // of everything that moves the rows or bytes shown
	fields  []arrow.Field                // of what is shown
	taken   *arrow.Schema                // the same columns as the table has them
	about   map[string]map[string]string // what the schema says of shown columns
	frame   int64                        // bytes of a shown batch's metadata
	buffers int                          // of a shown batch
	dicts   []int                        // shown dictionaries, by their place among the table's
	needs   []int                        // those that decoding needs
	// Under a budget of rows a stream's batches carry the dictionary values that their
	// own rows use, and no others: a value is charged with a row that has it.
	compact bool
}

// raw says that messages pass as they lie in the store.
func (v *view) raw() bool { return v.keep == nil && len(v.edits) == 0 && v.filter == nil }

// newView makes the view of one table under an agreement. wanted are the columns
// asked for; nil is every column that is not hidden. Errors: Denied for a hidden
// column, Invalid for one that is not there, Denied for an obligation that cannot be
// carried out on its column.
func newView(t *schemas.Table, a *schemas.Agreement, wanted []string, master []byte) (*view, error) {
	s, err := ipc.ParseSchema(t.Schema)
	if err != nil {
		return nil, fmt.Errorf("read the schema of table %s: %w", t.Name, err)
	}
	v := &view{table: t.Name, source: t.Schema, schema: t.Schema, arrow: s.Arrow, edits: map[int]transform.Column{}, steps: map[int]string{}}
	hidden := map[int]schemas.Duty{}
	for _, d := range a.Obligations {
		if d.Table != "" && d.Table != t.Name {
			continue
		}
		err := v.oblige(d, a, hidden, master)
		if err != nil {
			return nil, err
		}
	}
	err = v.choose(wanted, hidden)
	if err == nil {
		err = v.settle(t)
	}
	if err != nil {
		return nil, err
	}
	for i := range a.Obligations {
		o := &a.Obligations[i]
		v.compact = v.compact || o.Kind == schemas.DutyBudget && o.Rows > 0 && len(v.dicts) > 0 && v.filter == nil
	}
	err = v.describe(t)
	if err != nil {
		return nil, err
	}
	return v, v.name(t, a)
}

// describe puts what the provider said of the shown columns into the schema.
func (v *view) describe(t *schemas.Table) error {
	for _, c := range t.Columns {
		about := c.About()
		if about == nil || !slices.ContainsFunc(v.fields, func(f arrow.Field) bool { return f.Name == c.Name }) {
			continue
		}
		if v.about == nil {
			v.about = map[string]map[string]string{}
		}
		v.about[c.Name] = about
	}
	var err error
	v.schema, err = ipc.Describe(v.schema, v.about)
	if err != nil {
		return fmt.Errorf("describe the columns of table %s: %w", t.Name, err)
	}
	return nil
}

func refuse(d schemas.Duty, format string, args ...any) error {
	return schemas.Refuse("view", d.Rule, d.Source, fmt.Sprintf(format, args...), "ask the provider to change the terms")
}

// oblige takes one obligation into the view.
func (v *view) oblige(d schemas.Duty, a *schemas.Agreement, hidden map[int]schemas.Duty, master []byte) error {
	switch d.Kind {
	case schemas.DutyHide:
		for _, name := range d.Columns {
			for _, i := range v.named(name) {
				hidden[i] = d
			}
		}
	case schemas.DutyPseudonymise, schemas.DutyGeneralise:
		for _, name := range d.Columns {
			for _, i := range v.named(name) {
				err := v.edit(i, d, a, master)
				if err != nil {
					return err
				}
			}
		}
	case schemas.DutyFilter:
		v.picks = append(v.picks, *d.Filter) // a row stays that every rule lets stay
		f, err := transform.NewFilter(&schemas.Filter{And: v.picks}, v.arrow, a.From)
		if err != nil {
			return refuse(d, "the row filter cannot be carried out: %s", said(err))
		}
		v.filter = f
	case schemas.DutyAttribute, schemas.DutyBudget, schemas.DutyFactory:
	default:
		return refuse(d, "the obligation %q cannot be carried out here", d.Kind)
	}
	return nil
}

// said is an error's message, once: as a whole it also tells kind and field.
func said(err error) string {
	e, ok := errors.AsType[*schemas.Error](err)
	if ok {
		return e.Message
	}
	return err.Error()
}

// named finds a column by its name. A rule on a nested column binds the whole
// top-level one.
func (v *view) named(name string) []int {
	at := v.arrow.FieldIndices(name)
	if len(at) == 0 {
		if top, _, nested := strings.Cut(name, "."); nested {
			at = v.arrow.FieldIndices(top)
		}
	}
	return at
}

func (v *view) edit(i int, d schemas.Duty, a *schemas.Agreement, master []byte) error {
	typ := v.arrow.Field(i).Type
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
			return refuse(d, "two rules make column %q coarser, to %s and to %s, and neither is the coarser", v.arrow.Field(i).Name, have, d.To)
		}
		v.steps[i] = step
		g, err := transform.Generalise(typ, step)
		if err != nil {
			return refuse(d, "column %q: %v", v.arrow.Field(i).Name, err)
		}
		v.edits[i] = g
		return nil
	}
	key, err := transform.PseudonymKey(master, v.linkage(i, a))
	if err != nil {
		return err
	}
	p, err := transform.Pseudonymise(typ, key)
	if err != nil {
		return refuse(d, "column %q: %v", v.arrow.Field(i).Name, err)
	}
	v.edits[i] = p
	delete(v.steps, i)
	return nil
}

// linkage says where the pseudonyms of a column join: in the one joint domain that the
// duties on it name, else inside the column alone.
func (v *view) linkage(i int, a *schemas.Agreement) transform.Linkage {
	l := transform.Linkage{Derivation: a.Pseudonyms, Permit: a.Permit, Provider: a.Provider, Dataset: a.Dataset, Column: v.arrow.Field(i).Name}
	named := false
	for _, d := range a.Obligations {
		binds := func(name string) bool { return slices.Contains(v.named(name), i) }
		if d.Kind != schemas.DutyPseudonymise || d.Domain == "" || d.Table != "" && d.Table != v.table || !slices.ContainsFunc(d.Columns, binds) {
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

func (v *view) choose(wanted []string, hidden map[int]schemas.Duty) error {
	all := v.arrow.NumFields()
	if len(wanted) == 0 && len(hidden) == 0 {
		return nil
	}
	show := make([]bool, all)
	for i := range show {
		_, gone := hidden[i]
		show[i] = len(wanted) == 0 && !gone
	}
	for _, name := range wanted {
		at := v.arrow.FieldIndices(name)
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

// settle derives how what is shown lies in messages.
func (v *view) settle(t *schemas.Table) error {
	places := map[int]int{} // of dictionaries, which a canonical shard numbers by columns
	for i, f := range v.arrow.Fields() {
		if f.Type.ID() == arrow.DICTIONARY {
			places[i] = len(places)
		}
	}
	v.columns = v.keep
	if v.keep == nil {
		for i := range v.arrow.NumFields() {
			v.columns = append(v.columns, i)
		}
	}
	need := map[int]bool{}
	edited := map[int]arrow.Field{}
	var taken []arrow.Field
	for _, i := range v.columns {
		f := v.arrow.Field(i)
		taken = append(taken, f)
		place, coded := places[i]
		need[place] = need[place] || coded
		if e := v.edits[i]; e != nil {
			f = arrow.Field{Name: f.Name, Type: e.Type(), Nullable: f.Nullable}
			edited[i], v.edited = f, append(v.edited, i)
		} else if coded {
			v.dicts = append(v.dicts, place)
		}
		v.fields = append(v.fields, f)
	}
	v.taken = arrow.NewSchema(taken, nil)
	if v.filter != nil {
		for _, i := range v.filter.Columns() {
			place, coded := places[i]
			need[place] = need[place] || coded
		}
	}
	for place := range len(places) {
		if need[place] {
			v.needs = append(v.needs, place)
		}
	}
	var err error
	v.frame, v.buffers, err = batch.BatchFrame(v.fields)
	if err != nil {
		return fmt.Errorf("measure table %s: %w", t.Name, err)
	}
	switch {
	case v.filter != nil:
		v.schema = ipc.EncodeSchema(v.fields)
	case !v.raw():
		v.project, err = batch.Edit(t.Schema, v.columns, edited)
		if err != nil {
			return fmt.Errorf("project table %s: %w", t.Name, err)
		}
		v.schema = v.project.Schema()
	}
	return nil
}

// name digests what the view shows.
func (v *view) name(t *schemas.Table, a *schemas.Agreement) error {
	filters := []schemas.Duty{}
	for _, d := range a.Obligations {
		if d.Kind == schemas.DutyFilter || d.Kind == schemas.DutyPseudonymise || d.Kind == schemas.DutyGeneralise || d.Kind == schemas.DutyHide {
			filters = append(filters, schemas.Duty{Kind: d.Kind, Table: d.Table, Columns: d.Columns, Domain: d.Domain, With: d.With, To: d.To, Filter: d.Filter})
		}
	}
	b, err := json.Marshal(struct { // what is new here is left out where it is empty: the digests of old agreements stay
		Table      string
		Duties     []schemas.Duty
		Keep       []int
		Permit     schemas.RequestID
		Instant    time.Time
		Derivation int                          `json:",omitempty"`
		About      map[string]map[string]string `json:",omitempty"`
		WholeDays  bool                         `json:",omitempty"`
	}{t.Name, filters, v.keep, a.Permit, a.From, a.Pseudonyms, v.about, v.filter != nil && v.filter.Whole()})
	if err != nil {
		return fmt.Errorf("digest the view: %w", err)
	}
	sum := sha256.Sum256(b)
	v.digest = hex.EncodeToString(sum[:])
	return nil
}
