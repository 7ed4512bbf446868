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

// The tree that the package's doc draws: five leaves, where their hashes stand, what is its
// right edge before and after a sixth, and the proofs of the third leaf and of the first four.
func TestTheTreeThatIsDrawn(t *testing.T) {
	var e compactRange
	var s stack
	roots := []tlog.Hash{e.root()}
	for n := range 5 {
		grow(t, &e, &s, fmt.Append(nil, "leaf ", n))
		roots = append(roots, e.root())
	}
	node := func(left, right int64) tlog.Hash { return tlog.NodeHash(s[left], s[right]) }
	for place, want := range map[int64]tlog.Hash{2: node(0, 1), 5: node(3, 4), 6: node(2, 5)} {
		if s[place] != want {
			t.Errorf("place %d is not over what is drawn below it", place)
		}
	}
	if len(s) != 8 || s[7] != tlog.RecordHash([]byte("leaf 4")) || e.root() != node(6, 7) {
		t.Errorf("%d hashes, or another root", len(s))
	}
	edge := func(want ...int64) {
		t.Helper()
		if fmt.Sprint(edgePlaces(e.size)) != fmt.Sprint(want) {
			t.Errorf("the edge of %d stands at %v, want %v", e.size, edgePlaces(e.size), want)
		}
		for i, place := range want {
			if e.hashes[i] != s[place] {
				t.Errorf("hash %d of the edge is not the one at place %d", i, place)
			}
		}
	}
	edge(6, 7)
	proof, err := tlog.ProveRecord(5, 2, s)
	if err != nil || len(proof) != 3 || proof[0] != s[4] || proof[1] != s[2] || proof[2] != s[7] {
		t.Errorf("the proof of the third leaf has %d hashes: %v", len(proof), err)
	}
	whole, err := tlog.ProveTree(5, 4, s)
	if err != nil || tlog.CheckTree(whole, 5, roots[5], 4, roots[4]) != nil {
		t.Errorf("five do not begin with four: %v", err)
	}
	if len(whole) != 1 || whole[0] != s[7] {
		t.Errorf("the proof that five begin with four has %d hashes", len(whole))
	}
	grow(t, &e, &s, []byte("leaf 5"))
	edge(6, 9)
}
