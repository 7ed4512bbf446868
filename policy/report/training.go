package report

import (
	"maps"
	"slices"
	"strings"

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
	named := map[string]int64{} // the last output of each run, of those that are asked for
	models := false
	q := m.query
	q.Values = map[string]string{} // a model is named by a value that no index is over; of runs there are few
	err := each(m.ctx, m.db, q, wanted{schemas.ChangeRun: {"run", "project", "output", "digest"}}, func(r *record) error {
		if r.value("run") != run && (r.value("digest") == "" || r.value("digest") != model) {
			return nil
		}
		m.stands = append(m.stands, r.index)
		runs.add(r.value("run"))
		if r.value("output") != "" {
			named[r.value("run")] = r.index
			models = models || strings.HasPrefix(r.value("output"), "model ")
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
	if model != "" && !models {
		const note = "No run names this as a model: it is another output, and what a model was trained on is not told by it."
		m.doc.Notes = append(m.doc.Notes, note)
	}
	runs.add(run)
	var in, sets, later groups[amount]
	var sum amount
	var data names
	for _, id := range slices.Sorted(maps.Keys(runs)) {
		q.Values["run"] = id
		err := m.flows(q, []string{"run", "dataset", "provider", "version", "table", "split", "purpose"}, nil, func(f *flow) error {
			if f.value("run") != id {
				return nil // it was found by a value that does not verify
			}
			data.add(f.value("dataset"))
			if at, is := named[id]; is && f.begin > at { // it cannot have gone into that
				x, err := later.of(f.value("dataset"), f.value("provider"), f.value("run"))
				if err == nil {
					x.add(f)
				}
				return err
			}
			sum.add(f)
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
	if len(later.rows) > 0 {
		m.doc.add("later", "Read in the same run after its last output was named; not among the above", OfRecord,
			"dataset provider run"+flowColumns, later.cells(cells))
	}
	err = m.describe(data)
	if err != nil {
		return err
	}
	return nil
}
