package csv

import (
	"bytes"
	"fmt"
	"strings"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

// scanner splits text into records [RFC 4180]; line ends are LF, CRLF or CR.
// A quote inside an unquoted field is text.
type scanner struct {
	data   []byte
	pos    int
	line   int // of the record's first line, from 1
	next   int // line at pos
	delim  byte
	fields [][]byte
	blank  bool // the record is an empty line
	isNull func(cell []byte) bool
	quoted map[int]string // by column: what stood in quotes and is null; nil where nobody asks
}

func newScanner(data []byte, delim byte) *scanner {
	return &scanner{data: data, delim: delim, next: 1}
}

// scanner begins a file's records.
func (s *Source) scanner() *scanner {
	sc := newScanner(s.data, s.delim)
	sc.next += s.first
	return sc
}

// sepLine takes off a first line by which Excel is told the delimiter, such as sep=; and
// gives that; 0 where there is none.
func sepLine(data []byte) ([]byte, byte) {
	rest, is := bytes.CutPrefix(data, []byte("sep="))
	quoted := false
	if !is {
		rest, quoted = bytes.CutPrefix(data, []byte(`"sep=`))
	}
	if !is && !quoted || len(rest) < 2 || !strings.ContainsRune(",;\t|:^~ ", rune(rest[0])) {
		return data, 0
	}
	delim := rest[0]
	rest = rest[1:]
	if quoted {
		if rest, is = bytes.CutPrefix(rest, []byte(`"`)); !is {
			return data, 0
		}
	}
	for _, end := range []string{"\r\n", "\n", "\r"} {
		if after, ends := bytes.CutPrefix(rest, []byte(end)); ends {
			return after, delim
		}
	}
	return data, 0
}

// scan reads one record; false at the end.
func (s *scanner) scan() (bool, error) {
	if s.pos >= len(s.data) {
		return false, nil
	}
	s.line, s.fields = s.next, s.fields[:0]
	start := s.pos
	for {
		f, err := s.field()
		if err != nil {
			return false, err
		}
		if s.quoted != nil && s.pos > start && s.data[s.pos-1] == '"' && s.isNull(f) {
			s.quoted[len(s.fields)] = string(f)
		}
		s.fields = append(s.fields, f)
		if s.pos >= len(s.data) {
			break
		}
		c := s.data[s.pos]
		s.pos++
		if c == s.delim {
			continue
		}
		s.next++
		if c == '\r' && s.pos < len(s.data) && s.data[s.pos] == '\n' {
			s.pos++
		}
		break
	}
	s.blank = len(s.fields) == 1 && len(s.fields[0]) == 0 && s.data[start] != '"'
	return true, nil
}

// field reads up to, not with, the delimiter or line end.
func (s *scanner) field() ([]byte, error) {
	if s.pos < len(s.data) && s.data[s.pos] == '"' {
		return s.inQuotes()
	}
	data, delim, i := s.data[s.pos:], s.delim, 0
	for i < len(data) {
		if c := data[i]; c == delim || c == '\n' || c == '\r' {
			break
		}
		i++
	}
	s.pos += i
	return data[:i], nil
}

// inQuotes reads a field in quotes. It may hold delimiters and line ends, and a doubled quote
// is one: "a ""b"" c" is a "b" c. Only then its bytes are copied.
func (s *scanner) inQuotes() ([]byte, error) {
	open := s.next
	s.pos++
	from, doubled := s.pos, false
	for {
		i := bytes.IndexByte(s.data[s.pos:], '"')
		if i < 0 {
			return nil, ipc.Invalid("line %d: a quote opens and never closes", open)
		}
		s.next += bytes.Count(s.data[s.pos:s.pos+i], []byte("\n"))
		s.pos += i + 1
		if s.pos < len(s.data) && s.data[s.pos] == '"' {
			doubled = true
			s.pos++
			continue
		}
		break
	}
	f := s.data[from : s.pos-1]
	if s.pos < len(s.data) {
		if c := s.data[s.pos]; c != s.delim && c != '\n' && c != '\r' {
			return nil, ipc.Invalid("line %d: text follows a closing quote", s.next)
		}
	}
	if doubled {
		f = bytes.ReplaceAll(f, []byte(`""`), []byte(`"`))
	}
	return f, nil
}

// findDelimiter takes the declared delimiter, else the one of , ; tab | that
// splits each of the first lines into the same number of fields, more than one.
func findDelimiter(data []byte, d *schemas.CSV) (byte, string, error) {
	if d.Delimiter != "" {
		if len(d.Delimiter) != 1 || strings.ContainsAny(d.Delimiter, "\"\r\n") {
			return 0, "", ipc.Invalid("the delimiter %q is not one ASCII character", d.Delimiter)
		}
		return d.Delimiter[0], fmt.Sprintf("delimiter %q (declared)", d.Delimiter), nil
	}
	best, most := byte(','), 1
	for _, c := range []byte(",;\t|") {
		s, n := newScanner(data, c), 0
		for range 100 {
			ok, err := s.scan()
			if err != nil || !ok {
				break
			}
			if s.blank {
				continue
			}
			if n != 0 && len(s.fields) != n {
				n = min(n, len(s.fields))
				continue
			}
			n = len(s.fields)
		}
		if n > most {
			best, most = c, n
		}
	}
	if most == 1 {
		best = firstLineDelimiter(data)
	}
	return best, fmt.Sprintf("delimiter %q (found)", string(best)), nil
}

// firstLineDelimiter is for files whose lines disagree: the header decides, so
// that ragged lines are named as such.
func firstLineDelimiter(data []byte) byte {
	best, most := byte(','), 1
	for _, c := range []byte(",;\t|") {
		s := newScanner(data, c)
		if ok, err := s.scan(); ok && err == nil && len(s.fields) > most {
			best, most = c, len(s.fields)
		}
	}
	return best
}
