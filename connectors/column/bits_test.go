package column

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// bitmap is some bytes and a stretch of bits inside.
func bitmap(t *rapid.T) (r *rand.Rand, b []byte, from, n int) {
	r = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 8))
	b = make([]byte, 1+r.IntN(30))
	for i := range b {
		b[i] = []byte{0, 255, byte(r.Uint32())}[r.IntN(3)]
	}
	from = r.IntN(8*len(b) + 1)
	return r, b, from, r.IntN(8*len(b) - from + 1)
}

// Bits are counted, set and copied as one by one.
func TestBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, b, from, n := bitmap(t)
		want := 0
		for i := from; i < from+n; i++ {
			if BitAt(b, i) {
				want++
			}
		}
		if got := popcount(b, from, n); got != want {
			t.Fatalf("%d of %d bits from %d on are set, want %d", got, n, from, want)
		}
		set := make([]byte, len(b))
		SetBits(set, from, n)
		if popcount(set, 0, 8*len(set)) != n || popcount(set, from, n) != n {
			t.Fatalf("%d bits from %d on give %08b", n, from, set)
		}
		at := r.IntN(17)
		copied := make([]byte, len(b)+3)
		copyBits(copied, at, b, from, n)
		for i := range n {
			if BitAt(copied, at+i) != BitAt(b, from+i) {
				t.Fatalf("bit %d of %d from %d to %d", i, n, from, at)
			}
		}
		if popcount(copied, 0, 8*len(copied)) != want {
			t.Fatal("bits beside the copy are set")
		}
	})
}

// Integers come back from bytes as they went in, with or without their sign.
func TestIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Int64().Draw(t, "x")
		for _, w := range []int{1, 2, 4, 8} {
			low := x << (64 - 8*w) >> (64 - 8*w) // what w bytes hold of it
			b := make([]byte, 16)
			PutInt(b[w:], w, x)
			if got := intAt(b, w, 1, true); got != low {
				t.Fatalf("%d bytes of %d are %d", w, x, got)
			}
			if got := intAt(b, w, 1, false); w < 8 && got != low&(1<<(8*w)-1) {
				t.Fatalf("%d bytes of %d, unsigned, are %d", w, x, got)
			}
			wide := make([]byte, 16)
			widen(wide, 16, b, 1, 1, w)
			if int64At(wide) != low || int64At(wide[8:]) != low>>63 {
				t.Fatalf("%d becomes %x", low, wide)
			}
		}
	})
}

func int64At(b []byte) int64 { return intAt(b, 8, 0, true) }
