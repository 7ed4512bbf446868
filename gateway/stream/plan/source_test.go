package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/schemas"
)

// A table or split may be left out where there is one; where there are more, or none of
// that name, the names are told.
func TestPick(t *testing.T) {
	split := func(names ...string) (out []schemas.Split) {
		for _, n := range names {
			out = append(out, schemas.Split{Name: n})
		}
		return out
	}
	one := &schemas.Version{Data: []schemas.Table{{Name: "a", Splits: split("all")}}}
	two := &schemas.Version{Data: []schemas.Table{{Name: "a", Splits: split("train", "test")}, {Name: "b", Splits: split("all")}}}
	for _, c := range []struct {
		v            *schemas.Version
		table, split string
		want         string // found, or what the error says
	}{
		{one, "", "", "a/all"},
		{one, "a", "all", "a/all"},
		{one, "b", "", `there is no table "b"; the version has the tables a`},
		{one, "", "test", `there is no split "test"; table a has the splits all`},
		{two, "b", "", "b/all"},
		{two, "a", "test", "a/test"},
		{two, "", "test", "say which table; the version has the tables a, b"},
		{two, "a", "", "say which split; table a has the splits train, test"},
	} {
		table, s, err := Pick(c.v, c.table, c.split)
		got := ""
		if err == nil {
			got = table.Name + "/" + s.Name
		} else if schemas.KindOf(err) == schemas.Invalid {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s/%s: got %s, want %s", c.table, c.split, got, c.want)
		}
	}
}

// A source tells rows, batches and columns as they arrive, with what is known of them.
func TestSource(t *testing.T) {
	v := published(8, []int64{8, 3}, nil, []int64{2})
	s := sourceFor(t, v, schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"d"}})
	if s.Rows() != 13 || s.NumShards() != 3 || s.ShardRows(0) != 11 || s.ShardRows(1) != 0 || s.Name() != "t/all" || s.Regrouped() {
		t.Errorf("%d rows in %d shards of %s, regrouped: %t", s.Rows(), s.NumShards(), s.Name(), s.Regrouped())
	}
	if diff := cmp.Diff([][]int64{{8, 3}, {}, {2}}, s.Batches()); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	want := []schemas.TableColumn{{Name: "n", Type: "int64", Unit: "unit of n"}, {Name: "d", Type: "fixed_size_binary[16]", Unit: "unit of d"}}
	if diff := cmp.Diff(want, s.Columns()); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if got := s.ShardSlices(0); len(got) != 2 || !got[0].Whole || got[1].Rows != 3 {
		t.Errorf("the slices of a whole shard are %+v", got)
	}
}

// What is read anew under other columns or terms has another name; the same has the same.
func TestViewDigest(t *testing.T) {
	v := published(8, []int64{8})
	names := map[string]string{}
	for what, s := range map[string]*Source{
		"raw":    sourceFor(t, v),
		"hidden": sourceFor(t, v, schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"d"}}),
		"edited": sourceFor(t, v, schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"d"}}),
	} {
		name := s.ViewDigest()
		if names[name] != "" || len(name) != 32 {
			t.Errorf("%s is named %s, as %s", what, name, names[name])
		}
		names[name] = what
	}
	if sourceFor(t, v).ViewDigest() != sourceFor(t, published(4, []int64{2})).ViewDigest() {
		t.Error("the rows of a split move the name of its view")
	}
}

// indexed are two batches of the view, gathered from three of shard 1.
func indexed() *RowIndex {
	return &RowIndex{Format: RowIndexFormat, Shards: []RowIndexShard{{Shard: 1, Batches: []RowBatch{
		{
			Rows:         32,
			Columns:      []int64{256, 64},
			Dictionaries: []int64{500},
			Takes:        []Take{{Batch: 3, Skip: 5, Rows: 10}, {Batch: 4, Rows: 20}, {Batch: 6, Rows: 2}},
		},
		{Rows: 3, Columns: []int64{64, 64}, Dictionaries: []int64{90}, Takes: []Take{{Batch: 6, Skip: 2, Rows: 3}}},
	}}}}
}

// A filtering view has the batches of its index, numbered among the shards that have any
// rows, sized by the columns that are asked for.
func TestFilteredSource(t *testing.T) {
	v := published(32, []int64{4}, []int64{9, 9, 9, 20, 20, 9, 9})
	widest := viewOf(t, &v, nil, filter())
	whole := NewFilteredSource(v, &v.Data[0], &v.Data[0].Splits[0], widest, widest, indexed())
	narrow := viewOf(t, &v, []string{"d"}, filter())
	part := NewFilteredSource(v, &v.Data[0], &v.Data[0].Splits[0], narrow, widest, indexed())
	for what, c := range map[string]struct {
		s           *Source
		first, last int64 // bytes of the batches
	}{
		"all columns": {whole, widest.Frame + 256 + 64 + 500, widest.Frame + 64 + 64 + 90},
		"one column":  {part, narrow.Frame + 64 + 500, narrow.Frame + 64 + 90},
	} {
		s := c.s
		if diff := cmp.Diff([][]int64{{32, 3}}, s.Batches()); diff != "" || s.StoredShard(0) != &s.Split.Shards[1] || !s.Regrouped() {
			t.Errorf("%s: batches (-want +got):\n%s", what, diff)
		}
		p, err := NewPlan(s, Ask{World: 1})
		if err != nil {
			t.Fatal(err)
		}
		rows, bytes := p.Most()
		if want := c.first + c.last + int64(len(s.Schema())) + 8; rows != 35 || bytes != want {
			t.Errorf("%s: at most %d rows in %d bytes, want %d", what, rows, bytes, want)
		}
		if got, want := p.LargestMessage(), max(c.first-500, 500); got != want {
			t.Errorf("%s: the largest message has %d bytes, want %d", what, got, want)
		}
		if got := s.OutputBound(Slice{Batch: 1, Rows: 3, Whole: true}); got != c.last || len(s.SharedDictionaries(0)) != 0 {
			t.Errorf("%s: %d bytes are made of the last batch, want %d", what, got, c.last)
		}
	}
}

// Where no row stays there is one shard without rows: a file says what the columns are.
func TestNothingStays(t *testing.T) {
	v := published(32, []int64{4}, []int64{9})
	vw := viewOf(t, &v, nil, filter())
	s := NewFilteredSource(v, &v.Data[0], &v.Data[0].Splits[0], vw, vw, &RowIndex{Format: RowIndexFormat})
	p, err := NewPlan(s, Ask{World: 2, Rank: 1, Even: "pad"})
	if err != nil || s.Rows() != 0 || s.NumShards() != 1 || len(p.Segments) != 0 || p.Rows != 0 {
		t.Errorf("%d rows in %d shards, planned %+v: %v", s.Rows(), s.NumShards(), p, err)
	}
}

// The rows of a slice of a batch are found where its takes took them from.
func TestOrigins(t *testing.T) {
	v := published(32, []int64{4}, []int64{9, 9, 9, 20, 20, 9, 9})
	vw := viewOf(t, &v, nil, filter())
	s := NewFilteredSource(v, &v.Data[0], &v.Data[0].Splits[0], vw, vw, indexed())
	for _, c := range []struct {
		from, rows int64
		want       []Origin
	}{
		{8, 17, []Origin{{3, 13, 2, false}, {4, 0, 15, true}}}, // the example of origins
		{0, 32, []Origin{{3, 5, 10, false}, {4, 0, 20, false}, {6, 0, 2, true}}},
		{0, 10, []Origin{{3, 5, 10, true}}},
		{10, 20, []Origin{{4, 0, 20, true}}},
		{31, 1, []Origin{{6, 1, 1, true}}},
	} {
		if diff := cmp.Diff(c.want, s.Origins(Slice{From: c.from, Rows: c.rows})); diff != "" {
			t.Errorf("rows [%d, %d) (-want +got):\n%s", c.from, c.from+c.rows, diff)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(0, 31).Draw(t, "from")
		rows := rapid.Int64Range(1, 32-from).Draw(t, "rows")
		var got []string
		origins := s.Origins(Slice{From: from, Rows: rows})
		for i, o := range origins {
			if o.Ends != (i == len(origins)-1) {
				t.Fatalf("origin %d of %d ends: %t", i, len(origins), o.Ends)
			}
			for k := range o.Rows {
				got = append(got, fmt.Sprint(o.Batch, ":", o.Skip+k))
			}
		}
		var all []string
		for _, take := range indexed().Shards[0].Batches[0].Takes {
			for k := range take.Rows {
				all = append(all, fmt.Sprint(take.Batch, ":", take.Skip+k))
			}
		}
		if diff := cmp.Diff(all[from:from+rows], got); diff != "" {
			t.Errorf("rows [%d, %d) (-want +got):\n%s", from, from+rows, diff)
		}
	})
}

// An index that names what is not there, or sizes other columns, does not fit.
func TestIndexFits(t *testing.T) {
	v := published(32, []int64{4}, []int64{9, 9, 9, 20, 20, 9, 9})
	vw := viewOf(t, &v, nil, filter())
	if ix := indexed(); !ix.Fits(&v.Data[0].Splits[0], vw) {
		t.Error("an index does not fit what it is of")
	}
	for what, spoil := range map[string]func(ix *RowIndex, b *RowBatch){
		"no such shard":       func(ix *RowIndex, _ *RowBatch) { ix.Shards[0].Shard = 2 },
		"a shard twice":       func(ix *RowIndex, _ *RowBatch) { ix.Shards = append(ix.Shards, ix.Shards[0]) },
		"no batches":          func(ix *RowIndex, _ *RowBatch) { ix.Shards[0].Batches = nil },
		"no such batch":       func(_ *RowIndex, b *RowBatch) { b.Takes[0].Batch = 7 },
		"more than a batch":   func(_ *RowIndex, b *RowBatch) { b.Takes[0].Rows = 16 },
		"rows not taken":      func(_ *RowIndex, b *RowBatch) { b.Rows++ },
		"a column too many":   func(_ *RowIndex, b *RowBatch) { b.Columns = append(b.Columns, 1) },
		"a size below zero":   func(_ *RowIndex, b *RowBatch) { b.Columns[1] = -1 },
		"an impossible size":  func(_ *RowIndex, b *RowBatch) { b.Dictionaries[0] = maxSized + 1 },
		"another shard's":     func(ix *RowIndex, _ *RowBatch) { ix.Shards[0].Shard = 0 },
		"no dictionary sizes": func(_ *RowIndex, b *RowBatch) { b.Dictionaries = nil },
	} {
		ix := indexed()
		spoil(ix, &ix.Shards[0].Batches[0])
		if ix.Fits(&v.Data[0].Splits[0], vw) {
			t.Errorf("%s: it fits", what)
		}
	}
	if small, large := (&RowIndex{}).Weight(), indexed().Weight(); small >= large || small <= 0 {
		t.Errorf("indexes weigh %d and %d bytes", small, large)
	}
}
