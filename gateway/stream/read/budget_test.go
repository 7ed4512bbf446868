package read_test

import (
	"testing"

	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// One organisation's streams do not close the gateway to others, and where many run a
// stream asks for a batch at a time.
func TestBudgetIsShared(t *testing.T) {
	m := read.NewBudget(200)
	for i := range 7 {
		if m.Tight() != (i > 5) {
			t.Errorf("with %d streams of 10 of 100: crowded %t", i, m.Tight())
		}
		streamtest.Must(t, m.Admit("one", 10))
	}
	err := m.Admit("one", 10)
	if schemas.KindOf(err) != schemas.Busy {
		t.Errorf("an eighth stream of one: %v", err)
	}
	for range 3 {
		streamtest.Must(t, m.Admit("two", 10))
	}
	err = m.Admit("three", 10)
	if schemas.KindOf(err) != schemas.Busy {
		t.Errorf("more than there is: %v", err)
	}
	m.Leave("one", 10)
	streamtest.Must(t, m.Admit("three", 10))
	alone := read.NewBudget(2)
	streamtest.Must(t, alone.Admit("one", 10))
}
