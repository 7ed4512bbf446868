package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch/mergeplan"

	"guichet/catalog/index/document"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// some are up to most members of a list, which may repeat.
func some(r *rand.Rand, list string, most int) []string {
	from := strings.Fields(list)
	var out []string
	for range r.IntN(most + 1) {
		out = append(out, from[r.IntN(len(from))])
	}
	return out
}

const (
	someWords     = "wheat yield winter field soil water north south data-set musik-sammlung größe weizen ernte ferme blé récolte 2025 pm2.5 of-the the-wheat field-of-wheat of"
	someLanguages = "en de fr nl el en-GB de-AT"
)

// anyDataset is a random one of n ids, with few values, so that they meet.
func anyDataset(r *rand.Rand, n int) schemas.Dataset {
	d := schemas.Dataset{
		ID: schemas.DatasetID(fmt.Sprintf("ds-%04d", r.IntN(n))), Space: []schemas.SpaceID{"energy", "health", "agriculture"}[r.IntN(3)],
		Provider: schemas.ParticipantID("https://" + string(rune('a'+r.IntN(3))) + ".example"), Modified: time.Unix(int64(r.IntN(40)), 0),
		Title: schemas.Text{}, Description: schemas.Text{}, Themes: some(r, "AGRI ENER HEAL", 3), Countries: some(r, "BE FR DE NL", 3),
		Languages: some(r, someLanguages, 3), Publisher: fmt.Sprintf("Publisher %d", r.IntN(60)), Licences: some(r, "CC-BY-4.0 CC0-1.0", 2),
	}
	for _, tag := range append(some(r, someLanguages, 2), "en") {
		d.Title[tag] = strings.Join(some(r, someWords, 6), " ")
		d.Description[tag] = strings.Join(some(r, someWords, 12), " ")
	}
	if r.IntN(2) == 0 {
		t := schemas.TableInfo{Name: "t"}
		for _, c := range some(r, "wind_speed yield Soil x y", 5) {
			t.Fields = append(t.Fields, schemas.Field{Name: c, Unit: []string{"", "m/s", "kWh"}[r.IntN(3)]})
		}
		d.Tables = []schemas.TableInfo{t}
	}
	if r.IntN(3) == 0 {
		d.Latest = &schemas.VersionSummary{Tables: 1, Bytes: int64(r.IntN(9))}
	}
	d.Profiles = &schemas.Profiled{Points: r.IntN(5)}
	for range r.IntN(3) {
		from := 2000 + r.IntN(20)
		d.Periods = append(d.Periods, schemas.Days{From: fmt.Sprint(from), Until: fmt.Sprint(from + r.IntN(3))})
	}
	d.Visibility = []schemas.Visibility{"", "", schemas.VisibleToEveryone, schemas.VisibleToSignedIn, schemas.VisibleToOwn, schemas.VisibleToListed}[r.IntN(6)]
	if d.Visibility == schemas.VisibleToListed {
		d.VisibleTo = []schemas.ParticipantID{"https://a.example", "https://z.example"}
	}
	d.Withdrawn = r.IntN(6) == 0
	return d
}

// anyWider is a random question by all that anyQuery leaves out: beginnings, letters that differ,
// days of changes, times, boxes, types.
func anyWider(r *rand.Rand) Query {
	q := anyQuery(r)
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	if r.IntN(2) == 0 {
		q.Words += " " + one("whe*", "musik*", "fie*", "wheet~", "yeild~", "nort~", "type:float", "type:int unit:kWh", "region:BE1", "region:DE")
	}
	if r.IntN(3) == 0 {
		q.Box = one("0,45,10,55", "-180,-90,180,90", "170,-10,-170,10", "3,50,4,51")
	}
	if r.IntN(4) == 0 {
		q.Updated = one("1970", "1970-01-01", "2020")
	}
	if r.IntN(4) == 0 {
		q.From, q.To = one("", "2005", "2010-06"), one("", "2012")
	}
	return q
}

// anyQuery is a random question.
func anyQuery(r *rand.Rand) Query {
	q := Query{Words: strings.Join(some(r, someWords, 3), " "), Filters: map[string][]string{}, FacetLimit: r.IntN(12), Limit: 1 + r.IntN(9), Sort: Sorts()[r.IntN(len(Sorts()))]}
	if r.IntN(3) > 0 {
		q.Sort = ""
	}
	switch r.IntN(4) {
	case 0:
		q.Words = `"` + q.Words + `"`
	case 1:
		q.Words = ""
	}
	for name, values := range map[string]string{
		"space": "energy health", "theme": "AGRI ENER", "country": "BE FR XX", "language": "de en fr", "publisher": "x", "licence": "CC0-1.0", "column": "YIELD soil", "unit": "m/s",
		"provider": "https://a.example",
	} {
		if r.IntN(9) == 0 {
			q.Filters[name] = append(some(r, values, 1), strings.Fields(values)[0])
		}
	}
	switch {
	case r.IntN(12) == 0:
		q.Words += " weiz*"
	case r.IntN(12) == 0:
		q.Words += ` column:yield,soil unit:m/s,kWh publisher:"Publisher 7"`
	}
	for _, name := range document.Facets() {
		if r.IntN(2) == 0 {
			q.Facets = append(q.Facets, name)
		}
	}
	return q
}

func someSights() []schemas.Sight {
	return []schemas.Sight{
		{Everyone: true}, {Everyone: true, SignedIn: true}, {Everyone: true, SignedIn: true, Participant: "https://a.example"},
		{Everyone: true, SignedIn: true, Participant: "https://z.example"}, {Everyone: true, All: true}, {},
	}
}

// opened is an empty index that answers.
func opened(t testing.TB) *Index {
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
	x.ready.Store(true)
	return x
}

// answerOf is what a caller could read of an answer.
func answerOf(t testing.TB, r Result, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What Search finds, orders and counts is what Bleve does, to the byte, over all pages:
// datasets of every kind, changed and withdrawn, hidden and shown, merged and not.
func TestSearchIsAsBleveDoesIt(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 17))
	x := opened(t)
	o := &oracle{x, map[schemas.DatasetID]schemas.Dataset{}}
	asked, found, pages := 0, 0, 0
	rounds := 12
	if testing.Short() { // under the race detector
		rounds = 5
	}
	for round := range rounds {
		var sets []schemas.Dataset
		for range 1 + r.IntN(60) {
			sets = append(sets, anyDataset(r, 400))
		}
		slices.SortFunc(sets, func(a, b schemas.Dataset) int { return strings.Compare(string(a.ID), string(b.ID)) })
		sets = slices.CompactFunc(sets, func(a, b schemas.Dataset) bool { return a.ID == b.ID })
		for _, d := range sets {
			o.sets[d.ID] = d
		}
		err := x.apply(t.Context(), sets, int64(round+1))
		if err != nil {
			t.Fatal(err)
		}
		if round%7 == 6 {
			merge(t, x)
		}
		for range 25 {
			q, sight := anyQuery(r), someSights()[r.IntN(len(someSights()))]
			for range 3 {
				got, err := x.Search(t.Context(), q, sight)
				mine := answerOf(t, got, err)
				want, err := o.asked(t.Context(), q, sight)
				if theirs := answerOf(t, want, err); mine != theirs || !slices.Equal(got.Positions, want.Positions) {
					t.Fatalf("round %d: %+v of %+v\n got %s %v\nwant %s %v", round, q, sight, mine, got.Positions, theirs, want.Positions)
				}
				asked, found = asked+1, found+len(got.IDs)
				if got.Next == "" {
					break
				}
				pages++
				q.After, err = ParseCursor(&q, got.Next)
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Logf("%d answers with %d hits, %d of them next pages", asked, found, pages)
	if found < 75*rounds || pages < 5*rounds {
		t.Errorf("only %d hits in %d answers, %d next pages", found, asked, pages)
	}
}

// merge makes Bleve merge all segments of both classes, and shows the result.
func merge(t testing.TB, x *Index) {
	t.Helper()
	for _, c := range []*class{&x.public, &x.closed} {
		inner, err := c.b.Advanced()
		if err != nil {
			t.Fatal(err)
		}
		m, ok := inner.(interface {
			ForceMerge(context.Context, *mergeplan.MergePlanOptions) error
		})
		if !ok {
			t.Fatal("it cannot be made to merge")
		}
		err = m.ForceMerge(t.Context(), &mergeplan.SingleSegmentMergePlanOptions)
		if err != nil {
			t.Fatal(err)
		}
	}
	err := x.merged()
	if err != nil {
		t.Fatal(err)
	}
}

// Answers are the same to the byte with and without datasets that the caller may not see,
// whatever these do meanwhile: hits, order, cursors, totals, facets, and what is near.
func TestHiddenDatasetsMoveNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 23))
	with, without := opened(t), opened(t)
	sights := []schemas.Sight{{Everyone: true}, {Everyone: true, SignedIn: true}, {Everyone: true, SignedIn: true, Participant: "https://z.example"}}
	groups := func(_ context.Context, ids []schemas.DatasetID) (Groups, error) {
		out := Groups{}
		for _, id := range ids { // two in five, whether the others of their groups are hidden or not
			if n := id[len(id)-1] - '0'; n%5 < 2 {
				out[id] = fmt.Sprint("g", id[len(id)-2]%7)
			}
		}
		return out, nil
	}
	with.Groups, without.Groups = groups, groups
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		var shown, all []schemas.Dataset
		for i := range 40 {
			d := anyDataset(r, 300)
			d.ID = schemas.DatasetID(fmt.Sprintf("ds-%d-%04d", round%3, i*7+r.IntN(7)))
			if r.IntN(2) == 0 {
				d.Source = "portal"
			}
			if r.IntN(2) == 0 {
				west, south := float64(r.IntN(360)-180), float64(r.IntN(170)-90)
				d.Box = []float64{west, south, float64(r.IntN(360) - 180), south + 8}
			}
			switch {
			case round > 0 && i%5 == 0: // it was public perhaps, and is hidden: elsewhere it is withdrawn
				d.Visibility, d.Withdrawn = schemas.VisibleToOwn, false
				d.Provider = "https://hidden.example"
				all = append(all, d)
				d.Withdrawn = true
				shown = append(shown, d)
				continue
			case d.Visibility == "" || d.Visibility == schemas.VisibleToEveryone:
				shown = append(shown, d)
			case i%2 == 0: // as if it had never been there
				d.ID = "hidden-" + d.ID
				d.Provider, d.Visibility = "https://hidden.example", schemas.VisibleToOwn
				d.Publisher, d.Title["en"] = fmt.Sprintf("Hidden %d", i), d.Title["en"]+" secretword"
			default:
				continue
			}
			all = append(all, d)
		}
		err := errors.Join(with.apply(t.Context(), all, int64(round+1)), without.apply(t.Context(), shown, int64(round+1)))
		if err != nil {
			t.Fatal(err)
		}
		if round == rounds/2 {
			merge(t, with)
		}
		for range 60 {
			q, sight := anyWider(r), sights[r.IntN(len(sights))]
			if r.IntN(5) == 0 {
				q.Words = "secretword wheat"
			}
			if r.IntN(9) == 0 {
				q.Words = "the of secretw*"
			}
			for range 3 {
				a, err := with.Search(t.Context(), q, sight)
				got := answerOf(t, a, err)
				b, err := without.Search(t.Context(), q, sight)
				if want := answerOf(t, b, err); got != want || !slices.Equal(a.Positions, b.Positions) {
					t.Fatalf("round %d: %+v of %+v\n   with %s\nwithout %s", round, q, sight, got, want)
				}
				if a.Next == "" {
					break
				}
				q.After, err = ParseCursor(&q, a.Next)
				if err != nil {
					t.Fatal(err)
				}
			}
			q.After = nil
			if r.IntN(6) > 0 {
				continue
			}
			for _, begun := range []string{"whe", "sec", "secretw", "musik", "und"} {
				mine, err := with.Suggest(t.Context(), begun, 8, reads(nil))
				theirs, failed := without.Suggest(t.Context(), begun, 8, reads(nil))
				if err != nil || failed != nil || fmt.Sprint(mine) != fmt.Sprint(theirs) {
					t.Fatalf("suggestions for %s: %v and %v, %v", begun, mine, theirs, err)
				}
			}
			q.Words += " secretwort"
			near, err := with.Near(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			same, err := without.Near(t.Context(), q)
			if err != nil || fmt.Sprint(near) != fmt.Sprint(same) {
				t.Fatalf("near %+v: %v and %v, %v", q, near, same, err)
			}
		}
	}
}

// Numbers of values that no dataset has any more are given anew, under searches that go on.
func TestValuesAreNumberedAnew(t *testing.T) {
	x := opened(t)
	put := func(publisher string, position int64) {
		t.Helper()
		d := schemas.Dataset{ID: "ds-1", Space: "energy", Title: schemas.Text{"en": "Wind"}, Publisher: publisher}
		err := x.apply(t.Context(), []schemas.Dataset{d}, position)
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 30 {
		put(fmt.Sprint("Publisher ", i), int64(i+1))
	}
	held, err := x.hold()
	if err != nil {
		t.Fatal(err)
	}
	defer held.release()
	before := held.values.Len()
	x.seen.made = -manyValues / 2
	put("The last one", 31)
	if after := x.seen.values.Len(); before < 30 || after != 2 {
		t.Errorf("%d values became %d", before, after)
	}
	r, err := x.Search(t.Context(), Query{Facets: []string{"publisher"}}, schemas.Sight{Everyone: true})
	if err != nil || r.Facets["publisher"].Values[0] != (schemas.FacetValue{Value: "The last one", Count: 1}) {
		t.Errorf("%+v, %v", r, err)
	}
}
