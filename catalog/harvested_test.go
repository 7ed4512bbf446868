package catalog

import (
	"context"
	"strings"
	"testing"

	"guichet/connectors/db"
	"guichet/schemas"
)

// harvest puts what a source says, as its harvest would.
func harvest(t *testing.T, c *Catalog, id schemas.DatasetID, d schemas.Dataset) (_ schemas.DatasetID, changed bool, err error) {
	t.Helper()
	err = c.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		var err error
		id, changed, err = c.PutHarvested(ctx, tx, grid, id, c.CheckHarvested(grid, "portal", d))
		return err
	})
	return id, changed, err
}

// TestPutHarvested: what a source says is stored as its word alone, once, and comes back under its id.
func TestPutHarvested(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	said := schemas.Dataset{
		IRI: "https://portal.example/1", Space: "agriculture", Title: schemas.Text{"en": "Wheat"}, Provider: agronomy.Participant,
		Visibility: schemas.VisibleToOwn, Offer: &schemas.Offer{}, Notes: []string{"a note"}, Withdrawn: true, // not a source's to say
	}
	id, changed, err := harvest(t, c, "", said)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	got, err := c.Get(t.Context(), everyone, id)
	if err != nil || got.Source != "portal" || got.Provider != grid.Participant || got.Offer != nil || got.Notes != nil || got.Visibility != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, changed, err = harvest(t, c, id, said); err != nil || changed {
		t.Errorf("the same again: changed %v, %v", changed, err)
	}
	said.Title = schemas.Text{"en": "Rye"}
	if _, changed, err = harvest(t, c, id, said); err != nil || !changed {
		t.Errorf("another title: changed %v, %v", changed, err)
	}
	gone := func() error {
		return c.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return c.WithdrawHarvested(ctx, tx, grid, "portal", id) })
	}
	must(t, gone())
	must(t, gone()) // once more is nothing
	got, err = c.Dataset(t.Context(), c.DB, id)
	if err != nil || !got.Withdrawn || got.Revision != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	again, changed, err := harvest(t, c, id, said)
	got, _ = c.Get(t.Context(), everyone, id)
	if err != nil || !changed || again != id || got.Withdrawn || got.Title["en"] != "Rye" {
		t.Errorf("back: %+v, %v", got, err)
	}
}

// TestHarvestedFaults: what has a fault is refused with its place, and nothing is stored.
func TestHarvestedFaults(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	for place, d := range map[string]schemas.Dataset{
		"/title": {IRI: "https://portal.example/1", Space: "agriculture"},
		"/iri":   {Space: "agriculture", Title: schemas.Text{"en": "Wheat"}},
		"/space": {IRI: "https://portal.example/1", Title: schemas.Text{"en": "Wheat"}},
	} {
		_, _, err := harvest(t, c, "", d)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), place) {
			t.Errorf("%s: %v", place, err)
		}
	}
	head, err := c.DB.Head(t.Context())
	if err != nil || head != 0 {
		t.Errorf("%d changes, %v", head, err)
	}
}

// TestHarvestedIsNobodys: who answers for a source changes none of its datasets by hand.
func TestHarvestedIsNobodys(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	id, _, err := harvest(t, c, "", schemas.Dataset{IRI: "https://portal.example/1", Space: "agriculture", Title: schemas.Text{"en": "Wheat"}})
	must(t, err)
	_, err = c.Own(t.Context(), grid, id)
	if schemas.KindOf(err) != schemas.Conflict || !strings.Contains(err.Error(), "the source portal") {
		t.Errorf("%v, want Conflict", err)
	}
	err = c.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return c.WithdrawHarvested(ctx, tx, grid, "another", id) })
	got, _ := c.Get(t.Context(), everyone, id)
	if err != nil || got.Withdrawn {
		t.Errorf("another source withdrew it: %+v, %v", got, err)
	}
	own, err := c.Register(t.Context(), agronomy, wheat(func(d *schemas.Dataset) { d.IRI, d.Source = "https://portal.example/1", "portal" }))
	if err != nil || own.Source != "" {
		t.Errorf("whose it is: %+v, %v", own, err)
	}
	_, err = c.Register(t.Context(), agronomy, wheat(func(d *schemas.Dataset) { d.Licence, d.Source = "", "portal" }))
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("a caller who says a source is not spared what the space demands: %v", err)
	}
}
