package signin

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
)

// count gives the rows of a table.
func count(t *testing.T, database *db.DB, table string) (n int) {
	t.Helper()
	err := database.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (s *site) signIn() *browser {
	s.t.Helper()
	b := newBrowser(s.t)
	b.get(s.URL+"/signin").says(s.t, 200, "at /: ada [trainer]")
	return b
}

// A session ends by sign-out, unused, and after its life, on every replica, and its row goes.
func TestSessionsEnd(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s := newSite(t, database)
		s.issuer.life = 20 * time.Hour
		other := s.replica(database)
		used, idle, out := s.signIn(), s.signIn(), s.signIn()
		out.get(other.URL+"/").says(t, 200, "ada")
		out.post(s.URL+"/signout", nil)
		out.get(other.URL+"/").says(t, 200, "nobody")
		stolen := newBrowser(t)
		stolen.putCookie(s.URL, sessionCookie, idle.cookie(s.URL, sessionCookie))
		stolen.get(other.URL+"/").says(t, 200, "ada") // the cookie is all that it needs, hence the rest
		for range 23 {
			s.clock.forward(30 * time.Minute)
			used.get(other.URL+"/").says(t, 200, "ada")
		}
		idle.get(s.URL+"/").says(t, 200, "nobody")
		s.clock.forward(30 * time.Minute)
		used.get(s.URL+"/").says(t, 200, "nobody")
		if err := s.door.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a, b := count(t, database, "web_session"), count(t, database, "web_answer"); a != 0 || b != 0 {
			t.Errorf("%d sessions and %d answers are left", a, b)
		}
	})
}

// Neither the database nor a part of the cookie opens a session, and nothing in the table says
// who or what.
func TestSessionsAreSealed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s := newSite(t, database)
		b := s.signIn()
		good := unworded(b.cookie(s.URL, sessionCookie))
		ask := func(cookies ...string) string {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
			for _, c := range cookies {
				r.AddCookie(&http.Cookie{Name: sessionCookie, Value: c})
			}
			w := httptest.NewRecorder()
			s.home(w, r)
			return w.Body.String()
		}
		if got := ask(words(good)); !strings.Contains(got, "ada") {
			t.Fatalf("the cookie itself: %s", got)
		}
		for i := range good {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1
			if got := ask(words(bad)); !strings.Contains(got, "nobody") {
				t.Errorf("byte %d changed: %s", i, got)
			}
		}
		for name, cookies := range map[string][]string{
			"short": {words(good[:idBytes])}, "long": {words(append(good, 0))}, "no base64": {"%%%"}, "empty": {""}, "padded": {words(good) + "="},
			"two": {words(good), words(good)}, "huge": {strings.Repeat("A", 8000)},
		} {
			if got := ask(cookies...); !strings.Contains(got, "nobody") {
				t.Errorf("%s: %s", name, got)
			}
		}
		if got := ask(words(good)); !strings.Contains(got, "ada") {
			t.Errorf("others' attempts ended it: %s", got)
		}
		var id, who string
		var tokens []byte
		if err := database.QueryRow(t.Context(), "SELECT id, person, tokens FROM web_session").Scan(&id, &who, &tokens); err != nil {
			t.Fatal(err)
		}
		for _, hidden := range []string{`"ada"`, s.issuer.URL, s.issuer.refresh, words(good[:idBytes]), fmt.Sprintf("%x", good[:idBytes])} {
			if strings.Contains(id+who+string(tokens), hidden) {
				t.Errorf("the table holds %s", hidden)
			}
		}
		other := s.signIn() // the tokens of one row under another's id open nothing
		err := database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE web_session SET tokens = ? WHERE id <> ?", tokens, id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		other.get(s.URL+"/").says(t, 200, "nobody")
	})
}

// Each sign-in is a session of its own, and ends the one that the browser had; a person has so many.
func TestSessionsArePersons(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s := newSite(t, database)
		b := s.signIn()
		was := b.cookie(s.URL, sessionCookie)
		b.get(s.URL+"/signin").says(t, 200, "ada")
		if b.cookie(s.URL, sessionCookie) == was || count(t, database, "web_session") != 1 {
			t.Errorf("the session was kept")
		}
		for range mostSessions {
			s.clock.forward(time.Second)
			s.signIn()
		}
		if n := count(t, database, "web_session"); n != mostSessions {
			t.Errorf("%d sessions of one person", n)
		}
		b.get(s.URL+"/").says(t, 200, "nobody")
		s.members.left.Store(true) // a member who was removed has no role from then on
		s.clock.forward(time.Second)
		newest := newBrowser(t)
		newest.get(s.URL+"/signin").says(t, 200, "ada [] <nil>")
		s.members.left.Store(false)
		newest.get(s.URL+"/").says(t, 200, "ada [trainer]")
	})
}

// Access tokens are renewed before they end, once for all requests of all replicas.
func TestRenewal(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		address := dbtest.URL(t, kind)
		replica := func() *db.DB {
			database := dbtest.OpenURL(t, address)
			dbtest.Run(t, database)
			return database
		}
		s := newSite(t, replica(), func(c *Config) { c.Idle = 5 * time.Hour })
		other := s.replica(replica(), func(c *Config) { c.Idle = 5 * time.Hour })
		b := s.signIn()
		s.clock.forward(time.Hour - renewBefore - 5*time.Second)
		b.get(s.URL+"/").says(t, 200, "ada")
		if s.issuer.renewals != 0 {
			t.Error("renewed early")
		}
		for i, after := range []time.Duration{6 * time.Second, 2 * time.Hour} { // near the end, and long after it
			hold := make(chan struct{})
			s.issuer.set(func(is *issuer) { is.hold = hold })
			s.clock.forward(after)
			var all sync.WaitGroup
			said := make(chan string, 40)
			for n := range 40 {
				at := []*site{s, other}[n%2]
				all.Go(func() { said <- b.get(at.URL + "/").body })
			}
			eventually(t, func() bool { s.issuer.mu.Lock(); defer s.issuer.mu.Unlock(); return s.issuer.renewals == i+1 })
			close(hold)
			all.Wait()
			close(said)
			for got := range said {
				if !strings.Contains(got, "ada [trainer] <nil>") {
					t.Errorf("after %s: %s", after, got)
				}
			}
			if s.issuer.renewals != i+1 || s.issuer.burnt {
				t.Errorf("after %s: %d renewals", after, s.issuer.renewals)
			}
		}
		b.get(other.URL+"/").says(t, 200, "ada")
	}
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatal("it did not happen in 30 s")
		case <-tick.C:
		}
	}
}

// A renewal that is refused ends the session; an issuer that does not answer, or does not take
// our secret, ends none.
func TestRenewalsThatFail(t *testing.T) {
	database := dbtest.Open(t, dbtest.SQLite)
	s := newSite(t, database, func(c *Config) { c.Idle = 5 * time.Hour })
	near := time.Hour - renewBefore
	fresh := func() *browser {
		s.issuer.set(func(is *issuer) { is.refuse, is.burnt, is.access, is.about = 0, false, nil, nil })
		return s.signIn()
	}
	b := fresh()
	s.issuer.set(func(is *issuer) { is.burnt = true })
	s.clock.forward(near)
	b.get(s.URL+"/").says(t, 200, "nobody")
	if n := count(t, database, "web_session"); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	b = fresh()
	s.issuer.set(func(is *issuer) { is.access = map[string]any{"sub": "eve"} })
	s.clock.forward(near)
	b.get(s.URL+"/").says(t, 200, "nobody")
	b = fresh()
	s.issuer.set(func(is *issuer) { is.access = map[string]any{"aud": "other"} })
	s.clock.forward(near)
	b.get(s.URL+"/").says(t, 200, "nobody")
	for _, status := range []int{http.StatusInternalServerError, http.StatusUnauthorized} {
		b = fresh()
		s.issuer.set(func(is *issuer) { is.refuse = status })
		s.clock.forward(near)
		b.get(s.URL+"/").says(t, 200, "ada") // the old token is good for a minute
		s.clock.forward(2 * renewBefore)
		b.get(s.URL+"/").says(t, 503, "issuer")
		b.get(s.URL+"/").says(t, 503, "issuer") // and it is not asked each time
		s.issuer.set(func(is *issuer) { is.refuse = 0 })
		s.clock.forward(askAgain)
		b.get(s.URL+"/").says(t, 200, "ada [trainer]")
	}
	b = fresh()
	gone := s.replica(database, func(c *Config) { c.Issuers[0].Web = nil; c.Idle = 5 * time.Hour }) // the operator took it out
	b.get(gone.URL+"/").says(t, 200, "ada")
	s.clock.forward(near)
	b.get(gone.URL+"/").says(t, 200, "nobody")
}
