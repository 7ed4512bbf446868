// Package doortest is the one suite that every byte door passes.
//
// In: a Door, which opens an agreement's data and gives record batches. Out: test
// results. Always: the gateway under test is the real binary in front of a real S3
// server and a real issuer (guichet-local), with a proxy between gateway and store
// that a test can close. It must not know how the gateway works inside; what it
// claims, a client could see.
package doortest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"guichet/connectors/client"
	"guichet/connectors/s3"
	"guichet/schemas"
)

// Rig is a running gateway with its surroundings.
type Rig struct {
	HTTP   string // base address
	Flight string // host:port
	S3Face string // base address
	Store  *Proxy // between the gateway and its S3 server
	S3     *s3.Store
	Bucket string
	people map[string]*client.Client
	local  local
	dir    string
	bin    string
	args   []string // more for serve
	server *process
	mu     sync.Mutex
}

// local is guichet-local's ready line.
type local struct {
	S3 struct {
		Endpoint, Region, Bucket string
		AccessKey                string `json:"access_key"`
		SecretKey                string `json:"secret_key"`
		WorkBucket               string `json:"work_bucket"`
	} `json:"s3"`
	Issuers []struct {
		Issuer, Audience string
		Clients          []struct{ ID, Secret string }
	} `json:"issuers"`
}

// Skip ends a test that lacks something: in CI that is a failure.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("not tested here: "+format, args...)
	}
	t.Skipf("not tested here: "+format, args...)
}

// Start builds both binaries into .cache and brings everything up; it ends with t. own says
// that the operator answers for the store: its bytes pass as they lie there.
func Start(t testing.TB, own bool) *Rig {
	t.Helper()
	root := repository(t)
	r := &Rig{dir: t.TempDir(), bin: filepath.Join(root, ".cache", "doortest"), people: map[string]*client.Client{}}
	r.build(t, root, "./cmd/guichet", "guichet")
	r.build(t, filepath.Join(root, "deploy", "local"), ".", "guichet-local")
	rig := r.start(t, "guichet-local", "serve", "--json", "--with-parent", "--data", filepath.Join(r.dir, "local"))
	rig.ready(t, &r.local)
	r.Store = NewProxy(t, strings.TrimPrefix(r.local.S3.Endpoint, "http://"))
	var err error
	r.S3, err = s3.New("local", r.local.S3.Endpoint, r.local.S3.Region,
		s3.Credentials{AccessKey: r.local.S3.AccessKey, SecretKey: r.local.S3.SecretKey})
	must(t, err)
	r.Bucket = r.local.S3.Bucket
	r.configure(t)
	r.Serve(t)
	r.register(t, own)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// repository finds the folder with go.mod.
func repository(t testing.TB) string {
	dir, err := os.Getwd()
	must(t, err)
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

func (r *Rig) build(t testing.TB, dir, what, name string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", filepath.Join(r.bin, name), what)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		Skip(t, "%s cannot be built here: %v\n%s", name, err, out)
	}
}

// process is a program that was started and says when it is ready.
type process struct {
	cmd  *exec.Cmd
	hold io.WriteCloser
	line chan []byte
	log  string
	done chan struct{}
	err  error
}

func (r *Rig) start(t testing.TB, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(filepath.Join(r.bin, name), args...), line: make(chan []byte, 1), done: make(chan struct{})}
	if dir := os.Getenv("GUICHET_COVER"); dir != "" { // make cover; go test has a GOCOVERDIR of its own
		p.cmd.Env = append(os.Environ(), "GOCOVERDIR="+dir)
	}
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	p.hold, err = p.cmd.StdinPipe()
	must(t, err)
	log, err := os.CreateTemp(r.dir, name+"-*.log")
	must(t, err)
	p.cmd.Stderr, p.log = log, log.Name()
	must(t, p.cmd.Start())
	go func() {
		in := bufio.NewReader(out)
		line, _ := in.ReadBytes('\n') // a program that dies says nothing: ready tells
		p.line <- line
		_, _ = io.Copy(io.Discard, in)
		p.err = p.cmd.Wait()
		log.Close()
		close(p.done)
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

func (p *process) ready(t testing.TB, into any) {
	t.Helper()
	select {
	case line := <-p.line:
		err := json.Unmarshal(line, into)
		if err != nil {
			b, _ := os.ReadFile(p.log)
			t.Fatalf("%s is not ready: %v: %q\n%s", p.cmd.Path, err, line, b)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%s does not say that it is ready", p.cmd.Path)
	}
}

// signal asks the program to end.
func (p *process) signal() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

func (p *process) stop(t testing.TB) {
	p.signal()
	p.hold.Close()
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		t.Errorf("%s does not end", p.cmd.Path)
		return
	}
	b, err := os.ReadFile(p.log)
	if err != nil {
		return // the folder is gone: the log was looked at before
	}
	for _, word := range []string{"WARNING: DATA RACE", "panic: ", "fatal error: "} {
		if at := bytes.Index(b, []byte(word)); at >= 0 {
			t.Errorf("%s says: %.4000s", filepath.Base(p.cmd.Path), b[at:])
		}
	}
}

// configure makes the gateway's folder.
func (r *Rig) configure(t testing.TB) {
	t.Helper()
	data := filepath.Join(r.dir, "gateway")
	is := r.local.Issuers[0]
	out, err := exec.Command(filepath.Join(r.bin, "guichet"), append([]string{"init", "--data", data, "--issuer", is.Issuer, "--audience",
		is.Audience,
		"--operator", "operator", "--participant", "https://factory.example", "--country", "LU", "--origin", "guichet-doors"}, r.args...)...).
		CombinedOutput()
	if err != nil {
		t.Fatalf("guichet init: %v\n%s", err, out)
	}
	for name, s := range map[string]string{"s3-access": r.local.S3.AccessKey, "s3-secret": r.local.S3.SecretKey} {
		must(t, os.WriteFile(filepath.Join(data, "keys", name), []byte(s+"\n"), 0o600))
	}
	f, err := os.OpenFile(filepath.Join(data, "guichet.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(
		"store_idle: 2s\nclient_idle: 14s\ncredentials:\n  local:\n    access_key_file: keys/s3-access\n    secret_key_file: keys/s3-secret\n")
	must(t, err)
	must(t, f.Close())
}

// Serve starts the gateway, or starts it again after Terminate.
func (r *Rig) Serve(t testing.TB) {
	t.Helper()
	var a struct{ HTTP, Flight, S3 string }
	r.server = r.start(
		t,
		"guichet",
		append([]string{"--json", "serve", "--data", filepath.Join(r.dir, "gateway"), "--listen", ":0", "--flight-listen", ":0",
			"--s3-listen", ":0"}, r.args...)...)
	r.server.ready(t, &a)
	r.HTTP, r.S3Face, r.Flight = a.HTTP, a.S3, strings.TrimPrefix(a.Flight, "grpc://")
	r.mu.Lock()
	clear(r.people)
	r.mu.Unlock()
}

// Terminate asks the gateway to end, as an operator does, and gives a channel that
// is closed when it did.
func (r *Rig) Terminate() <-chan struct{} {
	r.server.signal()
	return r.server.done
}

// As signs a persona of guichet-local in.
func (r *Rig) As(t testing.TB, id string) *client.Client {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.people[id]; c != nil {
		return c
	}
	for _, is := range r.local.Issuers {
		for _, p := range is.Clients {
			if p.ID != id {
				continue
			}
			source, err := client.ClientCredentials(context.Background(), is.Issuer, p.ID, p.Secret)
			must(t, err)
			c, err := client.New(r.HTTP, source)
			must(t, err)
			r.people[id] = c
			return c
		}
	}
	t.Fatalf("guichet-local has no persona %s", id)
	return nil
}

// register makes the organisations, the factory, the store and the project.
func (r *Rig) register(t testing.TB, own bool) {
	t.Helper()
	ctx := context.Background()
	op := r.As(t, "operator")
	issuer := r.local.Issuers[0].Issuer
	for name, role := range map[string]schemas.Role{"crop-ai/trainer": schemas.RoleTrainer, "agronomy/agronomy": schemas.RoleProvider} {
		org, sub, _ := strings.Cut(name, "/")
		roles := []schemas.Role{role}
		must(
			t,
			op.Post(
				ctx,
				"/participants",
				schemas.Participant{
					ID:      schemas.ParticipantID("https://" + org + ".example"),
					Name:    org,
					Country: "FR",
					Kind:    schemas.KindStartUp,
					Roles:   roles,
					Members: []schemas.Member{{Issuer: issuer, Subject: sub, Roles: roles}},
				},
				nil,
			),
		)
	}
	all, err := client.All[schemas.Participant](ctx, op, "/participants")
	must(t, err)
	for _, p := range all {
		if p.ID == "https://factory.example" { // the operator's own, made by guichet init
			p.Members = append(p.Members, schemas.Member{Issuer: issuer, Subject: "officer", Roles: []schemas.Role{schemas.RoleOfficer}})
			must(t, op.Post(ctx, "/participants", p, nil, client.IfMatch(p.Revision)))
		}
	}
	must(t, op.Post(ctx, "/factories", schemas.Factory{ID: "leonardo", Name: "Leonardo", Country: "IT"}, nil))
	must(
		t,
		op.Post(
			ctx,
			"/stores",
			schemas.Store{
				ID:            "local",
				Endpoint:      "http://" + r.Store.Address(),
				Region:        r.local.S3.Region,
				CredentialRef: "local",
				WorkBucket:    r.local.S3.WorkBucket,
				Own:           own,
				Prefixes:      []schemas.Prefix{{Participant: "https://agronomy.example", Bucket: r.Bucket, Prefix: "agronomy/"}},
			},
			nil,
		),
	)
	must(
		t,
		r.As(t, "trainer").
			Post(ctx, "/projects", schemas.Project{ID: "doors", Title: "Doors", Factory: "leonardo", Purposes: []string{"train-model"},
				Domain: "agriculture"}, nil),
	)
}

// Key is where a shard of a dataset lies in the provider's store.
func Key(dataset string, n int) string { return fmt.Sprintf("agronomy/%s/%05d.arrow", dataset, n) }
