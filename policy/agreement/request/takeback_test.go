package request

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// Who asked takes back what waits: what was granted stays, who was asked is told and cannot
// answer any more, and doing it again changes nothing.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := twoHolders(t, database)
		ctx := t.Context()
		var alone schemas.Request
		var told []string
		for _, x := range []struct {
			sets []schemas.DatasetID
			want string
		}{
			{[]schemas.DatasetID{"ds-0", "ds-1", "ds-2"}, "granted withdrawn withdrawn granted"}, {[]schemas.DatasetID{"ds-0", "ds-1"}, "withdrawn refused withdrawn"}, {[]schemas.DatasetID{"ds-0"}, "withdrawn withdrawn"},
		} {
			asked, err := d.Submit(ctx, agreementtest.Trainer(), ask(x.sets...))
			agreementtest.Must(t, err)
			if strings.Contains(x.want, "refused") {
				_, err = d.Review(ctx, agreementtest.Owner(), asked.ID, schemas.Review{Decision: "refuse", Reason: "not for this"})
				agreementtest.Must(t, err)
			}
			d.notices(t)
			id, want := asked.ID, x.want
			r, err := d.Withdraw(ctx, agreementtest.Trainer(), id)
			agreementtest.Must(t, err)
			alone, told = r, append(told, d.notices(t)...)
			states := []string{string(r.State)}
			for _, it := range r.Items {
				states = append(states, string(it.State))
			}
			if got := strings.Join(states, " "); got != want || r.Decided.IsZero() {
				t.Errorf("the request is %s, want %s; decided %s", got, want, r.Decided)
			}
			stored, err := d.Get(ctx, agreementtest.Trainer(), id)
			if err != nil || stored.Revision != r.Revision || stored.State != r.State {
				t.Errorf("stored is %+v, %v", stored, err)
			}
		}
		gone := schemas.NoticeWithdrawn
		if d := cmp.Diff([]string{
			gone + " " + string(agreementtest.Holder) + " [ds-0]", gone + " " + string(agreementtest.Holder) + " [ds-0]",
			gone + " " + string(second) + " [ds-1]", gone + " " + string(second) + " [ds-1]",
		}, slices.Sorted(slices.Values(told))); d != "" {
			t.Errorf("who was told (-want +got):\n%s", d)
		}
		again, err := d.Withdraw(ctx, agreementtest.Trainer(), alone.ID)
		if err != nil || again.State != schemas.RequestWithdrawn || again.Revision != alone.Revision {
			t.Errorf("again: %+v, %v", again, err)
		}
		entries := d.Entries(t, schemas.ChangeRequestBack)
		if len(entries) != 4 || entries[0].Values["state"] != "withdrawn" || entries[0].Values["by"] != string(agreementtest.Lab) {
			t.Errorf("the record has %d entries: %+v", len(entries), entries)
		}
		_, err = d.Review(ctx, agreementtest.Owner(), alone.ID, schemas.Review{Decision: "grant", Reason: "too late"})
		if schemas.KindOf(err) != schemas.Conflict || !strings.Contains(err.Error(), "withdrawn by who asked") {
			t.Errorf("a later answer: %v", err)
		}
		waiting, _, err := d.List(ctx, agreementtest.Owner(), schemas.RequestPending, "", 10)
		if err != nil || len(waiting) != 0 {
			t.Errorf("it waits for the holder still: %+v, %v", waiting, err)
		}
		listed, _, err := d.List(ctx, agreementtest.Owner(), schemas.RequestWithdrawn, "", 10)
		if err != nil || len(listed) != 2 {
			t.Errorf("withdrawn ones: %+v, %v", listed, err)
		}
	})
}

// Nobody takes back what others ask, nor what was decided.
func TestWhoMayWithdraw(t *testing.T) {
	t.Parallel()
	d := twoHolders(t, dbtest.Open(t, dbtest.SQLite))
	ctx := t.Context()
	waits, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0"))
	agreementtest.Must(t, err)
	granted, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-2"))
	agreementtest.Must(t, err)
	lab := agreementtest.Trainer()
	lab.Roles = []schemas.Role{schemas.RoleProvider}
	for _, x := range []struct {
		by   schemas.Principal
		id   schemas.RequestID
		kind schemas.Kind
	}{
		{agreementtest.Owner(), waits.ID, schemas.Denied}, {otherOwner(), waits.ID, schemas.NotFound}, {lab, waits.ID, schemas.Denied},
		{schemas.Principal{}, waits.ID, schemas.Unauthenticated}, {agreementtest.Trainer(), granted.ID, schemas.Conflict},
		{agreementtest.Trainer(), "req-none", schemas.NotFound},
	} {
		_, err := d.Withdraw(ctx, x.by, x.id)
		if schemas.KindOf(err) != x.kind {
			t.Errorf("%s withdraws %s: %v, want %v", x.by.Subject, x.id, err, x.kind)
		}
	}
}

// An answer and a withdrawal at the same time: one of them stands, whole.
func TestWithdrawnWhileItIsReviewed(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := twoHolders(t, database)
		ctx := t.Context()
		r, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0"))
		agreementtest.Must(t, err)
		var back, grant error
		var both sync.WaitGroup
		both.Go(func() { _, back = d.Withdraw(ctx, agreementtest.Trainer(), r.ID) })
		both.Go(func() {
			_, grant = d.Review(ctx, agreementtest.Owner(), r.ID, schemas.Review{Decision: "grant", Reason: "fine"})
		})
		both.Wait()
		if (back == nil) == (grant == nil) {
			t.Fatalf("withdrawn: %v, granted: %v", back, grant)
		}
		r, err = d.Get(ctx, agreementtest.Trainer(), r.ID)
		if err != nil || (r.State == schemas.RequestWithdrawn) != (back == nil) || (r.Items[0].Agreement == "") != (back == nil) {
			t.Errorf("it is %+v, %v", r, err)
		}
	})
}
