package parquet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// dense gives the values of the cut as dt has them, without places for nulls. Where
// mine is false they are the leaf's own bytes.
func (l *leafReader) dense(dt arrow.DataType) (out []byte, mine bool, err error) {
	in, v := l.fixed[:l.cutValues*l.node.width], l.cutValues
	switch dt.ID() {
	case arrow.BOOL:
		out = make([]byte, (v+7)/8)
		for i, b := range in {
			out[i>>3] |= b & 1 << (i & 7)
		}
		return out, true, nil
	case arrow.INT8, arrow.INT16, arrow.UINT8, arrow.UINT16:
		out, err = l.narrow(dt, view[int32](in))
		return out, true, err
	case arrow.DECIMAL128, arrow.DECIMAL256:
		out, err = l.decimals(column.BitWidth(dt)/8, in)
		return out, true, err
	case arrow.TIMESTAMP:
		if l.node.phys == parquet.Types.Int96 {
			out = make([]byte, 8*v)
			for i := range v {
				n, ok := instantOf(in[12*i:]).in(dt.(*arrow.TimestampType).Unit)
				if !ok {
					return nil, false, fmt.Errorf("row %d holds a time that %s has no room for", l.rowOf(i), dt)
				}
				binary.LittleEndian.PutUint64(out[8*i:], uint64(n))
			}
			return out, true, nil
		}
	}
	if column.BitWidth(dt) != 8*l.node.width || l.node.width == 0 {
		return nil, false, fmt.Errorf("%s over %s is not read", dt, l.node.phys)
	}
	return in, false, nil
}

// narrow makes integers of 8 and 16 bits, which Parquet stores in 32. A value beyond the
// logical type is refused: cut to its low bits it would be another.
func (l *leafReader) narrow(dt arrow.DataType, in []int32) ([]byte, error) {
	w := column.BitWidth(dt) / 8
	lo, hi := int32(0), int32(1)<<(8*w)-1
	if arrow.IsSignedInteger(dt.ID()) {
		lo, hi = -int32(1)<<(8*w-1), int32(1)<<(8*w-1)-1
	}
	out := make([]byte, len(in)*w)
	for i, x := range in {
		if x < lo || x > hi {
			return nil, fmt.Errorf("row %d holds %d, which does not fit %s", l.rowOf(i), x, dt)
		}
		column.PutInt(out[i*w:], w, int64(x))
	}
	return out, nil
}

// decimals makes little-endian integers of w bytes of what Parquet stores: integers of 32 and
// 64 bits, or big-endian ones of any length.
func (l *leafReader) decimals(w int, in []byte) ([]byte, error) {
	v := l.cutValues
	out := make([]byte, w*v)
	for i := range v {
		to := out[i*w : (i+1)*w]
		switch l.node.phys {
		case parquet.Types.Int32:
			column.PutSigned(to, int64(int32(binary.LittleEndian.Uint32(in[4*i:]))))
		case parquet.Types.Int64:
			column.PutSigned(to, int64(binary.LittleEndian.Uint64(in[8*i:])))
		case parquet.Types.ByteArray:
			if !reversed(to, l.data[l.offs[i]:l.offs[i+1]]) {
				return nil, fmt.Errorf("row %d holds a decimal of more than %d bits", l.rowOf(i), 8*w)
			}
		case parquet.Types.FixedLenByteArray:
			if !reversed(to, in[i*l.node.width:(i+1)*l.node.width]) {
				return nil, fmt.Errorf("row %d holds a decimal of more than %d bits", l.rowOf(i), 8*w)
			}
		default:
			return nil, errors.New("decimals over a physical type that is not read")
		}
	}
	return out, nil
}

// reversed writes a big-endian integer of any length with its sign; false where it
// does not fit.
func reversed(to, from []byte) bool {
	sign := byte(0)
	if len(from) > 0 && from[0]&0x80 != 0 {
		sign = 0xff
	}
	for len(from) > len(to) {
		if from[0] != sign || from[1]&0x80 != sign&0x80 {
			return false
		}
		from = from[1:]
	}
	for i := range to {
		to[i] = sign
		if k := len(from) - 1 - i; k >= 0 {
			to[i] = from[k]
		}
	}
	return true
}

// instant is a time of INT96: seconds since 1970 and what is beyond them.
type instant struct{ seconds, nanos int64 }

const julian1970 = 2_440_588

// instantOf reads 8 bytes of nanoseconds in the day and 4 of the Julian day.
func instantOf(b []byte) instant {
	nanos := int64(binary.LittleEndian.Uint64(b))
	day := int64(int32(binary.LittleEndian.Uint32(b[8:])))
	s := nanos / 1e9
	if nanos %= 1e9; nanos < 0 {
		s, nanos = s-1, nanos+1e9
	}
	return instant{(day-julian1970)*86_400 + s, nanos}
}

// in is the instant in a unit, and whether that holds it exactly: no fraction lost, and
// within 64 bits, which for nanoseconds are the years 1677 to 2262.
func (t instant) in(u arrow.TimeUnit) (int64, bool) {
	per := int64(1)
	for range u {
		per *= 1000
	}
	rest := int64(1e9) / per
	if t.nanos%rest != 0 || t.seconds > math.MaxInt64/per-1 || t.seconds < math.MinInt64/per+1 {
		return 0, false
	}
	return t.seconds*per + t.nanos/rest, true
}

// int96 finds a type that holds every time of the column exactly: that of the table's
// other shards, the stored one, microseconds (Spark's own), nanoseconds.
func (t *typeResolver) int96(n *node, own, want *ipc.Node) (arrow.DataType, error) {
	zone := ""
	for _, k := range t.source.meta.KeyValueMetadata().Keys() {
		if k == "org.apache.spark.version" || k == "org.apache.spark.sql.parquet.row.metadata" {
			zone = "UTC" // Spark writes instants so, and nothing else
		}
	}
	var fits []*arrow.TimestampType
	if ts, ok := typeOf(want).(*arrow.TimestampType); ok {
		fits = append(fits, ts)
	} else {
		if ts, ok := typeOf(own).(*arrow.TimestampType); ok {
			fits, zone = append(fits, ts), ts.TimeZone
		}
		for _, u := range []arrow.TimeUnit{arrow.Microsecond, arrow.Nanosecond, arrow.Millisecond} {
			fits = append(fits, &arrow.TimestampType{Unit: u, TimeZone: zone})
		}
	}
	for i, ts := range fits {
		bad, err := t.source.allFit(t.ctx, t.rd, n, ts.Unit)
		switch {
		case err != nil:
			return nil, err
		case bad == nil:
			return ts, nil
		case i == len(fits)-1 && want != nil:
			return nil, ipc.Invalid("column %q: row %d of row group %d holds a time that %s, the type in the table's other shards, has "+
				"no room for; write the column with TIMESTAMP_MICROS, in all shards", n.path, bad.row, bad.group, ts)
		case i == len(fits)-1:
			return nil, ipc.Invalid("column %q: no unit of a timestamp holds all of its INT96 times exactly (row %d of row group %d): it "+
				"has years beyond 1677 to 2262 beside fractions of a microsecond; write it with TIMESTAMP_MICROS (Spark: "+
				"spark.sql.parquet.outputTimestampType)", n.path, bad.row, bad.group)
		}
	}
	return nil, ipc.Invalid("column %q: INT96 is not read", n.path)
}

// typeOf is the type of a node that may not be there.
func typeOf(n *ipc.Node) arrow.DataType {
	if n == nil {
		return nil
	}
	return n.Field.Type
}

// rowAt is a row of a row group.
type rowAt struct {
	group int
	row   int64
}

// allFit reads an INT96 column and gives the first time that a unit does not hold. INT96
// holds nanoseconds of any year, and no type of Arrow does: so the values are asked before.
func (s *Source) allFit(ctx context.Context, rd *file.Reader, n *node, u arrow.TimeUnit) (*rowAt, error) {
	for g := range rd.NumRowGroups() {
		l, err := s.leaf(rd.RowGroup(g), g, n.leaf, n)
		if err != nil {
			return nil, err
		}
		for {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			k, err := l.fill(maxRows, maxBytes)
			if err != nil {
				return nil, err
			}
			if k == 0 {
				break
			}
			l.cut(k)
			for i := range l.cutValues {
				if _, ok := instantOf(l.fixed[12*i:]).in(u); !ok {
					return &rowAt{g, l.rowOf(i)}, nil
				}
			}
			l.drop()
			l.at += int64(k)
		}
	}
	return nil, nil
}
