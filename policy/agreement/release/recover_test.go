package release

import (
	"runtime"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/stop"
	"guichet/schemas"
)

// A gateway that does not come back under its name leaves no release open, and no budget
// held, for ever; one that holds its name, or comes back in time, keeps its own.
func TestAbandonedReleasesAreClosed(t *testing.T) {
	ctx := t.Context()
	url := dbtest.URL(t, dbtest.Postgres)
	db := dbtest.OpenURL(t, url)
	dbtest.Run(t, db)
	gone := newRig(t, db, 1000, 0)
	id, begin := opener(t, gone)
	_, err := begin("run-a", 1, schemas.Segment{Rows: 400})
	agreementtest.Must(t, err)
	held, err := db.TakeName(ctx, gone.replica)
	agreementtest.Must(t, err)
	at := time.Now()
	other := New(
		Config{Agreements: agreement.New(db, gone.Parties, func() time.Time { return at }), Brake: stop.NewBrake(db, nil), Replica: "other"},
	)
	free := map[string]time.Time{}
	look := func(after time.Duration, want int) {
		t.Helper()
		at = at.Add(after)
		n, err := other.lookForAbandoned(ctx, free)
		if err != nil || n != want {
			t.Errorf("%d releases are closed, %v; want %d", n, err, want)
		}
	}
	look(0, 0)
	look(2*abandonedAfter, 0)
	let(t, db, held)
	look(0, 0)
	look(abandonedAfter/2, 0)
	back, err := db.TakeName(ctx, gone.replica)
	agreementtest.Must(t, err)
	look(abandonedAfter, 0)
	let(t, db, back)
	look(0, 0)
	look(abandonedAfter, 1)
	look(abandonedAfter, 0)
	list, _, err := gone.List(ctx, agreementtest.Trainer(), Query{Agreement: id}, "", 10)
	if err != nil || len(list) != 1 || list[0].State != schemas.ReleaseUnknown {
		t.Errorf("%+v, %v", list, err)
	}
}

// let gives a name up and waits until the server has seen it.
func let(t *testing.T, db *db.DB, n *db.Name) {
	t.Helper()
	n.Close()
	for {
		held, err := db.NameIsHeld(t.Context(), "r")
		agreementtest.Must(t, err)
		if !held {
			return
		}
		runtime.Gosched()
	}
}
