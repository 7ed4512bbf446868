package stream

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// slow is a client that takes one message and then waits to be told to read on.
type slow struct {
	goOn  <-chan struct{}
	stuck func() // called when the first message has come
	sent  *atomic.Int64
	once  sync.Once
	rows  int64
}

func (*slow) Begin(context.Context, schemas.Release, *plan.Plan) error { return nil }
func (*slow) End(uint32) error                                         { return nil }
func (s *slow) Message(m read.Message) error {
	s.once.Do(func() {
		s.stuck()
		<-s.goOn
	})
	s.rows += m.Rows
	s.sent.Add(1) // each read of this rig is one message
	return nil
}

// Clients that read nothing hold no more than the memory that there is, and nobody who has
// begun waits for them. One stream more begins when there is room for it, and not at all where
// its client goes before.
func TestSlowClientsHoldBoundedMemory(t *testing.T) {
	const clients, shards, rows = 200, 6, 32
	probe := newRig(t, Config{}, shards, rows)
	n := read.HeldBytes(read.PlanReads(probe.source, probe.source.ShardSlices(0), read.MaxRange), 0)
	half := (n*clients*4 + 2) / 3 // one organisation has three quarters
	r := newRig(t, Config{Memory: 2 * half}, shards, rows)
	p, err := plan.NewPlan(r.source, plan.Ask{World: 1})
	streamtest.Must(t, err)
	var sent atomic.Int64
	full := make(chan struct{})
	r.OnGet = func(asked int64, _ *http.Request) {
		if live := asked - sent.Load(); live*n > 2*half {
			t.Errorf("%d reads of %d bytes are held of %d bytes of memory", live, n, 2*half)
		}
		if asked == 2*clients {
			close(full)
		}
	}
	goOn := make(chan struct{})
	var stuck, done sync.WaitGroup
	stuck.Add(clients)
	for range clients {
		done.Go(func() {
			s := &slow{goOn: goOn, stuck: stuck.Done, sent: &sent}
			rel, err := r.Run(context.Background(), r.grant, p, s, nil)
			if err != nil || s.rows != shards*rows || rel.Rows != s.rows {
				t.Errorf("a slow client got %d rows, %d are recorded: %v", s.rows, rel.Rows, err)
			}
		})
	}
	stuck.Wait() // every stream has its own read, whatever the others hold
	<-full       // and all memory is in use
	gone, leave := context.WithCancel(t.Context())
	for _, one := range []struct {
		ctx  context.Context
		want error
	}{{gone, context.Canceled}, {t.Context(), nil}} {
		done.Go(func() {
			late := &slow{goOn: goOn, stuck: func() {}, sent: &sent}
			_, err := r.Run(one.ctx, r.grant, p, late, nil)
			if !errors.Is(err, one.want) || one.want == nil && late.rows != shards*rows {
				t.Errorf("a stream that waited got %d rows, %v; want %v", late.rows, err, one.want)
			}
		})
	}
	streamtest.Eventually(t, func() bool { return r.budget.Waiting() == 2 })
	leave()
	streamtest.Eventually(t, func() bool { return r.budget.Waiting() == 1 })
	if begun, _ := r.record.All(); len(begun) != clients {
		t.Errorf("%d releases have begun, want %d: a stream that waits for memory releases nothing", len(begun), clients)
	}
	close(goOn)
	done.Wait()
	if got := r.Gets.Load(); got != (clients+1)*shards {
		t.Errorf("%d reads for %d streams of %d", got, clients+1, shards)
	}
	r.heldByNobody(t)
}

// What a stream that is cut holds comes back.
func TestCutStreamsGiveMemoryBack(t *testing.T) {
	r := newRig(t, Config{}, 12, 32)
	p, err := plan.NewPlan(r.source, plan.Ask{World: 1})
	streamtest.Must(t, err)
	var stuck, done sync.WaitGroup
	goOn := make(chan struct{})
	const clients = 8
	stuck.Add(clients)
	for range clients {
		done.Go(func() {
			_, err := r.Run(context.Background(), r.grant, p, &slow{goOn: goOn, stuck: stuck.Done, sent: &atomic.Int64{}}, nil)
			if _, cut := errors.AsType[*release.Cut](err); !cut {
				t.Errorf("a cut stream ended with %v", err)
			}
		})
	}
	stuck.Wait()
	r.feed.Cut("agr-a")
	close(goOn)
	done.Wait()
	streamtest.Eventually(t, func() bool {
		own, ahead := r.budget.Held()
		return own == 0 && ahead == 0
	})
}
