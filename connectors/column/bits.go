package column

import (
	"encoding/binary"
	"math/bits"
)

// SetBits sets n bits from bit i on.
func SetBits(b []byte, i, n int) {
	for ; n > 0 && i&7 != 0; i, n = i+1, n-1 {
		b[i>>3] |= 1 << (i & 7)
	}
	for ; n >= 8; i, n = i+8, n-8 {
		b[i>>3] = 0xff
	}
	for ; n > 0; i, n = i+1, n-1 {
		b[i>>3] |= 1 << (i & 7)
	}
}

// copyBits copies n bits of src from bit j on to bit i of dst on, where there are zeros.
func copyBits(dst []byte, i int, src []byte, j, n int) {
	if i&7 == 0 && j&7 == 0 {
		k := n >> 3
		copy(dst[i>>3:(i>>3)+k], src[j>>3:])
		i, j, n = i+k*8, j+k*8, n&7
	}
	for n > 0 {
		k := min(n, 56)
		w := someBits(src, j, k) << (i & 7)
		for p := i >> 3; w != 0; p, w = p+1, w>>8 {
			dst[p] |= byte(w)
		}
		i, j, n = i+k, j+k, n-k
	}
}

// someBits gives n bits from bit i on, at most 56: so many lie in 8 bytes wherever they begin.
func someBits(b []byte, i, n int) uint64 {
	p := i >> 3
	var w uint64
	if p+8 <= len(b) {
		w = binary.LittleEndian.Uint64(b[p:])
	} else {
		for k, x := range b[p:] {
			w |= uint64(x) << (8 * k)
		}
	}
	return w >> (i & 7) & (1<<n - 1)
}

// BitAt says whether bit i of a bitmap is set; bits count from the lowest of byte 0.
func BitAt(b []byte, i int) bool { return b[i>>3]&(1<<(i&7)) != 0 }

// popcount counts the set bits among n from bit i on.
func popcount(b []byte, i, n int) (set int) {
	if n <= 56 {
		return bits.OnesCount64(someBits(b, i, n))
	}
	for ; n > 0 && i&7 != 0; i, n = i+1, n-1 {
		set += int(b[i>>3]>>(i&7)) & 1
	}
	p := i >> 3
	for ; n >= 64; n, p = n-64, p+8 {
		set += bits.OnesCount64(binary.LittleEndian.Uint64(b[p:]))
	}
	for i = p << 3; n > 0; i, n = i+1, n-1 {
		set += int(b[i>>3]>>(i&7)) & 1
	}
	return set
}

// runEnd is the first bit from i on that is not set, or is, at most end.
func runEnd(b []byte, i, end int, set bool) int {
	for i < end {
		p := i >> 3
		if p+8 > len(b) {
			if BitAt(b, i) != set {
				return i
			}
			i++
			continue
		}
		w := binary.LittleEndian.Uint64(b[p:])
		if set {
			w = ^w
		}
		w >>= i & 7
		k := bits.TrailingZeros64(w)
		have := 64 - i&7
		if k < have {
			return min(i+k, end)
		}
		i += have
	}
	return end
}

// widen copies n integers of a smaller width with their sign.
func widen(dst []byte, width int, src []byte, from, n, small int) {
	for i := range n {
		PutSigned(dst[i*width:(i+1)*width], intAt(src, small, from+i, true))
	}
}

// PutSigned writes x with its sign.
func PutSigned(to []byte, x int64) {
	binary.LittleEndian.PutUint64(to, uint64(x))
	for i := 8; i < len(to); i++ {
		to[i] = byte(x >> 63)
	}
}

// PutInt writes a little-endian integer of 1, 2, 4 or 8 bytes.
func PutInt(b []byte, width int, v int64) {
	switch width {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, uint64(v))
	}
}

// intAt reads entry i of a buffer of integers of width bytes.
func intAt(b []byte, width, i int, signed bool) int64 {
	switch b = b[i*width:]; width {
	case 1:
		if signed {
			return int64(int8(b[0]))
		}
		return int64(b[0])
	case 2:
		v := binary.LittleEndian.Uint16(b)
		if signed {
			return int64(int16(v))
		}
		return int64(v)
	case 4:
		v := binary.LittleEndian.Uint32(b)
		if signed {
			return int64(int32(v))
		}
		return int64(v)
	}
	return int64(binary.LittleEndian.Uint64(b)) // beyond int64: negative, so refused as an index
}
