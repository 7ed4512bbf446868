package sandbox

import (
	"context"
	"errors"
	"os"
	"sync"

	"guichet/connectors/shard"
	"guichet/schemas"
)

// Group runs the jobs that belong together, as those of one version: their small objects
// share children, so that a start is not paid for each. A child that a job kills costs
// that job only. Safe for concurrent use.
type Group struct {
	r      *Runner
	mu     sync.Mutex
	idle   []*child
	closed bool
}

// Group begins one. Close ends its children.
func (r *Runner) Group() *Group { return &Group{r: r} }

// What a child may be used for again: objects of more bytes than small have one of their
// own, whose output has their bound; and one that used more than restAfter of its
// processor time is not used again, so that every job has most of Limits.CPU.
const (
	small     = 64 << 20
	restAfter = 10 // divides Limits.CPU
)

// Conform is Runner.Conform, in a child of the group.
func (g *Group) Conform(ctx context.Context, in *os.File, size int64, spec shard.Spec, out *os.File) (shard.Report, error) {
	select {
	case g.r.slots <- struct{}{}:
		defer func() { <-g.r.slots }()
	case <-ctx.Done():
		return shard.Report{}, ctx.Err()
	}
	j := job{Spec: spec, Size: size, Limits: g.r.limits, Most: shard.MostOut(max(size, small))}
	for {
		c, used := g.take(size), true
		if c == nil {
			var err error
			c, err = g.r.start()
			if err != nil {
				return shard.Report{}, err
			}
			used = false
		}
		a, err := c.do(ctx, j, in, out)
		if err != nil {
			c.kill()
			if used && errors.Is(err, errDied) && ctx.Err() == nil { // perhaps by what jobs before left in it
				err = emptied(out)
				if err == nil {
					continue
				}
			}
			if errors.Is(err, errDied) {
				err = g.r.died(spec.Name, c.err, c.stderr.String())
			}
			return shard.Report{}, err
		}
		g.give(c, size, a.Used)
		if a.Error != nil {
			return shard.Report{}, a.Error
		}
		return *a.Report, nil
	}
}

// emptied takes back what a child wrote before it died.
func emptied(out *os.File) error {
	err := out.Truncate(0)
	if err == nil {
		_, err = out.Seek(0, 0)
	}
	return err
}

// take finds an idle child for an object, nil where it needs a new one.
func (g *Group) take(size int64) *child {
	g.mu.Lock()
	defer g.mu.Unlock()
	if size > small || len(g.idle) == 0 {
		return nil
	}
	c := g.idle[len(g.idle)-1]
	g.idle = g.idle[:len(g.idle)-1]
	return c
}

// give keeps a child for the next job, or ends it.
func (g *Group) give(c *child, size, used int64) {
	g.mu.Lock()
	keep := !g.closed && size <= small && used < int64(g.r.limits.CPU)/restAfter
	if keep {
		g.idle = append(g.idle, c)
	}
	g.mu.Unlock()
	if !keep {
		c.kill()
	}
}

// Close ends the children. Jobs that run end first.
func (g *Group) Close() {
	g.mu.Lock()
	idle := g.idle
	g.idle, g.closed = nil, true
	g.mu.Unlock()
	for _, c := range idle {
		c.kill()
	}
}

// errDied is the end of a child that gave no answer.
var errDied = errors.New("the reading process ended without an answer")

// slow is the error at the end of a job's time.
func (r *Runner) slow(name string) error {
	return schemas.Errorf(schemas.Invalid, name, "reading the file took longer than %s and was stopped", r.limits.Wall)
}
