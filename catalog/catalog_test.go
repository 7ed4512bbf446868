package catalog

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

var (
	agronomy = schemas.Principal{Issuer: "https://login.example", Subject: "ann", Participant: "https://agronomy.example"}
	grid     = schemas.Principal{Issuer: "https://login.example", Subject: "gus", Participant: "https://grid.example"}
)

// everyone and signedIn are what a stranger and a caller of no organisation see.
var (
	everyone = schemas.Sight{Everyone: true}
	signedIn = schemas.Sight{Everyone: true, SignedIn: true}
)

func of(by schemas.Principal) schemas.Sight {
	return schemas.Sight{Everyone: true, SignedIn: true, Participant: by.Participant}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newCatalog makes a registry; every offer can be judged but one that says nothing.
func newCatalog(t *testing.T, change ...func(c *Config)) *Catalog {
	t.Helper()
	spaces, err := spaces.Profiles()
	must(t, err)
	c := Config{
		DB:     dbtest.Open(t, dbtest.SQLite),
		Spaces: spaces,
		CheckOffer: func(_ context.Context, o *schemas.Offer, tables []schemas.TableInfo) error {
			for i, r := range o.Rules {
				for j, d := range r.Duties {
					for _, column := range d.Columns {
						known := func(f schemas.Field) bool { return f.Name == column }
						if !slices.ContainsFunc(tables, func(x schemas.TableInfo) bool { return slices.ContainsFunc(x.Fields, known) }) {
							return schemas.BadField("offer", fmt.Sprintf("/rules/%d/duties/%d/columns", i, j), "there is no column %q", column)
						}
					}
				}
			}
			return nil
		},
	}
	for _, f := range change {
		f(&c)
	}
	return New(c)
}

func wheat(change ...func(d *schemas.Dataset)) schemas.Dataset {
	d := schemas.Dataset{
		Title:       schemas.Text{"en": "Wheat"},
		Description: schemas.Text{"en": "Yields of plots."},
		Space:       "agriculture",
		Provider:    agronomy.Participant,
		Licence:     "CC-BY-4.0",
		Countries:   []string{"FR"},
	}
	for _, f := range change {
		f(&d)
	}
	return d
}

// version puts a published version as catalog/publish would.
func (c *Catalog) version(t *testing.T, id schemas.DatasetID, name schemas.VersionID, state schemas.VersionState, columns ...string) {
	t.Helper()
	v := schemas.Version{Dataset: id, VersionSummary: schemas.VersionSummary{Version: name, State: state, Started: time.Now().UTC()}}
	table := schemas.Table{Name: "plots"}
	for _, column := range columns {
		table.Columns = append(table.Columns, schemas.TableColumn{Name: column, Type: "int64"})
	}
	v.Data = []schemas.Table{table}
	must(t, c.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		err := db.Insert(
			ctx,
			tx,
			"version",
			VersionKey(id, name),
			v,
			db.Columns{"dataset": string(id), "state": string(state), "started": v.Started.UnixMicro(), "ask": "{}", "shards": "{}"},
		)
		if err != nil {
			return err
		}
		d, err := c.Dataset(ctx, tx, id)
		if err != nil || state != schemas.VersionPublished {
			return errors.Join(err, c.Changed(ctx, tx, agronomy, schemas.ChangeVersion, &d, map[string]string{"version": string(name)}))
		}
		d.Latest = &v.VersionSummary
		AddColumns(&d, &v)
		_, err = db.Update(ctx, tx, "dataset", string(id), d.Revision, d, Columns(&d))
		if err != nil {
			return err
		}
		return c.Changed(ctx, tx, agronomy, schemas.ChangeVersion, &d, map[string]string{"version": string(name), "state": string(state)})
	}))
}

// TestRegister: a dataset is as it was described, with an id and an IRI of its own; what
// only the registry says is not taken from the description.
func TestRegister(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
		c := newCatalog(t, func(c *Config) { c.DB, c.Now = database, func() time.Time { return now } })
		d, err := c.Register(t.Context(), agronomy, wheat(func(d *schemas.Dataset) {
			d.ID, d.Revision, d.Withdrawn, d.Latest, d.Notes = "ds-mine", 9, true, &schemas.VersionSummary{
				Version: "v9",
			}, []string{
				"dct:spatial: read as FR",
			}
			d.Countries, d.Languages = []string{"France"}, []string{"http://publications.europa.eu/resource/authority/language/FRA"}
		}))
		must(t, err)
		if d.ID == "ds-mine" || d.IRI != "urn:guichet:dataset:"+string(d.ID) || d.Revision != 1 || d.Withdrawn || d.Latest != nil ||
			!d.Registered.Equal(now) {
			t.Errorf("registered is %+v", d)
		}
		if !reflect.DeepEqual(d.Notes, []string{"dct:spatial: read as FR"}) {
			t.Errorf("what was read is not told: %q", d.Notes)
		}
		got, err := c.Get(t.Context(), everyone, d.ID)
		if err != nil || got.Notes != nil || got.Title["en"] != "Wheat" || !reflect.DeepEqual(got.Countries, []string{"FR"}) ||
			!reflect.DeepEqual(got.Languages, []string{"fr"}) {
			t.Errorf("kept is %+v, %v", got, err)
		}
		_, err = c.Register(t.Context(), agronomy, wheat(func(d *schemas.Dataset) { d.Offer = &schemas.Offer{} }))
		e, ok := errors.AsType[*schemas.Error](err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Pointer != "/offer" {
			t.Errorf("terms in a description: %v", err)
		}
	})
}

// TestIRIs: an IRI is one dataset for whoever sees it: of the same provider only when the
// other one was withdrawn, of another provider only when that one is hidden.
func TestIRIs(t *testing.T) {
	c := newCatalog(t)
	named := func(provider schemas.Principal, iri string, see schemas.Visibility) (schemas.Dataset, error) {
		return c.Register(
			t.Context(),
			provider,
			wheat(func(d *schemas.Dataset) { d.IRI, d.Visibility, d.Provider = iri, see, provider.Participant }),
		)
	}
	first, err := named(agronomy, "https://agronomy.example/wheat", "")
	must(t, err)
	_, err = named(agronomy, "https://agronomy.example/wheat", "")
	if schemas.KindOf(err) != schemas.Conflict || !strings.Contains(err.Error(), string(first.ID)) {
		t.Errorf("its own IRI again: %v", err)
	}
	_, err = named(grid, "https://agronomy.example/wheat", "")
	if schemas.KindOf(err) != schemas.Conflict || strings.Contains(err.Error(), string(first.ID)) {
		t.Errorf("another's IRI: %v", err)
	}
	_, err = c.Withdraw(t.Context(), agronomy, first.ID, 0)
	must(t, err)
	again, err := named(agronomy, "https://agronomy.example/wheat", "")
	if err != nil || again.ID == first.ID {
		t.Errorf("after it was withdrawn: %s, %v", again.ID, err)
	}
	_, err = named(grid, "urn:x:hidden", schemas.VisibleToOwn)
	must(t, err)
	_, err = named(agronomy, "urn:x:hidden", "")
	if err != nil {
		t.Errorf("an IRI of a hidden dataset tells that it is there: %v", err)
	}
}

// TestRoom: a provider has so many datasets and no more; withdrawn ones do not count.
func TestRoom(t *testing.T) {
	c := newCatalog(t, func(c *Config) { c.MaxSets = 2 })
	var ids []schemas.DatasetID
	for range 2 {
		d, err := c.Register(t.Context(), agronomy, wheat())
		must(t, err)
		ids = append(ids, d.ID)
	}
	_, err := c.Register(t.Context(), agronomy, wheat())
	if schemas.KindOf(err) != schemas.TooLarge || !strings.Contains(err.Error(), "has 2 datasets, which is the most here") {
		t.Errorf("a third: %v", err)
	}
	_, err = c.Register(t.Context(), grid, wheat(func(d *schemas.Dataset) { d.Provider = grid.Participant }))
	must(t, err)
	_, err = c.Withdraw(t.Context(), agronomy, ids[0], 0)
	must(t, err)
	_, err = c.Register(t.Context(), agronomy, wheat())
	if err != nil {
		t.Errorf("in the place of a withdrawn one: %v", err)
	}
}

// TestWhoSees: each visibility, seen by each kind of caller; hidden and unknown read alike.
func TestWhoSees(t *testing.T) {
	c := newCatalog(t)
	sights := map[string]schemas.Sight{
		"a stranger":   everyone,
		"signed in":    signedIn,
		"another":      of(grid),
		"the provider": of(agronomy),
		"an officer":   {All: true},
	}
	for see, who := range map[schemas.Visibility][]string{
		"":                        {"a stranger", "signed in", "another", "the provider", "an officer"},
		schemas.VisibleToEveryone: {"a stranger", "signed in", "another", "the provider", "an officer"},
		schemas.VisibleToSignedIn: {"signed in", "another", "the provider", "an officer"},
		schemas.VisibleToListed:   {"another", "the provider", "an officer"},
		schemas.VisibleToOwn:      {"the provider", "an officer"},
	} {
		d, err := c.Register(t.Context(), agronomy, wheat(func(d *schemas.Dataset) {
			d.Visibility, d.VisibleTo = see, []schemas.ParticipantID{grid.Participant}
		}))
		must(t, err)
		for name, sight := range sights {
			_, err := c.Get(t.Context(), sight, d.ID)
			if sees := slices.Contains(who, name); sees != (err == nil) || !sees && err.Error() != notFound(string(d.ID)).Error() {
				t.Errorf("%q: %s sees it %t: %v", see, name, !sees, err)
			}
		}
		_, err = c.Own(t.Context(), grid, d.ID)
		hidden := see == schemas.VisibleToOwn // grid is listed
		if schemas.KindOf(err) != schemas.NotFound || hidden == strings.Contains(err.Error(), "it belongs to") {
			t.Errorf("%q: another's own: %v", see, err)
		}
	}
	_, err := c.Get(t.Context(), everyone, "ds-nothing")
	if schemas.KindOf(err) != schemas.NotFound || !strings.Contains(err.Error(), "there is no dataset ds-nothing") {
		t.Errorf("unknown: %v", err)
	}
}

// TestChange: a description is replaced, and what is not of it stays; a change of something
// that changed meanwhile is refused.
func TestChange(t *testing.T) {
	c := newCatalog(t)
	d, err := c.Register(t.Context(), agronomy, wheat(func(d *schemas.Dataset) { d.IRI = "urn:x:wheat" }))
	must(t, err)
	d, err = c.PutOffer(t.Context(), agronomy, d.ID, schemas.Offer{Rules: []schemas.Rule{{}, {ID: "mine"}}}, d.Revision)
	must(t, err)
	if d.Offer.Rules[0].ID != "offer §1" || d.Offer.Rules[1].ID != "mine" || d.Revision != 2 {
		t.Errorf("rules are %+v at revision %d", d.Offer.Rules, d.Revision)
	}
	c.version(t, d.ID, "v1", schemas.VersionPublished, "plot", "yield")
	d, err = c.Own(t.Context(), agronomy, d.ID)
	must(t, err)
	changed, err := c.Change(t.Context(), agronomy, d.ID, wheat(func(d *schemas.Dataset) {
		d.Title, d.Tables = schemas.Text{
			"en": "Winter wheat",
		}, []schemas.TableInfo{
			{Name: "plots", Fields: []schemas.Field{{Name: "yield", Unit: "t/ha"}}},
		}
	}), d.Revision)
	must(t, err)
	if changed.Title["en"] != "Winter wheat" || changed.IRI != "urn:x:wheat" || changed.ID != d.ID || changed.Offer == nil ||
		changed.Latest == nil ||
		!changed.Registered.Equal(d.Registered) {
		t.Errorf("changed is %+v", changed)
	}
	if got := fmt.Sprint(changed.Tables[0].Fields); len(changed.Tables) != 1 || len(changed.Tables[0].Fields) != 2 ||
		changed.Tables[0].Fields[0].Unit != "t/ha" {
		t.Errorf("columns are %s", got)
	}
	for name, c2 := range map[string]struct {
		d        schemas.Dataset
		revision int64
		kind     schemas.Kind
		says     string
	}{
		"meanwhile":   {wheat(), 1, schemas.Precondition, fmt.Sprintf("the dataset is at revision %d, not 1", changed.Revision)},
		"another IRI": {wheat(func(d *schemas.Dataset) { d.IRI = "urn:x:other" }), 0, schemas.Invalid, "the IRI of a registered dataset stays"},
		"terms":       {wheat(func(d *schemas.Dataset) { d.Offer = &schemas.Offer{} }), 0, schemas.Invalid, "the terms are put by themselves"},
		"no title":    {wheat(func(d *schemas.Dataset) { d.Title = nil }), 0, schemas.Invalid, "has faults"},
	} {
		_, err := c.Change(t.Context(), agronomy, d.ID, c2.d, c2.revision)
		if schemas.KindOf(err) != c2.kind || !strings.Contains(err.Error(), c2.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = c.Change(t.Context(), grid, d.ID, wheat(), 0)
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("another provider: %v", err)
	}
	// The terms bind columns: a version's stay, one that only the description had may go.
	_, err = c.PutOffer(
		t.Context(),
		agronomy,
		d.ID,
		schemas.Offer{Rules: []schemas.Rule{{Duties: []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"nothing"}}}}}},
		0,
	)
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), `no column "nothing"`) {
		t.Errorf("terms on a column that is not there: %v", err)
	}
}

// TestWithdraw: a withdrawn dataset is seen by its provider alone and takes no more changes.
func TestWithdraw(t *testing.T) {
	c := newCatalog(t)
	d, err := c.Register(t.Context(), agronomy, wheat())
	must(t, err)
	_, err = c.Withdraw(t.Context(), grid, d.ID, 0)
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("another provider: %v", err)
	}
	_, err = c.Withdraw(t.Context(), agronomy, d.ID, 7)
	if schemas.KindOf(err) != schemas.Precondition {
		t.Errorf("another revision: %v", err)
	}
	_, err = c.Withdraw(t.Context(), agronomy, d.ID, d.Revision)
	must(t, err)
	if _, err := c.Get(t.Context(), signedIn, d.ID); schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("it is still found: %v", err)
	}
	got, err := c.OwnToEnd(t.Context(), agronomy, d.ID)
	if err != nil || !got.Withdrawn || got.Revision != 2 {
		t.Errorf("its provider sees %+v, %v", got, err)
	}
	for name, change := range map[string]func() error{
		"change":   func() error { _, err := c.Change(t.Context(), agronomy, d.ID, wheat(), 0); return err },
		"offer":    func() error { _, err := c.PutOffer(t.Context(), agronomy, d.ID, schemas.Offer{}, 0); return err },
		"withdraw": func() error { _, err := c.Withdraw(t.Context(), agronomy, d.ID, 0); return err },
	} {
		err := change()
		if schemas.KindOf(err) != schemas.Gone || !strings.Contains(err.Error(), "the dataset was withdrawn") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAltered: a row that was changed past the gateway is not believed, but can be taken
// away all the same.
func TestAltered(t *testing.T) {
	c := newCatalog(t)
	d, err := c.Register(t.Context(), agronomy, wheat())
	must(t, err)
	must(t, c.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE dataset SET doc = replace(doc, 'Wheat', 'Heat') WHERE id = ?`, string(d.ID))
		return err
	}))
	_, err = c.Own(t.Context(), agronomy, d.ID)
	if !errors.Is(err, db.ErrAltered) {
		t.Fatalf("a row that was edited is read: %v", err)
	}
	_, err = c.Change(t.Context(), agronomy, d.ID, wheat(), 0)
	if !errors.Is(err, db.ErrAltered) {
		t.Errorf("it is changed: %v", err)
	}
	_, err = c.OwnToEnd(t.Context(), agronomy, d.ID)
	must(t, err)
	got, err := c.Withdraw(t.Context(), agronomy, d.ID, 0)
	if err != nil || !got.Withdrawn {
		t.Errorf("it cannot be taken away: %+v, %v", got, err)
	}
}

// TestVersions: a version in each state, as it is asked for; the newest first.
func TestVersions(t *testing.T) {
	c := newCatalog(t)
	d, err := c.Register(t.Context(), agronomy, wheat(func(d *schemas.Dataset) { d.Visibility = schemas.VisibleToOwn }))
	must(t, err)
	for version, x := range map[schemas.VersionID]struct {
		state schemas.VersionState
		kind  schemas.Kind
		says  string
	}{
		"v1": {schemas.VersionPublished, 0, ""},
		"v2": {schemas.VersionPublishing, schemas.Busy, "version v2 is being published: 0 of 0 shards read"},
		"v3": {schemas.VersionFailed, schemas.NotFound, "version v3 was not published: it failed"},
		"v4": {schemas.VersionTried, schemas.NotFound, "it was a dry run"},
		"v5": {schemas.VersionWithdrawn, schemas.Gone, "version v5 was withdrawn"},
	} {
		c.version(t, d.ID, version, x.state)
		v, err := c.Manifest(t.Context(), d.ID, version)
		if x.says == "" {
			if err != nil || v.Version != version || len(v.Data) != 1 {
				t.Errorf("%s: %+v, %v", version, v, err)
			}
			continue
		}
		if schemas.KindOf(err) != x.kind || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", version, err)
		}
		if err := c.Standing(t.Context(), d.ID, version); (x.state == schemas.VersionWithdrawn) != (schemas.KindOf(err) == schemas.Gone) {
			t.Errorf("%s stands: %v", version, err)
		}
	}
	_, err = c.Version(t.Context(), d.ID, "v9")
	if schemas.KindOf(err) != schemas.NotFound || !strings.Contains(err.Error(), "has no version v9") {
		t.Errorf("one that was never asked for: %v", err)
	}
	list, err := c.Versions(t.Context(), of(agronomy), d.ID)
	if err != nil || len(list) != 5 ||
		!slices.IsSortedFunc(list, func(a, b schemas.VersionSummary) int { return b.Started.Compare(a.Started) }) {
		t.Errorf("%+v, %v", list, err)
	}
	_, err = c.Versions(t.Context(), of(grid), d.ID)
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("versions of a hidden dataset: %v", err)
	}
}

// TestColumnsOfVersions: what shards really have stands in the description beside what
// their provider said, once, in the order in which it came.
func TestColumnsOfVersions(t *testing.T) {
	d := schemas.Dataset{Tables: []schemas.TableInfo{{Name: "plots", Fields: []schemas.Field{{Name: "yield", Unit: "t/ha"}}}}}
	v := schemas.Version{Data: []schemas.Table{
		{Name: "plots", Columns: []schemas.TableColumn{{Name: "id", Type: "int64"}, {Name: "yield", Type: "float64"}}},
		{Name: "soil", Columns: []schemas.TableColumn{{Name: "ph", Type: "float64"}}},
	}}
	for range 2 { // a second version adds nothing that is there
		AddColumns(&d, &v)
		want := []schemas.TableInfo{
			{Name: "plots", Fields: []schemas.Field{{Name: "yield", Unit: "t/ha"}, {Name: "id"}}},
			{Name: "soil", Fields: []schemas.Field{{Name: "ph"}}},
		}
		if !reflect.DeepEqual(d.Tables, want) {
			t.Errorf("tables are %+v", d.Tables)
		}
	}
}

// TestChangesOfADataset: every change of a dataset is one entry of the change sequence that
// names the dataset, its revision, and who made it.
func TestChangesOfADataset(t *testing.T) {
	c := newCatalog(t)
	d, err := c.Register(t.Context(), agronomy, wheat())
	must(t, err)
	_, err = c.PutOffer(t.Context(), agronomy, d.ID, schemas.Offer{Rules: []schemas.Rule{{}}}, 0)
	must(t, err)
	_, err = c.Change(t.Context(), agronomy, d.ID, wheat(func(d *schemas.Dataset) { d.Keywords = []string{"wheat"} }), 0)
	must(t, err)
	_, err = c.Change(t.Context(), grid, d.ID, wheat(), 0) // refused: no entry
	if err == nil {
		t.Fatal("another provider's change went through")
	}
	_, err = c.Withdraw(t.Context(), agronomy, d.ID, 0)
	must(t, err)
	changes, err := c.DB.Changes(t.Context(), 0, 100)
	must(t, err)
	var got []string
	for _, x := range changes {
		leaf, err := db.ParseLeaf(x.Leaf)
		must(t, err)
		got = append(got, fmt.Sprintf("%s %t %d", x.Kind, x.Subject == string(d.ID), leaf.Numbers["revision"]))
	}
	if want := "dataset.put true 1; dataset.offer true 2; dataset.put true 3; dataset.withdrawn true 4"; strings.Join(got, "; ") != want {
		t.Errorf("got %q", got)
	}
}

// TestNoChange: a change that says what stands is none: no revision, no entry, no later date; the answer says so.
func TestNoChange(t *testing.T) {
	c := newCatalog(t)
	d, err := c.Register(t.Context(), agronomy, wheat())
	must(t, err)
	offer := schemas.Offer{Rules: []schemas.Rule{{}}}
	d, err = c.PutOffer(t.Context(), agronomy, d.ID, offer, 0)
	must(t, err)
	c.version(t, d.ID, "v1", schemas.VersionPublished, "plot", "yield")
	d, err = c.Own(t.Context(), agronomy, d.ID)
	must(t, err)
	as := d // as guichet show --json gives it
	as.Notes, as.Profiles, as.Modified = []string{"read"}, nil, d.Modified.Add(1)
	for name, do := range map[string]func() (schemas.Dataset, error){
		"as it was read": func() (schemas.Dataset, error) { return c.Change(t.Context(), agronomy, d.ID, as, d.Revision) },
		"as it was made": func() (schemas.Dataset, error) {
			return c.Change(t.Context(), agronomy, d.ID, wheat(), 0)
		},
		"the same terms": func() (schemas.Dataset, error) { return c.PutOffer(t.Context(), agronomy, d.ID, offer, 0) },
	} {
		before, err := c.DB.Head(t.Context())
		must(t, err)
		got, err := do()
		must(t, err)
		after, err := c.DB.Head(t.Context())
		must(t, err)
		if got.Revision != d.Revision || !got.Modified.Equal(d.Modified) || after != before || !slices.Equal(got.Notes, []string{Same}) {
			t.Errorf("%s: revision %d after %d, %d entries, %q", name, got.Revision, d.Revision, after-before, got.Notes)
		}
	}
	got, err := c.Change(t.Context(), agronomy, d.ID, wheat(func(d *schemas.Dataset) { d.Keywords = []string{"wheat"} }), 0)
	if err != nil || got.Revision != d.Revision+1 || got.Notes != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestFilesOfATable: a table of objects says which media types it has, each once, and how large
// it is; a table of rows says neither, also where it was of objects before.
func TestFilesOfATable(t *testing.T) {
	of := func(media string, size int64) schemas.Shard { return schemas.Shard{MediaType: media, Size: size} }
	v := &schemas.Version{Data: []schemas.Table{{Name: "t", Objects: true, Splits: []schemas.Split{
		{Name: "a", Shards: []schemas.Shard{of("image/png", 1), of("application/dicom", 2)}}, {Name: "b", Shards: []schemas.Shard{of("image/png", 4)}},
	}}}}
	d := &schemas.Dataset{}
	AddColumns(d, v)
	if i := d.Tables[0]; !i.Objects || !slices.Equal(i.Media, []string{"application/dicom", "image/png"}) || i.Bytes != 7 || i.Fields != nil {
		t.Errorf("%+v", i)
	}
	v.Data[0].Objects, v.Data[0].Columns = false, []schemas.TableColumn{{Name: "x"}}
	AddColumns(d, v)
	if i := d.Tables[0]; i.Objects || i.Media != nil || i.Bytes != 0 || len(i.Fields) != 1 {
		t.Errorf("%+v", i)
	}
}
