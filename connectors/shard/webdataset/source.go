package webdataset

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
)

const (
	maxRows  = 16_384 // rows of a batch, at most
	maxBytes = 2 << 20
)

// Options say how one tar is to be read.
type Options struct {
	Open   bool     // the table's schema binds nothing: types follow from Seen and the tar
	Seen   []Seen   // what the table's other tars have shown
	Beside []string // columns of the table that stand elsewhere
}

// Source reads a tar twice: once to settle types over all samples, once (or more) for the values.
type Source struct {
	data   []byte
	own    []Seen
	fields []arrow.Field
	Notes  []string
}

// Open settles types. want gives those that the table's published shards have, nil where there
// are none; where it is open, what other tars have shown counts as this one's own. Kind: Invalid.
func Open(ctx context.Context, data []byte, o Options, want *ipc.Schema) (*Source, error) {
	s := &Source{data: data}
	skipped, err := walk(ctx, data, func(one *sample) error {
		for _, m := range one.members {
			i := slices.IndexFunc(s.own, func(c Seen) bool { return c.Ending == m.ending })
			if i < 0 {
				if i = len(s.own); i == maxEndings {
					return ipc.Invalid("there are more than %d endings, each of which is a column", maxEndings)
				}
				s.own = append(s.own, Seen{Ending: m.ending})
			}
			s.own[i].see(m.data)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if skipped > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("members left out, as their names begin with a dot: %d", skipped))
	}
	if want != nil && !o.Open {
		s.fields = slices.DeleteFunc(slices.Clone(want.Arrow.Fields()), func(f arrow.Field) bool {
			return slices.Contains(o.Beside, f.Name) && !slices.ContainsFunc(s.own, func(c Seen) bool { return c.Ending == f.Name })
		})
		return s, nil
	}
	s.fields, err = Fields(Join(o.Seen, s.own))
	return s, err
}

// Seen is what the tar's own members have shown.
func (s *Source) Seen() []Seen { return s.own }

// Fields are the columns as settled; every one may be null.
func (s *Source) Fields() []arrow.Field { return s.fields }

// Each gives the samples as rows, in batches.
func (s *Source) Each(ctx context.Context, f func(batch.Rows) error) error {
	rb := array.NewRecordBuilder(memory.NewGoAllocator(), arrow.NewSchema(s.fields, nil))
	places := map[string]int{}
	for i, field := range s.fields {
		places[field.Name] = i
	}
	rows, bytes, first := 0, int64(0), ""
	flush := func() error {
		if rows == 0 {
			return nil
		}
		b, err := batch.RowsOf(rb.NewRecord())
		if err != nil {
			return err
		}
		b.Where = fmt.Sprintf("samples from %q on", first)
		rows, bytes = 0, 0
		return f(b)
	}
	_, err := walk(ctx, s.data, func(one *sample) error {
		if rows == 0 {
			first = one.key
		}
		rows++
		bytes += one.bytes
		for _, m := range append(one.members, member{keyColumn, []byte(one.key)}) {
			i, is := places[m.ending]
			if !is {
				return ipc.Invalid("sample %q: the table has no column for .%s; publish a whole version to have it", one.key, m.ending)
			}
			err := put(rb.Field(i), s.fields[i], m.data)
			if err != nil {
				return ipc.Invalid("sample %q, .%s: %w %s", one.key, m.ending, err, s.fields[i].Type)
			}
		}
		for i, b := range rb.Fields() {
			if b.Len() < rows {
				b.AppendNull()
				bytes += width(s.fields[i].Type) // a tensor that is left out takes the room of one
			}
		}
		if rows < maxRows && bytes < maxBytes {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// width is how many bytes a null of a type takes.
func width(t arrow.DataType) int64 {
	list, is := t.(*arrow.FixedSizeListType)
	if !is {
		return 0
	}
	return int64(list.Len()) * int64(list.Elem().(arrow.FixedWidthDataType).Bytes())
}

// put puts a member's bytes down. Types were settled over all members, so one that does not fit
// is of a table that was there before.
func put(b array.Builder, f arrow.Field, data []byte) error {
	no := fmt.Errorf("it is no value of the type that the table has,")
	switch b := b.(type) {
	case *array.BinaryBuilder:
		b.Append(data)
	case *array.StringBuilder:
		if !utf8.Valid(data) {
			return no
		}
		b.Append(string(data))
	case *array.Int64Builder:
		v, err := strconv.ParseInt(string(data), 10, 64)
		if err != nil || !whole.Match(data) {
			return no
		}
		b.Append(v)
	case *array.FixedSizeListBuilder:
		t, values, ok := readArray(data)
		of := b.Type().(*arrow.FixedSizeListType)
		shape, _ := f.Metadata.GetValue(ipc.ExtensionMetadata)
		if !ok || t.len() != int(of.Len()) || !arrow.TypeEqual(of.Elem(), elements()[t.descr]) || shape != t.shapeText() {
			return no
		}
		b.Append(true)
		putValues(b.ValueBuilder(), slices.Clone(values)) // aligned
	default:
		return no
	}
	return nil
}

// putValues puts an array's values down, which have the builder's type.
func putValues(b array.Builder, values []byte) {
	switch b := b.(type) {
	case *array.Int8Builder:
		b.AppendValues(arrow.Int8Traits.CastFromBytes(values), nil)
	case *array.Uint8Builder:
		b.AppendValues(values, nil)
	case *array.Int16Builder:
		b.AppendValues(arrow.Int16Traits.CastFromBytes(values), nil)
	case *array.Uint16Builder:
		b.AppendValues(arrow.Uint16Traits.CastFromBytes(values), nil)
	case *array.Int32Builder:
		b.AppendValues(arrow.Int32Traits.CastFromBytes(values), nil)
	case *array.Uint32Builder:
		b.AppendValues(arrow.Uint32Traits.CastFromBytes(values), nil)
	case *array.Int64Builder:
		b.AppendValues(arrow.Int64Traits.CastFromBytes(values), nil)
	case *array.Uint64Builder:
		b.AppendValues(arrow.Uint64Traits.CastFromBytes(values), nil)
	case *array.Float32Builder:
		b.AppendValues(arrow.Float32Traits.CastFromBytes(values), nil)
	case *array.Float64Builder:
		b.AppendValues(arrow.Float64Traits.CastFromBytes(values), nil)
	}
}
