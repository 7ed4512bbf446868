package policy

import (
	"slices"
	"strings"

	"guichet/schemas"
)

// vocabulary answers questions about purposes and places.
type vocabulary struct {
	purposes map[string]schemas.Purpose // by id and by IRI
	closure  map[string][]string        // id to itself and all broader ids
	unions   map[string][]string
	places   *Places
	ids      []string
}

func newVocabulary() (*vocabulary, error) {
	list, err := schemas.Purposes()
	if err != nil {
		return nil, err
	}
	unions, err := schemas.Unions()
	if err != nil {
		return nil, err
	}
	known, err := NewPlaces()
	if err != nil {
		return nil, err
	}
	v := &vocabulary{purposes: map[string]schemas.Purpose{}, closure: map[string][]string{}, unions: unions, places: known}
	for _, p := range list {
		v.purposes[p.ID], v.purposes[p.IRI] = p, p
		v.ids = append(v.ids, p.ID)
	}
	for _, p := range list {
		v.closure[p.ID] = v.broader(p.ID, nil)
	}
	return v, nil
}

func (v *vocabulary) broader(id string, seen []string) []string {
	if slices.Contains(seen, id) {
		return seen
	}
	seen = append(seen, id)
	for _, b := range v.purposes[id].Broader {
		seen = v.broader(b, seen)
	}
	return seen
}

// purpose finds a purpose by id or IRI.
func (v *vocabulary) purpose(name string) (schemas.Purpose, error) {
	p, ok := v.purposes[name]
	if !ok {
		return p, schemas.BadField("purpose", "/purpose", "%q is not a purpose; the purposes are: %s", name, strings.Join(v.ids, ", "))
	}
	return p, nil
}

// within is a country with the unions it belongs to; nothing for one that is not known.
func (v *vocabulary) within(country string) []string {
	code, ok := v.places.Code(country)
	if !ok {
		return nil
	}
	out := []string{code}
	for _, u := range []string{"EU", "EEA"} {
		if slices.Contains(v.unions[u], code) || code == "EU" && u == "EEA" {
			out = append(out, u)
		}
	}
	return out
}
