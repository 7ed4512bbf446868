package parquet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"

	"guichet/connectors/batch"
	"guichet/connectors/column/columntest"
	"guichet/connectors/shard"
	"guichet/connectors/shard/parquet"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
)

// TestParquetEqualsPyarrow publishes the providers' Parquet files and the Parquet
// project's own, and compares every value with pyarrow's reading.
func TestParquetEqualsPyarrow(t *testing.T) {
	var files []string
	for _, dir := range [][]string{{"interop", "parquet"}, {"interop", "parquet", "arrow-testing"}, {"interop", "parquet",
		"natural-earth"}, {"agriculture", "agridat"}, {"health", "mimic-iv-demo-meds"}} {
		found, err := filepath.Glob(filepath.Join(sharedtest.Path(t, append([]string{"data"}, dir...)...), "*.parquet"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	pairs := map[string][]byte{}
	for _, f := range files {
		if strings.HasPrefix(filepath.Base(f), "large_string_map") {
			continue // unpacks to gigabytes: see sandbox
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, out, err := shardtest.Conform(t, b, shard.Spec{Name: filepath.Base(f)})
		if err != nil {
			t.Error(err)
			continue
		}
		pairs[f] = out
	}
	if len(pairs) < 38 {
		t.Errorf("only %d files were read", len(pairs))
	}
	for _, j := range shardtest.Judge(t, pairs) {
		if j.Error != "" || j.Broken != "" || len(j.Differs) > 0 {
			t.Errorf("%+v", j)
		}
	}
}

// column describes a Parquet file of one column, written level by level.
type pqFile struct {
	node schema.Node
	kv   map[string]string
	put  func(file.ColumnChunkWriter) error
	more []func(file.ColumnChunkWriter) error // further leaves
	opts []pq.WriterProperty
}

func (f pqFile) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := f.build()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (f pqFile) build() ([]byte, error) {
	root, err := schema.NewGroupNode("schema", pq.Repetitions.Required, schema.FieldList{f.node}, -1)
	if err != nil {
		return nil, err
	}
	kv := metadata.NewKeyValueMetadata()
	for k, v := range f.kv {
		if err := kv.Append(k, v); err != nil {
			return nil, err
		}
	}
	var buf bytes.Buffer
	w := file.NewParquetWriter(&buf, root, file.WithWriterProps(pq.NewWriterProperties(append(f.opts, pq.WithStats(false))...)),
		file.WithWriteMetadata(kv))
	rg, err := w.AppendRowGroupChecked()
	if err != nil {
		return nil, err
	}
	for _, put := range append([]func(file.ColumnChunkWriter) error{f.put}, f.more...) {
		c, err := rg.NextColumn()
		if err == nil {
			err = errors.Join(put(c), c.Close())
		}
		if err != nil {
			return nil, err
		}
	}
	err = errors.Join(rg.Close(), w.Close())
	return buf.Bytes(), err
}

// int96At is Spark's form of seconds and nanoseconds since 1970.
func int96At(seconds, nanos int64) (v pq.Int96) {
	day, in := seconds/86400, seconds%86400
	if in < 0 {
		day, in = day-1, in+86400
	}
	binary.LittleEndian.PutUint64(v[:], uint64(in*1e9+nanos))
	binary.LittleEndian.PutUint32(v[8:], uint32(day+2_440_588))
	return v
}

func int96File(kv map[string]string, vals ...pq.Int96) pqFile {
	return pqFile{kv: kv, node: schema.NewInt96Node("t", pq.Repetitions.Required, -1), put: func(c file.ColumnChunkWriter) error {
		_, err := c.(*file.Int96ColumnChunkWriter).WriteBatch(vals, nil, nil)
		return err
	}}
}

// TestInt96KeepsItsYears: Spark's default timestamps are right in every year that
// Spark has, or the column is refused; they never wrap.
func TestInt96KeepsItsYears(t *testing.T) {
	spark := map[string]string{"org.apache.spark.version": "4.1.0"}
	y1500, y9999 := int96At(-14831769600, 1000), int96At(253402300799, 999_999_000)
	r, out := shardtest.Must(t, int96File(spark, y1500, int96At(0, 0), y9999).bytes(t), shard.Spec{Name: "x.parquet"})
	if got := strings.Join(columntest.Cells(t, out, "t"), " "); got != "1500-01-01T00:00:00.000001Z 1970-01-01T00:00:00Z "+
		"9999-12-31T23:59:59.999999Z" && got != "1500-01-01 00:00:00.000001Z 1970-01-01 00:00:00Z 9999-12-31 23:59:59.999999Z" {
		t.Error(got)
	}
	if r.Columns[0].Type != "timestamp[us, tz=UTC]" || !strings.Contains(strings.Join(r.Notes, "\n"),
		`column "t": INT96 became timestamp[us, tz=UTC]`) {
		t.Errorf("%s: %v", r.Columns[0].Type, r.Notes)
	}
	r, out = shardtest.Must(t, int96File(nil, int96At(1, 1), int96At(2, 0)).bytes(t), shard.Spec{Name: "x.parquet"})
	if got := strings.Join(columntest.Cells(t, out, "t"), " "); r.Columns[0].Type != "timestamp[ns]" || !strings.Contains(got,
		"00:00:01.000000001") {
		t.Errorf("%s %s", r.Columns[0].Type, got)
	}
	for name, c := range map[string]struct {
		f    pqFile
		want []byte
	}{
		"years and nanoseconds":       {int96File(nil, y9999, int96At(0, 1)), nil},
		"years beside another shard":  {int96File(nil, y9999), r.Schema},
		"nanoseconds beside a shard":  {int96File(nil, int96At(5, 5)), must1(t, int96File(nil, y9999).bytes(t)).Schema},
		"a year of no calendar's use": {int96File(nil, int96At(1<<44, 1)), nil},
	} {
		_, _, err := shardtest.Conform(t, c.f.bytes(t), shard.Spec{Name: "x.parquet", Schema: c.want})
		if err == nil || !strings.Contains(err.Error(), `column "t"`) || !strings.Contains(err.Error(), "TIMESTAMP_MICROS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func must1(t testing.TB, b []byte) shard.Report {
	r, _ := shardtest.Must(t, b, shard.Spec{Name: "x.parquet"})
	return r
}

func pairsOf(rep pq.Repetition) schema.Node {
	item, err := schema.NewGroupNode("element", rep, schema.FieldList{schema.NewInt32Node("a", pq.Repetitions.Required, -1),
		schema.NewInt32Node("b", pq.Repetitions.Required, -1)}, -1)
	if err != nil {
		panic(err)
	}
	n, err := schema.ListOf(item, pq.Repetitions.Optional, -1)
	if err != nil {
		panic(err)
	}
	return schema.MustGroup(schema.NewGroupNodeLogical("x", pq.Repetitions.Optional, schema.FieldList{n.Field(0)},
		schema.ListLogicalType{}, -1))
}

func ints(vals []int32, def, rep []int16) func(file.ColumnChunkWriter) error {
	return func(c file.ColumnChunkWriter) error {
		_, err := c.(*file.Int32ColumnChunkWriter).WriteBatch(vals, def, rep)
		return err
	}
}

// TestContradictoryListsAreRefused: two members of a list that say differently where
// it ends would make invented rows.
func TestContradictoryListsAreRefused(t *testing.T) {
	good := pqFile{node: pairsOf(pq.Repetitions.Required), put: ints([]int32{1, 2, 3}, []int16{2, 2, 2, 0, 1}, []int16{0, 0, 1, 0,
		0}), more: []func(file.ColumnChunkWriter) error{ints([]int32{4, 5, 6}, []int16{2, 2, 2, 0, 1}, []int16{0, 0, 1, 0, 0})}}
	_, out := shardtest.Must(t, good.bytes(t), shard.Spec{Name: "x.parquet"})
	if diff := cmp.Diff([]string{`[{"a":1,"b":4}]`, `[{"a":2,"b":5},{"a":3,"b":6}]`, "null", "[]"}, columntest.Cells(t, out,
		"x")); diff != "" {
		t.Error(diff)
	}
	for name, b := range map[string]func(file.ColumnChunkWriter) error{
		"another end":          ints([]int32{4, 5, 6}, []int16{2, 2, 2, 0, 1}, []int16{0, 1, 0, 0, 0}),
		"null against empty":   ints([]int32{4, 5, 6}, []int16{2, 2, 2, 1, 1}, []int16{0, 0, 1, 0, 0}),
		"one that never began": ints([]int32{4, 5, 6, 7}, []int16{2, 2, 2, 0, 1, 2}, []int16{0, 0, 1, 0, 0, 1}),
		"one element fewer":    ints([]int32{4, 5}, []int16{2, 2, 0, 1}, []int16{0, 0, 0, 0}),
	} {
		bad := good
		bad.more = []func(file.ColumnChunkWriter) error{b}
		if _, _, err := shardtest.Conform(t, bad.bytes(t), shard.Spec{Name: "x.parquet"}); err == nil || !strings.Contains(err.Error(),
			"do not add up") || !strings.Contains(err.Error(), `column "x`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNarrowIntegersOutsideTheirType: Parquet stores int8 in 32 bits.
func TestNarrowIntegersOutsideTheirType(t *testing.T) {
	n := schema.MustPrimitive(schema.NewPrimitiveNodeLogical("n", pq.Repetitions.Optional, schema.NewIntLogicalType(8, true),
		pq.Types.Int32, -1, -1))
	f := pqFile{node: n, put: ints([]int32{-128, 127, 300}, []int16{1, 0, 1, 1}, nil)}
	if _, _, err := shardtest.Conform(t, f.bytes(t), shard.Spec{Name: "x.parquet"}); err == nil || !strings.Contains(err.Error(),
		`column "n"`) || !strings.Contains(err.Error(), "row 3 holds 300, which does not fit int8") {
		t.Error(err)
	}
	f.put = ints([]int32{-128, 127}, []int16{1, 0, 1}, nil)
	if _, out := shardtest.Must(t, f.bytes(t), shard.Spec{Name: "x.parquet"}); strings.Join(columntest.Cells(t, out, "n"),
		" ") != "-128 null 127" {
		t.Error(columntest.Cells(t, out, "n"))
	}
}

// TestPageChecksums: a flipped bit in a page that carries its checksum is found.
func TestPageChecksums(t *testing.T) {
	b := shardtest.ReadShared(t, "data", "interop", "parquet", "datapage_v1-snappy-compressed-checksum.parquet")
	shardtest.Must(t, b, shard.Spec{Name: "x.parquet"})
	bad := shardtest.ReadShared(t, "data", "interop", "bad", "parquet", "datapage_v1-corrupt-checksum.parquet")
	if _, _, err := shardtest.Conform(t, bad, shard.Spec{Name: "x.parquet"}); err == nil || !strings.Contains(err.Error(),
		`column "a": page 0 of row group 0 is damaged: its checksum does not hold`) {
		t.Error(err)
	}
}

// TestEncryptedParquet: keys never reach the gateway; the sentence says what to do.
func TestEncryptedParquet(t *testing.T) {
	files, err := filepath.Glob(sharedtest.Path(t, "data", "interop", "parquet", "encrypted", "*.encrypted"))
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := shardtest.Conform(t, b, shard.Spec{Name: "x.parquet"}); err == nil || !strings.Contains(err.Error(),
			"write it without encryption") {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// TestLargeValuesMakeSmallBatches: rows of 300 KB, as pictures have, are read some at
// a time and not refused for their sum.
func TestLargeValuesMakeSmallBatches(t *testing.T) {
	n := schema.NewByteArrayNode("b", pq.Repetitions.Required, -1)
	f := pqFile{node: n, put: func(c file.ColumnChunkWriter) error {
		vals := make([]pq.ByteArray, 700)
		for i := range vals {
			vals[i] = bytes.Repeat([]byte{byte(i)}, 300_000)
		}
		_, err := c.(*file.ByteArrayColumnChunkWriter).WriteBatch(vals, nil, nil)
		return err
	}}
	src, err := parquet.Open(context.Background(), f.bytes(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, most := 0, 0
	err = src.Each(context.Background(), func(b batch.Rows) error {
		for i := range b.Len {
			if v := b.Columns[0].Bytes(i); len(v) != 300_000 || v[0] != byte(rows+i) || v[299_999] != byte(rows+i) {
				t.Fatalf("row %d holds %d bytes of %d", rows+i, len(v), v[0])
			}
		}
		rows, most = rows+b.Len, max(most, b.Len)
		return nil
	})
	if err != nil || rows != 700 || most > 200 {
		t.Errorf("%d rows, at most %d at a time: %v", rows, most, err)
	}
}

// TestRandomNestedParquet compares random nested columns with pyarrow's reading.
func TestRandomNestedParquet(t *testing.T) {
	out, err := exec.Command(sharedtest.Python(t), "testdata/random_tables.py", t.TempDir(), "7", "200").Output()
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string][]byte{}
	for path := range strings.FieldsSeq(string(out)) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, pairs[path] = shardtest.Must(t, b, shard.Spec{Name: "x.parquet"})
	}
	if len(pairs) < 150 {
		t.Errorf("only %d files were written", len(pairs))
	}
	for path, j := range shardtest.Judge(t, pairs) {
		if j.Error != "" || j.Broken != "" || len(j.Differs) > 0 {
			t.Errorf("%s: %+v", path, j)
		}
	}
}

// TestLargePages: pages of several MiB are read piece by piece where their codec
// allows it, so that tables of pictures fit the child; values are the same.
func TestLargePages(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command(sharedtest.Python(t), "-c", `
import sys, pyarrow as pa, pyarrow.parquet as pq
rows = 180_000
some = lambda f: [None if i % 13 == 5 else f(i) for i in range(rows)]
table = pa.table({
  "n": pa.array(some(lambda i: i * i), pa.int64()), "whole": pa.array(range(rows), pa.int32()),
  "x": pa.array(some(lambda i: i / 7), pa.float64()), "b": pa.array(some(lambda i: i % 3 == 0)),
  "word": pa.array(some(lambda i: "ž" * (i % 40))),
  "bytes": pa.array(some(lambda i: (i % 251).to_bytes(9, "big")), pa.binary(9)),
  "list": pa.array(some(lambda i: ["w" + str(i)] * (i % 3))),
})
for version in ("1.0", "2.0"):
  for codec in ("none", "snappy", "zstd", "gzip", "brotli", "lz4"):
    pq.write_table(table, f"{sys.argv[1]}/{codec}-{version}.parquet", use_dictionary=False, data_page_size=16 << 20,
      compression=codec, data_page_version=version, write_batch_size=rows)
`, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob(dir + "/*.parquet")
	if err != nil || len(files) != 12 {
		t.Fatal(len(files), err)
	}
	pairs := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, pairs[f], err = shardtest.Conform(t, b, shard.Spec{Name: "x.parquet"}); err != nil {
			t.Error(err)
		}
	}
	for path, j := range shardtest.Judge(t, pairs) {
		if j.Error != "" || j.Broken != "" || len(j.Differs) > 0 {
			t.Errorf("%s: %+v", path, j)
		}
	}
}
