package stream

import (
	"context"
	"errors"
	"log/slog"
	"testing"

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
		ix, err = l.engine.views.rows(t.Context(), &l.version, table, &table.Splits[0], vw)
		if err != nil && schemas.KindOf(err) != schemas.Busy {
			t.Fatal(err)
		}
		return err == nil
	})
	if len(ix.Shards) != 1 || ix.Shards[0].Batches[0].Rows != 3 {
		t.Errorf("got %+v", ix)
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
