package batch_test

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// TestDecodeRefuses: metadata that name other columns, buffers or bytes than the schema.
func TestDecodeRefuses(t *testing.T) {
	list := arrow.ListOf(arrow.PrimitiveTypes.Int8)
	word := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	node := func(n ...int64) (out []ipc.NodeRef) {
		for i := 0; i < len(n); i += 2 {
			out = append(out, ipc.NodeRef{Length: n[i], Nulls: n[i+1]})
		}
		return out
	}
	buffers := func(n int) []ipc.BufferRef { return make([]ipc.BufferRef, n) }
	at := func(refs ...ipc.BufferRef) []ipc.BufferRef { return refs }
	for _, x := range []struct {
		name string
		dt   arrow.DataType
		m    ipc.Message
		want string
	}{
		{"as many as there are", arrow.PrimitiveTypes.Int8, ipc.Message{Nodes: node(0, 0), Buffers: buffers(2)}, ""},
		{"no column", arrow.PrimitiveTypes.Int8, ipc.Message{}, `column "x": the batch has fewer columns than the schema`},
		{"a column more", arrow.PrimitiveTypes.Int8, ipc.Message{Nodes: node(0, 0, 0, 0), Buffers: buffers(2)},
			"the batch has 2 columns and 2 buffers; the schema names 1 and 2"},
		{"a buffer more", arrow.PrimitiveTypes.Int8, ipc.Message{Nodes: node(0, 0), Buffers: buffers(3)},
			"the batch has 1 columns and 3 buffers; the schema names 1 and 2"},
		{"a buffer less", arrow.BinaryTypes.String, ipc.Message{Nodes: node(0, 0), Buffers: buffers(2)}, `column "x": a buffer is missing`},
		{"a child less", list, ipc.Message{Nodes: node(0, 0), Buffers: buffers(4)}, `column "x": item: the batch has fewer columns ` +
			`than the schema`},
		{"a buffer outside", arrow.PrimitiveTypes.Int8, ipc.Message{Nodes: node(1, 0), Rows: 1, Buffers: at(ipc.BufferRef{},
			ipc.BufferRef{Offset: 15, Length: 2})},
			`column "x": a buffer lies outside the body`},
		{"other rows", arrow.PrimitiveTypes.Int8, ipc.Message{Nodes: node(2, 0), Rows: 1, Buffers: at(ipc.BufferRef{}, ipc.BufferRef{Length: 2})},
			`column "x": 2 values in a batch of 1 rows`},
		{"nulls without a bitmap", arrow.PrimitiveTypes.Int8, ipc.Message{Nodes: node(1, 1), Rows: 1, Buffers: at(ipc.BufferRef{},
			ipc.BufferRef{Length: 1})},
			`column "x": 1 nulls without a validity bitmap`},
		{"a bitmap too short", arrow.PrimitiveTypes.Int8, ipc.Message{Nodes: node(9, 1), Rows: 9,
			Buffers: at(ipc.BufferRef{Length: 1}, ipc.BufferRef{Length: 9})},
			`column "x": the validity bitmap has 1 bytes for 9 values`},
		{"a bitmap of no nulls is not looked at", arrow.PrimitiveTypes.Int8, ipc.Message{Nodes: node(9, 0), Rows: 9,
			Buffers: at(ipc.BufferRef{Length: 1}, ipc.BufferRef{Length: 9})}, ""},
		{"views of no count", arrow.BinaryTypes.StringView, ipc.Message{Nodes: node(0, 0), Buffers: buffers(2)},
			`column "x": the number of a view's buffers is missing`},
		{"views of a negative count", arrow.BinaryTypes.StringView, ipc.Message{Nodes: node(0, 0), Buffers: buffers(2), Variadic: []int64{-1}},
			`column "x": a view with -1 buffers`},
		{"views of too many", arrow.BinaryTypes.StringView, ipc.Message{Nodes: node(0, 0), Buffers: buffers(2), Variadic: []int64{1 << 40}},
			`column "x": a view with 1099511627776 buffers`},
		{"no dictionary", word, ipc.Message{Nodes: node(1, 0), Rows: 1, Buffers: at(ipc.BufferRef{}, ipc.BufferRef{Length: 1})},
			`column "x": no dictionary 0 comes before the batch`},
		{"no dictionary, and all null", word, ipc.Message{Nodes: node(1, 1), Rows: 1, Buffers: at(ipc.BufferRef{Length: 1},
			ipc.BufferRef{Length: 1})}, ""},
		{"compressed", arrow.PrimitiveTypes.Int8, ipc.Message{Compressed: true}, "a compressed body"},
	} {
		top := ipc.NewSchema([]arrow.Field{{Name: "x", Type: x.dt, Nullable: true}}).Top
		cols, err := batch.Decode(&x.m, make([]byte, 16), top, map[int64]*column.Column{}, nil)
		switch {
		case x.want == "" && (err != nil || int64(cols[0].Len) != x.m.Rows):
			t.Errorf("%s: %v", x.name, err)
		case x.want != "" && (err == nil || err.Error() != x.want):
			t.Errorf("%s: %v\nwant %s", x.name, err, x.want)
		}
	}
}
