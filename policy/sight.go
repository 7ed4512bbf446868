package policy

import (
	"fmt"
	"maps"
	"slices"

	"guichet/schemas"
)

// SightOf says what a caller may know to exist: strangers what is for everyone,
// officers and operators everything.
func SightOf(by schemas.Principal) schemas.Sight {
	return schemas.Sight{
		Everyone:    true,
		SignedIn:    by.SignedIn(),
		Participant: by.Participant,
		All:         by.Has(schemas.RoleOfficer) || by.Has(schemas.RoleOperator),
	}
}

// Needs says whether a caller has a role: nil, Unauthenticated for a stranger, or
// Denied naming the role. what completes the sentence "to … needs the role".
func Needs(by schemas.Principal, role schemas.Role, what string) error {
	if !by.SignedIn() {
		return &schemas.Error{
			Kind:    schemas.Unauthenticated,
			Subject: "token",
			Message: "to " + what + " needs a signed-in caller",
			Remedy:  "send a token of an issuer that is known here: guichet login",
		}
	}
	if by.Has(role) {
		return nil
	}
	text, remedy := fmt.Sprintf("to %s needs the role %s", what, role), "ask the operator for the role"
	if by.Participant == "" {
		remedy = "your account belongs to no organisation yet: ask to join with yours (guichet join, or the page /join), or have a " +
			"colleague invite you"
	}
	return schemas.Refuse(what, "role."+string(role), "roles", text, remedy)
}

// ShownFactory is a factory as a caller may read it. Its networks are what a caller must
// come from to be believed, so only those see them who set or judge the proof.
func ShownFactory(by schemas.Principal, f schemas.Factory) schemas.Factory {
	f.Proven = len(f.Egress) > 0
	if !by.Has(schemas.RoleOperator) && !by.Has(schemas.RoleOfficer) && !by.Has(schemas.RoleProvider) {
		f.Egress = nil
	}
	return f
}

// Shown is a dataset as a caller may read it: who else may see or use it is the
// provider's business [decisions.md 3].
func Shown(by schemas.Principal, d schemas.Dataset) schemas.Dataset {
	if knows(by, d.Provider) {
		return d
	}
	d.VisibleTo = nil
	if d.Latest != nil {
		v := ShownVersion(by, &d, *d.Latest)
		d.Latest = &v
	}
	if d.Offer != nil {
		o := shownOffer(*d.Offer)
		d.Offer = &o
	}
	return d
}

// HidesRows says whether the terms of a dataset filter rows out, and the caller is none
// who may read everything: then the rows of the whole would tell how many.
func HidesRows(by schemas.Principal, d *schemas.Dataset) bool {
	if knows(by, d.Provider) || d.Offer == nil {
		return false
	}
	return slices.ContainsFunc(d.Offer.Rules, func(r schemas.Rule) bool {
		return slices.ContainsFunc(r.Duties, func(o schemas.Duty) bool { return o.Kind == schemas.DutyFilter })
	})
}

// TellsFiles says whether a caller may read which files a version has, with their names, sizes
// and sums, before there is an agreement: its provider, and everybody where the terms permit
// everybody to use the data as it is stored. A name may be that of a person, and the sum of
// a small file says what is in it to who guesses.
func TellsFiles(by schemas.Principal, d *schemas.Dataset) bool {
	return knows(by, d.Provider) || d.Offer.ForEveryone() && !d.Offer.Edits()
}

// ShownVersion is a version of a dataset as a caller may read it. Whoever has an
// agreement reads in its manifest how many rows that shows.
func ShownVersion(by schemas.Principal, d *schemas.Dataset, v schemas.VersionSummary) schemas.VersionSummary {
	if HidesRows(by, d) {
		v.Rows, v.Objects, v.Bytes = 0, 0, 0
	}
	return v
}

// ShownRecord is a record as a caller may read it: who acted for another organisation is
// that one's business, which organisation it was is not. Officers read every name.
func ShownRecord(by schemas.Principal, r schemas.Record) schemas.Record {
	if by.Has(schemas.RoleOfficer) || r.Values["subject"] == "" || r.Values["by"] == string(by.Participant) {
		return r
	}
	r.Values, r.Salts = maps.Clone(r.Values), maps.Clone(r.Salts)
	delete(r.Values, "subject")
	delete(r.Salts, "subject")
	return r
}

// ShownAgreement is an agreement as a caller may read it: the terms that it was
// made under name others too, and so do its partners: whom the terms admit and whom not is
// the provider's, each partner's own, and no business of who named them.
func ShownAgreement(by schemas.Principal, a schemas.Agreement) schemas.Agreement {
	if !knows(by, a.Provider) {
		a.Offer = shownOffer(a.Offer)
		a.Partners = slices.DeleteFunc(slices.Clone(a.Partners), func(p schemas.ParticipantID) bool { return p != by.Participant })
	}
	return a
}

// knows says whether a caller may read everything of a provider's.
func knows(by schemas.Principal, provider schemas.ParticipantID) bool {
	return by.Participant != "" && provider == by.Participant || SightOf(by).All
}

// shownOffer is an offer as others may read it: without the names of those for whom it
// is.
func shownOffer(o schemas.Offer) schemas.Offer {
	o.Rules = slices.Clone(o.Rules)
	for i := range o.Rules {
		o.Rules[i].Constraint = withoutParties(o.Rules[i].Constraint)
	}
	return o
}

// withoutParties takes the recipients out of a constraint tree and keeps its form.
func withoutParties(c *schemas.Constraint) *schemas.Constraint {
	if c == nil {
		return nil
	}
	k := *c
	k.And, k.Or = slices.Clone(c.And), slices.Clone(c.Or)
	for i := range k.And {
		k.And[i] = *withoutParties(&k.And[i])
	}
	for i := range k.Or {
		k.Or[i] = *withoutParties(&k.Or[i])
	}
	if k.Left == "recipient" {
		k.Right = []string{"whom the offer names"}
	}
	return &k
}
