package distribution

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/catalog"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/s3"
	"guichet/connectors/s3/s3test"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/schemas"
	"guichet/schemas/values"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lab is a store with versions in it.
type lab struct {
	t      *testing.T
	bucket *s3test.Server
	store  *s3.Store
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, bucket: s3test.New(t, "data")}
	store, err := s3.New("lab", l.bucket.URL, "eu", s3.Credentials{AccessKey: "a", SecretKey: "b"}, s3.Idle(2*time.Second))
	must(t, err)
	l.store = store
	return l
}

func (l *lab) open(context.Context, schemas.StoreID) (*s3.Store, error) { return l.store, nil }

// table makes a table of CSV files, each a shard.
func (l *lab) table(name string, files ...string) schemas.Table {
	l.t.Helper()
	out := schemas.Table{Name: name, Splits: []schemas.Split{{Name: "all"}}}
	for i, csv := range files {
		r, b, err := shardtest.Conform(l.t, []byte(csv), shard.Spec{Name: "x.csv", Schema: out.Schema, WindowRows: out.WindowRows})
		must(l.t, err)
		out.Schema, out.WindowRows, out.Columns = r.Schema, r.WindowRows, r.Columns
		key := fmt.Sprintf("%s/%d.arrow", name, i)
		l.bucket.Put("data", key, b)
		out.Splits[0].Shards = append(out.Splits[0].Shards, schemas.Shard{Store: "lab", Bucket: "data", Key: key, ETag: s3test.ETag(b),
			Size: int64(len(b)), Rows: r.Rows, Dictionaries: r.Dictionaries, Batches: r.Batches})
	}
	return out
}

// rows is a CSV file of n rows.
func rows(n int, row func(i int) string) string {
	var b strings.Builder
	b.WriteString("id,crop,yield,note\n")
	for i := range n {
		b.WriteString(row(i) + "\n")
	}
	return b.String()
}

func crop(i int) string {
	return fmt.Sprintf("%d,%s,%d.5,note %d", i, []string{"wheat", "rye", "oats"}[i%3], i%4, i)
}

// found writes what was counted of columns.
func found(d *values.Distributions) string {
	var out []string
	for _, c := range d.Columns {
		n := int64(0)
		for _, b := range c.Bins {
			n += b.Count
		}
		for _, v := range c.Values {
			n += v.Count
		}
		out = append(out, fmt.Sprintf("%s/%s %s %d", c.Table, c.Column, c.Kind, n))
	}
	for _, x := range d.LeftOut {
		out = append(out, fmt.Sprintf("%s/%s not: %s", x.Table, x.Column, x.Why))
	}
	return strings.Join(out, "; ")
}

// All shards of all tables are counted, base and added ones alike; small tables are not.
func TestCount(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	v := schemas.Version{Dataset: "ds-1", VersionSummary: schemas.VersionSummary{Version: "v1"}, Data: []schemas.Table{
		l.table("plots", rows(60, crop), rows(60, crop)), l.table("small", rows(29, crop)), {Name: "pictures", Objects: true}}}
	d := schemas.Dataset{}
	got, err := Count(t.Context(), l.open, &d, &v, []string{"*"}, time.Unix(1e9, 5))
	must(t, err)
	want := "plots/id number 120; plots/crop category 120; plots/yield number 120; plots/note not: various; " +
		"small/id not: few; small/crop not: few; small/yield not: few; small/note not: few"
	if found(got) != want || got.Version != "v1" || !got.Made.Equal(time.Unix(1e9, 0)) || got.Columns[0].Sampled {
		t.Errorf("%s; want %s\n%+v", found(got), want, got)
	}
	got, err = Count(t.Context(), l.open, &d, &v, []string{"plots/crop", "small/id"}, time.Now())
	must(t, err)
	if found(got) != "plots/crop category 120; small/id not: few" {
		t.Errorf("%s", found(got))
	}
}

// Of a table that is larger than the bound every n-th batch is counted, which is said.
func TestCountsApart(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var files []string
	for range 8 {
		files = append(files, rows(40, crop))
	}
	tb := l.table("plots", files...)
	var out values.Distributions
	must(t, table(t.Context(), l.open, &tb, []int{1}, 3*tb.Splits[0].Shards[0].Batches[0].Len(), &out))
	if len(out.Columns) != 1 || !out.Columns[0].Sampled || out.Columns[0].Rows != 120 {
		t.Errorf("%+v", out)
	}
}

// A shard that is not what was read counts nothing, nor does one that cannot be read.
func TestAlteredShards(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	v := schemas.Version{Dataset: "ds-1", Data: []schemas.Table{l.table("plots", rows(60, crop))}}
	s := &v.Data[0].Splits[0].Shards[0]
	count := func() error {
		_, err := Count(t.Context(), l.open, &schemas.Dataset{}, &v, []string{"*"}, time.Now())
		return err
	}
	must(t, count())
	b := append([]byte{}, l.bucket.Object("data", s.Key)...)
	b[s.Batches[0].Offset+int64(s.Batches[0].Meta)+8] ^= 1
	l.bucket.Put("data", s.Key, b)
	if err := count(); err == nil {
		t.Error("another object under the key is counted")
	}
	s.ETag = s3test.ETag(b)
	if err := count(); schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "not as it was") {
		t.Errorf("other bytes: %v", err)
	}
	s.Batches[0].Sum = 0
	s.Batches[0].Offset += 8
	if err := count(); err == nil {
		t.Error("no message is counted")
	}
	v.Data[0].Schema = []byte("none")
	if err := count(); err == nil {
		t.Error("a schema that is none is read")
	}
}

// A consent names columns of what is published.
func TestCheck(t *testing.T) {
	t.Parallel()
	p := &schemas.Publication{Tables: []schemas.PublicationTable{{Name: "plots"}}}
	base := &schemas.Version{Data: []schemas.Table{{Name: "old"}}}
	must(t, Check([]string{"*", "plots/*", "plots/a/b", "old/x"}, base, p))
	for _, wrong := range []string{"", "plots", "plots/", "/x", "old/x", "plots/" + strings.Repeat("x", mostName)} {
		err := Check([]string{"plots/a", wrong}, nil, p)
		if schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%.20q: %v", wrong, err)
		}
	}
}

// What is kept from anybody is not counted, and said to the provider with why, each reason once.
func TestPlan(t *testing.T) {
	t.Parallel()
	columns := []schemas.TableColumn{{Name: "id"}, {Name: "farm"}, {Name: "farm.name"}, {Name: "Yield"}}
	v := &schemas.Version{Data: []schemas.Table{{Name: "plots", Columns: columns}}}
	d := &schemas.Dataset{
		Tables: []schemas.TableInfo{{Name: "plots", Fields: []schemas.Field{{Name: "ID", Sensitivity: schemas.SensitivityQuasi}}}},
		Offer:  &schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Duties: []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"farm"}}}}}},
	}
	places, left := Plan(d, v, []string{"plots/*"})
	if fmt.Sprint(places) != "map[plots:[3]]" {
		t.Errorf("%v", places)
	}
	notes := Notes(left)
	if len(notes) != 2 || notes[0].Pointer != "plots/id" || notes[1].Pointer != "plots/farm, plots/farm.name" ||
		!strings.Contains(notes[1].Message, "the terms hide it") {
		t.Errorf("%+v", notes)
	}
	d.Tables[0].Name = "plot" // as it was called: what is said of its columns is of no table
	if places, left = Plan(d, v, []string{"*"}); len(places) != 0 || left[0].Why != values.LeftUnclear {
		t.Errorf("a description of another name: %v, %v", places, left)
	}
	d.Tables = nil
	d.Offer = nil
	if places, _ = Plan(d, v, []string{"*"}); len(places["plots"]) != 4 {
		t.Errorf("without terms: %v", places)
	}
	wide := make([]schemas.TableColumn, mostColumns+12)
	for i := range wide {
		wide[i].Name = fmt.Sprintf("c%d", i)
	}
	v.Data[0].Columns = wide
	places, left = Plan(d, v, []string{"*"})
	if len(places["plots"]) != mostColumns || len(left) != 12 || !strings.HasSuffix(Notes(left)[0].Pointer, " and 2 more") {
		t.Errorf("%d columns, %d are left out", len(places["plots"]), len(left))
	}
}

// The record's entry says what was consented to, within a bound; nothing where nothing was.
func TestEntry(t *testing.T) {
	t.Parallel()
	if got := Entry(map[string]string{"a": "b"}, nil); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if got := Entry(map[string]string{}, []string{"a/b", "a/c"}); got["distributions"] != "a/b, a/c" {
		t.Errorf("%v", got)
	}
	var many []string
	for range 1000 {
		many = append(many, "table/"+strings.Repeat("é", 500))
	}
	if got := Entry(map[string]string{}, many)["distributions"]; len(got) > mostSaid+50 || !strings.HasSuffix(got, "… (1000 in all)") {
		t.Errorf("%d bytes", len(got))
	}
}

// registry is a catalogue with one dataset of two columns and what was counted of them.
func registry(t *testing.T) (*catalog.Catalog, *schemas.Dataset, *schemas.Version) {
	t.Helper()
	database := dbtest.Open(t, dbtest.SQLite)
	c := catalog.New(catalog.Config{DB: database,
		CheckOffer: func(context.Context, *schemas.Offer, []schemas.TableInfo) error { return nil }})
	d := &schemas.Dataset{ID: "ds-1", Provider: "https://agronomy.example",
		Offer: &schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}}}}}
	v := &schemas.Version{Dataset: "ds-1", VersionSummary: schemas.VersionSummary{Version: "v1", State: schemas.VersionPublished},
		Data: []schemas.Table{{Name: "plots", Columns: []schemas.TableColumn{{Name: "crop"}, {Name: "yield"}}}}}
	must(t, database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		err := db.Insert(ctx, tx, "dataset", "ds-1", d, catalog.Columns(d))
		if err == nil {
			err = db.Insert(ctx, tx, "version", "ds-1/v1", v,
				db.Columns{"dataset": "ds-1", "state": "published", "started": 1, "ask": "{}", "shards": "{}"})
		}
		if err == nil {
			err = Put(ctx, tx, &values.Distributions{Dataset: "ds-1", Version: "v1", Asked: []string{"plots/*"}, Columns: []values.Distribution{
				{Table: "plots", Column: "crop", Kind: "category"},
				{Table: "plots", Column: "yield", Kind: "number"},
			}, LeftOut: []values.LeftOut{{Table: "plots", Column: "farmer", Why: values.LeftSensitive}}})
		}
		if err == nil {
			err = c.Changed(ctx, tx, schemas.Principal{}, schemas.ChangeVersion, d, map[string]string{"state": "published"})
		}
		return err
	}))
	return c, d, v
}

// What was counted is told as the terms of now permit; nothing of what is not published.
func TestGet(t *testing.T) {
	t.Parallel()
	c, d, v := registry(t)
	told := func() string {
		t.Helper()
		x, err := Get(t.Context(), c, d, v)
		must(t, err)
		return found(&x)
	}
	if got := told(); got != "plots/crop category 0; plots/yield number 0; plots/farmer not: sensitive" {
		t.Errorf("%s", got)
	}
	d.Offer.Rules[0].Duties = []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"crop"}}}
	if got := told(); got != "plots/yield number 0; plots/farmer not: sensitive; plots/crop not: hidden" {
		t.Errorf("%s", got)
	}
	v.State = schemas.VersionWithdrawn
	if got := told(); got != "" {
		t.Errorf("of a withdrawn version %s", got)
	}
	v.State, d.Withdrawn = schemas.VersionPublished, true
	if got := told(); got != "" {
		t.Errorf("of a withdrawn dataset %s", got)
	}
	d.Withdrawn, v.Version = false, "v2"
	if got := told(); got != "" {
		t.Errorf("of another version %s", got)
	}
}

// A consent is taken back once, by who gave it.
func TestTakeBack(t *testing.T) {
	t.Parallel()
	c, d, v := registry(t)
	ada := schemas.Principal{Issuer: "i", Subject: "ada", Participant: d.Provider}
	for _, x := range []struct {
		by      schemas.Principal
		id      schemas.DatasetID
		version schemas.VersionID
		fails   bool
	}{
		{schemas.Principal{}, d.ID, "v1", true},
		{schemas.Principal{Issuer: "i", Subject: "eve", Participant: "https://eve.example"}, d.ID, "v1", true},
		{ada, "ds-2", "v1", true},
		{ada, d.ID, "v2", true},
		{ada, d.ID, "v1", false},
		{ada, d.ID, "v1", false},
	} {
		_, err := TakeBack(t.Context(), c, x.by, x.id, x.version)
		if (err != nil) != x.fails || err != nil && schemas.KindOf(err) != schemas.NotFound {
			t.Errorf("%+v: %v", x, err)
		}
	}
	x, err := Get(t.Context(), c, d, v)
	must(t, err)
	head, err := c.DB.Head(t.Context())
	must(t, err)
	if len(x.Columns)+len(x.Asked) != 0 || head != 2 {
		t.Errorf("%+v, %d entries", x, head)
	}
}
