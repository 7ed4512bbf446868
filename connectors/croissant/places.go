package croissant

import (
	"cmp"
	"maps"
	"slices"

	"guichet/connectors/geo"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

const (
	nsRDFS     = "http://www.w3.org/2000/01/rdf-schema#"
	wktLiteral = "http://www.opengis.net/ont/geosparql#wktLiteral"
)

// places translates where data is about: words and addresses, and places with a shape, whose numbers
// have latitude first.
func (r *reader) places(values []rdf.Node) []any {
	var out []any
	for _, v := range values {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(v)), func(property string) bool { return local(property) == "geo" }) {
			out = append(out, r.named([]rdf.Node{v})...)
			continue
		}
		p := r.properties("spatialCoverage: ", v, "name url value geo")
		place := rdf.Node{"@type": []any{nsDCT + "Location"}}
		if id := rdf.ID(v); id != "" {
			place["@id"] = id
		}
		if name := cmp.Or(word(p["name"]), word(p["value"]), word(p["url"])); name != "" {
			place[nsRDFS+"label"] = said(name)
		}
		for _, shape := range p["geo"] {
			box, err := r.shape(shape)
			if err != nil {
				r.note("spatialCoverage: its shape is not kept: %s", geo.Why(err))
				continue
			}
			place[nsDCAT+"bbox"] = []any{rdf.Node{"@value": box.WKT(), "@type": wktLiteral}}
		}
		if len(place) > 1 {
			out = append(out, place)
		}
	}
	return out
}

// shape is the box around a GeoShape or GeoCoordinates.
func (r *reader) shape(v rdf.Node) (geo.Box, error) {
	p := r.properties("spatialCoverage: ", v, "box polygon line latitude longitude")
	if lat := word(p["latitude"]); lat != "" {
		return geo.OfLatLon(lat + " " + word(p["longitude"]))
	}
	return geo.OfLatLon(cmp.Or(word(p["box"]), word(p["polygon"]), word(p["line"])))
}

// places are the countries, regions and box of a dataset: codes, addresses and a shape.
func places(d *schemas.Dataset) []any {
	var out []any
	for _, code := range d.Countries {
		out = append(out, code)
	}
	for _, code := range d.Regions {
		out = append(out, geo.RegionIRI(code))
	}
	if box, err := geo.FromSlice(d.Box); err == nil {
		out = append(out, object{"@type": "sc:Place", "geo": object{"@type": "sc:GeoShape", "box": box.LatLon()}})
	}
	return out
}
