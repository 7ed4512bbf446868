package index

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"guichet/catalog/index/document"
	"guichet/schemas"
)

// clause is a part of what people type.
//
//	word  "some words"  begin*  nearly~  field:value,other  field:"some value"
type clause struct {
	field  string // a filter; "" is words
	text   string
	phrase bool // it was written in quotes
	begins bool // the letters before *
	near   bool // the word before ~
	idle   bool // a word that says nothing by itself, which is known once it was looked up
}

// signs are no words by themselves.
const signs = "*?~^+-!(){}[]:/\\.,;'"

// The least letters of what is looked for by its beginning or in other letters.
const (
	leastBegin = 3
	leastNear  = 4
)

// single are filters of one value, beside those of Filters. What access says is not known here.
func single() []string { return []string{"from", "to", "updated", "box", "access"} }

// read cuts what people type into clauses. What has a colon and begins with no field's name
// is a word, which the answer notes, as letters of no word are nothing. Errors: Invalid.
func read(s string) ([]clause, error) {
	var out []clause
	s = schemas.Key(s)
	for s != "" {
		s = strings.TrimLeft(s, " ")
		c := clause{}
		if name, rest, colon := strings.Cut(s, ":"); colon && isField(fieldOf(name)) {
			c.field, s = fieldOf(name), rest
			if s == "" || s[0] == ' ' {
				return nil, schemas.BadField("search", "q", "%s: write what is looked for right behind the colon, as in %s:value", name, name)
			}
		}
		quoted := strings.HasPrefix(s, `"`)
		if quoted {
			c.text, s, _ = strings.Cut(s[1:], `"`)
			c.text, c.phrase = strings.Join(strings.Fields(c.text), " "), true
		} else {
			end := strings.IndexAny(s, ` "`)
			if end < 0 {
				end = len(s)
			}
			c.text, s = s[:end], s[end:]
		}
		if c.field == "" && !quoted {
			err := c.marked()
			if err != nil {
				return nil, err
			}
		}
		switch some := strings.Trim(c.text, signs) != ""; {
		case some:
			out = append(out, c)
		case c.field != "": // it would find everything
			return nil, schemas.BadField("search", "q", "%s: what %s is looked for?", c.written(), c.field)
		}
	}
	return out, nil
}

// fieldOf is a filter as its name is typed.
func fieldOf(name string) string {
	name = strings.ToLower(name)
	if name == "license" {
		return "licence"
	}
	return name
}

// isField says whether a name is of a filter.
func isField(name string) bool {
	return slices.Contains(document.Filters(), name) || slices.Contains(single(), name)
}

// noField is what stands before the colon of a word as a field's name would; "" where it is none, as
// in addresses, identifiers and times.
func (c *clause) noField() string {
	name, rest, colon := strings.Cut(c.text, ":")
	none := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && r != '_' })
	address := strings.HasPrefix(rest, "/") || slices.Contains([]string{"urn", "doi"}, strings.ToLower(name))
	if !colon || c.phrase || none || address || name == "" || rest == "" {
		return ""
	}
	return name
}

// marked reads the sign behind a word.
func (c *clause) marked() error {
	switch word, star := strings.CutSuffix(c.text, "*"); {
	case star && strings.Trim(word, signs) != "":
		if utf8.RuneCountInString(word) < leastBegin {
			return schemas.BadField("search", "q", "%s: a word is looked for by its first %d letters or more", c.text, leastBegin)
		}
		c.text, c.begins = word, true
	case strings.HasSuffix(c.text, "~"):
		c.text, c.near = strings.TrimRight(c.text, "~"), true
		if n := utf8.RuneCountInString(c.text); n > 0 && n < leastNear {
			return schemas.BadField("search", "q", "%s~: a word that may differ in a letter has %d letters or more", c.text, leastNear)
		}
	}
	return nil
}

// Read takes the filters out of a query's words: they are in Typed then, or where there is
// one of a kind in their members. Errors: Invalid.
func (q *Query) Read() error {
	if q.clauses != nil {
		return nil
	}
	if len(q.Words) > MaxBytes {
		return schemas.BadField("search", "q", "at most %d bytes", MaxBytes)
	}
	all, err := read(q.Words)
	if err != nil {
		return err
	}
	if len(all) > MaxWords {
		return schemas.BadField("search", "q", "at most %d words and filters", MaxWords)
	}
	q.clauses = []clause{}
	if q.Typed == nil {
		q.Typed = map[string][]string{}
	}
	for _, c := range all {
		if c.field != "" {
			q.written = append(q.written, c.written())
		}
		at := map[string]*string{"from": &q.From, "to": &q.To, "updated": &q.Updated, "box": &q.Box, "access": &q.Access}[c.field]
		switch {
		case c.field == "":
			q.clauses = append(q.clauses, c)
			if name := c.noField(); name != "" {
				q.notes = append(q.notes, fmt.Sprintf("%s is not a filter: %s is looked for as words; filters are %s, %s", name, c.written(),
					strings.Join(document.Filters(), ", "), strings.Join(single(), ", ")))
			}
		case at == nil:
			values := []string{c.text}
			if !c.phrase {
				values = strings.Split(c.text, ",")
			}
			q.Typed[c.field] = append(q.Typed[c.field], values...)
		case *at != "" && *at != c.text:
			return schemas.BadField("search", "q", "%s is said twice: %s and %s", c.field, *at, c.text)
		default:
			*at = c.text
		}
	}
	return nil
}

// written is a clause as it would be typed.
func (c clause) written() string {
	switch {
	case c.field != "" && c.phrase:
		return c.field + `:"` + c.text + `"`
	case c.field != "":
		return c.field + ":" + c.text
	case c.phrase:
		return `"` + c.text + `"`
	case c.begins:
		return c.text + "*"
	case c.near:
		return c.text + "~"
	}
	return c.text
}
