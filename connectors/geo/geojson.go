package geo

import (
	"encoding/json"
	"strings"

	"guichet/schemas"
)

// json reads GeoJSON: a geometry, a feature, or a collection of them.
func (g *gatherer) json(s string) error {
	d := json.NewDecoder(strings.NewReader(s))
	_, err := d.Token()
	if err == nil {
		err = g.object(d, 0)
	}
	if _, ours := err.(*schemas.Error); err != nil && !ours {
		return faulty("it is no GeoJSON")
	}
	return err
}

// object reads the members of an object that began.
func (g *gatherer) object(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return faulty("it is nested more than %d levels", maxDepth)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		t, err := d.Token()
		if err != nil {
			return err
		}
		begins, _ := t.(json.Delim)
		switch {
		case name == "crs" && begins == '{':
			err = named(d, depth)
		case name == "coordinates" && begins == '[':
			err = g.coordinates(d, depth)
			if err == nil { // a point is its position
				err = g.end()
			}
		case begins == '[' && (name == "geometries" || name == "features"):
			err = g.each(d, depth)
		case begins == '{' && name == "geometry":
			err = g.object(d, depth+1)
		case begins != 0:
			err = skip(d, depth)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// each reads the objects of a list that began.
func (g *gatherer) each(d *json.Decoder, depth int) error {
	for d.More() {
		t, err := d.Token()
		if err == nil && t != json.Delim('{') {
			return faulty("it is no GeoJSON")
		}
		if err == nil {
			err = g.object(d, depth+1)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// coordinates reads positions, however deep lists of them are.
func (g *gatherer) coordinates(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return faulty("it is nested more than %d levels", maxDepth)
	}
	var at []float64
	lists := 0
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch v := t.(type) {
		case float64:
			at = append(at, v)
		case json.Delim:
			lists++
			err = g.coordinates(d, depth+1)
		default:
			return faulty("a coordinate is no number: %.40v", v)
		}
		if err != nil || len(at) > 4 || lists > 0 && len(at) > 0 {
			return faultOr(err, "a position has two to four numbers")
		}
	}
	_, err := d.Token()
	switch {
	case err != nil:
		return err
	case len(at) == 1:
		return faulty("a position has two to four numbers")
	case len(at) > 1:
		g.position(at[0], at[1])
		return nil
	}
	return g.end()
}

func faultOr(err error, words string) error {
	if err != nil {
		return err
	}
	return faulty("%s", words)
}

// named reads what a document before RFC 7946 says of its reference system: in GeoJSON longitude comes
// first all the same.
func named(d *json.Decoder, depth int) error {
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		t, err := d.Token()
		if err != nil {
			return err
		}
		begins, _ := t.(json.Delim)
		switch s, words := t.(string); {
		case begins == '{' && name == "properties" && depth < maxDepth:
			err = named(d, depth+1)
		case begins != 0:
			err = skip(d, depth)
		case words && name == "name":
			_, err = system(s)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// skip passes over a value that began.
func skip(d *json.Decoder, depth int) error {
	for open := 1; open > 0; {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			open++
		case json.Delim('}'), json.Delim(']'):
			open--
		}
		if open+depth > 1000 {
			return faulty("it is nested more than 1000 levels")
		}
	}
	return nil
}
