package plan

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
	"guichet/policy/view"
	"guichet/schemas"
)

// published is a version of one table t, with the column n and the dictionary d, in the
// split all: shards of batches with so many rows. No object lies behind it.
func published(window int64, shards ...[]int64) schemas.Version {
	fields := []arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{Name: "d", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}},
	}
	t := schemas.Table{Name: "t", WindowRows: window, Schema: ipc.EncodeSchema(fields), Splits: []schemas.Split{{Name: "all"}}}
	for _, f := range fields {
		t.Columns = append(t.Columns, schemas.TableColumn{Name: f.Name, Type: f.Type.String(), Unit: "unit of " + f.Name})
	}
	for _, batches := range shards {
		sh := schemas.Shard{Dictionaries: []schemas.Block{{Meta: 200, Body: 1000}}}
		for _, rows := range batches {
			sh.Rows += rows
			sh.Batches = append(sh.Batches, schemas.Block{Meta: 256, Body: 64 * (rows + 1), Rows: rows,
				Columns: []int64{32 * (rows + 1), 32 * (rows + 1)}})
		}
		t.Splits[0].Shards = append(t.Splits[0].Shards, sh)
	}
	return schemas.Version{Dataset: "ds-1", VersionSummary: schemas.VersionSummary{Version: "v1"}, Data: []schemas.Table{t}}
}

func viewOf(t testing.TB, v *schemas.Version, columns []string, duties ...schemas.Duty) *view.View {
	t.Helper()
	vw, err := view.New(&v.Data[0], &schemas.Agreement{Obligations: duties}, columns, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return vw
}

func sourceFor(t testing.TB, v schemas.Version, duties ...schemas.Duty) *Source {
	t.Helper()
	return NewSource(v, &v.Data[0], &v.Data[0].Splits[0], viewOf(t, &v, nil, duties...))
}

func filter() schemas.Duty {
	return schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "gteq", Values: []string{"0"}}}
}
