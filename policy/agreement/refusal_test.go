package agreement

import (
	"context"
	"fmt"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Refusals after the first of a minute are counted, and the count is in the record when
// the minute is over: nothing is lost, and nobody floods it.
func TestRefusalsAreCounted(t *testing.T) {
	d := newDesk(t, 0)
	now := time.Date(2026, 5, 4, 10, 0, 5, 0, time.UTC)
	d.refusals.now = func() time.Time { return now }
	no := schemas.Refuse("ds-a", "offer.use", "the offer", "no", "")
	refuse := func(address string, n int) {
		for range n {
			must(t, d.refusals.Refused(t.Context(), schemas.Principal{}, address, "http", no))
		}
		d.refusals.recordWaiting(t.Context(), <-d.refusals.waiting)
	}
	recorded := func() (entries, all int64) {
		t.Helper()
		changes, err := d.agreements.DB.Changes(t.Context(), 0, 1000)
		must(t, err)
		for _, c := range changes {
			if c.Kind != schemas.ChangeRefusal {
				continue
			}
			leaf, err := db.ParseLeaf(c.Leaf)
			must(t, err)
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
	must(t, d.refusals.count(t.Context(), now))
	now = now.Add(time.Minute)
	refuse("192.0.2.1", 3)
	must(t, d.refusals.count(t.Context(), now))
	if entries, all := recorded(); entries != 4 || all != 502 {
		t.Errorf("a minute later: %d entries of %d refusals, want 4 of 502", entries, all)
	}
	must(t, d.refusals.count(t.Context(), now.Add(time.Minute))) // as at a stop
	must(t, d.refusals.count(t.Context(), now.Add(time.Minute)))
	if entries, all := recorded(); entries != 5 || all != 504 {
		t.Errorf("at the end: %d entries of %d refusals, want 5 of 504", entries, all)
	}
}

// A refusal of a caller without a name is answered while nothing can be written, and
// what there is no room for is counted, also when what says so could not be written.
func TestStrangersWaitForNoRecord(t *testing.T) {
	d := newDesk(t, 0)
	no := schemas.Refuse("ds-a", "offer.use", "the offer", "no", "")
	away, gone := context.WithCancel(t.Context())
	gone()
	for i := range maxWaiting + 10 {
		must(t, d.refusals.Refused(away, schemas.Principal{}, fmt.Sprintf("192.0.2.%d", i), "http", no)) // with a database, this would fail
	}
	d.refusals.recordWaiting(away, <-d.refusals.waiting)
	if d.refusals.dropped != maxWaiting+10 {
		t.Errorf("%d are counted as dropped, want all %d", d.refusals.dropped, maxWaiting+10)
	}
	must(t, d.refusals.Refused(away, schemas.Principal{}, "192.0.2.1 again", "http", no))
	d.refusals.recordWaiting(t.Context(), <-d.refusals.waiting)
	changes, err := d.agreements.DB.Changes(t.Context(), 0, 1000)
	must(t, err)
	last, err := db.ParseLeaf(changes[len(changes)-1].Leaf)
	must(t, err)
	if last.Numbers["more"] != maxWaiting+10 {
		t.Errorf("the record says that %d were dropped", last.Numbers["more"])
	}
}
