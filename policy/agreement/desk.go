// Package agreement keeps what a yes became: requests and their review,
// agreements, leases, runs, releases and revocations.
//
// In: asks of authenticated principals, decisions of policy. Out: agreements,
// lease tokens and what they stand for (LookUp, for policy.Authorize), begun and
// ended releases, the feed of revocations that cuts streams. Always: every change
// is one entry of the one change sequence, in the transaction that makes it; a
// release is durable before it may send; the first end written of a release
// stands. It must not know doors, wires or where bytes lie.
package agreement

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/party"
	"guichet/schemas"
)

// catalogue is what the desk needs to know of datasets.
type catalogue interface {
	// Get finds a dataset that is in sight. Errors: NotFound.
	Get(ctx context.Context, sight schemas.Sight, id schemas.DatasetID) (schemas.Dataset, error)
	// Manifest finds a published version. Errors: NotFound, Busy while publishing.
	Manifest(ctx context.Context, id schemas.DatasetID, version schemas.VersionID) (schemas.Version, error)
}

// Desk is the counter: asks come in, agreements and leases go out. Safe for
// concurrent use.
type Desk struct {
	db         *db.DB
	engine     *policy.Engine
	parties    *party.Registry
	catalogue  catalogue
	leaseKey   []byte
	replica    string
	alone      bool
	now        func() time.Time
	refusals   *refusals
	judgements *otter.Cache[string, *schemas.Reason] // of terms on versions; nil: they can be enforced
	feed       *Feed                                 // nil: streams are cut by the feed's own look alone
	brake      *brake
	judged     func() // of tests: between a decision and the transaction that stores it

	maxPending, maxRuns int // of a project; 0: any number
}

// Config is what a Desk is made of.
type Config struct {
	DB         *db.DB
	Engine     *policy.Engine
	Parties    *party.Registry
	Catalogue  catalogue
	LeaseKey   []byte // at least 32 random bytes, the same on every replica
	Replica    string // name of this process, for the releases it opens
	Alone      bool   // no other process opens releases on this database
	Now        func() time.Time
	MaxPending int   // requests of a project that wait for a review; 0: any number
	MaxRuns    int   // of a project; 0: any number
	Feed       *Feed // cuts this process's streams when the database does not take a revocation
}

// New makes a desk.
func New(c Config) *Desk {
	now := c.Now
	if now == nil {
		now = time.Now
	}
	return &Desk{db: c.DB, engine: c.Engine, parties: c.Parties, catalogue: c.Catalogue, leaseKey: c.LeaseKey, replica: c.Replica, alone: c.Alone, now: now, refusals: newRefusals(), judgements: newJudgements(), feed: c.Feed, brake: newBrake(),
		maxPending: c.MaxPending, maxRuns: c.MaxRuns}
}

func denied(subject, rule, source, text, remedy string) error {
	return &schemas.Error{Kind: schemas.Denied, Subject: subject, Message: text, Remedy: remedy,
		Reasons: []schemas.Reason{{Rule: rule, Source: source, Text: text, Remedy: remedy}}}
}

func signedIn(by schemas.Principal, what string) error {
	if !by.SignedIn() {
		return &schemas.Error{Kind: schemas.Unauthenticated, Subject: "token", Message: "this needs a signed-in caller", Remedy: "send a token of an issuer that is known here"}
	}
	if by.Participant == "" {
		return denied(what, "participant", "membership", "you belong to no participant yet", "ask the operator to add you to your organisation's members")
	}
	return nil
}

// values are the committed values that every change about an agreement carries.
func values(a *schemas.Agreement, by schemas.Principal) map[string]string {
	v := map[string]string{"agreement": string(a.ID), "dataset": string(a.Dataset), "provider": string(a.Provider), "participant": string(a.Participant), "project": string(a.Project)}
	return withCaller(v, by)
}

func withCaller(v map[string]string, by schemas.Principal) map[string]string {
	if by.SignedIn() {
		v["by"], v["subject"] = string(by.Participant), by.Issuer+"#"+by.Subject
	}
	return v
}

// token is a lease's bearer token: its id and a MAC over it, nothing else; what it
// allows stands in the registry.
func (d *Desk) token(id schemas.LeaseID) string {
	return string(id) + "." + hex.EncodeToString(d.mac(id))
}

func (d *Desk) mac(id schemas.LeaseID) []byte {
	m := hmac.New(sha256.New, d.leaseKey)
	m.Write([]byte("guichet lease 1\x00" + string(id)))
	return m.Sum(nil)
}

// leaseOf checks a token's MAC. ok is false for anything not minted here.
func (d *Desk) leaseOf(token string) (schemas.LeaseID, bool) {
	id, sum, found := strings.Cut(token, ".")
	if !found || !strings.HasPrefix(id, "lease-") || len(token) > 200 {
		return "", false
	}
	have, err := hex.DecodeString(sum)
	if err != nil || !hmac.Equal(have, d.mac(schemas.LeaseID(id))) {
		return "", false
	}
	return schemas.LeaseID(id), true
}

// Minted says whether a token is a lease of this site, whatever became of it.
func (d *Desk) Minted(token string) bool {
	_, ok := d.leaseOf(token)
	return ok
}

// IsLease says whether a bearer token looks like a lease rather than a JWT.
func IsLease(token string) bool { return strings.HasPrefix(token, "lease-") }
