package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guichet/cmd/guichet/record"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// Somebody edits the database of a running gateway. What was edited rules nothing from
// then on: it is refused as a fault, not as a decision, it is logged, and a verification
// names it. Put back as it was, it rules again.
func TestEditedDatabaseGivesNoRight(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Winter wheat", csvRows(100, 0))
	id := g.granted(d.ID)[0]
	lease := g.lease(id)
	if n := g.streamAll(lease.Token, id, ""); n != 100 {
		t.Fatalf("%d rows", n)
	}
	db := dbtest.Raw(t, "sqlite:"+filepath.Join(g.data, "guichet.db"))
	open := func() error {
		s, err := g.as("trainer").OpenStream(t.Context(), lease.Token, id, nil)
		if err == nil {
			s.Close()
		}
		return err
	}
	look := func() error { return g.as("agronomy").Get(t.Context(), "/datasets/"+string(d.ID), nil) }
	lead := func() error { return g.as("trainer").Get(t.Context(), "/me", nil) }
	for _, c := range []struct {
		name, table, id string
		edit            string // of doc
		use             func() error
	}{
		{"an agreement's end", "agreement", string(id), `replace(doc, '"until":"20', '"until":"21')`, open},
		{"an agreement's dataset", "agreement", string(id), `replace(doc, '"dataset":"', '"dataset":"x')`, open},
		{"a lease's agreement", "lease", string(lease.Lease.ID), `replace(doc, '"items":[{', '"items":[{"split":"x",')`, open},
		{"a participant's country", "participant", "https://crop-ai.example", `replace(doc, '"country":"', '"country":"X')`, open},
		{"a member's role", "participant", "https://crop-ai.example", `replace(doc, '"trainer"', '"officer"')`, lead},
		{"a dataset's terms", "dataset", string(d.ID), `replace(doc, '"permission"', '"prohibition"')`, look},
		{"a version's manifest", "version", string(d.ID) + "/v1", `replace(doc, '"rows":100', '"rows":101')`, func() error {
			item := map[string]any{"agreement": id, "table": "data"}
			return g.as("trainer").Post(t.Context(), "/leases", map[string]any{"items": []any{item}}, nil)
		}},
	} {
		before := g.refusals()
		var doc string
		err := db.QueryRow("SELECT doc FROM "+c.table+" WHERE id = ?", c.id).Scan(&doc)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_, err = db.Exec("UPDATE "+c.table+" SET doc = "+c.edit+" WHERE id = ?", c.id)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		err = c.use()
		if schemas.KindOf(err) != schemas.Unavailable {
			t.Errorf("%s: %v", c.name, err)
		}
		eventually(t, c.name+" is logged", func() bool { return strings.Contains(g.log.String(), "a stored noun is not the recorded one") })
		if c.name != "a member's role" { // an officer reads it by a membership of her own
			r, err := record.Verify(t.Context(), g.as("officer"), "", nil)
			if err != nil || !slices.Contains(r.Faults, fmt.Sprintf("the %s %s is not stored as it was recorded", c.table, c.id)) || len(r.Faults) != 1 {
				t.Errorf("%s: %+v, %v", c.name, r, err)
			}
		}
		_, err = db.Exec("UPDATE "+c.table+" SET doc = ? WHERE id = ?", doc, c.id)
		if err != nil {
			t.Fatal(err)
		}
		err = c.use()
		if err != nil {
			t.Errorf("%s, put back: %v", c.name, err)
		}
		if after := g.refusals(); after != before {
			t.Errorf("%s: a fault stands in the record as %d refusals", c.name, after-before)
		}
	}
	// The value beside the leaf that the manifest is held against, made that of another version.
	_, err := db.Exec(`UPDATE change_value SET value = replace(value, '/v1 ', '/v2 ') WHERE name = 'digest.version'`)
	if err != nil {
		t.Fatal(err)
	}
	item := map[string]any{"agreement": id, "table": "data"}
	if err := g.as("trainer").Post(t.Context(), "/leases", map[string]any{"items": []any{item}}, nil); schemas.KindOf(err) != schemas.Unavailable {
		t.Errorf("a manifest whose commitment was edited: %v", err)
	}
	_, err = db.Exec(`INSERT INTO member (iss, sub, participant, roles) SELECT iss, 'somebody', participant, roles FROM member WHERE participant = 'https://crop-ai.example' LIMIT 1`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`UPDATE member SET roles = 'officer' WHERE participant = 'https://crop-ai.example'`)
	if err != nil {
		t.Fatal(err)
	}
	var me struct{ Roles []schemas.Role }
	err = g.as("trainer").Get(t.Context(), "/me", &me)
	if err != nil || !slices.Equal(me.Roles, []schemas.Role{schemas.RoleTrainer}) {
		t.Errorf("a member's row edited beside its participant gives the roles %v, %v", me.Roles, err)
	}
}

// refusals counts the refusals in the record.
func (g *testGateway) refusals() (n int) {
	g.t.Helper()
	var p struct{ Items []schemas.Record }
	g.get("officer", "/audit/records?kind=refusal&limit=1000", &p)
	return len(p.Items)
}

// A record that is put back to an earlier day, head file and all, starts without a word;
// who saw a later one refuses it, and a verification against a saved head names it.
func TestRollbackIsSeenByThoseWhoRemember(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	g.stop()
	early := map[string][]byte{}
	for _, name := range []string{"guichet.db", "checkpoint"} {
		b, err := os.ReadFile(filepath.Join(g.data, name))
		if err != nil {
			t.Fatal(err)
		}
		early[name] = b
	}
	g.start()
	for i := range 3 {
		g.offered(fmt.Sprint("Later ", i), "open-with-attribution")
	}
	home := g.home("officer")
	kept := filepath.Join(t.TempDir(), "kept.zip")
	out, err := home("audit", "export", kept)
	if err != nil {
		t.Fatal(out)
	}
	st, err := os.Stat(kept)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("a bundle names people and has mode %v, %v", st.Mode(), err)
	}
	key := filepath.Join(g.data, "keys", "log.pub")
	out, err = home("audit", "verify", "--key", key, "--against", kept)
	if err != nil || !strings.Contains(out, "it begins with the head that you gave") {
		t.Errorf("against a head that was kept: %v\n%s", err, out)
	}
	g.stop()
	err = errors.Join(os.RemoveAll(filepath.Join(g.data, "guichet.db-wal")), os.RemoveAll(filepath.Join(g.data, "guichet.db-shm")), os.RemoveAll(filepath.Join(g.data, "index")))
	for name, b := range early {
		err = errors.Join(err, os.WriteFile(filepath.Join(g.data, name), b, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	g.args = []string{"--listen", strings.TrimPrefix(g.base, "http://")} // the same gateway to its callers
	g.start()
	out, err = home("audit", "list")
	if err == nil || !strings.Contains(out, "the record became shorter") {
		t.Errorf("a machine that saw a later head: %v\n%s", err, out)
	}
	out, err = home("stop", "https://crop-ai.example", "--reason", "an audit is under way")
	if err == nil || !strings.Contains(out, "the record became shorter") || !strings.Contains(out, "role") { // said, and the call is made: an officer stops nobody
		t.Errorf("rights are taken away from there: %v\n%s", err, out)
	}
	other := g.home("officer") // one that saw nothing
	out, err = other("audit", "list")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = other("audit", "verify", "--key", key, "--against", kept)
	if err == nil || !strings.Contains(out, "missing") {
		t.Errorf("against the head that was kept: %v\n%s", err, out)
	}
	home = g.home("officer", home) // who signs in takes the record as it is
	out, err = home("audit", "list")
	if err != nil {
		t.Errorf("after signing in again: %v\n%s", err, out)
	}
}

// home is a machine on which a persona signed in: it runs the command line there. A given
// one signs in again.
func (g *testGateway) home(id string, again ...func(args ...string) (string, error)) func(args ...string) (string, error) {
	g.t.Helper()
	dir := g.t.TempDir()
	p := g.rig.Persona(id)
	file := filepath.Join(dir, "secret")
	err := os.WriteFile(file, []byte(p.Secret), 0o600)
	if err != nil {
		g.t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		cmd := guichetCommand(args...)
		cmd.Env = append(os.Environ(), "GUICHET_HOME="+filepath.Join(dir, "home"), "GUICHET_SERVER="+g.base)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if len(again) > 0 {
		run = again[0]
	}
	out, err := run("login", "--issuer", p.Issuer, "--client-id", p.ID, "--client-secret-file", file)
	if err != nil {
		g.t.Fatalf("%v\n%s", err, out)
	}
	return run
}

// Stops, revocations and withdrawals go past rows that were edited: no row keeps the others,
// and an edit is not made good by what takes the right away.
func TestStopsGoPastEditedRows(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Winter wheat", csvRows(100, 0))
	one, two := g.granted(d.ID)[0], g.granted(d.ID)[0]
	l := g.lease(one, two)
	db := dbtest.Raw(t, "sqlite:"+filepath.Join(g.data, "guichet.db"))
	edit := func(query string, args ...any) {
		t.Helper()
		_, err := db.Exec(query, args...)
		if err != nil {
			t.Fatal(err)
		}
	}
	var before string
	err := db.QueryRow("SELECT doc FROM agreement WHERE id = ?", string(one)).Scan(&before)
	if err != nil {
		t.Fatal(err)
	}
	edit(`UPDATE agreement SET doc = replace(doc, '"state":"active"', '"state":"revoked"') WHERE id = ?`, string(one))
	var list struct{ Items []schemas.Agreement }
	g.get("trainer", "/agreements", &list)
	if len(list.Items) != 1 || list.Items[0].ID != two {
		t.Errorf("one edited agreement in the list: %+v", list.Items)
	}
	reason := map[string]any{"reason": "the licence ended"}
	g.post("agronomy", "/participants/https:%2F%2Fagronomy.example/stop", reason, nil)
	edit("UPDATE agreement SET doc = ? WHERE id = ?", before, string(one)) // put back, it was ended all the same
	for _, id := range []schemas.AgreementID{one, two} {
		_, err := g.as("trainer").OpenStream(t.Context(), l.Token, id, nil)
		if err == nil {
			t.Errorf("%s streams after the stop", id)
		}
	}
	edit(`UPDATE participant SET doc = replace(doc, '"country":"', '"country":"X') WHERE id = 'https://crop-ai.example'`)
	g.post("operator", "/participants/https:%2F%2Fcrop-ai.example/stop", reason, nil)
	edit(`UPDATE dataset SET doc = replace(doc, '"Winter', '"Summer') WHERE id = ?`, string(d.ID))
	err = g.withdraw(t.Context(), d.ID)
	if err != nil {
		t.Errorf("a dataset that was edited is not withdrawn: %v", err)
	}
	r, err := record.Verify(t.Context(), g.as("officer"), "", nil)
	if err != nil || len(r.Faults) != 3 {
		t.Errorf("what was edited is named still: %+v, %v", r, err)
	}
}
