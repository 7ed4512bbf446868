package report

import (
	"maps"
	"slices"

	"guichet/schemas"
)

// mostRuns bounds the runs of one model.
const mostRuns = 100

// training tells what went into a run, or into the runs that a model came out of.
func training(m *making) error {
	run, model := m.ask.Parameters["run"], m.ask.Parameters["model"]
	if (run == "") == (model == "") {
		return schemas.BadField("report", "run", "name either a run or a model")
	}
	var runs names
	var outputs [][]Cell
	q := m.query
	q.Values = map[string]string{} // a model is named by a value that no index is over; of runs there are few
	err := each(m.ctx, m.db, q, wanted{schemas.ChangeRun: {"run", "project", "output", "digest"}}, func(r *record) error {
		if r.value("run") != run && (r.value("digest") == "" || r.value("digest") != model) {
			return nil
		}
		m.stands = append(m.stands, r.index)
		runs.add(r.value("run"))
		if r.value("output") != "" {
			outputs = append(outputs, []Cell{text(r.value("output")), text(r.value("digest")), text(r.value("run")), text(r.value("project")),
				text(r.day())})
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case len(runs) > mostRuns:
		return schemas.Errorf(schemas.TooLarge, "report", "the model came out of more than %d runs", mostRuns)
	case len(runs) == 0 && model != "":
		return schemas.Errorf(schemas.NotFound, model, "no run of yours names an output %s by then", model)
	}
	runs.add(run)
	var in, sets groups[amount]
	var sum amount
	var data names
	for _, id := range slices.Sorted(maps.Keys(runs)) {
		q.Values["run"] = id
		err := m.flows(q, []string{"run", "dataset", "provider", "version", "table", "split", "purpose"}, nil, func(f *flow) error {
			if f.value("run") != id {
				return nil // it was found by a value that does not verify
			}
			sum.add(f)
			data.add(f.value("dataset"))
			x, err := in.of(f.value("dataset"), f.value("provider"), f.value("version"), f.value("table"), f.value("split"),
				f.value("purpose"))
			if err != nil {
				return err
			}
			x.add(f)
			x, err = sets.of(f.value("dataset"), f.value("provider"))
			if err == nil {
				x.add(f)
			}
			return err
		}, nil)
		if err != nil {
			return err
		}
	}
	cells := func(a *amount) []Cell { return a.cells() }
	m.doc.add("outputs", "Models and what else came out", OfRecord, "output digest run project day", outputs)
	m.doc.add("datasets", "Datasets that went in", OfRecord, "dataset provider"+flowColumns, sets.cells(cells))
	m.doc.add("inputs", "Versions, tables and splits that went in", OfRecord, "dataset provider version table split purpose"+flowColumns,
		in.cells(cells))
	m.doc.add("sums", "Altogether; what was read twice counts twice", OfRecord, flowColumns, [][]Cell{sum.cells()})
	err = m.describe(data)
	if err != nil {
		return err
	}
	return nil
}
