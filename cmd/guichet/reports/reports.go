// Package reports is the command line's words on reports of the record.
//
// In: what somebody typed. Out: reports as tables, JSON or CSV, and dossiers as files. Always: a file holds
// the gateway's bytes as they came, so that the same report is the same file. It must not count anything.
//
//	guichet report                   which reports there are
//	guichet report NAME --at SIZE    one of them, as tables, --json or --csv
//	guichet report dossier PROJECT   everything about a project, as a zip that opens in a browser
//	guichet report sample --seed N   releases for an auditor to look at, drawn by chance
package reports

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/policy/report"
	"guichet/schemas"
)

// Cmd makes reports of the record.
type Cmd struct {
	Make    makeCmd    `cmd:"" default:"withargs" help:"List the reports that there are, or make one."`
	Dossier dossierCmd `cmd:"" help:"Write all there is about a project into a file: it opens in a browser and verifies offline."`
}

type makeCmd struct {
	Name    string      `arg:"" optional:"" help:"Of the report; all are listed when left out."`
	Dataset string      `help:"Of this dataset." placeholder:"ID"`
	Project string      `help:"Of this project." placeholder:"ID"`
	RunID   string      `name:"run" help:"Of this run." placeholder:"ID"`
	Model   string      `help:"Of the runs that this model came out of." placeholder:"DIGEST"`
	From    args.Moment `help:"From this instant or day on." placeholder:"TIME"`
	To      args.Moment `help:"Before this instant or day." placeholder:"TIME"`
	Size    int         `help:"Of a sample: how many releases." placeholder:"N"`
	Seed    string      `help:"Of a sample: the same seed and checkpoint draw the same releases." placeholder:"TEXT"`
	At      int64       `help:"As the record was with so many entries: the size of a checkpoint; now when left out." placeholder:"SIZE"`
	Beside  bool        `help:"Also what the catalogue says now, in tables that say so."`
	CSV     bool        `name:"csv" help:"Answer with one table as CSV."`
	Table   string      `help:"Of CSV: which table; the first when left out." placeholder:"NAME"`
	Out     string      `help:"Write it into this file: JSON, or CSV with --csv." type:"path" placeholder:"FILE"`
}

type dossierCmd struct {
	Project string `arg:"" help:"Id of the project."`
	At      int64  `help:"As the record was with so many entries; now when left out." placeholder:"SIZE"`
	Out     string `help:"File for it (zip)." type:"path" default:"dossier.zip"`
}

// Run lists reports, or makes one.
func (v makeCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	if v.Name == "" {
		return list(ctx, t, c)
	}
	path := "/reports/" + url.PathEscape(v.Name) + v.query()
	switch {
	case v.Out != "":
		return keep(ctx, t, c, path, v.Out, "")
	case v.CSV:
		_, err := c.Download(ctx, path, t.Out)
		return err
	}
	var doc report.Document
	err = c.Get(ctx, path, &doc)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(doc)
	}
	return show(t.Out, &doc)
}

// query is what was asked for, as the API takes it.
func (v makeCmd) query() string {
	n := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	beside, format := "", ""
	if v.Beside {
		beside = "true"
	}
	if v.CSV {
		format = "csv"
	}
	return client.Query("dataset", v.Dataset, "project", v.Project, "run", v.RunID, "model", v.Model,
		"from", v.From.Query(), "to", v.To.Query(), "size", n(int64(v.Size)), "seed", v.Seed,
		"at", n(v.At), "beside", beside, "format", format, "table", v.Table)
}

// list shows the reports that there are.
func list(ctx context.Context, t *terminal.Terminal, c *client.Client) error {
	kinds, err := client.All[report.Kind](ctx, c, "/reports")
	if err != nil {
		return err
	}
	return terminal.List(t, kinds, "REPORT\tFOR\tNEEDS\tMAY HAVE\tSAYS", func(k report.Kind) []string {
		who, needs, may := "what concerns one; all for officers", []string{}, []string{}
		if k.Officers {
			who = "officers"
		}
		for _, p := range k.Parameters {
			if p.Required {
				needs = append(needs, "--"+p.Name)
			} else {
				may = append(may, "--"+p.Name)
			}
		}
		return []string{k.Name, who, strings.Join(needs, " "), strings.Join(may, " "), k.Says}
	})
}

// show writes a report for people.
func show(w io.Writer, d *report.Document) error {
	fmt.Fprintf(w, "%s\n%s\nas at %s records of %s, the last of %s, root %s\n", d.Title, d.Says,
		terminal.Count(d.Checkpoint.Size), d.Checkpoint.Origin, d.Checkpoint.Last, d.Checkpoint.Root)
	if d.For != "" {
		fmt.Fprintf(w, "what concerns %s alone\n", schemas.Visible(d.For))
	}
	for i := range d.Tables {
		table := &d.Tables[i]
		fmt.Fprintf(w, "\n%s", table.Title)
		if table.Source == report.OfNow {
			fmt.Fprint(w, " (not from the record)")
		}
		fmt.Fprintln(w)
		if len(table.Rows) == 0 {
			fmt.Fprintln(w, "nothing")
			continue
		}
		out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		var line []string
		for _, c := range table.Columns {
			line = append(line, strings.ToUpper(c.Title))
		}
		fmt.Fprintln(out, strings.Join(line, "\t"))
		for _, row := range table.Rows {
			line = line[:0]
			for _, c := range row {
				line = append(line, cell(c))
			}
			fmt.Fprintln(out, strings.Join(line, "\t"))
		}
		err := out.Flush()
		if err != nil {
			return err
		}
	}
	for _, n := range d.Notes {
		fmt.Fprintf(w, "\n%s\n", n)
	}
	if len(d.Prompts) > 0 {
		fmt.Fprintln(w, "\nWhat the record cannot know; you fill it in")
	}
	for _, p := range d.Prompts {
		fmt.Fprintln(w, strings.TrimSpace("- "+p.Part+" "+p.Text))
	}
	_, err := fmt.Fprintf(w, "\nIt stands on %s, digest %s\n", terminal.Plural(int(d.Records.Count), "record", "records"), d.Records.Digest)
	return err
}

func cell(c report.Cell) string {
	if n, is := c.Number(); is {
		return terminal.Count(n)
	}
	return schemas.Visible(c.String())
}

// keep writes what is at an address into a file, as it comes.
func keep(ctx context.Context, t *terminal.Terminal, c *client.Client, path, out, then string) error {
	f, err := files.Create(out)
	if err != nil {
		return err
	}
	n, err := c.Download(ctx, path, f)
	if err != nil {
		f.Drop()
		return err
	}
	err = f.Keep()
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(map[string]any{"file": out, "bytes": n})
	}
	fmt.Fprintf(t.Out, "%s: %s\n%s", out, terminal.Size(n), then)
	return nil
}

// Run writes a dossier.
func (v dossierCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	at := ""
	if v.At != 0 {
		at = strconv.FormatInt(v.At, 10)
	}
	return keep(ctx, t, c, "/reports/dossier"+client.Query("project", v.Project, "at", at), v.Out,
		"open its index.html in a browser; guichet audit verify --key KEYFILE records.zip verifies what it stands on\n")
}
