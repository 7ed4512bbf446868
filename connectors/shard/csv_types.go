package shard

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"guichet/schemas"
)

// csvColumn is one column of a CSV file: what is declared, what all rows have
// shown, and the type that follows.
type csvColumn struct {
	name    string
	field   schemas.Field // declared; Type is empty where not
	typ     arrow.DataType
	layout  string // of dates and times, in Go's terms; empty for ISO 8601
	decimal string // decimal mark where it is not a point
	group   string // mark between groups of digits, empty for none

	seen                   int // values that are not null
	noInt, noUint, noFloat bool
	noDate, noNumber       bool
	zoned, unzoned         bool
	fraction, whole        int // most digits after and before the point
}

// plain gives a number's text with a point and without groups.
func (c *csvColumn) plain(s string) string {
	if c.group != "" {
		s = strings.ReplaceAll(s, c.group, "")
	}
	if c.decimal != "" && c.decimal != "." {
		if strings.Contains(s, ".") {
			return "·" // a point is no decimal mark here
		}
		s = strings.Replace(s, c.decimal, ".", 1)
	}
	return s
}

// see notes what a value rules out. Only texts that are written just as the
// value would be written back count as numbers: 007, +1, 1e3 and 2.50 stay text.
func (c *csvColumn) see(cell string) {
	c.seen++
	s := c.plain(cell)
	if c.field.Type == "" && c.typ == nil {
		c.infer(s, cell)
		return
	}
	if c.field.Type == "decimal" {
		w, f, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(s), "+-"), ".")
		c.whole, c.fraction = max(c.whole, len(w)), max(c.fraction, len(f))
	}
	if c.field.Type == "timestamp" {
		z := hasZone(cell)
		c.zoned, c.unzoned = c.zoned || z, c.unzoned || !z
	}
}

func (c *csvColumn) infer(s, cell string) {
	if !c.noInt {
		v, err := strconv.ParseInt(s, 10, 64)
		c.noInt = err != nil || strconv.FormatInt(v, 10) != s
	}
	if !c.noUint {
		v, err := strconv.ParseUint(s, 10, 64)
		c.noUint = err != nil || strconv.FormatUint(v, 10) != s
	}
	if !c.noFloat {
		v, err := strconv.ParseFloat(s, 64)
		c.noFloat = err != nil || strconv.FormatFloat(v, 'f', -1, 64) != s || strings.Trim(s, "-0123456789.") != ""
	}
	if !c.noNumber {
		_, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		c.noNumber = err != nil
	}
	if !c.noDate {
		_, err := time.Parse(time.DateOnly, cell)
		c.noDate = err != nil
	}
}

// settle fixes the type after all rows and says why.
func (c *csvColumn) settle() (string, error) {
	if c.field.Type != "" {
		var err error
		if c.typ, err = c.declaredType(); err != nil {
			return "", err
		}
		return fmt.Sprintf("column %q: %s (declared)", c.name, c.typ), nil
	}
	why := "as in the table's other shards"
	if c.typ == nil {
		c.typ, why = c.inferred()
	}
	return fmt.Sprintf("column %q: %s (%s)", c.name, c.typ, why), nil
}

func (c *csvColumn) inferred() (arrow.DataType, string) {
	switch {
	case c.seen == 0:
		return arrow.BinaryTypes.String, "every value is empty"
	case !c.noInt:
		return arrow.PrimitiveTypes.Int64, "every value is a whole number"
	case !c.noUint:
		return arrow.PrimitiveTypes.Uint64, "every value is a whole number, some beyond int64"
	case !c.noFloat:
		return arrow.PrimitiveTypes.Float64, "every value is a decimal number that reads back as written"
	case !c.noDate:
		return arrow.FixedWidthTypes.Date32, "every value is a day, yyyy-mm-dd"
	case !c.noNumber:
		return arrow.BinaryTypes.String, "numbers, but some would not read back as written; declare a type to have numbers"
	}
	return arrow.BinaryTypes.String, "text"
}

func (c *csvColumn) declaredType() (arrow.DataType, error) {
	p := arrow.PrimitiveTypes
	types := map[string]arrow.DataType{
		"bool": arrow.FixedWidthTypes.Boolean, "text": arrow.BinaryTypes.String, "binary": arrow.BinaryTypes.Binary,
		"int8": p.Int8, "int16": p.Int16, "int32": p.Int32, "int64": p.Int64,
		"uint8": p.Uint8, "uint16": p.Uint16, "uint32": p.Uint32, "uint64": p.Uint64,
		"float32": p.Float32, "float64": p.Float64,
		"date": p.Date32, "time": arrow.FixedWidthTypes.Time64us,
	}
	if dt, ok := types[c.field.Type]; ok {
		return dt, nil
	}
	switch c.field.Type {
	case "timestamp":
		if c.zoned && c.unzoned {
			return nil, invalid("column %q: some timestamps name a time zone and some do not", c.name)
		}
		t := &arrow.TimestampType{Unit: arrow.Microsecond}
		if c.zoned {
			t.TimeZone = "UTC"
		}
		return t, nil
	case "decimal":
		if c.whole+c.fraction > 38 {
			return nil, invalid("column %q: decimals need %d digits; at most 38 are kept", c.name, c.whole+c.fraction)
		}
		return &arrow.Decimal128Type{Precision: 38, Scale: int32(c.fraction)}, nil
	}
	return nil, invalid("column %q is declared as %q; known types are bool, int8 to int64, uint8 to uint64, float32, float64, text, binary, date, timestamp, time, decimal", c.name, c.field.Type)
}

// put appends one value that is not null.
func (c *csvColumn) put(b array.Builder, cell string) error {
	var err error
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(cell)
	case *array.BinaryBuilder:
		b.Append([]byte(cell))
	case *array.BooleanBuilder:
		var v bool
		v, err = parseBool(cell)
		b.Append(v)
	case *array.Float32Builder:
		var v float64
		v, err = parseFloat(c.plain(strings.TrimSpace(cell)), 32)
		b.Append(float32(v))
	case *array.Float64Builder:
		var v float64
		v, err = parseFloat(c.plain(strings.TrimSpace(cell)), 64)
		b.Append(v)
	case *array.Date32Builder:
		var t time.Time
		t, err = time.Parse(c.format(time.DateOnly), cell)
		b.Append(arrow.Date32FromTime(t))
	case *array.Time64Builder:
		var t time.Time
		t, err = parseAny(cell, c.layout, "15:04:05.999999999", "15:04")
		midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
		b.Append(arrow.Time64(t.Sub(midnight) / time.Microsecond))
	case *array.TimestampBuilder:
		var t time.Time
		t, err = parseAny(cell, c.layout, isoTimes()...)
		b.Append(arrow.Timestamp(t.UnixMicro()))
	case *array.Decimal128Builder:
		var v decimal128.Num
		v, err = parseDecimal(c.plain(strings.TrimSpace(cell)), b.Type().(*arrow.Decimal128Type).Scale)
		b.Append(v)
	default:
		err = b.AppendValueFromString(strings.TrimPrefix(c.plain(strings.TrimSpace(cell)), "+"))
	}
	return err
}

var errValue = errors.New("not a value of the type")

func (c *csvColumn) format(iso string) string {
	if c.layout != "" {
		return c.layout
	}
	return iso
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

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errValue
}

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

func parseDecimal(s string, scale int32) (decimal128.Num, error) {
	w, f, _ := strings.Cut(s, ".")
	if strings.Trim(f, "0123456789") != "" || len(f) > int(scale) || w == "" && f == "" || len(w) > 80 { // 38 digits fit, and some zeros before them
		return decimal128.Num{}, errValue
	}
	v, ok := new(big.Int).SetString(w+f+strings.Repeat("0", int(scale)-len(f)), 10)
	if !ok || len(v.Text(10)) > 39 {
		return decimal128.Num{}, errValue
	}
	return decimal128.FromBigInt(v), nil
}

// goLayout turns a pattern of Unicode TS 35 into Go's.
func goLayout(p string) (string, error) {
	words := []struct{ from, to string }{
		{"yyyy", "2006"}, {"yy", "06"}, {"MMMM", "January"}, {"MMM", "Jan"}, {"MM", "01"}, {"M", "1"}, {"dd", "02"}, {"d", "2"},
		{"EEEE", "Monday"}, {"EEE", "Mon"}, {"HH", "15"}, {"H", "15"}, {"hh", "03"}, {"h", "3"}, {"mm", "04"}, {"m", "4"},
		{"ss", "05"}, {"s", "5"}, {"SSSSSS", "000000"}, {"SSS", "000"}, {"XXX", "Z07:00"}, {"XX", "Z0700"}, {"X", "Z07"}, {"Z", "-0700"}, {"a", "PM"}, {"y", "2006"},
	}
	var out strings.Builder
next:
	for p != "" {
		if p[0] == '\'' {
			end := strings.IndexByte(p[1:], '\'')
			if end < 0 {
				return "", fmt.Errorf("a quote that never closes")
			}
			out.WriteString(p[1 : 1+end])
			p = p[end+2:]
			continue
		}
		for _, w := range words {
			if strings.HasPrefix(p, w.from) {
				out.WriteString(w.to)
				p = p[len(w.from):]
				continue next
			}
		}
		if c := p[0] | 0x20; c >= 'a' && c <= 'z' {
			return "", fmt.Errorf("the letter %q is not known", p[:1])
		}
		out.WriteByte(p[0])
		p = p[1:]
	}
	return out.String(), nil
}
