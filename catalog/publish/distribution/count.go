package distribution

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guichet/connectors/batch"
	"guichet/connectors/batch/tally"
	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/schemas"
	"guichet/schemas/values"
)

// mostBytes is how many bytes of a table's batches are counted. Of a larger table every n-th batch
// is, which the answer says.
const mostBytes = 256 << 20

// Stores opens a store by its id.
type Stores func(ctx context.Context, id schemas.StoreID) (*s3.Store, error)

// Count counts what a consent allows of a version whose shards were read. Errors: those of the
// stores; Unavailable where a message is not as it was when it was read.
func Count(
	ctx context.Context, stores Stores, d *schemas.Dataset, v *schemas.Version, asked []string, at time.Time,
) (*values.Distributions, error) {
	out := &values.Distributions{
		Dataset: v.Dataset, Version: v.Version, Made: now(at), Asked: slices.Clone(asked), Columns: []values.Distribution{},
	}
	columns, left := Plan(d, v, asked)
	out.LeftOut = left
	for i := range v.Data {
		t := &v.Data[i]
		if len(columns[t.Name]) == 0 {
			continue
		}
		err := table(ctx, stores, t, columns[t.Name], mostBytes, out)
		if err != nil {
			return nil, fmt.Errorf("count the values of table %s: %w", t.Name, err)
		}
	}
	return out, nil
}

// table counts some columns of one table into out.
func table(ctx context.Context, stores Stores, t *schemas.Table, places []int, most int64, out *values.Distributions) error {
	all, err := tally.Columns(t.Schema)
	if err != nil {
		return err
	}
	r := reader{stores: stores, table: t, every: 1}
	rows, bytes := int64(0), int64(0)
	for _, s := range t.Splits {
		rows += s.Rows()
		for i := range s.Shards {
			for _, b := range s.Shards[i].Batches {
				bytes += b.Len()
			}
			for _, b := range s.Shards[i].Dictionaries { // a shard of which no batch is read needs none
				bytes += b.Len()
			}
		}
	}
	for r.every*most < bytes {
		r.every++
	}
	leave := func(place int, why values.Why) {
		out.LeftOut = append(out.LeftOut, values.LeftOut{Table: t.Name, Column: t.Columns[place].Name, Why: why})
	}
	var counted []*tally.Column
	for _, place := range places {
		switch {
		case place >= len(all) || all[place] == nil:
			leave(place, values.LeftType)
		case rows < values.LeastRows:
			leave(place, values.LeftFew)
		default:
			r.places, counted = append(r.places, place), append(counted, all[place])
		}
	}
	if len(counted) == 0 {
		return nil
	}
	take := func(how tally.Pass) func(d *batch.Decoder, msg []byte) error {
		return func(d *batch.Decoder, msg []byte) error { return tally.Take(d, msg, r.places, counted, how) }
	}
	err = r.pass(ctx, take((*tally.Column).Look))
	if err != nil {
		return err
	}
	for _, c := range counted {
		c.Settle()
	}
	err = r.pass(ctx, take((*tally.Column).Count))
	if err != nil {
		return err
	}
	for i, c := range counted {
		x, why := c.Result()
		if why != "" {
			leave(r.places[i], why)
			continue
		}
		x.Table, x.Column, x.Sampled = t.Name, t.Columns[r.places[i]].Name, r.every > 1
		out.Columns = append(out.Columns, x)
	}
	return nil
}

// reader reads batches of a table's shards, one at a time.
type reader struct {
	stores Stores
	table  *schemas.Table
	places []int // the columns that are decoded
	every  int64 // every n-th batch is read
	buf    []byte
}

// pass reads the batches once; do takes each.
func (r *reader) pass(ctx context.Context, do func(d *batch.Decoder, msg []byte) error) error {
	n := int64(0)
	for i := range r.table.Splits {
		for j := range r.table.Splits[i].Shards {
			err := r.shard(ctx, &r.table.Splits[i].Shards[j], &n, do)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// shard reads those of one shard; n counts the batches of all.
func (r *reader) shard(
	ctx context.Context, s *schemas.Shard, n *int64, do func(d *batch.Decoder, msg []byte) error,
) error {
	store, err := r.stores(ctx, s.Store)
	if err != nil {
		return err
	}
	var decoder *batch.Decoder
	for _, b := range s.Batches {
		*n++
		if (*n-1)%r.every != 0 {
			continue
		}
		if decoder == nil {
			decoder, err = r.decoder(ctx, store, s)
			if err != nil {
				return err
			}
		}
		r.buf = slices.Grow(r.buf[:0], int(b.Len()))[:b.Len()]
		err = message(ctx, store, s, b, r.buf)
		if err != nil {
			return err
		}
		err = do(decoder, r.buf)
		if err != nil {
			return altered(s.Key, err)
		}
	}
	return nil
}

// decoder is that of a shard, with its dictionaries.
func (r *reader) decoder(ctx context.Context, store *s3.Store, s *schemas.Shard) (*batch.Decoder, error) {
	var list [][]byte
	for _, b := range s.Dictionaries {
		p := make([]byte, b.Len())
		err := message(ctx, store, s, b, p)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	d, err := batch.NewDecoder(r.table.Schema, list)
	if err != nil {
		return nil, altered(s.Key, err)
	}
	return d, nil
}

// message reads one message of a shard, which must be the one that was published.
func message(ctx context.Context, store *s3.Store, s *schemas.Shard, b schemas.Block, p []byte) error {
	err := store.ReadRange(ctx, s.Bucket, s.Key, s.ETag, b.Offset, p)
	if err == nil && b.Sum != 0 && ipc.Sum(p) != b.Sum {
		err = altered(s.Key, nil)
	}
	return err
}

// altered says that a shard is not as it was when it was read whole.
func altered(key string, cause error) error {
	return &schemas.Error{Kind: schemas.Unavailable, Subject: key, Err: cause,
		Message: "a file is not as it was when it was read for the version", Remedy: "publish again once the files change no more"}
}
