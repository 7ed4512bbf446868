package geo

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// gmlReader reads geometries of GML 3 and the boxes of GML 2: positions of points, lines and rings, the corners of
// envelopes; other elements are passed over. Of a system by its short name nobody knows which axis comes first.
type gmlReader struct {
	*gatherer
	in      []string // elements around, by their local names
	text    strings.Builder
	numbers int // of a position
	corners [][2]float64
}

// gml reads a geometry in GML. Errors: Invalid.
func (g *gatherer) gml(s string) error {
	r := &gmlReader{gatherer: g, numbers: 2}
	dec := xml.NewDecoder(strings.NewReader(s))
	dec.Entity = map[string]string{}
	for {
		token, err := dec.RawToken() // prefixes are mostly declared outside of the literal
		if errors.Is(err, io.EOF) && len(r.in) == 0 {
			return nil
		}
		if err != nil {
			return faulty("it is not GML: %.100s", strings.TrimPrefix(err.Error(), "XML syntax error on "))
		}
		switch t := token.(type) {
		case xml.StartElement:
			err = r.begin(&t)
		case xml.EndElement:
			err = r.finish(t.Name.Local)
		case xml.CharData:
			r.text.Write(t)
		case xml.Directive:
			err = faulty("it is not GML: a document type is not read")
		}
		if err != nil {
			return err
		}
	}
}

func (r *gmlReader) begin(t *xml.StartElement) (err error) {
	r.in = append(r.in, t.Name.Local)
	if len(r.in) > maxDepth {
		return faulty("it is nested more than %d levels", maxDepth)
	}
	r.text.Reset()
	for _, a := range t.Attr {
		switch a.Name.Local {
		case "srsName":
			if strings.HasPrefix(strings.ToUpper(a.Value), "EPSG:") {
				return faulty("its reference system does not say which axis comes first: %.40q; write urn:ogc:def:crs:EPSG::4326", a.Value)
			}
			r.latFirst, err = system(a.Value)
		case "srsDimension":
			r.numbers, err = strconv.Atoi(a.Value)
			if err != nil || r.numbers < 2 || r.numbers > 4 {
				return faulty("a position has two to four numbers, not %.20q", a.Value)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *gmlReader) finish(name string) (err error) {
	if len(r.in) == 0 || r.in[len(r.in)-1] != name {
		return faulty("it is not GML: %.40q ends what did not begin", name)
	}
	r.in = r.in[:len(r.in)-1]
	switch name {
	case "pos", "lowerCorner", "upperCorner", "posList", "coordinates":
		err = r.positions(name)
	case "Point", "LineString", "LinearRing", "LineStringSegment":
		err = r.end()
	case "Envelope", "Box":
		err = r.box()
	}
	r.text.Reset()
	return err
}

// positions reads the numbers of an element.
func (r *gmlReader) positions(name string) error {
	text, each := r.text.String(), r.numbers
	if name == "coordinates" { // x,y x,y [GML 2]
		for _, tuple := range strings.Fields(text) {
			err := r.add(strings.Split(tuple, ","))
			if err != nil {
				return err
			}
		}
		return nil
	}
	words := strings.Fields(text)
	if name != "posList" {
		each = len(words)
	}
	if each < 2 || each > 4 || len(words)%each != 0 {
		return faulty("%d numbers of %s are no positions of %d", len(words), name, each)
	}
	for tuple := range slices.Chunk(words, each) {
		err := r.add(tuple)
		if err != nil {
			return err
		}
	}
	return nil
}

// add adds a position: a corner of a box, or one of a line.
func (r *gmlReader) add(words []string) error {
	var at [2]float64
	if len(words) < 2 || len(words) > 4 {
		return faulty("a position has two to four numbers, not %d", len(words))
	}
	for i := range at {
		f, err := strconv.ParseFloat(words[i], 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return faulty("%.40q is no number", words[i])
		}
		at[i] = f
	}
	if slices.Contains(r.in, "Envelope") || slices.Contains(r.in, "Box") {
		if r.latFirst {
			at[0], at[1] = at[1], at[0]
		}
		r.corners = append(r.corners, at)
		return nil
	}
	r.position(at[0], at[1])
	return nil
}

// box adds the box between two corners.
func (r *gmlReader) box() error {
	c := r.corners
	r.corners = nil
	if len(c) != 2 {
		return faulty("a box has two corners, not %d", len(c))
	}
	if c[0][0] > c[1][0] { // over the date line
		c[1][0] += 360
	}
	return r.rectangle(c[0][0], c[0][1], c[1][0], c[1][1])
}
