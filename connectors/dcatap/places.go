package dcatap

import (
	"slices"
	"strings"

	"guichet/connectors/rdf"
)

// countries reads the places that a dataset is about, as the countries that they are or
// lie in.
func (r *reader) countries(n rdf.Node) []string {
	var out []string
	for _, v := range r.values(n, nsDCT+"spatial") {
		codes, exact := r.place(v)
		known := codes[:0:0]
		for _, code := range codes {
			if _, listed := r.codes.PlaceIRI(code); listed {
				known = append(known, code)
			}
		}
		switch {
		case len(known) == 0:
			r.note("/dct:spatial",
				"it names no place whose country is known here%s; add the country, such as %scountry/BEL", quoted(v),
				rdf.Authority)
			r.leave(nsDCT+"spatial", v)
		case !exact:
			r.leave(nsDCT+"spatial", v)
		}
		r.leaveMore(nsDCT+"spatial", v, nsDCT+"Location")
		for _, code := range known {
			if !slices.Contains(out, code) {
				out = append(out, code)
			}
		}
	}
	return out
}

// place finds the countries of a place: by its IRI, by those that are the same, by the
// country that it says to lie in, by its code or its name.
func (r *reader) place(v rdf.Node) (codes []string, exact bool) {
	if s, _, _, literal := rdf.Literal(v); literal {
		return r.places.OfWords(s)
	}
	codes, exact = r.places.OfIRI(rdf.ID(v))
	if len(codes) > 0 {
		return codes, exact
	}
	for _, property := range []string{nsSkos + "exactMatch", "http://www.w3.org/2002/07/owl#sameAs", nsSkos + "closeMatch", nsRDFS +
		"seeAlso", nsDCT + "identifier", nsADMS + "identifier", nsSkos + "notation",
		"http://www.geonames.org/ontology#countryCode", "http://www.geonames.org/ontology#parentCountry",
		"http://www.w3.org/ns/locn#adminUnitL1", "http://www.w3.org/2006/vcard/ns#country-name",
		nsRDFS + "label", nsSkos + "prefLabel", nsFOAF + "name", nsDCT + "title", nsSchema + "name", "http://www.w3.org/ns/locn#geographicName",
		"http://www.geonames.org/ontology#name",
		nsSkos + "broader", nsSkos + "broadMatch", nsDCT + "isPartOf"} {
		for _, said := range r.values(v, property) {
			s, _, _, _ := rdf.Literal(said)
			if id := rdf.ID(said); id != "" {
				s = id
			}
			codes, exact = r.places.OfWords(s)
			if len(codes) > 0 {
				part := strings.Contains(property, "broad") || strings.HasSuffix(property, "isPartOf") || strings.HasSuffix(property, "ountry") ||
					strings.HasSuffix(property, "countryCode") ||
					strings.HasSuffix(property, "adminUnitL1")
				return codes, exact && !part
			}
		}
	}
	return nil, false
}

// languages reads the languages of the data, in any usual form.
func (r *reader) languages(n rdf.Node) []string {
	var out []string
	for _, v := range r.values(n, nsDCT+"language") {
		tag, ok := r.language(v)
		switch {
		case !ok:
			r.leave(nsDCT+"language", v)
		case !slices.Contains(out, tag):
			out = append(out, tag)
		}
	}
	return out
}

func (r *reader) language(v rdf.Node) (string, bool) {
	s, _, _, literal := rdf.Literal(v)
	if literal {
		return r.codes.LanguageTag(s)
	}
	tag, ok := r.codes.LanguageTag(rdf.ID(v))
	if ok {
		return tag, true
	}
	for _, property := range []string{nsDCT + "identifier", nsSkos + "notation", nsSkos + "exactMatch",
		"http://www.w3.org/2002/07/owl#sameAs", "http://www.w3.org/1999/02/22-rdf-syntax-ns#value", nsRDFS + "label", nsSkos + "prefLabel"} {
		for _, said := range r.values(v, property) {
			s, _, _, _ := rdf.Literal(said)
			if id := rdf.ID(said); id != "" {
				s = id
			}
			tag, ok := r.codes.LanguageTag(s)
			if ok {
				return tag, true
			}
		}
	}
	return "", false
}
