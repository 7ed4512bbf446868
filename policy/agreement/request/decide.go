package request

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"guichet/policy"
	"guichet/policy/agreement/budget"
	"guichet/policy/call"
	"guichet/policy/party"
	"guichet/schemas"
)

// Attributes gathers what a decision may read about a caller and its project. Empty
// project, purpose and factory are facts that were not said. Errors: Invalid for
// an unknown project, factory or purpose; Denied for a project of others.
func (s *Requests) Attributes(
	ctx context.Context, by schemas.Principal, project schemas.ProjectID, purpose string, factory schemas.FactoryID,
) (policy.Attributes, error) {
	f := policy.Attributes{Purpose: purpose, Now: s.now()}
	if by.Participant != "" {
		p, err := s.parties.Participant(ctx, by.Participant)
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return f, err
		}
		f.Participant = p
	}
	if project != "" {
		p, err := s.parties.Project(ctx, project)
		if err != nil || !party.IsPartner(p, by.Participant) {
			if err != nil && schemas.KindOf(err) != schemas.NotFound {
				return f, err
			}
			return f, schemas.BadField("project", "/project", "you take part in no project %q", project)
		}
		f.Project = p
		// A project with one purpose need not say it again; one with two has to, since the
		// answer may differ.
		if purpose == "" && len(p.Purposes) == 1 {
			f.Purpose = p.Purposes[0]
		}
		if factory == "" {
			factory = p.Factory
		}
	}
	if factory != "" {
		var err error
		f.Factory, err = s.parties.Factory(ctx, factory)
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
// search, some of them remembered [mark]. It records nothing. What it gives is shared: do
// not change it.
func (s *Requests) Decide(ctx context.Context, f policy.Attributes, datasets []*schemas.Dataset) ([]schemas.Decision, error) {
	return s.marks.Decisions(ctx, &f, datasets, s.alike(ctx, f))
}

// Marks gives the marks of datasets by their ids, in their order, most of them remembered;
// "" of one that is not in sight. It records nothing.
func (s *Requests) Marks(
	ctx context.Context, f policy.Attributes, sight schemas.Sight, ids []schemas.DatasetID,
) ([]schemas.Mark, error) {
	read := func(ids []schemas.DatasetID) (sets []*schemas.Dataset, err error) {
		for _, id := range ids {
			d, err := s.catalogue.Get(ctx, sight, id)
			if schemas.KindOf(err) == schemas.NotFound {
				continue // changed since it was indexed: the registry is the truth
			}
			if err != nil {
				return nil, err
			}
			sets = append(sets, &d)
		}
		return sets, nil
	}
	return s.marks.Marks(ctx, &f, sight, ids, read, s.alike(ctx, f))
}

// alike decides on datasets whose offers are mostly alike.
func (s *Requests) alike(ctx context.Context, f policy.Attributes) func(datasets []*schemas.Dataset) ([]schemas.Decision, error) {
	return func(datasets []*schemas.Dataset) ([]schemas.Decision, error) {
		decisions, err := s.engine.DecideAlike(ctx, f, itemsOf(datasets))
		if err != nil {
			return nil, err
		}
		return decisions, s.restrict(ctx, f, datasets, decisions, nil, "")
	}
}

// itemsOf are datasets as the engine judges them.
func itemsOf(datasets []*schemas.Dataset) []policy.Item {
	items := make([]policy.Item, len(datasets))
	for i, ds := range datasets {
		items[i].Dataset = ds
	}
	return items
}

// decide also holds a yes against the columns asked for, which stand at a pointer.
func (s *Requests) decide(
	ctx context.Context, f policy.Attributes, datasets []*schemas.Dataset, columns []string, at string,
) ([]schemas.Decision, error) {
	// Three judges, each of which can only take away: the rules of vocabulary, law and offer
	// (engine), what depends on the project alone, and what the published version can show.
	decisions, err := s.engine.Decide(ctx, f, itemsOf(datasets))
	if err != nil {
		return nil, err
	}
	return decisions, s.restrict(ctx, f, datasets, decisions, columns, at)
}

// restrict takes away what project, its call, published version and budgets do not give.
func (s *Requests) restrict(
	ctx context.Context, f policy.Attributes, datasets []*schemas.Dataset, decisions []schemas.Decision, columns []string, at string,
) error {
	under, err := call.Of(ctx, s.db, &f.Project)
	if err != nil {
		return err
	}
	for i, ds := range datasets {
		if ds.Source != "" { // no terms and no data of it are here, so nothing else is to be said
			decisions[i].Reasons = nil
			policy.Refuse(&decisions[i], elsewhere(ds))
			continue
		}
		s.project(&decisions[i], f, ds)
		under.Judge(&decisions[i], &f, ds.Space)
		if decisions[i].Verdict == schemas.VerdictNo {
			continue
		}
		err := s.terms.Check(ctx, &decisions[i], f, ds, columns, at)
		if err != nil {
			return err
		}
	}
	return budget.Judge(ctx, s.db, decisions, f, datasets)
}

// elsewhere says where a dataset of a catalogue of others is asked for.
func elsewhere(ds *schemas.Dataset) schemas.Reason {
	r := schemas.Reason{
		Rule: "dataset.elsewhere", Source: "the catalogue", Text: fmt.Sprintf("known here from the source %s, held elsewhere", ds.Source),
		Remedy: "ask its holder",
	}
	at := ds.IRI
	if len(ds.Links) > 0 && !strings.HasPrefix(at, "http") {
		at = ds.Links[0].URL
	}
	if strings.HasPrefix(at, "http") {
		r.Remedy += ": " + at
	}
	if site, id, ok := strings.Cut(ds.IRI, "/datasets/ds-"); ok && !strings.ContainsAny(id, "/?#") { // a Guichet
		r.Remedy = fmt.Sprintf("ask there: guichet --server %s request ds-%s (its page: %s)", site, id, ds.IRI)
	}
	return r
}

// project adds what depends on the project rather than on terms, so that marks,
// dry runs and requests all say it.
func (s *Requests) project(dec *schemas.Decision, f policy.Attributes, ds *schemas.Dataset) {
	no := func(rule, source, text, remedy string) {
		policy.Refuse(dec, schemas.Reason{Rule: rule, Source: source, Text: text, Remedy: remedy})
	}
	switch {
	case f.Project.ID == "":
	case f.Purpose != "" && !s.serves(f.Project, f.Purpose):
		no(
			"project.purpose", "the project", fmt.Sprintf("the project %s is not for %s", f.Project.ID, f.Purpose),
			"ask for one of its purposes, or let the lead partner add this one",
		)
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

// serves says whether a project was registered for a purpose, or for one that is a kind
// of it.
func (s *Requests) serves(p schemas.Project, purpose string) bool {
	return slices.ContainsFunc(p.Purposes, func(have string) bool { return s.engine.SamePurpose(have, purpose) })
}

// DryRun answers "would this be allowed" for one dataset. Errors: NotFound for a
// dataset that is not visible to the caller, Invalid.
func (s *Requests) DryRun(ctx context.Context, by schemas.Principal, a schemas.Ask) (schemas.Decision, error) {
	f, err := s.Attributes(ctx, by, a.Project, a.Purpose, a.Factory)
	if err != nil {
		return schemas.Decision{}, err
	}
	f.Action = a.Action
	ds, err := s.catalogue.Get(ctx, policy.SightOf(by), a.Dataset)
	if err != nil {
		return schemas.Decision{}, err
	}
	decisions, err := s.decide(ctx, f, []*schemas.Dataset{&ds}, a.Columns, "")
	if err != nil {
		return schemas.Decision{}, err
	}
	return decisions[0], nil
}
