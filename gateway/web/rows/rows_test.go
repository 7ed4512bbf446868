package rows

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// stream is one of so many batches of ten rows.
func stream(t *testing.T, columns, batches int) []byte {
	t.Helper()
	fields := make([]arrow.Field, columns)
	values := make([]arrow.Array, columns)
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprint("c", i), Type: arrow.BinaryTypes.String}
		b := array.NewStringBuilder(memory.DefaultAllocator)
		for row := range 10 {
			b.Append(fmt.Sprint(row, strings.Repeat("é", 500)))
		}
		values[i] = b.NewArray()
	}
	var out bytes.Buffer
	s := arrow.NewSchema(fields, nil)
	w := ipc.NewWriter(&out, ipc.WithSchema(s))
	for range batches {
		err := w.Write(array.NewRecord(s, values, 10))
		if err != nil {
			t.Fatal(err)
		}
	}
	err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestBounded: rows, columns and values are bounded, over the ends of batches.
func TestBounded(t *testing.T) {
	t.Parallel()
	got, err := OfStream(bytes.NewReader(stream(t, 60, 3)), 12)
	if err != nil || len(got.Cells) != 12 || len(got.Columns) != mostColumns || got.Left != 10 {
		t.Fatalf("%d rows of %d columns, %d left: %v", len(got.Cells), len(got.Columns), got.Left, err)
	}
	if text := got.Cells[11][49].Text; text != "1"+strings.Repeat("é", mostText-1)+"…" {
		t.Errorf("%q", text)
	}
	got, err = OfStream(bytes.NewReader(stream(t, 1, 0)), 12)
	if err != nil || len(got.Cells) != 0 || len(got.Columns) != 1 {
		t.Errorf("of no rows: %+v, %v", got, err)
	}
}

// TestCut: a stream that is cut is an error, not a table with fewer rows; so is what is no file.
func TestCut(t *testing.T) {
	t.Parallel()
	whole := stream(t, 1, 3)
	_, err := OfStream(bytes.NewReader(whole[:len(whole)/2]), 5)
	if err == nil {
		t.Error("a half of a stream is a table")
	}
	_, err = OfFile([]byte("no file"), 5)
	if err == nil {
		t.Error("what is no file is a table")
	}
	_, err = OfStream(strings.NewReader("no stream"), 5)
	if err == nil {
		t.Error("what is no stream is a table")
	}
}

// TestCells: values as text, bytes by their number.
func TestCells(t *testing.T) {
	t.Parallel()
	bytesOf := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	bytesOf.Append([]byte{1, 2, 3})
	codes := array.NewDictionaryBuilder(memory.DefaultAllocator, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String})
	words, is := codes.(*array.BinaryDictionaryBuilder)
	if !is || words.AppendString("wheat") != nil {
		t.Fatalf("%T", codes)
	}
	numbers := array.NewFloat64Builder(memory.DefaultAllocator)
	numbers.Append(2.5)
	for _, c := range []struct {
		of   arrow.Array
		want string
	}{{bytesOf.NewArray(), "(3)"}, {codes.NewArray(), "wheat"}, {numbers.NewArray(), "2.5"}} {
		if got := text(c.of, 0); got.Text != c.want || got.Null {
			t.Errorf("%s: %q, want %q", c.of.DataType(), got.Text, c.want)
		}
	}
}
