package agreement

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/notice"
	"guichet/policy/party"
	"guichet/schemas"
)

// DefaultTerm is how long an agreement lasts when neither request nor project
// says an end; MaxTerm is the longest [EHDS art. 68(12): a permit lasts at most 10
// years].
const (
	DefaultTerm = 365 * 24 * time.Hour
	MaxTerm     = 10 * 365 * 24 * time.Hour
)

// Facts gathers what a decision may read about a caller and her project. Empty
// project, purpose and factory are facts that were not said. Errors: Invalid for
// an unknown project, factory or purpose; Denied for a project of others.
func (d *Desk) Facts(ctx context.Context, by schemas.Principal, project schemas.ProjectID, purpose string, factory schemas.FactoryID) (policy.Facts, error) {
	f := policy.Facts{Purpose: purpose, Now: d.now()}
	if by.Participant != "" {
		p, err := d.parties.Participant(ctx, by.Participant)
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return f, err
		}
		f.Participant = p
	}
	if project != "" {
		p, err := d.parties.Project(ctx, project)
		if err != nil || !party.IsPartner(p, by.Participant) {
			if err != nil && schemas.KindOf(err) != schemas.NotFound {
				return f, err
			}
			return f, schemas.BadField("project", "/project", "you take part in no project %q", project)
		}
		f.Project = p
		if purpose == "" && len(p.Purposes) == 1 {
			f.Purpose = p.Purposes[0]
		}
		if factory == "" {
			factory = p.Factory
		}
	}
	if factory != "" {
		var err error
		f.Factory, err = d.parties.Factory(ctx, factory)
		if schemas.KindOf(err) == schemas.NotFound {
			return f, schemas.BadField("factory", "/factory", "there is no factory %q", factory)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// Decide answers for datasets that are already known to be visible: the marks of a
// search. It records nothing.
func (d *Desk) Decide(ctx context.Context, f policy.Facts, datasets []*schemas.Dataset) ([]schemas.Decision, error) {
	return d.decide(ctx, f, datasets, nil, "")
}

// decide also holds a yes against the columns asked for, which stand at a pointer.
func (d *Desk) decide(ctx context.Context, f policy.Facts, datasets []*schemas.Dataset, columns []string, at string) ([]schemas.Decision, error) {
	items := make([]policy.Item, len(datasets))
	for i, ds := range datasets {
		items[i].Dataset = ds
	}
	decisions, err := d.engine.Decide(ctx, f, items)
	if err != nil {
		return nil, err
	}
	for i, ds := range datasets {
		d.project(&decisions[i], f, ds)
		if decisions[i].Verdict == schemas.VerdictNo {
			continue
		}
		err := d.enforceable(ctx, &decisions[i], f, ds, columns, at)
		if err != nil {
			return nil, err
		}
	}
	return decisions, d.remaining(ctx, decisions, f, datasets)
}

// project adds what depends on the project rather than on terms, so that marks,
// dry runs and requests all say it.
func (d *Desk) project(dec *schemas.Decision, f policy.Facts, ds *schemas.Dataset) {
	no := func(rule, source, text, remedy string) {
		refuse(dec, schemas.Reason{Rule: rule, Source: source, Text: text, Remedy: remedy})
	}
	switch {
	case f.Project.ID == "":
	case f.Purpose != "" && !d.serves(f.Project, f.Purpose):
		no("project.purpose", "the project", fmt.Sprintf("the project %s is not for %s", f.Project.ID, f.Purpose), "ask for one of its purposes, or let the lead partner add this one")
	case !party.Running(f.Project, f.Now):
		no("project.time", "the project", fmt.Sprintf("the project %s is not under way", f.Project.ID), "ask while it runs")
	}
	if f.Participant.Stopped {
		no("participant.stopped", "the operator", "your organisation was stopped", "write to the operator")
	}
	if ds.Latest == nil {
		no("dataset.unpublished", "the catalogue", "nothing of this dataset is published here yet", "ask the provider to publish a version")
	}
}

// refuse makes a decision a no, for one reason more.
func refuse(dec *schemas.Decision, reason schemas.Reason) {
	if dec.Verdict != schemas.VerdictNo {
		dec.Reasons = nil
	}
	dec.Verdict, dec.Obligations, dec.Reviewer = schemas.VerdictNo, nil, ""
	dec.Reasons = append(dec.Reasons, reason)
}

func (d *Desk) serves(p schemas.Project, purpose string) bool {
	return slices.ContainsFunc(p.Purposes, func(have string) bool { return d.engine.SamePurpose(have, purpose) })
}

// DryRun answers "would this be allowed" for one dataset. Errors: NotFound for a
// dataset that is not visible to the caller, Invalid.
func (d *Desk) DryRun(ctx context.Context, by schemas.Principal, a schemas.Ask) (schemas.Decision, error) {
	f, err := d.Facts(ctx, by, a.Project, a.Purpose, a.Factory)
	if err != nil {
		return schemas.Decision{}, err
	}
	f.Action = a.Action
	ds, err := d.catalogue.Get(ctx, policy.SightOf(by), a.Dataset)
	if err != nil {
		return schemas.Decision{}, err
	}
	decisions, err := d.decide(ctx, f, []*schemas.Dataset{&ds}, a.Columns, "")
	if err != nil {
		return schemas.Decision{}, err
	}
	return decisions[0], nil
}

// maxAnswers bounds the answers of a request together, in bytes: reviewers read them all.
const maxAnswers = 64 << 10

// Submit judges a request and stores it with its answer: granted (an agreement per
// item), pending, or refused. A refused request is no error. Errors: Denied unless
// the caller is a trainer of a partner, Invalid, NotFound, Conflict when the terms changed
// while they were judged, again and again.
func (d *Desk) Submit(ctx context.Context, by schemas.Principal, r schemas.Request) (schemas.Request, error) {
	err := signedIn(by, "request")
	if err != nil {
		return r, err
	}
	if !by.Has(schemas.RoleTrainer) {
		return r, denied("request", "role.trainer", "roles", "only trainers ask for data", "ask the operator for the role")
	}
	if r.Project == "" {
		return r, schemas.BadField("request", "/project", "name the project that the data is for")
	}
	r.Contact = strings.TrimPrefix(r.Contact, "mailto:")
	if r.Contact != "" && !schemas.IsContact(r.Contact) {
		return r, schemas.BadField("request", "/contact", "%q is nowhere to ask back: write an address of mail (lab@crop-ai.example) or a page (https://…)", r.Contact)
	}
	answers := 0
	for question, answer := range r.Answers {
		answers += len(question) + len(answer)
	}
	if answers > maxAnswers {
		return r, schemas.BadField("request", "/answers", "the answers are %d bytes long, of at most %d: put documents where the reviewer can open them", answers, maxAnswers)
	}
	asked := r
	err = d.settled(ctx, "request", func(b basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		r = asked
		r.Items = slices.Clone(asked.Items)
		grants, err := d.answer(ctx, by, &r, b)
		return func(ctx context.Context, tx *db.Tx) error {
			err := acts(ctx, tx, by, schemas.RoleTrainer)
			if err == nil {
				err = d.roomForRequest(ctx, tx, &r)
			}
			if err != nil {
				return err
			}
			return d.store(ctx, tx, by, &r, grants)
		}, err
	})
	return r, err
}

// answer judges every item of a new request and gives the agreements that they become.
func (d *Desk) answer(ctx context.Context, by schemas.Principal, r *schemas.Request, b basis) ([]*schemas.Agreement, error) {
	f, err := d.Facts(ctx, by, r.Project, r.Purpose, r.Factory)
	if err != nil {
		return nil, err
	}
	b.facts(by.Participant, f)
	if f.Purpose == "" {
		return nil, schemas.BadField("request", "/purpose", "say what the data is for")
	}
	r.ID, r.By, r.Submitted = schemas.NewRequestID(), by.Participant, d.now().UTC()
	needs := d.engine.Action(f) // nobody sees at a door what bytes are used for
	f.Action = r.Action
	r.Action = d.engine.Action(f)
	if needs == "train" && r.Action == "read" {
		return nil, schemas.BadField("request", "/action", "the purpose %s trains on the data: ask for train, or leave the action out", f.Purpose)
	}
	r.Purpose, r.Factory, r.State, r.Decided, r.Revision = f.Purpose, f.Factory.ID, "", time.Time{}, 1
	grants := make([]*schemas.Agreement, len(r.Items))
	for i := range r.Items {
		grants[i], err = d.judge(ctx, by, f, r, i, b)
		if err != nil {
			return nil, err
		}
	}
	joint(r.Items)
	r.State = stateOf(r.Items)
	if r.State != schemas.RequestPending {
		r.Decided = r.Submitted
	}
	return grants, nil
}

// judge answers one item; a yes gives the agreement that it becomes.
func (d *Desk) judge(ctx context.Context, by schemas.Principal, f policy.Facts, r *schemas.Request, i int, b basis) (*schemas.Agreement, error) {
	it := &r.Items[i]
	at := fmt.Sprintf("/items/%d", i)
	if slices.ContainsFunc(r.Items[:i], func(o schemas.RequestItem) bool { return o.Dataset == it.Dataset }) {
		return nil, schemas.BadField("request", at+"/dataset", "the dataset stands twice in the request")
	}
	ds, err := d.catalogue.Get(ctx, policy.SightOf(by), it.Dataset)
	if err != nil {
		return nil, err
	}
	b.on("dataset", string(ds.ID), ds.Revision)
	it.Provider = ds.Provider
	decisions, err := d.decide(ctx, f, []*schemas.Dataset{&ds}, it.Columns, at)
	if err != nil {
		return nil, err
	}
	dec := decisions[0]
	if dec.Verdict != schemas.VerdictNo {
		err := d.noteStanding(ctx, &dec, r, ds.ID)
		if err != nil {
			return nil, err
		}
	}
	it.Decision, it.Agreement, it.Review, it.Joins = &dec, "", nil, nil
	it.State = map[schemas.Verdict]schemas.RequestState{schemas.VerdictYes: schemas.RequestGranted, schemas.VerdictReview: schemas.RequestPending}[dec.Verdict]
	if it.State == "" {
		it.State = schemas.RequestRefused
		return nil, nil
	}
	a, err := d.draft(ctx, f, r, it, &ds, b)
	if err != nil || it.State == schemas.RequestPending {
		return nil, err
	}
	return a, nil
}

// noteStanding says of a request that becomes an agreement, or waits, that one for the same
// use stands already: the new one changes nothing but its end.
func (d *Desk) noteStanding(ctx context.Context, dec *schemas.Decision, r *schemas.Request, dataset schemas.DatasetID) error {
	rows, _, err := db.List[schemas.Agreement](ctx, d.db, "agreement", "dataset = ? AND participant = ? AND project = ? AND state = 'active' AND until > ?",
		[]any{string(dataset), string(r.By), string(r.Project), d.now().UnixMicro()}, "", 20)
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

// draft writes the agreement that an item would become.
func (d *Desk) draft(ctx context.Context, f policy.Facts, r *schemas.Request, it *schemas.RequestItem, ds *schemas.Dataset, b basis) (*schemas.Agreement, error) {
	now := d.now().UTC()
	until := r.Until
	if until.IsZero() {
		until = now.Add(DefaultTerm)
	}
	lasts, err := d.engine.Lasts(ctx, f, ds) // the offer's own end, which may be turns away
	if err != nil {
		return nil, err
	}
	for _, end := range []time.Time{f.Project.Until, it.Decision.Until, lasts} {
		if !end.IsZero() && end.Before(until) {
			until = end
		}
	}
	if !until.After(now) || until.After(now.Add(MaxTerm)) {
		return nil, schemas.BadField("request", "/until", "the end must lie between now and ten years from now")
	}
	obligations := it.Decision.Obligations
	if it.Rows > 0 {
		obligations = append(slices.Clone(obligations), schemas.Duty{Kind: schemas.DutyBudget, Rows: it.Rows, Rule: ofRequest, Source: "the request"})
	}
	partners, err := d.partners(ctx, f, r, it, b)
	if err != nil {
		return nil, err
	}
	return &schemas.Agreement{
		ID: schemas.NewAgreementID(), Permit: r.ID, Dataset: ds.ID, Provider: ds.Provider, Participant: r.By, Partners: partners,
		Project: r.Project, Purpose: r.Purpose, Factory: r.Factory, Action: r.Action, Versions: []schemas.VersionID{ds.Latest.Version}, Follow: ds.Offer.Follow,
		Columns: it.Columns, Obligations: obligations, Pseudonyms: 2, From: now, Until: until, State: schemas.AgreementActive,
		DecisionDigest: it.Decision.Digest, Offer: *ds.Offer, Revision: 1,
	}, nil
}

func stateOf(items []schemas.RequestItem) schemas.RequestState {
	state := schemas.RequestRefused
	for _, it := range items {
		switch it.State {
		case schemas.RequestPending:
			return schemas.RequestPending
		case schemas.RequestGranted:
			state = schemas.RequestGranted
		}
	}
	return state
}

// store writes a new request, its reviewers and its agreements.
func (d *Desk) store(ctx context.Context, tx *db.Tx, by schemas.Principal, r *schemas.Request, grants []*schemas.Agreement) error {
	for i, a := range grants {
		if a == nil {
			continue
		}
		r.Items[i].Agreement = a.ID
		err := d.conclude(ctx, tx, by, a, rulesOf(r.Items[i].Decision))
		if err != nil {
			return err
		}
	}
	err := db.Insert(ctx, tx, "request", string(r.ID), r, db.Columns{"participant": string(r.By), "project": string(r.Project), "state": string(r.State)})
	if err != nil {
		return err
	}
	err = readers(ctx, tx, r)
	if err != nil {
		return err
	}
	for _, reviewer := range reviewers(r) {
		err := notice.Put(ctx, tx, told(schemas.NoticePending, r, reviewer, r.Submitted))
		if err != nil {
			return err
		}
	}
	for _, it := range r.Items {
		_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRequest, Subject: string(r.ID), Values: withCaller(map[string]string{
			"request": string(r.ID), "dataset": string(it.Dataset), "project": string(r.Project), "participant": string(r.By), "purpose": r.Purpose, "action": r.Action,
			"provider": string(it.Provider), "factory": string(r.Factory), "agreement": string(it.Agreement),
			"state": string(it.State), "decision": it.Decision.Digest, "rules": rulesOf(it.Decision)}, by)})
		if err != nil {
			return err
		}
	}
	return nil
}

// readers notes who else finds a request among its own: who reviews it, and whose data it
// got. Whoever is noted already stays.
func readers(ctx context.Context, tx *db.Tx, r *schemas.Request) error {
	who := reviewers(r)
	for _, it := range r.Items {
		if it.Agreement != "" && !slices.Contains(who, it.Provider) {
			who = append(who, it.Provider)
		}
	}
	for _, reader := range who {
		_, err := tx.Exec(ctx, `INSERT INTO request_reviewer (request, reviewer) VALUES (?, ?) ON CONFLICT DO NOTHING`, string(r.ID), string(reader))
		if err != nil {
			return fmt.Errorf("note who reads %s: %w", r.ID, err)
		}
	}
	return nil
}

// told is a notice about a request, to a reviewer or to its asker, with the datasets that
// are the recipient's to read.
func told(kind string, r *schemas.Request, to schemas.ParticipantID, at time.Time) schemas.Notice {
	n := schemas.Notice{Type: kind, At: at, To: to, Request: r.ID, Asker: r.By, Project: r.Project, Purpose: r.Purpose, State: r.State}
	for _, it := range r.Items {
		if kind == schemas.NoticeDecided || it.Decision != nil && it.Decision.Reviewer == to {
			n.Datasets = append(n.Datasets, it.Dataset)
		}
	}
	return n
}

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

func reviewers(r *schemas.Request) []schemas.ParticipantID {
	var out []schemas.ParticipantID
	for _, it := range r.Items {
		if it.Decision != nil && it.Decision.Reviewer != "" && !slices.Contains(out, it.Decision.Reviewer) {
			out = append(out, it.Decision.Reviewer)
		}
	}
	return out
}

// conclude stores an agreement with its change. What it was decided on was looked at
// again in the same transaction (basis). rules are those that said yes.
func (d *Desk) conclude(ctx context.Context, tx *db.Tx, by schemas.Principal, a *schemas.Agreement, rules string) error {
	err := db.Insert(ctx, tx, "agreement", string(a.ID), a, db.Columns{"dataset": string(a.Dataset), "provider": string(a.Provider),
		"participant": string(a.Participant), "project": string(a.Project), "state": string(a.State), "until": a.Until.UnixMicro(), "rows_used": 0, "bytes_used": 0})
	if err != nil {
		return err
	}
	v := values(a, by)
	v["permit"], v["purpose"], v["decision"], v["factory"], v["action"] = string(a.Permit), a.Purpose, a.DecisionDigest, string(a.Factory), a.Action
	v["rules"] = rules
	v["terms"], err = TermsDigest(&a.Offer)
	if err != nil {
		return err
	}
	_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeAgreement, Subject: string(a.ID), Values: v, Numbers: map[string]int64{"until": a.Until.Unix()}})
	return err
}
