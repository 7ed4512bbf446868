package turn

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"guichet/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func person(name string) schemas.Principal { return schemas.Principal{Issuer: "i", Subject: name} }

// gone is a context that has ended: what can be had at once is had, or refused, without a wait.
func gone() context.Context {
	ctx, end := context.WithCancelCause(context.Background())
	end(errLeft)
	return ctx
}

var errLeft = errors.New("left")

// waiting says whether so many of one caller wait or hold a turn.
func (t *Turns) waiting(who string, n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.own["i#"+who]
	return c != nil && c.asks == n
}

// Who holds a turn has no second one, so that the other is left to others; who waits gets it when it is given back.
func TestOneForEach(t *testing.T) {
	t.Parallel()
	turns := New(2)
	ada, err := turns.Take(t.Context(), person("ada"))
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan func())
	go func() {
		done, err := turns.Take(t.Context(), person("ada"))
		if err != nil {
			t.Error(err)
		}
		second <- done
	}()
	for !turns.waiting("ada", 2) {
		runtime.Gosched()
	}
	bea, err := turns.Take(t.Context(), person("bea"))
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"ada", "bea", "cid"} { // both are held
		_, err := turns.Take(gone(), person(who))
		if !errors.Is(err, errLeft) {
			t.Errorf("%s: %v", who, err)
		}
	}
	ada()
	done := <-second
	done()
	bea()
	if len(turns.own) != 0 || len(turns.all) != 0 {
		t.Errorf("%d callers and %d turns are left", len(turns.own), len(turns.all))
	}
}

// However many ask, so many have turns at a time, no caller two, and all get theirs.
func TestMany(t *testing.T) {
	t.Parallel()
	turns := New(2)
	var now, most atomic.Int64
	var each [5]atomic.Int64
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			who := i % len(each)
			done, err := turns.Take(t.Context(), person(fmt.Sprint(who)))
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			if each[who].Add(1) > 1 {
				t.Errorf("%d has two turns", who)
			}
			n := now.Add(1)
			for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
			}
			now.Add(-1)
			each[who].Add(-1)
		})
	}
	all.Wait()
	if most.Load() > 2 || len(turns.own) != 0 {
		t.Errorf("%d at a time; %d callers are left", most.Load(), len(turns.own))
	}
}
