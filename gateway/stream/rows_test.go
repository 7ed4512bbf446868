package stream

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"guichet/schemas"
)

// An index that the work bucket does not take serves all the same.
func TestIndexThatIsNotSavedServes(t *testing.T) {
	l := newLab(t, 0, numbers(8))
	l.engine.Log = slog.New(slog.DiscardHandler)
	l.engine.Work = func(context.Context) (schemas.StoreID, string, error) {
		return "", "", errors.New("no work bucket today")
	}
	table := &l.version.Data[0]
	vw, err := newView(table, &schemas.Agreement{Obligations: []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "lt", Values: []string{"3"}}}}}, nil, l.engine.MasterKey)
	must(t, err)
	var ix *index
	eventually(t, func() bool {
		ix, err = l.engine.views.rows(t.Context(), "who", &l.version, table, &table.Splits[0], vw)
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
	vs := l.engine.views
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
	vs := newViews(nil)
	ix := &index{}
	for _, key := range []string{"a", "b", "c"} {
		vs.keep(key, ix, 2*ix.weight())
	}
	if vs.ready["a"] != nil || vs.ready["b"] == nil || vs.ready["c"] == nil || vs.held != 2*ix.weight() {
		t.Errorf("%d bytes are held, of %v", vs.held, vs.order)
	}
}
