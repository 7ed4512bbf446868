package agreement

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"guichet/connectors/sql/sqltest"
	"guichet/policy"
	"guichet/policy/party"
	"guichet/schemas"
)

// shelf is a catalogue with published datasets under open terms.
type shelf map[schemas.DatasetID]schemas.Dataset

func (s shelf) Get(_ context.Context, sight schemas.Sight, id schemas.DatasetID) (schemas.Dataset, error) {
	d, ok := s[id]
	if !ok || !sight.Sees(&d) {
		return d, schemas.Errorf(schemas.NotFound, string(id), "there is no dataset %s", id)
	}
	return d, nil
}

func (s shelf) Manifest(_ context.Context, id schemas.DatasetID, v schemas.VersionID) (schemas.Version, error) {
	return schemas.Version{Dataset: id, VersionSummary: schemas.VersionSummary{Version: v}, Data: []schemas.Table{{Name: "a", Columns: []schemas.TableColumn{{Name: "x"}, {Name: "y"}, {Name: "z"}}}}}, nil
}

const (
	holder = schemas.ParticipantID("https://holder.example")
	lab    = schemas.ParticipantID("https://lab.example")
)

func trainer() schemas.Principal {
	return schemas.Principal{Issuer: "i", Subject: "ada", Participant: lab, Roles: []schemas.Role{schemas.RoleTrainer}}
}

func owner() schemas.Principal {
	return schemas.Principal{Issuer: "i", Subject: "hal", Participant: holder, Roles: []schemas.Role{schemas.RoleProvider}}
}

func newDesk(t *testing.T, rows int64) *Desk {
	t.Helper()
	ctx := t.Context()
	db := sqltest.Open(t, sqltest.SQLite)
	parties, err := party.New(db)
	must(t, err)
	boss := schemas.Principal{Subject: "boss", Participant: "https://factory.example", Roles: []schemas.Role{schemas.RoleOperator}}
	for id, role := range map[schemas.ParticipantID]schemas.Role{lab: schemas.RoleTrainer, holder: schemas.RoleProvider} {
		_, err = parties.PutParticipant(ctx, boss, schemas.Participant{ID: id, Name: "N", Country: "FR", Kind: schemas.KindResearch, Roles: []schemas.Role{role}}, 0)
		must(t, err)
	}
	_, err = parties.PutFactory(ctx, boss, schemas.Factory{ID: "f", Name: "F", Country: "FR"}, 0)
	must(t, err)
	_, err = parties.PutProject(ctx, boss, schemas.Project{ID: "p", Title: "P", Lead: lab, Factory: "f", Purposes: []string{"train-model"}}, 0)
	must(t, err)
	engine, err := policy.New(ctx)
	must(t, err)
	offer, err := policy.Template("open-with-attribution", policy.TemplateParams{Rows: rows})
	must(t, err)
	s := shelf{}
	for i := range 3 {
		id := schemas.DatasetID(fmt.Sprintf("ds-%d", i))
		s[id] = schemas.Dataset{ID: id, Provider: holder, Space: "agriculture", Offer: &offer, Latest: &schemas.VersionSummary{Version: "v1"}}
	}
	return New(Config{DB: db, Engine: engine, Parties: parties, Catalogue: s, LeaseKey: []byte(strings.Repeat("k", 32)), Replica: "r"})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// agreed asks for datasets and gives the agreements.
func agreed(t rapid.TB, d *Desk, ids ...schemas.DatasetID) []schemas.AgreementID {
	t.Helper()
	r := schemas.Request{Project: "p"}
	for _, id := range ids {
		r.Items = append(r.Items, schemas.RequestItem{Dataset: id})
	}
	r, err := d.Submit(context.Background(), trainer(), r)
	if err != nil || r.State != schemas.RequestGranted {
		t.Fatalf("the request is %s: %v", r.State, err)
	}
	var out []schemas.AgreementID
	for _, it := range r.Items {
		out = append(out, it.Agreement)
	}
	return out
}

// draws of what a lease or a door may say.
func drawItem(t *rapid.T, ids []schemas.AgreementID) schemas.LeaseItem {
	return schemas.LeaseItem{
		Agreement: rapid.SampledFrom(ids).Draw(t, "agreement"),
		Version:   rapid.SampledFrom([]schemas.VersionID{"", "v1", "v1"}).Draw(t, "version"),
		Table:     rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, "table"),
		Split:     rapid.SampledFrom([]string{"", "", "train", "test"}).Draw(t, "split"),
		Columns:   rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 3, rapid.ID).Draw(t, "columns"),
	}
}

func drawNumber(t *rapid.T, name string) *int {
	n := rapid.IntRange(-3, 2).Draw(t, name)
	if n < 0 {
		return nil
	}
	return &n
}

func drawWant(t *rapid.T, ids []schemas.AgreementID) policy.Want {
	it := drawItem(t, ids)
	return policy.Want{Door: "http", Agreement: it.Agreement, Version: it.Version, Table: it.Table, Split: it.Split, Columns: it.Columns,
		World: rapid.IntRange(0, 3).Draw(t, "asked world"), Rank: rapid.IntRange(0, 2).Draw(t, "asked rank"), Address: netip.MustParseAddr("192.0.2.1")}
}

// Whatever a narrowed lease opens, its parent opens too, and it dies no later: over
// chains of narrowing and any ask at a door.
func TestNarrowingNeverWidens(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0)
	ids := agreed(t, d, "ds-0", "ds-1", "ds-2")
	opened := 0
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		ask := LeaseAsk{Rank: drawNumber(t, "rank"), World: drawNumber(t, "world")}
		for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 1, 3, rapid.ID).Draw(t, "agreements") {
			it := drawItem(t, ids)
			it.Agreement = id
			ask.Items = append(ask.Items, it)
		}
		parent, err := d.Mint(ctx, trainer(), ask)
		if err != nil {
			t.Skipf("not minted: %v", err)
		}
		for range rapid.IntRange(1, 3).Draw(t, "depth") {
			n := LeaseAsk{Rank: drawNumber(t, "rank"), World: drawNumber(t, "world"), Until: time.Now().Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "minutes")) * time.Minute)}
			if rapid.Bool().Draw(t, "no end said") {
				n.Until = time.Time{}
			}
			for range rapid.IntRange(0, 2).Draw(t, "items") {
				n.Items = append(n.Items, drawItem(t, ids))
			}
			child, err := d.Narrow(ctx, parent.Token, n)
			if err != nil {
				if k := schemas.KindOf(err); k != schemas.Denied && k != schemas.Invalid {
					t.Fatalf("narrowing: %v", err)
				}
				continue
			}
			if child.Until.After(parent.Until) || child.Lease.Participant != parent.Lease.Participant || child.Lease.Run != parent.Lease.Run {
				t.Fatalf("the child %+v is more than %+v", child.Lease, parent.Lease)
			}
			for range 20 {
				w := drawWant(t, ids)
				got, err := policy.Authorize(ctx, d.LookUp, child.Token, w, time.Now())
				if err != nil {
					continue
				}
				opened++
				// What it was granted, said in full, its parent grants as well.
				full := got.Want()
				_, err = policy.Authorize(ctx, d.LookUp, parent.Token, full, time.Now())
				if err != nil {
					t.Fatalf("the child opens %+v and its parent does not: %v\nchild %+v\nparent %+v", full, err, child.Lease, parent.Lease)
				}
			}
			parent = child
		}
	})
	t.Logf("children opened %d streams", opened)
	if opened < 5 && !testing.Short() {
		t.Error("hardly any narrowed lease opened anything: the test tries too little")
	}
}

// history is the model of one agreement: what it used, which releases are open.
type history struct {
	budget, used int64
	open         []schemas.Release
	ended        map[schemas.ReleaseID]schemas.Release
	revoked      bool
}

// Any history of releases and revocations keeps the budget between nothing and all,
// and the first end of a release stands.
func TestReleasesAgainstAModel(t *testing.T) {
	t.Parallel()
	const budget = 1000
	d := newDesk(t, budget)
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		id := agreed(t, d, "ds-0")[0]
		l, err := d.Mint(ctx, trainer(), LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
		if err != nil {
			t.Fatal(err)
		}
		g, err := policy.Authorize(ctx, d.LookUp, l.Token, policy.Want{Door: "http", Agreement: id, Table: "a", Split: "all", World: 1}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		m := &history{budget: budget, ended: map[schemas.ReleaseID]schemas.Release{}}
		end := func(t *rapid.T, r schemas.Release) schemas.Release {
			r.Rows = rapid.Int64Range(0, r.MostRows).Draw(t, "sent")
			r.State = rapid.SampledFrom([]schemas.ReleaseState{schemas.ReleaseComplete, schemas.ReleaseCut, schemas.ReleaseAbandoned}).Draw(t, "state")
			if err := d.End(ctx, r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(t *rapid.T) {
				want := rapid.Int64Range(0, 700).Draw(t, "most")
				r, err := d.Begin(ctx, g, schemas.Release{MostRows: want, MostBytes: 10 * want})
				if m.revoked || m.used >= m.budget {
					if schemas.KindOf(err) != schemas.Denied {
						t.Fatalf("with %d of %d used, revoked %t: %v, want Denied", m.used, m.budget, m.revoked, err)
					}
					return
				}
				if err != nil || r.MostRows != min(want, m.budget-m.used) {
					t.Fatalf("begun with at most %d rows (%v), want %d", r.MostRows, err, min(want, m.budget-m.used))
				}
				m.used += r.MostRows
				m.open = append(m.open, r)
			},
			"end": func(t *rapid.T) {
				if len(m.open) == 0 {
					t.Skip("none is open")
				}
				i := rapid.IntRange(0, len(m.open)-1).Draw(t, "which")
				r := end(t, m.open[i])
				m.used += r.Rows - r.MostRows
				m.open = slices.Delete(m.open, i, i+1)
				m.ended[r.ID] = r
			},
			"end again": func(t *rapid.T) {
				for _, r := range m.ended {
					end(t, r) // changes nothing
					return
				}
				t.Skip("none has ended")
			},
			"revoke": func(t *rapid.T) {
				if rapid.IntRange(0, 4).Draw(t, "rarely") > 0 {
					t.Skip("not now")
				}
				_, err := d.Revoke(ctx, owner(), id, "because")
				if (err == nil) == m.revoked || m.revoked && schemas.KindOf(err) != schemas.Conflict {
					t.Fatalf("revoked before: %t; revoking: %v", m.revoked, err)
				}
				m.revoked = true
			},
			"": func(t *rapid.T) { m.check(t, d, id) },
		})
	})
}

func (m *history) check(t *rapid.T, d *Desk, id schemas.AgreementID) {
	a, err := d.Agreement(context.Background(), trainer(), id)
	if err != nil {
		t.Fatal(err)
	}
	if a.RowsUsed != m.used || a.RowsUsed < 0 || a.RowsUsed > m.budget {
		t.Fatalf("%d rows used, the model says %d of %d", a.RowsUsed, m.used, m.budget)
	}
	if (a.State == schemas.AgreementRevoked) != m.revoked {
		t.Fatalf("the agreement is %s, revoked in the model: %t", a.State, m.revoked)
	}
	all, _, err := d.Releases(context.Background(), trainer(), ReleaseQuery{Agreement: id}, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(m.open)+len(m.ended) {
		t.Fatalf("%d releases, the model has %d open and %d ended", len(all), len(m.open), len(m.ended))
	}
	for _, r := range all {
		want, ended := m.ended[r.ID]
		if ended && (r.State != want.State || r.Rows != want.Rows) || !ended && r.State != schemas.ReleaseOpen {
			t.Fatalf("release %s is %s with %d rows, the model says %s with %d", r.ID, r.State, r.Rows, want.State, want.Rows)
		}
	}
}
