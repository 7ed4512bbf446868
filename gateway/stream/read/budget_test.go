package read_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// One organisation's streams do not close the gateway to others, and where many run a
// stream asks for a batch at a time. Who finds no room is refused after a while.
func TestBudgetIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := read.NewBudget(200)
		for i := range 7 {
			if m.Tight() != (i > 5) {
				t.Errorf("with %d streams of 10 of 100: crowded %t", i, m.Tight())
			}
			streamtest.Must(t, m.Admit(t.Context(), "one", 10))
		}
		began := time.Now()
		err := m.Admit(t.Context(), "one", 10)
		if schemas.KindOf(err) != schemas.Busy || !strings.Contains(err.Error(), "your organisation's") || time.Since(began) != read.Patience {
			t.Errorf("an eighth stream of one, after %s: %v", time.Since(began), err)
		}
		for range 3 {
			streamtest.Must(t, m.Admit(t.Context(), "two", 10))
		}
		err = m.Admit(t.Context(), "three", 10)
		if schemas.KindOf(err) != schemas.Busy || strings.Contains(err.Error(), "your organisation's") {
			t.Errorf("more than there is: %v", err)
		}
		m.Leave("one", 10)
		streamtest.Must(t, m.Admit(t.Context(), "three", 10))
		alone := read.NewBudget(2)
		streamtest.Must(t, alone.Admit(t.Context(), "one", 10))
	})
}

// Who waits is let in in the order in which it came, however small it is; others than those of
// an organisation that has its share pass it. Who goes away leaves its place.
func TestBudgetLetsInByOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := read.NewBudget(200)
		var mu sync.Mutex
		var in []string
		come := func(ctx context.Context, who schemas.ParticipantID, n int64) {
			go func() {
				if m.Admit(ctx, who, n) == nil {
					mu.Lock()
					defer mu.Unlock()
					in = append(in, fmt.Sprint(who, " ", n))
				}
			}()
			synctest.Wait()
		}
		is := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(in) // those of one moment
			if !slices.Equal(in, want) {
				t.Errorf("%q were let in, want %q", in, want)
			}
			in = nil
		}
		come(t.Context(), "one", 70)
		come(t.Context(), "one", 20) // beyond three quarters
		come(t.Context(), "one", 1)  // not before it
		come(t.Context(), "two", 25)
		is("one 70", "two 25")
		gone, leave := context.WithCancel(t.Context())
		come(gone, "three", 30)        // beyond all
		come(t.Context(), "three", 2)  // not before it
		come(t.Context(), "three", 31) // nor this
		is()
		leave()
		is("three 2")
		m.Leave("one", 70)
		is("one 1", "one 20", "three 31")
		m.Leave("one", 20)
		is()
		for who, n := range map[schemas.ParticipantID]int64{"one": 1, "two": 25, "three": 33} {
			m.Leave(who, n)
		}
		own, ahead := m.Held()
		if own != 0 || ahead != 0 {
			t.Errorf("%d bytes and %d ahead are held by nobody", own, ahead)
		}
	})
}

// A stream whose budget has no room to read ahead goes on by its own read, one at a time.
func TestNoRoomToReadAhead(t *testing.T) {
	l := people(t, 300)
	s := l.source(t, nil)
	reads := ranges(t, s, 0)
	want := l.stream(t, s, reads, false)
	l.budget = read.NewBudget(2)
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

// The memory of a burst goes back to the system once most of it is free and stays so; that
// of few streams, or where others come, does not.
func TestMemoryOfABurstGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, given := read.NewBudget(1<<30), 0
		m.OnGiveBack(func() { given++ })
		streamtest.Must(t, m.Admit(t.Context(), "one", 60<<20))
		m.Leave("one", 60<<20)
		time.Sleep(time.Minute)
		if given != 0 {
			t.Error("few bytes were given back")
		}
		streamtest.Must(t, m.Admit(t.Context(), "one", 200<<20))
		m.Leave("one", 200<<20)
		time.Sleep(time.Second)
		streamtest.Must(t, m.Admit(t.Context(), "two", 150<<20)) // before it looks again
		time.Sleep(time.Minute)
		if given != 0 {
			t.Error("memory was given back that another stream has")
		}
		m.Leave("two", 150<<20)
		time.Sleep(time.Minute)
		synctest.Wait()
		if given != 1 {
			t.Errorf("it was given back %d times", given)
		}
	})
}
