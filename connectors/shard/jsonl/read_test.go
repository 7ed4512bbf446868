package jsonl_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// same compares a file of JSON lines, as Python reads it, with what was published, as pyarrow
// does: member by member, null where one was left out, times as they were written.
const same = `
import datetime, json, sys
import pyarrow as pa, pyarrow.ipc as ipc

def plain(v, t):
    if v is None:
        return None
    if pa.types.is_list(t):
        return [plain(x, t.value_type) for x in v]
    if pa.types.is_struct(t):
        return {f.name: plain(v.get(f.name), f.type) for f in t}
    if pa.types.is_timestamp(t):
        return datetime.datetime.fromisoformat(v.replace("Z", "+00:00")) if isinstance(v, str) else v
    return float(v) if pa.types.is_floating(t) else v

lines = [json.loads(l) for l in open(sys.argv[1], encoding="utf-8") if l.strip()]
table = ipc.open_file(sys.argv[2]).read_all()
table.validate(full=True)
assert table.num_rows == len(lines), (table.num_rows, len(lines))
for name in {n for l in lines for n in l}:
    assert name in table.column_names, name
for column in table.schema:
    got = table[column.name].to_pylist()
    for i, line in enumerate(lines):
        a, b = plain(line.get(column.name), column.type), plain(got[i], column.type)
        assert a == b and type(a) == type(b), (column, i, a, b)
print("same", table.num_rows, table.num_columns)
`

// TestAgainstPython: what is published of a file has the values that Python's own reader finds in
// it, over several batches and with every kind of value.
func TestAgainstPython(t *testing.T) {
	var text bytes.Buffer
	for i := range 40_000 {
		fmt.Fprintf(&text, `{"id":%d,"x":%g,"big":%d,"word":"w%d é \ud83d\ude00","at":"2026-01-%02dT00:00:%02d.%03dZ"`, i, float64(i)/7, uint64(1)<<63+uint64(i),
			i%97, i%28+1, i%60, i%1000)
		if i%3 == 0 {
			fmt.Fprintf(&text, `,"tags":["a",null,"%d"],"deep":{"l":[{"p":%t},{}],"n":{"m":%d.5}}`, i, i%2 == 0, i)
		}
		if i%5 == 0 {
			text.WriteString(`,"tags2":[[1],[],null],"word2":null`)
		}
		text.WriteString("}\n")
	}
	report, out := shardtest.Must(t, text.Bytes(), shard.Spec{Name: "a.jsonl"})
	const want = "id int64, x float64, big uint64, word utf8, at timestamp[ms, tz=UTC], tags list<item: utf8, nullable>, " +
		"deep struct<l: list<item: struct<p: bool>, nullable>, n: struct<m: float64>>, tags2 list<item: list<item: int64, nullable>, nullable>, " +
		"word2 null"
	var got []string
	for _, c := range report.Columns {
		got = append(got, c.Name+" "+c.Type)
	}
	if strings.Join(got, ", ") != want || report.Rows != 40_000 || len(report.Batches) < 2 {
		t.Errorf("%d rows in %d batches of\n%s, want\n%s", report.Rows, len(report.Batches), strings.Join(got, ", "), want)
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"a.jsonl": text.Bytes(), "a.arrow": out} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said, err := exec.Command(sharedtest.Python(t), "-c", same, filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "a.arrow")).CombinedOutput()
	if err != nil || string(said) != "same 40000 9\n" {
		t.Errorf("%v\n%s", err, said)
	}
}

// TestNamesOfJSONLines: a file is JSON lines by its name alone, whatever is declared of CSV.
func TestNamesOfJSONLines(t *testing.T) {
	for name, want := range map[string]shard.Format{"a.jsonl": shard.FormatJSON, "A.NDJSON": shard.FormatJSON, "a.jsonl.txt": shard.FormatCSV} {
		r, _, err := shardtest.Conform(t, []byte("{\"a\":1}\n"), shard.Spec{Name: name, CSV: &schemas.CSV{Delimiter: ";"}})
		if err != nil || r.Format != want {
			t.Errorf("%s is %s, %v", name, r.Format, err)
		}
	}
	_, _, err := shardtest.Conform(t, []byte(`{"a":1}`), shard.Spec{Name: "a.json"})
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "name it .jsonl") {
		t.Errorf("%v", err)
	}
}
