package report

import "guichet/schemas"

// use is what somebody read of a dataset under an agreement.
type use struct {
	amount
	versions, runs names
}

// uses tells who used a dataset. Agreements under which nothing flowed are among them.
func uses(m *making) error {
	var rows groups[use]
	var sum amount
	of := func(r *record) (*use, error) {
		return rows.of(r.value("participant"), r.value("project"), r.value("purpose"), r.value("agreement"))
	}
	who := []string{"dataset", "participant", "project", "purpose", "agreement"}
	err := m.flows(m.query, append([]string{"version", "run"}, who...), wanted{schemas.ChangeAgreement: who}, func(f *flow) error {
		if f.value("dataset") != m.ask.Parameters["dataset"] {
			return nil // it was found by a value that does not verify
		}
		u, err := of(f.record)
		if err != nil {
			return err
		}
		u.add(f)
		sum.add(f)
		u.versions.add(f.value("version"))
		u.runs.add(f.value("run"))
		return nil
	}, func(r *record) error {
		if r.value("dataset") != m.ask.Parameters["dataset"] {
			return nil
		}
		_, err := of(r)
		return err
	})
	if err != nil {
		return err
	}
	cells := func(u *use) []Cell {
		return append([]Cell{u.versions.cell(), number(int64(len(u.runs)))}, u.cells()...)
	}
	m.doc.add("uses", "Who used it", OfRecord, "participant project purpose agreement versions runs"+flowColumns, rows.cells(cells))
	m.doc.add("sums", "Altogether", OfRecord, flowColumns, [][]Cell{sum.cells()})
	return nil
}
