package batch

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

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
	g, err := Collect(parts, Gathering{Compact: compact})
	if err != nil {
		return nil, err
	}
	return g.Record(), nil
}

// Gathering is how rows are gathered.
type Gathering struct {
	Compact bool               // every dictionary holds only values that the rows use
	Edits   map[int]ColumnEdit // columns that become others, by their places
	// Into is where the rows' message is to lie, behind what lies there: their bytes are then
	// copied once, into the capacity that it has. Where that is too little, Into is nil, or the
	// rows have no body, the message has memory of its own.
	Into *[]byte
}

// ColumnEdit makes a column of another field, with as many values, of the gathered values.
type ColumnEdit struct {
	Field arrow.Field // no dictionary
	Apply func(a arrow.Array) (arrow.Array, error)
}

// Gathered are gathered rows before they are a record or a message. Not safe for
// concurrent use.
type Gathered struct {
	fields []arrow.Field
	cols   []*column.Column
	rows   int64
	dicts  map[*column.Column]arrow.ArrayData // dictionaries that came from arrow
	into   *[]byte                            // nil: the columns lie in memory of their own
	frame  int                                // bytes before the columns in it, for metadata
}

// Collect is Gather's first half. Errors are of Kind Invalid, or an edit's own.
func Collect(parts []Part, how Gathering) (g *Gathered, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ipc.Invalid("the rows cannot be gathered: %v", p)
		}
	}()
	if len(parts) == 0 {
		return nil, ipc.Invalid("no rows to gather")
	}
	g = newGathered(parts[0].Record, how)
	for _, p := range parts {
		if p.From < 0 || p.N < 0 || p.N > p.Record.NumRows()-p.From {
			return nil, ipc.Invalid("rows %d to %d of a record of %d rows", p.From, p.From+p.N, p.Record.NumRows())
		}
		g.rows += p.N
	}
	runs, known := runsOf(parts), map[arrow.ArrayData]*column.Column{}
	return g, g.columns(parts[0].Record.Schema(), how, known, func(i int, f arrow.Field, in *column.Space) (*column.Column, error) {
		rows, err := runs.of(i, known)
		if err != nil {
			return nil, err
		}
		return takeColumn(f, rows, how.Compact, in)
	})
}

func newGathered(rec arrow.Record, how Gathering) *Gathered {
	g := &Gathered{fields: slices.Clone(rec.Schema().Fields()), dicts: map[*column.Column]arrow.ArrayData{}}
	for i, e := range how.Edits {
		g.fields[i] = e.Field
	}
	return g
}

// columns makes every column by take, and edits it; take makes them in the space that it is given.
func (g *Gathered) columns(
	s *arrow.Schema, how Gathering, known map[arrow.ArrayData]*column.Column,
	take func(i int, f arrow.Field, in *column.Space) (*column.Column, error),
) error {
	space, err := g.layOut(how.Into)
	if err != nil {
		return err
	}
	for i := range g.fields {
		f := s.Field(i)
		e, edited := how.Edits[i]
		in := space
		if edited {
			in = nil // the values before the edit do not go out
		}
		c, err := take(i, f, in)
		if err != nil {
			return ipc.Invalid("column %q: %w", f.Name, err)
		}
		if edited {
			c, err = g.edit(c, e, space)
			if err != nil {
				return err
			}
		}
		g.cols = append(g.cols, c)
	}
	if space != nil && space.Spilled() {
		g.into = nil
	}
	for d, c := range known {
		g.dicts[c] = d
	}
	return nil
}

// layOut leaves room for the metadata of a message in into and gives the space behind it,
// where its body is to be; nil where into is.
func (g *Gathered) layOut(into *[]byte) (*column.Space, error) {
	if into == nil {
		return nil, nil
	}
	frame, _, err := BatchFrame(g.fields)
	if err != nil {
		return nil, err
	}
	end := len(*into) + int(frame)
	if end > cap(*into) {
		return nil, nil
	}
	g.into, g.frame = into, int(frame)
	return column.NewSpace((*into)[end:cap(*into)]), nil
}

func (g *Gathered) edit(c *column.Column, e ColumnEdit, space *column.Space) (*column.Column, error) {
	a, err := e.Apply(array.MakeFromData(c.ToArrow(g.dicts)))
	if err != nil {
		return nil, err
	}
	if int64(a.Len()) != g.rows {
		return nil, ipc.Invalid("column %q: %d values for %d rows", e.Field.Name, a.Len(), g.rows)
	}
	return space.FromArray(e.Field, a)
}

// gathered are the runs of a column that is being gathered. Their columns alone differ from
// one column of the table to the next.
type gathered struct {
	runs   []column.Run
	groups []group
}

// group is runs of one record that follow each other.
type group struct {
	record   arrow.Record
	from, to int // among the runs
}

// runsOf makes runs of parts, in one those that touch.
func runsOf(parts []Part) *gathered {
	g := &gathered{runs: make([]column.Run, 0, len(parts))}
	for _, p := range parts {
		k := len(g.groups) - 1
		if k < 0 || g.groups[k].record != p.Record {
			g.groups = append(g.groups, group{record: p.Record, from: len(g.runs)})
			k++
		}
		n := len(g.runs)
		switch {
		case p.N == 0:
		case n > g.groups[k].from && g.runs[n-1].From+g.runs[n-1].Len == int(p.From):
			g.runs[n-1].Len += int(p.N)
		default:
			g.runs = append(g.runs, column.Run{From: int(p.From), Len: int(p.N)})
		}
		g.groups[k].to = len(g.runs)
	}
	return g
}

// of are the runs of column i.
func (g *gathered) of(i int, known map[arrow.ArrayData]*column.Column) ([]column.Run, error) {
	// A filter leaves many runs of few records, with a row or two in each. FromArrow checks
	// every offset of a column, so it is called once for each record, not for each run. Runs of
	// one record that do not follow each other are groups of their own, which is right, and
	// slower.
	for _, of := range g.groups {
		c, err := column.FromArrow(of.record.Column(i).Data(), known)
		if err != nil {
			return nil, err
		}
		for k := of.from; k < of.to; k++ {
			g.runs[k].Column = c
		}
	}
	return g.runs, nil
}

// Rows is how many rows were gathered.
func (g *Gathered) Rows() int64 { return g.rows }

// Record gives the rows as a record. A dictionary that the parts shared stays the
// same one, so that records of it can be gathered again.
func (g *Gathered) Record() arrow.Record {
	return column.Record(arrow.NewSchema(g.fields, nil), g.cols, int(g.rows), g.dicts)
}

// Message gives the rows as one canonical encapsulated message, metadata and body.
// Dictionary columns stand as indices; their dictionaries are the part of Dictionaries. It is
// to be called once, before anything else is put into the memory that the rows were gathered
// into.
func (g *Gathered) Message() []byte {
	m := RecordMessage(g.cols, int(g.rows))
	if g.into == nil || len(m.Meta) != g.frame {
		return m.bytes()
	}
	before := len(*g.into)
	*g.into = append(*g.into, m.Meta...)
	end := len(*g.into) + int(m.BodyLen) // the body lies there already
	*g.into = (*g.into)[:end]
	return (*g.into)[before:end:end]
}

// Dictionaries gives the messages of the rows' dictionaries, in the order of the ids that
// EncodeSchema of the fields numbers. Sent before a batch they replace what stood under the
// same ids. Kind: Invalid.
func (g *Gathered) Dictionaries() ([][]byte, error) {
	return g.dictionaries(func(id int64) int64 { return id })
}

// DictionariesAs gives them under the ids of another schema, one for each dictionary
// column in order.
func (g *Gathered) DictionariesAs(ids []int) ([][]byte, error) {
	return g.dictionaries(func(id int64) int64 { return int64(ids[id]) })
}

func (g *Gathered) dictionaries(under func(id int64) int64) (msgs [][]byte, err error) {
	for i, n := range ipc.NewSchema(g.fields).Top {
		if n.DictionaryID < 0 {
			continue
		}
		f, c := arrow.Field{Name: n.Field.Name, Type: n.Field.Type.(*arrow.DictionaryType).ValueType, Nullable: true}, g.cols[i].Dictionary
		d, err := column.Canonical(f, []column.Run{{Column: c, Len: c.Len}}, &column.DictionaryMap{})
		if err != nil {
			return nil, ipc.Invalid("column %q: %w", f.Name, err)
		}
		msgs = append(msgs, DictionaryMessage(under(n.DictionaryID), d).bytes())
	}
	return msgs, nil
}

// takeColumn copies runs of one column. A dictionary that all runs share stays the very
// same one: the next gathering then knows it without a look at its values.
func takeColumn(f arrow.Field, runs []column.Run, compact bool, in *column.Space) (*column.Column, error) {
	d, ok := f.Type.(*arrow.DictionaryType)
	if !ok {
		return in.Canonical(f, runs, &column.DictionaryMap{})
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
		return in.Canonical(f, runs, m)
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
		return in.Canonical(f, runs, &column.DictionaryMap{Dictionary: all[0]})
	}
	values := arrow.Field{Name: f.Name, Type: d.ValueType, Nullable: true}
	dictionary, remap, err := column.Unify(values, all)
	if err != nil {
		return nil, err
	}
	if dictionary == nil || int64(dictionary.Len)-1 > column.MaxIndex(d.IndexType) {
		return nil, ipc.Invalid("the joined dictionary is too large for a message or its index")
	}
	return in.Canonical(f, runs, &column.DictionaryMap{Dictionary: dictionary, Remap: remap})
}
