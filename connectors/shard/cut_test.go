package shard_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/column/columntest"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
)

// TestCutDependsOnRowsAlone writes the same rows in different batches.
func TestCutDependsOnRowsAlone(t *testing.T) {
	var first []byte
	for _, batches := range [][]int{{3000}, {1, 2999}, {1500, 0, 1500}, {1024, 1024, 952}} {
		r, out := shardtest.Must(t, shardtest.Wide(t, 4000, batches...), shard.Spec{})
		if r.WindowRows != 512 || r.Rows != 3000 {
			t.Fatalf("windows of %d, %d rows", r.WindowRows, r.Rows)
		}
		if first == nil {
			first = out
		}
		if !bytes.Equal(first, out) {
			t.Errorf("batches of %v give other bytes", batches)
		}
	}
}

func TestManyBatchesInAWindow(t *testing.T) {
	r, _ := shardtest.Within(t, shardtest.Wide(t, 4000, 3000), 2048)
	var rows []int64
	for _, b := range r.Batches {
		rows = append(rows, b.Rows)
	}
	if fmt.Sprint(rows) != "[912 912 224 912 40]" {
		t.Fatalf("%v", rows)
	}
	for _, b := range r.Batches {
		if b.Len() > 4<<20 {
			t.Errorf("a message of %d bytes", b.Len())
		}
	}
}

func TestGiantRow(t *testing.T) {
	r, _ := shardtest.Must(t, shardtest.Wide(t, 5<<20, 1, 2), shard.Spec{})
	if r.WindowRows != 1 || len(r.Batches) != 3 || !strings.Contains(strings.Join(r.Notes, "\n"), "3 rows are larger than a message") {
		t.Fatalf("%+v", r)
	}
}

func TestLargeDictionaryBecomesPlain(t *testing.T) {
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{{Name: "d", Type: dt, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	for i := range 2000 {
		if err := b.Field(0).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprintf("%4000d", i)); err != nil {
			t.Fatal(err)
		}
	}
	rec := b.NewRecord()
	r, out := shardtest.Must(t, columntest.Stream(t, schema, []arrow.Record{rec}), shard.Spec{})
	if r.Columns[0].Type != "utf8" || len(r.Dictionaries) != 0 || !strings.Contains(r.Notes[0], "too large for a message") {
		t.Fatalf("%v %v", r.Columns, r.Notes)
	}
	if a, b := columntest.Texts([]arrow.Record{rec}), columntest.Texts(columntest.ReadFile(t, out)); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Fatal("values differ")
	}
}

// TestEveryCut cuts a small stream at every byte: always refused, naming it.
func TestEveryCut(t *testing.T) {
	whole := shardtest.Wide(t, 20, 5, 3)
	for n := range whole {
		_, _, err := shardtest.Conform(t, whole[:n], shard.Spec{Format: shard.FormatArrowStream})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("cut at byte %d", n)) {
			t.Fatalf("cut at byte %d: %v", n, err)
		}
	}
	_, file := shardtest.Must(t, whole, shard.Spec{})
	for n := range file {
		if _, _, err := shardtest.Conform(t, file[:n], shard.Spec{Format: shard.FormatArrowFile}); err == nil {
			t.Fatalf("a file cut at byte %d passes", n)
		}
	}
}

// TestNothingHidden plants bytes that no reader of values would see; each must
// keep the file from staying where it is, and be gone from what is written.
func TestNothingHidden(t *testing.T) {
	const mark = "Zyxomma"
	r, file := shardtest.Must(t, shardtest.Wide(t, 20, 5, 3), shard.Spec{})
	b, clean := r.Batches[0], fmt.Sprint(columntest.Texts(columntest.ReadFile(t, file)))
	for at := b.Offset + int64(b.Meta); at+int64(len(mark)) <= b.Offset+b.Len(); at++ {
		if bytes.Count(file[at:at+int64(len(mark))], []byte{0}) < len(mark) {
			continue
		}
		bad := bytes.Clone(file)
		copy(bad[at:], mark)
		rep, out, err := shardtest.Conform(t, bad, shard.Spec{})
		if err != nil || fmt.Sprint(columntest.Texts(columntest.ReadFile(t, out))) != clean {
			continue // refused, or the mark stands in values
		}
		if rep.Conforms || bytes.Contains(out, []byte(mark)) {
			t.Fatalf("byte %d: conforms %t, and the mark is in the bytes", at, rep.Conforms)
		}
	}
	gap := append(append(bytes.Clone(file[:b.Offset+b.Len()]), mark+"\x00"...), file[b.Offset+b.Len():]...)
	if rep, _, err := shardtest.Conform(t, gap, shard.Spec{}); err == nil && rep.Conforms {
		t.Fatal("a gap before the footer conforms")
	}
}

// TestSchemaOfTheTable gives a second shard the first one's schema.
func TestSchemaOfTheTable(t *testing.T) {
	a, _ := shardtest.Must(t, []byte("id,v\n1,2\n"), shard.Spec{Name: "a.csv"})
	b, _, err := shardtest.Conform(t, []byte("id,v\n,\n"), shard.Spec{Name: "b.csv", Schema: a.Schema, WindowRows: a.WindowRows})
	if err != nil || shardtest.Types(b) != "id:int64 v:int64" || !bytes.Equal(a.Schema, b.Schema) {
		t.Fatal(shardtest.Types(b), err)
	}
	for in, want := range map[string]string{
		"id,w\n1,2\n":  `column 2 is called "w"; in the table's other shards it is "v"`,
		"id\n1\n":      `the shard has 1 columns; the table's other shards have 2`,
		"id,v\n1,x1\n": `line 2, column "v": "x1" is not a value of type int64`,
	} {
		if _, _, err := shardtest.Conform(t, []byte(in), shard.Spec{Name: "c.csv",
			Schema: a.Schema}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// TestPyarrowAgrees lets pyarrow open what was written, where it is at hand.
func TestPyarrowAgrees(t *testing.T) {
	python := sharedtest.Python(t)
	const script = `
import sys, pyarrow as pa, pyarrow.ipc as ipc
src, out = sys.argv[1:]
a, b = ipc.open_stream(src).read_all(), ipc.open_file(out).read_all()
b.validate(full=True)
assert a.num_rows == b.num_rows, (a.num_rows, b.num_rows)
for n in a.column_names:
    assert a[n].to_pylist() == b[n].to_pylist(), n
`
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		schema, recs := columntest.Table(r)
		in := columntest.Stream(t, schema, recs)
		_, out := shardtest.MustIn(t, in, shard.Spec{WindowRows: 16})
		dir := t.TempDir()
		src, dst := filepath.Join(dir, "in.arrows"), filepath.Join(dir, "out.arrow")
		for p, b := range map[string][]byte{src: in, dst: out} {
			if err := os.WriteFile(p, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if msg, err := exec.Command(python, "-c", script, src, dst).CombinedOutput(); err != nil {
			t.Errorf("seed %d, %s: %v\n%s", seed, schema, err, msg)
		}
	}
}

func BenchmarkConform(b *testing.B) {
	stream := shardtest.Wide(b, 120, 65536, 65536, 65536)
	r, file := shardtest.Must(b, stream, shard.Spec{})
	for _, x := range []struct {
		name string
		data []byte
	}{{"conforming", file}, {"rewritten", stream}} {
		b.Run(x.name, func(b *testing.B) {
			b.SetBytes(int64(len(x.data)))
			for b.Loop() {
				if _, _, err := shardtest.Conform(b, x.data, shard.Spec{WindowRows: r.WindowRows}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzConform(f *testing.F) {
	stream := shardtest.Wide(f, 10, 4, 3)
	_, file := shardtest.Must(f, stream, shard.Spec{})
	f.Add(stream, uint8(0))
	f.Add(file, uint8(0))
	f.Add([]byte("a;b\n1;\"x\"\n"), uint8(1))
	for _, bad := range []string{"arrow-ipc-file", "arrow-ipc-stream", "csv"} {
		files, _ := filepath.Glob(filepath.Join(os.Getenv("GUICHET_SHARED"), "data", "interop", "bad", bad, "*"))
		for _, p := range files {
			if b, err := os.ReadFile(p); err == nil && len(b) < 32<<10 {
				f.Add(b, uint8(len(bad)%4)) // csv 3, file 2, stream 0: each tried as another format, too
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		spec := shard.Spec{Format: []shard.Format{"", shard.FormatCSV, shard.FormatArrowStream, shard.FormatArrowFile}[kind%4]}
		if bytes.HasPrefix(b, []byte("PAR1")) {
			return // never outside the child
		}
		r, out, err := shardtest.Conform(t, b, spec)
		if err != nil {
			return
		}
		again, _, err := shardtest.Conform(t, out, shard.Spec{WindowRows: r.WindowRows, Schema: r.Schema})
		if err != nil || !again.Conforms || again.Rows != r.Rows {
			t.Fatalf("own output: conforms %t, %d of %d rows, %v", again.Conforms, again.Rows, r.Rows, err)
		}
	})
}

// TestWindowsBesideGiants: a giant row among small ones does not settle the windows of
// the others, wherever it stands and however the rows came.
func TestWindowsBesideGiants(t *testing.T) {
	giant, small := strings.Repeat("g", 5<<20), strings.Repeat("s", 100)
	for name, rows := range map[string][]string{
		"first": append([]string{giant}, slices.Repeat([]string{small}, 50_000)...),
		"third": slices.Concat([]string{small, small, giant}, slices.Repeat([]string{small}, 50_000)),
		"two":   slices.Concat([]string{giant, giant, small}, slices.Repeat([]string{small}, 50_000)),
	} {
		r, out := shardtest.Must(t, []byte("v,w\n"+strings.Join(rows, ",1\n")+",1\n"), shard.Spec{Name: "x.csv"})
		if r.WindowRows < 8192 || len(r.Batches) > 20 || r.OutSize > int64(20<<20) {
			t.Errorf("%s: %d rows per window, %d batches, %d bytes", name, r.WindowRows, len(r.Batches), r.OutSize)
		}
		again, _ := shardtest.Must(t, stream(t, columntest.ReadFile(t, out)), shard.Spec{})
		if again.WindowRows != r.WindowRows || len(again.Batches) != len(r.Batches) {
			t.Errorf("%s: by other batches there are %d rows per window and %d batches", name, again.WindowRows, len(again.Batches))
		}
	}
}

// stream gives records as a stream with batches of other lengths.
func stream(t *testing.T, recs []arrow.Record) []byte {
	t.Helper()
	var cut []arrow.Record
	for _, rec := range recs {
		for at := int64(0); at < rec.NumRows(); at += 777 {
			cut = append(cut, rec.NewSlice(at, min(at+777, rec.NumRows())))
		}
	}
	return columntest.Stream(t, recs[0].Schema(), cut)
}
