// Package agreementtest is a small world for tests of what hangs on an agreement: people,
// a project, datasets, and agreements that stand without anybody having asked for them, so
// that a lease is tested without a request and a release without a lease.
//
// In: a database. Out: a World over it. Always: what it stores goes through the code of
// the product. It must not be imported but by tests.
package agreementtest

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/db"
	"guichet/connectors/ipc"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/party"
	"guichet/schemas"
)

// The organisations of a World: Lab leads the project p, Holder provides the datasets,
// Factory runs the site.
const (
	Holder  = schemas.ParticipantID("https://holder.example")
	Lab     = schemas.ParticipantID("https://lab.example")
	Factory = schemas.ParticipantID("https://factory.example")
)

// Trainer is ada of the Lab, who asks.
func Trainer() schemas.Principal { return Person("ada", Lab, schemas.RoleTrainer) }

// Owner is hal of the Holder, who provides.
func Owner() schemas.Principal { return Person("hal", Holder, schemas.RoleProvider) }

// Operator is the boss of the Factory.
func Operator() schemas.Principal { return Person("boss", Factory, schemas.RoleOperator) }

// Officer is of no organisation that takes part in anything.
func Officer() schemas.Principal {
	return Person("olga", "https://authority.example", schemas.RoleOfficer)
}

// Person is somebody of an organisation in some roles.
func Person(name string, of schemas.ParticipantID, roles ...schemas.Role) schemas.Principal {
	return schemas.Principal{Issuer: "i", Subject: name, Participant: of, Roles: roles}
}

// TB is what is needed of a test, also of one of rapid.
type TB interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

// Shelf is a catalogue of published datasets. Not safe for concurrent use.
type Shelf map[schemas.DatasetID]schemas.Dataset

// Get finds a dataset that is in sight. Errors: NotFound.
func (s Shelf) Get(_ context.Context, sight schemas.Sight, id schemas.DatasetID) (schemas.Dataset, error) {
	d, ok := s[id]
	if !ok || !sight.Sees(&d) {
		return d, schemas.Errorf(schemas.NotFound, string(id), "there is no dataset %s", id)
	}
	return d, nil
}

// Manifest finds any version of any dataset: one table a with the columns x, y and z and
// the split all. Errors: NotFound for the version v0.
func (s Shelf) Manifest(_ context.Context, id schemas.DatasetID, v schemas.VersionID) (schemas.Version, error) {
	if v == "v0" {
		return schemas.Version{}, schemas.Errorf(schemas.NotFound, string(id), "there is no version %s", v)
	}
	columns := []schemas.TableColumn{{Name: "x"}, {Name: "y"}, {Name: "z"}}
	var fields []arrow.Field
	for _, c := range columns {
		fields = append(fields, arrow.Field{Name: c.Name, Type: arrow.PrimitiveTypes.Int64})
	}
	return schemas.Version{Dataset: id, VersionSummary: schemas.VersionSummary{Version: v},
		Data: []schemas.Table{{Name: "a", Schema: ipc.EncodeSchema(fields), Columns: columns,
			Splits: []schemas.Split{{Name: "all"}, {Name: "train"}, {Name: "test"}}}}}, nil
}

// Terms changes the offer of a dataset, and of no other.
func (s Shelf) Terms(id schemas.DatasetID, change func(*schemas.Offer)) {
	ds := s[id]
	o := *ds.Offer
	rule := o.Rules[0]
	rule.Duties = append([]schemas.Duty(nil), rule.Duties...)
	o.Rules = append([]schemas.Rule{rule}, o.Rules[1:]...)
	change(&o)
	ds.Offer = &o
	s[id] = ds
}

// World is a database with the organisations, the factory f, the project p with the runs
// run-a and run-b, and a Shelf of the datasets ds-0, ds-1 and ds-2 on open terms.
type World struct {
	DB         *db.DB
	Parties    *party.Registry
	Agreements *agreement.Agreements
	Shelf      Shelf
	Offer      *schemas.Offer // of every dataset
}

// New makes a World whose terms give so many rows and bytes; 0 is any number.
func New(t TB, database *db.DB, rows, bytes int64) *World {
	t.Helper()
	ctx := context.Background()
	parties, err := party.New(database)
	Must(t, err)
	w := &World{DB: database, Parties: parties, Agreements: agreement.New(database, parties, nil), Shelf: Shelf{}}
	w.Join(t, Trainer())
	w.Join(t, Owner())
	_, err = parties.PutFactory(ctx, Operator(), schemas.Factory{ID: "f", Name: "F", Country: "FR"}, 0)
	Must(t, err)
	_, err = parties.PutProject(
		ctx, Operator(), schemas.Project{ID: "p", Title: "P", Lead: Lab, Factory: "f", Purposes: []string{"train-model"}}, 0,
	)
	Must(t, err)
	Must(t, database.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, id := range []schemas.RunID{"run-a", "run-b"} {
			err := db.Insert(ctx, tx, "run", string(id), schemas.Run{ID: id, Project: "p"}, db.Columns{"project": "p"})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	offer, err := policy.Template("open-with-attribution", policy.TemplateParams{Rows: rows})
	Must(t, err)
	for _, r := range offer.Rules {
		for i := range r.Duties {
			if r.Duties[i].Kind == schemas.DutyBudget {
				r.Duties[i].Bytes = bytes
			}
		}
	}
	w.Offer = &offer
	for i := range 3 {
		w.Put(schemas.DatasetID(fmt.Sprintf("ds-%d", i)))
	}
	return w
}

// Put adds a dataset on the terms of the others.
func (w *World) Put(id schemas.DatasetID) {
	w.Shelf[id] = schemas.Dataset{
		ID: id, Provider: Holder, Space: "agriculture", Offer: w.Offer, Latest: &schemas.VersionSummary{Version: "v1"},
	}
}

// Join makes a person the only member of its organisation, in its roles.
func (w *World) Join(t TB, who schemas.Principal) {
	t.Helper()
	w.Organisation(t, who.Participant, func(p *schemas.Participant) {
		p.Roles = who.Roles
		p.Members = []schemas.Member{{Issuer: who.Issuer, Subject: who.Subject, Roles: who.Roles}}
	})
}

// Organisation changes one, which is new where it was not known.
func (w *World) Organisation(t TB, id schemas.ParticipantID, change func(*schemas.Participant)) {
	t.Helper()
	ctx := context.Background()
	p, err := w.Parties.Participant(ctx, id)
	if schemas.KindOf(err) == schemas.NotFound {
		p, err = schemas.Participant{ID: id, Name: "N", Country: "FR", Kind: schemas.KindResearch}, nil
	}
	Must(t, err)
	change(&p)
	_, err = w.Parties.PutParticipant(ctx, Operator(), p, p.Revision)
	Must(t, err)
}

// Project changes the project p.
func (w *World) Project(t TB, change func(*schemas.Project)) {
	t.Helper()
	ctx := context.Background()
	p, err := w.Parties.Project(ctx, "p")
	Must(t, err)
	change(&p)
	_, err = w.Parties.PutProject(ctx, Operator(), p, p.Revision)
	Must(t, err)
}

// Agree stores an agreement on a dataset, as if a request of the Lab had been granted;
// change may be nil.
func (w *World) Agree(t TB, dataset schemas.DatasetID, change func(*schemas.Agreement)) schemas.Agreement {
	t.Helper()
	ds := w.Shelf[dataset]
	now := time.Now().UTC()
	duties := slices.Clone(ds.Offer.Rules[0].Duties)
	for i := range duties { // as a decision of the engine says them
		duties[i].Rule, duties[i].Source = cmp.Or(duties[i].Rule, "offer.use"), "the terms of the dataset"
	}
	a := schemas.Agreement{
		ID:          schemas.NewAgreementID(),
		Dataset:     dataset,
		Provider:    ds.Provider,
		Participant: Lab,
		Project:     "p",
		Purpose:     "train-model",
		Factory:     "f",
		Action:      "train",
		Versions:    []schemas.VersionID{"v1"},
		Obligations: duties,
		From:        now,
		Until:       now.Add(time.Hour),
		State:       schemas.AgreementActive,
		Offer:       *ds.Offer,
		Revision:    1,
	}
	if change != nil {
		change(&a)
	}
	Must(t, w.DB.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		return agreement.Conclude(ctx, tx, Trainer(), &a, "offer.use")
	}))
	return a
}

// Lease is one on an agreement as it stands in the hands of the Lab's trainer. It is
// stored nowhere, which is as if it had been forgotten since.
func Lease(id schemas.AgreementID) schemas.Lease {
	return schemas.Lease{ID: schemas.NewLeaseID(), Project: "p", Participant: Lab, Issuer: "i", Subject: "ada",
		Items: []schemas.LeaseItem{{Agreement: id, Version: "v1"}}, Until: time.Now().Add(time.Minute)}
}

// LookUp gives what a lease stands for now, as policy.Authorize asks for it.
func (w *World) LookUp(l schemas.Lease) policy.LookUp {
	return func(ctx context.Context, _ string, id schemas.AgreementID) (policy.Entitlement, error) {
		a, err := w.Agreements.Read(ctx, w.DB, id)
		if err != nil {
			return policy.Entitlement{}, err
		}
		f, err := w.Parties.Factory(ctx, a.Factory)
		if err != nil {
			return policy.Entitlement{}, err
		}
		b := agreement.Basis{}
		b.Note("agreement", string(id), a.Revision)
		b.Note("factory", string(f.ID), f.Revision)
		return policy.Entitlement{Lease: l, Agreement: a, Factory: f, Read: policy.Read(b)}, agreement.CheckHolder(ctx, w.DB, &l, b)
	}
}

// Ask is what a door asks for in an agreement's table.
func Ask(id schemas.AgreementID) policy.StreamRequest {
	return policy.StreamRequest{Door: "http", Agreement: id, Table: "a", Split: "all", World: 1, Address: netip.MustParseAddr("192.0.2.1")}
}

// Grant authorizes a stream of a run under a lease.
func (w *World) Grant(l schemas.Lease, run schemas.RunID) (policy.Grant, error) {
	ask := Ask(l.Items[0].Agreement)
	ask.Run = run
	return policy.Authorize(context.Background(), w.LookUp(l), "token", ask, time.Now())
}

// Entry is one of the record, with the values that its leaf only commits to.
type Entry struct {
	Subject string
	Values  map[string]string
	Numbers map[string]int64
}

// Entries gives the record's entries of a kind, oldest first.
func (w *World) Entries(t TB, kind string) []Entry {
	t.Helper()
	ctx := context.Background()
	var out []Entry
	all, err := w.DB.Changes(ctx, 0, 10_000)
	Must(t, err)
	for _, c := range all {
		if c.Kind != kind {
			continue
		}
		leaf, err := db.ParseLeaf(c.Leaf)
		Must(t, err)
		e := Entry{Subject: c.Subject, Values: map[string]string{}, Numbers: leaf.Numbers}
		rows, err := w.DB.Query(ctx, `SELECT name, value FROM change_value WHERE position = ?`, c.Position)
		Must(t, err)
		for rows.Next() {
			var name, value string
			Must(t, rows.Scan(&name, &value))
			if name != "of" && !strings.HasPrefix(name, "digest.") { // which the database adds itself
				e.Values[name] = value
			}
		}
		Must(t, rows.Err())
		Must(t, rows.Close())
		out = append(out, e)
	}
	return out
}

// Exec changes the database behind the product's back.
func (w *World) Exec(t TB, query string, args ...any) {
	t.Helper()
	Must(t, w.DB.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	}))
}

// Must fails on an error.
func Must(t TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Refused holds an error against the kind that it must have and what its text, rules and
// pointers must hold.
func Refused(t TB, what string, err error, kind schemas.Kind, texts ...string) {
	t.Helper()
	if schemas.KindOf(err) != kind || err == nil {
		t.Errorf("%s: want %s, got %v", what, kind, err)
		return
	}
	for _, s := range texts {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: %q is not in %v", what, s, err)
		}
	}
}
