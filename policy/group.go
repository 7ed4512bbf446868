package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"guichet/schemas"
)

// group is what the modules see of one or more items, and how their answer is read as one
// about this item.
type group struct {
	terms map[string]any
	key   string
	names []string       // of the item's rules, by their numbers in the group; nil: terms are its own
	own   []schemas.Duty // of the item, by their numbers
}

// answer is the modules' answer about an item. No answer is a no.
func (g *group) answer(answers map[string]answer) answer {
	a, ok := answers[g.key]
	if !ok {
		return answer{Verdict: schemas.VerdictNo}
	}
	out := answer{a.Verdict, slices.Clone(a.Findings)} // it is sorted by each item's own names
	if g.names == nil {
		return out
	}
	for i := range out.Findings {
		x := &out.Findings[i]
		x.Rule, x.Text, x.Remedy = g.named(x.Rule), g.named(x.Text), g.named(x.Remedy)
		if x.Duty != nil {
			x.Duty = g.duty(x.Duty)
		}
	}
	return out
}

// mark begins what stands for a rule's name or a duty in a group; offers cannot hold it.
const mark = "\x00"

// named puts the item's own names of rules into a text.
func (g *group) named(s string) string {
	if !strings.Contains(s, mark) { // as most
		return s
	}
	for i := len(g.names) - 1; i >= 0; i-- {
		s = strings.ReplaceAll(s, ruleMark(i), g.names[i])
	}
	return s
}

// duty is the item's own duty where one stands for it.
func (g *group) duty(d *schemas.Duty) *schemas.Duty {
	number, stands := strings.CutPrefix(d.Text, mark+"duty ")
	n, err := strconv.Atoi(number)
	if !stands || err != nil || n < 0 || n >= len(g.own) {
		return d
	}
	return &g.own[n]
}

func ruleMark(n int) string { return fmt.Sprintf("%srule %d%s", mark, n, mark) }

// DecideAlike is Decide for many offers, of which most are alike: those that differ only in
// the names of their rules and in what their duties say, which no module reads, are judged
// as one. It gives what Decide gives, but for the order of obligations of one rule and kind.
func (e *Engine) DecideAlike(ctx context.Context, f Attributes, items []Item) ([]schemas.Decision, error) {
	if !e.grouping {
		return e.Decide(ctx, f, items)
	}
	return e.decide(ctx, f, items, alike)
}

// alike is the group of an item: numbers stand in place of its rules' names and its duties.
// Equal ones have equal numbers, so that what is one finding of its own is one of the
// group's.
func alike(t *itemTerms) *group {
	g := &group{terms: maps.Clone(t.terms), names: []string{}}
	rules := slices.Clone(t.rules)
	texts := []string{} // of the duties
	for i := range rules {
		r := &rules[i]
		n := slices.Index(g.names, r.ID)
		if n < 0 {
			n = len(g.names)
			g.names = append(g.names, r.ID)
		}
		r.ID = ruleMark(n)
		duties := make([]schemas.Duty, len(r.Duties))
		for j, d := range r.Duties {
			b, _ := json.Marshal(d) // a closed tree of strings and numbers: cannot fail
			at := slices.Index(texts, string(b))
			if at < 0 {
				at = len(texts)
				texts, g.own = append(texts, string(b)), append(g.own, d)
			}
			duties[j] = schemas.Duty{Kind: d.Kind, Text: mark + "duty " + strconv.Itoa(at)}
		}
		r.Duties = duties
	}
	g.terms["rules"] = rules
	b, err := json.Marshal(g.terms)
	if err != nil || slices.ContainsFunc(t.rules, func(r ruleTerms) bool { return strings.Contains(r.ID, mark) }) {
		return &group{terms: t.terms, key: t.key}
	}
	g.key = string(b)
	return g
}

// canGroup says whether no baseline of a data space reads the rules of an offer: only the
// module that is written for them does, and it reads of a duty its kind alone.
func canGroup(sources map[string]string) bool {
	for name, source := range sources {
		if strings.HasPrefix(name, "space_") || name == "eu.rego" {
			for _, word := range []string{"rules", "duties", "walk", "item["} {
				if mentions(source, word) {
					return false
				}
			}
		}
	}
	return true
}

// mentions says whether a word stands in the code of a module, comments left out. A rule of
// the module's own may be named duties.
func mentions(source, word string) bool {
	for line := range strings.Lines(source) {
		code, _, _ := strings.Cut(line, "#")
		code = strings.NewReplacer("duties(item)", "", "duties(ask, item)", "").Replace(code)
		if strings.Contains(code, word) {
			return true
		}
	}
	return false
}
