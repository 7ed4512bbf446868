package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"guichet/connectors/sql"
	"guichet/schemas"
)

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
func (c *Catalog) Run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second) // versions whose publisher failed, or was another process
	defer tick.Stop()
	active := map[string]schemas.ParticipantID{}
	finished := make(chan string, publishers) // one place for each that runs
	for {
		err := c.startSome(ctx, active, finished)
		if err != nil && ctx.Err() == nil {
			c.Log.Error("publishing stands still", "err", err)
		}
		select {
		case <-ctx.Done():
			for range active {
				<-finished
			}
			return nil
		case id := <-finished:
			delete(active, id)
		case <-c.wake:
		case <-tick.C:
		}
	}
}

// startSome starts publishers for versions that wait, as far as there is room.
func (c *Catalog) startSome(ctx context.Context, active map[string]schemas.ParticipantID, finished chan<- string) error {
	if len(active) == publishers {
		return nil
	}
	rows, _, err := sql.List[schemas.Version](ctx, c.DB, "version", "state = 'publishing'", nil, "", 100)
	if err != nil {
		return err
	}
	for _, row := range rows {
		_, is := active[row.ID]
		if is || len(active) == publishers || c.resting(row.ID) {
			continue
		}
		d, err := c.get(ctx, c.DB, row.Doc.Dataset)
		if errors.Is(err, sql.ErrAltered) { // logged; it keeps nobody else's versions
			c.rest(row.ID)
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
			err := c.publish(ctx, row.Doc)
			if err != nil && ctx.Err() == nil {
				c.Log.Error("a version is not published now and is tried again", "version", row.ID, "err", err)
				c.rest(row.ID)
			}
			finished <- row.ID
		}()
	}
	return nil
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
// objects, so that others come first.
const retryAfter = 10 * time.Second

func (c *Catalog) rest(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rests[id] = time.Now().Add(retryAfter)
}

func (c *Catalog) resting(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.rests[id]
	if ok && time.Now().After(until) {
		delete(c.rests, id)
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
	failed  bool
	next    time.Time  // when progress is saved again
	probing sync.Mutex // of probes: shards are read beside each other
	probes  map[schemas.StoreID]bool
}

func (c *Catalog) publish(ctx context.Context, v schemas.Version) error {
	v.ShardsDone, v.Failures, v.Notes = 0, nil, nil // counted anew from what was saved
	p := publication{version: v}
	var ask, done string
	err := c.DB.QueryRow(ctx, `SELECT ask, shards FROM version WHERE id = ?`, versionKey(v.Dataset, v.Version)).Scan(&ask, &done)
	if err != nil {
		return fmt.Errorf("read the publication of %s: %w", v.Dataset, err)
	}
	err = errors.Join(json.Unmarshal([]byte(ask), &p.ask), json.Unmarshal([]byte(done), &p.done))
	if err != nil {
		return fmt.Errorf("read the publication of %s: %w", v.Dataset, err)
	}
	p.dataset, err = c.get(ctx, c.DB, v.Dataset)
	if err != nil {
		return err
	}
	if p.done == nil {
		p.done = map[int]readShard{}
	}
	base, err := c.base(ctx, v.Dataset, &p.ask.Publication)
	if err != nil {
		return err
	}
	for i := range p.ask.Left {
		p.version.Notes = append(p.version.Notes, p.ask.Left[i].note())
	}
	p.alike()
	p.grow(base)
	err = c.stands(ctx, &p, base)
	if err != nil {
		return err
	}
	n := 0
	for i := range p.ask.Tables {
		err := c.table(ctx, &p, &p.ask.Tables[i], &n)
		if err != nil {
			return err
		}
	}
	return c.finish(ctx, &p)
}

// saveProgress writes what was read so far, for the reader of the progress and
// for a restart. It takes at most a fiftieth of the publisher's time, since what it
// writes grows with the version.
func (c *Catalog) saveProgress(ctx context.Context, p *publication) error {
	began := time.Now()
	if began.Before(p.next) {
		return nil
	}
	v := p.version
	v.Data, v.Rows, v.Bytes, v.Failures, v.Notes = nil, 0, 0, nil, nil
	done, err := json.Marshal(p.done)
	if err != nil {
		return fmt.Errorf("write the progress of %s: %w", v.Dataset, err)
	}
	err = c.DB.WriteBulk(ctx, func(ctx context.Context, tx *sql.Tx) error {
		key := versionKey(v.Dataset, v.Version)
		have, revision, err := sql.Get[schemas.Version](ctx, tx, "version", key)
		if err != nil || have.State != schemas.VersionPublishing || !have.Started.Equal(v.Started) {
			return err // another replica's publisher has ended it
		}
		if have.ShardsDone > v.ShardsDone {
			return nil // or is further on
		}
		_, err = sql.Update(ctx, tx, "version", key, revision, v, sql.Columns{"shards": string(done)})
		return err
	})
	p.next = time.Now().Add(max(500*time.Millisecond, 50*time.Since(began)))
	return err
}

// finish makes the version published or failed, all or nothing. What allowed the
// publication is looked at again in the transaction that ends it; of a failed one
// nothing stays in the work bucket.
func (c *Catalog) finish(ctx context.Context, p *publication) error {
	by := schemas.Principal{Participant: p.dataset.Provider}
	err := c.foreign(ctx, p)
	if err != nil {
		return err
	}
	err = c.DB.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		v := p.version // a write may be tried again
		key := versionKey(v.Dataset, v.Version)
		have, revision, err := sql.Get[schemas.Version](ctx, tx, "version", key)
		if err != nil {
			return err
		}
		if have.State != schemas.VersionPublishing || !have.Started.Equal(v.Started) {
			return nil // another replica's publisher has ended it
		}
		d, err := c.get(ctx, tx, v.Dataset)
		if err == nil && len(v.Failures) == 0 {
			v.Failures, err = lost(ctx, tx, &d)
		}
		if err != nil {
			return err
		}
		v.State, v.Published = schemas.VersionPublished, c.Now().UTC()
		if len(v.Failures) > 0 {
			v.State, v.Published, v.Data, v.Rows, v.Bytes = schemas.VersionFailed, time.Time{}, nil, 0, 0
		}
		_, err = sql.Update(ctx, tx, "version", key, revision, v, sql.Columns{"state": string(v.State), "shards": "{}"})
		if err != nil {
			return err
		}
		if v.State == schemas.VersionPublished && (d.Latest == nil || !v.Started.Before(d.Latest.Started)) {
			latest := v.VersionSummary
			latest.Notes = nil
			d.Latest = &latest
			addFields(&d, &v)
		}
		d.Modified = c.Now().UTC()
		_, err = sql.Update(ctx, tx, "dataset", string(d.ID), d.Revision, d, columns(&d))
		if err != nil {
			return err
		}
		p.failed = v.State == schemas.VersionFailed
		return c.changed(ctx, tx, by, schemas.ChangeVersion, &d, map[string]string{"version": string(v.Version), "state": string(v.State)})
	})
	if err == nil && p.failed {
		c.clear(ctx, p)
	}
	return err
}

// lost says what the publication was allowed by and is so no more: the dataset was
// withdrawn, or its provider stopped.
func lost(ctx context.Context, tx *sql.Tx, d *schemas.Dataset) ([]schemas.FieldError, error) {
	if d.Withdrawn {
		return []schemas.FieldError{{Pointer: "dataset", Message: "the dataset was withdrawn while the version was being read"}}, nil
	}
	provider, _, err := sql.Get[schemas.Participant](ctx, tx, "participant", string(d.Provider))
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return nil, err
	}
	if provider.Stopped {
		return []schemas.FieldError{{Pointer: "provider", Message: "the operator stopped the provider while the version was being read"}}, nil
	}
	return nil, nil
}

// foreign notes as faults the objects that the provider may not name any more. It is asked
// before the transaction, since there may be many; every open asks it again.
func (c *Catalog) foreign(ctx context.Context, p *publication) error {
	seen := map[schemas.Source]bool{}
	for s := range p.version.EveryShard() {
		g := given(s)
		folder := schemas.Source{Store: g.Store, Bucket: g.Bucket, Key: g.Key[:strings.LastIndexByte(g.Key, '/')+1]}
		if seen[folder] || len(p.version.Failures) >= maxFaults { // prefixes end with a slash: one answer for a folder
			continue
		}
		seen[folder] = true
		err := c.MayName(ctx, p.dataset.Provider, g.Store, g.Bucket, g.Key)
		switch e, ours := errors.AsType[*schemas.Error](err); {
		case ours && e.Kind == schemas.Denied:
			p.version.Failures = append(p.version.Failures, schemas.FieldError{Pointer: asUploaded(&p.dataset, g.Key), Message: asUploaded(&p.dataset, e.Message)})
		case err != nil:
			return err
		}
	}
	return nil
}

// clear removes what a failed publication wrote into the work bucket. What it cannot
// remove only takes room.
func (c *Catalog) clear(ctx context.Context, p *publication) {
	for _, got := range p.done {
		s := &got.Shard
		if s.Source == nil {
			continue
		}
		store, err := c.Store(ctx, s.Store)
		if err == nil {
			err = store.Delete(ctx, s.Bucket, s.Key)
		}
		if err != nil {
			c.Log.Warn("a shard of a failed publication stays in the work bucket", "version", versionKey(p.version.Dataset, p.version.Version), "key", s.Key, "err", err)
			return
		}
	}
}

// addFields adds the columns that the shards really have to the dataset's tables,
// keeping what the provider said about them. Types stand in the manifest: a type
// in a description is the provider's word on how to read CSV.
func addFields(d *schemas.Dataset, v *schemas.Version) {
	for i := range v.Data {
		t := &v.Data[i]
		var info *schemas.TableInfo
		for j := range d.Tables {
			if d.Tables[j].Name == t.Name {
				info = &d.Tables[j]
			}
		}
		if info == nil {
			d.Tables = append(d.Tables, schemas.TableInfo{Name: t.Name})
			info = &d.Tables[len(d.Tables)-1]
		}
		for _, col := range t.Columns {
			known := false
			for j := range info.Fields {
				known = known || info.Fields[j].Name == col.Name
			}
			if !known {
				info.Fields = append(info.Fields, schemas.Field{Name: col.Name})
			}
		}
	}
}
