package segment

import (
	"fmt"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// Words that few and many documents hold score the same when they are asked for again, in other
// company, and after documents went.
func TestRememberedWords(t *testing.T) {
	x := begin(t)
	docs := map[string]doc{}
	for i := range 400 {
		d := doc{Text: "red", Tags: []string{"a"}}
		if i%50 == 7 {
			d.Text = "red rare rare"
		}
		if i%3 == 0 {
			d.Text += " blue red"
		}
		docs[fmt.Sprintf("id-%03d", i)] = d
	}
	x.write(docs)
	word := func(texts ...string) Word { return Word{Term{"Text", texts, 2}} }
	held := Word{Term{"Text", []string{"blue"}, 1}, Held{Filter{Field: "Tags", Values: []string{"a"}}, 0.01}}
	for round := range 4 {
		for _, words := range [][]Word{{word("rare")}, {word("red")}, {word("red"), word("rare")}, {word("blue", "red"), word("red")}, {held, word("rare")}, {held}} {
			q, w := &Question{Words: words}, Wanted{Best: 500, Scored: true}
			want, _ := x.expected(q, w)
			got, err := x.view.Find(t.Context(), q, w)
			if err != nil || got.Total != want.Total || !slices.Equal(got.Hits, want.Hits) {
				t.Fatalf("round %d: %v: %d of %d, %v", round, words, got.Total, want.Total, err)
			}
		}
		if round == 1 {
			x.write(map[string]doc{"id-007": {}, "id-008": {Text: "rare blue"}})
		}
	}
	for text, want := range map[string]uint64{"rare": 8, "red": 398, "none": 0} {
		if n, err := x.view.Holders(t.Context(), "Text", text); err != nil || n != want {
			t.Errorf("%s: %d, want %d, %v", text, n, want, err)
		}
	}
	some := 0
	for _, p := range x.view.parts {
		some += len(p.remembered.of)
	}
	if some == 0 {
		t.Error("nothing is remembered")
	}
}

// What is remembered is bounded, and what was asked for last stays.
func TestRememberedIsBounded(t *testing.T) {
	var r remembered
	const most = 50 * leastMemory
	for i := range 1000 {
		r.take("often")
		r.keep(fmt.Sprint(i), roaring.BitmapOf(1, 2, uint32(i)), nil, most)
		if i == 0 {
			r.keep("often", roaring.BitmapOf(7), nil, most)
			r.keep("often", roaring.BitmapOf(7), &wordScores{[]uint32{7}, []float32{1}}, most)
		}
		sum := 0
		for _, x := range r.of {
			sum += x.size()
		}
		if sum != r.bytes || sum > most {
			t.Fatalf("%d: %d bytes are held, %d said", i, sum, r.bytes)
		}
	}
	if docs, scores := r.take("often"); docs == nil || scores == nil {
		t.Error("what is asked for always was forgotten")
	}
	if x, _ := r.take("1"); x != nil {
		t.Error("what nobody asks for stays")
	}
}

// Words are told apart by all that they find and score by.
func TestNamesOfWords(t *testing.T) {
	filter := Filter{Field: "Tags", Values: []string{"a"}}
	seen := map[string]int{}
	for i, w := range []Word{
		{Term{"Text", []string{"red"}, 1}}, {Term{"Text", []string{"red"}, 2}}, {Term{"Other", []string{"red"}, 1}}, {Term{"Text", []string{"red", "blue"}, 1}},
		{Term{"Text", []string{"red"}, 1}, Term{"Text", []string{"blue"}, 1}}, {Term{"Tags", []string{"a"}, 1}}, {Held{filter, 1}},
		{Term{"Text", []string{"red", "blue"}, 1}, Phrase{"Text", []string{"red", "blue"}, 2}},
	} {
		name := w.name()
		if other, is := seen[name]; is || name == "" {
			t.Errorf("%d and %d are %q", i, other, name)
		}
		seen[name] = i
	}
	for _, w := range []Word{
		{Prefix{"Text", "re", 1}}, {Near{Field: "Text", Text: "red"}}, {Phrase{"Text", []string{"red", "blue"}, 1}},
		{Term{"Text", []string{"red"}, 1}, Phrase{"Text", []string{"red", "blue"}, 1}}, {Held{Filter{Field: "Tags", Prefixes: []string{"a"}}, 1}},
	} {
		if w.name() != "" {
			t.Errorf("%v has the name %q", w, w.name())
		}
	}
}
