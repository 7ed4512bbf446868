package rowindex

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/policy/view"
	"guichet/schemas"
)

// Cache makes and keeps the indexes of filtering views. An index is a function of
// (version, table, split, view) alone and lies in the work bucket under its digest, so
// every replica plans alike [decisions.md 11]. Who asks for fewer columns gets the same
// batches, so one index does for all.
type Cache struct {
	open   read.Opener
	work   func(ctx context.Context) (store schemas.StoreID, bucket string, err error)
	life   *release.Lifecycle
	feed   release.Feed // nil: nobody's agreement is revoked
	log    *slog.Logger
	turns  release.Turns
	slots  chan struct{} // one place for each index that is being made: each holds a read and what it looks at
	mu     sync.Mutex
	ready  map[string]*plan.RowIndex
	order  []string // their keys, the oldest first
	held   int64    // bytes of them
	making map[string]*progress

	patience time.Duration // how long an index is made that nobody asks for
}

// progress says how far an index is that callers wait for.
type progress struct {
	done, all int
	err       error
	at        time.Time
	askers    map[string]func() // who may still ask, and what ends looking for their revocation
	unasked   *time.Timer
	end       context.CancelFunc
}

// Asker is under what an index is asked for.
type Asker struct {
	Who       schemas.ParticipantID
	Agreement schemas.AgreementID
	Lease     schemas.Lease
}

// NewCache makes a cache that opens stores by open and keeps what it makes in the
// bucket that work names.
func NewCache(
	open read.Opener, work func(ctx context.Context) (store schemas.StoreID, bucket string, err error),
	life *release.Lifecycle, feed release.Feed, log *slog.Logger,
) *Cache {
	return &Cache{
		open:     open,
		work:     work,
		life:     life,
		feed:     feed,
		log:      log,
		ready:    map[string]*plan.RowIndex{},
		making:   map[string]*progress{},
		slots:    make(chan struct{}, maxScans),
		patience: maxUnasked,
	}
}

// maxScans is how many indexes are made at once.
const maxScans = 2

// maxUnasked is some times as long as clients wait before they ask again.
const maxUnasked = time.Minute

// maxReady bounds the bytes of the indexes held in memory; beyond it they are read
// again.
const maxReady = 512 << 20

// keyOf names an index, and it lies under that name in the work bucket: it may never
// change, or every replica would count anew.
func keyOf(v *schemas.Version, t *schemas.Table, s *schemas.Split, vw *view.View) string {
	name := "guichet view 2\x00" + string(v.Dataset) + "\x00" + string(v.Version) + "\x00" + t.Name + "\x00" + s.Name + "\x00" + vw.Digest
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// Get gives a view's index, or Busy with its progress while it is being made, by who asks
// first. It ends when all agreements and leases that asked are revoked, or when nobody has
// asked for a while: then its place is another's.
func (c *Cache) Get(
	ctx context.Context, by Asker, v *schemas.Version, t *schemas.Table, s *schemas.Split, vw *view.View,
) (*plan.RowIndex, error) {
	key := keyOf(v, t, s, vw)
	c.mu.Lock()
	defer c.mu.Unlock()
	if got, ok := c.ready[key]; ok {
		return got, nil
	}
	p := c.making[key]
	if p != nil && p.err != nil && time.Since(p.at) > 5*time.Second {
		p = nil // an old fault is tried again
	}
	if p == nil {
		if !c.life.Enter() {
			return nil, release.Stopping()
		}
		ctx, end := context.WithCancel(context.WithoutCancel(ctx))
		p = &progress{all: len(s.Shards), askers: map[string]func(){}, end: end, unasked: time.AfterFunc(c.patience, end)}
		c.making[key] = p
		go func() {
			defer c.life.Leave()
			defer end()
			c.make(ctx, by.Who, key, p, t, s, vw)
		}()
	}
	if p.err != nil {
		return nil, p.err
	}
	c.noteAsker(p, by)
	return nil, &schemas.Error{
		Kind:    schemas.Busy,
		Subject: "view",
		Message: fmt.Sprintf("the rows that the agreement shows are being counted: %d %% done", 100*p.done/max(p.all, 1)),
		Remedy:  "try again in a moment",
	}
}

// noteAsker notes who asks for an index that is being made. c.mu is held.
func (c *Cache) noteAsker(p *progress, by Asker) {
	p.unasked.Reset(c.patience)
	id := string(by.Agreement) + "/" + string(by.Lease.ID)
	if c.feed == nil || p.askers[id] != nil {
		return
	}
	p.askers[id] = c.feed.Watch(by.Agreement, "", by.Lease, func(string) {
		go func() { // the feed must not wait for c.mu, whose holders wait for the feed
			c.mu.Lock()
			defer c.mu.Unlock()
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

func (c *Cache) make(
	ctx context.Context, who schemas.ParticipantID, key string, p *progress, t *schemas.Table, s *schemas.Split,
	vw *view.View,
) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() {
		select {
		case <-c.life.Context().Done():
			end()
		case <-ctx.Done():
		}
	}()
	ix, err := c.load(ctx, key, s, vw)
	if err != nil || ix == nil {
		leave, ok := c.turns.Queue(ctx.Done(), who)
		if err = release.Stopping(); ok {
			ix, err = c.scan(ctx, p, t, s, vw)
			leave()
		}
		if err == nil {
			c.save(ctx, key, ix)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
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
		delete(c.making, key)
		return
	}
	delete(c.making, key)
	c.remember(key, ix, maxReady)
}

// remember holds an index ready, and lets go of the oldest beyond most bytes.
func (c *Cache) remember(key string, ix *plan.RowIndex, most int64) {
	c.ready[key], c.order = ix, append(c.order, key)
	c.held += ix.Weight()
	for c.held > most && len(c.order) > 1 {
		c.held -= c.ready[c.order[0]].Weight()
		delete(c.ready, c.order[0])
		c.order = c.order[1:]
	}
}
