package csv

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

// decodeText gives the file as UTF-8 without byte-order mark, and says in words
// what it found. Only a mark or the declared dialect decides; nothing is
// guessed from the bytes [decisions.md 34].
func decodeText(data []byte, declared string) ([]byte, string, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")) || bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff")) { // before UTF-16's mark, with which the first begins
		return nil, "", ipc.Invalid("the file is UTF-32, by its byte-order mark; convert it to UTF-8")
	}
	text, note, err := recoded(data, declared)
	if i := bytes.IndexByte(text, 0); err == nil && i >= 0 {
		return nil, "", ipc.Invalid("a zero character stands at byte %d of the text (%s): the file is binary, or in another encoding, such as UTF-16 without a byte-order mark or UTF-32; convert it to UTF-8", i, note)
	}
	return text, note, err
}

func recoded(data []byte, declared string) ([]byte, string, error) {
	enc := strings.ToLower(strings.ReplaceAll(declared, "_", "-"))
	mark := ""
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		mark, data = "utf-8", data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		mark = "utf-16le"
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		mark = "utf-16be"
	}
	if mark != "" && enc != "" && !strings.HasPrefix(mark, strings.TrimSuffix(strings.TrimSuffix(enc, "le"), "be")) {
		return nil, "", ipc.Invalid("the encoding is declared as %s, but the file begins with the byte-order mark of %s", declared, mark)
	}
	if enc == "" || mark != "" {
		enc = mark
	}
	switch enc {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		note := "encoding utf-8"
		if mark != "" {
			note += ", byte-order mark removed"
		}
		return data, note, nil
	case "utf-16le", "utf-16be":
		out, err := fromUTF16(data, enc == "utf-16be", mark != "")
		return out, "encoding " + enc, err
	case "utf-16":
		return nil, "", ipc.Invalid("UTF-16 is read only with a byte-order mark; the file has none")
	case "iso-8859-1", "latin1", "windows-1252", "cp1252":
		out, err := fromLatin(data, strings.Contains(enc, "1252"))
		return out, "encoding " + enc, err
	}
	return nil, "", ipc.Invalid("the encoding %q is not read; convert the file to UTF-8", declared)
}

const maxRecoded = 64 << 20 // bytes of a file that is not UTF-8: it is recoded in memory

func fromUTF16(data []byte, big, mark bool) ([]byte, error) {
	if len(data) > maxRecoded {
		return nil, ipc.Invalid("a UTF-16 file of %d bytes is too large to recode (limit 64 MiB); convert it to UTF-8", len(data))
	}
	if len(data)%2 != 0 {
		return nil, ipc.Invalid("the file is UTF-16 with an odd number of bytes: it is cut at byte %d", len(data))
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		a, b := uint16(data[2*i]), uint16(data[2*i+1])
		if big {
			a, b = b, a
		}
		units[i] = b<<8 | a
	}
	if mark {
		units = units[1:]
	}
	out := make([]byte, 0, len(units)*2)
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			if i+1 == len(units) || utf16.DecodeRune(r, rune(units[i+1])) == utf8.RuneError {
				return nil, ipc.Invalid("the file is not well-formed UTF-16 at character %d", i)
			}
			r = utf16.DecodeRune(r, rune(units[i+1]))
			i++
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}

// windows1252 are the characters of bytes 0x80 to 0x9f; 0 is none.
const windows1252 = "€\x00‚ƒ„…†‡ˆ‰Š‹Œ\x00Ž\x00\x00‘’“”•–—˜™š›œ\x00žŸ"

func fromLatin(data []byte, windows bool) ([]byte, error) {
	if len(data) > maxRecoded {
		return nil, ipc.Invalid("a file of %d bytes that is not UTF-8 is too large to recode (limit 64 MiB); convert it to UTF-8", len(data))
	}
	high := []rune(windows1252)
	out := make([]byte, 0, len(data)+len(data)/8)
	for i, b := range data {
		r := rune(b)
		if windows && b >= 0x80 && b <= 0x9f {
			if r = high[b-0x80]; r == 0 {
				return nil, ipc.Invalid("byte %d (%#x) has no character in windows-1252", i, b)
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}

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
