package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

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
	v, err := db.GetVersion(ctx, c.DB, VersionKey(id, version))
	if schemas.KindOf(err) == schemas.NotFound {
		return v, schemas.Errorf(schemas.NotFound, VersionKey(id, version), "dataset %s has no version %s", id, version)
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
		return v, &schemas.Error{
			Kind:    schemas.Busy,
			Subject: string(version),
			Message: fmt.Sprintf("version %s is being published: %d of %d shards read", version, v.ShardsDone, v.Shards),
			Remedy:  "try again in a moment",
		}
	case schemas.VersionWithdrawn:
		return v, VersionWithdrawnError(version)
	case schemas.VersionTried:
		return v, schemas.Errorf(schemas.NotFound, string(version), "version %s was not published: it was a dry run", version)
	default:
		return v, schemas.Errorf(schemas.NotFound, string(version), "version %s was not published: it failed", version)
	}
}

// Table finds a table of a published version of a dataset that is in sight; the latest version and the
// only table when left out. Errors: NotFound; Invalid, naming the tables that there are.
func (c *Catalog) Table(
	ctx context.Context, sight schemas.Sight, id schemas.DatasetID, version schemas.VersionID, table string,
) (schemas.Table, schemas.VersionID, error) {
	d, err := c.Get(ctx, sight, id)
	if err != nil {
		return schemas.Table{}, "", err
	}
	if version == "" && d.Latest == nil {
		return schemas.Table{}, "", schemas.Errorf(schemas.NotFound, string(id), "dataset %s has no published version", id)
	}
	if version == "" {
		version = d.Latest.Version
	}
	v, err := c.Version(ctx, id, version)
	if err == nil && v.State != schemas.VersionPublished { // others are the provider's business
		err = schemas.Errorf(schemas.NotFound, string(version), "dataset %s has no version %s", id, version)
	}
	if err != nil {
		return schemas.Table{}, "", err
	}
	var names []string
	for _, t := range v.Data {
		if t.Name == table || table == "" && len(v.Data) == 1 {
			return t, version, nil
		}
		names = append(names, t.Name)
	}
	list := strings.Join(names, ", ")
	if table == "" {
		return schemas.Table{}, "", schemas.BadField("table", "table", "say which table: there are %s", list)
	}
	return schemas.Table{}, "", schemas.BadField("table", "table", "version %s has no table %q; there are %s", version, table, list)
}

// VersionWithdrawnError refuses a version that was taken back.
func VersionWithdrawnError(version schemas.VersionID) error {
	return &schemas.Error{
		Kind:    schemas.Gone,
		Subject: string(version),
		Message: fmt.Sprintf("version %s was withdrawn", version),
		Remedy:  "use another version of the dataset",
	}
}

// Standing says whether a published version was withdrawn since. Errors: Gone.
func (c *Catalog) Standing(ctx context.Context, id schemas.DatasetID, version schemas.VersionID) error {
	var state string
	err := c.DB.QueryRow(ctx, `SELECT state FROM version WHERE id = ?`, VersionKey(id, version)).Scan(&state)
	if err != nil {
		return fmt.Errorf("look up a version: %w", err)
	}
	if state == string(schemas.VersionWithdrawn) {
		return VersionWithdrawnError(version)
	}
	return nil
}

// VersionKey is the key of a version's row: DATASET/VERSION.
func VersionKey(id schemas.DatasetID, v schemas.VersionID) string {
	return string(id) + "/" + string(v)
}
