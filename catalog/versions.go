package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Versions lists a dataset's versions, newest first.
func (c *Catalog) Versions(ctx context.Context, sight schemas.Sight, id schemas.DatasetID) ([]schemas.VersionSummary, error) {
	_, err := c.Get(ctx, sight, id)
	if err != nil {
		return nil, err
	}
	rows, err := c.DB.Query(ctx, `SELECT doc FROM version WHERE dataset = ? ORDER BY started DESC`, string(id))
	if err != nil {
		return nil, fmt.Errorf("list the versions of %s: %w", id, err)
	}
	defer rows.Close()
	var out []schemas.VersionSummary
	for rows.Next() {
		var doc string
		var v schemas.Version
		err := rows.Scan(&doc)
		if err == nil {
			err = json.Unmarshal([]byte(doc), &v)
		}
		if err != nil {
			return nil, fmt.Errorf("read a version of %s: %w", id, err)
		}
		out = append(out, v.VersionSummary)
	}
	return out, rows.Err()
}

// Version finds one version in any state. Errors: NotFound.
func (c *Catalog) Version(ctx context.Context, id schemas.DatasetID, version schemas.VersionID) (schemas.Version, error) {
	v, err := db.GetVersion(ctx, c.DB, versionKey(id, version))
	if schemas.KindOf(err) == schemas.NotFound {
		return v, schemas.Errorf(schemas.NotFound, versionKey(id, version), "dataset %s has no version %s", id, version)
	}
	return v, err
}

// Manifest finds a published version. Errors: NotFound, Busy while it is being
// read.
func (c *Catalog) Manifest(ctx context.Context, id schemas.DatasetID, version schemas.VersionID) (schemas.Version, error) {
	v, err := c.Version(ctx, id, version)
	if err != nil {
		return v, err
	}
	switch v.State {
	case schemas.VersionPublished:
		return v, nil
	case schemas.VersionPublishing:
		return v, &schemas.Error{Kind: schemas.Busy, Subject: string(version), Message: fmt.Sprintf("version %s is being published: %d of %d shards read", version, v.ShardsDone, v.Shards), Remedy: "try again in a moment"}
	case schemas.VersionWithdrawn:
		return v, gone(version)
	case schemas.VersionTried:
		return v, schemas.Errorf(schemas.NotFound, string(version), "version %s was not published: it was a dry run", version)
	default:
		return v, schemas.Errorf(schemas.NotFound, string(version), "version %s was not published: it failed", version)
	}
}

func gone(version schemas.VersionID) error {
	return &schemas.Error{Kind: schemas.Gone, Subject: string(version), Message: fmt.Sprintf("version %s was withdrawn", version), Remedy: "use another version of the dataset"}
}

// Standing says whether a published version was withdrawn since. Errors: Gone.
func (c *Catalog) Standing(ctx context.Context, id schemas.DatasetID, version schemas.VersionID) error {
	var state string
	err := c.DB.QueryRow(ctx, `SELECT state FROM version WHERE id = ?`, versionKey(id, version)).Scan(&state)
	if err != nil {
		return fmt.Errorf("look up a version: %w", err)
	}
	if state == string(schemas.VersionWithdrawn) {
		return gone(version)
	}
	return nil
}

// WithdrawVersion takes one version back: a published one is read no more, and the newest
// of those that stand becomes the dataset's latest; of one that is being published the
// publication ends. Errors: NotFound, Conflict, Gone.
func (c *Catalog) WithdrawVersion(ctx context.Context, by schemas.Principal, id schemas.DatasetID, version schemas.VersionID) (schemas.VersionSummary, error) {
	d, err := c.Own(ctx, by, id)
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	_, err = c.Version(ctx, id, version)
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	p := publication{dataset: d}
	key := versionKey(id, version)
	err = c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		v, revision, err := db.Get[schemas.Version](ctx, tx, "version", key)
		if err != nil {
			return err
		}
		d, err = c.get(ctx, tx, id)
		if err != nil {
			return err
		}
		p.version, p.done = v, nil
		switch v.State {
		case schemas.VersionPublishing:
			return c.cancel(ctx, tx, by, &d, &p, revision)
		case schemas.VersionPublished:
		case schemas.VersionWithdrawn:
			return gone(version)
		default:
			return schemas.Errorf(schemas.Conflict, key, "version %s was not published; there is nothing to withdraw", version)
		}
		p.version.State, p.version.Withdrawn = schemas.VersionWithdrawn, c.Now().UTC()
		_, err = db.Update(ctx, tx, "version", key, revision, p.version, db.Columns{"state": string(p.version.State)})
		if err != nil {
			return err
		}
		d.Latest, err = newest(ctx, tx, id)
		if err != nil {
			return err
		}
		d.Modified = c.Now().UTC()
		d.Revision, err = db.Update(ctx, tx, "dataset", string(d.ID), d.Revision, d, columns(&d))
		if err != nil {
			return err
		}
		return c.changed(ctx, tx, by, schemas.ChangeVersion, &d, map[string]string{"version": string(version), "state": string(p.version.State)})
	})
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	c.interrupt(key)
	if p.version.State == schemas.VersionFailed {
		c.clear(context.WithoutCancel(ctx), &p)
	}
	return p.version.VersionSummary, nil
}

// cancel ends a publication for its provider; p gets what was read of it so far.
func (c *Catalog) cancel(ctx context.Context, tx *db.Tx, by schemas.Principal, d *schemas.Dataset, p *publication, revision int64) error {
	key := versionKey(d.ID, p.version.Version)
	var done string
	err := tx.QueryRow(ctx, `SELECT shards FROM version WHERE id = ?`, key).Scan(&done)
	if err == nil {
		err = json.Unmarshal([]byte(done), &p.done)
	}
	if err != nil {
		return fmt.Errorf("cancel the publication of %s: %w", key, err)
	}
	v := &p.version
	v.State, v.Waiting, v.Data = schemas.VersionFailed, nil, nil
	v.Failures = []schemas.FieldError{{Pointer: "publication", Message: "it was cancelled by its provider"}}
	_, err = db.Update(ctx, tx, "version", key, revision, v, db.Columns{"state": string(v.State), "shards": "{}"})
	if err != nil {
		return err
	}
	return c.changed(ctx, tx, by, schemas.ChangeVersion, d, map[string]string{"version": string(v.Version), "state": "cancelled"})
}

// newest finds the newest published version of a dataset, nil where none is.
func newest(ctx context.Context, tx *db.Tx, id schemas.DatasetID) (*schemas.VersionSummary, error) {
	var doc string
	err := tx.QueryRow(ctx, `SELECT doc FROM version WHERE dataset = ? AND state = 'published' ORDER BY started DESC LIMIT 1`, string(id)).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	var v schemas.Version
	if err == nil {
		err = json.Unmarshal([]byte(doc), &v)
	}
	if err != nil {
		return nil, fmt.Errorf("find the newest version of %s: %w", id, err)
	}
	v.Notes = nil
	return &v.VersionSummary, nil
}
