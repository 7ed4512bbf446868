package read_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/policy/view"
	"guichet/schemas"
)

// What one read of a view really holds, its buffer and the messages that were made of
// it, is no more than what is counted for it; and that is a few reads' worth however
// much longer an edit makes values.
func TestReadsOfGrowingViewsHoldWhatIsCounted(t *testing.T) {
	const values = 128 << 10 // two batches
	b := array.NewInt8Builder(memory.DefaultAllocator)
	for i := range values {
		b.Append(int8(i))
	}
	var names []string
	var fields []arrow.Field
	var cols []arrow.Array
	column := b.NewArray()
	for i := range 8 {
		names = append(names, fmt.Sprint("k", i))
		fields, cols = append(fields, arrow.Field{Name: names[i], Type: arrow.PrimitiveTypes.Int8}), append(cols, column)
	}
	l := newLab(t, 0, array.NewRecord(arrow.NewSchema(fields, nil), cols, values))
	filter := schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "k0", Op: "gteq", Values: []string{"-128"}}}
	pseudonyms := schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: names}
	for name, duties := range map[string][]schemas.Duty{"raw": nil, "pseudonymised": {pseudonyms}, "filtered": {filter},
		"both": {filter, pseudonyms}} {
		for _, together := range []int64{read.MaxRange, 0} {
			s := l.source(t, duties)
			reads := ranges(t, s, together)
			ctx, cancel := context.WithCancel(t.Context())
			rd := read.NewReader(s, l.Open, false)
			var worst, rows int64
			for i, one := range reads {
				res := rd.Fetch(ctx, one, i == 0)
				streamtest.Must(t, res.Err)
				for m, err := range res.Each(false) {
					streamtest.Must(t, err)
					rows += m.Rows
				}
				worst = max(worst, read.HeldFor(one, res, s.View.Raw()))
			}
			cancel()
			counted := read.HeldBytes(reads, 0)
			if rows != values || worst > counted || counted > 2*read.MaxRange+view.MaxMessage {
				t.Errorf("%s, %d together: a read holds %d bytes, counted as %d; %d rows", name, together, worst, counted, rows)
			}
		}
	}
}

// A filtered stream whose store goes away, or whose client does, ends: no read waits for
// the rows of one before it that never come. That nothing is left is TestMain's.
func TestFilteredStreamEnds(t *testing.T) {
	var shards []arrow.Record
	for i := range 3 {
		shards = append(shards, streamtest.People(rand.New(rand.NewPCG(1, uint64(i))), 3000))
	}
	l := newLab(t, 1, shards...) // a read for every few rows, each waiting for the last
	l.Version.Data[0].WindowRows = 4096
	src := l.source(t, []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "lt", Values: []string{"30"}}}})
	p, err := plan.NewPlan(src, plan.Ask{World: 1})
	streamtest.Must(t, err)
	for i := range src.Split.Shards { // ranges do not touch each other
		for j := range src.Split.Shards[i].Batches {
			src.Split.Shards[i].Batches[j].Offset += int64(j) * 8
		}
	}
	reads := read.PlanReads(src, src.Slices(p.Segments), read.MaxRange)
	if len(reads) < 100 {
		t.Fatalf("only %d reads", len(reads))
	}
	l.Gone.Store(true)
	rd := read.NewReader(src, l.Open, false)
	ctx, cancel := context.WithCancel(context.Background())
	res := <-read.Pipeline(ctx, l.budget, rd, reads, 0)
	cancel()
	if schemas.KindOf(res.Err) != schemas.NotFound && schemas.KindOf(res.Err) != schemas.Gone {
		t.Errorf("got %v", res.Err)
	}
}

// Rows of one batch that come of two answers have one dictionary, also where the second
// is late and the stream has gone on to other shards meanwhile.
func TestLateReadsShareADictionary(t *testing.T) {
	l := people(t, 30, 3, 3)
	s := l.source(t, []schemas.Duty{streamtest.Filter("n", "lt", "90")})
	want := l.stream(t, s, ranges(t, s, read.MaxRange), false)
	late := fmt.Sprintf("bytes=%d-", l.Split().Shards[0].Batches[1].Offset)
	ahead := make(chan struct{})
	goesOn := sync.OnceFunc(func() { close(ahead) })
	l.OnGet = func(_ int64, r *http.Request) {
		switch key := path.Base(r.URL.Path); {
		case key == "2.arrow":
			goesOn()
		case key == "0.arrow" && strings.HasPrefix(r.Header.Get("Range"), late):
			<-ahead
		}
	}
	if got := l.stream(t, s, read.Apart(ranges(t, s, 0)), false); !bytes.Equal(got, want) {
		t.Error("other bytes came: a dictionary has a value twice")
	}
}
