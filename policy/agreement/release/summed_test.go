package release

import (
	"fmt"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// A release is in the sums once it has ended, with what it says then, and once: also where a second end comes, and where
// the gateway dies.
func TestReleasesAreSummedWhenTheyEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		d := newRig(t, db, 100, 0)
		_, begin := opener(t, d)
		summed := func(when, want string) {
			t.Helper()
			for _, table := range []string{"released", "released_run"} {
				var n [6]int64
				agreementtest.Must(t, d.DB.QueryRow(t.Context(), `SELECT coalesce(sum(streams), 0), coalesce(sum(sent_rows), 0),
					coalesce(sum(sent_bytes), 0), coalesce(sum(most_streams), 0), coalesce(sum(most_rows), 0), coalesce(sum(most_bytes), 0)
					FROM `+table+` WHERE hours = 24`).Scan(&n[0], &n[1], &n[2], &n[3], &n[4], &n[5]))
				if got := fmt.Sprint(n); got != want {
					t.Errorf("%s: %s has %s, want %s", when, table, got, want)
				}
			}
		}
		one, err := begin("run-a", 1, schemas.Segment{Rows: 20})
		agreementtest.Must(t, err)
		one.sent(t, d, 10)
		summed("while it runs", "[0 0 0 0 0 0]")
		one.State = schemas.ReleaseAbandoned
		for range 2 {
			agreementtest.Must(t, d.End(t.Context(), one.Release, one.tab))
			summed("ended", fmt.Sprintf("[1 %d %d 0 0 0]", one.Rows, one.Bytes))
		}
		_, err = begin("run-b", 1, schemas.Segment{Rows: 30})
		agreementtest.Must(t, err)
		_, err = d.Recover(t.Context())
		agreementtest.Must(t, err)
		late, err := d.unknown(t)
		agreementtest.Must(t, err)
		summed("the gateway died", fmt.Sprintf("[1 %d %d 1 %d %d]", one.Rows, one.Bytes, late.Rows, late.Bytes))
	})
}

// unknown gives the release whose end nobody knows.
func (d *rig) unknown(t *testing.T) (schemas.Release, error) {
	t.Helper()
	list, _, err := d.List(t.Context(), agreementtest.Officer(), Query{State: schemas.ReleaseUnknown}, "", 10)
	if len(list) != 1 {
		t.Fatalf("%d releases ended as nobody knows", len(list))
	}
	return list[0], err
}
