package dcatap

import (
	"cmp"
	"slices"
	"strings"

	"guichet/connectors/geo"
	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

// area reads the places that a dataset is about: the countries that they are or lie in, the regions
// that they are, and the box around those that have a geometry.
func (r *reader) area(n rdf.Node, d *schemas.Dataset) {
	var boxes []geo.Box
	var plain []rdf.Node // places that are no more than a box
	for _, v := range r.values(n, nsDCT+"spatial") {
		codes, exact := r.place(v)
		known := codes[:0:0]
		for _, code := range codes {
			if _, listed := r.codes.PlaceIRI(code); listed {
				known = append(known, code)
			}
		}
		found, isBox := r.boxes(v)
		region, isRegion := r.region(v)
		switch {
		case len(known)+len(found) == 0:
			r.note("/dct:spatial",
				"it names no place whose country is known here%s; add the country, such as %scountry/BEL", quoted(v),
				rdf.Authority)
			r.leave(nsDCT+"spatial", v)
		case isBox:
			plain = append(plain, v)
		case !exact && !isRegion || len(found) > 0:
			r.leave(nsDCT+"spatial", v)
		}
		r.leaveMore(nsDCT+"spatial", v, nsDCT+"Location")
		for _, code := range known {
			if !slices.Contains(d.Countries, code) {
				d.Countries = append(d.Countries, code)
			}
		}
		in, _ := r.places.Code(geo.Country(region)) // a code of another kind may look like one of NUTS
		if region != "" && slices.Contains(known, in) && len(d.Regions) < maxRegions && !slices.Contains(d.Regions, region) {
			d.Regions = append(d.Regions, region)
		}
		boxes = append(boxes, found...)
	}
	if box, ok := geo.Hull(boxes...); ok {
		d.Box = box.Slice()
	}
	if len(boxes) > 0 && len(d.Countries) == 0 {
		r.note("/dct:spatial", "a geometry names no country; add the country, such as %scountry/BEL", rdf.Authority)
	}
	for _, v := range plain {
		if len(boxes) > 1 { // the dataset's is around all of them
			r.leave(nsDCT+"spatial", v)
		}
	}
}

// maxRegions is how many a dataset has at most [schemas.Dataset].
const maxRegions = 1000

// Properties that tell a place's geometry, the best first: a box is wanted.
func geometries() []string {
	return []string{nsDCAT + "bbox", "http://www.w3.org/ns/locn#geometry", nsGeo + "hasBoundingBox", nsGeo + "hasGeometry"}
}

// boxes reads the geometries of a place, each as the box around it; those that are not understood
// are told. only says that the place is one box and no more, as it would be written here.
func (r *reader) boxes(v rdf.Node) (out []geo.Box, only bool) {
	why := ""
	for _, property := range geometries() {
		if v[property] == nil || len(out) > 0 {
			continue
		}
		said := r.values(v, property)
		inGML := func(g rdf.Node) bool { _, _, datatype, _ := rdf.Literal(g); return datatype == nsGeo+"gmlLiteral" }
		if slices.ContainsFunc(said, func(g rdf.Node) bool { return !inGML(g) }) { // the same in another form
			said = slices.DeleteFunc(slices.Clone(said), inGML)
		}
		for _, g := range said {
			text, _, datatype, literal := rdf.Literal(g)
			if !literal {
				text, datatype = cmp.Or(r.word(g, nsGeo+"asWKT"), r.word(g, nsGeo+"asGML")), ""
			}
			if text == "" {
				continue
			}
			box, whole, err := geo.Of(text)
			if err != nil {
				why = geo.Why(err)
				continue
			}
			out = append(out, box)
			only = whole && property == nsDCAT+"bbox" && datatype == nsGeo+"wktLiteral" && len(out) == 1
		}
	}
	if why != "" && len(out) == 0 {
		r.note("/dct:spatial", "its geometry is kept as it stands: %s", why)
	}
	said := about.Properties(v)
	return out, only && isBlank(v) && len(said) == 1 && len(rdf.Raw(v, said[0])) == 1
}

func isBlank(v rdf.Node) bool {
	id := rdf.ID(v)
	return id == "" || strings.HasPrefix(id, "_:")
}

// region is the NUTS code of a place, by its address or its words; only says that it is no more than
// the address that is written here.
func (r *reader) region(v rdf.Node) (code string, only bool) {
	if s, _, _, literal := rdf.Literal(v); literal {
		code, _ = geo.RegionOfWords(s)
		return code, false
	}
	code, named := geo.Region(rdf.ID(v))
	for _, property := range []string{nsDCT + "identifier", nsSkos + "notation", nsSkos + "exactMatch", nsRDFS + "label"} {
		for _, said := range rdf.Raw(v, property) {
			if word, known := geo.RegionOfWords(address(said)); known && code == "" {
				code = word
			}
		}
	}
	return code, named && len(about.Properties(v)) == 0
}

// areas writes regions and the box of a dataset, but for those that kept places say.
func (w *further) areas(doc object, d *schemas.Dataset, kept []rdf.Node) {
	var boxes []geo.Box
	regions := map[string]bool{}
	for _, v := range w.follow(slices.Clone(kept)) {
		found, _ := w.boxes(v)
		region, _ := w.region(v)
		boxes, regions[region] = append(boxes, found...), true
	}
	own := members(doc["dct:spatial"])
	for _, code := range d.Regions {
		if !regions[code] {
			own = append(own, object{"@id": geo.RegionIRI(code), "@type": "dct:Location"})
		}
	}
	box, err := geo.FromSlice(d.Box)
	if around, _ := geo.Hull(boxes...); err == nil && around != box || err == nil && len(boxes) == 0 {
		own = append(own, object{"@type": "dct:Location", "dcat:bbox": object{"@value": box.WKT(), "@type": "geo:wktLiteral"}})
	}
	if len(own) > 0 {
		doc["dct:spatial"] = own
	}
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
