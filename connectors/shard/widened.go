package shard

import "github.com/apache/arrow/go/v17/arrow"

// widened is a type of the wire that becomes a decimal of 128 bits: decimals of 32 and
// 64 bits, and integers of 128, which older readers do not know.
type widened struct {
	*arrow.Decimal128Type // what it becomes
	name                  string
	bits                  int
}

func (w *widened) String() string { return w.name }

// Name is String: the type has no other.
func (w *widened) Name() string { return w.name }

// BitWidth is that of the wire.
func (w *widened) BitWidth() int { return w.bits }

// Bytes is BitWidth in bytes.
func (w *widened) Bytes() int { return w.bits / 8 }

// widen copies n integers of a smaller width with their sign.
func widen(dst []byte, width int, src []byte, from, n, small int) {
	for i := range n {
		signed(dst[i*width:(i+1)*width], intAt(src, small, from+i, true))
	}
}
