package shard

import (
	"github.com/apache/arrow/go/v17/arrow"
)

// Part is N rows of Record from row From on.
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

// Gathered are gathered rows before they are a record or a message. Not safe for
// concurrent use.
type Gathered struct {
	fields []arrow.Field
	cols   []*col
	rows   int64
	dicts  map[*col]arrow.ArrayData // dictionaries that came from arrow
}

// Collect is Gather's first half.
func Collect(parts []Part, compact bool) (g *Gathered, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalid("the rows cannot be gathered: %v", p)
		}
	}()
	if len(parts) == 0 {
		return nil, invalid("no rows to gather")
	}
	g = &Gathered{fields: parts[0].Record.Schema().Fields(), dicts: map[*col]arrow.ArrayData{}}
	for _, p := range parts {
		if p.From < 0 || p.N < 0 || p.N > p.Record.NumRows()-p.From {
			return nil, invalid("rows %d to %d of a record of %d rows", p.From, p.From+p.N, p.Record.NumRows())
		}
		g.rows += p.N
	}
	groups, known := grouped(parts), map[arrow.ArrayData]*col{}
	for i, f := range g.fields {
		for k := range groups {
			if groups[k].c, err = fromArrow(groups[k].parts[0].Record.Column(i).Data(), known); err != nil {
				return nil, invalid("column %q: %w", f.Name, err)
			}
		}
		c := gatherFixed(f, groups, int(g.rows))
		if c == nil {
			c, err = gatherColumn(f, segsOf(groups), compact)
		}
		if err != nil {
			return nil, invalid("column %q: %w", f.Name, err)
		}
		g.cols = append(g.cols, c)
	}
	for d, c := range known {
		g.dicts[c] = d
	}
	return g, nil
}

// group is parts of one record that follow each other, and one of its columns: taking
// a column checks every offset, so it is taken once.
type group struct {
	parts []Part
	c     *col
}

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

func segsOf(groups []group) []seg {
	var out []seg
	for _, g := range groups {
		for _, p := range g.parts {
			out = push(out, seg{c: g.c, from: int(p.From), n: int(p.N)})
		}
	}
	return out
}

// gatherFixed is gatherColumn for flat columns of whole bytes without nulls, which
// most rows of most tables are made of; nil for all others.
func gatherFixed(f arrow.Field, groups []group, rows int) *col {
	w := bitWidth(f.Type) / 8
	if shapeOf(f.Type) != shapeFixed || w == 0 || bitWidth(f.Type)%8 != 0 {
		return nil
	}
	for _, g := range groups {
		if shapeOf(g.c.typ) != shapeFixed || g.c.valid != nil {
			return nil
		}
	}
	data := make([]byte, 0, rows*w)
	for _, g := range groups {
		from := g.c.bufs[0][g.c.off*w:]
		for _, p := range g.parts {
			data = append(data, from[int(p.From)*w:int(p.From+p.N)*w]...)
		}
	}
	return &col{typ: f.Type, n: rows, bufs: [][]byte{data}}
}

// Rows is how many rows were gathered.
func (g *Gathered) Rows() int64 { return g.rows }

// Record gives the rows as a record. A dictionary that the parts shared stays the
// same one, so that records of it can be gathered again.
func (g *Gathered) Record() arrow.Record {
	return record(arrow.NewSchema(g.fields, nil), g.cols, int(g.rows), g.dicts)
}

// Replace puts another column, of as many rows, in the place of column i.
func (g *Gathered) Replace(i int, f arrow.Field, a arrow.Array) error {
	if int64(a.Len()) != g.rows {
		return invalid("column %q: %d values for %d rows", f.Name, a.Len(), g.rows)
	}
	c, err := canonical(f, a)
	if err != nil {
		return err
	}
	g.fields[i], g.cols[i] = f, c
	return nil
}

// Message gives the rows as one encapsulated message, as EncodeRecord would.
func (g *Gathered) Message() []byte { return recordMessage(g.cols, int(g.rows)).bytes() }

// Dictionaries gives the messages of the rows' dictionaries as EncodeDictionaries
// would.
func (g *Gathered) Dictionaries() ([][]byte, error) { return EncodeDictionaries(g.Record()) }

// DictionariesAs gives them under the ids of another schema, one for each dictionary
// column in order.
func (g *Gathered) DictionariesAs(ids []int) ([][]byte, error) {
	return encodeDictionaries(g.Record(), func(id int64) int64 { return int64(ids[id]) })
}

func gatherColumn(f arrow.Field, segs []seg, compact bool) (*col, error) {
	d, ok := f.Type.(*arrow.DictionaryType)
	if !ok {
		return canon(f, segs, &canonizer{})
	}
	vf := arrow.Field{Name: f.Name, Type: d.ValueType, Nullable: true}
	z := &canonizer{remap: map[*col][]int32{}}
	var all []*col
	for _, s := range segs {
		if _, ok := z.remap[s.c.dict]; !ok {
			z.remap[s.c.dict] = nil
			all = append(all, s.c.dict)
		}
	}
	if compact {
		return compactColumn(f, vf, segs, z)
	}
	if len(all) == 1 {
		z.dict = all[0]
		return canon(f, segs, z)
	}
	var err error
	if z.dict, z.remap, err = joinValues(vf, all); err != nil {
		return nil, err
	}
	if z.dict == nil || int64(z.dict.n)-1 > maxIndex(d.IndexType) {
		return nil, invalid("the joined dictionary is too large for a message or its index")
	}
	return canon(f, segs, z)
}

// compactColumn gives the column a dictionary of the values in use.
func compactColumn(f, vf arrow.Field, segs []seg, z *canonizer) (*col, error) {
	var used []seg
	var next int32
	var last *col
	var to []int32
	var at indices
	for _, s := range segs {
		if s.c != last {
			last, to, at = s.c, z.remap[s.c.dict], s.c.indices()
		}
		if to == nil {
			to = make([]int32, s.c.dict.n)
			for i := range to {
				to[i] = -1
			}
			z.remap[s.c.dict] = to
		}
		for i := s.from; i < s.from+s.n; i++ {
			if s.c.isNull(i) {
				continue
			}
			k := at.index(i)
			if k < 0 || k >= int64(len(to)) {
				return nil, invalid("row %d: index %d in a dictionary of %d values", i, k, len(to))
			}
			if to[k] < 0 {
				to[k], next = next, next+1
				used = push(used, seg{c: s.c.dict, from: int(k), n: 1})
			}
		}
	}
	if int64(next)-1 > maxIndex(f.Type.(*arrow.DictionaryType).IndexType) {
		return nil, invalid("%d values are too many for the index type", next)
	}
	var err error
	if z.dict, err = canon(vf, used, &canonizer{}); err != nil {
		return nil, err
	}
	return canon(f, segs, z)
}
