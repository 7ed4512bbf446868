package stop

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// Revoke ends an agreement at once; running streams are cut by the feed. Revoking
// twice is a Conflict. Errors: NotFound, Denied unless by the provider or an
// operator, Conflict.
func (s *Stops) Revoke(ctx context.Context, by schemas.Principal, id schemas.AgreementID, reason string) (schemas.Agreement, error) {
	err := agreement.SignedIn(by, string(id))
	if err != nil {
		return schemas.Agreement{}, err
	}
	a, _, err := db.GetStored[schemas.Agreement](ctx, s.db, "agreement", string(id))
	if schemas.KindOf(err) == schemas.NotFound || err == nil && !agreement.MaySee(by, &a) {
		return schemas.Agreement{}, schemas.Errorf(schemas.NotFound, string(id), "there is no agreement %s", id)
	}
	if err != nil {
		return a, err
	}
	if !(by.Has(schemas.RoleProvider) && a.Provider == by.Participant) && !by.Has(schemas.RoleOperator) {
		return a, schemas.Refuse(
			string(id), "agreement.provider", "roles", "only the provider of the dataset or an operator revokes an agreement", "ask the provider",
		)
	}
	if len(reason) < 3 {
		return a, schemas.BadField("revocation", "/reason", "say why, in at least 3 characters")
	}
	// The write may come long after the caller was answered (Brake), so that it hands over
	// what it made and does not touch what the caller holds.
	revoked := make(chan schemas.Agreement, 1) // what is written later has nobody to tell
	err = s.brake.TakeAway(ctx, string(id), []string{string(id)}, reason, func(ctx context.Context, tx *db.Tx) error {
		a, err := s.revoke(ctx, tx, by, id, reason)
		select {
		case <-revoked:
		default:
		}
		revoked <- a
		return err
	})
	if err != nil {
		return a, err
	}
	return <-revoked, nil
}

// revoke ends an agreement, also one that is not stored as it was recorded: its row is
// in nobody's way when rights are taken away, and goes on being refused.
func (s *Stops) revoke(
	ctx context.Context, tx *db.Tx, by schemas.Principal, id schemas.AgreementID, reason string,
) (schemas.Agreement, error) {
	a, revision, altered, err := db.GetToEnd[schemas.Agreement](ctx, tx, "agreement", string(id))
	if err == nil {
		a.ID = id
		a, err = s.agreements.InForce(ctx, tx, a, revision)
	}
	if err != nil {
		return a, err
	}
	if a.State == schemas.AgreementRevoked && !altered {
		return a, schemas.Errorf(schemas.Conflict, string(id), "the agreement was revoked already, on %s", a.Revoked.Format(time.RFC3339))
	}
	a.State, a.Revoked, a.Reason = schemas.AgreementRevoked, s.now().UTC(), reason
	a.Revision, err = db.Update(ctx, tx, "agreement", string(id), a.Revision, a, db.Columns{"state": string(a.State)})
	if err != nil {
		return a, err
	}
	v := agreement.Values(&a, by)
	v["reason"] = reason
	if altered {
		tx.Distrust("agreement", string(id))
		v["altered"] = "true"
	}
	_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRevoke, Subject: string(id), Values: v})
	return a, err
}

// RevokeAllOn revokes every active agreement on a dataset of the caller's own.
func (s *Stops) RevokeAllOn(ctx context.Context, by schemas.Principal, dataset schemas.DatasetID, reason string) error {
	where, args := "dataset = ? AND provider = ? AND state = 'active'", []any{string(dataset), string(by.Participant)}
	ids, err := s.idsWhere(ctx, where, args)
	if err != nil || len(ids) == 0 {
		return err
	}
	return s.brake.TakeAway(ctx, string(dataset), ids, reason, func(ctx context.Context, tx *db.Tx) error {
		_, err := s.revokeWhere(ctx, tx, by, where, args, reason)
		return err
	})
}

// idsWhere gives the ids of the agreements that a condition picks.
func (s *Stops) idsWhere(ctx context.Context, where string, args []any) ([]string, error) {
	var ids []string
	for after := ""; ; {
		rows, next, err := db.List[schemas.Agreement](ctx, s.db, "agreement", where, args, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		after = next
		if next == "" {
			return ids, nil
		}
	}
}

// revokeWhere revokes the agreements that a condition picks.
func (s *Stops) revokeWhere(
	ctx context.Context, tx *db.Tx, by schemas.Principal, where string, args []any, reason string,
) ([]schemas.AgreementID, error) {
	var ids []schemas.AgreementID
	for after := ""; ; {
		rows, next, err := db.List[schemas.Agreement](ctx, tx, "agreement", where, args, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			id := schemas.AgreementID(row.ID)
			_, err := s.revoke(ctx, tx, by, id, reason)
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		after = next
		if next == "" {
			return ids, nil
		}
	}
}

// ActiveOn counts the active agreements on a dataset, for withdrawals [decisions.md 33f].
func (s *Stops) ActiveOn(ctx context.Context, dataset schemas.DatasetID) (int, error) {
	n := 0
	const active = `SELECT count(*) FROM agreement WHERE dataset = ? AND state = 'active' AND until > ?`
	err := s.db.QueryRow(ctx, active, string(dataset), s.now().UnixMicro()).
		Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the agreements on %s: %w", dataset, err)
	}
	return n, nil
}

// ActiveOnVersion counts the active agreements that were made on a version, for its
// withdrawal.
func (s *Stops) ActiveOnVersion(ctx context.Context, dataset schemas.DatasetID, version schemas.VersionID) (int, error) {
	ids, err := s.madeOn(ctx, dataset, version)
	return len(ids), err
}

// RevokeOnVersion revokes the active agreements on a dataset of the caller's own that were
// made on a version.
func (s *Stops) RevokeOnVersion(
	ctx context.Context, by schemas.Principal, dataset schemas.DatasetID, version schemas.VersionID, reason string,
) error {
	ids, err := s.madeOn(ctx, dataset, version)
	if err != nil || len(ids) == 0 {
		return err
	}
	return s.brake.TakeAway(ctx, string(dataset), ids, reason, func(ctx context.Context, tx *db.Tx) error {
		for _, id := range ids {
			_, err := s.revoke(ctx, tx, by, schemas.AgreementID(id), reason)
			if err != nil && schemas.KindOf(err) != schemas.Conflict { // revoked meanwhile
				return err
			}
		}
		return nil
	})
}

// madeOn gives the ids of the active agreements that were made on a version.
func (s *Stops) madeOn(ctx context.Context, dataset schemas.DatasetID, version schemas.VersionID) ([]string, error) {
	var ids []string
	for after := ""; ; {
		rows, next, err := db.List[schemas.Agreement](
			ctx, s.db, "agreement", "dataset = ? AND state = 'active' AND until > ?", []any{string(dataset), s.now().UnixMicro()}, after, 1000,
		)
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
