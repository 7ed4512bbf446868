package csv

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"guichet/connectors/ipc"
)

// decodeText gives the file as UTF-8 without byte-order mark, and says in words
// what it found. Only a mark or the declared dialect decides; nothing is
// guessed from the bytes [decisions.md 34].
func decodeText(data []byte, declared string) ([]byte, string, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")) || bytes.HasPrefix(data,
		[]byte("\x00\x00\xfe\xff")) { // before UTF-16's mark, with which the first begins
		return nil, "", ipc.Invalid("the file is UTF-32, by its byte-order mark; convert it to UTF-8")
	}
	text, note, err := recoded(data, declared)
	if i := bytes.IndexByte(text, 0); err == nil && i >= 0 {
		return nil, "", ipc.Invalid("there is a zero character at byte %d of the text (%s): the file is binary, or in another encoding, "+
			"such as UTF-16 without a byte-order mark or UTF-32; convert it to UTF-8", i, note)
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
	case "iso-8859-1", "latin1":
		out, err := fromCharmap(data, "iso-8859-1", charmap.ISO8859_1)
		return out, "encoding " + enc, err
	case "windows-1252", "cp1252":
		out, err := fromCharmap(data, "windows-1252", charmap.Windows1252)
		return out, "encoding " + enc, err
	}
	return nil, "", ipc.Invalid("the encoding %q is not read; convert the file to UTF-8", declared)
}

// maxRecoded is the most bytes of a file that is not UTF-8: it is recoded in memory.
const maxRecoded = 64 << 20

// fromUTF16 is by hand: golang.org/x/text puts U+FFFD in the place of half a surrogate
// pair in silence, so that the walk below would be needed beside it, and takes three times
// as long.
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

func fromCharmap(data []byte, name string, from *charmap.Charmap) ([]byte, error) {
	if len(data) > maxRecoded {
		return nil, ipc.Invalid("a file of %d bytes that is not UTF-8 is too large to recode (limit 64 MiB); convert it to UTF-8", len(data))
	}
	for i, b := range data {
		// Decoded as a whole, a byte without a character would become U+FFFD in silence; it
		// is damage, or the sign of another encoding.
		if b >= 0x80 && from.DecodeByte(b) == utf8.RuneError {
			return nil, ipc.Invalid("byte %d (%#x) has no character in %s", i, b, name)
		}
	}
	return from.NewDecoder().Bytes(data)
}
