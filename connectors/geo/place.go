package geo

import (
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// nutsIRI is where the EU names its regions.
const nutsIRI = "http://data.europa.eu/nuts/code/"

// region is a NUTS code below the level of countries.
var region = regexp.MustCompile(`^[A-Z]{2}[A-Z0-9]{1,3}$`)

// IsRegion says whether a text has the form of a NUTS code of level 1, 2 or 3.
func IsRegion(code string) bool { return region.MatchString(code) }

// Country is the country's part of a NUTS code: EL is Greece, UK the United Kingdom.
func Country(code string) string { return code[:min(2, len(code))] }

// RegionIRI is the address of a region.
func RegionIRI(code string) string { return nutsIRI + code }

// Region is the NUTS code of a region that an address names: the EU's own, GeoVocab's, Eurostat's.
// named says that it is the address that RegionIRI gives. Countries are no regions.
func Region(iri string) (code string, named bool) {
	u, err := url.Parse(iri)
	if err != nil || u.Host == "" || !strings.Contains(strings.ToLower(u.Host+u.Path), "nuts") {
		return "", false
	}
	last := path.Base(strings.TrimSuffix(u.Path, "/"))
	if u.Fragment != "" {
		last = u.Fragment
	}
	if !IsRegion(last) {
		return "", false
	}
	return last, iri == RegionIRI(last)
}

// RegionOfWords is the NUTS code that a text is, or the address in it. Codes without a figure may be
// words (FRANK), and are none.
func RegionOfWords(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if strings.Contains(s, "://") {
		code, _ := Region(s)
		return code, code != ""
	}
	if !IsRegion(s) || !strings.ContainsAny(s, "0123456789") {
		return "", false
	}
	return s, true
}

// OfLatLon is the box of a shape as schema.org writes it: numbers between spaces or commas, latitude
// before longitude. Two corners are a box, one position a point, more a polygon. Errors as of Of.
func OfLatLon(s string) (Box, error) {
	if len(s) > maxBytes {
		return Box{}, faulty("it has more than %d bytes", maxBytes)
	}
	numbers := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ,;\t\r\n", r) })
	if len(numbers) < 2 || len(numbers)%2 != 0 {
		return Box{}, faulty("a shape has pairs of latitude and longitude; these are %d numbers", len(numbers))
	}
	g := &gatherer{latFirst: true}
	var at []float64
	for _, n := range numbers {
		f, err := strconv.ParseFloat(n, 64)
		if err != nil {
			return Box{}, faulty("%.40q is no number", n)
		}
		at = append(at, f)
	}
	if len(at) == 4 { // the lower corner, then the upper one
		if at[1] > at[3] {
			at[3] += 360
		}
		err := g.rectangle(at[1], at[0], at[3], at[2])
		if err != nil {
			return Box{}, err
		}
		b, _ := hull(g.parts)
		return b, nil
	}
	for i := 0; i < len(at); i += 2 {
		g.position(at[i], at[i+1])
	}
	err := g.end()
	b, _ := hull(g.parts)
	return b, err
}

// LatLon is a box as schema.org writes it.
func (b Box) LatLon() string {
	return number(b[1]) + " " + number(b[0]) + " " + number(b[3]) + " " + number(b[2])
}

// OfCorners is the box of west, south, east and north in words, as CKAN and OEMetadata have it; false
// for what is none. Degrees go to 360 in some of them.
func OfCorners(corners []string) (Box, bool) {
	if len(corners) != 4 {
		return Box{}, false
	}
	var at [4]float64
	for i, s := range corners {
		f, err := strconv.ParseFloat(strings.Trim(s, ", \n\t"), 64)
		if err != nil {
			return Box{}, false
		}
		at[i] = f
	}
	if at[0] > at[2] {
		at[2] += 360
	}
	g := &gatherer{}
	if g.rectangle(at[0], at[1], at[2], at[3]) != nil {
		return Box{}, false
	}
	b, _ := hull(g.parts)
	return b, true
}
