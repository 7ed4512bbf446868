package policy

import "guichet/schemas"

// SightOf says what a caller may know to exist: strangers what is for everyone,
// officers and operators everything.
func SightOf(by schemas.Principal) schemas.Sight {
	return schemas.Sight{Everyone: true, SignedIn: by.SignedIn(), Participant: by.Participant, All: by.Has(schemas.RoleOfficer) || by.Has(schemas.RoleOperator)}
}
