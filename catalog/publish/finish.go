package publish

import (
	"context"
	"errors"
	"strings"
	"time"

	"guichet/catalog"
	"guichet/catalog/publish/distribution"
	"guichet/connectors/db"
	"guichet/schemas"
)

// finish makes the version published or failed, all or nothing. What allowed the
// publication is looked at again in the transaction that ends it; of a failed one
// nothing stays in the work bucket.
func (pub *Publisher) finish(ctx context.Context, p *publication) error {
	by := schemas.Principal{Participant: p.dataset.Provider}
	err := pub.foreign(ctx, p)
	if err != nil {
		return err
	}
	err = pub.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		v := p.version // a write may be tried again
		key := catalog.VersionKey(v.Dataset, v.Version)
		have, revision, err := db.Get[schemas.Version](ctx, tx, "version", key)
		if err != nil {
			return err
		}
		if have.State != schemas.VersionPublishing || !have.Started.Equal(v.Started) {
			return errEnded
		}
		d, err := pub.Catalog.Dataset(ctx, tx, v.Dataset)
		if err == nil && len(v.Failures) == 0 {
			v.Failures, err = lost(ctx, tx, &d)
			v.Failures = append(v.Failures, parted(&d, &v)...)
		}
		if err != nil {
			return err
		}
		v.State, v.Published = schemas.VersionPublished, pub.Now().UTC()
		if p.ask.DryRun {
			v.State, v.Published = schemas.VersionTried, time.Time{}
		}
		if len(v.Failures) > 0 {
			v.State, v.Published, v.Data, v.Rows, v.Objects, v.Bytes = schemas.VersionFailed, time.Time{}, nil, 0, 0, 0
		}
		_, err = db.Update(ctx, tx, "version", key, revision, v, db.Columns{"state": string(v.State), "shards": "{}"})
		if err != nil {
			return err
		}
		if v.State == schemas.VersionTried {
			return pub.Catalog.Changed(ctx, tx, by, schemas.ChangeVersion, &d,
				map[string]string{"version": string(v.Version), "state": string(v.State)})
		}
		if v.State == schemas.VersionPublished && (d.Latest == nil || !v.Started.Before(d.Latest.Started)) {
			latest := v.VersionSummary
			latest.Notes = nil
			d.Latest = &latest
			catalog.AddColumns(&d, &v)
		}
		d.Modified = pub.Now().UTC()
		pub.Catalog.Profile(&d)
		_, err = db.Update(ctx, tx, "dataset", string(d.ID), d.Revision, d, catalog.Columns(&d))
		if err != nil {
			return err
		}
		p.failed = v.State == schemas.VersionFailed
		if p.told != nil && !p.failed {
			err = distribution.Put(ctx, tx, p.told)
			if err != nil {
				return err
			}
		}
		return pub.Catalog.Changed(ctx, tx, by, schemas.ChangeVersion, &d,
			distribution.Entry(map[string]string{"version": string(v.Version), "state": string(v.State)}, p.ask.Distributions))
	})
	if errors.Is(err, errEnded) {
		pub.discard(ctx, p)
	}
	if err == nil && p.failed {
		pub.clear(ctx, p)
	}
	return err
}

// lost says what the publication was allowed by and is so no more: the dataset was
// withdrawn, or its provider stopped.
func lost(ctx context.Context, tx *db.Tx, d *schemas.Dataset) ([]schemas.FieldError, error) {
	if d.Withdrawn {
		return []schemas.FieldError{{Pointer: "dataset", Message: "the dataset was withdrawn while the version was being read"}}, nil
	}
	provider, _, err := db.Get[schemas.Participant](ctx, tx, "participant", string(d.Provider))
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
func (pub *Publisher) foreign(ctx context.Context, p *publication) error {
	seen := map[schemas.Source]bool{}
	for s := range p.version.EveryShard() {
		g := given(s)
		folder := schemas.Source{Store: g.Store, Bucket: g.Bucket, Key: g.Key[:strings.LastIndexByte(g.Key, '/')+1]}
		if seen[folder] || len(p.version.Failures) >= maxFaults { // prefixes end with a slash: one answer for a folder
			continue
		}
		seen[folder] = true
		err := pub.MayName(ctx, p.dataset.Provider, g.Store, g.Bucket, g.Key)
		switch e, ours := errors.AsType[*schemas.Error](err); {
		case ours && e.Kind == schemas.Denied:
			p.version.Failures = append(p.version.Failures,
				schemas.FieldError{Pointer: asUploaded(&p.dataset, g.Key), Message: asUploaded(&p.dataset, e.Message)})
		case err != nil:
			return err
		}
	}
	return nil
}

// clear removes what a failed publication wrote into the work bucket. What it cannot
// remove only takes room.
func (pub *Publisher) clear(ctx context.Context, p *publication) {
	for _, got := range p.done {
		s := &got.Shard
		if s.Source == nil {
			continue
		}
		store, err := pub.Store(ctx, s.Store)
		if err == nil {
			err = store.Delete(ctx, s.Bucket, s.Key)
		}
		if err != nil {
			pub.Log.Warn("a shard of a failed publication stays in the work bucket", "version",
				catalog.VersionKey(p.version.Dataset, p.version.Version), "key", s.Key, "err", err)
			return
		}
	}
}
