// Package rights says who may call which operation of the API.
//
// In: operations by their ids and routes. Out: what each asks of its callers before it reads what they send.
// Always: an operation that takes a body and is not listed is open to nobody. It must not read bodies: what
// depends on them the operations ask themselves.
package rights

import (
	"slices"
	"strings"

	"guichet/policy"
	"guichet/policy/agreement/lease"
	"guichet/schemas"
)

// Right says who may call an operation that takes a body. It is asked before the
// body is read; what depends on the body, or on what it is about, the operation asks
// itself.
type Right struct {
	Open  bool           // strangers too
	Guest bool           // whoever signed in, who belongs to no participant too
	Lease bool           // or whoever bears a lease of this site, or signs with a job key
	Brake bool           // takes data out of reach: open at any rate
	Bytes bool           // gives data, to who bears a lease and nobody else; counted for each lease apart
	roles []schemas.Role // any of them; none: every member of a participant
	What  string         // completes "to … needs the role"
}

// All is the whole list: an operation that takes a body and is not in it is open
// to nobody.
func All() map[string]Right {
	provider, trainer, operator := schemas.RoleProvider, schemas.RoleTrainer, schemas.RoleOperator
	brake := func(what string, roles ...schemas.Role) Right { return Right{Brake: true, What: what, roles: roles} }
	only := func(what string, roles ...schemas.Role) Right { return Right{What: what, roles: roles} }
	signed := func(what string) Right { return Right{Lease: true, What: what, roles: []schemas.Role{trainer}} }
	return map[string]Right{
		"dry-run":             {Open: true},
		"mint-lease":          signed("get a lease"),
		"register-job-key":    only("register a job key", trainer),
		"give-ranges":         {Lease: true, Bytes: true, What: "read by URL"},
		"stage-copy":          signed("stage data"),
		"open-copy":           signed("open a staged copy"),
		"hand-back-reads":     signed("hand back reads"),
		"register-dataset":    only("register datasets", provider),
		"change-dataset":      only("register datasets", provider),
		"put-offer":           only("set terms", provider),
		"try-offer":           only("set terms", provider),
		"withdraw-dataset":    brake("withdraw a dataset", provider),
		"withdraw-version":    brake("withdraw a version", provider),
		"publish-version":     only("publish a version", provider),
		"put-participant":     only("change participants", operator),
		"stop-participant":    brake("stop a participant", provider, operator),
		"unstop-participant":  only("lift a stop", operator),
		"put-project":         only("make a project", trainer, operator),
		"put-factory":         only("change factories", operator),
		"put-store":           only("change stores", operator),
		"put-source":          only("change sources", operator),
		"harvest-source":      only("harvest sources", operator),
		"remove-source":       only("remove sources", operator),
		"set-apart":           only("say that datasets are apart", provider, operator),
		"take-back-apart":     only("say that datasets are apart", provider, operator),
		"submit-request":      only("ask for data", trainer),
		"review-request":      only("review a request", provider),
		"withdraw-request":    only("withdraw a request", trainer),
		"revoke-agreement":    brake("revoke an agreement", provider, operator),
		"erase-values":        only("erase values of a record", schemas.RoleOfficer),
		"revoke-lease":        brake("revoke a lease", trainer, provider, operator),
		"start-run":           only("start a run"),
		"add-output":          only("say what came out of a run"),
		"end-run":             only("end a run"),
		"save-search":         {Guest: true, What: "save a search"},
		"look-at-search":      {Guest: true, What: "look at a saved search"},
		"remove-search":       {Guest: true, What: "forget a saved search"},
		"ask-to-join":         {Guest: true, What: "join"},
		"answer-application":  only("answer applications", operator),
		"withdraw-asking":     {Guest: true, What: "withdraw an application"},
		"invite":              only("invite members"),
		"look-at-invitation":  {Guest: true, What: "see an invitation"},
		"accept-invitation":   {Guest: true, What: "accept an invitation"},
		"withdraw-invitation": {Brake: true, What: "withdraw invitations"},
		"remove-member":       {Brake: true, What: "remove members"},

		"put-call":                  only("change calls", operator),
		"close-call":                only("close a call"),
		"apply-to-call":             only("ask to run a project under a call", trainer, operator),
		"answer-call-application":   only("answer what is asked under a call"),
		"withdraw-call-application": only("withdraw what a project asked", trainer, operator),
		"withdraw-distributions":    brake("take back a consent", provider),
	}
}

// Check says whether a caller may call. Errors: Unauthenticated, Denied.
func (r Right) Check(by schemas.Principal) error {
	if r.Bytes {
		return lease.None()
	}
	if r.Guest && by.SignedIn() {
		return nil
	}
	if r.Open || len(r.roles) > 0 && slices.ContainsFunc(r.roles, by.Has) || len(r.roles) == 0 && r.What != "" && by.Participant != "" {
		return nil
	}
	if len(r.roles) == 0 {
		return policy.Needs(schemas.Principal{Issuer: by.Issuer, Subject: by.Subject}, schemas.RoleTrainer, r.What)
	}
	return policy.Needs(by, r.roles[0], r.What)
}

// Gate finds the right of an operation by its route.
type Gate struct{ byRoute map[string]Right }

// NewGate makes a gate without operations.
func NewGate() *Gate { return &Gate{byRoute: map[string]Right{}} }

// Add keeps what an operation asks of its callers.
func (g *Gate) Add(method, path, id string) {
	path = strings.NewReplacer("{", ":", "}", "").Replace(path)
	g.byRoute[method+" "+path] = All()[id]
}

// Right finds what the operation at a route asks of its callers; path is as gin has
// it, behind the group's. ok is false where there is no operation.
func (g *Gate) Right(method, path string) (r Right, ok bool) {
	r, ok = g.byRoute[method+" "+path]
	return r, ok
}
