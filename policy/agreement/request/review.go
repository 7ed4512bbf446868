package request

import (
	"context"
	"fmt"
	"slices"

	"guichet/connectors/db"
	"guichet/connectors/db/newest"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/agreement/usage"
	"guichet/policy/notice"
	"guichet/schemas"
)

// Review records the word of the holder or access body on the items of a request
// that wait for it. A grant is judged again first: a rule may say no by now.
// Errors: NotFound, Denied, Invalid, Conflict when nothing waits for the caller or the
// terms changed while they were judged, again and again.
func (s *Requests) Review(ctx context.Context, by schemas.Principal, id schemas.RequestID, review schemas.Review) (schemas.Request, error) {
	var r schemas.Request
	err := s.agreements.Settle(ctx, string(id), func(b agreement.Basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		var err error
		r, err = s.find(ctx, by, id)
		if err != nil {
			return nil, err
		}
		grants, err := s.reviewed(ctx, by, &r, &review, b)
		return func(ctx context.Context, tx *db.Tx) error {
			err := agreement.CheckMember(ctx, tx, by, schemas.RoleProvider)
			if err != nil {
				return err
			}
			return s.storeReview(ctx, tx, by, &r, review, grants)
		}, err
	})
	return ownItems(by, r), err
}

// reviewed takes the reviewer's word into a request and gives the agreements that follow.
func (s *Requests) reviewed(
	ctx context.Context, by schemas.Principal, r *schemas.Request, review *schemas.Review, b agreement.Basis,
) ([]*schemas.Agreement, error) {
	if review.Decision != "grant" && review.Decision != "refuse" {
		return nil, schemas.BadField("review", "/decision", "%q is neither grant nor refuse", review.Decision)
	}
	if !by.Has(schemas.RoleProvider) {
		return nil, schemas.Refuse(
			string(r.ID), "role.provider", "roles", "only the holder or the access body reviews a request", "sign in as the provider",
		)
	}
	if review.Decision == "grant" {
		p, err := s.parties.Participant(ctx, by.Participant)
		if err == nil {
			b.Note("participant", string(p.ID), p.Revision)
			err = s.parties.MayAct(ctx, by)
		}
		if err != nil {
			return nil, err
		}
	}
	// A stopped holder may still refuse: what takes data away stays open to all.
	review.By, review.At = by.Participant, s.now().UTC()
	grants := make([]*schemas.Agreement, len(r.Items))
	waiting := false
	for i := range r.Items {
		it := &r.Items[i]
		if it.State != schemas.RequestPending || it.Decision.Reviewer != by.Participant {
			continue
		}
		waiting = true
		it.Review, it.State = review, schemas.RequestRefused
		if review.Decision == "grant" {
			var err error
			grants[i], err = s.confirm(ctx, r, i, b)
			if err != nil {
				return nil, err
			}
		}
	}
	if !waiting && slices.ContainsFunc(r.Items, func(it schemas.RequestItem) bool {
		return it.State == schemas.RequestWithdrawn && it.Decision.Reviewer == by.Participant
	}) {
		return nil, schemas.Errorf(schemas.Conflict, string(r.ID), "the request was withdrawn by who asked: your answer is not needed any more")
	}
	if !waiting {
		return nil, schemas.Errorf(schemas.Conflict, string(r.ID), "nothing in this request waits for your answer")
	}
	markJoins(r.Items)
	r.State = stateOf(r.Items)
	if r.State != schemas.RequestPending {
		r.Decided = review.At
	}
	return grants, nil
}

// confirm judges a reviewed item anew, as the requester's ask of today.
func (s *Requests) confirm(ctx context.Context, r *schemas.Request, i int, b agreement.Basis) (*schemas.Agreement, error) {
	it := &r.Items[i]
	asker := schemas.Principal{Subject: "review", Participant: r.By, Roles: []schemas.Role{schemas.RoleTrainer}}
	f, err := s.Attributes(ctx, asker, r.Project, r.Purpose, r.Factory)
	if err != nil {
		return nil, err
	}
	b.NoteAttributes(r.By, f)
	f.Action = r.Action
	r.Action = s.engine.Action(f)
	ds, err := s.catalogue.Get(ctx, policy.SightOf(asker), it.Dataset)
	if err != nil {
		return nil, err
	}
	b.Note("dataset", string(ds.ID), ds.Revision)
	it.Provider = ds.Provider
	decisions, err := s.decide(ctx, f, []*schemas.Dataset{&ds}, it.Columns, fmt.Sprintf("/items/%d", i))
	if err != nil {
		return nil, err
	}
	// "ask the holder" is what the terms say still: the holder has answered by now. A no of
	// today stays one, whatever the reviewer wants to grant.
	reviewer := it.Decision.Reviewer
	it.Decision = &decisions[0]
	it.Decision.Reviewer = reviewer // a no of today leaves it the reviewer's
	if it.Decision.Verdict == schemas.VerdictNo {
		return nil, nil
	}
	if it.Decision.Verdict == schemas.VerdictReview { // the answer that was waited for is a yes
		it.Decision.Verdict = schemas.VerdictYes
		it.Decision.Reasons = []schemas.Reason{
			{Rule: "offer.review", Source: "the holder's or access body's review", Text: "granted by " + string(reviewer) + ": " + it.Review.Reason},
		}
	}
	it.State = schemas.RequestGranted
	a, err := s.draft(ctx, f, r, it, &ds, b)
	if err != nil {
		return nil, err
	}
	a.Pseudonyms, err = s.derivation(ctx, r)
	return a, err
}

// derivation is that of a permit's pseudonyms: its items may be granted one after another,
// before and after a new one came, and those of a joint domain join all the same.
func (s *Requests) derivation(ctx context.Context, r *schemas.Request) (int, error) {
	for _, it := range r.Items {
		if it.Agreement == "" {
			continue
		}
		a, err := s.agreements.Read(ctx, s.db, it.Agreement)
		if err != nil {
			return 0, err
		}
		if a.Pseudonyms >= schemas.PseudonymsByColumn { // before it there were no joint domains
			return a.Pseudonyms, nil
		}
	}
	return schemas.Pseudonyms, nil
}

// storeReview writes a review with the agreements that it grants, in the transaction in
// which the request changes: no agreement stands without its request, nor the other way
// round.
func (s *Requests) storeReview(
	ctx context.Context, tx *db.Tx, by schemas.Principal, r *schemas.Request, review schemas.Review, grants []*schemas.Agreement,
) error {
	for i, a := range grants {
		if a == nil {
			continue
		}
		r.Items[i].Agreement = a.ID
		err := agreement.Conclude(ctx, tx, by, a, rulesOf(r.Items[i].Decision))
		if err != nil {
			return err
		}
	}
	revision, err := db.Update(ctx, tx, "request", string(r.ID), r.Revision, r, db.Columns{"state": string(r.State)})
	if err != nil {
		return err
	}
	r.Revision = revision
	err = readers(ctx, tx, r)
	if err != nil {
		return err
	}
	if r.State != schemas.RequestPending {
		err := notice.Put(ctx, tx, noticeFor(schemas.NoticeDecided, r, r.By, review.At))
		if err != nil {
			return err
		}
	}
	for i := range r.Items {
		it := &r.Items[i]
		// An item carries its last review: those of this one have its instant and author.
		if it.Review == nil || !it.Review.At.Equal(review.At) || it.Review.By != by.Participant {
			continue // another review's
		}
		err := appendReview(ctx, tx, by, r, it)
		if err == nil {
			err = usage.Answered(ctx, tx, r, it, review.At)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Get finds one that the caller may see: its asker's, its reviewers' (each with the
// items that are its own), an officer's or operator's. Errors: NotFound.
func (s *Requests) Get(ctx context.Context, by schemas.Principal, id schemas.RequestID) (schemas.Request, error) {
	r, err := s.find(ctx, by, id)
	return ownItems(by, r), err
}

// GetWithAsker is Get with who asks and what for. Errors: as Get.
func (s *Requests) GetWithAsker(ctx context.Context, by schemas.Principal, id schemas.RequestID) (schemas.Request, error) {
	r, err := s.Get(ctx, by, id)
	if err != nil {
		return r, err
	}
	r.About, err = s.about(ctx, &r)
	return r, err
}

// ownItems leaves a reviewer the items that are its own: datasets of others may be hidden
// from it.
func ownItems(by schemas.Principal, r schemas.Request) schemas.Request {
	if r.By != by.Participant && !agreement.Oversees(by) {
		r.Items = slices.DeleteFunc(slices.Clone(r.Items), func(it schemas.RequestItem) bool { return !concerns(by, &it) })
		countOthers(r.Items)
	}
	return r
}

// concerns says whether an item is a caller's to read: its reviewer's, and its provider's
// once it became an agreement on its data.
func concerns(by schemas.Principal, it *schemas.RequestItem) bool {
	if by.Participant == "" {
		return false
	}
	return it.Decision != nil && it.Decision.Reviewer == by.Participant || it.Agreement != "" && it.Provider == by.Participant
}

// find is Get with all its items.
func (s *Requests) find(ctx context.Context, by schemas.Principal, id schemas.RequestID) (schemas.Request, error) {
	err := agreement.SignedIn(by, string(id))
	if err != nil {
		return schemas.Request{}, err
	}
	r, revision, err := db.Get[schemas.Request](ctx, s.db, "request", string(id))
	if err != nil {
		return schemas.Request{}, err
	}
	r.Revision = revision
	if r.By == by.Participant || agreement.Oversees(by) ||
		slices.ContainsFunc(r.Items, func(it schemas.RequestItem) bool { return concerns(by, &it) }) {
		return r, nil
	}
	return schemas.Request{}, schemas.Errorf(schemas.NotFound, string(id), "there is no request %s", id)
}

// List lists what the caller may see; state "" is every state.
func (s *Requests) List(
	ctx context.Context, by schemas.Principal, state schemas.RequestState, after string, limit int,
) ([]schemas.Request, string, error) {
	err := agreement.SignedIn(by, "requests")
	if err != nil {
		return nil, "", err
	}
	where, args := "(? = '' OR state = ?)", []any{string(state), string(state)}
	if !agreement.Oversees(by) {
		where += " AND (participant = ? OR id IN (SELECT request FROM request_reviewer WHERE reviewer = ?))"
		args = append(args, string(by.Participant), string(by.Participant))
	}
	rows, next, err := newest.List[schemas.Request](ctx, s.db, "request", "made", where, args, after, limit)
	out := make([]schemas.Request, len(rows))
	for i, row := range rows {
		row.Doc.Revision = row.Revision
		out[i] = ownItems(by, row.Doc)
	}
	return out, next, err
}
