// Package check holds what people write beside a dataset's fields, as RDF, against these.
//
// In flows a dataset, out come faults, each with its place; its texts come into their one form.
// Always: what is taken moves none of the fields, written and read again as DCAT-AP. It must not
// know who registers, nor what terms are.
package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

// RDF holds what a dataset has in RDF, and its links, against what may stand there, and brings
// it into its one form. Nothing in it moves what the dataset's own fields say: written and read
// again, all of them are what they are without it. Faults are told by pointer and line.
func RDF(d *schemas.Dataset) []schemas.FieldError {
	if d.RDF == "" && !slices.ContainsFunc(d.Links, func(l schemas.Link) bool { return l.RDF != "" }) {
		return nil
	}
	var faults []schemas.FieldError
	source := map[string]string{} // pointer to what was written
	each := func(at string, text *string, most int) {
		t, err := about.Read(*text, most)
		if err == nil && t.IRI != "" && (at == "/rdf" || t.IRI == d.IRI) {
			err = schemas.BadField("rdf", "", "@base names a distribution that is not the dataset; what the dataset is called is said by iri")
		}
		if err != nil {
			faults = append(faults, told(at, err)...)
			return
		}
		source[at] = *text
		*text = t.String()
	}
	each("/rdf", &d.RDF, dcatap.MaxRDF)
	for i := range d.Links {
		each(fmt.Sprintf("/links/%d/rdf", i), &d.Links[i].RDF, dcatap.MaxLinkRDF)
	}
	if len(faults) > 0 {
		return faults
	}
	place(d)
	return moved(d, source)
}

// place brings regions and a box that stand in RDF alone into their members, as those have that were
// registered before there were such; what the members say whole is then not said twice.
func place(d *schemas.Dataset) {
	if len(d.Box) > 0 && len(d.Regions) > 0 || !strings.Contains(d.RDF, "dct:spatial") {
		return
	}
	read, err := again(*d)
	if err != nil || !slices.Equal(read.Countries, d.Countries) { // moved tells it
		return
	}
	if len(d.Box) == 0 {
		d.Box = read.Box
	}
	if len(d.Regions) == 0 {
		d.Regions = read.Regions
	}
	t, errA := about.Read(d.RDF, dcatap.MaxRDF)
	left, errB := about.Read(read.RDF, dcatap.MaxRDF)
	if cmp.Or(errA, errB) != nil {
		return
	}
	delete(t.Said, nsDCT+"spatial")
	if kept := left.Said[nsDCT+"spatial"]; kept != nil {
		t.Said[nsDCT+"spatial"] = kept
	}
	d.RDF = t.String()
}

// told gives the faults of a text by the pointer to it.
func told(at string, err error) (out []schemas.FieldError) {
	e, ok := err.(*schemas.Error)
	if !ok || len(e.Fields) == 0 {
		return []schemas.FieldError{{Pointer: at, Message: strings.TrimPrefix(err.Error(), "rdf: ")}}
	}
	for _, f := range e.Fields {
		out = append(out, schemas.FieldError{Pointer: at, Message: f.Message})
	}
	return out
}

// moved says which statements another field is for, or would change.
func moved(d *schemas.Dataset, source map[string]string) (faults []schemas.FieldError) {
	with, bare := *d, *d
	bare.RDF, bare.Links = "", slices.Clone(d.Links)
	for i := range bare.Links {
		bare.Links[i].RDF = ""
	}
	a, errA := again(with)
	b, errB := again(bare)
	if err := cmp.Or(errA, errB); err != nil {
		return []schemas.FieldError{{Pointer: "/rdf", Message: err.Error()}}
	}
	faults = lacking("/rdf", source["/rdf"], d.RDF, a.RDF)
	for i := range d.Links {
		if i < len(a.Links) && len(a.Links) == len(b.Links) {
			at := fmt.Sprintf("/links/%d/rdf", i)
			faults = append(faults, lacking(at, source[at], d.Links[i].RDF, a.Links[i].RDF)...)
			a.Links[i].RDF, b.Links[i].RDF = "", ""
		}
	}
	a.RDF, b.RDF, a.Notes, b.Notes = "", "", nil, nil
	if reflect.DeepEqual(a, b) {
		return faults
	}
	said := fmt.Sprintf("it would change what %s says: say it there, and leave it out here", strings.Join(differing(a, b), ", "))
	return append(faults, schemas.FieldError{Pointer: "/rdf", Message: said})
}

// again writes a dataset and reads it.
func again(d schemas.Dataset) (schemas.Dataset, error) {
	d.ID, d.Offer, d.Latest = "ds-check", nil, nil
	b, err := dcatap.Write(rdf.JSONLD, d, "")
	if err != nil {
		return d, err
	}
	return dcatap.Read(rdf.JSONLD, b, "")
}

// lacking names the properties of a text whose statements are not read back from what is written.
func lacking(at, source, want, got string) (faults []schemas.FieldError) {
	if want == got {
		return nil
	}
	a, errA := about.Read(want, dcatap.MaxRDF)
	b, errB := about.Read(got, dcatap.MaxRDF)
	if errA != nil || errB != nil {
		return []schemas.FieldError{{Pointer: at, Message: "it cannot be written as it stands"}}
	}
	for _, property := range about.Properties(a.Said) {
		for _, v := range rdf.Raw(a.Said, property) {
			if slices.ContainsFunc(rdf.Raw(b.Said, property), func(w rdf.Node) bool { return reflect.DeepEqual(v, w) }) {
				continue
			}
			said := about.Short(property) + " has a field of its own" + field(property)
			if line := about.Line(source, property); line > 0 {
				said = fmt.Sprintf("line %d: %s", line, said)
			}
			faults = append(faults, schemas.FieldError{Pointer: at, Message: said})
			break
		}
	}
	return faults
}

// Namespaces of properties that fields are for.
const (
	nsDCAT = "http://www.w3.org/ns/dcat#"
	nsDCT  = "http://purl.org/dc/terms/"
	nsADMS = "http://www.w3.org/ns/adms#"
)

// field names the member of a dataset that is for a property.
func field(property string) string {
	name := map[string]string{
		nsDCT + "title": "title", nsDCT + "description": "description", nsDCAT + "keyword": "keywords", nsDCAT + "theme": "themes",
		nsDCT + "spatial":  "countries, regions or box",
		nsDCT + "language": "languages", nsDCT + "publisher": "publisher", nsDCAT + "contactPoint": "contact",
		nsDCT + "license": "licence", nsDCT + "rights": "attribution", nsDCT + "temporal": "from and until", nsDCT + "identifier": "identifiers",
		nsADMS + "identifier": "identifiers", nsDCAT + "distribution": "links and tables", nsDCT + "format": "format",
	}[property]
	if name == "" {
		return ""
	}
	return ": " + name
}

// differing names the members in which two datasets differ.
func differing(a, b schemas.Dataset) (out []string) {
	var of [2]map[string]any
	for i, d := range []schemas.Dataset{a, b} {
		text, err := json.Marshal(d)
		if err != nil || json.Unmarshal(text, &of[i]) != nil {
			return []string{"a field"}
		}
	}
	for name := range of[0] {
		if !reflect.DeepEqual(of[0][name], of[1][name]) {
			out = append(out, name)
		}
	}
	for name := range of[1] {
		if _, both := of[0][name]; !both {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
