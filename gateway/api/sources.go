package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"guichet/catalog/harvest"
	"guichet/policy"
	"guichet/schemas"
)

// sourcePost makes or changes a catalogue that is harvested.
type sourcePost struct {
	Caller
	IfMatch
	Body harvest.Catalogue
}

// sourceID names one in a path.
type sourceID struct {
	Caller
	ID schemas.SourceID `path:"id"`
}

// sourceHarvest asks that one is harvested now.
type sourceHarvest struct {
	Caller
	ID   schemas.SourceID `path:"id"`
	Body struct {
		Agree bool `json:"agree,omitempty" doc:"withdraw what is gone from it, however much that is, once all of it was read"`
	}
}

// refusalsList pages through what of a source was set aside.
type refusalsList struct {
	Caller
	Paging
	ID schemas.SourceID `path:"id"`
}

// sources are catalogues of others.
func (s *server) sources(a huma.API) {
	op(s, a, operation{http.MethodPost, "/sources", "put-source", "sources",
		"Name a catalogue of others that is harvested, or change one with If-Match"},
		func(ctx context.Context, in *sourcePost) (*One[harvest.Catalogue], error) {
			revision, err := in.revision()
			if err == nil {
				err = keeps(in.by)
			}
			if err != nil {
				return nil, err
			}
			v, err := s.Sources.Put(ctx, in.by, in.Body, revision)
			if err != nil {
				return nil, err
			}
			return made(v, v.Revision, "/api/v1/sources/"+string(v.ID)), nil
		})
	op(s, a, operation{http.MethodGet, "/sources", "list-sources", "sources",
		"Catalogues of others, and how each harvest fares"}, func(ctx context.Context, in *listQuery) (*List[harvest.Catalogue], error) {
		err := watches(in.by)
		if err != nil {
			return nil, err
		}
		v, next, err := s.Sources.List(ctx, in.Cursor, in.Limit)
		return listOf(v, next), err
	})
	op(s, a, operation{http.MethodGet, "/sources/{id}", "get-source", "sources",
		"One catalogue of others"}, func(ctx context.Context, in *sourceID) (*One[harvest.Catalogue], error) {
		err := watches(in.by)
		if err != nil {
			return nil, err
		}
		v, err := s.Sources.Get(ctx, in.ID)
		return one(v, v.Revision), err
	})
	op(s, a, operation{http.MethodPost, "/sources/{id}/harvest", "harvest-source", "sources",
		"Harvest it now"}, func(ctx context.Context, in *sourceHarvest) (*One[harvest.Catalogue], error) {
		err := keeps(in.by)
		if err != nil {
			return nil, err
		}
		v, err := s.Sources.Ask(ctx, in.by, in.ID, in.Body.Agree)
		return one(v, v.Revision), err
	})
	op(s, a, operation{http.MethodGet, "/sources/{id}/refused", "list-refused-records", "sources",
		"Records of it that were set aside, with why"}, func(ctx context.Context, in *refusalsList) (*List[harvest.Refusal], error) {
		err := watches(in.by)
		if err != nil {
			return nil, err
		}
		v, next, err := s.Sources.Refused(ctx, in.ID, in.Cursor, in.Limit)
		return listOf(v, next), err
	})
	op(s, a, operation{http.MethodDelete, "/sources/{id}", "remove-source", "sources",
		"End it: its datasets are withdrawn"}, func(ctx context.Context, in *sourceID) (*One[harvest.Catalogue], error) {
		err := keeps(in.by)
		if err != nil {
			return nil, err
		}
		v, err := s.Sources.Remove(ctx, in.by, in.ID)
		return one(v, v.Revision), err
	})
}

// keeps checks that the caller may say which sources there are, and when they are harvested.
func keeps(by schemas.Principal) error {
	return policy.Needs(by, schemas.RoleOperator, "change sources")
}

// watches checks that the caller may see how sources fare.
func watches(by schemas.Principal) error {
	if by.Has(schemas.RoleOfficer) {
		return nil
	}
	return policy.Needs(by, schemas.RoleOperator, "see sources")
}
