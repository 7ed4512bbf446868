package report

import (
	"fmt"

	"guichet/policy/agreement/usage"
	"guichet/schemas"
)

// wish is what was asked for of one kind, and by how many.
type wish struct {
	asked, granted, refused, waiting int64
	who                              names
}

// wishes are rows of a table, of which small groups are told together.
type wishes struct{ groups[wish] }

// add counts what was asked.
func (w *wishes) add(a *asked, key ...string) error {
	x, err := w.of(key...)
	if err != nil {
		return err
	}
	x.who.add(a.who)
	x.asked++
	switch a.state {
	case string(schemas.RequestGranted):
		x.granted++
	case string(schemas.RequestRefused):
		x.refused++
	case string(schemas.RequestWithdrawn): // it was asked, and that is all
	default:
		x.waiting++
	}
	return nil
}

// others is the name of the row of small groups.
const others = "(others)"

// cells are the rows of at least usage.Few organisations each; those of fewer stand in one row together, and
// where that is of fewer too, it says so and no number.
func (w *wishes) cells() [][]Cell {
	rest := wish{}
	var key []string
	for name, x := range w.rows {
		key = w.keys[name]
		if len(x.who) >= usage.Few {
			continue
		}
		rest.asked, rest.granted = rest.asked+x.asked, rest.granted+x.granted
		rest.refused, rest.waiting = rest.refused+x.refused, rest.waiting+x.waiting
		for who := range x.who {
			rest.who.add(who)
		}
		delete(w.rows, name)
	}
	out := w.groups.cells((*wish).row)
	if rest.asked == 0 {
		return out
	}
	row := []Cell{text(others)}
	for range len(key) - 1 {
		row = append(row, Cell{})
	}
	if len(rest.who) < usage.Few {
		return append(out, append(row, text(fmt.Sprintf("fewer than %d", usage.Few)), Cell{}, Cell{}, Cell{}, Cell{}))
	}
	return append(out, append(row, rest.row()...))
}

func (x *wish) row() []Cell {
	return []Cell{number(int64(len(x.who))), number(x.asked), number(x.granted), number(x.refused), number(x.waiting)}
}

// demand tells what was asked for. An organisation is told by no name, and by no number below usage.Few.
func demand(m *making) error {
	var all asking
	err := m.each(m.query, askingValues(), func(r *record) error {
		_, err := all.see(r)
		return err
	})
	if err != nil {
		return err
	}
	var sets, purposes, whys, spaces wishes
	known := map[string]string{} // spaces of datasets
	for name, a := range all.rows {
		dataset := all.keys[name][1]
		if a.at.IsZero() { // it was asked on an earlier day
			continue
		}
		err := sets.add(a, dataset, a.provider)
		if err == nil {
			err = purposes.add(a, a.purpose)
		}
		if err == nil && a.state == string(schemas.RequestRefused) {
			err = whys.add(a, a.rules)
		}
		if err == nil && m.ask.Dataset != nil {
			space, is := known[dataset]
			if !is && len(known) < mostDescribed {
				var d schemas.Dataset
				d, err = m.ask.Dataset(m.ctx, schemas.DatasetID(dataset))
				if schemas.KindOf(err) == schemas.NotFound || schemas.KindOf(err) == schemas.Gone {
					err = nil
				}
				space, known[dataset] = string(d.Space), string(d.Space)
			}
			if err == nil {
				err = spaces.add(a, space)
			}
		}
		if err != nil {
			return err
		}
	}
	const columns = " organisations asked granted refused waiting"
	m.doc.add("datasets", "By dataset", OfRecord, "dataset provider"+columns, sets.cells())
	m.doc.add("purposes", "By purpose", OfRecord, "purpose"+columns, purposes.cells())
	m.doc.add("reasons", "Why it was refused", OfRecord, "rules"+columns, whys.cells())
	if m.ask.Dataset != nil {
		m.doc.add("spaces", "By data space, as the catalogue says it now", OfNow, "space"+columns, spaces.cells())
	}
	if m.ask.Sought != nil {
		err := m.sought()
		if err != nil {
			return err
		}
	}
	m.doc.Notes = append(m.doc.Notes, fmt.Sprintf("What fewer than %d organisations asked for stands together as %s.", usage.Few, others))
	return nil
}

// sought adds what was looked for and not found, which is in no record.
func (m *making) sought() error {
	all, err := m.ask.Sought(m.ctx)
	if err != nil {
		return err
	}
	var rows [][]Cell
	for _, s := range all {
		rows = append(rows, []Cell{text(s.Words), text(s.Space), number(s.Year), number(s.Month), text(s.Last)})
	}
	m.doc.add("sought", "Searched and not found, as counted beside the record", OfNow, "words space within_a_year within_a_month last", rows)
	return nil
}
