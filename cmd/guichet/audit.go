package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"guichet/connectors/guichet"
	"guichet/schemas"
)

type auditCmd struct {
	List   auditListCmd   `cmd:"" help:"Who received what of which dataset, between which dates."`
	Export auditExportCmd `cmd:"" help:"Write a bundle that can be verified offline."`
	Verify auditVerifyCmd `cmd:"" help:"Verify the record: online, or an exported bundle offline."`
}

type recordFilter struct {
	Dataset     string    `help:"Only about this dataset." placeholder:"ID"`
	Participant string    `help:"Only about this participant." placeholder:"ID"`
	Project     string    `help:"Only about this project." placeholder:"ID"`
	Agreement   string    `help:"Only about this agreement." placeholder:"ID"`
	Kind        string    `help:"Only these kinds, separated by commas." placeholder:"KINDS"`
	From        time.Time `help:"From this instant on (RFC 3339)." placeholder:"TIME"`
	To          time.Time `help:"Before this instant." placeholder:"TIME"`
}

func (f recordFilter) query() string {
	at := func(ts time.Time) string {
		if ts.IsZero() {
			return ""
		}
		return ts.Format(time.RFC3339)
	}
	return query("dataset", f.Dataset, "participant", f.Participant, "project", f.Project, "agreement", f.Agreement, "kind", f.Kind, "from", at(f.From), "to", at(f.To))
}

type auditListCmd struct {
	recordFilter
	CSV bool `name:"csv" help:"Answer as CSV."`
}

// Run lists records.
func (v auditListCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	r, err := guichet.All[schemas.Record](ctx, c, "/audit/records"+v.query())
	if err != nil {
		return err
	}
	if v.CSV {
		return recordsCSV(t.out, r)
	}
	return list(t, r, "INDEX\tAT\tKIND\tWHO\tWHAT\tROWS\tBYTES\tHOW", func(r schemas.Record) []string {
		return recordRow(r)
	})
}

func recordRow(r schemas.Record) []string {
	v := r.Values
	who := firstOf(v["participant"], v["by"], v["address"])
	what := strings.TrimSpace(firstOf(v["dataset"], v["about"], r.Subject) + " " + v["version"])
	how := firstOf(v["state"], v["rule"], v["decision"])
	if v["cause"] != "" {
		how += ": " + v["cause"]
	}
	if v["reason"] != "" {
		how += ": " + v["reason"]
	}
	number := func(names ...string) string {
		for _, n := range names {
			if x, ok := r.Numbers[n]; ok {
				return strconv.FormatInt(x, 10)
			}
		}
		return ""
	}
	return []string{strconv.FormatInt(r.Index, 10), r.At.Format("2006-01-02T15:04:05.000Z"), r.Kind, who, what, number("rows", "most_rows"), number("bytes", "most_bytes"), how}
}

func firstOf(s ...string) string {
	for _, x := range s {
		if x != "" {
			return x
		}
	}
	return ""
}

// recordsCSV writes records for spreadsheets; cells that a spreadsheet would run as
// formulas are quoted by an apostrophe.
func recordsCSV(w io.Writer, records []schemas.Record) error {
	c := csv.NewWriter(w)
	err := c.Write([]string{"index", "at", "kind", "who", "what", "rows", "bytes", "how"})
	for _, r := range records {
		row := recordRow(r)
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				row[i] = "'" + cell
			}
		}
		if err == nil {
			err = c.Write(row)
		}
	}
	c.Flush()
	if err == nil {
		err = c.Error()
	}
	return err
}

type auditExportCmd struct {
	recordFilter
	Out string `arg:"" help:"File for the bundle (zip)." type:"path"`
}

// Run exports.
func (v auditExportCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	f, err := os.Create(v.Out)
	if err != nil {
		return schemas.Errorf(schemas.Invalid, v.Out, "the file cannot be made: %w", err)
	}
	defer f.Close()
	n, err := c.Download(ctx, "/audit/export"+v.query(), f)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return err
	}
	if t.json {
		return t.print(map[string]any{"file": v.Out, "bytes": n})
	}
	fmt.Fprintf(t.out, "%s: %s\nverify it anywhere: guichet audit verify --key KEYFILE %s\n", v.Out, size(n), v.Out)
	return nil
}
