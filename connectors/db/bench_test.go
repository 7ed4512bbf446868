package db_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// BenchmarkBesideBulk is one small write per operation, alone and while four
// bulk writers write as much as they may; the ratio of the medians is what bulk
// costs.
func BenchmarkBesideBulk(b *testing.B) {
	for _, kind := range dbtest.Kinds() {
		b.Run(kind, func(b *testing.B) {
			db := dbtest.Open(b, kind)
			alone := latencies(b, db, 300)
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for ctx.Err() == nil {
						if err := db.WriteBulk(ctx, appendBulk); err != nil && ctx.Err() == nil {
							b.Error(err)
						}
					}
				})
			}
			b.ResetTimer()
			beside := latencies(b, db, b.N)
			b.StopTimer()
			cancel()
			wg.Wait()
			b.ReportMetric(float64(beside[len(beside)/2])/1e6, "p50-ms")
			b.ReportMetric(float64(beside[len(beside)*99/100])/1e6, "p99-ms")
			b.ReportMetric(float64(beside[len(beside)/2])/float64(alone[len(alone)/2]), "p50-of-alone")
		})
	}
}

func appendBulk(ctx context.Context, tx *db.Tx) error {
	for range 20 {
		if _, err := tx.Append(ctx, schemas.Change{Kind: "bulk"}); err != nil {
			return err
		}
	}
	return nil
}

// latencies gives those of n small writes, sorted.
func latencies(b *testing.B, database *db.DB, n int) []time.Duration {
	b.Helper()
	out := make([]time.Duration, n)
	for i := range out {
		start := time.Now()
		err := database.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Append(ctx, schemas.Change{Kind: "small"})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		out[i] = time.Since(start)
	}
	slices.Sort(out)
	return out
}
