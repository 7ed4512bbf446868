package report

import (
	"bytes"
	"encoding/base64"
	"time"

	"guichet/connectors/db"
)

// leaf is a leaf of the record, read in place: a report reads a million, and of each three or four of
// its sixteen commitments. db.ParseLeaf checks all of it; a verification does that.
type leaf struct {
	at      time.Time
	kind    string
	numbers []byte // {"bytes":1,"rows":2}
	values  []byte // {"agreement":"(base64)",…}
}

// Marks of the canonical form [RFC 8785], in their order: no name, kind or commitment holds a quote.
const (
	markAt      = `{"at":"`
	markKind    = `","kind":"`
	markNumbers = `","numbers":`
	markV       = `,"v":1,"values":`
	leafTime    = "2006-01-02T15:04:05.000000Z"
)

// readLeaf takes a leaf apart; false where it is not in the canonical form.
func readLeaf(b []byte) (l leaf, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte(markAt))
	at, b, is := bytes.Cut(b, []byte(markKind))
	kind, b, also := bytes.Cut(b, []byte(markNumbers))
	numbers, values, too := bytes.Cut(b, []byte(markV))
	if !ok || !is || !also || !too {
		return l, false
	}
	when, err := time.Parse(leafTime, string(at))
	return leaf{when, string(kind), numbers, values}, err == nil
}

// number is one of the leaf's; 0 where it has none.
func (l *leaf) number(name string) int64 {
	_, b, ok := cutName(l.numbers, name)
	if !ok {
		return 0
	}
	n, sign := int64(0), int64(1)
	for i, c := range b {
		if i == 0 && c == '-' {
			sign = -1
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return sign * n
}

// commits says whether the leaf has a value of a name, whatever became of it.
func (l *leaf) commits(name string) bool {
	_, _, ok := cutName(l.values, name)
	return ok
}

// opens says whether a value is what the leaf commits to.
func (l *leaf) opens(name string, salt []byte, value string) bool {
	_, b, ok := cutName(l.values, name)
	const n = 44 // of 32 bytes in base64
	if !ok || len(b) < n+2 || b[0] != '"' || b[n+1] != '"' || len(salt) != db.SaltBytes {
		return false
	}
	var text [n]byte
	want := db.Commitment(salt, name, value)
	base64.StdEncoding.Encode(text[:], want[:])
	return string(text[:]) == string(b[1:n+1])
}

// cutName cuts an object behind "name":.
func cutName(object []byte, name string) (before, after []byte, ok bool) {
	var key [72]byte // names have at most 64
	k := append(key[:0], '"')
	k = append(k, name...)
	k = append(k, '"', ':')
	return bytes.Cut(object, k)
}
