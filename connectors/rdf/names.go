package rdf

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"

	"guichet/schemas"
)

// maxPlain is how deep a document of plain JSON is nested at most.
const maxPlain = 64

// Names holds plain JSON, of which readers take the last of two members of a name
// without a word, and one that differs by case for the same, against that: no object
// has two. In terms nothing of the rules is null either: leaving a constraint or a duty
// out says something else than what stands there seems to say. Errors: Invalid with a
// pointer.
func Names(src []byte, terms bool) error {
	n := &names{dec: json.NewDecoder(bytes.NewReader(src)), terms: terms}
	n.dec.UseNumber()
	return n.value("", 1)
}

// names follows the members of JSON objects to find one that is given twice.
type names struct {
	dec   *json.Decoder
	terms bool
}

func (n *names) value(at string, depth int) error {
	t, err := n.dec.Token()
	if err != nil {
		return schemas.BadField("document", at, "this is not JSON: %v", err)
	}
	if t == nil && n.terms && strings.HasPrefix(strings.ToLower(at), "/rules") {
		return schemas.BadField("document", at, "null says nothing here; leave it out")
	}
	d, within := t.(json.Delim)
	if !within {
		return nil
	}
	if depth > maxPlain {
		return schemas.BadField("document", at, "the document is nested more than %d levels", maxPlain)
	}
	seen := map[string]string{}
	for i := 0; n.dec.More(); i++ {
		here := at + "/" + strconv.Itoa(i)
		if d == '{' {
			t, err := n.dec.Token()
			if err != nil {
				return schemas.BadField("document", at, "this is not JSON: %v", err)
			}
			name, _ := t.(string)
			here = at + "/" + escape(name)
			first, twice := seen[folded(name)]
			switch {
			case twice && first == name:
				return schemas.BadField("document", here, "%q is given twice in one object", name)
			case twice:
				return schemas.BadField("document", here, "%q and %q in one object differ by case only", first, name)
			}
			seen[folded(name)] = name
		}
		err = n.value(here, depth+1)
		if err != nil {
			return err
		}
	}
	_, err = n.dec.Token()
	if err != nil {
		return schemas.BadField("document", at, "this is not JSON: %v", err)
	}
	return nil
}

// folded is the same for all names that encoding/json takes for one.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}
