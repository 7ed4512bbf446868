// Package trial says who could use a dataset under terms before they are put.
//
// In: a dataset with the terms to try, and a place or a call. Out: for every purpose and every kind of organisation what a
// made-up asker would be told. Always: the engine decides as it does for real requests, and what no rule permits
// is a no; nothing is stored or recorded. It must not name an organisation or a project: who asks here is nobody's.
//
// It costs as many decisions as there are purposes times kinds of organisations, so few trials run at a time, and one
// that takes some seconds is given up with an error that says so.
package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"guichet/connectors/odrl"
	"guichet/policy"
	"guichet/policy/turn"
	"guichet/schemas"
)

// asker is the organisation that asks: no terms name it, so that what is permitted to named ones alone is a no.
const asker = "urn:guichet:made-up"

// Place is where the made-up askers would use the data. Its zero value is nowhere that was said.
type Place struct {
	Factory schemas.Factory // a registered one, or made up: with a country, perhaps secure, and no id
	Country string          // of the askers; ISO 3166-1 alpha-2
	Call    string          // under which their projects run; none when left out
}

// Try is what one made-up asker would be told.
type Try struct {
	Purpose     string                  `json:"purpose" doc:"what the data would be for"`
	Kind        schemas.ParticipantKind `json:"kind" doc:"the kind of organisation that would ask"`
	Verdict     schemas.Verdict         `json:"verdict" enum:"yes,review,no"`
	Reasons     []schemas.Reason        `json:"reasons,omitempty" doc:"the rules that decided"`
	Obligations []schemas.Duty          `json:"obligations,omitempty" doc:"what a yes demands"`
}

// Tried is what terms would come to.
type Tried struct {
	Offer schemas.Offer  `json:"offer" doc:"the terms as they would be put"`
	ODRL  map[string]any `json:"odrl" doc:"the same as ODRL 2.2 in JSON-LD"`
	Tries []Try          `json:"tries" doc:"each purpose by each kind of organisation, made up: no real one is looked at"`
	Notes []string       `json:"notes,omitempty" doc:"what else there is to say, such as where the licence is narrower than the terms"`
}

// unpublished says of what is not published yet that nobody gets it by terms alone.
const unpublished = "nothing is published yet: whatever the terms say, nobody gets data before a version is there"

// A trial is a hundred decisions. The widest terms that are taken need seconds for so many, so few trials run at
// once, and each so long at most.
const (
	atOnce   = 2
	mostTime = 5 * time.Second
)

// Trials tries terms. Safe for concurrent use.
type Trials struct {
	engine *policy.Engine
	turns  *turn.Turns   // of one caller one
	most   time.Duration // of one trial, its turn waited for
}

// New makes Trials by an engine.
func New(e *policy.Engine) *Trials { return &Trials{e, turn.New(atOnce), mostTime} }

// Of tries the terms of d, which are d.Offer, for a caller. Errors: those of the engine; TooLarge for terms that take too long,
// Busy while others are tried, or others of the same caller.
func (s *Trials) Of(ctx context.Context, by schemas.Principal, d *schemas.Dataset, at Place, now time.Time) (Tried, error) {
	within, end := context.WithTimeout(ctx, s.most)
	defer end()
	done, err := s.turns.Take(within, by)
	if err != nil {
		return Tried{}, schemas.Errorf(schemas.Busy, string(d.ID), "other terms are being tried: try again in a moment")
	}
	defer done()
	out, err := s.try(within, d, at, now)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = &schemas.Error{Kind: schemas.TooLarge, Subject: string(d.ID), Err: err,
			Message: "these terms have so many conditions that trying them for everybody takes too long",
			Remedy:  "they can be set all the same; guichet explain says what they mean to one project"}
	}
	return out, err
}

// try asks for each made-up asker.
func (s *Trials) try(ctx context.Context, d *schemas.Dataset, at Place, now time.Time) (Tried, error) {
	e := s.engine
	out := Tried{Offer: *d.Offer, Notes: e.TermsBesideLicence(d)}
	out.Offer.Rules = slices.Clone(out.Offer.Rules)
	for i := range out.Offer.Rules {
		if out.Offer.Rules[i].ID == "" { // as they are called when they are put
			out.Offer.Rules[i].ID = fmt.Sprintf("offer §%d", i+1)
		}
	}
	doc, err := odrl.Write(out.Offer, "urn:guichet:dataset:"+string(d.ID), string(d.Provider))
	if err == nil {
		err = json.Unmarshal(doc, &out.ODRL)
	}
	if err != nil {
		return out, fmt.Errorf("write terms as ODRL: %w", err)
	}
	if d.Latest == nil {
		out.Notes = append(out.Notes, unpublished)
	}
	purposes, err := schemas.Purposes()
	if err != nil {
		return out, err
	}
	for _, p := range purposes {
		for _, kind := range schemas.ParticipantKinds() {
			f := policy.Attributes{
				Participant: schemas.Participant{ID: asker, Kind: kind, Country: at.Country}, Project: schemas.Project{Call: at.Call},
				Factory: at.Factory, Purpose: p.ID, Now: now,
			}
			said, err := e.Decide(ctx, f, []policy.Item{{Dataset: d}})
			if err != nil {
				return out, err
			}
			out.Tries = append(out.Tries,
				Try{Purpose: p.ID, Kind: kind, Verdict: said[0].Verdict, Reasons: said[0].Reasons, Obligations: said[0].Obligations})
		}
	}
	return out, nil
}
