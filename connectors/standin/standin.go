package standin

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

// MostRows is how many rows are made up at a time, MostValues how many single values: a row of
// vectors has many.
const (
	MostRows   = 100_000
	MostValues = 1_000_000
)

// Mark is the key of the schema's metadata under which a file says that it is made up.
const Mark = "guichet.stand_in"

// Ask says which rows.
type Ask struct {
	Rows    int
	Seed    uint64
	Columns []string // all when empty
	Of      string   // what they stand in for, as the mark says it
}

// File makes up rows of a table. Errors: Invalid, naming a column that the table has not, or how many rows
// of it can be made.
func File(t *schemas.Table, ask Ask) ([]byte, error) {
	s, err := ipc.ParseSchema(t.Schema)
	if err != nil {
		return nil, err
	}
	fields, err := chosen(s.Arrow.Fields(), t.Columns, ask.Columns)
	if err != nil {
		return nil, err
	}
	each := 0
	for _, f := range fields {
		each = min(each+values(f.Type), MostValues+1)
	}
	if most := min(MostRows, MostValues/max(each, 1)); ask.Rows < 0 || ask.Rows > most {
		return nil, schemas.BadField("stand-in", "rows", "of this table 0 to %d rows are made up at a time, not %d", most, ask.Rows)
	}
	md := arrow.NewMetadata([]string{Mark}, []string{"made-up rows in place of " + ask.Of + "; seed " + strconv.FormatUint(ask.Seed, 10)})
	schema := arrow.NewSchema(fields, &md)
	columns := make([]arrow.Array, len(fields))
	for i, f := range fields {
		columns[i] = column(f, ask)
	}
	var out bytes.Buffer
	w, err := arrowipc.NewFileWriter(&unsought{Writer: &out}, arrowipc.WithSchema(schema))
	if err == nil {
		err = w.Write(array.NewRecord(schema, columns, int64(ask.Rows)))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("write made-up rows: %w", err)
	}
	return out.Bytes(), nil
}

// unsought is a buffer for Arrow's file writer, which asks once where it stands and goes nowhere.
type unsought struct {
	io.Writer
	at int64
}

// Write is io.Writer's.
func (u *unsought) Write(p []byte) (int, error) {
	n, err := u.Writer.Write(p)
	u.at += int64(n)
	return n, err
}

// Seek says where it stands.
func (u *unsought) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.New("a buffer is written from its beginning to its end")
	}
	return u.at, nil
}

// chosen gives the fields that are asked for, in the table's order, with what is said of them.
func chosen(fields []arrow.Field, about []schemas.TableColumn, names []string) ([]arrow.Field, error) {
	wanted, saidOf := map[string]bool{}, map[string]*schemas.TableColumn{}
	for _, f := range fields {
		wanted[f.Name] = len(names) == 0
	}
	for _, name := range names {
		if _, is := wanted[name]; !is {
			return nil, schemas.BadField("stand-in", "columns", "the table has no column %q", name)
		}
		wanted[name] = true
	}
	for i := range about {
		saidOf[about[i].Name] = &about[i]
	}
	var out []arrow.Field
	for _, f := range fields {
		if !wanted[f.Name] {
			continue
		}
		if c := saidOf[f.Name]; c != nil {
			said := f.Metadata.ToMap()
			for k, v := range c.About() {
				said[k] = v
			}
			f.Metadata = arrow.MetadataFrom(said)
		}
		out = append(out, f)
	}
	return out, nil
}

// mostItems is how long made-up lists are.
const mostItems = 3

// values is how many single values a value of a type has at most, and no more than MostValues + 1,
// which is too many: lists of lists of lists have more than an int counts.
func values(dt arrow.DataType) int {
	n := 0
	switch t := dt.(type) {
	case *arrow.FixedSizeListType:
		n = min(int(t.Len()), MostValues) * values(t.Elem())
	case *arrow.FixedSizeBinaryType:
		n = 1 + t.ByteWidth/8
	case *arrow.DictionaryType: // which is made whole for one row
		n = values(t.ValueType)
		if n > 1 {
			n *= distinct
		}
	case *arrow.StructType:
		for _, f := range t.Fields() {
			n += values(f.Type)
		}
	default:
		for _, f := range ipc.ChildFields(dt) {
			n += mostItems * values(f.Type)
		}
	}
	return min(max(n, 1), MostValues+1)
}

// column makes up a column. It hangs on the seed and its own name alone.
func column(f arrow.Field, ask Ask) arrow.Array {
	h := fnv.New64a()
	_, _ = h.Write([]byte(f.Name))
	m := &maker{rand.New(rand.NewPCG(ask.Seed, h.Sum64()))}
	if t, ok := f.Type.(*arrow.DictionaryType); ok {
		return m.dictionary(t, f.Nullable, ask.Rows)
	}
	b := array.NewBuilder(memory.DefaultAllocator, f.Type)
	b.Reserve(ask.Rows)
	for range ask.Rows {
		m.add(b, f.Type, f.Nullable)
	}
	return b.NewArray()
}
