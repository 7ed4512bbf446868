package agreement

import (
	"context"
	"fmt"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// SignedIn refuses a caller without a token, or of no organisation here. Errors:
// Unauthenticated, Denied about what.
func SignedIn(by schemas.Principal, what string) error {
	if !by.SignedIn() {
		return &schemas.Error{
			Kind: schemas.Unauthenticated, Subject: "token", Message: "this needs a signed-in caller",
			Remedy: "send a token of an issuer that is known here",
		}
	}
	if by.Participant == "" {
		return schemas.Refuse(
			what, "participant", "membership", "your account belongs to no organisation yet",
			"ask to join with yours (guichet join, or the page /join), or have a colleague invite you",
		)
	}
	return nil
}

// Oversees says whether a caller reads all that is kept here: officers and operators. They
// use nothing of others for that.
func Oversees(by schemas.Principal) bool {
	return by.Has(schemas.RoleOfficer) || by.Has(schemas.RoleOperator)
}

// Values are the committed values that every change about an agreement carries.
func Values(a *schemas.Agreement, by schemas.Principal) map[string]string {
	v := map[string]string{
		"agreement":   string(a.ID),
		"dataset":     string(a.Dataset),
		"provider":    string(a.Provider),
		"participant": string(a.Participant),
		"project":     string(a.Project),
	}
	return WithCaller(v, by)
}

// WithCaller adds to the values of a change who made it: organisation and person.
func WithCaller(v map[string]string, by schemas.Principal) map[string]string {
	if by.SignedIn() {
		v["by"], v["subject"] = string(by.Participant), by.Issuer+"#"+by.Subject
	}
	return v
}

// CheckRunning refuses what would be read in the name of a run that is over. Errors: Denied.
func CheckRunning(r *schemas.Run) error {
	if r.Ended.IsZero() {
		return nil
	}
	return schemas.Refuse(
		string(r.ID), "run.ended", "the run",
		fmt.Sprintf("the run %s was ended on %s: nothing is read in its name any more", r.ID, r.Ended.Format(time.DateOnly)),
		"begin another run, or name none",
	)
}

// CheckQuota says whether a project may have one more of what rows of a table stand for; 0
// is no bound. Errors: TooLarge.
func CheckQuota(ctx context.Context, tx *db.Tx, query string, project schemas.ProjectID, most int, what, remedy string) error {
	if most == 0 {
		return nil
	}
	n := 0
	err := tx.QueryRow(ctx, query, string(project)).Scan(&n)
	if err != nil {
		return fmt.Errorf("count what the project %s has: %w", project, err)
	}
	if n >= most {
		return &schemas.Error{
			Kind: schemas.TooLarge, Subject: string(project),
			Message: fmt.Sprintf("the project has %d %s, which is the most here", n, what), Remedy: remedy,
		}
	}
	return nil
}
