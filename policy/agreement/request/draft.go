package request

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/agreement/budget"
	"guichet/schemas"
)

// DefaultTerm is how long an agreement lasts when neither request nor project
// says an end; MaxTerm is the longest [EHDS art. 68(12): a permit lasts at most 10
// years].
const (
	DefaultTerm = 365 * 24 * time.Hour
	MaxTerm     = 10 * 365 * 24 * time.Hour
)

// draft writes the agreement that an item would become.
func (s *Requests) draft(
	ctx context.Context, f policy.Attributes, r *schemas.Request, it *schemas.RequestItem, ds *schemas.Dataset, b agreement.Basis,
) (*schemas.Agreement, error) {
	now := s.now().UTC()
	until := r.Until
	if until.IsZero() {
		until = now.Add(DefaultTerm)
	}
	lasts, err := s.engine.Lasts(ctx, f, ds) // the offer's own end, which may be turns away
	if err != nil {
		return nil, err
	}
	// The first end counts: a project until June, an offer until May and a request until July
	// make an agreement until May.
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
		obligations = append(
			slices.Clone(obligations), schemas.Duty{Kind: schemas.DutyBudget, Rows: it.Rows, Rule: budget.RuleOfRequest, Source: "the request"},
		)
	}
	// Who may use it is decided now, as the terms are; partners that come later ask for
	// themselves.
	partners, err := s.partners(ctx, f, r, it, b)
	if err != nil {
		return nil, err
	}
	a := &schemas.Agreement{
		ID: schemas.NewAgreementID(), Permit: r.ID, Dataset: ds.ID, Provider: ds.Provider, Participant: r.By, Partners: partners,
		Project: r.Project, Purpose: r.Purpose, Factory: r.Factory, Action: r.Action, Stage: it.Decision.Stage,
		Direct: it.Decision.Direct, NotDirect: it.Decision.NotDirect,
		Versions: []schemas.VersionID{ds.Latest.Version}, Follow: ds.Offer.Follow,
		Columns: it.Columns, Obligations: obligations, Pseudonyms: schemas.Pseudonyms, From: now, Until: until, State: schemas.AgreementActive,
		DecisionDigest: it.Decision.Digest, Offer: *ds.Offer, Revision: 1,
	}
	if a.Direct { // the request may ask for less than the terms give
		a.NotDirect = policy.NotByURL(a, &f.Factory)
		a.Direct = a.NotDirect == nil
	}
	return a, nil
}

// partners gives the other partners of the project who may use the dataset under the
// agreement that an item becomes: the terms are held against each of them, as if it had
// asked itself. How many they do not admit stands among the decision's reasons, not who
// nor why: a lead names partners unasked, and is not to learn of them whom a dataset is
// visible to, what they are and whether they were stopped.
func (s *Requests) partners(
	ctx context.Context, f policy.Attributes, r *schemas.Request, it *schemas.RequestItem, b agreement.Basis,
) ([]schemas.ParticipantID, error) {
	// A project of L, M and N asks as L: M is admitted, N is of a country that the terms do
	// not permit. The agreement names M, and its reasons say "1 partner of the project is not
	// admitted" and no more.
	var out []schemas.ParticipantID
	refused := 0
	for _, p := range append([]schemas.ParticipantID{f.Project.Lead}, f.Project.Partners...) {
		if p == r.By || slices.Contains(out, p) {
			continue
		}
		why, err := s.whyNot(ctx, p, r, it, b)
		if err != nil {
			return nil, err
		}
		if why == "" {
			out = append(out, p)
			continue
		}
		refused++
	}
	if refused > 0 {
		text := fmt.Sprintf("%d partners of the project are not admitted", refused)
		if refused == 1 {
			text = "1 partner of the project is not admitted"
		}
		it.Decision.Reasons = append(it.Decision.Reasons, schemas.Reason{Rule: "request.partners", Source: "the terms of the dataset",
			Text: text, Remedy: "a partner that asks for itself is told why; or the provider admits it"})
	}
	return out, nil
}

// whyNot says why a partner may not use what another one asks for; "" is that it may. A
// review covers the partners too: the reviewer sees the project.
func (s *Requests) whyNot(
	ctx context.Context, partner schemas.ParticipantID, r *schemas.Request, it *schemas.RequestItem, b agreement.Basis,
) (string, error) {
	// A partner is judged as a trainer of its own, for it would ask as one.
	asker := schemas.Principal{Subject: "partner", Participant: partner, Roles: []schemas.Role{schemas.RoleTrainer}}
	ds, err := s.catalogue.Get(ctx, policy.SightOf(asker), it.Dataset)
	if schemas.KindOf(err) == schemas.NotFound {
		return "the dataset is not visible to it", nil
	}
	if err != nil {
		return "", err
	}
	b.Note("dataset", string(ds.ID), ds.Revision)
	f, err := s.Attributes(ctx, asker, r.Project, r.Purpose, r.Factory)
	if err != nil {
		return "", err
	}
	b.NoteAttributes(partner, f)
	f.Action = r.Action
	decisions, err := s.decide(ctx, f, []*schemas.Dataset{&ds}, nil, "")
	if err != nil {
		return "", err
	}
	switch dec := decisions[0]; dec.Verdict {
	case schemas.VerdictYes:
		return "", nil
	case schemas.VerdictReview:
		if it.Decision.Reviewer != "" {
			return "", nil
		}
		return "its use has to be reviewed", nil
	default:
		if len(dec.Reasons) > 0 {
			return dec.Reasons[0].Text, nil
		}
		return "no rule permits it", nil
	}
}
