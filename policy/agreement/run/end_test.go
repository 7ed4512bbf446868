package run

import (
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// A partner says that a run is over, once; what came out of it may still be entered.
func TestEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := agreementtest.New(t, database, 0, 0)
		sue := partner(t, w)
		ctx := t.Context()
		runs := New(w.Agreements, 0)
		r, err := runs.Start(ctx, agreementtest.Trainer(), schemas.Run{Project: "p", ExternalID: "night"})
		agreementtest.Must(t, err)
		for _, x := range []struct {
			by   schemas.Principal
			id   schemas.RunID
			kind schemas.Kind
			text string
		}{
			{schemas.Principal{}, r.ID, schemas.Unauthenticated, "this needs a signed-in caller"},
			{stranger(), r.ID, schemas.NotFound, "there is no run " + string(r.ID)},
			{agreementtest.Officer(), r.ID, schemas.Denied, "only partners of the run's project say that it is over"},
			{sue, "run-none", schemas.NotFound, "run-none"},
		} {
			_, err := runs.End(ctx, x.by, x.id)
			agreementtest.Refused(t, x.by.Subject, err, x.kind, x.text)
		}
		n := len(w.Entries(t, schemas.ChangeRun))
		first, err := runs.End(ctx, sue, r.ID)
		if err != nil || first.Ended.IsZero() || first.Revision != 2 {
			t.Fatalf("ended: %+v, %v", first, err)
		}
		again, err := runs.End(ctx, agreementtest.Trainer(), r.ID)
		if err != nil || !again.Ended.Equal(first.Ended) || again.Revision != 2 {
			t.Errorf("ended again: %+v, %v", again, err)
		}
		entries := w.Entries(t, schemas.ChangeRun)
		if len(entries) != n+1 {
			t.Fatalf("the record has %d entries more, want 1", len(entries)-n)
		}
		if v := entries[n].Values; v["state"] != "ended" || v["run"] != string(r.ID) || v["by"] != string(second) || v["external"] != "night" {
			t.Errorf("the record says %v", v)
		}
		r, err = runs.AddOutput(ctx, sue, r.ID, schemas.Output{Kind: "model", Name: "weights", Digest: "sha256:00"})
		if err != nil || len(r.Outputs) != 1 || r.Ended.IsZero() {
			t.Errorf("what came out: %+v, %v", r, err)
		}
	})
}
