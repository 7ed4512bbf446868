package harvest

import (
	"net/url"
	"strings"

	"guichet/connectors/dsp"
	"guichet/connectors/fetch"
	"guichet/schemas"
)

// dataspace is the kind of connectors of the Dataspace Protocol: an operator names the address of
// the protocol, at which the versions stand that are spoken, or the version's own.
func dataspace() Kind {
	return Kind{First: firstOfDSP, Ask: askDSP, Read: readDSP}
}

func firstOfDSP(address string) string {
	address = strings.TrimRight(address, "/")
	if strings.HasSuffix(address, dsp.VersionPath) || strings.HasSuffix(address, dsp.CatalogPath) {
		return address
	}
	return address + dsp.VersionPath
}

func isVersions(address string) bool { return strings.HasSuffix(pathOf(address), dsp.VersionPath) }

func askDSP(page string) fetch.Request {
	r := fetch.Request{Accept: "application/json"}
	if !isVersions(page) {
		r.Post = dsp.Request()
	}
	return r
}

// readDSP reads a page of a catalogue. The next one is asked for at the same address, by the token
// that a Link line has: its host is what the connector thinks that it is called.
func readDSP(a *fetch.Answer) (Page, error) {
	if isVersions(a.URL) {
		spoken, err := dsp.Path(a.Body)
		if err != nil {
			return Page{}, err
		}
		here, err := url.Parse(a.URL)
		if err != nil {
			return Page{}, schemas.Errorf(schemas.Invalid, a.URL, "the address cannot be read: %v", err)
		}
		here.RawQuery, here.Fragment = "", "" // what is spoken is a path, on the host that was asked
		return Page{Next: here.JoinPath("..", "..", spoken, dsp.CatalogPath).String()}, nil
	}
	items, err := dsp.Read(a.Body, a.URL)
	if err != nil {
		return Page{}, err
	}
	out := Page{Records: make([]Record, len(items))}
	for i, item := range items {
		out.Records[i] = Record{IRI: item.IRI, Dataset: item.Dataset, Err: item.Err}
	}
	next := related(a, "next")
	if next == "" {
		return out, nil
	}
	here, err := url.Parse(a.URL)
	if err != nil {
		return out, schemas.Errorf(schemas.Invalid, a.URL, "the address cannot be read: %v", err)
	}
	there, err := url.Parse(next)
	if err != nil {
		return out, schemas.Errorf(schemas.Invalid, a.URL, "the Link to the next page cannot be read: %.200s", schemas.Visible(next))
	}
	here.RawQuery = there.RawQuery
	out.Next = here.String()
	return out, nil
}
