package api

import (
	"encoding/json"
	"strings"
	"testing"

	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// A publication is the provider's, of objects in a store that it has a prefix in.
func TestPublications(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dataset("a")
	post := "POST /datasets/$a/versions"
	body := `{"version":"v1","store":"local","tables":[{"name":"data","splits":[{"keys":["holder/a.parquet"]}]}]}`
	for who, status := range map[string]int{"": 401, "ada": 403, "boss": 403, "olga": 403, "lost": 403} {
		s.want(status, who, post, body)
	}
	s.want(404, "sue", post, body, "is not a dataset of yours")
	s.want(422, "hal", post, `{"tables":[]}`, `"pointer":"/tables"`, "this list must not be empty")
	s.want(422, "hal", post, `{"tables":[{"name":"data","splits":[]}]}`, `"pointer":"/tables/0/splits"`)
	s.want(422, "hal", post, strings.Replace(body, `"v1"`, `"Version 1"`, 1), `"pointer":"/version"`)
	s.want(422, "hal", post, strings.Replace(body, `"name"`, `"nome"`, 1), `"pointer":"/tables/0/nome"`, "this member is not known here")
	w := s.call("hal", post, body) // of a store that is not there
	if w.Code < 400 || w.Code == 500 {
		t.Errorf("a store that nobody registered: %d %s", w.Code, w.Body)
	}
	s.want(404, "hal", "POST /datasets/ds-none/versions", body)
}

// The only store and bucket of a provider are meant where it names none.
func TestTheOnlyBucketIsMeant(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	prefix := func(who schemas.ParticipantID, bucket, under string) schemas.Prefix {
		return schemas.Prefix{Participant: who, Bucket: bucket, Prefix: under}
	}
	for id, prefixes := range map[schemas.StoreID][]schemas.Prefix{
		"one": {prefix(agreementtest.Holder, "first", "holder/"), prefix(second, "shared", "second/")},
		"two": {prefix(second, "shared", "second/"), prefix(second, "own", "all/")},
	} {
		_, err := s.World.Parties.PutStore(
			t.Context(),
			agreementtest.Operator(),
			schemas.Store{ID: id, Endpoint: "https://" + string(id) + ".example", Region: "eu",
				CredentialRef: "known", Prefixes: prefixes},
			0,
		)
		agreementtest.Must(t, err)
	}
	api := &server{Deps: s.Deps, gate: s.gate}
	for _, c := range []struct {
		name, who     string
		said          schemas.Publication
		store, bucket string
	}{
		{"nothing is said", "hal", schemas.Publication{}, "one", "first"},
		{"the store", "hal", schemas.Publication{Store: "one"}, "one", "first"},
		{"the bucket", "hal", schemas.Publication{Bucket: "first"}, "one", "first"},
		{"a store of others", "hal", schemas.Publication{Store: "two"}, "two", ""},
		{"a bucket of others", "hal", schemas.Publication{Bucket: "shared"}, "", "shared"},
		{"of two stores the first", "sue", schemas.Publication{}, "one", "shared"},
		{"of two buckets the first", "sue", schemas.Publication{Store: "two"}, "two", "shared"},
		{"the second bucket", "sue", schemas.Publication{Store: "two", Bucket: "own"}, "two", "own"},
		{"uploads have none", "hal", schemas.Publication{Uploaded: true}, "", ""},
	} {
		in := &publicationPost{Caller: Caller{by: s.people[c.who]}, Body: c.said}
		agreementtest.Must(t, api.bucket(t.Context(), in))
		if string(in.Body.Store) != c.store || in.Body.Bucket != c.bucket {
			t.Errorf("%s: %s/%s, want %s/%s", c.name, in.Body.Store, in.Body.Bucket, c.store, c.bucket)
		}
	}
}

// Versions are read by who sees the dataset, those that are not published, and notes, by
// the provider alone; keys and buckets too.
func TestVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dataset("a")
	s.publish("a", "v1", schemas.VersionPublished)
	s.publish("a", "v2", schemas.VersionFailed)
	s.publish("a", "v3", schemas.VersionTried)
	for who, states := range map[string]string{"hal": "published failed tried", "ada": "published", "": "published",
		"olga": "published", "sue": "published"} {
		w := s.want(200, who, "GET /datasets/$a/versions", "")
		var list schemas.Page[schemas.VersionSummary]
		agreementtest.Must(t, json.Unmarshal(w.Body.Bytes(), &list))
		seen := map[schemas.VersionState]bool{}
		for _, v := range list.Items {
			seen[v.State] = true
			if own := who == "hal"; own != (len(v.Notes) > 0) {
				t.Errorf("%s reads the notes %v", who, v.Notes)
			}
		}
		if len(seen) != len(strings.Fields(states)) {
			t.Errorf("%s reads %v, want %s", who, seen, states)
		}
	}
	s.want(404, "ada", "GET /datasets/ds-none/versions", "", "there is no dataset ds-none")
	s.want(200, "ada", "GET /datasets/$a/versions/v1", "", `"version":"v1"`, `"name":"data"`, `"columns":[`, `"name":"all"`, `"shards":0`)
	s.want(200, "hal", "GET /datasets/$a/versions/v1", "", "a note for the provider")
	s.want(200, "hal", "GET /datasets/$a/versions/v3", "", `"data":[`)
	if w := s.want(200, "hal", "GET /datasets/$a/versions/v2", ""); strings.Contains(w.Body.String(), `"data"`) {
		t.Error("a failed version has tables")
	}
	for _, version := range []string{"v2", "v3", "v9"} {
		s.want(404, "ada", "GET /datasets/$a/versions/"+version, "", "dataset $a has no version "+version)
	}
	s.want(404, "ada", "GET /datasets/ds-none/versions/v1", "")
	s.want(200, "hal", "GET /datasets/$a/versions/v1/manifest", "", `"splits":[`)
	s.want(404, "hal", "GET /datasets/$a/versions/v2/manifest", "", "version v2 was not published: it failed")
	for _, who := range []string{"", "ada", "olga", "sue"} {
		s.want(404, who, "GET /datasets/$a/versions/v1/manifest", "", "is not a dataset of yours")
	}

}

// Who may not see some rows is not told how many there are.
func TestHiddenRowsAreNotCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dataset("a")
	s.publish("a", "v1", schemas.VersionPublished)
	s.want(200, "hal", "PUT /datasets/$a/offer", `{"rules":[{"kind":"permission","actions":["use"],"duties":[{"kind":"filter","filter":`+
		`{"column":"crop","op":"eq","values":["wheat"]}}]}]}`)
	for _, path := range []string{"GET /datasets/$a/versions", "GET /datasets/$a/versions/v1", "GET /datasets/$a"} {
		if w := s.want(200, "ada", path, ""); strings.Contains(w.Body.String(), `"rows":10`) {
			t.Errorf("%s tells how many rows there are: %s", path, w.Body)
		}
		s.want(200, "hal", path, "", `"rows":10`)
	}
}

// A version is withdrawn by its provider, with the agreements that were made on it only
// where that is said.
func TestAVersionIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := agreed(t)
	end := "DELETE /datasets/$a/versions/v1"
	for who, status := range map[string]int{"": 401, "ada": 403, "boss": 403, "sue": 404} {
		s.want(status, who, end, "")
	}
	s.want(404, "hal", "DELETE /datasets/$a/versions/v9", "", "dataset $a has no version v9")
	s.want(409, "hal", end, "", "1 agreement made on version v1 is active", "?revoke=true")
	s.want(200, "hal", end+"?revoke=true", "", `"state":"withdrawn"`)
	s.want(200, "ada", "GET /agreements/$agr", "", `"state":"revoked"`, "version v1 was withdrawn")
	s.want(200, "hal", end+"?revoke=true", "", `"state":"withdrawn"`) // again, as after a cut
	s.want(410, "hal", end, "", "withdrawn")
	s.want(404, "ada", "GET /datasets/$a/versions/v1", "")
}
