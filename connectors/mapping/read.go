package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"guichet/connectors/dcatap"
	"guichet/connectors/geo"
	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

const (
	maxDepth  = 32
	maxValues = 1 << 17
	maxNotes  = 100

	nsOurs = "urn:guichet:"
)

// Read reads a description of a form that is known here; false for a document of none. Errors:
// Invalid with a pointer, TooLarge.
func Read(b []byte) (d schemas.Dataset, is bool, err error) {
	known, err := Forms()
	if err != nil {
		return d, false, err
	}
	if !slices.ContainsFunc(known, func(f Form) bool { return f.mayFit(b) }) {
		return d, false, nil
	}
	err = rdf.Bound(b, rdf.Limits{Bytes: dcatap.MaxBytes, Depth: maxDepth, Values: maxValues})
	if err != nil {
		return d, false, nil // who reads it otherwise says so
	}
	var doc map[string]any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if dec.Decode(&doc) != nil {
		return d, false, nil
	}
	i := slices.IndexFunc(known, func(f Form) bool { return f.fits(doc) })
	if i < 0 {
		return d, false, nil
	}
	r := &reader{form: &known[i], used: map[string]bool{}}
	n := r.dataset(doc)
	items, err := dcatap.ReadNodes(&rdf.Document{Nodes: []rdf.Node{n}})
	if err != nil || len(items) != 1 {
		return d, true, fmt.Errorf("read a %s: %w", r.form.Name, err)
	}
	d = items[0].Dataset
	r.leftover(doc)
	d.Notes = append(r.notes, d.Notes...)
	return d, true, items[0].Err
}

// reader translates one document.
type reader struct {
	form  *Form
	used  map[string]bool // paths of members that were carried over
	notes []string
}

func (r *reader) note(format string, a ...any) {
	if n := fmt.Sprintf(format, a...); len(r.notes) < maxNotes && !slices.Contains(r.notes, n) {
		r.notes = append(r.notes, n)
	}
}

// at gives the values at a path, lists on the way walked through.
func at(v any, path string) []any {
	list, is := v.([]any)
	if is {
		var out []any
		for _, item := range list {
			out = append(out, at(item, path)...)
		}
		return out
	}
	if path == "" {
		if v == nil {
			return nil
		}
		return []any{v}
	}
	first, rest, _ := strings.Cut(path, ".")
	m, _ := v.(map[string]any)
	return at(m[first], rest)
}

// word is a JSON value as a text; of one in languages, as data packages have it, the first.
func word(v any) string {
	switch t := v.(type) {
	case string:
		return strings.TrimSpace(t)
	case json.Number:
		return t.String()
	case map[string]any:
		for _, tag := range slices.Sorted(maps.Keys(t)) {
			if s, ok := t[tag].(string); ok {
				return strings.TrimSpace(s)
			}
		}
	}
	return ""
}

// first is the first word at a path.
func first(v any, path string) string {
	if path == "" {
		return ""
	}
	for _, x := range at(v, path) {
		if s := word(x); s != "" {
			return s
		}
	}
	return ""
}

// property is the IRI of a property that is written with a prefix.
func property(name string) string {
	prefix, local, _ := strings.Cut(name, ":")
	return about.Prefixes()[prefix] + local
}

// dataset translates a document.
func (r *reader) dataset(doc map[string]any) rdf.Node {
	n := rdf.Node{"@type": []any{property("dcat:Dataset")}}
	for _, rule := range r.form.Dataset {
		to := property(rule.To)
		if rule.To == "@id" {
			to = "@id"
		}
		if rule.Else && n[to] != nil {
			continue
		}
		for _, v := range at(doc, rule.From) {
			r.used[rule.From] = true
			r.put(n, to, rule, v)
		}
	}
	for _, resource := range at(doc, r.form.Resources.Each) {
		r.resource(n, resource)
	}
	return n
}

// put carries one value over.
func (r *reader) put(n rdf.Node, to string, rule Rule, v any) {
	s := word(v)
	whole := rule.As == "place" || rule.As == "box" // is more than a word
	if s == "" && rule.As != "period" && !whole || rule.As == "period" && first(v, rule.Start)+first(v, rule.End) == "" ||
		rule.As == "box" && len(at(v, rule.Corners)) == 0 {
		return
	}
	lone := to == property("dct:title") || to == property("dct:description") || to == property("dct:issued")
	if lone && n[to] != nil { // of one thing; the first says it
		return
	}
	value := r.value(rule, v, s)
	if value == nil {
		r.note("%s: not carried over, as it is not what it should be (%s): %.100s", rule.From, rule.As, schemas.Visible(s))
		return
	}
	if to == "@id" {
		n["@id"] = value["@id"]
		return
	}
	have, _ := n[to].([]any)
	n[to] = append(have, value)
}

// value is a value as a rule says; nil for what is none.
func (r *reader) value(rule Rule, v any, s string) rdf.Node {
	literal := rdf.Node{"@value": s}
	within := func(name string, value rdf.Node) rdf.Node { return rdf.Node{property(name): []any{value}} }
	switch rule.As {
	case "iri":
		return link(s)
	case "licence":
		if l := link(s); l != nil {
			return l
		}
	case "date":
		kind := map[int]string{4: "xsd:gYear", 10: "xsd:date"}[len(s)]
		if kind == "" {
			kind = "xsd:dateTime"
		}
		literal["@type"] = property(kind)
	case "agent":
		return within("foaf:name", literal)
	case "attribution":
		return within("odrs:attributionText", literal)
	case "identifier":
		return within("skos:notation", literal)
	case "contact":
		if s = strings.TrimPrefix(s, "mailto:"); !schemas.IsContact(s) {
			return nil
		}
		return within("vcard:hasEmail", rdf.Node{"@value": s})
	case "place":
		return place(v, literal)
	case "box":
		return box(v, rule)
	case "period":
		return rdf.Node{
			property("dcat:startDate"): []any{rdf.Node{"@value": first(v, rule.Start)}},
			property("dcat:endDate"):   []any{rdf.Node{"@value": first(v, rule.End)}},
		}
	}
	return literal
}

// place is where data is about: a shape in GeoJSON, or words.
func place(v any, literal rdf.Node) rdf.Node {
	m, is := v.(map[string]any)
	if !is {
		return literal
	}
	b, err := json.Marshal(m)
	if _, _, unread := geo.Of(string(b)); err != nil || unread != nil {
		return nil
	}
	shape := rdf.Node{"@value": string(b), "@type": "https://www.iana.org/assignments/media-types/application/vnd.geo+json"}
	return rdf.Node{"@type": []any{property("dct:Location")}, property("locn:geometry"): []any{shape}}
}

// box is the box of a place, in degrees.
func box(v any, rule Rule) rdf.Node {
	var corners []string
	for _, x := range at(v, rule.Corners) {
		corners = append(corners, word(x))
	}
	b, ok := geo.OfCorners(corners)
	if system := first(v, rule.System); !ok || system != "" && geo.InDegrees(system) != nil {
		return nil
	}
	wkt := rdf.Node{"@value": b.WKT(), "@type": property("geo:wktLiteral")}
	return rdf.Node{"@type": []any{property("dct:Location")}, property("dcat:bbox"): []any{wkt}}
}

// link is a reference to an address of the web; nil for what is none.
func link(s string) rdf.Node {
	u, err := url.Parse(s)
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" {
		return nil
	}
	return rdf.Node{"@id": rdf.IRI(s)}
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// resource is a link where it has an address, and a table where it has columns.
func (r *reader) resource(n rdf.Node, v any) {
	f := &r.form.Resources
	name := first(v, f.Name)
	said := func(to rdf.Node, property_, s string) {
		if s != "" {
			to[property(property_)] = []any{rdf.Node{"@value": s}}
		}
	}
	distribution := property("dcat:distribution")
	have, _ := n[distribution].([]any)
	for _, address := range at(v, f.Address) {
		to := link(word(address))
		if to == nil {
			r.note("%s: not carried over, as it is no whole address: %.200s", f.Each+"."+f.Address, schemas.Visible(word(address)))
			continue
		}
		d := rdf.Node{property("dcat:accessURL"): []any{to}}
		said(d, "dct:title", firstOf(first(v, f.Title), name))
		said(d, "dct:format", firstOf(first(v, f.Format), first(v, f.MediaType)))
		said(d, "dct:description", first(v, f.Description))
		said(d, "dct:license", first(v, f.Licence))
		have = append(have, d)
	}
	columns := r.columns(v)
	slug := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if len(columns) > 0 && slug != "" {
		t := rdf.Node{
			nsOurs + "table":             []any{rdf.Node{"@value": slug[:min(len(slug), 64)]}},
			property("csvw:tableSchema"): []any{rdf.Node{property("csvw:column"): columns}},
		}
		said(t, "dct:title", first(v, f.Title))
		have = append(have, t)
	}
	if len(have) > 0 {
		n[distribution] = have
	}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// columns are those of a resource's table.
func (r *reader) columns(v any) []any {
	c := &r.form.Resources.Columns
	var out []any
	seen := map[string]bool{}
	for _, field := range at(v, c.Each) {
		name := first(field, c.Name)
		if name == "" || seen[name] {
			if _, elsewhere := field.(string); !elsewhere {
				continue
			}
		}
		if name == "" {
			continue
		}
		seen[name] = true
		column := rdf.Node{}
		put := func(property_, s string) {
			if s != "" {
				column[property_] = []any{rdf.Node{"@value": s}}
			}
		}
		put(property("csvw:name"), name)
		kind, _, _ := strings.Cut(strings.ToLower(first(field, c.Type)), "(")
		if ours, known := r.form.Types[strings.TrimSpace(kind)]; known {
			put(property("csvw:datatype"), ours)
		} else if kind != "" {
			r.note("%s: not carried over, as it is no type of ours: %.50s", r.form.Resources.Each+"."+c.Each+"."+c.Type, schemas.Visible(kind))
		}
		put(property("dct:description"), firstOf(first(field, c.Description), first(field, c.Title)))
		put(nsOurs+"unit", first(field, c.Unit))
		put(property("csvw:propertyUrl"), first(field, c.Concept))
		out = append(out, column)
	}
	if schema, _, _ := strings.Cut(c.Each, "."); len(out) == 0 && first(v, schema) != "" {
		if _, file := at(v, schema)[0].(string); file {
			r.note("%s: not carried over, as it lies in another file, and nothing is fetched: %.200s",
				r.form.Resources.Each+"."+schema, schemas.Visible(first(v, schema)))
		}
	}
	return out
}

// leftover names members that say something and were not carried over.
func (r *reader) leftover(doc map[string]any) {
	f := &r.form.Resources
	for _, name := range []string{f.Name, f.Title, f.Address, f.Format, f.MediaType, f.Description, f.Licence} {
		r.used[f.Each+"."+name] = true
	}
	c := &f.Columns
	for _, name := range []string{c.Name, c.Type, c.Description, c.Title, c.Unit, c.Concept} {
		r.used[f.Each+"."+c.Each+"."+name] = true
	}
	schema, _, _ := strings.Cut(c.Each, ".")
	r.used[f.Each+"."+schema] = true // where it is a name of a file, that was told
	left := map[string]bool{}
	var walk func(v any, path string)
	walk = func(v any, path string) {
		if slices.Contains(r.form.Quiet, path) {
			return
		}
		switch t := v.(type) {
		case []any:
			for _, item := range t {
				walk(item, path)
			}
		case map[string]any:
			for name, below := range t {
				walk(below, strings.TrimPrefix(path+"."+name, "."))
			}
		default:
			if word(v) != "" && !r.used[path] && !r.part(path) {
				left[path] = true
			}
		}
	}
	walk(doc, "")
	if len(left) > 0 {
		r.note("not carried over: %s", strings.Join(slices.Sorted(maps.Keys(left)), ", "))
	}
}

// part says whether a path is an end of a period or a corner of a box that a rule carries over.
func (r *reader) part(path string) bool {
	return slices.ContainsFunc(r.form.Dataset, func(rule Rule) bool {
		within := func(member string) bool { return member != "" && path == rule.From+"."+member }
		return within(rule.Start) || within(rule.End) || within(rule.Corners) || within(rule.System)
	})
}
