package csv

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
)

// Seen is what the values of one CSV column have shown, in one file or, joined, in
// several. It is plain data: it crosses to the child process and back as JSON.
type Seen struct {
	Name     string   `json:"name"`
	Values   int64    `json:"values,omitempty"` // that are not null
	Not      Kinds    `json:"not,omitempty"`    // what some value is not
	Has      Marks    `json:"has,omitempty"`    // marks that some number has
	Comma    *Example `json:"comma,omitempty"`  // a number with a comma, the first
	Point    *Example `json:"point,omitempty"`  // a number with a point, the first that may be a thousands' point
	Group    *Example `json:"group,omitempty"`  // a number with another mark between its digits, the first
	Whole    int      `json:"whole,omitempty"`  // of declared decimals: most digits before the point
	Fraction int      `json:"fraction,omitempty"`
}

// Example is a value with its place.
type Example struct {
	Text string `json:"text"`
	File string `json:"file,omitempty"`
	Line int    `json:"line"`
}

// String shows the value and where it stands.
func (e *Example) String() string {
	if e.File != "" {
		return fmt.Sprintf("%q (line %d of %s)", e.Text, e.Line, e.File)
	}
	return fmt.Sprintf("%q (line %d)", e.Text, e.Line)
}

// Kinds are kinds of values.
type Kinds uint8

// What a value may be ruled out from.
const (
	aInt Kinds = 1 << iota
	aUint
	aFloat
	aDate
	aNumber                                                 // a number in any spelling
	aKind         = aInt | aUint | aFloat | aDate | aNumber // and so it is text
	aMarked Kinds = 1 << 6                                  // a number whatever its marks may mean
)

// Marks are marks inside numbers.
type Marks uint16

// The marks that decide what a point means [decisions.md 34].
const (
	pointed      Marks = 1 << iota // a point
	pointIsMark                    // a point that no group of three digits follows: it is the decimal mark
	pointGroups                    // a point as it may stand between groups of digits: 1.204
	commaIsMark                    // a comma that is the decimal mark: 261,00
	commaGroups                    // a comma as it may stand between groups of digits: 1,204
	zoned                          // of declared timestamps: one that names a time zone
	unzoned                        // one that names none
	nanos                          // of declared timestamps and times: one finer than a microsecond
	picos                          // one finer than a nanosecond
	commaInSight                   // the file writes numbers with a decimal comma
	pointInSight                   // the file writes numbers with a decimal point
)

// join adds what another file has shown about the column.
func (s *Seen) join(o *Seen) {
	s.Values += o.Values
	s.Not |= o.Not
	s.Has |= o.Has
	s.Whole, s.Fraction = max(s.Whole, o.Whole), max(s.Fraction, o.Fraction)
	first := func(a **Example, b *Example) {
		if *a == nil {
			*a = b
		}
	}
	first(&s.Comma, o.Comma)
	first(&s.Point, o.Point)
	first(&s.Group, o.Group)
}

// textOf is a cell as text without a copy; nothing keeps it.
func textOf(cell []byte) string { return unsafe.String(unsafe.SliceData(cell), len(cell)) }

// example keeps a value for a sentence.
func example(cell string, line int) *Example {
	for len(cell) > maxCellText {
		_, n := utf8.DecodeLastRuneInString(cell)
		cell = cell[:len(cell)-n]
	}
	return &Example{Text: strings.Clone(cell), Line: line}
}

// Join adds what one more file of a table has shown to what its files before have
// shown. The files' columns have the same names in the same order.
func Join(all, file []Seen) []Seen {
	if len(all) != len(file) {
		return append([]Seen{}, file...)
	}
	out := append([]Seen{}, all...)
	for i := range out {
		out[i].join(&file[i])
	}
	return out
}

// Fields gives the fields of a table of CSV files by what they have shown together,
// and what is declared. Kind: Invalid.
func Fields(o Options) ([]arrow.Field, error) {
	s := &Source{dialect: o.dialect()}
	for _, seen := range o.Seen {
		c, err := NewColumn(seen.Name, s.dialect, o.Fields, nil)
		if err != nil {
			return nil, err
		}
		c.Seen = seen
		s.columns = append(s.columns, c)
	}
	if err := s.settle(); err != nil {
		return nil, err
	}
	return s.Fields(), nil
}

// WholeNumbers says whether all values were whole numbers, and there were some.
func (s *Seen) WholeNumbers() bool { return s.Values > 0 && s.Not&aInt == 0 }

// See notes what a value rules out. Only texts that are written just as the value
// would be written back count as numbers: 007, +1, 1e3 and 2.50 stay text.
func (c *Column) See(cell string, line int) {
	c.Seen.Values++
	switch {
	case c.Declared.Type != "":
		c.seeDeclared(cell, line)
	case c.Seen.Not&aKind == aKind && c.marked():
		if b := cell[0]; c.Seen.Not&aMarked == 0 || c.Seen.Has&commaIsMark == 0 && (b-'0' < 10 || b == '-' || b == '+') {
			c.marks(cell, line)
		}
	case c.Seen.Not&aKind != aKind:
		c.infer(cell, line)
	}
}

// marked says whether the column's marks are still of interest: the dialect does not
// say what they mean.
func (c *Column) marked() bool { return c.decimal == "" && c.group != "," && c.group != "." }

// infer judges by the characters where they tell; parsing is for the rest.
func (c *Column) infer(cell string, line int) {
	s := cell
	if c.decimal != "" || c.group != "" {
		s = c.plain(cell)
	}
	switch kind := plainNumber(s); kind {
	case plainInt:
		c.Seen.Not |= aDate
		if s[0] == '-' {
			c.Seen.Not |= aUint
		}
		return
	case plainFloat:
		c.Seen.Not |= aInt | aUint | aDate
		if c.Seen.Has&pointIsMark == 0 { // one that tells is enough
			c.marks(cell, line)
		}
		return
	}
	not := &c.Seen.Not
	if *not&aInt == 0 {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil || strconv.FormatInt(v, 10) != s {
			*not |= aInt
		}
	}
	if *not&aUint == 0 {
		v, err := strconv.ParseUint(s, 10, 64)
		if err != nil || strconv.FormatUint(v, 10) != s {
			*not |= aUint
		}
	}
	if *not&aFloat == 0 && !plainly(s, 64) {
		*not |= aFloat
	}
	if *not&aNumber == 0 {
		_, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil {
			*not |= aNumber
		}
	}
	if *not&aDate == 0 {
		_, ok := day(cell)
		if !ok {
			*not |= aDate
		}
	}
	c.marks(cell, line)
}

// plainly says whether a text is how a float of that many bits is written.
func plainly(s string, bits int) bool {
	v, err := strconv.ParseFloat(s, bits)
	var b [40]byte
	return err == nil && string(strconv.AppendFloat(b[:0], v, 'f', -1, bits)) == s && strings.Trim(s, "-0123456789.") == ""
}

const (
	plainInt   = 1 + iota // a whole number
	plainFloat            // with a point
)

// plainNumber tells numbers that read back as written by their characters: at most 15
// digits, without needless zeros. 0 is for what has to be parsed.
func plainNumber(s string) int {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	from, digits, point := i, 0, -1
	for ; i < len(s); i++ {
		switch {
		case s[i]-'0' < 10:
			digits++
		case s[i] == '.' && point < 0:
			point = i
		default:
			return 0
		}
	}
	if digits == 0 || digits > 15 || point == from || point == len(s)-1 {
		return 0
	}
	whole := len(s)
	if point >= 0 {
		whole = point
		if s[len(s)-1] == '0' {
			return 0
		}
	}
	if s[from] == '0' && whole-from > 1 || s == "-0" {
		return 0
	}
	if point < 0 {
		return plainInt
	}
	return plainFloat
}

// day reads yyyy-mm-dd as days since 1970 by its characters.
func day(s string) (days int32, ok bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' || !allDigits(s[:4]) || !allDigits(s[5:7]) || !allDigits(s[8:]) {
		return 0, false
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	y, m, d := two(0)*100+two(2), two(5), two(8)
	if m < 1 || m > 12 || d < 1 || d > 28 && d > daysIn(y, m) {
		return 0, false
	}
	if m <= 2 { // years that begin in March
		y, m = y-1, m+12
	}
	era := (y + 400) / 400 // of 400 years, from the year -400 on
	in := y + 400 - era*400
	return int32(era*146_097 + in*365 + in/4 - in/100 + (153*(m-3)+2)/5 + d - 1 - 146_097 - 719_468), true
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// seeDeclared notes what settles the rest of a declared type: digits, zones, units.
func (c *Column) seeDeclared(cell string, line int) {
	switch c.Declared.Type {
	case "decimal":
		w, f, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(c.plain(cell)), "+-"), ".")
		c.Seen.Whole, c.Seen.Fraction = max(c.Seen.Whole, len(w)), max(c.Seen.Fraction, len(f))
	case "timestamp":
		if c.zone(cell) {
			c.Seen.Has |= zoned
		} else {
			c.Seen.Has |= unzoned
		}
		c.Seen.Has |= fineness(cell)
	case "time":
		c.Seen.Has |= fineness(cell)
	}
	switch c.Declared.Type {
	case "decimal", "float32", "float64":
		if c.marked() && c.Seen.Has&pointIsMark == 0 {
			c.marks(cell, line)
		}
	}
}

// fineness tells by the digits behind a second's point which unit a time needs.
func fineness(cell string) Marks {
	i := strings.LastIndexAny(cell, ".,")
	if i < 0 || len(cell)-i <= 7 {
		return 0
	}
	digits := cell[i+1:]
	for n := range len(digits) {
		if digits[n]-'0' > 9 {
			digits = digits[:n]
			break
		}
	}
	digits = strings.TrimRight(digits, "0")
	switch {
	case len(digits) > 9:
		return nanos | picos
	case len(digits) > 6:
		return nanos
	}
	return 0
}
