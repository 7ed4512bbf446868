package plan

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/schemas"
)

func anyLane(t *rapid.T) Lane {
	l := Lane{Of: rapid.IntRange(1, 5).Draw(t, "lanes"), Block: rapid.Int64Range(1, 9).Draw(t, "block")}
	l.Number = rapid.IntRange(0, l.Of-1).Draw(t, "lane")
	return l
}

// dealt is what a lane is: of rows cut into blocks, every one whose turn it is.
func dealt(l Lane, rows []string) (out []string) {
	for i, row := range rows {
		if int64(i)/l.Block%int64(l.Of) == int64(l.Number) {
			out = append(out, row)
		}
	}
	return out
}

// Lanes deal a part's rows in turn, in their order, after what from leaves out; a part, its
// evenness and its order are said of the rank, rows and bounds of the lane.
func TestLanesDealThePart(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, a := anySource(rt, t), anyOrder(rt)
		a.Rank = rapid.IntRange(0, a.World-1).Draw(rt, "rank")
		a.Even = rapid.SampledFrom([]string{"", "drop", "pad"}).Draw(rt, "even")
		all, err := NewPlan(s, a)
		if err != nil {
			rt.Fatal(err)
		}
		a.From = rapid.Int64Range(0, all.PartRows).Draw(rt, "from")
		whole, err := NewPlan(s, a)
		if err != nil {
			rt.Fatal(err)
		}
		a.Lane = anyLane(rt)
		p, err := NewPlan(s, a)
		if err != nil {
			rt.Fatal(err)
		}
		got, want := rowsOf(p.Stored()), dealt(a.Lane, rowsOf(whole.Stored()))
		if !slices.Equal(got, want) {
			rt.Fatalf("%s: %v, want %v", a, got, want)
		}
		if p.Rows != int64(len(want)) || p.PartRows != whole.PartRows || p.Adjusted != whole.Adjusted || p.Order != whole.Order {
			rt.Errorf("%s: %d rows of %d, %s, %s", a, p.Rows, p.PartRows, p.Adjusted, p.Order)
		}
		if rows, _ := p.Most(); rows != p.Rows {
			rt.Errorf("%s: at most %d rows", a, rows)
		}
	})
}

// A lane goes on with what its stream says: each row of it comes, and those of a block that
// was begun come again.
func TestLanesGoOn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, a := anySource(rt, t), anyOrder(rt)
		a.Lane = anyLane(rt)
		p, err := NewPlan(s, a)
		if err != nil {
			rt.Fatal(err)
		}
		rows := rowsOf(p.Stored())
		sent := rapid.Int64Range(0, p.Rows).Draw(rt, "sent")
		said := map[string]string{}
		for word := range strings.FieldsSeq(a.String() + " " + p.GoOn(sent)) {
			key, value, _ := strings.Cut(word, "=")
			said[key] = value
		}
		b, err := parse(said)
		if err != nil || b.Lane != a.Lane {
			rt.Fatalf("%v is read back as %s: %v", said, b, err)
		}
		q, err := NewPlan(s, b)
		if err != nil {
			rt.Fatal(err)
		}
		if got, want := rowsOf(q.Stored()), rows[sent-sent%a.Lane.Block:]; !slices.Equal(got, want) {
			rt.Errorf("after %d rows %s gives %v, want %v", sent, b, got, want)
		}
	})
}

// Of so many rows those come that would come first, and a stream of them goes on with the rest of them.
func TestSoManyRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, a := anySource(rt, t), anyOrder(rt)
		if rapid.Bool().Draw(rt, "dealt") {
			a.Lane = anyLane(rt)
		}
		whole, err := NewPlan(s, a)
		if err != nil {
			rt.Fatal(err)
		}
		a.Most = rapid.Int64Range(1, whole.Rows+3).Draw(rt, "rows")
		p, err := NewPlan(s, a)
		if err != nil {
			rt.Fatal(err)
		}
		want := rowsOf(whole.Stored())
		want = want[:min(a.Most, int64(len(want)))]
		if got := rowsOf(p.Stored()); !slices.Equal(got, want) || p.Rows != int64(len(want)) || p.PartRows != whole.PartRows {
			rt.Fatalf("%s: %v, want %v", a, got, want)
		}
		if p.Rows == 0 {
			return
		}
		sent := rapid.Int64Range(0, p.Rows-1).Draw(rt, "sent")
		said := map[string]string{}
		for word := range strings.FieldsSeq(a.String() + " " + p.GoOn(sent)) {
			key, value, _ := strings.Cut(word, "=")
			said[key] = value
		}
		b, err := parse(said)
		if err != nil {
			rt.Fatalf("%v is read back as %s: %v", said, b, err)
		}
		q, err := NewPlan(s, b)
		if err != nil {
			rt.Fatal(err)
		}
		if a.Lane.Of > 0 {
			sent -= sent % a.Lane.Block
		}
		if got := rowsOf(q.Stored()); !slices.Equal(got, want[sent:]) {
			rt.Errorf("after %d rows %s gives %v, want %v", sent, b, got, want[sent:])
		}
	})
	for _, wrong := range []string{"0", "-1", "x"} {
		_, err := parse(map[string]string{"rows": wrong})
		if schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("rows=%s: %v", wrong, err)
		}
	}
}

func TestParseLane(t *testing.T) {
	for _, c := range []struct{ lane, block, key, want string }{
		{"", "", "", ""},
		{"0@1", "1", "", ""},
		{"1023@1024", "1048576", "", ""},
		{"0@1", "", "block", "give block"},
		{"", "5", "lane", "there is no lane: give lane, or leave block out"},
		{"2@2", "5", "lane", `"2@2" is not a lane: write lane@lanes, for instance 0@4, with at most 1024 lanes, which count from 0`},
		{"-1@2", "5", "lane", "is not a lane"},
		{"0@1025", "5", "lane", "is not a lane"},
		{"0", "5", "lane", "is not a lane"},
		{"0@2", "0", "block", `"0" is not a valid block: a whole number from 1 to 1048576`},
		{"0@2", "1048577", "block", "is not a valid block"},
		{"0@2", "x", "block", "is not a valid block"},
	} {
		_, err := parse(map[string]string{"lane": c.lane, "block": c.block})
		if (err == nil) != (c.want == "") || err != nil && (schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.want) ||
			!strings.Contains(err.Error(), c.key)) {
			t.Errorf("lane=%s block=%s: got %v, want %s", c.lane, c.block, err, c.want)
		}
	}
	_, err := Lane{Of: 2, Block: 1}.deal(schemas.Segments{segment(0, 0, 1<<20)})
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "blocks of 1 rows cut this lane into 524288 pieces") {
		t.Errorf("a lane of a row at a time: %v", err)
	}
}
