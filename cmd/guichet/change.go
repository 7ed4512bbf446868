package main

import (
	"context"
	"fmt"
	"net/http"

	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

type changeCmd struct {
	Dataset  string `arg:"" help:"Id of the dataset."`
	File     string `arg:"" help:"The whole new description: YAML, JSON, or DCAT-AP in JSON-LD." type:"existingfile"`
	Revision int64  `help:"Change it if it is at this revision; the file's own when left out, else the newest." placeholder:"REVISION"`
}

// Run replaces the description of a dataset. Offer and versions stay.
func (v changeCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	body, d, err := datasetFile(v.File)
	if err != nil {
		return err
	}
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	revision := v.Revision
	if revision == 0 {
		revision = d.Revision // of guichet show --json, edited
	}
	if revision == 0 {
		var have schemas.Dataset
		err = c.Get(ctx, "/datasets/"+v.Dataset, &have)
		if err != nil {
			return err
		}
		revision = have.Revision
	}
	var out schemas.Dataset
	err = about(v.File, c.Do(ctx, http.MethodPut, "/datasets/"+v.Dataset, body, &out, client.IfMatch(revision)))
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(out)
	}
	fmt.Fprintf(t.Out, "%s is changed: revision %d\n", out.ID, out.Revision)
	printRemarks(t, out.Notes)
	return nil
}
