package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"guichet/cmd/guichet/terminal"
	"guichet/gateway"
	"guichet/schemas"
)

type serveCmd struct {
	Data          string `help:"Folder of the gateway's state." type:"path" placeholder:"DIR"`
	Listen        string `help:"Address for HTTP; :0 is any free port." placeholder:"ADDR"`
	FlightListen  string `help:"Address for Arrow Flight." placeholder:"ADDR"`
	MetricsListen string `help:"Address where figures are read without a token; nowhere when left out." placeholder:"ADDR"`
	Database      string `help:"sqlite:FILE or postgres://…" placeholder:"URL"`
	LogLevel      string `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error"`
}

// Run serves until a signal comes.
func (v serveCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	path := g.Config
	if path == "" && v.Data != "" {
		path = v.Data + "/guichet.yaml"
	}
	c, err := loadConfig(path)
	if err != nil {
		return err
	}
	c.flag("data", v.Data)
	c.flag("listen", v.Listen)
	c.flag("flight_listen", v.FlightListen)
	c.flag("metrics_listen", v.MetricsListen)
	c.flag("database", v.Database)
	var level slog.Level
	err = level.UnmarshalText([]byte(v.LogLevel))
	if err != nil {
		return fmt.Errorf("read the log level: %w", err)
	}
	log := slog.New(slog.NewJSONHandler(t.Err, &slog.HandlerOptions{Level: level}))
	return serve(ctx, c, log, func(a addresses) error {
		if t.JSON {
			return json.NewEncoder(t.Out).Encode(a)
		}
		_, err := fmt.Fprintf(t.Out, "guichet answers at %s, Flight at %s\n", a.HTTP, a.Flight)
		return err
	})
}

// addresses is the ready line.
type addresses struct {
	Ready   bool              `json:"ready"`
	HTTP    string            `json:"http"`
	Flight  string            `json:"flight,omitempty"`
	Metrics string            `json:"metrics,omitempty"`
	S3      string            `json:"s3,omitempty"`
	Issuer  string            `json:"issuer,omitempty"`
	Tokens  map[string]string `json:"tokens,omitempty"`
}

// serve wires a gateway and runs it; told is called with its addresses once it
// answers.
func serve(ctx context.Context, c *Config, log *slog.Logger, told func(a addresses) error) error {
	err := c.check()
	if err != nil {
		return err
	}
	err = os.MkdirAll(filepath.Join(c.Data, "tmp"), 0o700)
	if err != nil {
		return &schemas.Error{Kind: schemas.Unavailable, Subject: c.Data, Message: "the data folder cannot be written", Remedy: "check its owner and the free disk space", Err: err}
	}
	c.bound.fit(c, log)
	held, err := lock(ctx, c)
	if err != nil {
		return err
	}
	defer held.Close()
	l, err := open(c)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s, err := wire(ctx, c, log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	a := addresses{Ready: true, HTTP: "http://" + l.Web.Addr().String(), Flight: "grpc://" + l.Calls.Addr().String()}
	if l.Metrics != nil {
		a.Metrics = "http://" + l.Metrics.Addr().String() + "/metrics"
	}
	crowd := gateway.NewCrowd(c.Limits, c.proxies(), log)
	l.Web, l.Calls = crowd.Bound(l.Web, c.TLSCert == ""), crowd.Bound(l.Calls, false)
	if c.TLSCert != "" {
		t := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: (&certificate{c: c, log: log}).get}
		l.Web, l.Calls = tls.NewListener(l.Web, t), tls.NewListener(l.Calls, t)
		a.HTTP, a.Flight = "https://"+l.Web.Addr().String(), "grpc+tls://"+l.Calls.Addr().String()
		if l.Metrics != nil {
			l.Metrics, a.Metrics = tls.NewListener(l.Metrics, t), "https://"+l.Metrics.Addr().String()+"/metrics"
		}
	}
	var failed error
	err = s.run(ctx, l, func() { failed = told(a) })
	return errors.Join(err, failed)
}

// open listens where the settings say. What is open is given with an error too.
func open(c *Config) (l gateway.Listeners, err error) {
	l.Web, err = listen(c.Listen)
	if err == nil {
		l.Calls, err = listen(c.FlightListen)
	}
	if err == nil && c.MetricsListen != "" {
		l.Metrics, err = listen(c.MetricsListen)
	}
	return l, err
}

func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", listenOn(addr))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &schemas.Error{Kind: schemas.Unavailable, Subject: addr, Message: "the address " + addr + " is taken by another program", Remedy: "stop it, or give another address: --listen :0 takes any free port", Err: err}
	}
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, addr, "the address %s cannot be listened on: %w", addr, err)
	}
	return l, nil
}

// certificate reads the TLS files again when they change.
type certificate struct {
	c      *Config
	log    *slog.Logger
	mu     sync.Mutex
	loaded *tls.Certificate
	stamp  time.Time
	looked time.Time
}

func (f *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.loaded != nil && time.Since(f.looked) < 10*time.Second {
		return f.loaded, nil
	}
	f.looked = time.Now()
	st, err := os.Stat(f.c.TLSCert)
	if err == nil && f.loaded != nil && st.ModTime().Equal(f.stamp) {
		return f.loaded, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(f.c.TLSCert, f.c.TLSKey)
	}
	if err != nil {
		if f.loaded == nil {
			return nil, fmt.Errorf("read the TLS files: %w", err)
		}
		f.log.Error("the new TLS files cannot be read; the old ones are used on", "err", err)
		return f.loaded, nil
	}
	f.loaded, f.stamp = &pair, st.ModTime()
	return f.loaded, nil
}
