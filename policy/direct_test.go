package policy

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

// Reading by URL is an action of its own, which no use includes; whatever a gateway would have to do
// with the rows, to count or to prove stands in its way, and says so.
func TestReadingByURL(t *testing.T) {
	permit := func(d ...schemas.Duty) schemas.Rule {
		return schemas.Rule{Kind: schemas.Permission, Actions: []string{"use", "direct"}, Duties: d}
	}
	of := func(rules ...schemas.Rule) []schemas.Rule { return rules }
	only := func(kind schemas.RuleKind, actions ...string) schemas.Rule {
		return schemas.Rule{Kind: kind, Actions: actions}
	}
	filter := &schemas.Filter{Column: "age", Op: "gteq", Values: []string{"18"}}
	other := schemas.Rule{Kind: schemas.Permission, Actions: []string{"direct"},
		Constraint: &schemas.Constraint{Left: "purpose", Operator: "isA", Right: []string{"education"}}}
	for _, c := range []struct {
		name   string
		space  schemas.SpaceID
		rules  []schemas.Rule
		egress []string
		not    string // a word of why not; "" it is permitted, - nobody speaks of it
	}{
		{"permitted", "energy", of(permit()), nil, ""},
		{"by two rules", "energy", of(only(schemas.Permission, "use"), only(schemas.Permission, "direct")), nil, ""},
		{"credit is given", "energy", of(permit(schemas.Duty{Kind: schemas.DutyAttribute, Text: "by us"})), nil, ""},
		{"at declared places", "energy", of(permit(schemas.Duty{Kind: schemas.DutyFactory, Values: []string{"leonardo"}})), nil, ""},
		{"use alone", "energy", of(only(schemas.Permission, "use")), nil, "-"},
		{"staging", "energy", of(only(schemas.Permission, "use", "stage")), nil, "-"},
		{"forbidden", "energy", of(permit(), only(schemas.Prohibition, "direct")), nil, "forbids"},
		{"for other purposes", "energy", of(only(schemas.Permission, "use"), other), nil, "purpose"},
		{"more demanded by URL", "energy",
			of(only(schemas.Permission, "use"), schemas.Rule{Kind: schemas.Permission, Actions: []string{"direct"},
				Duties: []schemas.Duty{{Kind: schemas.DutyAttribute, Text: "by us"}}}), nil, "attribute"},
		{"hidden", "energy", of(permit(schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"a"}})), nil, "hide"},
		{"hidden in another table", "energy", of(permit(schemas.Duty{Kind: schemas.DutyHide, Table: "t", Columns: []string{"a"}})), nil, "hide"},
		{"pseudonyms", "energy", of(permit(schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"a"}})), nil, "pseudonymise"},
		{"coarser", "energy", of(permit(schemas.Duty{Kind: schemas.DutyGeneralise, Columns: []string{"a"}, To: "year"})), nil, "generalise"},
		{"filtered", "energy", of(permit(schemas.Duty{Kind: schemas.DutyFilter, Filter: filter})), nil, "filter"},
		{"a budget of rows", "energy", of(permit(schemas.Duty{Kind: schemas.DutyBudget, Rows: 1 << 40})), nil, "counts"},
		{"a budget of bytes", "energy", of(permit(schemas.Duty{Kind: schemas.DutyBudget, Bytes: 1 << 60})), nil, "counts"},
		{"an enforced place", "energy", of(permit(schemas.Duty{Kind: schemas.DutyFactory, Enforced: true})), nil, "proven"},
		{"a proven place", "energy", of(permit()), []string{"192.0.2.0/24"}, "network"},
		{"health", "health", of(permit()), nil, "health"},
	} {
		f := facts("scientific-research")
		f.Factory.Secure, f.Factory.Egress = true, c.egress
		d := &schemas.Dataset{Space: c.space, Offer: &schemas.Offer{Rules: c.rules}}
		got, err := engine(t).Decide(context.Background(), f, []Item{{d}})
		if err != nil {
			t.Fatal(c.name, err)
		}
		dec := got[0]
		said := "-"
		if dec.NotDirect != nil {
			said = dec.NotDirect.Text
		}
		if dec.Verdict == schemas.VerdictNo || dec.Direct != (c.not == "") || c.not != "" && !strings.Contains(said, c.not) {
			t.Errorf("%s: %s, direct %v, %s; want %q", c.name, dec.Verdict, dec.Direct, said, c.not)
		}
		Refuse(&dec, schemas.Reason{})
		if dec.Direct || dec.NotDirect != nil {
			t.Errorf("%s: a refusal speaks of URLs", c.name)
		}
	}
}

// A grant is held against the agreement, the lease and the factory as they are now.
func TestWhatIsOpenedByURL(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(e *Entitlement)
		rule   string // "" is that it may be read by URL
	}{
		{"permitted", func(*Entitlement) {}, ""},
		{"not offered", func(e *Entitlement) { e.Agreement.Direct = false }, "agreement.direct"},
		{"refused when it was made", func(e *Entitlement) {
			e.Agreement.Direct, e.Agreement.NotDirect = false, &schemas.Reason{Rule: "offer §2", Text: "no"}
		}, "offer §2"},
		{"a budget of the request", func(e *Entitlement) {
			e.Agreement.Obligations = []schemas.Duty{{Kind: schemas.DutyBudget, Rows: 7, Rule: "request.rows"}}
		}, "request.rows"},
		{"what is not known here", func(e *Entitlement) {
			e.Agreement.Obligations = []schemas.Duty{{Kind: "whisper", Rule: "offer §1"}}
		}, "offer §1"},
		{"columns of the agreement", func(e *Entitlement) { e.Agreement.Columns = []string{"a"} }, "agreement.columns"},
		{"columns of the lease", func(e *Entitlement) { e.Lease.Items[0].Columns = []string{"a"} }, "lease.columns"},
		{"a staged copy", func(e *Entitlement) { e.Lease.Line = []schemas.LeaseID{schemas.NewCopyID()} }, "lease.copy"},
		{"networks since", func(e *Entitlement) { e.Factory.Egress = []string{"192.0.2.0/24"} }, "agreement.place"},
	} {
		e := Entitlement{Lease: schemas.Lease{Items: []schemas.LeaseItem{{Agreement: "agr-a", Version: "1"}}},
			Agreement: schemas.Agreement{ID: "agr-a", Direct: true, State: schemas.AgreementActive, Until: time.Now().Add(time.Hour),
				Versions: []schemas.VersionID{"1"}}}
		c.change(&e)
		look := func(context.Context, string, schemas.AgreementID) (Entitlement, error) { return e, nil }
		g, err := Authorize(t.Context(), look, "", StreamRequest{Agreement: "agr-a", Address: netip.MustParseAddr("192.0.2.1")}, time.Now())
		if err != nil {
			t.Fatal(c.name, err)
		}
		err = ByURL(g)
		why, _ := err.(*schemas.Error) //nolint:errorlint // as ByURL makes it
		if c.rule == "" && err != nil || c.rule != "" && (why == nil || why.Kind != schemas.Denied || why.Reasons[0].Rule != c.rule) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if ByURL(Grant{}) == nil {
		t.Error("a grant of nobody's opens something")
	}
}

// No template permits it by itself.
func TestTemplatesThatPermitURLs(t *testing.T) {
	for _, name := range Templates() {
		for _, said := range []bool{false, true} {
			if o := offer(t, name, TemplateParams{Direct: said}); speaksOf(o, direct) != said {
				t.Errorf("%s, said %v: %v", name, said, o.Rules)
			}
		}
	}
}
