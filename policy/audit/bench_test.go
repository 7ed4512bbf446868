package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guichet/connectors/db/dbtest"
)

// BenchmarkAppend is one durable, covered change per operation, by one caller
// alone, by 64 and by 256 at once, as a ratio to bare commits of the same SQLite (one
// insert of 400 bytes each, WAL, synchronous FULL) in the same run.
func BenchmarkAppend(b *testing.B) {
	bare := bareCommits(b)
	for _, kind := range dbtest.Kinds() {
		for _, writers := range []int{1, 64, 256} {
			b.Run(fmt.Sprintf("%s/%d", kind, writers), func(b *testing.B) {
				s := newSite(b, kind)
				b.ResetTimer()
				var left atomic.Int64
				left.Store(int64(b.N))
				var wg sync.WaitGroup
				for range writers {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							if err := s.appendOne(); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				rate := float64(b.N) / b.Elapsed().Seconds()
				b.ReportMetric(rate, "appends/s")
				b.ReportMetric(rate/bare, "of-bare-commits")
			})
		}
	}
}

// bareCommits measures commits per second of SQLite alone.
func bareCommits(b *testing.B) float64 {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)"); err != nil {
		b.Fatal(err)
	}
	st, err := db.Prepare("INSERT INTO t (x) VALUES (?)")
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	x, start, n := make([]byte, 400), time.Now(), 0
	for ; time.Since(start) < time.Second; n++ {
		tx, err := db.BeginTx(context.Background(), nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tx.Stmt(st).Exec(x); err != nil {
			b.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
}
