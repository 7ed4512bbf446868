package terms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"

	"guichet/policy"
	"guichet/policy/view"
	"guichet/schemas"
)

// manifests is what Terms need to know of versions.
type manifests interface {
	// Manifest finds a published version. Errors: NotFound, Busy while publishing.
	Manifest(ctx context.Context, id schemas.DatasetID, version schemas.VersionID) (schemas.Version, error)
}

// Terms holds terms against what is published. Safe for concurrent use.
type Terms struct {
	catalogue  manifests
	now        func() time.Time
	judgements *otter.Cache[string, *schemas.Reason] // of terms on versions; nil: they can be enforced
}

// maxJudgements bounds how many terms are remembered, each with what view.Check said of it
// on one version.
const maxJudgements = 20_000

// New makes Terms; now nil is the clock.
func New(catalogue manifests, now func() time.Time) *Terms {
	if now == nil {
		now = time.Now
	}
	judgements := otter.Must(&otter.Options[string, *schemas.Reason]{MaximumSize: maxJudgements})
	return &Terms{catalogue: catalogue, now: now, judgements: judgements}
}

// Check holds a yes against the published version, so that marks, dry runs and requests
// promise only what the byte doors can keep: the terms can be carried out, and what was
// asked for is there and not hidden. at is where the columns stand in what was asked.
// Errors: Invalid for a column that no table has.
func (s *Terms) Check(
	ctx context.Context, dec *schemas.Decision, f policy.Attributes, ds *schemas.Dataset, columns []string, at string,
) error {
	a := &schemas.Agreement{
		Provider: ds.Provider, Obligations: dec.Obligations, Columns: columns, From: f.Now,
		Versions: []schemas.VersionID{ds.Latest.Version},
	}
	if len(columns) == 0 && !slices.ContainsFunc(a.Obligations, changes) {
		return nil
	}
	reason, err := s.unenforceable(ctx, ds, a, at)
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

// unenforceable gives why an agreement could not be kept, or nil. A version never changes, so
// that the answer for all of its columns is remembered.
func (s *Terms) unenforceable(ctx context.Context, ds *schemas.Dataset, a *schemas.Agreement, at string) (*schemas.Reason, error) {
	b, err := json.Marshal([]any{ds.ID, ds.Provider, a.Versions, a.Obligations})
	if err != nil {
		return nil, fmt.Errorf("name the terms of %s: %w", ds.ID, err)
	}
	if len(a.Columns) == 0 {
		reason, known := s.judgements.GetIfPresent(string(b))
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
	reason, err := view.Check(&m, a)
	if err == nil && len(a.Columns) == 0 {
		s.judgements.Set(string(b), reason)
	}
	return reason, err
}

// HasColumn says whether a table has a column of that very name.
func HasColumn(t *schemas.Table, column string) bool {
	return slices.ContainsFunc(t.Columns, func(have schemas.TableColumn) bool { return have.Name == column })
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
		reason, err := view.Check(&m, &schemas.Agreement{Provider: ds.Provider, Obligations: duties, From: s.now()})
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
