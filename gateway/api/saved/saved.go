// Package saved is the API of searches that people saved.
//
// In: operations of the API, with who calls. Out: her own searches. Always: a person's searches are told to nobody
// else, an operator neither. It must not search.
package saved

import (
	"context"
	"net/http"

	"guichet/catalog/saved"
	"guichet/gateway/api"
)

// search saves one.
type search struct {
	api.Caller
	Body saved.SearchAsk
}

// one names one.
type one struct {
	api.Caller
	ID string `path:"id"`
}

// look says how many datasets fit.
type look struct {
	api.Caller
	ID   string `path:"id"`
	Body struct {
		Total uint64 `json:"total" doc:"how many datasets fit now, to be compared with later"`
	}
}

// Operations are those of saved searches.
func Operations(s *saved.Saved) func(*api.Operations) {
	return func(o *api.Operations) {
		const tag = "datasets"
		api.Add(o, http.MethodGet, "/searches", "list-searches", tag, "Searches that the caller saved, by their names",
			func(ctx context.Context, in *struct{ api.Caller }) (*api.List[saved.Search], error) {
				list, err := s.List(ctx, in.By())
				return api.ListOf(list, ""), err
			})
		api.Add(o, http.MethodPost, "/searches", "save-search", tag, "Save a search; one of the same name is replaced",
			func(ctx context.Context, in *search) (*api.One[saved.Search], error) {
				v, err := s.Save(ctx, in.By(), in.Body)
				return answered(http.StatusCreated, v, err)
			})
		api.Add(o, http.MethodPost, "/searches/{id}/look", "look-at-search", tag, "Note that the caller looks at a saved search now",
			func(ctx context.Context, in *look) (*api.One[saved.Search], error) {
				v, err := s.Look(ctx, in.By(), in.ID, in.Body.Total)
				return answered(http.StatusOK, v, err)
			})
		api.Add(o, http.MethodDelete, "/searches/{id}", "remove-search", tag, "Forget a saved search",
			func(ctx context.Context, in *one) (*api.One[saved.Search], error) {
				v, err := s.Remove(ctx, in.By(), in.ID)
				return answered(http.StatusOK, v, err)
			})
	}
}

// answered is what an operation answers; the status is its own.
func answered(status int, v saved.Search, err error) (*api.One[saved.Search], error) {
	if err != nil {
		return nil, err
	}
	return &api.One[saved.Search]{Status: status, Body: v}, nil
}
