package agreement_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/run"
	"guichet/schemas"
)

// Who takes part in very many projects still reads its agreements and runs.
func TestManyProjectsBreakNoList(t *testing.T) {
	t.Parallel()
	d := agreementtest.New(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	ids := []schemas.AgreementID{d.Agree(t, "ds-0", nil).ID, d.Agree(t, "ds-1", nil).ID}
	agreementtest.Must(t, d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i := range agreement.InOneLook + 1 {
			id := fmt.Sprintf("a-%d", i)
			err := db.Insert(
				ctx, tx, "project", id,
				schemas.Project{ID: schemas.ProjectID(id), Lead: agreementtest.Holder, Partners: []schemas.ParticipantID{agreementtest.Lab}},
				db.Columns{"lead": string(agreementtest.Holder)},
			)
			if err == nil {
				_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: "project/" + id})
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
	var got []schemas.AgreementID
	after := ""
	for {
		page, next, err := d.Agreements.List(ctx, agreementtest.Trainer(), "", "", after, 1)
		agreementtest.Must(t, err)
		for _, a := range page {
			got = append(got, a.ID)
		}
		after = next
		if next == "" {
			break
		}
	}
	for of, want := range map[schemas.ParticipantID]int{agreementtest.Lab: 2, agreementtest.Holder: 0} {
		page, _, err := d.Agreements.List(ctx, agreementtest.Owner(), "", of, "", 10)
		if err != nil || len(page) != want {
			t.Errorf("%s has %d agreements, not %d: %v", of, len(page), want, err)
		}
	}
	slices.Sort(ids)
	slices.Sort(got) // both were made in one moment
	runs, _, err := run.New(d.Agreements, 0).List(ctx, agreementtest.Trainer(), "", "", 10)
	if err != nil || len(runs) != 2 || !slices.Equal(got, ids) {
		t.Errorf("%d runs, the agreements %v, want 2 and %v: %v", len(runs), got, ids, err)
	}
}

// A run that is called by its own name is told by its id, where the project has one of that very name; a name is no pattern.
func TestRunsNamed(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := agreementtest.New(t, database, 0, 0)
		ctx := t.Context()
		for i, name := range []string{"night-run", `50% "off" <!\_é`, "twice", "twice"} {
			agreementtest.Must(t, d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				r := schemas.Run{ID: schemas.RunID(fmt.Sprintf("run-%d", i)), Project: "p", ExternalID: name}
				return db.Insert(ctx, tx, "run", string(r.ID), r, db.Columns{"project": "p"})
			}))
		}
		for _, c := range []struct{ project, name, want string }{
			{"p", "night-run", "run-0"}, {"p", `50% "off" <!\_é`, "run-1"}, {"p", "twice", "run-2, run-3"},
			{"p", "NIGHT-RUN", ""}, {"p", "night%", ""}, {"p", "night_run", ""}, {"p", "night", ""}, {"p", "", ""}, {"q", "night-run", ""},
		} {
			got, err := agreement.RunsNamed(ctx, d.DB, schemas.ProjectID(c.project), c.name)
			if err != nil || got != c.want {
				t.Errorf("%s in %s: %q, %v, want %q", c.name, c.project, got, err, c.want)
			}
		}
	})
}
