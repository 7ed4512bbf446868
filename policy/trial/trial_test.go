package trial

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/policy"
	"guichet/schemas"
)

// dataset is one of agriculture whose terms are these rules.
func dataset(rules ...schemas.Rule) *schemas.Dataset {
	return &schemas.Dataset{ID: "ds-1", Provider: "https://p.example", Space: "agriculture", Offer: &schemas.Offer{Rules: rules},
		Latest: &schemas.VersionSummary{Version: "v1", State: schemas.VersionPublished}}
}

func permit(c *schemas.Constraint, duties ...schemas.Duty) schemas.Rule {
	return schemas.Rule{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: c, Duties: duties}
}

func tried(t *testing.T, d *schemas.Dataset, at Place) Tried {
	t.Helper()
	e, err := policy.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := New(e).Of(t.Context(), schemas.Principal{}, d, at, time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// of finds what one asker is told.
func (t Tried) of(purpose string, kind schemas.ParticipantKind) Try {
	i := slices.IndexFunc(t.Tries, func(x Try) bool { return x.Purpose == purpose && x.Kind == kind })
	return t.Tries[i]
}

// Each purpose is tried by each kind of organisation, and each is told what a real one would be.
func TestWhoCouldUseIt(t *testing.T) {
	t.Parallel()
	small := &schemas.Constraint{Left: "recipientKind", Operator: "isAnyOf", Right: []string{"sme"}}
	got := tried(t, dataset(permit(&schemas.Constraint{And: []schemas.Constraint{
		*small, {Left: "purpose", Operator: "isA", Right: []string{"research"}},
	}}, schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"farm"}})), Place{Country: "FR"})
	purposes, err := schemas.Purposes()
	if err != nil || len(got.Tries) != len(purposes)*len(schemas.ParticipantKinds()) {
		t.Fatalf("%d tries, %v", len(got.Tries), err)
	}
	for _, try := range got.Tries {
		if yes := try.Verdict == schemas.VerdictYes; yes && try.Kind != schemas.KindSME || len(try.Reasons) == 0 {
			t.Errorf("%+v", try)
		}
	}
	yes := got.of("train-model", schemas.KindSME)
	if yes.Verdict != schemas.VerdictYes || len(yes.Obligations) != 1 || yes.Obligations[0].Kind != schemas.DutyHide {
		t.Errorf("%+v", yes)
	}
	if no := got.of("marketing", schemas.KindSME); no.Verdict != schemas.VerdictNo {
		t.Errorf("%+v", no)
	}
	if got.Offer.Rules[0].ID != "offer §1" || got.ODRL["@type"] != "Offer" || len(got.Notes) != 0 {
		t.Errorf("%+v", got)
	}
}

// Terms for projects of a call are yes to those alone who would ask under it.
func TestUnderACall(t *testing.T) {
	t.Parallel()
	d := dataset(permit(&schemas.Constraint{Left: "call", Operator: "isAnyOf", Right: []string{"spring"}}))
	for called, want := range map[string]schemas.Verdict{"": schemas.VerdictNo, "autumn": schemas.VerdictNo, "spring": schemas.VerdictYes} {
		if try := tried(t, d, Place{Country: "FR", Call: called}).of("train-model", schemas.KindSME); try.Verdict != want {
			t.Errorf("under %q: %+v", called, try)
		}
	}
}

// What no rule permits is a no for everybody, and what is permitted to a named organisation is one for all others.
func TestNobodyByDefault(t *testing.T) {
	t.Parallel()
	named := permit(&schemas.Constraint{Left: "recipient", Operator: "eq", Right: []string{"https://lab.example"}})
	for what, d := range map[string]*schemas.Dataset{"no rules": dataset(), "one organisation": dataset(named)} {
		for _, try := range tried(t, d, Place{Country: "FR"}).Tries {
			if try.Verdict != schemas.VerdictNo {
				t.Errorf("%s: %+v", what, try)
			}
		}
	}
	barred := schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"},
		Constraint: &schemas.Constraint{Left: "recipient", Operator: "eq", Right: []string{"https://lab.example"}}}
	if try := tried(t, dataset(permit(nil), barred), Place{}).of("research", schemas.KindResearch); try.Verdict != schemas.VerdictYes {
		t.Errorf("whom it is not about: %+v", try)
	}
}

// The place decides too: the country of who asks, a factory, a secure environment.
func TestWhereItWouldBeUsed(t *testing.T) {
	t.Parallel()
	inEurope := dataset(permit(&schemas.Constraint{Left: "spatial", Operator: "isAnyOf", Right: []string{"EU"}}))
	for country, want := range map[string]schemas.Verdict{"FR": schemas.VerdictYes, "US": schemas.VerdictNo, "": schemas.VerdictNo} {
		if try := tried(t, inEurope, Place{Country: country, Factory: schemas.Factory{Country: country}}).of("research", schemas.KindSME); try.Verdict != want {
			t.Errorf("%q: %+v", country, try)
		}
	}
	health := dataset(permit(nil))
	health.Space = "health"
	for secure, want := range map[bool]schemas.Verdict{true: schemas.VerdictYes, false: schemas.VerdictNo} {
		at := Place{Country: "FI", Factory: schemas.Factory{Country: "FI", Secure: secure}}
		if try := tried(t, health, at).of("scientific-research", schemas.KindResearch); try.Verdict != want {
			t.Errorf("secure %v: %+v", secure, try)
		}
	}
}

// What terms alone do not say is said beside them; no organisation but the provider stands anywhere in the answer.
func TestWhatElseThereIsToSay(t *testing.T) {
	t.Parallel()
	d := dataset(permit(nil))
	d.Latest, d.Licence = nil, "CC-BY-NC-4.0"
	d.Offer.Review = true
	before := *d.Offer
	got := tried(t, d, Place{})
	if said := strings.Join(got.Notes, "; "); !strings.Contains(said, "nothing is published yet") || !strings.Contains(said, "non-commercial") {
		t.Error(said)
	}
	if got.of("research", schemas.KindSME).Verdict != schemas.VerdictReview {
		t.Errorf("%+v", got.Tries)
	}
	if !reflect.DeepEqual(before, *d.Offer) {
		t.Errorf("the terms were changed: %+v", d.Offer)
	}
	b, err := json.Marshal(got)
	if err != nil || strings.Contains(string(b), asker) {
		t.Errorf("%v %s", err, b)
	}
}

// widest are terms as wide as they are taken.
func widest() *schemas.Dataset {
	var or []schemas.Constraint
	for i := range schemas.MaxConstraintNodes - 2 {
		or = append(or, schemas.Constraint{Left: "recipient", Operator: "eq", Right: []string{fmt.Sprintf("https://x%d.example", i)}})
	}
	return dataset(permit(&schemas.Constraint{Or: or}))
}

// Terms that take too long to try are given up, and who comes while others are tried waits no longer than that.
func TestWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	e, err := policy.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, ada := New(e), schemas.Principal{Issuer: "i", Subject: "ada"}
	s.most = time.Millisecond
	_, err = s.Of(t.Context(), ada, widest(), Place{}, time.Now())
	if schemas.KindOf(err) != schemas.TooLarge {
		t.Errorf("the widest terms: %v", err)
	}
	done, err := s.turns.Take(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Of(t.Context(), ada, dataset(permit(nil)), Place{}, time.Now())
	if schemas.KindOf(err) != schemas.Busy {
		t.Errorf("while others of the same caller are tried: %v", err)
	}
	s.most = time.Minute
	_, err = s.Of(t.Context(), schemas.Principal{Issuer: "i", Subject: "bea"}, dataset(permit(nil)), Place{}, time.Now())
	if err != nil {
		t.Errorf("somebody else's, meanwhile: %v", err)
	}
	done()
}

func BenchmarkTrial(b *testing.B) {
	e, err := policy.New(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	s := New(e)
	for b.Loop() {
		_, err := s.Of(b.Context(), schemas.Principal{}, dataset(permit(nil)), Place{Country: "FR"}, time.Now())
		if err != nil {
			b.Fatal(err)
		}
	}
}
