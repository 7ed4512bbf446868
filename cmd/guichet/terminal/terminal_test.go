package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

// TestNumbersInWords: bytes with their unit, counts in groups, one thing by its name.
func TestNumbersInWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_500_000: "1.5 MB", 2_000_000_000: "2.0 GB", 1 << 62: "4.6 EB"} {
		if got := Size(n); got != want {
			t.Errorf("%d bytes are %q, not %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1 000", 1234567: "1 234 567", -1234: "-1 234", -123: "-123"} {
		if got := Count(n); got != want {
			t.Errorf("%d is %q, not %q", n, got, want)
		}
	}
	if Plural(1, "row", "rows") != "1 row" || Plural(2000, "row", "rows") != "2 000 rows" || Plural(0, "row", "rows") != "0 rows" {
		t.Error("rows are counted otherwise")
	}
	if When(time.Time{}) != "–" || !strings.HasPrefix(When(time.Date(2026, 11, 28, 12, 0, 0, 0, time.Local)), "2026-11-28 12:00:00 ") {
		t.Error("times are written otherwise")
	}
}

// TestTitles: English goes first, a translation by a machine is marked, else the first tag.
func TestTitles(t *testing.T) {
	for want, x := range map[string]schemas.Text{
		"Wheat":                       {"en": "Wheat", "fr": "Blé"},
		"Wheat (machine translation)": {"en-t-fr": "Wheat", "fr": "Blé"},
		"Blé":                         {"fr": "Blé", "it": "Grano"},
		"":                            nil,
	} {
		if got := Title(x); got != want {
			t.Errorf("%v is %q, not %q", x, got, want)
		}
	}
}

// TestDecisions: a decision is told in the same sentence everywhere: the verdict, what it
// demands, why, and what would help.
func TestDecisions(t *testing.T) {
	rows := int64(1200)
	no := schemas.Decision{Verdict: schemas.VerdictNo, Reasons: []schemas.Reason{{Rule: "offer §1", Source: "the offer", Text: "not for this", Remedy: "ask for research"}}}
	for want, d := range map[string]schemas.Decision{
		"No.\n  because not for this (offer §1, the offer)\n  → ask for research\n": no,
		"Yes.\n  may be staged: kept where jobs run, as an encrypted copy\n":        {Verdict: schemas.VerdictYes, Stage: true},
		"Not yet: https://grid.example reviews requests.\n":                         {Verdict: schemas.VerdictReview, Reviewer: "https://grid.example"},
		"Yes.\n  demands: hidden: name (offer)\n  left for the project: 1 200 rows\n  note: give credit\n": {
			Verdict: schemas.VerdictYes, Obligations: []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"name"}, Source: "offer"}},
			Left: &schemas.Left{Rows: &rows}, Notes: []string{"give credit"},
		},
	} {
		if got := Decided(&d); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	for want, o := range map[string]schemas.Duty{
		"hidden: a, b":      {Kind: schemas.DutyHide, Columns: []string{"a", "b"}},
		"pseudonymised: id": {Kind: schemas.DutyPseudonymise, Columns: []string{"id"}},
		"pseudonymised: id, in the joint domain care of x, y": {Kind: schemas.DutyPseudonymise, Columns: []string{"id"}, Domain: "care", With: []string{"x", "y"}},
		"made coarser: born to year":                          {Kind: schemas.DutyGeneralise, Columns: []string{"born"}, To: "year"},
		"only some rows are shown":                            {Kind: schemas.DutyFilter},
		"budget: 1 000 rows":                                  {Kind: schemas.DutyBudget, Rows: 1000},
		"budget: 1.0 kB":                                      {Kind: schemas.DutyBudget, Bytes: 1000},
		"only at leonardo":                                    {Kind: schemas.DutyFactory, Values: []string{"leonardo"}},
		"only from the factory's own network":                 {Kind: schemas.DutyFactory},
		"give credit: Institute":                              {Kind: schemas.DutyAttribute, Text: "Institute"},
	} {
		if got := Duty(&o); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestFacts: what is known is told, each in a line; nothing is said of what is not.
func TestFacts(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for want, f := range map[string]*schemas.Facts{
		"":                                       nil,
		"updated 2026-03-01\n":                   {Updated: day},
		"read by 12 training runs\n":             {Runs: 12},
		"read by at least 1 000 training runs\n": {Runs: 1000},
		"an answer takes 1 hour (median of the last 5 of its dataset)\n": {
			Wait: &schemas.Wait{Hours: 1, Answers: 5, Of: schemas.WaitOfDataset},
		},
		"an answer takes 47 hours (median of the last 31 of its provider)\n": {
			Wait: &schemas.Wait{Hours: 47, Answers: 31, Of: schemas.WaitOfProvider},
		},
		"updated 2026-03-01\nread by 5 training runs\nan answer takes 3 days (median of the last 9 of its dataset)\n": {
			Updated: day,
			Runs:    5,
			Wait:    &schemas.Wait{Hours: 70, Answers: 9, Of: schemas.WaitOfDataset},
		},
	} {
		var out bytes.Buffer
		Facts(&Terminal{Out: &out}, f)
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}

// TestListsAreJSONOrTables: the same items for people and for machines; no items are an
// empty list, and words.
func TestListsAreJSONOrTables(t *testing.T) {
	row := func(s string) []string { return []string{s, strings.ToUpper(s)} }
	for _, c := range []struct {
		json  bool
		items []string
		want  string
	}{
		{false, []string{"a", "bcd"}, "NAME  LOUD\na     A\nbcd   BCD\n"},
		{false, nil, "no such\n"},
		{true, nil, `{"items":[]}`},
		{true, []string{"a"}, `{"items":["a"]}`},
	} {
		var out bytes.Buffer
		err := ListOr(&Terminal{Out: &out, JSON: c.json}, c.items, "no such", "NAME\tLOUD", row)
		got := out.String()
		if c.json {
			var b bytes.Buffer
			err = errors.Join(err, json.Compact(&b, out.Bytes()))
			got = b.String()
		}
		if err != nil || got != c.want {
			t.Errorf("json %t of %q: %q, %v", c.json, c.items, got, err)
		}
	}
}

// TestJSONIsSafeToShow: what moves the cursor or turns text around is escaped, and still
// the same value.
func TestJSONIsSafeToShow(t *testing.T) {
	said := "a\u202eb\u2066c\U000e0041\u009bd é 中"
	var out bytes.Buffer
	err := (&Terminal{Out: &out}).Print(said)
	var got string
	if err != nil || json.Unmarshal(out.Bytes(), &got) != nil || got != said {
		t.Fatalf("%q became %q, %v", said, got, err)
	}
	for _, r := range out.String() {
		if strings.ContainsRune("\u202e\u2066\U000e0041\u009b", r) {
			t.Errorf("%U is shown", r)
		}
	}
	if !strings.Contains(out.String(), "é 中") {
		t.Errorf("letters are escaped: %s", out.String())
	}
}

// TestProgressInPipes: in a pipe a bar says nothing, and once what is waited for.
func TestProgressInPipes(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&Terminal{Err: &out}, "reading shards")
	p.Set(1, 2)
	p.Waiting(&schemas.Error{Message: "the store is away"})
	p.Waiting(errors.New("still"))
	p.Set(2, 2)
	p.Done()
	if out.String() != "reading shards: the store is away\n" {
		t.Errorf("%q", out.String())
	}
	out.Reset()
	p = NewProgress(&Terminal{Err: &out, JSON: true}, "reading shards")
	p.Waiting(errors.New("away"))
	p.Done()
	if out.Len() > 0 {
		t.Errorf("a machine is told %q", out.String())
	}
}
