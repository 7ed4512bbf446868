package view

import (
	"errors"
	"fmt"
	"slices"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

// Check says whether the terms of an agreement are enforceable on a version, for the
// columns that it covers: nil, or why they are not. It makes the views that streams would
// be of and throws them away, so that marks, leases, manifests and streams have one judge.
// Errors: a schema that cannot be read.
func Check(v *schemas.Version, a *schemas.Agreement) (unenforceable *schemas.Reason, err error) {
	remedy := fmt.Sprintf("the provider, %s, must fix the terms or the description of the columns", a.Provider)
	ofTerms := func(text string) *schemas.Reason {
		return &schemas.Reason{Rule: "offer.columns", Source: "the terms of the dataset", Text: text, Remedy: remedy}
	}
	missing := a.Unresolved(v)
	if missing != "" {
		return ofTerms(fmt.Sprintf("the terms change column %q, and the published version has no such column", missing)), nil
	}
	hides, err := HiddenIn(v, a)
	if err != nil {
		return nil, err
	}
	for _, c := range a.Columns {
		duty, hidden := hides(c)
		if hidden {
			return &schemas.Reason{Rule: duty.Rule, Source: duty.Source, Text: fmt.Sprintf("column %q is hidden by the terms", c),
				Remedy: "leave the column out, or ask the provider to show it"}, nil
		}
	}
	some := false
	for i := range v.Data {
		t := &v.Data[i]
		if t.Objects {
			some = some || Whole(t, a) == nil
			continue
		}
		columns, err := shown(t, a)
		if err != nil {
			return nil, err
		}
		if len(columns) == 0 {
			continue
		}
		some = true
		_, err = New(t, a, columns, make([]byte, 32)) // pseudonyms of any key are possible or none
		if schemas.KindOf(err) == schemas.Denied {
			e, _ := errors.AsType[*schemas.Error](err)
			return &schemas.Reason{Rule: e.Reasons[0].Rule, Source: e.Reasons[0].Source, Text: e.Message, Remedy: remedy}, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if !some {
		for i := range v.Data {
			if e, is := errors.AsType[*schemas.Error](Whole(&v.Data[i], a)); v.Data[i].Objects && is {
				return &e.Reasons[0], nil
			}
		}
		return ofTerms("the terms leave no column to show"), nil
	}
	return nil, nil
}

// Whole says whether an agreement covers a table of objects: nil, or Denied with the rule that
// shows a part only. Objects are given whole or not at all.
func Whole(t *schemas.Table, a *schemas.Agreement) error {
	refuse := func(rule, source, why, remedy string) error {
		text := fmt.Sprintf("the table %s is of objects, which are given whole or not at all: %s", t.Name, why)
		return &schemas.Error{Kind: schemas.Denied, Subject: "view", Message: text, Remedy: remedy,
			Reasons: []schemas.Reason{{Rule: rule, Source: source, Text: text, Remedy: remedy}}}
	}
	if len(a.Columns) > 0 {
		return refuse("agreement.columns", "the agreement", "the agreement covers named columns alone", "send a request without columns")
	}
	for i := range a.Obligations {
		if d := &a.Obligations[i]; d.Divides(t.Name) {
			return refuse(d.Rule, d.Source, fmt.Sprintf("the terms demand %s of every table", d.Kind),
				fmt.Sprintf("the provider, %s, must name the tables that the rule is for", a.Provider))
		}
	}
	return nil
}

// shown names the columns of a table that an agreement covers and does not hide.
func shown(t *schemas.Table, a *schemas.Agreement) ([]string, error) {
	hidden, err := hiddenNames(t, a)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range t.Columns {
		_, gone := hidden[c.Name]
		if !gone && (len(a.Columns) == 0 || slices.Contains(a.Columns, c.Name)) {
			out = append(out, c.Name)
		}
	}
	return out, nil
}

// HiddenIn gives a function that says by which duty an agreement hides a column in every
// table of a version that has it; in one that shows it, it can be read. Errors: a schema
// that cannot be read.
func HiddenIn(v *schemas.Version, a *schemas.Agreement) (func(column string) (schemas.Duty, bool), error) {
	tables := make([]map[string]schemas.Duty, len(v.Data))
	for i := range v.Data {
		var err error
		tables[i], err = hiddenNames(&v.Data[i], a)
		if err != nil {
			return nil, err
		}
	}
	return func(column string) (duty schemas.Duty, hidden bool) {
		for i := range v.Data {
			if !slices.ContainsFunc(v.Data[i].Columns, func(c schemas.TableColumn) bool { return c.Name == column }) {
				continue
			}
			duty, hidden = tables[i][column]
			if !hidden {
				return duty, false
			}
		}
		return duty, hidden
	}, nil
}

// hiddenNames gives the columns of a table that an agreement hides, each with the first
// duty that does.
func hiddenNames(t *schemas.Table, a *schemas.Agreement) (map[string]schemas.Duty, error) {
	if !slices.ContainsFunc(a.Obligations, func(d schemas.Duty) bool { return d.Kind == schemas.DutyHide && binds(&d, t) }) {
		return nil, nil
	}
	s, err := ipc.ParseSchema(t.Schema)
	if err != nil {
		return nil, fmt.Errorf("read the schema of table %s: %w", t.Name, err)
	}
	out := map[string]schemas.Duty{}
	for i, d := range hiddenIn(s.Arrow, t, a) {
		out[s.Arrow.Field(i).Name] = d
	}
	return out, nil
}
