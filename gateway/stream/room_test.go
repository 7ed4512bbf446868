package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/policy/view"
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

func (*slow) Begin(context.Context, schemas.Release, *Plan) error { return nil }
func (*slow) End(uint32) error                                    { return nil }
func (s *slow) Message(m Message) error {
	s.once.Do(func() {
		s.stuck()
		<-s.goOn
	})
	s.rows += m.Rows
	s.sent.Add(1) // each read of this rig is one message
	return nil
}

// Clients that read nothing hold no more than the memory that there is, nobody waits
// for them, one stream more is refused, and when they read on all of them finish.
func TestSlowClientsHoldBoundedMemory(t *testing.T) {
	const clients, shards, rows = 200, 6, 32
	r := newRig(t, Config{}, shards, rows)
	p, err := NewPlan(r.source, Ask{World: 1})
	must(t, err)
	n := held(planReads(r.source, r.source.slices(p.Segments), maxRead))
	r.budget.half = (n*clients*4 + 2) / 3 // one organisation has three quarters
	var sent atomic.Int64
	full := make(chan struct{})
	r.onGet = func(asked int64) {
		if live := asked - sent.Load(); live*n > 2*r.budget.half {
			t.Errorf("%d reads of %d bytes are held of %d bytes of memory", live, n, 2*r.budget.half)
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
	_, err = r.Run(t.Context(), r.grant, p, &slow{}, nil)
	if schemas.KindOf(err) != schemas.Busy {
		t.Errorf("one stream more: %v, want Busy", err)
	}
	if begun, _ := r.record.all(); len(begun) != clients {
		t.Errorf("%d releases have begun, want %d: a stream that is refused for want of memory releases nothing", len(begun), clients)
	}
	close(goOn)
	done.Wait()
	if got := r.gets.Load(); got != clients*shards {
		t.Errorf("%d reads for %d streams of %d", got, clients, shards)
	}
	if r.budget.own != 0 || r.budget.ahead != 0 {
		t.Errorf("%d and %d bytes are held by nobody", r.budget.own, r.budget.ahead)
	}
}

// What a stream that is cut holds comes back.
func TestCutStreamsGiveMemoryBack(t *testing.T) {
	r := newRig(t, Config{}, 12, 32)
	p, err := NewPlan(r.source, Ask{World: 1})
	must(t, err)
	var stuck, done sync.WaitGroup
	goOn := make(chan struct{})
	const clients = 8
	stuck.Add(clients)
	for range clients {
		done.Go(func() {
			_, err := r.Run(context.Background(), r.grant, p, &slow{goOn: goOn, stuck: stuck.Done, sent: &atomic.Int64{}}, nil)
			if _, cut := errors.AsType[*Cut](err); !cut {
				t.Errorf("a cut stream ended with %v", err)
			}
		})
	}
	stuck.Wait()
	r.feed.cut("agr-a")
	close(goOn)
	done.Wait()
	eventually(t, func() bool {
		r.budget.mu.Lock()
		defer r.budget.mu.Unlock()
		return r.budget.own == 0 && r.budget.ahead == 0
	})
}

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
	for name, duties := range map[string][]schemas.Duty{"raw": nil, "pseudonymised": {pseudonyms}, "filtered": {filter}, "both": {filter, pseudonyms}} {
		for _, together := range []int64{maxRead, 0} {
			s := l.source(t, duties)
			p, err := NewPlan(s, Ask{World: 1})
			must(t, err)
			reads := planReads(s, s.slices(p.Segments), together)
			ctx, cancel := context.WithCancel(t.Context())
			rd := newReader(s, l.engine.Store, false)
			var worst, rows int64
			for i, one := range reads {
				res := rd.fetch(ctx, one, i == 0)
				must(t, res.err)
				n := one.length // a filtering view's buffer is free again; the next read has it
				if res.read != nil {
					n = int64(cap(*res.read))
				}
				alone := !s.view.Raw() // each message in memory of its own
				if res.made != nil && len(*res.made) > 0 {
					n, alone = n+int64(cap(*res.made)), false
				}
				var last *byte
				for _, m := range res.messages {
					rows += m.Rows
					if alone && &m.Bytes[0] != last {
						n, last = n+int64(cap(m.Bytes)), &m.Bytes[0]
					}
				}
				worst = max(worst, n)
			}
			cancel()
			counted := held(reads)
			if rows != values || worst > counted || counted > 2*maxRead+view.MaxMessage {
				t.Errorf("%s, %d together: a read holds %d bytes, counted as %d; %d rows", name, together, worst, counted, rows)
			}
		}
	}
}

// One organisation's streams do not close the gateway to others, and where many run a
// stream asks for a batch at a time.
func TestRoomIsShared(t *testing.T) {
	m := newRoom(200)
	for i := range 7 {
		if m.crowded() != (i > 5) {
			t.Errorf("with %d streams of 10 of 100: crowded %t", i, m.crowded())
		}
		must(t, m.admit("one", 10))
	}
	err := m.admit("one", 10)
	if schemas.KindOf(err) != schemas.Busy {
		t.Errorf("an eighth stream of one: %v", err)
	}
	for range 3 {
		must(t, m.admit("two", 10))
	}
	err = m.admit("three", 10)
	if schemas.KindOf(err) != schemas.Busy {
		t.Errorf("more than there is: %v", err)
	}
	m.leave("one", 10)
	must(t, m.admit("three", 10))
	alone := newRoom(2)
	must(t, alone.admit("one", 10))
}
