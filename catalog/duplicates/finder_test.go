package duplicates

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/catalog"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

var (
	operator = schemas.Principal{Issuer: "https://login.example", Subject: "ola", Participant: "https://factory.example"}
	agronomy = schemas.Principal{Issuer: "https://login.example", Subject: "ann", Participant: "https://agronomy.example"}
	public   = schemas.Sight{Everyone: true}
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func finderOn(t testing.TB, d *db.DB) *Finder {
	t.Helper()
	profiles, err := spaces.Profiles()
	must(t, err)
	c := catalog.New(catalog.Config{DB: d, Spaces: profiles, CheckOffer: func(context.Context, *schemas.Offer, []schemas.TableInfo) error { return nil }})
	return New(Config{DB: d, Catalog: c, Log: slog.New(slog.DiscardHandler)})
}

// settle does what Run does until there is nothing to do.
func (f *Finder) settle(t testing.TB) {
	t.Helper()
	mine, at, err := f.take(t.Context())
	must(t, err)
	if !mine {
		t.Fatal("another is at it")
	}
	for { // what it does itself comes last
		at, err = f.catchUp(t.Context(), at, at)
		must(t, err)
		head, err := f.DB.Head(t.Context())
		must(t, err)
		if at == head {
			return
		}
	}
}

// of is a description with a title, and what else is given.
func of(title string, more ...func(d *schemas.Dataset)) schemas.Dataset {
	d := schemas.Dataset{Space: "agriculture", Title: schemas.Text{"en": title}, Licence: "CC-BY-4.0", Countries: []string{"FR"}}
	for _, m := range more {
		m(&d)
	}
	return d
}

func at(addresses ...string) func(*schemas.Dataset) {
	return func(d *schemas.Dataset) {
		for _, a := range addresses {
			d.Links = append(d.Links, schemas.Link{URL: a})
		}
	}
}

func called(ids ...string) func(*schemas.Dataset) {
	return func(d *schemas.Dataset) { d.Identifiers = append(d.Identifiers, ids...) }
}

func seen(v schemas.Visibility) func(*schemas.Dataset) {
	return func(d *schemas.Dataset) { d.Visibility = v }
}

func (f *Finder) register(t testing.TB, d schemas.Dataset) schemas.DatasetID {
	t.Helper()
	d.Provider = agronomy.Participant
	d, err := f.Catalog.Register(t.Context(), agronomy, d)
	must(t, err)
	return d.ID
}

// harvest brings a dataset from a source, or changes one.
func (f *Finder) harvest(t testing.TB, source schemas.SourceID, id schemas.DatasetID, d schemas.Dataset) schemas.DatasetID {
	t.Helper()
	must(t, f.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		var err error
		id, _, err = f.Catalog.PutHarvested(ctx, tx, operator, id, f.Catalog.CheckHarvested(operator, source, d))
		return err
	}))
	return id
}

// same gives the groups that there are, each as its members in order.
func (f *Finder) same(t testing.TB) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	must(t, rowsOf(t.Context(), f.DB, func(scan func(...any) error) error {
		var id, group string
		err := scan(&id, &group)
		out[group] = append(out[group], id)
		return err
	}, `SELECT dataset, grouped FROM duplicate_group`))
	for _, ids := range out {
		slices.Sort(ids)
	}
	return out
}

// recorded gives the group of each dataset as the record says it.
func (f *Finder) inRecord(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, rowsOf(t.Context(), f.DB, func(scan func(...any) error) error {
		var id, group string
		err := scan(&id, &group)
		out[id] = group
		if group == "" {
			delete(out, id)
		}
		return err
	}, `SELECT c.subject, v.value FROM change c JOIN change_value v ON v.position = c.position AND v.name = 'group'
		WHERE c.kind = 'dataset.same' ORDER BY c.position`))
	return out
}

// check holds what is stored against comparing all datasets at once, and against the record.
func (f *Finder) check(t testing.TB) {
	t.Helper()
	rows, _, err := db.List[schemas.Dataset](t.Context(), f.DB, "dataset", "", nil, "", 10_000)
	must(t, err)
	said := map[string]*Described{}
	for _, r := range rows {
		if d := r.Doc; !d.Withdrawn && public.Sees(&d) {
			one := Describe(&d)
			said[r.ID] = &one
		}
	}
	all := slices.Sorted(maps.Keys(said))
	apart, err := aparts(t.Context(), f.DB, all)
	must(t, err)
	whole := compared(said)
	want := whole.groups(apart)
	stored, err := edges(t.Context(), f.DB, all)
	must(t, err)
	if len(stored) != len(whole.pairs) {
		t.Errorf("%d pairs are stored, want %d", len(stored), len(whole.pairs))
	}
	for _, e := range stored {
		if doc, _ := json.Marshal(whole.pairs[[2]string{e.a, e.b}]); string(doc) != e.doc {
			t.Errorf("of %s and %s is stored %s, want %s", e.a, e.b, e.doc, doc)
		}
	}
	got, err := grouped(t.Context(), f.DB, "dataset", all)
	must(t, err)
	maps.DeleteFunc(got, func(_, group string) bool { return group == "" })
	if !maps.Equal(got, want) {
		t.Errorf("groups are %v, want %v", got, want)
	}
	if in := f.inRecord(t); !maps.Equal(in, want) {
		t.Errorf("the record says %v, want %v", in, want)
	}
	var n int
	must(t, f.DB.QueryRow(t.Context(), `SELECT count(*) FROM duplicate_described`).Scan(&n))
	if n != len(said) {
		t.Errorf("%d datasets are described, of %d that everybody may see", n, len(said))
	}
}

// TestFinder: one dataset in a registration and two sources is one group, whose members go and come.
func TestFinder(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := finderOn(t, d)
		own := f.register(t, of("Wheat yields by plot", called("10.1234/wheat"), at("https://agronomy.example/wheat.csv")))
		other := f.register(t, of("Barley yields by plot", at("https://agronomy.example/barley.csv")))
		city := f.harvest(t, "city", "", of("Wheat yields by plot", func(d *schemas.Dataset) { d.IRI = "https://city.example/1" }, at("http://www.agronomy.example/wheat.csv/")))
		state := f.harvest(t, "state", "", of("Wheat yields, by plot", func(d *schemas.Dataset) { d.IRI = "https://doi.org/10.1234/WHEAT" }))
		f.settle(t)
		f.check(t)
		groups, err := f.Groups(t.Context(), []schemas.DatasetID{own, other, city, state, "none"})
		must(t, err)
		if len(groups) != 3 || groups[own] != groups[city] || groups[own] != groups[state] || groups[own] == "" {
			t.Errorf("groups are %v", groups)
		}
		said, err := f.Of(t.Context(), public, city)
		must(t, err)
		if len(said.Items) != 2 || said.Group != groups[own] {
			t.Fatalf("%+v", said)
		}
		for _, m := range said.Items {
			switch m.ID {
			case own:
				if m.Through != "" || !slices.Contains(m.Why, "both give the data at agronomy.example/wheat.csv") || m.Provider != agronomy.Participant {
					t.Errorf("%+v", m)
				}
			case state:
				if m.Through != own || !slices.Contains(m.Why, "both are called doi:10.1234/wheat") || m.Source != "state" || m.Address != "https://doi.org/10.1234/WHEAT" {
					t.Errorf("%+v", m)
				}
			}
		}
		list, next, err := f.List(t.Context(), public, "", 10)
		must(t, err)
		if len(list) != 1 || next != "" || len(list[0].Items) != 3 {
			t.Errorf("%+v, %q", list, next)
		}
		for most, want := range map[int]int{1: 1, 2: 2, 10: 2} {
			others, err := f.Others(t.Context(), public, []schemas.DatasetID{own, other}, most)
			must(t, err)
			if len(others) != 1 || len(others[own].Origins) != want || others[own].Total != 2 {
				t.Errorf("%v", others)
			}
		}
		head, err := d.Head(t.Context())
		must(t, err)
		f.harvest(t, "city", city, of("Wheat yields by plot", func(d *schemas.Dataset) { d.IRI, d.Keywords = "https://city.example/1", []string{"wheat"} }, at("http://www.agronomy.example/wheat.csv/")))
		f.settle(t)
		if now, _ := d.Head(t.Context()); now != head+1 {
			t.Errorf("a change of nothing that is compared made %d changes", now-head)
		}
		f.harvest(t, "city", city, of("Rye yields by plot", func(d *schemas.Dataset) { d.IRI = "https://city.example/1" }))
		_, err = f.Catalog.Withdraw(t.Context(), agronomy, own, 0)
		must(t, err)
		f.settle(t)
		f.check(t)
		if len(f.same(t)) != 0 {
			t.Errorf("%v", f.same(t))
		}
		_, err = f.Of(t.Context(), public, own)
		if schemas.KindOf(err) != schemas.NotFound {
			t.Errorf("of what is withdrawn: %v", err)
		}
	})
}

// TestApart: two that somebody said are apart are so, also by way of a third and after they changed, until it is
// taken back.
func TestApart(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := finderOn(t, d)
		a := f.register(t, of("Wheat yields by plot", called("10.1234/wheat")))
		b := f.harvest(t, "city", "", of("Wheat yields by plot", called("10.1234/wheat"), func(d *schemas.Dataset) { d.IRI = "https://city.example/1" }))
		c := f.harvest(t, "state", "", of("Wheat yields by plot", called("10.1234/wheat"), func(d *schemas.Dataset) { d.IRI = "https://state.example/1" }))
		far := f.register(t, of("Barley yields by plot"))
		f.settle(t)
		f.check(t)
		err := f.Apart(t.Context(), agronomy, a, far)
		if schemas.KindOf(err) != schemas.Conflict {
			t.Errorf("apart from another dataset: %v", err)
		}
		must(t, f.Apart(t.Context(), agronomy, b, a))
		f.check(t) // at once
		head, _ := d.Head(t.Context())
		must(t, f.Apart(t.Context(), agronomy, a, b))
		if now, _ := d.Head(t.Context()); now != head {
			t.Error("said again it is recorded again")
		}
		groups, err := f.Groups(t.Context(), []schemas.DatasetID{a, b, c})
		must(t, err)
		if len(groups) != 2 || groups[a] == groups[b] {
			t.Errorf("%v", groups)
		}
		said, err := f.Of(t.Context(), public, a)
		must(t, err)
		if len(said.Apart) != 1 || said.Apart[0].ID != b || len(said.Apart[0].Apart) != 1 || said.Apart[0].Apart[0].By != agronomy.Participant {
			t.Errorf("%+v", said)
		}
		f.harvest(t, "city", b, of("Wheat yields by plot", called("10.1234/wheat", "10.1234/more"), func(d *schemas.Dataset) { d.IRI = "https://city.example/1" }))
		f.settle(t)
		f.check(t)
		must(t, f.Apart(t.Context(), operator, a, b))
		must(t, f.Together(t.Context(), agronomy, b, a, false))
		f.check(t)
		if groups, _ = f.Groups(t.Context(), []schemas.DatasetID{a, b}); groups[a] == groups[b] && groups[a] != "" {
			t.Error("the operator's word counts no more")
		}
		must(t, f.Together(t.Context(), agronomy, a, b, false)) // it has none to take back
		must(t, f.Together(t.Context(), operator, a, b, true))
		f.check(t)
		if groups, _ = f.Groups(t.Context(), []schemas.DatasetID{a, b, c}); len(groups) != 3 {
			t.Errorf("%v", groups)
		}
		var n int
		must(t, d.QueryRow(t.Context(), `SELECT count(*) FROM change WHERE kind = 'dataset.apart'`).Scan(&n))
		if n != 4 {
			t.Errorf("%d words are recorded", n)
		}
	})
}

// TestCrowd: what many have is no evidence, and is one again when fewer have it.
func TestCrowd(t *testing.T) {
	t.Parallel()
	f := finderOn(t, dbtest.Open(t, dbtest.SQLite))
	titles := []string{"Wheat yields by plot", "Wheat yields by plot"}
	for i := range Crowd - 1 {
		titles = append(titles, "Census of the district "+strings.Repeat("n", i+1))
	}
	var ids []schemas.DatasetID
	for _, title := range titles {
		ids = append(ids, f.register(t, of(title, at("https://agronomy.example/all.zip"))))
		f.settle(t)
		f.check(t)
	}
	if n := len(f.same(t)); n != 0 {
		t.Errorf("%d have an address, and it makes %d groups", len(titles), n)
	}
	_, err := f.Catalog.Withdraw(t.Context(), agronomy, ids[len(ids)-1], 0)
	must(t, err)
	f.settle(t)
	f.check(t)
	if n := len(f.same(t)); n != 1 {
		t.Errorf("one less has it, and it makes %d groups", n)
	}
}

// TestDozenClaims: who claims the identifier of others' dataset a dozen times and more has none of it count but their
// own, and takes nothing from the others; what very many have says nothing.
func TestDozenClaims(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := finderOn(t, dbtest.Open(t, kind))
			const title = "Wheat yields by plot"
			var ids []schemas.DatasetID
			has := func(n int) {
				t.Helper()
				f.settle(t)
				f.check(t)
				groups, err := f.Groups(t.Context(), ids[:3])
				must(t, err)
				in := map[string]bool{}
				for _, g := range groups {
					in[g] = true
				}
				if len(groups) != n || n > 0 && len(in) != 1 {
					t.Errorf("with %d datasets: %v", len(ids), groups)
				}
			}
			from := func(source int) {
				d := of(title, called("10.1234/w"))
				d.IRI = fmt.Sprintf("https://portal-%d.example/w", source)
				ids = append(ids, f.harvest(t, schemas.SourceID(fmt.Sprint("source-", source)), "", d))
			}
			for i := range 3 {
				from(i)
			}
			has(3)
			for i := range Crowd + 3 {
				ids = append(ids, f.register(t, of(title, called("10.1234/w"), func(d *schemas.Dataset) { d.IRI = fmt.Sprintf("urn:x:claim:%d", i) })))
				if i == 1 || i >= Crowd-1 {
					has(3)
				}
			}
			groups, err := f.Groups(t.Context(), ids[3:])
			if err != nil || len(groups) != 0 {
				t.Errorf("the claims are in groups: %v, %v", groups, err)
			}
			for len(ids) > 3+Crowd { // as many as count
				_, err := f.Catalog.Withdraw(t.Context(), agronomy, ids[len(ids)-1], 0)
				must(t, err)
				ids = ids[:len(ids)-1]
			}
			f.settle(t)
			f.check(t)
			if groups, err = f.Groups(t.Context(), ids[3:]); err != nil || len(groups) != Crowd {
				t.Errorf("a dozen count: %v, %v", groups, err)
			}
			for i := 3; i < Crowd; i++ { // with the provider as many origins as may have it, and then one more
				from(i)
				if i == Crowd-2 {
					has(3)
				}
			}
			has(0)
		})
	}
}

// TestMany: more than a group may have are no group, and none is formed of a part of them.
func TestMany(t *testing.T) {
	t.Parallel()
	f := finderOn(t, dbtest.Open(t, dbtest.SQLite))
	var ids []schemas.DatasetID
	for i := range Most + 1 { // each has a name in common with the next
		d := of("Wheat yields by plot", called(fmt.Sprintf("10.1234/w.%d", i), fmt.Sprintf("10.1234/w.%d", i+1)))
		ids = append(ids, f.register(t, d))
	}
	f.settle(t)
	f.check(t)
	if got := f.same(t); len(got) != 1 || len(got[""]) != Most+1 {
		t.Errorf("%v", got)
	}
	said, err := f.Of(t.Context(), public, ids[3])
	must(t, err)
	if said.Note == "" || said.Group != "" || len(said.Items) != 0 {
		t.Errorf("%+v", said)
	}
	_, err = f.Catalog.Withdraw(t.Context(), agronomy, ids[10], 0)
	must(t, err)
	f.settle(t)
	f.check(t)
	said, err = f.Of(t.Context(), public, ids[12])
	must(t, err)
	others, err := f.Others(t.Context(), public, ids[12:14], 10)
	must(t, err)
	if n := Most - 10 - 1; len(said.Items) != n || others[ids[13]].Total != n || len(others[ids[13]].Origins) != 10 {
		t.Errorf("%d, %v", len(said.Items), others)
	}
	hidden, err := f.Catalog.Get(t.Context(), schemas.Sight{Everyone: true, All: true}, ids[20])
	must(t, err)
	hidden.Visibility = schemas.VisibleToOwn
	_, err = f.Catalog.Change(t.Context(), agronomy, hidden.ID, hidden, 0)
	must(t, err)
	others, err = f.Others(t.Context(), public, ids[13:14], 10) // it still is in the group
	must(t, err)
	if n := Most - 10 - 2; others[ids[13]].Total != n {
		t.Errorf("a hidden one is counted: %d, not %d", others[ids[13]].Total, n)
	}
	hidden.Visibility = schemas.VisibleToEveryone
	_, err = f.Catalog.Change(t.Context(), agronomy, hidden.ID, hidden, 0)
	must(t, err)
	f.settle(t)
	groups, err := f.Groups(t.Context(), ids)
	must(t, err)
	if got := f.same(t); len(got) != 2 || len(got[groups[ids[0]]]) != 10 || len(got[groups[ids[11]]]) != Most-10 {
		t.Errorf("%v", got)
	}
}

// TestClaims: who claims the identifiers of others' datasets brings none of them together, in whatever language the
// title of the claim is.
func TestClaims(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"", "en", "fi"} {
		t.Run("tag "+tag, func(t *testing.T) {
			t.Parallel()
			f := finderOn(t, dbtest.Open(t, dbtest.SQLite))
			put := func(tag, title string, n ...string) schemas.DatasetID {
				return f.register(t, of("", titled(tag, title), called(n...)))
			}
			a, b := put(tag, "Wheat yields by plot", "10.1234/a"), put(tag, "Bridges and tunnels of the province", "10.1234/b")
			c, d := put(tag, "Hospital beds", "10.1234/c"), put(tag, "Hospital beds in use", "10.1234/d")
			for _, lie := range []string{"et", "", "en"} {
				put(lie, "Kaikki tiedot", "10.1234/a", "10.1234/b", "10.1234/c", "10.1234/d")
			}
			f.settle(t)
			f.check(t)
			groups, err := f.Groups(t.Context(), []schemas.DatasetID{a, b, c, d})
			must(t, err)
			for _, p := range [][2]schemas.DatasetID{{a, b}, {a, c}, {b, c}, {c, d}} {
				if groups[p[0]] != "" && groups[p[0]] == groups[p[1]] {
					t.Errorf("a claim made %v one: %v", p, groups)
				}
			}
		})
	}
}

// anyOf is one of a few descriptions, of which some are the same.
func anyOf(r *rand.Rand) schemas.Dataset {
	titles := []string{"Wheat yields by plot", "Wheat yields by plot 2019", "Wheat yields by plot 2020", "Dataset", "Barley harvest of the district"}
	d := of(titles[r.IntN(len(titles))])
	for range r.IntN(3) {
		called(fmt.Sprintf("10.1234/w.%d", r.IntN(4)))(&d)
	}
	for range r.IntN(3) {
		at(fmt.Sprintf("https://agronomy.example/%d.csv", r.IntN(4)))(&d)
	}
	if r.IntN(3) == 0 {
		d.Publisher, d.Description = "An institute", schemas.Text{"en": strings.Repeat("Yields of wheat on plots of the institute's own fields as they were weighed at harvest time by hand. ", 2)}
	}
	return d
}

// TestAnyHistory: whatever becomes of datasets in whichever order, the groups and their evidence are those of the
// datasets as they are now; those that are hidden move nothing in them.
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		kind := dbtest.Kinds()[seed%2]
		t.Run(fmt.Sprint(kind, seed), func(t *testing.T) {
			t.Parallel()
			f := finderOn(t, dbtest.Open(t, kind))
			r := rand.New(rand.NewPCG(seed, 7))
			var ids, hidden []schemas.DatasetID
			for step := range 150 {
				d := anyOf(r)
				switch i := r.IntN(max(len(ids), 1)); {
				case r.IntN(4) == 0: // somebody has what nobody may know of
					seen([]schemas.Visibility{schemas.VisibleToOwn, schemas.VisibleToSignedIn, schemas.VisibleToListed}[r.IntN(3)])(&d)
					hidden = append(hidden, f.register(t, d))
				case len(ids) < 12 || r.IntN(3) == 0:
					d.IRI = fmt.Sprintf("https://portal.example/%d", step)
					ids = append(ids, f.harvest(t, schemas.SourceID(fmt.Sprint("source-", r.IntN(3))), "", d))
				case r.IntN(4) == 0:
					f.settle(t)
					said, err := f.Of(t.Context(), public, ids[i])
					must(t, err)
					if len(said.Items) > 0 {
						must(t, f.Apart(t.Context(), operator, ids[i], said.Items[0].ID))
					}
					if len(said.Apart) > 1 {
						must(t, f.Together(t.Context(), operator, ids[i], said.Apart[0].ID, true))
					}
				default:
					have, err := f.Catalog.Dataset(t.Context(), f.DB, ids[i])
					must(t, err)
					d.IRI = have.IRI
					f.harvest(t, have.Source, ids[i], d)
				}
				if r.IntN(3) == 0 {
					f.settle(t)
				}
			}
			f.settle(t)
			f.check(t)
			for _, id := range hidden {
				if groups, err := f.Groups(t.Context(), []schemas.DatasetID{id}); err != nil || len(groups) > 0 {
					t.Errorf("a hidden one is in %v, %v", groups, err)
				}
			}
			t.Logf("%d datasets, %d hidden, %d groups", len(ids), len(hidden), len(f.same(t)))
		})
	}
}

// TestBecomesHidden: a dataset that everybody saw is compared no more when it is hidden, and holds no others together.
func TestBecomesHidden(t *testing.T) {
	t.Parallel()
	f := finderOn(t, dbtest.Open(t, dbtest.SQLite))
	wheat := func(n ...string) schemas.Dataset { return of("Wheat yields by plot", called(n...)) }
	f.register(t, wheat("10.1234/a"))
	between := f.register(t, wheat("10.1234/a", "10.1234/b"))
	f.register(t, wheat("10.1234/b"))
	f.settle(t)
	f.check(t)
	if len(f.same(t)) != 1 {
		t.Fatalf("%v", f.same(t))
	}
	d := wheat("10.1234/a", "10.1234/b")
	d.Visibility = schemas.VisibleToOwn
	_, err := f.Catalog.Change(t.Context(), agronomy, between, d, 0)
	must(t, err)
	own := schemas.Sight{Everyone: true, SignedIn: true, Participant: agronomy.Participant}
	for _, sight := range []schemas.Sight{public, own} { // before it is followed
		said, err := f.Of(t.Context(), sight, between)
		if sight.Participant == "" && schemas.KindOf(err) != schemas.NotFound {
			t.Errorf("%+v, %v", said, err)
		}
	}
	list, _, err := f.List(t.Context(), public, "", 10)
	must(t, err)
	for _, m := range list[0].Items {
		if m.ID == between || m.Through == between || len(m.Why) > 0 {
			t.Errorf("%+v", m)
		}
	}
	f.settle(t)
	f.check(t)
	if len(f.same(t)) != 0 {
		t.Errorf("%v", f.same(t))
	}
}

// TestOneAtATime: a replica does nothing while another is at it, and takes over where it stood when that one
// has shown no sign of life; what the first one still had in hand is not written.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		first, second := finderOn(t, d), finderOn(t, d)
		now := time.Now()
		first.Now, second.Now = func() time.Time { return now }, func() time.Time { return now }
		first.register(t, of("Wheat yields by plot", called("10.1234/wheat")))
		first.settle(t)
		if mine, _, err := second.take(t.Context()); mine || err != nil {
			t.Fatalf("%v, %v", mine, err)
		}
		now = now.Add(2 * heldFor)
		id := first.register(t, of("Wheat yields by plot", called("10.1234/wheat")))
		second.settle(t)
		second.check(t)
		if err := first.update(t.Context(), []string{string(id)}); err != errLost {
			t.Errorf("the first one wrote: %v", err)
		}
		must(t, first.letGo(t.Context()))
		first.settle(t)
		_, err := d.Head(t.Context())
		must(t, err)
	})
}

// TestRules: datasets that were compared by other rules are compared anew, and nothing is recorded of those of
// which nothing comes out otherwise.
func TestRules(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.SQLite)
	f := finderOn(t, d)
	for range 2 {
		f.register(t, of("Wheat yields by plot", called("10.1234/wheat")))
	}
	f.settle(t)
	before, _ := d.Head(t.Context())
	must(t, d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE duplicate_follow SET rules = 'old'`)
		if err == nil {
			_, err = tx.Exec(ctx, `UPDATE duplicate_described SET rules = 'old'`)
		}
		return err
	}))
	f.settle(t)
	f.check(t)
	if after, _ := d.Head(t.Context()); after != before {
		t.Errorf("%d changes were recorded", after-before)
	}
	var n int
	must(t, d.QueryRow(t.Context(), `SELECT count(*) FROM duplicate_described WHERE rules = ?`, rules).Scan(&n))
	if n != 2 {
		t.Errorf("%d were compared anew", n)
	}
}

// TestTwoReplicas: two that run at once come to the same as one, and both write nothing while nothing changes.
func TestTwoReplicas(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		first, second := finderOn(t, d), finderOn(t, d)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = first.Run(ctx) })
		running.Go(func() { _ = second.Run(ctx) })
		for i := range 20 {
			first.register(t, of("Wheat yields by plot", called(fmt.Sprintf("10.1234/%d", i/2))))
		}
		for deadline := time.Now().Add(30 * time.Second); len(first.same(t)) < 10; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("only %v are found", first.same(t))
			}
		}
		var before, after int64
		at := func(into *int64) {
			must(t, d.QueryRow(t.Context(), `SELECT held FROM duplicate_follow`).Scan(into))
		}
		for at(&before); after != before; at(&after) { // until what they did themselves is followed too
			at(&before)
			time.Sleep(200 * time.Millisecond)
		}
		cancel()
		running.Wait()
		first.check(t)
	})
}

// childOf is the variable that has this test binary look for duplicates as another process would: the
// database's address.
const childOf = "GUICHET_TEST_DUPLICATES"

// TestFindingChild is that process; it ends when it is killed.
func TestFindingChild(t *testing.T) {
	url := os.Getenv(childOf)
	if url == "" {
		return // run by TestKilled alone
	}
	d := dbtest.OpenURL(t, url)
	dbtest.Run(t, d)
	f := finderOn(t, d)
	f.Alone = true
	_ = f.Run(context.WithoutCancel(t.Context()))
}

// TestKilled: killed in the middle again and again, it comes to the same as undisturbed.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, kind)
			d := dbtest.OpenURL(t, url)
			stop := dbtest.Run(t, d)
			f := finderOn(t, d)
			r := rand.New(rand.NewPCG(5, 5))
			for i := range 400 {
				one := anyOf(r)
				one.IRI = fmt.Sprintf("https://portal.example/%d", i)
				one.Identifiers = []string{fmt.Sprintf("10.1234/w.%d", i/4)}
				f.harvest(t, schemas.SourceID(fmt.Sprint("source-", i%3)), "", one)
			}
			stop()
			for round := 1; round <= 3; round++ {
				child := exec.Command(os.Args[0], "-test.run=^TestFindingChild$")
				child.Env = append(os.Environ(), childOf+"="+url)
				must(t, child.Start())
				deadline := time.Now().Add(time.Minute)
				for n := 0; n < 100*round && time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
					must(t, d.QueryRow(t.Context(), `SELECT count(*) FROM duplicate_described`).Scan(&n))
				}
				must(t, child.Process.Kill())
				_ = child.Wait() // killed, as wanted
			}
			again := dbtest.OpenURL(t, url)
			dbtest.Run(t, again)
			f = finderOn(t, again)
			must(t, f.letGo(t.Context()))
			f.settle(t)
			f.check(t)
			if len(f.same(t)) < 20 {
				t.Errorf("%v", f.same(t))
			}
		})
	}
}

// TestRun: it follows while the gateway runs, and ends with it.
func TestRun(t *testing.T) {
	t.Parallel()
	f := finderOn(t, dbtest.Open(t, dbtest.SQLite))
	f.Alone = true
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for range 2 {
		f.register(t, of("Wheat yields by plot", called("10.1234/wheat")))
	}
	for deadline := time.Now().Add(30 * time.Second); len(f.same(t)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is found")
		}
	}
	cancel()
	must(t, <-done)
}
