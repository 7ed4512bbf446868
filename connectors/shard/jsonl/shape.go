package jsonl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// kind is what a value is. A place whose values are of kinds that no column has together has no type.
type kind uint8

// The kinds of values.
const (
	isBool kind = 1 << iota
	isInt
	isFloat
	isTime // text, written as RFC 3339 in UTC
	isText // any other
	isList
	isObject
)

func (k kind) String() string {
	for i, word := range []string{"true or false", "a whole number", "a number", "text", "text", "a list", "an object"} {
		if k == 1<<i {
			return word
		}
	}
	return "several kinds of values"
}

// Shape is what the values of one place have shown, in one file or, joined, in several. It is
// plain data: it crosses to the child process and back as JSON.
type Shape struct {
	Is       kind     `json:"is,omitempty"`
	Where    []string `json:"where,omitempty"`    // of each kind: the line that had it first
	Negative bool     `json:"negative,omitempty"` // some whole number is
	Big      bool     `json:"big,omitempty"`      // some whole number is beyond int64, and not beyond uint64
	Inexact  string   `json:"inexact,omitempty"`  // the first whole number that a float64 does not hold, with its line
	Digits   uint16   `json:"digits,omitempty"`   // of times: a bit for each number of digits after the point
	Years    bool     `json:"years,omitempty"`    // some time is outside of what nanoseconds hold
	Item     *Shape   `json:"item,omitempty"`     // of lists
	Names    []string `json:"names,omitempty"`    // of objects, in the order in which they came
	Members  []*Shape `json:"members,omitempty"`  // of objects, by name

	places map[string]int // of Names
}

// The bounds of shapes: a column of a table, counted at any depth, costs metadata in each batch.
const (
	maxDepth  = 32
	maxPlaces = column.MaxColumns
)

// saw notes that a value of a kind stands in a line.
func (s *Shape) saw(k kind, where string) {
	if s.Is&k != 0 {
		return
	}
	s.Is |= k
	s.Where = append(s.Where, fmt.Sprintf("%s in %s", k, where))
}

// member gives the place of a member of objects, which is made where it is new.
func (s *Shape) member(name string) (m *Shape, fresh bool) {
	if s.places == nil {
		s.places = make(map[string]int, len(s.Names))
		for i, n := range s.Names {
			s.places[n] = i
		}
	}
	i, is := s.places[name]
	if !is {
		i = len(s.Names)
		s.places[name] = i
		s.Names, s.Members = append(s.Names, name), append(s.Members, &Shape{})
	}
	return s.Members[i], !is
}

// item gives the place of a list's items.
func (s *Shape) item() *Shape {
	if s.Item == nil {
		s.Item = &Shape{}
	}
	return s.Item
}

// Join adds what another file has shown to what files before have; either may be nil.
func Join(all, file *Shape) *Shape {
	if all == nil || file == nil {
		if all == nil {
			return file
		}
		return all
	}
	out := &Shape{Is: all.Is | file.Is, Negative: all.Negative || file.Negative, Big: all.Big || file.Big, Digits: all.Digits | file.Digits,
		Years: all.Years || file.Years, Inexact: all.Inexact, Item: Join(all.Item, file.Item)}
	if out.Inexact == "" {
		out.Inexact = file.Inexact
	}
	if out.Where = slices.Clone(all.Where); all.Is|file.Is != all.Is {
		out.Where = append(out.Where, file.Where...)
	}
	for _, from := range []*Shape{all, file} {
		for i, name := range from.Names {
			m, _ := out.member(name)
			*m = *Join(m, from.Members[i])
		}
	}
	return out
}

// Fields gives the columns of a table by what its files have shown. Kind: Invalid, naming the
// place and the lines that contradict each other.
func (s *Shape) Fields() ([]arrow.Field, error) {
	if s == nil || len(s.Names) == 0 {
		return nil, ipc.Invalid("no line has a member: there is no column")
	}
	n := maxPlaces
	return s.fields(nil, &n)
}

func (s *Shape) fields(path []string, left *int) ([]arrow.Field, error) {
	out := make([]arrow.Field, len(s.Names))
	for i, name := range s.Names {
		t, err := s.Members[i].typeOf(append(slices.Clip(path), name), left)
		if err != nil {
			return nil, err
		}
		out[i] = arrow.Field{Name: name, Type: t, Nullable: true}
	}
	return out, nil
}

// typeOf settles the type of a place.
func (s *Shape) typeOf(path []string, left *int) (arrow.DataType, error) {
	bad := func(format string, args ...any) error {
		return ipc.Invalid("%s: %s", strconv.Quote(strings.Join(path, ".")), fmt.Sprintf(format, args...))
	}
	if *left--; *left < 0 {
		return nil, bad("there are more than %d places for values; where names are values, write a list of {name, value}", maxPlaces)
	}
	switch s.Is {
	case 0:
		return arrow.Null, nil
	case isBool:
		return arrow.FixedWidthTypes.Boolean, nil
	case isInt:
		switch {
		case s.Big && s.Negative:
			return nil, bad("whole numbers below 0 and beyond 9223372036854775807 fit no column together; write them as text")
		case s.Big:
			return arrow.PrimitiveTypes.Uint64, nil
		}
		return arrow.PrimitiveTypes.Int64, nil
	case isFloat, isFloat | isInt:
		if s.Is&isInt != 0 && s.Inexact != "" {
			return nil, bad("other numbers have a point, and the whole number %s would not read back from a float64; write them as text", s.Inexact)
		}
		return arrow.PrimitiveTypes.Float64, nil
	case isText, isText | isTime:
		return arrow.BinaryTypes.String, nil
	case isTime:
		return s.time(), nil
	case isList:
		item, err := s.item().typeOf(append(slices.Clip(path), "[]"), left)
		if err != nil {
			return nil, err
		}
		return arrow.ListOf(item), nil
	case isObject:
		if len(s.Names) == 0 {
			return nil, bad("its objects have no member anywhere: leave it out, or write null")
		}
		fields, err := s.fields(path, left)
		if err != nil {
			return nil, err
		}
		return arrow.StructOf(fields...), nil
	}
	return nil, bad("values of one column are of one kind; here are %s", strings.Join(s.Where, ", "))
}

// time is the type of times of one number of digits, which read back as written; of several they
// stay text.
func (s *Shape) time() arrow.DataType {
	for i, unit := range []arrow.TimeUnit{arrow.Second, arrow.Millisecond, arrow.Microsecond, arrow.Nanosecond} {
		if s.Digits == 1<<(3*i) && !(unit == arrow.Nanosecond && s.Years) {
			return &arrow.TimestampType{Unit: unit, TimeZone: "UTC"}
		}
	}
	return arrow.BinaryTypes.String
}
