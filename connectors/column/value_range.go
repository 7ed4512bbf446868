package column

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
)

// ValueError is a value that its type does not allow. The row counts from the first
// that the column was made of.
type ValueError struct {
	Row    int64
	Nested bool // the row is a place among nested values
	what   string
}

// Error names the row.
func (f *ValueError) Error() string {
	if f.Nested {
		return fmt.Sprintf("value %d %s", f.Row, f.what)
	}
	return fmt.Sprintf("row %d %s", f.Row, f.what)
}

// checkRange wants every value of a canonical fixed column inside its type, as full
// validation by other readers does: they refuse the whole column otherwise. Nulls are
// zero, which all types hold.
func (c *Column) checkRange() error {
	b := c.Buffers[0]
	switch t := c.Type.(type) {
	case *arrow.Decimal128Type:
		return c.checkDecimals(t.Precision, 2)
	case *arrow.Decimal256Type:
		return c.checkDecimals(t.Precision, 4)
	case *arrow.Date64Type:
		for i := range c.Len {
			if v := int64(binary.LittleEndian.Uint64(b[8*i:])); v%dayMillis != 0 {
				return &ValueError{Row: int64(i), what: fmt.Sprintf("holds %d ms, which is not a whole day, as date64 requires", v)}
			}
		}
	case *arrow.Time32Type:
		most := uint32(86_400)
		if t.Unit == arrow.Millisecond {
			most = dayMillis
		}
		for i := range c.Len {
			if v := binary.LittleEndian.Uint32(b[4*i:]); v >= most {
				return &ValueError{Row: int64(i), what: fmt.Sprintf("holds %d, which is not a time of day, as %s requires", int32(v), t)}
			}
		}
	case *arrow.Time64Type:
		most := uint64(dayMillis) * 1000
		if t.Unit == arrow.Nanosecond {
			most *= 1000
		}
		for i := range c.Len {
			if v := binary.LittleEndian.Uint64(b[8*i:]); v >= most {
				return &ValueError{Row: int64(i), what: fmt.Sprintf("holds %d, which is not a time of day, as %s requires", int64(v), t)}
			}
		}
	}
	return nil
}

const dayMillis = 86_400_000

// checkDecimals wants at most precision digits in each integer of so many 64-bit words. The
// least integer of 128 bits has no positive counterpart, but its bits read as unsigned are
// its size all the same, and it has 39 digits.
func (c *Column) checkDecimals(precision int32, words int) error {
	limit := powerOfTen(precision)
	for i := range c.Len {
		var v [4]uint64
		for w := range words {
			v[w] = binary.LittleEndian.Uint64(c.Buffers[0][8*(i*words+w):])
		}
		if int64(v[words-1]) < 0 {
			carry := uint64(1)
			for w := range words {
				v[w], carry = bits.Add64(^v[w], 0, carry)
			}
		}
		if !below(v, limit) {
			return &ValueError{Row: int64(i), what: fmt.Sprintf("holds a decimal of more than the %d digits that %s has", precision, c.Type)}
		}
	}
	return nil
}

// powerOfTen is 10 to the n in 64-bit words, lowest first; n is at most 76.
func powerOfTen(n int32) [4]uint64 {
	v := [4]uint64{1}
	for range n {
		carry := uint64(0)
		for w := range v {
			hi, lo := bits.Mul64(v[w], 10)
			var c uint64
			v[w], c = bits.Add64(lo, carry, 0)
			carry = hi + c
		}
	}
	return v
}

func below(a, b [4]uint64) bool {
	for w := 3; w >= 0; w-- {
		if a[w] != b[w] {
			return a[w] < b[w]
		}
	}
	return false
}
