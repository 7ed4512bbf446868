package rowindex

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/streamtest"
	"guichet/policy/view"
	"guichet/schemas"
)

// TestSealed: a view's index with another byte is made anew.
func TestSealed(t *testing.T) {
	b := sealed([]byte(`{"format":2}`))
	if string(unsealed(b)) != `{"format":2}` {
		t.Errorf("%q", b)
	}
	for i := range b {
		c := append([]byte(nil), b...)
		c[i] ^= 1
		if unsealed(c) != nil {
			t.Errorf("byte %d: %q", i, c)
		}
	}
	for n := range 12 {
		if unsealed(b[:n]) != nil {
			t.Error(fmt.Sprint(n))
		}
	}
}

// A filtered shard is full windows and one tail, like every other, whatever part of its
// batches stays; and an index of another form is not taken for one.
func TestFilteredShardsAreWindows(t *testing.T) {
	l := newLab(t, 16, streamtest.People(rand.New(rand.NewPCG(1, 7)), 500), streamtest.People(rand.New(rand.NewPCG(1, 8)), 300))
	v := l.View(t, []schemas.Duty{streamtest.Filter("n", "lt", "30")})
	kept := l.get(t, v).Shards
	for i, sh := range kept {
		for j, b := range sh.Batches {
			if last := j == len(sh.Batches)-1; b.Rows != 16 && !last || b.Rows > 16 {
				t.Errorf("batch %d of %d of shard %d has %d rows", j, len(sh.Batches), i, b.Rows)
			}
		}
	}
	ix, err := json.Marshal(&plan.RowIndex{Format: plan.RowIndexFormat, Shards: []plan.RowIndexShard{{Shard: 1, Batches: kept[1].Batches}}})
	streamtest.Must(t, err)
	split := l.Split()
	if got := parseIndex(sealed(slices.Clone(ix)), split, v); got == nil || !reflect.DeepEqual(got.Shards[0].Batches, kept[1].Batches) {
		t.Errorf("an index that was kept is read as %+v", got)
	}
	for _, other := range []string{"[[5,0],[3]]", `{"shards":[]}`, `{"format":1,"shards":[]}`, string(ix[:len(ix)/2]), ""} {
		if parseIndex(sealed([]byte(other)), split, v) != nil {
			t.Errorf("%.40q was taken for an index", other)
		}
	}
	for name, spoil := range map[string]func(sh *plan.RowIndexShard, b *plan.RowBatch){
		"no such shard":       func(sh *plan.RowIndexShard, _ *plan.RowBatch) { sh.Shard = 2 },
		"a shard below zero":  func(sh *plan.RowIndexShard, _ *plan.RowBatch) { sh.Shard = -1 },
		"no such batch":       func(_ *plan.RowIndexShard, b *plan.RowBatch) { b.Takes[0].Batch = 1000 },
		"a batch below zero":  func(_ *plan.RowIndexShard, b *plan.RowBatch) { b.Takes[0].Batch = -1 },
		"a skip below zero":   func(_ *plan.RowIndexShard, b *plan.RowBatch) { b.Takes[0].Skip = -1 },
		"a skip beyond all":   func(_ *plan.RowIndexShard, b *plan.RowBatch) { b.Takes[0].Skip = 1 << 62 },
		"rows below zero":     func(_ *plan.RowIndexShard, b *plan.RowBatch) { b.Takes[0].Rows = -1 },
		"rows not taken":      func(_ *plan.RowIndexShard, b *plan.RowBatch) { b.Rows++ },
		"a size is missing":   func(_ *plan.RowIndexShard, b *plan.RowBatch) { b.Columns = b.Columns[1:] },
		"no dictionary sizes": func(_ *plan.RowIndexShard, b *plan.RowBatch) { b.Dictionaries = nil },
		"a size below zero":   func(_ *plan.RowIndexShard, b *plan.RowBatch) { b.Columns[0] = -8 },
	} {
		var bad plan.RowIndex
		streamtest.Must(t, json.Unmarshal(ix, &bad))
		spoil(&bad.Shards[0], &bad.Shards[0].Batches[0])
		text, err := json.Marshal(bad)
		streamtest.Must(t, err)
		if parseIndex(sealed(text), split, v) != nil {
			t.Errorf("%s: taken for an index", name)
		}
	}
}

// Every replica, today and in a year, looks for an index under the same name.
func TestKeysStay(t *testing.T) {
	v := &schemas.Version{Dataset: "ds-1"}
	v.Version = "v1"
	got := keyOf(v, &schemas.Table{Name: "t"}, &schemas.Split{Name: "all"}, &view.View{Digest: "d"})
	if want := "be09e4560fd900ff7dd6de2b3f80f4262b8e202d4d7dd9155ab6db9494389267"; got != want {
		t.Errorf("the key is %s, want %s", got, want)
	}
}
