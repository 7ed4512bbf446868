// Package rows shows the first rows of a table as text.
//
// In: an Arrow IPC file or stream of this gateway's own. Out: its columns, and cells as text, cut. Always:
// bounded in rows, columns and length whatever comes. It must not know where the rows come from.
//
// Texts, numbers, days and times are written as Arrow writes them, lists and structures too; bytes by their number, as
// (3); a coded value by what its code stands for; what is empty is said to be.
package rows

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
)

// Table is the first rows of one.
type Table struct {
	Columns []Column
	Cells   [][]Cell // by rows
	Left    int      // columns that are not shown
}

// Column is what stands above cells.
type Column struct {
	Name, Type string // the type in Arrow's words
}

// Cell is a value as text.
type Cell struct {
	Text string
	Null bool
}

// Bounds of what is shown.
const (
	mostColumns = 50
	mostText    = 120 // characters of a value
)

// OfFile shows the first rows of a file, at most so many.
func OfFile(file []byte, most int) (*Table, error) {
	r, err := ipc.NewFileReader(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("read rows of a file: %w", err)
	}
	defer r.Close()
	t := of(r.Schema())
	for i := 0; i < r.NumRecords() && len(t.Cells) < most; i++ {
		batch, err := r.Record(i)
		if err != nil {
			return nil, fmt.Errorf("read rows of a file: %w", err)
		}
		t.add(batch, most)
	}
	return t, nil
}

// OfStream shows the first rows of a stream, at most so many; all of it is read, so that an end that is none is
// an error.
func OfStream(stream io.Reader, most int) (*Table, error) {
	r, err := ipc.NewReader(stream)
	if err != nil {
		return nil, fmt.Errorf("read rows of a stream: %w", err)
	}
	defer r.Release()
	t := of(r.Schema())
	for r.Next() {
		t.add(r.Record(), most)
	}
	err = r.Err()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read rows of a stream: %w", err)
	}
	return t, nil
}

func of(s *arrow.Schema) *Table {
	all := s.Fields()
	t := &Table{Left: max(0, len(all)-mostColumns)}
	for _, f := range all[:len(all)-t.Left] {
		t.Columns = append(t.Columns, Column{f.Name, f.Type.String()})
	}
	return t
}

func (t *Table) add(batch arrow.Record, most int) {
	for row := range int(batch.NumRows()) {
		if len(t.Cells) == most {
			return
		}
		cells := make([]Cell, len(t.Columns))
		for i := range cells {
			cells[i] = text(batch.Column(i), row)
		}
		t.Cells = append(t.Cells, cells)
	}
}

// text writes one value: bytes by their number, all else as Arrow does.
func text(a arrow.Array, row int) Cell {
	if a.IsNull(row) {
		return Cell{Null: true}
	}
	switch a := a.(type) {
	case array.BinaryLike:
		if a.DataType().ID() != arrow.STRING && a.DataType().ID() != arrow.LARGE_STRING {
			return Cell{Text: "(" + strconv.Itoa(a.ValueLen(row)) + ")"}
		}
	case *array.Dictionary:
		return text(a.Dictionary(), a.GetValueIndex(row))
	}
	s := strings.TrimSpace(a.ValueStr(row))
	if utf8.RuneCountInString(s) > mostText {
		s = string([]rune(s)[:mostText]) + "…"
	}
	return Cell{Text: s}
}
