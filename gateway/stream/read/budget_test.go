package read_test

import (
	"bytes"
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/memory"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// A stream whose budget has no room to read ahead goes on by its own read, one at a time.
func TestNoRoomToReadAhead(t *testing.T) {
	l := people(t, 300)
	s := l.source(t, nil)
	reads := ranges(t, s, 0)
	want := l.stream(t, s, reads, false)
	l.budget = memory.NewBudget(2)
	var sent, most atomic.Int64
	l.OnGet = func(n int64, _ *http.Request) { most.Store(max(most.Load(), n-sent.Load())) }
	l.Gets.Store(0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rd := read.NewReader(s, l.Open, false)
	got := append([]byte(nil), s.Schema()...)
	for res := range read.Pipeline(ctx, l.budget, rd, reads, 0) {
		streamtest.Must(t, res.Err)
		for m, err := range res.Each(false) {
			streamtest.Must(t, err)
			got = append(got, m.Bytes...)
		}
		sent.Add(1)
		res.Release()
	}
	if !bytes.Equal(append(got, ipc.EndOfStream()...), want) {
		t.Error("other bytes came")
	}
	if extra := int64(len(s.View.Dictionaries)); most.Load() > 1+extra {
		t.Errorf("%d reads were under way at once", most.Load())
	}
}

// A pipeline whose stream is cut gives back what it holds, whatever was under way.
func TestCutPipelineHoldsNothing(t *testing.T) {
	l := people(t, 60, 60, 60, 60, 60)
	for _, duties := range [][]schemas.Duty{nil, {streamtest.Pseudonymise("name")}} {
		s := l.source(t, duties)
		for taken := range 4 {
			ctx, cancel := context.WithCancel(t.Context())
			rd := read.NewReader(s, l.Open, false)
			n := 0
			for res := range read.Pipeline(ctx, l.budget, rd, ranges(t, s, 0), 0) {
				if n == taken {
					cancel()
				}
				n++
				res.Release()
			}
			cancel()
			streamtest.Eventually(t, func() bool { own, ahead := l.budget.Held(); return own == 0 && ahead == 0 })
			if n < taken {
				t.Errorf("%d results came", n)
			}
		}
	}
}
