package harvest

import (
	"context"
	"fmt"
	"slices"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Bounds of a feed.
const (
	maxDue      = 512      // datasets that are put together at the end of a page; where more are due, at the end of the feed
	maxEntities = 4 << 20  // that are kept of it
	maxKept     = 16 << 30 // characters of these
	levels      = 2        // how far what changes is part of others: a file of a dataset, a licence of a file
)

// due is an entity that is to be put together anew.
type due struct {
	iri        string
	levels, at int64
}

// roomy refuses a feed of which enough is kept.
func (h *Harvester) roomy(ctx context.Context, s *Catalogue) error {
	var entities, bytes int64
	err := h.DB.QueryRow(ctx, `SELECT coalesce(sum(entities), 0), coalesce(sum(bytes), 0) FROM source_kept WHERE source = ?`, string(s.ID)).
		Scan(&entities, &bytes)
	if err != nil {
		return fmt.Errorf("look how much of a feed is kept: %w", err)
	}
	if entities <= h.Entities && bytes <= maxKept {
		return nil
	}
	return &schemas.Error{
		Kind:    schemas.TooLarge,
		Subject: s.URL,
		Message: fmt.Sprintf("the feed has told of %d entities, with %d characters; no more than %d, and %d, are kept", entities, bytes,
			h.Entities, int64(maxKept)),
		Remedy: "what came before stays; ask for a feed of a part, or name the catalogue page by page",
	}
}

// isDue notes in a transaction that what is said of entities has changed.
func isDue(ctx context.Context, tx *db.Tx, s *Catalogue, iris []string, at int64) error {
	for _, iri := range iris {
		_, err := tx.Exec(ctx, `INSERT INTO source_again (source, iri, levels, at) VALUES (?, ?, ?, ?)
			ON CONFLICT (source, iri) DO UPDATE SET levels = excluded.levels, at = excluded.at`, string(s.ID), iri, levels, at)
		if err != nil {
			return fmt.Errorf("note what is due: %w", err)
		}
	}
	return nil
}

// many says whether so much is due that it is put together once, when all of the feed was read: one entity
// that many name has all of them put together anew, and may change on each page.
func (h *Harvester) many(ctx context.Context, s *Catalogue) (bool, error) {
	var n int
	err := h.DB.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM source_again WHERE source = ? LIMIT ?) d`, string(s.ID), maxDue+1).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("count what is due: %w", err)
	}
	return n > maxDue, nil
}

// settle puts together what is due: what was changed, and what names that, over one other in between. What is done
// is due no more; cut off, it goes on where it stood.
func (h *Harvester) settle(ctx context.Context, s *Catalogue) (c Counts, err error) {
	err = h.spread(ctx, s)
	for err == nil {
		var list []due
		list, err = h.dues(ctx, `SELECT iri, levels, at FROM source_again WHERE source = ? ORDER BY iri LIMIT ?`, string(s.ID), atATime)
		if err != nil || len(list) == 0 {
			return c, err
		}
		err = h.letSearchFollow(ctx)
		if err != nil {
			return c, err
		}
		var done Counts
		done, err = h.compose(ctx, s, list)
		c.add(done)
	}
	return c, err
}

// spread makes what names entities that changed due too.
func (h *Harvester) spread(ctx context.Context, s *Catalogue) error {
	for {
		list, err := h.dues(ctx, `SELECT iri, levels, at FROM source_again WHERE source = ? AND levels > 0 ORDER BY levels DESC, iri LIMIT ?`,
			string(s.ID), atATime)
		if err != nil || len(list) == 0 {
			return err
		}
		err = h.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, d := range list {
				_, err := tx.Exec(ctx, `INSERT INTO source_again (source, iri, levels, at) SELECT source, iri, ?, ? FROM source_reference
					WHERE source = ? AND target = ? ON CONFLICT (source, iri) DO UPDATE SET at = excluded.at,
					levels = CASE WHEN source_again.levels > excluded.levels THEN source_again.levels ELSE excluded.levels END`,
					d.levels-1, d.at, string(s.ID), d.iri)
				if err == nil {
					_, err = tx.Exec(ctx, `UPDATE source_again SET levels = 0 WHERE source = ? AND iri = ? AND levels = ?`, string(s.ID), d.iri, d.levels)
				}
				if err != nil {
					return fmt.Errorf("find what names an entity: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// compose puts datasets together and takes them over. What is no dataset is no record: a fault of it is mended.
func (h *Harvester) compose(ctx context.Context, s *Catalogue, list []due) (c Counts, err error) {
	var records []Record
	var others []string
	for _, d := range list {
		r, is, err := h.composed(ctx, s, d.iri)
		if err != nil {
			return c, err
		}
		if is {
			records = append(records, r)
		} else {
			others = append(others, d.iri)
		}
	}
	c, err = h.take(ctx, s, records, true)
	if err != nil {
		return c, err
	}
	return c, h.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, d := range list {
			_, err := tx.Exec(ctx, `DELETE FROM source_again WHERE source = ? AND iri = ? AND levels = 0 AND at = ?`, string(s.ID), d.iri, d.at)
			if err == nil && slices.Contains(others, d.iri) {
				_, err = tx.Exec(ctx, `DELETE FROM harvested WHERE source = ? AND iri = ? AND dataset = ''`, string(s.ID), d.iri)
			}
			if err != nil {
				return fmt.Errorf("note what is done: %w", err)
			}
		}
		return nil
	})
}

func (h *Harvester) dues(ctx context.Context, query string, args ...any) (out []due, err error) {
	rows, err := h.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("look for what is due: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d due
		err = rows.Scan(&d.iri, &d.levels, &d.at)
		if err != nil {
			break
		}
		out = append(out, d)
	}
	if err == nil {
		err = rows.Err()
	}
	return out, err
}

// keptSum counts anew what is kept of a feed.
func keptSum(ctx context.Context, tx *db.Tx, id schemas.SourceID) error {
	_, err := tx.Exec(ctx, `DELETE FROM source_kept WHERE source = ?`, string(id))
	if err == nil {
		_, err = tx.Exec(ctx, `INSERT INTO source_kept (source, entities, bytes)
			SELECT source, count(*), sum(length(doc)) FROM source_entity WHERE source = ? GROUP BY source`, string(id))
	}
	if err != nil {
		return fmt.Errorf("count what is kept of a feed: %w", err)
	}
	return nil
}
