// Package demand is the API of what people look for and do not find.
//
// In: operations of the API, with who calls. Out: words that several used, without persons. Always: operators and
// officers read all of it, a provider what was sought in the data spaces that she has datasets in, or in none. It must
// not count anything.
package demand

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"guichet/catalog/demand"
	"guichet/catalog/index"
	"guichet/gateway/api"
	"guichet/policy"
	"guichet/policy/report"
	"guichet/schemas"
)

// NotFound is what was not found.
type NotFound struct {
	Items []demand.Sought `json:"items"`
	Few   int             `json:"few" doc:"words that fewer different seekers used are not told"`
	Note  string          `json:"note" doc:"what these numbers stand on"`
}

// note is what the numbers stand on.
const note = "Counted beside the record: of each seeker once a day, within a year. No checkpoint covers it, and it cannot be made again."

// SpacesOf gives the data spaces in which a participant has datasets, as the search index counts them.
func SpacesOf(x *index.Index) func(ctx context.Context, id schemas.ParticipantID) ([]schemas.SpaceID, error) {
	return func(ctx context.Context, id schemas.ParticipantID) ([]schemas.SpaceID, error) {
		q := index.Query{Filters: map[string][]string{"provider": {string(id)}}, Facets: []string{"space"}, FacetLimit: 1000, Limit: 1}
		r, err := x.Search(ctx, q, schemas.Sight{Everyone: true, SignedIn: true, Participant: id})
		var out []schemas.SpaceID
		for _, v := range r.Facets["space"].Values {
			out = append(out, schemas.SpaceID(v.Value))
		}
		return out, err
	}
}

// Reported gives what was not found in any data space to reports.
func Reported(c *demand.Counter) func(ctx context.Context) ([]report.Sought, error) {
	return func(ctx context.Context) (out []report.Sought, err error) {
		all, err := c.List(ctx, nil, mostReported)
		for _, s := range all {
			out = append(out, report.Sought{Words: s.Words, Space: string(s.Space), Year: s.Count, Month: s.Month, Last: s.Last})
		}
		return out, err
	}
}

// mostReported bounds the words in a report.
const mostReported = 1000

// storing bounds how long counts are stored behind an answer.
const storing = 30 * time.Second

// Noted counts a search that found nothing. What waits by then is stored behind the answer, which does not wait for it;
// a gateway that ends meanwhile loses a minute of counts.
func Noted(c *demand.Counter, log *slog.Logger) func(seeker, query string, space schemas.SpaceID) {
	return func(seeker, query string, space schemas.SpaceID) {
		c.Note(seeker, query, space)
		if !c.Due() {
			return
		}
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), storing)
			defer cancel()
			err := c.Flush(ctx)
			if err != nil {
				log.Warn("what was not found is not counted yet; it is tried again", "err", err)
			}
		}()
	}
}

// Operations are those of demand; spaces are the data spaces in which a participant has datasets.
func Operations(
	c *demand.Counter, spaces func(ctx context.Context, id schemas.ParticipantID) ([]schemas.SpaceID, error),
) func(*api.Operations) {
	return func(o *api.Operations) {
		api.Add(o, http.MethodGet, "/demand", "get-demand", "datasets",
			"What was searched and not found, without persons: for operators and officers, and for providers of their data spaces",
			func(ctx context.Context, in *struct {
				api.Caller
				Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
			}) (*api.One[NotFound], error) {
				var of []schemas.SpaceID // all
				if by := in.By(); !by.Has(schemas.RoleOperator) && !by.Has(schemas.RoleOfficer) {
					err := policy.Needs(by, schemas.RoleProvider, "read what was not found")
					if err != nil {
						return nil, err
					}
					of, err = spaces(ctx, by.Participant)
					if err != nil {
						return nil, err
					}
					of = append([]schemas.SpaceID{}, of...)
				}
				list, err := c.List(ctx, of, in.Limit)
				if err != nil {
					return nil, err
				}
				return &api.One[NotFound]{Status: http.StatusOK, Body: NotFound{Items: list, Few: demand.Few, Note: note}}, nil
			})
	}
}
