package publish

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"guichet/catalog"
	"guichet/catalog/publish/distribution"
	"guichet/connectors/db"
	"guichet/schemas"
)

// WithdrawVersion takes one version back: a published one is read no more, and the newest
// of those that stand becomes the dataset's latest; of one that is being published the
// publication ends. Errors: NotFound, Conflict, Gone.
func (pub *Publisher) WithdrawVersion(
	ctx context.Context, by schemas.Principal, id schemas.DatasetID, version schemas.VersionID,
) (schemas.VersionSummary, error) {
	d, err := pub.Catalog.Own(ctx, by, id)
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	_, err = pub.Catalog.Version(ctx, id, version)
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	p := publication{dataset: d}
	key := catalog.VersionKey(id, version)
	err = pub.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		v, revision, err := db.Get[schemas.Version](ctx, tx, "version", key)
		if err != nil {
			return err
		}
		d, err = pub.Catalog.Dataset(ctx, tx, id)
		if err != nil {
			return err
		}
		p.version, p.done = v, nil
		switch v.State {
		case schemas.VersionPublishing:
			return pub.cancel(ctx, tx, by, &d, &p, revision)
		case schemas.VersionPublished:
		case schemas.VersionWithdrawn:
			return catalog.VersionWithdrawnError(version)
		default:
			return schemas.Errorf(schemas.Conflict, key, "version %s was not published; there is nothing to withdraw", version)
		}
		p.version.State, p.version.Withdrawn = schemas.VersionWithdrawn, pub.Now().UTC()
		_, err = db.Update(ctx, tx, "version", key, revision, p.version, db.Columns{"state": string(p.version.State)})
		if err != nil {
			return err
		}
		_, err = distribution.Forget(ctx, tx, id, version)
		if err != nil {
			return err
		}
		d.Latest, err = newest(ctx, tx, id)
		if err != nil {
			return err
		}
		d.Modified = pub.Now().UTC()
		pub.Catalog.Profile(&d)
		d.Revision, err = db.Update(ctx, tx, "dataset", string(d.ID), d.Revision, d, catalog.Columns(&d))
		if err != nil {
			return err
		}
		return pub.Catalog.Changed(ctx, tx, by, schemas.ChangeVersion, &d,
			map[string]string{"version": string(version), "state": string(p.version.State)})
	})
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	pub.interrupt(key)
	if p.version.State == schemas.VersionFailed {
		pub.clear(context.WithoutCancel(ctx), &p)
	}
	return p.version.VersionSummary, nil
}

// cancel ends a publication for its provider; p gets what was read of it so far.
func (pub *Publisher) cancel(
	ctx context.Context, tx *db.Tx, by schemas.Principal, d *schemas.Dataset, p *publication, revision int64,
) error {
	key := catalog.VersionKey(d.ID, p.version.Version)
	var done string
	err := tx.QueryRow(ctx, `SELECT shards FROM version WHERE id = ?`, key).Scan(&done)
	if err == nil {
		err = json.Unmarshal([]byte(done), &p.done)
	}
	if err != nil {
		return fmt.Errorf("cancel the publication of %s: %w", key, err)
	}
	v := &p.version
	v.State, v.Waiting, v.Data, v.Rows, v.Bytes = schemas.VersionFailed, nil, nil, 0, 0
	v.Failures = []schemas.FieldError{{Pointer: "publication", Message: "it was cancelled by its provider"}}
	_, err = db.Update(ctx, tx, "version", key, revision, v, db.Columns{"state": string(v.State), "shards": "{}"})
	if err != nil {
		return err
	}
	return pub.Catalog.Changed(ctx, tx, by, schemas.ChangeVersion, d, map[string]string{"version": string(v.Version), "state": "cancelled"})
}

// newest finds the newest published version of a dataset, nil where none is.
func newest(ctx context.Context, tx *db.Tx, id schemas.DatasetID) (*schemas.VersionSummary, error) {
	var doc string
	err := tx.QueryRow(ctx, `SELECT doc FROM version WHERE dataset = ? AND state = 'published' ORDER BY started DESC LIMIT 1`, string(id)).
		Scan(&doc)
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
