package csv

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// TestEncodings: text comes out of each encoding as it went in, and the note says which
// it was.
func TestEncodings(t *testing.T) {
	for _, x := range []struct{ name, in, declared, want, note string }{
		{"nothing said", "a,ž\n", "", "a,ž\n", "encoding utf-8"},
		{"a mark", "\xef\xbb\xbfa\n", "", "a\n", "encoding utf-8, byte-order mark removed"},
		{"a mark, as declared", "\xef\xbb\xbfa\n", "UTF_8", "a\n", "encoding utf-8, byte-order mark removed"},
		{"utf-16, low byte first", "\xff\xfea\x00\xac\x20", "", "a€", "encoding utf-16le"},
		{"utf-16, high byte first", "\xfe\xff\x00a\x20\xac", "utf-16", "a€", "encoding utf-16be"},
		{"utf-16 without a mark", "a\x00\x3d\xd8\x00\xde", "utf-16le", "a😀", "encoding utf-16le"},
		{"latin-1", "M\xfcnster \x80", "Latin1", "Münster \u0080", "encoding latin1"},
		{"windows", "M\xfcnster \x80\x9f", "windows-1252", "Münster €Ÿ", "encoding windows-1252"},
		{"by its other name", "\x84so\x93", "cp1252", "„so“", "encoding cp1252"},
	} {
		got, note, err := decodeText([]byte(x.in), x.declared)
		if err != nil || string(got) != x.want || note != x.note {
			t.Errorf("%s: %q, %q, %v", x.name, got, note, err)
		}
	}
}

// TestEncodingsRefused: what cannot be told for sure is refused with what to do.
func TestEncodingsRefused(t *testing.T) {
	for _, x := range []struct{ name, in, declared, want string }{
		{"utf-32", "\xff\xfe\x00\x00a\x00\x00\x00", "", "the file is UTF-32, by its byte-order mark; convert it to UTF-8"},
		{"another mark", "\xff\xfea\x00", "utf-8", "declared as utf-8, but the file begins with the byte-order mark of utf-16le"},
		{"utf-16 in which order", "a\x00", "utf-16", "UTF-16 is read only with a byte-order mark; the file has none"},
		{"half a unit", "\xff\xfea", "", "odd number of bytes: it is cut at byte 3"},
		{"the first half of a pair", "\xff\xfea\x00\x3d\xd8", "", "not well-formed UTF-16 at character 1"},
		{"the second half first", "\xff\xfe\x00\xde\x3d\xd8", "", "not well-formed UTF-16 at character 0"},
		{"unknown", "a", "ebcdic", `the encoding "ebcdic" is not read; convert the file to UTF-8`},
		{"binary", "a\x00b", "", "there is a zero character at byte 1"},
	} {
		_, _, err := decodeText([]byte(x.in), x.declared)
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
	// Five bytes of windows-1252 are no characters; all others are.
	var undefined []string
	for b := range 256 {
		_, _, err := decodeText([]byte{'a', byte(b), 'b'}, "windows-1252")
		if err != nil && b > 0 {
			undefined = append(undefined, err.Error())
		}
	}
	want := ""
	for _, b := range []int{0x81, 0x8d, 0x8f, 0x90, 0x9d} {
		want += fmt.Sprintf("invalid: byte 1 (%#x) has no character in windows-1252\n", b)
	}
	if got := strings.Join(undefined, "\n") + "\n"; got != want {
		t.Errorf("undefined are\n%s", got)
	}
	for _, enc := range []string{"utf-16le", "latin1", "windows-1252"} {
		_, _, err := decodeText(bytes.Repeat([]byte("a\x00"), maxRecoded/2+1), enc)
		if err == nil || !strings.Contains(err.Error(), "too large to recode (limit 64 MiB); convert it to UTF-8") {
			t.Errorf("%s: %v", enc, err)
		}
	}
}

// TestUTF16RoundTrip compares with Go's own encoder over any text.
func TestUTF16RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", "0")
		big := rapid.Bool().Draw(t, "big")
		in := []byte{0xff, 0xfe}
		if big {
			in = []byte{0xfe, 0xff}
		}
		for _, u := range utf16.Encode([]rune(text)) {
			if big {
				in = append(in, byte(u>>8), byte(u))
			} else {
				in = append(in, byte(u), byte(u>>8))
			}
		}
		got, _, err := decodeText(in, "")
		if err != nil || string(got) != text {
			t.Fatalf("%q came as %q, %v", text, got, err)
		}
	})
}
