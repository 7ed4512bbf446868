package refusal

import (
	"context"
	"fmt"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

func newRig(t *testing.T) *Refusals {
	t.Helper()
	return New(dbtest.Open(t, dbtest.SQLite), nil, nil)
}

// Refusals after the first of a minute are counted, and the count is in the record when
// the minute is over: nothing is lost, and nobody floods it.
func TestRefusalsAreCounted(t *testing.T) {
	d := newRig(t)
	now := time.Date(2026, 5, 4, 10, 0, 5, 0, time.UTC)
	d.now = func() time.Time { return now }
	no := schemas.Refuse("ds-a", "offer.use", "the offer", "no", "")
	refuse := func(address string, n int) {
		for range n {
			agreementtest.Must(t, d.Refused(t.Context(), schemas.Principal{}, address, "http", no))
		}
		d.recordWaiting(t.Context(), <-d.waiting)
	}
	recorded := func() (entries, all int64) {
		t.Helper()
		changes, err := d.db.Changes(t.Context(), 0, 1000)
		agreementtest.Must(t, err)
		for _, c := range changes {
			if c.Kind != schemas.ChangeRefusal {
				continue
			}
			leaf, err := db.ParseLeaf(c.Leaf)
			agreementtest.Must(t, err)
			entries++
			if more := leaf.Numbers["more"]; more > 0 {
				all += more
			} else {
				all++
			}
		}
		return entries, all
	}
	refuse("192.0.2.1", 500)
	refuse("192.0.2.2", 1)
	if entries, all := recorded(); entries != 2 || all != 2 {
		t.Errorf("within the minute: %d entries of %d refusals", entries, all)
	}
	agreementtest.Must(t, d.count(t.Context(), now))
	now = now.Add(time.Minute)
	refuse("192.0.2.1", 3)
	agreementtest.Must(t, d.count(t.Context(), now))
	if entries, all := recorded(); entries != 4 || all != 502 {
		t.Errorf("a minute later: %d entries of %d refusals, want 4 of 502", entries, all)
	}
	agreementtest.Must(t, d.count(t.Context(), now.Add(time.Minute))) // as at a stop
	agreementtest.Must(t, d.count(t.Context(), now.Add(time.Minute)))
	if entries, all := recorded(); entries != 5 || all != 504 {
		t.Errorf("at the end: %d entries of %d refusals, want 5 of 504", entries, all)
	}
}

// A refusal of a caller without a name is answered while nothing can be written, and
// what there is no room for is counted, also when what says so could not be written.
func TestStrangersWaitForNoRecord(t *testing.T) {
	d := newRig(t)
	no := schemas.Refuse("ds-a", "offer.use", "the offer", "no", "")
	away, gone := context.WithCancel(t.Context())
	gone()
	for i := range maxWaiting + 10 {
		agreementtest.Must(t, d.Refused(away, schemas.Principal{}, fmt.Sprintf("192.0.2.%d", i), "http", no)) // with a database, this would fail
	}
	d.recordWaiting(away, <-d.waiting)
	if d.dropped != maxWaiting+10 {
		t.Errorf("%d are counted as dropped, want all %d", d.dropped, maxWaiting+10)
	}
	agreementtest.Must(t, d.Refused(away, schemas.Principal{}, "192.0.2.1 again", "http", no))
	d.recordWaiting(t.Context(), <-d.waiting)
	changes, err := d.db.Changes(t.Context(), 0, 1000)
	agreementtest.Must(t, err)
	last, err := db.ParseLeaf(changes[len(changes)-1].Leaf)
	agreementtest.Must(t, err)
	if last.Numbers["more"] != maxWaiting+10 {
		t.Errorf("the record says that %d were dropped", last.Numbers["more"])
	}
}
