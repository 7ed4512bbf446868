package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// defaultIdle is how long a store may take for its next bytes.
	defaultIdle = 10 * time.Second
	// paceBytes is what must come in that time: a store that sends a byte now and then
	// holds a stream as one does that sends none.
	paceBytes = 32 << 10
	// maxAnswer bounds what is no object: errors and pages of listings, of 1,000 keys.
	maxAnswer = 16 << 20
	// maxHeader bounds the head of an answer.
	maxHeader = 64 << 10
)

// transport keeps enough idle connections for parallel ranges. Bodies are bounded by
// guard and reader.
func transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        5 * time.Second, // a burst's connections are given back soon
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second, // a store may take its time over what was written
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		ReadBufferSize:         64 << 10,
		WriteBufferSize:        64 << 10,
	}
}

// guard stands between minio-go and the wire. minio-go reads answers to their end, also
// those that it gives up, so every answer gets an end; the body of an object goes to
// who asked for it instead, with the answer's status, which minio-go does not tell.
type guard struct {
	next   http.RoundTripper
	direct *direct // nil where the store cannot be reached so
	idle   time.Duration
}

// slot is where guard puts the answer to a request for an object.
type slot struct {
	direct bool // it is to come over a connection of our own, where that can be
	resp   *http.Response
}

// slotKey is the context's key of a slot.
type slotKey struct{}

// RoundTrip is http.RoundTripper's.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	r = r.Clone(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		stop := time.AfterFunc(g.idle, func() { cancel(Stalls) })
		defer stop.Stop()
		r.Body = &sent{r.Body, stop, g.idle}
	}
	s, _ := r.Context().Value(slotKey{}).(*slot)
	next := g.next
	if s != nil && s.direct && g.direct != nil {
		next = g.direct
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		if f := faultOf(context.Cause(ctx)); f != "" {
			err = f
		}
		cancel(nil)
		return nil, err
	}
	if s != nil && (resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent) {
		whole := *resp
		whole.Body = &answer{resp.Body, cancel}
		s.put(&whole)
		resp.Body = http.NoBody
		return resp, nil
	}
	resp.Body = &bounded{newPaced(ctx, cancel, resp.Body, g.idle), maxAnswer}
	return resp, nil
}

func (s *slot) put(resp *http.Response) {
	s.close()
	s.resp = resp
}

func (s *slot) close() {
	if s.resp != nil {
		s.resp.Body.Close()
		s.resp = nil
	}
}

// answer lets go of its request with its body.
type answer struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (a *answer) Close() error {
	err := a.ReadCloser.Close()
	a.cancel(nil)
	return err
}

// sent is what is written to a store: the time between two looks at it is the store's.
type sent struct {
	io.ReadCloser
	stop *time.Timer
	idle time.Duration
}

func (s *sent) Read(p []byte) (int, error) {
	s.stop.Stop()
	n, err := s.ReadCloser.Read(p)
	if err == nil {
		s.stop.Reset(s.idle)
	}
	return n, err
}

// Close ends the wait: the answer has a time of its own.
func (s *sent) Close() error {
	s.stop.Stop()
	return s.ReadCloser.Close()
}
