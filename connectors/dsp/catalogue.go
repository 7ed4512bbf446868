package dsp

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Bounds of one answer.
const (
	maxBytes  = dcatap.MaxPage
	maxDepth  = 64
	maxValues = 1 << 21
	maxNested = 4 // catalogues within catalogues
)

// Read reads the datasets of an answer to Request. base is the address at which it was asked; a
// dataset whose id is no IRI is named by where it is asked for alone. Errors: Invalid, TooLarge
// where the answer as a whole cannot be read; a faulty dataset is an item with its error.
func Read(b []byte, base string) ([]dcatap.Item, error) {
	err := rdf.Bound(b, rdf.Limits{Bytes: maxBytes, Depth: maxDepth, Values: maxValues})
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	err = json.Unmarshal(b, &doc)
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, "catalogue", "the answer is not a JSON object: %v", err)
	}
	if kind, _ := doc["@type"].(string); local(kind) != "Catalog" {
		return nil, schemas.Errorf(schemas.Invalid, "catalogue", "the answer is no Catalog of the Dataspace Protocol but %q",
			schemas.Visible(kind))
	}
	if doc["dcat:dataset"] != nil || doc["dcat:catalog"] != nil {
		return nil, schemas.Errorf(schemas.Invalid, "catalogue",
			"the answer is written as by a version before %s, whose names have prefixes", Version)
	}
	r := &reader{root: strings.TrimSuffix(base, CatalogPath), prefixes: prefixes(), at: map[string]int{}}
	if u, err := url.Parse(base); err == nil {
		u.RawQuery, u.Fragment = "", ""
		r.root = strings.TrimSuffix(u.String(), CatalogPath)
	}
	r.declared(doc["@context"])
	r.catalogue(doc, "", 0)
	read, err := dcatap.ReadNodes(&rdf.Document{Nodes: r.nodes})
	if err != nil {
		return nil, err
	}
	for _, item := range read {
		if at, ok := r.at[item.IRI]; ok {
			r.items[at] = item
		}
	}
	return r.items, nil
}

// reader gathers the datasets of an answer.
type reader struct {
	root     string // address of the protocol's version
	prefixes map[string]string
	nodes    []rdf.Node // what datasets say, as DCAT-AP would
	items    []dcatap.Item
	at       map[string]int // place of each among the items, by its IRI
}

// prefixes are those that the protocol's context declares, and what connectors write without
// declaring it to who reads plain JSON.
func prefixes() map[string]string {
	return map[string]string{
		"dcat": nsDCAT, "dct": nsDCT, "dcterms": nsDCT, "edc": nsEDC, "foaf": nsFOAF, "odrl": "http://www.w3.org/ns/odrl/2/",
		"rdfs": "http://www.w3.org/2000/01/rdf-schema#", "skos": "http://www.w3.org/2004/02/skos/core#",
		"xsd": "http://www.w3.org/2001/XMLSchema#", "dcatap": "http://data.europa.eu/r5r/", "adms": "http://www.w3.org/ns/adms#",
		"vcard": "http://www.w3.org/2006/vcard/ns#",
	}
}

// declared adds the prefixes of contexts that stand inline.
func (r *reader) declared(context any) {
	switch t := context.(type) {
	case []any:
		for _, one := range t {
			r.declared(one)
		}
	case map[string]any:
		for name, v := range t {
			iri, ok := v.(string)
			if ok && name != "" && !strings.HasPrefix(name, "@") && (strings.HasSuffix(iri, "#") || strings.HasSuffix(iri, "/")) {
				r.prefixes[name] = iri
			}
		}
	}
}

// catalogue gathers the datasets of a catalogue and of those within it. publisher is who has them
// where nobody says otherwise.
func (r *reader) catalogue(doc map[string]any, publisher string, depth int) {
	if id, ok := doc["participantId"].(string); ok {
		publisher = id
	}
	for _, v := range list(doc["dataset"]) {
		d, ok := v.(map[string]any)
		if !ok {
			r.fault("", "it is no object")
			continue
		}
		r.dataset(d, publisher)
	}
	for _, v := range list(doc["catalog"]) {
		within, ok := v.(map[string]any)
		if !ok {
			continue
		}
		if depth == maxNested {
			id, _ := within["@id"].(string)
			r.fault(id, "its catalogue is more than %d levels within another", maxNested)
			continue
		}
		r.catalogue(within, publisher, depth+1)
	}
}

func (r *reader) fault(iri, format string, args ...any) {
	r.items = append(r.items, dcatap.Item{IRI: iri, Err: schemas.BadField("dataset", "", "the dataset cannot be read: "+format, args...)})
}

// dataset takes one dataset, as DCAT-AP would say it.
func (r *reader) dataset(d map[string]any, publisher string) {
	id, _ := d["@id"].(string)
	if id == "" {
		r.fault("", "it has no @id")
		return
	}
	iri := r.iri(id)
	if _, twice := r.at[iri]; twice { // the first counts
		return
	}
	n := r.node(d)
	n["@id"], n["@type"] = iri, []any{nsDCAT + "Dataset"}
	if n[nsDCT+"title"] == nil {
		n[nsDCT+"title"] = []any{map[string]any{"@value": id}}
	}
	if n[nsDCT+"publisher"] == nil && publisher != "" {
		name := []any{map[string]any{"@value": publisher}}
		n[nsDCT+"publisher"] = []any{map[string]any{"@type": []any{nsFOAF + "Agent"}, nsFOAF + "name": name}}
	}
	n[nsDCAT+"distribution"] = r.distributions(d, iri)
	r.at[iri] = len(r.items)
	r.nodes = append(r.nodes, n)
	r.fault(iri, "the answer has too many values") // until it is read
}

// iri names a dataset: by its id, or by where it is asked for alone where that is no IRI
// [DSP 2025-1, 5.2: catalog/datasets/:id].
func (r *reader) iri(id string) string {
	scheme, _, ok := strings.Cut(id, ":")
	if ok && scheme != "" && !strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || strings.ContainsRune("<>\"{}|\\^`", c) }) {
		return id
	}
	return r.root + "/catalog/datasets/" + url.PathEscape(id)
}

// distributions are the ways to a dataset: the connectors that give it, each once. One that is
// offered without any is asked for at its own address.
func (r *reader) distributions(d map[string]any, iri string) []any {
	out, seen := []any{}, map[string]bool{}
	add := func(at, title string) {
		u, err := url.Parse(at)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || seen[at] {
			return
		}
		seen[at] = true
		out = append(out, map[string]any{
			"@type": []any{nsDCAT + "Distribution"}, nsDCAT + "accessURL": []any{map[string]any{"@id": at}},
			nsDCT + "title": []any{map[string]any{"@value": title}},
		})
	}
	for _, v := range list(d["distribution"]) {
		one, _ := v.(map[string]any)
		service, _ := one["accessService"].(map[string]any)
		at, _ := service["endpointURL"].(string)
		format, _ := one["format"].(string)
		add(at, strings.TrimSpace(fmt.Sprintf("connector, by the Dataspace Protocol %s", local(format))))
	}
	if len(out) == 0 {
		add(r.root, "connector, by the Dataspace Protocol")
	}
	if len(out) == 0 {
		add(iri, "connector, by the Dataspace Protocol")
	}
	return out
}

// list is a value that may stand alone.
func list(v any) []any {
	switch t := v.(type) {
	case nil:
		return nil
	case []any:
		return t
	}
	return []any{v}
}

// local is the last part of a name.
func local(name string) string {
	return name[strings.LastIndexAny(name, ":#/")+1:]
}
