package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/gin-gonic/gin"

	"guichet/catalog"
	"guichet/catalog/duplicates"
	"guichet/catalog/index"
	"guichet/catalog/publish"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/gateway/api/rights"
	"guichet/policy"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/refusal"
	"guichet/policy/agreement/release"
	"guichet/policy/agreement/request"
	"guichet/policy/agreement/run"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/terms"
	"guichet/policy/audit"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// site is the API alone: its operations over a database, without listeners, bodies'
// bounds, authentication or byte doors. Who calls stands in a header.
type site struct {
	t *testing.T
	*agreementtest.World
	Deps
	router *gin.Engine
	gate   *rights.Gate
	people map[string]schemas.Principal
	vars   map[string]string // what stands for $name in paths, bodies and what is wanted
}

const second = schemas.ParticipantID("https://second.example")

func newSite(t *testing.T) *site {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	database := dbtest.OpenURL(t, dbtest.URL(t, dbtest.SQLite))
	skey, _, err := audit.NewKey("guichet-test")
	agreementtest.Must(t, err)
	record, err := audit.New(database, skey, filepath.Join(t.TempDir(), "head"), log)
	agreementtest.Must(t, err)
	database.OnGroup(record.Step)
	dbtest.Run(t, database)
	agreementtest.Must(t, record.Start(t.Context()))
	ix, err := index.Open(filepath.Join(t.TempDir(), "index"), &spaces.Set{}, log)
	agreementtest.Must(t, err)
	w := agreementtest.New(t, database, 0, 0)
	engine, err := policy.New(t.Context())
	agreementtest.Must(t, err)
	engine = engine.With(w.Parties)
	spaces, err := spaces.Profiles()
	agreementtest.Must(t, err)
	c := catalog.New(catalog.Config{DB: database, Spaces: spaces, CheckOffer: engine.CheckOffer, MaxSets: 100})
	none := schemas.Errorf(schemas.Unavailable, "store", "there is no store in this test")
	pub := publish.New(publish.Config{Catalog: c, DB: database, Log: log, MayName: w.Parties.MayName, Prefix: w.Parties.Prefix,
		Store:   func(context.Context, schemas.StoreID) (*s3.Store, error) { return nil, none },
		Work:    func(context.Context) (schemas.StoreID, string, error) { return "", "", none },
		TempDir: t.TempDir(), MaxUploads: 10})
	offers, brake := terms.New(c, nil), stop.NewBrake(database, nil)
	leases := lease.New(lease.Config{Agreements: w.Agreements, Catalogue: c, Brake: brake, Key: []byte(strings.Repeat("k", 32))})
	s := &site{
		t:     t,
		World: w,
		vars:  map[string]string{},
		Deps: Deps{Sources: portal(c, log), Duplicates: duplicates.New(duplicates.Config{DB: database, Catalog: c, Alone: true}), Catalog: c, Publisher: pub, Index: ix, Engine: engine, Agreements: w.Agreements, Terms: offers,
			Requests: request.New(request.Config{Agreements: w.Agreements, Engine: engine, Catalogue: c, Terms: offers}), Leases: leases,
			Releases: release.New(release.Config{Agreements: w.Agreements, Brake: brake, Replica: "test"}), Runs: run.New(w.Agreements, 0),
			Stops: stop.New(w.Agreements, brake), Refusals: refusal.New(database, leases.Find, nil), Parties: w.Parties, Record: record, Log: log,
			Version: "test", Public: "https://guichet.example", Now: time.Now, NoticeKey: "whpk_test",
			HasCredential: func(name string) bool { return name == "known" },
			Reaches: func(_ context.Context, st schemas.Store) error {
				if st.Endpoint == "https://silent.example" {
					return schemas.BadField("store", "/endpoint", "it does not answer")
				}
				return nil
			}},
	}
	s.people = map[string]schemas.Principal{"ada": agreementtest.Trainer(), "hal": agreementtest.Owner(), "boss": agreementtest.Operator(),
		"olga": agreementtest.Officer(), "sue": agreementtest.Person("sue", second, schemas.RoleProvider, schemas.RoleTrainer),
		"tim": agreementtest.Person("tim", agreementtest.Holder, schemas.RoleTrainer), "lost": {Issuer: "i", Subject: "lost"}}
	s.Join(t, s.people["sue"])
	gin.SetMode(gin.TestMode)
	s.router = gin.New()
	s.router.UseRawPath = true
	group := s.router.Group("/api/v1", func(g *gin.Context) {
		if who := g.GetHeader("X-As"); who != "" {
			g.Set(PrincipalKey, s.people[who])
		}
		g.Set(LeaseKey, g.GetHeader("X-Lease"))
		g.Set(AddressKey, "192.0.2.1")
	})
	_, s.gate = Register(s.router, group, s.Deps)
	following, end := context.WithCancel(context.Background())
	var follower sync.WaitGroup
	ix.Groups = s.Duplicates.Groups
	follower.Go(func() { _ = ix.Follow(following, database) })
	t.Cleanup(func() {
		end()
		follower.Wait()
		agreementtest.Must(t, ix.Close())
	})
	return s
}

// filled puts what is kept into a text.
func (s *site) filled(text string) string {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(s.vars))) { // $ds2 before $ds
		text = strings.ReplaceAll(text, "$"+name, s.vars[name])
	}
	return text
}

// call does one operation: "POST /datasets", with headers after the body.
func (s *site) call(who, do, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	method, path, _ := strings.Cut(s.filled(do), " ")
	r := httptest.NewRequestWithContext(s.t.Context(), method, "/api/v1"+path, strings.NewReader(s.filled(body)))
	r.Header.Set("Content-Type", "application/json")
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
		r.Header.Del("Content-Type")
	}
	r.Header.Set("X-As", who)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], s.filled(headers[i+1]))
	}
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	return w
}

// want does one operation and holds status and texts against the answer.
func (s *site) want(status int, who, do, body string, texts ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.wantWith(nil, status, who, do, body, texts...)
}

func (s *site) wantWith(headers []string, status int, who, do, body string, texts ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	w := s.call(who, do, body, headers...)
	if w.Code != status {
		s.t.Errorf("%s %s: %d, want %d\n%.1500s", who, s.filled(do), w.Code, status, w.Body)
		return w
	}
	got := w.Body.String()
	var escaped any // texts are wanted as people read them
	if json.Unmarshal(w.Body.Bytes(), &escaped) == nil {
		got = plain(escaped)
		got += strings.ReplaceAll(got, `\"`, `"`)
	}
	for _, text := range texts {
		if !strings.Contains(got, s.filled(text)) {
			s.t.Errorf("%s %s: %q is not in\n%.1500s", who, s.filled(do), s.filled(text), got)
		}
	}
	return w
}

// plain is JSON as the answer has it, without escapes that only HTML needs.
func plain(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return fmt.Sprint(v)
	}
	return b.String()
}

// keep keeps a member of an answer under a name.
func (s *site) keep(name string, w *httptest.ResponseRecorder, member string) {
	s.t.Helper()
	var m map[string]any
	err := json.Unmarshal(w.Body.Bytes(), &m)
	if v, ok := m[member]; err == nil && ok {
		s.vars[name] = fmt.Sprint(v)
		return
	}
	s.t.Fatalf("the answer has no %s: %v\n%.500s", member, err, w.Body)
}

// wheat is a dataset that every rule accepts.
const wheat = `{"space":"agriculture","title":{"en":"Wheat"},"description":{"en":"Yields of winter wheat"},"licence":"CC-BY-4.0","countries":["FR"],"keywords":["wheat"]}`

// dataset registers one of hal's, on open terms, and keeps its id.
func (s *site) dataset(name string) {
	s.t.Helper()
	s.keep(name, s.want(201, "hal", "POST /datasets", strings.Replace(wheat, `"Wheat"`, `"Wheat `+name+`"`, 1)), "id")
	s.want(200, "hal", "PUT /datasets/$"+name+"/offer", `{"template":"open-with-attribution","attribution":"Holder"}`)
}

// publish stores a version of a dataset as the publisher would have.
func (s *site) publish(name string, version schemas.VersionID, state schemas.VersionState) {
	s.t.Helper()
	id := s.vars[name]
	agreementtest.Must(s.t, s.World.DB.Write(s.t.Context(), func(ctx context.Context, tx *db.Tx) error {
		d, revision, err := db.Get[schemas.Dataset](ctx, tx, "dataset", id)
		if err != nil {
			return err
		}
		v := schemas.Version{
			Dataset: d.ID,
			VersionSummary: schemas.VersionSummary{Version: version, State: state, Tables: 1, Shards: 2, ShardsDone: 2,
				Rows: 10, Started: time.Now().UTC(), Notes: []schemas.FieldError{{Message: "a note for the provider"}}},
		}
		v.Data = []schemas.Table{{Name: "data", WindowRows: 64, Schema: ipc.EncodeSchema([]arrow.Field{
			{
				Name: "id",
				Type: arrow.PrimitiveTypes.Int64,
			}, {Name: "crop", Type: arrow.BinaryTypes.String}}),
			Columns: []schemas.TableColumn{{Name: "id", Type: "int64"}, {Name: "crop", Type: "utf8"}},
			Splits:  []schemas.Split{{Name: "all"}}}}
		err = db.Insert(
			ctx,
			tx,
			"version",
			id+"/"+string(version),
			v,
			db.Columns{"dataset": id, "state": string(state), "started": v.Started.UnixMicro(),
				"ask": "{}", "shards": "{}"},
		)
		if err == nil && state == schemas.VersionPublished {
			d.Latest = &v.VersionSummary
			_, err = db.Update(ctx, tx, "dataset", id, revision, d, nil)
		}
		if err == nil {
			_, err = tx.Append(
				ctx, schemas.Change{Kind: schemas.ChangeVersion, Subject: id, Values: map[string]string{"dataset": id, "version": string(version)}},
			)
		}
		return err
	}))
}

// settle waits until the index has seen every change.
func (s *site) settle() {
	s.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		head, err := s.World.DB.Head(s.t.Context())
		if err == nil && s.Index.Ready() && s.Index.Position() >= head {
			return
		}
		select {
		case <-tick.C:
		case <-s.t.Context().Done():
			return
		}
	}
}
