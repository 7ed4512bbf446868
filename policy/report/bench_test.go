package report

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

const benchDataset = "ds-00000000000000000000000001"

// filled is a database with so many releases of one dataset, begun and ended.
func filled(b testing.TB, kind string, releases int) *db.DB {
	b.Helper()
	database := dbtest.OpenURL(b, dbtest.URL(b, kind))
	dbtest.Run(b, database)
	const atOnce = 2000
	for from := 0; from < releases; from += atOnce {
		err := database.WriteBulk(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			for i := from; i < min(from+atOnce, releases); i++ {
				for _, c := range changesOf(i) {
					_, err := tx.Append(ctx, c)
					if err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return database
}

// changesOf is the two changes of one.
func changesOf(i int) []schemas.Change {
	v := map[string]string{
		"release": fmt.Sprintf("rel-%026d", i), "agreement": fmt.Sprintf("agr-%026d", i%50), "dataset": benchDataset,
		"participant": fmt.Sprintf("https://p%d.example", i%7), "project": fmt.Sprintf("project-%d", i%11), "run": fmt.Sprintf("run-%026d", i%1000),
		"version": "2026-11-30", "table": "data", "split": "all", "lease": fmt.Sprintf("lease-%026d", i), "factory": "lumi", "door": "http",
		"ask": "world=1&rank=0", "provider": "https://agronomy.example", "purpose": "train-model", "action": "train",
	}
	end := map[string]string{"state": "complete"}
	for k, x := range v {
		end[k] = x
	}
	return []schemas.Change{
		{Kind: schemas.ChangeReleaseBegin, Subject: v["release"], Values: v, Numbers: map[string]int64{"most_rows": 100, "most_bytes": 4000, "declared": 1}},
		{Kind: schemas.ChangeReleaseEnd, Subject: v["release"], Values: end, Numbers: map[string]int64{"rows": 100, "bytes": 4000, "batches": 2, "ms": 12}},
	}
}

// spent is the processor time of this process, in seconds.
func spent() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkUses is the report of uses of a dataset over 2,000 releases, or as many as RELEASES says, begun and
// ended, as a ratio to reading the same records, leaves and all values, one after another. What it holds at its
// peak, in MB, is beside it.
func BenchmarkUses(b *testing.B) {
	n := 2000
	if said := os.Getenv("RELEASES"); said != "" {
		var err error
		n, err = strconv.Atoi(said)
		if err != nil {
			b.Fatal(err)
		}
	}
	database := filled(b, dbtest.SQLite, n)
	read := reading(b, database)
	ctx := context.Background()
	b.ResetTimer()
	before := spent()
	for range b.N {
		m := &making{ctx: ctx, db: database, doc: &Document{}, ask: Ask{Parameters: map[string]string{"dataset": benchDataset}}}
		m.query = m.ask.Query()
		err := uses(m)
		if err != nil || len(m.stands) != 2*n || len(m.doc.Tables[0].Rows) == 0 {
			b.Fatalf("%v: %d records, %+v", err, len(m.stands), m.doc)
		}
	}
	rate := float64(2*n*b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "records/s")
	b.ReportMetric(rate/read, "of-reading")
	b.ReportMetric((spent()-before)*1e6/float64(2*n*b.N), "cpu-µs/record")
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	b.ReportMetric(float64(u.Maxrss)/1000, "MB-at-most")
}

// reading is how many records a second are read whole: leaf by leaf, and each with its values, as the database
// gives them.
func reading(b *testing.B, database *db.DB) float64 {
	b.Helper()
	began, n := time.Now(), 0
	rows, err := database.Query(context.Background(), `SELECT c.position, c.leaf, v.name, v.salt, v.value FROM change c
		JOIN change_value v ON v.position = c.position ORDER BY c.position, v.name`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	last := int64(-1)
	var leaf, salt, name, value sql.RawBytes
	for rows.Next() {
		var position int64
		err := rows.Scan(&position, &leaf, &name, &salt, &value)
		if err != nil {
			b.Fatal(err)
		}
		if position != last {
			n, last = n+1, position
		}
	}
	return float64(n) / time.Since(began).Seconds()
}
