package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"guichet/connectors/guichet"
	"guichet/policy/audit"
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

type auditVerifyCmd struct {
	Bundle string `arg:"" optional:"" help:"Exported bundle; the gateway's record when left out." type:"existingfile"`
	Key    string `help:"File with the log's public key; asked of the gateway when left out (then it proves only that the gateway agrees with itself)." type:"existingfile" placeholder:"FILE"`
}

// Run verifies; a fault gives status 1.
func (v auditVerifyCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	key := ""
	if v.Key != "" {
		k, err := secret(v.Key)
		if err != nil {
			return err
		}
		key = k
	}
	r, err := v.report(ctx, g, key)
	if err != nil {
		return err
	}
	if t.json {
		err = t.print(r)
	} else if r.OK() {
		fmt.Fprintf(t.out, "the record is whole: %s records looked at, tree of %s, root %s\n", count(r.Records), count(r.Size), r.Root)
	}
	if err == nil && !r.OK() {
		e := &schemas.Error{Kind: schemas.Conflict, Subject: "record", Message: "the record was altered", Remedy: "keep this machine as it is and tell the officer"}
		if r.FirstBad >= 0 {
			e.Message += fmt.Sprintf("; the first bad entry is %d", r.FirstBad)
		}
		for _, f := range r.Faults {
			e.Fields = append(e.Fields, schemas.FieldError{Pointer: "record", Message: f})
		}
		return e
	}
	return err
}

func (v auditVerifyCmd) report(ctx context.Context, g *grammar, key string) (audit.Report, error) {
	if v.Bundle != "" {
		if key == "" {
			return audit.Report{}, schemas.BadField("verify", "--key", "a bundle is verified with the log's public key: --key FILE")
		}
		f, err := os.Open(v.Bundle)
		if err != nil {
			return audit.Report{}, schemas.Errorf(schemas.Invalid, v.Bundle, "the bundle cannot be read: %w", err)
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return audit.Report{}, fmt.Errorf("read the bundle: %w", err)
		}
		return audit.VerifyBundle(f, st.Size(), key)
	}
	c, err := g.client(ctx)
	if err != nil {
		return audit.Report{}, err
	}
	return verifyOnline(ctx, c, key)
}

// verifyOnline reads every record and recomputes the tree here, so that the gateway
// need not be believed.
func verifyOnline(ctx context.Context, c *guichet.Client, key string) (audit.Report, error) {
	if key == "" {
		var b []byte
		err := c.Get(ctx, "/audit/key", &b)
		if err != nil {
			return audit.Report{}, err
		}
		key = strings.TrimSpace(string(b))
	}
	var checkpoint []byte
	err := c.Get(ctx, "/audit/checkpoint", &checkpoint)
	if err != nil {
		return audit.Report{}, err
	}
	return audit.VerifyRecords(pages(ctx, c), checkpoint, key)
}

func pages(ctx context.Context, c *guichet.Client) iter.Seq2[schemas.Record, error] {
	return func(yield func(schemas.Record, error) bool) {
		for next := ""; ; {
			var p guichet.Page[schemas.Record]
			err := c.Get(ctx, "/audit/records?limit=1000&cursor="+url.QueryEscape(next), &p)
			if err != nil {
				yield(schemas.Record{}, err)
				return
			}
			for _, r := range p.Items {
				if !yield(r, nil) {
					return
				}
			}
			next = p.Next
			if next == "" {
				return
			}
		}
	}
}
