package agreement

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/schemas"
)

// take streams rows under an agreement, as many as come, and gives their number.
func take(t *testing.T, d *desk, id schemas.AgreementID, rows int64) (int64, error) {
	t.Helper()
	return takeAs(t, d, trainer(), id, rows)
}

func takeAs(t *testing.T, d *desk, by schemas.Principal, id schemas.AgreementID, rows int64) (int64, error) {
	t.Helper()
	l, err := d.leases.Mint(t.Context(), by, LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
	must(t, err)
	g, err := policy.Authorize(t.Context(), d.leases.LookUp, l.Token, policy.Want{Door: "http", Agreement: id, Table: "a", Split: "all", World: 1, Address: netip.MustParseAddr("192.0.2.1")}, time.Now())
	must(t, err)
	r, tab, err := d.releases.Begin(t.Context(), g, schemas.Release{MostRows: rows, MostBytes: 10 * rows}, Reading{})
	if err != nil {
		return 0, err
	}
	for r.Rows < rows && err == nil {
		for err == nil && !tab.Pay(&r, 1, 10) {
			err = d.releases.More(t.Context(), r, tab, 1, 10)
		}
		if err == nil {
			r.Rows, r.Bytes = r.Rows+1, r.Bytes+10
		}
	}
	if err != nil && schemas.KindOf(err) != schemas.Denied {
		t.Fatal(err)
	}
	r.State = schemas.ReleaseComplete
	must(t, d.releases.End(t.Context(), r, tab))
	return r.Rows, nil
}

// offerOf changes the budget of a dataset's terms.
func offerOf(d *desk, id schemas.DatasetID, change func(*schemas.Offer)) {
	all := d.catalogue.(shelf)
	ds := all[id]
	o := *ds.Offer
	rule := o.Rules[0]
	rule.Duties = append([]schemas.Duty(nil), rule.Duties...)
	o.Rules = append([]schemas.Rule{rule}, o.Rules[1:]...)
	change(&o)
	ds.Offer = &o
	all[id] = ds
}

// A project gets what a budget gives once, by however many requests: what is left is shown
// before it bites and named when it is nothing; a new request is then refused. Another
// project of the same organisation gets nothing more, that of another one has its own, and
// another budget of the provider's begins anew, while the same one put again does not.
func TestABudgetIsAProjects(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		d := newDeskOn(t, db, 100, 0)
		ctx := t.Context()
		var ids []schemas.AgreementID
		for range 4 {
			ids = append(ids, agreed(t, d, "ds-0")[0])
		}
		ask := schemas.Ask{Dataset: "ds-0", Project: "p", Purpose: "train-model"}
		left := func(want int64) {
			t.Helper()
			a, err := d.agreements.Get(ctx, trainer(), ids[3])
			must(t, err)
			dec, err := d.requests.DryRun(ctx, trainer(), ask)
			must(t, err)
			for what, l := range map[string]*schemas.Left{"the agreement": a.Left, "the dry run": dec.Left} {
				if l == nil || l.Rows == nil || *l.Rows != want || l.Bytes != nil {
					t.Errorf("%s says that %+v is left, want %d rows", what, l, want)
				}
			}
		}
		left(100)
		got := int64(0)
		for i, want := range []int64{40, 40, 20} {
			n, err := take(t, d, ids[i], 40)
			must(t, err)
			got += n
			if n != want {
				t.Errorf("stream %d got %d rows, want %d", i, n, want)
			}
			if i < 2 {
				left(100 - got)
			}
		}
		_, err := take(t, d, ids[3], 40)
		if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "100 of 100 rows used or reserved by the project") {
			t.Errorf("the refusal does not name what is left: %v", err)
		}
		dec, err := d.requests.DryRun(ctx, trainer(), ask)
		if err != nil || dec.Verdict != schemas.VerdictNo || !strings.Contains(dec.Reasons[0].Text, "100 of 100 rows") {
			t.Errorf("asked again: %+v, %v", dec, err)
		}
		a, err := d.agreements.Get(ctx, trainer(), ids[3])
		if err != nil || *a.Left.Rows != 0 {
			t.Errorf("the agreement says %+v, %v", a.Left, err)
		}
		_, err = d.agreements.Parties.PutProject(ctx, trainer(), schemas.Project{ID: "q", Title: "Q", Factory: "f", Purposes: []string{"train-model"}}, 0)
		must(t, err)
		r, err := d.requests.Submit(ctx, trainer(), schemas.Request{Project: "q", Items: []schemas.RequestItem{{Dataset: "ds-0"}}})
		if err != nil || r.State != schemas.RequestRefused || !strings.Contains(r.Items[0].Decision.Reasons[0].Text, "100 of 100 rows used or reserved by "+string(lab)+", over all of its projects") {
			t.Errorf("another project of the same organisation: %+v, %v", r, err)
		}
		two := schemas.Principal{Issuer: "i", Subject: "eve", Participant: "https://two.example", Roles: trainer().Roles}
		_, err = d.agreements.Parties.PutParticipant(ctx, boss(), schemas.Participant{ID: two.Participant, Name: "T", Country: "FR", Kind: schemas.KindResearch, Roles: two.Roles, Members: []schemas.Member{{Issuer: "i", Subject: "eve", Roles: two.Roles}}}, 0)
		must(t, err)
		_, err = d.agreements.Parties.PutProject(ctx, trainer(), schemas.Project{ID: "led", Title: "L", Partners: []schemas.ParticipantID{two.Participant}, Factory: "f", Purposes: []string{"train-model"}}, 0)
		must(t, err)
		r, err = d.requests.Submit(ctx, two, schemas.Request{Project: "led", Items: []schemas.RequestItem{{Dataset: "ds-0"}}})
		if err != nil || r.State != schemas.RequestRefused {
			t.Errorf("a partner asks for a lead that has all: %+v, %v", r, err)
		}
		_, err = d.agreements.Parties.PutProject(ctx, two, schemas.Project{ID: "own", Title: "O", Factory: "f", Purposes: []string{"train-model"}}, 0)
		must(t, err)
		r, err = d.requests.Submit(ctx, two, schemas.Request{Project: "own", Items: []schemas.RequestItem{{Dataset: "ds-0"}}})
		must(t, err)
		n, err := takeAs(t, d, two, r.Items[0].Agreement, 60)
		if n != 60 || err != nil {
			t.Errorf("another organisation got %d rows, %v", n, err)
		}
		offerOf(d, "ds-0", func(o *schemas.Offer) { o.Title = schemas.Text{"en": "the same terms"} })
		dec, err = d.requests.DryRun(ctx, trainer(), ask)
		if err != nil || dec.Verdict != schemas.VerdictNo {
			t.Errorf("the same budget put again: %s, %v", dec.Verdict, err)
		}
		offerOf(d, "ds-0", func(o *schemas.Offer) {
			for i := range o.Rules[0].Duties {
				o.Rules[0].Duties[i].Rows *= 2
			}
		})
		second, err := d.requests.Submit(ctx, trainer(), schemas.Request{Project: "q", Items: []schemas.RequestItem{{Dataset: "ds-0"}}})
		must(t, err)
		n, err = take(t, d, agreed(t, d, "ds-0")[0], 150)
		if n != 150 || err != nil {
			t.Errorf("of a new budget of 200 came %d rows, %v", n, err)
		}
		n, err = take(t, d, second.Items[0].Agreement, 500)
		if n != 50 || err != nil {
			t.Errorf("of a budget of 200, of which 150 went to another project, came %d rows, %v", n, err)
		}
	})
}

// The record says what an account gave out: one that was edited behind the gateway, or
// taken away, opens nothing more.
func TestAnEditedAccountOpensNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newDeskOn(t, database, 100, 5000)
		offerOf(d, "ds-0", func(o *schemas.Offer) { // two budgets of one agreement
			o.Rules[0].Duties = append(o.Rules[0].Duties, schemas.Duty{Kind: schemas.DutyBudget, Rows: 90})
		})
		id := agreed(t, d, "ds-0")[0]
		for range 2 {
			n, err := take(t, d, id, 20)
			if n != 20 || err != nil {
				t.Fatalf("%d rows, %v", n, err)
			}
		}
		var accounts int
		must(t, database.QueryRow(t.Context(), `SELECT count(*) FROM account WHERE rows_used = 40 AND bytes_used = 400 AND rows_held = 0 AND bytes_held = 0`).Scan(&accounts))
		if accounts != 4 { // of the project and its organisation
			t.Fatalf("%d accounts hold what was sent", accounts)
		}
		alter := func(query string) {
			t.Helper()
			must(t, database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, query)
				return err
			}))
		}
		for _, edit := range []string{
			`UPDATE account SET rows_used = 39 WHERE id = (SELECT max(id) FROM account)`,
			`UPDATE account SET bytes_used = 0 WHERE id = (SELECT min(id) FROM account)`,
			`DELETE FROM account`,
		} {
			alter(edit)
			_, err := take(t, d, id, 20)
			if !errors.Is(err, db.ErrAltered) || schemas.KindOf(err) != schemas.Unavailable {
				t.Errorf("after %s: %v", edit, err)
			}
			if !strings.HasPrefix(edit, "DELETE") {
				alter(`UPDATE account SET rows_used = 40, bytes_used = 400`)
			}
		}
	})
}

// What agreements of an earlier version used counts on in the accounts of their projects.
func TestBudgetsAreCarriedOver(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 100)
	ids := []schemas.AgreementID{agreed(t, d, "ds-0")[0], agreed(t, d, "ds-0")[0], agreed(t, d, "ds-1")[0]}
	must(t, d.agreements.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for i, id := range ids {
			_, err := tx.Exec(ctx, `UPDATE agreement SET rows_used = ?, bytes_used = 7 WHERE id = ?`, 30+i, string(id))
			if err != nil {
				return err
			}
		}
		return nil
	}))
	for range 2 { // the second start carries nothing over
		_, err := d.releases.Recover(t.Context())
		must(t, err)
	}
	for i, want := range map[int]int64{1: 100 - 61, 2: 100 - 32} {
		a, err := d.agreements.Get(t.Context(), trainer(), ids[i])
		must(t, err)
		if *a.Left.Rows != want {
			t.Errorf("agreement %d: %d rows are left, want %d", i, *a.Left.Rows, want)
		}
	}
}
