package about

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

const (
	nsRDF  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsODRL = "http://www.w3.org/ns/odrl/2/"
	nsDCAT = "http://www.w3.org/ns/dcat#"
	nsDCT  = "http://purl.org/dc/terms/"
	nsOurs = "urn:guichet:"
	nsIT6  = "http://data.europa.eu/it6/" // of MLDCAT-AP
)

// ofPages says whether a property or class is of the words by which catalogues are read page by page,
// and feeds event by event: a page has many descriptions, and none of them says where it goes on.
func ofPages(iri string) bool {
	for _, ns := range []string{"www.w3.org/ns/hydra/", "www.w3.org/ns/activitystreams", "w3id.org/tree", "w3id.org/ldes"} {
		if strings.HasPrefix(strings.TrimPrefix(strings.TrimPrefix(iri, "https://"), "http://"), ns) {
			return true
		}
	}
	return false
}

// Bounds of what is gathered of one document.
const (
	maxDepth  = 16
	maxValues = 1 << 15
)

// Gatherer takes values out of a document with what is said below them. It is for one thing;
// Budget may be shared between those of a document.
type Gatherer struct {
	Follow func(v rdf.Node) rdf.Node               // a node with all that the document says of it
	Took   func(n rdf.Node, property string)       // is told which properties were gathered; may be nil
	Lost   func(property, format string, a ...any) // is told what was not, by the innermost property
	Budget *int                                    // values that may still be gathered; nil for the usual

	text Text
	on   []rdf.Node // blank nodes on the way down, a cycle of which ends nowhere
}

// Text is what was gathered.
func (g *Gatherer) Text() Text { return g.text }

// Add gathers values of a property of the thing itself.
func (g *Gatherer) Add(property string, values []rdf.Node) {
	if g.Budget == nil {
		n := maxValues
		g.Budget = &n
	}
	if why := refused(property); why != "" {
		g.Lost(property, "%s", why)
		return
	}
	kept := g.values(property, values)
	if len(kept) == 0 {
		return
	}
	if g.text.Said == nil {
		g.text.Said = rdf.Node{}
	}
	have, _ := g.text.Said[property].([]any)
	g.text.Said[property] = sorted(append(have, kept...))
}

// AddTypes gathers classes of the thing itself.
func (g *Gatherer) AddTypes(types []string) {
	kept := slices.DeleteFunc(classes(types), isPart)
	if len(kept) == 0 {
		return
	}
	if g.text.Said == nil {
		g.text.Said = rdf.Node{}
	}
	g.text.Said["@type"] = kept
}

// isPart says whether a class is one of those that a catalogue is made of, terms among them: what
// the thing itself is in it, its owner says by our own fields.
func isPart(class any) bool {
	iri, _ := class.(string)
	return strings.HasPrefix(iri, nsDCAT) || strings.HasPrefix(iri, nsODRL)
}

// classes are kept in order, each once; those of terms and of pages are not.
func classes(types []string) []any {
	var out []any
	for _, t := range types {
		if t = rdf.IRI(t); IsName(t) && !strings.HasPrefix(t, nsODRL) && !ofPages(t) {
			out = append(out, t)
		}
	}
	return sorted(out)
}

func (g *Gatherer) values(property string, values []rdf.Node) []any {
	var out []any
	for _, v := range values {
		if *g.Budget--; *g.Budget < 0 {
			g.Lost(property, "not kept, as the description is too long")
			return out
		}
		kept := g.value(property, v)
		if kept != nil {
			out = append(out, kept)
		}
	}
	return out
}

// value gives a value as it is kept; nil where it is not.
func (g *Gatherer) value(property string, v rdf.Node) rdf.Node {
	if _, is := v["@value"]; is {
		return g.literal(property, v)
	}
	if list, is := v["@list"].([]any); is {
		var members []rdf.Node
		for _, item := range list {
			if n, ok := item.(rdf.Node); ok {
				members = append(members, n)
			}
		}
		kept := g.values(property, members)
		if len(kept) != len(list) {
			return nil // a list that lacks a member says something else
		}
		return rdf.Node{"@list": append([]any{}, kept...)}
	}
	n := g.Follow(v)
	id := rdf.ID(n)
	if id != "" && !strings.HasPrefix(id, "_:") {
		iri := rdf.IRI(id)
		if !IsName(iri) {
			g.Lost(property, "not kept, as it is no address or name that is understood everywhere: %.200s", schemas.Visible(id))
			return nil
		}
		if !ofDataset(property, n) {
			if len(n) > 1 && g.text.Named[iri] == nil {
				g.named(iri, n)
			}
			return rdf.Node{"@id": iri}
		}
		g.Lost(property, "kept without its name, as it is a part of what is described: %s", iri)
	}
	same := func(on rdf.Node) bool { return reflect.ValueOf(on).Pointer() == reflect.ValueOf(n).Pointer() }
	if len(g.on) >= maxDepth || slices.ContainsFunc(g.on, same) {
		g.Lost(property, "not kept, as it leads to itself or is nested more than %d levels", maxDepth)
		return nil
	}
	for _, class := range []string{"Dataset", "DatasetSeries", "Catalog", "CatalogRecord", "Resource"} {
		if slices.Contains(rdf.Types(n), nsDCAT+class) {
			g.Lost(property, "not kept, as it describes something else of a catalogue: dcat:%s", class)
			return nil
		}
	}
	g.on = append(g.on, n)
	defer func() { g.on = g.on[:len(g.on)-1] }()
	out := g.below(n, func(string) bool { return true })
	if types := classes(rdf.Types(n)); len(types) > 0 {
		out["@type"] = types
	}
	return out
}

// below gathers what is said of a node.
func (g *Gatherer) below(n rdf.Node, wanted func(property string) bool) rdf.Node {
	out := rdf.Node{}
	for _, property := range Properties(n) {
		if why := refused(property); why != "" {
			g.Lost(property, "%s", why)
			g.took(n, property)
			continue
		}
		if !wanted(property) {
			continue
		}
		g.took(n, property)
		kept := g.values(property, rdf.Raw(n, property))
		if len(kept) > 0 {
			out[property] = sorted(kept)
		}
	}
	return out
}

func (g *Gatherer) took(n rdf.Node, property string) {
	if g.Took != nil {
		g.Took(n, property)
	}
}

// ofDataset says whether a thing that has a name is a part of the dataset that refers to it: a
// sample, the service that gives it, a sum, a measurement, a feature. Of these others say nothing, and
// what they say is lost where it is not said in its place.
func ofDataset(property string, n rdf.Node) bool {
	p := Prefixes()
	is := func(class string) bool { return slices.Contains(rdf.Types(n), class) }
	switch property {
	case p["adms"] + "sample", p["healthdcatap"] + "analytics", nsDCAT + "accessService":
		return is(nsDCAT+"Distribution") || is(nsDCAT+"DataService")
	case p["spdx"] + "checksum":
		return is(p["spdx"]+"Checksum") && n[p["spdx"]+"checksumValue"] != nil
	case p["dqv"] + "hasQualityMeasurement":
		return is(p["dqv"]+"QualityMeasurement") && n[p["dqv"]+"value"] != nil
	case nsIT6 + "hasFeature":
		return is(nsIT6+"Feature") && n[nsDCT+"title"] != nil
	}
	return false
}

// named gathers what the document says of a thing with a name of its own: what names agents,
// places and concepts, where it is none of what a catalogue is made of. Nobody describes the
// datasets of others so.
func (g *Gatherer) named(iri string, n rdf.Node) {
	types := rdf.Types(n)
	if len(g.on) >= maxDepth || slices.ContainsFunc(types, func(t string) bool { return isPart(t) || strings.HasPrefix(t, nsOurs) }) {
		return
	}
	if g.text.Named == nil {
		g.text.Named = map[string]rdf.Node{}
	}
	g.text.Named[iri] = rdf.Node{} // it may lead back to itself
	g.on = append(g.on, n)
	out := g.below(n, naming)
	g.on = g.on[:len(g.on)-1]
	if kept := classes(types); len(kept) > 0 {
		out["@type"] = kept
	}
	plain := len(Properties(out)) == 0 && !slices.ContainsFunc(rdf.Types(out), func(t string) bool { return !slices.Contains(usual(), t) })
	if plain {
		delete(g.text.Named, iri)
		return
	}
	g.text.Named[iri] = out
}

// usual are classes that say nothing of what a thing is beyond how it is referred to.
func usual() []string {
	return []string{nsDCT + "LicenseDocument", nsDCT + "LinguisticSystem", nsDCT + "Location", Prefixes()["foaf"] + "Agent"}
}

// naming says whether a property names or places a thing, rather than describe a dataset.
func naming(property string) bool {
	for _, p := range []string{
		"foaf", "vcard", "skos", "locn", "org", "schema", "rdfs", "cv", "geo", "time",
	} {
		if strings.HasPrefix(property, Prefixes()[p]) {
			return true
		}
	}
	local, health := strings.CutPrefix(property, Prefixes()["healthdcatap"])
	quality, metric := strings.CutPrefix(property, Prefixes()["dqv"])
	return health && slices.Contains([]string{"publishernote", "publishertype", "trusteddataholder"}, strings.ToLower(local)) ||
		metric && slices.Contains([]string{"expectedDataType", "inDimension"}, quality) ||
		slices.Contains([]string{nsDCT + "type", nsDCAT + "bbox", nsDCAT + "centroid"}, property)
}

// Properties of a node, in order.
func Properties(n rdf.Node) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(n)), func(p string) bool { return strings.HasPrefix(p, "@") })
}

// literal gives a literal as it is kept: one that every serialisation can say.
func (g *Gatherer) literal(property string, v rdf.Node) rdf.Node {
	text, language, datatype := rdf.Lexical(v)
	out := rdf.Node{"@value": text}
	switch {
	case !schemas.IsProse(text) || strings.ContainsAny(text, "\ufffe\uffff"):
		g.Lost(property, "not kept, as it holds control characters, which no text here has: %.200s", schemas.Visible(text))
		return nil
	case language != "" && !languageTag.MatchString(language):
		g.Lost(property, "not kept, as %.50q is no tag of a language", language)
		return nil
	case language != "":
		out["@language"] = language
	case datatype == "" || datatype == Prefixes()["xsd"]+"string":
	case !IsName(rdf.IRI(datatype)) || slices.Contains([]string{nsRDF + "JSON", nsRDF + "langString", "@json"}, datatype):
		g.Lost(property, "not kept, as its datatype is not understood everywhere: %.200s", schemas.Visible(datatype))
		return nil
	default:
		out["@type"] = rdf.IRI(datatype)
	}
	return out
}

var (
	languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)
	member      = regexp.MustCompile(`^_[1-9][0-9]*$`)
)

// IsName says whether an IRI is whole and of a kind that no serialisation takes for a short form
// of another, nor one of ours.
func IsName(iri string) bool {
	scheme, rest, ok := strings.Cut(iri, ":")
	kinds := strings.Fields("http https ftp ftps sftp s3 gs urn mailto tel doi hdl ark info did tag orcid lsid")
	return ok && rest != "" && slices.Contains(kinds, strings.ToLower(scheme)) && !strings.HasPrefix(strings.ToLower(iri), nsOurs) &&
		len(iri) <= 2048
}

// endsInName says whether an IRI ends with what names an element of XML.
func endsInName(iri string) bool {
	letter := false
	for i := len(iri) - 1; i >= 0; i-- {
		switch c := iri[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_':
			letter = true
		case (c < '0' || c > '9') && c != '.' && c != '-':
			return letter && i > 0
		}
	}
	return false
}

// refused says why a property is never kept; "" where it may be.
func refused(property string) string {
	local, ofRDF := strings.CutPrefix(property, nsRDF)
	switch {
	case strings.HasPrefix(property, nsODRL):
		return "not kept: terms are put by themselves: PUT /datasets/{id}/offer, or guichet offer"
	case ofPages(property):
		return "not kept: by it pages and events of catalogues are read, and no description of a dataset"
	case rdf.IRI(property) != property || !IsName(property) || !endsInName(property):
		return "not kept, as it is no property that every serialisation can say"
	case ofRDF && local != "value" && !member.MatchString(local):
		return "not kept, as it is a part of RDF itself"
	}
	return ""
}
