package vocab

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

func TestCountriesOfPlaces(t *testing.T) {
	g, err := LoadGeoNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		id    uint32
		code  string
		exact bool
	}{
		{3017382, "FR", true},
		{2921044, "DE", true},
		{2988507, "FR", false}, // Paris
		{2800866, "BE", false}, // Brussels
		{0, "", false},
		{^uint32(0), "", false},
	} {
		code, exact := g.Country(p.id)
		if code != p.code || exact != p.exact {
			t.Errorf("%d: %q %v, not %q %v", p.id, code, exact, p.code, p.exact)
		}
	}
}

// A table that is cut off is told, wherever it is cut.
func TestCutOff(t *testing.T) {
	z, err := gzip.NewReader(bytes.NewReader(geonamesGz))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 5, bytes.IndexByte(whole, '\n') + 3, bytes.IndexByte(whole, '\n') + 5, len(whole) / 2} {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err = w.Write(whole[:n])
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = read(placesJSON, b.Bytes())
		if err == nil {
			t.Errorf("a table of %d bytes was read", n)
		}
	}
	_, err = read(placesJSON, geonamesGz[:len(geonamesGz)/2])
	if err == nil {
		t.Error("half of the file was read")
	}
	_, err = read([]byte("{"), geonamesGz)
	if err == nil {
		t.Error("places that are no JSON were read")
	}
}
