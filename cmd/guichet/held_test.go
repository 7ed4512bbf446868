package main

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/cmd/guichet/demo"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// hold makes another process's transaction hold the database's writes until free.
func hold(t *testing.T, url, kind string) (free func()) {
	t.Helper()
	conn, err := dbtest.Raw(t, url).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	statements := map[string][]string{dbtest.SQLite: {"BEGIN IMMEDIATE"}, dbtest.Postgres: {"BEGIN", "SELECT next FROM change_head FOR UPDATE"}}
	for _, q := range statements[kind] {
		_, err = conn.ExecContext(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		_, err := conn.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK")
		if err != nil && !errors.Is(err, sql.ErrConnDone) {
			t.Error(err)
		}
	}
}

// While the database takes no writes the brake works first: a revocation cuts here and
// opens nothing more, says that it is not recorded yet, and is recorded when it can be.
func TestRevocationThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		for name, call := range map[string]struct {
			who, path string
		}{
			"revoke": {"agronomy", "/agreements/%/revoke"},
			"stop":   {"operator", "/participants/https:%2F%2Fcrop-ai.example/stop"},
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				data := filepath.Join(t.TempDir(), "gateway")
				url, set := "sqlite:"+filepath.Join(data, "guichet.db"), ""
				if kind == dbtest.Postgres {
					url = dbtest.URL(t, kind)
					set = url
				}
				g := newGatewayIn(t, data, set)
				g.populate()
				id := g.granted(g.published("Winter wheat", csvRows(30_000, 0), csvRows(30_000, 30_000), csvRows(30_000, 60_000)).ID)[0]
				l := g.lease(id)
				s, err := g.as("trainer").Through(demo.Narrow()).OpenStream(t.Context(), l.Token, id, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				free := hold(t, url, kind)
				cut := make(chan error, 1)
				answered := make(chan error, 1)
				go func() {
					path := strings.Replace(call.path, "%/", string(id)+"/", 1)
					answered <- g.as(call.who).Post(t.Context(), path, map[string]any{"reason": "the licence ended"}, nil)
				}()
				go func() { // a slow reader, so that the stream is really under way
					var err error
					for err == nil {
						_, err = io.CopyN(io.Discard, s, 1000)
						<-time.After(20 * time.Millisecond)
					}
					cut <- err
				}()
				select {
				case err := <-cut:
					if errors.Is(err, io.EOF) {
						t.Error("the stream came to its end")
					}
				case err := <-answered:
					free()
					t.Fatalf("the answer came before the cut: %v", err)
				}
				eventually(t, "the gateway is not ready", func() bool {
					status, why := g.readiness()
					return status == http.StatusServiceUnavailable && slices.Contains(why, "the database takes no writes")
				})
				if err := <-answered; schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "not recorded yet") {
					t.Errorf("the answer: %v", err)
				}
				_, err = g.as("trainer").OpenStream(t.Context(), l.Token, id, nil)
				if schemas.KindOf(err) != schemas.Denied {
					t.Errorf("while it is not recorded a stream opens: %v", err)
				}
				free()
				eventually(t, "the agreement is revoked in the registry", func() bool {
					var a schemas.Agreement
					g.get("agronomy", "/agreements/"+string(id), &a)
					return a.State == schemas.AgreementRevoked && a.Reason == "the licence ended"
				})
				eventually(t, "the gateway is ready", func() bool { status, _ := g.readiness(); return status == http.StatusOK })
				_, err = g.as("trainer").OpenStream(t.Context(), l.Token, id, nil)
				if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "revoked") {
					t.Errorf("afterwards: %v", err)
				}
				g.verify()
			})
		}
	}
}

// Two gateways of one name on one database: the second is refused before it closes the
// first one's streams, and the record says no falsehood of them.
func TestReplicasOfOneName(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, dbtest.Postgres)
	g := newGatewayIn(t, filepath.Join(t.TempDir(), "gateway"), url)
	g.populate()
	id := g.granted(g.published("Winter wheat", csvRows(30_000, 0), csvRows(30_000, 30_000), csvRows(30_000, 60_000)).ID)[0]
	s := g.slow(g.lease(id).Token, id, 1000)
	other := filepath.Join(t.TempDir(), "other")
	out, err := exec.Command("cp", "-a", g.data, other).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := guichetCommand("serve", "--data", other, "--database", url, "--listen", ":0", "--flight-listen", ":0")
	started := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // it must not start; if it does, the test must end
	out, err = cmd.CombinedOutput()
	started.Stop()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if !failed || exit.ExitCode() != 1 || !strings.Contains(string(out), "another gateway named") || !strings.Contains(string(out), "setting replica") {
		t.Errorf("the second gateway: %v\n%s", err, out)
	}
	_, err = io.Copy(io.Discard, s.s)
	if err != nil {
		t.Errorf("the first one's stream: %v", err)
	}
	eventually(t, "the stream's end is recorded", func() bool {
		var r struct{ Items []schemas.Release }
		g.get("officer", "/streams?state=all&agreement="+string(id), &r)
		return len(r.Items) == 1 && r.Items[0].State == schemas.ReleaseComplete
	})
	g.verify()
}
