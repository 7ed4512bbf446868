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

	"guichet/policy/view"
	"guichet/schemas"
)

// views makes and keeps the indexes of filtering views. An index is a function of
// (version, table, split, view) alone and lies in the work bucket under its digest, so
// every replica plans alike [decisions.md 11]. Who asks for fewer columns gets the same
// batches, so one index does for all.
type views struct {
	engine *Engine
	turns  turns
	scans  chan struct{} // one place for each index that is being made: each holds a read and what it looks at
	mu     sync.Mutex
	ready  map[string]*index
	order  []string // their keys, the oldest first
	held   int64    // bytes of them
	making map[string]*progress

	patience time.Duration // how long an index is made that nobody asks for
}

type progress struct {
	done, all int
	err       error
	at        time.Time
	askers    map[string]func() // who may still ask, and what ends looking for their revocation
	unasked   *time.Timer
	end       context.CancelFunc
}

// asker is under what an index is asked for.
type asker struct {
	who       schemas.ParticipantID
	agreement schemas.AgreementID
	lease     schemas.Lease
}

func newViews(e *Engine) *views {
	return &views{engine: e, ready: map[string]*index{}, making: map[string]*progress{}, scans: make(chan struct{}, makers), patience: unasked}
}

// unasked is some times as long as clients wait before they ask again.
const unasked = time.Minute

// maxReady bounds the bytes of the indexes held in memory; beyond it they are read
// again.
const maxReady = 512 << 20

// rows gives a view's index, or Busy with its progress while it is being made, by who asks
// first. It ends when all agreements and leases that asked are revoked, or when nobody has
// asked for a while: then its place is another's.
func (vs *views) rows(ctx context.Context, by asker, v *schemas.Version, t *schemas.Table, s *schemas.Split, vw *view.View) (*index, error) {
	sum := sha256.Sum256([]byte("guichet view 2\x00" + string(v.Dataset) + "\x00" + string(v.Version) + "\x00" + t.Name + "\x00" + s.Name + "\x00" + vw.Digest))
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
		ctx, end := context.WithCancel(context.WithoutCancel(ctx))
		p = &progress{all: len(s.Shards), askers: map[string]func(){}, end: end, unasked: time.AfterFunc(vs.patience, end)}
		vs.making[key] = p
		go func() {
			defer vs.engine.running.Done()
			defer end()
			vs.make(ctx, by.who, key, p, t, s, vw)
		}()
	}
	if p.err != nil {
		return nil, p.err
	}
	vs.wanted(p, by)
	return nil, &schemas.Error{Kind: schemas.Busy, Subject: "view", Message: fmt.Sprintf("the rows that the agreement shows are being counted: %d %% done", 100*p.done/max(p.all, 1)), Remedy: "try again in a moment"}
}

// wanted notes who asks for an index that is being made. vs.mu is held.
func (vs *views) wanted(p *progress, by asker) {
	p.unasked.Reset(vs.patience)
	id := string(by.agreement) + "/" + string(by.lease.ID)
	if vs.engine.Feed == nil || p.askers[id] != nil {
		return
	}
	p.askers[id] = vs.engine.Feed.Watch(by.agreement, "", by.lease, func(string) {
		go func() { // the feed must not wait for vs.mu, whose holders wait for the feed
			vs.mu.Lock()
			defer vs.mu.Unlock()
			if stop := p.askers[id]; stop != nil {
				stop()
			}
			delete(p.askers, id)
			if len(p.askers) == 0 {
				p.end()
			}
		}()
	})
}

func (vs *views) make(ctx context.Context, who schemas.ParticipantID, key string, p *progress, t *schemas.Table, s *schemas.Split, vw *view.View) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() {
		select {
		case <-vs.engine.closing:
			end()
		case <-ctx.Done():
		}
	}()
	ix, err := vs.load(ctx, key, s, vw)
	if err != nil || ix == nil {
		leave, ok := vs.turns.queue(ctx.Done(), who)
		if err = stopping(); ok {
			ix, err = vs.scan(ctx, p, t, s, vw)
			leave()
		}
		if err == nil {
			vs.save(ctx, key, ix)
		}
	}
	vs.mu.Lock()
	defer vs.mu.Unlock()
	p.unasked.Stop()
	for _, stop := range p.askers {
		stop()
	}
	clear(p.askers)
	if err != nil && ctx.Err() == nil {
		p.err, p.at = err, time.Now()
		return
	}
	if err != nil { // it was ended: who asks now has it made anew
		delete(vs.making, key)
		return
	}
	delete(vs.making, key)
	vs.keep(key, ix, maxReady)
}

// keep holds an index ready, and lets go of the oldest beyond most bytes.
func (vs *views) keep(key string, ix *index, most int64) {
	vs.ready[key], vs.order = ix, append(vs.order, key)
	vs.held += ix.weight()
	for vs.held > most && len(vs.order) > 1 {
		vs.held -= vs.ready[vs.order[0]].weight()
		delete(vs.ready, vs.order[0])
		vs.order = vs.order[1:]
	}
}

func (vs *views) load(ctx context.Context, key string, s *schemas.Split, vw *view.View) (*index, error) {
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
	b, err := io.ReadAll(io.LimitReader(body, maxIndex))
	if err != nil {
		return nil, err
	}
	return parseIndex(b, s, vw), nil
}

// maxIndex is far above any index that is written: 256 bytes for each batch of 3.5 TiB.
const maxIndex = 256 << 20

// parseIndex reads a view's index over a split; nil where it is torn, of another form or
// names places that are not there: it is made anew.
func parseIndex(b []byte, s *schemas.Split, vw *view.View) *index {
	var ix index
	err := json.Unmarshal(unsealed(b), &ix)
	if err != nil || ix.Format != indexFormat || !ix.over(s, vw) {
		return nil
	}
	return &ix
}

// save writes an index for the other replicas and later starts. Where it cannot, the
// index serves from memory: it is whole, and making it again would change nothing.
func (vs *views) save(ctx context.Context, key string, ix *index) {
	err := vs.write(ctx, key, ix)
	if err != nil {
		vs.engine.Log.Warn("the index of a view is not kept in the work bucket", "index", key, "err", err)
	}
}

func (vs *views) write(ctx context.Context, key string, ix *index) error {
	id, bucket, err := vs.engine.Work(ctx)
	if err != nil {
		return err
	}
	store, err := vs.engine.Store(ctx, id)
	if err != nil {
		return err
	}
	b, err := json.Marshal(ix)
	if err != nil {
		return fmt.Errorf("write the view's index: %w", err)
	}
	b = sealed(b)
	_, err = store.Put(ctx, bucket, "views/"+key+".json", bytes.NewReader(b), int64(len(b)))
	return err
}
