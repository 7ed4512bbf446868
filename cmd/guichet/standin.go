package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
)

// standInCmd gets made-up rows of a dataset.
type standInCmd struct {
	Dataset string `arg:"" help:"Id of the dataset."`
	Version string `help:"Version; the latest when left out." placeholder:"ID"`
	Table   string `help:"Table; may be left out where there is one." placeholder:"NAME"`
	Columns some   `help:"Only these columns, separated by commas." placeholder:"NAMES"`
	Rows    int    `help:"How many." default:"1000"`
	Seed    uint64 `help:"Other rows." placeholder:"N"`
	Out     string `help:"File for them, in Arrow's IPC file format." type:"path" default:"stand-in.arrow" placeholder:"FILE"`
}

// Run gets them into a file.
func (v standInCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var rows []byte
	err = c.Get(ctx, "/datasets/"+url.PathEscape(v.Dataset)+"/stand-in.arrow"+client.Query("version", v.Version, "table", v.Table,
		"columns", string(v.Columns), "rows", strconv.Itoa(v.Rows), "seed", strconv.FormatUint(v.Seed, 10)), &rows)
	if err != nil {
		return err
	}
	f, err := files.Create(v.Out)
	if err != nil {
		return err
	}
	_, err = f.Write(rows)
	if err != nil {
		f.Drop()
		return err
	}
	err = f.Keep()
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(map[string]any{"file": v.Out, "rows": v.Rows, "bytes": len(rows)})
	}
	fmt.Fprintf(t.Out, "%s made up in %s: nothing of the data is in them\n", terminal.Plural(v.Rows, "row", "rows"), v.Out)
	return nil
}
