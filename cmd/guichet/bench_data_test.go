package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/cmd/guichet/demo"
	"guichet/schemas"
)

// set is data of the bench's own, in the store: rows of ten columns, 154 bytes each, in
// batches of 16,384.
type set struct {
	name   string
	prefix string // in the bucket
	files  []string
	bytes  int64
	rate   float64 // bytes a second from start to published
	cpu    float64 // seconds of gateway and its children
	plain  schemas.AgreementID
	shards []schemas.Shard
	views  int
}

const batchRows = 16_384

// The bench's sets: objects, and batches of each.
func shapes() map[string][2]int {
	return map[string][2]int{"large": {4, 48}, "small": {40, 1}, "one": {1, 1}}
}

// set makes and publishes a set at its first use.
func (m *meter) set(name string) *set {
	if s := m.sets[name]; s != nil {
		return s
	}
	m.up()
	shape := shapes()[name]
	s := &set{name: name, prefix: "grid/bench-" + name + "/"}
	for i := range shape[0] {
		path := filepath.Join(m.dir, fmt.Sprintf("%s-%02d.arrow", name, i))
		m.must(writeRows(path, shape[1], int64(i*shape[1])*batchRows))
		f, err := os.Open(path)
		m.must(err)
		info, err := f.Stat()
		m.must(err)
		_, err = m.store().Put(m.Context(), m.rig.S3.Bucket, s.prefix+filepath.Base(path), f, info.Size())
		m.must(err)
		f.Close()
		s.bytes += info.Size()
		s.files = append(s.files, path)
	}
	var d schemas.Dataset
	d, s.rate, s.cpu = m.published(name, s.prefix, s.bytes)
	s.plain = m.shown(d, nil)
	var v schemas.Version
	m.must(m.as("grid").Get(m.Context(), "/datasets/"+string(d.ID)+"/versions/1/manifest", &v))
	s.shards = v.Data[0].Splits[0].Shards
	m.sets[name] = s
	return s
}

// view gives an agreement on the same objects under duties.
func (m *meter) view(s *set, duties ...schemas.Duty) schemas.AgreementID {
	s.views++
	d, _, _ := m.published(fmt.Sprintf("%s-%d", s.name, s.views), s.prefix, s.bytes)
	return m.shown(d, duties)
}

// published publishes what lies under a prefix as a new dataset; it gives the bytes a second
// and the gateway's seconds of processor, with its children's.
func (m *meter) published(name, prefix string, bytes int64) (schemas.Dataset, float64, float64) {
	ctx, grid := m.Context(), m.as("grid")
	d, err := demo.Registered(ctx, grid, schemas.Dataset{IRI: "urn:bench:" + name, Space: "energy", Title: schemas.Text{"en": name},
		Licence: "CC-BY-4.0", Countries: []string{"LU"}})
	m.must(err)
	used := processor(m.gateway.Process.Pid)
	m.must(grid.Post(ctx, "/datasets/"+string(d.ID)+"/versions", schemas.Publication{Version: "1", Store: "local", Bucket: m.rig.S3.Bucket,
		Tables: []schemas.PublicationTable{{Name: "data", Splits: []schemas.PublicationSplit{{Name: "all", Prefix: prefix}}}}}, nil))
	v, err := grid.WaitPublished(ctx, d.ID, "1", nil)
	m.must(err)
	for m.reading() {
		time.Sleep(10 * time.Millisecond)
	}
	return d, float64(bytes) / v.Published.Sub(v.Started).Seconds(), processor(m.gateway.Process.Pid) - used
}

// benchSchema has what figures need: whole numbers and texts that repeat and that do not, a
// decimal to filter by, and a vector that is most of a row.
func benchSchema() *arrow.Schema {
	field := func(name string, t arrow.DataType) arrow.Field { return arrow.Field{Name: name, Type: t} }
	return arrow.NewSchema([]arrow.Field{
		field("id", arrow.PrimitiveTypes.Int64), field("site", arrow.PrimitiveTypes.Int64), field("minute", arrow.PrimitiveTypes.Int64),
		field("share", arrow.PrimitiveTypes.Float64), field("load", arrow.PrimitiveTypes.Float64), field("price", arrow.PrimitiveTypes.Float64),
		field("name", arrow.BinaryTypes.String), field("place", arrow.BinaryTypes.String), field("serial", arrow.BinaryTypes.String),
		field("vector", arrow.FixedSizeListOfNonNullable(16, arrow.PrimitiveTypes.Float32)),
	}, nil)
}

// writeRows writes one file of batches, whose rows count from first.
func writeRows(path string, batches int, first int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(benchSchema()))
	if err != nil {
		return err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, benchSchema())
	defer b.Release()
	r := rand.New(rand.NewPCG(uint64(first), 7))
	vector := make([]float32, 16)
	for n := range batches {
		list := b.Field(9).(*array.FixedSizeListBuilder)
		for i := range batchRows {
			id := first + int64(n*batchRows+i)
			b.Field(0).(*array.Int64Builder).Append(id)
			b.Field(1).(*array.Int64Builder).Append(r.Int64N(1000))
			b.Field(2).(*array.Int64Builder).Append(id / 60)
			for c := 3; c < 6; c++ {
				b.Field(c).(*array.Float64Builder).Append(r.Float64())
			}
			b.Field(6).(*array.StringBuilder).Append(fmt.Sprintf("name-%05d", r.IntN(1000)))
			b.Field(7).(*array.StringBuilder).Append(fmt.Sprintf("place-%04d", r.IntN(100)))
			b.Field(8).(*array.StringBuilder).Append(fmt.Sprintf("%010d", id))
			for k := range vector {
				vector[k] = r.Float32()
			}
			list.Append(true)
			list.ValueBuilder().(*array.Float32Builder).AppendValues(vector, nil)
		}
		rec := b.NewRecord()
		err := w.Write(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return w.Close()
}
