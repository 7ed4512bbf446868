package duplicates

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
)

// key is by what a value is looked up.
func key(kind, value string) string {
	sum := sha256.Sum256([]byte(value))
	return kind + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Pair says why two datasets are one, in words.
type Pair struct {
	Strength int      `json:"strength"` // stronger pairs are grouped first
	Why      []string `json:"why"`
}

// evidence is what two datasets have in common.
type evidence struct {
	names, files, pages, local, sums []string
	titles                           likeness
	alike                            float64 // of the descriptions
	agree                            bool    // the numbers in the descriptions
	publisher                        bool
	apart                            bool // of different origins
	whole                            bool // all their files are the same
	years                            bool // the descriptions speak of other years
	untold                           bool // in which language a title is
	few                              bool // the title is the same, and few others have it
}

// common gives the values that two lists share and that are not crowded, at most three.
func common(kind string, a, b []string, crowded map[string]bool) []string {
	var out []string
	for _, v := range a {
		if slices.Contains(b, v) && !crowded[key(kind, v)] && len(out) < 3 {
			out = append(out, v)
		}
	}
	return out
}

// Contradict says that two datasets are not one, whatever else they share: numbers in their titles, nearly
// all words of them, years or countries differ.
func Contradict(a, b *Described) bool {
	l := titles(a.Titles, b.Titles)
	return l == contrary || l == strange && !untold(a, b) || !together(a, b)
}

// untold says whether nobody says in which language a title is: titles may differ by their language.
func untold(a, b *Described) bool {
	return slices.ContainsFunc(slices.Concat(a.Titles, b.Titles), func(t text) bool { return t.Tag == "" })
}

// together says whether the times and places that are covered may be the same.
func together(a, b *Described) bool {
	year := func(day string) string { return day[:min(4, len(day))] }
	if a.From != "" && b.From != "" && a.Until != "" && b.Until != "" && year(a.From) != year(b.From) && year(a.Until) != year(b.Until) {
		return false
	}
	if len(a.Countries) == 0 || len(b.Countries) == 0 {
		return true
	}
	return slices.ContainsFunc(a.Countries, func(c string) bool { return slices.Contains(b.Countries, c) })
}

// Compare says whether two datasets are one, and why. crowded are the keys that too many have.
func Compare(a, b *Described, crowded map[string]bool) (Pair, bool) {
	e := evidence{titles: titles(a.Titles, b.Titles), apart: a.Origin != b.Origin}
	if Contradict(a, b) {
		return Pair{}, false
	}
	e.names = common("a", a.Names, b.Names, crowded)
	e.files = common("a", a.Files, b.Files, crowded)
	e.sums = common("s", a.Sums, b.Sums, crowded)
	e.local = common("l", a.Local, b.Local, crowded)
	e.pages = common("a", a.Pages, slices.Concat(b.Pages, b.Files, b.Names), crowded)
	e.pages = append(e.pages, common("a", slices.Concat(a.Files, a.Names), b.Pages, crowded)...)
	e.pages = append(e.pages, common("a", a.Files, b.Names, crowded)...)
	e.pages = append(e.pages, common("a", a.Names, b.Files, crowded)...)
	e.alike, e.agree = descriptions(a.Prints, b.Prints)
	e.untold = untold(a, b)
	e.years = otherYears(a.Prints, b.Prints)
	e.whole = a.All == b.All
	e.publisher = a.Publisher != "" && a.Publisher == b.Publisher
	if e.titles == equal && !slices.ContainsFunc(a.Titles, func(t text) bool { return telling(t.Words) }) {
		e.titles = longer // "Budget" is in every title of a budget
	}
	e.few = e.titles == equal && slices.ContainsFunc(a.Titles, func(t text) bool {
		return telling(t.Words) && !crowded[key("t", t.Words)] && slices.ContainsFunc(b.Titles, func(o text) bool { return o.Words == t.Words })
	})
	strength := e.decide()
	if strength == 0 {
		return Pair{}, false
	}
	return Pair{e.among(strength), e.words(a, b)}, true
}

// Thresholds of alike.
const (
	muchAlike   = 0.8
	nearlySame  = 0.9
	strongest   = 3
	strong      = 2
	twoTogether = 1
)

// decide weighs the evidence: how strong it is, 0 where it is not enough.
func (e *evidence) decide() int {
	described := e.alike >= muchAlike
	switch {
	case len(e.names) > 0 && e.titles >= foreign:
		return strongest
	case len(e.names) > 0 && described && e.titles == unlike:
		return strong
	case len(e.names) > 0 && len(e.files)+len(e.pages) > 0 && e.untold && e.apart:
		return twoTogether
	case e.years:
		return 0
	case len(e.files)+len(e.sums) > 0 && e.titles == equal:
		return strong
	case len(e.files) > 0 && e.whole && e.titles == longer && e.alike >= nearlySame && e.agree:
		return twoTogether
	case e.titles == equal && len(e.pages) > 0 && e.apart:
		return twoTogether
	case e.titles == equal && len(e.local) > 0 && (e.publisher || described) && e.apart:
		return twoTogether
	case e.few && e.alike >= nearlySame && e.agree && e.publisher && e.apart:
		return twoTogether
	}
	return 0
}

// among tells pairs of one strength apart: those with more names in common, of one publisher, of nearly
// the same words are the stronger ones.
func (e *evidence) among(strength int) int {
	strength = 8*strength + min(len(e.names), 4)
	if e.publisher {
		strength += 2
	}
	if e.alike >= nearlySame {
		strength++
	}
	return strength
}

// words says what the evidence is.
func (e *evidence) words(a, b *Described) []string {
	var out []string
	say := func(format string, values []string) {
		for _, v := range values[:min(2, len(values))] {
			out = append(out, fmt.Sprintf(format, v))
		}
	}
	say("both are called %s", e.names)
	say("both give the data at %s", e.files)
	say("both state the checksum %.16s…", e.sums)
	say("both name the address %s", e.pages)
	say("both are called %s", e.local)
	switch {
	case e.titles == equal:
		out = append(out, "they have the same title")
	case e.titles == longer:
		out = append(out, "the title of one is part of the other's")
	case e.titles == foreign:
		out = append(out, "their titles are in different languages")
	}
	if e.alike >= muchAlike {
		out = append(out, fmt.Sprintf("%.0f %% of their descriptions are the same", 100*e.alike))
	}
	if e.publisher {
		out = append(out, "they have the same publisher")
	}
	return out
}
