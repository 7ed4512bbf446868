package call

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/schemas"
)

// Source is what reasons and duties that come from a call name as theirs. No offer can write it: what a provider
// demands is said to be of the provider.
const Source = "the call"

// rulePrefix begins the rule of a call's budget; its id follows.
const rulePrefix = "call:"

// Of reads the call that a project runs under; nil for none. Errors: those of the database.
func Of(ctx context.Context, q db.Querier, p *schemas.Project) (*Call, error) {
	if p.Call == "" {
		return nil, nil
	}
	c, revision, err := db.Get[Call](ctx, q, "call", p.Call)
	c.Revision = revision
	return &c, err
}

// Judge takes away from a decision what a call does not give its projects, and adds its budget to what is demanded.
// A nil call takes nothing away.
func (c *Call) Judge(dec *schemas.Decision, f *policy.Attributes, space schemas.SpaceID) {
	if c == nil {
		return
	}
	if len(c.Factories) > 0 && !slices.Contains(c.Factories, f.Factory.ID) {
		policy.Refuse(dec, schemas.Reason{Rule: "call.factory", Source: Source,
			Text:   fmt.Sprintf("projects of the call %q run at %s", c.Name, list(c.Factories)),
			Remedy: "use it there"})
	}
	if len(c.Spaces) > 0 && !slices.Contains(c.Spaces, space) {
		policy.Refuse(dec, schemas.Reason{Rule: "call.space", Source: Source,
			Text:   fmt.Sprintf("the call %q is for data of %s, and this is of %s", c.Name, list(c.Spaces), space),
			Remedy: "ask with a project that does not run under the call"})
	}
	if dec.Verdict != schemas.VerdictNo && (c.Rows > 0 || c.Bytes > 0) {
		dec.Obligations = append(slices.Clip(dec.Obligations), schemas.Duty{Kind: schemas.DutyBudget, Rows: c.Rows, Bytes: c.Bytes,
			Rule: rulePrefix + c.ID, Source: Source})
		dec.Stage = false // what is staged, or read by URL, is not counted before it is read
		if dec.Direct {
			dec.Direct, dec.NotDirect = false, &schemas.Reason{Rule: rulePrefix + c.ID, Source: Source,
				Text: "a budget bounds what is read, and what is read by URL nobody counts", Remedy: "stream it"}
		}
	}
}

// list says names in words.
func list[T ~string](of []T) string {
	s := make([]string, len(of))
	for i, x := range of {
		s[i] = string(x)
	}
	return strings.Join(s, " or ")
}

// OfDuty is the call whose budget a duty is; "" for any other duty.
func OfDuty(d *schemas.Duty) ID {
	id, is := strings.CutPrefix(d.Rule, rulePrefix)
	if d.Kind != schemas.DutyBudget || d.Source != Source || !is {
		return ""
	}
	return id
}

// Now gives the duty as the call has it now: what a call gives is changed for all of its projects at once.
func Now(ctx context.Context, q db.Querier, d *schemas.Duty) (*schemas.Duty, error) {
	c, _, err := db.Get[Call](ctx, q, "call", OfDuty(d))
	if err != nil {
		return nil, err
	}
	now := *d
	now.Rows, now.Bytes = c.Rows, c.Bytes
	return &now, nil
}
