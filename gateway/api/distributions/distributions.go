// Package distributions is the API of how the values of a version's columns are distributed.
//
// In: a version of a dataset that the caller may see. Out: what its provider consented to, as far as
// terms and description permit it now. Always: who may not see the dataset learns nothing, and
// everybody who may learns the same. It must not count.
package distributions

import (
	"context"
	"net/http"

	"guichet/catalog"
	"guichet/catalog/publish/distribution"
	"guichet/gateway/api"
	"guichet/policy"
	"guichet/schemas"
	"guichet/schemas/values"
)

// ask names a version.
type ask struct {
	api.Caller
	ID      schemas.DatasetID `path:"id"`
	Version schemas.VersionID `path:"version"`
}

// Operations are those of distributions.
func Operations(c *catalog.Catalog) func(*api.Operations) {
	return func(o *api.Operations) {
		const tag, path = "datasets", "/datasets/{id}/versions/{version}/distributions"
		api.Add(o, http.MethodGet, path, "get-distributions", tag,
			"How the values of a version's columns are distributed, where its provider consented and the terms permit it",
			func(ctx context.Context, in *ask) (*api.One[values.Distributions], error) {
				d, err := c.Get(ctx, policy.SightOf(in.By()), in.ID)
				if err != nil {
					return nil, err
				}
				v, err := c.Version(ctx, in.ID, in.Version)
				if err == nil && v.State != schemas.VersionPublished { // others are the provider's business
					err = schemas.Errorf(schemas.NotFound, string(in.Version), "dataset %s has no version %s", in.ID, in.Version)
				}
				if err != nil {
					return nil, err
				}
				found, err := distribution.Get(ctx, c, &d, &v)
				return &api.One[values.Distributions]{Status: http.StatusOK, Body: found}, err
			})
		api.Add(o, http.MethodDelete, path, "withdraw-distributions", tag,
			"Take back the consent: how values are distributed is shown no more, and forgotten",
			func(ctx context.Context, in *ask) (*api.One[values.Distributions], error) {
				err := policy.Needs(in.By(), schemas.RoleProvider, "take back a consent")
				if err != nil {
					return nil, err
				}
				left, err := distribution.TakeBack(ctx, c, in.By(), in.ID, in.Version)
				if err != nil {
					return nil, err
				}
				return &api.One[values.Distributions]{Status: http.StatusOK, Body: left}, nil
			})
	}
}
