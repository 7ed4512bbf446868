package stream

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas"
)

// A store that answers other bytes under the ETag that was published ends the stream,
// the file or the index in words, never the gateway.
func TestForeignBytesAreRefused(t *testing.T) {
	kind := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "d", Type: kind}}, nil))
	for i := range 64 {
		must(t, b.Field(0).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprint("v", i%3)))
	}
	rec := b.NewRecord()
	for name, duty := range map[string]schemas.Duty{
		"filtered":      {Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "d", Op: "eq", Values: []string{"v1"}}},
		"pseudonymised": {Kind: schemas.DutyPseudonymise, Columns: []string{"d"}},
		"generalised":   {Kind: schemas.DutyGeneralise, Columns: []string{"d"}, To: "first:1"},
	} {
		for _, index := range []byte{77, 0x80} { // beyond the dictionary, and below zero
			t.Run(fmt.Sprint(name, index), func(t *testing.T) {
				l := newLab(t, 0, rec)
				l.own.Store(true) // so that nothing but the decoder sees them
				s := l.source(t, []schemas.Duty{duty})
				p, err := NewPlan(s, Ask{World: 1})
				must(t, err)
				first := s.Split.Shards[0].Batches[0]
				for i := range 8 {
					l.objects["0.arrow"][first.Offset+int64(first.Meta)+int64(i)] = index
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				rd := newReader(s, l.engine.Store, false)
				res := <-pipeline(ctx, l.engine.budget, rd, planReads(s, s.slices(p.Segments), maxRead))
				res.letGo()
				_, filed := l.engine.Files.Open(t.Context(), s, 0, "who")
				for what, err := range map[string]error{"stream": res.err, "file": filed} {
					if schemas.KindOf(err) != schemas.Gone {
						t.Errorf("%s: %v", what, err)
					}
				}
				if s.view.Filter == nil {
					return
				}
				_, err = l.engine.indexes.scan(t.Context(), &progress{}, s.Table, s.Split, s.view)
				if schemas.KindOf(err) != schemas.Gone {
					t.Errorf("index: %v", err)
				}
			})
		}
	}
}

// Whatever a reader of foreign bytes trips over is a refusal.
func TestPanicsOverForeignBytesAreRefused(t *testing.T) {
	l := newLab(t, 0, numbers(4))
	s := l.source(t, []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "gteq", Values: []string{"0"}}}})
	s.view.Filter = nil // stands for any fault of ours that such bytes find
	rd := newReader(s, l.engine.Store, false)
	p, err := NewPlan(s, Ask{World: 1})
	must(t, err)
	res := rd.fetch(t.Context(), planReads(s, s.slices(p.Segments), maxRead)[0], true)
	if schemas.KindOf(res.err) != schemas.Gone {
		t.Errorf("got %v", res.err)
	}
}

func numbers(rows int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil))
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
	}
	return b.NewRecord()
}
