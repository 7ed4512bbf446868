package gateway_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/catalog"
	"guichet/catalog/duplicates"
	"guichet/catalog/harvest"
	"guichet/catalog/index"
	"guichet/catalog/publish"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/fetch"
	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/gateway"
	"guichet/gateway/api"
	"guichet/gateway/auth"
	"guichet/gateway/stream"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/refusal"
	"guichet/policy/agreement/release"
	"guichet/policy/agreement/request"
	"guichet/policy/agreement/run"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/terms"
	"guichet/policy/audit"
	"guichet/policy/party"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// site is a gateway in this process, over SQLite, without a store: enough for
// everything that moves no bytes of data. Every answer of it is held against the
// OpenAPI document.
type site struct {
	shards   []schemas.Shard // of what publish makes; none are stored
	t        *testing.T
	base     string
	issuer   string // the operator's own
	db       *db.DB
	catalog  *catalog.Catalog
	index    *index.Index
	parties  *party.Registry
	leases   *lease.Leases
	releases *release.Releases
	record   *audit.Log
	spec     *spec
	store    *s3.Store // of uploads; none when nil
	server   *gateway.Server
	same     *duplicates.Finder
}

// Who takes part in every site.
const (
	operatorOrg = schemas.ParticipantID("https://factory.example")
	providerOrg = schemas.ParticipantID("https://agronomy.example")
	otherOrg    = schemas.ParticipantID("https://grid.example")
	trainerOrg  = schemas.ParticipantID("https://crop-ai.example")
)

func newSite(t *testing.T, also ...func(d *gateway.Deps)) *site {
	t.Helper()
	return newSiteOn(t, dbtest.SQLite, also...)
}

// newSiteOn is newSite on a database of one kind.
func newSiteOn(t *testing.T, kind string, also ...func(d *gateway.Deps)) *site {
	t.Helper()
	ctx := t.Context()
	log := slog.New(slog.DiscardHandler)
	s := &site{t: t}
	iss := newIssuer(t)
	s.issuer = iss.URL
	s.db = dbtest.OpenURL(t, dbtest.URL(t, kind))
	skey, _, err := audit.NewKey("guichet-test")
	must(t, err)
	s.record, err = audit.New(s.db, skey, filepath.Join(t.TempDir(), "checkpoint"), log)
	must(t, err)
	s.db.OnGroup(s.record.Step)
	dbtest.Run(t, s.db)
	must(t, s.record.Start(ctx))
	s.index, err = index.Open(filepath.Join(t.TempDir(), "index"), &spaces.Set{}, log)
	must(t, err)
	s.parties, err = party.New(s.db)
	must(t, err)
	engine, err := policy.New(ctx)
	must(t, err)
	engine = engine.With(s.parties)
	spaces, err := spaces.Profiles()
	must(t, err)
	away := func(context.Context, schemas.StoreID) (*s3.Store, error) {
		if s.store != nil {
			return s.store, nil
		}
		return nil, schemas.Errorf(schemas.Unavailable, "store", "there is no store in this test")
	}
	work := func(context.Context) (schemas.StoreID, string, error) {
		if s.store != nil {
			return "local", "work", nil
		}
		return "", "", schemas.Errorf(schemas.Unavailable, "store", "there is no work bucket in this test")
	}
	s.catalog = catalog.New(catalog.Config{DB: s.db, Spaces: spaces, CheckOffer: engine.CheckOffer, MaxSets: 10_000})
	publisher := publish.New(publish.Config{Catalog: s.catalog, DB: s.db, Log: log, MayName: s.parties.MayName, Prefix: s.parties.Prefix,
		Store: away, Work: work, TempDir: t.TempDir(), MaxUploads: 1000})
	agreements := agreement.New(s.db, s.parties, time.Now)
	offers := terms.New(s.catalog, time.Now)
	sources := harvest.NewHarvester(harvest.Config{DB: s.db, Catalog: s.catalog, Spaces: []schemas.SpaceID{"agriculture"}, Address: fetch.Check, Kinds: harvest.Kinds(), Log: log})
	s.same = duplicates.New(duplicates.Config{DB: s.db, Catalog: s.catalog, Log: log})
	s.index.Groups = s.same.Groups
	brake := stop.NewBrake(s.db, nil)
	s.leases = lease.New(lease.Config{Agreements: agreements, Catalogue: s.catalog, Brake: brake, Key: []byte(strings.Repeat("k", 32))})
	s.releases = release.New(release.Config{Agreements: agreements, Brake: brake, Replica: "test"})
	refusals := refusal.New(s.db, s.leases.Find, time.Now)
	feed := stop.NewFeed(s.db, log)
	streams := stream.New(stream.Config{Manifest: s.catalog.Manifest, Standing: s.catalog.Standing, MayName: s.parties.MayName, Store: away, Work: work, Releases: s.releases, Feed: feed, MasterKey: []byte(strings.Repeat("m", 32)), Log: log})
	deps := gateway.Deps{
		Deps: api.Deps{Sources: sources, Duplicates: s.same, Catalog: s.catalog, Publisher: publisher, Index: s.index, Engine: engine, Agreements: agreements, Terms: offers, Leases: s.leases, Releases: s.releases, Runs: run.New(agreements, 40), Stops: stop.New(agreements, brake), Refusals: refusals,
			Requests: request.New(request.Config{Agreements: agreements, Engine: engine, Catalogue: s.catalog, Terms: offers, MaxPending: 40}),
			Parties:  s.parties, Record: s.record, Log: log, Version: "test", Public: "https://guichet.example", Now: time.Now},
		DB: s.db, Brake: brake, Auth: auth.New([]auth.Issuer{{Issuer: iss.URL, Audiences: []string{"guichet"}, Own: true}}, s.parties, nil), Stream: streams, Feed: feed, Ticket: make([]byte, 32), Files: fetch.New(fetch.Config{Gap: -1}).Read,
	}
	for _, f := range also {
		f(&deps)
	}
	server := gateway.New(deps)
	s.server = server
	following, stop := context.WithCancel(context.Background())
	var followers sync.WaitGroup
	followers.Go(func() { _ = s.index.Follow(following, s.db) })
	followers.Go(func() { _ = feed.Run(following) })
	followers.Go(func() { _ = refusals.Count(following) })
	followers.Go(func() { _ = s.same.Run(following) })
	web := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		web.Close()
		stop()
		followers.Wait()
		must(t, s.index.Close())
	})
	s.base = web.URL
	s.populate()
	s.spec = readSpec(t, s)
	return s
}

// serve opens the doors on listeners of the test's own too; the Flight door, where none
// is given, on one of its own.
func (s *site) serve(l gateway.Listeners) {
	s.t.Helper()
	var err error
	if l.Calls == nil {
		l.Calls, err = net.Listen("tcp", "127.0.0.1:0")
		must(s.t, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(ctx, l) }()
	s.t.Cleanup(func() {
		stop()
		must(s.t, <-done)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// boss is the operator, past the doors.
func boss() schemas.Principal {
	return schemas.Principal{Issuer: "test", Subject: "boss", Participant: operatorOrg, Roles: []schemas.Role{schemas.RoleOperator}}
}

func (s *site) populate() {
	s.t.Helper()
	ctx := s.t.Context()
	for _, p := range []struct {
		id    schemas.ParticipantID
		kind  schemas.ParticipantKind
		roles []schemas.Role
		subs  map[string][]schemas.Role
	}{
		{operatorOrg, schemas.KindPublicBody, []schemas.Role{schemas.RoleOperator, schemas.RoleOfficer}, map[string][]schemas.Role{"operator": {schemas.RoleOperator}, "officer": {schemas.RoleOfficer}}},
		{providerOrg, schemas.KindResearch, []schemas.Role{schemas.RoleProvider}, map[string][]schemas.Role{"agronomy": {schemas.RoleProvider}}},
		{otherOrg, schemas.KindLargeCompany, []schemas.Role{schemas.RoleProvider}, map[string][]schemas.Role{"grid": {schemas.RoleProvider}}},
		{trainerOrg, schemas.KindStartUp, []schemas.Role{schemas.RoleTrainer}, map[string][]schemas.Role{"trainer": {schemas.RoleTrainer}}},
		{"https://university.example", schemas.KindResearch, []schemas.Role{schemas.RoleTrainer}, map[string][]schemas.Role{"researcher": {schemas.RoleTrainer}}},
	} {
		doc := schemas.Participant{ID: p.id, Name: string(p.id), Country: "FR", Kind: p.kind, Roles: p.roles}
		for sub, roles := range p.subs {
			doc.Members = append(doc.Members, schemas.Member{Issuer: s.issuer, Subject: sub, Roles: roles})
		}
		_, err := s.parties.PutParticipant(ctx, boss(), doc, 0)
		must(s.t, err)
	}
	_, err := s.parties.PutFactory(ctx, boss(), schemas.Factory{ID: "leonardo", Name: "Leonardo", Country: "IT"}, 0)
	must(s.t, err)
	_, err = s.parties.PutStore(ctx, boss(), schemas.Store{ID: "local", Endpoint: "https://s3.example", Region: "eu", CredentialRef: "local", Prefixes: []schemas.Prefix{
		{Participant: providerOrg, Bucket: "b", Prefix: "agronomy/"}, {Participant: otherOrg, Bucket: "b", Prefix: "grid/"},
		{Participant: providerOrg, Bucket: "lab", Prefix: "agronomy/"}}}, 0)
	must(s.t, err)
	_, err = s.parties.PutProject(ctx, boss(), schemas.Project{ID: "crops", Title: "Crops", Lead: trainerOrg, Factory: "leonardo", Purposes: []string{"train-model"}}, 0)
	must(s.t, err)
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

// as reads the answer's body.
func (r reply) as(t testing.TB, v any) {
	t.Helper()
	err := json.Unmarshal([]byte(r.body), v)
	if err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, r.body)
	}
}

// call asks as a persona ("" is a stranger) and checks the answer against the
// document. in is marshalled, or sent as it is when it is a string.
func (s *site) call(who, method, path string, in any, headers ...string) reply {
	s.t.Helper()
	var body io.Reader
	switch v := in.(type) {
	case nil:
	case string:
		body = strings.NewReader(v)
	default:
		b, err := json.Marshal(v)
		must(s.t, err)
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.base+"/api/v1"+path, body)
	must(s.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+token(s.t, s.issuer, who, nil))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	must(s.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(s.t, err)
	out := reply{resp.StatusCode, resp.Header, string(b)}
	if s.spec != nil {
		s.spec.check(s.t, method, path, out)
	}
	return out
}

// want asks and fails on another status.
func (s *site) want(status int, who, method, path string, in any, headers ...string) reply {
	s.t.Helper()
	r := s.call(who, method, path, in, headers...)
	if r.status != status {
		s.t.Fatalf("%s %s as %q: %d, want %d\n%.2000s", method, path, who, r.status, status, r.body)
	}
	return r
}

// wheat is a description that every rule accepts.
func wheat(title string) schemas.Dataset {
	return schemas.Dataset{Space: "agriculture", Title: schemas.Text{"en": title}, Description: schemas.Text{"en": "Yields of winter wheat"}, Licence: "CC-BY-4.0", Countries: []string{"FR"}}
}

// register registers over the door.
func (s *site) register(d schemas.Dataset) schemas.Dataset {
	s.t.Helper()
	var out schemas.Dataset
	s.want(201, "agronomy", "POST", "/datasets", d).as(s.t, &out)
	return out
}

// settle waits until the index has seen every change.
func (s *site) settle() {
	s.t.Helper()
	eventually(s.t, "the index has caught up", func() bool {
		head, err := s.db.Head(s.t.Context())
		return err == nil && s.index.Ready() && s.index.Position() >= head
	})
}

// publish makes a dataset published without a store: one table of two columns.
func (s *site) publish(ids ...schemas.DatasetID) {
	s.t.Helper()
	s.publishAs("v1", ids...)
}

func (s *site) publishAs(version schemas.VersionID, ids ...schemas.DatasetID) {
	s.t.Helper()
	err := s.db.Write(s.t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, id := range ids {
			d, revision, err := db.Get[schemas.Dataset](ctx, tx, "dataset", string(id))
			if err != nil {
				return err
			}
			v := schemas.Version{Dataset: id, VersionSummary: schemas.VersionSummary{Version: version, State: schemas.VersionPublished, Tables: 1, Shards: 1, ShardsDone: 1, Rows: 10, Started: time.Now().UTC()},
				Data: []schemas.Table{{Name: "data", WindowRows: 64, Schema: ipc.EncodeSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "crop", Type: arrow.BinaryTypes.String}}), Columns: []schemas.TableColumn{{Name: "id", Type: "int64"}, {Name: "crop", Type: "utf8"}}, Splits: []schemas.Split{{Name: "all", Shards: s.shards}}}}}
			err = db.Insert(ctx, tx, "version", string(id)+"/"+string(version), v, db.Columns{"dataset": string(id), "state": "published", "started": v.Started.UnixMicro(), "ask": "{}", "shards": "{}"})
			if err != nil {
				return err
			}
			d.Latest = &v.VersionSummary
			_, err = db.Update(ctx, tx, "dataset", string(id), revision, d, nil)
			if err != nil {
				return err
			}
			_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeVersion, Subject: string(id), Values: map[string]string{"dataset": string(id)}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	must(s.t, err)
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("in 30 s it did not happen that %s", what)
		case <-tick.C:
		}
	}
}

// signingKey is made once: RSA keys are slow to make.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// newIssuer serves discovery and keys as an OIDC issuer does.
func newIssuer(t *testing.T) *httptest.Server {
	t.Helper()
	key, err := signingKey()
	must(t, err)
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/keys" {
			fmt.Fprintf(w, `{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"k","n":%q,"e":"AQAB"}]}`, base64.RawURLEncoding.EncodeToString(key.N.Bytes()))
			return
		}
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":%q,"token_endpoint":%q,"id_token_signing_alg_values_supported":["RS256"]}`, srv.URL, srv.URL+"/keys", srv.URL+"/a", srv.URL+"/t")
	}))
	t.Cleanup(srv.Close)
	return srv
}

// token signs one for a persona; claims replace or, when nil, remove what it says.
func token(t testing.TB, issuer, who string, claims map[string]any) string {
	t.Helper()
	key, err := signingKey()
	must(t, err)
	all := map[string]any{"iss": issuer, "sub": who, "aud": "guichet", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "roles": []string{"provider", "trainer", "officer", "operator"}}
	for k, v := range claims {
		all[k] = v
		if v == nil {
			delete(all, k)
		}
	}
	b, err := json.Marshal(all)
	must(t, err)
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"k","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(b)
	sum := sha256.Sum256([]byte(head))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	must(t, err)
	return head + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestMain(m *testing.M) { os.Exit(m.Run()) }

// grouped waits until a dataset is one of several that are the same.
func (s *site) grouped(id schemas.DatasetID) {
	s.t.Helper()
	eventually(s.t, "its duplicates are found", func() bool {
		groups, err := s.same.Groups(s.t.Context(), []schemas.DatasetID{id})
		return err == nil && groups[id] != ""
	})
}
