package shardtest

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/column/columntest"
	"guichet/connectors/shard"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// FileOf is an open file without a name, as the gateway hands them to the child.
func FileOf(t testing.TB, b []byte) *os.File {
	t.Helper()
	f, err := os.CreateTemp("", "shard")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	return f
}

// Conform runs Conform on bytes and gives what it wrote.
func Conform(t testing.TB, in []byte, spec shard.Spec) (shard.Report, []byte, error) {
	t.Helper()
	src, out := FileOf(t, in), FileOf(t, nil)
	defer src.Close()
	defer out.Close()
	r, err := shard.Conform(context.Background(), src, int64(len(in)), spec, out)
	if err != nil {
		if schemas.KindOf(err) != schemas.Invalid {
			t.Fatalf("an error of Kind %s: %v", schemas.KindOf(err), err)
		}
		return r, nil, err
	}
	b, err := io.ReadAll(io.NewSectionReader(out, 0, 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	if r.Conforms {
		if len(b) > 0 {
			t.Fatalf("a conforming shard, and %d bytes were written", len(b))
		}
		return r, in, nil
	}
	if int64(len(b)) != r.OutSize {
		t.Fatalf("out has %d bytes, the report says %d", len(b), r.OutSize)
	}
	return r, b, nil
}

// Must conforms in, then wants its own output to conform with equal places.
func Must(t testing.TB, in []byte, spec shard.Spec) (shard.Report, []byte) {
	t.Helper()
	r, out, err := Conform(t, in, spec)
	if err != nil {
		t.Fatalf("%s: %v", spec.Name, err)
	}
	again, _, err := Conform(t, out, shard.Spec{})
	if err != nil {
		t.Fatalf("%s: own output: %v", spec.Name, err)
	}
	if !again.Conforms {
		t.Fatalf("%s: own output does not conform", spec.Name)
	}
	if fmt.Sprint(again.Batches, again.Dictionaries, again.WindowRows, again.Schema) != fmt.Sprint(r.Batches, r.Dictionaries,
		r.WindowRows, r.Schema) {
		t.Fatalf("%s: own output is reported as\n%v\nand not as\n%v", spec.Name, again, r)
	}
	return r, out
}

// ReadShared reads a file of Shared.
func ReadShared(t testing.TB, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(sharedtest.Path(t, parts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// MustIn is must for a given window.
func MustIn(t testing.TB, in []byte, spec shard.Spec) (shard.Report, []byte) {
	t.Helper()
	r, out, err := Conform(t, in, spec)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := Conform(t, out, shard.Spec{WindowRows: spec.WindowRows, Schema: r.Schema})
	if err != nil || !again.Conforms {
		t.Fatalf("own output: conforms %t, %v", again.Conforms, err)
	}
	for i, b := range r.Batches[:max(len(r.Batches)-1, 0)] {
		if b.Rows != spec.WindowRows {
			t.Fatalf("batch %d of %d has %d rows of %d", i, len(r.Batches), b.Rows, spec.WindowRows)
		}
	}
	return r, out
}

// Types are the columns of a report as name:type.
func Types(r shard.Report) string {
	var b strings.Builder
	for _, c := range r.Columns {
		fmt.Fprintf(&b, "%s:%s ", c.Name, c.Type)
	}
	return strings.TrimSpace(b.String())
}

// Wide makes rows of an int64, a text of size bytes and a list, in batches.
func Wide(t testing.TB, size int, batches ...int) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32), Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	var recs []arrow.Record
	n, word := 0, strings.Repeat("ā", size/2)
	for _, rows := range batches {
		for range rows {
			b.Field(0).(*array.Int64Builder).Append(int64(n))
			b.Field(1).(*array.StringBuilder).Append(word)
			l := b.Field(2).(*array.ListBuilder)
			l.Append(n%3 > 0)
			for range n % 3 {
				l.ValueBuilder().(*array.Float32Builder).Append(float32(n))
			}
			n++
		}
		recs = append(recs, b.NewRecord())
	}
	return columntest.Stream(t, schema, recs)
}

// Within is must with a given window that may hold several batches.
func Within(t testing.TB, in []byte, window int64) (shard.Report, []byte) {
	t.Helper()
	r, out, err := Conform(t, in, shard.Spec{WindowRows: window})
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := Conform(t, out, shard.Spec{WindowRows: window, Schema: r.Schema})
	if err != nil || !again.Conforms {
		t.Fatalf("own output: conforms %t, %v", again.Conforms, err)
	}
	return r, out
}

// DecoderOf opens a shard's batches.
func DecoderOf(t rapid.TB, rep shard.Report, file []byte) *batch.Decoder {
	t.Helper()
	var dicts [][]byte
	for _, b := range rep.Dictionaries {
		dicts = append(dicts, columntest.Piece(file, b))
	}
	d, err := batch.NewDecoder(rep.Schema, dicts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
