package party

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

func operator() schemas.Principal {
	return schemas.Principal{Issuer: "test", Subject: "boss", Participant: "https://factory.example", Roles: []schemas.Role{schemas.RoleOperator}}
}

func store(prefixes ...schemas.Prefix) schemas.Store {
	return schemas.Store{ID: "s", Endpoint: "https://s3.example", Region: "eu", CredentialRef: "c", Prefixes: prefixes}
}

const (
	hospA = schemas.ParticipantID("https://hosp-a.example")
	hospB = schemas.ParticipantID("https://hosp-b.example")
)

// A provider names objects under her own prefix only, however the key is written
// [decisions.md 1], and no longer once the prefix was taken back.
func TestMayName(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		r, err := New(db)
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.PutStore(t.Context(), operator(), store(schemas.Prefix{Participant: hospA, Bucket: "b", Prefix: "hosp/"}, schemas.Prefix{Participant: hospB, Bucket: "b", Prefix: "hospital-b/"}), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			who    schemas.ParticipantID
			store  schemas.StoreID
			bucket string
			key    string
			ok     bool
		}{
			{"own", hospA, "s", "b", "hosp/x.parquet", true},
			{"own, deeper", hospA, "s", "b", "hosp/2026/x y.parquet", true},
			{"own, with a percent sign", hospA, "s", "b", "hosp/100%25.csv", true},
			{"foreign", hospA, "s", "b", "hospital-b/x", false},
			{"the neighbour whose name begins alike", hospA, "s", "b", "hospx/x", false},
			{"up and over", hospA, "s", "b", "hosp/../hospital-b/x", false},
			{"encoded up and over", hospA, "s", "b", "hosp/%2e%2e/hospital-b/x", false},
			{"upper case encoded", hospA, "s", "b", "hosp/%2E%2E/hospital-b/x", false},
			{"encoded slash", hospA, "s", "b", "hosp/..%2fhospital-b/x", false},
			{"broken encoding", hospA, "s", "b", "hosp/%zz", false},
			{"backslash", hospA, "s", "b", `hosp/..\hospital-b\x`, false},
			{"dot", hospA, "s", "b", "hosp/./x", false},
			{"empty part", hospA, "s", "b", "hosp//x", false},
			{"leading slash", hospA, "s", "b", "/hosp/x", false},
			{"the prefix itself", hospA, "s", "b", "hosp/", false},
			{"without its slash", hospA, "s", "b", "hosp", false},
			{"control character", hospA, "s", "b", "hosp/\x00x", false},
			{"other bucket", hospA, "s", "c", "hosp/x", false},
			{"other store", hospA, "t", "b", "hosp/x", false},
			{"nobody", "", "s", "b", "hosp/x", false},
		} {
			err := r.MayName(t.Context(), c.who, c.store, c.bucket, c.key)
			if c.ok != (err == nil) || err != nil && schemas.KindOf(err) != schemas.Denied {
				t.Errorf("%s: %q gives %v, want allowed %t", c.name, c.key, err, c.ok)
			}
		}
		s.Prefixes = s.Prefixes[1:]
		_, err = r.PutStore(t.Context(), operator(), s, s.Revision)
		if err != nil {
			t.Fatal(err)
		}
		err = r.MayName(t.Context(), hospA, "s", "b", "hosp/x.parquet")
		if schemas.KindOf(err) != schemas.Denied {
			t.Errorf("after the prefix was taken back: %v, want Denied", err)
		}
	})
}

func TestPrefixesOfStores(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t, dbtest.SQLite)
	r, err := New(db)
	if err != nil {
		t.Fatal(err)
	}
	p := func(who schemas.ParticipantID, bucket, prefix string) schemas.Prefix {
		return schemas.Prefix{Participant: who, Bucket: bucket, Prefix: prefix}
	}
	for i, c := range []struct {
		name     string
		prefixes []schemas.Prefix
		ok       bool
	}{
		{"side by side", []schemas.Prefix{p(hospA, "b", "hosp/"), p(hospB, "b", "hospital-b/")}, true},
		{"one inside her own", []schemas.Prefix{p(hospA, "b", "a/"), p(hospA, "b", "a/x/")}, true},
		{"same in another bucket", []schemas.Prefix{p(hospA, "b", "a/"), p(hospB, "c", "a/")}, true},
		{"no slash", []schemas.Prefix{p(hospA, "b", "hosp")}, false},
		{"the whole bucket", []schemas.Prefix{p(hospA, "b", "")}, false},
		{"only a slash", []schemas.Prefix{p(hospA, "b", "/")}, false},
		{"inside another's", []schemas.Prefix{p(hospA, "b", "a/"), p(hospB, "b", "a/x/")}, false},
		{"around another's", []schemas.Prefix{p(hospA, "b", "a/x/"), p(hospB, "b", "a/")}, false},
		{"the same as another's", []schemas.Prefix{p(hospA, "b", "a/"), p(hospB, "b", "a/")}, false},
		{"dots", []schemas.Prefix{p(hospA, "b", "../a/")}, false},
		{"of nobody", []schemas.Prefix{p("", "b", "a/")}, false},
		{"of no bucket", []schemas.Prefix{p(hospA, "", "a/")}, false},
	} {
		s := store(c.prefixes...)
		s.ID = schemas.StoreID(fmt.Sprintf("s%d", i))
		_, err := r.PutStore(t.Context(), operator(), s, 0)
		if kind := schemas.KindOf(err); c.ok && err != nil || !c.ok && kind != schemas.Invalid {
			t.Errorf("%s: %v, want ok %t", c.name, err, c.ok)
		}
	}
	_, err = r.PutStore(t.Context(), schemas.Principal{Subject: "x", Participant: hospA, Roles: []schemas.Role{schemas.RoleProvider}}, store(), 0)
	if schemas.KindOf(err) != schemas.Denied {
		t.Errorf("a provider makes a store: %v, want Denied", err)
	}
}

// A user belongs to one participant; what a member may do is no more than what the
// participant may.
func TestMembers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		r, err := New(db)
		if err != nil {
			t.Fatal(err)
		}
		trainer := []schemas.Role{schemas.RoleTrainer}
		put := func(id schemas.ParticipantID, revision int64, sub string, roles []schemas.Role) error {
			_, err := r.PutParticipant(context.Background(), operator(), schemas.Participant{ID: id, Name: "N", Country: "FR", Kind: schemas.KindSME, Roles: trainer,
				Members: []schemas.Member{{Issuer: "i", Subject: sub, Roles: roles}}}, revision)
			return err
		}
		for _, c := range []struct {
			name     string
			id       schemas.ParticipantID
			revision int64
			sub      string
			roles    []schemas.Role
			want     schemas.Kind
			ok       bool
		}{
			{"first", hospA, 0, "ada", trainer, 0, true},
			{"more than the participant", hospB, 0, "bob", []schemas.Role{schemas.RoleOfficer}, schemas.Invalid, false},
			{"another's member", hospB, 0, "ada", trainer, schemas.Invalid, false},
			{"again", hospA, 0, "ada", trainer, schemas.Conflict, false},
			{"from an old copy", hospA, 7, "ada", trainer, schemas.Precondition, false},
			{"no id", "hospital", 0, "eve", trainer, schemas.Invalid, false},
			{"leaves", hospA, 1, "zoe", trainer, 0, true},
			{"may go elsewhere then", hospB, 0, "ada", trainer, 0, true},
		} {
			err := put(c.id, c.revision, c.sub, c.roles)
			if c.ok != (err == nil) || err != nil && schemas.KindOf(err) != c.want {
				t.Errorf("%s: %v, want ok %t, else %s", c.name, err, c.ok, c.want)
			}
		}
		id, roles, err := r.Member(t.Context(), "i", "ada")
		if err != nil || id != hospB || len(roles) != 1 {
			t.Errorf("ada is of %s as %v, %v; want %s", id, roles, err, hospB)
		}
		_, _, err = r.Member(t.Context(), "another issuer", "ada")
		if schemas.KindOf(err) != schemas.NotFound {
			t.Errorf("the same sub of another issuer: %v, want NotFound", err)
		}
	})
}

// A role that does not exist is refused where it is given, not believed until somebody
// wonders why it opens nothing.
func TestRolesAreKnown(t *testing.T) {
	r, err := New(dbtest.Open(t, dbtest.SQLite))
	if err != nil {
		t.Fatal(err)
	}
	boss := schemas.Principal{Issuer: "i", Subject: "boss", Roles: []schemas.Role{schemas.RoleOperator}}
	p := schemas.Participant{ID: hospA, Name: "Hospital", Country: "FR", Kind: schemas.KindPublicBody, Roles: []schemas.Role{schemas.RoleTrainer, "boss"}}
	_, err = r.PutParticipant(t.Context(), boss, p, 0)
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || len(e.Fields) != 1 || e.Fields[0].Pointer != "/roles/1" || e.Message != `"boss" is not a role; there are [provider trainer officer operator]` {
		t.Errorf("%v", err)
	}
	p.Roles = p.Roles[:1]
	if _, err = r.PutParticipant(t.Context(), boss, p, 0); err != nil {
		t.Error(err)
	}
}

// An endpoint is an address of a host and nothing more, and so is the one at which jobs reach the store.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	r, err := New(dbtest.Open(t, dbtest.SQLite))
	if err != nil {
		t.Fatal(err)
	}
	for public, ok := range map[string]bool{"": true, "https://s3.example.org": true, "http://127.0.0.1:9000/": true, "https://s3.example/path": false,
		"s3.example": false, "ftp://s3.example": false, "https://": false, ":": false} {
		s := store()
		s.ID, s.PublicEndpoint = schemas.StoreID(fmt.Sprintf("s-%x", public)), public
		_, err := r.PutStore(t.Context(), operator(), s, 0)
		if (err == nil) != ok || !ok && schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%q for jobs: %v", public, err)
		}
		if public == "" {
			continue
		}
		s = store()
		s.ID, s.Endpoint = schemas.StoreID(fmt.Sprintf("e-%x", public)), public
		_, err = r.PutStore(t.Context(), operator(), s, 0)
		if (err == nil) != ok {
			t.Errorf("%q: %v", public, err)
		}
	}
}
