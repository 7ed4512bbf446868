package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"guichet/schemas"
)

// views makes and keeps the row indexes of filtering views: per shard, how many
// rows of each batch stay. An index is a function of (version, table, split, view)
// alone and lies in the work bucket under its digest, so every replica plans alike
// [decisions.md 11].
type views struct {
	engine *Engine
	mu     sync.Mutex
	ready  map[string][][]int64
	making map[string]*progress
}

type progress struct {
	done, all int
	err       error
	at        time.Time
}

func newViews(e *Engine) *views {
	return &views{engine: e, ready: map[string][][]int64{}, making: map[string]*progress{}}
}

// maxReady bounds the indexes held in memory; beyond it they are read again.
const maxReady = 1000

// rows gives a view's index, or Busy with its progress while it is being made.
func (vs *views) rows(ctx context.Context, v *schemas.Version, t *schemas.Table, s *schemas.Split, vw *view) ([][]int64, error) {
	sum := sha256.Sum256([]byte(string(v.Dataset) + "\x00" + string(v.Version) + "\x00" + t.Name + "\x00" + s.Name + "\x00" + vw.digest))
	key := hex.EncodeToString(sum[:])
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if got, ok := vs.ready[key]; ok {
		return got, nil
	}
	p := vs.making[key]
	if p != nil && p.err != nil && time.Since(p.at) > 5*time.Second {
		p = nil // an old fault is tried again
	}
	if p == nil {
		if !vs.engine.enter() {
			return nil, stopping()
		}
		p = &progress{all: len(s.Shards)}
		vs.making[key] = p
		go func() {
			defer vs.engine.running.Done()
			vs.make(context.WithoutCancel(ctx), key, p, s, vw)
		}()
	}
	if p.err != nil {
		return nil, p.err
	}
	return nil, &schemas.Error{Kind: schemas.Busy, Subject: "view", Message: fmt.Sprintf("the rows that the agreement shows are being counted: %d of %d shards", p.done, p.all), Remedy: "try again in a moment"}
}

func (vs *views) make(ctx context.Context, key string, p *progress, s *schemas.Split, vw *view) {
	index, err := vs.load(ctx, key, len(s.Shards))
	if err != nil || index == nil {
		index, err = vs.scan(ctx, p, s, vw)
		if err == nil {
			err = vs.save(ctx, key, index)
		}
	}
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if err != nil {
		p.err, p.at = err, time.Now()
		return
	}
	delete(vs.making, key)
	if len(vs.ready) >= maxReady {
		clear(vs.ready)
	}
	vs.ready[key] = index
}

func (vs *views) scan(ctx context.Context, p *progress, s *schemas.Split, vw *view) ([][]int64, error) {
	all := vw.all()
	src := newSource(schemas.Version{}, &schemas.Table{}, s, all, nil)
	rd := &reader{source: src, open: vs.engine.Store, buffers: vs.engine.buffers, decoders: map[int]*opened{}}
	out := make([][]int64, len(s.Shards))
	for i := range s.Shards {
		if vs.engine.Closing() {
			return nil, stopping()
		}
		out[i] = make([]int64, 0, len(s.Shards[i].Batches))
		n := src.shardRows(i)
		for _, one := range src.reads(src.slices([]schemas.Segment{segment(i, 0, n)})) {
			err := vs.count(ctx, rd, one, vw, &out[i])
			if err != nil {
				return nil, err
			}
		}
		for len(out[i]) < len(s.Shards[i].Batches) { // batches without rows
			out[i] = append(out[i], 0)
		}
		rd.forget(nil)
		vs.mu.Lock()
		p.done++
		vs.mu.Unlock()
	}
	return out, nil
}

func (vs *views) count(ctx context.Context, rd *reader, one read, vw *view, into *[]int64) error {
	res := rd.fetch(ctx, one, false)
	if res.err != nil {
		return res.err
	}
	defer vs.engine.buffers.Put(res.buffer)
	o := rd.shard(ctx, one.shard)
	if o.err != nil {
		return o.err
	}
	for i, m := range res.messages {
		rec, err := o.decoder.Record(m.Bytes)
		if err != nil {
			return err
		}
		for len(*into) < one.slices[i].batch {
			*into = append(*into, 0)
		}
		*into = append(*into, int64(len(vw.filter.Rows(columnsOf(rec), int(rec.NumRows())))))
	}
	return nil
}

// all is the table as it lies, for scanning.
func (v *view) all() *view { return &view{schema: v.source, source: v.source, arrow: v.arrow} }

func (vs *views) load(ctx context.Context, key string, shards int) ([][]int64, error) {
	id, bucket, err := vs.engine.Work(ctx)
	if err != nil {
		return nil, err
	}
	store, err := vs.engine.Store(ctx, id)
	if err != nil {
		return nil, err
	}
	body, err := store.Open(ctx, bucket, "views/"+key+".json", "", 0, -1)
	if schemas.KindOf(err) == schemas.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var index [][]int64
	err = json.NewDecoder(io.LimitReader(body, 256<<20)).Decode(&index)
	if err != nil || len(index) != shards {
		return nil, nil // torn or foreign: it is made anew
	}
	return index, nil
}

func (vs *views) save(ctx context.Context, key string, index [][]int64) error {
	id, bucket, err := vs.engine.Work(ctx)
	if err != nil {
		return err
	}
	store, err := vs.engine.Store(ctx, id)
	if err != nil {
		return err
	}
	b, err := json.Marshal(index)
	if err != nil {
		return fmt.Errorf("write the view's index: %w", err)
	}
	_, err = store.Put(ctx, bucket, "views/"+key+".json", bytes.NewReader(b), int64(len(b)))
	return err
}
