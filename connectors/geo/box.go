// Package geo knows where on Earth data is about: boxes of degrees, and regions by their NUTS codes.
//
// In flow geometries as catalogues write them, WKT, GML and GeoJSON, and codes and addresses of regions; out
// flow boxes of west, south, east and north. Always: what is not understood is refused in words, a
// reference system by its name; nothing is guessed of the order of coordinates. Parsing is bounded in
// bytes and depth, and takes time in step with the bytes. It must not know what a dataset is.
package geo

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"guichet/schemas"
)

// Box is west, south, east and north in degrees of WGS 84. West is east of east where it crosses the
// date line.
type Box [4]float64

// Whole is the box of the whole Earth.
func Whole() Box { return Box{-180, -90, 180, 90} }

// FromSlice is a box of a dataset's member. Errors: Invalid, saying what is wrong.
func FromSlice(at []float64) (Box, error) {
	if len(at) != 4 {
		return Box{}, faulty("a box is four numbers, west, south, east and north in degrees; these are %d", len(at))
	}
	b := Box(at)
	for i, name := range []string{"west", "south", "east", "north"} {
		most := []float64{180, 90, 180, 90}[i]
		if math.IsNaN(b[i]) || math.Abs(b[i]) > most {
			return Box{}, faulty("%s is %v: it lies between -%v and %v degrees", name, b[i], most, most)
		}
	}
	if b[1] > b[3] {
		return Box{}, faulty("south (%v) is north of north (%v): a box is west, south, east, north", b[1], b[3])
	}
	return b, nil
}

// Slice is the box as a dataset has it.
func (b Box) Slice() []float64 { return slices.Clone(b[:]) }

// String is the box as people write it, with commas between.
func (b Box) String() string {
	var out [4]string
	for i, f := range b {
		out[i] = number(f)
	}
	return strings.Join(out[:], ",")
}

// WKT is the box as DCAT-AP has it, a polygon in CRS84; one that crosses the date line goes beyond 180.
func (b Box) WKT() string {
	east := b[2]
	if b[0] > east {
		east += 360
	}
	w, s, e, n := number(b[0]), number(b[1]), number(east), number(b[3])
	var out strings.Builder
	for i, corner := range []string{w + " " + s, e + " " + s, e + " " + n, w + " " + n, w + " " + s} {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(corner)
	}
	return "POLYGON((" + out.String() + "))"
}

// number writes degrees in full.
func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// span is a box as it is put together: degrees from west on, at most 360.
type span struct{ west, width, south, north float64 }

// ofCorners makes a span of the ends of coordinates, in which longitudes may go beyond 180.
func ofCorners(west, south, east, north float64) (span, error) {
	if math.IsNaN(west+south+east+north) || south < -90 || north > 90 {
		return span{}, faulty("its latitudes are not between -90 and 90 degrees: %v to %v", south, north)
	}
	if west < -540 || east > 540 {
		return span{}, faulty("its longitudes are not degrees: %v to %v", west, east)
	}
	if east-west >= 360 {
		return span{-180, 360, south, north}, nil
	}
	width := east - west
	if west < -180 || west > 180 || west == 180 && width > 0 {
		west -= 360 * math.Floor((west+180)/360)
	}
	return span{west, width, south, north}, nil
}

// box is a span as a box: an end beyond 180 is one in the west.
func (s span) box() Box {
	east := s.west + s.width
	if east > 180 {
		east -= 360
	}
	if s.width >= 360 {
		return Box{-180, s.south, 180, s.north}
	}
	return Box{round(s.west), round(s.south), round(east), round(s.north)}
}

// round leaves less of a degree than anybody measures: sums of degrees end in noise.
func round(f float64) float64 { return math.Round(f*1e10) / 1e10 }

// Hull is the smallest box around all of some; false where there are none.
func Hull(boxes ...Box) (Box, bool) {
	spans := make([]span, len(boxes))
	for i, b := range boxes {
		east := b[2]
		if b[0] > east {
			east += 360
		}
		spans[i] = span{b[0], east - b[0], b[1], b[3]}
	}
	return hull(spans)
}

// hull goes around the Earth from the widest gap on.
func hull(spans []span) (Box, bool) {
	if len(spans) == 0 {
		return Box{}, false
	}
	slices.SortFunc(spans, func(a, b span) int {
		switch {
		case a.west < b.west:
			return -1
		case a.west > b.west:
			return 1
		}
		return 0
	})
	all := spans[0]
	reach, gap, after := spans[0].west+spans[0].width, -1.0, 0
	for i, s := range spans {
		all.south, all.north = min(all.south, s.south), max(all.north, s.north)
		if d := s.west - reach; i > 0 && d > gap {
			gap, after = d, i
		}
		reach = max(reach, s.west+s.width)
	}
	if last := spans[0].west + 360 - reach; last >= gap { // the gap over the date line
		gap, after = last, 0
	}
	all.west, all.width = spans[after].west, 360-gap
	if gap <= 0 {
		all.west, all.width = -180, 360
	}
	return all.box(), true
}

func faulty(format string, a ...any) error {
	return schemas.Errorf(schemas.Invalid, "box", format, a...)
}

// Why is an error of this package in words, for whoever tells where the geometry stands.
func Why(err error) string {
	if e, ok := err.(*schemas.Error); ok {
		return e.Message
	}
	return err.Error()
}
