package shard

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
	"guichet/connectors/shard/csv"
	"guichet/connectors/shard/jsonl"
	"guichet/connectors/shard/webdataset"
	"guichet/schemas"
)

// PathColumn is a column that stands in the path of an object, as writers of partitioned
// tables leave it there: country=FI/part-0.parquet. It is plain data: it crosses to the
// child process as JSON.
type PathColumn struct {
	Name  string   `json:"name"`
	Value string   `json:"value"`
	Null  bool     `json:"null,omitempty"`
	Seen  csv.Seen `json:"seen"` // what the values in the paths of all objects of the table have shown
}

// hiveNull is how Hive and those after it write that a value is null.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

// PathColumns reads the columns in an object's path, percent-escapes decoded. Kind:
// Invalid.
func PathColumns(key string) ([]PathColumn, error) {
	var out []PathColumn
	folders := strings.Split(key, "/")
	for _, folder := range folders[:len(folders)-1] {
		name, value, is := strings.Cut(folder, "=")
		if !is || name == "" {
			continue
		}
		c := PathColumn{Name: unescaped(name), Value: unescaped(value), Null: value == hiveNull || value == ""}
		if c.Null {
			c.Value = ""
		}
		switch {
		case !utf8.ValidString(c.Name + c.Value):
			return nil, ipc.Invalid("the folder %q names a column whose name or value is not UTF-8", folder)
		case slices.ContainsFunc(out, func(o PathColumn) bool { return o.Name == c.Name }):
			return nil, ipc.Invalid("the column %q is given twice in the path", c.Name)
		}
		out = append(out, c)
	}
	return out, nil
}

// unescaped reads percent-escapes; a text with a bare per cent sign stays as it is.
func unescaped(s string) string {
	plain, err := url.PathUnescape(s)
	if err != nil {
		return s // a bare per cent sign
	}
	return plain
}

// JoinPaths tells the path columns of each object what the values of all have shown,
// so that they have one type. The objects' columns have the same names in the same order.
func JoinPaths(paths [][]PathColumn, fields []schemas.Field) {
	if len(paths) == 0 {
		return
	}
	for k := range paths[0] {
		c := csv.Column{Seen: csv.Seen{Name: paths[0][k].Name}}
		if i := slices.IndexFunc(fields, func(f schemas.Field) bool { return f.Name == c.Seen.Name }); i >= 0 {
			c.Declared = fields[i]
		}
		for _, p := range paths {
			if !p[k].Null {
				c.See(p[k].Value, 1)
			}
		}
		for _, p := range paths {
			p[k].Seen = c.Seen
		}
	}
}

// pathColumn is a path column with its type.
type pathColumn struct {
	csv.Column
	value string
	null  bool
	at    int            // its place among the file's columns; -1 where the path alone has it
	made  *column.Column // some rows of it
}

// madeRows is how many rows of a path column are made at once; more where a batch is longer.
const madeRows = 8192

// withPath adds the columns of the object's path to a source and its fields. Those that
// the file has too are compared.
func (c *conformer) withPath(src source, fields []arrow.Field) (source, []arrow.Field, []string, error) {
	if len(c.spec.Path) == 0 {
		return src, fields, nil, nil
	}
	s, out, notes := &pathSource{source: src}, slices.Clone(fields), []string{}
	for i := range c.spec.Path {
		p, err := c.pathColumn(&c.spec.Path[i])
		if err != nil {
			return nil, nil, nil, err
		}
		p.at = slices.IndexFunc(fields, func(f arrow.Field) bool { return f.Name == p.Name })
		if p.at >= 0 {
			p.Type = compared(fields[p.at].Type)
		}
		if err := p.make(madeRows); err != nil {
			return nil, nil, nil, err
		}
		if p.at >= 0 {
			notes = append(notes, fmt.Sprintf("column %q stands in the file and in its path; they were compared", p.Name))
			s.same = append(s.same, p)
			continue
		}
		notes = append(notes, fmt.Sprintf("column %q: %s (from the path)", p.Name, p.Type))
		s.more = append(s.more, p)
		out = append(out, arrow.Field{Name: p.Name, Type: p.Type, Nullable: true})
	}
	return s, out, notes, nil
}

func (c *conformer) pathColumn(from *PathColumn) (*pathColumn, error) {
	var want *ipc.Schema
	if !c.spec.Open {
		want = c.want
	}
	k, err := csv.NewColumn(from.Name, schemas.CSV{}, c.spec.Fields, want)
	if err != nil {
		return nil, err
	}
	p := &pathColumn{Column: *k, value: from.Value, null: from.Null}
	p.Seen = from.Seen
	return p, p.settlePath()
}

// settlePath fixes the type: as declared or as the table has it; else whole numbers are
// int64 and all other is text.
func (p *pathColumn) settlePath() (err error) {
	switch {
	case p.Declared.Type != "":
		p.Type, err = p.DeclaredType()
	case p.Type != nil:
	case p.Seen.WholeNumbers():
		p.Type = arrow.PrimitiveTypes.Int64
	default:
		p.Type = arrow.BinaryTypes.String
	}
	return err
}

// compared is the type in which a value of the path is held against the file's.
func compared(dt arrow.DataType) arrow.DataType {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		return column.CanonicalType(d.ValueType)
	}
	return column.CanonicalType(dt)
}

// make makes at least n rows of the column.
func (p *pathColumn) make(n int) error {
	if p.made != nil && p.made.Len >= n {
		return nil
	}
	b := array.NewBuilder(memory.NewGoAllocator(), p.Type)
	for range n {
		if p.null {
			b.AppendNull()
			continue
		}
		err := p.Put(b, p.value)
		if err != nil || p.Fixed && p.at < 0 && !p.Faithful(p.value) {
			return ipc.Invalid("column %q of the path: %q is not a value of type %s", p.Name, p.value, p.Type)
		}
	}
	a := b.NewArray()
	var err error
	p.made, err = column.FromArrow(a.Data(), map[arrow.ArrayData]*column.Column{})
	return err
}

// pathSource is a source with the columns of its path.
type pathSource struct {
	source
	more, same []*pathColumn
}

// Each compares the path columns that the file has too, and adds the others.
func (s *pathSource) Each(ctx context.Context, f func(batch.Rows) error) error {
	row := 0
	return s.source.Each(ctx, func(b batch.Rows) error {
		for _, p := range s.same {
			if err := p.equal(b, row); err != nil {
				return err
			}
		}
		row += b.Len
		b.Columns = slices.Clip(b.Columns)
		for _, p := range s.more {
			if err := p.make(b.Skip + b.Len); err != nil {
				return err
			}
			b.Columns = append(b.Columns, p.made)
		}
		return f(b)
	})
}

// Late is what the source says last.
func (s *pathSource) Late() []string {
	if l, ok := s.source.(interface{ Late() []string }); ok {
		return l.Late()
	}
	return nil
}

// equal holds a column of the file against the path's value.
func (p *pathColumn) equal(b batch.Rows, row int) error {
	c := b.Columns[p.at]
	// Compared as the same type: the path's text was read as the column's.
	for i := range b.Len {
		at, values := b.Skip+i, c
		null := c.IsNull(at)
		if c.Dictionary != nil && !null {
			at, values = int(c.Indices().Index(at)), c.Dictionary
			null = at < 0 || at >= values.Len || values.IsNull(at)
		}
		if null != p.null || !null && column.ValueKey(values, at) != column.ValueKey(p.made, 0) {
			says := fmt.Sprintf("%q", p.value)
			if p.null {
				says = "null"
			}
			return ipc.Invalid("row %d, column %q: its value is not that of the path, %s", row+i, p.Name, says)
		}
	}
	return nil
}

// pathFields are the fields that the paths of a table's objects add to those of the files.
func pathFields(spec Spec, have []arrow.Field) ([]arrow.Field, error) {
	c := &conformer{spec: spec}
	for i := range spec.Path {
		p, err := c.pathColumn(&spec.Path[i])
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(have, func(f arrow.Field) bool { return f.Name == p.Name }) {
			have = append(have, arrow.Field{Name: p.Name, Type: p.Type, Nullable: true})
		}
	}
	return have, nil
}

// SchemaOfTexts gives the schema message of a table of CSV files, of JSON lines or of tars, by what they
// have shown together, and what is declared. Kind: Invalid.
func SchemaOfTexts(spec Spec) ([]byte, error) {
	var fields []arrow.Field
	var err error
	switch {
	case spec.Shape != nil:
		fields, err = spec.Shape.Fields()
	case spec.Members != nil:
		fields, err = webdataset.Fields(spec.Members)
	default:
		fields, err = csv.Fields(spec.csv())
	}
	if err != nil {
		return nil, err
	}
	if fields, err = pathFields(spec, fields); err != nil {
		return nil, err
	}
	p, err := newPlan(fields, nil, nil)
	if err != nil {
		return nil, err
	}
	return p.schema.Encode(), nil
}

// tar is the part of a spec that speaks of tars.
func (s Spec) tar() webdataset.Options {
	o := webdataset.Options{Open: s.Open, Seen: s.Members}
	for i := range s.Path {
		o.Beside = append(o.Beside, s.Path[i].Name)
	}
	return o
}

// json is the part of a spec that speaks of JSON lines.
func (s Spec) json() jsonl.Options {
	o := jsonl.Options{Name: s.Name, Open: s.Open, Seen: s.Shape}
	for i := range s.Path {
		o.Beside = append(o.Beside, s.Path[i].Name)
	}
	return o
}

// csv is the part of a spec that speaks of CSV.
func (s Spec) csv() csv.Options {
	return csv.Options{Name: s.Name, Dialect: s.CSV, Fields: s.Fields, Open: s.Open, Seen: s.Seen}
}
