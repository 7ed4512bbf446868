package release

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// The example of the package's doc, on both databases: what is used, reserved and left.
func TestTheBudgetThatIsWorkedOut(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"the client leaves", "the gateway dies"} {
		t.Run(end, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *db.DB) {
				d := newRig(t, db, 100, 0)
				id, begin := opener(t, d)
				account := func(when string, used, reserved, left int64) {
					t.Helper()
					var u, h int64
					agreementtest.Must(t, d.DB.QueryRow(t.Context(), `SELECT rows_used, rows_held FROM account WHERE project = 'p'`).Scan(&u, &h))
					a, err := d.Agreements.Get(t.Context(), agreementtest.Trainer(), id)
					agreementtest.Must(t, err)
					if u != used || h != reserved || *a.Left.Rows != left {
						t.Errorf("%s: %s: used %d, reserved %d, left %d, want %d, %d, %d", end, when, u, h, *a.Left.Rows, used, reserved, left)
					}
				}
				for _, s := range []struct {
					run  schemas.RunID
					rows int64
				}{{"run-a", 20}, {"run-b", 20}} {
					one, err := begin(s.run, 1, schemas.Segment{Rows: s.rows})
					agreementtest.Must(t, err)
					one.sent(t, d, s.rows)
					agreementtest.Must(t, d.End(t.Context(), one.Release, one.tab))
				}
				account("before", 40, 0, 60)
				s, err := begin("run-a", 1, schemas.Segment{Rows: 50})
				agreementtest.Must(t, err)
				account("Begin", 40, 30, 30)
				s.sent(t, d, 10)
				s.sent(t, d, 10)
				if s.ChargedRows != 0 || s.ChargedBytes != 0 {
					t.Errorf("what was read before is charged: %d rows", s.ChargedRows)
				}
				s.sent(t, d, 10)
				account("three messages", 40, 30, 30)
				if s.ChargedRows != 10 || s.ChargedBytes != 100 {
					t.Errorf("%d rows and %d bytes are charged, want 10 and 100", s.ChargedRows, s.ChargedBytes)
				}
				if end == "the client leaves" {
					s.State = schemas.ReleaseAbandoned
					agreementtest.Must(t, d.End(t.Context(), s.Release, s.tab))
					account(end, 50, 0, 50)
					return
				}
				_, err = d.Recover(t.Context())
				agreementtest.Must(t, err)
				account(end, 70, 0, 30)
			})
		})
	}
}

// How much more to reserve: never more than the budget leaves or can still be charged, at
// least what is needed, else a slice.
func TestNextSlice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                          string
		still, have, left, need, size int64
		more                          int64
		ok                            bool
	}{
		{"the example", 100, 10, 50, 25, 8, 15, true},
		{"more than the budget leaves", 100, 10, 50, 61, 8, 50, false},
		{"all that it leaves", 100, 10, 50, 60, 8, 50, true},
		{"a sixteenth", 1600, 0, 1600, 1, 8, 100, true},
		{"the least", 1600, 0, 1600, 1, 200, 200, true},
		{"the least is more than all", 100, 0, 1600, 0, 200, 100, true},
		{"a slice lies ready", 1600, 100, 1600, 50, 8, 0, true},
		{"nothing is left, and nothing needed", 100, 0, 0, 0, 8, 0, true},
		{"nothing is left", 100, 0, 0, 1, 8, 0, false},
		{"more than may be charged", 10, 10, 1600, 11, 8, 0, false},
	} {
		more, ok := nextSlice(c.still, c.have, c.left, c.need, c.size)
		if more != c.more || ok != c.ok {
			t.Errorf("%s: %d more, %t, want %d, %t", c.name, more, ok, c.more, c.ok)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1000)
		still, left, need, least := n.Draw(t, "still"), n.Draw(t, "left"), n.Draw(t, "need"), n.Draw(t, "least")
		have := rapid.Int64Range(0, still).Draw(t, "have")
		more, ok := nextSlice(still, have, left, need, least)
		if more < 0 || more > left || have+more > still {
			t.Fatalf("%d more of the %d that are left, and then %d of %d", more, left, have+more, still)
		}
		if ok != (need <= have+more) || !ok && more < min(left, still-have) {
			t.Fatalf("%d more for a need of %d beside %d: %t, though %d are left", more, need, have, ok, left)
		}
	})
}

// What messages cost is what of their rows is not paid for, and their bytes when that is
// any row; all of them together cost every row once.
func TestPrices(t *testing.T) {
	t.Parallel()
	r := newReservation([]stretch{{20, true}, {30, false}}, 50, 500)
	for _, c := range []struct{ rows, bytes, wantRows, wantBytes int64 }{
		{10, 100, 0, 0},
		{20, 200, 0, 0},
		{21, 210, 1, 210},
		{25, 250, 5, 250},
		{50, 500, 30, 500},
		{0, 8, 0, 0}, // a schema before rows that are paid for
	} {
		rows, bytes := r.price(c.rows, c.bytes)
		if rows != c.wantRows || bytes != c.wantBytes {
			t.Errorf("%d rows of %d bytes cost %d rows and %d bytes, want %d and %d", c.rows, c.bytes, rows, bytes, c.wantRows, c.wantBytes)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var plan []stretch
		var all, unpaid int64
		paid := rapid.Bool().Draw(t, "paid first")
		for _, n := range rapid.SliceOfN(rapid.Int64Range(1, 20), 1, 6).Draw(t, "stretches") {
			plan, all = append(plan, stretch{n, paid}), all+n
			if !paid {
				unpaid += n
			}
			paid = !paid
		}
		s := newReservation(plan, all, 10*all)
		s.rows, s.bytes = unpaid, 10*all
		var r schemas.Release
		for sent := int64(0); sent < all; {
			n := min(rapid.Int64Range(1, 15).Draw(t, "message"), all-sent)
			if bound, _ := s.reach(); bound != all {
				t.Fatalf("all is reserved, and %d of %d rows may be sent", bound, all)
			}
			if !s.Pay(&r, n, 10*n) {
				t.Fatalf("a message of %d rows is not covered by %+v", n, s)
			}
			sent += n
		}
		if r.ChargedRows != unpaid || s.unpaidRows != 0 || s.rows != 0 {
			t.Fatalf("%d rows are charged, and %d of %d reserved are left", r.ChargedRows, s.rows, unpaid)
		}
	})
}

// Without a plan every row costs, and without a reservation none.
func TestPricesWithoutAPlan(t *testing.T) {
	t.Parallel()
	var r schemas.Release
	s := newReservation(nil, 30, 300)
	if s.Pay(&r, 10, 100) {
		t.Error("what is not reserved pays")
	}
	s.rows, s.bytes = 10, 100
	if bound, free := s.reach(); bound != 10 || free {
		t.Errorf("%d rows may be sent, some for nothing: %t", bound, free)
	}
	if s.Pay(&r, 11, 100) || s.Pay(&r, 10, 101) || r.ChargedRows != 0 || r.ChargedBytes != 0 {
		t.Errorf("more than is reserved pays: %+v", r)
	}
	if !s.Pay(&r, 10, 100) || r.ChargedRows != 10 || r.ChargedBytes != 100 {
		t.Errorf("what is reserved does not pay: %+v", r)
	}
	var none *Reservation
	if !none.Pay(&r, 1<<40, 1<<50) || r.ChargedRows != 10 {
		t.Error("a stream without a reservation is charged")
	}
}

// A release is refused with the reason, and on its agreement's rule, and what it may not
// do it does not begin.
func TestRefusalsOfReleases(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 100, 0)
	ctx := t.Context()
	_, _, err := d.Begin(ctx, policy.Grant{}, schemas.Release{}, ReadPlan{})
	if err == nil || err.Error() != "begin a release: the grant did not come from policy.Authorize" {
		t.Errorf("a grant of nobody begins: %v", err)
	}
	id, begin := opener(t, d)
	_, err = begin("run-x", 0, schemas.Segment{Rows: 1})
	agreementtest.Refused(t, "a run of nobody", err, schemas.Invalid, `[run: project p has no run "run-x"]`)
	s, err := begin("", 0, schemas.Segment{Rows: 100})
	agreementtest.Must(t, err)
	_, err = begin("", 0, schemas.Segment{Rows: 1})
	agreementtest.Refused(
		t, "a budget that is reserved", err, schemas.Denied, "the budget is spent: 100 of 100 rows used or reserved by the project",
	)
	s.sent(t, d, 60)
	agreementtest.Must(t, d.End(ctx, s.Release, s.tab))
	err = d.More(ctx, s.Release, s.tab, 1, 1)
	agreementtest.Refused(t, "more after the end", err, schemas.Conflict, "the release has ended already: complete")
	g, err := d.Grant(agreementtest.Lease(id), "")
	agreementtest.Must(t, err)
	d.Exec(t, `UPDATE factory SET revision = revision + 1`)
	_, _, err = d.Begin(ctx, g, schemas.Release{MostRows: 1, MostBytes: 1}, ReadPlan{})
	agreementtest.Refused(t, "a place that changed", err, schemas.Conflict, "the terms changed meanwhile")
	d.Exec(t, `UPDATE factory SET revision = revision - 1`)
	_, err = d.stops.Revoke(ctx, agreementtest.Owner(), id, "breach")
	agreementtest.Must(t, err)
	_, _, err = d.Begin(ctx, g, schemas.Release{MostRows: 1, MostBytes: 1}, ReadPlan{})
	agreementtest.Refused(t, "an agreement that ended", err, schemas.Denied, "the agreement was revoked", "agreement.revoked")
	n := len(d.Entries(t, schemas.ChangeReleaseBegin))
	if n != 1 {
		t.Errorf("%d releases were begun, want 1", n)
	}
}

// The run of a grant is checked before a stream opens.
func TestCheckRun(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	agreementtest.Must(t, d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return db.Insert(ctx, tx, "run", "run-q", schemas.Run{ID: "run-q", Project: "q"}, db.Columns{"project": "q"})
	}))
	agreementtest.Must(t, d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return db.Insert(ctx, tx, "run", "run-n", schemas.Run{ID: "run-n", Project: "p", ExternalID: "night"}, db.Columns{"project": "p"})
	}))
	agreementtest.Must(t, d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		over := schemas.Run{ID: "run-o", Project: "p", Ended: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
		return db.Insert(ctx, tx, "run", "run-o", over, db.Columns{"project": "p"})
	}))
	l := agreementtest.Lease(d.Agree(t, "ds-0", nil).ID)
	for _, leased := range []schemas.RunID{"", "run-o"} { // the lease may be older than the run's end
		named := l
		named.Run = leased
		g, err := d.Grant(named, "run-o")
		agreementtest.Must(t, err)
		const why = "the run run-o was ended on 2026-11-02: nothing is read in its name any more"
		agreementtest.Refused(t, "an ended run", d.CheckRun(ctx, g), schemas.Denied, why)
		_, _, err = d.Begin(ctx, g, schemas.Release{MostRows: 1, MostBytes: 1}, ReadPlan{})
		agreementtest.Refused(t, "a stream of an ended run", err, schemas.Denied, why)
	}
	for run, wrong := range map[schemas.RunID]string{"": "", "run-a": "", "run-n": "",
		"run-q": `[run: project p has no run "run-q"]`, "run-none": `[run: project p has no run "run-none"]`,
		"night": `[run: project p has no run "night": give the id of the one that goes by that name, run-n]`} {
		g, err := d.Grant(l, run)
		agreementtest.Must(t, err)
		err = d.CheckRun(ctx, g)
		if wrong == "" {
			agreementtest.Must(t, err)
			continue
		}
		agreementtest.Refused(t, string(run), err, schemas.Invalid, wrong)
	}
	for range 2 { // a run that reads a dataset counts once
		for _, run := range []schemas.RunID{"", "run-a"} {
			g, err := d.Grant(l, run)
			agreementtest.Must(t, err)
			_, _, err = d.Begin(ctx, g, schemas.Release{MostRows: 1, MostBytes: 1}, ReadPlan{})
			agreementtest.Must(t, err)
		}
	}
	var runs int
	agreementtest.Must(t, d.DB.QueryRow(ctx, `SELECT count(*) FROM dataset_run WHERE dataset = 'ds-0' AND run = 'run-a'`).Scan(&runs))
	if runs != 1 {
		t.Errorf("%d runs read it", runs)
	}
}

// Who may read which releases, in pages, and by state, agreement and time.
func TestListReleases(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		d := newRig(t, db, 0, 0)
		ctx := t.Context()
		id, begin := opener(t, d)
		for i := range 3 {
			s, err := begin("run-a", uint64(i), schemas.Segment{Rows: 10})
			agreementtest.Must(t, err)
			if i > 0 {
				s.sent(t, d, 10)
				agreementtest.Must(t, d.End(ctx, s.Release, s.tab))
			}
		}
		stranger := agreementtest.Person("eve", "https://two.example", schemas.RoleTrainer, schemas.RoleProvider)
		for _, c := range []struct {
			name string
			by   schemas.Principal
			q    Query
			want int
		}{
			{"its trainer", agreementtest.Trainer(), Query{}, 3},
			{"the provider", agreementtest.Owner(), Query{}, 3},
			{"an officer", agreementtest.Officer(), Query{}, 3},
			{"somebody else", stranger, Query{}, 0},
			{"open ones", agreementtest.Trainer(), Query{State: schemas.ReleaseOpen}, 1},
			{"complete ones", agreementtest.Trainer(), Query{State: schemas.ReleaseComplete}, 2},
			{"of the agreement", agreementtest.Trainer(), Query{Agreement: id}, 3},
			{"of another one", agreementtest.Trainer(), Query{Agreement: "agr-none"}, 0},
			{"since then", agreementtest.Trainer(), Query{Since: time.Now().Add(-time.Hour)}, 3},
			{"since tomorrow", agreementtest.Trainer(), Query{Since: time.Now().Add(24 * time.Hour)}, 0},
		} {
			seen := map[schemas.ReleaseID]bool{}
			for after, first := "", true; first || after != ""; first = false {
				page, next, err := d.Releases.List(ctx, c.by, c.q, after, 2)
				agreementtest.Must(t, err)
				for _, r := range page {
					seen[r.ID] = true
				}
				after = next
			}
			if len(seen) != c.want {
				t.Errorf("%s: %d releases, want %d", c.name, len(seen), c.want)
			}
		}
		_, _, err := d.Releases.List(ctx, schemas.Principal{}, Query{}, "", 2)
		agreementtest.Refused(t, "nobody", err, schemas.Unauthenticated, "this needs a signed-in caller")
	})
}
