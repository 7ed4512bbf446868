package terms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"guichet/policy"
	"guichet/schemas"
)

// manifests is what Terms need to know of versions.
type manifests interface {
	// Manifest finds a published version. Errors: NotFound, Busy while publishing.
	Manifest(ctx context.Context, id schemas.DatasetID, version schemas.VersionID) (schemas.Version, error)
}

// Terms holds terms against what is published. Safe for concurrent use.
type Terms struct {
	catalogue manifests
	show      Show
	now       func() time.Time
	known     misfits
}

// New makes Terms; show nil: every column can be shown under any terms; now nil is the clock.
func New(catalogue manifests, show Show, now func() time.Time) *Terms {
	if show == nil {
		show = func(*schemas.Table, *schemas.Agreement, []string) error { return nil }
	}
	if now == nil {
		now = time.Now
	}
	return &Terms{catalogue: catalogue, show: show, now: now, known: misfits{seen: map[string]*schemas.Reason{}}}
}

// Show says whether columns of a table can be shown under an agreement, as the byte
// doors would: nil, or Denied naming the obligation that cannot be carried out on it.
type Show func(t *schemas.Table, a *schemas.Agreement, columns []string) error

// Check holds a yes against the published version, so that marks, dry runs and requests
// promise only what the byte doors can keep: the terms can be carried out, and what was
// asked for is there and not hidden. at is where the columns stand in what was asked.
// Errors: Invalid for a column that no table has.
func (s *Terms) Check(
	ctx context.Context, dec *schemas.Decision, f policy.Attributes, ds *schemas.Dataset, columns []string, at string,
) error {
	a := &schemas.Agreement{Obligations: dec.Obligations, Columns: columns, From: f.Now, Versions: []schemas.VersionID{ds.Latest.Version}}
	if len(columns) == 0 && !slices.ContainsFunc(a.Obligations, changes) {
		return nil
	}
	reason, err := s.misfit(ctx, ds, a, at)
	if err != nil || reason == nil {
		return err
	}
	policy.Refuse(dec, *reason)
	return nil
}

// changes says whether an obligation changes what is shown.
func changes(d schemas.Duty) bool {
	return d.Kind != schemas.DutyAttribute && d.Kind != schemas.DutyBudget && d.Kind != schemas.DutyFactory
}

// misfit gives why an agreement could not be kept, or nil. A version never changes, so
// that the answer for all of its columns is remembered.
func (s *Terms) misfit(ctx context.Context, ds *schemas.Dataset, a *schemas.Agreement, at string) (*schemas.Reason, error) {
	b, err := json.Marshal([]any{ds.ID, ds.Provider, a.Versions, a.Obligations})
	if err != nil {
		return nil, fmt.Errorf("name the terms of %s: %w", ds.ID, err)
	}
	if len(a.Columns) == 0 {
		reason, known := s.known.get(string(b))
		if known {
			return reason, nil
		}
	}
	m, err := s.catalogue.Manifest(ctx, ds.ID, a.Versions[0])
	if err != nil {
		return nil, err
	}
	for j, c := range a.Columns {
		if !slices.ContainsFunc(m.Data, func(t schemas.Table) bool { return HasColumn(&t, c) }) {
			return nil, schemas.BadField("request", fmt.Sprintf("%s/columns/%d", at, j), "no table of %s has a column %q", ds.ID, c)
		}
	}
	reason, err := s.unkept(&m, a, ds.Provider)
	if err == nil && len(a.Columns) == 0 {
		s.known.put(string(b), reason)
	}
	return reason, err
}

func (s *Terms) unkept(m *schemas.Version, a *schemas.Agreement, provider schemas.ParticipantID) (*schemas.Reason, error) {
	remedy := fmt.Sprintf("the provider, %s, must fix the terms or the description of the columns", provider)
	missing := a.Unresolved(m)
	if missing != "" {
		return &schemas.Reason{
			Rule:   "offer.columns",
			Source: "the terms of the dataset",
			Text:   fmt.Sprintf("the terms change column %q, and the published version has no such column", missing),
			Remedy: remedy,
		}, nil
	}
	for _, c := range a.Columns {
		duty, hidden := Hides(a, m, c)
		if hidden {
			return &schemas.Reason{
				Rule:   duty.Rule,
				Source: duty.Source,
				Text:   fmt.Sprintf("column %q is hidden by the terms", c),
				Remedy: "leave the column out, or ask the provider to show it",
			}, nil
		}
	}
	some := false
	for i := range m.Data {
		t := &m.Data[i]
		columns := shown(a, t)
		if len(columns) == 0 {
			continue
		}
		some = true
		err := s.show(t, a, columns)
		if schemas.KindOf(err) == schemas.Denied {
			e, _ := errors.AsType[*schemas.Error](err)
			return &schemas.Reason{Rule: e.Reasons[0].Rule, Source: e.Reasons[0].Source, Text: e.Message, Remedy: remedy}, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if !some {
		return &schemas.Reason{
			Rule:   "offer.columns",
			Source: "the terms of the dataset",
			Text:   "the terms leave no column to show",
			Remedy: remedy,
		}, nil
	}
	return nil, nil
}

func HasColumn(t *schemas.Table, column string) bool {
	return slices.ContainsFunc(t.Columns, func(have schemas.TableColumn) bool { return have.Name == column })
}

// shown gives the columns of a table that an agreement covers and does not hide.
func shown(a *schemas.Agreement, t *schemas.Table) []string {
	var out []string
	for _, c := range t.Columns {
		_, hidden := hiding(a, t.Name, c.Name)
		if !hidden && (len(a.Columns) == 0 || slices.Contains(a.Columns, c.Name)) {
			out = append(out, c.Name)
		}
	}
	return out
}

// hiding finds the obligation that hides a column. One on a nested column hides the
// whole top-level one.
func hiding(a *schemas.Agreement, table, column string) (schemas.Duty, bool) {
	for _, d := range a.Obligations {
		if d.Kind == schemas.DutyHide && (d.Table == "" || d.Table == table) && slices.ContainsFunc(d.Columns, func(c string) bool {
			return c == column || strings.HasPrefix(c, column+".")
		}) {
			return d, true
		}
	}
	return schemas.Duty{}, false
}

// Hides finds the obligation that hides a column in every table that has it.
func Hides(a *schemas.Agreement, m *schemas.Version, column string) (duty schemas.Duty, hidden bool) {
	for i := range m.Data {
		t := &m.Data[i]
		if !HasColumn(t, column) {
			continue
		}
		duty, hidden = hiding(a, t.Name, column)
		if !hidden {
			return duty, false
		}
	}
	return duty, hidden
}

// CheckOffer says whether an offer can be carried out on what is published of its
// dataset: nil, or Invalid with a pointer to each duty that cannot. It leaves to
// requests what only several rules or layers together demand.
func (s *Terms) CheckOffer(ctx context.Context, ds *schemas.Dataset, o *schemas.Offer) error {
	if ds.Latest == nil {
		return nil
	}
	m, err := s.catalogue.Manifest(ctx, ds.ID, ds.Latest.Version)
	if err != nil {
		return err
	}
	var faults []schemas.FieldError
	check := func(at string, duties []schemas.Duty) error {
		reason, err := s.unkept(&m, &schemas.Agreement{Obligations: duties, From: s.now()}, ds.Provider)
		if err == nil && reason != nil {
			faults = append(faults, schemas.FieldError{Pointer: at, Message: reason.Text})
		}
		return err
	}
	for i, r := range o.Rules {
		before := len(faults)
		for j, duty := range r.Duties {
			if changes(duty) {
				err := check(fmt.Sprintf("/rules/%d/duties/%d", i, j), []schemas.Duty{duty})
				if err != nil {
					return err
				}
			}
		}
		if len(faults) == before {
			err := check(fmt.Sprintf("/rules/%d/duties", i), r.Duties)
			if err != nil {
				return err
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return &schemas.Error{
		Kind:    schemas.Invalid,
		Subject: "offer",
		Message: fmt.Sprintf("the terms cannot be carried out on the published version %s", m.Version),
		Fields:  faults,
		Remedy:  "fix the fields named; guichet show " + string(ds.ID) + " tells tables, columns and their types",
	}
}

// misfits remembers which terms can be kept on which version.
type misfits struct {
	mu   sync.Mutex
	seen map[string]*schemas.Reason // nil: they can
}

// mostMisfits bounds what is remembered; beyond it all is forgotten.
const mostMisfits = 20_000

func (k *misfits) get(terms string) (*schemas.Reason, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.seen[terms]
	return r, ok
}

func (k *misfits) put(terms string, r *schemas.Reason) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.seen) >= mostMisfits {
		clear(k.seen)
	}
	k.seen[terms] = r
}
