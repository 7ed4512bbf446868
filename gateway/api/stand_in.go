package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

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
	Body        func(ctx huma.Context)
}

// Strangers may ask for rows too, so few are made and sent at a time, and sending takes so long at
// most.
const (
	standInsAtOnce = 4
	standInWait    = 10 * time.Second
	standInSend    = time.Minute
)

// standInTurn waits for a turn; the caller gives it back.
func (s *server) standInTurn(ctx context.Context) (back func(), err error) {
	ctx, over := context.WithTimeout(ctx, standInWait)
	defer over()
	select {
	case s.standInTurns <- struct{}{}:
		return func() { <-s.standInTurns }, nil
	case <-ctx.Done():
		return nil, &schemas.Error{
			Kind: schemas.Busy, Subject: "stand-in", Message: "many others have rows made up just now", Remedy: "try again in a moment",
		}
	}
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
			back, err := s.standInTurn(ctx)
			if err != nil {
				return nil, err
			}
			b, err := standin.File(&t, ask)
			if err != nil {
				back()
				return nil, err
			}
			return &standInFile{"application/vnd.apache.arrow.file", `attachment; filename="stand-in.arrow"`, func(c huma.Context) {
				defer back()
				w := humagin.Unwrap(c).Writer
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(standInSend)) // not every writer can
				_, _ = w.Write(b)                                                               // who is gone needs no rows
			}}, nil
		})
}
