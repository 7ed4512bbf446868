package read_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// A store that answers other bytes under the ETag that was published ends the stream,
// the file or the index in words, never the gateway.
func TestForeignBytesAreRefused(t *testing.T) {
	kind := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "d", Type: kind}}, nil))
	for i := range 64 {
		streamtest.Must(t, b.Field(0).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprint("v", i%3)))
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
				l.Own.Store(true) // so that nothing but the decoder sees them
				s := l.source(t, []schemas.Duty{duty})
				p, err := plan.NewPlan(s, plan.Ask{World: 1})
				streamtest.Must(t, err)
				first := s.Split.Shards[0].Batches[0]
				for i := range 8 {
					l.Objects["0.arrow"][first.Offset+int64(first.Meta)+int64(i)] = index
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				rd := read.NewReader(s, l.Open, false)
				res := <-read.Pipeline(ctx, l.budget, rd, read.PlanReads(s, s.Slices(p.Segments), read.MaxRange), 0)
				res.Release()
				if schemas.KindOf(res.Err) != schemas.Gone {
					t.Errorf("got %v", res.Err)
				}
			})
		}
	}
}

// Whatever a reader of foreign bytes trips over is a refusal.
func TestPanicsOverForeignBytesAreRefused(t *testing.T) {
	l := newLab(t, 0, streamtest.Numbers(4))
	s := l.source(t, []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "gteq", Values: []string{"0"}}}})
	s.View.Filter = nil // stands for any fault of ours that such bytes find
	rd := read.NewReader(s, l.Open, false)
	p, err := plan.NewPlan(s, plan.Ask{World: 1})
	streamtest.Must(t, err)
	res := rd.Fetch(t.Context(), read.PlanReads(s, s.Slices(p.Segments), read.MaxRange)[0], true)
	if schemas.KindOf(res.Err) != schemas.Gone {
		t.Errorf("got %v", res.Err)
	}
}
