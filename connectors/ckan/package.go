package ckan

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Namespaces of DCAT-AP, into which a package is translated.
const (
	nsDCAT = "http://www.w3.org/ns/dcat#"
	nsDCT  = "http://purl.org/dc/terms/"
	nsFOAF = "http://xmlns.com/foaf/0.1/"
	nsRDFS = "http://www.w3.org/2000/01/rdf-schema#"
	nsCard = "http://www.w3.org/2006/vcard/ns#"
	nsADMS = "http://www.w3.org/ns/adms#"
	nsSPDX = "http://spdx.org/rdf/terms#"
	nsLocn = "http://www.w3.org/ns/locn#"
	nsXSD  = "http://www.w3.org/2001/XMLSchema#"
)

// maxNotes bounds what is told of one package.
const maxNotes = 100

// pack is one package. What extensions add stands in extras, or beside the usual members.
type pack struct {
	portal  string
	members map[string]any
	extras  map[string]any
	used    map[string]bool
	notes   []string
}

func (p *pack) note(format string, args ...any) {
	if len(p.notes) < maxNotes {
		p.notes = append(p.notes, fmt.Sprintf(format, args...))
	}
}

// fill finds the extras: a list of keys and values.
func (p *pack) fill() {
	p.extras = map[string]any{}
	list, _ := p.members["extras"].([]any)
	for _, item := range list {
		e, _ := item.(map[string]any)
		if key := word(e["key"]); key != "" && p.extras[key] == nil {
			p.extras[key] = e["value"]
		}
	}
}

// value gives the value of the first of some names that has one: an extra, or a member.
func (p *pack) value(names ...string) any {
	var out any
	for _, name := range names {
		v, ok := p.extras[name]
		if !ok {
			v = p.members[name]
		}
		said := len(words(v)) > 0
		if out == nil && said {
			out = v
			p.used[name] = true
		}
	}
	return out
}

// word is any as one text.
func (p *pack) word(names ...string) string {
	list := words(p.value(names...))
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// word is a JSON value as a text. Control characters, which texts have that were decoded wrongly, are
// left out: no text here has them.
func word(v any) string {
	switch t := v.(type) {
	case string:
		return strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Cc, r) && !strings.ContainsRune("\n\r\t", r) {
				return -1
			}
			return r
		}, t))
	case json.Number:
		return t.String()
	case bool:
		return fmt.Sprint(t)
	}
	return ""
}

// words are a JSON value as texts: a list may stand in a text, as JSON or as Python writes it.
func words(v any) []string {
	s := word(v)
	list, _ := v.([]any)
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		if json.Unmarshal([]byte(s), &list) != nil {
			_ = json.Unmarshal([]byte(strings.ReplaceAll(s, "'", `"`)), &list) // else it is one text
		}
	}
	if list == nil {
		if s == "" {
			return nil
		}
		return []string{s}
	}
	var out []string
	for _, item := range list {
		if s := word(item); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// leftover names what was not looked at and says something.
func (p *pack) leftover() {
	for _, part := range []struct {
		at   string
		of   map[string]any
		skip []string
	}{
		{"extras: ", p.extras, nil},
		{"", p.members, strings.Fields("extras resources tags state private type num_resources num_tags isopen relationships_as_object " +
			"metadata_created metadata_modified relationships_as_subject tracking_summary creator_user_id revision_id owner_org " +
			"organization license_title groups")},
	} {
		var left []string
		for _, name := range slices.Sorted(maps.Keys(part.of)) {
			if !p.used[name] && !slices.Contains(part.skip, name) && says(part.of[name]) {
				left = append(left, name)
			}
		}
		if len(left) > 0 {
			p.note("%snot carried over: %s", part.at, strings.Join(left, ", "))
		}
	}
}

// says tells whether a value is there at all.
func says(v any) bool {
	switch t := v.(type) {
	case map[string]any:
		return len(t) > 0
	case []any:
		return len(t) > 0
	}
	return word(v) != ""
}

// put adds values to a property.
func put(n rdf.Node, property string, values ...any) {
	have, _ := n[property].([]any)
	for _, v := range values {
		if v != nil {
			have = append(have, v)
		}
	}
	if len(have) > 0 {
		n[property] = have
	}
}

// said is a literal; nil for nothing.
func said(s string) any {
	if s == "" {
		return nil
	}
	return rdf.Node{"@value": s}
}

// typed is a literal of a datatype; nil for nothing.
func typed(s, datatype string) any {
	if s == "" {
		return nil
	}
	return rdf.Node{"@value": s, "@type": datatype}
}

// link is a reference to an address; nil for what is none.
func link(s string) any {
	u, err := url.Parse(s)
	if err != nil || !slices.Contains([]string{"http", "https", "ftp"}, strings.ToLower(u.Scheme)) || u.Host == "" {
		return nil
	}
	return rdf.Node{"@id": rdf.IRI(s)}
}

// linkOr is a reference, or the words where they are no address.
func linkOr(s string) any {
	if v := link(s); v != nil {
		return v
	}
	return said(s)
}

// instant is a time as ISO 8601 writes it: a day has another datatype.
func instant(s string) any {
	switch {
	case len(s) == 4:
		return typed(s, nsXSD+"gYear")
	case len(s) == 10:
		return typed(s, nsXSD+"date")
	}
	return typed(s, nsXSD+"dateTime")
}

// text is a text, or its translations where an extension keeps them: {"en": …} beside it.
func (p *pack) text(name string) []any {
	translated, _ := p.members[name+"_translated"].(map[string]any)
	p.used[name], p.used[name+"_translated"] = true, true
	var out []any
	for _, tag := range slices.Sorted(maps.Keys(translated)) {
		if s := word(translated[tag]); s != "" {
			out = append(out, rdf.Node{"@value": s, "@language": tag})
		}
	}
	if len(out) == 0 {
		if whole, _ := p.members[name].(string); !schemas.IsProse(whole) {
			p.note("%s: taken over without the control characters in it", name)
		}
		if v := said(p.word(name)); v != nil {
			out = append(out, v)
		}
	}
	return out
}
