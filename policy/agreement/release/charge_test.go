package release

import (
	"context"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// opener opens releases on one agreement.
func opener(
	t *testing.T, d *rig,
) (id schemas.AgreementID, begin func(run schemas.RunID, epoch uint64, plan ...schemas.Segment) (*sending, error)) {
	t.Helper()
	id = d.Agree(t, "ds-0", nil).ID
	l := agreementtest.Lease(id)
	return id, func(run schemas.RunID, epoch uint64, plan ...schemas.Segment) (*sending, error) {
		g, err := d.Grant(l, run)
		agreementtest.Must(t, err)
		s := &sending{of: ReadPlan{Epoch: epoch, View: "all", Segments: plan}}
		n := rowsOf(plan)
		s.Release, s.tab, err = d.Begin(t.Context(), g, schemas.Release{MostRows: n, MostBytes: 10 * n}, s.of)
		return s, err
	}
}

// sent counts rows as sent, asking for more where that is needed.
func (s *sending) sent(t *testing.T, d *rig, rows int64) {
	t.Helper()
	for !s.tab.Pay(&s.Release, rows, 10*rows) {
		agreementtest.Must(t, d.More(t.Context(), s.Release, s.tab, rows, 10*rows))
	}
	s.Rows, s.Bytes, s.State = s.Rows+rows, s.Bytes+10*rows, schemas.ReleaseComplete
}

func wantUsed(t *testing.T, d *rig, id schemas.AgreementID, rows int64) (bytes int64) {
	t.Helper()
	a, err := d.Agreements.Get(t.Context(), agreementtest.Trainer(), id)
	agreementtest.Must(t, err)
	if a.RowsUsed != rows {
		t.Errorf("%d rows are used, want %d", a.RowsUsed, rows)
	}
	return a.BytesUsed
}

func wantSpent(t *testing.T, err error) {
	t.Helper()
	if schemas.KindOf(err) != schemas.Denied {
		t.Errorf("want Denied, got %v", err)
	}
}

// On both databases: a run that stops and begins again, by itself or with the gateway,
// pays its rows once.
func TestARowIsChargedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		d := newRig(t, db, 1000, 0)
		id, begin := opener(t, d)
		plan := []schemas.Segment{{Shard: 1, From: 100, Rows: 500}, {Shard: 0, From: 0, Rows: 500}}
		s, err := begin("run-a", 3, plan...)
		agreementtest.Must(t, err)
		s.sent(t, d, 400)
		agreementtest.Must(t, d.End(t.Context(), s.Release, s.tab))
		wantUsed(t, d, id, 400)
		s, err = begin("run-a", 3, plan...)
		agreementtest.Must(t, err)
		s.sent(t, d, 400)
		s.sent(t, d, 50)
		n, err := d.Recover(t.Context()) // it had reserved all that was left
		if n != 1 || err != nil {
			t.Fatalf("%d releases were open, %v", n, err)
		}
		wantUsed(t, d, id, 1000)
		s, err = begin("run-a", 3, plan...)
		agreementtest.Must(t, err)
		s.sent(t, d, 1000)
		agreementtest.Must(t, d.End(t.Context(), s.Release, s.tab))
		wantUsed(t, d, id, 1000)
		_, err = begin("run-a", 4, plan...)
		wantSpent(t, err)
		_, err = begin("", 3, plan...)
		wantSpent(t, err)
		_, err = begin("run-a", 3) // a rank that has no rows, or has had all of them
		agreementtest.Must(t, err)
		var left int
		agreementtest.Must(t, db.QueryRow(t.Context(), `SELECT count(*) FROM release_plan`).Scan(&left))
		if left != 0 {
			t.Errorf("the plans of %d releases are kept after their ends", left)
		}
	})
}

// Two streams of one run that read the same rows at the same time reserve them twice
// and pay them once.
func TestOverlappingStreamsPayOnce(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 1000, 0)
	id, begin := opener(t, d)
	one, err := begin("run-a", 0, schemas.Segment{Rows: 500})
	agreementtest.Must(t, err)
	two, err := begin("run-a", 0, schemas.Segment{From: 100, Rows: 500})
	agreementtest.Must(t, err)
	for range 5 { // messages that lie within what both read, or outside
		one.sent(t, d, 100)
		two.sent(t, d, 100)
	}
	wantUsed(t, d, id, 1000)
	agreementtest.Must(t, d.End(t.Context(), two.Release, two.tab))
	agreementtest.Must(t, d.End(t.Context(), one.Release, one.tab))
	bytes := wantUsed(t, d, id, 600)
	if bytes != 6000 {
		t.Errorf("%d bytes are used for 600 rows of 10 bytes", bytes)
	}
}

// A long stream leaves the others theirs.
func TestALongStreamStarvesNobody(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 100*sliceRows, 0)
	id, begin := opener(t, d)
	long, err := begin("", 0, schemas.Segment{Rows: 1000 * sliceRows})
	agreementtest.Must(t, err)
	wantUsed(t, d, id, 100*sliceRows/sliceParts)
	short, err := begin("", 0, schemas.Segment{Rows: 10 * sliceRows})
	agreementtest.Must(t, err)
	for range 10 {
		short.sent(t, d, sliceRows)
		long.sent(t, d, sliceRows)
	}
	agreementtest.Must(t, d.End(t.Context(), short.Release, short.tab))
	for range 80 {
		long.sent(t, d, sliceRows)
	}
	wantSpent(t, d.More(t.Context(), long.Release, long.tab, sliceRows, 10*sliceRows))
	agreementtest.Must(t, d.End(t.Context(), long.Release, long.tab))
	wantUsed(t, d, id, 100*sliceRows)
}

// A release that an earlier version had begun is closed at what it had reserved: all.
func TestRecoverOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 1000, 0)
	id, begin := opener(t, d)
	s, err := begin("", 0, schemas.Segment{Rows: 600})
	agreementtest.Must(t, err)
	old := s.Release // without what is reserved, as it was stored then
	agreementtest.Must(t, d.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := db.Update(ctx, tx, "release", string(old.ID), 0, old, nil)
		return err
	}))
	_, err = d.Recover(t.Context())
	agreementtest.Must(t, err)
	all, _, err := d.Releases.List(t.Context(), agreementtest.Trainer(), Query{Agreement: id}, "", 10)
	agreementtest.Must(t, err)
	if len(all) != 1 || all[0].State != schemas.ReleaseUnknown || all[0].Rows != 600 || all[0].Bytes != 6000 {
		t.Errorf("it is closed as %+v", all)
	}
	wantUsed(t, d, id, 600)
}

// Rows differ in length: who has the light ones paid for by another stream of its run
// does not get the heavy ones for less.
func TestHeavyRowsArePaid(t *testing.T) {
	t.Parallel()
	const budget, light, heavy = 100_000, 999, 9000
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 1<<30, budget)
	id, begin := opener(t, d)
	send := func(s *sending, rows, bytes int64) error {
		for !s.tab.Pay(&s.Release, rows, bytes) {
			err := d.More(t.Context(), s.Release, s.tab, rows, bytes)
			if err != nil {
				return err
			}
		}
		s.Rows, s.Bytes, s.State = s.Rows+rows, s.Bytes+bytes, schemas.ReleaseComplete
		return nil
	}
	distinct := int64(0)
	for epoch := uint64(0); epoch < 50; epoch++ {
		all, err := begin("run-a", epoch, schemas.Segment{Rows: light + 1})
		if err != nil {
			break
		}
		most, err := begin("run-a", epoch, schemas.Segment{Rows: light})
		if err == nil {
			err = send(most, light, light)
			agreementtest.Must(t, d.End(t.Context(), most.Release, most.tab))
		}
		if err == nil {
			err = send(all, light, light)
		}
		if err == nil {
			distinct += light
			err = send(all, 1, heavy)
		}
		if err == nil {
			distinct += heavy
		}
		agreementtest.Must(t, d.End(t.Context(), all.Release, all.tab))
		if err != nil {
			break
		}
	}
	a, err := d.Agreements.Get(t.Context(), agreementtest.Trainer(), id)
	agreementtest.Must(t, err)
	if distinct > budget || a.BytesUsed > budget || distinct < budget/4 {
		t.Errorf("%d different bytes were delivered and %d charged under a budget of %d", distinct, a.BytesUsed, int64(budget))
	}
}
