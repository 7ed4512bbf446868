package jsonl

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"guichet/connectors/ipc"
)

// walker reads the values of one line.
type walker struct {
	dec  *jsontext.Decoder
	line int
	name string // of the file, in what is told of other files; "" for the line alone
	left int    // places that may still be made
	path []string
}

// fault is one of the line, with the place where it is.
func (w *walker) fault(format string, args ...any) error {
	at := ""
	if len(w.path) > 0 {
		at = ", " + strconv.Quote(strings.Join(w.path, "."))
	}
	return ipc.Invalid("line %d%s: %w", w.line, at, fmt.Errorf(format, args...))
}

// where names the line for other files too.
func (w *walker) where() string {
	if w.name != "" {
		return fmt.Sprintf("line %d of %s", w.line, w.name)
	}
	return fmt.Sprintf("line %d", w.line)
}

// broken says what is wrong with the text of a line.
func (w *walker) broken(err error) error {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return w.fault("a name is given twice: which of its values counts?")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return w.fault("the line ends in the middle of a value; each line is one object")
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return w.fault("byte %d: %w", e.ByteOffset+1, e.Err)
	}
	return w.fault("%w", err)
}

// begin reads the first token of a line, which is that of an object.
func (w *walker) begin(dec *jsontext.Decoder, line int) error {
	w.dec, w.line, w.path = dec, line, w.path[:0]
	t, err := dec.ReadToken()
	if err != nil {
		return w.broken(err)
	}
	if t.Kind() != '{' {
		return w.fault("each line is one object, and this is %s", kindOf(t))
	}
	return nil
}

// end makes sure that the line has nothing more.
func (w *walker) end() error {
	_, err := w.dec.ReadToken()
	if err == nil {
		return w.fault("there is more after the object; each line is one")
	}
	if !errors.Is(err, io.EOF) {
		return w.broken(err)
	}
	return nil
}

// kindOf names a token in a message.
func kindOf(t jsontext.Token) string {
	switch t.Kind() {
	case 'n':
		return "null"
	case '"':
		return "text"
	case '0':
		return "a number"
	case '[':
		return "a list"
	case '{':
		return "an object"
	}
	return "true or false"
}

// object shows a shape the members of an object whose begin was read.
func (w *walker) object(s *Shape) error {
	for {
		t, err := w.dec.ReadToken()
		if err != nil {
			return w.broken(err)
		}
		if t.Kind() == '}' {
			return nil
		}
		name := t.String()
		m, fresh := s.member(name)
		if fresh {
			if w.left--; w.left < 0 {
				return w.fault("there are more than %d places for values; where names are values, write a list of {name, value}", maxPlaces)
			}
		}
		w.path = append(w.path, name)
		err = w.value(m)
		if err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
	}
}

// value shows a shape the next value.
func (w *walker) value(s *Shape) error {
	t, err := w.dec.ReadToken()
	if err != nil {
		return w.broken(err)
	}
	if len(w.path) > maxDepth {
		return w.fault("values lie more than %d deep", maxDepth)
	}
	switch t.Kind() {
	case 'n':
	case 't', 'f':
		s.saw(isBool, w.where())
	case '"':
		text := t.String()
		if ts, digits, is := instant(text); is {
			s.saw(isTime, w.where())
			s.Digits |= 1 << digits
			s.Years = s.Years || ts.Year() < 1678 || ts.Year() > 2261
		} else {
			s.saw(isText, w.where())
		}
	case '0':
		return w.number(s, t.String())
	case '[':
		s.saw(isList, w.where())
		w.path = append(w.path, "[]")
		for w.dec.PeekKind() != ']' {
			err := w.value(s.item())
			if err != nil {
				return err
			}
		}
		w.path = w.path[:len(w.path)-1]
		_, err := w.dec.ReadToken()
		if err != nil {
			return w.broken(err)
		}
	case '{':
		s.saw(isObject, w.where())
		return w.object(s)
	}
	return nil
}

// number shows a shape a number.
func (w *walker) number(s *Shape, text string) error {
	if strings.ContainsAny(text, ".eE") {
		if _, err := float(text, 64); err != nil {
			return w.fault("the number %.60s %w", text, err)
		}
		s.saw(isFloat, w.where())
		return nil
	}
	_, rounded := float(text, 64)
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		v = 0
		_, err = strconv.ParseUint(text, 10, 64)
		if err != nil && rounded != nil {
			return w.fault("the whole number %.60s is beyond 64 bits; write it as text, in quotes", text)
		}
		if err != nil { // as writers of floats have 1e25
			s.saw(isFloat, w.where())
			return nil
		}
		s.Big = true
	}
	s.saw(isInt, w.where())
	s.Negative = s.Negative || v < 0
	if s.Inexact == "" && rounded != nil {
		s.Inexact = fmt.Sprintf("%s (%s)", text, w.where())
	}
	return nil
}

// Why a number is not read.
var (
	errRange  = errors.New("is beyond what a float64 holds; write it as text, in quotes")
	errDigits = errors.New("has more digits than a float64 holds and would not read back as written; write it as text, in quotes")
)

// float reads a number with a point or an exponent. The float of bits that is nearest to it,
// written with as many digits, is the same number: 2.50 and 0.10000000000000001 are,
// 0.1234567890123456789 is not.
func float(text string, bits int) (float64, error) {
	v, err := strconv.ParseFloat(text, bits)
	if err != nil {
		return 0, errRange
	}
	digits := significant(text)
	if digits == "" {
		return v, nil
	}
	if v == 0 { // the number was not
		return 0, errRange
	}
	// Any decimal of 15 digits reads back, of 6 for 32 bits, but near 0 [IEEE 754].
	if few, least := 15, 2.3e-308; bits == 64 && len(digits) <= few && math.Abs(v) > least {
		return v, nil
	}
	if len(digits) > 800 || significant(strconv.FormatFloat(v, 'e', len(digits)-1, bits)) != digits {
		return 0, errDigits
	}
	return v, nil
}

// significant gives the digits of a number without zeros at its ends.
func significant(text string) string {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		text = text[:i]
	}
	return strings.Trim(strings.NewReplacer("-", "", ".", "").Replace(text), "0")
}

// instant reads a time as RFC 3339 writes it in UTC, with the number of digits after its point.
func instant(text string) (ts time.Time, digits int, is bool) {
	n := len(text)
	if n < len("2006-01-02T15:04:05Z") || n > len("2006-01-02T15:04:05.999999999Z") || text[10] != 'T' || text[n-1] != 'Z' {
		return ts, 0, false
	}
	if n > 20 {
		digits = n - 21
		if text[19] != '.' || digits == 0 {
			return ts, 0, false
		}
	}
	ts, err := time.Parse(time.RFC3339Nano, text)
	return ts, digits, err == nil
}
