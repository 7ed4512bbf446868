package signin

import (
	"net/http"

	"guichet/gateway/problem"
	"guichet/schemas"
)

// What keeps people from signing in, as the Subject of a View's Problem.
const (
	ProblemAddress = "signin.address" // the site has no address at which browsers may sign in
	ProblemNone    = "signin.none"    // no issuer offers it
	ProblemIssuer  = "signin.issuer"  // no such issuer
	ProblemForm    = "signin.form"    // the form cannot be read
	ProblemOrigin  = "signin.origin"  // another site sent the form
	ProblemState   = "signin.state"   // the answer belongs to no sign-in of this browser, or comes late
	ProblemAgain   = "signin.again"   // the answer came before
	ProblemDenied  = "signin.denied"  // the person or the issuer said no
	ProblemRefused = "signin.refused" // the issuer answered with another error
	ProblemToken   = "signin.token"   // what the issuer gave is not accepted here
	ProblemAway    = "signin.away"    // the issuer does not answer
)

// about makes a problem for people who sign in.
func about(k schemas.Kind, subject, message, remedy string) *schemas.Error {
	return &schemas.Error{Kind: k, Subject: subject, Message: message, Remedy: remedy}
}

// show draws the page that says why somebody is not signed in, and lets her try again.
func (d *Door) show(w http.ResponseWriter, r *http.Request, to string, err error) {
	p := problem.Of(err, d.Log)
	e := &schemas.Error{Kind: schemas.KindOf(err), Subject: p.Subject, Message: p.Detail, Reasons: p.Reasons, Remedy: p.Remedy}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	d.draw(w, r, p.Status, View{To: to, Problem: e})
}
