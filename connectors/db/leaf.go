package db

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/schemas"
)

const (
	// SaltBytes is the length of each value's salt.
	SaltBytes = 16
	// maxLeafBytes is what an entry bundle can carry [C2SP tlog-tiles].
	maxLeafBytes = 65535
	// maxValueBytes bounds one value: texts of reasons are at most 4,000
	// characters, longer things belong behind their digest.
	maxValueBytes = 64 << 10
	// maxNumber is the largest integer that RFC 8785 (ECMAScript) writes exactly.
	maxNumber = 1<<53 - 1

	// maxSubjectBytes bounds what stands in an index; a longer subject is cut,
	// since it may be what a stranger asked for.
	maxSubjectBytes = 512

	leafTime = "2006-01-02T15:04:05.000000Z"
)

// SubjectValue is the name of the value that is a change's subject.
const SubjectValue = "of"

// Leaf is what one entry of the record commits to: kind, time and numbers in
// the clear, values by salted commitment only [decisions.md 24].
type Leaf struct {
	At      time.Time // UTC, microseconds
	Kind    string
	Numbers map[string]int64
	Values  map[string][sha256.Size]byte // name to commitment
}

// Commitment is SHA-256(salt ‖ 0x00 ‖ name ‖ 0x00 ‖ value).
func Commitment(salt []byte, name, value string) [sha256.Size]byte {
	h := sha256.New()
	h.Write(salt)
	h.Write([]byte{0})
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write([]byte(value))
	return [sha256.Size]byte(h.Sum(nil))
}

// Encode gives the leaf's bytes: canonical JSON [RFC 8785]. Names and kinds
// are plain ASCII (see MakeLeaf), so sorting bytes is sorting UTF-16 units.
func (l Leaf) Encode() []byte {
	b := make([]byte, 0, 128+96*len(l.Values)+32*len(l.Numbers))
	b = append(b, `{"at":"`...)
	b = l.At.UTC().AppendFormat(b, leafTime)
	b = append(b, `","kind":"`...)
	b = append(b, l.Kind...)
	b = append(b, `","numbers":{`...)
	for i, name := range slices.Sorted(maps.Keys(l.Numbers)) {
		b = appendName(b, i, name)
		b = strconv.AppendInt(b, l.Numbers[name], 10)
	}
	b = append(b, `},"v":1,"values":{`...)
	for i, name := range slices.Sorted(maps.Keys(l.Values)) {
		b = appendName(b, i, name)
		c := l.Values[name]
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, c[:])
		b = append(b, '"')
	}
	return append(b, `}}`...)
}

func appendName(b []byte, i int, name string) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, `":`...)
}

// ParseLeaf reads a leaf's bytes and refuses (Invalid) everything that is not
// byte for byte what Encode would write.
func ParseLeaf(leaf []byte) (Leaf, error) {
	var raw struct {
		At      string            `json:"at"`
		Kind    string            `json:"kind"`
		Numbers map[string]int64  `json:"numbers"`
		V       int               `json:"v"`
		Values  map[string][]byte `json:"values"`
	}
	bad := func(why string, err error) (Leaf, error) {
		return Leaf{}, &schemas.Error{Kind: schemas.Invalid, Subject: "leaf", Message: "The leaf " + why + ".", Err: err}
	}
	if len(leaf) > maxLeafBytes {
		return bad("is longer than 65,535 bytes", nil)
	}
	if err := json.Unmarshal(leaf, &raw); err != nil {
		return bad("is not JSON of this log", err)
	}
	at, err := time.Parse(leafTime, raw.At)
	if err != nil {
		return bad("has no time in microseconds", err)
	}
	l := Leaf{At: at, Kind: raw.Kind, Numbers: raw.Numbers, Values: make(map[string][sha256.Size]byte, len(raw.Values))}
	if raw.V != 1 || !plain(l.Kind) {
		return bad("is of an unknown version or kind", nil)
	}
	for name := range l.Numbers {
		if !plain(name) {
			return bad("has a name that is not plain", nil)
		}
	}
	for name, c := range raw.Values {
		if len(c) != sha256.Size || !plain(name) {
			return bad("has a commitment that is not one", nil)
		}
		l.Values[name] = [sha256.Size]byte(c)
	}
	if !bytes.Equal(l.Encode(), leaf) {
		return bad("is not canonical", nil)
	}
	return l, nil
}

// Opens says whether value and salt are what the leaf commits to under name.
func (l Leaf) Opens(name string, salt []byte, value string) bool {
	want, ok := l.Values[name]
	got := Commitment(salt, name, value)
	return ok && len(salt) == SaltBytes && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// Sealed is a change made ready to be stored: its leaf and what opens it.
type Sealed struct {
	Change schemas.Change // At set, values made storable
	Leaf   []byte
	Salts  map[string][]byte // one for each value
}

// Seal draws the salts and makes the leaf of c. Invalid: a kind or name that
// is not 1 to 64 of A–Z a–z 0–9 _ . : -, or a number beyond ±(2^53−1).
// TooLarge: a value over 64 KiB or a leaf over 65,535 bytes. Values that a
// database cannot keep as text (NUL, broken UTF-8) get U+FFFD in their place,
// so that a hostile string cannot keep its refusal out of the record.
func Seal(c schemas.Change) (Sealed, error) {
	if !plain(c.Kind) {
		return Sealed{}, schemas.Errorf(schemas.Invalid, "change", "kind %q is not a plain name", c.Kind)
	}
	if c.At.IsZero() {
		c.At = time.Now()
	}
	c.At = c.At.UTC().Truncate(time.Microsecond)
	if y := c.At.Year(); y < 1 || y > 9999 {
		return Sealed{}, schemas.Errorf(schemas.Invalid, c.Kind, "year %d does not fit RFC 3339", y)
	}
	for name, n := range c.Numbers {
		if !plain(name) || n > maxNumber || n < -maxNumber {
			return Sealed{}, schemas.Errorf(schemas.Invalid, c.Kind, "number %q = %d cannot be written exactly", name, n)
		}
	}
	c.Subject = cut(storable(c.Subject), maxSubjectBytes)
	said := maps.Clone(c.Values)
	if c.Subject != "" { // committed to like any value
		if said == nil {
			said = map[string]string{}
		}
		said[SubjectValue] = c.Subject
	}
	s := Sealed{Salts: make(map[string][]byte, len(said))}
	values := make(map[string]string, len(said))
	l := Leaf{At: c.At, Kind: c.Kind, Numbers: c.Numbers, Values: make(map[string][sha256.Size]byte, len(said))}
	for name, v := range said {
		if !plain(name) {
			return Sealed{}, schemas.Errorf(schemas.Invalid, c.Kind, "value name %q is not plain", name)
		}
		if len(v) > maxValueBytes {
			return Sealed{}, schemas.Errorf(schemas.TooLarge, c.Kind, "value %s has %d bytes, the most is %d", name, len(v), maxValueBytes)
		}
		v = storable(v)
		salt := make([]byte, SaltBytes)
		rand.Read(salt) // never fails [crypto/rand]
		values[name], s.Salts[name], l.Values[name] = v, salt, Commitment(salt, name, v)
	}
	c.Values = values
	s.Change, s.Leaf = c, l.Encode()
	if len(s.Leaf) > maxLeafBytes {
		return Sealed{}, schemas.Errorf(schemas.TooLarge, c.Kind, "the leaf has %d bytes, the most is %d", len(s.Leaf), maxLeafBytes)
	}
	return s, nil
}

func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// cut shortens s to at most n bytes, between runes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

func plain(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for _, r := range []byte(s) {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.IndexByte("_.:-", r) >= 0) {
			return false
		}
	}
	return true
}

// String shows kind and time, for test output.
func (l Leaf) String() string { return fmt.Sprintf("%s at %s", l.Kind, l.At.Format(leafTime)) }
