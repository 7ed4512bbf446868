package stop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

const second = schemas.ParticipantID("https://second.example")

// rig is a world with what takes rights away in it.
type rig struct {
	*agreementtest.World
	*Stops
}

func newRig(t *testing.T, database *db.DB) *rig {
	t.Helper()
	w := agreementtest.New(t, database, 0, 0)
	return &rig{w, New(w.Agreements, NewBrake(database, nil))}
}

// agreements makes one of the Lab's on each dataset named, after its provider.
func (d *rig) agreements(t *testing.T, of ...string) (out []schemas.AgreementID) {
	t.Helper()
	for _, s := range of {
		asker, on, _ := strings.Cut(s, " ")
		dataset, provider, _ := strings.Cut(on, " of ")
		out = append(out, d.Agree(t, schemas.DatasetID(dataset), func(a *schemas.Agreement) {
			a.Participant = map[string]schemas.ParticipantID{"lab": agreementtest.Lab, "second": second}[asker]
			a.Provider = map[string]schemas.ParticipantID{"holder": agreementtest.Holder, "second": second, "lab": agreementtest.Lab}[provider]
		}).ID)
	}
	return out
}

// standing gives which of some agreements are active.
func (d *rig) standing(t *testing.T, ids []schemas.AgreementID) (out []int) {
	t.Helper()
	for i, id := range ids {
		a, err := d.Agreements.Get(t.Context(), agreementtest.Officer(), id)
		agreementtest.Must(t, err)
		if a.State == schemas.AgreementActive {
			out = append(out, i)
		}
	}
	return out
}

// The provider or an operator ends an agreement, once, with a reason that is recorded.
func TestRevoke(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newRig(t, database)
		ctx := t.Context()
		for _, c := range []struct {
			name, reason string
			by           schemas.Principal
			kind         schemas.Kind
			text         string
		}{
			{"nobody", "breach", schemas.Principal{}, schemas.Unauthenticated, "this needs a signed-in caller"},
			{"a stranger", "breach", agreementtest.Person("eve", "https://two.example", schemas.RoleProvider), schemas.NotFound,
				"there is no agreement "},
			{"who asked for it", "breach", agreementtest.Trainer(), schemas.Denied,
				"only the provider of the dataset or an operator revokes an agreement"},
			{"a trainer of the provider", "breach", agreementtest.Person("tim", agreementtest.Holder, schemas.RoleTrainer), schemas.Denied,
				"agreement.provider"},
			{"an officer", "breach", agreementtest.Officer(), schemas.Denied, "agreement.provider"},
			{"no reason", "no", agreementtest.Owner(), schemas.Invalid, "[/reason: say why, in at least 3 characters]"},
			{"the provider", "breach", agreementtest.Owner(), 0, ""},
			{"an operator", "breach", agreementtest.Operator(), 0, ""},
		} {
			id := d.Agree(t, "ds-0", nil).ID
			a, err := d.Revoke(ctx, c.by, id, c.reason)
			if c.text != "" {
				agreementtest.Refused(t, c.name, err, c.kind, c.text)
				if len(d.standing(t, []schemas.AgreementID{id})) != 1 {
					t.Errorf("%s ended it", c.name)
				}
				continue
			}
			if err != nil || a.State != schemas.AgreementRevoked || a.Reason != c.reason || a.Revoked.IsZero() || a.Revision != 2 {
				t.Errorf("%s: %+v, %v", c.name, a, err)
			}
			all := d.Entries(t, schemas.ChangeRevoke)
			if e := all[len(all)-1]; e.Subject != string(id) || e.Values["reason"] != c.reason || e.Values["by"] != string(c.by.Participant) {
				t.Errorf("%s: the record says %+v", c.name, e)
			}
			_, err = d.Revoke(ctx, c.by, id, "again")
			agreementtest.Refused(t, c.name, err, schemas.Conflict, "the agreement was revoked already, on ")
		}
		_, err := d.Revoke(ctx, agreementtest.Owner(), "agr-none", "breach")
		agreementtest.Refused(t, "none", err, schemas.NotFound, "there is no agreement agr-none")
	})
}

// An agreement that was edited behind the gateway is in nobody's way when it is ended, and
// the record says that it was.
func TestAnEditedAgreementIsRevoked(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite))
	id := d.Agree(t, "ds-0", nil).ID
	d.Exec(t, `UPDATE agreement SET doc = replace(doc, '"train"', '"read"') WHERE id = ?`, string(id))
	a, err := d.Revoke(t.Context(), agreementtest.Owner(), id, "edited")
	if err != nil || a.State != schemas.AgreementRevoked {
		t.Errorf("%+v, %v", a, err)
	}
	if e := d.Entries(t, schemas.ChangeRevoke)[0]; e.Values["altered"] != "true" {
		t.Errorf("the record says %+v", e)
	}
}

// A withdrawal counts the agreements that it would end, and ends the provider's own.
func TestWithdrawals(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newRig(t, database)
		ctx := t.Context()
		ids := d.agreements(t, "lab ds-0 of holder", "second ds-0 of holder", "lab ds-0 of second", "lab ds-1 of holder")
		ids = append(ids, d.Agree(t, "ds-0", func(a *schemas.Agreement) { a.Until = time.Now().Add(-time.Second) }).ID)
		v2 := d.Agree(t, "ds-0", func(a *schemas.Agreement) { a.Versions = []schemas.VersionID{"v2", "v3"} }).ID
		ids = append(ids, v2)
		count := func(want int, version schemas.VersionID, on int) {
			t.Helper()
			n, err := d.ActiveOn(ctx, "ds-0")
			agreementtest.Must(t, err)
			k, err := d.ActiveOnVersion(ctx, "ds-0", version)
			agreementtest.Must(t, err)
			if n != want || k != on {
				t.Errorf("%d stand, %d on %s, want %d and %d", n, k, version, want, on)
			}
		}
		count(4, "v3", 1)
		count(4, "v1", 3)
		agreementtest.Must(t, d.RevokeOnVersion(ctx, agreementtest.Owner(), "ds-0", "v3", "v3 was withdrawn"))
		count(3, "v3", 0)
		agreementtest.Must(t, d.RevokeOnVersion(ctx, agreementtest.Owner(), "ds-0", "v9", "nothing stands on it"))
		agreementtest.Must(t, d.RevokeAllOn(ctx, agreementtest.Owner(), "ds-0", "withdrawn"))
		count(1, "v1", 1) // which another provider made
		agreementtest.Must(t, d.RevokeAllOn(ctx, agreementtest.Owner(), "ds-0", "again"))
		if left := d.standing(t, ids); !slices.Equal(left, []int{2, 3}) {
			t.Errorf("%v stand", left)
		}
		for _, e := range d.Entries(t, schemas.ChangeRevoke) {
			if want := map[bool]string{true: "v3 was withdrawn", false: "withdrawn"}[e.Subject == string(v2)]; e.Values["reason"] != want {
				t.Errorf("the record says %+v, want %s", e, want)
			}
		}
	})
}

// A stop by an operator ends all of a participant's and bars it; one by a provider ends what
// is on its data, and says what stays.
func TestStop(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		for _, c := range []struct {
			name  string
			by    schemas.Principal
			whom  schemas.ParticipantID
			left  []int
			note  string
			barre bool
		}{
			{"an operator", agreementtest.Operator(), agreementtest.Lab, []int{2, 3}, operatorStops, true},
			{"a provider", agreementtest.Owner(), agreementtest.Lab, []int{1, 2, 3}, providerStops, false},
			{"a provider stops itself", agreementtest.Owner(), agreementtest.Holder, []int{1, 3}, ownStop, false},
		} {
			d := newRig(t, dbtest.Open(t, dbtest.SQLite))
			d.Join(t, agreementtest.Person("sue", second, schemas.RoleProvider))
			ids := d.agreements(t, "lab ds-0 of holder", "lab ds-0 of second", "second ds-0 of holder", "second ds-1 of lab")
			out, err := d.Stop(t.Context(), c.by, c.whom, "breach")
			agreementtest.Must(t, err)
			if left := d.standing(t, ids); !slices.Equal(left, c.left) || out.Note != c.note || out.Barred != c.barre || out.Participant != c.whom {
				t.Errorf("%s: %v stand, and the answer is %+v", c.name, left, out)
			}
			if len(out.Revoked) != len(ids)-len(c.left) {
				t.Errorf("%s: revoked are %v", c.name, out.Revoked)
			}
			p, err := d.Parties.Participant(t.Context(), c.whom)
			if err != nil || p.Stopped != c.barre || c.barre && (p.StopBy != agreementtest.Factory || p.StopFor != "breach") {
				t.Errorf("%s: %+v, %v", c.name, p, err)
			}
		}
		d := newRig(t, database)
		ctx := t.Context()
		for _, c := range []struct {
			name, reason string
			by           schemas.Principal
			whom         schemas.ParticipantID
			kind         schemas.Kind
			text         string
		}{
			{"nobody", "breach", schemas.Principal{}, agreementtest.Lab, schemas.Unauthenticated, "this needs a signed-in caller"},
			{"a trainer", "breach", agreementtest.Trainer(), agreementtest.Lab, schemas.Denied, "only providers and operators stop a participant"},
			{"no reason", "", agreementtest.Operator(), agreementtest.Lab, schemas.Invalid, "[/reason: say why, in at least 3 characters]"},
			{"whom nobody knows", "breach", agreementtest.Operator(), "lab", schemas.NotFound, "there is no participant lab"},
		} {
			_, err := d.Stop(ctx, c.by, c.whom, c.reason)
			agreementtest.Refused(t, c.name, err, c.kind, c.text)
		}
		if n := len(d.Entries(t, schemas.ChangeStopped)); n != 0 {
			t.Errorf("%d stops are recorded", n)
		}
	})
}

// A stop is lifted by an operator alone, and once; who began a stop and when is not said
// anew by a second one; and each stands in the record.
func TestAStopIsLifted(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite))
	ctx := t.Context()
	_, err := d.Stop(ctx, agreementtest.Operator(), agreementtest.Lab, "breach")
	agreementtest.Must(t, err)
	_, err = d.Stop(ctx, agreementtest.Person("two", "https://factory2.example", schemas.RoleOperator), agreementtest.Lab, "still")
	agreementtest.Must(t, err)
	p, err := d.Parties.Participant(ctx, agreementtest.Lab)
	if err != nil || p.StopBy != agreementtest.Factory || p.StopFor != "breach" {
		t.Errorf("the second stop says %+v, %v", p, err)
	}
	for _, c := range []struct {
		name, reason string
		by           schemas.Principal
		kind         schemas.Kind
		text         string
	}{
		{"a provider", "settled", agreementtest.Owner(), schemas.Denied, "lift a stop"},
		{"no reason", "ok", agreementtest.Operator(), schemas.Invalid, "[/reason: say why, in at least 3 characters]"},
		{"an operator", "settled", agreementtest.Operator(), 0, ""},
		{"twice", "settled", agreementtest.Operator(), schemas.Conflict, "the participant https://lab.example is not stopped"},
	} {
		p, err := d.Unstop(ctx, c.by, agreementtest.Lab, c.reason)
		if c.text != "" {
			agreementtest.Refused(t, c.name, err, c.kind, c.text)
			continue
		}
		if err != nil || p.Stopped || p.StopFor != "" || !p.StopAt.IsZero() {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
	var words []string
	for _, kind := range []string{schemas.ChangeStopped, schemas.ChangeUnstopped} {
		for _, e := range d.Entries(t, kind) {
			words = append(words, e.Subject+" "+e.Values["state"]+": "+e.Values["reason"])
		}
	}
	if d := cmp.Diff([]string{"https://lab.example stopped: breach", "https://lab.example stopped: still",
		"https://lab.example lifted: settled"}, words); d != "" {
		t.Errorf("the record (-want +got):\n%s", d)
	}
	_, err = d.Stop(ctx, agreementtest.Operator(), agreementtest.Lab, "anew")
	agreementtest.Must(t, err)
	d.Exec(t, `UPDATE participant SET doc = replace(doc, '"FR"', '"DE"') WHERE id = ?`, string(agreementtest.Lab))
	_, err = d.Unstop(ctx, agreementtest.Operator(), agreementtest.Lab, "settled")
	agreementtest.Refused(t, "an edited participant", err, schemas.Unavailable, "its stop is not lifted")
}

// follow makes a feed of a database and runs it until the test ends.
func follow(t *testing.T, database *db.DB) *Feed {
	t.Helper()
	feed := NewFeed(database, discard())
	following, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = feed.Run(following) }()
	t.Cleanup(func() { stop(); <-done })
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for feed.Stale() > time.Minute { // until it follows
		<-tick.C
	}
	return feed
}

// cutFor waits for a stream's cut.
func cutFor(t *testing.T, name string, cut chan string, text string) {
	t.Helper()
	select {
	case why := <-cut:
		if !strings.Contains(why, text) {
			t.Errorf("%s: it was cut for %q, want %q", name, why, text)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("%s: the stream goes on", name)
	}
}

// What ends a right on one replica cuts the streams that run by it on another one, and no
// other stream.
func TestTheFeedCuts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newRig(t, database)
		ctx := t.Context()
		feed := follow(t, database)
		agreementtest.Must(t, d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return db.Insert(ctx, tx, "version", "ds-0/v1", schemas.Version{Dataset: "ds-0"},
				db.Columns{"dataset": "ds-0", "state": "published", "started": 0, "ask": "", "shards": "{}"})
		}))
		record := func(kind, subject string, do func(ctx context.Context, tx *db.Tx) error) func(schemas.Lease) {
			return func(l schemas.Lease) {
				subject := strings.ReplaceAll(subject, "LEASE", string(l.ID))
				subject = strings.ReplaceAll(subject, "PARENT", "lease-parent")
				agreementtest.Must(t, d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					if do != nil {
						err := do(ctx, tx)
						if err != nil {
							return err
						}
					}
					_, err := tx.Append(ctx, schemas.Change{Kind: kind, Subject: subject})
					return err
				}))
			}
		}
		withdraw := func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE version SET state = 'withdrawn' WHERE id = 'ds-0/v1'`)
			return err
		}
		for _, c := range []struct {
			name string
			do   func(l schemas.Lease)
			text string
		}{
			{"its lease is revoked", record(schemas.ChangeLeaseRevoked, "LEASE", nil), "the lease was revoked"},
			{"its lease's parent is revoked", record(schemas.ChangeLeaseRevoked, "PARENT", nil), "the lease was revoked"},
			{"its agreement is revoked", func(l schemas.Lease) {
				_, err := d.Revoke(ctx, agreementtest.Owner(), l.Items[0].Agreement, "breach")
				agreementtest.Must(t, err)
			}, "the agreement was revoked"},
			{"its version is withdrawn", record(schemas.ChangeVersion, "ds-0", withdraw), "the version was withdrawn"},
			{"its participant is stopped", record(schemas.ChangeStopped, string(agreementtest.Lab), nil), "the participant was stopped"},
			{"its person leaves", func(schemas.Lease) { d.Join(t, agreementtest.Person("bob", agreementtest.Lab, schemas.RoleTrainer)) },
				"you are no longer a trainer"},
			// Two changes, of which the second may be read when the stream is cut already: the last.
			{"its organisation leaves", func(schemas.Lease) {
				d.Join(t, agreementtest.Trainer())
				d.Project(t, func(p *schemas.Project) { p.Lead = agreementtest.Holder })
			}, "takes no part in the project any more"},
		} {
			l := agreementtest.Lease(d.Agree(t, "ds-0", nil).ID)
			l.Line = []schemas.LeaseID{"lease-parent"}
			cut, other, gone := make(chan string, 8), make(chan string, 8), make(chan string, 8)
			unwatch := feed.Watch(l.Items[0].Agreement, "ds-0/v1", l, func(why string) { cut <- why })
			elsewhere := agreementtest.Lease("agr-other")
			elsewhere.Participant, elsewhere.Project = "https://other.example", "other"
			still := feed.Watch("agr-other", "ds-1/v1", elsewhere, func(why string) { other <- why })
			feed.Watch(l.Items[0].Agreement, "ds-0/v1", l, func(why string) { gone <- why })()
			c.do(l)
			cutFor(t, c.name, cut, c.text)
			if len(other) > 0 || len(gone) > 0 {
				t.Errorf("%s: %d other streams and %d that had ended were cut", c.name, len(other), len(gone))
			}
			unwatch()
			still()
		}
		if feed.Stale() > time.Minute {
			t.Errorf("nothing was confirmed for %s", feed.Stale())
		}
		if n := len(feed.watchers); n != 0 {
			t.Errorf("%d are watched after all streams ended", n)
		}
	})
}

// Of many changes at once, most of which end nothing, and some of another process, the feed
// heeds each.
func TestTheFeedMissesNothing(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, dbtest.Postgres)
	var writers []*db.DB
	for range 2 {
		database := dbtest.OpenURL(t, url)
		dbtest.Run(t, database)
		writers = append(writers, database)
	}
	feed := follow(t, writers[0])
	const leases = 40
	cut := make(chan string, leases)
	for i := range leases {
		l := schemas.Lease{ID: schemas.LeaseID(fmt.Sprint("lease-", i)), Participant: "p"}
		t.Cleanup(feed.Watch("agr-a", "ds-0/v1", l, func(string) { cut <- string(l.ID) }))
	}
	var all sync.WaitGroup
	defer all.Wait()
	for i := range leases {
		all.Go(func() {
			err := writers[i%2].Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				for _, c := range []schemas.Change{{Kind: "k", Subject: "s"}, {Kind: schemas.ChangeLeaseRevoked, Subject: fmt.Sprint("lease-", i)}} {
					if _, err := tx.Append(ctx, c); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	seen := map[string]bool{}
	for len(seen) < leases {
		select {
		case id := <-cut:
			seen[id] = true
		case <-time.After(20 * time.Second):
			t.Fatalf("%d of %d are cut", len(seen), leases)
		}
	}
}

// While the database cannot be read, the feed confirms nothing; it goes on when it can.
func TestTheFeedIsStale(t *testing.T) {
	t.Parallel()
	database := dbtest.OpenURL(t, dbtest.URL(t, dbtest.SQLite))
	stop := dbtest.Run(t, database)
	feed := NewFeed(database, discard())
	if feed.Stale() < 24*time.Hour {
		t.Error("a feed that never looked has confirmed something")
	}
	stop()
	agreementtest.Must(t, database.Close())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- feed.Run(ctx) }()
	cancel()
	if err := <-done; err != nil || feed.Stale() < 24*time.Hour {
		t.Errorf("without a database: %v, confirmed %s ago", err, feed.Stale())
	}
}
