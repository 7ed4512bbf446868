package ipc

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

// TestJoinSums: sums of parts join to the sum of the whole.
func TestJoinSums(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 7, 8, 63, 4096, 100_003} {
		for _, m := range []int{0, 1, 2, 64, 1001, 70_000} {
			p := make([]byte, n+m)
			for i := range p {
				p[i] = byte(r.Uint32())
			}
			want := crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli))
			got := JoinSums(Sum(p[:n]), Sum(p[n:]), int64(m))
			if got != want {
				t.Errorf("%d and %d bytes: %08x, want %08x", n, m, got, want)
			}
		}
	}
}
