package index

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"guichet/schemas"
	"guichet/schemas/spaces"
)

// titled makes an index of datasets by id, with a title in one language.
func titled(t *testing.T, language string, titles map[schemas.DatasetID]string) *Index {
	t.Helper()
	x, err := Open(filepath.Join(t.TempDir(), "index"), &spaces.Set{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := x.Close()
		if err != nil {
			t.Error(err)
		}
	})
	var sets []schemas.Dataset
	for id, title := range titles {
		sets = append(sets, schemas.Dataset{ID: id, Space: "agriculture", Title: schemas.Text{language: title}, Description: schemas.Text{"en": "Made for a trial."}})
	}
	err = x.apply(t.Context(), sets, 1)
	if err != nil {
		t.Fatal(err)
	}
	x.ready.Store(true)
	return x
}

func found(t *testing.T, x *Index, words string) []schemas.DatasetID {
	t.Helper()
	r, err := x.Search(context.Background(), Query{Words: words}, schemas.Sight{Everyone: true})
	if err != nil {
		t.Fatal(err)
	}
	return r.IDs
}

// Trial 13: accents and plurals of short words.
func TestSpanishAccents(t *testing.T) {
	x := titled(t, "es", map[schemas.DatasetID]string{
		"g1": "Guía de aves de la ribera", "g2": "Guías de senderos", "f1": "Cadena fría de alimentos", "x1": "Guisos del valle",
	})
	for words, want := range map[string][]schemas.DatasetID{
		"guía": {"g1", "g2"}, "guia": {"g1", "g2"}, "guías": {"g1", "g2"}, "guias": {"g1", "g2"}, "fría": {"f1"}, "fria": {"f1"},
	} {
		got := found(t, x, words)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v", words, got)
		}
	}
}

// Trial 16: words with hyphens and dots, joined and apart.
func TestHyphens(t *testing.T) {
	x := titled(t, "de", map[schemas.DatasetID]string{
		"h1": "Musik-Sammlung der Stadt", "h2": "Musiksammlung des Landes", "h3": "Sentinel-2 mosaics 2025",
		"h4": "Air quality PM2.5 and PM10", "h5": "Sentinel lighthouses, part 2",
	})
	for _, q := range []struct {
		words string
		want  []schemas.DatasetID
	}{
		{"musik-sammlung", []schemas.DatasetID{"h1", "h2"}},
		{`"musik sammlung"`, []schemas.DatasetID{"h1", "h2"}},
		{"musiksammlung", []schemas.DatasetID{"h2", "h1"}},
		{"sentinel-2", []schemas.DatasetID{"h3", "h5"}},
		{"sentinel2", []schemas.DatasetID{"h3"}},
		{"PM2.5", []schemas.DatasetID{"h4"}},
	} {
		got := found(t, x, q.words)
		if !slices.Equal(got, q.want) {
			t.Errorf("%s: %v, not %v", q.words, got, q.want)
		}
	}
}

// A column is found by the words of its name.
func TestNamesOfColumns(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"other": "Speed of light"})
	d := schemas.Dataset{ID: "wind", Space: "energy", Title: schemas.Text{"en": "Turbines"}}
	d.Tables = []schemas.TableInfo{{Name: "t", Fields: []schemas.Field{{Name: "wind_speed", Unit: "m/s"}}}}
	err := x.apply(t.Context(), []schemas.Dataset{d}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"wind_speed", "wind speed", "Wind"} {
		if got := found(t, x, words); !slices.Equal(got, []schemas.DatasetID{"wind"}) {
			t.Errorf("%s: %v", words, got)
		}
	}
}
