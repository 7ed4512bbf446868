package geo

import (
	"math"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

// TestOf: geometries as catalogues write them, to their boxes.
func TestOf(t *testing.T) {
	t.Parallel()
	for literal, c := range map[string]struct {
		want  Box
		whole bool
	}{
		"POLYGON(( 3.053 47.975 , 7.24  47.975 , 7.24  53.504 , 3.053 53.504 , 3.053 47.975 ))": {
			want:  Box{3.053, 47.975, 7.24, 53.504},
			whole: true,
		},
		"POLYGON((-180 90,180 90,180 -90,-180 -90,-180 90))": {
			want:  Whole(),
			whole: true,
		},
		"polygon ((10 45, 15 45, 15 50, 10 45))": {
			want:  Box{10, 45, 15, 50},
			whole: false,
		},
		"POLYGON((10 45,15 50,15 45,10 50,10 45))": {
			want:  Box{10, 45, 15, 50},
			whole: false,
		},
		"POLYGON((0 0,9 0,9 9,0 9,0 0),(2 2,3 2,3 3,2 3,2 2))": {
			want:  Box{0, 0, 9, 9},
			whole: false,
		},
		"POINT(13.4050 52.5200)": {
			want:  Box{13.405, 52.52, 13.405, 52.52},
			whole: false,
		},
		"POINT Z (13.4050 52.5200 30.1)": {
			want:  Box{13.405, 52.52, 13.405, 52.52},
			whole: false,
		},
		"<http://www.opengis.net/def/crs/EPSG/0/4326> POINT(52.52 13.405)": {
			want:  Box{13.405, 52.52, 13.405, 52.52},
			whole: false,
		},
		"<http://www.opengis.net/def/crs/OGC/1.3/CRS84> LINESTRING(1 2, 3 -4)": {
			want:  Box{1, -4, 3, 2},
			whole: false,
		},
		"SRID=4326;POINT(13.405 52.52)": {
			want:  Box{13.405, 52.52, 13.405, 52.52},
			whole: false,
		},
		"MULTIPOLYGON(((170 0,180 0,180 5,170 5,170 0)),((-180 0,-170 0,-170 5,-180 5,-180 0)))": {
			want:  Box{170, 0, -170, 5},
			whole: false,
		},
		"POLYGON((170 0,190 0,190 5,170 5,170 0))": {
			want:  Box{170, 0, -170, 5},
			whole: true,
		},
		"POLYGON((0 -90,360 -90,360 90,0 90,0 -90))": {
			want:  Whole(),
			whole: true,
		},
		"GEOMETRYCOLLECTION(POINT(1 2),POLYGON((3 3,4 3,4 4,3 3)))": {
			want:  Box{1, 2, 4, 4},
			whole: false,
		},
		"ENVELOPE(-10, 20, 60, 40)": {
			want:  Box{-10, 40, 20, 60},
			whole: true,
		},
		"ENVELOPE(170, -170, 60, 40)": {
			want:  Box{170, 40, -170, 60},
			whole: true,
		},
		`{"type": "Point", "coordinates": [4.3, 50.8]}`: {
			want:  Box{4.3, 50.8, 4.3, 50.8},
			whole: false,
		},
		`{"type": "Polygon", "coordinates": [[[1,2],[3,2],[3,4],[1,4],[1,2]]]}`: {
			want:  Box{1, 2, 3, 4},
			whole: true,
		},
		`{"coordinates": [[[1,2,0],[3,2,0],[3,4,9],[1,2,0]]], "crs": {"type": "name", "properties": {"name": "EPSG:4326"}}}`: {
			want:  Box{1, 2, 3, 4},
			whole: false,
		},
		`{"type": "Feature", "properties": {"a": [{"coordinates": 1}]}, "geometry": {"type": "MultiPoint", "coordinates": [[1,2],[3,4]]}}`: {
			want:  Box{1, 2, 3, 4},
			whole: false,
		},
		`{"type": "FeatureCollection", "features": [{"geometry": {"type": "Point", "coordinates": [1, 2]}}, {"geometry": {"coordinates": [-178.5, 1]}}]}`: {
			want:  Box{-178.5, 1, 1, 2},
			whole: false,
		},
		`{"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [179, 2]}, {"coordinates": [-179, 1]}]}`: {
			want:  Box{179, 1, -179, 2},
			whole: false,
		},
	} {
		got, whole, err := Of(literal)
		if err != nil || got != c.want || whole != c.whole {
			t.Errorf("%s: %v, %v, %v; want %v, %v", literal, got, whole, err, c.want, c.whole)
		}
	}
}

// TestOfRefuses: what is not understood is refused in words.
func TestOfRefuses(t *testing.T) {
	t.Parallel()
	for literal, says := range map[string]string{
		"":                       "neither WKT nor GML nor GeoJSON",
		"Belgium":                "neither WKT nor GML nor GeoJSON",
		"POINTLESS":              "neither WKT nor GML nor GeoJSON",
		"POINT":                  "neither WKT nor GML nor GeoJSON",
		"POINT EMPTY":            "no coordinates",
		"POINT(1)":               "two to four numbers",
		"POINT(1 2 3 4 5)":       "two to four numbers",
		"POINT(1 2":              "do not match",
		"POINT(1 2))":            "do not match",
		"POINT(1 2) 3":           "do not match",
		"POINT(1 2;3)":           "no WKT",
		"POINT(1.2.3 4)":         "no number",
		"POINT(1 95)":            "latitudes",
		"POINT(120749.725 48.4)": "longitudes",
		"POINT 1 (2 3)":          "opens behind a number",
		"<http://www.opengis.net/def/crs/EPSG/0/28992> POINT(120749 487589)": "not read here: http://www.opengis.net/def/crs/EPSG/0/28992",
		"<http://www.opengis.net/def/crs/EPSG/0/4326 POINT(1 2)":             "has no end",
		"SRID=31370;POINT(1 2)":                                  "not read here: EPSG:31370",
		"ENVELOPE(1, 2, 3)":                                      "four numbers",
		"ENVELOPE(1, 2, 3, 4)":                                   "north of its north",
		"ENVELOPE(1, 2, x, 4)":                                   "no number",
		strings.Repeat("(", 100):                                 "neither",
		"POINT" + strings.Repeat(" (", 100) + "1":                "do not match",
		"POINT(1 2)" + strings.Repeat(" ", 1<<20) + "POINT(1 2)": "more than 1048576 bytes",
		`{`:                                "no GeoJSON",
		`{"type": "Point"}`:                "no coordinates",
		`{"coordinates": 5}`:               "no coordinates",
		`{"coordinates": [1, "2"]}`:        "no number: 2",
		`{"coordinates": [1]}`:             "two to four",
		`{"coordinates": [1, 2, 3, 4, 5]}`: "two to four",
		`{"coordinates": [[1, 2], 3]}`:     "two to four",
		`{"features": [1]}`:                "no GeoJSON",
		`{"coordinates": [1, 2], "crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::31370"}}}`: "not read here: urn:ogc:def:crs:EPSG::31370",
		`{"coordinates": ` + strings.Repeat("[", 100):                                             "levels",
		strings.Repeat(`{"geometry": `, 100):                                                      "levels",
		`{"crs": ` + strings.Repeat(`{"properties": `, 100):                                       "GeoJSON",
		`{"x": ` + strings.Repeat("[", 5000):                                                      "levels",
	} {
		_, _, err := Of(literal)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80s: %v, want %q", literal, err, says)
		}
	}
}

// TestHull: around several goes the smallest box, be it over the date line.
func TestHull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		boxes []Box
		want  Box
	}{
		{
			boxes: []Box{{1, 2, 3, 4}},
			want:  Box{1, 2, 3, 4},
		},
		{
			boxes: []Box{{1, 2, 3, 4}, {-5, 3, 2, 9}},
			want:  Box{-5, 2, 3, 9},
		},
		{
			boxes: []Box{{170, 0, 175, 1}, {-175, 0, -170, 1}},
			want:  Box{170, 0, -170, 1},
		},
		{
			boxes: []Box{{170, 0, -175, 1}, {-172, 0, -170, 1}},
			want:  Box{170, 0, -170, 1},
		},
		{
			boxes: []Box{{-10, 0, 10, 1}, {80, 0, 100, 1}, {170, 0, -170, 1}, {-100, 0, -80, 1}},
			want:  Box{-100, 0, -170, 1},
		},
		{
			boxes: []Box{Whole(), {170, 0, -170, 1}},
			want:  Whole(),
		},
		{
			boxes: []Box{{-180, 0, 0, 1}, {0, 0, 180, 1}},
			want:  Box{-180, 0, 180, 1},
		},
		{
			boxes: []Box{{0.1, 0, 0.3, 1}},
			want:  Box{0.1, 0, 0.3, 1},
		},
	} {
		got, ok := Hull(c.boxes...)
		if !ok || got != c.want {
			t.Errorf("%v: %v, want %v", c.boxes, got, c.want)
		}
	}
	if _, ok := Hull(); ok {
		t.Error("there is a box around nothing")
	}
}

// TestAgain: a box that is written is read as it was, in each form.
func TestAgain(t *testing.T) {
	t.Parallel()
	for _, b := range []Box{
		Whole(),
		{3.053, 47.975, 7.24, 53.504},
		{170, -5, -170, 5},
		{0.1, 0.2, 0.1, 0.2},
		{1, 2, 1, 4},
		{1, 2, 3, 2},
		{-180, 1, -179.25, 2},
	} {
		got, whole, err := Of(b.WKT())
		if err != nil || got != b || !whole {
			t.Errorf("%s: %v, %v, %v; want %v", b.WKT(), got, whole, err, b)
		}
		got, err = OfLatLon(b.LatLon())
		if err != nil || got != b {
			t.Errorf("%s: %v, %v; want %v", b.LatLon(), got, err, b)
		}
		got, ok := OfCorners(strings.Split(b.String(), ","))
		if !ok || got != b {
			t.Errorf("%s: %v, %v; want %v", b, got, ok, b)
		}
		got, err = FromSlice(b.Slice())
		if err != nil || got != b {
			t.Errorf("%v: %v, %v", b, got, err)
		}
	}
}

// TestFromSlice: what is no box is told.
func TestFromSlice(t *testing.T) {
	t.Parallel()
	for says, at := range map[string][]float64{
		"these are 2":    {1, 2},
		"these are 0":    nil,
		"west is -181":   {-181, 0, 0, 0},
		"north is 91":    {0, 0, 0, 91},
		"east is NaN":    {0, 0, math.NaN(), 0},
		"south is -Inf":  {0, math.Inf(-1), 0, 0},
		"north of north": {1, 5, 2, 4},
	} {
		_, err := FromSlice(at)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", at, err, says)
		}
	}
}

// TestLatLon: shapes of schema.org have latitude first.
func TestLatLon(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]Box{
		"39.3280 120.1633 40.445 123.7878": {120.1633, 39.328, 123.7878, 40.445},
		"39.3280,120.1633 40.445,123.7878": {120.1633, 39.328, 123.7878, 40.445},
		"1 170 2 -170":                     {170, 1, -170, 2},
		"50.8 4.3":                         {4.3, 50.8, 4.3, 50.8},
		"1 2 3 4 5 6 1 2":                  {2, 1, 6, 5},
		"-90 -180 90 180":                  Whole(),
	} {
		got, err := OfLatLon(s)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "1", "1 2 3", "1 a", "5 1 2 3", "95 0", "1 2 3 4 5 999", strings.Repeat("1 ", 1<<20)} {
		if got, err := OfLatLon(s); err == nil {
			t.Errorf("%.40s: %v", s, got)
		}
	}
	for _, s := range []string{"1 2 3", "1 2 3 north", "1 5 2 4"} {
		if got, ok := OfCorners(strings.Fields(s)); ok {
			t.Errorf("%s: %v", s, got)
		}
	}
}

// TestRegion: regions by their addresses and codes; countries are none.
func TestRegion(t *testing.T) {
	t.Parallel()
	for iri, c := range map[string]struct {
		code  string
		named bool
	}{
		"http://data.europa.eu/nuts/code/BE10": {
			code:  "BE10",
			named: true,
		},
		"https://data.europa.eu/nuts/code/DEA": {
			code: "DEA",
		},
		"http://nuts.geovocab.org/id/EL303": {
			code: "EL303",
		},
		"http://ec.europa.eu/eurostat/ramon/rdfdata/nuts2008/DE3": {
			code: "DE3",
		},
		"http://ec.europa.eu/nuts/x#FR1": {
			code: "FR1",
		},
		"http://data.europa.eu/nuts/code/BE":   {},
		"http://data.europa.eu/nuts/code/be10": {},
		"http://x.example/BE10":                {},
		"BE10":                                 {},
		"http://%zz":                           {},
	} {
		code, named := Region(iri)
		if code != c.code || named != c.named {
			t.Errorf("%s: %q, %v", iri, code, named)
		}
	}
	for s, want := range map[string]string{
		"BE10":                                "BE10",
		" BE10 ":                              "BE10",
		"http://data.europa.eu/nuts/code/DEA": "DEA",
		"FRANK":                               "",
		"DEA":                                 "",
		"BE":                                  "",
		"be10":                                "",
	} {
		code, ok := RegionOfWords(s)
		if ok != (want != "") || code != want {
			t.Errorf("%q: %q, %v", s, code, ok)
		}
	}
	if Country("EL303") != "EL" || Country("") != "" || RegionIRI("BE1") != "http://data.europa.eu/nuts/code/BE1" || IsRegion("BE") || !IsRegion("BEZZZ") {
		t.Error("codes of regions")
	}
}

// TestSystems: reference systems by all of their names; those in metres are refused.
func TestSystems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		latFirst, refused bool
	}{
		"http://www.opengis.net/def/crs/OGC/1.3/CRS84": {},
		"https://www.opengis.net/def/crs/OGC/0/CRS84h": {},
		"urn:ogc:def:crs:OGC:1.3:CRS84":                {},
		"OGC:CRS84":                                    {},
		"http://www.opengis.net/def/crs/EPSG/0/4326": {
			latFirst: true,
		},
		"urn:ogc:def:crs:EPSG::4258": {
			latFirst: true,
		},
		"urn:ogc:def:crs:EPSG:9.8:4326": {
			latFirst: true,
		},
		"EPSG:4326": {
			latFirst: true,
		},
		"epsg:4326": {
			latFirst: true,
		},
		"EPSG:3035": {
			refused: true,
		},
		"http://www.opengis.net/def/crs/EPSG/0/31370": {
			refused: true,
		},
		"4326": {
			refused: true,
		},
		"": {
			refused: true,
		},
		"IGNF:4326": {
			refused: true,
		},
	} {
		latFirst, err := system(name)
		if latFirst != c.latFirst || (err != nil) != c.refused {
			t.Errorf("%s: %v, %v", name, latFirst, err)
		}
		if InDegrees(name) == nil == c.refused {
			t.Errorf("%s: it is in degrees, and refused", name)
		}
		if err != nil && Why(err) != "its reference system is not read here: "+name {
			t.Errorf("%s: %s", name, Why(err))
		}
	}
}

// TestMany: what is long is read in step with its length, and what is longer is not.
func TestMany(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		begin, each, end string
		times            int
		want             Box
		refused          bool
	}{
		"points": {
			begin: "MULTIPOINT(",
			each:  "1 2,",
			end:   "3 4)",
			times: 200_000,
			want:  Box{1, 2, 3, 4},
		},
		"parts": {
			begin: "MULTIPOLYGON(",
			each:  "((1 2,3 2,3 4,1 2)),",
			end:   "((9 9,9 9)))",
			times: 50_000,
			want:  Box{1, 2, 9, 9},
		},
		"positions of GeoJSON": {
			begin: `{"type": "LineString", "coordinates": [`,
			each:  "[1,2],",
			end:   "[3,4]]}",
			times: 150_000,
			want:  Box{1, 2, 3, 4},
		},
		"members of GeoJSON": {
			begin: `{"type": "Point", `,
			each:  `"a":1,`,
			end:   `"coordinates": [3,4]}`,
			times: 150_000,
			want:  Box{3, 4, 3, 4},
		},
		"too many": {
			begin:   "MULTIPOINT(",
			each:    "1 2,",
			end:     "3 4)",
			times:   300_000,
			refused: true,
		},
		"parentheses": {
			begin:   "POLYGON ",
			each:    "(",
			end:     "1 2)",
			times:   500_000,
			refused: true,
		},
		"digits": {
			begin:   "POINT(",
			each:    "1",
			end:     " 2)",
			times:   500_000,
			refused: true,
		},
	} {
		begun := time.Now()
		got, _, err := Of(c.begin + strings.Repeat(c.each, c.times) + c.end)
		if (err != nil) != c.refused || got != c.want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// FuzzOf: whatever is read is a box, and is the same when written and read again.
func FuzzOf(f *testing.F) {
	for _, s := range []string{
		"POLYGON((1 2,3 2,3 4,1 4,1 2))", "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT(52.52 13.405)", "ENVELOPE(1,2,4,3)",
		`{"type": "MultiPolygon", "coordinates": [[[[1,2],[3,2],[3,4],[1,2]]]]}`, "39.3 120.1 40.4 123.7", "SRID=4326;POINT(1 2)",
		`{"features": [{"geometry": {"coordinates": [1, 2], "crs": {"properties": {"name": "EPSG:4326"}}}}]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, _, err := Of(s)
		if err != nil {
			b, err = OfLatLon(s)
		}
		if err != nil {
			if schemas.KindOf(err) != schemas.Invalid {
				t.Fatal(err)
			}
			return
		}
		if _, err := FromSlice(b.Slice()); err != nil {
			t.Fatalf("%q: %v: %v", s, b, err)
		}
		again, whole, err := Of(b.WKT())
		if err != nil || again != b || !whole {
			t.Fatalf("%q: %v, then %v, %v, %v", s, b, again, whole, err)
		}
		Region(s)
		RegionOfWords(s)
		OfCorners(strings.Split(s, ","))
	})
}
