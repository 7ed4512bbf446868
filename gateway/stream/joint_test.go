package stream

import (
	"math/rand/v2"
	"testing"

	"guichet/schemas"
)

// What an agreement from before gave out stays: the name of its view, under which its
// rows are counted, and the key of its pseudonyms.
func TestViewsOfOldAgreementsStay(t *testing.T) {
	l := newLab(t, 4, people(rand.New(rand.NewPCG(1, 1)), 5))
	duties := []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"name"}}}
	if got := l.source(t, duties, "name").view.digest; got != "36c658fdcdee26beb7267dd946900f49b8ac4ecef46b3fefcee207cd1c84856d" {
		t.Errorf("the view is now named %s", got)
	}
	a := &schemas.Agreement{Permit: "req-1", Obligations: duties, Pseudonyms: 2}
	v, err := newView(&l.version.Data[0], a, []string{"name"}, l.engine.MasterKey)
	must(t, err)
	if v.digest == l.source(t, duties, "name").view.digest {
		t.Error("views of two derivations have one name")
	}
}

// A column joins in the one joint domain that the duties on it name; a duty on another
// table or column, and one that names none, leave that as it is; two domains leave none.
func TestLinkageOfAColumn(t *testing.T) {
	l := newLab(t, 4, people(rand.New(rand.NewPCG(1, 1)), 5))
	cohort := schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"n", "name"}, Domain: "cohort", With: []string{"https://a.example", "https://b.example"}}
	plain := schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"name"}}
	there, here := cohort, cohort
	there.Domain, there.Table = "there", "another"
	here.Domain = "here"
	for name, c := range map[string]struct {
		duties []schemas.Duty
		domain string
	}{"none": {[]schemas.Duty{plain}, ""}, "one": {[]schemas.Duty{cohort}, "cohort"}, "and a plain one": {[]schemas.Duty{plain, cohort}, "cohort"}, "of another table": {[]schemas.Duty{cohort, there}, "cohort"}, "two": {[]schemas.Duty{cohort, here, cohort}, ""}} {
		a := &schemas.Agreement{Permit: "req-1", Provider: "https://a.example", Dataset: "ds-1", Obligations: c.duties, Pseudonyms: 2}
		v, err := newView(&l.version.Data[0], a, nil, l.engine.MasterKey)
		must(t, err)
		got := v.linkage(v.named("name")[0], a)
		if got.Domain != c.domain || got.Derivation != 2 || got.Column != "name" || got.Dataset != "ds-1" || (len(got.Parties) == 2) != (c.domain != "") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
