// Package standin is the API of made-up rows.
//
// In: a dataset that the caller may see, a table of it, how many rows. Out: an Arrow IPC file with the table's shape
// and none of its data. Always: few are made and sent at a time, since strangers may ask too. It must not read data.
package standin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"guichet/catalog"
	"guichet/connectors/standin"
	"guichet/gateway/api"
	"guichet/policy"
	"guichet/schemas"
)

// ask asks for made-up rows of a dataset.
type ask struct {
	api.Caller
	ID      schemas.DatasetID `path:"id"`
	Version schemas.VersionID `query:"version" doc:"the latest when left out"`
	Table   string            `query:"table" doc:"may be left out where there is one"`
	Columns string            `query:"columns" doc:"only these columns, separated by commas"`
	Rows    int               `query:"rows" minimum:"0" maximum:"100000" default:"1000"`
	Seed    uint64            `query:"seed" doc:"other rows"`
}

// file is an Arrow IPC file.
type file struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        func(ctx huma.Context)
}

// Strangers may ask for rows too, so few are made and sent at a time, and sending takes so long at
// most.
const (
	atOnce      = 4
	longestWait = 10 * time.Second
	longestSend = time.Minute
)

// turns are those of the files that are made or sent.
type turns chan struct{}

// wait waits for a turn; the caller gives it back.
func (t turns) wait(ctx context.Context) (back func(), err error) {
	ctx, over := context.WithTimeout(ctx, longestWait)
	defer over()
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, &schemas.Error{
			Kind: schemas.Busy, Subject: "stand-in", Message: "many others have rows made up just now", Remedy: "try again in a moment",
		}
	}
}

// Operations are those of made-up rows, with which a job is written before a permit comes.
func Operations(c *catalog.Catalog) func(*api.Operations) {
	t := make(turns, atOnce)
	return func(o *api.Operations) {
		api.Add(o, http.MethodGet, "/datasets/{id}/stand-in.arrow", "get-stand-in", "datasets",
			"Made-up rows with a dataset's names, types, units and descriptions, as an Arrow IPC file that says so",
			func(ctx context.Context, in *ask) (*file, error) {
				table, version, err := c.Table(ctx, policy.SightOf(in.By()), in.ID, in.Version, in.Table)
				if err != nil {
					return nil, err
				}
				ask := standin.Ask{Rows: in.Rows, Seed: in.Seed, Of: fmt.Sprintf("%s, version %s, table %s", in.ID, version, table.Name)}
				if in.Columns != "" {
					ask.Columns = strings.Split(in.Columns, ",")
				}
				back, err := t.wait(ctx)
				if err != nil {
					return nil, err
				}
				b, err := standin.File(&table, ask)
				if err != nil {
					back()
					return nil, err
				}
				return &file{"application/vnd.apache.arrow.file", `attachment; filename="stand-in.arrow"`, func(h huma.Context) {
					defer back()
					w := humagin.Unwrap(h).Writer
					_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longestSend)) // not every writer can
					_, _ = w.Write(b)                                                               // who is gone needs no rows
				}}, nil
			})
	}
}
