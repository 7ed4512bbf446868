package catalog

import (
	"testing"

	"guichet/schemas"
)

// TestTried: what a description would come to is said with its profiles, quality and notes, by the checks of a
// registration and of a change; nothing is stored.
func TestTried(t *testing.T) {
	t.Parallel()
	c := newCatalog(t, checked(t))
	d := wheat(func(d *schemas.Dataset) { d.Notes = []string{"not kept: colour"} })
	would, err := c.TryRegister(d)
	must(t, err)
	if would.ID != "" || would.Revision != 0 || would.Quality == nil || would.Profiles == nil || len(would.Notes) != 1 {
		t.Errorf("%+v", would)
	}
	d.Title = nil
	_, err = c.TryRegister(d)
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("without a title: %v", err)
	}
	_, err = c.TryRegister(wheat(func(d *schemas.Dataset) { d.Offer = &schemas.Offer{} }))
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("with terms: %v", err)
	}
	have, err := c.Register(t.Context(), agronomy, wheat())
	must(t, err)
	other := wheat(func(d *schemas.Dataset) { d.Title = schemas.Text{"en": "Rye"} })
	would, err = c.TryChange(t.Context(), agronomy, have.ID, other, have.Revision)
	must(t, err)
	if would.ID != have.ID || would.IRI != have.IRI || would.Title["en"] != "Rye" || would.Quality == nil {
		t.Errorf("%+v", would)
	}
	_, err = c.TryChange(t.Context(), agronomy, have.ID, other, have.Revision+1)
	if schemas.KindOf(err) != schemas.Precondition {
		t.Errorf("another revision: %v", err)
	}
	_, err = c.TryChange(t.Context(), agronomy, have.ID, wheat(func(d *schemas.Dataset) { d.IRI = "urn:other" }), 0)
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("another IRI: %v", err)
	}
	_, err = c.TryChange(t.Context(), agronomy, "ds-none", other, 0)
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("no dataset: %v", err)
	}
	stored, err := c.Dataset(t.Context(), c.DB, have.ID)
	must(t, err)
	if stored.Title["en"] == "Rye" || stored.Revision != 1 {
		t.Errorf("stored: %+v", stored)
	}
	_, err = c.Withdraw(t.Context(), agronomy, have.ID, 0)
	must(t, err)
	_, err = c.TryChange(t.Context(), agronomy, have.ID, other, 0)
	if schemas.KindOf(err) != schemas.Gone {
		t.Errorf("withdrawn: %v", err)
	}
}
