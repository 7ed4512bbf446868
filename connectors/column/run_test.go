package column

import (
	"math/rand/v2"
	"testing"
)

// TestRunEnd compares it with bit by bit.
func TestRunEnd(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := make([]byte, 1+r.IntN(40))
		for i := range b {
			b[i] = []byte{0, 255, 255, byte(r.Uint32())}[r.IntN(4)]
		}
		i := r.IntN(8 * len(b))
		end := i + r.IntN(8*len(b)-i+1)
		set := r.IntN(2) == 0
		want := i
		for want < end && BitAt(b, want) == set {
			want++
		}
		if got := runEnd(b, i, end, set); got != want {
			t.Fatalf("%x from %d to %d, set %t: %d, want %d", b, i, end, set, got, want)
		}
	}
}
