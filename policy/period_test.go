package policy

import (
	"testing"
	"time"

	"guichet/schemas"
)

// A day, a month, a year in a constraint is the whole of it, for every operator, in a
// permission and in a prohibition; the answer is good until it can change.
func TestADayIsTheWholeDay(t *testing.T) {
	e := engine(t)
	const (
		before = "2026-11-27T23:59:59.999999Z"
		first  = "2026-11-28T00:00:00Z"
		last   = "2026-11-28T23:59:59.999999Z"
		after  = "2026-11-29T00:00:00Z"
	)
	for _, c := range []struct {
		operator string
		right    []string
		at       [4]bool   // it holds: before, first, last, after
		turns    [4]string // valid until; "" for ever
	}{
		{"lt", []string{"2026-11-28"}, [4]bool{true, false, false, false}, [4]string{first, "", "", ""}},
		{"lteq", []string{"2026-11-28"}, [4]bool{true, true, true, false}, [4]string{after, after, after, ""}},
		{"eq", []string{"2026-11-28"}, [4]bool{false, true, true, false}, [4]string{first, after, after, ""}},
		{"neq", []string{"2026-11-28"}, [4]bool{true, false, false, true}, [4]string{first, after, after, ""}},
		{"gteq", []string{"2026-11-28"}, [4]bool{false, true, true, true}, [4]string{first, "", "", ""}},
		{"gt", []string{"2026-11-28"}, [4]bool{false, false, false, true}, [4]string{after, after, after, ""}},
		{"isAnyOf", []string{"2026-11-27", "2026-11-28"}, [4]bool{true, true, true, false}, [4]string{first, after, after, ""}},
		{"isNoneOf", []string{"2026-11-27", "2026-11-29"}, [4]bool{false, true, true, false}, [4]string{first, after, after, "2026-11-30T00:00:00Z"}},
		{"lteq", []string{"2026-11"}, [4]bool{true, true, true, true}, [4]string{"2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"}},
		{"gt", []string{"2025"}, [4]bool{true, true, true, true}, [4]string{}},
		{"lteq", []string{"2026-11-28+01:00"}, [4]bool{true, true, false, false}, [4]string{"2026-11-28T23:00:00Z", "2026-11-28T23:00:00Z", "", ""}},
		{"gteq", []string{"2026-11-28[America/New_York]"}, [4]bool{false, false, true, true}, [4]string{"2026-11-28T05:00:00Z", "2026-11-28T05:00:00Z", "", ""}},
		{"lteq", []string{"2026-11-28T00:00:00Z"}, [4]bool{true, true, false, false}, [4]string{first, "2026-11-28T00:00:00.000001Z", "", ""}},
		{"gt", []string{"2026-11-28t00:00:00z"}, [4]bool{false, false, true, true}, [4]string{first, "2026-11-28T00:00:00.000001Z", "", ""}},
		{"lt", []string{"2026-11-28T23:59:60Z"}, [4]bool{true, true, true, false}, [4]string{after, after, after, ""}},
		{"lt", []string{"9999-12-31T23:59:59Z"}, [4]bool{true, true, true, true}, [4]string{"9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"}},
		{"gteq", []string{"1066-10-14"}, [4]bool{true, true, true, true}, [4]string{}},
	} {
		for _, kind := range []schemas.RuleKind{schemas.Permission, schemas.Prohibition} {
			rules := []schemas.Rule{{Kind: kind, Actions: []string{"use"}, Constraint: &schemas.Constraint{Left: "dateTime", Operator: c.operator, Right: c.right}}}
			if kind == schemas.Prohibition {
				rules = append(rules, schemas.Rule{Kind: schemas.Permission, Actions: []string{"use"}})
			}
			o := schemas.Offer{Rules: rules}
			if err := e.CheckOffer(t.Context(), &o, nil); err != nil {
				t.Errorf("%s %v: %v", c.operator, c.right, err)
				continue
			}
			for i, now := range []string{before, first, last, after} {
				f := facts("research")
				f.Now, _ = time.Parse(time.RFC3339Nano, now)
				got, err := e.Decide(t.Context(), f, []Item{{&schemas.Dataset{ID: "ds-x", Provider: "https://p.example", Space: "energy", Offer: &o}}})
				if err != nil {
					t.Fatal(err)
				}
				if yes := c.at[i] == (kind == schemas.Permission); yes != (got[0].Verdict == schemas.VerdictYes) {
					t.Errorf("%s while %s %v, at %s: %s %v", kind, c.operator, c.right, now, got[0].Verdict, got[0].Reasons)
				}
				turns := ""
				if !got[0].ValidUntil.IsZero() {
					turns = got[0].ValidUntil.UTC().Format(time.RFC3339Nano)
				}
				if turns != c.turns[i] {
					t.Errorf("%s %v at %s is good until %q, want %q", c.operator, c.right, now, turns, c.turns[i])
				}
			}
		}
	}
	for _, odd := range []string{"2026-02-29", "2026-11-28T12:00:00", "2026-11-28T12:00:60Z", "2026-11-28[Mars/Olympus]", "2026-11-28[Local]", "2026-13", "28.11.2026", "2026-11-28T25:00:00Z"} {
		o := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: &schemas.Constraint{Left: "dateTime", Operator: "lteq", Right: []string{odd}}}}}
		if schemas.KindOf(e.CheckOffer(t.Context(), &o, nil)) != schemas.Invalid {
			t.Errorf("%s is taken", odd)
		}
	}
}

// An agreement's end looks past turns of the offer that change nothing.
func TestAnAnswerLasts(t *testing.T) {
	e := engine(t)
	day := func(operator string, right ...string) *schemas.Constraint {
		return &schemas.Constraint{Left: "dateTime", Operator: operator, Right: right}
	}
	for _, c := range []struct {
		rules []schemas.Rule
		want  string
	}{
		{[]schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: day("isAnyOf", "2026-11-25", "2026-11-26", "2026-11-27", "2026-12-24")}}, "2026-11-28T00:00:00Z"},
		{[]schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: day("eq", "2026")}}, "2027-01-01T00:00:00Z"},
		{[]schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}}, {Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: day("isAnyOf", "2026-12-24", "2026-12-25")}}, "2026-12-24T00:00:00Z"},
		{[]schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: &schemas.Constraint{Or: []schemas.Constraint{*day("lteq", "2026-11-30"), *day("gt", "2026-11-30")}}}}, ""},
	} {
		d := schemas.Dataset{ID: "ds-x", Provider: "https://p.example", Space: "energy", Offer: &schemas.Offer{Rules: c.rules}}
		got, err := e.Lasts(t.Context(), facts("research"), &d)
		if err != nil {
			t.Fatal(err)
		}
		end := ""
		if !got.IsZero() {
			end = got.UTC().Format(time.RFC3339)
		}
		if end != c.want {
			t.Errorf("%+v lasts until %q, want %q", c.rules, end, c.want)
		}
	}
}
