package shard_test

import (
	"fmt"
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

func TestPathColumns(t *testing.T) {
	got, err := shard.PathColumns("a/b=1/c%20d=x%2Fy/e=__HIVE_DEFAULT_PARTITION__/f=/%zz=100%/=9/g=h=i.csv")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, c := range got {
		v := c.Value
		if c.Null {
			v = "null"
		}
		said = append(said, c.Name+":"+v)
	}
	if s := strings.Join(said, " "); s != "b:1 c d:x/y e:null f:null %zz:100%" {
		t.Error(s)
	}
	for _, bad := range []string{"a=1/a=2/x", "a=%ff/x"} {
		if _, err := shard.PathColumns(bad); schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// withPaths conforms in under each of some keys.
func withPaths(t *testing.T, in []byte, spec shard.Spec, keys ...string) (found, rows string, err error) {
	t.Helper()
	var paths [][]shard.PathColumn
	for _, k := range keys {
		p, err := shard.PathColumns(k)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	shard.JoinPaths(paths, spec.Fields)
	for _, p := range paths {
		spec.Path = p
		r, out, err := shardtest.Conform(t, in, spec)
		if err != nil {
			return "", "", err
		}
		found = shardtest.Types(r)
		rows += strings.Join(columntest.Texts(columntest.ReadFile(t, out)), " ") + " "
	}
	return found, strings.TrimSpace(rows), nil
}

// TestColumnsOfPaths: columns that stand in paths are columns, of one type over all
// objects, in every format.
func TestColumnsOfPaths(t *testing.T) {
	file := fileWith(t, []arrow.Field{{Name: "v", Type: arrow.PrimitiveTypes.Int64}, {Name: "k",
		Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8,
			ValueType: arrow.BinaryTypes.String}}}, `[{"v":1,"k":"FI"},{"v":2,"k":"FI"}]`)
	day := []schemas.Field{{Name: "on", Type: "date"}}
	for _, x := range []struct {
		name        string
		in          []byte
		spec        shard.Spec
		keys        []string
		types, rows string
		says        string
	}{
		{"text and numbers", []byte("v\n1\n"), shard.Spec{Name: "x.csv"}, []string{"c=FI/y=2025/x", "c=__HIVE_DEFAULT_PARTITION__/y=-1/x"},
			"v:int64 c:utf8 y:int64", "1|FI|2025 1|null|-1", ""},
		{"leading zeros", []byte("v\n1\n"), shard.Spec{Name: "x.csv"}, []string{"m=12/x", "m=01/x"}, "v:int64 m:utf8", "1|12 1|01", ""},
		{"declared", []byte("v\n1\n"), shard.Spec{Name: "x.csv", Fields: day}, []string{"on=2024-02-29/x"}, "v:int64 on:date32",
			"1|2024-02-29", ""},
		{"declared, and is not", []byte("v\n1\n"), shard.Spec{Name: "x.csv", Fields: day}, []string{"on=never/x"}, "", "",
			`column "on" of the path: "never" is not a value of type date32`},
		{"arrow", file, shard.Spec{Name: "x.arrow"}, []string{"c=FI/x"}, "v:int64 k:dictionary<values=utf8, indices=int8, " +
			"ordered=false> c:utf8", "1|FI|FI 2|FI|FI", ""},
		{"in the file too", file, shard.Spec{Name: "x.arrow"}, []string{"k=FI/v2=1/x"}, "v:int64 k:dictionary<values=utf8, indices=int8, " +
			"ordered=false> v2:int64", "1|FI|1 2|FI|1", ""},
		{"in the file alone", file, shard.Spec{Name: "x.arrow"}, []string{"k=FI/x"}, "v:int64 k:dictionary<values=utf8, indices=int8, " +
			"ordered=false>", "1|FI 2|FI", ""},
		{"in the file, and another", file, shard.Spec{Name: "x.arrow"}, []string{"k=SE/x"}, "", "",
			`row 0, column "k": its value is not that of the path, "SE"`},
		{"in the file, a number", file, shard.Spec{Name: "x.arrow"}, []string{"v=01/x"}, "", "",
			`row 1, column "v": its value is not that of the path, "01"`},
		{"in the table as int64", []byte("v\n1\n"), shard.Spec{Name: "x.csv", Schema: ipc.EncodeSchema([]arrow.Field{{Name: "v",
			Type: arrow.PrimitiveTypes.Int64, Nullable: true},
			{Name: "m", Type: arrow.PrimitiveTypes.Int64, Nullable: true}})}, []string{"m=01/x"}, "", "",
			`column "m" of the path: "01" is not a value of type int64`},
	} {
		types, rows, err := withPaths(t, x.in, x.spec, x.keys...)
		if types != x.types || rows != x.rows || (err == nil) != (x.says == "") || err != nil && !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %s; %s; %v", x.name, types, rows, err)
		}
	}
}

// TestConformingFileWithItsPath: a conforming file whose path says what it says stays.
func TestConformingFileWithItsPath(t *testing.T) {
	_, in := shardtest.Must(t, fileWith(t, []arrow.Field{{Name: "k", Type: arrow.BinaryTypes.String}}, `[{"k":"FI"}]`), shard.Spec{})
	for key, want := range map[string]string{"k=FI/x": "true", "k=SE/x": "its value is not that of the path", "k=FI/l=1/x": "false"} {
		paths := make([][]shard.PathColumn, 1)
		paths[0], _ = shard.PathColumns(key)
		shard.JoinPaths(paths, nil)
		r, _, err := shardtest.Conform(t, in, shard.Spec{Path: paths[0]})
		if got := fmt.Sprint(r.Conforms); err == nil && got != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v", key, got, err)
		}
	}
}

// fileWith is an Arrow IPC file of some rows in JSON.
func fileWith(t *testing.T, fields []arrow.Field, rows string) []byte {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	rec, _, err := array.RecordFromJSON(memory.NewGoAllocator(), schema, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return columntest.Stream(t, schema, []arrow.Record{rec})
}
