package report

import "guichet/schemas"

// processed is what was done for a purpose, with the datasets that were read and those that were agreed on.
type processed struct {
	amount
	read, agreed names
}

// unread are the datasets that were agreed on, and of which nothing was read.
func (p *processed) unread() (out names) {
	for id := range p.agreed {
		if _, is := p.read[id]; !is {
			out.add(id)
		}
	}
	return out
}

// processing is the record of processing activities.
func processing(m *making) error {
	var rows groups[processed]
	var wiped groups[often]
	var data names
	of := func(r *record) (*processed, error) {
		return rows.of(r.value("purpose"), r.value("provider"), r.value("participant"), r.value("project"), r.value("factory"))
	}
	who := []string{"purpose", "provider", "participant", "project", "factory", "dataset"}
	err := m.flows(m.query, who, wanted{schemas.ChangeAgreement: who, schemas.ChangeErasure: {"names"}}, func(f *flow) error {
		u, err := of(f.record)
		if err == nil {
			u.add(f)
			u.read.add(f.value("dataset"))
			data.add(f.value("dataset"))
		}
		return err
	}, func(r *record) error {
		if r.leaf.kind == schemas.ChangeErasure {
			x, err := wiped.of(r.value("names"))
			if err == nil {
				x.n++
				x.reach(r.day())
			}
			return err
		}
		u, err := of(r)
		if err == nil {
			u.agreed.add(r.value("dataset"))
			data.add(r.value("dataset"))
		}
		return err
	})
	if err != nil {
		return err
	}
	m.doc.add("activities", "Processing", OfRecord, "purpose provider participant project factory datasets unread"+flowColumns,
		rows.cells(func(u *processed) []Cell { return append([]Cell{u.read.cell(), u.unread().cell()}, u.cells()...) }))
	m.doc.add("erasures", "Values of the record that were erased", OfRecord, "names erasures first last",
		wiped.cells(func(x *often) []Cell { return []Cell{number(x.n), text(x.first), text(x.last)} }))
	err = m.describe(data)
	if err != nil {
		return err
	}
	return nil
}
