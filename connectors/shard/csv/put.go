package csv

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

var (
	errValue = errors.New("not a value of the type")
	errFine  = errors.New("finer than the type's unit")
	errYear  = errors.New("outside the years 1678 to 2261 of nanoseconds, which other values of the column need")
	errZone  = errors.New("without a time zone where the type has one, or with one where it has none")
)

// Put appends one value that is not null.
func (c *Column) Put(b array.Builder, cell string) error {
	var err error
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(cell)
	case *array.LargeStringBuilder:
		b.Append(cell)
	case *array.BinaryBuilder:
		b.Append([]byte(cell))
	case *array.BooleanBuilder:
		var v bool
		v, err = parseBool(cell)
		b.Append(v)
	case *array.Int64Builder:
		var v int64
		v, err = strconv.ParseInt(c.whole(cell), 10, 64)
		b.Append(v)
	case *array.Float32Builder:
		var v float64
		v, err = c.float(cell, 32)
		b.Append(float32(v))
	case *array.Float64Builder:
		var v float64
		v, err = c.float(cell, 64)
		b.Append(v)
	case *array.Date32Builder:
		return c.putDay(b, cell)
	case *array.Time32Builder:
		var n int64
		n, err = c.timeOfDay(cell, b.Type().(*arrow.Time32Type).Unit)
		b.Append(arrow.Time32(n))
	case *array.Time64Builder:
		var n int64
		n, err = c.timeOfDay(cell, b.Type().(*arrow.Time64Type).Unit)
		b.Append(arrow.Time64(n))
	case *array.TimestampBuilder:
		var n int64
		n, err = c.instant(cell, b.Type().(*arrow.TimestampType))
		b.Append(arrow.Timestamp(n))
	case *array.Decimal128Builder:
		t := b.Type().(*arrow.Decimal128Type)
		var v decimal128.Num
		v, err = parseDecimal(c.plain(strings.TrimSpace(cell)), t.Scale)
		if err == nil && !v.FitsInPrecision(t.Precision) {
			err = errValue
		}
		b.Append(v)
	default:
		if !arrow.IsInteger(b.Type().ID()) {
			return errValue
		}
		err = b.AppendValueFromString(c.whole(cell))
	}
	return err
}

// float reads a decimal number and notes when the type holds fewer of its digits.
func (c *Column) float(cell string, bits int) (float64, error) {
	s := c.plain(strings.TrimSpace(cell))
	v, err := parseFloat(s, bits)
	sure := 15 // digits that a double always holds
	if bits == 32 {
		sure = 6
	}
	if err != nil || c.Declared.Type == "" || len(s) <= sure || strings.ContainsAny(s, "eE") || math.IsInf(v, 0) || math.IsNaN(v) {
		return v, err
	}
	back := strconv.FormatFloat(v, 'f', -1, bits)
	was, ok := new(big.Rat).SetString(s)
	is, _ := new(big.Rat).SetString(back)
	if ok && was.Cmp(is) != 0 {
		if c.rounded++; c.rounded == 1 {
			c.first = fmt.Sprintf("%q became %s", example(cell, 0).Text, back)
		}
	}
	return v, nil
}

// whole is the text of a whole number as strconv reads it.
func (c *Column) whole(cell string) string {
	return strings.TrimPrefix(c.plain(strings.TrimSpace(cell)), "+")
}

// putDay appends a day; a time beside it is refused unless it is midnight.
func (c *Column) putDay(b *array.Date32Builder, cell string) error {
	if c.layout == "" {
		n, ok := day(cell)
		if !ok {
			return errValue
		}
		b.Append(arrow.Date32(n))
		return nil
	}
	t, err := time.Parse(c.layout, cell)
	switch {
	case err != nil:
		return errValue
	case sinceMidnight(t) != 0:
		return errFine
	}
	b.Append(arrow.Date32FromTime(t))
	return nil
}

// sinceMidnight is the time of day.
func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second +
		time.Duration(t.Nanosecond())
}

// timeOfDay reads a time of a day in a unit. One that the unit would cut is refused: nobody
// would see that it was.
func (c *Column) timeOfDay(cell string, unit arrow.TimeUnit) (int64, error) {
	t, err := parseAny(cell, c.layout, "15:04:05", "15:04")
	if err != nil {
		return 0, err
	}
	n := sinceMidnight(t)
	if n%unit.Multiplier() != 0 {
		return 0, errFine
	}
	return int64(n / unit.Multiplier()), nil
}

// instant reads a timestamp. Whether it names a zone must agree with the type: a time
// without one is no point in time, and one with it would lose it.
func (c *Column) instant(cell string, to *arrow.TimestampType) (int64, error) {
	t, err := parseAny(cell, c.layout, isoTimes()...)
	switch {
	case err != nil:
		return 0, err
	case c.zone(cell) != (to.TimeZone != ""):
		return 0, errZone
	case time.Duration(t.Nanosecond())%to.Unit.Multiplier() != 0:
		return 0, errFine
	}
	switch to.Unit {
	case arrow.Second:
		return t.Unix(), nil
	case arrow.Millisecond:
		return t.UnixMilli(), nil
	case arrow.Microsecond:
		return t.UnixMicro(), nil
	}
	if t.Year() < 1678 || t.Year() > 2261 {
		return 0, errYear
	}
	return t.UnixNano(), nil
}

// Faithful says whether an undeclared value reads back as written from the type that the
// table has.
func (c *Column) Faithful(cell string) bool {
	s := c.plain(cell)
	switch id := c.Type.ID(); id {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64:
		v, err := strconv.ParseInt(s, 10, 64)
		return err == nil && strconv.FormatInt(v, 10) == s
	case arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64:
		v, err := strconv.ParseUint(s, 10, 64)
		return err == nil && strconv.FormatUint(v, 10) == s
	case arrow.FLOAT32, arrow.FLOAT64:
		return plainly(s, c.Type.(arrow.FixedWidthDataType).BitWidth())
	case arrow.BOOL:
		return cell == "true" || cell == "false"
	case arrow.DECIMAL128:
		w, _, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
		return allDigits(w) && w != "" && (w == "0" || w[0] != '0') && point == (c.Type.(*arrow.Decimal128Type).Scale > 0)
	}
	return true
}

// zone says whether a timestamp names a time zone.
func (c *Column) zone(cell string) bool {
	if c.layout != "" {
		return strings.Contains(c.layout, "Z07") || strings.Contains(c.layout, "-0700")
	}
	return hasZone(cell)
}

// isoTimes are the ISO 8601 forms of a timestamp; fractions of a second are
// taken after any of the seconds.
func isoTimes() []string {
	return []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00",
		"2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
	}
}

func parseAny(s, layout string, layouts ...string) (t time.Time, err error) {
	if layout != "" {
		layouts = []string{layout}
	}
	for _, l := range layouts {
		if t, err = time.Parse(l, s); err == nil {
			return t, nil
		}
	}
	return t, errValue
}

// hasZone says whether an ISO timestamp ends in Z or an offset.
func hasZone(s string) bool {
	if strings.HasSuffix(s, "Z") {
		return true
	}
	return len(s) > 16 && strings.ContainsAny(s[16:], "+-")
}

// parseBool knows the spellings of CSVW, in any case.
func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errValue
}

// parseFloat leaves out what Go reads and no other reader of CSV does: hexadecimal, and
// underscores between digits.
func parseFloat(s string, bits int) (float64, error) {
	switch s { // the spellings of CSVW
	case "INF":
		s = "+Inf"
	case "-INF":
		s = "-Inf"
	}
	if strings.ContainsAny(s, "xXpP_") {
		return 0, errValue
	}
	return strconv.ParseFloat(s, bits)
}

// parseDecimal reads a decimal of at most scale digits behind the point; zeros at the end do
// not count.
func parseDecimal(s string, scale int32) (decimal128.Num, error) {
	w, f, _ := strings.Cut(s, ".")
	for len(f) > int(scale) && f[len(f)-1] == '0' {
		f = f[:len(f)-1]
	}
	// 38 digits fit, and some zeros may stand before them: more are not even looked at.
	if strings.Trim(f, "0123456789") != "" || len(f) > int(scale) || w == "" && f == "" || len(w) > 80 {
		return decimal128.Num{}, errValue
	}
	v, ok := new(big.Int).SetString(w+f+strings.Repeat("0", int(scale)-len(f)), 10)
	if !ok || len(v.Text(10)) > 39 {
		return decimal128.Num{}, errValue
	}
	return decimal128.FromBigInt(v), nil
}
