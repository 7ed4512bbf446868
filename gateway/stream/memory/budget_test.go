package memory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guichet/gateway/stream/memory"
	"guichet/schemas"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// One organisation's streams do not close the gateway to others, and where many run a
// stream asks for a batch at a time. Who finds no room is refused after a while.
func TestBudgetIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory.NewBudget(200)
		for i := range 7 {
			if m.Tight() != (i > 5) {
				t.Errorf("with %d streams of 10 of 100: crowded %t", i, m.Tight())
			}
			must(t, m.Admit(t.Context(), "one", 10))
		}
		began := time.Now()
		err := m.Admit(t.Context(), "one", 10)
		if schemas.KindOf(err) != schemas.Busy || !strings.Contains(err.Error(), "your organisation's") || time.Since(began) != memory.Patience {
			t.Errorf("an eighth stream of one, after %s: %v", time.Since(began), err)
		}
		for range 3 {
			must(t, m.Admit(t.Context(), "two", 10))
		}
		err = m.Admit(t.Context(), "three", 10)
		if schemas.KindOf(err) != schemas.Busy || strings.Contains(err.Error(), "your organisation's") {
			t.Errorf("more than there is: %v", err)
		}
		m.Leave("one", 10)
		must(t, m.Admit(t.Context(), "three", 10))
		alone := memory.NewBudget(2)
		must(t, alone.Admit(t.Context(), "one", 10))
	})
}

// Who waits is let in in the order in which it came, however small it is; others than those of
// an organisation that has its share pass it. Who goes away leaves its place.
func TestBudgetLetsInByOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory.NewBudget(200)
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

// The memory of a burst goes back to the system once most of it is free and stays so; that
// of few streams, or where others come, does not.
func TestMemoryOfABurstGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, given := memory.NewBudget(1<<30), 0
		m.OnGiveBack(func() { given++ })
		must(t, m.Admit(t.Context(), "one", 60<<20))
		m.Leave("one", 60<<20)
		time.Sleep(time.Minute)
		if given != 0 {
			t.Error("few bytes were given back")
		}
		must(t, m.Admit(t.Context(), "one", 200<<20))
		m.Leave("one", 200<<20)
		time.Sleep(time.Second)
		must(t, m.Admit(t.Context(), "two", 150<<20)) // before it looks again
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
