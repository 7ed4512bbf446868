package croissant

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Namespaces of DCAT-AP, into which a Croissant is translated.
const (
	nsDCAT = "http://www.w3.org/ns/dcat#"
	nsDCT  = "http://purl.org/dc/terms/"
	nsFOAF = "http://xmlns.com/foaf/0.1/"
	nsCSVW = "http://www.w3.org/ns/csvw#"
	nsCard = "http://www.w3.org/2006/vcard/ns#"
	nsOurs = "urn:guichet:"
)

// unknown stands in front of names that no context maps, so that they are seen.
const unknown = "urn:guichet:unknown:"

// reader translates one Croissant.
type reader struct {
	notes []string
	left  map[string]map[string]bool // path to properties that are not kept
}

// Read reads a document that describes one dataset in Croissant 1.0 or 1.1, or in
// schema.org alone; false for one that describes none so, as where it is DCAT-AP. What is
// not kept stands in the dataset's Notes. base is the address that the document came from,
// "" for none. Errors: Invalid with a pointer or line, TooLarge.
func Read(b []byte, base string) (d schemas.Dataset, is bool, err error) {
	if !bytes.Contains(b, []byte("schema.org")) && !bytes.Contains(b, []byte("mlcommons.org")) {
		return d, false, nil
	}
	limits := rdf.Limits{Bytes: dcatap.MaxBytes, Depth: 64, Values: 1 << 15}
	doc, err := rdf.Expand(b, rdf.Options{Base: base, Vocab: unknown, Limits: limits})
	if err != nil {
		return d, false, err
	}
	var found []rdf.Node
	for _, n := range doc.Nodes {
		types := rdf.Types(n)
		if slices.Contains(types, nsDCAT+"Dataset") || slices.Contains(types, nsDCAT+"Catalog") {
			return d, false, nil
		}
		if slices.ContainsFunc(types, func(t string) bool { return local(t) == "Dataset" }) {
			found = append(found, n)
		}
	}
	if len(found) == 0 {
		return d, false, nil
	}
	if len(found) > 1 {
		return d, true, schemas.BadField("dataset", "", "the document describes %d datasets (sc:Dataset); one is wanted", len(found))
	}
	r := &reader{left: map[string]map[string]bool{}}
	if bytes.Contains(b, []byte(`"http://schema.org/"`)) {
		r.note("@context: schema.org is written with http; what is meant by https is taken")
	}
	for _, m := range foreign.FindAllSubmatch(b, -1) {
		r.note("@context: %s is not the namespace of Croissant, which is http://mlcommons.org/croissant/; that is taken", m[1])
	}
	items, err := dcatap.ReadNodes(&rdf.Document{Nodes: []rdf.Node{r.dataset(found[0])}})
	if err != nil {
		return d, true, err
	}
	d = items[0].Dataset
	for _, path := range slices.Sorted(maps.Keys(r.left)) {
		r.note("%snot kept: %s", path, strings.Join(slices.Sorted(maps.Keys(r.left[path])), ", "))
	}
	d.Notes = append(r.notes, d.Notes...)
	return d, true, items[0].Err
}

var (
	foreign  = regexp.MustCompile(`"cr": *"((?:https|http://www|http://mlcommons\.org/croissant/\d)[^"]*)"`)
	ours     = regexp.MustCompile(`^https?://(?:www\.)?mlcommons\.org/(?:schema/)?croissant/(?:\d[\d.]*/)?([A-Za-z0-9]+)$`)
	ofSchema = regexp.MustCompile(`^https?://(?:www\.)?schema\.org/(.+)$`)
)

// local is the name of a term of schema.org or Croissant without its namespace, however that
// is written; other terms stay.
func local(iri string) string {
	for _, form := range []*regexp.Regexp{ours, ofSchema} {
		if m := form.FindStringSubmatch(iri); m != nil {
			return m[1]
		}
	}
	iri = strings.Replace(iri, "http://mlcommons.org/croissant/RAI/", "rai:", 1)
	iri = strings.Replace(iri, nsDCT, "dct:", 1)
	return strings.Replace(iri, unknown, "", 1)
}

func (r *reader) note(format string, args ...any) {
	if len(r.notes) < 100 {
		r.notes = append(r.notes, fmt.Sprintf(format, args...))
	}
}

// properties gives the values of a node by the names of its properties, and notes those that
// are not among the known ones.
func (r *reader) properties(path string, n rdf.Node, known string) map[string][]rdf.Node {
	out := map[string][]rdf.Node{}
	for property := range n {
		if strings.HasPrefix(property, "@") {
			continue
		}
		name := local(property)
		out[name] = append(out[name], rdf.List(n, property)...)
		if !slices.Contains(strings.Fields(known), name) {
			if r.left[path] == nil {
				r.left[path] = map[string]bool{}
			}
			r.left[path][name] = true
		}
	}
	return out
}

// word is the first value as a text or an IRI.
func word(values []rdf.Node) string {
	for _, v := range values {
		s, _, _, _ := rdf.Literal(v)
		if s = cmp.Or(s, rdf.ID(v)); s != "" {
			return strings.TrimSpace(s)
		}
	}
	return ""
}

func said(s string) []any { return []any{rdf.Node{"@value": s}} }

// dataset translates the dataset.
func (r *reader) dataset(n rdf.Node) rdf.Node {
	p := r.properties("", n, "name description license keywords inLanguage temporalCoverage spatialCoverage creator publisher citeAs "+
		"identifier sameAs url distribution recordSet usageInfo dct:conformsTo conformsTo datePublished dateModified dateCreated version")
	out := rdf.Node{"@type": []any{nsDCAT + "Dataset"}}
	put := func(property string, values []any) {
		if len(values) > 0 {
			out[property] = values
		}
	}
	id := rdf.ID(n)
	if id == "" || !strings.Contains(id, ":") || strings.HasPrefix(id, "_:") {
		id = word(p["url"])
	}
	switch {
	case strings.Contains(id, ":"):
		out["@id"] = id
	case id != "":
		r.note("url: not kept, as it is no address: %s", id)
	}
	put(nsDCT+"title", nodes(p["name"]))
	put(nsDCT+"description", nodes(p["description"]))
	put(nsDCT+"license", r.licences(p["license"]))
	put(nsDCAT+"keyword", keywords(p["keywords"]))
	put(nsDCT+"language", r.named(p["inLanguage"]))
	put(nsDCT+"temporal", r.named(p["temporalCoverage"]))
	put(nsDCT+"spatial", r.places(p["spatialCoverage"]))
	put(nsDCT+"identifier", append(r.named(p["identifier"]), r.named(p["sameAs"])...))
	r.people(out, p["publisher"], p["creator"])
	if cite := strings.Join(strings.Fields(word(p["citeAs"])), " "); cite != "" {
		put(nsDCT+"rights", []any{rdf.Node{"http://schema.theodi.org/odrs#attributionText": said(cite)}})
	}
	r.times(out, p)
	r.usage(p["usageInfo"])
	put(nsDCAT+"distribution", append(r.files(p["distribution"]), r.recordSets(p["recordSet"])...))
	return out
}

func nodes(values []rdf.Node) []any {
	var out []any
	for _, v := range values {
		out = append(out, v)
	}
	return out
}

// named are values as plain texts: literals, IRIs, or the names of nodes.
func (r *reader) named(values []rdf.Node) []any {
	var out []any
	for _, v := range values {
		s := word([]rdf.Node{v})
		if s == "" {
			p := r.properties("", v, "name url value")
			s = cmp.Or(word(p["name"]), word(p["value"]), word(p["url"]))
		}
		if s != "" {
			out = append(out, rdf.Node{"@value": s})
		}
	}
	return out
}

// keywords are listed, or stand in one text with commas between them.
func keywords(values []rdf.Node) []any {
	var out []any
	for _, v := range values {
		words := []string{word([]rdf.Node{v})}
		if len(values) == 1 {
			words = strings.Split(words[0], ",")
		}
		for _, w := range words {
			if w = strings.TrimSpace(w); w != "" {
				out = append(out, rdf.Node{"@value": w})
			}
		}
	}
	return out
}

// licences are addresses, or ids in any case; hubs write some by addresses of their own.
func (r *reader) licences(values []rdf.Node) []any {
	var out []any
	for _, v := range r.named(values) {
		n, _ := v.(rdf.Node)
		l, _ := n["@value"].(string)
		l = strings.TrimSuffix(strings.TrimPrefix(l, "https://choosealicense.com/licenses/"), "/")
		switch id := spdx(l); {
		case slices.Contains([]string{"unknown", "undefined", "none", "public", "other"}, strings.ToLower(l)):
			r.note("license: not kept, as %q is no licence", l)
		case strings.Contains(l, "://"):
			out = append(out, rdf.Node{"@id": l})
		default:
			out = append(out, rdf.Node{"@value": id})
		}
	}
	return out
}

// spdx is a licence's id in the case in which SPDX writes it, for those that hubs name most.
func spdx(l string) string {
	for _, id := range strings.Fields("MIT Apache-2.0 AFL-3.0 ODC-By-1.0 ODbL-1.0 PDDL-1.0 CC0-1.0 GPL-3.0-only BSD-3-Clause") {
		if strings.EqualFold(id, l) || strings.EqualFold(l, strings.TrimSuffix(id, "-1.0")) {
			return id
		}
	}
	if strings.HasPrefix(strings.ToLower(l), "cc-by") {
		return strings.ToUpper(l)
	}
	return l
}

// people puts who gives the data: its publisher, else who made it, with an address.
func (r *reader) people(out rdf.Node, publishers, creators []rdf.Node) {
	of := func(values []rdf.Node) (names []string) {
		for _, v := range values {
			s, _, _, literal := rdf.Literal(v)
			p := r.properties("creator: ", v, "name email url")
			if !literal {
				s = cmp.Or(word(p["name"]), rdf.ID(v))
			}
			if s != "" && !slices.Contains(names, s) {
				names = append(names, s)
			}
			for property, values := range map[string][]rdf.Node{"hasEmail": p["email"], "hasURL": p["url"]} {
				if address := word(values); address != "" && (out[nsDCAT+"contactPoint"] == nil || property == "hasEmail") {
					out[nsDCAT+"contactPoint"] = []any{rdf.Node{nsCard + property: said(address)}}
				}
			}
		}
		return names
	}
	made, names := of(creators), of(publishers)
	switch {
	case len(names) == 0:
		names = made
	case len(made) > 0 && !slices.Equal(made, names):
		r.note("creator: not kept beside the publisher: %s", strings.Join(made, ", "))
	}
	if len(names) > 0 {
		out[nsDCT+"publisher"] = []any{rdf.Node{nsFOAF + "name": said(strings.Join(names, ", "))}}
	}
}
