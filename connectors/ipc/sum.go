package ipc

import (
	"hash/crc32"
)

// castagnoli is the polynomial of CRC-32C, reflected [RFC 3720 §12.1].
const castagnoli = crc32.Castagnoli

// Sum is the CRC-32C of a message, as it stands in a manifest.
func Sum(p []byte) uint32 { return AddSum(0, p) }

// AddSum gives the CRC-32C of what has sum, followed by p.
func AddSum(sum uint32, p []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(castagnoli), p)
}

// JoinSums gives the CRC-32C of what has sum a, followed by n bytes that have sum b,
// without a look at either: a is moved past n bytes by multiplication in GF(2)[x].
func JoinSums(a, b uint32, n int64) uint32 {
	return times(a, power(8*uint64(n))) ^ b
}

// one is x⁰; in the reflected form the highest bit is the lowest power.
const one = 1 << 31

// times multiplies modulo the polynomial.
func times(a, b uint32) uint32 {
	var p uint32
	for ; a != 0; a <<= 1 {
		p ^= b & -(a >> 31)
		b = b>>1 ^ castagnoli&-(b&1)
	}
	return p
}

// power gives x to the n.
func power(n uint64) uint32 {
	p, square := uint32(one), uint32(one>>1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			p = times(p, square)
		}
		square = times(square, square)
	}
	return p
}
