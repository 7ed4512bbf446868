package report

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"guichet/schemas"
)

// Document is a report: what it says, of which record, and what it stands on.
type Document struct {
	Report     string     `json:"report"`
	Title      string     `json:"title"`
	Says       string     `json:"says"`
	Parameters []Argument `json:"parameters"`
	For        string     `json:"for,omitempty"` // the participant whose own it is; absent where it is of the whole record
	Checkpoint Checkpoint `json:"checkpoint"`
	Tables     []Table    `json:"tables"`
	Prompts    []Prompt   `json:"prompts,omitempty"`
	Notes      []string   `json:"notes,omitempty"`
	Records    Stands     `json:"records"`
}

// Argument is a parameter as it was given.
type Argument struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Checkpoint is the signed head of the record as at which a report is.
type Checkpoint struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"` // records
	Root   string `json:"root"` // base64
	Note   string `json:"note"` // the signed head itself [C2SP tlog-checkpoint]
	Last   string `json:"last"` // when the last of its records was written, RFC 3339
}

// Sources of a table.
const (
	OfRecord = "record"
	OfNow    = "now" // the catalogue as it is now: another day it may say something else
)

// Table is rows of cells, one for each column.
type Table struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Source  string   `json:"source"` // OfRecord or OfNow
	Columns []Column `json:"columns"`
	Rows    [][]Cell `json:"rows"`
	LeftOut int      `json:"left_out,omitempty"` // rows beyond those that were asked for
}

// Types of columns.
const (
	TypeText    = "text"
	TypeInteger = "integer"
	TypeDay     = "day" // YYYY-MM-DD, UTC
)

// Column says what stands below it.
type Column struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Type  string `json:"type"`
	Unit  string `json:"unit,omitempty"` // rows, bytes, streams, hours, records
}

// Prompt is what the record cannot know: whoever hands the report in fills it in.
type Prompt struct {
	ID   string `json:"id"`
	Part string `json:"part,omitempty"` // of the form that the law gives
	Text string `json:"text"`
}

// prompts are what the record cannot know, for every report: "REPORT.ID | part of the law's form | text" a line.
//
//go:embed prompts.txt
var prompts string

// promptsOf are those of a report.
func promptsOf(name string) (out []Prompt) {
	for line := range strings.Lines(prompts) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), " | ")
		if strings.HasPrefix(cells[0], name+".") {
			out = append(out, Prompt{cells[0], cells[1], cells[2]})
		}
	}
	return out
}

// Stands are the records that a report stands on, by their indices.
type Stands struct {
	Count   int64      `json:"count"`
	Ranges  [][2]int64 `json:"ranges"`             // first and last of each
	LeftOut int        `json:"left_out,omitempty"` // ranges beyond the first thousand
	Digest  string     `json:"digest"`             // SHA-256 over every index in decimal, each with a newline; hex
}

// Cell is a text, a whole number, or nothing.
type Cell struct {
	text   string
	number int64
	is     byte // 0 nothing, 't', 'n'
}

func text(s string) Cell {
	if s == "" {
		return Cell{}
	}
	return Cell{text: s, is: 't'}
}

func number(n int64) Cell { return Cell{number: n, is: 'n'} }

// String is the cell as people read it; "" where there is nothing.
func (c Cell) String() string {
	if c.is == 'n' {
		return strconv.FormatInt(c.number, 10)
	}
	return c.text
}

// Number is a cell's whole number; false where it is none.
func (c Cell) Number() (int64, bool) { return c.number, c.is == 'n' }

// MarshalJSON implements json.Marshaler: a string, a number, or null.
func (c Cell) MarshalJSON() ([]byte, error) {
	switch c.is {
	case 'n':
		return strconv.AppendInt(nil, c.number, 10), nil
	case 't':
		return json.Marshal(c.text)
	}
	return []byte("null"), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Cell) UnmarshalJSON(b []byte) error {
	*c = Cell{}
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if b[0] == '"' {
		c.is = 't'
		return json.Unmarshal(b, &c.text)
	}
	c.is = 'n'
	return json.Unmarshal(b, &c.number)
}

// JSON is the document's one form in bytes, with its newline.
func (d *Document) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	err := e.Encode(d)
	if err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return b.Bytes(), nil
}

// Table finds one by its name; where none is named the first, or of a sample what was drawn. Errors: Invalid.
func (d *Document) Table(name string) (*Table, error) {
	var names []string
	if name == "" && d.Report == "sample" {
		name = "sample" // what it was drawn from stands in front, and is one number
	}
	for i := range d.Tables {
		if name == "" || d.Tables[i].Name == name {
			return &d.Tables[i], nil
		}
		names = append(names, d.Tables[i].Name)
	}
	return nil, schemas.BadField("report", "table", "there is no table %q in this report; there are %s", name, strings.Join(names, ", "))
}

// Shorten leaves so many rows in each table.
func (d *Document) Shorten(rows int) {
	for i := range d.Tables {
		t := &d.Tables[i]
		if left := len(t.Rows) - rows; left > 0 {
			t.Rows, t.LeftOut = t.Rows[:rows], left
		}
	}
}

// CSV writes the table for spreadsheets: names of columns, then rows.
func (t *Table) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	line := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		line[i] = c.Name
	}
	err := out.Write(line)
	for _, row := range t.Rows {
		for i, c := range row {
			line[i] = c.String()
			if c.is == 't' {
				line[i] = Safe(c.text)
			}
		}
		if err == nil {
			err = out.Write(line)
		}
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// Safe is a text as a spreadsheet may have it: what would be run as a formula is quoted by an apostrophe,
// and what shows nothing is written by its code. Where numbers have a comma, as in French, spreadsheets part cells
// at semicolons, so what stands behind one is the beginning of a cell too.
func Safe(s string) string {
	s = schemas.Visible(s)
	if !formula.MatchString(s) {
		return s
	}
	return formula.ReplaceAllString(s, "$1'$2")
}

// formula is the beginning of a formula at that of a cell; in Japanese its sign may be a wide one.
var formula = regexp.MustCompile(`(^|;[ "]*)([=+\-@\t\r＝＋－＠])`)

// add puts a table into the document, with its columns, and its rows in the order in which they come.
func (d *Document) add(name, title, source, columns string, rows [][]Cell) {
	t := Table{Name: name, Title: title, Source: source, Rows: rows}
	for c := range strings.FieldsSeq(columns) {
		t.Columns = append(t.Columns, column(c))
	}
	if t.Rows == nil {
		t.Rows = [][]Cell{}
	}
	d.Tables = append(d.Tables, t)
}

// column is what a name means in every report.
func column(name string) Column {
	switch title := strings.ReplaceAll(name, "_", " "); name {
	case "rows", "bytes", "streams", "records", "hours":
		return Column{name, title, TypeInteger, name}
	case "rows_at_most", "bytes_at_most", "streams_at_most":
		unit, _, _ := strings.Cut(name, "_")
		return Column{name, unit + ", at most", TypeInteger, unit}
	case "first", "last", "asked_on", "answered_on", "granted_on", "until", "ended_on", "started_on", "day":
		return Column{name, strings.ReplaceAll(title, " on", ""), TypeDay, ""}
	case "record", "begin", "end":
		return Column{name, title, TypeInteger, ""}
	case "runs", "asked", "granted", "refused", "waiting", "refusals", "requests", "organisations", "number", "sensitive",
		"erasures", "within_a_year", "within_a_month":
		return Column{name, title, TypeInteger, ""}
	default:
		return Column{name, title, TypeText, ""}
	}
}
