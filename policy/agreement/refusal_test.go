package agreement

import (
	"testing"
	"time"

	"guichet/connectors/sql"
	"guichet/schemas"
)

// Refusals after the first of a minute are counted, and the count is in the record when
// the minute is over: nothing is lost, and nobody floods it.
func TestRefusalsAreCounted(t *testing.T) {
	d := newDesk(t, 0)
	now := time.Date(2026, 5, 4, 10, 0, 5, 0, time.UTC)
	d.now = func() time.Time { return now }
	no := denied("ds-a", "offer.use", "the offer", "no", "")
	refuse := func(address string, n int) {
		for range n {
			must(t, d.Refused(t.Context(), schemas.Principal{}, address, "http", no))
		}
	}
	recorded := func() (entries, all int64) {
		t.Helper()
		changes, err := d.db.Changes(t.Context(), 0, 1000)
		must(t, err)
		for _, c := range changes {
			if c.Kind != schemas.ChangeRefusal {
				continue
			}
			leaf, err := sql.ParseLeaf(c.Leaf)
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
	must(t, d.countRefusals(t.Context(), now))
	now = now.Add(time.Minute)
	refuse("192.0.2.1", 3)
	must(t, d.countRefusals(t.Context(), now))
	if entries, all := recorded(); entries != 4 || all != 502 {
		t.Errorf("a minute later: %d entries of %d refusals, want 4 of 502", entries, all)
	}
	must(t, d.countRefusals(t.Context(), now.Add(time.Minute))) // as at a stop
	must(t, d.countRefusals(t.Context(), now.Add(time.Minute)))
	if entries, all := recorded(); entries != 5 || all != 504 {
		t.Errorf("at the end: %d entries of %d refusals, want 5 of 504", entries, all)
	}
}
