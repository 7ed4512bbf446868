package doortest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// onePort: Flight answers on the HTTP port too.
func onePort(t *testing.T, r *Rig, _ []Door) {
	id, lease := r.Ready(t, "one-port", Open(), FileOf(t, numbers(0, 20)))
	over := Doors(t, &Rig{HTTP: r.HTTP, Flight: strings.TrimPrefix(r.HTTP, "http://")})
	equal(t, "rows", upTo(20), ints(all(t, over[2], lease, id, nil)))
	c := over[2].(*flightDoor).c
	ctx := withLease(t.Context(), lease)
	var trailer metadata.MD
	_, err := c.GetFlightInfo(ctx, descriptor(id, nil))
	must(t, err)
	st, err := c.DoGet(ctx, &flight.Ticket{Ticket: []byte("made up, and long enough to hold a signature of 32 bytes")})
	must(t, err)
	_, err = st.Recv()
	equal(t, "a forged ticket", codes.InvalidArgument.String(), code(err))
	info, err := c.GetFlightInfo(ctx, descriptor(id, nil))
	must(t, err)
	st, err = c.DoGet(t.Context(), info.Endpoint[0].Ticket)
	must(t, err)
	_, err = st.Recv()
	equal(t, "a ticket alone", codes.Unauthenticated.String(), code(err))
	lf, err := c.ListFlights(ctx, &flight.Criteria{}, grpc.Trailer(&trailer))
	must(t, err)
	_, err = lf.Recv()
	equal(t, "another method", codes.InvalidArgument.String(), code(err))
}

// encrypted: the same certificate at all ports.
func encrypted(t *testing.T, r *Rig, _ []Door) {
	cert, key, pool := certificate(t)
	two := &Rig{dir: t.TempDir(), bin: r.bin, local: r.local}
	two.configure(t)
	t.Setenv("GUICHET_TLS_CERT", cert)
	t.Setenv("GUICHET_TLS_KEY", key)
	var a struct{ HTTP, Flight, S3 string }
	two.start(t, "guichet", "--json", "serve", "--data", filepath.Join(two.dir, "gateway"), "--listen", ":0", "--flight-listen", ":0", "--s3-listen", ":0").ready(t, &a)
	if !strings.HasPrefix(a.HTTP, "https://") || !strings.HasPrefix(a.S3, "https://") || !strings.HasPrefix(a.Flight, "grpc+tls://") {
		t.Fatalf("the ready line says %+v", a)
	}
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(a.HTTP + "/healthz")
	must(t, err)
	resp.Body.Close()
	equal(t, "protocol", "HTTP/2.0", resp.Proto)
	resp, err = client.Get(a.S3)
	must(t, err)
	resp.Body.Close()
	equal(t, "S3 over TLS", http.StatusForbidden, resp.StatusCode)
	conn, err := grpc.NewClient(strings.TrimPrefix(a.Flight, "grpc+tls://"), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(pool, "")))
	must(t, err)
	defer conn.Close()
	_, err = flight.NewClientFromConn(conn, nil).GetFlightInfo(t.Context(), descriptor("agr-none", nil))
	equal(t, "Flight over TLS", codes.Unauthenticated.String(), code(err))
}

// certificate makes one for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	one := big.NewInt(1)
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{SerialNumber: one, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	must(t, os.WriteFile(cert, b, 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(b)
	return cert, key, pool
}

// nearlyAll reads all but a stream's last bytes over HTTP/2 and goes away: what came
// through was counted before it was sent.
func nearlyAll(t *testing.T, r *Rig, _ []Door) {
	id, lease := r.Ready(t, "nearly-all", Open(), FileOf(t, numbers(0, 60_000)))
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	defer h2.CloseIdleConnections()
	get := func() io.ReadCloser {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.HTTP+"/api/v1/agreements/"+string(id)+"/stream", nil)
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+lease)
		resp, err := h2.RoundTrip(req)
		must(t, err)
		equal(t, "protocol", "HTTP/2.0", resp.Proto)
		return resp.Body
	}
	body := get()
	whole, err := io.Copy(io.Discard, body)
	must(t, err)
	body.Close()
	for _, short := range []int64{1, 8, 9, 1000, whole / 2} {
		body := get()
		n, err := io.CopyN(io.Discard, body, whole-short)
		must(t, err)
		body.Close()
		rel := last(t, r, id)
		if rel.Bytes < n || rel.Bytes > rel.MostBytes {
			t.Errorf("a client got %d bytes of %d and went away; the record says %d of at most %d (%s)", n, whole, rel.Bytes, rel.MostBytes, rel.State)
		}
	}
}
