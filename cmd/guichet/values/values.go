// Package values is the command line's word on how the values of columns are distributed.
//
// In: a dataset and a version that somebody named. Out: what its provider consented to show, as lines;
// or the consent taken back. Always: what is left out is said, with why. It must not count.
package values

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
	"guichet/schemas/values"
)

// Cmd shows how values are distributed, or takes the consent to it back.
type Cmd struct {
	Dataset  string `arg:"" help:"Id of the dataset."`
	Version  string `arg:"" optional:"" help:"Name of the version; the latest when left out."`
	TakeBack bool   `help:"As its provider: take back the consent; the counts are forgotten."`
}

// Run shows or takes back.
func (v Cmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	at := "/datasets/" + url.PathEscape(v.Dataset)
	if v.Version == "" {
		var d schemas.Dataset
		err = c.Get(ctx, at, &d)
		if err != nil {
			return err
		}
		if d.Latest == nil {
			return schemas.Errorf(schemas.NotFound, v.Dataset, "dataset %s has no published version", v.Dataset)
		}
		v.Version = string(d.Latest.Version)
	}
	at += "/versions/" + url.PathEscape(v.Version) + "/distributions"
	var told values.Distributions
	if v.TakeBack {
		err = c.Do(ctx, http.MethodDelete, at, nil, &told)
		if err == nil && !t.JSON {
			fmt.Fprintf(t.Out, "how values of version %s are distributed is shown no more\n", v.Version)
			return nil
		}
	} else {
		err = c.Get(ctx, at, &told)
	}
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(told)
	}
	show(t, &told)
	return nil
}

// bar is how long the longest bar is, in characters.
const bar = 30

// show prints each column with its counts.
func show(t *terminal.Terminal, told *values.Distributions) {
	if len(told.Asked) == 0 {
		fmt.Fprintf(t.Out, "its provider shows no distributions of version %s\n", told.Version)
		return
	}
	for i := range told.Columns {
		d := &told.Columns[i]
		fmt.Fprintf(t.Out, "%s/%s, %s\n", d.Table, d.Column, terminal.Plural(d.Rows, "row", "rows"))
		most := max(d.Missing, d.Others, 1)
		for _, b := range d.Bins {
			most = max(most, b.Count)
		}
		for _, x := range d.Values {
			most = max(most, x.Count)
		}
		line := func(label string, n int64) {
			fmt.Fprintf(t.Out, "  %-28s %9s %s\n", label, terminal.Count(n), strings.Repeat("▪", int((n*bar+most-1)/most)))
		}
		for _, b := range d.Bins {
			line(label(b), b.Count)
		}
		for _, x := range d.Values {
			line(fmt.Sprintf("%q", x.Value), x.Count)
		}
		if d.Others > 0 {
			line("other values", d.Others)
		}
		if d.Missing > 0 {
			line("no value", d.Missing)
		}
	}
	for _, l := range told.LeftOut {
		fmt.Fprintf(t.Out, "%s/%s is not shown: %s\n", l.Table, l.Column, l.Why.Words())
	}
}

// label names a bin.
func label(b values.Bin) string {
	switch {
	case b.From == "":
		return "below " + b.Until
	case b.Until == "":
		return b.From + " and more"
	}
	return b.From + " to below " + b.Until
}
