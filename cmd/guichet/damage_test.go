package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/cmd/guichet/record"
	"guichet/connectors/client"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// found waits until a search finds n datasets.
func (g *testGateway) found(n int64) {
	g.t.Helper()
	eventually(g.t, fmt.Sprintf("%d datasets are found", n), func() bool {
		f, err := g.as("agronomy").Search(g.t.Context(), client.Query("q", "wheat"))
		return err == nil && int64(f.Total) == n
	})
}

func (g *testGateway) some(n int) []schemas.DatasetID {
	g.t.Helper()
	var ids []schemas.DatasetID
	for i := range n {
		var d schemas.Dataset
		in := wheat(fmt.Sprintf("Winter wheat %d", i))
		if i%2 == 1 {
			in.Visibility = schemas.VisibleToOwn // in the restricted index
		}
		g.post("agronomy", "/datasets", in, &d)
		ids = append(ids, d.ID)
	}
	g.found(int64(n))
	return ids
}

// The index is disposable: whatever happened to its files, the gateway starts once,
// finds everything again, and says so once [trials 83, 87].
func TestDamagedIndex(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	g.some(8)
	half := func(path string) error { return resize(path, 2) }
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		says   string // in the log
	}{
		{"root.bolt cut to half", func(dir string) error { return half(filepath.Join(dir, "public", "store", "root.bolt")) }, ""},
		{"root.bolt empty", func(dir string) error { return os.Truncate(filepath.Join(dir, "public", "store", "root.bolt"), 0) }, "rebuilt"},
		{"root.bolt zeroed", func(dir string) error { return zero(filepath.Join(dir, "restricted", "store", "root.bolt")) }, ""},
		{"index_meta.json empty", func(dir string) error { return os.Truncate(filepath.Join(dir, "public", "index_meta.json"), 0) }, "rebuilt"},
		{"segments cut", func(dir string) error { return cutSegments(filepath.Join(dir, "public", "store"), true) }, ""},
		{"segments gone", func(dir string) error { return cutSegments(filepath.Join(dir, "restricted", "store"), false) }, ""},
		{"one index gone", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "restricted")) }, ""},
		{"the folder gone", os.RemoveAll, ""},
		{"strays", strays, "stray"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.t = t
			g.stop()
			err := c.damage(filepath.Join(g.data, "index"))
			if err != nil {
				t.Fatal(err)
			}
			before := len(g.log.String())
			g.start()
			g.found(8)
			said := g.log.String()[before:]
			if c.says != "" && !strings.Contains(said, c.says) {
				t.Errorf("the log does not say %q:\n%s", c.says, said)
			}
			if n := strings.Count(said, "is rebuilt from the registry"); n > 1 {
				t.Errorf("the log says it %d times:\n%s", n, said)
			}
		})
	}
	g.t = t
	g.verify()
}

func resize(path string, by int64) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, st.Size()/by)
}

// zero overwrites the first page.
func zero(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(make([]byte, 4096), 0)
	return err
}

func cutSegments(dir string, half bool) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.zap"))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("no segment in %s", dir)
	}
	for _, p := range paths {
		if err != nil {
			break
		}
		if half {
			err = resize(p, 2)
		} else {
			err = os.Remove(p)
		}
	}
	return err
}

func strays(dir string) error {
	for _, class := range []string{"", "public", "restricted", "public/store", "restricted/store"} {
		for _, name := range []string{"._root.bolt", "._00000000002a.zap", ".DS_Store"} {
			err := os.WriteFile(filepath.Join(dir, class, name), []byte("stray"), 0o600)
			if err != nil {
				return err
			}
		}
		err := os.MkdirAll(filepath.Join(dir, class, "lost+found"), 0o700)
		if err != nil {
			return err
		}
	}
	return nil
}

// Trial 74: somebody swaps two records in the stopped database. The server signs no
// more and says so, and the verifier names the first bad one.
func TestTamperedRecord(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	g.some(4)
	g.verify()
	db := dbtest.Raw(t, "sqlite:"+filepath.Join(g.data, "guichet.db"))
	for _, q := range []string{
		`UPDATE change SET leaf = (SELECT leaf FROM change WHERE position = 3) WHERE position = 2`,
		`DELETE FROM change WHERE position = 3`,
	} {
		_, err := db.Exec(q)
		if err != nil {
			t.Fatal(err)
		}
	}
	err := db.Close()
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.Verify(t.Context(), g.as("officer"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.OK() || r.FirstBad != 2 {
		t.Errorf("the verifier's first bad record is %d, want 2: %v", r.FirstBad, r.Faults)
	}
	g.stop()
	out, err := guichetCommand("serve", "--data", g.data, "--listen", ":0", "--flight-listen", ":0").CombinedOutput()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if !failed || exit.ExitCode() != 1 {
		t.Errorf("the gateway's status on an altered record is %v, want 1", err)
	}
	if !strings.Contains(string(out), "record 2") {
		t.Errorf("it does not name record 2:\n%s", out)
	}
}

// The index folder is deleted under a running gateway: look-ups go on, what is
// registered later is found too, and after a restart everything is.
func TestIndexDeletedWhileServing(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	ids := g.some(4)
	err := os.RemoveAll(filepath.Join(g.data, "index"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		g.get("agronomy", "/datasets/"+string(id), nil)
	}
	g.post("agronomy", "/datasets", wheat("Winter wheat, registered later"), nil)
	g.get("agronomy", "/datasets/"+string(ids[0]), nil)
	g.found(5)
	g.stop()
	g.start()
	g.found(5)
}

// Backup and restore as the docs say: the folder of the stopped gateway, or of a
// running one with a copy of its database made by SQLite itself.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		t.Run(map[bool]string{false: "stopped", true: "running"}[running], func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, "")
			g.populate()
			ids := g.some(4)
			backup := filepath.Join(t.TempDir(), "backup")
			if running {
				g.backUp(backup)
				g.stop()
			} else {
				g.stop()
				out, err := exec.Command("cp", "-a", g.data, backup).CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			err := os.RemoveAll(g.data)
			if err == nil {
				err = os.Rename(backup, g.data)
			}
			if err != nil {
				t.Fatal(err)
			}
			g.start()
			for _, id := range ids {
				g.get("agronomy", "/datasets/"+string(id), nil)
			}
			g.found(int64(len(ids)))
			g.verify()
			g.post("agronomy", "/datasets", wheat("After the restore"), nil)
			g.verify()
		})
	}
}

// backUp copies keys, settings and checkpoint, and has SQLite copy its database.
// The checkpoint goes first: a head that is older than the database is its prefix.
func (g *testGateway) backUp(to string) {
	g.t.Helper()
	err := os.MkdirAll(to, 0o700)
	err = errors.Join(err, os.MkdirAll(filepath.Join(to, "keys"), 0o700))
	for _, name := range []string{"checkpoint", "guichet.yaml", "keys/log.key", "keys/log.pub", "keys/lease.key", "keys/pseudonym.key", "keys/s3-access", "keys/s3-secret"} {
		var b []byte
		if err == nil {
			b, err = os.ReadFile(filepath.Join(g.data, name))
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
	}
	if err != nil {
		g.t.Fatal(err)
	}
	db := dbtest.Raw(g.t, "sqlite:"+filepath.Join(g.data, "guichet.db"))
	_, err = db.Exec(`VACUUM INTO ?`, filepath.Join(to, "guichet.db"))
	if err != nil {
		g.t.Fatal(err)
	}
}

// readiness reads /readyz.
func (g *testGateway) readiness() (status int, why []string) {
	g.t.Helper()
	status, _, body := g.raw("GET", "/readyz", "", nil)
	var r struct {
		Why []string `json:"why"`
	}
	err := json.Unmarshal([]byte(body), &r)
	if err != nil {
		g.t.Fatal(err)
	}
	return status, r.Why
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	eventually(t, "the gateway is ready", func() bool { status, _ := g.readiness(); return status == 200 })
	status, _, body := g.raw("GET", "/healthz", "", nil)
	if status != 200 || body != "ok\n" {
		t.Errorf("/healthz answers %d %q", status, body)
	}
}

// What an operator watches: every door's calls and bytes, and the index's lag.
func TestMetrics(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	operator := bearer(t, g, "operator")
	id := g.granted(g.published("Winter wheat", csvRows(100, 0)).ID)[0]
	lease := g.lease(id).Token
	g.streamAll(lease, id, "")
	_, err := client.Flight(t.Context(), "grpc://"+g.flight, lease, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	var body string
	for _, want := range []string{
		`guichet_http_requests_total{method="GET",route="/api/v1/agreements/:id/stream",status="200"} 1`,
		`guichet_flight_calls_total{code="OK",method="DoGet"} 1`,
		`guichet_flight_sent_bytes_total{method="DoGet"} `,
		"guichet_index_lag_changes 0",
	} {
		eventually(t, "the metrics say "+want, func() bool {
			_, _, body = g.raw("GET", "/metrics", operator, nil)
			return strings.Contains(body, want)
		})
	}
	if strings.Contains(body, `guichet_flight_sent_bytes_total{method="DoGet"} 0`) {
		t.Error("no byte of Flight is counted")
	}
	if status, _, _ := g.raw("GET", "/metrics", "", nil); status != http.StatusUnauthorized {
		t.Errorf("loopback reads the metrics without a token: %d", status)
	}
	g.stop()
	g.args = append(g.args, "--metrics-listen", ":0")
	g.start()
	resp, err := http.Get(g.figures)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(b), "guichet_index_lag_changes") {
		t.Errorf("the metrics' own listener: %s, %v", resp.Status, err)
	}
}
