package party_test

import (
	"context"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/party"
	"guichet/schemas"
)

// That a store cannot be read is no answer to whether a provider may name an
// uploaded file: a refusal would be recorded, and never was.
func TestFaultOfStoresIsNoRefusal(t *testing.T) {
	t.Parallel()
	database := dbtest.OpenURL(t, dbtest.URL(t, dbtest.SQLite))
	dbtest.Run(t, database)
	parties, err := party.New(database)
	if err != nil {
		t.Fatal(err)
	}
	const provider = schemas.ParticipantID("https://agronomy.example")
	boss := schemas.Principal{Issuer: "test", Subject: "boss", Roles: []schemas.Role{schemas.RoleOperator}}
	_, err = parties.PutStore(t.Context(), boss, schemas.Store{ID: "local", Endpoint: "https://s3.example", CredentialRef: "local", WorkBucket: "work"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	may := func() error {
		return parties.MayName(t.Context(), provider, "local", "work", schemas.UploadPrefix(provider)+"ds/data/all/a.csv")
	}
	if err := may(); err != nil {
		t.Fatalf("their own upload: %v", err)
	}
	err = database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { // a row that cannot be read
		_, err := tx.Exec(ctx, `UPDATE store SET doc = '{' WHERE id = 'local'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	parties, err = party.New(database) // which has read nothing yet
	if err != nil {
		t.Fatal(err)
	}
	if err := may(); err == nil || schemas.KindOf(err) == schemas.Denied {
		t.Errorf("while the store cannot be read: %v", err)
	}
}
