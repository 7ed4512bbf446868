package csv

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// Source reads a CSV file twice: once to settle types over all rows, once
// (or more) for the values.
type Source struct {
	data    []byte // UTF-8
	delim   byte
	dialect schemas.CSV
	columns []*Column
	nulls   map[string]bool
	Notes   []string
	told    []string // of several columns at once
	name    string
	own     []Seen         // by column: what this file has shown
	first   int            // lines before the header: those of sep=
	quoted  map[int]string // by column: what stood in quotes and is null
	utf8    bool           // all of data is; then no cell need be looked at
}

const (
	maxRows     = 16_384 // rows of a batch, at most
	maxBytes    = 2 << 20
	maxRagged   = 10 // lines named in an error
	maxCellText = 40 // bytes of a cell shown in an error
)

// Options say how one file is to be read.
type Options struct {
	Name    string          // the object's key, for errors
	Dialect *schemas.CSV    // nil where nothing is declared
	Fields  []schemas.Field // declared columns
	Open    bool            // the table's schema does not bind undeclared columns: their types follow from Seen and the file
	Seen    []Seen          // what the table's other files have shown
}

func (o Options) dialect() schemas.CSV {
	if o.Dialect == nil {
		return schemas.CSV{}
	}
	return *o.Dialect
}

// Open settles dialect and types. want gives the types that the table's published
// shards have, nil where there are none; where it is open, what the table's other files
// have shown counts as the file's own.
func Open(ctx context.Context, data []byte, spec Options, want *ipc.Schema) (*Source, error) {
	s := &Source{name: spec.Name, nulls: map[string]bool{"": true}, dialect: spec.dialect()}
	for _, n := range s.dialect.Null {
		s.nulls[n] = true
	}
	var enc, delim string
	var err error
	if s.data, enc, err = decodeText(data, s.dialect.Encoding); err != nil {
		return nil, err
	}
	s.utf8 = utf8.Valid(s.data)
	var said byte
	if s.data, said = sepLine(s.data); said != 0 {
		s.first++
	}
	if s.delim, delim, err = findDelimiter(s.data, &s.dialect); err != nil {
		return nil, err
	}
	switch {
	case said != 0 && s.dialect.Delimiter == "":
		s.delim, delim = said, fmt.Sprintf("delimiter %q (the first line says so, and is not data)", string(said))
	case said != 0:
		delim += fmt.Sprintf("; the first line, sep=%s, is not data", string(said))
	}
	s.Notes = append(s.Notes, "CSV: "+enc+", "+delim+s.dialectNote())
	sc := s.scanner()
	if spec.Open {
		want = nil
	}
	if err := s.header(sc, spec.Fields, want); err != nil {
		return nil, err
	}
	if err := s.sameNames(spec.Seen); err != nil {
		return nil, err
	}
	if err := s.look(ctx, sc); err != nil {
		return nil, err
	}
	s.sights()
	s.own = make([]Seen, len(s.columns))
	for i, c := range s.columns {
		s.own[i] = c.Seen
		if len(spec.Seen) > 0 {
			c.Seen = spec.Seen[i]
			c.Seen.join(&s.own[i])
		}
	}
	if err := s.settle(); err != nil {
		return nil, err
	}
	for i, c := range s.columns {
		if word, is := s.quoted[i]; is && c.Type.ID() == arrow.STRING {
			s.Notes = append(s.Notes, fmt.Sprintf("column %q: %q in quotes is read as null, as without them", c.Name, word))
		}
	}
	return s, nil
}

// sameNames refuses a file whose columns are not those of the table's other files.
func (s *Source) sameNames(others []Seen) error {
	if len(others) == 0 {
		return nil
	}
	names := func(n int, name func(i int) string) []arrow.Field {
		fields := make([]arrow.Field, n)
		for i := range fields {
			fields[i] = arrow.Field{Name: name(i), Type: arrow.Null}
		}
		return fields
	}
	return column.CheckFields(names(len(others), func(i int) string { return others[i].Name }), names(len(s.columns),
		func(i int) string { return s.columns[i].Name }))
}

// Seen is what the file's own values have shown, without those of other files.
func (s *Source) Seen() []Seen {
	for i := range s.own {
		for _, e := range []**Example{&s.own[i].Comma, &s.own[i].Point, &s.own[i].Group} {
			if *e != nil {
				named := **e
				named.File = path.Base(s.name)
				*e = &named
			}
		}
	}
	return s.own
}

// dialectNote says in words what is declared.
func (s *Source) dialectNote() string {
	var b strings.Builder
	if d := s.dialect.DecimalChar; d != "" {
		fmt.Fprintf(&b, ", decimal mark %q", d)
	}
	if g := s.dialect.GroupChar; g != "" {
		fmt.Fprintf(&b, ", digit groups %q", g)
	}
	if s.dialect.NoHeader {
		b.WriteString(", no header")
	}
	for _, n := range s.dialect.Null {
		fmt.Fprintf(&b, ", %q is null", n)
	}
	return b.String()
}

// header names the columns and leaves sc before the first row.
func (s *Source) header(sc *scanner, fields []schemas.Field, want *ipc.Schema) error {
	start := *sc
	ok, err := sc.scan()
	if err != nil {
		return err
	}
	if !ok || sc.blank {
		return ipc.Invalid("the first line is empty; a header is expected")
	}
	if len(sc.fields) > column.MaxColumns {
		return ipc.Invalid("line %d has %d fields; at most %d columns are read", sc.line, len(sc.fields), column.MaxColumns)
	}
	seen, named := map[string]bool{}, 0
	for i, cell := range sc.fields {
		name := string(cell)
		if name != "" {
			named++
		}
		switch {
		case s.dialect.NoHeader && i < len(fields):
			name = fields[i].Name
		case s.dialect.NoHeader:
			name = fmt.Sprintf("column_%d", i+1)
		case name == "":
			name = fmt.Sprintf("column_%d", i+1)
			s.Notes = append(s.Notes, fmt.Sprintf("column %d has no name in the header and is called %q", i+1, name))
		case !utf8.ValidString(name):
			return ipc.Invalid("line %d: the header is not UTF-8; declare csv.encoding", sc.line)
		}
		if seen[name] {
			return ipc.Invalid("line %d: two columns are called %q", sc.line, name)
		}
		seen[name] = true
		c, err := NewColumn(name, s.dialect, fields, want)
		if err != nil {
			return err
		}
		s.columns = append(s.columns, c)
	}
	if n := len(sc.fields); named == 1 && n > 1 && len(sc.fields[0]) > 0 && !s.dialect.NoHeader { // pandas leaves the first name out
		s.Notes = append(s.Notes, fmt.Sprintf("line %d has 1 name for %d columns: where it is a title, remove it from the file", sc.line, n))
	}
	if s.dialect.NoHeader {
		*sc = start
		sc.fields = nil
	}
	return nil
}

// NewColumn is a column of a file before any value is read: what is declared of it, and
// the type that want, the schema of the table's other shards, has for it.
func NewColumn(name string, dialect schemas.CSV, fields []schemas.Field, want *ipc.Schema) (*Column, error) {
	c := &Column{Name: name, decimal: dialect.DecimalChar, group: dialect.GroupChar, Seen: Seen{Name: name}}
	if i := slices.IndexFunc(fields, func(f schemas.Field) bool { return f.Name == name }); i >= 0 {
		c.Declared = fields[i]
	}
	if c.Declared.Format != "" {
		var err error
		if c.layout, err = goLayout(c.Declared.Format); err != nil {
			return nil, ipc.Invalid("column %q: the format %q: %w", name, c.Declared.Format, err)
		}
	}
	if want == nil {
		return c, nil
	}
	if i := want.Arrow.FieldIndices(name); len(i) == 1 {
		has := want.Arrow.Field(i[0]).Type
		switch {
		case c.Declared.Type == "":
			c.Type, c.Fixed = has, true
		case c.Declared.Type == "decimal" && has.ID() == arrow.DECIMAL128, c.Declared.Type == "timestamp" && has.ID() == arrow.TIMESTAMP,
			c.Declared.Type == "time" && (has.ID() == arrow.TIME64 || has.ID() == arrow.TIME32):
			c.Type = has
		}
	}
	return c, nil
}

// look reads all rows once: every line must have the header's fields, every column
// shows what its values are.
func (s *Source) look(ctx context.Context, sc *scanner) error {
	var ragged []string
	bad, blank := 0, 0
	sc.isNull, sc.quoted = s.null, map[int]string{}
	s.quoted = sc.quoted
	for {
		ok, err := sc.scan()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if sc.blank && len(s.columns) > 1 {
			blank++
			continue
		}
		if blank > 0 {
			return ipc.Invalid("line %d: there are %d empty lines before it", sc.line, blank)
		}
		if len(sc.fields) != len(s.columns) {
			if bad++; bad <= maxRagged {
				ragged = append(ragged, fmt.Sprintf("line %d has %d", sc.line, len(sc.fields)))
			}
			continue
		}
		if err := s.see(sc); err != nil {
			return err
		}
		if sc.line%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if bad > 0 {
		return ipc.Invalid("%d lines do not have the %d fields of the first line: %s", bad, len(s.columns), strings.Join(ragged, ", "))
	}
	if blank > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d empty lines at the end left out", blank))
	}
	return nil
}

// null says whether a cell is null, as it stands in the file: quotes make no difference.
func (s *Source) null(cell []byte) bool {
	if len(s.nulls) == 1 || len(cell) == 0 { // the empty text is in any case
		return len(cell) == 0
	}
	return s.nulls[string(cell)]
}

// see shows the columns the cells of one record. A value is bounded here, before rows of it
// are held.
func (s *Source) see(sc *scanner) error {
	for i, cell := range sc.fields {
		if len(cell) > column.MaxValue {
			return ipc.Invalid("line %d, column %q: a value of %d bytes; one has at most %d (64 MiB): keep it in a file of its own and "+
				"its address in the column", sc.line, s.columns[i].Name, len(cell), int64(column.MaxValue))
		}
		if !s.utf8 && !utf8.Valid(cell) {
			return ipc.Invalid("line %d, column %q: bytes that are not UTF-8; declare csv.encoding, e.g. windows-1252", sc.line, s.columns[i].Name)
		}
		if !s.null(cell) {
			s.columns[i].See(textOf(cell), sc.line)
		}
	}
	return nil
}

// Fields are the columns as settled; every one may be null.
func (s *Source) Fields() []arrow.Field {
	out := make([]arrow.Field, len(s.columns))
	for i, c := range s.columns {
		out[i] = arrow.Field{Name: c.Name, Type: c.Type, Nullable: true}
	}
	return out
}

// Each gives the rows in batches.
func (s *Source) Each(ctx context.Context, f func(batch.Rows) error) error {
	sc := s.scanner()
	if !s.dialect.NoHeader {
		if _, err := sc.scan(); err != nil {
			return err
		}
	}
	rb := array.NewRecordBuilder(memory.NewGoAllocator(), arrow.NewSchema(s.Fields(), nil))
	rows, first, start := 0, 0, sc.pos
	flush := func() error {
		if rows == 0 {
			return nil
		}
		b, err := batch.RowsOf(rb.NewRecord())
		if err != nil {
			return err
		}
		b.Where = fmt.Sprintf("lines from %d on", first)
		rows, start = 0, sc.pos
		return f(b)
	}
	for {
		ok, err := sc.scan()
		if err != nil {
			return err
		}
		if !ok {
			return flush()
		}
		if sc.blank && len(s.columns) > 1 {
			continue
		}
		if rows == 0 {
			first = sc.line
		}
		if err := s.append(rb, sc); err != nil {
			return err
		}
		if rows++; rows < maxRows && sc.pos-start < maxBytes {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := flush(); err != nil {
			return err
		}
	}
}

// Late says what writing the values has shown.
func (s *Source) Late() (notes []string) {
	for _, c := range s.columns {
		if c.rounded > 0 {
			notes = append(notes, fmt.Sprintf("column %q: values with more digits than %s holds, as declared: %d; the first: %s", c.Name,
				c.Type, c.rounded, c.first))
		}
	}
	return notes
}

// append puts the cells of one record down as values. Types were settled over all rows, so a
// value that does not fit is one of a declared column, or of a table whose types stand.
func (s *Source) append(rb *array.RecordBuilder, sc *scanner) error {
	for i, cell := range sc.fields {
		b, c := rb.Field(i), s.columns[i]
		if s.null(cell) {
			b.AppendNull()
			continue
		}
		if err := c.Put(b, textOf(cell)); err != nil {
			return ipc.Invalid("line %d, column %q: %s is not a value of type %s%s", sc.line, c.Name, strconv.Quote(example(string(cell),
				0).Text), c.Type, c.because(err, textOf(cell)))
		}
		if c.Fixed && !c.Faithful(textOf(cell)) {
			return ipc.Invalid("line %d, column %q: %s would not read back as written from %s, the type that the table has; declare a "+
				"type for the column, or publish a whole version", sc.line, c.Name, strconv.Quote(example(string(cell), 0).Text), c.Type)
		}
	}
	return nil
}
