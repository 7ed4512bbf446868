package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"guichet/cmd/guichet/demo"
	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/connectors/s3"
	"guichet/schemas"
)

// meter holds the product while it is measured. What figures need is made at its first use.
type meter struct {
	*testing.B
	rig       *demo.LocalServices
	s3        int // process
	dir       string
	binary    string
	gateway   *exec.Cmd
	addresses serve.Addresses
	story     *demo.Story
	figures   []figure
	stops     []func()
	own       *bool                        // what the store was last declared
	sets      map[string]*set              // of the bench's own data
	loads     map[string]load              // measured already, by name and readers
	leases    map[schemas.AgreementID]bool // whose view is ready
	demo      bool                         // the demo's datasets are there
}

func newMeter(b *testing.B) *meter {
	b.Helper()
	binary, err := filepath.Abs(root + "/bin/guichet")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		b.Skip("bin/guichet is not built: make bench builds it")
	}
	b.Setenv("GUICHET_LOCAL", filepath.Join(filepath.Dir(binary), "guichet-local"))
	return &meter{B: b, binary: binary, dir: b.TempDir(), sets: map[string]*set{}, loads: map[string]load{}, leases: map[schemas.AgreementID]bool{}}
}

func (m *meter) must(err error) {
	if err != nil {
		m.Helper()
		m.close()
		m.Fatal(err)
	}
}

func (m *meter) close() {
	slices.Reverse(m.stops)
	for _, stop := range m.stops {
		stop()
	}
	m.stops = nil
	m.stop()
	if m.rig != nil {
		_ = m.rig.Stop()
	}
}

// up starts store, issuers and gateway, and registers who takes part.
func (m *meter) up() {
	if m.story != nil {
		return
	}
	for _, d := range []string{"local", "gateway"} {
		m.must(os.MkdirAll(filepath.Join(m.dir, d), 0o700))
	}
	before := children()
	var err error
	m.rig, err = demo.StartLocalServices(m.Context(), filepath.Join(m.dir, "local"))
	m.must(err)
	for _, pid := range children() {
		if !slices.Contains(before, pid) {
			m.s3 = pid
		}
	}
	_, err = m.rig.Config(m.Context(), filepath.Join(m.dir, "gateway"))
	m.must(err)
	m.start()
	m.story = demo.NewStory(&terminal.Terminal{Out: io.Discard, Err: io.Discard, JSON: true}, m.rig, nil, m.dir, 40, m.addresses)
	m.must(m.story.Parties(m.Context()))
	m.must(demo.Once(m.as("trainer").Post(m.Context(), "/projects",
		schemas.Project{ID: "bench", Title: "Bench", Factory: "leonardo", Purposes: []string{"train-model"}}, nil)))
}

// children are the processes that this one started.
func children() []int {
	var out []int
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, t := range tasks {
		b, _ := os.ReadFile(t)
		for _, f := range strings.Fields(string(b)) {
			var pid int
			_, _ = fmt.Sscan(f, &pid)
			out = append(out, pid)
		}
	}
	return out
}

// start runs the gateway, at the address that it had, with more of an environment.
func (m *meter) start(env ...string) {
	listen, flight := ":0", ":0"
	if m.addresses.HTTP != "" {
		_, listen, _ = strings.Cut(m.addresses.HTTP, "://")
		_, flight, _ = strings.Cut(m.addresses.Flight, "://")
	}
	m.gateway = exec.Command(m.binary, "--json", "serve", "--config", filepath.Join(m.dir, "gateway", "guichet.yaml"), "--listen", listen,
		"--flight-listen", flight, "--s3-listen", ":0", "--log-level", "error")
	m.gateway.Env = append(os.Environ(), env...)
	m.gateway.Stderr = os.Stderr
	out, err := m.gateway.StdoutPipe()
	m.must(err)
	m.must(m.gateway.Start())
	line, err := bufio.NewReader(out).ReadBytes('\n')
	m.must(err)
	m.must(json.Unmarshal(line, &m.addresses))
}

func (m *meter) stop() {
	if m.gateway != nil {
		_ = m.gateway.Process.Signal(syscall.SIGTERM)
		_ = m.gateway.Wait()
		m.gateway = nil
	}
}

// restart ends the gateway and starts it again.
func (m *meter) restart(env ...string) {
	m.stop()
	m.start(env...)
}

func (m *meter) as(persona string) *client.Client {
	m.up()
	c, err := m.story.As(m.Context(), persona)
	m.must(err)
	return c
}

// store opens the store as the gateway does.
func (m *meter) store() *s3.Store {
	m.up()
	st, err := s3.New("local", m.rig.S3.Endpoint, m.rig.S3.Region, s3.Credentials{AccessKey: m.rig.S3.AccessKey, SecretKey: m.rig.S3.SecretKey})
	m.must(err)
	return st
}

// declare says whether the store is the operator's own: then the gateway does not compare
// checksums.
func (m *meter) declare(own bool) {
	if m.own != nil && *m.own == own {
		return
	}
	c := m.as("operator")
	stores, err := client.All[schemas.Store](m.Context(), c, "/stores")
	m.must(err)
	for _, s := range stores {
		if s.Own != own {
			s.Own = own
			m.must(c.Post(m.Context(), "/stores?unchecked=true", s, nil, client.IfMatch(s.Revision)))
		}
	}
	m.own = &own
}

// spent is processor time by process, in seconds.
type spent struct{ gateway, s3, client float64 }

func (m *meter) spent() spent {
	var u syscall.Rusage
	m.must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return spent{processor(m.gateway.Process.Pid), processor(m.s3), float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9}
}

func (s spent) since(before spent) spent {
	return spent{s.gateway - before.gateway, s.s3 - before.s3, s.client - before.client}
}

// processor is the seconds of processor time that a process has used, with its children
// that have ended.
func processor(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	all := 0.0
	for _, s := range f[11:15] {
		var ticks float64
		_, _ = fmt.Sscan(s, &ticks)
		all += ticks
	}
	return all / 100 // USER_HZ is 100 on Linux
}

// shown gives an agreement of the trainer's on a dataset under terms of its own.
func (m *meter) shown(d schemas.Dataset, duties []schemas.Duty) schemas.AgreementID {
	ctx := m.Context()
	m.must(m.as("grid").Do(ctx, http.MethodPut, "/datasets/"+string(d.ID)+"/offer",
		map[string]any{"rules": []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use", "direct"}, Duties: duties}}}, nil))
	var r schemas.Request
	m.must(m.as("trainer").Post(ctx, "/requests", demo.Requested("bench", d.ID), &r))
	if r.State != schemas.RequestGranted {
		m.must(fmt.Errorf("the request on %s is %s: %+v", d.IRI, r.State, r.Items[0].Decision))
	}
	_, err := m.story.Shown(ctx, m.as("trainer"), r.Items[0].Agreement) // a row filter's index is made
	m.must(err)
	return r.Items[0].Agreement
}

// lease gives a lease's token on an agreement.
func (m *meter) lease(id schemas.AgreementID) string {
	l, err := m.as("trainer").Lease(m.Context(), "", id)
	m.must(err)
	return l.Token
}
