package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"guichet/connectors/db"
	"guichet/schemas"
)

// TestPublish: a version is the objects that were named, read once each, in a form of their
// own in the work bucket; the dataset knows its columns and its newest version.
func TestPublish(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("a.csv", "plot,yield\n1,7.5\n2,8\n", "b.csv", "plot,yield\n3,6.25\n")
	v := l.published(id, of("v1", "a.csv", "b.csv"))
	if v.State != schemas.VersionPublished || v.Rows != 3 || v.Shards != 2 || v.ShardsDone != 2 || v.Tables != 1 || v.Published.IsZero() {
		t.Fatalf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
	if got := fmt.Sprint(v.Data[0].Columns); got != "[{plot int64} {yield float64}]" {
		t.Errorf("columns are %s", got)
	}
	if keys(&v) != "a.csv b.csv" || v.Data[0].Splits[0].Name != "all" {
		t.Errorf("shards are of %q in split %q", keys(&v), v.Data[0].Splits[0].Name)
	}
	for s := range v.EveryShard() {
		got := l.bucket.Object(s.Bucket, s.Key)
		if s.Bucket != worked || int64(len(got)) != s.Size || !strings.HasPrefix(string(got), "ARROW1") {
			t.Errorf("shard %s of %d bytes in %s: %d bytes", s.Key, s.Size, s.Bucket, len(got))
		}
	}
	d, err := l.Catalog.Own(t.Context(), agronomy, id)
	must(t, err)
	if d.Latest == nil || d.Latest.Version != "v1" || d.Latest.Notes != nil || len(d.Tables) != 1 || len(d.Tables[0].Fields) != 2 {
		t.Errorf("the dataset knows %+v of %+v", d.Tables, d.Latest)
	}
	if n := len(l.reads.names); n != 2 {
		t.Errorf("%d reads: %q", n, l.reads.names)
	}
	// A canonical object stays where it lies: nothing of it is written.
	var first *schemas.Shard
	for s := range v.EveryShard() {
		first = s
		break
	}
	l.bucket.Put(provided, wheat+"canonical.arrow", l.bucket.Object(first.Bucket, first.Key))
	before := len(l.bucket.Keys(worked))
	v = l.published(id, of("v2", "canonical.arrow"))
	for s := range v.EveryShard() {
		if s.Bucket != provided || s.Source != nil || s.SHA256 != first.SHA256 {
			t.Errorf("a canonical object became %+v", s)
		}
	}
	if after := len(l.bucket.Keys(worked)); v.State != schemas.VersionPublished || after != before {
		t.Errorf("%s; %d objects were written\n%s", v.State, after-before, said(v.Failures))
	}
}

// TestPublicationsAreChecked: each fault of a publication is refused before anything is
// read, with the place where it stands.
func TestPublicationsAreChecked(t *testing.T) {
	l := newLab(t)
	id := l.dataset()
	l.put("a.csv", "x\n1\n", "log/_delta_log/0.json", "{}", "log/a.parquet", "", "notes/_SUCCESS", "", "notes/.part.crc", "")
	tables := func(f func(p *schemas.Publication)) schemas.Publication {
		p := of("v1", "a.csv")
		f(&p)
		return p
	}
	for name, c := range map[string]struct {
		p       schemas.Publication
		kind    schemas.Kind
		pointer string
		says    string
	}{
		"version":        {of("No Slug", "a.csv"), schemas.Invalid, "/version", "cannot name a version"},
		"store":          {tables(func(p *schemas.Publication) { p.Store = "" }), schemas.Invalid, "/store", "name the store and bucket"},
		"no tables":      {tables(func(p *schemas.Publication) { p.Tables = nil }), schemas.Invalid, "/tables", "at least one table"},
		"table":          {tables(func(p *schemas.Publication) { p.Tables[0].Name = "Plots 1" }), schemas.Invalid, "/tables/0/name", "cannot name a table"},
		"table twice":    {tables(func(p *schemas.Publication) { p.Tables = append(p.Tables, p.Tables[0]) }), schemas.Invalid, "/tables/1/name", `the table "plots" is given twice`},
		"no splits":      {tables(func(p *schemas.Publication) { p.Tables[0].Splits = nil }), schemas.Invalid, "/tables/0/splits", "at least one split"},
		"split twice":    {tables(func(p *schemas.Publication) { p.Tables[0].Splits = append(p.Tables[0].Splits, p.Tables[0].Splits[0]) }), schemas.Invalid, "/tables/0/splits/1/name", `the split "all" is given twice`},
		"keys or prefix": {tables(func(p *schemas.Publication) { p.Tables[0].Splits[0].Prefix = wheat }), schemas.Invalid, "/tables/0/splits/0", "either keys or a prefix"},
		"prefix": {tables(func(p *schemas.Publication) {
			p.Tables[0].Splits[0] = schemas.PublicationSplit{Prefix: "spaces/agronomy"}
		}), schemas.Invalid, "/tables/0/splits/0/prefix", "does not end with /"},
		"key twice": {of("v1", "a.csv", "a.csv"), schemas.Invalid, "/tables/0/splits/0/keys/1", "is given twice in the table plots"},
		"foreign key": {tables(func(p *schemas.Publication) { p.Tables[0].Splits[0].Keys = []string{"spaces/grid/x.csv"} }), schemas.Denied, "",
			`the key "spaces/grid/x.csv" is under no prefix of yours`},
		"foreign prefix": {tables(func(p *schemas.Publication) { p.Tables[0].Splits[0] = schemas.PublicationSplit{Prefix: "spaces/grid/"} }), schemas.Denied, "",
			`the prefix "spaces/grid/" is under no prefix of yours`},
		"nothing there": {of("v1", "none/"), schemas.Invalid, "/tables/0/splits/0/prefix", "there is no object under"},
		"no shard":      {of("v1", "notes/"), schemas.Invalid, "/tables/0/splits/0/prefix", "there is no shard under"},
		"table format":  {of("v1", "log/"), schemas.Invalid, "/tables/0/splits/0/prefix", "Delta"},
		"no base":       {tables(func(p *schemas.Publication) { p.Base = "v0" }), schemas.Invalid, "/base", `no published version "v0"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := l.Publish(t.Context(), agronomy, id, c.p)
			e, ok := errors.AsType[*schemas.Error](err)
			if !ok || e.Kind != c.kind || !strings.Contains(e.Message, c.says) {
				t.Fatalf("%v; want %v saying %q", err, c.kind, c.says)
			}
			if c.pointer != "" && (len(e.Fields) != 1 || e.Fields[0].Pointer != c.pointer) {
				t.Errorf("it points at %+v, not %s", e.Fields, c.pointer)
			}
		})
	}
	if len(l.reads.names) > 0 {
		t.Errorf("read were %q", l.reads.names)
	}
	versions, err := l.Catalog.Versions(t.Context(), schemas.Sight{Participant: agronomy.Participant, SignedIn: true, Everyone: true}, id)
	if err != nil || len(versions) > 0 {
		t.Errorf("there are versions %v, %v", versions, err)
	}
}

// TestWhoPublishes: only the dataset's own provider, and no dataset that was withdrawn.
func TestWhoPublishes(t *testing.T) {
	l := newLab(t)
	id := l.dataset()
	l.put("a.csv", "x\n1\n")
	_, err := l.Publish(t.Context(), grid, id, of("v1", "a.csv"))
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("another provider: %v", err)
	}
	_, err = l.Catalog.Withdraw(t.Context(), agronomy, id, 0)
	must(t, err)
	_, err = l.Publish(t.Context(), agronomy, id, of("v1", "a.csv"))
	if schemas.KindOf(err) != schemas.Gone {
		t.Errorf("a withdrawn dataset: %v", err)
	}
}

// TestNamesOfVersions: a version never changes, but a failed or tried one leaves its name
// free; without a name it is called by the day, a dry run dry-run.
func TestNamesOfVersions(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("good.csv", "x\n1\n", "bad.arrow", "ARROW1 but not so")
	v := l.published(id, of("v1", "bad.arrow"))
	if v.State != schemas.VersionFailed || len(v.Failures) != 1 || v.Data != nil {
		t.Fatalf("%+v", v.VersionSummary)
	}
	v = l.published(id, of("v1", "good.csv"))
	if v.State != schemas.VersionPublished {
		t.Fatalf("the name of a failed version: %+v", v.VersionSummary)
	}
	_, err := l.Publish(t.Context(), agronomy, id, of("v1", "good.csv"))
	if schemas.KindOf(err) != schemas.Conflict || !strings.Contains(err.Error(), "version v1 is published already; a version never changes") {
		t.Errorf("the name of a published version: %v", err)
	}
	for _, dry := range []bool{false, true} {
		p := of("", "good.csv")
		p.DryRun = dry
		s, err := l.Publish(t.Context(), agronomy, id, p)
		must(t, err)
		want := l.Now().UTC().Format("2006-01-02")
		if dry {
			want = "dry-run"
		}
		if string(s.Version) != want {
			t.Errorf("without a name it is called %q, not %q", s.Version, want)
		}
		l.ended(id, s.Version)
	}
}

// TestDryRun: everything is read and reported, and nothing stays: no version, no object, no
// name.
func TestDryRun(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("a.csv", "when,amount\n2026-01-02,1\n")
	p := of("v1", "a.csv")
	p.DryRun = true
	v := l.published(id, p)
	if v.State != schemas.VersionTried || v.Rows != 1 || !v.Published.IsZero() || !strings.Contains(said(v.Notes), "when") {
		t.Errorf("%+v\n%s", v.VersionSummary, said(v.Notes))
	}
	if got := l.bucket.Keys(worked); len(got) > 0 {
		t.Errorf("written were %q", got)
	}
	_, err := l.Catalog.Manifest(t.Context(), id, "v1")
	if schemas.KindOf(err) != schemas.NotFound || !strings.Contains(err.Error(), "it was a dry run") {
		t.Errorf("its manifest: %v", err)
	}
	d, err := l.Catalog.Own(t.Context(), agronomy, id)
	if err != nil || d.Latest != nil {
		t.Errorf("the dataset knows %+v, %v", d.Latest, err)
	}
}

// TestAllOrNothing: where one object fails the version fails, names it, and leaves nothing
// in the work bucket; twenty faults are named and no more.
func TestAllOrNothing(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	names := []string{"good.csv"}
	l.put("good.csv", "x\n1\n")
	for i := range 30 {
		name := fmt.Sprintf("bad-%02d.parquet", i)
		l.put(name, "PAR1 and no more")
		names = append(names, name)
	}
	v := l.published(id, of("v1", names...))
	if v.State != schemas.VersionFailed || len(v.Failures) != maxFaults || v.Rows != 0 || v.Failures[0].Pointer != wheat+"bad-00.parquet" {
		t.Errorf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
	if got := l.left(id, nil); len(got) > 0 {
		t.Errorf("left in the work bucket is %q", got)
	}
	l.put("other.csv", "y\ntext\n")
	v = l.published(id, of("v2", "good.csv", "gone.csv"))
	if v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), "gone.csv: store lab has no object") {
		t.Errorf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
}

// TestWhatAllowedIt: what a publication was allowed by is asked again in the end.
func TestWhatAllowedIt(t *testing.T) {
	for name, c := range map[string]struct {
		change func(l *lab, id schemas.DatasetID) error
		says   string
	}{
		"withdrawn": {func(l *lab, id schemas.DatasetID) error {
			_, err := l.Catalog.Withdraw(context.Background(), agronomy, id, 0)
			return err
		}, "the dataset was withdrawn while the version was being read"},
		"stopped": {func(l *lab, _ schemas.DatasetID) error {
			return l.db.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				p := schemas.Participant{ID: agronomy.Participant, Stopped: true}
				err := db.Insert(ctx, tx, "participant", string(p.ID), p, nil)
				if err == nil {
					_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: string(p.ID)})
				}
				return err
			})
		}, "the operator stopped the provider while the version was being read"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			id := l.dataset()
			l.put("a.csv", "x\n1\n")
			l.reads.hold = func(context.Context, string) { must(t, c.change(l, id)) }
			l.run()
			v := l.published(id, of("v1", "a.csv"))
			if v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), c.says) {
				t.Errorf("%+v\n%s", v.VersionSummary, said(v.Failures))
			}
			if got := l.left(id, nil); len(got) > 0 {
				t.Errorf("left in the work bucket is %q", got)
			}
		})
	}
}
