package streamtest

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"guichet/policy"
	"guichet/policy/agreement/release"
	"guichet/schemas"
)

// Record keeps releases as they begin and end.
type Record struct {
	Refuse   error                         // nothing may begin
	MostRows int64                         // what an account leaves; 0: any number
	OnEnd    func(r schemas.Release) error // called before an end is kept, if not nil
	OnMore   func(rows, bytes int64) error // called when a reservation is spent, if not nil

	mu    sync.Mutex
	begun []schemas.Release
	ended []schemas.Release
}

// Begin is a record's.
func (r *Record) Begin(
	_ context.Context, _ policy.Grant, rel schemas.Release, _ release.ReadPlan,
) (schemas.Release, *release.Reservation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rel.ID = schemas.NewReleaseID()
	if r.Refuse != nil {
		return rel, nil, r.Refuse
	}
	if r.MostRows > 0 {
		rel.MostRows = min(rel.MostRows, r.MostRows)
	}
	r.begun = append(r.begun, rel)
	return rel, nil, nil
}

// More is a record's.
func (r *Record) More(_ context.Context, _ schemas.Release, _ *release.Reservation, rows, bytes int64) error {
	if r.OnMore != nil {
		return r.OnMore(rows, bytes)
	}
	return nil
}

// End is a record's.
func (r *Record) End(_ context.Context, rel schemas.Release, _ *release.Reservation) error {
	if r.OnEnd != nil {
		err := r.OnEnd(rel)
		if err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, rel)
	return nil
}

// All gives what has begun and ended.
func (r *Record) All() (begun, ended []schemas.Release) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun, r.ended
}

// Feed is a feed that cuts when the test says so.
type Feed struct {
	mu    sync.Mutex
	cuts  map[string][]func(string)
	stale time.Duration
}

// Watch is a feed's.
func (w *Feed) Watch(a schemas.AgreementID, _ string, l schemas.Lease, cut func(string)) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cuts == nil {
		w.cuts = map[string][]func(string){}
	}
	for _, id := range []string{string(a), string(l.Participant)} {
		w.cuts[id] = append(w.cuts[id], cut)
	}
	return func() {}
}

// Stale is a feed's.
func (w *Feed) Stale() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stale
}

// SetStale says for how long the feed knows nothing.
func (w *Feed) SetStale(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stale = d
}

// Cut revokes an agreement, or a participant's membership.
func (w *Feed) Cut(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.cuts[id] {
		c("the agreement was revoked")
	}
}

// GrantUntil is Grant under an agreement that ends then.
func GrantUntil(t testing.TB, until time.Time, duties ...schemas.Duty) policy.Grant {
	t.Helper()
	return grant(t, until, time.Time{}, duties)
}

// GrantOfJobKey is Grant by a lease of a job key that ends then.
func GrantOfJobKey(t testing.TB, ends time.Time) policy.Grant {
	t.Helper()
	return grant(t, time.Now().Add(time.Hour), ends, nil)
}

// Grant is the right to the dataset ds-lab under the agreement agr-a, by a lease of p.
func Grant(t testing.TB, duties ...schemas.Duty) policy.Grant {
	t.Helper()
	return grant(t, time.Now().Add(time.Hour), time.Time{}, duties)
}

func grant(t testing.TB, until, keyEnds time.Time, duties []schemas.Duty) policy.Grant {
	t.Helper()
	a := schemas.Agreement{
		ID: "agr-a", Dataset: "ds-lab", Participant: "p", Versions: []schemas.VersionID{"v1"}, State: schemas.AgreementActive,
		Until: until, Permit: "req-1", Obligations: duties, Direct: true,
	}
	l := schemas.Lease{
		ID:          "lease-a",
		Participant: "p",
		Items:       []schemas.LeaseItem{{Agreement: a.ID, Version: "v1"}},
		Until:       time.Now().Add(time.Minute),
		Ends:        keyEnds,
	}
	look := func(context.Context, string, schemas.AgreementID) (policy.Entitlement, error) {
		return policy.Entitlement{Lease: l, Agreement: a}, nil
	}
	g, err := policy.Authorize(t.Context(), look, "", policy.StreamRequest{Door: "http", Agreement: a.ID,
		Address: netip.MustParseAddr("192.0.2.1")}, time.Now())
	Must(t, err)
	return g
}
