package policy

import (
	"fmt"

	"guichet/schemas"
)

// SightOf says what a caller may know to exist: strangers what is for everyone,
// officers and operators everything.
func SightOf(by schemas.Principal) schemas.Sight {
	return schemas.Sight{Everyone: true, SignedIn: by.SignedIn(), Participant: by.Participant, All: by.Has(schemas.RoleOfficer) || by.Has(schemas.RoleOperator)}
}

// Needs says whether a caller has a role: nil, Unauthenticated for a stranger, or
// Denied naming the role. what completes the sentence "to … needs the role".
func Needs(by schemas.Principal, role schemas.Role, what string) error {
	if !by.SignedIn() {
		return &schemas.Error{Kind: schemas.Unauthenticated, Subject: what, Message: "to " + what + " needs a signed-in caller", Remedy: "send a token of an issuer that is known here: guichet login"}
	}
	if by.Has(role) {
		return nil
	}
	text, remedy := fmt.Sprintf("to %s needs the role %s", what, role), "ask the operator for the role"
	if by.Participant == "" {
		remedy = "you belong to no participant yet: ask the operator to add you to your organisation's members"
	}
	return &schemas.Error{Kind: schemas.Denied, Subject: what, Message: text, Remedy: remedy,
		Reasons: []schemas.Reason{{Rule: "role." + string(role), Source: "roles", Text: text, Remedy: remedy}}}
}
