package read_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/gateway/stream/memory"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// windows gives the rows of an epoch by a seed, and how often the store was asked.
func (l *lab) windows(t *testing.T, duties []schemas.Duty, recent *read.Recent) (rows []string, asked int64) {
	t.Helper()
	s := l.source(t, duties)
	p := seeded(t, s, 9, 1, 0)
	rd := read.NewReader(p.Source, l.Open, false)
	rd.Recent = recent
	l.Gets.Store(0)
	out := append([]byte(nil), s.Schema()...)
	for i, one := range planned(p, read.MaxRange) {
		res := rd.Fetch(t.Context(), one, i == 0)
		for m, err := range res.Each(false) {
			streamtest.Must(t, err)
			out = append(out, m.Bytes...)
		}
		rd.Recycle(res)
	}
	return streamtest.Rows(t, out), l.Gets.Load()
}

// Batches that many windows take rows from are read once while there is room for them, by
// whichever stream; the rows are those that they would be, and an object that was published
// anew, or whose store is another's now, is read again.
func TestBatchesOfSmallWindowsAreReadOnce(t *testing.T) {
	l := newLab(t, 4096, streamtest.Numbers(40_960))
	batches := int64(len(l.Split().Shards[0].Batches))
	for name, duties := range map[string][]schemas.Duty{"raw": nil, "pseudonymised": {streamtest.Pseudonymise("n")}} {
		t.Run(name, func(t *testing.T) {
			want, often := l.windows(t, duties, nil)
			if often < 4*batches || len(want) != 40_960 {
				t.Fatalf("%d rows of %d batches by %d requests: the windows are not small", len(want), batches, often)
			}
			recent := read.NewRecent(memory.NewBudget(0))
			for i, most := range []int64{batches, 0} {
				got, asked := l.windows(t, duties, recent)
				if diff := cmp.Diff(want, got); diff != "" || asked > most {
					t.Errorf("reading %d: %d requests, at most %d; other rows:\n%s", i, asked, most, diff)
				}
			}
			l.Own.Store(!l.Own.Load())
			if _, asked := l.windows(t, duties, recent); asked != batches {
				t.Errorf("of a store that is another's now: %d requests", asked)
			}
			if _, asked := l.windows(t, duties, read.NewRecent(memory.NewBudget(8))); asked < often/2 { // what is over goes a moment later
				t.Errorf("without room: %d requests instead of %d", asked, often)
			}
		})
	}
}

// The ranks of a large job take small parts of the same batches: each batch is read once, and
// the rows are those that each rank gets where nothing is shared.
func TestPartsOfABatchShareARead(t *testing.T) {
	l := newLab(t, 4096, streamtest.Numbers(40_960))
	batches := int64(len(l.Split().Shards[0].Batches))
	const world = 10 * 16
	for name, duties := range map[string][]schemas.Duty{"raw": nil, "pseudonymised": {streamtest.Pseudonymise("n")}} {
		t.Run(name, func(t *testing.T) {
			s := l.source(t, duties)
			recent := read.NewRecent(memory.NewBudget(0))
			part := func(rank int, recent *read.Recent) []string {
				p, err := plan.NewPlan(s, plan.Ask{World: world, Rank: rank})
				if err != nil {
					t.Error(err)
					return nil
				}
				rd := read.NewReader(s, l.Open, false)
				rd.Recent = recent
				out := append([]byte(nil), s.Schema()...)
				reads := planned(p, read.MaxRange)
				if n := read.HeldBytes(reads, 0); n >= l.Split().Shards[0].Batches[0].Len() {
					t.Errorf("a part counts as %d bytes", n)
				}
				for i, one := range reads {
					res := rd.Fetch(context.Background(), one, i == 0)
					for m, err := range res.Each(false) {
						if err != nil {
							t.Error(err)
							return nil
						}
						out = append(out, m.Bytes...)
					}
					rd.Recycle(res)
				}
				return streamtest.Rows(t, out)
			}
			got := make([][]string, world)
			l.Gets.Store(0)
			var ranks sync.WaitGroup
			for rank := range world {
				ranks.Go(func() { got[rank] = part(rank, recent) })
			}
			ranks.Wait()
			if asked := l.Gets.Load(); asked != batches {
				t.Errorf("%d requests for %d batches", asked, batches)
			}
			all := 0
			for rank := range world {
				all += len(got[rank])
				if diff := cmp.Diff(part(rank, nil), got[rank]); diff != "" {
					t.Errorf("rank %d has other rows:\n%s", rank, diff)
				}
			}
			if all != 40_960 {
				t.Errorf("%d rows", all)
			}
		})
	}
}

// Whoever reads for others may end: one of them reads then. What fails fails for all who wait
// for it, and is asked for again by who comes later.
func TestSharedReadsThatFail(t *testing.T) {
	recent := read.NewRecent(memory.NewBudget(0))
	broken := errors.New("the store is away")
	good := func() ([]byte, error) { return []byte("good"), nil }
	for name, c := range map[string]struct {
		leaves bool // its stream ends
		want   error
	}{"its stream ended": {true, nil}, "the store failed": {false, broken}} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			reading, fail := make(chan struct{}), make(chan struct{})
			first := make(chan error, 1)
			go func() {
				_, _, err := recent.Get(ctx, name, 4, func() ([]byte, error) {
					close(reading)
					<-fail
					return nil, broken
				})
				first <- err
			}()
			<-reading
			others := make(chan error, 3)
			for range cap(others) {
				go func() {
					b, done, err := recent.Get(t.Context(), name, 4, good)
					if err == nil && string(b) != "good" {
						err = fmt.Errorf("got %q", b)
					}
					if err == nil {
						done()
					}
					others <- err
				}()
			}
			streamtest.Eventually(t, func() bool { return recent.Users(name) == 4 })
			if c.leaves {
				leave()
			}
			close(fail)
			if err := <-first; !errors.Is(err, broken) {
				t.Errorf("who read is told %v", err)
			}
			for range cap(others) {
				if err := <-others; !errors.Is(err, c.want) {
					t.Errorf("who waited is told %v", err)
				}
			}
			_, done, err := recent.Get(t.Context(), name, 4, good)
			if err != nil {
				t.Fatal(err)
			}
			done()
		})
	}
	if n, ranges := recent.Held(); n != 8 || ranges != 2 {
		t.Errorf("%d bytes of %d ranges are kept", n, ranges)
	}
}

// No more is held than there is room for, what is in use stays, and who waits for room goes on
// when there is some, or ends with its stream.
func TestSharedReadsWaitForRoom(t *testing.T) {
	budget := memory.NewBudget(2 * 134)
	recent := read.NewRecent(budget) // 100 bytes
	hold := func(ctx context.Context, key string, n int64) (func(), error) {
		_, done, err := recent.Get(ctx, key, n, func() ([]byte, error) { return make([]byte, n), nil })
		return done, err
	}
	one, err := hold(t.Context(), "one", 60)
	streamtest.Must(t, err)
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := hold(ctx, "two", 60); ended <- err }()
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("without room: %v", err)
	}
	waits := make(chan func(), 1)
	go func() {
		done, err := hold(t.Context(), "three", 60)
		if err != nil {
			t.Error(err)
		}
		waits <- done
	}()
	again, err := hold(t.Context(), "one", 60)
	streamtest.Must(t, err)
	one()
	if n, _ := recent.Held(); n != 60 {
		t.Errorf("%d bytes are held while one is in use", n)
	}
	again()
	(<-waits)()
	alone, err := hold(t.Context(), "larger than all", 1000)
	streamtest.Must(t, err)
	if n, ranges := recent.Held(); n != 1000 || ranges != 1 {
		t.Errorf("%d bytes of %d ranges beside one that is larger than all", n, ranges)
	}
	alone()

	var sum atomic.Int64 // of what is in use
	var users sync.WaitGroup
	for i := range 200 {
		users.Go(func() {
			done, err := hold(t.Context(), fmt.Sprint(i%17), 30)
			if err != nil {
				t.Error(err)
				return
			}
			if n, _ := recent.Held(); n > 100 {
				t.Errorf("%d bytes are held", n)
			}
			sum.Add(1)
			done()
		})
	}
	users.Wait()
	if sum.Load() != 200 {
		t.Errorf("%d of 200 went through", sum.Load())
	}
	held, _ := recent.Held()
	if _, ahead := budget.Held(); ahead != held {
		t.Errorf("%d bytes are held, and %d are counted", held, ahead)
	}
}

// What nobody uses any more is given back after a while.
func TestSharedReadsAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := memory.NewBudget(0)
		recent := read.NewRecent(budget)
		use := func(key string) func() {
			_, done, err := recent.Get(t.Context(), key, 10, func() ([]byte, error) { return make([]byte, 10), nil })
			streamtest.Must(t, err)
			return done
		}
		use("one")()
		time.Sleep(10 * time.Second)
		use("two")()
		use("in use")
		time.Sleep(10 * time.Second)
		if n, ranges := recent.Held(); n != 20 || ranges != 2 || recent.Users("in use") != 1 {
			t.Errorf("%d bytes of %d ranges are kept: one is unused for 20 s, two for 10", n, ranges)
		}
		time.Sleep(time.Minute)
		if _, ahead := budget.Held(); ahead != 10 {
			t.Errorf("%d bytes are counted, of one range of 10 that is in use", ahead)
		}
	})
}

// Who waited for a read that is under way may end, without a trace: the read goes on, others share it, and it
// is counted once.
func TestSharedReadsGoOnWhereWhoWaitsEnds(t *testing.T) {
	budget := memory.NewBudget(0)
	recent := read.NewRecent(budget)
	counted := func(when string) {
		t.Helper()
		held, ranges := recent.Held()
		if _, ahead := budget.Held(); held != 10 || ranges != 1 || ahead != 10 {
			t.Errorf("%s %d bytes of %d ranges are held, and %d are counted, of one of 10", when, held, ranges, ahead)
		}
	}
	reading, goOn, first := make(chan struct{}), make(chan struct{}), make(chan func(), 1)
	go func() {
		_, done, err := recent.Get(t.Context(), "one", 10, func() ([]byte, error) {
			close(reading)
			<-goOn
			return make([]byte, 10), nil
		})
		if err != nil {
			t.Error(err)
		}
		first <- done
	}()
	<-reading
	for range 3 {
		ctx, leave := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, _, err := recent.Get(ctx, "one", 10, func() ([]byte, error) { return nil, errors.New("it is read twice") })
			ended <- err
		}()
		streamtest.Eventually(t, func() bool { return recent.Users("one") == 2 })
		leave()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("who ended is told %v", err)
		}
		counted("while it is read,")
	}
	close(goOn)
	(<-first)()
	counted("once it was read,")
}
