package db_test

import (
	"context"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
)

func BenchmarkGet(b *testing.B) {
	for _, kind := range dbtest.Kinds() {
		database := dbtest.Open(b, kind)
		err := database.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			return insert(ctx, tx, "factory", "f", noun{"one"}, nil)
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(kind+"/stored", func(b *testing.B) {
			for b.Loop() {
				_, _, err := db.GetStored[noun](context.Background(), database, "factory", "f")
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(kind+"/held", func(b *testing.B) {
			for b.Loop() {
				_, _, err := db.Get[noun](context.Background(), database, "factory", "f")
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
