package catalog

import (
	"reflect"
	"testing"

	"guichet/schemas"
)

// TestTellStored: what is remembered of a dataset is what checking it says, of its revision alone; a draft of it, and one
// that was withdrawn, are never answered from memory.
func TestTellStored(t *testing.T) {
	t.Parallel()
	c := newCatalog(t, checked(t))
	d := wheat(func(d *schemas.Dataset) { d.Space = "mobility" })
	got, err := c.Register(t.Context(), agronomy, d)
	must(t, err)
	both := func(d schemas.Dataset) (remembered, checked schemas.Dataset) {
		c.TellStored(&d)
		remembered = d
		c.TellProfiles(&d)
		return remembered, d
	}
	read := func() schemas.Dataset {
		d, err := c.Dataset(t.Context(), c.DB, got.ID)
		must(t, err)
		return d
	}
	for range 2 {
		if a, b := both(read()); !reflect.DeepEqual(a, b) || a.Quality == nil || a.Profiles.Wanted == "" {
			t.Errorf("%+v, not %+v", a.Profiles, b.Profiles)
		}
	}
	first := read()
	c.TellStored(&first)
	first.Profiles.Meets, first.Quality.Points = nil, 0 // it is the caller's own
	if a, b := both(read()); !reflect.DeepEqual(a, b) {
		t.Errorf("%+v, not %+v", a.Profiles, b.Profiles)
	}
	draft := read()
	draft.Revision, draft.Space = 0, "agriculture"
	if a, _ := both(draft); a.Profiles.Wanted != "" {
		t.Errorf("of a draft: %+v", a.Profiles)
	}
	d.Space = "agriculture"
	_, err = c.Change(t.Context(), agronomy, got.ID, d, 0)
	must(t, err)
	if a, b := both(read()); !reflect.DeepEqual(a, b) || a.Profiles.Wanted != "" {
		t.Errorf("changed: %+v, not %+v", a.Profiles, b.Profiles)
	}
	_, err = c.Withdraw(t.Context(), agronomy, got.ID, 0)
	must(t, err)
	if a, _ := both(read()); a.Profiles != nil || a.Quality != nil {
		t.Errorf("withdrawn: %+v", a.Profiles)
	}
}
