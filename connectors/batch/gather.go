package batch

import (
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// Part is N rows of Record from row From on, both counted in rows.
type Part struct {
	Record  arrow.Record
	From, N int64
}

// Gather makes one canonical record of the parts' rows, in order; the parts
// have equal schemas. It copies. Dictionary columns whose parts share one
// dictionary keep it; others get a joined one. With compact every dictionary
// holds only values that the rows use, in the order of their first use. Kind:
// Invalid.
func Gather(parts []Part, compact bool) (arrow.Record, error) {
	g, err := Collect(parts, compact)
	if err != nil {
		return nil, err
	}
	return g.Record(), nil
}

// Gathered are gathered rows before they are a record or a message, so that columns can be
// replaced without a copy in between. Not safe for concurrent use.
type Gathered struct {
	fields []arrow.Field
	cols   []*column.Column
	rows   int64
	dicts  map[*column.Column]arrow.ArrayData // dictionaries that came from arrow
}

// Collect is Gather's first half. Kind: Invalid.
func Collect(parts []Part, compact bool) (g *Gathered, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ipc.Invalid("the rows cannot be gathered: %v", p)
		}
	}()
	if len(parts) == 0 {
		return nil, ipc.Invalid("no rows to gather")
	}
	g = &Gathered{fields: parts[0].Record.Schema().Fields(), dicts: map[*column.Column]arrow.ArrayData{}}
	for _, p := range parts {
		if p.From < 0 || p.N < 0 || p.N > p.Record.NumRows()-p.From {
			return nil, ipc.Invalid("rows %d to %d of a record of %d rows", p.From, p.From+p.N, p.Record.NumRows())
		}
		g.rows += p.N
	}
	// A filter leaves many parts of few records, with a row or two in each. FromArrow checks
	// every offset of a column, so it is called once for each record, not for each part: with
	// parts {1, 0, 2} {1, 4, 2} {2, 3, 1} of two records twice for each column. Parts of one
	// record that do not follow each other are groups of their own, which is right, and slower.
	groups, known := grouped(parts), map[arrow.ArrayData]*column.Column{}
	for i, f := range g.fields {
		for k := range groups {
			if groups[k].from, err = column.FromArrow(groups[k].parts[0].Record.Column(i).Data(), known); err != nil {
				return nil, ipc.Invalid("column %q: %w", f.Name, err)
			}
		}
		c := takeFixed(f, groups, int(g.rows))
		if c == nil {
			c, err = takeColumn(f, runsOf(groups), compact)
		}
		if err != nil {
			return nil, ipc.Invalid("column %q: %w", f.Name, err)
		}
		g.cols = append(g.cols, c)
	}
	for d, c := range known {
		g.dicts[c] = d
	}
	return g, nil
}

// group is parts of one record that follow each other, and the column of it that is being
// gathered.
type group struct {
	parts []Part
	from  *column.Column
}

// grouped joins parts of the same record that follow each other.
func grouped(parts []Part) []group {
	var out []group
	from := 0
	for i := range parts {
		if i+1 == len(parts) || parts[i+1].Record != parts[from].Record {
			out = append(out, group{parts: parts[from : i+1]})
			from = i + 1
		}
	}
	return out
}

// runsOf are all parts of the column that is being gathered, those that touch in one.
func runsOf(groups []group) []column.Run {
	var out []column.Run
	for _, g := range groups {
		for _, p := range g.parts {
			out = column.AppendRun(out, column.Run{Column: g.from, From: int(p.From), Len: int(p.N)})
		}
	}
	return out
}

// takeFixed is takeColumn for flat columns of whole bytes without nulls, which
// most rows of most tables are made of; nil for all others.
func takeFixed(f arrow.Field, groups []group, rows int) *column.Column {
	w := column.BitWidth(f.Type) / 8
	if column.ShapeOf(f.Type) != column.ShapeFixed || w == 0 || column.BitWidth(f.Type)%8 != 0 {
		return nil
	}
	for _, g := range groups {
		if column.ShapeOf(g.from.Type) != column.ShapeFixed || g.from.Valid != nil {
			return nil
		}
	}
	data := make([]byte, 0, rows*w)
	for _, g := range groups {
		values := g.from.Buffers[0][g.from.Offset*w:]
		for _, p := range g.parts {
			data = append(data, values[int(p.From)*w:int(p.From+p.N)*w]...)
		}
	}
	return &column.Column{Type: f.Type, Len: rows, Buffers: [][]byte{data}}
}

// Rows is how many rows were gathered.
func (g *Gathered) Rows() int64 { return g.rows }

// Record gives the rows as a record. A dictionary that the parts shared stays the
// same one, so that records of it can be gathered again.
func (g *Gathered) Record() arrow.Record {
	return column.Record(arrow.NewSchema(g.fields, nil), g.cols, int(g.rows), g.dicts)
}

// Replace puts another column, of as many rows, in the place of column i.
func (g *Gathered) Replace(i int, f arrow.Field, a arrow.Array) error {
	if int64(a.Len()) != g.rows {
		return ipc.Invalid("column %q: %d values for %d rows", f.Name, a.Len(), g.rows)
	}
	c, err := column.FromArray(f, a)
	if err != nil {
		return err
	}
	g.fields[i], g.cols[i] = f, c
	return nil
}

// Message gives the rows as one canonical encapsulated message, metadata and body.
// Dictionary columns stand as indices; their dictionaries are the part of Dictionaries.
func (g *Gathered) Message() []byte { return RecordMessage(g.cols, int(g.rows)).bytes() }

// Dictionaries gives the messages of the rows' dictionaries, in the order of the ids that
// EncodeSchema of the fields numbers. Sent before a batch they replace what stood under the
// same ids. Kind: Invalid.
func (g *Gathered) Dictionaries() ([][]byte, error) {
	return encodeDictionaries(g.Record(), func(id int64) int64 { return id })
}

// DictionariesAs gives them under the ids of another schema, one for each dictionary
// column in order.
func (g *Gathered) DictionariesAs(ids []int) ([][]byte, error) {
	return encodeDictionaries(g.Record(), func(id int64) int64 { return int64(ids[id]) })
}

// takeColumn copies runs of one column. A dictionary that all runs share stays the very
// same one: the next gathering then knows it without a look at its values.
func takeColumn(f arrow.Field, runs []column.Run, compact bool) (*column.Column, error) {
	d, ok := f.Type.(*arrow.DictionaryType)
	if !ok {
		return column.Canonical(f, runs, &column.DictionaryMap{})
	}
	if compact {
		c := column.NewCompactor(f.Name, d)
		if _, err := c.Use(runs); err != nil {
			return nil, err
		}
		m, err := c.Map()
		if err != nil {
			return nil, err
		}
		return column.Canonical(f, runs, m)
	}
	var all []*column.Column
	seen := map[*column.Column]bool{}
	for _, r := range runs {
		if !seen[r.Column.Dictionary] {
			seen[r.Column.Dictionary] = true
			all = append(all, r.Column.Dictionary)
		}
	}
	if len(all) == 1 {
		return column.Canonical(f, runs, &column.DictionaryMap{Dictionary: all[0]})
	}
	values := arrow.Field{Name: f.Name, Type: d.ValueType, Nullable: true}
	dictionary, remap, err := column.Unify(values, all)
	if err != nil {
		return nil, err
	}
	if dictionary == nil || int64(dictionary.Len)-1 > column.MaxIndex(d.IndexType) {
		return nil, ipc.Invalid("the joined dictionary is too large for a message or its index")
	}
	return column.Canonical(f, runs, &column.DictionaryMap{Dictionary: dictionary, Remap: remap})
}
