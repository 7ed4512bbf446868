// Package pages writes the datasets of a site for who harvests it: pages of a catalogue, and a feed
// of what changes in it.
//
// In: datasets of many providers. Out: DCAT-AP in a graph for all. Always: a dataset is named by its page,
// and what its provider says of it is said of nobody else's.
package pages

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

type object = map[string]any

const (
	nsDCAT  = "http://www.w3.org/ns/dcat#"
	nsHydra = "http://www.w3.org/ns/hydra/core#"
	nsAS    = "https://www.w3.org/ns/activitystreams#"
	nsLDES  = "https://w3id.org/ldes#"
	nsTREE  = "https://w3id.org/tree#"
)

// Catalogue writes a page of the datasets of a site for who harvests it.
type Catalogue struct {
	Public   string // the site's address, without a slash at its end
	Title    string
	Address  string // of the whole, without a page
	Page     string // address of this page
	Next     string // of the next one; "" at the end
	datasets []object
	bytes    int
}

// Bytes is how much was added, in bytes of JSON-LD.
func (c *Catalogue) Bytes() int { return c.bytes }

// described gives a dataset under its own page's name.
func (c *Catalogue) described(d schemas.Dataset) (object, error) {
	page := dcatap.Named(d.ID, c.Public)
	if d.IRI != "" && !strings.HasPrefix(d.IRI, "urn:guichet:dataset:") {
		d.Identifiers = append([]string{d.IRI}, d.Identifiers...)
	}
	d.IRI = ""
	b, err := dcatap.Write(rdf.JSONLD, d, c.Public)
	if err != nil && d.RDF+rdfOf(d.Links) != "" { // kept when other words were: it spoils no page
		d.RDF, d.Links = "", slices.Clone(d.Links)
		for i := range d.Links {
			d.Links[i].RDF = ""
		}
		b, err = dcatap.Write(rdf.JSONLD, d, c.Public)
	}
	if err != nil {
		return nil, err
	}
	c.bytes += len(b)
	var doc object
	err = json.Unmarshal(b, &doc)
	if err != nil {
		return nil, fmt.Errorf("encode dataset %s: %w", d.ID, err)
	}
	delete(doc, "@context") // the page has it for all
	for name, v := range doc {
		doc[name] = alone(v, page+"#", c.Public+"/")
	}
	return doc, nil
}

func rdfOf(links []schemas.Link) string {
	out := ""
	for i := range links {
		out += links[i].RDF
	}
	return out
}

// alone takes from what is nested in a dataset the names of things that it describes, but for those
// below its own: on one page the providers of others would find it said of their datasets.
// site is how names of the site itself begin: of those nobody says so much as a class.
func alone(v any, own, site string) any {
	switch t := v.(type) {
	case []any:
		for i := range t {
			t[i] = alone(t[i], own, site)
		}
	case map[string]any:
		for name, inner := range t {
			t[name] = alone(inner, own, site)
		}
		id, named := t["@id"].(string)
		kind, _ := t["@type"].(string)
		switch _, typed := t["@type"]; {
		case !named || len(t) == 1 || strings.HasPrefix(id, own):
		case typed && len(t) == 2:
			if !strings.HasPrefix(kind, "dct:") || strings.HasPrefix(id, site) { // of a licence, a place or a language it takes nothing away
				delete(t, "@type")
			}
		default:
			delete(t, "@id")
		}
	}
	return v
}

// Add adds a dataset.
func (c *Catalogue) Add(d schemas.Dataset) error {
	doc, err := c.described(d)
	if err == nil {
		c.datasets = append(c.datasets, doc)
	}
	return err
}

// Write gives the page with its datasets; the next one is named by Hydra. Characters that XML
// cannot say stand in RDF/XML as U+FFFD: the words of one provider take the page from nobody. Errors as
// of Write.
func (c *Catalogue) Write(f rdf.Format) ([]byte, error) {
	title := cmp.Or(c.Title, "Guichet")
	if f == rdf.RDFXML {
		for _, d := range c.datasets {
			inXML(d)
		}
	}
	view := object{"@id": c.Page, "@type": "hydra:PartialCollectionView", "hydra:first": object{"@id": c.Address}}
	if c.Next != "" {
		view["hydra:next"] = object{"@id": c.Next}
	}
	nodes := []object{view, {
		"@id": c.Address + "#catalogue", "@type": "dcat:Catalog", "dct:title": object{"@value": title, "@language": "en"},
		"dct:description": object{"@value": "Datasets that are registered here, as everybody may know of them.", "@language": "en"},
		"dct:publisher":   object{"@type": "foaf:Agent", "foaf:name": title}, "dcat:dataset": references(c.datasets),
	}}
	return encode(f, append(nodes, c.datasets...))
}

// inXML puts U+FFFD for what XML cannot say [XML 1.0, production Char].
func inXML(v any) any {
	switch t := v.(type) {
	case string:
		return strings.Map(func(r rune) rune {
			if r < ' ' && !strings.ContainsRune("\t\n\r", r) || r == 0xFFFE || r == 0xFFFF {
				return 0xFFFD
			}
			return r
		}, t)
	case []any:
		for i := range t {
			t[i] = inXML(t[i])
		}
	case map[string]any:
		for name, inner := range t {
			t[name] = inXML(inner)
		}
	}
	return v
}

func references(nodes []object) []object {
	out := make([]object, len(nodes))
	for i, n := range nodes {
		out[i] = object{"@id": n["@id"]}
	}
	return out
}

// Changes writes a page of the changes of a site's datasets, as a feed of DCAT-AP
// [DCAT-AP Feeds; Linked Data Event Streams 1.0].
type Changes struct {
	Catalogue
	events []object
}

// Changed adds that a dataset was registered or changed; what describes it stands in the
// graph of that event.
func (c *Changes) Changed(d schemas.Dataset, at time.Time) error {
	doc, err := c.described(d)
	if err != nil {
		return err
	}
	kind := "as:Update"
	if d.Revision == 1 {
		kind = "as:Create"
	}
	e := c.event(kind, d.ID, fmt.Sprint(d.Revision), at)
	e["@graph"] = []object{doc}
	c.events = append(c.events, e)
	return nil
}

// Gone adds that a dataset is no more.
func (c *Changes) Gone(id schemas.DatasetID, at time.Time) {
	c.events = append(c.events, c.event("as:Delete", id, "gone", at))
}

func (c *Changes) event(kind string, id schemas.DatasetID, which string, at time.Time) object {
	return object{
		"@id": c.Address + "#" + url.PathEscape(string(id)) + "-" + which, "@type": kind, "as:object": object{"@id": dcatap.Named(id, c.Public)},
		"as:published": object{"@value": at.UTC().Format(time.RFC3339Nano), "@type": "xsd:dateTime"},
		"dct:type":     object{"@id": nsDCAT + "Dataset"},
	}
}

// Write gives the page in JSON-LD, which has graphs.
func (c *Changes) Write() ([]byte, error) {
	stream := object{
		"@id": c.Address + "#feed", "@type": "ldes:EventStream", "ldes:timestampPath": object{"@id": nsAS + "published"},
		"ldes:versionOfPath": object{"@id": nsAS + "object"}, "tree:view": object{"@id": c.Page},
	}
	if len(c.events) > 0 {
		stream["tree:member"] = references(c.events)
	}
	page := object{"@id": c.Page, "@type": "tree:Node"}
	if c.Next != "" {
		page["tree:relation"] = object{"@type": "tree:Relation", "tree:node": object{"@id": c.Next}}
	}
	return encode(rdf.JSONLD, append([]object{stream, page}, c.events...))
}

// encode writes nodes in a format.
func encode(f rdf.Format, nodes []object) ([]byte, error) {
	more := object{"hydra": nsHydra, "as": nsAS, "ldes": nsLDES, "tree": nsTREE}
	b, err := json.Marshal(object{"@context": append(dcatap.Context(), more), "@graph": nodes})
	if err != nil {
		return nil, fmt.Errorf("encode a catalogue: %w", err)
	}
	return dcatap.Serialised(f, append(b, '\n'))
}
