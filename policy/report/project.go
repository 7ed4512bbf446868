package report

import (
	"maps"
	"slices"
	"time"

	"guichet/schemas"
)

// asked is one dataset of a request.
type asked struct {
	who, purpose, provider, state, rules string
	at, answered                         time.Time
}

// asking follows requests to their answers.
type asking struct{ groups[asked] }

// askingValues are what it reads.
func askingValues() wanted {
	return wanted{
		schemas.ChangeRequest:     {"request", "dataset", "provider", "participant", "purpose", "state", "rules"},
		schemas.ChangeReview:      {"request", "dataset", "decision"},
		schemas.ChangeRequestBack: {"request", "dataset"},
	}
}

// see takes a request, a review or a withdrawal; the last word on a dataset stands.
func (a *asking) see(r *record) (*asked, error) {
	x, err := a.of(r.value("request"), r.value("dataset"))
	if err != nil {
		return nil, err
	}
	if r.leaf.kind == schemas.ChangeRequest {
		x.at, x.who, x.purpose, x.provider = r.leaf.at, r.value("participant"), r.value("purpose"), r.value("provider")
		x.state, x.rules = r.value("state"), r.value("rules")
		if x.state != string(schemas.RequestPending) {
			x.answered = r.leaf.at
		}
		return x, nil
	}
	if r.leaf.kind == schemas.ChangeRequestBack {
		x.state = string(schemas.RequestWithdrawn)
		return x, nil
	}
	x.answered, x.state = r.leaf.at, string(schemas.RequestGranted)
	if r.value("decision") == "refuse" {
		x.state = string(schemas.RequestRefused)
	}
	return x, nil
}

// job is one run, and what came out of it.
type job struct {
	amount
	started, external string
}

// project follows a project up.
func project(m *making) error {
	var requests asking
	var months, jobs groups[job]
	var sum amount
	var outputs [][]Cell
	also := askingValues()
	also[schemas.ChangeRun] = []string{"run", "external", "output", "digest", "state"}
	err := m.flows(m.query, []string{"project", "run"}, also, func(f *flow) error {
		if f.value("project") != m.ask.Parameters["project"] {
			return nil // it was found by a value that does not verify
		}
		sum.add(f)
		month, err := months.of(max(f.ended, f.begun)[:len("2006-01")])
		if err != nil {
			return err
		}
		month.add(f)
		j, err := jobs.of(f.value("run"))
		if err == nil {
			j.add(f)
		}
		return err
	}, func(r *record) error {
		if r.leaf.kind != schemas.ChangeRun {
			_, err := requests.see(r)
			return err
		}
		j, err := jobs.of(r.value("run"))
		switch {
		case err != nil:
		case r.value("output") != "":
			outputs = append(outputs, []Cell{text(r.value("run")), text(r.value("output")), text(r.value("digest")), text(r.day())})
		case r.value("state") == "": // it began
			j.started, j.external = r.day(), r.value("external")
		}
		return err
	})
	if err != nil {
		return err
	}
	granted, err := m.agreements(m.query)
	if err != nil {
		return err
	}
	m.doc.add("requests", "What it asked for", OfRecord, "request dataset provider purpose asked_on state answered_on hours rules",
		requests.cells(func(a *asked) []Cell {
			cells := []Cell{text(a.provider), text(a.purpose), day(a.at), text(a.state), day(a.answered), {}, text(a.rules)}
			if !a.at.IsZero() && !a.answered.IsZero() {
				cells[5] = number(int64(a.answered.Sub(a.at) / time.Hour))
			}
			return cells
		}))
	var rows [][]Cell
	for _, id := range slices.Sorted(maps.Keys(granted)) {
		a := granted[id]
		rows = append(rows, []Cell{text(id), text(a.dataset), text(a.purpose), text(a.granted), text(a.lastDay()),
			text(string(a.state(m.until))), text(a.revoked), text(a.because)})
	}
	m.doc.add("agreements", "What it was granted", OfRecord, "agreement dataset purpose granted_on until state ended_on reason", rows)
	m.doc.add("months", "What it read, month by month", OfRecord, "month"+flowColumns, months.cells(func(j *job) []Cell { return j.cells() }))
	m.doc.add("sums", "Altogether", OfRecord, flowColumns, [][]Cell{sum.cells()})
	m.doc.add("runs", "Its runs", OfRecord, "run external started_on"+flowColumns, jobs.cells(func(j *job) []Cell {
		return append([]Cell{text(j.external), text(j.started)}, j.cells()...)
	}))
	m.doc.add("outputs", "What came out", OfRecord, "run output digest day", outputs)
	return nil
}

// day is an instant as a cell; nothing for none.
func day(t time.Time) Cell {
	if t.IsZero() {
		return Cell{}
	}
	return text(t.Format(time.DateOnly))
}
