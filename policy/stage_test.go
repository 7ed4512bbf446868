package policy

import (
	"context"
	"testing"

	"guichet/schemas"
)

// Staging is an action of its own: a use does not include it, a prohibition of it forbids it
// alone, and what it demands must be demanded for the use already.
func TestStaging(t *testing.T) {
	permit := func(actions ...string) schemas.Rule { return schemas.Rule{Kind: schemas.Permission, Actions: actions} }
	forbid := func(actions ...string) schemas.Rule { return schemas.Rule{Kind: schemas.Prohibition, Actions: actions} }
	with := func(r schemas.Rule, d ...schemas.Duty) schemas.Rule {
		r.Duties = d
		return r
	}
	only := func(r schemas.Rule, purpose string) schemas.Rule {
		r.Constraint = &schemas.Constraint{Left: "purpose", Operator: "isA", Right: []string{purpose}}
		return r
	}
	hide := schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"name"}}
	for _, c := range []struct {
		name  string
		rules []schemas.Rule
		yes   schemas.Verdict
		stage bool
	}{
		{"use alone", []schemas.Rule{permit("use")}, schemas.VerdictYes, false},
		{"use and stage", []schemas.Rule{permit("use", "stage")}, schemas.VerdictYes, true},
		{"by two rules", []schemas.Rule{permit("use"), permit("stage")}, schemas.VerdictYes, true},
		{"stage alone", []schemas.Rule{permit("stage")}, schemas.VerdictNo, false},
		{"staging forbidden", []schemas.Rule{permit("use", "stage"), forbid("stage")}, schemas.VerdictYes, false},
		{"use forbidden", []schemas.Rule{permit("use", "stage"), forbid("use")}, schemas.VerdictNo, false},
		{"reading forbidden", []schemas.Rule{permit("train", "stage"), forbid("read")}, schemas.VerdictYes, true},
		{"one duty for both", []schemas.Rule{with(permit("use", "stage"), hide)}, schemas.VerdictYes, true},
		{"fewer duties to stage", []schemas.Rule{with(permit("use"), hide), permit("stage")}, schemas.VerdictYes, true},
		{"more duties to stage", []schemas.Rule{permit("use"), with(permit("stage"), hide)}, schemas.VerdictYes, false},
		{"for other purposes", []schemas.Rule{permit("use"), only(permit("stage"), "education")}, schemas.VerdictYes, false},
		{"for this purpose", []schemas.Rule{permit("use"), only(permit("stage"), "research")}, schemas.VerdictYes, true},
	} {
		f := facts("scientific-research")
		f.Action = "train"
		d := &schemas.Dataset{Space: "energy", Offer: &schemas.Offer{Rules: c.rules}}
		got, err := engine(t).Decide(context.Background(), f, []Item{{d}, {d}})
		if err != nil {
			t.Fatal(c.name, err)
		}
		for _, dec := range got {
			if dec.Verdict != c.yes || dec.Stage != c.stage {
				t.Errorf("%s: %s and stage %v, want %s and %v", c.name, dec.Verdict, dec.Stage, c.yes, c.stage)
			}
		}
	}
}

// Nobody asks to stage alone.
func TestStagingIsNoAsk(t *testing.T) {
	f := facts("scientific-research")
	f.Action = stage
	_, err := engine(t).Decide(context.Background(), f, []Item{{&schemas.Dataset{Offer: offer(t, "open-with-attribution", TemplateParams{})}}})
	if schemas.KindOf(err) != schemas.Invalid {
		t.Fatal(err)
	}
}

// The template that is open to all permits staging, the others where it is said.
func TestTemplatesThatPermitStaging(t *testing.T) {
	for _, name := range Templates() {
		for _, said := range []bool{false, true} {
			o := offer(t, name, TemplateParams{Stage: said})
			if got, want := speaksOf(o, stage), said || name == "open-with-attribution"; got != want {
				t.Errorf("%s, said %v: %v", name, said, got)
			}
		}
	}
}
