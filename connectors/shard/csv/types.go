package csv

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

// Column is one column of a CSV file: what is declared, what all rows have
// shown, and the type that follows.
type Column struct {
	Name     string
	Declared schemas.Field // declared; Type is empty where not
	Type     arrow.DataType
	Fixed    bool   // typ is that of the table's published shards
	layout   string // of dates and times, in Go's terms; empty for ISO 8601
	decimal  string // decimal mark where it is declared
	group    string // mark between groups of digits, empty for none

	Seen       Seen
	rounded    int    // values that the declared type holds with fewer digits
	first      string // the first of them
	guess      bool   // seen.Comma may stand between groups
	pointGuess bool   // seen.Point cannot
}

// noNumber stands for a text that is no number in the declared dialect.
const noNumber = "·"

// plain gives a number's text with a point and without groups.
func (c *Column) plain(s string) string {
	if c.group != "" && strings.Contains(s, c.group) {
		whole, mark := s, cmp.Or(c.decimal, ".")
		if i := strings.LastIndex(s, mark); i >= 0 && mark != c.group {
			whole = s[:i]
		}
		if !inGroups(strings.Split(strings.TrimLeft(whole, "+- "), c.group)) || strings.Contains(s[len(whole):], c.group) {
			return noNumber
		}
		s = strings.ReplaceAll(whole, c.group, "") + s[len(whole):]
	}
	if c.decimal != "" && c.decimal != "." {
		if strings.Contains(s, ".") {
			return noNumber // a point is no decimal mark here
		}
		s = strings.Replace(s, c.decimal, ".", 1)
	}
	return s
}

// inGroups says whether digits stand in groups: three in the last, two or three in
// those before (12,34,567), one to three in the first.
func inGroups(parts []string) bool {
	for i, p := range parts {
		least := 2
		switch i {
		case 0:
			least = 1
		case len(parts) - 1:
			least = 3
		}
		if len(p) < least || len(p) > 3 || !allDigits(p) {
			return false
		}
	}
	return true
}

// settle fixes the types after all rows and says why. What a point means is a matter
// of the whole file: where numbers with a decimal comma are in sight, one with a point
// may have it between thousands.
func (s *Source) settle() error {
	var comma *Column
	point := false
	for _, c := range s.columns {
		if comma == nil && c.Seen.Has&commaInSight != 0 {
			comma = c
		}
		point = point || c.Seen.Has&pointInSight != 0
	}
	// One column of 12,50 makes a 1.204 in another doubtful: the same hand wrote both. So all
	// columns are looked at before one of them gets its type.
	for _, c := range s.columns {
		why := "as in the table's other shards"
		var err error
		switch {
		case c.Declared.Type != "":
			why = "declared"
			if c.Seen.Has&nanos != 0 {
				why = "declared; some values are finer than a microsecond"
			}
			if c.inDoubt(comma) {
				return ipc.Invalid("line %d, column %q: %q may have its point between thousands, as column %q shows %s; declare "+
					"csv.decimalChar", c.Seen.Point.Line, c.Name, c.Seen.Point.Text, comma.Name, comma.Seen.Comma)
			}
			c.Type, err = c.DeclaredType()
		case c.Type == nil:
			c.Type, why = c.inferred(comma, point)
		case c.inDoubt(comma):
			return ipc.Invalid("line %d, column %q: %q may have its point between thousands, as column %q shows %s; declare "+
				"csv.decimalChar", c.Seen.Point.Line, c.Name, c.Seen.Point.Text, comma.Name, comma.Seen.Comma)
		}
		if err != nil {
			return err
		}
		if strings.Contains(why, "declare ") { // something to do
			s.Notes = append(s.Notes, fmt.Sprintf("column %q: %s (%s)", c.Name, c.Type, why))
			continue
		}
		s.tell(fmt.Sprintf("%s (%s)", c.Type, why), c.Name)
	}
	s.Notes = append(s.Notes, s.told...)
	return nil
}

// tell says what is said of several columns once.
func (s *Source) tell(what, column string) {
	for i, t := range s.told {
		if strings.HasPrefix(t, what+": ") {
			s.told[i] += fmt.Sprintf(", %q", column)
			return
		}
	}
	s.told = append(s.told, fmt.Sprintf("%s: column %q", what, column))
}

// inDoubt says whether the points of a column's numbers may stand between thousands, as
// comma, a column of the file, has a decimal comma. A point that no three digits follow
// tells what all of its column are.
func (c *Column) inDoubt(comma *Column) bool {
	return comma != nil && comma != c && c.marked() && c.Seen.Has&pointGroups != 0 && c.Seen.Has&pointIsMark == 0
}

// inferred is the narrowest type that all values read back as written from, with the reason
// in words. What is in doubt stays text, and the reason says what to declare: a wrong number
// is worse than none.
func (c *Column) inferred(comma *Column, point bool) (arrow.DataType, string) {
	not, has := c.Seen.Not, c.Seen.Has
	switch {
	case c.Seen.Values == 0:
		return arrow.BinaryTypes.String, "every value is empty"
	case not&aInt == 0:
		return arrow.PrimitiveTypes.Int64, "every value is a whole number"
	case not&aUint == 0:
		return arrow.PrimitiveTypes.Uint64, "every value is a whole number, some beyond int64"
	case not&aFloat == 0:
		if why := c.doubt(comma, point); why != "" {
			return arrow.BinaryTypes.String, why
		}
		return arrow.PrimitiveTypes.Float64, "every value is a decimal number that reads back as written"
	case not&aDate == 0:
		return arrow.FixedWidthTypes.Date32, "every value is a day, yyyy-mm-dd"
	case not&aMarked == 0 && c.Seen.Group != nil:
		return arrow.BinaryTypes.String, fmt.Sprintf("numbers with a mark between groups of digits, as %s; declare it as "+
			"csv.groupChar to have numbers", c.Seen.Group)
	case not&aMarked == 0 && has&commaIsMark != 0 && c.decimal == "":
		return arrow.BinaryTypes.String, fmt.Sprintf("numbers with a decimal comma, as %s; declare csv.decimalChar \",\"%s to "+
			"have numbers", c.Seen.Comma, andGroups(has&pointed != 0, '.'))
	case not&aMarked == 0 && has&commaGroups != 0 && c.decimal != ",":
		return arrow.BinaryTypes.String, fmt.Sprintf("numbers with a comma, as %s; declare csv.groupChar \",\" where it stands "+
			"between thousands, csv.decimalChar \",\" where it is the decimal mark", c.Seen.Comma)
	case not&aMarked == 0 && has&pointed != 0 && c.decimal == ",":
		return arrow.BinaryTypes.String, fmt.Sprintf("numbers with a point, as %s, where csv.decimalChar is \",\"; declare "+
			"csv.groupChar \".\" where it stands between thousands", c.Seen.Point)
	case not&aNumber == 0:
		why := c.doubt(comma, point)
		if why == "" {
			why = "numbers, but some would not read back as written; declare a type to have numbers"
		}
		return arrow.BinaryTypes.String, why
	case not&aMarked == 0 && has&pointGroups != 0:
		return arrow.BinaryTypes.String, fmt.Sprintf("numbers with points between groups of digits, as %s; declare csv.groupChar "+
			"\".\" and csv.decimalChar \",\" to have numbers", c.Seen.Point)
	}
	return arrow.BinaryTypes.String, "text"
}

// doubt says why a column's numbers with a point stay text; empty where the point is
// the decimal mark.
func (c *Column) doubt(comma *Column, point bool) string {
	switch has := c.Seen.Has; {
	case !c.marked() || has&pointed == 0:
		return ""
	case comma != nil:
		return fmt.Sprintf("numbers with a point, as %s, which may stand between thousands, as column %q has a decimal comma, %s; "+
			"declare csv.decimalChar to have numbers", c.Seen.Point, comma.Name, comma.Seen.Comma)
	case has&pointIsMark == 0 && !point:
		return fmt.Sprintf("numbers with a point, as %s, which may stand between thousands; declare csv.decimalChar \".\" where it is "+
			"the decimal mark, csv.groupChar \".\" where it is not", c.Seen.Point)
	}
	return ""
}

// because says what is known of why a text is no value of the column's type, and what
// helps.
func (c *Column) because(err error, cell string) string {
	if err == errFine || err == errYear || err == errZone {
		return ": it is " + err.Error()
	}
	m, other, ok := numberMarks(strings.TrimSpace(cell))
	if !ok || !other && m == 0 || c.Declared.Type == "bool" || c.Declared.Type == "date" {
		return ""
	}
	return "; say how the file writes numbers: csv.decimalChar, csv.groupChar"
}

// andGroups goes on with a sentence that says what to declare.
func andGroups(are bool, mark rune) string {
	if !are {
		return ""
	}
	return fmt.Sprintf(" and csv.groupChar %q", string(mark))
}

// unit is that of the column's times: the coarsest, from the microsecond on, that holds
// all values.
func (c *Column) unit() arrow.TimeUnit {
	if c.Seen.Has&nanos != 0 {
		return arrow.Nanosecond
	}
	return arrow.Microsecond
}

// DeclaredType is the Arrow type of a declared one, with the unit, zone and digits that the
// values ask for. Kind: Invalid where no type holds them all, or the name is not known.
func (c *Column) DeclaredType() (arrow.DataType, error) {
	p := arrow.PrimitiveTypes
	types := map[string]arrow.DataType{
		"bool": arrow.FixedWidthTypes.Boolean, "text": arrow.BinaryTypes.String, "binary": arrow.BinaryTypes.Binary,
		"int8": p.Int8, "int16": p.Int16, "int32": p.Int32, "int64": p.Int64,
		"uint8": p.Uint8, "uint16": p.Uint16, "uint32": p.Uint32, "uint64": p.Uint64,
		"float32": p.Float32, "float64": p.Float64,
		"date": p.Date32, "time": &arrow.Time64Type{Unit: c.unit()},
	}
	if c.Type != nil { // as the table has it; values that it cannot hold are refused where they stand
		return c.Type, nil
	}
	if c.Seen.Has&picos != 0 {
		return nil, ipc.Invalid("column %q: some values are finer than a nanosecond, which is the finest that is kept; "+
			"declare it as text", c.Name)
	}
	if dt, ok := types[c.Declared.Type]; ok {
		return dt, nil
	}
	switch c.Declared.Type {
	case "timestamp":
		if c.Seen.Has&zoned != 0 && c.Seen.Has&unzoned != 0 {
			return nil, ipc.Invalid("column %q: some timestamps name a time zone and some do not", c.Name)
		}
		t := &arrow.TimestampType{Unit: c.unit()}
		if c.Seen.Has&zoned != 0 {
			t.TimeZone = "UTC"
		}
		return t, nil
	case "decimal":
		if c.Seen.Whole+c.Seen.Fraction > 38 {
			return nil, ipc.Invalid("column %q: decimals need %d digits; at most 38 are kept", c.Name, c.Seen.Whole+c.Seen.Fraction)
		}
		return &arrow.Decimal128Type{Precision: 38, Scale: int32(c.Seen.Fraction)}, nil
	}
	return nil, ipc.Invalid("column %q is declared as %q; known types are bool, int8 to int64, uint8 to uint64, float32, float64, "+
		"text, binary, date, timestamp, time, decimal", c.Name, c.Declared.Type)
}

// goLayout turns a pattern of Unicode TS 35 into Go's.
func goLayout(p string) (string, error) {
	words := []struct{ from, to string }{
		{"yyyy", "2006"}, {"yy", "06"}, {"MMMM", "January"}, {"MMM", "Jan"}, {"MM", "01"}, {"M", "1"}, {"dd", "02"}, {"d", "2"},
		{"EEEE", "Monday"}, {"EEE", "Mon"}, {"HH", "15"}, {"H", "15"}, {"hh", "03"}, {"h", "3"}, {"mm", "04"}, {"m", "4"},
		{"ss", "05"}, {"s", "5"}, {"SSSSSS", "000000"}, {"SSS", "000"}, {"XXX", "Z07:00"}, {"XX", "Z0700"}, {"X", "Z07"}, {"Z",
			"-0700"}, {"a", "PM"}, {"y", "2006"},
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
