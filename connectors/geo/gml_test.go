package geo

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

const crs84 = `srsName="http://www.opengis.net/def/crs/OGC/1.3/CRS84"`

// TestGML: geometries in GML, to their boxes.
func TestGML(t *testing.T) {
	t.Parallel()
	for literal, c := range map[string]struct {
		want  Box
		whole bool
	}{
		`<gml:Envelope ` + crs84 + `><gml:lowerCorner>-62.9951 -21.378367</gml:lowerCorner><gml:upperCorner>55.813367 70.620781</gml:upperCorner></gml:Envelope>`:                                           {Box{-62.9951, -21.378367, 55.813367, 70.620781}, true},
		`<Envelope xmlns="http://www.opengis.net/gml/3.2" srsName="urn:ogc:def:crs:EPSG::4258"><lowerCorner>45 10</lowerCorner> <upperCorner>50 15</upperCorner></Envelope>`:                                {Box{10, 45, 15, 50}, true},
		`<gml:Envelope ` + crs84 + `><gml:lowerCorner>170 -10</gml:lowerCorner><gml:upperCorner>-170 10</gml:upperCorner></gml:Envelope>`:                                                                   {Box{170, -10, -170, 10}, true},
		`<gml:Point srsName="http://www.opengis.net/def/crs/EPSG/0/4326"><gml:pos>52.52 13.405</gml:pos></gml:Point>`:                                                                                       {Box{13.405, 52.52, 13.405, 52.52}, false},
		`<gml:Point ` + crs84 + `><gml:pos>13.405 52.52 30</gml:pos></gml:Point>`:                                                                                                                           {Box{13.405, 52.52, 13.405, 52.52}, false},
		`<?xml version="1.0"?><!-- a --><gml:Polygon ` + crs84 + `><gml:exterior><gml:LinearRing><gml:posList>0 0 9 0 9 9 0 9 0 0</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>`:              {Box{0, 0, 9, 9}, true},
		`<gml:LineString><gml:pos>1 2</gml:pos><gml:pos>3 4</gml:pos></gml:LineString>`:                                                                                                                     {Box{1, 2, 3, 4}, false},
		`<gml:MultiPoint><gml:pointMember><gml:Point><gml:pos>1 2</gml:pos></gml:Point></gml:pointMember><gml:pointMember><gml:Point><gml:pos>3 4</gml:pos></gml:Point></gml:pointMember></gml:MultiPoint>`: {Box{1, 2, 3, 4}, false},
		`<gml:LineString srsDimension="3"><gml:posList>1 2 0 3 4 0</gml:posList></gml:LineString>`:                                                                                                          {Box{1, 2, 3, 4}, false},
		`<gml:Box><gml:coordinates>1,2 3,4</gml:coordinates></gml:Box>`:                                                                                                                                     {Box{1, 2, 3, 4}, true},
		`<gml:Point><gml:name>Gent</gml:name><gml:pos>1 2</gml:pos></gml:Point>`:                                                                                                                            {Box{1, 2, 1, 2}, false},
	} {
		got, whole, err := Of(literal)
		if err != nil || got != c.want || whole != c.whole {
			t.Errorf("%s\nis %v %v %v, want %v", literal, got, whole, err, c)
		}
	}
}

// TestGMLRefused: what is not understood is said.
func TestGMLRefused(t *testing.T) {
	t.Parallel()
	for literal, says := range map[string]string{
		`<gml:Point srsName="EPSG:4326"><gml:pos>1 2</gml:pos></gml:Point>`:                                         "which axis comes first",
		`<gml:Point srsName="urn:ogc:def:crs:EPSG::31370"><gml:pos>1 2</gml:pos></gml:Point>`:                       "reference system is not read",
		`<gml:Point><gml:pos>1</gml:pos></gml:Point>`:                                                               "1 numbers of pos",
		`<gml:Point><gml:pos>1 b</gml:pos></gml:Point>`:                                                             "is no number",
		`<gml:Point><gml:pos>1 NaN</gml:pos></gml:Point>`:                                                           "is no number",
		`<gml:LineString><gml:posList>1 2 3</gml:posList></gml:LineString>`:                                         "no positions of 2",
		`<gml:LineString srsDimension="9"><gml:posList>1 2 3</gml:posList></gml:LineString>`:                        "two to four",
		`<gml:Envelope><gml:lowerCorner>1 2</gml:lowerCorner></gml:Envelope>`:                                       "two corners",
		`<gml:Envelope><gml:lowerCorner>1 5</gml:lowerCorner><gml:upperCorner>1 2</gml:upperCorner></gml:Envelope>`: "north of its north",
		`<gml:Box><gml:coordinates>1 2</gml:coordinates></gml:Box>`:                                                 "two to four numbers",
		`<gml:Point><gml:pos>1 2</gml:Point>`:                                                                       "did not begin",
		`<gml:Point><gml:pos>1 2`:                                                                                   "it is not GML",
		`</gml:Point>`:                                                                                              "did not begin",
		`<!DOCTYPE a [<!ENTITY b "1 2">]><gml:Point><gml:pos>&b;</gml:pos></gml:Point>`:                             "document type",
		`<gml:Point><gml:pos>&b; 2</gml:pos></gml:Point>`:                                                           "it is not GML",
		`<gml:Point/>`: "no coordinates",
		`<gml:Point><gml:pos>1 200</gml:pos></gml:Point>`: "",
		strings.Repeat("<a>", 100):                        "nested more than",
	} {
		if _, _, err := Of(literal); err == nil || !strings.Contains(Why(err), says) {
			t.Errorf("%s: %v, want %q", literal, err, says)
		}
	}
}

// TestGMLAsWKT: a box is the same in WKT and in GML, as an envelope and as a polygon, whichever axis comes first.
func TestGMLAsWKT(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		w, s := float64(r.IntN(300)-150), float64(r.IntN(160)-80)
		e, n := w+float64(1+r.IntN(20)), s+float64(1+r.IntN(9))
		b := Box{w, s, e, n}
		want, whole, err := Of(b.WKT())
		if err != nil || !whole || want != b {
			t.Fatalf("%v: %v, %v, %v", b, want, whole, err)
		}
		envelope := func(system string, x0, y0, x1, y1 float64) string {
			return fmt.Sprintf("<g:Envelope srsName=%q>\n <g:lowerCorner>%v %v</g:lowerCorner>\n <g:upperCorner>%v %v</g:upperCorner></g:Envelope>",
				system, x0, y0, x1, y1)
		}
		ring := fmt.Sprintf("%[1]v %[2]v %[3]v %[2]v %[3]v %[4]v %[1]v %[4]v %[1]v %[2]v", w, s, e, n)
		for _, literal := range []string{
			envelope("urn:ogc:def:crs:OGC:1.3:CRS84", w, s, e, n),
			envelope("urn:ogc:def:crs:EPSG::4326", s, w, n, e),
			"<Polygon><exterior><LinearRing><posList>" + ring + "</posList></LinearRing></exterior></Polygon>",
		} {
			got, whole, err := Of(literal)
			if err != nil || !whole || got != want {
				t.Errorf("%s is %v, %v, %v; want %v", literal, got, whole, err, want)
			}
		}
	}
}

// TestGMLIsBounded: what is long is read whole, or refused.
func TestGMLIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("1 2 ", 100_000)
	for name, c := range map[string]struct {
		literal string
		says    string // "" for what is read
	}{
		"positions": {
			literal: "<LineString><posList>" + long + "</posList></LineString>",
		},
		"points": {
			literal: "<M>" + strings.Repeat("<Point><pos>1 2</pos></Point>", 30_000) + "</M>",
		},
		"elements": {
			literal: "<M>" + strings.Repeat("<a/>", 200_000) + "</M>",
			says:    "no coordinates",
		},
		"words": {
			literal: "<a>" + strings.Repeat("<!-- a -->word ", 50_000),
			says:    "it is not GML",
		},
		"bytes": {
			literal: "<a>" + strings.Repeat(" ", maxBytes),
			says:    "more than",
		},
	} {
		b, _, err := Of(c.literal)
		switch {
		case c.says == "" && (err != nil || b != Box{1, 2, 1, 2}):
			t.Errorf("%s: %v, %v", name, b, err)
		case c.says != "" && (err == nil || !strings.Contains(Why(err), c.says)):
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// FuzzGML: whatever the bytes are, there is a box within the world, or it is said why not.
func FuzzGML(f *testing.F) {
	f.Add(`<gml:Envelope ` + crs84 + `><gml:lowerCorner>-62 -21</gml:lowerCorner><gml:upperCorner>55 70</gml:upperCorner></gml:Envelope>`)
	f.Add(`<a><LinearRing><posList>0 0 9 0 9 9</posList></LinearRing><Box><coordinates>1,2 3,4</coordinates></Box></a>`)
	f.Fuzz(func(t *testing.T, literal string) {
		b, _, err := Of("<" + literal)
		if err == nil && (b[1] > b[3] || b[1] < -90 || b[3] > 90 || b[0] < -180 || b[2] > 180) {
			t.Errorf("%q: %v", literal, b)
		}
	})
}
