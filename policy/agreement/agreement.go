package agreement

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gowebpki/jcs"

	"guichet/connectors/db"
	"guichet/schemas"
)

func (d *Desk) agreement(ctx context.Context, q db.Querier, id schemas.AgreementID) (schemas.Agreement, error) {
	a, revision, err := db.Get[schemas.Agreement](ctx, q, "agreement", string(id))
	if err != nil {
		return a, err
	}
	return d.inForce(ctx, q, a, revision)
}

// inForce adds what stands beside an agreement's document.
func (d *Desk) inForce(ctx context.Context, q db.Querier, a schemas.Agreement, revision int64) (schemas.Agreement, error) {
	a.Revision = revision
	id := a.ID
	err := q.QueryRow(ctx, `SELECT rows_used, bytes_used FROM agreement WHERE id = ?`, string(id)).Scan(&a.RowsUsed, &a.BytesUsed)
	if err != nil {
		return a, fmt.Errorf("read what agreement %s used: %w", id, err)
	}
	if a.State == schemas.AgreementActive && !d.now().Before(a.Until) {
		a.State = schemas.AgreementEnded
	}
	return a, nil
}

func maySee(by schemas.Principal, a *schemas.Agreement) bool {
	return by.Participant != "" && (a.Participant == by.Participant || a.Provider == by.Participant || slices.Contains(a.Partners, by.Participant)) || oversees(by)
}

// mayUse says whether an organisation opens streams under an agreement: the one that asked
// for it, or a partner whom the terms admit. Who may see it is another question: officers
// and operators see all, and use nothing of others.
func mayUse(who schemas.ParticipantID, a *schemas.Agreement) bool {
	return who != "" && (a.Participant == who || slices.Contains(a.Partners, who))
}

// usable refuses a lease in hands that may not use an agreement.
func usable(who schemas.ParticipantID, a *schemas.Agreement) error {
	if mayUse(who, a) {
		return nil
	}
	return denied(string(a.ID), "lease.partner", "the agreement", "your organisation is not one that may use the data under this agreement", "ask for the data yourself: POST /api/v1/requests")
}

// Agreement finds one that the caller may see: a partner's, the provider's, an
// officer's or operator's. Errors: NotFound.
func (d *Desk) Agreement(ctx context.Context, by schemas.Principal, id schemas.AgreementID) (schemas.Agreement, error) {
	err := signedIn(by, string(id))
	if err != nil {
		return schemas.Agreement{}, err
	}
	a, err := d.agreement(ctx, d.db, id)
	if err == nil && !maySee(by, &a) {
		return schemas.Agreement{}, schemas.Errorf(schemas.NotFound, string(id), "there is no agreement %s", id)
	}
	if err == nil {
		err = d.showLeft(ctx, &a)
	}
	return a, err
}

// showLeft adds what the budgets of an agreement still give.
func (d *Desk) showLeft(ctx context.Context, a *schemas.Agreement) error {
	p, err := d.purse(ctx, d.db, a)
	a.Left = p.shown()
	return err
}

// Agreements lists what the caller may see; dataset "" is every dataset.
func (d *Desk) Agreements(ctx context.Context, by schemas.Principal, dataset schemas.DatasetID, after string, limit int) ([]schemas.Agreement, string, error) {
	err := signedIn(by, "agreements")
	if err != nil {
		return nil, "", err
	}
	where, args := "(? = '' OR dataset = ?)", []any{string(dataset), string(dataset)}
	var rows []db.Row[schemas.Agreement]
	var next string
	if oversees(by) {
		rows, next, err = db.List[schemas.Agreement](ctx, d.db, "agreement", where, args, after, limit)
	} else {
		args = append(args, string(by.Participant), string(by.Participant))
		rows, next, err = ofProjects[schemas.Agreement](ctx, d, by, "agreement", where, "participant = ? OR provider = ?", args, after, limit)
	}
	if err != nil {
		return nil, "", err
	}
	out := []schemas.Agreement{}
	for _, row := range rows {
		a, err := d.agreement(ctx, d.db, schemas.AgreementID(row.ID))
		if err == nil {
			err = d.showLeft(ctx, &a)
		}
		if errors.Is(err, db.ErrAltered) { // logged; it rules nothing, and keeps nobody from the others
			continue
		}
		if err != nil {
			return nil, "", err
		}
		if maySee(by, &a) { // not every partner of its project is one of its own
			out = append(out, a)
		}
	}
	return out, next, nil
}

// projectsOf gives the ids of the projects that the caller's participant takes part in.
func (d *Desk) projectsOf(ctx context.Context, by schemas.Principal) ([]any, error) {
	var out []any
	for after := ""; ; {
		page, next, err := d.parties.Projects(ctx, by, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			out = append(out, string(p.ID))
		}
		after = next
		if next == "" {
			return out, nil
		}
	}
}

// Revoke ends an agreement at once; running streams are cut by the feed. Revoking
// twice is a Conflict. Errors: NotFound, Denied unless by the provider or an
// operator, Conflict.
func (d *Desk) Revoke(ctx context.Context, by schemas.Principal, id schemas.AgreementID, reason string) (schemas.Agreement, error) {
	err := signedIn(by, string(id))
	if err != nil {
		return schemas.Agreement{}, err
	}
	a, _, err := db.GetStored[schemas.Agreement](ctx, d.db, "agreement", string(id))
	if schemas.KindOf(err) == schemas.NotFound || err == nil && !maySee(by, &a) {
		return schemas.Agreement{}, schemas.Errorf(schemas.NotFound, string(id), "there is no agreement %s", id)
	}
	if err != nil {
		return a, err
	}
	if !(by.Has(schemas.RoleProvider) && a.Provider == by.Participant) && !by.Has(schemas.RoleOperator) {
		return a, denied(string(id), "agreement.provider", "roles", "only the provider of the dataset or an operator revokes an agreement", "ask the provider")
	}
	if len(reason) < 3 {
		return a, schemas.BadField("revocation", "/reason", "say why, in at least 3 characters")
	}
	revoked := make(chan schemas.Agreement, 1) // what is written later has nobody to tell
	err = d.takeAway(ctx, string(id), []string{string(id)}, reason, func(ctx context.Context, tx *db.Tx) error {
		a, err := d.revoke(ctx, tx, by, id, reason)
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
func (d *Desk) revoke(ctx context.Context, tx *db.Tx, by schemas.Principal, id schemas.AgreementID, reason string) (schemas.Agreement, error) {
	a, revision, altered, err := db.GetToEnd[schemas.Agreement](ctx, tx, "agreement", string(id))
	if err == nil {
		a.ID = id
		a, err = d.inForce(ctx, tx, a, revision)
	}
	if err != nil {
		return a, err
	}
	if a.State == schemas.AgreementRevoked && !altered {
		return a, schemas.Errorf(schemas.Conflict, string(id), "the agreement was revoked already, on %s", a.Revoked.Format(time.RFC3339))
	}
	a.State, a.Revoked, a.Reason = schemas.AgreementRevoked, d.now().UTC(), reason
	a.Revision, err = db.Update(ctx, tx, "agreement", string(id), a.Revision, a, db.Columns{"state": string(a.State)})
	if err != nil {
		return a, err
	}
	v := values(&a, by)
	v["reason"] = reason
	if altered {
		tx.Distrust("agreement", string(id))
		v["altered"] = "true"
	}
	_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRevoke, Subject: string(id), Values: v})
	return a, err
}

// TermsDigest is the SHA-256 of terms as canonical JSON [RFC 8785], in hex: what the record
// says of the terms of an agreement, so that whoever holds its offer can hold them
// against the record.
func TermsDigest(o *schemas.Offer) (string, error) {
	b, err := json.Marshal(o)
	if err == nil {
		b, err = jcs.Transform(b)
	}
	if err != nil {
		return "", fmt.Errorf("write the terms as canonical JSON: %w", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b)), nil
}

// ActiveOn counts the active agreements on a dataset, for withdrawals [decisions.md 33f].
func (d *Desk) ActiveOn(ctx context.Context, dataset schemas.DatasetID) (int, error) {
	n := 0
	err := d.db.QueryRow(ctx, `SELECT count(*) FROM agreement WHERE dataset = ? AND state = 'active' AND until > ?`, string(dataset), d.now().UnixMicro()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the agreements on %s: %w", dataset, err)
	}
	return n, nil
}

// RevokeAllOn revokes every active agreement on a dataset of the caller's own.
func (d *Desk) RevokeAllOn(ctx context.Context, by schemas.Principal, dataset schemas.DatasetID, reason string) error {
	where, args := "dataset = ? AND provider = ? AND state = 'active'", []any{string(dataset), string(by.Participant)}
	ids, err := d.idsWhere(ctx, where, args)
	if err != nil || len(ids) == 0 {
		return err
	}
	return d.takeAway(ctx, string(dataset), ids, reason, func(ctx context.Context, tx *db.Tx) error {
		_, err := d.revokeWhere(ctx, tx, by, where, args, reason)
		return err
	})
}

// idsWhere gives the ids of the agreements that a condition picks.
func (d *Desk) idsWhere(ctx context.Context, where string, args []any) ([]string, error) {
	var ids []string
	for after := ""; ; {
		rows, next, err := db.List[schemas.Agreement](ctx, d.db, "agreement", where, args, after, 1000)
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
func (d *Desk) revokeWhere(ctx context.Context, tx *db.Tx, by schemas.Principal, where string, args []any, reason string) ([]schemas.AgreementID, error) {
	var ids []schemas.AgreementID
	for after := ""; ; {
		rows, next, err := db.List[schemas.Agreement](ctx, tx, "agreement", where, args, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			id := schemas.AgreementID(row.ID)
			_, err := d.revoke(ctx, tx, by, id, reason)
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
