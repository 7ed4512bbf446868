package object

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"guichet/connectors/ipc"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a.jpg", "a/b/c.dcm", "ä b%2F?#.png", "_SUCCESS", "...", strings.Repeat("x", 255), "a:b"} {
		if why := CheckName(name); why != "" {
			t.Errorf("%q: %s", name, why)
		}
	}
	for name, says := range map[string]string{
		"": "between 1 and", strings.Repeat("a/", 400): "between 1 and", "a\xff": "UTF-8", "a\x00": "cannot be seen", "a\nb": "cannot be seen",
		"a\u202eb": "cannot be seen", "a\ufffe": "cannot be seen", `a\b`: "no backslash", "/a": "no empty folder", "a/": "no empty folder", "a//b": "no empty folder",
		"a/../b": "called ..", "..": "called ..", "./a": "called .", strings.Repeat("x", 256): "at most 255 bytes",
		strings.Repeat("a/", 16) + "b": "at most 15 folders",
	} {
		if why := CheckName(name); !strings.Contains(why, says) {
			t.Errorf("%q: %q, want %q", name, why, says)
		}
	}
}

func TestCheckNames(t *testing.T) {
	for _, c := range []struct {
		names []string
		says  string
		at    int
	}{
		{nil, "", 0},
		{[]string{"a", "b/a", "b/c", "bb"}, "", 0},
		{[]string{"a", "b", "a"}, "two objects", 2},
		{[]string{"a/b/c", "x", "a"}, "a is an object", 0},
		{[]string{"a", "x", "a/b/c"}, "a is an object", 2},
	} {
		why, at := CheckNames(c.names)
		if !strings.Contains(why, c.says) || (why == "") != (c.says == "") || at != c.at {
			t.Errorf("%q: %q at %d", c.names, why, at)
		}
	}
}

// However its bytes come, digest, sums and pieces are those of the whole.
func TestReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 100, piece - 1, piece, piece + 1, 2 * piece, 2*piece + 77}).Draw(t, "bytes")
		all := bytes.Repeat([]byte{1, 2, 3, 5, 7, 11, 13}, n/7+1)[:n]
		var from io.Reader = bytes.NewReader(all)
		if n < 1000 && rapid.Bool().Draw(t, "one at a time") {
			from = iotest.OneByteReader(from)
		}
		o := NewReader("a.bin", from)
		got, err := io.ReadAll(o)
		s, note := o.Learnt()
		sum := sha256.Sum256(all)
		if err != nil || !bytes.Equal(got, all) || s.Size != int64(n) || s.SHA256 != hex.EncodeToString(sum[:]) || s.Name != "a.bin" ||
			s.Rows != 1 || note != "" {
			t.Fatalf("%d bytes: %+v %v", n, s, err)
		}
		at, rows := int64(0), int64(0)
		for _, b := range s.Batches {
			if b.Offset != at || b.Meta != 0 || b.Sum != ipc.Sum(all[at:at+b.Len()]) {
				t.Fatalf("of %d bytes a piece is %+v", n, b)
			}
			at += b.Len()
			rows += b.Rows
		}
		if at != int64(n) || rows != 1 {
			t.Fatalf("%d bytes and %d rows in pieces", at, rows)
		}
	})
}

// Whatever names a split has, no two of them could be one file, and no file is a folder, when
// nothing is found against them.
func TestNamesCanBeFiles(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "b", "ab", "a.b", "é"})
	rapid.Check(t, func(t *rapid.T) {
		var names []string
		for range rapid.IntRange(0, 6).Draw(t, "names") {
			names = append(names, strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), "/"))
		}
		why, at := CheckNames(names)
		clash := ""
		for i, a := range names {
			if CheckName(a) != "" {
				t.Fatalf("%q: %s", a, CheckName(a))
			}
			for j, b := range names {
				if i != j && (a == b || strings.HasPrefix(b, a+"/")) {
					clash = a + " and " + b
				}
			}
		}
		if (clash != "") != (why != "") || why != "" && at >= len(names) {
			t.Fatalf("%q: found %q at %d, and there is %q", names, why, at, clash)
		}
	})
}

// Whoever publishes scans is told that their headers can name patients.
func TestScansAreRemarkedOn(t *testing.T) {
	t.Parallel()
	o := NewReader("a.dcm", io.MultiReader(bytes.NewReader(make([]byte, 128)), strings.NewReader("DICM\x02\x00\x00\x00")))
	_, err := io.Copy(io.Discard, o)
	s, note := o.Learnt()
	if err != nil || s.MediaType != "application/dicom" || !strings.Contains(note, "can name patients") {
		t.Errorf("%+v: %q, %v", s, note, err)
	}
}
