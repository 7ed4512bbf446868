package rdf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"guichet/schemas"
)

// maxExpanded bounds what short names of a document come to, in bytes: each stands for a
// namespace and more, so that a long namespace behind many names is large.
const maxExpanded = 64 << 20

// expanded refuses names that come to too much.
func expanded(longest, names int) error {
	if longest*names > maxExpanded {
		return tooLarge("the document has namespaces of up to %d bytes and %d names: together they are too long", longest, names)
	}
	return nil
}

// boundTurtle holds a document against the depth of its brackets and against what its
// prefixes can make of it, as the parser goes one call deeper for each bracket. It reads
// strings, IRIs, comments and escapes as the parser does, and brackets wherever else they
// stand; where the parser would end, it may.
func boundTurtle(src []byte, l Limits) error {
	depth, names, longest := 0, 0, 0
	var before byte // what stands before, white space and comments aside
	word := 0       // where the word before begins
	for i := 0; i < len(src); i++ {
		c := src[i]
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '#':
			end := bytes.IndexByte(src[i:], '\n')
			if end < 0 {
				return expanded(longest, names)
			}
			i += end
			continue
		case '"', '\'':
			i = endOfText(src, i)
		case '\\':
			i++
		case '<':
			if i+1 < len(src) && src[i+1] == '<' {
				depth++
				i++
				break
			}
			end := i
			for end < len(src) && src[end] != '>' && src[end] > ' ' {
				if src[end] == '\\' {
					end++
				}
				end++
			}
			names++
			if before == ':' || isBase(src[word:i]) {
				longest = max(longest, end-i)
			}
			i = min(end, len(src)-1)
		case '[', '(', '{':
			depth++
		case ']', ')', '}':
			depth--
		case '>':
			if before == '>' { // the end of <<
				depth--
				c = 0
			}
		case ':':
			names++
		}
		if depth > l.Depth {
			return schemas.BadField("document", "", "line %d: nested more than %d levels", 1+bytes.Count(src[:i], []byte{'\n'}), l.Depth)
		}
		if !isLetter(before) || !isLetter(c) || i > 0 && src[i-1] <= ' ' {
			word = i
		}
		before = c
	}
	return expanded(longest, names)
}

// maxQuad is the longest line that the library reads of N-Quads.
const maxQuad = 64<<10 - 1

// boundQuads holds N-Quads against the bounds of Turtle, and their lines against what is read.
func boundQuads(src []byte, l Limits) error {
	n := 0
	for line := range bytes.Lines(src) {
		n++
		if len(line) > maxQuad {
			return tooLarge("line %d has %d bytes; at most %d are read of N-Quads: write it as TriG", n, len(line), maxQuad)
		}
	}
	return boundTurtle(src, l)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// isBase says whether the word in front of an IRI makes it the base of others.
func isBase(word []byte) bool {
	name, _, _ := bytes.Cut(bytes.TrimSpace(word), []byte("#"))
	return bytes.EqualFold(bytes.TrimSpace(name), []byte("base"))
}

// endOfText is where the string that begins at i ends: its closing quotes, or where the
// parser would refuse it.
func endOfText(src []byte, i int) int {
	quote := src[i : i+1]
	if bytes.HasPrefix(src[i+1:], []byte{src[i], src[i]}) {
		quote = src[i : i+3]
	}
	for i += len(quote); i < len(src); i++ {
		switch {
		case src[i] == '\\':
			i++
		case bytes.HasPrefix(src[i:], quote):
			return i + len(quote) - 1
		case len(quote) == 1 && (src[i] == '\n' || src[i] == '\r'):
			return len(src) - 1
		}
	}
	return len(src) - 1
}

// boundXML holds a document against the depth of its elements, their number and what
// namespaces make of their names. A document type is refused whatever it says: nothing is
// expanded that a document defines itself.
func boundXML(src []byte, l Limits) error {
	d := xml.NewDecoder(bytes.NewReader(src))
	x := xmlBounds{most: 2 * l.Depth} // of a node and its property
	for {
		t, err := d.RawToken()
		line, _ := d.InputPos()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			words := strings.TrimPrefix(err.Error(), "xml: ")
			if m := said.FindStringSubmatch(words); m != nil {
				words = m[2]
			}
			if encoding, _, foreign := strings.Cut(words, " declared but"); foreign {
				words = encoding + " is declared; write UTF-8"
			}
			return schemas.BadField("document", "", "line %d: this is not XML that is read here: %s", line, words)
		}
		if fault := x.take(t); fault != "" {
			return schemas.BadField("document", "", "line %d: %s", line, fault)
		}
	}
	if x.depth != 0 || x.elements == 0 {
		return schemas.BadField("document", "", "the document ends in the middle")
	}
	err := expanded(x.longest, x.names)
	if err == nil && x.literal && x.declared*x.elements > maxExpanded { // all of them are written into each element of XML literals
		err = tooLarge("the document has XML literals, and too many namespaces for its %d elements", x.elements)
	}
	return err
}

// xmlBounds counts what a document of XML has.
type xmlBounds struct {
	most, depth, elements, names, longest, declared int
	literal                                         bool
}

// take counts a token and gives what is wrong with it.
func (x *xmlBounds) take(t xml.Token) string {
	switch t := t.(type) {
	case xml.Directive:
		return "a document type (<!DOCTYPE …>) is not read here: write its entities out"
	case xml.EndElement:
		x.depth--
	case xml.CharData:
		if x.depth == 0 && len(bytes.TrimSpace(t)) > 0 {
			return "text stands outside of the root element"
		}
	case xml.StartElement:
		if x.depth == 0 && x.elements > 0 {
			return "a second root element"
		}
		x.depth++
		x.elements++
		x.names += 1 + len(t.Attr)
		spaced := t.Name.Space != ""
		for _, a := range t.Attr {
			plain := a.Name.Space == "" && a.Name.Local == "xmlns"
			spaced = spaced || plain
			x.literal = x.literal || a.Name.Local == "parseType" && a.Value == "Literal"
			if plain || a.Name.Space == "xmlns" {
				x.declared += len(a.Name.Local) + len(a.Value)
			}
			if plain || a.Name.Space == "xmlns" || a.Name.Space == "xml" && a.Name.Local == "base" {
				x.longest = max(x.longest, len(a.Value))
			}
		}
		if x.elements == 1 && !spaced {
			return "this is not RDF/XML: the root element " + t.Name.Local + " has no namespace"
		}
		if x.depth > x.most {
			return "elements are nested too deep"
		}
	}
	return ""
}
