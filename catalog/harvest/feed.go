package harvest

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"guichet/connectors/dcatap"
	"guichet/connectors/fetch"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Kinds are the sources that are understood, by how they speak.
func Kinds() map[string]Kind {
	return map[string]Kind{
		CKAN:    {First: firstCKAN, Ask: askCKAN, Read: readCKAN},
		DCATAP:  {Read: readDCATAP},
		DSP:     dataspace(),
		Files:   filesKind(),
		Guichet: {First: guichetCatalogue, Read: readGuichet, Finish: there, Look: 2 * time.Second},
	}
}

// guichetCatalogue is where a Guichet, of which its address is known, gives its catalogue.
func guichetCatalogue(address string) string {
	site, _, _ := strings.Cut(strings.TrimRight(address, "/"), "/api/v1")
	return site + "/api/v1/catalogue"
}

// readGuichet reads a page of another Guichet. Errors: Invalid for one that does not know its own address: nobody
// would find the way to what it has.
func readGuichet(a *fetch.Answer) (Page, error) {
	p, err := readDCATAP(a)
	nowhere := func(iri string) bool { return strings.HasPrefix(iri, "urn:guichet:dataset:") }
	if err == nil && (slices.ContainsFunc(p.Records, func(r Record) bool { return nowhere(r.IRI) }) ||
		slices.ContainsFunc(p.Changes, func(c Change) bool { return nowhere(c.IRI) })) {
		err = &schemas.Error{Kind: schemas.Invalid, Subject: a.URL,
			Message: "the site does not say where the world reaches it, so that nobody could ask there for what it has",
			Remedy:  "its operator sets public_url"}
	}
	return p, err
}

// there links a dataset of another Guichet to its page, where there is to be had what there is of
// it.
func there(d *schemas.Dataset) {
	is := func(l schemas.Link) bool { return l.URL == d.IRI }
	if strings.HasPrefix(d.IRI, "http") && !slices.ContainsFunc(d.Links, is) {
		d.Links = append(d.Links, schemas.Link{URL: d.IRI, Title: "its page, where it is asked for"})
	}
}

// readDCATAP reads a page of DCAT-AP in any of its serialisations, or of a feed of its changes; the
// next one is named by Hydra, in either of its vocabularies, by TREE, or by a Link line [RFC 8288]. A feed
// that goes with a catalogue is named by a Link line as its monitor [RFC 5989].
func readDCATAP(a *fetch.Answer) (Page, error) {
	format, ok := rdf.FormatOf(a.Type)
	if !ok {
		format, ok = rdf.FormatOfFile(pathOf(a.URL))
	}
	if !ok {
		return Page{}, schemas.Errorf(schemas.Invalid, a.URL,
			"its type is %.100q, which is none of RDF: JSON-LD, Turtle, TriG, RDF/XML, N-Triples, N-Quads", schemas.Visible(a.Type))
	}
	p, err := dcatap.ReadPage(format, a.Body, a.URL)
	if err != nil {
		return Page{}, err
	}
	out := Page{Next: p.Next, Total: p.Total, Records: make([]Record, len(p.Items)), Feed: p.Feed, Monitor: related(a, "monitor")}
	for i, item := range p.Items {
		out.Records[i] = Record{IRI: item.IRI, Dataset: item.Dataset, Err: item.Err}
	}
	for _, e := range p.Events {
		out.Changes = append(out.Changes, Change{e.Object, e.Gone, e.At, e.Nodes})
	}
	if out.Next == "" {
		out.Next = related(a, "next")
	}
	return out, nil
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}

// related is where an answer's Link lines say that what has a relation to it is; "" where they
// do not.
func related(a *fetch.Answer, relation string) string {
	for _, line := range a.Links {
		for one := range strings.SplitSeq(line, ",") {
			target, params, ok := strings.Cut(strings.TrimSpace(one), ">")
			target, isTarget := strings.CutPrefix(target, "<")
			if !ok || !isTarget {
				continue
			}
			for p := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
				if strings.EqualFold(name, "rel") && slices.ContainsFunc(strings.Fields(strings.Trim(value, `"`)), func(r string) bool { return strings.EqualFold(r, relation) }) {
					return absolute(a.URL, target)
				}
			}
		}
	}
	return ""
}

func absolute(base, target string) string {
	u, err := url.Parse(base)
	if err == nil {
		u, err = u.Parse(target)
	}
	if err != nil {
		return ""
	}
	return u.String()
}
