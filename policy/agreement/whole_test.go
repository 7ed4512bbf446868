package agreement_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/release"
	"guichet/policy/agreement/request"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/terms"
	"guichet/policy/party"
	"guichet/schemas"
)

// rig is the whole field, wired as the gateway wires it.
type rig struct {
	*agreementtest.World
	engine   *policy.Engine
	requests *request.Requests
	leases   *lease.Leases
	releases *release.Releases
	stops    *stop.Stops
}

func newRig(t *testing.T, database *db.DB, rows, bytes int64) *rig {
	t.Helper()
	d := &rig{World: agreementtest.New(t, database, rows, bytes)}
	var err error
	d.engine, err = policy.New(t.Context())
	agreementtest.Must(t, err)
	d.over(d.Shelf)
	return d
}

// over wires the rig to a catalogue.
func (d *rig) over(catalogue interface {
	Get(ctx context.Context, sight schemas.Sight, id schemas.DatasetID) (schemas.Dataset, error)
	Manifest(ctx context.Context, id schemas.DatasetID, version schemas.VersionID) (schemas.Version, error)
}) {
	brake := stop.NewBrake(d.DB, nil)
	d.requests = request.New(request.Config{Agreements: d.Agreements, Engine: d.engine, Catalogue: catalogue,
		Terms: terms.New(catalogue, nil)})
	d.leases = lease.New(lease.Config{Agreements: d.Agreements, Catalogue: catalogue, Brake: brake, Key: []byte(strings.Repeat("k", 32))})
	d.releases = release.New(release.Config{Agreements: d.Agreements, Brake: brake, Replica: "r"})
	d.stops = stop.New(d.Agreements, brake)
}

// agreed asks for datasets and gives the agreements.
func (d *rig) agreed(t agreementtest.TB, ids ...schemas.DatasetID) []schemas.AgreementID {
	t.Helper()
	r := schemas.Request{Project: "p"}
	for _, id := range ids {
		r.Items = append(r.Items, schemas.RequestItem{Dataset: id})
	}
	r, err := d.requests.Submit(context.Background(), agreementtest.Trainer(), r)
	if err != nil || r.State != schemas.RequestGranted {
		t.Fatal("the request is", r.State, err)
	}
	var out []schemas.AgreementID
	for _, it := range r.Items {
		out = append(out, it.Agreement)
	}
	return out
}

// stored is a catalogue whose datasets lie in the registry, as the real one's do.
type stored struct {
	agreementtest.Shelf
	db *db.DB
}

func (s stored) Get(ctx context.Context, sight schemas.Sight, id schemas.DatasetID) (schemas.Dataset, error) {
	d, revision, err := db.Get[schemas.Dataset](ctx, s.db, "dataset", string(id))
	if err != nil {
		return d, err
	}
	d.Revision = revision
	return agreementtest.Shelf{id: d}.Get(ctx, sight, id)
}

// world is a registry that changes while others decide.
type world struct {
	t *rapid.T
	d *rig
}

func newWorld(t *testing.T, review bool) *rig {
	t.Helper()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	all := stored{d.Shelf, d.DB}
	d.over(all)
	agreementtest.Must(t, d.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		ds := all.Shelf["ds-0"]
		o := *ds.Offer
		o.Review = review
		ds.Offer = &o
		err := db.Insert(
			ctx, tx, "dataset", "ds-0", ds,
			db.Columns{"origin": string(agreementtest.Holder), "iri": "urn:x", "provider": string(agreementtest.Holder), "withdrawn": 0},
		)
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
	w.must(w.d.DB.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
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
	p, err := w.d.Parties.Project(context.Background(), "p")
	w.must(err)
	change(&p)
	_, err = w.d.Parties.PutProject(context.Background(), agreementtest.Operator(), p, p.Revision)
	w.must(err)
}

func (w world) organisation(change func(*schemas.Participant)) {
	p, err := w.d.Parties.Participant(context.Background(), agreementtest.Lab)
	w.must(err)
	change(&p)
	_, err = w.d.Parties.PutParticipant(context.Background(), agreementtest.Operator(), p, p.Revision)
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
			_, err := w.d.stops.Stop(ctx, agreementtest.Operator(), agreementtest.Lab, "because")
			w.must(err)
		},
		"unstop":  func() { _, _ = w.d.stops.Unstop(ctx, agreementtest.Operator(), agreementtest.Lab, "because") }, // or there is nothing to lift
		"over":    func() { w.project(func(p *schemas.Project) { p.Until = p.From.Add(time.Hour) }) },
		"running": func() { w.project(func(p *schemas.Project) { p.Until = time.Time{} }) },
		"lead":    func() { w.project(func(p *schemas.Project) { p.Lead, p.Partners = agreementtest.Holder, nil }) },
		"partner": func() {
			w.project(func(p *schemas.Project) {
				p.Lead, p.Partners = agreementtest.Lab, []schemas.ParticipantID{agreementtest.Holder}
			})
		},
		"leaves": func() { w.organisation(func(p *schemas.Participant) { p.Members = nil }) },
		"comes": func() {
			w.organisation(func(p *schemas.Participant) {
				p.Members = []schemas.Member{{Issuer: "i", Subject: "ada", Roles: agreementtest.Trainer().Roles}}
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
	a, err := w.d.Agreements.Read(ctx, w.d.DB, id)
	w.must(err)
	ds, _, err := db.Get[schemas.Dataset](ctx, w.d.DB, "dataset", "ds-0")
	w.must(err)
	if !reflect.DeepEqual(a.Offer, *ds.Offer) || !slices.Contains(a.Versions, ds.Latest.Version) ||
		!policy.SightOf(agreementtest.Trainer()).Sees(&ds) {
		w.t.Fatalf("the agreement stands under another offer than the dataset's\n%+v\n%+v", a.Offer, *ds.Offer)
	}
	hidden := slices.ContainsFunc(ds.Offer.Rules[0].Duties, func(d schemas.Duty) bool { return d.Kind == schemas.DutyHide })
	if hidden != slices.ContainsFunc(a.Obligations, func(d schemas.Duty) bool { return d.Kind == schemas.DutyHide }) {
		w.t.Fatalf("the agreement hides %+v, the offer %t", a.Obligations, hidden)
	}
	p, err := w.d.Parties.Participant(ctx, agreementtest.Lab)
	w.must(err)
	j, err := w.d.Parties.Project(ctx, "p")
	w.must(err)
	if p.Stopped || !party.IsPartner(j, agreementtest.Lab) || !party.Running(j, time.Now()) ||
		slices.Contains(a.Partners, agreementtest.Holder) != slices.Contains(j.Partners, agreementtest.Holder) {
		w.t.Fatalf("concluded for %+v in %+v; its partners are %v", p, j, a.Partners)
	}
}

// However a registry changes while a request, a review or a lease is decided, nothing is
// concluded on terms that do not hold when it is stored; and what was decided on terms
// that came to rest is not turned away.
func TestNothingIsConcludedOnOldTerms(t *testing.T) {
	t.Parallel()
	granted, anew, restless := 0, 0, 0
	desks := map[bool]*rig{false: newWorld(t, false), true: newWorld(t, true)}
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		review := rapid.Bool().Draw(t, "review")
		d := desks[review]
		w := world{t, d}
		d.Agreements.Judged(nil)
		for _, back := range []string{"loosen", "shown", "unstop", "running", "partner", "comes"} {
			w.changes()[back]()
		}
		names := []string{}
		for name := range w.changes() {
			names = append(names, name)
		}
		slices.Sort(names)
		turns, upset := 0, rapid.SampledFrom([]int{0, 1, 1, 2, agreement.Attempts}).Draw(t, "upset")
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
			d.Agreements.Judged(between)
		}
		r, err := d.requests.Submit(ctx, agreementtest.Trainer(), r)
		if err == nil && review && r.State == schemas.RequestPending {
			d.Agreements.Judged(between)
			r, err = d.requests.Review(ctx, agreementtest.Owner(), r.ID, schemas.Review{Decision: "grant", Reason: "fine"})
		}
		anew += min(max(turns-1, 0), 1)
		switch schemas.KindOf(err) {
		case schemas.Conflict:
			restless++
			if turns < agreement.Attempts {
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
				if !review { // and the trainer is still a member
					w.must(agreement.CheckMember(ctx, d.DB, agreementtest.Trainer(), schemas.RoleTrainer))
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
		d.Agreements.Judged(between)
		l, err := d.leases.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
		d.Agreements.Judged(nil)
		if err == nil {
			w.must(agreement.CheckMember(ctx, d.DB, agreementtest.Trainer(), schemas.RoleTrainer))
			a, err := d.Agreements.Read(ctx, d.DB, id)
			w.must(err)
			j, err := d.Parties.Project(ctx, "p")
			w.must(err)
			if a.State != schemas.AgreementActive || !party.IsPartner(j, agreementtest.Lab) || l.Token == "" {
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
		d := newRig(t, db, 0, 0)
		d.Agreements.Judged(func() {
			d.Agreements.Judged(nil)
			_, err := d.stops.Stop(t.Context(), agreementtest.Operator(), agreementtest.Lab, "breach")
			agreementtest.Must(t, err)
		})
		r, err := d.requests.Submit(
			t.Context(), agreementtest.Trainer(), schemas.Request{Project: "p", Items: []schemas.RequestItem{{Dataset: "ds-0"}}},
		)
		if err != nil || r.State != schemas.RequestRefused || r.Items[0].Decision.Reasons[0].Rule != "participant.stopped" {
			t.Fatalf("%s, %v", r.State, err)
		}
		_, err = d.stops.Unstop(t.Context(), agreementtest.Operator(), agreementtest.Lab, "settled")
		agreementtest.Must(t, err)
		n := 0
		agreementtest.Must(t, db.QueryRow(t.Context(), `SELECT count(*) FROM agreement WHERE state = 'active'`).Scan(&n))
		if n != 0 {
			t.Errorf("%d agreements stand after the stop was lifted", n)
		}
	})
}

func look(ctx context.Context, d *rig, token string, id schemas.AgreementID) (policy.Grant, error) {
	return policy.Authorize(
		ctx, d.leases.LookUp, token,
		policy.StreamRequest{Door: "http", Agreement: id, Table: "a", Split: "all", World: 1, Address: netip.MustParseAddr("192.0.2.1")},
		time.Now(),
	)
}

// A lease is good only in the hands that it was made for: when its person, its
// organisation's part in the project or the lease itself is taken away, or one that it was
// narrowed from, nothing opens under it, nothing more is reserved, and what runs is cut on
// every replica. What is given back opens again, where the lease was not revoked.
func TestLeasesEndWithTheirHolders(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		d := newRig(t, db, 0, 0)
		ctx := t.Context()
		id := d.agreed(t, "ds-0")[0]
		feed := stop.NewFeed(db, slog.New(slog.DiscardHandler))
		following, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); _ = feed.Run(following) }()
		defer func() { stop(); <-done }()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for feed.Stale() > time.Minute { // until it follows
			<-tick.C
		}
		organisation := func(roles ...schemas.Role) {
			t.Helper()
			p, err := d.Parties.Participant(ctx, agreementtest.Lab)
			agreementtest.Must(t, err)
			p.Roles, p.Members = []schemas.Role{
				schemas.RoleTrainer,
				schemas.RoleProvider,
			}, []schemas.Member{
				{Issuer: "i", Subject: "other", Roles: agreementtest.Trainer().Roles},
			}
			if len(roles) > 0 {
				p.Members = append(p.Members, schemas.Member{Issuer: "i", Subject: "ada", Roles: roles})
			}
			_, err = d.Parties.PutParticipant(ctx, agreementtest.Operator(), p, p.Revision)
			agreementtest.Must(t, err)
		}
		project := func(lead schemas.ParticipantID, partners ...schemas.ParticipantID) {
			t.Helper()
			p, err := d.Parties.Project(ctx, "p")
			agreementtest.Must(t, err)
			p.Lead, p.Partners = lead, partners
			_, err = d.Parties.PutProject(ctx, agreementtest.Operator(), p, p.Revision)
			agreementtest.Must(t, err)
		}
		var revoked schemas.LeaseID
		type both = func(parent, child schemas.LeaseAnswer) // two leases of one line
		is := func(do func()) both { return func(_, _ schemas.LeaseAnswer) { do() } }
		trains := func() { organisation(schemas.RoleTrainer) }
		for name, c := range map[string]struct {
			rule       string
			take, give both
		}{
			"the person leaves": {"member.trainer", is(func() { organisation() }), is(trains)},
			"the role is taken": {"member.trainer", is(func() { organisation(schemas.RoleProvider) }), is(trains)},
			"the organisation is taken out": {
				"lease.partner", is(func() { project(agreementtest.Holder) }), is(func() { project(agreementtest.Lab) }),
			},
			"its parent is revoked": {"lease.revoked", func(parent, _ schemas.LeaseAnswer) {
				revoked = parent.Lease.ID
				_, err := d.leases.Revoke(ctx, agreementtest.Trainer(), revoked, "leaked")
				agreementtest.Must(t, err)
			}, nil},
			"it is revoked": {"lease.revoked", func(_, child schemas.LeaseAnswer) {
				_, err := d.leases.Revoke(ctx, agreementtest.Owner(), child.Lease.ID, "misused")
				agreementtest.Must(t, err)
			}, nil},
		} {
			parent, err := d.leases.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
			agreementtest.Must(t, err)
			middle, err := d.leases.Attenuate(ctx, parent.Token, schemas.LeaseAsk{})
			agreementtest.Must(t, err)
			child, err := d.leases.Attenuate(
				ctx, middle.Token, schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id, Columns: []string{"x"}}}},
			)
			agreementtest.Must(t, err)
			g, err := look(ctx, d, child.Token, id)
			agreementtest.Must(t, err)
			cut := make(chan string, 1)
			unwatch := feed.Watch(id, "", g.Lease(), func(reason string) { cut <- reason })
			r, tab, err := d.releases.Begin(ctx, g, schemas.Release{MostRows: 10, MostBytes: 10}, release.ReadPlan{})
			agreementtest.Must(t, err)
			c.take(parent, child)
			select {
			case <-cut:
			case <-time.After(20 * time.Second):
				t.Errorf("%s: the stream goes on", name)
			}
			unwatch()
			_, again := look(ctx, d, child.Token, id)
			_, _, begun := d.releases.Begin(ctx, g, schemas.Release{MostRows: 10, MostBytes: 10}, release.ReadPlan{})
			more := d.releases.More(ctx, r, tab, 10, 10)
			_, narrowed := d.leases.Attenuate(ctx, child.Token, schemas.LeaseAsk{})
			for what, err := range map[string]error{"opens": again, "begins": begun, "goes on": more, "is narrowed": narrowed} {
				if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), c.rule) {
					t.Errorf("%s, and the lease %s: %v", name, what, err)
				}
			}
			agreementtest.Must(t, d.releases.End(ctx, schemas.Release{ID: r.ID, State: schemas.ReleaseCut}, tab))
			if c.give != nil {
				c.give(parent, child)
				_, err = look(ctx, d, child.Token, id)
				agreementtest.Must(t, err)
			}
		}
		for _, by := range []schemas.Principal{
			agreementtest.Person("x", "https://x.example", schemas.RoleTrainer, schemas.RoleProvider, schemas.RoleOfficer),
			{Issuer: "i", Subject: "ada", Participant: agreementtest.Lab, Roles: []schemas.Role{schemas.RoleProvider}},
		} {
			_, err := d.leases.Revoke(ctx, by, revoked, "not mine")
			if schemas.KindOf(err) != schemas.NotFound {
				t.Errorf("%+v ends the lease of others: %v", by, err)
			}
		}
		_, err := d.leases.Revoke(ctx, agreementtest.Operator(), revoked, "twice")
		if schemas.KindOf(err) != schemas.Conflict {
			t.Errorf("revoked twice: %v", err)
		}
	})
}

// take streams rows under an agreement, as many as come, and gives their number.
func take(t *testing.T, d *rig, id schemas.AgreementID, rows int64) (int64, error) {
	t.Helper()
	return takeAs(t, d, agreementtest.Trainer(), id, rows)
}

func takeAs(t *testing.T, d *rig, by schemas.Principal, id schemas.AgreementID, rows int64) (int64, error) {
	t.Helper()
	l, err := d.leases.Mint(t.Context(), by, schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
	agreementtest.Must(t, err)
	g, err := policy.Authorize(
		t.Context(), d.leases.LookUp, l.Token,
		policy.StreamRequest{Door: "http", Agreement: id, Table: "a", Split: "all", World: 1, Address: netip.MustParseAddr("192.0.2.1")},
		time.Now(),
	)
	agreementtest.Must(t, err)
	r, tab, err := d.releases.Begin(t.Context(), g, schemas.Release{MostRows: rows, MostBytes: 10 * rows}, release.ReadPlan{})
	if err != nil {
		return 0, err
	}
	for r.Rows < rows && err == nil {
		for err == nil && !tab.Pay(&r, 1, 10) {
			err = d.releases.More(t.Context(), r, tab, 1, 10)
		}
		if err == nil {
			r.Rows, r.Bytes = r.Rows+1, r.Bytes+10
		}
	}
	if err != nil && schemas.KindOf(err) != schemas.Denied {
		t.Fatal(err)
	}
	r.State = schemas.ReleaseComplete
	agreementtest.Must(t, d.releases.End(t.Context(), r, tab))
	return r.Rows, nil
}

// A project gets what a budget gives once, by however many requests: what is left is shown
// before it bites and named when it is nothing; a new request is then refused. Another
// project of the same organisation gets nothing more, that of another one has its own, and
// another budget of the provider's begins anew, while the same one put again does not.
func TestABudgetIsAProjects(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		d := newRig(t, db, 100, 0)
		ctx := t.Context()
		var ids []schemas.AgreementID
		for range 4 {
			ids = append(ids, d.agreed(t, "ds-0")[0])
		}
		ask := schemas.Ask{Dataset: "ds-0", Project: "p", Purpose: "train-model"}
		left := func(want int64) {
			t.Helper()
			a, err := d.Agreements.Get(ctx, agreementtest.Trainer(), ids[3])
			agreementtest.Must(t, err)
			dec, err := d.requests.DryRun(ctx, agreementtest.Trainer(), ask)
			agreementtest.Must(t, err)
			for what, l := range map[string]*schemas.Left{"the agreement": a.Left, "the dry run": dec.Left} {
				if l == nil || l.Rows == nil || *l.Rows != want || l.Bytes != nil {
					t.Errorf("%s says that %+v is left, want %d rows", what, l, want)
				}
			}
		}
		left(100)
		got := int64(0)
		for i, want := range []int64{40, 40, 20} {
			n, err := take(t, d, ids[i], 40)
			agreementtest.Must(t, err)
			got += n
			if n != want {
				t.Errorf("stream %d got %d rows, want %d", i, n, want)
			}
			if i < 2 {
				left(100 - got)
			}
		}
		_, err := take(t, d, ids[3], 40)
		if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "100 of 100 rows used or reserved by the project") {
			t.Errorf("the refusal does not name what is left: %v", err)
		}
		dec, err := d.requests.DryRun(ctx, agreementtest.Trainer(), ask)
		if err != nil || dec.Verdict != schemas.VerdictNo || !strings.Contains(dec.Reasons[0].Text, "100 of 100 rows") {
			t.Errorf("asked again: %+v, %v", dec, err)
		}
		a, err := d.Agreements.Get(ctx, agreementtest.Trainer(), ids[3])
		if err != nil || *a.Left.Rows != 0 {
			t.Errorf("the agreement says %+v, %v", a.Left, err)
		}
		_, err = d.Parties.PutProject(
			ctx, agreementtest.Trainer(), schemas.Project{ID: "q", Title: "Q", Factory: "f", Purposes: []string{"train-model"}}, 0,
		)
		agreementtest.Must(t, err)
		r, err := d.requests.Submit(ctx, agreementtest.Trainer(), schemas.Request{Project: "q", Items: []schemas.RequestItem{{Dataset: "ds-0"}}})
		if err != nil || r.State != schemas.RequestRefused ||
			!strings.Contains(
				r.Items[0].Decision.Reasons[0].Text, "100 of 100 rows used or reserved by "+string(agreementtest.Lab)+", over all of its projects",
			) {
			t.Errorf("another project of the same organisation: %+v, %v", r, err)
		}
		two := schemas.Principal{Issuer: "i", Subject: "eve", Participant: "https://two.example", Roles: agreementtest.Trainer().Roles}
		_, err = d.Parties.PutParticipant(
			ctx,
			agreementtest.Operator(),
			schemas.Participant{
				ID: two.Participant, Name: "T", Country: "FR", Kind: schemas.KindResearch, Roles: two.Roles,
				Members: []schemas.Member{{Issuer: "i", Subject: "eve", Roles: two.Roles}},
			},
			0,
		)
		agreementtest.Must(t, err)
		_, err = d.Parties.PutProject(
			ctx,
			agreementtest.Trainer(),
			schemas.Project{
				ID: "led", Title: "L", Partners: []schemas.ParticipantID{two.Participant}, Factory: "f", Purposes: []string{"train-model"},
			},
			0,
		)
		agreementtest.Must(t, err)
		r, err = d.requests.Submit(ctx, two, schemas.Request{Project: "led", Items: []schemas.RequestItem{{Dataset: "ds-0"}}})
		if err != nil || r.State != schemas.RequestRefused {
			t.Errorf("a partner asks for a lead that has all: %+v, %v", r, err)
		}
		_, err = d.Parties.PutProject(ctx, two, schemas.Project{ID: "own", Title: "O", Factory: "f", Purposes: []string{"train-model"}}, 0)
		agreementtest.Must(t, err)
		r, err = d.requests.Submit(ctx, two, schemas.Request{Project: "own", Items: []schemas.RequestItem{{Dataset: "ds-0"}}})
		agreementtest.Must(t, err)
		n, err := takeAs(t, d, two, r.Items[0].Agreement, 60)
		if n != 60 || err != nil {
			t.Errorf("another organisation got %d rows, %v", n, err)
		}
		d.Shelf.Terms("ds-0", func(o *schemas.Offer) { o.Title = schemas.Text{"en": "the same terms"} })
		dec, err = d.requests.DryRun(ctx, agreementtest.Trainer(), ask)
		if err != nil || dec.Verdict != schemas.VerdictNo {
			t.Errorf("the same budget put again: %s, %v", dec.Verdict, err)
		}
		d.Shelf.Terms("ds-0", func(o *schemas.Offer) {
			for i := range o.Rules[0].Duties {
				o.Rules[0].Duties[i].Rows *= 2
			}
		})
		second, err := d.requests.Submit(
			ctx, agreementtest.Trainer(), schemas.Request{Project: "q", Items: []schemas.RequestItem{{Dataset: "ds-0"}}},
		)
		agreementtest.Must(t, err)
		n, err = take(t, d, d.agreed(t, "ds-0")[0], 150)
		if n != 150 || err != nil {
			t.Errorf("of a new budget of 200 came %d rows, %v", n, err)
		}
		n, err = take(t, d, second.Items[0].Agreement, 500)
		if n != 50 || err != nil {
			t.Errorf("of a budget of 200, of which 150 went to another project, came %d rows, %v", n, err)
		}
	})
}

// The record says what an account gave out: one that was edited behind the gateway, or
// taken away, opens nothing more.
func TestAnEditedAccountOpensNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newRig(t, database, 100, 5000)
		d.Shelf.Terms("ds-0", func(o *schemas.Offer) { // two budgets of one agreement
			o.Rules[0].Duties = append(o.Rules[0].Duties, schemas.Duty{Kind: schemas.DutyBudget, Rows: 90})
		})
		id := d.agreed(t, "ds-0")[0]
		for range 2 {
			n, err := take(t, d, id, 20)
			if n != 20 || err != nil {
				t.Fatalf("%d rows, %v", n, err)
			}
		}
		var accounts int
		agreementtest.Must(
			t,
			database.QueryRow(t.Context(), `SELECT count(*) FROM account
				WHERE rows_used = 40 AND bytes_used = 400 AND rows_held = 0 AND bytes_held = 0`).
				Scan(&accounts),
		)
		if accounts != 4 { // of the project and its organisation
			t.Fatalf("%d accounts hold what was sent", accounts)
		}
		alter := func(query string) {
			t.Helper()
			agreementtest.Must(t, database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, query)
				return err
			}))
		}
		for _, edit := range []string{
			`UPDATE account SET rows_used = 39 WHERE id = (SELECT max(id) FROM account)`,
			`UPDATE account SET bytes_used = 0 WHERE id = (SELECT min(id) FROM account)`,
			`DELETE FROM account`,
		} {
			alter(edit)
			_, err := take(t, d, id, 20)
			if !errors.Is(err, db.ErrAltered) || schemas.KindOf(err) != schemas.Unavailable {
				t.Errorf("after %s: %v", edit, err)
			}
			if !strings.HasPrefix(edit, "DELETE") {
				alter(`UPDATE account SET rows_used = 40, bytes_used = 400`)
			}
		}
	})
}

// What agreements of an earlier version used counts on in the accounts of their projects.
func TestBudgetsAreCarriedOver(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 100, 0)
	ids := []schemas.AgreementID{d.agreed(t, "ds-0")[0], d.agreed(t, "ds-0")[0], d.agreed(t, "ds-1")[0]}
	agreementtest.Must(t, d.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for i, id := range ids {
			_, err := tx.Exec(ctx, `UPDATE agreement SET rows_used = ?, bytes_used = 7 WHERE id = ?`, 30+i, string(id))
			if err != nil {
				return err
			}
		}
		return nil
	}))
	for range 2 { // the second start carries nothing over
		_, err := d.releases.Recover(t.Context())
		agreementtest.Must(t, err)
	}
	for i, want := range map[int]int64{1: 100 - 61, 2: 100 - 32} {
		a, err := d.Agreements.Get(t.Context(), agreementtest.Trainer(), ids[i])
		agreementtest.Must(t, err)
		if *a.Left.Rows != want {
			t.Errorf("agreement %d: %d rows are left, want %d", i, *a.Left.Rows, want)
		}
	}
}
