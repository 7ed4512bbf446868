package jsonl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
)

const (
	maxRows  = 16_384 // rows of a batch, at most
	maxBytes = 2 << 20
	maxCells = 2 << 20 // values of a batch: members that lines leave out are nulls, and take room
)

// Options say how one file is to be read.
type Options struct {
	Name string // the object's key, for errors
	Open bool   // the table's schema binds nothing: types follow from Seen and the file
	Seen *Shape // what the table's other files have shown; nil for nothing

	Beside []string // columns of the table that stand elsewhere, unless the file has them too
}

// Source reads a file of JSON lines twice: once to settle types over all rows, once (or more) for
// the values.
type Source struct {
	data   []byte
	own    *Shape
	fields []arrow.Field
}

// Open settles types. want gives the types that the table's published shards have, nil where
// there are none; where it is open, what other files have shown counts as the file's own. Kind:
// Invalid, with the line.
func Open(ctx context.Context, data []byte, o Options, want *ipc.Schema) (*Source, error) {
	s := &Source{data: data, own: &Shape{}}
	w := walker{left: maxPlaces, name: path.Base(o.Name)}
	err := s.each(ctx, &w, func() error { return w.object(s.own) }, nil)
	if err != nil {
		return nil, err
	}
	if want != nil && !o.Open {
		s.fields = slices.DeleteFunc(slices.Clone(want.Arrow.Fields()), func(f arrow.Field) bool {
			return slices.Contains(o.Beside, f.Name) && !slices.Contains(s.own.Names, f.Name)
		})
		return s, nil
	}
	s.fields, err = Join(o.Seen, s.own).Fields()
	return s, err
}

// Seen is what the file's own values have shown.
func (s *Source) Seen() *Shape { return s.own }

// Fields are the columns as settled; every one may be null.
func (s *Source) Fields() []arrow.Field { return s.fields }

// each reads every line: read is for what follows the begin of its object, and between, if not
// nil, is called before each, with the line's first byte.
func (s *Source) each(ctx context.Context, w *walker, read func() error, between func(at int64) error) error {
	in, err := newLines(s.data)
	if err != nil {
		return err
	}
	dec := jsontext.NewDecoder(bytes.NewReader(nil))
	for {
		at := in.at
		line, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && between != nil {
			err = between(at)
		}
		if err == nil && in.n%1024 == 0 {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		dec.Reset(bytes.NewBuffer(line))
		err = w.begin(dec, in.n)
		if err == nil {
			err = read()
		}
		if err == nil {
			err = w.end()
		}
		if err != nil {
			return err
		}
	}
}

// Each gives the rows in batches.
func (s *Source) Each(ctx context.Context, f func(batch.Rows) error) error {
	rb := array.NewRecordBuilder(memory.NewGoAllocator(), arrow.NewSchema(s.fields, nil))
	top := &place{index: map[string]int{}}
	for i, field := range s.fields {
		top.index[field.Name] = i
		top.members = append(top.members, newPlace(field.Type, rb.Field(i)))
	}
	cells := leaves(s.fields)
	w := walker{}
	rows, first, start := 0, 0, int64(0)
	flush := func() error {
		if rows == 0 {
			return nil
		}
		b, err := batch.RowsOf(rb.NewRecord())
		if err != nil {
			return err
		}
		b.Where = fmt.Sprintf("lines from %d on", first)
		rows = 0
		return f(b)
	}
	err := s.each(ctx, &w, func() error {
		if rows++; rows == 1 {
			first = w.line
		}
		return top.object(&w, rows)
	}, func(at int64) error {
		if rows < maxRows && at-start < maxBytes && rows*cells < maxCells {
			return nil
		}
		start = at
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// leaves counts the values of a row that have no list around them.
func leaves(fields []arrow.Field) (n int) {
	for _, f := range fields {
		n++
		if t, is := f.Type.(*arrow.StructType); is {
			n += leaves(t.Fields())
		}
	}
	return n
}
