// Package names is the API of what organisations are called.
//
// In: operations of the API, with who calls. Out: names by ids. Always: whose name somebody may know is told by
// policy/agreement whole. It must not list anybody.
package names

import (
	"context"
	"net/http"
	"strings"

	"guichet/gateway/api"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// ask names organisations by their ids.
type ask struct {
	api.Caller
	ID string `query:"id" required:"true" doc:"ids of organisations, parted by commas"`
}

// named are the names, by id.
type named struct {
	Names map[schemas.ParticipantID]string `json:"names" doc:"of those that the caller has something to do with"`
}

// Operations are those of names.
func Operations(s *agreement.Agreements) func(*api.Operations) {
	return func(o *api.Operations) {
		api.Add(o, http.MethodGet, "/names", "get-names", "agreements",
			"What organisations are called: one's own, those of one's agreements and requests",
			func(ctx context.Context, in *ask) (*api.One[named], error) {
				var ids []schemas.ParticipantID
				for id := range strings.SplitSeq(in.ID, ",") {
					if id != "" {
						ids = append(ids, schemas.ParticipantID(id))
					}
				}
				names, err := s.Names(ctx, in.By(), ids)
				if err != nil {
					return nil, err
				}
				return &api.One[named]{Status: http.StatusOK, Body: named{names}}, nil
			})
	}
}
