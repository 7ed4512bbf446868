package file

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/gateway/stream/memory"
	"guichet/gateway/stream/release"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// asked collects the ranges that a store is asked for.
func (l *lab) asked() func() []string {
	var mu sync.Mutex
	var list []string
	l.OnGet = func(_ int64, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, strings.TrimPrefix(r.Header.Get("Range"), "bytes="))
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		out := list
		list = nil
		return out
	}
}

// Of a store that is not the operator's own a message is read whole and compared, once
// while a release is open; of an own one nothing more is read than was asked for.
func TestWhatIsReadToCompare(t *testing.T) {
	for _, own := range []bool{false, true} {
		t.Run(fmt.Sprint("own ", own), func(t *testing.T) {
			l := people(t, 64)
			l.Own.Store(own)
			f, asked := l.open(t), l.asked()
			b := l.Split().Shards[0].Batches[1]
			part := fmt.Sprintf("%d-%d", b.Offset+100, b.Offset+109)
			whole := fmt.Sprintf("%d-%d", b.Offset, b.Offset+b.Len()-1)
			want := []string{whole, part}
			if own {
				want = []string{part, part}
			}
			for range 2 {
				_, err := l.send(t, f, Range{f.batches[1].from + 100, 10})
				streamtest.Must(t, err)
			}
			if got := asked(); !slices.Equal(got, want) {
				t.Errorf("it was asked for %v, want %v", got, want)
			}
			if _, err := l.send(t, f, Range{0, 8}); err != nil || len(asked()) != 0 {
				t.Errorf("the head of a file is read from the store: %v", err)
			}
		})
	}
}

// A range is what lies in memory, in the object, and in memory again.
func TestSectionsOfARange(t *testing.T) {
	f := &File{}
	f.memory(make([]byte, 100))
	f.stored(schemas.Block{Offset: 4096, Meta: 100, Body: 300})
	f.stored(schemas.Block{Offset: 4496, Meta: 100, Body: 300}) // follows it: one read
	f.memory(make([]byte, 100))
	for _, c := range []struct {
		rg   Range
		want string // of each section: where it begins in the file, its bytes, and its place in the object
	}{
		{Range{0, 1000}, "[0+100 m] [100+800 @4096] [900+100 m]"},
		{Range{90, 60}, "[90+10 m] [100+50 @4096]"},
		{Range{500, 1}, "[500+1 @4496]"},
		{Range{899, 2}, "[899+1 @4895] [900+1 m]"},
	} {
		var got []string
		for _, s := range f.within(c.rg) {
			place := fmt.Sprintf("@%d", s.offset)
			if s.memory != nil {
				place = "m"
				if int64(len(s.memory)) != s.n {
					t.Errorf("%+v: %d bytes of memory for %d", c.rg, len(s.memory), s.n)
				}
			}
			got = append(got, fmt.Sprintf("[%d+%d %s]", s.at, s.n, place))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.rg, got, c.want)
		}
	}
}

// Ranges under other leases, agreements or runs are other releases; under the same one they
// join, until it is over.
func TestWhichRangesJoin(t *testing.T) {
	l := people(t, 64)
	f := l.open(t)
	var only *rangeSession
	join := func(change func(k *sessionKey)) *rangeSession {
		k := only.key
		change(&k)
		l.sessions.mu.Lock()
		defer l.sessions.mu.Unlock()
		return l.sessions.open[k]
	}
	_, err := l.send(t, f, Range{0, 10})
	streamtest.Must(t, err)
	_, err = l.send(t, f, Range{5, 10})
	streamtest.Must(t, err)
	if begun, _ := l.record.All(); len(begun) != 1 {
		t.Errorf("%d releases have begun", len(begun))
	}
	l.sessions.mu.Lock()
	for _, only = range l.sessions.open {
	}
	open := len(l.sessions.open)
	l.sessions.mu.Unlock()
	if open != 1 || only.key.lease != "lease-a" || only.key.agreement != "agr-a" || only.key.file != f.ETag {
		t.Fatalf("%d sessions, one of %+v", open, only.key)
	}
	if join(func(*sessionKey) {}) != only || join(func(k *sessionKey) { k.run = "run-1" }) != nil ||
		join(func(k *sessionKey) { k.door = "s3" }) != nil || join(func(k *sessionKey) { k.declared = !k.declared }) != nil {
		t.Error("a range joins by something else")
	}
	l.sessions.close(only)
	_, err = l.send(t, f, Range{0, 10})
	streamtest.Must(t, err)
	if begun, _ := l.record.All(); len(begun) != 2 {
		t.Errorf("after its session was shut a range began %d releases", len(begun)-1)
	}
}

// A session ends with the lease, where that comes before its quiet time is over.
func TestSessionsEndWithTheLease(t *testing.T) {
	l := people(t, 64)
	l.now = func() time.Time { return l.grant.Lease().Until.Add(-time.Millisecond) }
	_, err := l.send(t, l.open(t), Range{0, 10})
	streamtest.Must(t, err)
	began := time.Now()
	streamtest.Eventually(t, func() bool { _, ended := l.record.All(); return len(ended) == 1 })
	if _, ended := l.record.All(); ended[0].State != schemas.ReleaseComplete || ended[0].Bytes != 10 || time.Since(began) >= idleAfter {
		t.Errorf("after %s it ended as %+v", time.Since(began), ended[0])
	}
}

// What a door cannot take ends its range, and stands in the record as what it was.
func TestDoorsThatFail(t *testing.T) {
	broken := errors.New("broken pipe")
	for name, c := range map[string]struct {
		sink  Sink
		state schemas.ReleaseState
	}{
		"at its beginning": {&refusing{begin: &release.ClientError{Err: broken}}, schemas.ReleaseAbandoned},
		"at its bytes":     {&refusing{write: &release.ClientError{Err: broken}}, schemas.ReleaseAbandoned},
		"by its own fault": {&refusing{write: broken}, schemas.ReleaseBroken},
	} {
		t.Run(name, func(t *testing.T) {
			l := people(t, 64)
			err := l.Send(t.Context(), l.grant, l.open(t), Range{0, 100}, c.sink, nil)
			if !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
			l.stop()
			if _, ended := l.record.All(); len(ended) != 1 || ended[0].State != c.state || ended[0].Bytes != 100 {
				t.Errorf("the record has %+v", ended)
			}
		})
	}
}

// refusing is a door that fails.
type refusing struct{ begin, write error }

func (r *refusing) Begin(context.Context, schemas.Release, *File) error { return r.begin }
func (r *refusing) Write([]byte) error                                  { return r.write }

// A range takes its share of the memory of all streams, and waits where there is none.
func TestRangesShareTheBudget(t *testing.T) {
	l := people(t, 64)
	budget := memory.NewBudget(200)
	l.Files.budget = budget
	f := l.open(t)
	streamtest.Must(t, budget.Admit(t.Context(), "other", 60))
	_, err := l.send(t, f, Range{0, 30})
	streamtest.Must(t, err)
	var got []byte
	var late sync.WaitGroup
	late.Go(func() { got, err = l.send(t, f, Range{0, 50}) })
	streamtest.Eventually(t, func() bool { return budget.Waiting() == 1 })
	budget.Leave("other", 60)
	late.Wait()
	streamtest.Must(t, err)
	if own, _ := budget.Held(); own != 0 || len(got) != 50 {
		t.Errorf("%d bytes came, %d are held", len(got), own)
	}
}
