package columntest

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas"
)

// Stream gives the records as arrow's own writer puts them down.
func Stream(t testing.TB, schema *arrow.Schema, recs []arrow.Record) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := arrowipc.NewWriter(&buf, arrowipc.WithSchema(schema))
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// ReadStream reads a stream with Arrow's own reader.
func ReadStream(t testing.TB, b []byte) (out []arrow.Record) {
	t.Helper()
	rd, err := arrowipc.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for rd.Next() {
		rec := rd.Record()
		rec.Retain()
		out = append(out, rec)
	}
	if rd.Err() != nil {
		t.Fatal(rd.Err())
	}
	return out
}

// Piece is a message of a file.
func Piece(file []byte, b schemas.Block) []byte { return file[b.Offset : b.Offset+b.Len()] }

// ReadFile reads a file with arrow's own reader.
func ReadFile(t testing.TB, file []byte) []arrow.Record {
	t.Helper()
	r, err := arrowipc.NewFileReader(bytes.NewReader(file), arrowipc.WithAllocator(memory.NewGoAllocator()))
	if err != nil {
		t.Fatal(err)
	}
	var out []arrow.Record
	for i := range r.NumRecords() {
		rec, err := r.Record(i)
		if err != nil {
			t.Fatal(err)
		}
		rec.Retain()
		out = append(out, rec)
	}
	return out
}

// Cells gives column name as texts, "null" for nulls, over all batches.
func Cells(t testing.TB, file []byte, name string) (out []string) {
	t.Helper()
	for _, rec := range ReadFile(t, file) {
		i := rec.Schema().FieldIndices(name)
		if len(i) != 1 {
			t.Fatalf("%d columns are called %q", len(i), name)
		}
		c := rec.Column(i[0])
		for k := range c.Len() {
			if c.IsNull(k) {
				out = append(out, "null")
			} else {
				out = append(out, c.ValueStr(k))
			}
		}
	}
	return out
}
