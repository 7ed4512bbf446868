// Package vocab knows the places of GeoNames, as data.
//
// In: nothing but what is embedded. Out: in which country a place lies. Always: read-only. The other vocabularies of this
// folder are read by schemas.
package vocab

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

//go:embed places.json
var placesJSON []byte

//go:embed geonames.bin.gz
var geonamesGz []byte

// GeoNames knows in which country a place of GeoNames lies: countries, their first and
// second divisions, towns of 500 people and more. SOURCE.txt says where it comes
// from. Read-only, safe for concurrent use.
type GeoNames struct {
	ids       []uint32 // sorted
	at        []byte   // index into codes, of each id
	codes     []string // ISO 3166-1 alpha-2
	countries []uint32 // ids of countries themselves
}

// LoadGeoNames reads the embedded table.
func LoadGeoNames() (*GeoNames, error) { return read(placesJSON, geonamesGz) }

// read reads the ids of countries, and the table.
func read(places, table []byte) (*GeoNames, error) {
	var doc struct{ GeoNames []uint32 }
	err := json.Unmarshal(places, &doc)
	if err != nil {
		return nil, fmt.Errorf("read the places: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(table))
	if err != nil {
		return nil, fmt.Errorf("read the places of GeoNames: %w", err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("read the places of GeoNames: %w", err)
	}
	head, b, ok := bytes.Cut(b, []byte{'\n'}) // codes, number of places, steps between their ids, their codes' numbers
	if !ok || len(b) < 4 {
		return nil, errors.New("read the places of GeoNames: no codes")
	}
	n := int(binary.BigEndian.Uint32(b))
	b = b[4:]
	if n > len(b) {
		return nil, errors.New("read the places of GeoNames: cut off")
	}
	g := &GeoNames{ids: make([]uint32, n), at: b[len(b)-n:], codes: strings.Split(string(head), ","), countries: doc.GeoNames}
	id := uint32(0)
	for i := range n {
		step, size := binary.Uvarint(b)
		if size <= 0 || int(g.at[i]) >= len(g.codes) {
			return nil, errors.New("read the places of GeoNames: cut off")
		}
		b = b[size:]
		id += uint32(step)
		g.ids[i] = id
	}
	return g, nil
}

// Country gives the code of the country that a place lies in, "" where that is not known,
// and whether the place is that country.
func (g *GeoNames) Country(id uint32) (code string, exact bool) {
	i, ok := slices.BinarySearch(g.ids, id)
	if !ok {
		return "", false
	}
	return g.codes[g.at[i]], slices.Contains(g.countries, id)
}
