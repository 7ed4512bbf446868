package rdf

import (
	"encoding/json"
	"fmt"
	"strings"
)

// List gives the values of a property, members of @list and @set in line.
func List(n Node, property string) []Node {
	return flat(n[property])
}

// Raw gives the values of a property as they stand, lists whole.
func Raw(n Node, property string) []Node {
	var out []Node
	for _, item := range rawList(n[property]) {
		if v, ok := item.(Node); ok {
			out = append(out, v)
		}
	}
	return out
}

func flat(v any) []Node {
	var out []Node
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	for _, item := range items {
		m, ok := item.(map[string]any)
		if !ok {
			continue
		}
		if l, isList := m["@list"]; isList {
			out = append(out, flat(l)...)
			continue
		}
		out = append(out, m)
	}
	return out
}

// ID is the node's @id, "" when it has none.
func ID(n Node) string {
	id, _ := n["@id"].(string)
	return id
}

// Types lists the node's types.
func Types(n Node) []string {
	items, _ := n["@type"].([]any)
	var out []string
	for _, t := range items {
		s, ok := t.(string)
		if ok {
			out = append(out, s)
		}
	}
	return out
}

// IsReference says whether n names another node and says nothing itself.
func IsReference(n Node) bool {
	_, ok := n["@id"]
	return ok && len(n) == 1
}

// Literal is a value's text, language and datatype; false for a node. A native
// number or boolean gives its JSON text and no datatype.
func Literal(n Node) (text, language, datatype string, ok bool) {
	v, ok := n["@value"]
	if !ok {
		return "", "", "", false
	}
	language, _ = n["@language"].(string)
	datatype, _ = n["@type"].(string)
	switch t := v.(type) {
	case string:
		text = t
	case json.Number:
		text = t.String()
	default:
		text = fmt.Sprint(t)
	}
	return text, Tag(language), datatype, true
}

// Tag writes a language tag in the customary case, which expansion may have
// lowered: script titled, region in capitals [RFC 5646 §2.1.1].
func Tag(tag string) string {
	parts := strings.Split(strings.ToLower(tag), "-")
	for i, p := range parts[1:] {
		switch {
		case len(p) == 1: // after a singleton all is lower case
			return strings.Join(parts, "-")
		case len(p) == 2:
			parts[i+1] = strings.ToUpper(p)
		case len(p) == 4 && p[0] >= 'a':
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "-")
}
