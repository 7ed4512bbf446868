package request

import (
	"context"

	"guichet/connectors/db"
	"guichet/policy/agreement"
	"guichet/policy/notice"
	"guichet/schemas"
)

// RefuseWaitingOn refuses what still waits for an answer on a dataset of the caller's own
// that is withdrawn: nobody will get it any more, and who asked is told. Other items of
// the requests go on waiting.
func (s *Requests) RefuseWaitingOn(ctx context.Context, by schemas.Principal, dataset *schemas.Dataset, reason string) error {
	reviewer := dataset.AccessBody
	if reviewer == "" {
		reviewer = dataset.Provider
	}
	// One transaction for each request, not one for all: a popular dataset may have thousands
	// of them, and who reviews one meanwhile waits for that one alone.
	for after := ""; ; {
		rows, next, err := db.List[schemas.Request](
			ctx, s.db, "request", "state = 'pending' AND id IN (SELECT request FROM request_reviewer WHERE reviewer = ?)",
			[]any{string(reviewer)}, after, 1000,
		)
		if err != nil {
			return err
		}
		for _, row := range rows {
			err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				return s.refuseWaiting(ctx, tx, by, schemas.RequestID(row.ID), dataset.ID, reason)
			})
			if err != nil {
				return err
			}
		}
		if after = next; next == "" {
			return nil
		}
	}
}

// refuseWaiting refuses the item of a request that waits for a dataset which is there no
// more; items that were decided stay as they are.
func (s *Requests) refuseWaiting(
	ctx context.Context, tx *db.Tx, by schemas.Principal, id schemas.RequestID, dataset schemas.DatasetID, reason string,
) error {
	r, revision, err := db.Get[schemas.Request](ctx, tx, "request", string(id))
	if err != nil {
		return err
	}
	at := s.now().UTC()
	var refused *schemas.RequestItem
	for i := range r.Items {
		it := &r.Items[i]
		if it.Dataset == dataset && it.State == schemas.RequestPending {
			refused = it
			it.State, it.Provider = schemas.RequestRefused, by.Participant
			it.Review = &schemas.Review{Decision: "refuse", Reason: reason, By: by.Participant, At: at}
		}
	}
	if refused == nil {
		return nil
	}
	r.State = stateOf(r.Items)
	if r.State != schemas.RequestPending {
		r.Decided = at
		err := notice.Put(ctx, tx, noticeFor(schemas.NoticeDecided, &r, r.By, at))
		if err != nil {
			return err
		}
	}
	_, err = db.Update(ctx, tx, "request", string(id), revision, r, db.Columns{"state": string(r.State)})
	if err != nil {
		return err
	}
	return appendReview(ctx, tx, by, &r, refused)
}

// appendReview puts the word of a reviewer on one item into the record.
func appendReview(ctx context.Context, tx *db.Tx, by schemas.Principal, r *schemas.Request, it *schemas.RequestItem) error {
	_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeReview, Subject: string(r.ID), Values: agreement.WithCaller(map[string]string{
		"request": string(r.ID), "dataset": string(it.Dataset), "provider": string(it.Provider), "project": string(r.Project),
		"participant": string(r.By), "purpose": r.Purpose, "agreement": string(it.Agreement), "decision": it.Review.Decision,
		"reason": it.Review.Reason, "state": string(it.State), "rules": rulesOf(it.Decision)}, by)})
	return err
}
