// Package maker makes data that looks real: the datasets of four invented
// providers, each a folder of shards beside the documents that register,
// publish and offer it. A seed and a size flow in, files flow out. It always
// holds that the same seed and size give the same bytes, and that every Arrow
// file obeys the window rule: uncompressed, every batch of N rows but the last
// of a shard. It must not know who reads the files.
package maker

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"github.com/goccy/go-yaml"
	"golang.org/x/sync/errgroup"
)

// Store is the id under which an operator registers the rig's store, and Bucket
// the bucket in it that holds the providers' data.
const (
	Store  = "local"
	Bucket = "spaces"
)

// shardBytes is about how large a shard gets: small enough that a small demo
// still has several.
const shardBytes = 8 << 20

// Config says what to make.
type Config struct {
	Out  string // directory; made when absent, files in it are overwritten
	MiB  int    // of shards, together, about
	Seed uint64
}

// Summary counts what was made.
type Summary struct {
	Datasets, Shards int
	Bytes            int64
}

// job is one shard to write.
type job struct {
	table *table
	shard shard
	path  string
}

// Make writes every dataset.
func Make(ctx context.Context, cfg Config) (Summary, error) {
	if cfg.MiB < 1 {
		return Summary{}, fmt.Errorf("size of %d MiB is too small", cfg.MiB)
	}
	datasets := everything()
	var total float64
	for i := range datasets {
		total += datasets[i].weight
	}
	var jobs []job
	for i := range datasets {
		d := &datasets[i]
		if err := writeDocuments(cfg.Out, d); err != nil {
			return Summary{}, err
		}
		jobs = append(jobs, plan(cfg, d, float64(cfg.MiB<<20)*d.weight/total)...)
	}
	written, err := writeAll(ctx, jobs)
	return Summary{Datasets: len(datasets), Shards: len(jobs), Bytes: written}, err
}

func writeAll(ctx context.Context, jobs []job) (int64, error) {
	var written atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, j := range jobs {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := writeShard(j)
			if err != nil {
				return fmt.Errorf("write %s: %w", j.path, err)
			}
			written.Add(n)
			return nil
		})
	}
	err := group.Wait()
	return written.Load(), err
}

// plan cuts a dataset of so many bytes into shards.
func plan(cfg Config, d *dataset, bytes float64) []job {
	var jobs []job
	for i := range d.tables {
		t := &d.tables[i]
		first := int64(0)
		for _, s := range t.splits {
			rows := t.fixed
			if rows == 0 {
				rows = int64(math.Ceil(bytes * t.share * s.share / t.usualRow()))
			}
			parts := max(1, int64(math.Round(float64(rows)*t.usualRow()/shardBytes)))
			each := (rows + parts - 1) / parts
			for part := int64(0); part*each < rows; part++ {
				n := min(each, rows-part*each)
				name := fmt.Sprintf("part-%05d.%s", part, t.format)
				key := path.Join(d.provider, d.slug, t.name, s.name, name)
				jobs = append(jobs, job{
					table: t,
					shard: shard{seed: cfg.Seed, world: d.slug, key: key, first: first, rows: n},
					path:  filepath.Join(cfg.Out, filepath.FromSlash(key)),
				})
				first += n
			}
		}
	}
	return jobs
}

// writeDocuments writes dataset.yaml, publish.json and offer.json.
func writeDocuments(out string, d *dataset) error {
	dir := filepath.Join(out, d.provider, d.slug)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	doc, err := yaml.MarshalWithOptions(d.document(), yaml.IndentSequence(true))
	if err != nil {
		return fmt.Errorf("encode dataset.yaml of %s: %w", d.slug, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dataset.yaml"), doc, 0o644); err != nil {
		return err
	}
	for name, v := range map[string]any{
		"publish.json": d.publication(),
		"offer.json":   map[string]string{"template": d.template},
	} {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return fmt.Errorf("encode %s of %s: %w", name, d.slug, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}
