package plan

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/schemas"
)

func parse(keys map[string]string) (Ask, error) {
	return ParseAsk(func(key string) string { return keys[key] })
}

// Each key is read, and what is wrong is refused under its name.
func TestParseAsk(t *testing.T) {
	a, err := parse(
		map[string]string{
			"seed":  "18446744073709551615",
			"epoch": "3",
			"world": "8",
			"rank":  "7",
			"from":  "100",
			"start": "10@4,0@2",
			"even":  "pad",
			"lane":  "1@2",
			"block": "64",
			"order": "1",
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.String(), "world=8 rank=7 seed=18446744073709551615 order=1 epoch=3 from=100 start=10@4,0@2 even=pad lane=1@2 block=64"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if a, err := parse(nil); err != nil || a.String() != "world=1 rank=0 epoch=0" || a.Seed != nil {
		t.Errorf("nothing is asked as %s: %v", a, err)
	}
	chain := strings.TrimSuffix(strings.Repeat("1@1,", maxStages+1), ",")
	for _, c := range []struct{ key, value, want string }{
		{"seed", "-1", `"-1" is not a seed`},
		{"seed", "18446744073709551616", "is not a seed"},
		{"epoch", "x", `"x" is not a valid epoch: a whole number from 0 to`},
		{"epoch", "-1", "is not a valid epoch"},
		{"world", "0", `"0" is not a valid world: a whole number from 1 to 65536`},
		{"world", "65537", "is not a valid world"},
		{"rank", "1", "rank 1 is outside the world of 1: ranks count from 0 to 0"},
		{"rank", "1.5", "is not a valid rank"},
		{"from", "-1", "is not a valid from"},
		{"even", "both", `"both" is neither drop nor pad`},
		{"shuffle", "all", `"all" is neither rows nor windows`},
		{"order", "3", `"3" is no order: there are 1 and 2`},
		{"shuffle", "rows", "there is none: give seed"},
		{"start", "10", `"10" is not a start`},
		{"start", "10@0", "is not a start"},
		{"start", "-1@2", "is not a start"},
		{"start", "1@2,", "is not a start"},
		{"start", "1@65537", "is not a start"},
		{"start", chain, "a chain of at most 64 such"},
	} {
		_, err := parse(map[string]string{c.key: c.value})
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s=%s: got %v, want %s", c.key, c.value, err, c.want)
		}
	}
}

// What a lease binds of an ask, and what the record keeps of it, are read back as the ask.
func TestAsksAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Ask{World: rapid.IntRange(1, MaxWorld).Draw(t, "world"), Epoch: uint64(rapid.Int64Range(0, 1<<62).Draw(t, "epoch"))}
		a.Rank = rapid.IntRange(0, a.World-1).Draw(t, "rank")
		a.From = rapid.Int64Range(0, 1<<62).Draw(t, "from")
		a.Even = rapid.SampledFrom([]string{"", "drop", "pad"}).Draw(t, "even")
		if rapid.Bool().Draw(t, "seeded") {
			seed := rapid.Uint64().Draw(t, "seed")
			a.Seed, a.Number = &seed, rapid.IntRange(0, 2).Draw(t, "order")
			if a.Number != 1 {
				a.Shuffle = rapid.SampledFrom([]string{"", "rows", "windows"}).Draw(t, "shuffle")
			}
		}
		if rapid.Bool().Draw(t, "of a lane") {
			a.Lane = anyLane(t)
		}
		for range rapid.IntRange(0, 3).Draw(t, "stages") {
			a.Start = append(a.Start, Stage{World: rapid.IntRange(1, MaxWorld).Draw(t, "w"), Rows: rapid.Int64Range(0, 1<<62).Draw(t, "k")})
		}
		said := map[string]string{}
		for word := range strings.FieldsSeq(a.String()) {
			key, value, _ := strings.Cut(word, "=")
			said[key] = value
		}
		got, err := parse(said)
		if err != nil || got.String() != a.String() || got.Order() != a.Order() {
			t.Errorf("%s is read back as %s: %v", a, got, err)
		}
		o := a.Order()
		if o.Seed != said["seed"] || o.Start != said["start"] || o.Even != said["even"] {
			t.Errorf("%s binds %+v", a, o)
		}
	})
}

// An epoch that goes on says under which order it began; one that begins need not.
func TestGoingOnSaysTheOrder(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{"seed=7", ""}, {"from=3", ""}, {"start=3@2", ""}, {"seed=7 from=0", ""},
		{"seed=7 from=3", "order"}, {"seed=7 start=3@2", "order"},
		{"seed=7 from=3 order=1", ""}, {"seed=7 from=3 order=2", ""}, {"seed=7 start=3@2 shuffle=windows", ""}, {"seed=7 start=3@2 shuffle=rows", ""},
		{"seed=7 order=1 shuffle=windows", ""}, {"seed=7 order=1 shuffle=rows", "shuffle"}, {"order=2", "seed"},
	} {
		said := map[string]string{}
		for word := range strings.FieldsSeq(c.said) {
			key, value, _ := strings.Cut(word, "=")
			said[key] = value
		}
		_, err := parse(said)
		e, _ := errors.AsType[*schemas.Error](err)
		if (err == nil) != (c.want == "") || err != nil && (e == nil || len(e.Fields) != 1 || e.Fields[0].Pointer != c.want) {
			t.Errorf("%s: got %v, want %q", c.said, err, c.want)
		}
	}
}

func TestCheckKey(t *testing.T) {
	for _, c := range []struct {
		key    string
		before bool
		want   string
	}{
		{"world", false, ""},
		{"worlds", false, `there is no key "worlds"; the keys are seed, epoch, world`},
		{"world", true, `the key "world" is given twice`},
	} {
		err := CheckKey(Keys(), c.key, c.before)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || schemas.KindOf(err) != schemas.Invalid) {
			t.Errorf("%s: got %v, want %s", c.key, err, c.want)
		}
	}
}
