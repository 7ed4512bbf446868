package rowindex

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// An index that the work bucket does not take serves all the same.
func TestIndexThatIsNotSavedServes(t *testing.T) {
	l := newLab(t, 0, streamtest.Numbers(8))
	l.work = func(context.Context) (schemas.StoreID, string, error) {
		return "", "", errors.New("no work bucket today")
	}
	ix := l.get(t, l.View(t, []schemas.Duty{streamtest.Filter("n", "lt", "3")}))
	if len(ix.Shards) != 1 || ix.Shards[0].Batches[0].Rows != 3 {
		t.Errorf("got %+v", ix)
	}
}

// Two indexes are made at once, not more: others wait, and end when the gateway stops.
func TestIndexesAreMadeTwoAtOnce(t *testing.T) {
	l := newLab(t, 0, streamtest.Numbers(8))
	v := l.View(t, []schemas.Duty{streamtest.Filter("n", "lt", "3")})
	scan := func() error {
		_, err := l.scan(t.Context(), &progress{}, l.Table.Table(), l.Split(), v)
		return err
	}
	l.slots <- struct{}{}
	streamtest.Must(t, scan())
	l.slots <- struct{}{}
	waiting := make(chan error)
	go func() { waiting <- scan() }()
	select {
	case err := <-waiting:
		t.Fatalf("a third index was made: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	l.life.Shutdown(t.Context())
	if err := <-waiting; schemas.KindOf(err) != schemas.Busy {
		t.Errorf("got %v", err)
	}
}

// Where the indexes that are ready take too much, the oldest goes, and no other.
func TestOldestIndexGoes(t *testing.T) {
	vs := NewCache(nil, nil, nil, nil, nil)
	ix := &plan.RowIndex{}
	for _, key := range []string{"a", "b", "c"} {
		vs.remember(key, ix, 2*ix.Weight())
	}
	if vs.ready["a"] != nil || vs.ready["b"] == nil || vs.ready["c"] == nil || vs.held != 2*ix.Weight() {
		t.Errorf("%d bytes are held, of %v", vs.held, vs.order)
	}
}

// The rows of a view are counted as long as somebody may have the answer and asks for it:
// a count whose agreements are revoked ends, and one that nobody asks for.
func TestUnwantedIndexesAreNotMade(t *testing.T) {
	for name, revoked := range map[string]bool{"revoked": true, "not asked for": false} {
		t.Run(name, func(t *testing.T) {
			r := newLab(t, 0, streamtest.Padded(0, 3))
			reads, stay := make(chan struct{}), make(chan struct{})
			t.Cleanup(func() { close(stay) })
			var anew atomic.Bool // the first attempt may have ended before it read
			r.OnGet = func(n int64, _ *http.Request) {
				if n == 1 && !anew.Load() {
					close(reads)
					<-stay
				}
			}
			v := r.View(t, []schemas.Duty{streamtest.Filter("n", "lt", "2")})
			ask := func(id schemas.AgreementID) error {
				_, err := r.Get(t.Context(), Asker{"p", id, schemas.Lease{ID: "lease-a", Participant: "p"}}, &r.Version, r.Table.Table(), r.Split(), v)
				return err
			}
			if !revoked {
				r.patience = time.Millisecond
			}
			if err := ask("agr-a"); schemas.KindOf(err) != schemas.Busy {
				t.Fatal(err)
			}
			if revoked {
				_ = ask("agr-b")
				<-reads
				r.revocations.Cut("agr-a")
				if n := r.Gets.Load(); n != 1 {
					t.Fatalf("%d reads", n)
				}
				r.revocations.Cut("agr-b")
			}
			streamtest.Eventually(t, func() bool {
				r.mu.Lock()
				defer r.mu.Unlock()
				return len(r.making) == 0 && len(r.ready) == 0
			})
			anew.Store(true)
			r.patience = time.Minute
			streamtest.Eventually(t, func() bool { return ask("agr-c") == nil }) // made anew
		})
	}
}

// Between two shards an index gives its place away, so that long ones hold up nobody.
func TestIndexesTakeTurns(t *testing.T) {
	l := newLab(t, 0, streamtest.Numbers(8), streamtest.Numbers(8))
	v := l.View(t, []schemas.Duty{streamtest.Filter("n", "lt", "3")})
	l.slots = make(chan struct{}) // the test hands out the only place
	made := make(chan error, 1)
	go func() {
		_, err := l.scan(t.Context(), &progress{}, l.Table.Table(), l.Split(), v)
		made <- err
	}()
	for range 2 {
		<-l.slots
		select {
		case l.slots <- struct{}{}:
		case err := <-made:
			t.Fatalf("it ended: %v", err)
		}
	}
	streamtest.Must(t, <-made)
}
