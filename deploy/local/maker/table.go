package maker

import (
	"github.com/apache/arrow/go/v17/arrow"
)

// Formats of a table's shards; each is also the file ending.
const (
	formatArrow   = "arrow"
	formatParquet = "parquet"
	formatCSV     = "csv"
)

// Limits of a window [decisions.md 10].
const (
	maxWindowRows = 65536
	maxBatchBytes = 7 << 19 // 3.5 MiB of body
)

// table is one table: its columns and how a row comes about.
type table struct {
	name    string
	title   text
	format  string
	share   float64 // of the dataset's bytes
	fixed   int64   // rows of each split, whatever the size; for small ones
	splits  []split
	columns []column
	rows    func(s *shard) func(w *row, i int64) // i counts over all splits and shards of the table
}

// split is a named part of a table with its part of the rows.
type split struct {
	name  string
	share float64
}

func whole() []split     { return []split{{"all", 1}} }
func trainTest() []split { return []split{{"train", 0.8}, {"test", 0.2}} }

// column is one column. Text columns promise the most bytes of one value.
type column struct {
	name        string
	typ         arrow.DataType
	most        int // bytes of the longest text
	null        bool
	values      []string // the dictionary, for dictionary columns
	unit        string
	concept     string
	sensitivity string
	about       text
}

func (c column) in(unit string) column        { c.unit = unit; return c }
func (c column) of(concept string) column     { c.concept = concept; return c }
func (c column) maybe() column                { c.null = true; return c }
func (c column) private(how string) column    { c.sensitivity = how; return c }
func (c column) says(en, other string) column { c.about = text{"en": en, "de": other}; return c }
func num32(name string) column                { return column{name: name, typ: arrow.PrimitiveTypes.Float32} }
func num64(name string) column                { return column{name: name, typ: arrow.PrimitiveTypes.Float64} }
func int8s(name string) column                { return column{name: name, typ: arrow.PrimitiveTypes.Int8} }
func int16s(name string) column               { return column{name: name, typ: arrow.PrimitiveTypes.Int16} }
func int32s(name string) column               { return column{name: name, typ: arrow.PrimitiveTypes.Int32} }
func int64s(name string) column               { return column{name: name, typ: arrow.PrimitiveTypes.Int64} }
func flag(name string) column                 { return column{name: name, typ: arrow.FixedWidthTypes.Boolean} }
func day(name string) column                  { return column{name: name, typ: arrow.FixedWidthTypes.Date32} }
func instant(name string) column              { return column{name: name, typ: arrow.FixedWidthTypes.Timestamp_s} }
func words(name string, most int) column {
	return column{name: name, typ: arrow.BinaryTypes.String, most: most}
}
func coded(name string, values ...string) column {
	return column{name: name, values: values, typ: &arrow.DictionaryType{
		IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String,
	}}
}

// word is the column's type as dataset.yaml says it.
func (c *column) word() string {
	switch c.typ.ID() {
	case arrow.STRING, arrow.DICTIONARY:
		return "text"
	case arrow.DATE32:
		return "date"
	default:
		return c.typ.Name()
	}
}

// width is how many bytes of body one value takes: at most, and usually.
func (c *column) width() (most, usual float64) {
	switch typ := c.typ.(type) {
	case *arrow.StringType:
		most, usual = float64(c.most+4), float64(c.most)*0.8+4
	case *arrow.DictionaryType:
		most, usual = 2, 2
	case arrow.FixedWidthDataType:
		most = float64(typ.BitWidth()) / 8
		usual = most
	}
	if c.null {
		most, usual = most+0.125, usual+0.125
	}
	return most, usual
}

// usualRow is about how many bytes a row takes.
func (t *table) usualRow() float64 {
	var sum float64
	for i := range t.columns {
		_, usual := t.columns[i].width()
		sum += usual
	}
	return sum
}

// window is the most rows, a power of two, that surely fit one batch.
func (t *table) window() int64 {
	var row float64
	for i := range t.columns {
		most, _ := t.columns[i].width()
		row += most
	}
	padding := float64(len(t.columns) * 3 * 64) // three buffers a column
	n := int64(maxWindowRows)
	for n > 1 && float64(n)*row+padding > maxBatchBytes {
		n /= 2
	}
	return n
}

// schema carries no metadata, so that every shard has the same.
func (t *table) schema() *arrow.Schema {
	fields := make([]arrow.Field, len(t.columns))
	for i, c := range t.columns {
		fields[i] = arrow.Field{Name: c.name, Type: c.typ, Nullable: c.null}
	}
	return arrow.NewSchema(fields, nil)
}
