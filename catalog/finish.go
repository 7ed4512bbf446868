package catalog

import (
	"context"
	"errors"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// finish makes the version published or failed, all or nothing. What allowed the
// publication is looked at again in the transaction that ends it; of a failed one
// nothing stays in the work bucket.
func (c *Catalog) finish(ctx context.Context, p *publication) error {
	by := schemas.Principal{Participant: p.dataset.Provider}
	err := c.foreign(ctx, p)
	if err != nil {
		return err
	}
	err = c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		v := p.version // a write may be tried again
		key := versionKey(v.Dataset, v.Version)
		have, revision, err := db.Get[schemas.Version](ctx, tx, "version", key)
		if err != nil {
			return err
		}
		if have.State != schemas.VersionPublishing || !have.Started.Equal(v.Started) {
			return errEnded
		}
		d, err := c.get(ctx, tx, v.Dataset)
		if err == nil && len(v.Failures) == 0 {
			v.Failures, err = lost(ctx, tx, &d)
		}
		if err != nil {
			return err
		}
		v.State, v.Published = schemas.VersionPublished, c.Now().UTC()
		if p.ask.DryRun {
			v.State, v.Published = schemas.VersionTried, time.Time{}
		}
		if len(v.Failures) > 0 {
			v.State, v.Published, v.Data, v.Rows, v.Bytes = schemas.VersionFailed, time.Time{}, nil, 0, 0
		}
		_, err = db.Update(ctx, tx, "version", key, revision, v, db.Columns{"state": string(v.State), "shards": "{}"})
		if err != nil {
			return err
		}
		if v.State == schemas.VersionTried {
			return c.changed(ctx, tx, by, schemas.ChangeVersion, &d, map[string]string{"version": string(v.Version), "state": string(v.State)})
		}
		if v.State == schemas.VersionPublished && (d.Latest == nil || !v.Started.Before(d.Latest.Started)) {
			latest := v.VersionSummary
			latest.Notes = nil
			d.Latest = &latest
			addFields(&d, &v)
		}
		d.Modified = c.Now().UTC()
		_, err = db.Update(ctx, tx, "dataset", string(d.ID), d.Revision, d, columns(&d))
		if err != nil {
			return err
		}
		p.failed = v.State == schemas.VersionFailed
		return c.changed(ctx, tx, by, schemas.ChangeVersion, &d, map[string]string{"version": string(v.Version), "state": string(v.State)})
	})
	if errors.Is(err, errEnded) {
		c.discard(ctx, p)
	}
	if err == nil && p.failed {
		c.clear(ctx, p)
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
