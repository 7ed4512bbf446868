package request

import (
	"context"
	"fmt"
	"slices"

	"guichet/connectors/db"
	"guichet/policy/agreement"
	"guichet/policy/notice"
	"guichet/schemas"
)

// Withdraw takes back what of a request waits still: nobody is asked any more. What was decided
// stays. Only who asked may do so; doing it again changes nothing. Errors: NotFound, Denied,
// Conflict when nothing of it waits any more.
func (s *Requests) Withdraw(ctx context.Context, by schemas.Principal, id schemas.RequestID) (schemas.Request, error) {
	r, err := s.find(ctx, by, id)
	if err != nil {
		return r, err
	}
	if r.By != by.Participant {
		return schemas.Request{}, schemas.Refuse(
			string(id), "request.asker", "roles", "only who asked takes a request back", "refuse it, if it waits for your answer",
		)
	}
	if !by.Has(schemas.RoleTrainer) {
		return schemas.Request{}, schemas.Refuse(
			string(id), "role.trainer", "roles", "only trainers ask for data", "ask the operator for the role",
		)
	}
	// A reviewer who answers at the same time comes before or after, never in between.
	for try := 0; ; try++ {
		err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			err := agreement.CheckMember(ctx, tx, by, schemas.RoleTrainer)
			if err == nil {
				r, err = s.takeBack(ctx, tx, by, id)
			}
			return err
		})
		if schemas.KindOf(err) != schemas.Precondition || try == 10 { // another replica was first
			return r, err
		}
	}
}

// takeBack withdraws the items of a request that wait.
func (s *Requests) takeBack(ctx context.Context, tx *db.Tx, by schemas.Principal, id schemas.RequestID) (schemas.Request, error) {
	r, revision, err := db.Get[schemas.Request](ctx, tx, "request", string(id))
	if err != nil {
		return r, err
	}
	r.Revision = revision
	if r.State != schemas.RequestPending && slices.ContainsFunc(r.Items, withdrawn) {
		return r, nil
	}
	if r.State != schemas.RequestPending {
		return r, schemas.Errorf(schemas.Conflict, string(id), "the request was decided already, so it cannot be taken back: it is %s", r.State)
	}
	at := s.now().UTC()
	var back []*schemas.RequestItem
	for i := range r.Items {
		it := &r.Items[i]
		if it.State == schemas.RequestPending {
			it.State = schemas.RequestWithdrawn
			back = append(back, it)
		}
	}
	markJoins(r.Items)
	r.State, r.Decided = stateOf(r.Items), at
	r.Revision, err = db.Update(ctx, tx, "request", string(id), revision, r, db.Columns{"state": string(r.State)})
	if err != nil {
		return r, err
	}
	for _, it := range back {
		_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRequestBack, Subject: string(id), At: at,
			Values: agreement.WithCaller(map[string]string{
				"request": string(id), "dataset": string(it.Dataset), "provider": string(it.Provider), "project": string(r.Project),
				"participant": string(r.By), "purpose": r.Purpose, "state": string(it.State)}, by)})
		if err != nil {
			return r, fmt.Errorf("record that %s was taken back: %w", id, err)
		}
	}
	return r, tellReviewers(ctx, tx, &r, back)
}

func withdrawn(it schemas.RequestItem) bool { return it.State == schemas.RequestWithdrawn }

// tellReviewers says to those who were asked that their answer is not wanted any more.
func tellReviewers(ctx context.Context, tx *db.Tx, r *schemas.Request, back []*schemas.RequestItem) error {
	told := map[schemas.ParticipantID]bool{}
	for _, it := range back {
		to := it.Decision.Reviewer
		if told[to] {
			continue
		}
		told[to] = true
		err := notice.Put(ctx, tx, noticeFor(schemas.NoticeWithdrawn, r, to, r.Decided))
		if err != nil {
			return err
		}
	}
	return nil
}
