package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"guichet/gateway/api/body"
	"guichet/policy"
	"guichet/policy/agreement/usage"
	"guichet/schemas"
)

// datasetID names a dataset in a path.
type datasetID struct {
	Caller
	ID schemas.DatasetID `path:"id"`
}

// datasetPut replaces a description, if it is at a revision.
type datasetPut struct {
	Caller
	IfMatch
	ID    schemas.DatasetID `path:"id"`
	Check bool              `query:"check" doc:"store nothing: say what would be"`
	Beside
	Body schemas.Dataset
}

// Beside is what may be said beside a document that does not say it.
type Beside struct {
	Country string `query:"country" doc:"codes of the countries that the data is about, separated by commas, for documents that name none"`
}

// add adds it to what the document says.
func (b *Beside) add(d *schemas.Dataset) {
	if len(d.Countries) == 0 && b.Country != "" {
		d.Countries = strings.Split(b.Country, ",")
	}
}

// datasetPost registers a description in any of its forms.
type datasetPost struct {
	Caller
	Space schemas.SpaceID `query:"space" doc:"the data space, for documents that do not say it: DCAT-AP has no word for it"`
	Check bool            `query:"check" doc:"register nothing: say what would be, which profiles it meets, its quality"`
	Beside
	Body schemas.Dataset
}

// datasetDelete withdraws a dataset; with revoke also the agreements that stand on it.
type datasetDelete struct {
	Caller
	IfMatch
	ID     schemas.DatasetID `path:"id"`
	Revoke bool              `query:"revoke" doc:"revoke active agreements too"`
}

// offerPut sets terms, by a template or by rules.
type offerPut struct {
	Caller
	IfMatch
	ID   schemas.DatasetID `path:"id"`
	Body body.OfferBody
}

// datasets are descriptions, their terms and what becomes of them.
func (s *server) datasets(a huma.API) {
	op(s, a, operation{http.MethodPost, "/datasets", "register-dataset", "datasets",
		"Register a dataset"}, func(ctx context.Context, in *datasetPost) (*One[schemas.Dataset], error) {
		d := in.Body
		if d.Space == "" {
			d.Space = in.Space
		}
		in.add(&d)
		err := s.provides(ctx, in.by, &d)
		if err != nil {
			return nil, err
		}
		if in.Check {
			d, err = s.Catalog.TryRegister(d)
			return &One[schemas.Dataset]{Status: http.StatusOK, Body: d}, err
		}
		d, err = s.Catalog.Register(ctx, in.by, d)
		if err != nil {
			return nil, err
		}
		return made(d, d.Revision, "/api/v1/datasets/"+string(d.ID)), nil
	})
	op(s, a, operation{http.MethodGet, "/datasets/{id}", "get-dataset", "datasets",
		"One dataset"}, func(ctx context.Context, in *datasetID) (*One[schemas.Dataset], error) {
		d, err := s.Catalog.Get(ctx, policy.SightOf(in.by), in.ID)
		if err != nil {
			return nil, err
		}
		if in.form == body.Croissant && d.Latest != nil {
			v, err := s.Catalog.Manifest(ctx, in.ID, d.Latest.Version)
			if err != nil {
				return nil, err
			}
			if !policy.TellsFiles(in.by, &d) {
				v = withoutFiles(v)
			}
			d.Content = &v
		}
		s.Catalog.TellStored(&d)
		facts, err := usage.Of(ctx, s.Agreements.DB, []*schemas.Dataset{&d})
		if err != nil {
			return nil, err
		}
		d.Facts = &facts[0]
		return one(policy.Shown(in.by, d), d.Revision), nil
	})
	op(s, a, operation{http.MethodPut, "/datasets/{id}", "change-dataset", "datasets",
		"Change the description of a dataset"}, func(ctx context.Context, in *datasetPut) (*One[schemas.Dataset], error) {
		revision, err := in.revision()
		if err != nil {
			return nil, err
		}
		err = s.provides(ctx, in.by, &in.Body)
		if err != nil {
			return nil, err
		}
		if in.Body.Space == "" { // DCAT-AP has no word for it: it stays
			have, err := s.Catalog.Own(ctx, in.by, in.ID)
			if err != nil {
				return nil, err
			}
			in.Body.Space = have.Space
		}
		in.add(&in.Body)
		if in.Check {
			d, err := s.Catalog.TryChange(ctx, in.by, in.ID, in.Body, revision)
			return &One[schemas.Dataset]{Status: http.StatusOK, Body: d}, err
		}
		notes := in.Body.Notes
		d, err := s.Catalog.Change(ctx, in.by, in.ID, in.Body, revision)
		if err != nil {
			return nil, err
		}
		d.Notes = append(notes, d.Notes...)
		s.Catalog.TellProfiles(&d)
		return one(d, d.Revision), nil
	})
	op(s, a, operation{http.MethodPut, "/datasets/{id}/offer", "put-offer", "datasets",
		"Set the terms of a dataset"}, func(ctx context.Context, in *offerPut) (*One[schemas.Dataset], error) {
		revision, err := in.revision()
		if err != nil {
			return nil, err
		}
		o, err := s.offer(ctx, in)
		if err != nil {
			return nil, err
		}
		err = s.terms(ctx, in, &o)
		if err != nil {
			return nil, err
		}
		d, err := s.Catalog.PutOffer(ctx, in.by, in.ID, o, revision)
		if err != nil {
			return nil, err
		}
		d.Notes = s.Engine.TermsBesideLicence(&d)
		return one(d, d.Revision), nil
	})
	op(s, a, operation{http.MethodPost, "/datasets/{id}/offer/trial", "try-offer", "datasets",
		"Who could use a dataset under terms before they are set: made-up askers, nothing is stored"}, s.tryOffer)
	op(s, a, operation{http.MethodDelete, "/datasets/{id}", "withdraw-dataset", "datasets",
		"Withdraw a dataset"}, func(ctx context.Context, in *datasetDelete) (*One[schemas.Dataset], error) {
		return s.withdraw(ctx, in)
	})
}

// withoutFiles is a version with its tables and splits, and without what is in them.
func withoutFiles(v schemas.Version) schemas.Version {
	v.Data = slices.Clone(v.Data)
	for i := range v.Data {
		v.Data[i].Splits = slices.Clone(v.Data[i].Splits)
		for j := range v.Data[i].Splits {
			v.Data[i].Splits[j].Shards = nil
		}
	}
	return v
}

// changes checks that the caller may change datasets: it is a provider, and its
// organisation was not stopped. what completes "to … needs the role".
func (s *server) changes(ctx context.Context, by schemas.Principal, what string) error {
	err := policy.Needs(by, schemas.RoleProvider, what)
	if err != nil {
		return err
	}
	return s.Parties.MayAct(ctx, by)
}

// provides checks that the caller may speak for the dataset's provider.
func (s *server) provides(ctx context.Context, by schemas.Principal, d *schemas.Dataset) error {
	err := s.changes(ctx, by, "register datasets")
	if err != nil {
		return err
	}
	if d.Provider == "" {
		d.Provider = by.Participant
	}
	if d.Provider != by.Participant {
		return schemas.BadField("dataset", "/provider", "you register for %s only", by.Participant)
	}
	return nil
}

func (s *server) offer(ctx context.Context, in *offerPut) (schemas.Offer, error) {
	err := s.changes(ctx, in.by, "set terms")
	if err != nil {
		return schemas.Offer{}, err
	}
	b := in.Body
	ruled := schemas.Offer{Title: b.Title, Rules: b.Rules, Review: b.Review, Follow: b.Follow}
	if b.Template == "" {
		return ruled, nil
	}
	d, err := s.Catalog.Own(ctx, in.by, in.ID)
	if err != nil {
		return schemas.Offer{}, err
	}
	if len(b.Rules) > 0 { // an offer as it was read, perhaps edited: it keeps the template's name while it is the template's
		ruled.Template = b.Template
		if d.Offer == nil || !reflect.DeepEqual(ruled, *d.Offer) {
			ruled.Template = ""
		}
		return ruled, nil
	}
	if b.Attribution == "" {
		b.Attribution = d.Attribution
	}
	o, err := policy.Template(b.Template, policy.TemplateParams{
		Attribution: b.Attribution, Hide: b.Hide, Rows: b.Rows, Review: b.Review, Stage: b.Stage, Direct: b.Direct,
	})
	o.Title, o.Follow = b.Title, o.Follow || b.Follow
	return o, err
}

// terms holds an offer against what is published: first whether it can be judged, then
// whether it can be carried out.
func (s *server) terms(ctx context.Context, in *offerPut, o *schemas.Offer) error {
	d, err := s.Catalog.Own(ctx, in.by, in.ID)
	if err != nil {
		return err
	}
	err = s.Engine.CheckOffer(ctx, o, d.Tables)
	if err != nil {
		return err
	}
	return s.Terms.CheckOffer(ctx, &d, o)
}

// withdraw refuses while agreements stand, unless they are to be revoked too
// [decisions.md 33f].
func (s *server) withdraw(ctx context.Context, in *datasetDelete) (*One[schemas.Dataset], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	err = policy.Needs(in.by, schemas.RoleProvider, "withdraw a dataset")
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // both halves are done, whoever hangs up
	have, err := s.Catalog.OwnToEnd(ctx, in.by, in.ID)
	if err != nil {
		return nil, err
	}
	if have.Withdrawn && in.Revoke { // an earlier call was cut off between its halves
		return one(have, have.Revision), s.endOn(ctx, in.by, &have)
	}
	n, err := s.Stops.ActiveOn(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if n > 0 && !in.Revoke {
		return nil, standing(string(in.ID), n, "on the dataset")
	}
	d, err := s.Catalog.Withdraw(ctx, in.by, in.ID, revision) // first, so that no new agreement comes between
	if err != nil {
		return nil, err
	}
	err = s.endOn(ctx, in.by, &d)
	return oneOr(d, d.Revision, err)
}

// endOn ends what stands and what waits on a dataset that was withdrawn.
func (s *server) endOn(ctx context.Context, by schemas.Principal, d *schemas.Dataset) error {
	const why = "the dataset was withdrawn"
	err := s.Stops.RevokeAllOn(ctx, by, d.ID, why)
	if err != nil {
		return err
	}
	return s.Requests.RefuseWaitingOn(ctx, by, d, why)
}
