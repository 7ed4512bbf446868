package harvest

import (
	"net/url"
	"strings"

	"guichet/connectors/dcatap"
	"guichet/connectors/fetch"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Kinds are the sources that are understood, by how they speak.
func Kinds() map[string]Kind {
	return map[string]Kind{
		DCATAP: {Read: readDCATAP},
		CKAN:   {First: firstCKAN, Ask: askCKAN, Read: readCKAN},
	}
}

// readDCATAP reads a page of DCAT-AP in any of its serialisations; the next one is named by Hydra,
// in either of its vocabularies, or by a Link line [RFC 8288].
func readDCATAP(a *fetch.Answer) (Page, error) {
	format, ok := rdf.FormatOf(a.Type)
	if !ok {
		format, ok = rdf.FormatOfFile(path(a.URL))
	}
	if !ok {
		return Page{}, schemas.Errorf(schemas.Invalid, a.URL, "its type is %.100q, which is none of RDF: JSON-LD, Turtle, RDF/XML",
			schemas.Visible(a.Type))
	}
	p, err := dcatap.ReadPage(format, a.Body, a.URL)
	if err != nil {
		return Page{}, err
	}
	out := Page{Next: p.Next, Total: p.Total, Records: make([]Record, len(p.Items))}
	for i, item := range p.Items {
		out.Records[i] = Record(item)
	}
	if out.Next == "" {
		out.Next = linked(a)
	}
	return out, nil
}

func path(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}

// linked is where the answer's Link lines say that the next page is; "" where they do not.
func linked(a *fetch.Answer) string {
	for _, line := range a.Links {
		for one := range strings.SplitSeq(line, ",") {
			target, params, ok := strings.Cut(strings.TrimSpace(one), ">")
			target, isTarget := strings.CutPrefix(target, "<")
			if !ok || !isTarget {
				continue
			}
			for p := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
				if strings.EqualFold(name, "rel") && strings.EqualFold(strings.Trim(value, `"`), "next") {
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
