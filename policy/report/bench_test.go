package report

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

// filled is a database with so many releases of one dataset, begun and ended.
func filled(b testing.TB, kind string, releases int) *db.DB {
	b.Helper()
	database := dbtest.OpenURL(b, dbtest.URL(b, kind))
	dbtest.Run(b, database)
	const atOnce = 2000
	for from := 0; from < releases; from += atOnce {
		err := database.WriteBulk(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			for i := from; i < min(from+atOnce, releases); i++ {
				for _, c := range release(i) {
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

// release is the two changes of one.
func release(i int) []schemas.Change {
	v := map[string]string{
		"release": fmt.Sprintf("rel-%026d", i), "agreement": fmt.Sprintf("agr-%026d", i%50), "dataset": "ds-00000000000000000000000001",
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

func BenchmarkRead(b *testing.B) {
	n := 50_000
	if s := os.Getenv("RELEASES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	database := filled(b, dbtest.SQLite, n)
	for name, w := range map[string]wanted{
		"none": {schemas.ChangeReleaseBegin: nil, schemas.ChangeReleaseEnd: nil},
		"one":  {schemas.ChangeReleaseBegin: {"release"}, schemas.ChangeReleaseEnd: {"release"}},
		"uses": {schemas.ChangeReleaseBegin: {"release"}, schemas.ChangeReleaseEnd: {"release", "dataset", "agreement", "participant", "project", "purpose", "version", "run", "state"}},
	} {
		b.Run(name, func(b *testing.B) {
			before := spent()
			for range b.N {
				k := 0
				err := each(context.Background(), database, audit.Query{Values: map[string]string{"dataset": "ds-00000000000000000000000001"}}, w, func(r *record) error { k++; return nil })
				if err != nil || k != 2*n {
					b.Fatal(k, err)
				}
			}
			b.ReportMetric(float64(2*n*b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric((spent()-before)*1e6/float64(2*n*b.N), "cpu-µs/record")
		})
	}
}
