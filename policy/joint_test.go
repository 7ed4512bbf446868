package policy

import (
	"slices"
	"testing"

	"guichet/schemas"
)

// A decision says of a joint domain who is in it, the provider included; where the
// offer's own rules disagree about a column it joins with nothing, and what a baseline
// demands leaves the provider's word standing.
func TestJointDomains(t *testing.T) {
	e := engine(t)
	joint := schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"patient"}, Domain: "cohort", With: []string{"https://z.example", "https://b.example"}}
	plain := schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"patient"}}
	elsewhere := schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"ward"}}
	smaller := joint
	smaller.With = []string{"https://b.example"}
	for _, tt := range []struct {
		name   string
		duties []schemas.Duty
		joined bool
	}{
		{"alone", []schemas.Duty{joint}, true},
		{"another column without", []schemas.Duty{joint, elsewhere}, true},
		{"and without", []schemas.Duty{joint, plain}, false},
		{"two domains", []schemas.Duty{joint, smaller}, false},
	} {
		d := &schemas.Dataset{ID: "ds-x", Provider: "https://p.example", Space: "health", Offer: &schemas.Offer{},
			Tables: []schemas.TableInfo{{Name: "stays", Fields: []schemas.Field{{Name: "patient", Sensitivity: schemas.SensitivityIdentifies}, {Name: "ward"}}}}}
		for _, duty := range tt.duties { // a rule each
			d.Offer.Rules = append(d.Offer.Rules, schemas.Rule{Kind: schemas.Permission, Actions: []string{"use"}, Duties: []schemas.Duty{duty}})
		}
		got, err := e.Decide(t.Context(), facts("scientific-research"), []Item{{d}})
		if err != nil {
			t.Fatal(err)
		}
		with := []string{}
		for _, o := range got[0].Obligations {
			with = append(with, o.With...)
		}
		want := []string{}
		if tt.joined {
			want = []string{"https://b.example", "https://p.example", "https://z.example"}
		}
		if !slices.Equal(with, want) {
			t.Errorf("%s: the parties are %v, want %v: %+v", tt.name, with, want, got[0].Obligations)
		}
	}
}
