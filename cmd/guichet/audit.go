package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/gateway/api"
	"guichet/policy/report"
	"guichet/schemas"
)

// auditCmd is the record's part of the command line.
type auditCmd struct {
	List   auditListCmd   `cmd:"" help:"Who received what of which dataset, between which dates."`
	Export auditExportCmd `cmd:"" help:"Write a bundle that can be verified offline."`
	Verify auditVerifyCmd `cmd:"" help:"Verify the record: online, or an exported bundle offline."`
	Erase  auditEraseCmd  `cmd:"" help:"Erase values of a record, as the law may demand; an entry of its own says so."`
}

// recordFilter says which records; filters narrow each other.
type recordFilter struct {
	Dataset     string      `help:"Only about this dataset." placeholder:"ID"`
	Participant string      `help:"Only about this participant." placeholder:"ID"`
	Project     string      `help:"Only about this project." placeholder:"ID"`
	Agreement   string      `help:"Only about this agreement." placeholder:"ID"`
	RunID       string      `name:"run" help:"Only about this run." placeholder:"ID"`
	Kind        string      `help:"Only these kinds, separated by commas." placeholder:"KINDS"`
	From        args.Moment `help:"From this instant or day on." placeholder:"TIME"`
	To          args.Moment `help:"Before this instant or day." placeholder:"TIME"`
}

// query is what was asked for, as the API takes it.
func (f recordFilter) query() string {
	return client.Query("dataset", f.Dataset, "participant", f.Participant, "project", f.Project, "agreement", f.Agreement,
		"run", f.RunID, "kind", f.Kind, "from", f.From.Query(), "to", f.To.Query())
}

// auditListCmd lists records as the caller may read them.
type auditListCmd struct {
	recordFilter
	CSV bool `name:"csv" help:"Answer as CSV."`
}

// Run lists records.
func (v auditListCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	r, err := client.All[schemas.Record](ctx, c, "/audit/records"+v.query())
	if err != nil {
		return err
	}
	if v.CSV {
		return recordsCSV(t.Out, r)
	}
	none := "nothing yet"
	if v.query() != "" {
		none = "no record matches"
	}
	return terminal.ListOr(t, r, none, "INDEX\tAT\tKIND\tWHO\tCONCERNS\tWHAT\tROWS\tBYTES\tHOW", func(r schemas.Record) []string {
		row := recordRow(r)
		return []string{
			row.index, row.at, r.Kind, row.who, row.concerns, row.what, atMost(row.rows, row.mostRows),
			atMost(row.bytes, row.mostBytes), row.how,
		}
	})
}

// atMost shows a bound where the exact number is not known.
func atMost(exact, most string) string {
	if exact == "" && most != "" {
		return "at most " + most
	}
	return exact
}

// recordCells are the words of a record for people.
type recordCells struct {
	index, at, who, concerns, what, rows, bytes, mostRows, mostBytes, how string
}

// recordRow says of a record who acted, whom else it concerns, on what, and how it came
// out. Every kind has its own words.
func recordRow(r schemas.Record) recordCells {
	v := r.Values
	number := func(name string) string {
		x, ok := r.Numbers[name]
		if !ok {
			return ""
		}
		return strconv.FormatInt(x, 10)
	}
	c := recordCells{index: strconv.FormatInt(r.Index, 10), at: r.At.Format("2006-01-02T15:04:05.000Z"),
		what: strings.TrimSpace(firstOf(v["dataset"], v["about"], r.Subject) + " " + v["version"]),
		rows: number("rows"), bytes: number("bytes"), mostRows: number("most_rows"), mostBytes: number("most_bytes")}
	switch r.Kind {
	case schemas.ChangeReleaseBegin, schemas.ChangeReleaseEnd: // written by the gateway, for who streams
		c.who = v["participant"]
	case schemas.ChangeLogStart:
		c.who = "the gateway"
	default:
		c.who = firstOf(v["by"], v["subject"], v["address"])
	}
	for _, name := range []string{"participant", "provider"} {
		if v[name] != "" && v[name] != c.who {
			c.concerns = v[name]
			break
		}
	}
	if end := (schemas.Release{State: schemas.ReleaseState(v["state"])}); r.Kind == schemas.ChangeReleaseEnd && end.AtMost() {
		c.rows, c.bytes, c.mostRows, c.mostBytes = "", "", c.rows, c.bytes
	}
	if r.Kind == schemas.ChangeDatasetApart {
		c.what = v["dataset"] + " and " + v["other"]
	}
	c.how = howRecorded(r)
	return c
}

// howRecorded is how it came out, in words.
func howRecorded(r schemas.Record) string {
	v := r.Values
	until := ""
	if n, ok := r.Numbers["until"]; ok {
		until = "until " + time.Unix(n, 0).UTC().Format("2006-01-02T15:04Z")
	}
	var parts []string
	switch r.Kind {
	case schemas.ChangeAgreement:
		parts = []string{"agreement " + firstOf(v["agreement"], r.Subject), "for " + v["purpose"], until, by(v["rules"])}
	case schemas.ChangeLease:
		parts = []string{"lease on " + v["agreement"], until, v["run"]}
	case schemas.ChangeRevoke:
		parts = []string{"agreement " + firstOf(v["agreement"], r.Subject) + " revoked: " + v["reason"]}
	case schemas.ChangeJobKey:
		parts = []string{"job key on " + v["agreement"], until, v["run"]}
	case schemas.ChangeCopy:
		parts = []string{"staged copy of " + v["agreement"], until, v["run"]}
	case schemas.ChangeCopyOpen:
		parts = []string{"staged copy of " + v["agreement"] + " opened", until}
	case schemas.ChangeCopyReads:
		parts = []string{"read of a staged copy of " + v["agreement"]}
	case schemas.ChangeLeaseRevoked:
		what := schemas.LeaseID(r.Subject).NameOf()
		parts = []string{what + " on " + v["agreement"] + " revoked: " + v["reason"]}
	case schemas.ChangeRequest:
		parts = []string{v["state"], v["purpose"], by(v["rules"])}
	case schemas.ChangeRequestBack:
		parts = []string{"taken back by who asked", v["purpose"]}
	case schemas.ChangeReview:
		parts = []string{v["decision"] + ": " + v["reason"], v["agreement"]}
	case schemas.ChangeRun:
		parts = []string{v["project"], v["external"], v["output"], v["digest"], v["state"]}
	case schemas.ChangeReleaseBegin:
		parts = []string{v["agreement"], v["table"] + "/" + v["split"], v["run"], v["columns"]}
		if v["door"] == "url" {
			parts = append(parts, "released by URL")
		}
	case schemas.ChangeRefusal:
		parts = []string{v["rule"], v["text"]}
	case schemas.ChangeErasure:
		parts = []string{"erased: " + v["names"], v["reason"]}
	case schemas.ChangeLogStart:
		parts = []string{"the record begins"}
	default: // reviews, ends of releases, versions, parties
		how := firstOf(v["state"], v["decision"], v["what"])
		if why := firstOf(v["cause"], v["reason"]); why != "" {
			how += ": " + why
		}
		parts = []string{how}
		if how == "" && r.Numbers["revision"] > 0 {
			parts = []string{fmt.Sprintf("revision %d", r.Numbers["revision"])}
		}
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// by names the rules that decided.
func by(rules string) string {
	if rules == "" {
		return ""
	}
	return "by " + rules
}

// firstOf is the first text that is not empty.
func firstOf(s ...string) string {
	for _, x := range s {
		if x != "" {
			return x
		}
	}
	return ""
}

// recordsCSV writes records for spreadsheets. What was sent and the most that could
// be stand in columns of their own, so that sums count nothing twice; cells that a
// spreadsheet would run as formulas are quoted by an apostrophe.
func recordsCSV(w io.Writer, records []schemas.Record) error {
	c := csv.NewWriter(w)
	err := c.Write([]string{"index", "at", "kind", "who", "concerns", "what", "rows", "bytes", "most_rows", "most_bytes", "how"})
	for _, r := range records {
		x := recordRow(r)
		row := []string{x.index, x.at, r.Kind, x.who, x.concerns, x.what, x.rows, x.bytes, x.mostRows, x.mostBytes, x.how}
		for i, cell := range row {
			row[i] = report.Safe(cell)
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

// auditExportCmd writes a bundle that verifies without the gateway.
type auditExportCmd struct {
	recordFilter
	Out string `arg:"" help:"File for the bundle (zip)." type:"path"`
}

// Run exports.
func (v auditExportCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	f, err := files.Create(v.Out)
	if err != nil {
		return err
	}
	n, err := c.Download(ctx, "/audit/export"+v.query(), f)
	if err != nil {
		f.Drop()
		return err
	}
	err = f.Keep()
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(map[string]any{"file": v.Out, "bytes": n})
	}
	fmt.Fprintf(t.Out, "%s: %s\nverify it anywhere: guichet audit verify --key KEYFILE %s\n", v.Out, terminal.Size(n), v.Out)
	return nil
}

// auditEraseCmd erases values, of which the record keeps that they were there.
type auditEraseCmd struct {
	Record int64    `arg:"" help:"Index of the record."`
	Names  []string `required:"" help:"Names of the values, separated by commas." placeholder:"NAMES"`
	Reason args.Why `required:"" help:"Why: it stands in the record." placeholder:"TEXT"`
}

// Run erases.
func (v auditEraseCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var out api.Erased
	err = c.Post(ctx, fmt.Sprintf("/audit/records/%d/erase", v.Record), api.Erasure{Names: v.Names, Reason: string(v.Reason)}, &out)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(out)
	}
	fmt.Fprintf(t.Out,
		"erased from record %d: %s\nentry %d of the record says so; the record's leaf and its proofs stand\n", out.Record,
		strings.Join(out.Names, ", "), out.Entry)
	return nil
}
