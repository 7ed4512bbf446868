package agreement

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/ipc"
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
	table := schemas.Table{Name: "a"}
	var fields []arrow.Field
	for _, name := range []string{"x", "y", "z"} {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64})
		table.Columns = append(table.Columns, schemas.TableColumn{Name: name, Type: "int64"})
	}
	table.Schema = ipc.EncodeSchema(fields)
	return schemas.Version{Dataset: id, VersionSummary: schemas.VersionSummary{Version: v}, Data: []schemas.Table{table}}, nil
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
	return newDeskOn(t, dbtest.Open(t, dbtest.SQLite), rows, 0)
}

func newDeskOn(t *testing.T, database *db.DB, rows, bytes int64) *Desk {
	t.Helper()
	ctx := t.Context()
	parties, err := party.New(database)
	must(t, err)
	boss := schemas.Principal{Subject: "boss", Participant: "https://factory.example", Roles: []schemas.Role{schemas.RoleOperator}}
	for _, by := range []schemas.Principal{trainer(), owner()} {
		_, err = parties.PutParticipant(ctx, boss, schemas.Participant{ID: by.Participant, Name: "N", Country: "FR", Kind: schemas.KindResearch, Roles: by.Roles,
			Members: []schemas.Member{{Issuer: by.Issuer, Subject: by.Subject, Roles: by.Roles}}}, 0)
		must(t, err)
	}
	_, err = parties.PutFactory(ctx, boss, schemas.Factory{ID: "f", Name: "F", Country: "FR"}, 0)
	must(t, err)
	_, err = parties.PutProject(ctx, boss, schemas.Project{ID: "p", Title: "P", Lead: lab, Factory: "f", Purposes: []string{"train-model"}}, 0)
	must(t, err)
	must(t, database.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, id := range []schemas.RunID{"run-a", "run-b"} {
			err := db.Insert(ctx, tx, "run", string(id), schemas.Run{ID: id, Project: "p"}, db.Columns{"project": "p"})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	engine, err := policy.New(ctx)
	must(t, err)
	offer, err := policy.Template("open-with-attribution", policy.TemplateParams{Rows: rows})
	must(t, err)
	for _, r := range offer.Rules {
		for i := range r.Duties {
			if r.Duties[i].Kind == schemas.DutyBudget {
				r.Duties[i].Bytes = bytes
			}
		}
	}
	s := shelf{}
	for i := range 3 {
		id := schemas.DatasetID(fmt.Sprintf("ds-%d", i))
		s[id] = schemas.Dataset{ID: id, Provider: holder, Space: "agriculture", Offer: &offer, Latest: &schemas.VersionSummary{Version: "v1"}}
	}
	return New(Config{DB: database, Engine: engine, Parties: parties, Catalogue: s, LeaseKey: []byte(strings.Repeat("k", 32)), Replica: "r"})
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

// drawWorld draws a world, more often one than a rank is drawn: ranks need it.
func drawWorld(t *rapid.T) *int {
	n := rapid.SampledFrom([]int{0, 1, 2, 3, 3}).Draw(t, "world")
	if n == 0 {
		return nil
	}
	return &n
}

// drawOrder draws one of a few orders, or none where there may be none.
func drawOrder(t *rapid.T, said bool) *schemas.Order {
	if !said && rapid.Bool().Draw(t, "no order") {
		return nil
	}
	return &schemas.Order{Seed: rapid.SampledFrom([]string{"", "7"}).Draw(t, "seed"), Start: rapid.SampledFrom([]string{"", "", "5@2"}).Draw(t, "start")}
}

func drawWant(t *rapid.T, ids []schemas.AgreementID) policy.Want {
	it := drawItem(t, ids)
	return policy.Want{Door: "http", Agreement: it.Agreement, Version: it.Version, Table: it.Table, Split: it.Split, Columns: it.Columns,
		Order: *drawOrder(t, true), World: rapid.IntRange(0, 3).Draw(t, "asked world"), Rank: rapid.IntRange(0, 2).Draw(t, "asked rank"), Address: netip.MustParseAddr("192.0.2.1")}
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
		ask := LeaseAsk{Rank: drawNumber(t, "rank"), World: drawWorld(t), Order: drawOrder(t, false)}
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
			n := LeaseAsk{Rank: drawNumber(t, "rank"), World: drawWorld(t), Order: drawOrder(t, false), Until: time.Now().Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "minutes")) * time.Minute)}
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
				if child.OnePart != (child.Lease.Rank != nil && child.Lease.World != nil && child.Lease.Order != nil) || child.OnePart && (*child.Lease.Rank != w.Rank || *child.Lease.World != w.World || *child.Lease.Order != w.Order) {
					t.Fatalf("a lease on one part, %+v, opens %+v", child.Lease, w)
				}
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
