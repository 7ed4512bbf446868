package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"guichet/catalog/duplicates"
	"guichet/policy"
	"guichet/schemas"
)

// twoDatasets names two in a path.
type twoDatasets struct {
	Caller
	ID    schemas.DatasetID `path:"id"`
	Other schemas.DatasetID `path:"other"`
}

// duplicates are datasets that are the same in several catalogues: shown as one, never merged.
func (s *server) duplicates(a huma.API) {
	op(s, a, operation{http.MethodGet, "/duplicates", "list-duplicates", "datasets",
		"Datasets that are the same data, by groups"}, func(ctx context.Context, in *listQuery) (*List[duplicates.Twins], error) {
		v, next, err := s.Duplicates.List(ctx, policy.SightOf(in.by), in.Cursor, in.Limit)
		return listOf(v, next), err
	})
	op(s, a, operation{http.MethodGet, "/datasets/{id}/duplicates", "get-duplicates", "datasets",
		"The same data in other catalogues, and why they are"}, func(ctx context.Context, in *datasetID) (*One[duplicates.Same], error) {
		v, err := s.Duplicates.Of(ctx, policy.SightOf(in.by), in.ID)
		return oneOr(v, 0, err)
	})
	op(s, a, operation{http.MethodPut, "/datasets/{id}/apart/{other}", "set-apart", "datasets",
		"Say that two datasets are not the same data"}, func(ctx context.Context, in *twoDatasets) (*One[duplicates.Same], error) {
		err := s.speaks(ctx, in)
		if err == nil {
			err = s.Duplicates.Apart(ctx, in.by, in.ID, in.Other)
		}
		return s.ofTwo(ctx, in, err)
	})
	op(s, a, operation{http.MethodDelete, "/datasets/{id}/apart/{other}", "take-back-apart", "datasets",
		"Take it back; an operator does so for whoever said it"}, func(ctx context.Context, in *twoDatasets) (*One[duplicates.Same], error) {
		err := s.speaks(ctx, in)
		if err == nil {
			err = s.Duplicates.Together(ctx, in.by, in.ID, in.Other, in.by.Has(schemas.RoleOperator))
		}
		return s.ofTwo(ctx, in, err)
	})
}

// ofTwo answers with what is known of the first of two datasets, unless something failed.
func (s *server) ofTwo(ctx context.Context, in *twoDatasets, err error) (*One[duplicates.Same], error) {
	if err != nil {
		return nil, err
	}
	v, err := s.Duplicates.Of(ctx, policy.SightOf(in.by), in.ID)
	return one(v, 0), err
}

// speaks checks that the caller may say of two datasets in sight whether they are apart: operators may, and
// who provides one of them.
func (s *server) speaks(ctx context.Context, in *twoDatasets) error {
	own := false
	for _, id := range []schemas.DatasetID{in.ID, in.Other} {
		d, err := s.Catalog.Get(ctx, policy.SightOf(in.by), id)
		if err != nil {
			return err
		}
		own = own || in.by.Participant != "" && d.Provider == in.by.Participant
	}
	if own && in.by.Has(schemas.RoleProvider) {
		return s.Parties.MayAct(ctx, in.by)
	}
	return policy.Needs(in.by, schemas.RoleOperator, "say that datasets are apart of which you provide neither")
}

// sameShown is how many other origins a hit shows.
const sameShown = 10

// origins adds to hits where else the same data are.
func (s *server) origins(ctx context.Context, sight schemas.Sight, hits []schemas.Hit) error {
	ids := make([]schemas.DatasetID, len(hits))
	for i := range hits {
		ids[i] = hits[i].ID
	}
	others, err := s.Duplicates.Others(ctx, sight, ids, sameShown)
	if err != nil {
		return err
	}
	for i := range hits {
		same := others[hits[i].ID]
		hits[i].Same, hits[i].SameTotal = same.Origins, same.Total
	}
	return nil
}
