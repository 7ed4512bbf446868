package agreement_test

import (
	"context"
	"maps"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// Whoever has an agreement or a request with somebody knows what she is called, and of nobody else whether she is here.
func TestNames(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := agreementtest.New(t, database, 0, 0)
		ctx := t.Context()
		const other, third, nobody = schemas.ParticipantID("https://other.example"), schemas.ParticipantID("https://third.example"),
			schemas.ParticipantID("https://nobody.example")
		for id, name := range map[schemas.ParticipantID]string{agreementtest.Lab: "The Lab", agreementtest.Holder: "The Holder", other: "Other", third: "Third"} {
			agreementtest.Must(t, d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, "DELETE FROM participant WHERE id = ?", string(id))
				if err == nil {
					err = db.Insert(ctx, tx, "participant", string(id), schemas.Participant{ID: id, Name: name}, nil)
				}
				if err == nil {
					_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: "participant/" + string(id)})
				}
				return err
			}))
		}
		all := []schemas.ParticipantID{agreementtest.Lab, agreementtest.Holder, other, third, nobody}
		names := func(by schemas.Principal, want map[schemas.ParticipantID]string) {
			t.Helper()
			got, err := d.Agreements.Names(ctx, by, all)
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("%s knows %v, %v; want %v", by.Subject, got, err, want)
			}
		}
		names(agreementtest.Trainer(), map[schemas.ParticipantID]string{agreementtest.Lab: "The Lab"})
		d.Agree(t, "ds-0", nil)
		agreementtest.Must(t, d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			err := db.Insert(ctx, tx, "request", "req-1", schemas.Request{ID: "req-1", By: agreementtest.Lab},
				db.Columns{"participant": string(agreementtest.Lab), "project": "p", "state": "pending", "made": 1})
			if err == nil {
				_, err = tx.Exec(ctx, "INSERT INTO request_reviewer (request, reviewer) VALUES ('req-1', ?)", string(other))
			}
			if err == nil {
				_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRequest, Subject: "req-1"})
			}
			return err
		}))
		names(agreementtest.Trainer(), map[schemas.ParticipantID]string{agreementtest.Lab: "The Lab", agreementtest.Holder: "The Holder", other: "Other"})
		names(agreementtest.Owner(), map[schemas.ParticipantID]string{agreementtest.Lab: "The Lab", agreementtest.Holder: "The Holder"})
		names(agreementtest.Person("ria", other, schemas.RoleProvider), map[schemas.ParticipantID]string{agreementtest.Lab: "The Lab", other: "Other"})
		names(agreementtest.Officer(), map[schemas.ParticipantID]string{agreementtest.Lab: "The Lab", agreementtest.Holder: "The Holder", other: "Other", third: "Third"})
		_, err := d.Agreements.Names(ctx, schemas.Principal{}, all)
		agreementtest.Refused(t, "nobody", err, schemas.Unauthenticated, "")
		_, err = d.Agreements.Names(ctx, agreementtest.Trainer(), make([]schemas.ParticipantID, agreement.MostNames+1))
		agreementtest.Refused(t, "too many", err, schemas.TooLarge, "at most 200")
	})
}
