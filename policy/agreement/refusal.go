package agreement

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"guichet/connectors/sql"
	"guichet/schemas"
)

// refusals remembers which refusals of the running minute are in the record
// already: later ones of the same caller, rule and subject are only counted, so
// that strangers cannot flood the record [decisions.md 18].
type refusals struct {
	mu     sync.Mutex
	minute int64
	counts map[[3]string]int64
}

// maxRefusals bounds the keys of one minute; beyond it refusals share one key per
// caller.
const maxRefusals = 10_000

func newRefusals() *refusals { return &refusals{counts: map[[3]string]int64{}} }

// first counts a refusal and says whether it is to be recorded.
func (r *refusals) first(now time.Time, caller, rule, subject string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := now.Unix() / 60; m != r.minute {
		r.minute = m
		clear(r.counts)
	}
	key := [3]string{caller, rule, subject}
	if _, known := r.counts[key]; !known && len(r.counts) >= maxRefusals {
		key = [3]string{caller, rule, ""}
	}
	if _, known := r.counts[key]; !known && len(r.counts) >= 2*maxRefusals {
		return false
	}
	r.counts[key]++
	return r.counts[key] == 1
}

// Refused puts a refusal into the record: who was refused what by which rule.
// Only Denied and Unauthenticated errors are refusals; others are ignored. address
// stands in for a caller that is not signed in.
func (d *Desk) Refused(ctx context.Context, by schemas.Principal, address, door string, cause error) error {
	e, ok := errors.AsType[*schemas.Error](cause)
	if !ok || e.Kind != schemas.Denied && e.Kind != schemas.Unauthenticated {
		return nil
	}
	rule := e.Kind.String()
	if len(e.Reasons) > 0 {
		rule = e.Reasons[0].Rule
	}
	caller, subject := by.Issuer+"#"+by.Subject, e.Subject
	if !by.SignedIn() { // a stranger chooses what she asks for: one entry a minute and rule
		caller, subject = address, ""
	}
	if !d.refusals.first(d.now(), caller, rule, subject) {
		return nil
	}
	v := withCaller(map[string]string{"door": door, "rule": rule, "about": short(e.Subject), "text": short(e.Message)}, by)
	if !by.SignedIn() && address != "" {
		v["address"] = address
	}
	return d.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRefusal, Subject: e.Subject, Values: v})
		return err
	})
}

// RefusedBytes puts a refusal of a byte door into the record, by whom the lease was made
// for where it is a good one.
func (d *Desk) RefusedBytes(ctx context.Context, token, address, door string, cause error) error {
	var by schemas.Principal
	if schemas.KindOf(cause) == schemas.Denied {
		l, err := d.lease(ctx, token)
		if err == nil {
			by = schemas.Principal{Issuer: "lease", Subject: string(l.ID), Participant: l.Participant}
		}
	}
	return d.Refused(ctx, by, address, door, cause)
}

// short cuts what a caller may have chosen the length of.
func short(s string) string {
	const most = 512
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
