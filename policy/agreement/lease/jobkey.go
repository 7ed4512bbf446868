package lease

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/newest"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/party"
	"guichet/schemas"
)

// A job key is a lease that lasts for weeks and opens no stream: what is kept here of it is a
// public key, and who has the private half makes leases with it by signing what it asks. So it
// is stored, revoked, recorded and lost with a membership as any lease, and what is made
// with it is narrowed from it [decisions.md 4]:
//
//	a trainer ── registers ──▶ job key, 14 days ── signs ──▶ lease, 15 minutes ──▶ streams
//	             (signed in)   agr-a, agr-b                  agr-a, rank 3 of 8

// MaxJobKey is the longest life of a job key, usualJobKey that of one whose owner says nothing.
const (
	MaxJobKey   = 60 * 24 * time.Hour
	usualJobKey = 14 * 24 * time.Hour
)

// clocksApart is how far the clock of a job may be from ours.
const clocksApart = 5 * time.Minute

// IsJobKey says whether a bearer token is the signature of a job key.
func IsJobKey(token string) bool { return isJobKey(token) }

func isJobKey(id string) bool { return strings.HasPrefix(id, schemas.JobKeyPrefix) }

// Register makes a job key for a signed-in partner of the project. Errors: as Mint.
func (s *Leases) Register(ctx context.Context, by schemas.Principal, ask schemas.JobKeyAsk) (schemas.Lease, error) {
	var l schemas.Lease
	err := agreement.SignedIn(by, "job key")
	if err == nil && len(ask.PublicKey) != ed25519.PublicKeySize {
		err = schemas.BadField(
			"job key", "/public_key", "an Ed25519 key has %d bytes, this one has %d", ed25519.PublicKeySize, len(ask.PublicKey),
		)
	}
	if err == nil && !schemas.IsLine(ask.Name) {
		err = schemas.BadField("job key", "/name", "a name is one line of text")
	}
	if err == nil {
		err = once(ask.Items)
	}
	if err != nil {
		return l, err
	}
	return l, s.agreements.Settle(ctx, "job key", func(b agreement.Basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		l = schemas.Lease{
			ID: schemas.NewJobKeyID(), Participant: by.Participant, Issuer: by.Issuer, Subject: by.Subject,
			Run: ask.Run, Items: slices.Clone(ask.Items), PublicKey: ask.PublicKey, Name: ask.Name,
		}
		ends, err := s.complete(ctx, by, &l, b)
		if err == nil {
			l.Until, err = s.jobKeyUntil(ask.Until, ends)
		}
		return func(ctx context.Context, tx *db.Tx) error {
			err := agreement.CheckMember(ctx, tx, by, schemas.RoleTrainer)
			if err != nil {
				return err
			}
			return s.issue(ctx, tx, by, schemas.ChangeJobKey, &l)
		}, err
	})
}

// jobKeyUntil bounds a job key's life.
func (s *Leases) jobKeyUntil(until, ends time.Time) (time.Time, error) {
	now := s.now().UTC()
	switch {
	case until.IsZero():
		until = now.Add(usualJobKey)
	case until.After(now.Add(MaxJobKey)):
		return until, schemas.BadField("job key", "/until", "a job key lasts at most %d days", int(MaxJobKey.Hours()/24))
	case !until.After(now):
		return until, schemas.BadField("job key", "/until", "the end lies in the past")
	}
	if ends.Before(until) {
		until = ends
	}
	return until.UTC(), nil
}

// MintSigned makes a lease for a job. token is the signature of a job key over body, which is
// what ask was read from; from is where the request came from. Errors: Unauthenticated,
// saying what of the signature does not hold; Denied where the key was revoked, its holder or
// place are not what they were, or the ask is wider than the key.
func (s *Leases) MintSigned(
	ctx context.Context, token string, body []byte, from netip.Addr, ask schemas.LeaseAsk,
) (schemas.LeaseAnswer, error) {
	c := Caller{Token: token, Path: "/leases", Body: body, From: from}
	if ask.Copy != "" {
		return s.mintForCopy(ctx, c, ask)
	}
	return s.child(ctx, ask, func(ctx context.Context, b agreement.Basis) (schemas.Lease, error) {
		return s.jobKey(ctx, c, b)
	})
}

// jobKey finds the job key that signed a body, where it stands and is used in its place.
func (s *Leases) jobKey(ctx context.Context, c Caller, b agreement.Basis) (schemas.Lease, error) {
	l, err := s.signedBy(ctx, c, b)
	if err != nil {
		return l, err
	}
	err = s.brake.Check(l.Items[0].Agreement, &l)
	if err != nil {
		return l, err
	}
	f, err := s.parties.Factory(ctx, l.Factory)
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return l, err
	}
	b.Note("factory", string(l.Factory), f.Revision)
	if len(f.Egress) > 0 && !policy.Within(f, c.From) {
		return l, schemas.Refuse(
			string(l.ID), "job-key.place", "the job key",
			fmt.Sprintf("leases are made with this key from the network of %s only; this request came from elsewhere", l.Factory),
			"ask from a job at the factory",
		)
	}
	return l, nil
}

// notSigned refuses a signature.
func notSigned(format string, args ...any) error {
	return &schemas.Error{Kind: schemas.Unauthenticated, Subject: "job key", Message: fmt.Sprintf(format, args...),
		Remedy: "register a key: guichet job-key, or POST /api/v1/job-keys"}
}

// signedBy finds the job key that signed a body.
func (s *Leases) signedBy(ctx context.Context, c Caller, b agreement.Basis) (schemas.Lease, error) {
	// jobkey-4kq….1795946400.9f3a…
	parts := strings.Split(c.Token, ".")
	if len(parts) != 3 || !schemas.IsText(c.Token, 300) { // whose id a database may not know to look up
		return schemas.Lease{}, notSigned("the signature of a job key is written id.seconds.signature")
	}
	seconds, err := strconv.ParseInt(parts[1], 10, 64)
	signature, bad := hex.DecodeString(parts[2])
	if err != nil || bad != nil {
		return schemas.Lease{}, notSigned("the signature of a job key is written id.seconds.signature, the last in hex")
	}
	l, revision, err := db.Get[schemas.Lease](ctx, s.db, "lease", parts[0])
	if schemas.KindOf(err) == schemas.NotFound {
		return l, notSigned("there is no job key %.60s, or it ended more than a day ago", parts[0])
	}
	if err != nil {
		return l, err
	}
	now, at := s.now(), time.Unix(seconds, 0)
	switch {
	case !l.IsJobKey() || !ed25519.Verify(l.PublicKey, schemas.SignedByJobKey(l.ID, seconds, c.Path, c.Body), signature):
		return l, notSigned("the signature does not hold: it is not by the job key %s, or not over this request", l.ID)
	case at.Before(now.Add(-clocksApart)) || at.After(now.Add(clocksApart)):
		return l, notSigned("the request was signed at %s, and it is %s here: set the clock of the machine",
			at.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case !now.Before(l.Until):
		return l, notSigned("the job key ended at %s", l.Until.Format(time.RFC3339))
	}
	b.Note("lease", string(l.ID), revision)
	return l, agreement.CheckUnrevoked(&l)
}

// JobKeys lists those of the projects that the caller takes part in, every one for officers and
// operators.
func (s *Leases) JobKeys(ctx context.Context, by schemas.Principal, after string, limit int) ([]schemas.Lease, string, error) {
	return s.listed(ctx, by, schemas.JobKeyPrefix, "FALSE", nil, after, limit)
}

// listed lists the leases whose ids begin with a prefix: those of the caller's projects and those for
// which or holds, every one for who oversees.
func (s *Leases) listed(
	ctx context.Context, by schemas.Principal, prefix, or string, of []any, after string, limit int,
) ([]schemas.Lease, string, error) {
	err := agreement.SignedIn(by, "leases")
	if err != nil {
		return nil, "", err
	}
	where, args := "id >= ? AND id < ?", []any{prefix, strings.TrimSuffix(prefix, "-") + "."}
	var rows []newest.Row[schemas.Lease]
	var next string
	if agreement.Oversees(by) {
		rows, next, err = newest.List[schemas.Lease](ctx, s.db, "lease", "until", where, args, after, limit)
	} else {
		args = append(args, of...)
		rows, next, err = agreement.ListOfProjects[schemas.Lease](ctx, s.agreements, by, "lease", "until", where, or, args, after, limit)
	}
	out := make([]schemas.Lease, len(rows))
	for i, row := range rows {
		out[i] = shown(by, row.Doc)
	}
	return out, next, err
}

// JobKey finds one as JobKeys lists it. Errors: NotFound.
func (s *Leases) JobKey(ctx context.Context, by schemas.Principal, id schemas.LeaseID) (schemas.Lease, error) {
	err := agreement.SignedIn(by, string(id))
	if err != nil {
		return schemas.Lease{}, err
	}
	l, _, err := db.Get[schemas.Lease](ctx, s.db, "lease", string(id))
	if err == nil && l.IsJobKey() {
		p, err := s.parties.Project(ctx, l.Project)
		if err == nil && (party.IsPartner(p, by.Participant) || agreement.Oversees(by)) {
			return shown(by, l), nil
		}
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return schemas.Lease{}, err
		}
	}
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return schemas.Lease{}, err
	}
	return schemas.Lease{}, schemas.Errorf(schemas.NotFound, string(id), "there is no job key %s", id)
}

// shown is a lease without the person whose it is, except to its organisation and to who
// oversees.
func shown(by schemas.Principal, l schemas.Lease) schemas.Lease {
	if by.Participant != l.Participant && !agreement.Oversees(by) {
		l.Issuer, l.Subject = "", ""
	}
	return l
}
