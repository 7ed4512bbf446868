package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// What harvesters of others take over from here: datasets that everybody may know of and that
// were registered here. Those that were harvested are their own catalogue's to give away, so
// that no description goes round in circles [decisions.md 7].

// Everybody may know of a change whose entry in the record has this value under this name. Nobody else's
// changes move what harvesters see.
const (
	visibleName  = "visible"
	visibleValue = "everyone"
)

// public says whether harvesters may have a dataset.
func public(d *schemas.Dataset) bool {
	return d.Source == "" && !d.Withdrawn && (schemas.Sight{Everyone: true}).Sees(d)
}

// PublicChange is that a public dataset was registered or changed, or is public no more.
type PublicChange struct {
	Position int64 // in the change sequence
	At       time.Time
	ID       schemas.DatasetID
	Dataset  *schemas.Dataset // as it stands now; nil where it is public no more
}

// Public gives public datasets in the order of their ids, from the first after the one named:
// at most limit, and fewer only at the end. One that is not stored as it was recorded is left
// out.
func (c *Catalog) Public(ctx context.Context, after schemas.DatasetID, limit int) ([]schemas.Dataset, error) {
	var out []schemas.Dataset
	for len(out) < limit {
		ids, err := c.registered(ctx, after, limit)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			after = id
			d, err := c.publicNow(ctx, id)
			if err != nil {
				return nil, err
			}
			if d != nil && len(out) < limit {
				out = append(out, *d)
			}
		}
		if len(ids) < limit {
			break
		}
	}
	return out, nil
}

// registered lists datasets that are registered here and not withdrawn.
func (c *Catalog) registered(ctx context.Context, after schemas.DatasetID, limit int) (out []schemas.DatasetID, err error) {
	rows, err := c.DB.Query(ctx, `SELECT id FROM dataset WHERE id > ? AND withdrawn = 0 AND origin NOT LIKE 'source:%' ORDER BY id LIMIT ?`,
		string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list datasets: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id schemas.DatasetID
		err = errors.Join(err, rows.Scan(&id))
		out = append(out, id)
	}
	return out, errors.Join(err, rows.Err())
}

// publicNow reads a dataset if it is public; nil where it is not.
func (c *Catalog) publicNow(ctx context.Context, id schemas.DatasetID) (*schemas.Dataset, error) {
	d, err := c.Dataset(ctx, c.DB, id)
	if schemas.KindOf(err) == schemas.NotFound || errors.Is(err, db.ErrAltered) || err == nil && !public(&d) {
		return nil, nil
	}
	return &d, err
}

// PublicChanges gives the changes of public datasets after a position of the change sequence,
// in order, at most limit; of several of one dataset among them the last.
func (c *Catalog) PublicChanges(ctx context.Context, after int64, limit int) ([]PublicChange, error) {
	changes, err := c.visible(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	last := map[schemas.DatasetID]int64{}
	for _, ch := range changes {
		last[ch.ID] = ch.Position
	}
	out := changes[:0]
	for _, ch := range changes {
		if last[ch.ID] != ch.Position {
			continue
		}
		ch.Dataset, err = c.publicNow(ctx, ch.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, ch)
	}
	return out, nil
}

func (c *Catalog) visible(ctx context.Context, after int64, limit int) (out []PublicChange, err error) {
	rows, err := c.DB.Query(ctx, `SELECT c.position, c.at, c.subject FROM change_value v JOIN change c ON c.position = v.position
		WHERE v.name = ? AND substr(v.value, 1, 200) = ? AND v.position > ? ORDER BY v.position LIMIT ?`,
		visibleName, visibleValue, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list changes of datasets: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var ch PublicChange
		var at int64
		err = errors.Join(err, rows.Scan(&ch.Position, &at, &ch.ID))
		ch.At = time.UnixMicro(at).UTC()
		out = append(out, ch)
	}
	return out, errors.Join(err, rows.Err())
}

// LastPublicChange is the position of the newest change of a public dataset; -1 where there is
// none.
func (c *Catalog) LastPublicChange(ctx context.Context) (int64, error) {
	var n int64
	err := c.DB.QueryRow(ctx, `SELECT coalesce(max(position), -1) FROM change_value WHERE name = ? AND substr(value, 1, 200) = ?`,
		visibleName, visibleValue).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("look for the newest change of a dataset: %w", err)
	}
	return n, nil
}
