package shard_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
)

// spent is the processor time of this process.
func spent(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPublishParquet reads, checks, cuts and writes Parquet files as publication
// does, beside pyarrow's whole job; the figure is our processor time to its.
func BenchmarkPublishParquet(b *testing.B) {
	dir, py := b.TempDir(), sharedtest.Python(b)
	if out, err := exec.Command(py, "testdata/bench.py", "write", dir).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for _, f := range []string{filepath.Join(dir, "dict.parquet"), filepath.Join(dir, "num.parquet"), sharedtest.Path(b, "data", "health",
		"mimic-iv-demo-meds", "mimic_iv_demo_meds_events.parquet")} {
		b.Run(filepath.Base(f), func(b *testing.B) {
			data, err := os.ReadFile(f)
			if err != nil {
				b.Fatal(err)
			}
			var ours, theirs float64
			for b.Loop() {
				in, out := shardtest.FileOf(b, data), shardtest.FileOf(b, nil)
				began := spent(b)
				if _, err := shard.Conform(context.Background(), in, int64(len(data)), shard.Spec{Name: "x.parquet"}, out); err != nil {
					b.Fatal(err)
				}
				ours += (spent(b) - began).Seconds()
				_ = in.Close()
				_ = out.Close()
				said, err := exec.Command(py, "testdata/bench.py", "job", f).Output()
				if err != nil {
					b.Fatal(err)
				}
				var s float64
				if _, err := fmt.Sscan(string(said), &s); err != nil {
					b.Fatal(err)
				}
				theirs += s
			}
			b.ReportMetric(ours/float64(b.N), "cpu-s")
			b.ReportMetric(ours/theirs, "×pyarrow")
			b.ReportMetric(0, "ns/op")
		})
	}
}
