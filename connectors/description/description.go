// Package description reads descriptions of datasets in whichever form they are.
//
// In flow bytes of strangers, with the name or media type under which they came. Out flow datasets, each
// read by the connector of its form: RDF of DCAT-AP, Croissant, CKAN, the forms of connectors/mapping, our
// own. Always: what form it is the document says; bytes and nesting are bounded by each form's
// connector, and nothing is fetched. It must not know who asks, nor what becomes of them.
package description

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"guichet/connectors/ckan"
	"guichet/connectors/croissant"
	"guichet/connectors/dcatap"
	"guichet/connectors/mapping"
	"guichet/connectors/rdf"
	"guichet/connectors/yaml"
	"guichet/schemas"
)

// Foreign reads a dataset that is described in JSON as others do, without RDF: a package of CKAN, a data
// package, OEMetadata; false for another document. Errors: Invalid, TooLarge.
func Foreign(b []byte) (d schemas.Dataset, is bool, err error) {
	if ckan.IsPackage(b) {
		d, err = ckan.Read(b, "")
		return d, true, err
	}
	return mapping.Read(b)
}

// MediaType is the one under which a file is sent: what its name says, else what it begins with, else YAML.
func MediaType(name string, b []byte) string {
	f, named := rdf.FormatOfFile(name)
	start := bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	begins := func(with ...string) bool {
		return slices.ContainsFunc(with, func(w string) bool { return len(start) >= len(w) && bytes.EqualFold(start[:len(w)], []byte(w)) })
	}
	switch {
	case named:
		return string(f)
	case begins("{", "["):
		return string(rdf.JSONLD)
	case begins("<?xml", "<rdf:RDF"):
		return string(rdf.RDFXML)
	case begins("@prefix", "@base", "PREFIX "):
		return string(rdf.Turtle)
	}
	return "application/yaml"
}

// Read reads every dataset of a file. mediaType may be "", name says how a file is called, base the web address
// that it came from, "" for none. RDF may say where more is, as in [dcatap.Page]. Errors: Invalid for
// what is of no form that is read; TooLarge.
func Read(mediaType, name string, b []byte, base string) (dcatap.Page, error) {
	f, known := rdf.FormatOf(mediaType)
	if !known {
		f, known = rdf.FormatOfFile(name)
	}
	if known && f != rdf.JSONLD {
		return dcatap.ReadPage(f, b, base)
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\ufeff")), " \t\r\n")
	switch ending := strings.ToLower(path.Ext(name)); {
	case bytes.HasPrefix(text, []byte("<")):
		return dcatap.ReadPage(rdf.RDFXML, b, base)
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return readJSON(text, base)
	case ending == ".yaml" || ending == ".yml":
		y, err := yaml.Parse(b)
		if err != nil {
			return dcatap.Page{}, err
		}
		d, is, err := mapping.Read(y.JSON)
		if !is && err == nil {
			d, err = yaml.ReadDataset(b)
		}
		return one(d, err)
	}
	return dcatap.Page{}, schemas.BadField("document", "", "this is none of the forms in which datasets are described here: %s",
		"DCAT-AP in Turtle, RDF/XML or JSON-LD, Croissant, a package of CKAN, a data package, OEMetadata, or our own in JSON or YAML")
}

// one is a page of one dataset.
func one(d schemas.Dataset, err error) (dcatap.Page, error) {
	if err != nil {
		return dcatap.Page{}, err
	}
	return dcatap.Page{Items: []dcatap.Item{{IRI: d.IRI, Dataset: d}}}, nil
}

// readJSON tells the forms in JSON apart.
func readJSON(b []byte, base string) (dcatap.Page, error) {
	d, is, err := Foreign(b)
	if is || err != nil {
		return one(d, err)
	}
	var members map[string]json.RawMessage
	list := json.Unmarshal(b, &members) != nil
	if _, result := members["result"]; result && ckanAnswer(members) {
		found, err := ckan.ReadSearch(b, "")
		return dcatap.Page{Items: found.Items, Total: found.Count}, err
	}
	d, is, err = croissant.Read(b, base)
	if is || err != nil {
		return one(d, err)
	}
	ld := func(name string) bool { return strings.HasPrefix(name, "@") }
	if !list && !slices.ContainsFunc(names(members), ld) {
		return one(yaml.ReadDataset(b))
	}
	return dcatap.ReadPage(rdf.JSONLD, b, base)
}

func ckanAnswer(members map[string]json.RawMessage) bool {
	_, is := members["success"]
	return is
}

func names(members map[string]json.RawMessage) []string {
	out := make([]string, 0, len(members))
	for name := range members {
		out = append(out, name)
	}
	return out
}
