package agreement

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/policy/party"
	"guichet/schemas"
)

// stored is a catalogue whose datasets lie in the registry, as the real one's do.
type stored struct {
	shelf
	db *db.DB
}

func (s stored) Get(ctx context.Context, sight schemas.Sight, id schemas.DatasetID) (schemas.Dataset, error) {
	d, revision, err := db.Get[schemas.Dataset](ctx, s.db, "dataset", string(id))
	if err != nil {
		return d, err
	}
	d.Revision = revision
	return shelf{id: d}.Get(ctx, sight, id)
}

func boss() schemas.Principal {
	return schemas.Principal{Issuer: "i", Subject: "boss", Participant: "https://factory.example", Roles: []schemas.Role{schemas.RoleOperator}}
}

// world is a registry that changes while others decide.
type world struct {
	t *rapid.T
	d *desk
}

func newWorld(t *testing.T, review bool) *desk {
	t.Helper()
	d := newDeskOn(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	all := stored{d.catalogue.(shelf), d.agreements.DB}
	d.catalogue = all
	d.wire(d.engine, nil)
	must(t, d.agreements.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		ds := all.shelf["ds-0"]
		o := *ds.Offer
		o.Review = review
		ds.Offer = &o
		err := db.Insert(ctx, tx, "dataset", "ds-0", ds, db.Columns{"origin": string(holder), "iri": "urn:x", "provider": string(holder), "withdrawn": 0})
		if err == nil {
			_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeDatasetPut, Subject: "ds-0"})
		}
		return err
	}))
	return d
}

func (w world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w world) dataset(change func(*schemas.Dataset)) {
	w.must(w.d.agreements.DB.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		ds, revision, err := db.Get[schemas.Dataset](ctx, tx, "dataset", "ds-0")
		if err != nil {
			return err
		}
		change(&ds)
		_, err = db.Update(ctx, tx, "dataset", "ds-0", revision, ds, nil)
		if err == nil {
			_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeDatasetPut, Subject: "ds-0"})
		}
		return err
	}))
}

func (w world) project(change func(*schemas.Project)) {
	p, err := w.d.agreements.Parties.Project(context.Background(), "p")
	w.must(err)
	change(&p)
	_, err = w.d.agreements.Parties.PutProject(context.Background(), boss(), p, p.Revision)
	w.must(err)
}

func (w world) organisation(change func(*schemas.Participant)) {
	p, err := w.d.agreements.Parties.Participant(context.Background(), lab)
	w.must(err)
	change(&p)
	_, err = w.d.agreements.Parties.PutParticipant(context.Background(), boss(), p, p.Revision)
	w.must(err)
}

// changes are what may happen between a decision and the transaction that stores it.
func (w world) changes() map[string]func() {
	hide := func(ds *schemas.Dataset, columns ...string) {
		o := *ds.Offer
		o.Rules = slices.Clone(o.Rules)
		o.Rules[0].Duties = nil
		if len(columns) > 0 {
			o.Rules[0].Duties = []schemas.Duty{{Kind: schemas.DutyHide, Columns: columns}}
		}
		ds.Offer = &o
	}
	ctx := context.Background()
	return map[string]func(){
		"tighten": func() { w.dataset(func(ds *schemas.Dataset) { hide(ds, "x") }) },
		"loosen":  func() { w.dataset(func(ds *schemas.Dataset) { hide(ds) }) },
		"hidden":  func() { w.dataset(func(ds *schemas.Dataset) { ds.Visibility = schemas.VisibleToListed }) },
		"shown":   func() { w.dataset(func(ds *schemas.Dataset) { ds.Visibility = "" }) },
		"publish": func() {
			w.dataset(func(ds *schemas.Dataset) { ds.Latest = &schemas.VersionSummary{Version: ds.Latest.Version + "0"} })
		},
		"stop": func() {
			_, err := w.d.stops.Stop(ctx, boss(), lab, "because")
			w.must(err)
		},
		"unstop":  func() { _, _ = w.d.stops.Unstop(ctx, boss(), lab, "because") }, // or there is nothing to lift
		"over":    func() { w.project(func(p *schemas.Project) { p.Until = p.From.Add(time.Hour) }) },
		"running": func() { w.project(func(p *schemas.Project) { p.Until = time.Time{} }) },
		"lead":    func() { w.project(func(p *schemas.Project) { p.Lead, p.Partners = holder, nil }) },
		"partner": func() {
			w.project(func(p *schemas.Project) { p.Lead, p.Partners = lab, []schemas.ParticipantID{holder} })
		},
		"leaves": func() { w.organisation(func(p *schemas.Participant) { p.Members = nil }) },
		"comes": func() {
			w.organisation(func(p *schemas.Participant) {
				p.Members = []schemas.Member{{Issuer: "i", Subject: "ada", Roles: trainer().Roles}}
			})
		},
		"country": func() {
			w.organisation(func(p *schemas.Participant) { p.Country = map[string]string{"FR": "DE", "DE": "FR"}[p.Country] })
		},
	}
}

// sound says that an agreement which stands now could be concluded now: nothing has
// changed since the transaction that did it.
func (w world) sound(id schemas.AgreementID) {
	ctx := context.Background()
	a, err := w.d.agreements.read(ctx, w.d.agreements.DB, id)
	w.must(err)
	ds, _, err := db.Get[schemas.Dataset](ctx, w.d.agreements.DB, "dataset", "ds-0")
	w.must(err)
	if !reflect.DeepEqual(a.Offer, *ds.Offer) || !slices.Contains(a.Versions, ds.Latest.Version) || !policy.SightOf(trainer()).Sees(&ds) {
		w.t.Fatalf("the agreement stands under another offer than the dataset's\n%+v\n%+v", a.Offer, *ds.Offer)
	}
	hidden := slices.ContainsFunc(ds.Offer.Rules[0].Duties, func(d schemas.Duty) bool { return d.Kind == schemas.DutyHide })
	if hidden != slices.ContainsFunc(a.Obligations, func(d schemas.Duty) bool { return d.Kind == schemas.DutyHide }) {
		w.t.Fatalf("the agreement hides %+v, the offer %t", a.Obligations, hidden)
	}
	p, err := w.d.agreements.Parties.Participant(ctx, lab)
	w.must(err)
	j, err := w.d.agreements.Parties.Project(ctx, "p")
	w.must(err)
	if p.Stopped || !party.IsPartner(j, lab) || !party.Running(j, time.Now()) || slices.Contains(a.Partners, holder) != slices.Contains(j.Partners, holder) {
		w.t.Fatalf("concluded for %+v in %+v; its partners are %v", p, j, a.Partners)
	}
}

// However a registry changes while a request, a review or a lease is decided, nothing is
// concluded on terms that do not hold when it is stored; and what was decided on terms
// that came to rest is not turned away.
func TestNothingIsConcludedOnOldTerms(t *testing.T) {
	t.Parallel()
	granted, anew, restless := 0, 0, 0
	desks := map[bool]*desk{false: newWorld(t, false), true: newWorld(t, true)}
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		review := rapid.Bool().Draw(t, "review")
		d := desks[review]
		w := world{t, d}
		d.agreements.judged = nil
		for _, back := range []string{"loosen", "shown", "unstop", "running", "partner", "comes"} {
			w.changes()[back]()
		}
		names := []string{}
		for name := range w.changes() {
			names = append(names, name)
		}
		slices.Sort(names)
		turns, upset := 0, rapid.SampledFrom([]int{0, 1, 1, 2, attempts}).Draw(t, "upset")
		between := func() {
			turns++
			if turns <= upset {
				for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(t, "changes") {
					w.changes()[name]()
				}
			}
		}
		r := schemas.Request{Project: "p", Items: []schemas.RequestItem{{Dataset: "ds-0"}}}
		if !review {
			d.agreements.judged = between
		}
		r, err := d.requests.Submit(ctx, trainer(), r)
		if err == nil && review && r.State == schemas.RequestPending {
			d.agreements.judged = between
			r, err = d.requests.Review(ctx, owner(), r.ID, schemas.Review{Decision: "grant", Reason: "fine"})
		}
		anew += min(max(turns-1, 0), 1)
		switch schemas.KindOf(err) {
		case schemas.Conflict:
			restless++
			if turns < attempts {
				t.Fatalf("turned away after %d turns: %v", turns, err)
			}
		case schemas.Denied, schemas.NotFound, schemas.Invalid:
		default:
			if err != nil {
				t.Fatal(err)
			}
			if id := r.Items[0].Agreement; id != "" {
				granted++
				w.sound(id)
				if !review { // and she is still a member
					w.must(acts(ctx, d.agreements.DB, trainer(), schemas.RoleTrainer))
				}
			}
		}
		if err != nil {
			return
		}
		id := r.Items[0].Agreement
		if id == "" {
			return
		}
		turns = 0
		d.agreements.judged = between
		l, err := d.leases.Mint(ctx, trainer(), LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
		d.agreements.judged = nil
		if err == nil {
			w.must(acts(ctx, d.agreements.DB, trainer(), schemas.RoleTrainer))
			a, err := d.agreements.read(ctx, d.agreements.DB, id)
			w.must(err)
			j, err := d.agreements.Parties.Project(ctx, "p")
			w.must(err)
			if a.State != schemas.AgreementActive || !party.IsPartner(j, lab) || l.Token == "" {
				t.Fatalf("leased: %s, of %+v", a.State, j)
			}
		}
	})
	t.Logf("%d were granted, %d decided anew, %d told to send again", granted, anew, restless)
	if (granted < 5 || anew < 5) && !testing.Short() {
		t.Error("the test tries too little")
	}
}

// What a stop ended stays ended: an agreement that was decided before the stop does not
// stand after it, nor after the stop is lifted.
func TestAStopOvertakesADecision(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		d := newDeskOn(t, db, 0, 0)
		d.agreements.judged = func() {
			d.agreements.judged = nil
			_, err := d.stops.Stop(t.Context(), boss(), lab, "breach")
			must(t, err)
		}
		r, err := d.requests.Submit(t.Context(), trainer(), schemas.Request{Project: "p", Items: []schemas.RequestItem{{Dataset: "ds-0"}}})
		if err != nil || r.State != schemas.RequestRefused || r.Items[0].Decision.Reasons[0].Rule != "participant.stopped" {
			t.Fatalf("%s, %v", r.State, err)
		}
		_, err = d.stops.Unstop(t.Context(), boss(), lab, "settled")
		must(t, err)
		n := 0
		must(t, db.QueryRow(t.Context(), `SELECT count(*) FROM agreement WHERE state = 'active'`).Scan(&n))
		if n != 0 {
			t.Errorf("%d agreements stand after the stop was lifted", n)
		}
	})
}
