package main

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"guichet/connectors/client"
	"guichet/connectors/direct"
	"guichet/connectors/s3"
	"guichet/schemas"
)

// load is what readers drained together.
type load struct {
	readers     int
	bytes, rows int64
	seconds     float64
	spent
}

func (l load) gb() float64   { return float64(l.bytes) / 1e9 }
func (l load) rate() float64 { return l.gb() / l.seconds }

// figure is the load in GB/s beside a reference, with what it cost.
func (l load) figure(name, reference string, ref float64) figure {
	return figure{Bench: name, Readers: l.readers, Value: l.rate(), Unit: "GB/s", Reference: reference, RefValue: ref,
		Gateway: l.gateway / l.gb(), S3: l.s3 / l.gb(), Client: l.client / l.gb()}
}

// rowsFigure is the load in rows a second.
func (l load) rowsFigure(name, reference string, ref load) figure {
	f := l.figure(name, reference, float64(ref.rows)/ref.seconds/1e6)
	f.Value, f.Unit = float64(l.rows)/l.seconds/1e6, "M rows/s"
	return f
}

// enough is how much is streamed for one figure at least.
const enough = 900e6

// drainer reads one stream, or object, and drops it.
type drainer func(reader int) (bytes, rows int64, err error)

// loaded has readers drain at once, in rounds, until there is enough; once for each name. A
// first round is not counted: it fills what stays open and warm.
func (m *meter) loaded(name string, readers int, drain drainer) load {
	key := fmt.Sprint(name, readers)
	if l, ok := m.loads[key]; ok {
		return l
	}
	m.round(readers, drain)
	l := load{readers: readers}
	began, used := time.Now(), m.spent()
	for l.bytes < enough {
		n, rows := m.round(readers, drain)
		l.bytes, l.rows = l.bytes+n, l.rows+rows
	}
	l.seconds, l.spent = time.Since(began).Seconds(), m.spent().since(used)
	m.loads[key] = l
	return l
}

// round has each of the readers drain once, all at once.
func (m *meter) round(readers int, drain drainer) (bytes, rows int64) {
	var b, r atomic.Int64
	m.together(readers, func(i int) error {
		n, k, err := drain(i)
		b.Add(n)
		r.Add(k)
		return err
	})
	return b.Load(), r.Load()
}

// together runs f for each of n at once.
func (m *meter) together(n int, f func(i int) error) {
	failed := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { failed[i] = f(i) })
	}
	wg.Wait()
	m.must(errors.Join(failed...))
}

// piece is what the client takes at once.
const piece = 1 << 20

// drop reads all of r in pieces and drops it: io.Discard would take 8 KiB at once.
func drop(r io.Reader, buf []byte) (int64, error) {
	var all int64
	for {
		n, err := r.Read(buf)
		all += int64(n)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// numbers of readers at once for each figure of a stream.
func numbers() []int { return []int{1, 8} }

// fromS3 drains the objects straight from the store, whole or by ranges of 8 MiB.
func (m *meter) fromS3(name string, readers int, step int64) load {
	return m.objects(name, readers, step, m.store(), m.set("large").shards)
}

// objects drains objects of any S3.
func (m *meter) objects(name string, readers int, step int64, st *s3.Store, shards []schemas.Shard) load {
	buffers := make([][]byte, readers) // one for each of those at once
	for i := range buffers {
		buffers[i] = make([]byte, piece)
	}
	return m.loaded(name, readers, func(i int) (n, _ int64, err error) {
		sh := shards[i%len(shards)]
		buf := buffers[i%readers]
		for at := int64(0); at < sh.Size && err == nil; at += cmp.Or(step, sh.Size) {
			var body io.ReadCloser
			body, err = st.Open(m.Context(), sh.Bucket, sh.Key, sh.ETag, at, min(cmp.Or(step, sh.Size), sh.Size-at))
			if err == nil {
				var k int64
				k, err = drop(body, buf)
				n += k
				err = errors.Join(err, body.Close())
			}
		}
		return n, 0, err
	})
}

func (m *meter) whole(readers int) load { return m.fromS3("s3.direct.whole", readers, 0) }

func (m *meter) direct() {
	for _, readers := range numbers() {
		l := m.whole(readers)
		m.add(l.figure("s3.direct.whole", "", 0))
		m.add(m.fromS3("s3.direct.ranges", readers, 8<<20).figure("s3.direct.ranges", "direct S3, whole", l.rate()))
	}
}

// stream drains an agreement over HTTP: each reader takes the whole, as from S3.
func (m *meter) stream(h *http.Client, base, token string, id schemas.AgreementID, q url.Values) func(readers int) drainer {
	return func(readers int) drainer {
		buffers := make([][]byte, readers)
		return func(i int) (n, rows int64, err error) {
			if buffers[i] == nil {
				buffers[i] = make([]byte, piece)
			}
			query := url.Values{}
			for k, v := range q {
				query[k] = v
			}
			resp, err := opened(m.Context(), h, base, token, id, query)
			if err != nil {
				return 0, 0, err
			}
			defer resp.Body.Close()
			n, err = drop(resp.Body, buffers[i])
			if err == nil {
				rows, err = strconv.ParseInt(resp.Header.Get("Guichet-Rows"), 10, 64)
			}
			return n, rows, err
		}
	}
}

// opened opens one stream.
func opened(ctx context.Context, h *http.Client, base, token string, id schemas.AgreementID, q url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/agreements/"+string(id)+"/stream?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := h.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return nil, fmt.Errorf("%s: %s", resp.Status, b)
	}
	return resp, nil
}

// plainHTTP is a client of one connection a stream.
func plainHTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{ReadBufferSize: 64 << 10, MaxIdleConnsPerHost: 64, DisableCompression: true}}
}

func (m *meter) http(name string, readers int, id schemas.AgreementID, q url.Values) load {
	return m.loaded(name, readers, m.stream(plainHTTP(), m.addresses.HTTP, m.lease(id), id, q)(readers))
}

// untouched is the plain stream from the operator's own store.
func (m *meter) untouched(readers int) load {
	id := m.set("large").plain
	m.declare(true)
	return m.http("stream.http.plain", readers, id, nil)
}

func (m *meter) plain() {
	for _, readers := range numbers() {
		f := m.untouched(readers).figure("stream.http.plain", "direct S3, whole", m.whole(readers).rate())
		f.Note = "own store"
		m.add(f)
	}
}

// small is the plain stream of many small objects.
func (m *meter) small() {
	id := m.set("small").plain
	for _, readers := range numbers() {
		plain := m.untouched(readers)
		m.add(m.http("stream.http.small", readers, id, nil).figure("stream.http.small", "stream.http.plain", plain.rate()))
	}
}

func (m *meter) shuffled() {
	m.declare(true)
	for _, readers := range numbers() {
		l := m.http("stream.http.shuffled", readers, m.set("large").plain, url.Values{"seed": {"42"}})
		m.add(l.figure("stream.http.shuffled", "stream.http.plain", m.untouched(readers).rate()))
	}
}

func (m *meter) verified() {
	id := m.set("large").plain
	for _, readers := range numbers() {
		plain := m.untouched(readers)
		m.declare(false)
		m.add(m.http("stream.http.verified", readers, id, nil).figure("stream.http.verified", "stream.http.plain", plain.rate()))
	}
	m.declare(true)
}

func (m *meter) columns2of10() {
	for _, readers := range numbers() {
		plain := m.untouched(readers)
		l := m.http("stream.http.columns2of10", readers, m.set("large").plain, url.Values{"columns": {"id,share"}})
		m.add(l.rowsFigure("stream.http.columns2of10", "stream.http.plain", plain))
	}
}

// edited measures a view of the large set.
func (m *meter) edited(name string, duties ...schemas.Duty) {
	id := m.view(m.set("large"), duties...)
	for _, readers := range numbers() {
		plain := m.untouched(readers)
		m.add(m.http(name, readers, id, nil).rowsFigure(name, "stream.http.plain", plain))
	}
}

func (m *meter) hidden() {
	m.edited("stream.http.hidden", schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"name"}})
}

func (m *meter) filtered() {
	m.edited("stream.http.filtered75", schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "share", Op: "gteq", Values: []string{"0.25"}}})
}

func (m *meter) pseudonymised() {
	m.edited("stream.http.pseudonymised.repeats", schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"name"}})
	m.edited("stream.http.pseudonymised.distinct", schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"id"}})
}

func (m *meter) flight() {
	id := m.set("large").plain
	for _, readers := range numbers() {
		plain, token := m.untouched(readers), m.lease(id)
		l := m.loaded("stream.flight.plain", readers, func(i int) (int64, int64, error) {
			got, err := client.Flight(m.Context(), m.addresses.Flight, token, id, url.Values{})
			return got.Bytes, got.Rows, err
		})
		m.add(l.figure("stream.flight.plain", "stream.http.plain", plain.rate()))
	}
}

// byURL runs a gateway for a while that gives URLs, by which each reader takes the whole straight from
// S3: what the gateway spends is all but nothing.
func (m *meter) byURL() {
	id := m.set("large").plain
	m.declare(true)
	plain := map[int]load{}
	for _, readers := range numbers() {
		plain[readers] = m.fromS3("s3.direct.ranges", readers, 8<<20)
	}
	m.restart("GUICHET_DIRECT=60s")
	for _, readers := range numbers() {
		trainer, lease, buffers := m.as("trainer"), client.Static(m.lease(id)), make([][]byte, readers)
		l := m.loaded("direct.range", readers, func(i int) (int64, int64, error) {
			if buffers[i] == nil {
				buffers[i] = make([]byte, piece)
			}
			s, err := direct.Open(m.Context(), trainer, lease, id, url.Values{})
			if err != nil {
				return 0, 0, err
			}
			defer s.Close()
			n, err := drop(s, buffers[i])
			if err == nil && s.ByStream() > 0 {
				err = fmt.Errorf("%d rows came by the stream", s.ByStream())
			}
			return n, s.Received(), err
		})
		m.add(l.figure("direct.range", "direct S3, by ranges", plain[readers].rate()))
	}
	m.restart()
}

// https runs the gateway under TLS for a while.
func (m *meter) https() {
	id := m.set("large").plain
	plain := map[int]load{}
	for _, readers := range numbers() {
		plain[readers] = m.untouched(readers)
	}
	cert, roots := m.certificate()
	token := m.lease(id)
	m.restart("GUICHET_TLS_CERT="+cert, "GUICHET_TLS_KEY="+cert)
	for _, h2 := range []bool{false, true} {
		name := "stream.https.plain"
		t := &http.Transport{ReadBufferSize: 64 << 10, MaxIdleConnsPerHost: 64, DisableCompression: true, ForceAttemptHTTP2: h2,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}
		if h2 {
			name += ".h2"
		} else {
			t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
		for _, readers := range numbers() {
			l := m.loaded(name, readers, m.stream(&http.Client{Transport: t}, m.addresses.HTTP, token, id, nil)(readers))
			m.add(l.figure(name, "stream.http.plain", plain[readers].rate()))
		}
	}
	m.restart()
}

// certificate makes one for this machine, signed by itself: one file with its key, and the
// roots that believe it.
func (m *meter) certificate() (string, *x509.CertPool) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	m.must(err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(crand.Reader, c, c, &k.PublicKey, k)
	m.must(err)
	key, err := x509.MarshalPKCS8PrivateKey(k)
	m.must(err)
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	path := filepath.Join(m.dir, "tls.pem")
	m.must(os.WriteFile(path, both, 0o600))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(both)
	return path, roots
}
