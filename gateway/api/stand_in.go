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
			t, version, err := s.publishedTable(ctx, in)
			if err != nil {
				return nil, err
			}
			ask := standin.Ask{Rows: in.Rows, Seed: in.Seed, Of: fmt.Sprintf("%s, version %s, table %s", in.ID, version, t.Name)}
			if in.Columns != "" {
				ask.Columns = strings.Split(in.Columns, ",")
			}
			b, err := standin.File(t, ask)
			return &standInFile{"application/vnd.apache.arrow.file", `attachment; filename="stand-in.arrow"`, b}, err
		})
}

// publishedTable finds what the rows are made up of: what everybody reads who sees the dataset.
func (s *server) publishedTable(ctx context.Context, in *standInGet) (*schemas.Table, schemas.VersionID, error) {
	d, err := s.Catalog.Get(ctx, policy.SightOf(in.by), in.ID)
	if err != nil {
		return nil, "", err
	}
	if in.Version == "" && d.Latest == nil {
		return nil, "", schemas.Errorf(schemas.NotFound, string(in.ID), "dataset %s has no published version", in.ID)
	}
	if in.Version == "" {
		in.Version = d.Latest.Version
	}
	v, err := s.Catalog.Version(ctx, in.ID, in.Version)
	if err == nil && v.State != schemas.VersionPublished {
		err = schemas.Errorf(schemas.NotFound, string(in.Version), "dataset %s has no version %s", in.ID, in.Version)
	}
	if err != nil {
		return nil, "", err
	}
	var names []string
	for i := range v.Data {
		if v.Data[i].Name == in.Table || in.Table == "" && len(v.Data) == 1 {
			return &v.Data[i], in.Version, nil
		}
		names = append(names, v.Data[i].Name)
	}
	if in.Table == "" {
		return nil, "", schemas.BadField("stand-in", "table", "say which table: there are %s", strings.Join(names, ", "))
	}
	return nil, "", schemas.BadField(
		"stand-in", "table", "version %s has no table %q; there are %s", in.Version, in.Table, strings.Join(names, ", "),
	)
}
