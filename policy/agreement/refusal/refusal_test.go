package refusal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// A refusal says by which rule, about what, at which door and of whom; what a caller chose
// is kept short; whatever is no refusal is no entry.
func TestWhatIsRecorded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := agreementtest.New(t, database, 0, 0)
		a := w.Agree(t, "ds-0", nil)
		lease := schemas.Lease{ID: "lease-a", Participant: agreementtest.Lab}
		r := New(database, func(_ context.Context, token string) (schemas.Lease, error) {
			if token != "good" {
				return lease, schemas.Errorf(schemas.Unauthenticated, "lease", "the token is not a lease of this gateway")
			}
			return lease, nil
		}, nil)
		long := strings.Repeat("ä", 400) + "\x00\xff"
		for _, c := range []struct {
			name  string
			do    func() error
			want  map[string]string
			about string
		}{
			{"an agreement", func() error {
				no := schemas.Refuse(string(a.ID), "lease.partner", "the agreement", "no", "")
				return r.Refused(t.Context(), agreementtest.Trainer(), "192.0.2.1", "http mint-lease", no)
			}, map[string]string{"door": "http mint-lease", "rule": "lease.partner", "about": string(a.ID), "text": "no",
				"by":      string(agreementtest.Lab),
				"subject": "i#ada", "participant": string(agreementtest.Lab), "agreement": string(a.ID), "dataset": "ds-0",
				"provider": string(agreementtest.Holder), "project": "p"}, string(a.ID)},
			{"what nobody knows", func() error {
				return r.Refused(t.Context(), agreementtest.Trainer(), "", "http",
					&schemas.Error{Kind: schemas.Denied, Subject: "agr-none", Message: "no"})
			}, map[string]string{"door": "http", "rule": "denied", "about": "agr-none", "text": "no", "by": string(agreementtest.Lab),
				"subject": "i#ada", "participant": string(agreementtest.Lab)}, "agr-none"},
			{"a run", func() error {
				return r.Refused(t.Context(), agreementtest.Trainer(), "", "http", schemas.Refuse("run-a", "run.partner", "roles", "no", ""))
			}, map[string]string{"door": "http", "rule": "run.partner", "about": "run-a", "text": "no", "by": string(agreementtest.Lab),
				"subject": "i#ada", "participant": string(agreementtest.Lab), "run": "run-a", "project": "p"}, "run-a"},
			{"a lease at a byte door", func() error {
				return r.RefusedBytes(t.Context(), "good", "192.0.2.1", "flight", schemas.Refuse("x", "agreement.ended", "", "no", ""))
			}, map[string]string{"door": "flight", "rule": "agreement.ended", "about": "x", "text": "no", "by": string(agreementtest.Lab),
				"subject": "lease#lease-a", "participant": string(agreementtest.Lab)}, "x"},
			{"a long text", func() error {
				return r.Refused(t.Context(), agreementtest.Trainer(), "", "http", schemas.Refuse(long, "long", "", long, ""))
			}, map[string]string{"door": "http", "rule": "long", "about": strings.Repeat("ä", 256) + "…", "text": strings.Repeat("ä", 256) + "…",
				"by": string(agreementtest.Lab), "subject": "i#ada", "participant": string(agreementtest.Lab)}, strings.Repeat("ä", 256) + "…"},
			{"no lease at a byte door", func() error {
				err := r.RefusedBytes(t.Context(), "bad", "192.0.2.1", "http",
					schemas.Errorf(schemas.Unauthenticated, "lease", "the token is not a lease"))
				r.recordWaiting(t.Context(), <-r.waiting)
				return err
			}, map[string]string{"door": "http", "rule": "unauthenticated", "about": "lease", "text": "the token is not a lease",
				"address": "192.0.2.1"}, "lease"},
		} {
			agreementtest.Must(t, c.do())
			all := w.Entries(t, schemas.ChangeRefusal)
			last := all[len(all)-1]
			if d := cmp.Diff(c.want, last.Values); d != "" || last.Subject == "" ||
				!strings.HasPrefix(c.about, last.Subject) { // the row keeps the beginning of a long one
				t.Errorf("%s: about %q (-want +got):\n%s", c.name, last.Subject, d)
			}
		}
		n := len(w.Entries(t, schemas.ChangeRefusal))
		for _, err := range []error{nil, errors.New("a fault"), schemas.Errorf(schemas.NotFound, "x", "no"), schemas.BadField("x", "/y", "no")} {
			agreementtest.Must(t, r.Refused(t.Context(), agreementtest.Trainer(), "", "http", err))
		}
		if now := len(w.Entries(t, schemas.ChangeRefusal)); now != n {
			t.Errorf("%d errors that are no refusals are recorded", now-n)
		}
	})
}

// However many callers refuse themselves how often, the keys of a minute are bounded, and
// every refusal is recorded or counted, up to twice the bound.
func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	r := New(nil, nil, nil)
	now := time.Date(2026, 5, 4, 10, 0, 5, 0, time.UTC)
	recorded := 0
	for i := range 3 * maxRefusals {
		if r.first(now, refusalKey{"eve", "rule", fmt.Sprint(i)}, schemas.Change{}) {
			recorded++
		}
	}
	if recorded != maxRefusals+1 || len(r.seen) != maxRefusals+1 { // and one for all others of the caller
		t.Errorf("%d are recorded under %d keys", recorded, len(r.seen))
	}
	rest := r.seen[refusalKey{"eve", "rule", ""}]
	if rest == nil || rest.more != 2*maxRefusals-1 {
		t.Errorf("the rest is counted as %+v", rest)
	}
	for i := range 2 * maxRefusals {
		r.first(now, refusalKey{fmt.Sprint("caller ", i), "rule", "x"}, schemas.Change{})
	}
	if len(r.seen) != 2*maxRefusals {
		t.Errorf("there are %d keys", len(r.seen))
	}
	r.turn(now.Add(time.Minute))
	if len(r.seen) != 0 || len(r.over) != 1 {
		t.Errorf("a minute later there are %d keys, and %d to be told", len(r.seen), len(r.over))
	}
}

// Count records what strangers are refused, and what there is when it ends.
func TestCount(t *testing.T) {
	t.Parallel()
	w := agreementtest.New(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	r := New(w.DB, nil, nil)
	no := schemas.Refuse("ds-a", "offer.use", "the offer", "no", "")
	for range 3 {
		agreementtest.Must(t, r.Refused(t.Context(), schemas.Principal{}, "192.0.2.1", "http", no))
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	agreementtest.Must(t, r.Count(ctx))
	all := w.Entries(t, schemas.ChangeRefusal)
	if len(all) != 2 || all[0].Numbers["more"] != 0 || all[1].Numbers["more"] != 2 {
		t.Errorf("the record has %+v", all)
	}
}

// What could not be counted into the record, since the database is away, is counted later.
func TestCountsWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	w := agreementtest.New(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	r := New(w.DB, nil, nil)
	now := time.Now()
	no := schemas.Refuse("ds-a", "offer.use", "the offer", "no", "")
	for range 4 {
		agreementtest.Must(t, r.Refused(t.Context(), agreementtest.Trainer(), "", "http", no))
	}
	away, gone := context.WithCancel(t.Context())
	gone()
	for range 2 {
		if err := r.count(away, now.Add(2*time.Minute)); err == nil {
			t.Error("it is counted without a database")
		}
	}
	agreementtest.Must(t, r.count(t.Context(), now.Add(2*time.Minute)))
	all := w.Entries(t, schemas.ChangeRefusal)
	if last := all[len(all)-1]; len(all) != 2 || last.Numbers["more"] != 3 || last.Values["by"] != string(agreementtest.Lab) {
		t.Errorf("the record has %+v", all)
	}
}
