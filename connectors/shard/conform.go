package shard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
	"guichet/connectors/shard/csv"
	"guichet/connectors/shard/jsonl"
	"guichet/connectors/shard/parquet"
	"guichet/connectors/shard/webdataset"
	"guichet/schemas"
)

// Format is the sort of file that a shard comes as.
type Format string

// The formats that are read. The empty one means: found by magic and name.
const (
	FormatArrowFile   Format = "arrow-file"
	FormatArrowStream Format = "arrow-stream"
	FormatParquet     Format = "parquet"
	FormatCSV         Format = "csv"
	FormatJSON        Format = "json-lines"
	FormatTar         Format = "webdataset"
)

// Spec says how one object is to be read. It is plain data: it crosses to the
// child process as JSON.
type Spec struct {
	Format     Format            `json:"format,omitempty"`
	Name       string            `json:"name,omitempty"`        // the object's key, for its suffix and for errors
	CSV        *schemas.CSV      `json:"csv,omitempty"`         // dialect, where the object is CSV
	Fields     []schemas.Field   `json:"fields,omitempty"`      // declared columns, for CSV
	WindowRows int64             `json:"window_rows,omitempty"` // rows per window; 0 chooses it from the first rows
	Schema     []byte            `json:"schema,omitempty"`      // schema message that the shard must have; nil for the first of a table
	Open       bool              `json:"open,omitempty"`        // of CSV: Schema binds declared columns alone; Seen and the file the others. Of JSON lines: it binds none
	Seen       []csv.Seen        `json:"seen,omitempty"`        // what the table's other CSV files have shown
	Shape      *jsonl.Shape      `json:"shape,omitempty"`       // what its other files of JSON lines have
	Members    []webdataset.Seen `json:"members,omitempty"`     // what its other tars have
	Path       []PathColumn      `json:"path,omitempty"`        // columns that stand in the object's path
}

// Report says what was found and, where the input does not conform, what was
// written instead.
type Report struct {
	Conforms     bool                  `json:"conforms"` // the input may stay where it is; nothing was written
	Format       Format                `json:"format"`
	Rows         int64                 `json:"rows"`
	Size         int64                 `json:"size"`                 // bytes of the input
	SHA256       string                `json:"sha256"`               // hex, of the input
	OutSize      int64                 `json:"out_size,omitempty"`   // bytes written
	OutSHA256    string                `json:"out_sha256,omitempty"` // hex, of what was written
	Dictionaries []schemas.Block       `json:"dictionaries,omitempty"`
	Batches      []schemas.Block       `json:"batches"` // of the input where it conforms, else of what was written
	Schema       []byte                `json:"schema"`  // canonical schema message, also where the input's own differs in bytes
	Columns      []schemas.TableColumn `json:"columns"`
	WindowRows   int64                 `json:"window_rows"`
	Notes        []string              `json:"notes,omitempty"`   // choices made: types, dialect, conversions
	Seen         []csv.Seen            `json:"seen,omitempty"`    // of CSV: what the columns have shown, for JoinCSV
	Shape        *jsonl.Shape          `json:"shape,omitempty"`   // of JSON lines: what their values have shown, for JoinJSON
	Members      []webdataset.Seen     `json:"members,omitempty"` // of tars: what their members have shown, for JoinTar
}

// Conform reads an object of size bytes once and whole. Where it obeys every
// rule of decisions.md 10 the report says Conforms and gives the places of its
// messages; else the same rows are written to out as a canonical Arrow IPC
// file. It trusts nothing in the input, yet runs decoders (Parquet) that can
// crash or ask for any memory: call it in the child of connectors/sandbox.
// Kinds: Invalid (the object is wrong; the message says where), TooLarge;
// cancelled contexts give ctx's error.
func Conform(ctx context.Context, in *os.File, size int64, spec Spec, out *os.File) (r Report, err error) {
	defer func() {
		if recover() != nil { // a decoder's panic tells nobody anything
			err = ipc.Invalid("the file is damaged: its parts contradict each other")
		}
		if e, ok := err.(*schemas.Error); ok && e.Subject == "" {
			e.Subject = spec.Name
		}
	}()
	data, done, err := mapFile(in, size)
	if err != nil {
		return r, err
	}
	defer done()
	c := &conformer{ctx: ctx, data: data, spec: spec, out: out}
	// The digest is of the bytes that are read here, so whoever compares it knows that no others
	// were: the object may change while it is published.
	sum := sha256.Sum256(data)
	c.report.Size, c.report.SHA256 = size, hex.EncodeToString(sum[:])
	if spec.WindowRows < 0 || spec.WindowRows > maxWindow || spec.WindowRows&(spec.WindowRows-1) != 0 {
		return r, ipc.Invalid("%d rows per window; a power of two up to %d is wanted", spec.WindowRows, maxWindow)
	}
	if len(spec.Schema) > 0 {
		if c.want, err = ipc.ParseSchema(spec.Schema); err != nil {
			return r, err
		}
	}
	if c.report.Format, err = detect(data, spec); err != nil {
		return r, err
	}
	if err := c.run(); err != nil {
		return r, err
	}
	return c.report, nil
}

// conformer is one run of Conform.
type conformer struct {
	ctx    context.Context //nolint:containedctx // lives for one call
	data   []byte
	spec   Spec
	want   *ipc.Schema
	out    *os.File
	report Report
	media  map[string]string // of columns of files
}

func (c *conformer) run() error {
	switch c.report.Format {
	case FormatArrowFile:
		in, err := openFile(c.data)
		if err != nil {
			return err
		}
		return c.arrow(in)
	case FormatArrowStream:
		in, err := openStream(c.data)
		if err != nil {
			return err
		}
		return c.arrow(in)
	case FormatCSV:
		src, err := csv.Open(c.ctx, c.data, c.spec.csv(), c.want)
		if err != nil {
			return err
		}
		c.report.Seen = src.Seen()
		if c.spec.Open {
			c.want = nil
		}
		return c.convert(src, src.Fields(), src.Notes)
	case FormatJSON:
		src, err := jsonl.Open(c.ctx, c.data, c.spec.json(), c.want)
		if err != nil {
			return err
		}
		c.report.Shape = src.Seen()
		if c.spec.Open {
			c.want = nil
		}
		return c.convert(src, src.Fields(), nil)
	case FormatTar:
		src, err := webdataset.Open(c.ctx, c.data, c.spec.tar(), c.want)
		if err != nil {
			return err
		}
		c.report.Members, c.media = src.Seen(), webdataset.MediaTypes(src.Fields())
		if c.spec.Open {
			c.want = nil
		}
		return c.convert(src, src.Fields(), src.Notes)
	case FormatParquet:
		src, err := parquet.Open(c.ctx, c.data, c.want)
		if err != nil {
			return err
		}
		fields, notes := src.Fields()
		return c.convert(src, fields, notes)
	}
	return ipc.Invalid("files of the format %q are not read", c.report.Format)
}

// convert writes a source that is not Arrow IPC.
func (c *conformer) convert(src source, fields []arrow.Field, notes []string) error {
	src, fields, added, err := c.withPath(src, fields)
	if err != nil {
		return err
	}
	p, err := newPlan(fields, nil, c.want)
	if err != nil {
		return err
	}
	p.notes = slices.Concat(notes, added, p.notes)
	return c.rewrite(src, p, c.spec.WindowRows)
}

func (c *conformer) arrow(in *arrowInput) error {
	own := in.schema.Arrow.Fields()
	src, fields, notes, err := c.withPath(in, own)
	if err != nil {
		return err
	}
	more := len(fields) - len(own)
	p, err := newPlan(fields, append(in.dictionaries(), make([][]*column.Column, more)...), c.want)
	if err != nil {
		return err
	}
	p.notes = slices.Concat(notes, ipc.MetadataNote(slices.Concat(in.schema.SchemaKeys, in.schema.ColumnKeys)), p.notes)
	n := c.spec.WindowRows
	if n == 0 {
		if n, err = p.windowRows(c.ctx, src); err != nil {
			return err
		}
	}
	why := in.nonCanonical
	if more > 0 {
		why = "columns of its path are added"
	} else if len(notes) > 0 { // to compare them
		if err := src.Each(c.ctx, func(batch.Rows) error { return nil }); err != nil {
			return err
		}
	}
	if why == "" && !ipc.EqualNodes(in.schema.Top, p.schema.Top) {
		why = "its schema is not in canonical form"
	}
	if why == "" {
		if why, err = c.conforms(in, p, n); err != nil || why == "" {
			return err
		}
	}
	p.notes = append(p.notes, "rewritten: "+why)
	return c.rewrite(src, p, n)
}

// conforms compares every message of a file whose envelope is canonical with its canonical
// form, and says why the file cannot stay as it is; empty where it can. A provider whose
// writer is canonical, as ours is, keeps its files where they are, and nothing is copied.
func (c *conformer) conforms(in *arrowInput, p *plan, window int64) (why string, err error) {
	dicts := map[int64]*column.Column{}
	cut := cutChecker{window: window, limit: p.limit}
	r := &c.report
	schema := len(p.schema.Encode())
	if int(in.schemaAt.Meta) > metaAllowance(schema) || in.footer > metaAllowance(schema+24*len(in.entries)) {
		return "its schema or footer has bytes that nothing refers to", nil
	}
	for _, e := range in.entries {
		if err := c.ctx.Err(); err != nil {
			return "", err
		}
		m, body, err := in.message(e)
		if err != nil {
			return "", err
		}
		name := fmt.Sprintf("batch %d", len(r.Batches))
		switch {
		case m.Custom || m.Compressed:
			return name + " is compressed or has metadata of its own", nil
		case e.kind == ipc.KindDictionary:
			if e.id != int64(len(dicts)) || m.IsDelta || len(r.Batches) > 0 {
				return fmt.Sprintf("dictionary %d is not in its place before the first batch", e.id), nil
			}
			if why := p.sameDictionary(&m, body, e); why != "" {
				return fmt.Sprintf("dictionary %d: %s", e.id, why), nil
			}
			dicts[e.id] = e.dict
			e.at.Sum = ipc.Sum(c.data[e.at.Offset:][:e.at.Len()])
			r.Dictionaries = append(r.Dictionaries, e.at)
			continue
		}
		if why, err = p.sameRecord(&m, body, e, dicts, &cut, r.Rows); err != nil {
			return "", ipc.Invalid("%s at byte %d: %w", name, e.at.Offset, err)
		}
		if why != "" {
			return name + ": " + why, nil
		}
		if e.at.Columns, err = batch.ColumnBytes(p.spans, m.Buffers); err != nil {
			return "", err
		}
		e.at.Sum = ipc.Sum(c.data[e.at.Offset:][:e.at.Len()])
		r.Batches = append(r.Batches, e.at)
		r.Rows += m.Rows
	}
	if len(dicts) != p.dictionaries() {
		return "a dictionary is missing", nil
	}
	r.Conforms, r.WindowRows = true, window
	c.describe(p)
	return "", nil
}

func (p *plan) dictionaries() (n int) {
	for _, dm := range p.maps {
		if dm.Dictionary != nil {
			n++
		}
	}
	return n
}

// sameDictionary says why a dictionary message is not canonical.
func (p *plan) sameDictionary(m *ipc.Message, body []byte, e entry) string {
	for i, nd := range p.schema.Top {
		dm := p.maps[i]
		if nd.DictionaryID != e.id || dm.Dictionary == nil || len(dm.Remap) > 0 {
			continue
		}
		want := batch.DictionaryMessage(e.id, dm.Dictionary)
		if int(e.at.Meta) > metaAllowance(len(want.Meta)) || m.Rows != int64(dm.Dictionary.Len) {
			return "its metadata has bytes that nothing refers to"
		}
		nodes, bufs := dm.Dictionary.Layout(nil, nil)
		return difference(m, body, nodes, bufs)
	}
	return "no column of the table uses it"
}

// metaAllowance is the metadata that other writers may need where ours needs n bytes:
// they order tables and pad otherwise. More could hide something.
func metaAllowance(n int) int { return n + n/4 + 128 }

// sameRecord says why a record batch, whose first row is first, is not canonical and
// cut right.
func (p *plan) sameRecord(m *ipc.Message, body []byte, e entry, dicts map[int64]*column.Column, cut *cutChecker,
	first int64) (string, error) {
	cols, err := batch.Decode(m, body, p.schema.Top, dicts, nil)
	if err != nil {
		return "", err
	}
	runs, size := make([][]column.Run, len(cols)), int64(0)
	for i, k := range cols {
		runs[i] = []column.Run{{Column: k, Len: k.Len}}
		n, err := p.size(i, runs[i])
		if err != nil {
			return "", err
		}
		size += n
	}
	if !cut.batch(m.Rows, size) {
		return fmt.Sprintf("%d rows (%d bytes) do not fit windows of %d rows or messages of 3.5 MiB", m.Rows, size, cut.window), nil
	}
	canonical, err := p.build(runs, first)
	if err != nil {
		return "", err
	}
	var nodes []ipc.NodeRef
	var bufs [][]byte
	for _, k := range canonical {
		nodes, bufs = k.Layout(nodes, bufs)
	}
	if int(e.at.Meta) > metaAllowance(256+16*(len(nodes)+len(bufs))) {
		return "its metadata has bytes that nothing refers to", nil
	}
	return difference(m, body, nodes, bufs), nil
}

// rewrite writes all rows of src as a canonical file.
func (c *conformer) rewrite(src source, p *plan, window int64) error {
	w := newFileWriter(c.out, int64(len(c.data)))
	r := &c.report
	r.Dictionaries, r.Batches, r.Rows = nil, nil, 0
	w.start(p.schema.Encode())
	for i, dm := range p.maps {
		if dm.Dictionary != nil {
			r.Dictionaries = append(r.Dictionaries, w.message(batch.DictionaryMessage(p.schema.Top[i].DictionaryID, dm.Dictionary), 0))
		}
	}
	cut := &cutter{plan: p, window: window, left: window}
	cut.emit = func(cols []*column.Column, rows int) error {
		m := batch.RecordMessage(cols, rows)
		at := w.message(m, int64(rows))
		var err error
		if at.Columns, err = batch.ColumnBytes(p.spans, m.Refs); err != nil {
			return err
		}
		r.Batches = append(r.Batches, at)
		r.Rows += int64(rows)
		return w.err
	}
	if err := src.Each(c.ctx, cut.add); err != nil {
		return err
	}
	if err := cut.finish(); err != nil {
		return err
	}
	if s, ok := src.(interface{ Late() []string }); ok {
		p.notes = append(p.notes, s.Late()...)
	}
	if len(cut.oversizeRows) > 0 {
		p.notes = append(p.notes, oversizeNote(cut.oversizeRows))
	}
	r.WindowRows = cut.window
	if r.WindowRows == 0 {
		r.WindowRows = maxWindow
	}
	c.describe(p)
	var err error
	r.OutSize, r.OutSHA256, err = w.finish(r.Schema, r.Dictionaries, r.Batches)
	return err
}

func (c *conformer) describe(p *plan) {
	c.report.Schema = p.schema.Encode()
	c.report.Columns = p.schema.TableColumns()
	for i := range c.report.Columns {
		c.report.Columns[i].MediaType = c.media[c.report.Columns[i].Name]
	}
	c.report.Notes = append(c.report.Notes, p.notes...)
	if c.report.Batches == nil {
		c.report.Batches = []schemas.Block{}
	}
}

// detect finds the format by the first bytes, then by the name.
func detect(data []byte, spec Spec) (Format, error) {
	if spec.Format != "" {
		return spec.Format, nil
	}
	if len(data) == 0 {
		return "", ipc.Invalid("the file is empty")
	}
	ext := strings.ToLower(path.Ext(spec.Name))
	if name := strings.TrimSuffix(strings.ToLower(spec.Name), ".gz"); strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".ndjson") {
		return FormatJSON, nil
	}
	if len(data) > 262 && string(data[257:262]) == "ustar" || ext == ".tar" {
		return FormatTar, nil
	}
	for _, m := range []struct{ magic, what string }{
		{"\x1f\x8b", "gzip"}, {"\x28\xb5\x2f\xfd", "Zstandard"}, {"PK\x03\x04", "ZIP"}, {"BZh", "bzip2"}, {"\xfd7zXZ", "xz"},
	} {
		if strings.HasPrefix(string(data[:min(8, len(data))]), m.magic) {
			return "", ipc.Invalid("the file is packed with %s; upload it unpacked", m.what)
		}
	}
	switch {
	case ext == ".json":
		return "", ipc.Invalid("a .json file may be one document or many: where it is one object on each line, name it .jsonl; else publish it " +
			"as it is, in a table of objects (guichet publish --objects)")
	case bytes.HasPrefix(data, []byte(ipc.Magic)):
		return FormatArrowFile, nil
	case bytes.HasPrefix(data, []byte("PAR1")), bytes.HasPrefix(data, []byte("PARE")):
		return FormatParquet, nil
	case bytes.HasPrefix(data, []byte("FEA1")):
		return "", ipc.Invalid("Feather version 1 is not read; write it as an Arrow IPC file")
	case bytes.HasPrefix(data, []byte{255, 255, 255, 255}), ext == ".arrows", ext == ".stream":
		return FormatArrowStream, nil
	case spec.CSV != nil, ext == ".csv", ext == ".tsv", ext == ".tab", ext == ".txt":
		return FormatCSV, nil
	case ext == ".arrow", ext == ".feather", ext == ".ipc":
		return "", ipc.Invalid("the file is not an Arrow IPC file: it does not begin with %s", ipc.Magic)
	case ext == ".parquet":
		return "", ipc.Invalid("the file is not a Parquet file: it does not begin with PAR1")
	}
	return "", fmt.Errorf("detect the format: %w", ipc.Invalid("neither the first bytes nor the name %q say what the file is; "+
		"Arrow IPC (.arrow, .arrows), Parquet (.parquet), CSV (.csv, .tsv), JSON lines (.jsonl, .ndjson) and WebDataset (.tar) are read; "+
		"a file that holds no rows is published as it is, in a table of objects (guichet publish --objects)", path.Base(spec.Name)))
}
