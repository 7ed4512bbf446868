package shard_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/schemas"
)

// TestNothingChangesInSilence: what a shard does not pass on, or holds in another way, is
// said in the report.
func TestNothingChangesInSilence(t *testing.T) {
	meta := arrow.NewMetadata([]string{"origin"}, []string{"x"})
	unit := arrow.NewMetadata([]string{"unit"}, []string{"kg"})
	uuid := arrow.NewMetadata([]string{ipc.ExtensionName}, []string{"arrow.uuid"})
	schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: arrow.PrimitiveTypes.Int64, Metadata: unit}, {Name: "u",
		Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}, Metadata: uuid}}, &meta)
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	b.Field(0).(*array.Int64Builder).Append(1)
	b.Field(1).(*array.FixedSizeBinaryBuilder).Append([]byte("0123456789abcdef"))
	in := columntest.Stream(t, schema, []arrow.Record{b.NewRecord()})
	plain := ipc.EncodeSchema([]arrow.Field{{Name: "v", Type: arrow.PrimitiveTypes.Int64}, {Name: "u",
		Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}}})
	for _, x := range []struct {
		name, in string
		spec     shard.Spec
		want     string
	}{
		{"metadata", string(in), shard.Spec{}, `metadata left out: "origin", "unit" of column "v"`},
		{"an extension", string(in), shard.Spec{Schema: plain},
			`column "u": its extension name arrow.uuid is left out, as the table's other shards have none`},
		{"digits of doubles", "v\n9007199254740993\n0.1\n1234567890.123456789\n", shard.Spec{Name: "x.csv",
			Fields: []schemas.Field{{Name: "v", Type: "float64"}}},
			`column "v": values with more digits than float64 holds, as declared: 2; the first: "9007199254740993" became 9007199254740992`},
		{"digits of floats", "v\n16777217\n0.25\n", shard.Spec{Name: "x.csv", Fields: []schemas.Field{{Name: "v", Type: "float32"}}},
			`values with more digits than float32 holds, as declared: 1`},
		{"columns at once", "a,b,c\n1,2,x\n", shard.Spec{Name: "x.csv"}, `int64 (every value is a whole number): column "a", "b"`},
	} {
		r, _, err := shardtest.Conform(t, []byte(x.in), x.spec)
		if err != nil || !strings.Contains(strings.Join(r.Notes, "\n"), x.want) {
			t.Errorf("%s: %v, %q", x.name, err, r.Notes)
		}
	}
	r, _, err := shardtest.Conform(t, []byte("v\n0.1\n0.30000000000000004\n100000000000000000000\nINF\n1e300\n"), shard.Spec{Name: "x.csv",
		Fields: []schemas.Field{{Name: "v", Type: "float64"}}})
	if err != nil || strings.Contains(strings.Join(r.Notes, "\n"), "more digits") {
		t.Errorf("%v, %q", err, r.Notes)
	}
}
