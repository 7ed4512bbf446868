package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"guichet/gateway"
	"guichet/schemas"
)

// Addresses is the ready line.
type Addresses struct {
	Ready   bool              `json:"ready"`
	HTTP    string            `json:"http"`
	Flight  string            `json:"flight,omitempty"`
	Metrics string            `json:"metrics,omitempty"`
	S3      string            `json:"s3,omitempty"`
	Issuer  string            `json:"issuer,omitempty"`
	Tokens  map[string]string `json:"tokens,omitempty"`
}

// Run wires a gateway and runs it; told is called with its addresses once it
// answers.
func Run(ctx context.Context, c *Config, log *slog.Logger, told func(a Addresses) error) error {
	err := c.check()
	if err != nil {
		return err
	}
	err = os.MkdirAll(filepath.Join(c.Data, "tmp"), 0o700)
	if err != nil {
		return &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: c.Data,
			Message: "the data folder cannot be written",
			Remedy:  "check its owner and the free disk space",
			Err:     err,
		}
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
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	a := Addresses{Ready: true, HTTP: "http://" + l.Web.Addr().String(), Flight: "grpc://" + l.Calls.Addr().String()}
	if l.S3 != nil {
		a.S3 = scheme + "://" + l.S3.Addr().String()
	}
	if l.Metrics != nil {
		a.Metrics = "http://" + l.Metrics.Addr().String() + "/metrics"
	}
	s, err := wire(ctx, c, log, cmp.Or(c.S3URL, a.S3))
	if err != nil {
		return errors.Join(err, l.Close())
	}
	crowd := gateway.NewCrowd(c.Limits, c.proxies(), log)
	l.Web, l.Calls = crowd.Bound(l.Web, c.TLSCert == ""), crowd.Bound(l.Calls, false)
	if l.S3 != nil {
		l.S3 = crowd.Bound(l.S3, c.TLSCert == "")
	}
	if c.TLSCert != "" {
		t := &tls.Config{
			MinVersion:                  tls.VersionTLS12,
			NextProtos:                  []string{"h2", "http/1.1"},
			GetCertificate:              (&certificate{c: c, log: log}).get,
			DynamicRecordSizingDisabled: true, // bulk goes out in whole records from the start
		}
		l.Web, l.Calls = tls.NewListener(l.Web, t), tls.NewListener(l.Calls, t)
		a.HTTP, a.Flight = "https://"+l.Web.Addr().String(), "grpc+tls://"+l.Calls.Addr().String()
		if l.S3 != nil {
			l.S3 = tls.NewListener(l.S3, t)
		}
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
	if err == nil && c.S3Listen != "" {
		l.S3, err = listen(c.S3Listen)
	}
	if err == nil && c.MetricsListen != "" {
		l.Metrics, err = listen(c.MetricsListen)
	}
	return l, err
}

// listen opens a port, and says of one that is taken how to get another.
func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", listenOn(addr))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: addr,
			Message: "the address " + addr + " is taken by another program",
			Remedy:  "stop it, or give another address: --listen :0 takes any free port",
			Err:     err,
		}
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

// get gives the certificate of the moment. Where the files have become unreadable the
// old one serves on: a renewal that failed must not stop the gateway.
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
