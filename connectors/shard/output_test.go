package shard_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/shard"
	"guichet/schemas"
)

// A small file that unpacks without end is refused before it fills a disk.
func TestOutputIsBounded(t *testing.T) {
	const rows = 1 << 16
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues(make([]int64, rows), nil)
	rec := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil),
		[]arrow.Array{b.NewArray()}, rows)
	f, err := os.Create(filepath.Join(t.TempDir(), "bomb.arrows"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := arrowipc.NewWriter(f, arrowipc.WithSchema(rec.Schema()), arrowipc.WithZstd())
	for range 600 { // 300 MiB
		err = errors.Join(err, w.Write(rec))
	}
	err = errors.Join(err, w.Close())
	if err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err != nil || st.Size() > 512<<10 {
		t.Fatalf("the bomb has %d bytes, %v", st.Size(), err)
	}
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	_, err = shard.Conform(context.Background(), f, st.Size(), shard.Spec{}, out)
	if schemas.KindOf(err) != schemas.TooLarge || !strings.Contains(err.Error(), "64 times") {
		t.Error(err)
	}
	wrote, err := out.Stat()
	if err != nil || wrote.Size() > shard.MostOut(st.Size()) {
		t.Errorf("%d bytes were written, %v", wrote.Size(), err)
	}
}
