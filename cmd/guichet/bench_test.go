package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"guichet/cmd/guichet/demo"
	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/connectors/s3"
	"guichet/policy"
	"guichet/schemas"
)

// figure is one measured value beside its reference, both of the same run.
type figure struct {
	Bench     string  `json:"bench"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Reference string  `json:"reference"`
	RefValue  float64 `json:"reference_value"`
	Ratio     float64 `json:"ratio"`
	CPU       float64 `json:"cpu_s_per_gb,omitempty"`
}

// BenchmarkFigures measures the running product from outside: the real binary as a
// child, the local S3 server as its store. It prints a table, and one JSON object a
// line into BENCH_JSON. Run it by make bench.
func BenchmarkFigures(b *testing.B) {
	for range b.N { // once: it takes longer than any benchtime
		m := newMeter(b)
		m.streams()
		m.publish()
		m.small()
		m.decisions()
		m.search()
		m.print()
		m.close()
	}
}

// meter holds the product while it is measured.
type meter struct {
	b       *testing.B
	ctx     context.Context
	rig     *demo.LocalServices
	dir     string
	gateway *exec.Cmd
	story   *demo.Story
	grpc    string // address
	figures []figure
	stops   []func()
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
	m := &meter{b: b, ctx: b.Context(), dir: b.TempDir()}
	for _, d := range []string{"local", "gateway"} {
		m.must(os.MkdirAll(filepath.Join(m.dir, d), 0o700))
	}
	m.rig, err = demo.StartLocalServices(m.ctx, filepath.Join(m.dir, "local"))
	m.must(err)
	m.stops = append(m.stops, func() { _ = m.rig.Stop() })
	_, err = m.rig.Config(m.ctx, filepath.Join(m.dir, "gateway"))
	m.must(err)
	m.gateway = exec.Command(binary, "--json", "serve", "--config", filepath.Join(m.dir, "gateway", "guichet.yaml"), "--listen", ":0", "--flight-listen", ":0", "--log-level", "error")
	out, err := m.gateway.StdoutPipe()
	m.must(err)
	m.must(m.gateway.Start())
	m.stops = append(m.stops, func() { _ = m.gateway.Process.Signal(syscall.SIGTERM); _ = m.gateway.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	m.must(err)
	var a serve.Addresses
	m.must(json.Unmarshal(line, &a))
	m.grpc, m.story = a.Flight, demo.NewStory(&terminal.Terminal{Out: io.Discard, Err: io.Discard, JSON: true}, m.rig, nil, m.dir, 800, a)
	m.must(m.story.Parties(m.ctx))
	m.must(m.story.Register(m.ctx))
	return m
}

func (m *meter) close() {
	slices.Reverse(m.stops)
	for _, stop := range m.stops {
		stop()
	}
}

func (m *meter) must(err error) {
	if err != nil {
		m.b.Helper()
		m.close()
		m.b.Fatal(err)
	}
}

func (m *meter) add(f figure) {
	if f.RefValue != 0 {
		f.Ratio = f.Value / f.RefValue
	}
	m.figures = append(m.figures, f)
}

func (m *meter) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nFIGURE\tVALUE\tUNIT\tREFERENCE\tITS VALUE\tRATIO\tGATEWAY CPU s/GB")
	for _, f := range m.figures {
		cpu := ""
		if f.CPU > 0 {
			cpu = fmt.Sprintf("%.2f", f.CPU)
		}
		fmt.Fprintf(w, "%s\t%.3g\t%s\t%s\t%.3g\t%.2f\t%s\n", f.Bench, f.Value, f.Unit, f.Reference, f.RefValue, f.Ratio, cpu)
	}
	_ = w.Flush()
	path := os.Getenv("BENCH_JSON")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	m.must(err)
	defer f.Close()
	for _, x := range m.figures {
		m.must(json.NewEncoder(f).Encode(x))
	}
}

// cpu is the seconds of processor time that the gateway has used, with its children that
// have ended.
func (m *meter) cpu() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.gateway.Process.Pid))
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

// view registers the same objects once more under terms of its own and gives an
// agreement on them.
func (m *meter) view(name string, duties []schemas.Duty) schemas.AgreementID {
	grid, err := m.story.As(m.ctx, "grid")
	m.must(err)
	src := m.story.Dataset("household-load-curves")
	var v schemas.Version
	m.must(grid.Get(m.ctx, "/datasets/"+string(src.ID)+"/versions/"+string(src.Latest.Version)+"/manifest", &v))
	p := schemas.Publication{Version: "1", Store: "local", Bucket: m.rig.S3.Bucket}
	t := biggest(&v)
	table := schemas.PublicationTable{Name: t.Name, Splits: []schemas.PublicationSplit{{Name: "all"}}}
	for _, sp := range t.Splits {
		for _, sh := range sp.Shards {
			table.Splits[0].Keys = append(table.Splits[0].Keys, sh.Key)
		}
	}
	p.Tables = []schemas.PublicationTable{table}
	d, err := demo.Registered(m.ctx, grid, schemas.Dataset{IRI: "urn:bench:" + name, Space: "energy", Title: schemas.Text{"en": name}, Licence: "CC-BY-4.0", Countries: []string{"LU"}})
	m.must(err)
	m.must(grid.Do(m.ctx, http.MethodPut, "/datasets/"+string(d.ID)+"/offer", map[string]any{"rules": []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Duties: duties}}}, nil))
	m.must(grid.Post(m.ctx, "/datasets/"+string(d.ID)+"/versions", p, nil))
	_, err = grid.WaitPublished(m.ctx, d.ID, "1", nil)
	m.must(err)
	trainer, err := m.story.As(m.ctx, "trainer")
	m.must(err)
	m.must(demo.Once(trainer.Post(m.ctx, "/projects", schemas.Project{ID: "bench", Title: "Bench", Factory: "leonardo", Purposes: []string{"train-model"}}, nil)))
	var r schemas.Request
	m.must(trainer.Post(m.ctx, "/requests", demo.Requested("bench", d.ID), &r))
	if r.State != schemas.RequestGranted {
		m.must(fmt.Errorf("the request on %s is %s: %+v", name, r.State, r.Items[0].Decision))
	}
	_, err = m.story.Shown(m.ctx, trainer, r.Items[0].Agreement) // a row filter's index is made
	m.must(err)
	return r.Items[0].Agreement
}

func biggest(v *schemas.Version) *schemas.Table {
	rows := func(t *schemas.Table) (n int64) {
		for _, s := range t.Splits {
			n += s.Rows()
		}
		return n
	}
	best := &v.Data[0]
	for i := range v.Data {
		if rows(&v.Data[i]) > rows(best) {
			best = &v.Data[i]
		}
	}
	return best
}

// enough is how much is streamed for one figure.
const enough = 1 << 30

// rate drains streams of an agreement until enough bytes came; it gives GB/s, rows
// per second and the gateway's CPU seconds per GB.
func (m *meter) rate(id schemas.AgreementID, q url.Values) (gbps, rows, cpu float64) {
	c, err := m.story.As(m.ctx, "trainer")
	m.must(err)
	l, err := c.Lease(m.ctx, "", id)
	m.must(err)
	var n, r int64
	began, used := time.Now(), m.cpu()
	buf := make([]byte, 1<<20)
	for n < enough {
		st, err := c.OpenStream(m.ctx, l.Token, id, q)
		m.must(err)
		k, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{st}, buf)
		m.must(err)
		m.must(st.Close())
		n, r = n+k, r+st.Received()
	}
	s := time.Since(began).Seconds()
	return float64(n) / 1e9 / s, float64(r) / s, (m.cpu() - used) / (float64(n) / 1e9)
}

// direct drains the same objects straight from S3.
func (m *meter) direct(id schemas.AgreementID) float64 {
	store, err := s3.New("local", m.rig.S3.Endpoint, m.rig.S3.Region, s3.Credentials{AccessKey: m.rig.S3.AccessKey, SecretKey: m.rig.S3.SecretKey})
	m.must(err)
	trainer, err := m.story.As(m.ctx, "trainer")
	m.must(err)
	grid, err := m.story.As(m.ctx, "grid")
	m.must(err)
	var a schemas.Agreement
	m.must(trainer.Get(m.ctx, "/agreements/"+string(id), &a))
	var v schemas.Version
	m.must(grid.Get(m.ctx, "/datasets/"+string(a.Dataset)+"/versions/"+string(a.Versions[0])+"/manifest", &v))
	var n int64
	began := time.Now()
	buf := make([]byte, 1<<20)
	for n < enough {
		for _, sh := range v.Data[0].Splits[0].Shards {
			body, err := store.Open(m.ctx, sh.Bucket, sh.Key, sh.ETag, 0, -1)
			m.must(err)
			k, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{body}, buf)
			m.must(err)
			m.must(body.Close())
			n += k
		}
	}
	return float64(n) / 1e9 / time.Since(began).Seconds()
}

func (m *meter) streams() {
	plain := m.view("plain", nil)
	cols := m.columns(plain)
	ref := m.direct(plain)
	gb, rows, cpu := m.rate(plain, url.Values{})
	m.add(figure{Bench: "stream.http.plain", Value: gb, Unit: "GB/s", Reference: "direct S3", RefValue: ref, CPU: cpu})
	shuffled, _, cpu := m.rate(plain, url.Values{"seed": {"42"}})
	m.add(figure{Bench: "stream.http.shuffled", Value: shuffled, Unit: "GB/s", Reference: "direct S3", RefValue: ref, CPU: cpu})
	m.flight(plain, ref)
	m.own(true)
	own, _, cpu := m.rate(plain, url.Values{})
	m.add(figure{Bench: "stream.http.plain, own store (no comparing)", Value: own, Unit: "GB/s", Reference: "stream.http.plain", RefValue: gb, CPU: cpu})
	m.own(false)
	for _, v := range []struct {
		name   string
		duties []schemas.Duty
	}{
		{"hidden", []schemas.Duty{{Kind: schemas.DutyHide, Columns: cols[:1]}}},
		{"pseudonymised", []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: cols[:1]}}},
		{"filtered", []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: cols[len(cols)-1], Op: "gteq", Values: []string{"0"}}}}},
	} {
		id := m.view(v.name, v.duties)
		_, r, cpu := m.rate(id, url.Values{})
		m.add(figure{Bench: "stream.http." + v.name, Value: r / 1e6, Unit: "M rows/s", Reference: "stream.http.plain", RefValue: rows / 1e6, CPU: cpu})
	}
	again := m.direct(plain)
	m.add(figure{Bench: "direct S3, again", Value: again, Unit: "GB/s", Reference: "direct S3", RefValue: ref})
}

// own declares the store the operator's own, or not: the figures show what comparing
// checksums costs.
func (m *meter) own(own bool) {
	c, err := m.story.As(m.ctx, "operator")
	m.must(err)
	stores, err := client.All[schemas.Store](m.ctx, c, "/stores")
	m.must(err)
	for _, s := range stores {
		s.Own = own
		m.must(c.Post(m.ctx, "/stores?unchecked=true", s, nil, client.IfMatch(s.Revision)))
	}
}

// flight drains the plain stream over Arrow Flight.
func (m *meter) flight(id schemas.AgreementID, ref float64) {
	c, err := m.story.As(m.ctx, "trainer")
	m.must(err)
	l, err := c.Lease(m.ctx, "", id)
	m.must(err)
	var n int64
	began, used := time.Now(), m.cpu()
	for n < enough {
		got, err := client.Flight(m.ctx, m.grpc, l.Token, id, url.Values{})
		m.must(err)
		n += got.Bytes
	}
	gb := float64(n) / 1e9
	m.add(figure{Bench: "stream.flight.plain", Value: gb / time.Since(began).Seconds(), Unit: "GB/s", Reference: "direct S3", RefValue: ref, CPU: (m.cpu() - used) / gb})
}

// columns names the columns of an agreement's table, numbers last.
func (m *meter) columns(id schemas.AgreementID) []string {
	trainer, err := m.story.As(m.ctx, "trainer")
	m.must(err)
	var a schemas.Agreement
	m.must(trainer.Get(m.ctx, "/agreements/"+string(id), &a))
	grid, err := m.story.As(m.ctx, "grid")
	m.must(err)
	var v schemas.Version
	m.must(grid.Get(m.ctx, "/datasets/"+string(a.Dataset)+"/versions/"+string(a.Versions[0])+"/manifest", &v))
	var texts, nums []string
	for _, c := range v.Data[0].Columns {
		if strings.HasPrefix(c.Type, "float") {
			nums = append(nums, c.Name)
		} else {
			texts = append(texts, c.Name)
		}
	}
	return append(texts, nums...)
}

// publish compares reading every byte once in the child with pyarrow reading the
// same files.
func (m *meter) publish() {
	grid, err := m.story.As(m.ctx, "grid")
	m.must(err)
	m.view("published", nil)
	d, err := demo.Registered(m.ctx, grid, schemas.Dataset{IRI: "urn:bench:published", Space: "energy", Title: schemas.Text{"en": "published"}, Licence: "CC-BY-4.0", Countries: []string{"LU"}})
	m.must(err)
	python := os.Getenv("GUICHET_PYTHON")
	if python == "" {
		m.b.Log("publish is not compared: GUICHET_PYTHON names no interpreter with pyarrow")
		return
	}
	var v schemas.Version
	m.must(grid.Get(m.ctx, "/datasets/"+string(d.ID)+"/versions/1/manifest", &v))
	took := v.Published.Sub(v.Started).Seconds()
	args := []string{"-c", "import sys, time, hashlib, pyarrow.ipc as i\nt=time.time()\nfor p in sys.argv[1:]:\n b=open(p,'rb').read(); hashlib.sha256(b).hexdigest(); i.open_file(b).read_all().validate(full=True)\nprint(time.time()-t)"}
	for _, sh := range v.Data[0].Splits[0].Shards {
		args = append(args, filepath.Join(m.dir, "made", sh.Key))
	}
	out, err := exec.Command(python, args...).Output()
	m.must(err)
	var ref float64
	_, err = fmt.Sscan(string(out), &ref)
	m.must(err)
	mb := float64(v.Bytes) / 1e6
	m.add(figure{Bench: "publish, from S3 to published", Value: mb / took, Unit: "MB/s", Reference: "pyarrow read, validate, SHA-256 of local files", RefValue: mb / ref})
}

// perSecond runs f until two seconds have passed.
func (m *meter) perSecond(f func() error) float64 {
	n, began := 0, time.Now()
	for time.Since(began) < 2*time.Second {
		m.must(f())
		n++
	}
	return float64(n) / time.Since(began).Seconds()
}

func (m *meter) decisions() {
	c, err := m.story.As(m.ctx, "trainer")
	m.must(err)
	d := m.story.Dataset("vineyard-phenology")
	engine, err := policy.New(m.ctx)
	m.must(err)
	f := policy.Attributes{Participant: schemas.Participant{ID: "https://crop-ai.example", Country: "FR", Kind: schemas.KindStartUp}, Purpose: "train-model", Now: time.Now()}
	bare := m.perSecond(func() error {
		_, err := engine.Decide(m.ctx, f, []policy.Item{{Dataset: &d}})
		return err
	})
	over := m.perSecond(func() error {
		return c.Post(m.ctx, "/decisions", schemas.Ask{Dataset: d.ID, Purpose: "train-model", Factory: "leonardo"}, nil)
	})
	m.add(figure{Bench: "decisions over HTTP, one caller", Value: over, Unit: "1/s", Reference: "bare OPA", RefValue: bare})
}

func (m *meter) search() {
	c, err := m.story.As(m.ctx, "trainer")
	m.must(err)
	p95 := func(path string) float64 {
		var took []float64
		for range 200 {
			began := time.Now()
			var raw []byte
			err := c.Do(m.ctx, http.MethodGet, path, nil, &raw)
			m.must(err)
			took = append(took, time.Since(began).Seconds()*1e3)
		}
		slices.Sort(took)
		return took[len(took)*95/100]
	}
	ref := p95("/spaces")
	m.add(figure{Bench: "search with marks and 4 facets, 20 datasets, p95", Value: p95("/datasets?q=wheat+yield&project=bench&facets=space,theme,country,licence"), Unit: "ms", Reference: "GET /spaces", RefValue: ref})
}
