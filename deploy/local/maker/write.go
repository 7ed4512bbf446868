package maker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/csv"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// sink takes the batches of one shard.
type sink interface {
	Write(arrow.Record) error
	Close() error
}

var (
	_ sink = (*ipc.FileWriter)(nil)
	_ sink = (*pqarrow.FileWriter)(nil)
	_ sink = csvSink{}
)

// writeShard makes one shard and returns its size in bytes.
func writeShard(j job) (size int64, err error) {
	if err := os.MkdirAll(filepath.Dir(j.path), 0o755); err != nil {
		return 0, err
	}
	f, err := os.Create(j.path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()

	schema := j.table.schema()
	out, err := openSink(j.table.format, schema, kept{f})
	if err != nil {
		return 0, err
	}
	if err := fill(j, schema, out); err != nil {
		return 0, err
	}
	if err := out.Close(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// fill makes the rows, a window at a time.
func fill(j job, schema *arrow.Schema, out sink) error {
	values := newRow(j.table)
	dictionaries := dictionariesOf(j.table)
	one := j.table.rows(&j.shard)
	window := j.table.window()
	for at := int64(0); at < j.shard.rows; at += window {
		n := min(window, j.shard.rows-at)
		for i := range n {
			one(values, j.shard.first+at+i)
			values.end()
		}
		if values.err != nil {
			return values.err
		}
		rec := values.record(schema, dictionaries, n)
		if err := out.Write(rec); err != nil {
			return err
		}
	}
	return nil
}

func openSink(format string, schema *arrow.Schema, f kept) (sink, error) {
	switch format {
	case formatArrow:
		return ipc.NewFileWriter(f, ipc.WithSchema(schema))
	case formatParquet:
		return pqarrow.NewFileWriter(schema, f,
			parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy)),
			pqarrow.DefaultWriterProps())
	case formatCSV:
		return csvSink{csv.NewWriter(f, schema, csv.WithHeader(true), csv.WithNullWriter(""))}, nil
	default:
		return nil, fmt.Errorf("no format %q", format)
	}
}

// kept hides Close from writers that would close the file under us.
type kept struct{ f *os.File }

var _ io.WriteSeeker = kept{}

func (k kept) Write(p []byte) (int, error)                  { return k.f.Write(p) }
func (k kept) Seek(offset int64, whence int) (int64, error) { return k.f.Seek(offset, whence) }

type csvSink struct{ *csv.Writer }

// Close flushes.
func (s csvSink) Close() error {
	if err := s.Flush(); err != nil {
		return err
	}
	return s.Error()
}
