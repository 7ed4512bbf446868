package index

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"guichet/catalog/index/document"
	"guichet/schemas"
	"math"
	"strings"
)

// Position is the place of a hit in the order of a search. It depends on the hit and the
// question alone, so that a page goes on behind it whatever came and went meanwhile
// [decisions.md 26].
type Position struct {
	restricted bool    // what only some may see comes first, by id
	score      float64 // of the best match
	number     int64   // what it is sorted by
	text       string  // title
	id         string
}

// Sorts are the orders that a search can have; the empty one is the best match.
func Sorts() []string {
	return []string{"", document.Modified, "title", document.Size, document.Quality}
}

// sortField is the field of numbers of an order; "" is that of titles.
func sortField(sort string) string {
	if sort == "title" {
		return ""
	}
	return sort
}

// compare says which of two hits comes first.
func compare(sort string, a, b Position) int {
	first := 0
	switch {
	case sort != "": // all in one order
	case a.restricted && !b.restricted:
		first = -1
	case !a.restricted && b.restricted:
		first = 1
	}
	return cmp.Or(first, cmp.Compare(b.score, a.score), cmp.Compare(b.number, a.number), strings.Compare(a.text, b.text),
		strings.Compare(a.id, b.id))
}

// cursor is a position as callers carry it, with the question that it belongs to.
type cursor struct {
	Of         string  `json:"o"`
	Restricted bool    `json:"r,omitempty"`
	Score      float64 `json:"n,omitempty"`
	Number     int64   `json:"k,omitempty"`
	Text       string  `json:"t,omitempty"`
	ID         string  `json:"i"`
	Loose      bool    `json:"l,omitempty"` // words that say nothing are left out
}

// of names a question, as far as its order goes.
func of(q *Query) string {
	sum := sha256.Sum256([]byte("2\x00" + q.Sort + "\x00" + q.Words)) // 2: the form of a cursor
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// Cursor writes a position of a search.
func Cursor(q *Query, p Position) string {
	c := cursor{of(q), p.restricted, p.score, p.number, p.text, p.id, q.loose != nil && *q.loose}
	b, _ := json.Marshal(c) // a finite number and strings: cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// maxCursor is how long a cursor is at most.
const maxCursor = 4096

// ParseCursor reads a cursor of the same search; "" is none. Errors: Invalid.
func ParseCursor(q *Query, s string) (*Position, error) {
	if s == "" {
		return nil, nil
	}
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil && len(s) <= maxCursor {
		err = json.Unmarshal(b, &c)
	}
	switch {
	case err != nil || c.ID == "" || math.IsNaN(c.Score) || math.IsInf(c.Score, 0):
		return nil, schemas.BadField("search", "cursor", "this is not a valid cursor; take next as it came")
	case c.Of != of(q):
		return nil, schemas.BadField("search", "cursor", "this cursor is of another search: q and sort stay the same over all pages")
	}
	q.loose = &c.Loose
	return &Position{c.Restricted, c.Score, c.Number, c.Text, c.ID}, nil
}
