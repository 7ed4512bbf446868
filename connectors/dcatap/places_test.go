package dcatap

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// place is a dataset in Turtle that is about some places.
func place(t *testing.T, spatial string) schemas.Dataset {
	t.Helper()
	const head = `@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . @prefix locn: <http://www.w3.org/ns/locn#> .
@prefix geo: <http://www.opengis.net/ont/geosparql#> . @prefix nuts: <http://data.europa.eu/nuts/code/> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<https://x.example/d> a dcat:Dataset ; dct:title "T" ; dct:spatial `
	d, err := Read(rdf.Turtle, []byte(head+spatial+" ."), "")
	if err != nil {
		t.Fatalf("%s: %v", spatial, err)
	}
	return d
}

// TestPlaces: boxes and regions become members, what they do not say whole is kept, and all of it comes
// back once.
func TestPlaces(t *testing.T) {
	t.Parallel()
	const belgium = "<http://publications.europa.eu/resource/authority/country/BEL>"
	const square = `dcat:bbox "POLYGON((3 47,7 47,7 53.5,3 53.5,3 47))"^^geo:wktLiteral`
	for name, c := range map[string]struct {
		spatial   string
		countries []string
		regions   []string
		box       []float64
		kept      string // a part of what is kept; "" for nothing
		note      string
	}{
		"a box":           {spatial: `[ a dct:Location ; ` + square + ` ]`, box: []float64{3, 47, 7, 53.5}},
		"and a country":   {spatial: belgium + `, [ ` + square + ` ]`, countries: []string{"BE"}, box: []float64{3, 47, 7, 53.5}},
		"with a name":     {spatial: `[ ` + square + ` ; skos:prefLabel "The coast"@en ]`, box: []float64{3, 47, 7, 53.5}, kept: "The coast"},
		"of an address":   {spatial: `<https://x.example/coast> . <https://x.example/coast> ` + square, box: []float64{3, 47, 7, 53.5}, kept: "<https://x.example/coast>"},
		"of another kind": {spatial: `[ a dct:Location, <https://x.example/Sea> ; ` + square + ` ]`, box: []float64{3, 47, 7, 53.5}, kept: "Sea"},
		"latitude first": {
			spatial: `[ dcat:bbox "<http://www.opengis.net/def/crs/EPSG/0/4326> POLYGON((47 3,53.5 3,53.5 7,47 7,47 3))"^^geo:wktLiteral ]`,
			box:     []float64{3, 47, 7, 53.5},
		},
		"over the date line": {spatial: `[ dcat:bbox "POLYGON((170 -5,190 -5,190 5,170 5,170 -5))"^^geo:wktLiteral ]`, box: []float64{170, -5, -170, 5}},
		"a shape":            {spatial: `[ locn:geometry "POLYGON((3 47,7 47,5 50,3 47))"^^geo:wktLiteral ]`, box: []float64{3, 47, 7, 50}, kept: "locn:geometry"},
		"GeoJSON": {
			spatial: `[ locn:geometry "{\"type\": \"Point\", \"coordinates\": [4, 50]}"^^<https://www.iana.org/assignments/media-types/application/vnd.geo+json> ]`,
			box:     []float64{4, 50, 4, 50}, kept: "coordinates",
		},
		"GeoSPARQL": {spatial: `[ geo:hasGeometry [ geo:asWKT "POINT(4 50)"^^geo:wktLiteral ] ]`, box: []float64{4, 50, 4, 50}, kept: "geo:asWKT"},
		"GML": {
			spatial: `[ dcat:bbox "<gml:Envelope srsName='urn:ogc:def:crs:OGC:1.3:CRS84'><gml:lowerCorner>3 47</gml:lowerCorner><gml:upperCorner>7 53.5</gml:upperCorner></gml:Envelope>"^^geo:gmlLiteral ]`,
			box:     []float64{3, 47, 7, 53.5}, kept: "gml:Envelope",
		},
		"GeoSPARQL in GML": {
			spatial: `[ geo:hasGeometry [ geo:asGML "<gml:Point><gml:pos>4 50</gml:pos></gml:Point>"^^geo:gmlLiteral ] ]`, box: []float64{4, 50, 4, 50}, kept: "geo:asGML",
		},
		"in two forms": {
			spatial: `[ ` + square + `, "<gml:Envelope/>"^^geo:gmlLiteral ]`, box: []float64{3, 47, 7, 53.5}, kept: "gml:Envelope",
		},
		"the box before the shape": {
			spatial: `[ ` + square + ` ; locn:geometry "POINT(100 5)"^^geo:wktLiteral ]`, box: []float64{3, 47, 7, 53.5}, kept: "POINT(100 5)",
		},
		"two": {
			spatial: `[ ` + square + ` ], [ dcat:bbox "POLYGON((10 47,11 47,11 48,10 48,10 47))"^^geo:wktLiteral ]`,
			box:     []float64{3, 47, 11, 53.5}, kept: "11 48",
		},
		"another system": {
			spatial: `[ locn:geometry "<http://www.opengis.net/def/crs/EPSG/0/28992> POINT(120749 487589)"^^geo:wktLiteral ]`, kept: "EPSG/0/28992",
			note: "dct:spatial: its geometry is kept as it stands: its reference system is not read here: http://www.opengis.net/def/crs/EPSG/0/28992",
		},
		"a centre":             {spatial: `[ dcat:centroid "POINT(4 50)"^^geo:wktLiteral ]`, kept: "dcat:centroid", note: "it names no place"},
		"a region":             {spatial: `nuts:BE10`, countries: []string{"BE"}, regions: []string{"BE10"}},
		"regions and its land": {spatial: belgium + `, nuts:BE10, nuts:EL303`, countries: []string{"BE", "GR"}, regions: []string{"BE10", "EL303"}},
		"a region with a name": {
			spatial: `nuts:BE10 . nuts:BE10 skos:prefLabel "Brussels"@en`, countries: []string{"BE"}, regions: []string{"BE10"}, kept: "Brussels",
		},
		"a region of others": {
			spatial: `<http://nuts.geovocab.org/id/DE3>`, countries: []string{"DE"}, regions: []string{"DE3"}, kept: "geovocab",
		},
		"a region in a word": {spatial: `"BE10"`, countries: []string{"BE"}, regions: []string{"BE10"}, kept: `"BE10"`},
		"a region in a label": {
			spatial: `[ <http://www.w3.org/2000/01/rdf-schema#label> "BE10" ]`, countries: []string{"BE"}, regions: []string{"BE10"}, kept: `"BE10"`,
		},
		"a code that is no region's": {
			spatial: `[ <http://www.w3.org/2000/01/rdf-schema#label> "Belgium" ; dct:identifier "AB12" ]`, countries: []string{"BE"},
		},
		"a country's code": {spatial: `nuts:BE`, countries: []string{"BE"}},
		"no region's code": {spatial: `nuts:ZZ10`, kept: "ZZ10", note: "it names no place"},
	} {
		d := place(t, c.spatial)
		if !slices.Equal(d.Countries, c.countries) || !slices.Equal(d.Regions, c.regions) || !slices.Equal(d.Box, c.box) {
			t.Errorf("%s: %v, %v, %v", name, d.Countries, d.Regions, d.Box)
		}
		if (d.RDF == "") != (c.kept == "") || !strings.Contains(d.RDF, c.kept) {
			t.Errorf("%s: kept is %q", name, d.RDF)
		}
		notes := strings.Join(d.Notes, "\n")
		if len(c.box) > 0 && len(c.countries) == 0 && c.note == "" {
			c.note = "dct:spatial: a geometry names no country; add the country"
		}
		if (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%s: %q, want %q", name, notes, c.note)
		}
		for _, f := range []rdf.Format{rdf.JSONLD, rdf.Turtle, rdf.RDFXML} {
			d.ID = "ds-1"
			b, err := Write(f, d, "https://g.example")
			if err != nil {
				t.Fatal(err)
			}
			again, err := Read(f, b, "")
			if err != nil || !slices.Equal(again.Countries, c.countries) || !slices.Equal(again.Regions, c.regions) || !slices.Equal(again.Box, c.box) ||
				again.RDF != d.RDF {
				t.Errorf("%s, %s: %v, %v, %v, %v\n%s", name, f, again.Countries, again.Regions, again.Box, err, again.RDF)
			}
		}
		b, err := Write(rdf.Turtle, d, "https://g.example")
		if n := strings.Count(string(b), "dct:spatial"); err != nil || n > 1 {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
		if n := strings.Count(string(b), "dcat:bbox"); len(d.Box) > 0 && n != max(1, strings.Count(c.spatial, "dcat:bbox")) && c.kept == "" {
			t.Errorf("%s: there are %d boxes\n%s", name, n, b)
		}
	}
}

// TestPlacesOfOurs: what a person writes as members comes back as it is.
func TestPlacesOfOurs(t *testing.T) {
	t.Parallel()
	d := schemas.Dataset{
		ID: "ds-1", Title: schemas.Text{"": "T"}, Countries: []string{"BE"}, Regions: []string{"BE10", "BE2"}, Box: []float64{170, -5.5, -170, 5},
	}
	for _, f := range []rdf.Format{rdf.JSONLD, rdf.Turtle, rdf.RDFXML} {
		b, err := Write(f, d, "https://g.example")
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(f, b, "")
		if err != nil || !reflect.DeepEqual(got.Regions, d.Regions) || !reflect.DeepEqual(got.Box, d.Box) || got.RDF != "" {
			t.Errorf("%s: %v, %v, %v\n%s", f, got.Regions, got.Box, err, got.RDF)
		}
	}
}

// TestRealPlaces: of the reference catalogues those that have a geometry have a box.
func TestRealPlaces(t *testing.T) {
	t.Parallel()
	boxes := map[string]int{}
	dcataptest.Documents(t, func(path string, f rdf.Format, b []byte) {
		items, err := ReadAll(f, b, "https://source.example/")
		if err != nil {
			return
		}
		for _, item := range items {
			name := filepath.Base(path)
			if len(item.Dataset.Box) == 4 {
				boxes[name]++
			}
			if name == "drafts__latest__examples__dataset.ttl" && !slices.Equal(item.Dataset.Box, []float64{-31.285, 27.642, 34.099, 70.075}) {
				t.Errorf("%s: %v", name, item.Dataset.Box)
			}
			courts := []float64{115.864566, -42.885989, 153.276835, -12.460578} // latitude stands first there
			if name == "vocab-dcat-3__ga-courts.ttl" && !slices.Equal(item.Dataset.Box, courts) {
				t.Errorf("%s: %v", name, item.Dataset.Box)
			}
		}
	})
	want := map[string]int{}
	for _, name := range []string{
		"drafts__latest__examples__dataset", "releases__2.0.0__examples__dataset", "vocab-dcat-3__ga-courts", "vocab-dcat-3__spatial-properties",
	} {
		want[name+".jsonld"], want[name+".rdf"], want[name+".ttl"] = 1, 1, 1
	}
	if !reflect.DeepEqual(boxes, want) {
		t.Errorf("with boxes are %v, want %v", boxes, want)
	}
}
