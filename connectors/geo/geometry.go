package geo

import (
	"math"
	"strconv"
	"strings"

	"guichet/schemas"
)

// maxBytes is the longest geometry that is looked at.
const maxBytes = 1 << 20

// maxDepth is how deep geometries nest: collections of features of collections of polygons have 12.
const maxDepth = 32

// Of is the box around a geometry in WKT (with the reference system in front, as GeoSPARQL has it), in GML or
// in GeoJSON; whole says that the geometry is no more than that box. Errors: Invalid, saying what is
// not understood.
func Of(literal string) (b Box, whole bool, err error) {
	if len(literal) > maxBytes {
		return Box{}, false, faulty("it has more than %d bytes", maxBytes)
	}
	g := &gatherer{}
	literal = strings.TrimSpace(literal)
	switch {
	case strings.HasPrefix(literal, "{"):
		err = g.json(literal)
	case strings.HasPrefix(literal, "<") && !strings.HasPrefix(literal, "<http"): // else the reference system of WKT
		err = g.gml(literal)
	default:
		err = g.wkt(literal)
	}
	if err != nil {
		return Box{}, false, err
	}
	b, ok := hull(g.parts)
	if !ok {
		return Box{}, false, faulty("it has no coordinates")
	}
	return b, len(g.parts) == 1 && g.corners, nil
}

// gatherer gathers the parts of a geometry: points, lines and rings, each by its ends.
type gatherer struct {
	parts        []span
	latFirst     bool
	west, east   float64 // of the part that is read
	south, north float64
	count        int           // its positions
	begin        [5][2]float64 // the first of them: to tell boxes from other polygons
	corners      bool          // the last part was a box
}

// position adds one to the part that is read.
func (g *gatherer) position(x, y float64) {
	if g.latFirst {
		x, y = y, x
	}
	if g.count == 0 {
		g.west, g.east, g.south, g.north = x, x, y, y
	}
	if g.count < len(g.begin) {
		g.begin[g.count] = [2]float64{x, y}
	}
	g.west, g.east, g.south, g.north = min(g.west, x), max(g.east, x), min(g.south, y), max(g.north, y)
	g.count++
}

// isBox says whether the part that was read goes around its corners.
func (g *gatherer) isBox() bool {
	if g.count != len(g.begin) || g.begin[0] != g.begin[4] {
		return false
	}
	for i, at := range g.begin {
		corner := (at[0] == g.west || at[0] == g.east) && (at[1] == g.south || at[1] == g.north)
		across := i > 0 && at[0] != g.begin[i-1][0] && at[1] != g.begin[i-1][1]
		back := i > 1 && at == g.begin[i-2] && g.west < g.east && g.south < g.north
		if !corner || across || back {
			return false
		}
	}
	return true
}

// end ends a part.
func (g *gatherer) end() error {
	if g.count == 0 {
		return nil
	}
	s, err := ofCorners(g.west, g.south, g.east, g.north)
	g.parts, g.corners, g.count = append(g.parts, s), g.isBox(), 0
	return err
}

// system knows the reference systems whose coordinates are degrees of WGS 84, or less than a few metres from them, and
// whether latitude comes first in them.
func system(name string) (latFirst bool, err error) {
	short := name
	for _, form := range []string{"http://www.opengis.net/def/crs/", "https://www.opengis.net/def/crs/", "urn:ogc:def:crs:"} {
		short = strings.TrimPrefix(short, form)
	}
	authority, _, _ := strings.Cut(strings.ReplaceAll(short, ":", "/"), "/")
	code := short[strings.LastIndexAny(short, "/:")+1:]
	switch strings.ToUpper(authority + ":" + code) {
	case "OGC:CRS84", "OGC:CRS84H", "OGC:CRS83":
		return false, nil
	case "EPSG:4326", "EPSG:4258", "EPSG:4283", "EPSG:4979":
		return true, nil
	}
	return false, faulty("its reference system is not read here: %.200s", schemas.Visible(name))
}

// InDegrees says whether the coordinates of a reference system are degrees of WGS 84, or as good as
// these. Errors: Invalid, with its name.
func InDegrees(name string) error {
	_, err := system(name)
	return err
}

// wkt reads well-known text.
func (g *gatherer) wkt(s string) (err error) {
	if rest, ok := strings.CutPrefix(s, "<"); ok && strings.Contains(rest, "opengis.net/def/crs/") {
		name, text, closed := strings.Cut(rest, ">")
		if !closed {
			return faulty("its reference system has no end")
		}
		g.latFirst, err = system(name)
		if err != nil {
			return err
		}
		s = text
	} else if number, text, ok := strings.Cut(s, ";"); ok && len(number) < 20 && strings.HasPrefix(strings.ToUpper(number), "SRID=") {
		_, err = system("EPSG:" + number[len("SRID="):])
		if err != nil {
			return err // in this form longitude comes first whatever the system says [PostGIS EWKT]
		}
		s = text
	}
	s = strings.ToUpper(strings.TrimSpace(s))
	if rest, ok := strings.CutPrefix(s, "ENVELOPE"); ok {
		return g.envelope(rest)
	}
	if !isGeometry(s) {
		return faulty("it is neither WKT nor GML nor GeoJSON")
	}
	return g.scan(s)
}

// isGeometry says whether a text begins with the name of a geometry.
func isGeometry(s string) bool {
	for _, name := range strings.Fields("POINT LINESTRING POLYGON MULTIPOINT MULTILINESTRING MULTIPOLYGON GEOMETRYCOLLECTION TRIANGLE") {
		if rest, ok := strings.CutPrefix(s, name); ok && rest != "" && strings.ContainsRune(" (\t\r\n", rune(rest[0])) {
			return true
		}
	}
	return false
}

// scan reads positions between commas and parentheses; names between them are passed over.
func (g *gatherer) scan(s string) error {
	open := 0
	var at []float64
	flush := func() error {
		if len(at) == 1 || len(at) > 4 {
			return faulty("a position has two to four numbers, not %d", len(at))
		}
		if len(at) > 0 {
			g.position(at[0], at[1])
		}
		at = at[:0]
		return nil
	}
	for i := 0; i < len(s); {
		c := s[i]
		n := 1
		var err error
		switch {
		case c == '(':
			open++
			if len(at) > 0 {
				err = faulty("a parenthesis opens behind a number")
			}
		case c == ')', c == ',':
			err = flush()
			if c == ')' && err == nil {
				open--
				err = g.end()
			}
		case strings.IndexByte("+-.0123456789", c) >= 0:
			n = len(s[i:]) - len(strings.TrimLeft(s[i:], "+-.0123456789E"))
			f, wrong := strconv.ParseFloat(s[i:i+n], 64)
			if wrong != nil || math.IsInf(f, 0) || len(at) > 4 {
				err = faulty("%.40s is no number", s[i:i+n])
			}
			at = append(at, f)
		case c >= 'A' && c <= 'Z' || strings.IndexByte(" \t\r\n", c) >= 0:
		default:
			err = faulty("it is no WKT at %.20q", s[i:])
		}
		if err != nil {
			return err
		}
		if open < 0 || open > maxDepth {
			break
		}
		i += n
	}
	if open != 0 || len(at) > 0 {
		return faulty("its parentheses do not match")
	}
	return nil
}

// envelope reads west, east, north and south of a box [OGC CQL, as search engines have it].
func (g *gatherer) envelope(s string) error {
	parts := strings.Split(strings.Trim(strings.TrimSpace(s), "()"), ",")
	if len(parts) != 4 {
		return faulty("an ENVELOPE has four numbers, not %d", len(parts))
	}
	var at [4]float64
	for i, p := range parts {
		f, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil {
			return faulty("%.40q is no number", p)
		}
		at[i] = f
	}
	if at[0] > at[1] {
		at[1] += 360
	}
	return g.rectangle(at[0], at[3], at[1], at[2])
}

// rectangle adds a box of its own.
func (g *gatherer) rectangle(west, south, east, north float64) error {
	if south > north {
		return faulty("its south (%v) is north of its north (%v)", south, north)
	}
	s, err := ofCorners(west, south, east, north)
	g.parts, g.corners = append(g.parts, s), true
	return err
}
