package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

// One dataset's words do not keep others' from being completed: very long ones are left out,
// and so are searches that are too long for one.
func TestLongWordsAreNotSuggested(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"ds-1": "windmill", "ds-2": "windmill", "ds-3": "wind" + strings.Repeat("a", 600)})
	for _, q := range []string{"wind", strings.Repeat("windmill ", 6) + "wind"} {
		got, err := x.Suggest(t.Context(), q, 8, reads(nil))
		if err != nil || len(got) != 1 || !strings.HasSuffix(got[0].Words, "windmill") {
			t.Errorf("%s: %.200v, %v", q, got, err)
		}
	}
	if got, err := x.Suggest(t.Context(), strings.Repeat("w", 505)+" windm", 8, reads(nil)); err != nil || len(got) > 0 {
		t.Errorf("%.200v, %v", got, err)
	}
}

// A word that is too long for stems is not one that says nothing, and may not be missing.
func TestLongWordsAreNotLeftOut(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"ds-1": "windmill"})
	if got := found(t, x, strings.Repeat("w", 400)+" windmill"); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// What words are told by in languages without stems does not begin with what people type.
func TestStemsAreNoBeginnings(t *testing.T) {
	x := titled(t, "ja", map[schemas.DatasetID]string{"ds-1": "underground", "ds-2": "waterfall"})
	if got := found(t, x, "und*"); len(got) != 1 || got[0] != "ds-1" {
		t.Errorf("und*: %v", got)
	}
}

// Fractions become a slash, which stands in no word: it would be taken for a stem.
func TestFractionsAreFound(t *testing.T) {
	x := titled(t, "ja", map[schemas.DatasetID]string{"ds-1": "Map 1⁄2", "ds-2": "Map"})
	if got := found(t, x, "1⁄2"); len(got) != 1 || got[0] != "ds-1" {
		t.Errorf("%v", got)
	}
}

// A text that repeats two words a hundred thousand times is gone over once for a phrase, and a
// word of a hundred thousand letters is not compared with one that is near to others.
func TestPathologicalTexts(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"ds-1": strings.Repeat("zulu yank ", 150_000)})
	before := cpu(t) // others may be at work
	if got := found(t, x, `"zulu yank zulu"`); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if took := cpu(t) - before; took > 2*time.Second && !testing.Short() {
		t.Errorf("a phrase takes %s", took)
	}
	d := &schemas.Dataset{Title: schemas.Text{"en": strings.Repeat("x", 90_000) + " " + strings.Repeat("y", 300)}}
	allocated := testing.AllocsPerRun(1, func() {
		x.Highlighter(&Query{Words: strings.Repeat("y", 299) + "~"})(d)
	})
	if allocated > 5000 {
		t.Errorf("a mark takes %v allocations", allocated)
	}
	before = cpu(t)
	if isNear([]rune(strings.Repeat("y", 500)), []rune(strings.Repeat("x", 90_000))) {
		t.Error("they are near")
	}
	if took := cpu(t) - before; took > 50*time.Millisecond && !testing.Short() {
		t.Errorf("letters of words of other lengths are compared: %s", took)
	}
}

// What one description costs grows with its bytes: columns with descriptions of their own and
// keywords of known languages are gathered in one pass.
func TestLargeDescriptions(t *testing.T) {
	if testing.Short() {
		t.Skip("under the race detector all takes ten times as long")
	}
	x := opened(t)
	var fields []schemas.Field
	for i := range 12_000 {
		fields = append(fields, schemas.Field{Name: fmt.Sprint("c", i), Description: schemas.Text{"en": strings.Repeat("a", 250) + " " + strings.Repeat("b", 250)}})
	}
	keywords := make([]string, 100_000)
	for i := range keywords {
		keywords[i] = fmt.Sprint("keyword ", i%100, " ", i)
	}
	for name, of := range map[string]func(part int) schemas.Dataset{
		"columns": func(part int) schemas.Dataset {
			return schemas.Dataset{Tables: []schemas.TableInfo{{Fields: fields[:len(fields)/part]}}}
		},
		"keywords": func(part int) schemas.Dataset {
			some := keywords[:len(keywords)/part]
			return schemas.Dataset{Keywords: some, KeywordsIn: schemas.KeywordsIn{"en": some}}
		},
	} {
		cost := func(part int) time.Duration {
			d := of(part)
			d.ID, d.Title = schemas.DatasetID(fmt.Sprint(name, part)), schemas.Text{"en": "a"}
			before := cpu(t) // others may be at work
			err := x.apply(t.Context(), []schemas.Dataset{d}, 1)
			if err != nil {
				t.Fatal(err)
			}
			return cpu(t) - before
		}
		part, whole := cost(5), cost(1)
		t.Log(name, part, whole)
		if whole > 12*part { // 25 times, if each were held against all others
			t.Errorf("%s: five times as many cost %s, which is more than %s by far", name, whole, part)
		}
	}
}

// A question that repeats its parts costs little more than one that does not: of phrases,
// beginnings, and the words in a phrase. Values of a filter are bounded, and who has gone
// is not worked for.
func TestRepeatedQuestions(t *testing.T) {
	x := opened(t)
	var sets []schemas.Dataset
	for i := range 400 {
		var text []string
		for j := range 200 {
			text = append(text, "of the", fmt.Sprint("data", i*200+j))
		}
		sets = append(sets, schemas.Dataset{ID: schemas.DatasetID(fmt.Sprint("ds-", i)), Title: schemas.Text{"": strings.Join(text, " ")}})
	}
	err := x.apply(t.Context(), sets, 1)
	if err != nil {
		t.Fatal(err)
	}
	asked := func(q string) time.Duration {
		t.Helper()
		least := time.Hour
		for range 3 {
			begun := time.Now()
			r, err := x.Search(t.Context(), Query{Words: q}, schemas.Sight{Everyone: true})
			if err != nil || r.Total != 400 {
				t.Errorf("%.40s: %d, %v", q, r.Total, err)
			}
			least = min(least, time.Since(begun))
		}
		return least
	}
	for one, many := range map[string]string{
		"data*":    strings.Repeat("data* ", 32),
		`"of the"`: strings.Repeat(`"of the" `, 32),
	} {
		if a, b := asked(one), asked(many); b > 8*a+20*time.Millisecond {
			t.Errorf("%s takes %s, repeated %s", one, a, b)
		}
	}
	many := Query{Filters: map[string][]string{"column": make([]string, MaxValues+1)}}
	_, err = x.Search(t.Context(), many, schemas.Sight{Everyone: true})
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("%v", err)
	}
	ctx, gone := context.WithCancel(t.Context())
	gone()
	_, err = x.Search(ctx, Query{Words: "data*"}, schemas.Sight{Everyone: true})
	if !errors.Is(err, context.Canceled) || !x.Ready() {
		t.Errorf("%v", err)
	}
}

// Of texts in many languages only so much is marked: a page has a thousand hits.
func TestMarksAreBounded(t *testing.T) {
	x := opened(t)
	d := &schemas.Dataset{Title: schemas.Text{"en": "wind"}, Description: schemas.Text{}}
	for _, tag := range []string{"de", "en", "fr", "nl"} {
		d.Description[tag] = strings.Repeat("wind ", 8000)
	}
	d.Description["pl"] = strings.Repeat("wind ", 30_000)
	d.Description["sv"] = "wind"
	var marked []string
	for key := range x.Highlighter(&Query{Words: "wind"})(d) {
		marked = append(marked, key)
	}
	slices.Sort(marked)
	if want := []string{"description@de", "description@en", "description@sv", "title@en"}; !slices.Equal(marked, want) {
		t.Errorf("%v", marked)
	}
}

// A facet that is asked for many times is counted once: of a million values each time takes
// megabytes.
func TestFacetsAreCountedOnce(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"ds-1": "windmill"})
	var facets []string
	for range 10_000 {
		facets = append(facets, "space", "theme")
	}
	q := Query{Facets: facets}
	_, err := x.build(&q)
	if err != nil || !slices.Equal(q.Facets, []string{"space", "theme"}) || len(facets) != 20_000 {
		t.Errorf("%d facets, %v", len(q.Facets), err)
	}
	r, err := x.Search(t.Context(), Query{Facets: facets}, schemas.Sight{Everyone: true})
	if err != nil || len(r.Facets) != 2 || r.Facets["space"].Values[0].Count != 1 {
		t.Errorf("%+v, %v", r.Facets, err)
	}
}
