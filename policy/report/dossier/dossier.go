// Package dossier makes the dossier of a project: all reports about it with the records that they stand
// on, as a zip that opens in a browser without a gateway.
//
// In: a project, a size of the record, who asks. Out: index.html, each table as CSV, each report as JSON,
// the project's records as a bundle that verifies with the public key alone, the checkpoint, what the record
// cannot know, how to verify, and a script that streams its releases again and compares. Always: the same
// project, size and reader give the same bytes; its pages have no scripts and load nothing; whoever is no officer
// has a dossier of what concerns her alone. It must not count anything itself.
package dossier

import (
	"archive/zip"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"guichet/policy"
	"guichet/policy/audit"
	"guichet/policy/report"
	"guichet/schemas"
)

//go:embed templates/*.html templates/style.css templates/reproduce.py
var files embed.FS

// Maker makes dossiers. Safe for concurrent use.
type Maker struct {
	reports *report.Reports
	record  *audit.Log
	pages   *template.Template
	most    int // bytes
}

// New makes a maker of dossiers.
func New(reports *report.Reports, record *audit.Log) (*Maker, error) {
	pages, err := template.New("").Funcs(template.FuncMap{"shown": shown}).ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the templates of dossiers: %w", err)
	}
	return &Maker{reports, record, pages, mostBytes}, nil
}

const (
	mostRuns  = 50      // whose inputs are told one by one
	mostBytes = 1 << 28 // of a dossier: it is made before any of it leaves
)

// part is a report of the dossier, and the files of its tables.
type part struct {
	*report.Document
	File   string
	Tables []table
}

type table struct {
	*report.Table
	File string
}

// contents are what the pages show.
type contents struct {
	Project string
	Reader  string // whose own it is; "" where it is of the whole record
	Parts   []part
	Head    report.Checkpoint
	Key     string
	Records int64
}

// Make makes the dossier of the project that ask names, as at its size; size is that of the record, 0 where
// no record is about the project. Errors: as report.Make; TooLarge; Busy: values were erased since.
func (m *Maker) Make(ctx context.Context, by schemas.Principal, ask report.Ask) (b []byte, size int64, err error) {
	ask.Name, ask.Dataset = "project", nil
	first, err := m.reports.Make(ctx, by, ask)
	if err != nil || first.Records.Count == 0 {
		return nil, 0, err
	}
	project := ask.Parameters["project"]
	c := contents{Project: project, Reader: first.For, Head: first.Checkpoint, Key: m.record.VKey(), Records: first.Records.Count}
	c.add("project", first)
	for _, x := range asks(first, project) {
		doc, err := m.reports.Make(ctx, by, x.Ask)
		if err != nil {
			return nil, 0, err
		}
		c.add(x.file, doc)
	}
	last, err := time.Parse(time.RFC3339Nano, c.Head.Last)
	if err != nil {
		return nil, 0, fmt.Errorf("read the time of the last record: %w", err)
	}
	var out bytes.Buffer
	z := &writer{zip.NewWriter(bounded{&out, m.most}), last, nil}
	for _, name := range []string{"index.html", "unknown.html", "verify.html"} {
		var page bytes.Buffer
		err = m.pages.ExecuteTemplate(&page, name, &c)
		if err != nil {
			return nil, 0, fmt.Errorf("write the page %s of a dossier: %w", name, err)
		}
		z.put(name, page.Bytes())
	}
	for _, name := range []string{"style.css", "reproduce.py"} {
		b, err := files.ReadFile("templates/" + name)
		if err != nil {
			return nil, 0, fmt.Errorf("read a file of dossiers: %w", err)
		}
		z.put(name, b)
	}
	z.put("checkpoint", []byte(c.Head.Note))
	z.put("log.pub", []byte(c.Key+"\n"))
	err = m.parts(z, c.Parts)
	if err != nil {
		return nil, 0, err
	}
	bundle, err := m.bundle(ctx, by, project, c.Head.Size)
	if err != nil {
		return nil, 0, err
	}
	z.put("records.zip", bundle)
	if z.err == nil {
		z.err = z.zip.Close()
	}
	return out.Bytes(), c.Head.Size, z.err
}

// other is a further report of a dossier.
type other struct {
	report.Ask
	file string
}

// asks are the other reports about a project: its permits, and what went into each run that something came
// out of.
func asks(first *report.Document, project string) []other {
	at := first.Checkpoint.Size
	out := []other{{report.Ask{Name: "permits", At: at, Parameters: map[string]string{"project": project}}, "permits"}}
	outputs, err := first.Table("outputs")
	if err != nil {
		return out
	}
	runs := map[string]bool{}
	for _, row := range outputs.Rows {
		runs[row[0].String()] = true
	}
	for i, run := range slices.Sorted(maps.Keys(runs)) {
		if i == mostRuns {
			break
		}
		out = append(out, other{report.Ask{Name: "training", At: at, Parameters: map[string]string{"run": run}}, fmt.Sprintf("training-%d", i+1)})
	}
	return out
}

// add adds a report under the name of its file.
func (c *contents) add(file string, doc *report.Document) {
	p := part{Document: doc, File: file}
	for i := range doc.Tables {
		p.Tables = append(p.Tables, table{&doc.Tables[i], file + "-" + doc.Tables[i].Name})
	}
	c.Parts = append(c.Parts, p)
}

// parts writes the reports: as JSON, and each table as CSV and JSON.
func (m *Maker) parts(z *writer, parts []part) error {
	for _, p := range parts {
		b, err := p.JSON()
		if err != nil {
			return err
		}
		z.put("reports/"+p.File+".json", b)
		for _, t := range p.Tables {
			var csv bytes.Buffer
			err := t.CSV(&csv)
			if err != nil {
				return err
			}
			z.put("tables/"+t.File+".csv", csv.Bytes())
			b, err := json.MarshalIndent(t.Table, "", " ")
			if err != nil {
				return fmt.Errorf("write the table %s: %w", t.File, err)
			}
			z.put("tables/"+t.File+".json", append(b, '\n'))
		}
	}
	return nil
}

// bundle is the project's records, as the caller may read them.
func (m *Maker) bundle(ctx context.Context, by schemas.Principal, project string, size int64) ([]byte, error) {
	q := audit.Query{At: size, Values: map[string]string{"project": project}}
	exporter := audit.AnOfficer
	if !by.Has(schemas.RoleOfficer) {
		q.About, exporter = string(by.Participant), string(by.Participant)
	}
	var b bytes.Buffer
	err := m.record.Export(ctx, bounded{&b, m.most}, q, exporter, func(r schemas.Record) schemas.Record { return policy.ShownRecord(by, r) })
	return b.Bytes(), err
}

// bounded holds what is written to it, and no more than most bytes: it refuses what would be more before it is held.
type bounded struct {
	*bytes.Buffer
	most int
}

// Write implements io.Writer. Errors: TooLarge.
func (w bounded) Write(b []byte) (int, error) {
	if w.Len()+len(b) > w.most {
		return 0, schemas.Errorf(schemas.TooLarge, "dossier", "the dossier is larger than %d bytes; take its reports and records apart", w.most)
	}
	return w.Buffer.Write(b) //nolint:wrapcheck // it cannot fail
}

// writer writes files of a zip, all as old as the record's last entry, until one fails.
type writer struct {
	zip *zip.Writer
	at  time.Time
	err error
}

func (z *writer) put(name string, b []byte) {
	if z.err != nil {
		return
	}
	out, err := z.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: z.at})
	if err == nil {
		_, err = out.Write(b)
	}
	if err != nil {
		z.err = fmt.Errorf("write the dossier: %w", err)
	}
}

// shown is a cell as a page shows it: numbers in groups of three, and nothing that turns directions.
func shown(c report.Cell) string {
	n, is := c.Number()
	if !is {
		return schemas.Visible(c.String())
	}
	s := fmt.Sprint(n)
	var out []string
	for len(s) > 3 && s[0] != '-' {
		out, s = append(out, s[len(s)-3:]), s[:len(s)-3]
	}
	slices.Reverse(out)
	return strings.Join(append([]string{s}, out...), "\u202f")
}
