package main

import (
	"net/url"
	"testing"

	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

func parseQuery(t testing.TB, s string) url.Values {
	t.Helper()
	q, err := url.ParseQuery(s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// The whole path, on each database: register, publish, request, lease, stream on
// two ranks, revoke, verify.
func TestWholePath(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			database := ""
			if kind == dbtest.Postgres {
				database = dbtest.URL(t, kind)
			}
			g := newGateway(t, database)
			g.populate()
			d := g.published("Winter wheat", csvRows(900, 0), csvRows(100, 900))
			if d.Latest.Rows != 1000 || d.Latest.Shards != 2 {
				t.Fatalf("published %d rows in %d shards, want 1000 in 2", d.Latest.Rows, d.Latest.Shards)
			}
			id := g.granted(d.ID)[0]
			l := g.lease(id)
			got := g.streamAll(l.Token, id, "world=2&rank=0&seed=7") + g.streamAll(l.Token, id, "world=2&rank=1&seed=7")
			if got != 1000 {
				t.Errorf("two ranks got %d rows, want 1000", got)
			}
			g.post("agronomy", "/agreements/"+string(id)+"/revoke", map[string]string{"reason": "enough"}, nil)
			_, err := g.as("trainer").OpenStream(t.Context(), l.Token, id, nil)
			if schemas.KindOf(err) != schemas.Denied {
				t.Errorf("a stream after the revocation: %v, want Denied", err)
			}
			g.verify()
		})
	}
}
