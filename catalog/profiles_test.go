package catalog

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"guichet/catalog/profile"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// checked has a registry check descriptions by the profiles of a set.
func checked(t *testing.T, more ...spaces.Folder) func(c *Config) {
	t.Helper()
	set, err := spaces.Load(more...)
	must(t, err)
	profiles, err := profile.New(set)
	must(t, err)
	return func(c *Config) { c.Spaces, c.Profiles = set.Spaces, profiles }
}

// TestProfilesAreSaid: a registration and a change say what the description meets and lacks; what it
// lacks is not stored, and refuses nothing.
func TestProfilesAreSaid(t *testing.T) {
	t.Parallel()
	c := newCatalog(t, checked(t))
	d := wheat(func(d *schemas.Dataset) {
		d.Space = "mobility"
		d.Profiles = &schemas.Profiled{Meets: []string{"everything/1"}} // not the caller's word
	})
	got, err := c.Register(t.Context(), agronomy, d)
	must(t, err)
	p := got.Profiles
	if p == nil || !slices.Equal(p.Meets, []string{"dcat-ap/3.0.1"}) || p.Wanted != "mobilitydcat-ap/1.1.0" || p.Shapes != c.Profiles.Digest() {
		t.Fatalf("%+v", p)
	}
	if !slices.Contains(p.Missing, "mobilitydcatap:mobilityTheme is missing: an IRI is wanted") {
		t.Errorf("%q", p.Missing)
	}
	if q := got.Quality; q == nil || q.Points == 0 || len(q.Raise) != 3 {
		t.Errorf("%+v", q)
	}
	stored, err := c.Dataset(t.Context(), c.DB, got.ID)
	must(t, err)
	if stored.Quality != nil || stored.Profiles == nil || stored.Profiles.Missing != nil || !slices.Equal(stored.Profiles.Meets, p.Meets) {
		t.Errorf("stored: %+v", stored.Profiles)
	}
	d.Space = "agriculture"
	got, err = c.Change(t.Context(), agronomy, got.ID, d, 0)
	must(t, err)
	if got.Profiles == nil || got.Profiles.Wanted != "" || !slices.Equal(got.Profiles.Meets, []string{"dcat-ap/3.0.1"}) {
		t.Errorf("changed: %+v", got.Profiles)
	}
	got, err = c.Withdraw(t.Context(), agronomy, got.ID, 0)
	must(t, err)
	if got.Profiles != nil {
		t.Errorf("withdrawn: %+v", got.Profiles)
	}
}

// TestProfilesWithoutChecker: a registry without profiles says nothing of them.
func TestProfilesWithoutChecker(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	got, err := c.Register(t.Context(), agronomy, wheat(func(d *schemas.Dataset) { d.Profiles = &schemas.Profiled{Meets: []string{"x/1"}} }))
	must(t, err)
	if got.Profiles != nil {
		t.Errorf("%+v", got.Profiles)
	}
}

// TestOtherShapes: a gateway with other shapes tells what is met by its own, whatever is stored.
func TestOtherShapes(t *testing.T) {
	t.Parallel()
	c := newCatalog(t, checked(t))
	got, err := c.Register(t.Context(), agronomy, wheat())
	must(t, err)
	stored, err := c.Dataset(t.Context(), c.DB, got.ID)
	must(t, err)
	stored.Profiles = &schemas.Profiled{Shapes: "an older one", Meets: []string{"gone/1"}}
	c.TellProfiles(&stored)
	if !slices.Equal(stored.Profiles.Meets, []string{"dcat-ap/3.0.1"}) || stored.Profiles.Shapes != c.Profiles.Digest() {
		t.Errorf("%+v", stored.Profiles)
	}
}

// TestHarvestedProfiles: a harvested record is checked too; the same record, and the same findings by other
// shapes, are no change.
func TestHarvestedProfiles(t *testing.T) {
	t.Parallel()
	c := newCatalog(t, checked(t))
	said := schemas.Dataset{IRI: "https://portal.example/1", Space: "health", Title: schemas.Text{"en": "Beds"}}
	id, changed, err := harvest(t, c, "", said)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	got, err := c.Dataset(t.Context(), c.DB, id)
	must(t, err)
	if got.Profiles == nil || got.Profiles.Wanted != "healthdcat-ap/release-8" || got.Profiles.Missing != nil {
		t.Errorf("%+v", got.Profiles)
	}
	if _, changed, err = harvest(t, c, id, said); err != nil || changed {
		t.Errorf("the same again: changed %v, %v", changed, err)
	}
	before := c.Profiles.Digest()
	checked(t, spaces.Folder{Name: "more", FS: drones()})(&c.Config)
	if c.Profiles.Digest() == before {
		t.Fatal("the shapes are the same")
	}
	if _, changed, err = harvest(t, c, id, said); err != nil || changed {
		t.Errorf("by other shapes: changed %v, %v", changed, err)
	}
}

// TestFolderIsRequired: what a space of an operator's folder demands refuses, as that of the others.
func TestFolderIsRequired(t *testing.T) {
	t.Parallel()
	c := newCatalog(t, checked(t, spaces.Folder{Name: "more", FS: drones()}))
	d := wheat(func(d *schemas.Dataset) { d.Space, d.Licence = "drones", "" })
	_, err := c.Register(t.Context(), agronomy, d)
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "faults") {
		t.Errorf("without a licence: %v", err)
	}
	d.Licence = "CC-BY-4.0"
	got, err := c.Register(t.Context(), agronomy, d)
	must(t, err)
	if got.Profiles == nil || !slices.Equal(got.Profiles.Meets, []string{"dcat-ap/3.0.1"}) {
		t.Errorf("%+v", got.Profiles)
	}
}

// drones is a space of an operator's, whose profile is that of all.
func drones() fstest.MapFS {
	return fstest.MapFS{
		"drones/profile.json": {Data: []byte(`{"id": "drones", "title": {"en": "Drones"}, "required": ["title", "licence"],
			"profiles": ["dcat-ap/3.0.1"]}`)},
		"drones/baseline.rego": {Data: []byte("package guichet.space.drones\n\nfindings(_, _) := set()\n")},
	}
}
