package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"guichet/policy/audit"
	"guichet/schemas"
)

// agreed is an agreement as the record tells it.
type agreed struct {
	record                           int64
	permit, participant, project     string
	purpose, action, dataset         string
	provider, factory, rules, terms  string
	granted, until, revoked, because string
}

// agreedValues are those of its record that are read.
func agreedValues() []string {
	return []string{"agreement", "permit", "participant", "project", "purpose", "action", "dataset", "provider", "factory", "rules", "terms"}
}

func agreedOf(r *record) *agreed {
	return &agreed{record: r.index, permit: r.value("permit"), participant: r.value("participant"), project: r.value("project"),
		purpose: r.value("purpose"), action: r.value("action"), dataset: r.value("dataset"), provider: r.value("provider"),
		factory: r.value("factory"), rules: r.value("rules"), terms: r.value("terms"), granted: r.day(),
		until: time.Unix(r.leaf.number("until"), 0).UTC().Format(time.RFC3339)}
}

// state is where it stood when the record had its size.
func (a *agreed) state(now time.Time) schemas.AgreementState {
	until, err := time.Parse(time.RFC3339, a.until)
	switch {
	case a.revoked != "":
		return schemas.AgreementRevoked
	case err == nil && !now.Before(until):
		return schemas.AgreementEnded
	}
	return schemas.AgreementActive
}

// lastDay is the last day on which it holds: what ends at midnight ends with the day before.
func (a *agreed) lastDay() string {
	until, err := time.Parse(time.RFC3339, a.until)
	if err != nil {
		return ""
	}
	return until.Add(-time.Nanosecond).Format(time.DateOnly)
}

// agreements are those that q chooses, by their ids. What was revoked later than its days is revoked too.
func (m *making) agreements(q audit.Query) (map[string]*agreed, error) {
	out := map[string]*agreed{}
	err := m.each(q, wanted{schemas.ChangeAgreement: agreedValues()}, func(r *record) error {
		if len(out) == mostGroups {
			return &schemas.Error{Kind: schemas.TooLarge, Subject: "report", Remedy: "name days: from and to",
				Message: fmt.Sprintf("the report would have more than %d rows", mostGroups)}
		}
		out[r.value("agreement")] = agreedOf(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	q.From, q.To = time.Time{}, time.Time{}
	err = m.each(q, wanted{schemas.ChangeRevoke: {"agreement", "reason"}}, func(r *record) error {
		if a := out[r.value("agreement")]; a != nil {
			a.revoked, a.because = r.day(), r.value("reason")
		}
		return nil
	})
	return out, err
}

// permits is the register of agreements.
func permits(m *making) error {
	all, err := m.agreements(m.query)
	if err != nil {
		return err
	}
	var rows [][]Cell
	var sets names
	byRecord := func(a, b string) int { return cmp.Compare(all[a].record, all[b].record) }
	for _, id := range slices.SortedFunc(maps.Keys(all), byRecord) {
		a := all[id]
		sets.add(a.dataset)
		rows = append(rows, []Cell{number(a.record), text(a.permit), text(id), text(a.participant), text(a.project), text(a.purpose),
			text(a.action), text(a.dataset), text(a.provider), text(a.factory), text(a.granted), text(a.lastDay()),
			text(string(a.state(m.until))), text(a.revoked), text(a.because), text(a.rules), text(a.terms)})
	}
	m.doc.add("permits", "Permits", OfRecord, "record permit agreement participant project purpose action dataset provider factory "+
		"granted_on until state ended_on reason rules terms", rows)
	err = m.describe(sets)
	if err != nil {
		return err
	}
	return nil
}
