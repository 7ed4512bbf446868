package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"guichet/connectors/db"
	"guichet/schemas"
)

// harvestedFrom refuses a change of a dataset that follows a catalogue of others: its
// description changes there, and terms and shards come only from who holds the data
// [decisions.md 7].
func harvestedFrom(d *schemas.Dataset) error {
	return &schemas.Error{
		Kind:    schemas.Conflict,
		Subject: string(d.ID),
		Message: fmt.Sprintf("%s is harvested from the source %s: what is said of it changes there, and its terms and data are its holder's",
			d.ID, d.Source),
		Remedy: "register a dataset of your own for what you hold; the operator ends a source by guichet source remove",
	}
}

// origin is the half of a dataset's key that says who brought it: its provider, or the source
// that it follows. No participant's id begins as a source's does.
func origin(d *schemas.Dataset) string {
	if d.Source != "" {
		return "source:" + string(d.Source)
	}
	return string(d.Provider)
}

// Harvested is what a source says of a dataset, checked, with the profiles that it meets.
type Harvested struct {
	d   schemas.Dataset
	err error
}

// CheckHarvested checks what a source says of a dataset. by is who answers for the source; the data space's own
// demands are for who registers. It may take a while and reads no tables: no transaction waits for it.
func (c *Catalog) CheckHarvested(by schemas.Principal, source schemas.SourceID, d schemas.Dataset) Harvested {
	d.Provider, d.Source, d.Visibility, d.VisibleTo = by.Participant, source, "", nil
	d.Offer, d.Latest, d.Withdrawn, d.Notes = nil, nil, false, nil
	err := c.check(&d)
	if err == nil && d.IRI == "" {
		err = schemas.BadField("dataset", "/iri", "the record has no IRI, by which it would be known again")
	}
	if err == nil {
		c.Profile(&d)
	}
	return Harvested{d, err}
}

// PutHarvested stores what a source says of a dataset, in a transaction of its harvest: a new
// one where id is "", or one that it brought before, also where that was withdrawn. changed says
// whether there was something to store. Errors: Invalid, and nothing is stored.
func (c *Catalog) PutHarvested(
	ctx context.Context, tx *db.Tx, by schemas.Principal, id schemas.DatasetID, in Harvested,
) (_ schemas.DatasetID, changed bool, err error) {
	d, err := in.d, in.err
	if err != nil {
		return id, false, err
	}
	if id == "" { // of a source that was removed and named again, it has its id again
		err = tx.QueryRow(ctx, `SELECT id FROM dataset WHERE origin = ? AND iri = ? AND withdrawn = 1`, origin(&d), d.IRI).Scan(&id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return "", false, fmt.Errorf("look up a record's dataset: %w", err)
		}
	}
	if id == "" {
		d.ID, d.Registered, d.Modified, d.Revision = schemas.NewDatasetID(), c.Now().UTC(), c.Now().UTC(), 1
		err = db.Insert(ctx, tx, "dataset", string(d.ID), d, Columns(&d))
		if schemas.KindOf(err) == schemas.Conflict {
			err = schemas.Errorf(schemas.Conflict, d.IRI, "the source has another record of this IRI, written with other characters for the same")
		}
		if err == nil {
			err = c.Changed(ctx, tx, by, schemas.ChangeDatasetPut, &d, nil)
		}
		if err != nil { // there is no dataset of that id
			return "", false, err
		}
		return d.ID, true, nil
	}
	have, err := c.Dataset(ctx, tx, id)
	if err != nil {
		return id, false, err
	}
	d.ID, d.Registered, d.Modified, d.Revision = have.ID, have.Registered, have.Modified, have.Revision
	if p, was := d.Profiles, have.Profiles; p != nil && was != nil && p.Wanted == was.Wanted && slices.Equal(p.Meets, was.Meets) {
		have.Profiles = p // other shapes that say the same are no change
	}
	if reflect.DeepEqual(d, have) {
		return id, false, nil
	}
	return id, true, c.save(ctx, tx, by, schemas.ChangeDatasetPut, &d, false)
}

// WithdrawHarvested takes away a dataset that its source has no more, in a transaction of the
// harvest. One that is withdrawn already stays so.
func (c *Catalog) WithdrawHarvested(
	ctx context.Context, tx *db.Tx, by schemas.Principal, source schemas.SourceID, id schemas.DatasetID,
) error {
	d, revision, altered, err := db.GetToEnd[schemas.Dataset](ctx, tx, "dataset", string(id))
	if altered { // it is taken away all the same, and goes on being refused
		tx.Distrust("dataset", string(id))
	}
	d.Revision = revision
	if err != nil || d.Withdrawn || d.Source != source {
		return err
	}
	d.Withdrawn = true
	return c.save(ctx, tx, by, schemas.ChangeDatasetGone, &d, false)
}
