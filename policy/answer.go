package policy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"

	"guichet/schemas"
)

// finding is one rule's word, as Rego gives it.
type finding struct {
	Effect string        `json:"effect"`
	Rule   string        `json:"rule"`
	Source string        `json:"source"`
	Text   string        `json:"text"`
	Remedy string        `json:"remedy"`
	Duty   *schemas.Duty `json:"duty"`
}

// answer is what Rego says of one item.
type answer struct {
	Verdict  schemas.Verdict `json:"verdict"`
	Findings []finding       `json:"findings"`
}

// parseResults reads what Rego answered. Nothing at all is an answer too: every item is
// a no then.
func parseResults(rs rego.ResultSet) (map[string]answer, error) {
	out := map[string]answer{}
	if len(rs) == 0 || len(rs[0].Expressions) == 0 {
		return out, nil // undefined: every item is a no
	}
	b, err := json.Marshal(rs[0].Expressions[0].Value)
	if err != nil {
		return nil, fmt.Errorf("read the policy's answer: %w", err)
	}
	err = json.Unmarshal(b, &out)
	if err != nil {
		return nil, fmt.Errorf("read the policy's answer: %w", err)
	}
	return out, nil
}

// decision turns findings into the answer that people and doors read: for a no
// the denials alone, for a review what needs looking at, for a yes what permits.
func (a answer) decision(d *schemas.Dataset, f Attributes) schemas.Decision {
	out := schemas.Decision{Verdict: a.Verdict}
	slices.SortFunc(a.Findings, func(x, y finding) int {
		return cmp.Or(strings.Compare(x.Rule, y.Rule), strings.Compare(x.Text, y.Text), strings.Compare(x.Remedy, y.Remedy))
	})
	want := map[schemas.Verdict]string{schemas.VerdictYes: "permit", schemas.VerdictReview: "review", schemas.VerdictNo: "deny"}[a.Verdict]
	for _, x := range a.Findings {
		if x.Effect == want {
			out.Reasons = append(out.Reasons, schemas.Reason{Rule: x.Rule, Source: x.Source, Text: x.Text, Remedy: x.Remedy})
		}
		if x.Effect == "oblige" && x.Duty != nil && a.Verdict != schemas.VerdictNo {
			duty := *x.Duty
			duty.Rule, duty.Source = x.Rule, x.Source
			out.Obligations = append(out.Obligations, duty)
		}
	}
	if a.Verdict == schemas.VerdictNo {
		if len(out.Reasons) == 0 {
			out.Reasons = []schemas.Reason{
				{Rule: "default", Source: "deny by default", Text: "no rule permits it", Remedy: "ask the provider to offer it"},
			}
		}
		return out
	}
	joinDomains(out.Obligations, d)
	out.Until = f.Project.Until
	if a.Verdict == schemas.VerdictReview {
		out.Reviewer = cmp.Or(d.AccessBody, d.Provider)
	}
	return out
}

// joinDomains says of each joint domain of pseudonyms all of its parties, the provider
// included: that is what has to be the same in two offers before anything joins. Where
// the rules of the offer disagree about a column, it joins with nothing. What a baseline
// demands says nothing about joining, which is the provider's to allow.
func joinDomains(duties []schemas.Duty, d *schemas.Dataset) {
	var apart []int
	for i := range duties {
		x := &duties[i]
		if x.Domain == "" {
			continue
		}
		x.With = append(slices.Clone(x.With), string(d.Provider))
		slices.Sort(x.With)
		x.With = slices.Compact(x.With)
	}
	for i := range duties {
		for j := range duties {
			x, y := &duties[i], &duties[j]
			if x.Domain != "" && y.Kind == x.Kind && y.Source == x.Source && overlap(x, y) &&
				(y.Domain != x.Domain || !slices.Equal(x.With, y.With)) {
				apart = append(apart, i)
			}
		}
	}
	for _, i := range apart {
		duties[i].Domain, duties[i].With = "", nil
	}
}

// overlap says whether two duties bind one column.
func overlap(x, y *schemas.Duty) bool {
	return (x.Table == "" || y.Table == "" || x.Table == y.Table) &&
		slices.ContainsFunc(x.Columns, func(c string) bool { return slices.Contains(y.Columns, c) })
}

// maxTurns and horizon bound how far ahead an answer is looked at; no agreement is longer.
const (
	maxTurns = 400
	horizon  = 10 * 366 * 24 * time.Hour
)

// Lasts is the first moment at which the offer's answer to f is another one than now: another
// verdict, another word on staging or reading by URL, or other obligations. Zero is never. It looks at most maxTurns turns of the
// offer and ten years ahead, and gives the moment until which it has looked.
func (e *Engine) Lasts(ctx context.Context, f Attributes, d *schemas.Dataset) (time.Time, error) {
	first, err := e.Decide(ctx, f, []Item{{d}})
	if err != nil {
		return time.Time{}, err
	}
	next := first[0].ValidUntil
	for range maxTurns {
		if next.IsZero() || next.After(f.Now.Add(horizon)) {
			break
		}
		then := f
		then.Now = next
		later, err := e.Decide(ctx, then, []Item{{d}})
		if err != nil {
			return time.Time{}, err
		}
		if later[0].Verdict != first[0].Verdict || later[0].Stage != first[0].Stage || later[0].Direct != first[0].Direct ||
			!reflect.DeepEqual(later[0].Obligations, first[0].Obligations) {
			break
		}
		next = later[0].ValidUntil
		if next.Sub(then.Now) == time.Microsecond { // the one instant that "at or before" holds on
			return then.Now, nil
		}
	}
	return next, nil
}

// nextInstant is the next moment at which a dateTime rule of the offer can
// change the answer; zero when none can.
func nextInstant(o *schemas.Offer, now time.Time) time.Time {
	var next time.Time
	var walk func(c *schemas.Constraint)
	walk = func(c *schemas.Constraint) {
		if c == nil {
			return
		}
		for i := range c.And {
			walk(&c.And[i])
		}
		for i := range c.Or {
			walk(&c.Or[i])
		}
		if c.Left != "dateTime" {
			return
		}
		for _, r := range c.Right {
			p, err := schemas.ParsePeriod(r, false)
			if err != nil {
				continue
			}
			for _, t := range turns(c.Operator, p, now) {
				if t.After(now) && (next.IsZero() || t.Before(next)) {
					next = t
				}
			}
		}
	}
	if o != nil {
		for i := range o.Rules {
			walk(o.Rules[i].Constraint)
		}
	}
	return next
}

// turns are the moments at which a comparison with a period can change.
func turns(operator string, p schemas.Period, now time.Time) []time.Time {
	end := p.Until
	if p.Instant() && !p.From.After(now) { // it lasts a microsecond
		end = end.Add(time.Microsecond)
	}
	switch operator {
	case "lt", "gteq":
		return []time.Time{p.From}
	case "lteq", "gt":
		return []time.Time{end}
	}
	return []time.Time{p.From, end}
}

// Refuse makes a decision a no, for one reason more.
func Refuse(dec *schemas.Decision, reason schemas.Reason) {
	if dec.Verdict != schemas.VerdictNo {
		dec.Reasons = nil
	}
	dec.Verdict, dec.Obligations, dec.Reviewer, dec.Stage = schemas.VerdictNo, nil, "", false
	dec.Direct, dec.NotDirect = false, nil
	dec.Reasons = append(dec.Reasons, reason)
}
