package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"guichet/catalog"
	"guichet/connectors/client"
	"guichet/connectors/db"
	"guichet/policy/agreement"
	"guichet/policy/audit"
	"guichet/schemas"
)

// world is what a site holds after some years, made of a seed: the pages are measured over it.
type world struct {
	r         *rand.Rand
	words     []string
	often     *rand.Zipf
	providers []schemas.ParticipantID
	trainers  []schemas.ParticipantID
	projects  []schemas.Project
	published []schemas.Dataset // those with a version
	profiles  *schemas.Profiled // as if each had been checked: else the gateway does it when it starts
	agreement schemas.Agreement // those that are cloned
	request   schemas.Request
	version   schemas.Version
	agreed    []schemas.Agreement
	runs      []schemas.Run
	some      map[string]string // ids that pages are about
}

// How much a world holds for each thousand datasets, and in all.
const (
	worldDatasets   = 100_000 // BENCH_DATASETS says another number
	worldProjects   = 1_000
	worldRequests   = 10_000
	worldReleases   = 10_000
	worldRuns       = 2_000
	worldPublished  = 10 // of so many datasets one has a version and terms
	worldProviders  = 300
	worldTrainers   = 200
	worldOfTrainer  = 5 // projects of the trainer who looks at pages
	worldOfProvider = 200
	inOneWrite      = 1_000
)

// The organisations whose people look at pages, and the words that searches have.
const (
	worldTrainer  = "https://crop-ai.example"
	worldProvider = "https://agronomy.example"
	worldWords    = "wheat yield weather soil traffic energy hospital admissions river quality noise solar grid price crop parcel station temperature"
)

// populate fills the gateway's database with a world while it is stopped, and waits until searches find it.
func (m *meter) populate() *world {
	m.registered()
	n := worldDatasets
	if said := os.Getenv("BENCH_DATASETS"); said != "" {
		var err error
		n, err = strconv.Atoi(said)
		m.must(err)
	}
	w := &world{r: rand.New(rand.NewPCG(3, 14)), some: map[string]string{}}
	w.often = rand.NewZipf(w.r, 1.2, 8, 5_000)
	w.words = strings.Fields(worldWords)
	for len(w.words) <= 5_000 {
		word := ""
		for range 2 + w.r.IntN(3) {
			word += string("bdfgklmnprstvz"[w.r.IntN(14)]) + string("aeiou"[w.r.IntN(5)])
		}
		w.words = append(w.words, word)
	}
	w.patterns(m)
	m.stop()
	began := time.Now()
	w.write(m, n)
	m.Logf("%d datasets were written in %s", n, time.Since(began).Round(time.Second))
	m.start("GUICHET_METRICS_LISTEN=127.0.0.1:0")
	began = time.Now()
	for ready := false; !ready || m.metrics(m.figuresAt())["guichet_index_lag_changes"] != 0; {
		time.Sleep(200 * time.Millisecond)
		resp, err := http.Get(m.addresses.HTTP + "/api/v1/datasets?limit=1") // none is found while the index is made anew
		m.must(err)
		m.must(resp.Body.Close())
		ready = resp.StatusCode == http.StatusOK
	}
	m.Logf("they are found after %s", time.Since(began).Round(time.Second))
	return w
}

// patterns reads one of each noun that is cloned, which the API makes as it makes all.
func (w *world) patterns(m *meter) {
	d := m.story.Dataset("winter-wheat-trials")
	c := m.as("trainer")
	m.must(c.Post(m.Context(), "/requests", map[string]any{"project": "bench", "items": []map[string]any{{"dataset": d.ID}}}, &w.request))
	if w.request.State != schemas.RequestGranted {
		m.Fatalf("the request is %s", w.request.State)
	}
	m.must(c.Get(m.Context(), "/agreements/"+string(w.request.Items[0].Agreement), &w.agreement))
	m.must(c.Get(m.Context(), "/datasets/"+string(d.ID), &d))
	w.some["dataset"] = string(d.ID)
	w.profiles = d.Profiles
	all, err := client.All[schemas.Request](m.Context(), c, "/requests")
	m.must(err)
	w.some["request"] = string(all[0].ID)
	w.some["agreement"] = string(w.agreement.ID)
}

// write stores it all.
func (w *world) write(m *meter, datasets int) {
	ctx, end := context.WithCancel(m.Context())
	data := filepath.Join(m.dir, "gateway")
	database, err := db.Open(ctx, "sqlite:"+filepath.Join(data, "guichet.db"), nil)
	m.must(err)
	key, err := os.ReadFile(filepath.Join(data, "keys", "log.key"))
	m.must(err)
	record, err := audit.New(database, string(key), filepath.Join(data, "checkpoint"), nil)
	m.must(err)
	database.OnGroup(record.Step)
	ran := make(chan error, 1)
	go func() { ran <- database.Run(ctx) }()
	m.must(record.Start(ctx))
	many := func(n int, put func(ctx context.Context, tx *db.Tx, i int) error) {
		for from := 0; from < n; from += inOneWrite {
			m.must(database.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
				for i := from; i < min(n, from+inOneWrite); i++ {
					err := put(ctx, tx, i)
					if err != nil {
						return err
					}
				}
				return nil
			}))
		}
	}
	w.version, _, err = db.GetStored[schemas.Version](ctx, database, "version", string(w.agreement.Dataset)+"/"+string(w.agreement.Versions[0]))
	m.must(err)
	many(worldProviders+worldTrainers, w.participant)
	many(worldProjects, w.project)
	many(datasets, w.dataset)
	many(worldRuns, w.run)
	many(worldRequests, w.ask)
	many(worldReleases, w.release)
	_, err = record.Checkpoint(ctx)
	m.must(err)
	end()
	m.must(<-ran)
	m.must(database.Close())
}

// said is some words, the frequent ones often.
func (w *world) said(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = w.words[w.often.Uint64()]
	}
	return strings.Join(out, " ")
}

func anyOf[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (w *world) participant(ctx context.Context, tx *db.Tx, i int) error {
	p := schemas.Participant{ID: schemas.ParticipantID(fmt.Sprintf("https://org%d.example", i)), Name: "Organisation of " + w.said(2),
		Country: anyOf(w.r, strings.Fields("BE FR DE NL LU IT ES PL SE")), Kind: anyOf(w.r, schemas.ParticipantKinds())}
	if i < worldProviders {
		p.Roles, w.providers = []schemas.Role{schemas.RoleProvider}, append(w.providers, p.ID)
	} else {
		p.Roles, w.trainers = []schemas.Role{schemas.RoleTrainer}, append(w.trainers, p.ID)
	}
	err := db.Insert(ctx, tx, "participant", string(p.ID), p, nil)
	if err == nil {
		_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: "participant/" + string(p.ID),
			Values: map[string]string{"participant": string(p.ID)}, Numbers: map[string]int64{"revision": 1}})
	}
	return err
}

func (w *world) project(ctx context.Context, tx *db.Tx, i int) error {
	p := schemas.Project{ID: schemas.ProjectID(fmt.Sprintf("project-%d", i)), Title: "A model of " + w.said(3), Description: w.said(40),
		Lead: anyOf(w.r, w.trainers), Factory: "leonardo", Purposes: []string{"train-model", "scientific-research"}}
	for len(p.Partners) < w.r.IntN(5) {
		p.Partners = append(p.Partners, anyOf(w.r, w.trainers))
	}
	if i < worldOfTrainer {
		p.Lead = worldTrainer
	}
	w.projects = append(w.projects, p)
	err := db.Insert(ctx, tx, "project", string(p.ID), p, db.Columns{"lead": string(p.Lead)})
	if err == nil {
		_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: "project/" + string(p.ID),
			Values: map[string]string{"project": string(p.ID)}, Numbers: map[string]int64{"revision": 1}})
	}
	return err
}

func (w *world) dataset(ctx context.Context, tx *db.Tx, i int) error {
	at := time.Unix(1_700_000_000+int64(i)*600, 0).UTC()
	d := schemas.Dataset{ID: schemas.NewDatasetID(), IRI: fmt.Sprintf("urn:world:%d", i), Provider: w.providers[w.r.IntN(1+w.r.IntN(len(w.providers)))],
		Space: anyOf(w.r, []schemas.SpaceID{"agriculture", "energy", "health", "mobility"}),
		Title: schemas.Text{"en": w.said(4 + w.r.IntN(5))}, Description: schemas.Text{"en": w.said(20 + w.r.IntN(60))},
		Keywords: strings.Fields(w.said(4)), Themes: []string{anyOf(w.r, strings.Fields("AGRI ENER HEAL TRAN ENVI SOCI"))},
		Countries: []string{anyOf(w.r, strings.Fields("BE FR DE NL LU IT ES PL SE"))}, Publisher: "Office of " + w.said(1),
		Licence: anyOf(w.r, strings.Fields("CC-BY-4.0 CC0-1.0 ODbL-1.0 CC-BY-SA-4.0")), Languages: []string{"en"}, Registered: at, Modified: at, Revision: 1, Profiles: w.profiles}
	if i < worldOfProvider {
		d.Provider = worldProvider
	}
	table := schemas.TableInfo{Name: "data"}
	for k := range 3 + w.r.IntN(20) {
		table.Fields = append(table.Fields, schemas.Field{Name: fmt.Sprintf("%s_%d", w.said(1), k), Type: "float64", Unit: anyOf(w.r, []string{"", "m", "kWh", "t/ha"})})
	}
	d.Tables = []schemas.TableInfo{table}
	published := i%worldPublished == 0 || i < worldOfProvider
	if published {
		o := w.agreement.Offer
		o.Rules = []schemas.Rule{{ID: "offer §1", Kind: schemas.Permission, Actions: []string{"use"}}}
		switch i / worldPublished % 5 {
		case 0:
			o.Review = true
		case 1:
			o.Rules[0].Constraint = &schemas.Constraint{Left: "purpose", Operator: "isAnyOf", Right: []string{"scientific-research"}}
		case 2:
			o.Rules[0].Constraint = &schemas.Constraint{Left: "recipientKind", Operator: "isAnyOf", Right: []string{"start-up", "research"}}
		}
		d.Offer = &o
		v := w.version
		v.Dataset, v.Version, v.Started, v.Published = d.ID, "1", at, at
		d.Latest = &v.VersionSummary
		err := db.Insert(ctx, tx, "version", string(d.ID)+"/1", v,
			db.Columns{"dataset": string(d.ID), "state": string(v.State), "started": at.UnixMicro(), "ask": "{}", "shards": "{}"})
		if err != nil {
			return err
		}
		w.published = append(w.published, d)
	} else {
		d.Links = []schemas.Link{{URL: fmt.Sprintf("https://data.example/%d", i), Format: anyOf(w.r, strings.Fields("csv json xlsx parquet"))}}
	}
	err := db.Insert(ctx, tx, "dataset", string(d.ID), d, catalog.Columns(&d))
	if err != nil {
		return err
	}
	by := schemas.Principal{Issuer: "https://issuer.example", Subject: "maker", Participant: d.Provider}
	c := &catalog.Catalog{}
	err = c.Changed(ctx, tx, by, schemas.ChangeDatasetPut, &d, nil)
	if err == nil && published {
		err = c.Changed(ctx, tx, by, schemas.ChangeVersion, &d, map[string]string{"version": "1", "state": string(schemas.VersionPublished)})
	}
	return err
}

func (w *world) run(ctx context.Context, tx *db.Tx, i int) error {
	p := anyOf(w.r, w.projects)
	if i%20 == 0 {
		p = w.projects[i/20%worldOfTrainer]
	}
	r := schemas.Run{ID: schemas.NewRunID(), Project: p.ID, Factory: p.Factory, ExternalID: fmt.Sprint("slurm-", i), Started: time.Unix(1_760_000_000+int64(i), 0)}
	w.runs = append(w.runs, r)
	if p.Lead == worldTrainer {
		w.some["run"] = string(r.ID)
	}
	err := db.Insert(ctx, tx, "run", string(r.ID), r, db.Columns{"project": string(r.Project)})
	if err == nil {
		_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRun, Subject: string(r.ID), Values: map[string]string{"run": string(r.ID),
			"project": string(r.Project), "factory": string(r.Factory), "external": r.ExternalID, "by": string(p.Lead)}})
	}
	return err
}

// ask stores a request, and for four of five the agreement that came of it.
func (w *world) ask(ctx context.Context, tx *db.Tx, i int) error {
	p, d := anyOf(w.r, w.projects), anyOf(w.r, w.published)
	if i%20 == 0 {
		p = w.projects[i/20%worldOfTrainer]
	}
	if i%10 == 0 {
		d = w.published[i/10%worldOfProvider]
	}
	at := time.Unix(1_760_000_000+int64(i)*60, 0).UTC()
	r := w.request
	r.ID, r.Project, r.By, r.Submitted, r.Decided, r.Revision = schemas.NewRequestID(), p.ID, p.Lead, at, at, 1
	item := w.request.Items[0]
	item.Dataset, item.Provider = d.ID, d.Provider
	if i%5 == 4 {
		item.State, item.Agreement, r.State, r.Decided = schemas.RequestPending, "", schemas.RequestPending, time.Time{}
		decision := *item.Decision
		decision.Verdict, decision.Reviewer = schemas.VerdictReview, d.Provider
		item.Decision = &decision
	} else {
		a := w.agreement
		a.ID, a.Permit, a.Dataset, a.Provider, a.Participant, a.Project = schemas.NewAgreementID(), r.ID, d.ID, d.Provider, p.Lead, p.ID
		a.Versions, a.Offer, a.From, a.Revision = []schemas.VersionID{"1"}, *d.Offer, at, 1
		a.Until = at.AddDate(0, 6+w.r.IntN(20), 0)
		item.Agreement = a.ID
		err := agreement.Conclude(ctx, tx, schemas.Principal{Issuer: "https://issuer.example", Subject: "asker", Participant: p.Lead}, &a, "offer §1")
		if err != nil {
			return err
		}
		w.agreed = append(w.agreed, a)
	}
	r.Items = []schemas.RequestItem{item}
	err := db.Insert(ctx, tx, "request", string(r.ID), r, db.Columns{"participant": string(r.By), "project": string(r.Project), "state": string(r.State)})
	if err == nil {
		_, err = tx.Exec(ctx, "INSERT INTO request_reviewer (request, reviewer) VALUES (?, ?)", string(r.ID), string(d.Provider))
	}
	if err == nil {
		_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRequest, Subject: string(r.ID), Values: map[string]string{
			"request": string(r.ID), "dataset": string(d.ID), "project": string(p.ID), "participant": string(p.Lead), "purpose": r.Purpose,
			"provider": string(d.Provider), "agreement": string(item.Agreement), "state": string(item.State), "rules": "offer §1", "by": string(p.Lead)}})
	}
	return err
}

func (w *world) release(ctx context.Context, tx *db.Tx, i int) error {
	a := w.agreed[w.r.IntN(1+w.r.IntN(len(w.agreed)))]
	id := schemas.NewReleaseID()
	v := map[string]string{"release": string(id), "agreement": string(a.ID), "dataset": string(a.Dataset), "participant": string(a.Participant),
		"project": string(a.Project), "version": "1", "table": "data", "split": "all", "provider": string(a.Provider), "purpose": a.Purpose,
		"action": a.Action, "door": "http", "factory": string(a.Factory), "ask": "world=1&rank=0", "run": string(anyOf(w.r, w.runs).ID)}
	at := time.Unix(1_762_000_000+int64(i)*30, 0).UTC()
	begin, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeReleaseBegin, Subject: string(id), At: at, Values: v,
		Numbers: map[string]int64{"most_rows": 1000, "most_bytes": 40_000, "declared": 1}})
	if err != nil {
		return err
	}
	r := schemas.Release{ID: id, Agreement: a.ID, Dataset: a.Dataset, Version: "1", Table: "data", Split: "all", Participant: a.Participant,
		Provider: a.Provider, Purpose: a.Purpose, Project: a.Project, Door: "http", Rows: 1000, Bytes: 40_000, State: schemas.ReleaseComplete, Begun: at,
		Ended: at.Add(time.Second), Begin: begin.Value(), Replica: "old"}
	err = db.Insert(ctx, tx, "release", string(id), r, db.Columns{"agreement": string(a.ID), "dataset": string(a.Dataset), "provider": string(a.Provider),
		"participant": string(a.Participant), "state": string(r.State), "replica": r.Replica, "begun": at.UnixMicro()})
	if err != nil {
		return err
	}
	v["state"] = string(r.State)
	_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeReleaseEnd, Subject: string(id), At: r.Ended, Values: v,
		Numbers: map[string]int64{"rows": r.Rows, "bytes": r.Bytes, "batches": 2, "ms": 1000}})
	return err
}
