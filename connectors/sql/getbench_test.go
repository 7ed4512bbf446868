package sql_test

import (
	"context"
	"testing"

	"guichet/connectors/sql"
	"guichet/connectors/sql/sqltest"
)

func BenchmarkGet(b *testing.B) {
	for _, kind := range sqltest.Kinds() {
		db := sqltest.Open(b, kind)
		err := db.Write(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
			return insert(ctx, tx, "factory", "f", noun{"one"}, nil)
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(kind+"/stored", func(b *testing.B) {
			for b.Loop() {
				_, _, err := sql.GetStored[noun](context.Background(), db, "factory", "f")
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(kind+"/held", func(b *testing.B) {
			for b.Loop() {
				_, _, err := sql.Get[noun](context.Background(), db, "factory", "f")
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
