package request

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/agreement/mark"
	"guichet/policy/agreement/terms"
	"guichet/policy/notice"
	"guichet/policy/party"
	"guichet/schemas"
)

// datasets is what Requests need to know of the catalogue.
type datasets interface {
	// Get finds a dataset that is in sight. Errors: NotFound.
	Get(ctx context.Context, sight schemas.Sight, id schemas.DatasetID) (schemas.Dataset, error)
}

// Requests judges what is asked for, and keeps what waits for a review. Safe for
// concurrent use.
type Requests struct {
	db         *db.DB
	engine     *policy.Engine
	parties    *party.Registry
	catalogue  datasets
	terms      *terms.Terms
	agreements *agreement.Agreements
	now        func() time.Time
	maxPending int
	marks      *mark.Memo
}

// Config is what Requests are made of.
type Config struct {
	Agreements *agreement.Agreements
	Engine     *policy.Engine
	Catalogue  datasets
	Terms      *terms.Terms
	MaxPending int // requests of a project that wait for a review; 0: any number
}

// New makes Requests.
func New(c Config) *Requests {
	a := c.Agreements
	return &Requests{
		db: a.DB, engine: c.Engine, parties: a.Parties, catalogue: c.Catalogue, terms: c.Terms, agreements: a, now: a.Now,
		maxPending: c.MaxPending, marks: mark.New(a.DB, mark.Most),
	}
}

// maxAnswers bounds the answers of a request together, in bytes: reviewers read them all.
const maxAnswers = 64 << 10

// Submit judges a request and stores it with its answer: granted (an agreement per
// item), pending, or refused. A refused request is no error. Errors: Denied unless
// the caller is a trainer of a partner, Invalid, NotFound, Conflict when the terms changed
// while they were judged, again and again.
func (s *Requests) Submit(ctx context.Context, by schemas.Principal, r schemas.Request) (schemas.Request, error) {
	err := asked(by, &r)
	if err != nil {
		return r, err
	}
	// Judged anew where the terms moved, so from what was asked and not from what a first
	// judgement has made of it.
	first := r
	err = s.agreements.Settle(ctx, "request", func(b agreement.Basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		r = first
		r.Items = slices.Clone(first.Items)
		grants, err := s.answer(ctx, by, &r, b)
		return func(ctx context.Context, tx *db.Tx) error {
			err := agreement.CheckMember(ctx, tx, by, schemas.RoleTrainer)
			if err == nil {
				err = s.roomForRequest(ctx, tx, &r)
			}
			if err != nil {
				return err
			}
			return s.store(ctx, tx, by, &r, grants)
		}, err
	})
	return r, err
}

// Check says what a request would come to, with all that Submit would find wrong with it, and stores nothing: the
// request has no id, and no agreement. Errors: those of Submit but Conflict.
func (s *Requests) Check(ctx context.Context, by schemas.Principal, r schemas.Request) (schemas.Request, error) {
	err := asked(by, &r)
	if err == nil {
		_, err = s.answer(ctx, by, &r, agreement.Basis{})
	}
	r.ID = ""
	return r, err
}

// asked checks what of a request needs no judgement.
func asked(by schemas.Principal, r *schemas.Request) error {
	err := agreement.SignedIn(by, "request")
	if err != nil {
		return err
	}
	if !by.Has(schemas.RoleTrainer) {
		return schemas.Refuse("request", "role.trainer", "roles", "only trainers ask for data", "ask the operator for the role")
	}
	if r.Project == "" {
		return schemas.BadField("request", "/project", "name the project that the data is for")
	}
	r.Contact = strings.TrimPrefix(r.Contact, "mailto:")
	if r.Contact != "" && !schemas.IsContact(r.Contact) {
		return schemas.BadField(
			"request",
			"/contact",
			"%q is nowhere to ask back: write an address of mail (lab@crop-ai.example) or a page (https://…)",
			r.Contact,
		)
	}
	answers := 0
	for question, answer := range r.Answers {
		answers += len(question) + len(answer)
	}
	if answers > maxAnswers {
		return schemas.BadField(
			"request", "/answers", "the answers are %d bytes long, of at most %d: put documents where the reviewer can open them", answers,
			maxAnswers,
		)
	}
	return nil
}

// answer judges every item of a new request and gives the agreements that they become.
func (s *Requests) answer(ctx context.Context, by schemas.Principal, r *schemas.Request, b agreement.Basis) ([]*schemas.Agreement, error) {
	f, err := s.Attributes(ctx, by, r.Project, r.Purpose, r.Factory)
	if err != nil {
		return nil, err
	}
	b.NoteAttributes(by.Participant, f)
	if f.Purpose == "" {
		return nil, schemas.BadField("request", "/purpose", "say what the data is for")
	}
	r.ID, r.By, r.Submitted = schemas.NewRequestID(), by.Participant, s.now().UTC()
	needs := s.engine.Action(f) // nobody sees at a door what bytes are used for
	f.Action = r.Action
	r.Action = s.engine.Action(f)
	if needs == "train" && r.Action == "read" {
		return nil, schemas.BadField("request", "/action", "the purpose %s trains on the data: ask for train, or leave the action out", f.Purpose)
	}
	r.Purpose, r.Factory, r.State, r.Decided, r.Revision = f.Purpose, f.Factory.ID, "", time.Time{}, 1
	// Every item is judged before any is stored: one that is Invalid leaves nothing behind.
	grants := make([]*schemas.Agreement, len(r.Items))
	for i := range r.Items {
		grants[i], err = s.judge(ctx, by, f, r, i, b)
		if err != nil {
			return nil, err
		}
	}
	markJoins(r.Items)
	r.State = stateOf(r.Items)
	if r.State != schemas.RequestPending {
		r.Decided = r.Submitted
	}
	return grants, nil
}

// judge answers one item; a yes gives the agreement that it becomes.
func (s *Requests) judge(
	ctx context.Context, by schemas.Principal, f policy.Attributes, r *schemas.Request, i int, b agreement.Basis,
) (*schemas.Agreement, error) {
	it := &r.Items[i]
	at := fmt.Sprintf("/items/%d", i)
	if slices.ContainsFunc(r.Items[:i], func(o schemas.RequestItem) bool { return o.Dataset == it.Dataset }) {
		return nil, schemas.BadField("request", at+"/dataset", "the dataset is given twice")
	}
	ds, err := s.catalogue.Get(ctx, policy.SightOf(by), it.Dataset)
	if err != nil {
		return nil, err
	}
	b.Note("dataset", string(ds.ID), ds.Revision)
	it.Provider = ds.Provider
	decisions, err := s.decide(ctx, f, []*schemas.Dataset{&ds}, it.Columns, at)
	if err != nil {
		return nil, err
	}
	dec := decisions[0]
	if dec.Verdict != schemas.VerdictNo {
		err := s.noteStanding(ctx, &dec, r, ds.ID)
		if err != nil {
			return nil, err
		}
	}
	it.Decision, it.Agreement, it.Review, it.Joins = &dec, "", nil, nil
	switch dec.Verdict {
	case schemas.VerdictYes:
		it.State = schemas.RequestGranted
	case schemas.VerdictReview:
		it.State = schemas.RequestPending
	default:
		it.State = schemas.RequestRefused
		return nil, nil
	}
	// An item that waits is drafted too, and the draft thrown away: an end that nobody could
	// grant is told to who asks, and not to who reviews.
	a, err := s.draft(ctx, f, r, it, &ds, b)
	if err != nil || it.State == schemas.RequestPending {
		return nil, err
	}
	return a, nil
}

// noteStanding says of a request that becomes an agreement, or waits, that one for the same
// use stands already: the new one changes nothing but its end.
func (s *Requests) noteStanding(ctx context.Context, dec *schemas.Decision, r *schemas.Request, dataset schemas.DatasetID) error {
	rows, _, err := db.List[schemas.Agreement](
		ctx, s.db, "agreement", "dataset = ? AND participant = ? AND project = ? AND state = 'active' AND until > ?",
		[]any{string(dataset), string(r.By), string(r.Project), s.now().UnixMicro()}, "", 20,
	)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Doc.Purpose == r.Purpose && row.Doc.Factory == r.Factory && row.Doc.Action == r.Action {
			dec.Notes = append(dec.Notes, fmt.Sprintf("agreement %s stands for the same use until %s", row.ID, schemas.Ending(row.Doc.Until)))
		}
	}
	return nil
}

// stateOf is the state of a request by its items: it waits while one of them waits, and
// was granted where one of them was, else taken back where one of them was.
func stateOf(items []schemas.RequestItem) schemas.RequestState {
	state := schemas.RequestRefused
	for _, it := range items {
		switch it.State {
		case schemas.RequestPending:
			return schemas.RequestPending
		case schemas.RequestGranted:
			state = schemas.RequestGranted
		case schemas.RequestWithdrawn:
			if state == schemas.RequestRefused {
				state = schemas.RequestWithdrawn
			}
		}
	}
	return state
}

// store writes a new request, its reviewers and its agreements.
func (s *Requests) store(ctx context.Context, tx *db.Tx, by schemas.Principal, r *schemas.Request, grants []*schemas.Agreement) error {
	// Agreements come first: the request that is stored names them.
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
	err := db.Insert(
		ctx, tx, "request", string(r.ID), r, db.Columns{
			"participant": string(r.By), "project": string(r.Project), "state": string(r.State), "made": r.Submitted.UnixMicro(),
		},
	)
	if err != nil {
		return err
	}
	err = readers(ctx, tx, r)
	if err != nil {
		return err
	}
	for _, reviewer := range reviewers(r) {
		err := notice.Put(ctx, tx, noticeFor(schemas.NoticePending, r, reviewer, r.Submitted))
		if err != nil {
			return err
		}
	}
	for _, it := range r.Items {
		_, err := tx.Append(ctx,
			schemas.Change{Kind: schemas.ChangeRequest, Subject: string(r.ID), Values: agreement.WithCaller(map[string]string{
				"request": string(r.ID), "dataset": string(it.Dataset), "project": string(r.Project), "participant": string(r.By),
				"purpose": r.Purpose, "action": r.Action, "provider": string(it.Provider), "factory": string(r.Factory),
				"agreement": string(it.Agreement), "state": string(it.State), "decision": it.Decision.Digest, "rules": rulesOf(it.Decision)}, by)})
		if err != nil {
			return err
		}
	}
	return nil
}

// readers notes who else finds a request among its own: who reviews it, and whose data it
// got. Whoever is noted already stays.
func readers(ctx context.Context, tx *db.Tx, r *schemas.Request) error {
	// A reviewer finds what waits for it, and goes on finding it afterwards; a provider whose
	// data was granted by rule finds what it was asked for, though nobody asked it.
	who := reviewers(r)
	for _, it := range r.Items {
		if it.Agreement != "" && !slices.Contains(who, it.Provider) {
			who = append(who, it.Provider)
		}
	}
	for _, reader := range who {
		_, err := tx.Exec(
			ctx, `INSERT INTO request_reviewer (request, reviewer) VALUES (?, ?) ON CONFLICT DO NOTHING`, string(r.ID), string(reader),
		)
		if err != nil {
			return fmt.Errorf("note who reads %s: %w", r.ID, err)
		}
	}
	return nil
}

// noticeFor is a notice about a request, to a reviewer or to its asker, with the datasets that
// are the recipient's to read.
func noticeFor(kind string, r *schemas.Request, to schemas.ParticipantID, at time.Time) schemas.Notice {
	n := schemas.Notice{Type: kind, At: at, To: to, Request: r.ID, Asker: r.By, Project: r.Project, Purpose: r.Purpose, State: r.State}
	for _, it := range r.Items {
		if kind == schemas.NoticeDecided || it.Decision != nil && it.Decision.Reviewer == to &&
			(kind == schemas.NoticePending || it.State == schemas.RequestWithdrawn) {
			n.Datasets = append(n.Datasets, it.Dataset)
		}
	}
	return n
}

// rulesOf names the rules that decided, for the record.
func rulesOf(dec *schemas.Decision) string {
	s := ""
	for i, r := range dec.Reasons {
		if i > 0 {
			s += ", "
		}
		s += r.Rule
	}
	return s
}

// reviewers are the organisations whose review a request waits for.
func reviewers(r *schemas.Request) []schemas.ParticipantID {
	var out []schemas.ParticipantID
	for _, it := range r.Items {
		if it.Decision != nil && it.Decision.Reviewer != "" && !slices.Contains(out, it.Decision.Reviewer) {
			out = append(out, it.Decision.Reviewer)
		}
	}
	return out
}

// roomForRequest is asked where a request that waits is stored.
func (s *Requests) roomForRequest(ctx context.Context, tx *db.Tx, r *schemas.Request) error {
	if r.State != schemas.RequestPending {
		return nil
	}
	return agreement.CheckQuota(
		ctx, tx, `SELECT count(*) FROM request WHERE project = ? AND state = 'pending'`, r.Project, s.maxPending,
		"requests that wait for an answer",
		"wait for the reviewers, or ask the operator for more (limits.pending_requests_per_project)",
	)
}
