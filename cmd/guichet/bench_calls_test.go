package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/policy"
	"guichet/schemas"
)

// registered loads the demo's datasets.
func (m *meter) registered() {
	m.up()
	if !m.demo {
		m.must(m.story.Register(m.Context()))
		m.demo = true
	}
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
	m.registered()
	ctx, c := m.Context(), m.as("trainer")
	d := m.story.Dataset("vineyard-phenology")
	engine, err := policy.New(ctx)
	m.must(err)
	f := policy.Attributes{Participant: schemas.Participant{ID: "https://crop-ai.example", Country: "FR", Kind: schemas.KindStartUp}, Purpose: "train-model", Now: time.Now()}
	bare := m.perSecond(func() error {
		_, err := engine.Decide(ctx, f, []policy.Item{{Dataset: &d}})
		return err
	})
	over := m.perSecond(func() error {
		return c.Post(ctx, "/decisions", schemas.Ask{Dataset: d.ID, Purpose: "train-model", Factory: "leonardo"}, nil)
	})
	m.add(figure{Bench: "decisions", Readers: 1, Value: over, Unit: "1/s over HTTP", Reference: "bare OPA", RefValue: bare})
}

func (m *meter) search() {
	m.registered()
	c := m.as("trainer")
	p95 := func(path string) float64 {
		var took []float64
		for range 200 {
			began := time.Now()
			var raw []byte
			err := c.Do(m.Context(), http.MethodGet, path, nil, &raw)
			m.must(err)
			took = append(took, time.Since(began).Seconds()*1e3)
		}
		slices.Sort(took)
		return took[len(took)*95/100]
	}
	ref := p95("/spaces")
	m.add(figure{Bench: "search", Value: p95("/datasets?q=wheat+yield&project=bench&facets=space,theme,country,licence"), Unit: "ms, p95", Reference: "GET /spaces",
		RefValue: ref, Note: "with marks and 4 facets, 20 datasets"})
}

// packaged takes the benchmarks of a package as figures: what they report a second, or of
// their reference.
func packaged(name, dir, pattern, reference string) func(m *meter) {
	return func(m *meter) {
		cmd := exec.Command("go", "test", "-run", "^$", "-bench", pattern, dir)
		cmd.Dir, cmd.Stderr = root, os.Stderr
		out, err := cmd.Output()
		if err != nil {
			m.must(fmt.Errorf("%s: %w\n%s", cmd, err, out))
		}
		for line := range strings.Lines(string(out)) {
			f := strings.Fields(line)
			if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
				continue
			}
			_, sub, _ := strings.Cut(f[0][:max(strings.LastIndexByte(f[0], '-'), 0)], "/")
			x := figure{Bench: strings.TrimSuffix(name+"."+sub, "."), Unit: f[3], Reference: reference}
			x.Value, _ = strconv.ParseFloat(f[2], 64)
			for i := 4; i+1 < len(f); i += 2 { // the first figure of its own tells more than ns/op
				v, _ := strconv.ParseFloat(f[i], 64)
				unit := f[i+1]
				switch {
				case strings.Contains(unit, "of-"):
					x.Ratio = v
				case x.Unit == "ns/op" && unit != "B/op" && unit != "allocs/op":
					x.Value, x.Unit = v, unit
				default:
					x.Note += fmt.Sprintf("%s %s ", f[i], unit)
				}
			}
			if x.Ratio > 0 {
				x.RefValue = x.Value / x.Ratio
			}
			m.add(x)
		}
	}
}
