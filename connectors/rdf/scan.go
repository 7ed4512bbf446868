package rdf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"guichet/schemas"
)

// Limits bound a document before it is processed.
type Limits struct {
	Bytes  int           // of the document
	Depth  int           // of nested objects and arrays
	Values int           // objects, arrays and scalars, contexts included
	Time   time.Duration // of processing; MaxTime when 0
}

// MaxTime ends the processing of a document that is made to take long.
const MaxTime = 5 * time.Second

// scanner decodes JSON into any (numbers as json.Number) under limits.
type scanner struct {
	dec    *json.Decoder
	src    []byte
	limits Limits
	strict bool
	values int
	terms  int // values inside contexts
	names  int // remote contexts
}

// Limits of contexts. A context is processed anew for each node that it is in
// scope of, so that one of 3,000 terms over 50,000 nodes took minutes; DCAT-AP's
// own has some 500 terms.
const (
	maxTerms = 2000
	maxNames = 16
)

// scan reads one JSON document [RFC 8259]. Errors: Invalid with a pointer and
// line, TooLarge for a document beyond the limits.
func scan(src []byte, l Limits, strict bool) (any, error) {
	err := Bound(src, l)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(src) {
		return nil, schemas.BadField("document", "", "the document is not UTF-8")
	}
	s := &scanner{dec: json.NewDecoder(bytes.NewReader(src)), src: src, limits: l, strict: strict}
	s.dec.UseNumber()
	v, err := s.value("", 1)
	if err != nil {
		return nil, err
	}
	_, err = s.dec.Token()
	if !errors.Is(err, io.EOF) {
		return nil, s.fault("", "something follows the end of the document")
	}
	return v, nil
}

func (s *scanner) fault(at, format string, args ...any) error {
	line := 1 + bytes.Count(s.src[:min(int(s.dec.InputOffset()), len(s.src))], []byte{'\n'})
	return schemas.BadField("document", at, "%s (line %d)", fmt.Sprintf(format, args...), line)
}

func (s *scanner) value(at string, depth int) (any, error) {
	t, err := s.dec.Token()
	if err != nil {
		return nil, s.syntax(at, err)
	}
	s.values++
	if s.values > s.limits.Values {
		return nil, schemas.Errorf(schemas.TooLarge, "document", "the document has more than %d values", s.limits.Values)
	}
	err = s.context(at, t)
	if err != nil {
		return nil, err
	}
	d, isDelim := t.(json.Delim)
	if !isDelim {
		if t == nil && s.strict {
			return nil, s.fault(at, "null says nothing here; leave the member out")
		}
		return t, nil
	}
	if depth > s.limits.Depth {
		return nil, s.fault(at, "the document is nested more than %d levels", s.limits.Depth)
	}
	if d == '[' {
		return s.array(at, depth)
	}
	return s.object(at, depth)
}

// context counts what stands inside contexts.
func (s *scanner) context(at string, t json.Token) error {
	_, inside, ok := strings.Cut(at, "/@context")
	if !ok {
		return nil
	}
	s.terms++
	if _, isName := t.(string); isName && strings.Trim(inside, "/0123456789") == "" {
		s.names++
	}
	if s.terms > maxTerms || s.names > maxNames {
		return schemas.Errorf(schemas.TooLarge, "document",
			"the contexts define more than %d terms or name more than %d others", maxTerms, maxNames)
	}
	return nil
}

func (s *scanner) array(at string, depth int) (any, error) {
	out := []any{}
	for s.dec.More() {
		v, err := s.value(at+"/"+strconv.Itoa(len(out)), depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := s.dec.Token()
	if err != nil {
		return nil, s.syntax(at, err)
	}
	return out, nil
}

func (s *scanner) object(at string, depth int) (any, error) {
	out := map[string]any{}
	for s.dec.More() {
		t, err := s.dec.Token()
		if err != nil {
			return nil, s.syntax(at, err)
		}
		name, _ := t.(string)
		here := at + "/" + escape(name)
		if _, twice := out[name]; twice {
			return nil, s.fault(here, "%q is given twice in one object", name)
		}
		if (name == "@context" || name == "@import") && strings.Contains(at, "/@context") {
			return nil, s.fault(here, "%s within a context is read from contexts that are embedded here only", name)
		}
		if s.strict && strings.HasPrefix(name, "@") && !slices.Contains(keywords(), name) {
			return nil, s.fault(here, "%q is not understood here", name)
		}
		out[name], err = s.value(here, depth+1)
		if err != nil {
			return nil, err
		}
	}
	_, err := s.dec.Token()
	if err != nil {
		return nil, s.syntax(at, err)
	}
	if s.strict {
		err = s.dropped(at, out)
	}
	return out, err
}

// dropped refuses what expansion would leave out without a word: an object of
// nothing but a language [JSON-LD 1.1 API §5.1.2 step 18], and other names for
// keywords, behind which such an object could stand.
func (s *scanner) dropped(at string, o map[string]any) error {
	if strings.Contains(at+"/", "/@context/") {
		for name, v := range o {
			word, _ := v.(string)
			if strings.HasPrefix(word, "@") && word != "@id" && word != "@type" && name != "@type" && name != "@container" {
				return s.fault(at+"/"+escape(name), "another name for %s is not understood here", word)
			}
		}
		return nil
	}
	for name := range o {
		if name != "@language" && name != "@direction" {
			return nil
		}
	}
	if len(o) > 0 {
		return s.fault(at, "an object of nothing but a language says nothing")
	}
	return nil
}

func (s *scanner) syntax(at string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s.fault(at, "the document ends in the middle")
	}
	return s.fault(at, "this is not JSON: %v", err)
}

// keywords of JSON-LD 1.1 that strict mode lets through [JSON-LD 1.1 §1.7];
// @reverse, @included and @index are not among them.
func keywords() []string {
	return []string{"@context", "@id", "@type", "@value", "@language", "@list", "@set", "@graph", "@base", "@vocab",
		"@version", "@container", "@prefix", "@protected", "@propagate", "@direction", "@nest", "@json"}
}

func escape(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}
