package catalog

import (
	"context"
	"fmt"

	"guichet/schemas"
)

// What a description would come to, before it is sent: the same checks, and nothing is written.

// fresh is a description as it is registered: checked, with an id of its own. Errors: Invalid.
func (c *Catalog) fresh(d schemas.Dataset) (schemas.Dataset, error) {
	d.Source = "" // not the caller's word
	err := c.check(&d)
	if err != nil {
		return d, err
	}
	if d.Offer != nil {
		return d, apart()
	}
	d.ID = schemas.NewDatasetID()
	if d.IRI == "" {
		d.IRI = "urn:guichet:dataset:" + string(d.ID)
	}
	d.Registered, d.Revision, d.Offer, d.Latest, d.Withdrawn, d.Notes = c.Now().UTC(), 1, nil, nil, false, nil
	d.Modified = d.Registered
	return d, nil
}

// TryRegister says what Register would store, with the profiles that it meets and its quality. What others have
// registered is not looked at: an IRI may turn out to be taken. Errors: Invalid.
func (c *Catalog) TryRegister(d schemas.Dataset) (schemas.Dataset, error) {
	said, notes := d.IRI, d.Notes
	d, err := c.fresh(d)
	if err != nil {
		return d, err
	}
	c.TellProfiles(&d)
	d.ID, d.IRI, d.Revision, d.Notes = "", said, 0, notes // there is none yet
	return d, nil
}

// TryChange says what Change would store, likewise. Errors: as Change.
func (c *Catalog) TryChange(
	ctx context.Context, by schemas.Principal, id schemas.DatasetID, d schemas.Dataset, ifRevision int64,
) (schemas.Dataset, error) {
	d.Provider, d.Source = by.Participant, "" // not the caller's word
	notes := d.Notes
	err := c.check(&d)
	if err != nil {
		return d, err
	}
	have, latest, err := c.ownWithLatest(ctx, by, id)
	if err == nil && have.Withdrawn {
		err = WithdrawnError(id)
	}
	if err == nil {
		err = at(&have, ifRevision)
	}
	if err == nil {
		err = c.describe(ctx, &have, d, &latest)
	}
	if err != nil {
		return d, err
	}
	c.TellProfiles(&have)
	have.Notes = notes
	return have, nil
}

// ownWithLatest finds a dataset of the provider's own with its newest version. Errors: NotFound.
func (c *Catalog) ownWithLatest(ctx context.Context, by schemas.Principal, id schemas.DatasetID) (schemas.Dataset, schemas.Version, error) {
	var latest schemas.Version
	d, err := c.Own(ctx, by, id)
	if err == nil && d.Latest != nil {
		latest, err = c.Manifest(ctx, id, d.Latest.Version)
	}
	return d, latest, err
}

// at holds a dataset against the revision that its change is meant for; 0 is any. Errors: Precondition.
func at(d *schemas.Dataset, revision int64) error {
	if revision == 0 || revision == d.Revision {
		return nil
	}
	return &schemas.Error{
		Kind:    schemas.Precondition,
		Subject: string(d.ID),
		Message: fmt.Sprintf("the dataset is at revision %d, not %d", d.Revision, revision),
		Remedy:  "read it again and repeat the change",
	}
}
