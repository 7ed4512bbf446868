package dcatap

import (
	"maps"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

// further writes what texts of a dataset say beyond its fields.
type further struct {
	*reader
	named   map[string]rdf.Node // what names the things that were not written yet
	written map[string]bool
}

func newFurther() *further {
	r := &reader{graph: newGraph(&rdf.Document{}), quiet: true}
	r.lost = map[string]string{}
	return &further{reader: r, named: map[string]rdf.Node{}, written: map[string]bool{}}
}

// text reads a text, with words that a field has in front of others. One that is stored was read
// before; it is faulty where somebody went past the gateway.
func (w *further) text(s string, most int, first ...string) (about.Text, error) {
	t, err := about.Read(s, most)
	if err != nil {
		return t, err
	}
	for iri, n := range t.Named {
		w.named[iri] = n
		known := maps.Clone(n)
		known["@id"] = iri
		w.byID[iri] = known
	}
	for _, n := range t.Named {
		for _, word := range first {
			lead(n, word)
		}
	}
	w.budget = maxValues
	return t, nil
}

// dataset adds what is said of a dataset.
func (w *further) dataset(doc object, d *schemas.Dataset) error {
	t, err := w.text(d.RDF, MaxRDF, d.Publisher, d.Contact)
	if err != nil {
		return err
	}
	if types := rdf.Types(t.Said); len(types) > 0 {
		doc["@type"] = append([]string{"dcat:Dataset"}, types...)
	}
	for _, property := range about.Properties(t.Said) {
		values := rdf.Raw(t.Said, property)
		name := about.Short(property)
		switch property {
		case nsDCT + "issued", nsDCT + "modified": // of the dataset; ours are of what is registered here
			doc[name] = w.values(values)
		case nsDCT + "accessRights": // what its holder says, where no terms stand here
			if d.Offer == nil {
				doc[name] = w.values(values)
				delete(doc, "urn:guichet:accessRights")
			}
		case nsDCT + "publisher":
			w.publishers(doc, name, t.Said, d)
		case nsDCAT + "contactPoint":
			w.instead(doc, name, d.Contact, values, nsVCard+"hasEmail", nsVCard+"email", nsVCard+"hasURL", nsVCard+"url")
		case nsADMS + "identifier":
			w.identified(doc, name, values)
		default:
			w.add(doc, name, values)
		}
	}
	w.areas(doc, d, rdf.Raw(t.Said, nsDCT+"spatial"))
	return nil
}

// instead writes values of which one may say what a field says too, in so many words of some of its
// properties: that is the first then, and the field's own is not written.
func (w *further) instead(doc object, name, words string, values []rdf.Node, properties ...string) {
	i := slices.IndexFunc(values, func(v rdf.Node) bool { return words != "" && w.states(v, words, properties) })
	if i < 0 {
		w.add(doc, name, values)
		return
	}
	delete(doc, name)
	w.add(doc, name, append([]rdf.Node{values[i]}, slices.Delete(slices.Clone(values), i, i+1)...))
	lead(members(doc[name])[0], words)
}

// states says whether a value is what words say, or one of its properties.
func (w *further) states(v rdf.Node, words string, properties []string) bool {
	one := w.follow([]rdf.Node{v})[0]
	said := []string{address(v), address(one)}
	for _, property := range properties {
		for _, x := range rdf.Raw(one, property) {
			said = append(said, address(x))
		}
	}
	return slices.ContainsFunc(said, func(s string) bool {
		return schemas.Key(s) == schemas.Key(words) || strings.TrimPrefix(s, "mailto:") == words
	})
}

// lead puts the word that a field has to the front of those that a node has: the first is read.
func lead(v any, words string) {
	n, _ := v.(object)
	for name := range n {
		list, _ := n[name].([]any)
		slices.SortStableFunc(list, func(a, b any) int { return order(a, words) - order(b, words) })
	}
}

func order(v any, words string) int {
	n, _ := v.(object)
	if s := address(n); s == words || strings.TrimPrefix(s, "mailto:") == words {
		return 0
	}
	return 1
}

// publishers writes the publisher: one that is kept without its name has the field's.
func (w *further) publishers(doc object, name string, said rdf.Node, d *schemas.Dataset) {
	values := rdf.Raw(said, nsDCT+"publisher")
	if d.Publisher == "" || w.publisher(said) != "" || len(values) != 1 || rdf.ID(values[0]) == "" && values[0]["@value"] != nil {
		w.instead(doc, name, d.Publisher, values, nsFOAF+"name")
		return
	}
	delete(doc, name)
	w.add(doc, name, values)
	if one, ok := doc[name].([]any)[0].(object); ok {
		one["foaf:name"] = d.Publisher
		one["@type"] = append([]any{"foaf:Agent"}, members(one["@type"])...)
	}
}

// members is a member's value or values.
func members(v any) []any {
	switch t := v.(type) {
	case nil:
		return nil
	case []any:
		return t
	case []object:
		return anys(t)
	case []string:
		return anys(t)
	}
	return []any{v}
}

// identified writes identifiers of which more is said, each in the place of the plain one.
func (w *further) identified(doc object, name string, values []rdf.Node) {
	own := members(doc[name])
	for _, v := range values {
		said := w.identifiers(rdf.Node{nsADMS + "identifier": []any{v}}, "")
		i := slices.IndexFunc(own, func(o any) bool {
			n, _ := o.(object)
			return len(said) == 1 && n["skos:notation"] == said[0]
		})
		if i >= 0 {
			own[i] = w.value(v)
			continue
		}
		own = append(own, w.value(v))
	}
	doc[name] = own
}

// link adds what is said of a link.
func (w *further) link(dist object, l *schemas.Link, attribution string) error {
	t, err := w.text(l.RDF, MaxLinkRDF, attribution)
	if err != nil {
		return err
	}
	if t.IRI != "" {
		dist["@id"] = t.IRI
	}
	if types := rdf.Types(t.Said); len(types) > 0 {
		dist["@type"] = append([]string{"dcat:Distribution"}, types...)
	}
	if w.format(t.Said) == l.Format && l.Format != "" {
		delete(dist, "dct:format")
		delete(dist, "dcat:mediaType")
	}
	is := func(v rdf.Node) bool { return address(v) == l.URL }
	if slices.ContainsFunc(rdf.Raw(t.Said, nsDCAT+"downloadURL"), is) && t.Said[nsDCAT+"accessURL"] != nil {
		delete(dist, "dcat:accessURL")
	}
	for _, property := range about.Properties(t.Said) {
		values := rdf.Raw(t.Said, property)
		name := about.Short(property)
		switch property {
		case nsDCAT + "downloadURL":
			w.instead(dist, name, l.URL, values)
		case nsDCT + "title":
			w.instead(dist, name, l.Title, values)
		case nsDCT + "format", nsDCAT + "mediaType":
			w.formats(dist, name, property, l.Format, values)
		case nsDCT + "rights":
			w.instead(dist, name, attribution, values, nsODRS+"attributionText")
		default:
			w.add(dist, name, values)
		}
	}
	return nil
}

// formats writes formats of which one may be read as what the link says.
func (w *further) formats(dist object, name, property, words string, values []rdf.Node) {
	i := slices.IndexFunc(values, func(v rdf.Node) bool { return w.format(rdf.Node{property: []any{v}}) == words })
	if i > 0 {
		values = append([]rdf.Node{values[i]}, slices.Delete(slices.Clone(values), i, i+1)...)
	}
	w.add(dist, name, values)
}

// add adds values to those that a member has.
func (w *further) add(doc object, name string, values []rdf.Node) {
	doc[name] = append(slices.Clip(members(doc[name])), w.values(values)...)
}

func (w *further) values(values []rdf.Node) []any {
	out := []any{}
	for _, v := range values {
		out = append(out, w.value(v))
	}
	return out
}

// value writes a value with prefixes; what names a thing is said where it is named first.
func (w *further) value(v rdf.Node) any {
	if _, literal := v["@value"]; literal {
		return v
	}
	if _, is := v["@list"]; is {
		return object{"@list": w.values(rdf.Raw(v, "@list"))}
	}
	out := object{}
	n := v
	if id := rdf.ID(v); id != "" {
		out["@id"] = id
		if w.named[id] == nil || w.written[id] {
			return out
		}
		w.written[id] = true
		n = w.named[id]
	}
	if types := n["@type"]; types != nil {
		out["@type"] = types
	}
	for _, property := range about.Properties(n) {
		out[about.Short(property)] = w.values(rdf.Raw(n, property))
	}
	return out
}

func anys[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
