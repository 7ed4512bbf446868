package stream

import (
	"context"
	"errors"
	"testing"
	"time"

	"guichet/policy/view"
	"guichet/schemas"
)

// An index that the work bucket does not take serves all the same.
func TestIndexThatIsNotSavedServes(t *testing.T) {
	l := newLab(t, 0, numbers(8))
	l.config.Work = func(context.Context) (schemas.StoreID, string, error) {
		return "", "", errors.New("no work bucket today")
	}
	l.engine = New(l.config)
	table := &l.version.Data[0]
	vw, err := view.New(table, &schemas.Agreement{Obligations: []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "lt", Values: []string{"3"}}}}}, nil, l.engine.MasterKey)
	must(t, err)
	var ix *RowIndex
	eventually(t, func() bool {
		ix, err = l.engine.indexes.rows(t.Context(), asker{who: "who"}, &l.version, table, &table.Splits[0], vw)
		if err != nil && schemas.KindOf(err) != schemas.Busy {
			t.Fatal(err)
		}
		return err == nil
	})
	if len(ix.Shards) != 1 || ix.Shards[0].Batches[0].Rows != 3 {
		t.Errorf("got %+v", ix)
	}
}

// Two indexes are made at once, not more: others wait, and end when the gateway stops.
func TestIndexesAreMadeTwoAtOnce(t *testing.T) {
	l := newLab(t, 0, numbers(8))
	src := l.source(t, []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "lt", Values: []string{"3"}}}})
	vs := l.engine.indexes
	scan := func() error {
		_, err := vs.scan(t.Context(), &progress{}, src.Table, src.Split, src.view)
		return err
	}
	vs.scans <- struct{}{}
	must(t, scan())
	vs.scans <- struct{}{}
	waiting := make(chan error)
	go func() { waiting <- scan() }()
	select {
	case err := <-waiting:
		t.Fatalf("a third index was made: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	l.engine.Shutdown(t.Context())
	if err := <-waiting; schemas.KindOf(err) != schemas.Busy {
		t.Errorf("got %v", err)
	}
}

// Where the indexes that are ready take too much, the oldest goes, and no other.
func TestOldestIndexGoes(t *testing.T) {
	vs := NewIndexCache(nil, nil, nil, nil, nil)
	ix := &RowIndex{}
	for _, key := range []string{"a", "b", "c"} {
		vs.keep(key, ix, 2*ix.weight())
	}
	if vs.ready["a"] != nil || vs.ready["b"] == nil || vs.ready["c"] == nil || vs.held != 2*ix.weight() {
		t.Errorf("%d bytes are held, of %v", vs.held, vs.order)
	}
}

// The rows of a view are counted as long as somebody may have the answer and asks for it:
// a count whose agreements are revoked ends, and one that nobody asks for.
func TestUnwantedIndexesAreNotMade(t *testing.T) {
	for name, revoked := range map[string]bool{"revoked": true, "not asked for": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{Work: func(context.Context) (schemas.StoreID, string, error) { return "s", "work", nil }}, 1, 3)
			reads, stay := make(chan struct{}), make(chan struct{})
			t.Cleanup(func() { close(stay) })
			r.onGet = func(n int64) {
				if n == 1 {
					close(reads)
					<-stay
				}
			}
			table := r.source.Table
			a := schemas.Agreement{ID: "agr-a", Obligations: []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "lt", Values: []string{"2"}}}}}
			vw, err := view.New(table, &a, nil, r.MasterKey)
			must(t, err)
			ask := func(id schemas.AgreementID) error {
				_, err := r.indexes.rows(t.Context(), asker{"p", id, schemas.Lease{ID: "lease-a", Participant: "p"}}, &r.source.Version, table, r.source.Split, vw)
				return err
			}
			if !revoked {
				r.indexes.patience = time.Millisecond
			}
			if err := ask("agr-a"); schemas.KindOf(err) != schemas.Busy {
				t.Fatal(err)
			}
			if revoked {
				_ = ask("agr-b")
				<-reads
				r.feed.cut("agr-a")
				if n := r.gets.Load(); n != 1 {
					t.Fatalf("%d reads", n)
				}
				r.feed.cut("agr-b")
			}
			eventually(t, func() bool {
				r.indexes.mu.Lock()
				defer r.indexes.mu.Unlock()
				return len(r.indexes.making) == 0 && len(r.indexes.ready) == 0
			})
			r.indexes.patience = time.Minute
			eventually(t, func() bool { return ask("agr-c") == nil }) // made anew
		})
	}
}

// Between two shards an index gives its place away, so that long ones hold up nobody.
func TestIndexesTakeTurns(t *testing.T) {
	l := newLab(t, 0, numbers(8), numbers(8))
	src := l.source(t, []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "lt", Values: []string{"3"}}}})
	vs := l.engine.indexes
	vs.scans = make(chan struct{}) // the test hands out the only place
	made := make(chan error, 1)
	go func() {
		_, err := vs.scan(t.Context(), &progress{}, src.Table, src.Split, src.view)
		made <- err
	}()
	for range 2 {
		<-vs.scans
		select {
		case vs.scans <- struct{}{}:
		case err := <-made:
			t.Fatalf("it ended: %v", err)
		}
	}
	must(t, <-made)
}
