package stream

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/streamtest"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/release"
	"guichet/policy/agreement/request"
	"guichet/policy/agreement/run"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/terms"
	"guichet/policy/party"
	"guichet/schemas"
)

// counter is a whole counter without doors: requests, agreements, leases and the engine
// that streams under them, over one table.
type counter struct {
	*Engine
	agreements *agreement.Agreements
	requests   *request.Requests
	leases     *lease.Leases
	runs       *run.Runs
	releases   *release.Releases
	db         *db.DB
	shelf      map[schemas.DatasetID]schemas.Dataset
	version    schemas.Version
}

const (
	counterShards = 2
	counterRows   = 24 // of a shard, in batches of 4
)

func asTrainer() schemas.Principal {
	return schemas.Principal{Issuer: "i", Subject: "ada", Participant: "https://lab.example", Roles: []schemas.Role{schemas.RoleTrainer}}
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	var shards []arrow.Record
	for i := range counterShards {
		b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
			{
				Name: "n",
				Type: arrow.PrimitiveTypes.Int64,
			}, {Name: "name", Type: arrow.BinaryTypes.String}, {Name: "secret", Type: arrow.BinaryTypes.String}}, nil))
		for row := range counterRows {
			b.Field(0).(*array.Int64Builder).Append(int64(i*counterRows + row))
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("name ", row))
			b.Field(2).(*array.StringBuilder).Append("marker " + strings.Repeat("s", row))
		}
		shards = append(shards, b.NewRecord())
	}
	return newCounterOver(t, newLab(t, 4, shards...))
}

func newCounterOver(t *testing.T, l *lab) *counter {
	t.Helper()
	l.Own.Store(true)
	c := &counter{db: dbtest.Open(t, dbtest.SQLite), shelf: map[schemas.DatasetID]schemas.Dataset{}, version: l.Version}
	ctx := t.Context()
	parties, err := party.New(c.db)
	streamtest.Must(t, err)
	boss := schemas.Principal{
		Issuer:      "i",
		Subject:     "boss",
		Participant: "https://factory.example",
		Roles:       []schemas.Role{schemas.RoleOperator},
	}
	by := asTrainer()
	_, err = parties.PutParticipant(
		ctx,
		boss,
		schemas.Participant{
			ID:      by.Participant,
			Name:    "Lab",
			Country: "FR",
			Kind:    schemas.KindResearch,
			Roles:   by.Roles,
			Members: []schemas.Member{{Issuer: by.Issuer, Subject: by.Subject, Roles: by.Roles}},
		},
		0,
	)
	streamtest.Must(t, err)
	_, err = parties.PutFactory(ctx, boss, schemas.Factory{ID: "f", Name: "F", Country: "FR"}, 0)
	streamtest.Must(t, err)
	engine, err := policy.New(ctx)
	streamtest.Must(t, err)
	a, brake := agreement.New(c.db, parties, nil), stop.NewBrake(c.db, nil)
	c.agreements, c.runs = a, run.New(a, 0)
	c.requests = request.New(request.Config{Agreements: a, Engine: engine, Catalogue: c, Terms: terms.New(c, nil)})
	c.leases = lease.New(lease.Config{Agreements: a, Catalogue: c, Brake: brake, Key: bytes.Repeat([]byte{1}, 32)})
	c.releases = release.New(release.Config{Agreements: a, Brake: brake, Replica: "r"})
	for _, id := range []schemas.ProjectID{"p", "q"} {
		_, err = parties.PutProject(ctx, by, schemas.Project{ID: id, Title: "P", Factory: "f", Purposes: []string{"train-model"}}, 0)
		streamtest.Must(t, err)
	}
	config := l.config
	config.Manifest = c.Manifest
	config.MayName = func(context.Context, schemas.ParticipantID, schemas.StoreID, string, string) error { return nil }
	config.Releases, config.Feed = c.releases, &streamtest.Feed{}
	c.Engine = New(config)
	return c
}

// Get and Manifest are the catalogue of the counter.
func (c *counter) Get(_ context.Context, sight schemas.Sight, id schemas.DatasetID) (schemas.Dataset, error) {
	d, ok := c.shelf[id]
	if !ok || !sight.Sees(&d) {
		return d, schemas.Errorf(schemas.NotFound, string(id), "there is no dataset %s", id)
	}
	return d, nil
}

func (c *counter) Manifest(_ context.Context, id schemas.DatasetID, _ schemas.VersionID) (schemas.Version, error) {
	v := c.version
	v.Dataset = id
	return v, nil
}

// purseOf is what the model allows a project, or an agreement, and what it got of it.
type purseOf struct {
	rows, bytes int64 // limits; 0 is none
	got, sent   int64 // rows and bytes that cost
}

// client is a project's whole history, as its jobs see it.
type client struct {
	*counter
	t        *rapid.T
	datasets []schemas.DatasetID
	terms    map[schemas.AgreementID]schemas.Agreement
	leases   []schemas.LeaseAnswer
	runs     map[schemas.ProjectID][]schemas.RunID
	purses   map[string]*purseOf                // by budget, dataset and project; or by agreement
	read     map[string]bool                    // rows by agreement, run, epoch and view: free from then on
	parts    map[schemas.LeaseID]map[int64]bool // rows that a lease on one part gave
	rows     map[schemas.ReleaseID]int64        // that came
	bytes    map[schemas.ReleaseID]int64
	came     int
	spent    int
}

// Over random agreements, leases and narrowings, worlds, seeds, epochs, ranges and runs,
// and however the terms change in between: what a project gets is never more than its
// agreements together allow, by rows, bytes and columns; a lease on one part gives that
// part; and the record says what came.
func TestAProjectGetsWhatItsAgreementsAllow(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	came, spent, parts := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		head, err := c.db.Head(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		k := &client{counter: c, t: t, terms: map[schemas.AgreementID]schemas.Agreement{}, purses: map[string]*purseOf{}, read: map[string]bool{},
			parts: map[schemas.LeaseID]map[int64]bool{}, rows: map[schemas.ReleaseID]int64{}, bytes: map[schemas.ReleaseID]int64{},
			runs: map[schemas.ProjectID][]schemas.RunID{"p": {""}, "q": {""}}}
		for range 2 {
			id := schemas.NewDatasetID()
			c.shelf[id] = schemas.Dataset{
				ID:       id,
				Provider: "https://holder.example",
				Space:    "agriculture",
				Latest:   &schemas.VersionSummary{Version: "v1"},
			}
			k.datasets = append(k.datasets, id)
			k.offer(id)
		}
		k.request()
		k.mint()
		for range rapid.IntRange(5, 25).Draw(t, "steps") {
			step := rapid.SampledFrom([]func(){k.request, k.mint, k.narrow, k.stream, k.stream, k.stream, k.stream, k.files, k.run, k.revoke,
				func() { k.offer(rapid.SampledFrom(k.datasets).Draw(t, "dataset")) }}).
				Draw(t, "step")
			step()
		}
		k.settled(head)
		came, spent, parts = came+k.came, spent+k.spent, parts+len(k.parts)
	})
	t.Logf("%d releases, %d refused or cut by a budget, %d leases on one part", came, spent, parts)
	if (came < 20 || spent < 5 || parts < 1) && !testing.Short() {
		t.Error("the test tries too little")
	}
}

// offer puts terms: columns hidden or pseudonymised, budgets of rows and bytes.
func (k *client) offer(id schemas.DatasetID) {
	var duties []schemas.Duty
	if rapid.Bool().Draw(k.t, "hide") {
		duties = append(duties, schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"secret"}})
	}
	if rapid.Bool().Draw(k.t, "pseudonymise") {
		duties = append(duties, schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"name"}})
	}
	for range rapid.IntRange(0, 2).Draw(k.t, "budgets") {
		b := schemas.Duty{
			Kind:  schemas.DutyBudget,
			Rows:  rapid.SampledFrom([]int64{0, 10, 30, 70}).Draw(k.t, "rows"),
			Bytes: rapid.SampledFrom([]int64{0, 0, 2000, 9000}).Draw(k.t, "bytes"),
		}
		if b.Rows+b.Bytes > 0 {
			duties = append(duties, b)
		}
	}
	d := k.shelf[id]
	d.Offer = &schemas.Offer{Rules: []schemas.Rule{{ID: "§1", Kind: schemas.Permission, Actions: []string{"use"}, Duties: duties}}}
	k.shelf[id] = d
}

func (k *client) request() {
	r := schemas.Request{Project: rapid.SampledFrom([]schemas.ProjectID{"p", "p", "q"}).Draw(k.t, "project")}
	for _, id := range k.datasets[:rapid.IntRange(1, 2).Draw(k.t, "datasets")] {
		it := schemas.RequestItem{Dataset: id, Rows: rapid.SampledFrom([]int64{0, 0, 7}).Draw(k.t, "wanted")}
		it.Columns = rapid.SampledFrom([][]string{nil, nil, {"n"}, {"n", "name"}, {"n", "secret"}}).Draw(k.t, "columns")
		r.Items = append(r.Items, it)
	}
	r, err := k.requests.Submit(context.Background(), asTrainer(), r)
	k.must(err)
	for _, it := range r.Items {
		if it.Agreement == "" {
			continue
		}
		a, err := k.agreements.Get(context.Background(), asTrainer(), it.Agreement)
		k.must(err)
		k.terms[a.ID] = a
	}
}

func (k *client) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

// pick draws one of the agreements.
func (k *client) pick() (schemas.AgreementID, bool) {
	if len(k.terms) == 0 {
		return "", false
	}
	ids := []schemas.AgreementID{}
	for id := range k.terms {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(k.t, "agreement"), true
}

// bounds draws what a lease may bind.
func (k *client) bounds() schemas.LeaseAsk {
	var out schemas.LeaseAsk
	if rapid.IntRange(0, 2).Draw(k.t, "ranked") == 0 {
		world := rapid.IntRange(1, 3).Draw(k.t, "world")
		rank := rapid.IntRange(0, world-1).Draw(k.t, "rank")
		out.World, out.Rank = &world, &rank
	}
	if rapid.IntRange(0, 2).Draw(k.t, "ordered") == 0 {
		o := k.ask(1).Order()
		out.Order = &o
	}
	return out
}

func (k *client) mint() {
	id, ok := k.pick()
	if !ok {
		return
	}
	ask := k.bounds()
	ask.Items = []schemas.LeaseItem{{Agreement: id}}
	for other, a := range k.terms {
		if other != id && a.Project == k.terms[id].Project && rapid.Bool().Draw(k.t, "another") {
			ask.Items = append(ask.Items, schemas.LeaseItem{Agreement: other})
			break
		}
	}
	k.keep(k.counter.leases.Mint(context.Background(), asTrainer(), ask))
}

func (k *client) narrow() {
	if len(k.leases) == 0 {
		return
	}
	parent := rapid.SampledFrom(k.leases).Draw(k.t, "parent")
	ask := k.bounds()
	if rapid.Bool().Draw(k.t, "columns") {
		it := parent.Lease.Items[0]
		it.Columns = []string{"n"}
		ask.Items = []schemas.LeaseItem{it}
	}
	k.keep(k.counter.leases.Attenuate(context.Background(), parent.Token, ask))
}

func (k *client) keep(l schemas.LeaseAnswer, err error) {
	if err == nil {
		k.leases = append(k.leases, l)
		return
	}
	if kind := schemas.KindOf(err); kind != schemas.Denied && kind != schemas.Invalid {
		k.t.Fatal(err)
	}
}

func (k *client) run() {
	p := rapid.SampledFrom([]schemas.ProjectID{"p", "q"}).Draw(k.t, "of")
	r, err := k.counter.runs.Start(context.Background(), asTrainer(), schemas.Run{Project: p})
	k.must(err)
	k.runs[p] = append(k.runs[p], r.ID)
}

// revoke ends a lease, rarely.
func (k *client) revoke() {
	if len(k.leases) < 3 {
		return
	}
	_, err := k.counter.leases.Revoke(context.Background(), asTrainer(), rapid.SampledFrom(k.leases).Draw(k.t, "revoked").Lease.ID, "because")
	if err != nil && schemas.KindOf(err) != schemas.Conflict {
		k.t.Fatal(err)
	}
}

// ask draws a part of the rows, for a world that is given.
func (k *client) ask(world int) plan.Ask {
	a := plan.Ask{World: world, Epoch: uint64(rapid.IntRange(0, 1).Draw(k.t, "epoch"))}
	if rapid.Bool().Draw(k.t, "seeded") {
		seed := uint64(rapid.IntRange(1, 2).Draw(k.t, "seed"))
		a.Seed, a.Number = &seed, rapid.IntRange(1, 2).Draw(k.t, "order")
		if a.Number > 1 {
			a.Shuffle = rapid.SampledFrom([]string{"rows", "windows"}).Draw(k.t, "shuffle")
		}
	}
	if rapid.IntRange(0, 5).Draw(k.t, "resumed") == 0 {
		a.Start = []plan.Stage{{World: 2, Rows: 5}}
	}
	return a
}

// numberOf is the key of an order's number.
func numberOf(o *schemas.Order) string {
	if o.Number == 0 {
		return ""
	}
	return fmt.Sprint(o.Number)
}

// grant opens a lease for an agreement; the door's wishes are drawn, often as the lease
// wants them.
func (k *client) grant(files bool) (policy.Grant, schemas.LeaseAnswer, plan.Ask, bool) {
	if len(k.leases) == 0 {
		return policy.Grant{}, schemas.LeaseAnswer{}, plan.Ask{}, false
	}
	l := rapid.SampledFrom(k.leases).Draw(k.t, "lease")
	id := rapid.SampledFrom(l.Lease.Items).Draw(k.t, "item").Agreement
	a := k.ask(rapid.IntRange(1, 3).Draw(k.t, "asked world"))
	a.Rank = rapid.IntRange(0, a.World-1).Draw(k.t, "asked rank")
	if l.Lease.Rank != nil && rapid.IntRange(0, 3).Draw(k.t, "obeys") > 0 {
		a.World, a.Rank = *l.Lease.World, *l.Lease.Rank
	}
	if o := l.Lease.Order; o != nil && rapid.IntRange(0, 3).Draw(k.t, "keeps order") > 0 {
		from, err := plan.ParseAsk(func(key string) string {
			return map[string]string{"seed": o.Seed, "epoch": fmt.Sprint(o.Epoch), "start": o.Start, "even": o.Even, "shuffle": o.Shuffle, "order": numberOf(o)}[key]
		})
		k.must(err)
		from.World, from.Rank = a.World, a.Rank
		a = from
	}
	a.From = rapid.SampledFrom([]int64{0, 0, 3}).Draw(k.t, "from")
	w := policy.StreamRequest{
		Door:      "http",
		Agreement: id,
		World:     a.World,
		Rank:      a.Rank,
		Order:     a.Order(),
		Address:   netip.MustParseAddr("192.0.2.1"),
		Run:       rapid.SampledFrom(k.runs[k.terms[id].Project]).Draw(k.t, "run"),
		Columns:   rapid.SampledFrom([][]string{nil, nil, {"n"}, {"n", "secret"}, {"secret"}, {"name"}}).Draw(k.t, "asked columns"),
	}
	if files {
		w.Door, w.World, w.Rank, w.Order = "shard", 0, 0, schemas.Order{}
	}
	g, err := policy.Authorize(context.Background(), k.counter.leases.LookUp, l.Token, w, time.Now())
	if kind := schemas.KindOf(err); err != nil && kind != schemas.Denied {
		k.t.Fatal(err)
	}
	return g, l, a, err == nil
}
