package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"guichet/catalog"
	"guichet/catalog/publish/distribution"
	"guichet/connectors/db"
	"guichet/connectors/s3"
	"guichet/schemas"
	"guichet/schemas/values"
)

// Config is what a Publisher is made of.
type Config struct {
	Catalog *catalog.Catalog
	DB      *db.DB
	Log     *slog.Logger
	MayName func(ctx context.Context, provider schemas.ParticipantID, store schemas.StoreID, bucket, key string) error
	// of the provider's, under which a key lies
	Prefix func(ctx context.Context, provider schemas.ParticipantID, store schemas.StoreID, bucket, key string) (string, error)
	// an open store
	Store func(ctx context.Context, id schemas.StoreID) (*s3.Store, error)
	// where rewritten shards go
	Work func(ctx context.Context) (store schemas.StoreID, bucket string, err error)
	// one for each publication
	Readers    func() Reader
	TempDir    string
	Now        func() time.Time
	MaxUploads int64 // bytes of a provider's uploaded files together; 0: any number
}

// Publisher makes versions of what providers name. Safe for concurrent use.
type Publisher struct {
	Config
	wake  chan struct{} // capacity 1: one waiting signal is enough, the publisher looks for all work
	mu    sync.Mutex
	rests map[string]time.Time // versions that are not tried again before
	runs  map[string]func()    // versions that are being published here: what interrupts them
}

// New makes a publisher. Run must run for publications to go on.
func New(c Config) *Publisher {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Publisher{Config: c, wake: make(chan struct{}, 1), rests: map[string]time.Time{}, runs: map[string]func(){}}
}

// maxFaults is how many broken shards a failed publication names; one fault
// rarely comes alone, and a thousand are no more help than twenty.
const maxFaults = 20

// publishers is how many versions are published at once, and publishersEach how many of
// one provider: a large version does not keep all others waiting, nor a slow store the
// other providers. Child processes have a bound of their own.
const (
	publishers     = 3
	publishersEach = 2
)

// Run publishes what waits until ctx ends, and waits for what it started. What a stop
// interrupted goes on at the next start, shard by shard.
func (pub *Publisher) Run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second) // versions whose publisher failed, or was another process
	defer tick.Stop()
	active := map[string]schemas.ParticipantID{}
	finished := make(chan string, publishers) // one place for each that runs
	for {
		err := pub.startSome(ctx, active, finished)
		if err != nil && ctx.Err() == nil {
			pub.Log.Error("publishing stands still", "err", err)
		}
		select {
		case <-ctx.Done():
			for range active {
				<-finished
			}
			return nil
		case id := <-finished:
			delete(active, id)
		case <-pub.wake:
		case <-tick.C:
		}
	}
}

// startSome starts publishers for versions that wait, as far as there is room.
func (pub *Publisher) startSome(ctx context.Context, active map[string]schemas.ParticipantID, finished chan<- string) error {
	if len(active) == publishers {
		return nil
	}
	rows, _, err := db.List[schemas.Version](ctx, pub.DB, "version", "state = 'publishing'", nil, "", 100)
	if err != nil {
		return err
	}
	for _, row := range rows {
		_, is := active[row.ID]
		if is || len(active) == publishers || pub.resting(row.ID) {
			continue
		}
		d, err := pub.Catalog.Dataset(ctx, pub.DB, row.Doc.Dataset)
		if errors.Is(err, db.ErrAltered) { // logged; it keeps nobody else's versions
			pub.rest(row.ID, retryAfter)
			continue
		}
		if err != nil {
			return err
		}
		if each(active, d.Provider) == publishersEach {
			continue
		}
		active[row.ID] = d.Provider
		go func() {
			err := pub.running(ctx, row.ID, func(ctx context.Context) error { return pub.publish(ctx, row.Doc) })
			if err != nil && ctx.Err() == nil {
				pub.Log.Error("a version is not published now and is tried again", "version", row.ID, "err", err)
				pub.wait(ctx, row.Doc, err)
			}
			finished <- row.ID
		}()
	}
	return nil
}

// running publishes a version in a way that interrupt ends.
func (pub *Publisher) running(ctx context.Context, id string, publish func(ctx context.Context) error) error {
	mine, stop := context.WithCancel(ctx)
	pub.mu.Lock()
	pub.runs[id] = stop
	pub.mu.Unlock()
	err := publish(mine)
	pub.mu.Lock()
	delete(pub.runs, id)
	pub.mu.Unlock()
	interrupted := mine.Err() != nil && ctx.Err() == nil
	stop()
	if interrupted || errors.Is(err, errEnded) {
		return nil
	}
	return err
}

// errEnded tells a publisher that its version was ended elsewhere.
var errEnded = errors.New("the publication has ended")

// interrupt stops the publisher of a version, where it runs here.
func (pub *Publisher) interrupt(id string) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if stop := pub.runs[id]; stop != nil {
		stop()
	}
}

// each counts the versions of a provider that are being published.
func each(active map[string]schemas.ParticipantID, provider schemas.ParticipantID) (n int) {
	for _, p := range active {
		if p == provider {
			n++
		}
	}
	return n
}

// retryAfter is how long a version rests whose publisher failed for no fault of its
// objects, so that others come first; each time longer, up to retryMost. What lasts
// longer than giveUp fails the version.
const (
	retryAfter = 10 * time.Second
	retryMost  = 5 * time.Minute
	giveUp     = time.Hour
)

// rest lets a version rest: it is looked at again when d is over.
func (pub *Publisher) rest(id string, d time.Duration) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	pub.rests[id] = time.Now().Add(d)
}

// wait notes in a version why its publication does not go on, for all who look, and
// lets it rest; one that waited too long fails with the reason.
func (pub *Publisher) wait(ctx context.Context, v schemas.Version, cause error) {
	key := catalog.VersionKey(v.Dataset, v.Version)
	why := "the gateway met a fault of its own; the operator finds it in the log"
	if e, ok := errors.AsType[*schemas.Error](cause); ok && e.Kind != schemas.Internal {
		why = strings.TrimSuffix(e.Message+"; "+e.Remedy, "; ")
	}
	now := pub.Now().UTC()
	w := schemas.Waiting{Why: why, Since: now}
	err := pub.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		have, revision, err := db.Get[schemas.Version](ctx, tx, "version", key)
		if err != nil || have.State != schemas.VersionPublishing || !have.Started.Equal(v.Started) {
			return err
		}
		if have.Waiting != nil {
			w.Since, w.Tries = have.Waiting.Since, have.Waiting.Tries
		}
		w.Tries++
		have.Waiting = &w
		_, err = db.Update(ctx, tx, "version", key, revision, have, nil)
		return err
	})
	if err != nil {
		pub.Log.Warn("it is not noted in a version why it waits", "version", key, "err", err)
	}
	pub.rest(key, min(retryAfter<<min(w.Tries, 8), retryMost))
	if err == nil && now.Sub(w.Since) > giveUp {
		err = pub.fail(ctx, v, fmt.Sprintf("it did not go on for %s, in %d tries: %s", now.Sub(w.Since).Round(time.Minute), w.Tries, why))
		if err != nil {
			pub.Log.Warn("a version that waited too long does not fail yet", "version", key, "err", err)
		}
	}
}

// fail ends a publication that does not go on.
func (pub *Publisher) fail(ctx context.Context, v schemas.Version, why string) error {
	p := publication{version: v}
	p.version.Failures, p.version.Waiting = []schemas.FieldError{{Pointer: "publication", Message: why}}, nil
	var done string
	err := pub.DB.QueryRow(ctx, `SELECT shards FROM version WHERE id = ?`, catalog.VersionKey(v.Dataset, v.Version)).Scan(&done)
	if err == nil {
		err = json.Unmarshal([]byte(done), &p.done)
	}
	if err == nil {
		p.dataset, err = pub.Catalog.Dataset(ctx, pub.DB, v.Dataset)
	}
	if err != nil {
		return fmt.Errorf("end the publication of %s: %w", v.Dataset, err)
	}
	return pub.finish(ctx, &p)
}

// Waiting counts the publications that do not go on now, and says since when the first
// does not.
func (pub *Publisher) Waiting(ctx context.Context) (n int, since time.Time, err error) {
	rows, _, err := db.List[schemas.Version](ctx, pub.DB, "version", "state = 'publishing'", nil, "", 1000)
	if err != nil {
		return 0, since, err
	}
	for _, row := range rows {
		w := row.Doc.Waiting
		if w == nil {
			continue
		}
		if n++; since.IsZero() || w.Since.Before(since) {
			since = w.Since
		}
	}
	return n, since, nil
}

// resting says whether a version rests.
func (pub *Publisher) resting(id string) bool {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	until, ok := pub.rests[id]
	if ok && time.Now().After(until) {
		delete(pub.rests, id)
		return false
	}
	return ok
}

// publication is one version on its way.
type publication struct {
	version schemas.Version
	ask     asked
	dataset schemas.Dataset
	done    map[int]readShard // shards that were read, by their place in the ask
	sums    map[string]string // SHA-256 to key of what the base holds
	reader  Reader
	report  report
	failed  bool
	next    time.Time  // when progress is saved again
	probing sync.Mutex // of probes: shards are read beside each other
	probes  map[schemas.StoreID]bool
	told    *values.Distributions // what its provider consented to; nil for nothing
}

// publish reads what is left of a publication, and ends it. Faults of objects go into
// the version; an error means that it cannot go on now and is tried again.
func (pub *Publisher) publish(ctx context.Context, v schemas.Version) error {
	v.ShardsDone, v.Rows, v.Bytes, v.Failures, v.Notes, v.Waiting = 0, 0, 0, nil, nil, nil // counted anew from what was saved
	p := publication{version: v}
	var ask, done string
	err := pub.DB.QueryRow(ctx, `SELECT ask, shards FROM version WHERE id = ?`, catalog.VersionKey(v.Dataset, v.Version)).Scan(&ask, &done)
	if err != nil {
		return fmt.Errorf("read the publication of %s: %w", v.Dataset, err)
	}
	err = errors.Join(json.Unmarshal([]byte(ask), &p.ask), json.Unmarshal([]byte(done), &p.done))
	if err != nil {
		return fmt.Errorf("read the publication of %s: %w", v.Dataset, err)
	}
	p.dataset, err = pub.Catalog.Dataset(ctx, pub.DB, v.Dataset)
	if err != nil {
		return err
	}
	if p.done == nil {
		p.done = map[int]readShard{}
	}
	base, err := pub.base(ctx, v.Dataset, &p.ask.Publication)
	if err != nil {
		return err
	}
	for i := range p.ask.Left {
		p.version.Notes = append(p.version.Notes, p.ask.Left[i].Note())
	}
	p.version.Notes = append(p.version.Notes, p.ask.Said...)
	p.alike()
	p.grow(base)
	err = pub.stands(ctx, &p, base)
	if err != nil {
		return err
	}
	defer func() {
		if ctx.Err() != nil { // perhaps its provider has ended it
			pub.discard(context.WithoutCancel(ctx), &p)
		}
	}()
	p.reader = pub.Readers()
	defer p.reader.Close()
	n := 0
	for i := range p.ask.Tables {
		err := pub.table(ctx, &p, &p.ask.Tables[i], &n)
		if err != nil {
			return err
		}
	}
	if len(p.version.Failures) == 0 {
		p.version.Notes = append(p.version.Notes, p.described()...)
		err = pub.distribute(ctx, &p)
		if err != nil {
			return err
		}
	}
	p.version.Notes = p.report.notes(p.version.Notes)
	return pub.finish(ctx, &p)
}

// distribute counts how values are distributed, where the provider consented to it. A dry run counts
// nothing, and says as well what is left out.
func (pub *Publisher) distribute(ctx context.Context, p *publication) (err error) {
	if len(p.ask.Distributions) == 0 {
		return nil
	}
	_, left := distribution.Plan(&p.dataset, &p.version, p.ask.Distributions)
	if !p.ask.DryRun {
		p.told, err = distribution.Count(ctx, pub.Store, &p.dataset, &p.version, p.ask.Distributions, pub.Now())
		if err != nil {
			return err
		}
		left = p.told.LeftOut
	}
	p.version.Notes = append(p.version.Notes, distribution.Notes(left)...)
	return nil
}

// saveProgress writes what was read so far, for the reader of the progress and
// for a restart. It takes at most a fiftieth of the publisher's time, since what it
// writes grows with the version.
func (pub *Publisher) saveProgress(ctx context.Context, p *publication) error {
	began := time.Now()
	if began.Before(p.next) {
		return nil
	}
	v := p.version
	v.Data, v.Rows, v.Objects, v.Bytes, v.Failures, v.Notes = nil, 0, 0, 0, nil, nil
	for i := range p.done { // how far it is, for who waits
		v.Rows, v.Bytes = v.Rows+p.done[i].Shard.Rows, v.Bytes+p.done[i].Shard.Size
	}
	done, err := json.Marshal(p.done)
	if err != nil {
		return fmt.Errorf("write the progress of %s: %w", v.Dataset, err)
	}
	err = pub.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
		key := catalog.VersionKey(v.Dataset, v.Version)
		have, revision, err := db.Get[schemas.Version](ctx, tx, "version", key)
		if err == nil && (have.State != schemas.VersionPublishing || !have.Started.Equal(v.Started)) {
			return errEnded // by another replica's publisher, or by its provider
		}
		if err != nil {
			return err
		}
		if have.ShardsDone > v.ShardsDone {
			return nil // or is further on
		}
		_, err = db.Update(ctx, tx, "version", key, revision, v, db.Columns{"shards": string(done)})
		return err
	})
	p.next = time.Now().Add(max(500*time.Millisecond, 50*time.Since(began)))
	if errors.Is(err, errEnded) {
		pub.discard(ctx, p)
	}
	return err
}

// discard removes what was written for a version that was ended by somebody else, unless
// that was to publish it.
func (pub *Publisher) discard(ctx context.Context, p *publication) {
	v, err := pub.Catalog.Version(ctx, p.version.Dataset, p.version.Version)
	if err == nil && v.Started.Equal(p.version.Started) && v.State == schemas.VersionFailed {
		pub.clear(ctx, p)
	}
}
