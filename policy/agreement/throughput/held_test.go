package throughput

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// TestHeld: a provider has the agreements on her datasets counted, those that hold apart, and nobody else has.
func TestHeld(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s, w, own, _ := made(t, database)
		agreementtest.Must(t, database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE agreement SET rows_used = 5, bytes_used = 70 WHERE id = ?", string(own))
			return err
		}))
		held := func(by schemas.Principal) []Held {
			out, err := s.Held(t.Context(), by)
			agreementtest.Must(t, err)
			return out
		}
		got := held(agreementtest.Owner())
		want := []Held{{"ds-0", 1, 1, 5, 70}, {"ds-1", 1, 1, 0, 0}}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		before := s.Now
		s.Now = func() time.Time { return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) }
		for _, h := range held(agreementtest.Owner()) {
			if h.Active != 0 || h.Agreements != 1 {
				t.Errorf("long after: %+v", h)
			}
		}
		s.Now = before
		stranger := agreementtest.Person("eve", "https://other.example", schemas.RoleProvider)
		w.Join(t, stranger)
		for name, by := range map[string]schemas.Principal{"who asked": agreementtest.Trainer(), "an officer": agreementtest.Officer(), "a stranger": stranger} {
			if got := held(by); len(got) != 0 {
				t.Errorf("%s reads %+v", name, got)
			}
		}
		_, err := s.Held(t.Context(), schemas.Principal{})
		agreementtest.Refused(t, "nobody", err, schemas.Unauthenticated)
	})
}
