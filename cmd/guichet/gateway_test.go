package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"guichet/cmd/guichet/demo"
	"guichet/cmd/guichet/record"
	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/connectors/s3"
	"guichet/schemas"
)

// testGateway is a gateway of one test: the real program in a process of its own,
// with its own folder, port and database, over the shared rig.
type testGateway struct {
	t       testing.TB
	rig     *demo.LocalServices
	data    string
	bucket  string // prefix of this test's objects in the shared bucket
	base    string
	flight  string // host:port
	figures string // where metrics are read without a token, when args say so
	args    []string
	cmd     *exec.Cmd
	log     *logBuffer
	people  map[string]*client.Client
}

// newGateway makes the folder of a gateway and starts it. database "" is SQLite.
func newGateway(t testing.TB, database string) *testGateway {
	t.Helper()
	return newGatewayIn(t, filepath.Join(t.TempDir(), "gateway"), database)
}

// newGatewayIn is newGateway with a folder of the test's choice.
func newGatewayIn(t testing.TB, data, database string) *testGateway {
	t.Helper()
	g := &testGateway{t: t, rig: theRig(t), data: data, log: &logBuffer{}, people: map[string]*client.Client{}}
	g.initialise(database)
	g.start()
	t.Cleanup(func() {
		g.stop()
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", g.log.String())
		}
	})
	return g
}

func (g *testGateway) initialise(database string) {
	g.t.Helper()
	op := g.rig.Persona("operator")
	_, err := serve.InitCmd{Data: g.data, Issuer: op.Issuer, Audience: g.rig.Issuers[0].Audience, Operator: op.ID, Participant: string(op.Participant),
		Name: "Example AI Factory", Country: "LU", Origin: "guichet-test", Database: database}.Make(g.t.Context())
	if err == nil {
		err = g.rig.Extend(filepath.Join(g.data, "guichet.yaml"), g.data)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	if database != "" {
		g.args = append(g.args, "--database", database)
	}
}

// guichetCommand is the product's binary: this test binary under its other name.
func guichetCommand(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = "guichet"
	return cmd
}

// start runs the gateway's process and waits for its ready line.
func (g *testGateway) start() {
	g.t.Helper()
	g.cmd = guichetCommand(append([]string{"--json", "serve", "--data", g.data, "--listen", ":0", "--flight-listen", ":0"}, g.args...)...)
	g.cmd.Stderr = g.log
	out, err := g.cmd.StdoutPipe()
	if err == nil {
		err = g.cmd.Start()
	}
	if err != nil {
		g.t.Fatal(err)
	}
	var a serve.Addresses
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		_ = g.cmd.Wait() // its words are in the log
		g.cmd = nil
		g.t.Fatalf("the gateway does not start: %v\n%s", err, g.log.String())
	}
	g.base, g.flight, g.figures = a.HTTP, strings.TrimPrefix(a.Flight, "grpc://"), a.Metrics
	clear(g.people)
}

// stop ends it as an operator would.
func (g *testGateway) stop() {
	if g.cmd == nil {
		return
	}
	_ = g.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	err := g.cmd.Wait()
	g.cmd = nil
	if err != nil {
		g.t.Errorf("the gateway ended with %v\n%s", err, g.log.String())
	}
}

// kill ends it as a power cut would.
func (g *testGateway) kill() {
	g.t.Helper()
	err := g.cmd.Process.Kill()
	if err != nil {
		g.t.Fatal(err)
	}
	_ = g.cmd.Wait() // killed, as wanted
	g.cmd = nil
}

// as signs a persona of the rig in.
func (g *testGateway) as(id string) *client.Client {
	g.t.Helper()
	if c := g.people[id]; c != nil {
		return c
	}
	c, err := g.rig.Client(g.t.Context(), g.base, id)
	if err != nil {
		g.t.Fatal(err)
	}
	g.people[id] = c
	return c
}

// bearer is the token that a persona's client sends.
func bearer(t testing.TB, g *testGateway, who string) string {
	t.Helper()
	return bearerOf(t, g.as(who))
}

func bearerOf(t testing.TB, c *client.Client) string {
	t.Helper()
	var token string
	err := c.Through(heard(func(r *http.Request) (*http.Response, error) {
		token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		return http.DefaultTransport.RoundTrip(r)
	})).Get(t.Context(), "/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// heard is a transport that is a function.
type heard func(r *http.Request) (*http.Response, error)

func (h heard) RoundTrip(r *http.Request) (*http.Response, error) { return h(r) }

// post posts as a persona; the answer goes into out.
func (g *testGateway) post(who, path string, in, out any) {
	g.t.Helper()
	err := g.as(who).Post(g.t.Context(), path, in, out)
	if err != nil {
		g.t.Fatalf("POST %s as %s: %v", path, who, err)
	}
}

// get reads as a persona.
func (g *testGateway) get(who, path string, out any) {
	g.t.Helper()
	err := g.as(who).Get(g.t.Context(), path, out)
	if err != nil {
		g.t.Fatalf("GET %s as %s: %v", path, who, err)
	}
}

// populate registers the demo's parties, with a prefix of this test's own.
func (g *testGateway) populate() {
	g.t.Helper()
	s := demo.NewStory(&terminal.Terminal{Out: io.Discard, Err: io.Discard, JSON: true}, g.rig, nil, "", 0, serve.Addresses{HTTP: g.base})
	err := s.Parties(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	g.post("trainer", "/projects", schemas.Project{ID: "crop-yield", Title: "Crop yield", Factory: "leonardo", Purposes: []string{"train-model"}}, nil)
	g.bucket = "agronomy/" + strings.ToLower(string(schemas.NewRunID())) + "/"
}

// store is the rig's S3, past the gateway.
func (g *testGateway) store() *s3.Store {
	g.t.Helper()
	st, err := s3.New("local", g.rig.S3.Endpoint, g.rig.S3.Region, s3.Credentials{AccessKey: g.rig.S3.AccessKey, SecretKey: g.rig.S3.SecretKey})
	if err != nil {
		g.t.Fatal(err)
	}
	return st
}

// csvRows makes n rows of a table with one wide column, so that streams last.
func csvRows(n, from int) []byte {
	var b bytes.Buffer
	b.WriteString("id,crop,text\n")
	pad := strings.Repeat("x", 200)
	for i := range n {
		fmt.Fprintf(&b, "%d,wheat,%d-%s\n", from+i, from+i, pad)
	}
	return b.Bytes()
}

// put writes the shards of a table; it gives their prefix.
func (g *testGateway) put(name string, shards ...[]byte) string {
	g.t.Helper()
	prefix := g.bucket + name + "/"
	st := g.store()
	for i, b := range shards {
		_, err := st.Put(g.t.Context(), g.rig.S3.Bucket, fmt.Sprintf("%spart-%03d.csv", prefix, i), bytes.NewReader(b), int64(len(b)))
		if err != nil {
			g.t.Fatal(err)
		}
	}
	return prefix
}

// wheat is a dataset's description that every profile rule accepts.
func wheat(title string) schemas.Dataset {
	return schemas.Dataset{Space: "agriculture", Title: schemas.Text{"en": title}, Description: schemas.Text{"en": "Yields of winter wheat"},
		Licence: "CC-BY-4.0", Attribution: "Example Agronomy", Countries: []string{"FR"}, Themes: []string{"AGRI"}}
}

// offered registers a dataset and sets its terms.
func (g *testGateway) offered(title, template string) schemas.Dataset {
	g.t.Helper()
	var d schemas.Dataset
	g.post("agronomy", "/datasets", wheat(title), &d)
	err := g.as("agronomy").Do(g.t.Context(), http.MethodPut, "/datasets/"+string(d.ID)+"/offer", map[string]any{"template": template}, &d)
	if err != nil {
		g.t.Fatal(err)
	}
	return d
}

// publication names one table under a prefix.
func (g *testGateway) publication(version, prefix string) schemas.Publication {
	return schemas.Publication{Version: schemas.VersionID(version), Store: "local", Bucket: g.rig.S3.Bucket,
		Tables: []schemas.PublicationTable{{Name: "data", Splits: []schemas.PublicationSplit{{Prefix: prefix}}}}}
}

// published registers, offers and publishes shards under an open offer.
func (g *testGateway) published(title string, shards ...[]byte) schemas.Dataset {
	g.t.Helper()
	d := g.offered(title, "open-with-attribution")
	prefix := g.put(string(d.ID), shards...)
	g.post("agronomy", "/datasets/"+string(d.ID)+"/versions", g.publication("v1", prefix), nil)
	_, err := g.as("agronomy").WaitPublished(g.t.Context(), d.ID, "v1", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	g.get("agronomy", "/datasets/"+string(d.ID), &d)
	return d
}

// publishedAs is published for a description of the test's own.
func (g *testGateway) publishedAs(d schemas.Dataset, shards ...[]byte) schemas.DatasetID {
	g.t.Helper()
	g.post("agronomy", "/datasets", d, &d)
	err := g.as("agronomy").Do(g.t.Context(), http.MethodPut, "/datasets/"+string(d.ID)+"/offer", map[string]any{"template": "open-with-attribution"}, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	g.post("agronomy", "/datasets/"+string(d.ID)+"/versions", g.publication("v1", g.put(string(d.ID), shards...)), nil)
	_, err = g.as("agronomy").WaitPublished(g.t.Context(), d.ID, "v1", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return d.ID
}

// granted asks for datasets as the trainer, who must get them.
func (g *testGateway) granted(ids ...schemas.DatasetID) []schemas.AgreementID {
	g.t.Helper()
	var r schemas.Request
	g.post("trainer", "/requests", demo.Requested("crop-yield", ids...), &r)
	if r.State != schemas.RequestGranted {
		g.t.Fatalf("the request is %s: %+v", r.State, r.Items)
	}
	var out []schemas.AgreementID
	for _, it := range r.Items {
		out = append(out, it.Agreement)
	}
	return out
}

// lease mints a lease as the trainer.
func (g *testGateway) lease(ids ...schemas.AgreementID) schemas.LeaseAnswer {
	g.t.Helper()
	l, err := g.as("trainer").Lease(g.t.Context(), "", ids...)
	if err != nil {
		g.t.Fatal(err)
	}
	return l
}

// streamAll reads a whole rank's stream and gives its rows.
func (g *testGateway) streamAll(lease string, id schemas.AgreementID, query string) int64 {
	g.t.Helper()
	s, err := g.as("trainer").OpenStream(g.t.Context(), lease, id, parseQuery(g.t, query))
	if err != nil {
		g.t.Fatal(err)
	}
	defer s.Close()
	_, err = io.Copy(io.Discard, s)
	if err != nil {
		g.t.Fatal(err)
	}
	return s.Received()
}

// verify recomputes the record's tree online.
func (g *testGateway) verify() {
	g.t.Helper()
	r, err := record.Verify(g.t.Context(), g.as("officer"), "", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if !r.OK() {
		g.t.Errorf("the record has faults: %v", r.Faults)
	}
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("in 30 s it did not happen that %s", what)
		case <-tick.C:
		}
	}
}

// logBuffer collects a process's log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
