// Package throughput is the API of how much was released over time.
//
// In: operations of the API, with who calls. Out: bins of hours or days; the uses of datasets by runs. Always: what is asked
// for and who may have it is told to policy/agreement/throughput whole. It must not add up anything.
package throughput

import (
	"context"
	"net/http"
	"time"

	"guichet/gateway/api"
	"guichet/policy/agreement/throughput"
	"guichet/schemas"
)

// ask says of what, and from when to when.
type ask struct {
	api.Caller
	Dataset   schemas.DatasetID     `query:"dataset"`
	Agreement schemas.AgreementID   `query:"agreement"`
	Project   schemas.ProjectID     `query:"project"`
	Run       schemas.RunID         `query:"run"`
	Provider  schemas.ParticipantID `query:"provider" doc:"of the datasets"`
	From      time.Time             `query:"from" doc:"thirty days before to when left out"`
	To        time.Time             `query:"to" doc:"now when left out; at most 366 days after from"`
}

// uses says of what: one of the three at least.
type uses struct {
	api.Caller
	Dataset   schemas.DatasetID   `query:"dataset"`
	Agreement schemas.AgreementID `query:"agreement"`
	Run       schemas.RunID       `query:"run"`
	Limit     int                 `query:"limit" minimum:"1" maximum:"100" default:"12" doc:"further uses are counted"`
}

// Operations are those of throughput.
func Operations(s *throughput.Throughputs) func(*api.Operations) {
	return func(o *api.Operations) {
		api.Add(o, http.MethodGet, "/throughput", "get-throughput", "agreements",
			"How many bytes, rows and streams were released over time: of what the caller's organisation read or provides",
			func(ctx context.Context, in *ask) (*api.One[throughput.Throughput], error) {
				out, err := s.Of(ctx, in.By(), throughput.Query{Dataset: in.Dataset, Agreement: in.Agreement, Project: in.Project, Run: in.Run,
					Provider: in.Provider, From: in.From, To: in.To})
				if err != nil {
					return nil, err
				}
				return &api.One[throughput.Throughput]{Status: http.StatusOK, Body: out}, nil
			})
		api.Add(o, http.MethodGet, "/lineage", "get-lineage", "agreements",
			"Which runs used a dataset, for what and under which agreement, and what came out of them",
			func(ctx context.Context, in *uses) (*api.One[throughput.Lineage], error) {
				out, err := s.Lineage(ctx, in.By(), throughput.Query{Dataset: in.Dataset, Agreement: in.Agreement, Run: in.Run}, in.Limit)
				if err != nil {
					return nil, err
				}
				return &api.One[throughput.Lineage]{Status: http.StatusOK, Body: out}, nil
			})
		api.Add(o, http.MethodGet, "/uses", "list-uses", "agreements",
			"The agreements on each dataset of the caller's organisation, counted, and what was read under them",
			func(ctx context.Context, in *struct{ api.Caller }) (*api.List[throughput.Held], error) {
				out, err := s.Held(ctx, in.By())
				return api.ListOf(out, ""), err
			})
	}
}
