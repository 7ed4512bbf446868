package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"guichet/connectors/standin"
	"guichet/policy"
	"guichet/schemas"
)

// standInGet asks for made-up rows of a dataset.
type standInGet struct {
	Caller
	ID      schemas.DatasetID `path:"id"`
	Version schemas.VersionID `query:"version" doc:"the latest when left out"`
	Table   string            `query:"table" doc:"may be left out where there is one"`
	Columns string            `query:"columns" doc:"only these columns, separated by commas"`
	Rows    int               `query:"rows" minimum:"0" maximum:"100000" default:"1000"`
	Seed    uint64            `query:"seed" doc:"other rows"`
}

// standInFile is an Arrow IPC file.
type standInFile struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// standIns are made-up rows of the right shape, with which a job is written before a permit comes.
func (s *server) standIns(a huma.API) {
	op(s, a, operation{http.MethodGet, "/datasets/{id}/stand-in.arrow", "get-stand-in", "datasets",
		"Made-up rows with a dataset's names, types, units and descriptions, as an Arrow IPC file that says so"},
		func(ctx context.Context, in *standInGet) (*standInFile, error) {
			t, version, err := s.Catalog.Table(ctx, policy.SightOf(in.by), in.ID, in.Version, in.Table)
			if err != nil {
				return nil, err
			}
			ask := standin.Ask{Rows: in.Rows, Seed: in.Seed, Of: fmt.Sprintf("%s, version %s, table %s", in.ID, version, t.Name)}
			if in.Columns != "" {
				ask.Columns = strings.Split(in.Columns, ",")
			}
			b, err := standin.File(&t, ask)
			return &standInFile{"application/vnd.apache.arrow.file", `attachment; filename="stand-in.arrow"`, b}, err
		})
}
