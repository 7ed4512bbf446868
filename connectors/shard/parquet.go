package shard

import (
	"bytes"
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// parquetSource reads a Parquet file with arrow's reader, which crashes on some
// corrupt files in goroutines of its own: it must never run outside the child.
type parquetSource struct {
	data   []byte
	schema *arrow.Schema
	groups int
}

const (
	parquetRows = 8_192     // rows decoded at a time
	maxPiece    = 192 << 20 // bytes that the decoder may ask for at once
	pageBuffer  = 1 << 16
)

func openParquet(data []byte) (s *parquetSource, err error) {
	s = &parquetSource{data: data}
	rd, fr, err := s.open()
	if err != nil {
		return nil, err
	}
	s.groups = rd.NumRowGroups()
	if s.schema, err = fr.Schema(); err != nil {
		return nil, invalid("Parquet schema: %w", err)
	}
	return s, nil
}

func (s *parquetSource) open() (rd *file.Reader, fr *pqarrow.FileReader, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalid("the Parquet file cannot be read: %v", p)
		}
	}()
	mem := cappedAllocator{memory.NewGoAllocator()}
	props := parquet.NewReaderProperties(mem)
	props.BufferedStreamEnabled, props.BufferSize = true, pageBuffer
	rd, err = file.NewParquetReader(bytes.NewReader(s.data), file.WithReadProps(props))
	if err != nil {
		return nil, nil, invalid("the Parquet file cannot be read: %w", err)
	}
	fr, err = pqarrow.NewFileReader(rd, pqarrow.ArrowReadProperties{BatchSize: parquetRows}, mem)
	if err != nil {
		return nil, nil, invalid("the Parquet file cannot be read: %w", err)
	}
	return rd, fr, nil
}

// each decodes one row group after another, some rows at a time.
func (s *parquetSource) each(ctx context.Context, f func(batch) error) error {
	for g := range s.groups {
		if err := s.group(ctx, g, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *parquetSource) group(ctx context.Context, g int, f func(batch) error) error {
	if err := ctx.Err(); err != nil { // v17 dereferences nil where it is cancelled
		return err
	}
	rd, fr, err := s.open()
	if err != nil {
		return err
	}
	rr, err := fr.GetRecordReader(context.WithoutCancel(ctx), nil, []int{g})
	if err != nil {
		return invalid("row group %d: %w", g, err)
	}
	defer rr.Release()
	rows := int64(0)
	for rr.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec := rr.Record()
		rec.Retain()
		b, err := columnsOf(rec)
		if err != nil {
			return invalid("row group %d, rows from %d on: %w", g, rows, err)
		}
		b.where = fmt.Sprintf("row group %d, rows from %d on", g, rows)
		rows += int64(b.rows)
		if err := f(b); err != nil {
			return err
		}
	}
	if err := rr.Err(); err != nil && err.Error() != "EOF" {
		return invalid("row group %d: %w", g, err)
	}
	if want := rd.MetaData().RowGroups[g].NumRows; rows != want {
		return invalid("row group %d has %d rows; the footer says %d", g, rows, want)
	}
	return nil
}

// fields are the file's columns; dictionaries are written out, since each batch
// of the reader has one of its own.
func (s *parquetSource) fields() (fields []arrow.Field, notes []string) {
	for _, f := range s.schema.Fields() {
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			f.Type = d.ValueType
			notes = append(notes, fmt.Sprintf("column %q: dictionary written out as plain values", f.Name))
		}
		fields = append(fields, f)
	}
	return fields, notes
}

// cappedAllocator refuses, by a panic, single pieces of memory that no sound
// page or batch needs. The sum is bounded by the child's own limit.
type cappedAllocator struct{ memory.Allocator }

func (a cappedAllocator) Allocate(size int) []byte {
	a.check(size)
	return a.Allocator.Allocate(size)
}

func (a cappedAllocator) Reallocate(size int, b []byte) []byte {
	a.check(size)
	return a.Allocator.Reallocate(size, b)
}

func (a cappedAllocator) check(size int) {
	if size < 0 || size > maxPiece {
		panic(fmt.Sprintf("a page or column asks for %d bytes at once (limit %d MiB)", size, maxPiece>>20))
	}
}
