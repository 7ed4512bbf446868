package index

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/schemas"
)

// What is near to a search that finds nothing: fewer words, most first, and words as the
// datasets write them. Filters stay.
func TestNear(t *testing.T) {
	x := titled(t, "pl", map[schemas.DatasetID]string{
		"a": "Wheat yield of the north", "b": "Wheat yield of the south", "c": "Wheat prices", "d": "Plony pszenicy ozimej", "e": "Απόδοση σίτου", "f": "Ziemas kviešu raža",
	})
	for words, want := range map[string][]schemas.Near{
		"predict wheat yield": {{Words: "wheat yield", Without: []string{"predict"}, Total: 2}},
		"wheat yeild":         {{Words: "wheat yield", Instead: map[string]string{"yeild": "yield"}, Total: 2}},
		"predict wheat yeild": {{Words: "wheat yield", Without: []string{"predict"}, Instead: map[string]string{"yeild": "yield"}, Total: 2}},
		"prices wheat yield":  {{Words: "wheat yield", Without: []string{"prices"}, Total: 2}, {Words: "prices wheat", Without: []string{"yield"}, Total: 1}},
		"prices north":        {{Words: "north", Without: []string{"prices"}, Total: 1}, {Words: "prices", Without: []string{"north"}, Total: 1}},
		"the wheat of Mars":   {{Words: "wheat", Without: []string{"the", "of", "Mars"}, Total: 3}},
		"the prices of gold":  {{Words: "prices", Without: []string{"the", "of", "gold"}, Total: 1}},
		"the gold of Mars":    nil, // "the" finds two, and says nothing
		"σίτος":               {{Words: "σιτου", Instead: map[string]string{"σίτος": "σιτου"}, Total: 1}},
		"quite other":         nil, "": nil, "a b c d e f g h wheat": nil, "wheta-prices 2o21": nil,
	} {
		got, err := x.Near(context.Background(), Query{Words: words})
		if err != nil {
			t.Fatal(err)
		}
		if len(got)+len(want) > 0 && !cmp.Equal(got, want) {
			t.Errorf("near %q (-want +got):\n%s", words, cmp.Diff(want, got))
		}
	}
	got, err := x.Near(context.Background(), Query{Words: "wheat predict", Filters: map[string][]string{"country": {"FR"}}})
	if err != nil || len(got) > 0 {
		t.Errorf("behind a filter that leaves out all: %v, %v", got, err)
	}
}

// Of many words that are as near, the most frequent is the one, wherever it is in the alphabet.
func TestNearIsTheMostFrequent(t *testing.T) {
	var rare []string
	for a := 'a'; a < 'w'; a++ {
		for b := 'a'; b < 'w'; b++ {
			rare = append(rare, "w"+string([]rune{a, b})+"www")
		}
	}
	x := titled(t, "pl", map[schemas.DatasetID]string{"a": strings.Join(rare, " "), "b": "wwwwzz", "c": "wwwwzz"})
	got, err := x.Near(t.Context(), Query{Words: "wwwwww"})
	want := []schemas.Near{{Words: "wwwwzz", Instead: map[string]string{"wwwwww": "wwwwzz"}, Total: 2}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

// A word of a dataset that everyone could see, and nobody may any more, is not suggested.
func TestNearForgets(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"a": "Zyxomma ledger", "b": "Wheat yield"})
	hidden := schemas.Dataset{ID: "a", Space: "agriculture", Title: schemas.Text{"en": "Zyxomma ledger"}, Visibility: schemas.VisibleToOwn}
	err := x.apply(t.Context(), []schemas.Dataset{hidden}, 2)
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.Near(context.Background(), Query{Words: "zyxoma wheat"})
	if err != nil || !slices.EqualFunc(got, []schemas.Near{{Words: "wheat", Without: []string{"zyxoma"}, Total: 1}}, func(a, b schemas.Near) bool { return cmp.Equal(a, b) }) {
		t.Errorf("near a hidden word: %v, %v", got, err)
	}
}

// A language finds its regions, and a region itself alone [RFC 4647 §3.3.1].
func TestLanguageFindsItsRegions(t *testing.T) {
	x := titled(t, "de", nil)
	err := x.apply(t.Context(), []schemas.Dataset{
		{ID: "a", Space: "agriculture", Title: schemas.Text{"de": "Ernte"}, Languages: []string{"de"}},
		{ID: "b", Space: "agriculture", Title: schemas.Text{"de": "Ernte"}, Languages: []string{"de-AT"}},
		{ID: "c", Space: "agriculture", Title: schemas.Text{"en": "Ernte"}, Languages: []string{"del"}},
	}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for language, want := range map[string][]schemas.DatasetID{"de": {"a", "b"}, "de-AT": {"b"}, "del": {"c"}} {
		r, err := x.Search(t.Context(), Query{Filters: map[string][]string{"language": {language}}}, schemas.Sight{Everyone: true})
		slices.Sort(r.IDs)
		if err != nil || !slices.Equal(r.IDs, want) {
			t.Errorf("%s finds %v, %v; want %v", language, r.IDs, err, want)
		}
	}
}

// Where nothing is found, filters that nothing passes are told, with values that are near; what is
// hidden moves neither.
func TestUnheld(t *testing.T) {
	x := titled(t, "en", nil)
	set := func(id, publisher, country string, v schemas.Visibility) schemas.Dataset {
		return schemas.Dataset{ID: schemas.DatasetID(id), Title: schemas.Text{"en": "Wheat"}, Publisher: publisher, Countries: []string{country}, Visibility: v, Provider: "https://a.example"}
	}
	err := x.apply(t.Context(), []schemas.Dataset{
		set("a", "Statistics Belgium", "BE", ""), set("b", "Statistics Belgium", "BE", ""), set("c", "Météo France", "FR", ""), set("d", "Statistics Malta", "MT", schemas.VisibleToOwn),
	}, 2)
	if err != nil {
		t.Fatal(err)
	}
	everyone, own := schemas.Sight{Everyone: true}, schemas.Sight{Everyone: true, SignedIn: true, Participant: "https://a.example"}
	for _, c := range []struct {
		q     Query
		sight schemas.Sight
		want  []string
	}{
		{Query{Words: `barley publisher:"statistic belgium"`}, everyone, []string{"no dataset has publisher statistic belgium; near are Statistics Belgium"}},
		{Query{Words: "barley", Filters: map[string][]string{"publisher": {"meteo"}, "country": {"BE"}}}, everyone, []string{"no dataset has publisher meteo; near are Météo France"}},
		{Query{Words: "country:MT"}, everyone, []string{"no dataset has country MT"}},
		{Query{Words: "country:MT barley"}, own, nil},
		{Query{Words: "publisher:statistics country:ES,IT"}, own, []string{"no dataset has country ES or IT", "no dataset has publisher statistics; near are Statistics Belgium"}},
		{Query{Words: "region:XX unit:kWh"}, own, []string{"no dataset has region XX", "no dataset has unit kWh"}},
		{Query{Words: "barley"}, own, nil},
	} {
		got, err := x.Unheld(t.Context(), c.q, c.sight)
		if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v\n%s", c.q.Words, err, cmp.Diff(c.want, got))
		}
	}
}
