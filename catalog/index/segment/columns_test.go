package segment

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// Terms of numbers are in the order of the numbers.
func TestNumbersAreInOrder(t *testing.T) {
	numbers := []int64{math.MinInt64, -1 << 40, -1, 0, 1, 255, 256, 1 << 40, math.MaxInt64}
	var terms []string
	for _, n := range numbers {
		terms = append(terms, Number(n))
	}
	if !slices.IsSorted(terms) {
		t.Errorf("%q", terms)
	}
	ends := []int32{math.MinInt32, -5, 0, 7, math.MaxInt32}
	terms = nil
	for _, n := range ends {
		terms = append(terms, Span(n, 9))
	}
	if !slices.IsSorted(terms) {
		t.Errorf("%q", terms)
	}
}

// Words that begin as one does, counted over all segments, without deleted documents.
func TestBegin(t *testing.T) {
	x := begin(t)
	x.write(map[string]doc{"a": {Text: "red redder"}, "b": {Text: "reddish red"}, "c": {Text: "green"}})
	x.write(map[string]doc{"d": {Text: "red red"}, "e": {Text: "reddest"}})
	x.write(map[string]doc{"e": {}})
	for letters, want := range map[string][]Value{
		"red": {{"red", 3}, {"redder", 1}, {"reddish", 1}}, "redd": {{"redder", 1}, {"reddish", 1}}, "gr": {{"green", 1}}, "x": nil,
	} {
		got, err := x.view.Begin(t.Context(), "Text", letters, 20, 5)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", letters, got, err)
		}
	}
	got, err := x.view.Begin(t.Context(), "Text", "red", 20, 1)
	if err != nil || !slices.Equal(got, []Value{{"red", 3}}) {
		t.Errorf("%v, %v", got, err)
	}
}

// One of a group stands for it: of all that is there, and of what a question finds; what it
// stands for is neither shown nor counted. Of another index a group is the same one.
func TestGroupsAreOne(t *testing.T) {
	x := begin(t)
	x.write(map[string]doc{"a": {Text: "red", Group: "g", Size: 2, Tags: []string{"x"}}, "b": {Text: "red red", Group: "g", Size: 2, Tags: []string{"x", "y"}}})
	x.write(map[string]doc{"c": {Text: "blue", Group: "g", Size: 1, Tags: []string{"z"}}, "d": {Text: "red", Tags: []string{"x"}}})
	ask := func(words ...string) (ids []string, tags []Value) {
		t.Helper()
		q := &Question{}
		for _, w := range words {
			q.Words = append(q.Words, Word{Term{"Text", []string{w}, 1}})
		}
		a, err := x.view.Find(t.Context(), q, Wanted{Best: 9, Scored: true, Count: []int{0}})
		if err != nil || a.Total != uint64(len(a.Hits)) {
			t.Fatalf("%d of %d, %v", len(a.Hits), a.Total, err)
		}
		for _, h := range a.Hits {
			ids = append(ids, h.ID)
		}
		tags, _ = x.all.Top(0, 9, a.Count[0])
		return ids, tags
	}
	for _, c := range []struct {
		words, ids []string
		tags       []Value
	}{
		{nil, []string{"c", "d"}, []Value{{"x", 1}, {"z", 1}}}, {[]string{"red"}, []string{"b", "d"}, []Value{{"x", 2}, {"y", 1}}}, {[]string{"blue"}, []string{"c"}, []Value{{"z", 1}}},
	} {
		ids, tags := ask(c.words...)
		if !slices.Equal(ids, c.ids) || !slices.Equal(tags, c.tags) {
			t.Errorf("%v: %v, %v", c.words, ids, tags)
		}
	}
	x.write(map[string]doc{"c": {}})
	if ids, _ := ask(); fmt.Sprint(ids) != "[a d]" {
		t.Errorf("without the first of them: %v", ids)
	}
	x.write(map[string]doc{"b": {Text: "red red"}})
	if ids, _ := ask("red"); fmt.Sprint(ids) != "[b a d]" {
		t.Errorf("of which one is by itself: %v", ids)
	}
}

// What is an owner's own stands beside what other owners say is the same, whatever they do to
// stand first; what nobody owns is left out for any of them.
func TestOwnersStand(t *testing.T) {
	x := begin(t)
	fields := fieldsOfDoc()
	fields.Owner, fields.Own = "Place", 2
	x.all = NewValues(fields)
	x.views = NewViews(x.index, x.all)
	x.write(map[string]doc{"a": {Text: "red", Group: "g", Size: 1, Place: "p"}, "a2": {Text: "red", Group: "g", Size: 1, Place: "p"}, "h": {Text: "red green", Group: "g", Size: 2, Place: "p"}})
	x.write(map[string]doc{"b": {Text: "red", Group: "g", Place: "q"}, "h2": {Text: "red red green", Group: "g", Size: 2, Place: "q"}, "h3": {Text: "green", Group: "f", Size: 2, Place: "q"}})
	for word, want := range map[string]string{"": "[a b h3]", "red": "[a b]", "green": "[h h3]"} {
		q := &Question{}
		if word != "" {
			q.Words = []Word{{Term{"Text", []string{word}, 1}}}
		}
		a, err := x.view.Find(t.Context(), q, Wanted{Best: 9, Count: []int{1}})
		var ids []string
		for _, h := range a.Hits {
			ids = append(ids, h.ID)
		}
		if err != nil || fmt.Sprint(ids) != want || int(a.Total) != len(ids) {
			t.Errorf("%q: %v of %d, %v", word, ids, a.Total, err)
		}
		top, _ := x.all.Top(1, 9, a.Count[0])
		n := 0
		for _, v := range top {
			n += v.Count
		}
		if n != len(ids) {
			t.Errorf("%q: counted %v", word, top)
		}
	}
}
