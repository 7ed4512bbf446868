// Package party knows who takes part: participants and their members, projects,
// factories, stores with the prefixes of providers.
//
// In: what operators and lead partners say, from an authenticated principal.
// Out: the nouns, and answers to "who is this user" and "whose prefix is this".
// Always: only operators make participants, factories and stores; only a lead
// partner or an operator changes a project; each change is one entry of the one
// change sequence. It must not know datasets, doors or S3.
package party

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"guichet/connectors/db"
	"guichet/connectors/db/kept"
	"guichet/policy"
	"guichet/schemas"
)

// Registry holds the parties. Safe for concurrent use.
type Registry struct {
	db       *db.DB
	purposes []schemas.Purpose
	places   *policy.Places
	stores   *kept.Nouns[schemas.Store] // asked for at every open of a stream, and by each of its reads
}

// New makes a registry on database.
func New(database *db.DB) (*Registry, error) {
	p, err := schemas.Purposes()
	if err != nil {
		return nil, err
	}
	places, err := policy.NewPlaces()
	if err != nil {
		return nil, err
	}
	return &Registry{db: database, purposes: p, places: places, stores: kept.Of[schemas.Store](database, "store")}, nil
}

// put inserts (revision 0 and absent) or updates one noun and appends its
// change, in one transaction. also does what else belongs to it, knowing what was
// stored before, and may still change doc.
func put[T any](
	ctx context.Context, database *db.DB, by schemas.Principal, table, id string, doc *T, cols db.Columns,
	ifRevision int64, also func(ctx context.Context, tx *db.Tx, before T) error,
) (int64, error) {
	var revision int64
	err := database.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		revision, err = putIn(ctx, tx, by, table, id, doc, cols, ifRevision, also)
		return err
	})
	return revision, err
}

// putIn is put as a part of a transaction.
func putIn[T any](
	ctx context.Context, tx *db.Tx, by schemas.Principal, table, id string, doc *T, cols db.Columns,
	ifRevision int64, also func(ctx context.Context, tx *db.Tx, before T) error,
) (int64, error) {
	revision := int64(1)
	before, have, err := db.Get[T](ctx, tx, table, id)
	if also != nil && (err == nil || schemas.KindOf(err) == schemas.NotFound) {
		late := also(ctx, tx, before)
		if late != nil {
			return 0, late
		}
	}
	switch {
	case schemas.KindOf(err) == schemas.NotFound && ifRevision == 0:
		err = db.Insert(ctx, tx, table, id, *doc, cols)
	case err == nil && ifRevision == 0:
		return 0, schemas.Errorf(schemas.Conflict, id, "there is a %s %s already (revision %d)", table, id, have)
	case err == nil:
		revision, err = db.Update(ctx, tx, table, id, ifRevision, *doc, cols)
	}
	if err != nil {
		return 0, err
	}
	_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: table + "/" + id,
		Values: map[string]string{
			table:     id,
			"by":      string(by.Participant),
			"subject": by.Subject,
		}, Numbers: map[string]int64{"revision": revision}})
	return revision, err
}

// maxName bounds an issuer and a subject, in bytes: both together are looked up by.
const maxName = 1024

// notOneLine refuses a name that could pass for lines of ours on a terminal.
func notOneLine(subject, at, name string) error {
	return schemas.BadField(subject, at, "it holds control or direction characters, which no name here has: %.200s", schemas.Visible(name))
}

// PutParticipant makes (ifRevision 0) or changes a participant and its members.
// Errors: Denied unless by is an operator; Invalid; Conflict; Precondition.
func (r *Registry) PutParticipant(
	ctx context.Context, by schemas.Principal, p schemas.Participant, ifRevision int64,
) (schemas.Participant, error) {
	err := policy.Needs(by, schemas.RoleOperator, "change participants")
	if err != nil {
		return p, err
	}
	err = r.CheckParticipant(&p)
	if err != nil {
		return p, err
	}
	p.Revision, err = put(ctx, r.db, by, "participant", string(p.ID), &p, nil, ifRevision, members(&p))
	return p, err
}

// PutParticipantIn is PutParticipant as a part of a transaction. Whoever calls it has
// decided that by may do so.
func (r *Registry) PutParticipantIn(
	ctx context.Context, tx *db.Tx, by schemas.Principal, p schemas.Participant, ifRevision int64,
) (schemas.Participant, error) {
	err := r.CheckParticipant(&p)
	if err != nil {
		return p, err
	}
	p.Revision, err = putIn(ctx, tx, by, "participant", string(p.ID), &p, nil, ifRevision, members(&p))
	return p, err
}

// CheckParticipant brings a participant into its form. Errors: Invalid.
func (r *Registry) CheckParticipant(p *schemas.Participant) error {
	if !schemas.IsParticipantID(string(p.ID)) {
		return schemas.BadField("participant", "/id", "%q is neither a URL nor a did", p.ID)
	}
	p.Name = schemas.Normal(p.Name)
	if !schemas.IsLine(p.Name) {
		return notOneLine("participant", "/name", p.Name)
	}
	err := r.country("participant", p.Country)
	if err != nil {
		return err
	}
	err = checkNotify(p.Notify)
	if err != nil {
		return err
	}
	known := []schemas.Role{schemas.RoleProvider, schemas.RoleTrainer, schemas.RoleOfficer, schemas.RoleOperator}
	for i, role := range p.Roles {
		if !slices.Contains(known, role) {
			return schemas.BadField("participant", fmt.Sprintf("/roles/%d", i), "%q is not a role; there are %v", role, known)
		}
	}
	for i, m := range p.Members {
		if m.Issuer == "" || m.Subject == "" || !schemas.IsText(m.Issuer, maxName) || !schemas.IsText(m.Subject, maxName) {
			return schemas.BadField("participant", fmt.Sprintf("/members/%d", i),
				"issuer and subject of a member have 1 to %d bytes of text", maxName)
		}
		for _, role := range m.Roles {
			if !slices.Contains(p.Roles, role) {
				return schemas.BadField("participant", fmt.Sprintf("/members/%d/roles", i), "the participant itself does not have the role %s", role)
			}
		}
	}
	return nil
}

// members has the table of members say what the participant does.
func members(p *schemas.Participant) func(ctx context.Context, tx *db.Tx, before schemas.Participant) error {
	return func(ctx context.Context, tx *db.Tx, before schemas.Participant) error {
		p.Stopped, p.StopBy, p.StopAt, p.StopFor = before.Stopped, before.StopBy, before.StopAt, before.StopFor // only Unstop lifts a stop
		_, err := tx.Exec(ctx, `DELETE FROM member WHERE participant = ?`, string(p.ID))
		if err != nil {
			return fmt.Errorf("replace the members of %s: %w", p.ID, err)
		}
		for i, m := range p.Members {
			n := 0
			err := tx.QueryRow(ctx, `SELECT count(*) FROM member WHERE iss = ? AND sub = ?`, m.Issuer, m.Subject).Scan(&n)
			if err != nil {
				return fmt.Errorf("look up a member: %w", err)
			}
			if n > 0 {
				return schemas.BadField("participant", fmt.Sprintf("/members/%d", i),
					"%s of %s is a member of another participant", m.Subject, m.Issuer)
			}
			_, err = tx.Exec(
				ctx,
				`INSERT INTO member (iss, sub, participant, roles) VALUES (?, ?, ?, ?)`,
				m.Issuer, m.Subject, string(p.ID), joinRoles(m.Roles),
			)
			if err != nil {
				return fmt.Errorf("add a member: %w", err)
			}
		}
		return nil
	}
}

// checkNotify refuses an address at which nobody could be told.
func checkNotify(n *schemas.Notify) error {
	if n == nil {
		return nil
	}
	u, err := url.Parse(n.URL)
	local := err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
	if n.URL != "" && (err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !local)) {
		return schemas.BadField("participant", "/notify/url",
			"%q is not an address of a webhook: write https://, or http:// for one on this machine, without a password", n.URL)
	}
	if n.Mail != "" {
		a, err := mail.ParseAddress(n.Mail)
		if err != nil || a.Address != n.Mail {
			return schemas.BadField("participant", "/notify/mail", "%q is not an address of mail; write it like data@agronomy.example", n.Mail)
		}
	}
	return nil
}

// joinRoles is the form of roles in the record.
func joinRoles(roles []schemas.Role) string {
	s := make([]string, len(roles))
	for i, r := range roles {
		s[i] = string(r)
	}
	return strings.Join(s, ",")
}

// Participant finds one. Errors: NotFound.
func (r *Registry) Participant(ctx context.Context, id schemas.ParticipantID) (schemas.Participant, error) {
	p, revision, err := db.Get[schemas.Participant](ctx, r.db, "participant", string(id))
	p.Revision = revision
	return p, err
}

// MayAct says whether a caller's organisation may change anything here: nil, or Denied
// because the operator stopped it. What takes data away stays open all the same.
func (r *Registry) MayAct(ctx context.Context, by schemas.Principal) error {
	p, err := r.Participant(ctx, by.Participant)
	if err != nil || !p.Stopped {
		return err
	}
	return schemas.Refuse(string(p.ID), "participant.stopped", "the operator",
		"your organisation was stopped", "write to the operator; you may still read, revoke and withdraw")
}

// Participants lists them in the order of their ids.
func (r *Registry) Participants(ctx context.Context, after string, limit int) ([]schemas.Participant, string, error) {
	return list(ctx, r.db, "participant", "", nil, after, limit, func(p *schemas.Participant, revision int64) { p.Revision = revision })
}

// Member finds to which participant a user belongs, and with which roles: the
// participant's own word, which the table of members only leads to. Errors: NotFound
// for a user that no participant named; db.ErrAltered.
func (r *Registry) Member(ctx context.Context, issuer, subject string) (schemas.ParticipantID, []schemas.Role, error) {
	var id string
	err := r.db.QueryRow(ctx, `SELECT participant FROM member WHERE iss = ? AND sub = ?`, issuer, subject).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil, schemas.Errorf(schemas.NotFound, subject, "no participant has this member")
	}
	if err != nil {
		return "", nil, fmt.Errorf("look up the member: %w", err)
	}
	p, err := r.Participant(ctx, schemas.ParticipantID(id))
	if err != nil {
		return "", nil, err
	}
	i := slices.IndexFunc(p.Members, func(m schemas.Member) bool { return m.Issuer == issuer && m.Subject == subject })
	if i < 0 { // left meanwhile, or the row was written by somebody else
		return "", nil, schemas.Errorf(schemas.NotFound, subject, "no participant has this member")
	}
	return p.ID, p.Members[i].Roles, nil
}

// HasParticipant is described with HasFactory.
func (r *Registry) HasParticipant(ctx context.Context, id schemas.ParticipantID) (bool, error) {
	return found(r.Participant(ctx, id))
}

// found says whether something is there; an error is one only where that cannot be said.
func found[T any](_ T, err error) (bool, error) {
	if schemas.KindOf(err) == schemas.NotFound {
		return false, nil
	}
	return err == nil, err
}

// maxOutcome bounds the text of an outcome, in bytes.
const maxOutcome = 2000

// maxPartners bounds the partners of a project: each is judged with every request.
const maxPartners = 64

// picked lists what pick keeps of what where holds for; it walks as far as it must, so that neither pages nor
// cursors tell of the others.
func picked[T any](
	ctx context.Context, db *db.DB, table, where string, args []any, after string, limit int, set func(*T, int64),
	pick func(*T) (id string, keep bool),
) (out []T, next string, err error) {
	last := ""
	for {
		page, more, err := list(ctx, db, table, where, args, after, 1000, set)
		if err != nil {
			return nil, "", err
		}
		for i := range page {
			id, keep := pick(&page[i])
			if keep && len(out) == limit {
				return out, last, nil
			}
			if keep {
				out, last = append(out, page[i]), id
			}
		}
		after = more
		if more == "" {
			return out, "", nil
		}
	}
}

// list reads a page of a table's nouns with their revisions, in the order of their ids.
func list[T any](
	ctx context.Context, database *db.DB, table, where string, args []any, after string, limit int, set func(*T, int64),
) ([]T, string, error) {
	rows, next, err := db.List[T](ctx, database, table, where, args, after, limit)
	if err != nil {
		return nil, "", err
	}
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = r.Doc
		set(&out[i], r.Revision)
	}
	return out, next, nil
}
