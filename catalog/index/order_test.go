package index

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"guichet/schemas"
)

// page is one dataset of a trial of pages.
func page(i int, restricted bool) schemas.Dataset {
	d := schemas.Dataset{ID: schemas.DatasetID(fmt.Sprintf("ds-%03d", i*7919%1000)), Space: "agriculture", Provider: "https://p.example", Modified: time.Unix(int64(1000+i*31%50), int64(i)*1000),
		Title: schemas.Text{"en": fmt.Sprintf("Wheat of field %d", i%5)}, Description: schemas.Text{"en": "Yields of wheat."}}
	if i%3 == 0 {
		d.Title = schemas.Text{"de": "Weizen", "en": "Yields"}
	}
	if restricted {
		d.Visibility = schemas.VisibleToOwn
	}
	return d
}

// While datasets come and go between the pages, in front of the place and behind it, and
// others that nobody may see, each that stays is on one page, once; in every order.
func TestPagesNeitherRepeatNorSkip(t *testing.T) {
	sight := schemas.Sight{Everyone: true, SignedIn: true, Participant: "https://p.example"}
	for _, sort := range Sorts() {
		for _, words := range []string{"", "wheat", "yields wheat"} {
			x := titled(t, "en", map[schemas.DatasetID]string{"ds-other": "Barley"})
			stays := map[schemas.DatasetID]int{}
			position := int64(2)
			write := func(sets ...schemas.Dataset) {
				t.Helper()
				if err := x.apply(t.Context(), sets, position); err != nil {
					t.Fatal(err)
				}
				position++
			}
			var sets []schemas.Dataset
			for i := range 40 {
				d := page(i, i%4 == 1)
				sets = append(sets, d)
				stays[d.ID] = 0
			}
			write(sets...)
			q := Query{Words: words, Sort: sort, Limit: 7}
			var before *Position
			for n := 0; ; n++ {
				r, err := x.Search(t.Context(), q, sight)
				if err != nil {
					t.Fatal(err)
				}
				for i, id := range r.IDs {
					if _, known := stays[id]; known {
						stays[id]++
					}
					if before != nil && compare(sort, r.Positions[i], *before) <= 0 {
						t.Errorf("%q by %q: %s is not behind the hit before it", words, sort, id)
					}
					before = &r.Positions[i]
				}
				if r.Next == "" {
					break
				}
				q.After, err = ParseCursor(&q, r.Next)
				if err != nil {
					t.Fatal(err)
				}
				var changed []schemas.Dataset
				for i := range 5 { // newcomers, among them hidden ones, and many of the same words
					d := page(100+n*5+i, i%2 == 0)
					d.Modified = time.Unix(int64(900+n*40+i), 0)
					if i == 4 {
						d.Visibility, d.Provider = schemas.VisibleToOwn, "https://hidden.example"
					}
					changed = append(changed, d)
				}
				gone := 0
				for id, seen := range stays { // one of each is withdrawn: told already, and not yet
					if seen == gone {
						changed = append(changed, schemas.Dataset{ID: id, Withdrawn: true})
						delete(stays, id)
						if gone++; gone == 2 {
							break
						}
					}
				}
				write(changed...)
				if n > 200 {
					t.Fatal("the pages do not end")
				}
			}
			for id, seen := range stays {
				if seen != 1 && (words == "" || words == "wheat" || seen > 1) {
					found, err := x.Search(t.Context(), Query{Words: words, Limit: 1000}, sight)
					if err != nil {
						t.Fatal(err)
					}
					if seen > 1 || slices.Contains(found.IDs, id) {
						t.Errorf("%q by %q: %s is on %d pages", words, sort, id, seen)
					}
				}
			}
		}
	}
}

// Scores depend on a dataset and the question alone.
func TestScoresStand(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"a": "Winter wheat", "b": "Wheat, wheat and more wheat of the winter", "c": "Winter"})
	score := func() []Position {
		r, err := x.Search(t.Context(), Query{Words: "winter wheat"}, schemas.Sight{Everyone: true})
		if err != nil {
			t.Fatal(err)
		}
		return r.Positions
	}
	before := score()
	var more []schemas.Dataset
	for i := range 200 {
		more = append(more, schemas.Dataset{ID: schemas.DatasetID(fmt.Sprint("z", i)), Title: schemas.Text{"en": "Winter sun"}})
	}
	if err := x.apply(t.Context(), more, 2); err != nil {
		t.Fatal(err)
	}
	if after := score(); len(before) != 2 || before[0].id != "b" || !slices.Equal(before, after) {
		t.Errorf("%+v became %+v", before, after)
	}
}

// Sizes that differ by a byte are in order however large they are, also from page to page.
func TestLargestSizes(t *testing.T) {
	x := titled(t, "en", nil)
	var sets []schemas.Dataset
	for i := range 5 {
		sets = append(sets, schemas.Dataset{ID: schemas.DatasetID(fmt.Sprint("ds-", i)), Title: schemas.Text{"en": "Large"}, Latest: &schemas.VersionSummary{Bytes: 1<<53 + int64(i)}})
	}
	if err := x.apply(t.Context(), sets, 2); err != nil {
		t.Fatal(err)
	}
	q := Query{Sort: "size", Limit: 1}
	var got []schemas.DatasetID
	for range sets {
		r, err := x.Search(t.Context(), q, schemas.Sight{Everyone: true})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.IDs...)
		q.After, err = ParseCursor(&q, r.Next)
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, []schemas.DatasetID{"ds-4", "ds-3", "ds-2", "ds-1", "ds-0"}) {
		t.Errorf("%v", got)
	}
}

// A cursor is good for its own search only, and what is none is told.
func TestCursors(t *testing.T) {
	q := Query{Words: "wheat"}
	s := Cursor(&q, Position{score: 1.5, id: "ds-1"})
	for _, want := range []Position{{score: 1.5, id: "ds-1"}, {number: 1<<53 + 1, id: "ds-1"}, {number: math.MinInt64, text: "a", id: "b", restricted: true}} {
		p, err := ParseCursor(&q, Cursor(&q, want))
		if err != nil || *p != want {
			t.Errorf("%+v %v", p, err)
		}
	}
	for _, bad := range []struct {
		q Query
		s string
	}{{Query{Words: "barley"}, s}, {Query{Words: "wheat", Sort: "modified"}, s}, {q, "bzIw"}, {q, "%"}, {q, "e30"}} {
		if _, err := ParseCursor(&bad.q, bad.s); schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
