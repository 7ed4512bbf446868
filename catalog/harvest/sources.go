package harvest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Put makes a source, which is harvested at once, or changes what is said of one that is at a
// revision. Errors: Invalid, Conflict, Precondition, NotFound.
func (h *Harvester) Put(ctx context.Context, by schemas.Principal, s Catalogue, ifRevision int64) (Catalogue, error) {
	err := h.checkSource(&s)
	if err != nil {
		return s, err
	}
	err = h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if ifRevision == 0 {
			s.By, s.Added, s.Health, s.Removed, s.Revision = by.Participant, h.now(), Health{State: New, Next: h.now()}, false, 1
			err := db.Insert(ctx, tx, "source", string(s.ID), s, db.Columns{"due": s.due()["due"], "held": 0})
			if schemas.KindOf(err) == schemas.Conflict {
				return &schemas.Error{Kind: schemas.Conflict, Subject: string(s.ID), Message: fmt.Sprintf("there is a source %s already", s.ID),
					Remedy: "change it (If-Match, or --replace), or name this one otherwise"}
			}
			if err != nil {
				return err
			}
			return changed(ctx, tx, by, &s, "added")
		}
		have, revision, err := db.Get[Catalogue](ctx, tx, "source", string(s.ID))
		if err != nil {
			return unknown(s.ID, err)
		}
		if revision != ifRevision {
			return &schemas.Error{Kind: schemas.Precondition, Subject: string(s.ID),
				Message: fmt.Sprintf("the source is at revision %d, not %d", revision, ifRevision), Remedy: "read it again and repeat the change"}
		}
		s.By, s.Added, s.Health, s.Removed = have.By, have.Added, have.Health, have.Removed
		if s.URL != have.URL || s.Kind != have.Kind || s.Space != have.Space { // nothing that is known of its pages counts
			s.Health.Number, s.Health.Page, s.Health.Next = 0, "", h.now()
			s.Health.Follow, s.Health.Watch, s.Health.Feed = "", "", false
			s.Health.Agreed = false // it was to what another address had lost
			err = forgetPages(ctx, tx, s.ID)
			if err != nil {
				return err
			}
		}
		s.Revision, err = db.Update(ctx, tx, "source", string(s.ID), revision, s, s.due())
		if err != nil {
			return err
		}
		what := map[[2]bool]string{{false, true}: "paused", {true, false}: "goes on"}[[2]bool{have.Paused, s.Paused}]
		return changed(ctx, tx, by, &s, cmp.Or(what, "changed"))
	})
	return s, err
}

// changed puts what was done to a source into the record.
func changed(ctx context.Context, tx *db.Tx, by schemas.Principal, s *Catalogue, what string) error {
	_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeSource, Subject: string(s.ID), Values: map[string]string{
		"source": string(s.ID), "url": s.URL, "what": what, "by": string(by.Participant), "subject": by.Issuer + "#" + by.Subject,
	}})
	return err
}

func unknown(id schemas.SourceID, err error) error {
	if schemas.KindOf(err) == schemas.NotFound {
		return schemas.Errorf(schemas.NotFound, string(id), "there is no source %s", id)
	}
	return err
}

// Get finds a source. Errors: NotFound.
func (h *Harvester) Get(ctx context.Context, id schemas.SourceID) (Catalogue, error) {
	s, revision, err := db.Get[Catalogue](ctx, h.DB, "source", string(id))
	s.Revision = revision
	return s, unknown(id, err)
}

// List gives sources in the order of their ids, from the first after the one named.
func (h *Harvester) List(ctx context.Context, after string, limit int) ([]Catalogue, string, error) {
	rows, next, err := db.List[Catalogue](ctx, h.DB, "source", "", nil, after, limit)
	out := make([]Catalogue, len(rows))
	for i, r := range rows {
		out[i] = r.Doc
		out[i].Revision = r.Revision
	}
	return out, next, err
}

// Ask has a source harvested now. agree says that what is gone from it is withdrawn when all of
// it was read, however much that is. Errors: NotFound; Conflict for one that is being removed.
func (h *Harvester) Ask(ctx context.Context, by schemas.Principal, id schemas.SourceID, agree bool) (Catalogue, error) {
	return h.change(ctx, id, func(ctx context.Context, tx *db.Tx, s *Catalogue) error {
		if s.Removed {
			return schemas.Errorf(schemas.Conflict, string(id), "the source %s is being removed", id)
		}
		if s.Paused {
			return &schemas.Error{Kind: schemas.Conflict, Subject: string(id), Message: fmt.Sprintf("the source %s is paused", id),
				Remedy: "have it go on first (guichet source resume " + string(id) + ")"}
		}
		s.Health.Next, s.Health.Anew = h.now(), true
		if !agree {
			return nil
		}
		s.Health.Agreed = true
		return changed(ctx, tx, by, s, "agreed that what is gone is withdrawn")
	})
}

// forgetPages forgets what is known of the pages of a source.
func forgetPages(ctx context.Context, tx *db.Tx, id schemas.SourceID) error {
	for _, table := range []string{"source_page", "source_entity", "source_reference", "source_again", "source_kept"} {
		_, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE source = ?`, string(id))
		if err != nil {
			return fmt.Errorf("forget the pages of a source: %w", err)
		}
	}
	return nil
}

// Remove ends a source: its datasets are withdrawn, and then it is gone. Errors: NotFound.
func (h *Harvester) Remove(ctx context.Context, by schemas.Principal, id schemas.SourceID) (Catalogue, error) {
	return h.change(ctx, id, func(ctx context.Context, tx *db.Tx, s *Catalogue) error {
		if s.Removed {
			return nil
		}
		s.Removed, s.Health.Next = true, h.now()
		return changed(ctx, tx, by, s, "removed")
	})
}

// change changes a source in one transaction; it is due when its Health.Next says.
func (h *Harvester) change(
	ctx context.Context, id schemas.SourceID, do func(ctx context.Context, tx *db.Tx, s *Catalogue) error,
) (Catalogue, error) {
	var s Catalogue
	err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		s, _, err = db.Get[Catalogue](ctx, tx, "source", string(id))
		if err != nil {
			return unknown(id, err)
		}
		err = do(ctx, tx, &s)
		if err != nil {
			return err
		}
		s.Revision, err = db.Update(ctx, tx, "source", string(id), 0, s, s.due())
		return err
	})
	return s, err
}

// Refused lists the records of a source that are set aside, by their IRIs, from the first after
// the one named. Errors: NotFound.
func (h *Harvester) Refused(ctx context.Context, id schemas.SourceID, after string, limit int) (out []Refusal, next string, err error) {
	_, err = h.Get(ctx, id)
	if err != nil {
		return nil, "", err
	}
	rows, err := h.DB.Query(ctx, `SELECT iri, dataset, refused, page FROM harvested WHERE source = ? AND refused <> '' AND iri > ?
		ORDER BY iri LIMIT ?`, string(id), after, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list what a source was refused: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Refusal
		err = errors.Join(err, rows.Scan(&r.IRI, &r.Dataset, &r.Why, &r.Page))
		out = append(out, r)
	}
	err = errors.Join(err, rows.Err())
	if err != nil {
		return nil, "", fmt.Errorf("list what a source was refused: %w", err)
	}
	if len(out) > limit {
		out = out[:limit]
		next = out[limit-1].IRI
	}
	return out, next, nil
}

// why is an error's sentence with the address that it is about, and what helps.
func why(err error) string {
	s := message(err)
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return s
	}
	if strings.HasPrefix(e.Subject, "http") && !strings.Contains(s, e.Subject) {
		s = e.Subject + ": " + s
	}
	if e.Remedy != "" {
		s += " (" + e.Remedy + ")"
	}
	return kept(s)
}

// kept is a text about what a stranger sent, as a database keeps it and a terminal shows it.
func kept(s string) string {
	return bounded(strings.ToValidUTF8(schemas.Visible(s), "\uFFFD"), maxWhy)
}

// message is an error's sentence, with the fields that it names.
func message(err error) string {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return "it failed; the gateway's log says why"
	}
	s := e.Message
	for _, f := range e.Fields {
		if !strings.Contains(s, f.Message) {
			s += "; " + f.Pointer + ": " + f.Message
		}
	}
	return s
}
