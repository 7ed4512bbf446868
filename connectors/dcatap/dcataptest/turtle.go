package dcataptest

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// turtle reads the Turtle of the reference catalogues, which the product does not, into
// expanded JSON-LD: as much of the language as they use.
type turtle struct {
	graph
	s        string
	base     *url.URL
	prefixes map[string]string
}

// readTurtle reads a Turtle document into nodes of expanded JSON-LD.
func readTurtle(s, base string) (t *turtle, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	t = &turtle{
		graph:    graph{nodes: map[string]map[string]any{}},
		s:        s,
		base:     u,
		prefixes: map[string]string{"xsd": "http://www.w3.org/2001/XMLSchema#"},
	}
	for t.space(); t.s != ""; t.space() {
		t.statement()
	}
	return t, nil
}

// fail ends the reading; files of the references are read in tests alone, so a fault is
// a panic.
func (t *turtle) fail(what string) { panic(fmt.Sprintf("%s wanted at %.60q", what, t.s)) }

var spaces = regexp.MustCompile(`^(?:\s+|#[^\n]*)+`)

// space skips white space and comments.
func (t *turtle) space() { t.s = t.s[len(spaces.FindString(t.s)):] }

// has takes a token where it comes next.
func (t *turtle) has(token string) bool {
	t.space()
	rest, ok := strings.CutPrefix(t.s, token)
	if ok {
		t.s = rest
	}
	return ok
}

// must takes a token that has to come next.
func (t *turtle) must(token string) {
	if !t.has(token) {
		t.fail(token)
	}
}

// statement reads a prefix, the base, or a subject with its properties.
func (t *turtle) statement() {
	word := strings.ToLower(t.s[:min(len(t.s), 7)])
	switch {
	case strings.HasPrefix(word, "@prefix"), strings.HasPrefix(word, "prefix"):
		t.s = t.s[6:]
		t.has("x")
		t.space()
		name, rest, _ := strings.Cut(t.s, ":")
		t.s = rest
		t.prefixes[strings.TrimSpace(name)] = t.iri()
		t.has(".")
	case strings.HasPrefix(word, "@base"), strings.HasPrefix(word, "base"):
		t.s = t.s[4:]
		t.has("e")
		t.base, _ = t.base.Parse(t.iri())
		t.has(".")
	default:
		subject := t.term()
		id, _ := subject["@id"].(string)
		t.space()
		if !strings.HasPrefix(t.s, ".") {
			t.properties(id)
		}
		t.must(".")
	}
}

// properties reads property lists of a node up to the dot or the bracket that ends them:
// "p o, o; p o".
func (t *turtle) properties(id string) {
	n := t.node(id)
	for {
		t.space()
		if t.s == "" || t.s[0] == '.' || t.s[0] == ']' {
			return
		}
		property := ""
		if regexp.MustCompile(`^a[\s<\[]`).MatchString(t.s) {
			t.s, property = t.s[1:], "@type"
		} else {
			property, _ = t.term()["@id"].(string)
		}
		for {
			v := t.term()
			values, _ := n[property].([]any)
			if property == "@type" {
				n[property] = append(values, v["@id"])
			} else {
				n[property] = append(values, v)
			}
			if !t.has(",") {
				break
			}
		}
		for t.has(";") {
		}
	}
}

var (
	name    = regexp.MustCompile(`^([\p{L}\d_-][\p{L}\d._-]*)?:((?:[\p{L}\d_:%/-]|\\.)(?:[\p{L}\d_:.%/-]|\\.)*)?`)
	numeric = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?`)
)

// term reads an IRI, a prefixed name, a literal, a blank node or a list.
func (t *turtle) term() map[string]any {
	t.space()
	switch {
	case t.s == "":
		t.fail("a term")
	case t.s[0] == '<':
		return map[string]any{"@id": t.iri()}
	case t.s[0] == '[':
		t.s = t.s[1:]
		id := t.newID()
		t.properties(id)
		t.must("]")
		t.node(id)
		return map[string]any{"@id": id}
	case t.s[0] == '(':
		t.s = t.s[1:]
		items := []any{}
		for !t.has(")") {
			items = append(items, t.term())
		}
		return map[string]any{"@list": items}
	case t.s[0] == '"' || t.s[0] == '\'':
		return t.literal()
	}
	if m := numeric.FindString(t.s); m != "" {
		for strings.HasSuffix(m, ".") {
			m = m[:len(m)-1]
		}
		t.s = t.s[len(m):]
		return map[string]any{"@value": m, "@type": "http://www.w3.org/2001/XMLSchema#decimal"}
	}
	for _, word := range []string{"true", "false"} {
		if strings.HasPrefix(t.s, word) {
			t.s = t.s[len(word):]
			return map[string]any{"@value": word == "true"}
		}
	}
	m := name.FindStringSubmatch(t.s)
	if m == nil {
		t.fail("a name")
	}
	whole := strings.TrimRight(m[0], ".")
	t.s = t.s[len(whole):]
	local := strings.ReplaceAll(strings.TrimRight(m[2], "."), `\`, "")
	if m[1] == "_" {
		return map[string]any{"@id": "_:" + local}
	}
	ns, ok := t.prefixes[m[1]]
	if !ok {
		panic("no prefix " + m[1])
	}
	return map[string]any{"@id": ns + local}
}

// iri reads <IRI> and resolves it against the base.
func (t *turtle) iri() string {
	t.must("<")
	s, rest, _ := strings.Cut(t.s, ">")
	t.s = rest
	s = unescape(s)
	if strings.Contains(s, ":") {
		return s
	}
	u, err := t.base.Parse(s)
	if err != nil {
		panic(err)
	}
	return u.String()
}

var tag = regexp.MustCompile(`^@([A-Za-z]+(?:-[A-Za-z0-9]+)*)`)

// literal reads a literal in short or long quotes, with its language or datatype.
func (t *turtle) literal() map[string]any {
	quote := t.s[:1]
	if strings.HasPrefix(t.s, strings.Repeat(quote, 3)) {
		quote = t.s[:3]
	}
	t.s = t.s[len(quote):]
	end := 0
	for !strings.HasPrefix(t.s[end:], quote) || len(quote) == 3 && strings.HasPrefix(t.s[end+1:], quote) {
		if t.s[end] == '\\' {
			end++
		}
		end++
	}
	v := map[string]any{"@value": unescape(t.s[:end])}
	t.s = t.s[end+len(quote):]
	if m := tag.FindStringSubmatch(t.s); m != nil {
		t.s, v["@language"] = t.s[len(m[0]):], m[1]
	} else if rest, ok := strings.CutPrefix(t.s, "^^"); ok {
		t.s = rest
		v["@type"] = t.term()["@id"]
	}
	return v
}

var escapes = regexp.MustCompile(`\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)`)

// unescape reads Turtle's escapes: two letters, or a code in hex.
func unescape(s string) string {
	return escapes.ReplaceAllStringFunc(s, func(e string) string {
		if e[1] == 'u' || e[1] == 'U' {
			n, _ := strconv.ParseUint(e[2:], 16, 32)
			return string(rune(n))
		}
		if i := strings.IndexByte("tbnrf", e[1]); i >= 0 {
			return "\t\b\n\r\f"[i : i+1]
		}
		return e[1:]
	})
}
