package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/errgroup"

	"guichet/deploy/local/issuer"
	"guichet/deploy/local/s3"
	"guichet/deploy/local/state"
)

type serveCmd struct {
	Data               string `required:"" type:"path" help:"Directory that keeps objects, keys, secrets and ports."`
	S3Listen           string `name:"s3-listen" default:"127.0.0.1:0" help:"Loopback address of the S3 server."`
	IssuerListen       string `default:"127.0.0.1:0" help:"Loopback address of the operator's issuer."`
	SecondIssuerListen string `default:"127.0.0.1:0" help:"Loopback address of the second issuer."`
	JSON               bool   `name:"json" help:"Say what is ready as one line of JSON."`
	WithParent         bool   `help:"End when standard input ends, that is, with the process that started this one."`
}

// readyLine is what serve prints when everything answers.
type readyLine struct {
	Ready   bool          `json:"ready"`
	S3      readyStore    `json:"s3"`
	Issuers []readyIssuer `json:"issuers"`
}

type readyStore struct {
	Endpoint string `json:"endpoint"`
	Region   string `json:"region"`
	s3.Keys
	Bucket     string `json:"bucket"`
	WorkBucket string `json:"work_bucket"`
}

type readyIssuer struct {
	Issuer   string          `json:"issuer"`
	Audience string          `json:"audience"`
	Clients  []issuer.Client `json:"clients"`
	Web      string          `json:"web_client"`    // of the pages
	Device   string          `json:"device_client"` // of the command line
}

// issuerPlan is one issuer to start.
type issuerPlan struct {
	name, listen string
	alg          jose.SignatureAlgorithm
	clients      []issuer.Client
}

// Run starts everything, says so, and waits.
func (c *serveCmd) Run(ctx context.Context, io streams) error {
	dir, err := filepath.Abs(c.Data) // before versitygw changes the working directory
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := state.Lock(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.WithParent {
		go endWith(io.in, cancel)
	}
	return c.serve(ctx, dir, io)
}

// endWith calls cancel when in ends. Its goroutine may outlive the verb: a
// read of standard input cannot be interrupted.
func endWith(in io.Reader, cancel func()) {
	_, _ = io.Copy(io.Discard, in) // an error is an end too
	cancel()
}

func (c *serveCmd) serve(ctx context.Context, dir string, io streams) error {
	ports, err := state.OpenPorts(filepath.Join(dir, "ports.json"))
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	line := readyLine{Ready: true}
	for _, p := range []issuerPlan{
		{"issuer-1", c.IssuerListen, jose.RS256, issuer.Operators()},
		{"issuer-2", c.SecondIssuerListen, jose.ES256, issuer.Partners()},
	} {
		l, err := ports.Listen(p.name, p.listen)
		if err != nil {
			return err
		}
		defer l.Close()
		started, handler, err := openIssuer(dir, p, "http://"+l.Addr().String())
		if err != nil {
			return err
		}
		line.Issuers = append(line.Issuers, started)
		group.Go(func() error { return serveHTTP(ctx, l, handler) })
	}
	cfg, err := c.store(dir, ports)
	if err != nil {
		return err
	}
	line.S3 = readyStore{
		Endpoint: "http://" + cfg.Addr, Region: s3.Region, Keys: cfg.Keys,
		Bucket: cfg.Buckets[0], WorkBucket: cfg.Buckets[1],
	}
	group.Go(func() error {
		return s3.Run(ctx, cfg, func() { c.say(io.out, line) })
	})
	return group.Wait()
}

// store plans the S3 server: its keys are made at the first start.
func (c *serveCmd) store(dir string, ports *state.Ports) (s3.Config, error) {
	path := filepath.Join(dir, "s3-keys.json")
	keys, err := state.Load[s3.Keys](path)
	if err != nil {
		return s3.Config{}, err
	}
	if keys.Access == "" {
		keys = s3.Keys{Access: "LOCAL" + state.Secret()[:15], Secret: state.Secret() + state.Secret()[:14]}
		if err := state.Save(path, keys); err != nil {
			return s3.Config{}, err
		}
	}
	l, err := ports.Listen("s3", c.S3Listen)
	if err != nil {
		return s3.Config{}, err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil { // versitygw opens its listener itself
		return s3.Config{}, err
	}
	return s3.Config{
		Dir:     filepath.Join(dir, "s3"),
		MetaDir: filepath.Join(dir, "meta"),
		Addr:    addr,
		Keys:    keys,
		Buckets: []string{"spaces", "work"},
	}, nil
}

// openIssuer gives every persona its secret, the same at every start.
func openIssuer(dir string, p issuerPlan, url string) (readyIssuer, http.Handler, error) {
	path := filepath.Join(dir, "clients.json")
	secrets, err := state.Load[map[string]string](path)
	if err != nil {
		return readyIssuer{}, nil, err
	}
	if secrets == nil {
		secrets = make(map[string]string)
	}
	added := false
	for i, client := range p.clients {
		if secrets[client.ID] == "" {
			secrets[client.ID], added = state.Secret(), true
		}
		p.clients[i].Secret = secrets[client.ID]
	}
	if added {
		if err := state.Save(path, secrets); err != nil {
			return readyIssuer{}, nil, err
		}
	}
	handler, err := issuer.New(issuer.Config{
		URL: url, Algorithm: p.alg, Clients: p.clients,
		KeyFile: filepath.Join(dir, p.name+"-keys.json"),
	})
	return readyIssuer{Issuer: url, Audience: issuer.Audience, Clients: p.clients, Web: issuer.WebClient, Device: issuer.DeviceClient},
		handler, err
}

// serveHTTP serves until ctx ends, then gives requests in flight a second.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1) // one send, never blocks
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		srv.Close()
	}
	<-served
	return nil
}

// say prints the ready line; a reader that has gone is no reason to stop.
func (c *serveCmd) say(w io.Writer, line readyLine) {
	if c.JSON {
		_ = json.NewEncoder(w).Encode(line)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "S3       %s  region %s  buckets %s, %s\n", line.S3.Endpoint, line.S3.Region, line.S3.Bucket, line.S3.WorkBucket)
	fmt.Fprintf(&b, "         access key %s (secret in s3-keys.json)\n", line.S3.Access)
	for _, i := range line.Issuers {
		fmt.Fprintf(&b, "issuer   %s  audience %s\n", i.Issuer, i.Audience)
		for _, c := range i.Clients {
			fmt.Fprintf(&b, "         %-11s %s  %s\n", c.ID, c.Participant, strings.Join(c.Roles, ", "))
		}
	}
	b.WriteString("Ready. Ctrl-C ends.\n")
	_, _ = io.WriteString(w, b.String())
}
