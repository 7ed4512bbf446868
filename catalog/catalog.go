// Package catalog keeps datasets without knowing users: registration, offers, and the
// versions that catalog/publish makes.
//
// In: descriptions, offers, and what the caller may know to exist (schemas.Sight). Out:
// datasets and the manifests of their versions. Always: the registry is the truth and the
// index (catalog/index) a disposable copy that follows the change sequence; every fault of
// a description is named in one answer; nothing outside a Sight is shown. It never imports
// policy: whether an offer can be judged is a function that the wiring hands in.
package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/maypok86/otter/v2"

	"guichet/catalog/profile"
	"guichet/connectors/db"
	"guichet/schemas"
)

// Config is what a Catalog is made of.
type Config struct {
	DB         *db.DB
	Spaces     []schemas.SpaceProfile
	CheckOffer func(ctx context.Context, o *schemas.Offer, tables []schemas.TableInfo) error // Invalid when policy cannot judge it
	Profiles   *profile.Checker                                                              // of descriptions; nil: none are checked
	Now        func() time.Time
	MaxSets    int // datasets of a provider that are not withdrawn; 0: any number
}

// Catalog is the registry of datasets and their versions. Safe for concurrent use.
type Catalog struct {
	Config
	told *otter.Cache[revision, told] // of datasets as they are stored
}

// New makes a catalogue.
func New(c Config) *Catalog {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Catalog{Config: c, told: newTold()}
}

// notFound is the one answer for a dataset that is not there and one that is hidden.
func notFound(id string) error {
	return schemas.Errorf(schemas.NotFound, id, "there is no dataset %s", id)
}

// notYours refuses a dataset that another organisation has: one that the caller does not
// see word for word as one that is not there.
func notYours(by schemas.Principal, id schemas.DatasetID, d *schemas.Dataset) error {
	sight := schemas.Sight{Everyone: true, SignedIn: by.SignedIn(), Participant: by.Participant}
	if d.ID == "" || !sight.Sees(d) {
		return notFound(string(id))
	}
	return &schemas.Error{
		Kind:    schemas.NotFound,
		Subject: string(id),
		Message: fmt.Sprintf("%s is not a dataset of yours: it belongs to %s", id, d.Provider),
		Remedy:  "sign in for that organisation, or name one of your own",
	}
}

// Get finds a dataset that is in sight, with its offer and newest published
// version. Errors: NotFound, the same for hidden and for unknown ones.
func (c *Catalog) Get(ctx context.Context, sight schemas.Sight, id schemas.DatasetID) (schemas.Dataset, error) {
	d, err := c.Dataset(ctx, c.DB, id)
	if schemas.KindOf(err) == schemas.NotFound || err == nil && !sight.Sees(&d) {
		return schemas.Dataset{}, notFound(string(id))
	}
	return d, err
}

// Dataset reads a dataset whoever may see it, with its revision. q is the database or a
// transaction. Errors: NotFound, db.ErrAltered.
func (c *Catalog) Dataset(ctx context.Context, q db.Querier, id schemas.DatasetID) (schemas.Dataset, error) {
	d, revision, err := db.Get[schemas.Dataset](ctx, q, "dataset", string(id))
	if err != nil {
		return d, err
	}
	d.Revision = revision
	return d, nil
}

// Register stores a new dataset of the provider named in d. Errors: Invalid,
// Conflict when the provider has one with this IRI.
func (c *Catalog) Register(ctx context.Context, by schemas.Principal, d schemas.Dataset) (schemas.Dataset, error) {
	notes := d.Notes // told once, not kept
	d, err := c.fresh(d)
	if err != nil {
		return d, err
	}
	err = c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var other string
		var ended int
		err := tx.QueryRow(ctx, `SELECT id, withdrawn FROM dataset WHERE origin = ? AND iri = ?`, string(d.Provider), d.IRI).Scan(&other, &ended)
		if err == nil && ended != 0 { // the IRI is free again; only what is looked up by it changes, not the noun
			_, err = tx.Exec(ctx, `UPDATE dataset SET iri = ? WHERE id = ?`, "urn:guichet:withdrawn:"+other, other)
			if err != nil {
				return fmt.Errorf("free the IRI of a withdrawn dataset: %w", err)
			}
		} else if err == nil {
			return &schemas.Error{Kind: schemas.Conflict, Subject: other, Message: fmt.Sprintf("you have a dataset with the IRI %s already: %s",
				d.IRI, other), Remedy: "change that one, or give another iri"}
		}
		err = c.room(ctx, tx, d.Provider)
		if err == nil {
			err = theirs(ctx, tx, by, &d)
		}
		if err != nil {
			return err
		}
		c.Profile(&d)
		err = db.Insert(ctx, tx, "dataset", string(d.ID), d, Columns(&d))
		if err != nil {
			return err
		}
		return c.Changed(ctx, tx, by, schemas.ChangeDatasetPut, &d, nil)
	})
	d.Notes = notes
	c.TellProfiles(&d)
	return d, err
}

// Profile notes with a dataset that is about to be stored which profiles its description meets. What it
// lacks for others is not stored: it follows from the shapes that a gateway has (TellProfiles).
func (c *Catalog) Profile(d *schemas.Dataset) {
	d.Profiles, d.Quality, d.Facts = nil, nil, nil
	if c.Profiles != nil && !d.Withdrawn {
		d.Profiles = c.Profiles.Brief(d)
	}
}

// TellProfiles says which profiles a dataset meets by the shapes of this gateway, whatever
// is stored, what it lacks, and how good its description is.
func (c *Catalog) TellProfiles(d *schemas.Dataset) {
	d.Profiles, d.Quality, d.Facts = nil, nil, nil
	if c.Profiles != nil && !d.Withdrawn {
		d.Profiles, d.Quality = c.Profiles.Of(d), c.Profiles.Quality(d)
	}
}

// apart refuses terms beside a description, which would be lost in silence.
func apart() error {
	return schemas.BadField("dataset", "/offer", "the terms are put by themselves: PUT /datasets/{id}/offer, or guichet offer")
}

// Columns are the columns of a dataset's row beside its document: what it is looked up
// by.
func Columns(d *schemas.Dataset) db.Columns {
	withdrawn := 0
	if d.Withdrawn {
		withdrawn = 1
	}
	return db.Columns{"origin": origin(d), "iri": d.IRI, "provider": string(d.Provider), "withdrawn": withdrawn}
}

// Changed appends the change of a dataset to the change sequence, in the transaction
// that makes it. more are further values of the entry.
func (c *Catalog) Changed(
	ctx context.Context, tx *db.Tx, by schemas.Principal, kind string, d *schemas.Dataset, more map[string]string,
) error {
	v := map[string]string{
		"dataset":  string(d.ID),
		"provider": string(d.Provider),
		"by":       string(by.Participant),
		"subject":  by.Issuer + "#" + by.Subject,
	}
	if d.Source != "" {
		v["source"] = string(d.Source)
	}
	for k, s := range more {
		v[k] = s
	}
	state := schemas.VersionState(v["state"])
	if public(d) && (kind != schemas.ChangeVersion || state == schemas.VersionPublished || state == schemas.VersionWithdrawn) {
		v[visibleName] = visibleValue
	}
	_, err := tx.Append(ctx, schemas.Change{Kind: kind, Subject: string(d.ID), Values: v, Numbers: map[string]int64{"revision": d.Revision}})
	return err
}

// update changes a dataset of the caller's in one transaction. mayChange was
// checked by the caller's door through own.
func (c *Catalog) update(
	ctx context.Context, by schemas.Principal, id schemas.DatasetID, ifRevision int64, kind string,
	change func(ctx context.Context, tx *db.Tx, d *schemas.Dataset) error,
) (schemas.Dataset, error) {
	var d schemas.Dataset
	err := c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		altered := false
		d, err = c.Dataset(ctx, tx, id)
		if errors.Is(err, db.ErrAltered) && kind == schemas.ChangeDatasetGone { // it is taken away all the same, and goes on being refused
			d, d.Revision, altered, err = db.GetToEnd[schemas.Dataset](ctx, tx, "dataset", string(id))
		}
		if altered {
			tx.Distrust("dataset", string(id))
		}
		if schemas.KindOf(err) == schemas.NotFound || err == nil && d.Provider != by.Participant {
			return notYours(by, id, &d)
		}
		if err != nil {
			return err
		}
		if d.Withdrawn {
			return WithdrawnError(id)
		}
		if d.Source != "" {
			return harvestedFrom(&d)
		}
		was := public(&d) // who knew of it is to know that it is gone
		err = at(&d, ifRevision)
		if err != nil {
			return err
		}
		before, err := json.Marshal(d)
		if err == nil {
			err = change(ctx, tx, &d)
		}
		if err != nil {
			return err
		}
		after, err := json.Marshal(d)
		if err != nil {
			return fmt.Errorf("compare a dataset with what stands: %w", err)
		}
		if bytes.Equal(before, after) {
			d.Notes = []string{Same}
			return nil
		}
		return c.save(ctx, tx, by, kind, &d, was)
	})
	return d, err
}

// Same is the note of a change that changes nothing: there is no new revision of it, and nobody is told.
const Same = "nothing is other than it was: there is no new revision"

// WithdrawnError refuses what a withdrawn dataset has no use for.
func WithdrawnError(id schemas.DatasetID) error {
	return &schemas.Error{
		Kind:    schemas.Gone,
		Subject: string(id),
		Message: "the dataset was withdrawn",
		Remedy:  "register it again, under the same iri if you like: it gets a new id (guichet register)",
	}
}

// save writes a changed dataset with its change. wasPublic says that everybody knew of it.
func (c *Catalog) save(ctx context.Context, tx *db.Tx, by schemas.Principal, kind string, d *schemas.Dataset, wasPublic bool) error {
	d.Modified = c.Now().UTC()
	if d.Source == "" {
		c.Profile(d)
	}
	revision, err := db.Update(ctx, tx, "dataset", string(d.ID), d.Revision, d, Columns(d))
	if err != nil {
		return err
	}
	d.Revision = revision
	var more map[string]string
	if wasPublic {
		more = map[string]string{visibleName: visibleValue}
	}
	return c.Changed(ctx, tx, by, kind, d, more)
}

// Change replaces the description of a dataset; id, provider, offer, versions and the
// columns that these have stay. Errors: NotFound, Invalid, Precondition, Gone.
func (c *Catalog) Change(
	ctx context.Context, by schemas.Principal, id schemas.DatasetID, d schemas.Dataset, ifRevision int64,
) (schemas.Dataset, error) {
	d.Provider, d.Source = by.Participant, "" // not the caller's word
	err := c.check(&d)
	if err != nil {
		return d, err
	}
	_, latest, err := c.ownWithLatest(ctx, by, id)
	if err != nil {
		return d, err
	}
	return c.update(ctx, by, id, ifRevision, schemas.ChangeDatasetPut, func(ctx context.Context, _ *db.Tx, have *schemas.Dataset) error {
		return c.describe(ctx, have, d, &latest)
	})
}

// describe puts a description that was checked in the place of the one that a dataset has; latest is its newest
// version.
func (c *Catalog) describe(ctx context.Context, have *schemas.Dataset, d schemas.Dataset, latest *schemas.Version) error {
	if have.Latest != nil && have.Latest.Version != latest.Version {
		return &schemas.Error{
			Kind:    schemas.Precondition,
			Subject: string(have.ID),
			Message: fmt.Sprintf("version %s was published meanwhile", have.Latest.Version),
			Remedy:  "repeat the change",
		}
	}
	if d.IRI != "" && d.IRI != have.IRI {
		return schemas.BadField("dataset", "/iri", "the IRI of a registered dataset stays; register another one")
	}
	if d.Offer != nil && !reflect.DeepEqual(d.Offer, have.Offer) {
		return apart()
	}
	d.ID, d.IRI, d.Registered, d.Offer, d.Latest, d.Revision, d.Notes = have.ID, have.IRI, have.Registered, have.Offer, have.Latest,
		have.Revision, nil
	d.Modified, d.Profiles, d.Quality, d.Facts, d.Content = have.Modified, have.Profiles, nil, nil, nil // it says itself what they are
	*have = d
	AddColumns(have, latest)
	if have.Offer != nil { // columns may have gone that its duties name
		return c.CheckOffer(ctx, have.Offer, have.Tables)
	}
	return nil
}

// PutOffer sets the terms of a dataset. They bind new agreements; old ones keep
// theirs [decisions.md 29]. Errors: NotFound, Invalid, Precondition, Gone.
func (c *Catalog) PutOffer(
	ctx context.Context, by schemas.Principal, id schemas.DatasetID, o schemas.Offer, ifRevision int64,
) (schemas.Dataset, error) {
	return c.update(ctx, by, id, ifRevision, schemas.ChangeDatasetOffer, func(ctx context.Context, _ *db.Tx, have *schemas.Dataset) error {
		err := c.CheckOffer(ctx, &o, have.Tables)
		if err != nil {
			return err
		}
		for i := range o.Rules {
			if o.Rules[i].ID == "" {
				o.Rules[i].ID = fmt.Sprintf("offer §%d", i+1)
			}
		}
		have.Offer = &o
		return nil
	})
}

// Withdraw ends a dataset: it is found no more and gives no new agreements.
// Errors: NotFound, Precondition, Gone.
func (c *Catalog) Withdraw(ctx context.Context, by schemas.Principal, id schemas.DatasetID, ifRevision int64) (schemas.Dataset, error) {
	return c.update(ctx, by, id, ifRevision, schemas.ChangeDatasetGone, func(ctx context.Context, tx *db.Tx, have *schemas.Dataset) error {
		have.Withdrawn = true
		_, err := tx.Exec(ctx, `DELETE FROM distribution WHERE dataset = ?`, string(id)) // catalog/publish/distribution
		return err
	})
}

// OwnToEnd is Own for what takes data away: also a dataset that is not stored as it was
// recorded.
func (c *Catalog) OwnToEnd(ctx context.Context, by schemas.Principal, id schemas.DatasetID) (schemas.Dataset, error) {
	d, revision, _, err := db.GetToEnd[schemas.Dataset](ctx, c.DB, "dataset", string(id))
	if schemas.KindOf(err) == schemas.NotFound || err == nil && (by.Participant == "" || d.Provider != by.Participant) {
		return schemas.Dataset{}, notYours(by, id, &d)
	}
	d.Revision = revision
	return d, err
}

// Own finds a dataset of the provider's own. Errors: NotFound.
func (c *Catalog) Own(ctx context.Context, by schemas.Principal, id schemas.DatasetID) (schemas.Dataset, error) {
	d, err := c.Dataset(ctx, c.DB, id)
	if schemas.KindOf(err) == schemas.NotFound || err == nil && (by.Participant == "" || d.Provider != by.Participant) {
		return schemas.Dataset{}, notYours(by, id, &d)
	}
	if err == nil && d.Source != "" {
		return schemas.Dataset{}, harvestedFrom(&d)
	}
	return d, err
}
