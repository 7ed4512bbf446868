package memory_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"guichet/gateway/stream/memory"
	"guichet/schemas"
)

// Whatever streams of some organisations come and go, those that go on hold no more than half
// of the budget, but for one that is alone, and no organisation more than three quarters of
// that; what is read ahead has the other half. In the end nothing is held, and nobody waits.
func TestHeldIsBounded(t *testing.T) {
	const half = 1000
	m := memory.NewBudget(2 * half)
	if m.ForAhead() != half {
		t.Errorf("%d bytes are for reading ahead", m.ForAhead())
	}
	var streams sync.WaitGroup
	for i := range 24 {
		streams.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			who := schemas.ParticipantID([]string{"one", "two", "three"}[i%3])
			for range 200 {
				n := 1 + r.Int64N(half/3)
				if err := m.Admit(t.Context(), who, n); err != nil {
					t.Error(err)
					return
				}
				took := m.TryAhead(n)
				if own, ahead := m.Held(); own > half || ahead > half || own < n || took && ahead < n {
					t.Errorf("%d bytes are held, %d ahead; of them %d twice: %t", own, ahead, n, took)
				}
				if took {
					m.EndAhead(n)
				}
				m.Leave(who, n)
			}
		})
	}
	streams.Wait()
	m.Ahead(2 * half) // what must be read is, whatever there is
	if own, ahead := m.Held(); own != 0 || ahead != 2*half || m.Waiting() != 0 || m.TryAhead(1) {
		t.Errorf("%d bytes are held, %d ahead, and %d streams wait", own, ahead, m.Waiting())
	}
}
