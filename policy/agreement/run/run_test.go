package run

import (
	"context"
	"fmt"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// A run has at most so many outputs, as whoever reads it reads them all; the same one
// again is still no error.
func TestARunHasABoundOfOutputs(t *testing.T) {
	t.Parallel()
	d := agreementtest.New(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	runs := New(d.Agreements, 0)
	r := schemas.Run{ID: "run-full", Project: "p"}
	output := func(i int) schemas.Output {
		return schemas.Output{Name: fmt.Sprintf("o-%d", i), Digest: fmt.Sprintf("sha256:%064x", i)}
	}
	for i := range maxOutputs {
		r.Outputs = append(r.Outputs, output(i))
	}
	agreementtest.Must(t, d.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return db.Insert(ctx, tx, "run", string(r.ID), r, db.Columns{"project": "p"})
	}))
	_, err := runs.AddOutput(t.Context(), agreementtest.Trainer(), r.ID, output(0))
	agreementtest.Must(t, err)
	_, err = runs.AddOutput(t.Context(), agreementtest.Trainer(), r.ID, output(maxOutputs))
	if schemas.KindOf(err) != schemas.TooLarge {
		t.Errorf("one output too many: %v", err)
	}
}
