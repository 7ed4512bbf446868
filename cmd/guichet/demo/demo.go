package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// Cmd is the verb demo.
type Cmd struct {
	Once         bool   `help:"End after the story; status 0 only if every step did what it should."`
	Data         string `help:"Folder that keeps the demo's state; a temporary one when left out." type:"path" placeholder:"DIR"`
	Listen       string `help:"Address for HTTP." default:"${demo_listen}" placeholder:"ADDR"`
	FlightListen string `help:"Address for Arrow Flight." default:"${demo_flight}" placeholder:"ADDR"`
	Version      string `kong:"-"` // of the program
	Mib          int    `help:"Size of the made data, in MiB." default:"200"`
}

// Run starts the rig and a gateway, tells the story, and stays up until Ctrl-C.
func (v Cmd) Run(ctx context.Context, t *terminal.Terminal) (err error) {
	if v.Mib < 100 {
		return schemas.BadField("demo", "--mib", "at least 100: shorter streams end before they can be cut")
	}
	dir := v.Data
	if dir == "" {
		dir, err = os.MkdirTemp("", "guichet-demo-")
		if err != nil {
			return fmt.Errorf("make the demo's folder: %w", err)
		}
		defer os.RemoveAll(dir)
	}
	site := filepath.Join(dir, "gateway")
	for _, d := range []string{filepath.Join(dir, "local"), site} {
		err := os.MkdirAll(d, 0o700)
		if err != nil {
			return schemas.Errorf(schemas.Unavailable, d, "the demo's folder cannot be made: %w", err)
		}
	}
	r, err := StartLocalServices(ctx, filepath.Join(dir, "local"))
	if err != nil {
		return err
	}
	defer func() {
		stopped := r.Stop()
		if stopped != nil && err == nil && ctx.Err() == nil {
			err = fmt.Errorf("guichet-local ended: %w", stopped)
		}
	}()
	log, closer, err := quiet(filepath.Join(dir, "gateway.log"))
	if err != nil {
		return err
	}
	defer closer.Close()
	c, err := r.Config(ctx, site)
	if err != nil {
		return err
	}
	c.Version = v.Version
	c.Networks = append(c.Networks, "127.0.0.0/8") // the portal of the story is on this machine
	c.Flag("listen", v.Listen)
	c.Flag("flight_listen", v.FlightListen)
	return v.play(ctx, t, r, c, log, dir)
}

// play runs the gateway and the story beside each other; the first that fails ends
// both.
func (v Cmd) play(ctx context.Context, t *terminal.Terminal, r *LocalServices, c *serve.Config, log *slog.Logger, dir string) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ready := make(chan serve.Addresses, 1)
	served := make(chan error, 1)
	go func() {
		served <- serve.Run(running, c, log, func(a serve.Addresses) error { ready <- a; return nil })
	}()
	var a serve.Addresses
	select {
	case a = <-ready:
	case err := <-served:
		return err
	}
	s := NewStory(t, r, c, dir, v.Mib, a)
	err := s.tell(running)
	if err == nil && !v.Once {
		err = s.stayUp(running, served)
	}
	stop()
	return errors.Join(err, <-served)
}

// stayUp prints where everything is and waits for Ctrl-C.
func (s *Story) stayUp(ctx context.Context, served chan error) error {
	a, err := s.readyLine(ctx)
	if err != nil {
		return err
	}
	if s.t.JSON {
		err = json.NewEncoder(s.t.Out).Encode(a)
	} else {
		s.invite(a)
	}
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-served:
		served <- err
		return err
	}
}
