package objects

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/catalog"
	"guichet/catalog/publish"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/s3"
	"guichet/connectors/s3/s3test"
	"guichet/gateway/api"
	"guichet/policy/agreement/refusal"
	"guichet/policy/party"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// people are who calls, named by a header.
func people() map[string]schemas.Principal {
	of := func(name, participant string, role schemas.Role) schemas.Principal {
		return schemas.Principal{Issuer: "i", Subject: name, Participant: schemas.ParticipantID(participant), Roles: []schemas.Role{role}}
	}
	return map[string]schemas.Principal{
		"olga": of("olga", "https://site.example", schemas.RoleOperator), "paul": of("paul", "https://p.example", schemas.RoleProvider),
		"quin": of("quin", "https://q.example", schemas.RoleProvider), "tess": of("tess", "https://t.example", schemas.RoleTrainer),
	}
}

// site is the API over a store with two buckets; away says that the store is not there.
type site struct {
	t       *testing.T
	h       http.Handler
	store   *s3test.Server
	dataset schemas.DatasetID // of paul's
	away    bool
}

func newSite(t *testing.T) *site {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := &site{t: t, store: s3test.New(t, "lab", "work")}
	database := dbtest.Open(t, dbtest.SQLite)
	parties, err := party.New(database)
	must(err)
	for _, id := range []schemas.ParticipantID{"https://p.example", "https://q.example"} {
		_, err = parties.PutParticipant(t.Context(), people()["olga"], schemas.Participant{ID: id, Name: "P", Country: "FR", Kind: schemas.KindResearch,
			Roles: []schemas.Role{schemas.RoleProvider}}, 0)
		must(err)
	}
	_, err = parties.PutStore(t.Context(), people()["olga"], schemas.Store{ID: "local", Endpoint: s.store.URL, Region: "eu", CredentialRef: "local", WorkBucket: "work",
		Prefixes: []schemas.Prefix{{Participant: "https://p.example", Bucket: "lab", Prefix: "p/"}, {Participant: "https://q.example", Bucket: "lab", Prefix: "q/"}}}, 0)
	must(err)
	profiles, err := spaces.Profiles()
	must(err)
	c := catalog.New(catalog.Config{DB: database, Spaces: profiles, CheckOffer: func(context.Context, *schemas.Offer, []schemas.TableInfo) error { return nil }, MaxSets: 10})
	publisher := publish.New(publish.Config{Catalog: c, DB: database, Log: slog.New(slog.DiscardHandler), MayName: parties.MayName, Prefix: parties.Prefix,
		Work: parties.Work, Store: func(_ context.Context, id schemas.StoreID) (*s3.Store, error) {
			at := s.store.URL
			if s.away {
				at = "http://127.0.0.1:1"
			}
			return s3.New(id, at, "eu", s3.Credentials{AccessKey: "a", SecretKey: "topsecret"})
		}})
	d, err := c.Register(t.Context(), people()["paul"], schemas.Dataset{Provider: "https://p.example", Title: schemas.Text{"en": "Wheat"}, Space: "agriculture", Licence: "CC0-1.0",
		Countries: []string{"FR"}, Contact: "mailto:a@p.example"})
	must(err)
	s.dataset = d.ID
	gin.SetMode(gin.TestMode)
	r := gin.New()
	v1 := r.Group("/api/v1", func(c *gin.Context) { c.Set(api.PrincipalKey, people()[c.GetHeader("Who")]) })
	api.Register(r, v1, api.Deps{Log: slog.New(slog.DiscardHandler), Refusals: refusal.New(database, nil, time.Now)}, Operations(publisher))
	s.h = r
	return s
}

// want asks as somebody, and reads the answer into out.
func (s *site) want(status int, who, path string, out any) string {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/api/v1"+path, http.NoBody)
	r.Header.Set("Who", who)
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	if w.Code != status {
		s.t.Errorf("%s %s: %d, want %d: %s", who, path, w.Code, status, w.Body)
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			s.t.Fatal(err)
		}
	}
	return w.Body.String()
}

// all reads every page of a folder.
func (s *site) all(prefix string, limit int) (out []Object) {
	s.t.Helper()
	for cursor := ""; ; {
		var page schemas.Page[Object]
		q := url.Values{"bucket": {"lab"}, "prefix": {prefix}, "limit": {fmt.Sprint(limit)}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		s.want(200, "paul", "/stores/local/objects?"+q.Encode(), &page)
		out = append(out, page.Items...)
		if cursor = page.Next; cursor == "" || len(page.Items) > limit {
			return out
		}
	}
}

// TestObjects: a provider sees what lies below her own prefixes, page by page; of what belongs to others, or does not lie
// below a prefix, nobody learns whether it is there.
func TestObjects(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, key := range []string{"p/wheat/a.csv", "p/wheat/test/1.csv", "p/wheat/train/1.csv", "p/wheat/train/2.csv", "q/other.csv", "px/far.csv"} {
		s.store.Put("lab", key, []byte("four"))
	}
	for _, limit := range []int{1, 2, 100} {
		var keys []string
		for _, o := range s.all("p/wheat/", limit) {
			keys = append(keys, o.Key)
			if o.Folder != strings.HasSuffix(o.Key, "/") || !o.Folder && o.Bytes != 4 || o.Fault != "" {
				t.Errorf("%+v", o)
			}
		}
		if !slices.Equal(keys, []string{"p/wheat/a.csv", "p/wheat/test/", "p/wheat/train/"}) {
			t.Errorf("pages of %d: %q", limit, keys)
		}
	}
	var refused []string
	for _, path := range []string{"local/objects?bucket=lab&prefix=q/", "local/objects?bucket=work&prefix=uploads/", "none/objects?bucket=lab&prefix=p/",
		"local/objects?bucket=other&prefix=p/", "local/objects?bucket=lab&prefix=px/", "local/objects?bucket=lab&prefix=p/../q/", "local/objects?bucket=lab&prefix=p/%252e%252e/q/",
		"local/objects?bucket=lab&prefix=/", "local/objects?bucket=lab&prefix=p//", "local/objects?bucket=lab&prefix=p/a%5Cb/"} {
		refused = append(refused, s.want(404, "paul", "/stores/"+path, nil))
	}
	for _, body := range refused {
		if strings.ReplaceAll(body, `"none"`, `"local"`) != strings.ReplaceAll(refused[0], `"none"`, `"local"`) && !strings.Contains(body, "in a place that was granted to you") {
			t.Errorf("%s", body)
		}
	}
	s.want(200, "quin", "/stores/local/objects?bucket=lab&prefix=q/", nil)
	s.want(404, "quin", "/stores/local/objects?bucket=lab&prefix=p/", nil)
	s.want(403, "olga", "/stores/local/objects?bucket=lab&prefix=p/", nil)
	s.want(403, "tess", "/stores/local/objects?bucket=lab&prefix=p/", nil)
	s.want(401, "nobody", "/stores/local/objects?bucket=lab&prefix=p/", nil)
	s.want(422, "paul", "/stores/local/objects?bucket=lab&prefix=p/wheat", nil)
	for _, cursor := range []string{"!", "cS9vdGhlci5jc3Y"} { // none, and q/other.csv
		s.want(422, "paul", "/stores/local/objects?bucket=lab&prefix=p/&cursor="+cursor, nil)
	}
	s.away = true
	body := s.want(503, "paul", "/stores/local/objects?bucket=lab&prefix=p/", nil)
	if !strings.Contains(body, "store local at http://127.0.0.1:1 does not answer") || strings.Contains(body, "topsecret") {
		t.Error(body)
	}
}

// TestHostileNames: whatever an object is called, it is listed, and what cannot be published says why.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	names := map[string]bool{"<img src=x onerror=alert(1)>.csv": true, "\u202egnp.csv": true, "a b & c.csv": true, strings.Repeat("é", 500) + ".csv": true, "x\x07.csv": false,
		"back\\slash.csv": false, "not\xff.csv": false, "100%.csv": false, strings.Repeat("x", 1100): false}
	for name := range names {
		s.store.Put("lab", "p/h/"+name, []byte("x"))
	}
	found := s.all("p/h/", 3)
	if len(found) != len(names) {
		t.Errorf("%d of %d: %+v", len(found), len(names), found)
	}
	for _, o := range found {
		fine, known := names[strings.TrimPrefix(o.Key, "p/h/")]
		if known && fine != (o.Fault == "") || !known && o.Fault == "" {
			t.Errorf("%+v", o)
		}
	}
}

// TestFiles: what was uploaded for a dataset, for its provider alone.
func TestFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	at := schemas.UploadPrefix("https://p.example") + string(s.dataset)
	for _, key := range []string{at + "/data/train/a.csv", at + "/data/test/b.csv", at + "/deep/er/than/it", at + "x/data/all/c.csv", "uploads/other/d.csv"} {
		s.store.Put("work", key, []byte("seven77"))
	}
	var page schemas.Page[File]
	path := "/datasets/" + string(s.dataset) + "/files"
	s.want(200, "paul", path, &page)
	if len(page.Items) != 2 || page.Items[0].Split != "test" || page.Items[1].Name != "a.csv" || page.Items[1].Bytes != 7 {
		t.Errorf("%+v", page)
	}
	s.want(200, "paul", path+"?limit=1", &page)
	if len(page.Items) != 1 || page.Next == "" {
		t.Errorf("%+v", page)
	}
	s.want(404, "quin", path, nil)
	s.want(403, "tess", path, nil)
	s.want(401, "nobody", path, nil)
	s.away = true
	if body := s.want(503, "paul", path, nil); !strings.Contains(body, "store local") {
		t.Error(body)
	}
}
