package audit

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// stack is a tree's stored hashes in memory.
type stack []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (s stack) ReadHashes(places []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(places))
	for i, p := range places {
		if p >= int64(len(s)) {
			return nil, fmt.Errorf("no hash at %d", p)
		}
		out[i] = s[p]
	}
	return out, nil
}

// grow adds a leaf to edge and stack, and checks that places have no gaps.
func grow(t *testing.T, e *compactRange, s *stack, leaf []byte) {
	t.Helper()
	e.add(tlog.RecordHash(leaf), func(level int, n, place int64, h tlog.Hash) tlog.Hash {
		if place != int64(len(*s)) || place != tlog.StoredHashIndex(level, n) {
			t.Fatalf("hash of level %d, number %d at place %d, want %d", level, n, place, len(*s))
		}
		*s = append(*s, h)
		return h
	})
}

// The edge's hashes and roots are those of x/mod's tlog, at every size.
func TestEdgeIsTlogs(t *testing.T) {
	var e compactRange
	var mine, theirs stack
	for n := range int64(301) {
		want, err := tlog.TreeHash(n, theirs)
		if err != nil {
			t.Fatal(err)
		}
		if e.root() != want || e.size != n {
			t.Fatalf("size %d: root %v, want %v", n, e.root(), want)
		}
		loaded, err := mine.ReadHashes(edgePlaces(n))
		if err != nil {
			t.Fatal(err)
		}
		if again := (&compactRange{n, loaded}); again.root() != want {
			t.Fatalf("size %d: the edge read back has another root", n)
		}
		leaf := fmt.Append(nil, "leaf ", n)
		more, err := tlog.StoredHashes(n, leaf, theirs)
		if err != nil {
			t.Fatal(err)
		}
		theirs = append(theirs, more...)
		grow(t, &e, &mine, leaf)
		if len(mine) != len(theirs) || mine[len(mine)-1] != theirs[len(theirs)-1] {
			t.Fatalf("size %d: %d hashes, want %d", n+1, len(mine), len(theirs))
		}
	}
}

// The worked example of C2SP tlog-tiles: a log of 70,000 records.
func TestTilesOf70000(t *testing.T) {
	const size = 70_000
	var e compactRange
	var s stack
	for n := range size {
		grow(t, &e, &s, fmt.Append(nil, n))
	}
	if len(s) != 139_994 {
		t.Errorf("%d stored hashes, want 139,994", len(s))
	}
	widths := map[[2]int]int64{} // level and width to number of tiles
	for _, tile := range tlog.NewTiles(8, 0, size) {
		widths[[2]int{tile.L, tile.W}]++
		if tile.W == 256 && tile.N > 0 {
			continue
		}
		data, err := tlog.ReadTileData(tile, s)
		if err != nil || len(data) != tile.W*tlog.HashSize {
			t.Errorf("tile %v: %d bytes, %v", tile, len(data), err)
		}
	}
	for _, want := range []struct {
		level, width int
		tiles        int64
	}{{0, 256, 273}, {0, 112, 1}, {1, 256, 1}, {1, 17, 1}, {2, 1, 1}} {
		if got := widths[[2]int{want.level, want.width}]; got != want.tiles {
			t.Errorf("level %d: %d tiles of width %d, want %d", want.level, got, want.width, want.tiles)
		}
	}
	p, err := tlog.ProveTree(size, 256, s)
	if err != nil {
		t.Fatal(err)
	}
	old, err := tlog.TreeHash(256, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckTree(p, size, e.root(), 256, old); err != nil {
		t.Error(err)
	}
}
