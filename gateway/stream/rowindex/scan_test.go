package rowindex

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/release"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// An index takes each row that stays once, in order, and cuts its batches at windows.
func TestIndexTakesWhatStays(t *testing.T) {
	l := newLab(t, 16, streamtest.Numbers(100), streamtest.Numbers(10), streamtest.Numbers(40))
	for name, c := range map[string]struct {
		duty schemas.Duty
		want []plan.RowIndexShard
	}{
		"the first rows": {streamtest.Filter("n", "lt", "20"), []plan.RowIndexShard{
			{Shard: 0, Batches: []plan.RowBatch{{Rows: 16, Takes: []plan.Take{{Batch: 0, Rows: 16}}},
				{Rows: 4, Takes: []plan.Take{{Batch: 1, Rows: 4}}}}},
			{Shard: 1, Batches: []plan.RowBatch{{Rows: 10, Takes: []plan.Take{{Batch: 0, Rows: 10}}}}},
			{Shard: 2, Batches: []plan.RowBatch{{Rows: 16, Takes: []plan.Take{{Batch: 0, Rows: 16}}},
				{Rows: 4, Takes: []plan.Take{{Batch: 1, Rows: 4}}}}},
		}},
		"over batches": {streamtest.Filter("n", "in", "3", "17", "18", "39", "64", "80", "81", "99"), []plan.RowIndexShard{
			{Shard: 0, Batches: []plan.RowBatch{{Rows: 8, Takes: []plan.Take{{Batch: 0, Rows: 1}, {Batch: 1, Rows: 2}, {Batch: 2, Rows: 1},
				{Batch: 4, Rows: 1}, {Batch: 5, Rows: 2}, {Batch: 6, Rows: 1}}}}},
			{Shard: 1, Batches: []plan.RowBatch{{Rows: 1, Takes: []plan.Take{{Batch: 0, Rows: 1}}}}},
			{Shard: 2, Batches: []plan.RowBatch{{Rows: 4, Takes: []plan.Take{{Batch: 0, Rows: 1}, {Batch: 1, Rows: 2}, {Batch: 2, Rows: 1}}}}},
		}},
		"a window ends inside": {streamtest.Filter("n", "gteq", "90"), []plan.RowIndexShard{
			{Shard: 0, Batches: []plan.RowBatch{{Rows: 10, Takes: []plan.Take{{Batch: 5, Rows: 6}, {Batch: 6, Rows: 4}}}}},
		}},
		"a batch is cut": {streamtest.Filter("n", "gteq", "74"), []plan.RowIndexShard{
			{Shard: 0, Batches: []plan.RowBatch{{Rows: 16, Takes: []plan.Take{{Batch: 4, Rows: 6}, {Batch: 5, Rows: 10}}},
				{Rows: 10, Takes: []plan.Take{{Batch: 5, Skip: 10, Rows: 6}, {Batch: 6, Rows: 4}}}}},
		}},
		"nothing": {streamtest.Filter("n", "lt", "0"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			ix := l.get(t, l.View(t, []schemas.Duty{c.duty}))
			for i := range ix.Shards {
				for j := range ix.Shards[i].Batches {
					b := &ix.Shards[i].Batches[j]
					if want := (8*b.Rows + 63) / 64 * 64; len(b.Columns) != 1 || b.Columns[0] != want {
						t.Errorf("a batch of %d numbers has %v bytes, want %d", b.Rows, b.Columns, want)
					}
					b.Columns = nil
				}
			}
			if diff := cmp.Diff(c.want, ix.Shards, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A replica that comes later finds the index in the work bucket; one that was torn there is
// made anew, and the same.
func TestIndexesAreKept(t *testing.T) {
	l := newLab(t, 16, streamtest.People(rand.New(rand.NewPCG(1, 1)), 200))
	v := l.View(t, []schemas.Duty{streamtest.Filter("n", "lt", "50")})
	made := l.get(t, v)
	var kept bytes.Buffer
	streamtest.Must(t, writeTo(&kept, made))
	if got := parseIndex(kept.Bytes(), l.Split(), v); got == nil || cmp.Diff(made, got) != "" {
		t.Errorf("kept as %.200s", kept.String())
	}
	torn := kept.Bytes()[:kept.Len()-3]
	if parseIndex(torn, l.Split(), v) != nil {
		t.Error("a torn index was read")
	}
	for name, object := range map[string][]byte{"kept": kept.Bytes(), "torn": torn} {
		t.Run(name, func(t *testing.T) {
			later := &lab{Table: l.Table, revocations: &streamtest.Feed{}}
			work := func(context.Context) (schemas.StoreID, string, error) { return "s", "work", nil }
			later.Cache = NewCache(l.Open, work, release.NewLifecycle(), later.revocations, l.log)
			t.Cleanup(func() { later.life.Shutdown(context.Background()) })
			key := keyOf(&l.Version, l.Table.Table(), l.Split(), v) + ".json"
			l.Objects[key] = object
			defer delete(l.Objects, key)
			l.Gets.Store(0)
			got := later.get(t, v)
			if diff := cmp.Diff(made, got); diff != "" {
				t.Errorf("(-made +got):\n%s", diff)
			}
			if reads := l.Gets.Load(); (name == "kept") != (reads == 1) {
				t.Errorf("%d reads", reads)
			}
		})
	}
}

func writeTo(w io.Writer, ix *plan.RowIndex) error {
	b, err := encode(ix)
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// A store that answers other bytes ends the index in words, and it is tried again after a
// while; who asks meanwhile hears the same.
func TestFaultsAreToldAndTriedAgain(t *testing.T) {
	l := newLab(t, 16, streamtest.Numbers(50))
	v := l.View(t, []schemas.Duty{streamtest.Filter("n", "lt", "5")})
	ask := func() error {
		_, err := l.Get(t.Context(), Asker{Who: "who"}, &l.Version, l.Table.Table(), l.Split(), v)
		return err
	}
	object := l.Objects["0.arrow"]
	l.Objects["0.arrow"] = bytes.Repeat([]byte{0x80}, len(object))
	if err := ask(); schemas.KindOf(err) != schemas.Busy ||
		!strings.Contains(err.Error(), "the rows that the agreement shows are being counted: 0 % done") {
		t.Errorf("first: %v", err)
	}
	streamtest.Eventually(t, func() bool { return schemas.KindOf(ask()) == schemas.Gone })
	l.Objects["0.arrow"] = object
	if err := ask(); schemas.KindOf(err) != schemas.Gone {
		t.Errorf("at once: %v", err)
	}
	l.mu.Lock()
	for _, p := range l.making {
		p.at = p.at.Add(-time.Minute)
	}
	l.mu.Unlock()
	if ix := l.get(t, v); len(ix.Shards) != 1 || ix.Shards[0].Batches[0].Rows != 5 {
		t.Errorf("tried again: %+v", ix)
	}
}

// One index does for all columns: views with fewer of them have the same batches.
func TestIndexDoesForFewerColumns(t *testing.T) {
	l := newLab(t, 16, streamtest.People(rand.New(rand.NewPCG(1, 2)), 150))
	duties := []schemas.Duty{streamtest.Filter("n", "lt", "60")}
	widest := l.View(t, duties)
	ix := l.get(t, widest)
	for _, columns := range [][]string{nil, {"n"}, {"region", "name"}} {
		v := l.View(t, duties, columns...)
		s := plan.NewFilteredSource(l.Version, l.Table.Table(), l.Split(), v, widest, ix)
		var rows int64
		for _, sh := range ix.Shards {
			for _, b := range sh.Batches {
				rows += b.Rows
			}
		}
		if s.Rows() != rows || len(s.Columns()) != len(v.Columns) {
			t.Errorf("%v: %d rows of %d, %d columns", columns, s.Rows(), rows, len(s.Columns()))
		}
	}
}
