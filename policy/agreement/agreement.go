package agreement

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gowebpki/jcs"

	"guichet/connectors/db"
	"guichet/connectors/db/newest"
	"guichet/policy/agreement/budget"
	"guichet/policy/party"
	"guichet/schemas"
)

// Agreements are those that stand, with what stands beside each: what was used of it and
// what its budgets still give. Every other type of this field reads an agreement through it.
// DB, Parties and Now are for reading. Safe for concurrent use.
type Agreements struct {
	DB      *db.DB
	Parties *party.Registry
	Now     func() time.Time
	judged  func() // of tests: between a decision and the transaction that stores it
}

// New makes Agreements; now nil is the clock.
func New(database *db.DB, parties *party.Registry, now func() time.Time) *Agreements {
	if now == nil {
		now = time.Now
	}
	return &Agreements{DB: database, Parties: parties, Now: now}
}

// Read gives an agreement as it stands now, to whoever asks: q is the transaction that
// rules on it, or the database where that is to be shown alone. Errors: NotFound,
// Unavailable for one that was edited behind the gateway.
func (s *Agreements) Read(ctx context.Context, q db.Querier, id schemas.AgreementID) (schemas.Agreement, error) {
	a, revision, err := db.Get[schemas.Agreement](ctx, q, "agreement", string(id))
	if err != nil {
		return a, err
	}
	return s.InForce(ctx, q, a, revision)
}

// InForce adds what stands beside an agreement's document.
func (s *Agreements) InForce(ctx context.Context, q db.Querier, a schemas.Agreement, revision int64) (schemas.Agreement, error) {
	id := a.ID
	err := q.QueryRow(ctx, `SELECT rows_used, bytes_used FROM agreement WHERE id = ?`, string(id)).Scan(&a.RowsUsed, &a.BytesUsed)
	if err != nil {
		return a, fmt.Errorf("read what agreement %s used: %w", id, err)
	}
	return s.Dated(a, revision), nil
}

// Dated gives an agreement's document as it stands at this hour.
func (s *Agreements) Dated(a schemas.Agreement, revision int64) schemas.Agreement {
	a.Revision = revision
	// Nobody writes that an agreement has ended by its own date: it is read from the date, so
	// that no clock has to be kept for it and no stream is a moment late.
	if a.State == schemas.AgreementActive && !s.Now().Before(a.Until) {
		a.State = schemas.AgreementEnded
	}
	return a
}

// MaySee says whether a caller may read an agreement: who asked for it, its provider, a
// partner whom its terms admit, and whoever oversees the site.
func MaySee(by schemas.Principal, a *schemas.Agreement) bool {
	return by.Participant != "" &&
		(a.Participant == by.Participant || a.Provider == by.Participant || slices.Contains(a.Partners, by.Participant)) ||
		Oversees(by)
}

// mayUse says whether an organisation opens streams under an agreement: the one that asked
// for it, or a partner whom the terms admit. Who may see it is another question: officers
// and operators see all, and use nothing of others.
func mayUse(who schemas.ParticipantID, a *schemas.Agreement) bool {
	return who != "" && (a.Participant == who || slices.Contains(a.Partners, who))
}

// CheckUse refuses a lease in hands that may not use an agreement.
func CheckUse(who schemas.ParticipantID, a *schemas.Agreement) error {
	if mayUse(who, a) {
		return nil
	}
	return schemas.Refuse(
		string(a.ID), "lease.partner", "the agreement", "your organisation is not one that may use the data under this agreement",
		"ask for the data yourself: POST /api/v1/requests",
	)
}

// Get finds one that the caller may see: a partner's, the provider's, an
// officer's or operator's. Errors: NotFound.
func (s *Agreements) Get(ctx context.Context, by schemas.Principal, id schemas.AgreementID) (schemas.Agreement, error) {
	err := SignedIn(by, string(id))
	if err != nil {
		return schemas.Agreement{}, err
	}
	a, err := s.Read(ctx, s.DB, id)
	if err == nil && !MaySee(by, &a) {
		return schemas.Agreement{}, schemas.Errorf(schemas.NotFound, string(id), "there is no agreement %s", id)
	}
	if err == nil {
		err = s.showLeft(ctx, &a)
	}
	return a, err
}

// showLeft adds what the budgets of an agreement still give.
func (s *Agreements) showLeft(ctx context.Context, a *schemas.Agreement) error {
	p, err := budget.Of(ctx, s.DB, a)
	a.Left = p.Shown()
	return err
}

// List lists what the caller may see, the newest first; dataset "" is every dataset, of "" the agreements of everybody.
func (s *Agreements) List(
	ctx context.Context, by schemas.Principal, dataset schemas.DatasetID, of schemas.ParticipantID, after string, limit int,
) ([]schemas.Agreement, string, error) {
	err := SignedIn(by, "agreements")
	if err != nil {
		return nil, "", err
	}
	where, args := "TRUE", []any{}
	if dataset != "" {
		where, args = where+" AND dataset = ?", append(args, string(dataset))
	}
	if of != "" {
		where, args = where+" AND participant = ?", append(args, string(of))
	}
	var rows []newest.Row[schemas.Agreement]
	var next string
	if Oversees(by) {
		rows, next, err = newest.List[schemas.Agreement](ctx, s.DB, "agreement", "made", where, args, after, limit)
	} else {
		args = append(args, string(by.Participant), string(by.Participant))
		own := "participant = ? OR provider = ?"
		rows, next, err = ListOfProjects[schemas.Agreement](ctx, s, by, "agreement", "made", where, own, args, after, limit)
	}
	if err != nil {
		return nil, "", err
	}
	out := []schemas.Agreement{}
	for _, row := range rows {
		a, err := s.Read(ctx, s.DB, schemas.AgreementID(row.ID))
		if err == nil {
			err = s.showLeft(ctx, &a)
		}
		if errors.Is(err, db.ErrAltered) { // logged; it rules nothing, and keeps nobody from the others
			continue
		}
		if err != nil {
			return nil, "", err
		}
		if MaySee(by, &a) { // not every partner of its project is one of its own
			out = append(out, a)
		}
	}
	return out, next, nil
}

// Conclude stores an agreement with its change. What it was decided on was looked at
// again in the same transaction (basis). rules are those that said yes.
func Conclude(ctx context.Context, tx *db.Tx, by schemas.Principal, a *schemas.Agreement, rules string) error {
	err := db.Insert(ctx, tx, "agreement", string(a.ID), a, db.Columns{
		"dataset": string(a.Dataset), "provider": string(a.Provider), "participant": string(a.Participant), "project": string(a.Project),
		"state": string(a.State), "until": a.Until.UnixMicro(), "rows_used": 0, "bytes_used": 0, "made": a.From.UnixMicro(),
	})
	if err != nil {
		return err
	}
	v := Values(a, by)
	v["permit"], v["decision"], v["rules"] = string(a.Permit), a.DecisionDigest, rules
	v["purpose"], v["action"], v["factory"] = a.Purpose, a.Action, string(a.Factory)
	v["terms"], err = TermsDigest(&a.Offer)
	if err != nil {
		return err
	}
	_, err = tx.Append(
		ctx,
		schemas.Change{Kind: schemas.ChangeAgreement, Subject: string(a.ID), Values: v, Numbers: map[string]int64{"until": a.Until.Unix()}},
	)
	return err
}

// TermsDigest is the SHA-256 of terms as canonical JSON [RFC 8785], in hex: what the record
// says of the terms of an agreement, so that whoever holds its offer can hold them
// against the record.
func TermsDigest(o *schemas.Offer) (string, error) {
	b, err := json.Marshal(o)
	if err == nil {
		b, err = jcs.Transform(b)
	}
	if err != nil {
		return "", fmt.Errorf("write the terms as canonical JSON: %w", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b)), nil
}
