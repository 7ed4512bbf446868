package lease

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/party"
	"guichet/schemas"
)

// How long a staged copy is open at a time: so late does a revocation reach who keeps to it.
const (
	usualOpen = time.Hour
	MaxOpen   = 24 * time.Hour
)

// Caller is who asks about staged copies: a person, or a job by the signature of its key.
type Caller struct {
	By    schemas.Principal
	Token string // the signature of a job key over Path and Body; "" of a person
	Path  string // below the API's root
	Body  []byte
	From  netip.Addr // where the request came from
}

// Stage makes a staged copy of what an agreement covers, still without data: its files are
// encrypted for the recipient of the answer. Errors: as Mint; Denied where the terms do not permit
// staging, or count what is read.
func (s *Leases) Stage(ctx context.Context, c Caller, ask schemas.CopyAsk) (schemas.CopyAnswer, error) {
	var out schemas.CopyAnswer
	if !schemas.IsLine(ask.Name) {
		return out, schemas.BadField("copy", "/name", "a name is one line of text")
	}
	id := schemas.NewCopyID()
	identity, sealed, err := s.newIdentity(id)
	if err != nil {
		return out, err
	}
	out.Recipient = identity.Recipient().String()
	err = s.agreements.Settle(ctx, "copy", func(b agreement.Basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		l, by, check, err := s.stageable(ctx, c, ask, b)
		if err != nil {
			return nil, err
		}
		l.ID = id
		a, err := s.placed(ctx, c, &l, b)
		switch {
		case err != nil:
			return nil, err
		case !a.Stage:
			return nil, schemas.Refuse(
				string(a.ID), "agreement.stage", "the agreement", "its terms permit no staging: the data are for streams alone",
				"stream them (guichet stream, guichet mount); or ask the provider to offer staging, and ask again",
			)
		case slices.ContainsFunc(a.Obligations, func(d schemas.Duty) bool { return d.Kind == schemas.DutyBudget }):
			return nil, schemas.Refuse(string(a.ID), "agreement.budget", "the agreement",
				"a budget bounds what is read, and of a staged copy that is counted only afterwards", "stream the data: guichet stream, guichet mount")
		}
		_, err = s.catalogue.Manifest(ctx, a.Dataset, l.Items[0].Version)
		if schemas.KindOf(err) == schemas.NotFound {
			return nil, schemas.BadField("copy", "/version", "the dataset has no published version %q", l.Items[0].Version)
		}
		if err != nil {
			return nil, err
		}
		out.Copy = l
		return func(ctx context.Context, tx *db.Tx) error {
			err := check(ctx, tx)
			if err == nil {
				err = s.issue(ctx, tx, by, schemas.ChangeCopy, &l)
			}
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `UPDATE copy SET sealed = '' WHERE until < ?`, s.now().UnixMicro()) // who provides its data still finds it
			if err == nil {
				_, err = tx.Exec(ctx, `INSERT INTO copy (id, provider, until, sealed) VALUES (?, ?, ?, ?)`,
					string(l.ID), string(a.Provider), l.Until.UnixMicro(), sealed)
			}
			if err != nil {
				return fmt.Errorf("keep the key of %s: %w", l.ID, err)
			}
			return nil
		}, nil
	})
	return out, err
}

// stageable gives the lease that a staged copy is, still without its id, who is named in the record, and what is looked
// at once more in the transaction.
func (s *Leases) stageable(
	ctx context.Context, c Caller, ask schemas.CopyAsk, b agreement.Basis,
) (l schemas.Lease, by schemas.Principal, check func(context.Context, *db.Tx) error, err error) {
	items := []schemas.LeaseItem{{Agreement: ask.Agreement, Version: ask.Version, Table: ask.Table, Columns: ask.Columns}}
	var ends time.Time
	if isJobKey(c.Token) {
		var key schemas.Lease
		key, err = s.jobKey(ctx, c, b)
		if err != nil {
			return l, by, nil, err
		}
		l, ends, err = s.attenuated(ctx, key, schemas.LeaseAsk{Run: ask.Run, Items: items}, b)
		by, check = principalOf(&key), func(ctx context.Context, tx *db.Tx) error {
			return agreement.CheckHolder(ctx, tx, &key, agreement.Basis{})
		}
	} else {
		by, check = c.By, func(ctx context.Context, tx *db.Tx) error {
			return agreement.CheckMember(ctx, tx, c.By, schemas.RoleTrainer)
		}
		err = agreement.SignedIn(c.By, "copy")
		if err != nil {
			return l, by, nil, err
		}
		l = schemas.Lease{Participant: by.Participant, Issuer: by.Issuer, Subject: by.Subject, Run: ask.Run, Items: items}
		ends, err = s.complete(ctx, by, &l, b)
	}
	l.Name, l.Until = ask.Name, ends.UTC()
	return l, by, check, err
}

// principalOf is the person whose a lease is.
func principalOf(l *schemas.Lease) schemas.Principal {
	return schemas.Principal{Issuer: l.Issuer, Subject: l.Subject, Participant: l.Participant}
}

// placed gives the agreement of a staged copy, where the caller is at a place that it permits.
func (s *Leases) placed(ctx context.Context, c Caller, l *schemas.Lease, b agreement.Basis) (schemas.Agreement, error) {
	a, err := s.agreements.Read(ctx, s.db, l.Items[0].Agreement)
	if err != nil {
		return a, err
	}
	err = s.brake.Check(a.ID, l)
	if err != nil {
		return a, err
	}
	f, err := s.parties.Factory(ctx, a.Factory)
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return a, err
	}
	b.Note("factory", string(a.Factory), f.Revision)
	return a, policy.InPlace(&a, f, c.From)
}

// mintForCopy makes a lease that fills a staged copy. Errors: as Mint; NotFound for a copy that
// is not the caller's.
func (s *Leases) mintForCopy(ctx context.Context, c Caller, ask schemas.LeaseAsk) (schemas.LeaseAnswer, error) {
	return s.child(ctx, ask, func(ctx context.Context, b agreement.Basis) (schemas.Lease, error) {
		return s.copyOf(ctx, c, ask.Copy, b)
	})
}

// copyOf finds a staged copy of the caller's organisation that stands. A job's key has to be for its
// agreement and version, and what comes of it dies with the key too.
func (s *Leases) copyOf(ctx context.Context, c Caller, id schemas.LeaseID, b agreement.Basis) (schemas.Lease, error) {
	l, err := s.ownCopy(ctx, c, id, b)
	if err == nil {
		err = agreement.CheckUnrevoked(&l)
	}
	if err == nil && !s.now().Before(l.Until) {
		err = schemas.Refuse(string(l.ID), "copy.ended", "the agreement", "the staged copy ended on "+l.Until.Format(time.RFC3339),
			"ask for the data again: guichet request")
	}
	return l, err
}

// ownCopy finds a staged copy of the caller's organisation, also one that ended.
func (s *Leases) ownCopy(ctx context.Context, c Caller, id schemas.LeaseID, b agreement.Basis) (schemas.Lease, error) {
	missing := schemas.Errorf(schemas.NotFound, string(id), "there is no staged copy %s", id)
	var key schemas.Lease
	var err error
	if isJobKey(c.Token) {
		key, err = s.jobKey(ctx, c, b)
	} else {
		err = agreement.SignedIn(c.By, "copy")
	}
	if err != nil {
		return schemas.Lease{}, err
	}
	l, revision, err := db.Get[schemas.Lease](ctx, s.db, "lease", string(id))
	if schemas.KindOf(err) == schemas.NotFound || err == nil && !l.IsCopy() {
		return l, missing
	}
	if err != nil {
		return l, err
	}
	b.Note("lease", string(id), revision)
	if !key.IsJobKey() {
		if c.By.Participant != l.Participant || !c.By.Has(schemas.RoleTrainer) {
			return l, missing
		}
		return l, nil
	}
	it := l.Items[0]
	i := slices.IndexFunc(key.Items, func(have schemas.LeaseItem) bool { return have.Agreement == it.Agreement })
	if i < 0 || key.Participant != l.Participant {
		return l, missing
	}
	if what := attenuateItem(&it, key.Items[i]); what != "" {
		return l, wider(key.ID, what)
	}
	if !slices.Contains(l.Line, key.ID) {
		l.Line = append(l.Line, key.ID)
	}
	return l, nil
}

// Open opens a staged copy for a while: it gives what its files are decrypted with. Errors: as at
// a byte door, for the same reasons.
func (s *Leases) Open(ctx context.Context, c Caller, id schemas.LeaseID, ask schemas.OpenAsk) (schemas.OpenAnswer, error) {
	var out schemas.OpenAnswer
	err := s.agreements.Settle(ctx, "copy", func(b agreement.Basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		l, err := s.copyOf(ctx, c, id, b)
		if err != nil {
			return nil, err
		}
		_, ends, err := s.attenuated(ctx, l, schemas.LeaseAsk{}, b) // as a lease of it would be made
		if err == nil {
			_, err = s.placed(ctx, c, &l, b)
		}
		if err == nil {
			out.EndsAt = ends
			out.Until, err = s.openUntil(ask.Until, ends)
		}
		return func(ctx context.Context, tx *db.Tx) error {
			err := agreement.CheckHolder(ctx, tx, &l, agreement.Basis{})
			if err != nil {
				return err
			}
			out.Identity, err = s.unseal(ctx, tx, id)
			if err != nil {
				return err
			}
			return s.noteCopy(ctx, tx, c, &l, schemas.ChangeCopyOpen, map[string]int64{"until": out.Until.Unix()}, nil)
		}, err
	})
	return out, err
}

// openUntil bounds how long a staged copy is open.
func (s *Leases) openUntil(until, ends time.Time) (time.Time, error) {
	now := s.now().UTC()
	switch {
	case until.IsZero():
		until = now.Add(usualOpen)
	case until.After(now.Add(MaxOpen + clocksApart)):
		return until, schemas.BadField("copy", "/until", "a staged copy is open for at most %d hours at a time", int(MaxOpen.Hours()))
	case !until.After(now):
		return until, schemas.BadField("copy", "/until", "the end lies in the past")
	}
	for _, most := range []time.Time{now.Add(MaxOpen), ends} { // who asks for a day may have a clock that is ahead
		if most.Before(until) {
			until = most
		}
	}
	return until.UTC(), nil
}

// HandBack takes over what was read of a staged copy, also of one that ended. Errors: NotFound;
// Invalid; Conflict where it does not go on from what was handed back before.
func (s *Leases) HandBack(ctx context.Context, c Caller, id schemas.LeaseID, ask schemas.ReadsAsk) (schemas.ReadsOfCopy, error) {
	var all schemas.ReadsOfCopy
	err := s.agreements.Settle(ctx, "copy", func(b agreement.Basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		l, err := s.ownCopy(ctx, c, id, b)
		if err != nil {
			return nil, err
		}
		var had schemas.ReadsOfCopy
		if l.Reads != nil {
			had = *l.Reads
		}
		all, err = extended(id, had, ask)
		return func(ctx context.Context, tx *db.Tx) error {
			if all == had { // said a second time
				return nil
			}
			stored, revision, err := db.Get[schemas.Lease](ctx, tx, "lease", string(id))
			if err != nil {
				return err
			}
			stored.Reads = &all
			_, err = db.Update(ctx, tx, "lease", string(id), revision, stored, nil)
			if err != nil {
				return err
			}
			return s.noteCopy(ctx, tx, c, &stored, schemas.ChangeCopyReads, map[string]int64{
				"rows": all.Rows - had.Rows, "bytes": all.Bytes - had.Bytes, "reads": all.Entries - had.Entries,
			}, map[string]string{"head": all.Head})
		}, err
	})
	return all, err
}

// extended holds reads against what was handed back before, and gives all of them together.
func extended(id schemas.LeaseID, had schemas.ReadsOfCopy, ask schemas.ReadsAsk) (schemas.ReadsOfCopy, error) {
	const most = int64(1) << 50 // rows or bytes of one read; a thousand of them are no overflow
	chain, met := ask.After, ask.After == had
	for i, r := range ask.Reads {
		y := r.At.UTC().Year()
		counts := r.Rows >= 0 && r.Bytes >= 0 && r.Rows <= most && r.Bytes <= most
		if !counts || y < 1 || y > 9999 || !schemas.IsLine(r.By) || !schemas.IsLine(r.File) {
			return had, schemas.BadField("reads", fmt.Sprintf("/reads/%d", i),
				"a read has a time, one line of who and one of which file, rows and bytes")
		}
		chain = chain.Then(r)
		met = met || chain == had
	}
	if !met || chain.Rows < had.Rows || chain.Bytes < had.Bytes || chain.Rows > 1<<60 || chain.Bytes > 1<<60 {
		return had, schemas.Errorf(schemas.Conflict, string(id),
			"these reads do not go on from the %d that were handed back of the copy: its log is not the one that was kept beside it", had.Entries)
	}
	return chain, nil
}

// noteCopy appends a change about a staged copy.
func (s *Leases) noteCopy(
	ctx context.Context, tx *db.Tx, c Caller, l *schemas.Lease, kind string, numbers map[string]int64, more map[string]string,
) error {
	v, err := leaseValues(ctx, tx, l, l.Items[0])
	if err != nil {
		return err
	}
	by := c.By
	if isJobKey(c.Token) {
		by = principalOf(l)
	}
	v = agreement.WithCaller(v, by)
	for name, text := range more {
		v[name] = text
	}
	_, err = tx.Append(ctx, schemas.Change{Kind: kind, Subject: string(l.ID), Numbers: numbers, Values: v})
	return err
}

// Copies lists the staged copies of the projects that the caller takes part in, those of its data
// for a provider, every one for officers and operators.
func (s *Leases) Copies(ctx context.Context, by schemas.Principal, after string, limit int) ([]schemas.Lease, string, error) {
	return s.listed(ctx, by, schemas.CopyPrefix, "id IN (SELECT id FROM copy WHERE provider = ?)", []any{string(by.Participant)}, after, limit)
}

// Copy finds one as Copies lists it. Errors: NotFound.
func (s *Leases) Copy(ctx context.Context, by schemas.Principal, id schemas.LeaseID) (schemas.Lease, error) {
	err := agreement.SignedIn(by, string(id))
	if err != nil {
		return schemas.Lease{}, err
	}
	missing := schemas.Errorf(schemas.NotFound, string(id), "there is no staged copy %s", id)
	l, _, err := db.Get[schemas.Lease](ctx, s.db, "lease", string(id))
	if schemas.KindOf(err) == schemas.NotFound || err == nil && !l.IsCopy() {
		return schemas.Lease{}, missing
	}
	if err != nil {
		return l, err
	}
	p, err := s.parties.Project(ctx, l.Project)
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return l, err
	}
	a, _, err := db.GetStored[schemas.Agreement](ctx, s.db, "agreement", string(l.Items[0].Agreement))
	if err != nil {
		return l, err
	}
	if !party.IsPartner(p, by.Participant) && !agreement.Oversees(by) && a.Provider != by.Participant {
		return schemas.Lease{}, missing
	}
	return shown(by, l), nil
}
