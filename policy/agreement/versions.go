package agreement

import (
	"context"
	"slices"

	"guichet/connectors/db"
	"guichet/schemas"
)

// ActiveOnVersion counts the active agreements that were made on a version, for its
// withdrawal.
func (d *Desk) ActiveOnVersion(ctx context.Context, dataset schemas.DatasetID, version schemas.VersionID) (int, error) {
	ids, err := d.madeOn(ctx, dataset, version)
	return len(ids), err
}

// RevokeOnVersion revokes the active agreements on a dataset of the caller's own that were
// made on a version.
func (d *Desk) RevokeOnVersion(ctx context.Context, by schemas.Principal, dataset schemas.DatasetID, version schemas.VersionID, reason string) error {
	ids, err := d.madeOn(ctx, dataset, version)
	if err != nil || len(ids) == 0 {
		return err
	}
	return d.takeAway(ctx, string(dataset), ids, reason, func(ctx context.Context, tx *db.Tx) error {
		for _, id := range ids {
			_, err := d.revoke(ctx, tx, by, schemas.AgreementID(id), reason)
			if err != nil && schemas.KindOf(err) != schemas.Conflict { // revoked meanwhile
				return err
			}
		}
		return nil
	})
}

// madeOn gives the ids of the active agreements that were made on a version.
func (d *Desk) madeOn(ctx context.Context, dataset schemas.DatasetID, version schemas.VersionID) ([]string, error) {
	var ids []string
	for after := ""; ; {
		rows, next, err := db.List[schemas.Agreement](ctx, d.db, "agreement", "dataset = ? AND state = 'active' AND until > ?", []any{string(dataset), d.now().UnixMicro()}, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if slices.Contains(row.Doc.Versions, version) {
				ids = append(ids, row.ID)
			}
		}
		after = next
		if next == "" {
			return ids, nil
		}
	}
}
