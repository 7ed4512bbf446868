package main

import (
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guichet/schemas"
)

// Whoever reaches for a gateway, an issuer or a store that nobody can reach reads why: a
// certificate of nobody known, another name, no TLS, no host, nobody who listens.
func TestWhyNothingAnswers(t *testing.T) {
	t.Parallel()
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // a gateway that has nothing
		_ = json.NewEncoder(w).Encode(schemas.Found{})
	}))
	t.Cleanup(site.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	dir := t.TempDir()
	ca := written(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: site.Certificate().Raw})))
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(site.URL, "https://"))
	for _, c := range []struct {
		args []string
		want []string // parts of what is said; none: it answers
	}{
		{[]string{"--server", site.URL, "search", "wheat"}, []string{"signed itself", "Acme", "--ca FILE"}},
		{[]string{"--server", site.URL, "--ca", ca, "search", "wheat"}, nil},
		{[]string{"--server", "https://localhost:" + port, "--ca", ca, "search", "wheat"}, []string{"for another name", "example.com", "not for localhost"}},
		{[]string{"--server", strings.Replace(plain.URL, "http:", "https:", 1), "search", "wheat"}, []string{"without TLS", "http://"}},
		{[]string{"--server", strings.Replace(site.URL, "https:", "http:", 1), "search", "wheat"}, []string{"https://"}},
		{[]string{"--server", "http://" + closed.Addr().String(), "search", "wheat"}, []string{"nothing listens there", "guichet serve"}},
		{[]string{"--server", "https://no-such-host.invalid", "search", "wheat"}, []string{"no host no-such-host.invalid"}},
		{[]string{"--server", site.URL, "--ca", written(t, dir, "empty.pem", "nothing"), "search", "wheat"}, []string{"no certificate in"}},
		{[]string{"--server", site.URL, "login", "--issuer", site.URL, "--client-id", "x", "--client-secret-file", written(t, dir, "secret", "x")}, []string{"the issuer at " + site.URL, "signed itself"}},
		{[]string{"--server", site.URL, "--token", ca, "login", "--issuer", site.URL, "--client-id", "x", "--client-secret-file", written(t, dir, "secret", "x")}, []string{"login keeps a sign-in, no token"}},
	} {
		cmd := guichetCommand(c.args...)
		cmd.Env = append(os.Environ(), "GUICHET_HOME="+filepath.Join(dir, "nobody"))
		out, err := cmd.CombinedOutput()
		if (err == nil) != (c.want == nil) {
			t.Errorf("%v: %v, %s", c.args, err, out)
		}
		for _, want := range c.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("%v says nothing of %q: %s", c.args, want, out)
			}
		}
	}
}

// A store is registered when it answers and has its buckets, or when the operator says
// that it comes later.
func TestStoresAreReached(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	good := schemas.Store{ID: "checked", Endpoint: g.rig.S3.Endpoint, Region: g.rig.S3.Region, CredentialRef: "local", WorkBucket: g.rig.S3.WorkBucket}
	away, bucket := good, good
	away.ID, away.Endpoint = "away", "http://127.0.0.1:1"
	bucket.ID, bucket.WorkBucket = "no-bucket", "no-such-bucket"
	operator := g.as("operator")
	for want, st := range map[string]schemas.Store{"does not answer: nothing listens there": away, `has no bucket "no-such-bucket"`: bucket} {
		err := operator.Post(t.Context(), "/stores", st, nil)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error()+pointerOf(err), want) || !strings.Contains(remedyOf(err), "--unchecked") {
			t.Errorf("%s: %v", st.ID, err)
		}
	}
	for _, path := range []string{"/stores?unchecked=true", "/stores"} {
		st := good
		if path != "/stores" {
			st = away
		}
		err := operator.Post(t.Context(), path, st, nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// pointerOf gives the places and words of an error's fields.
func pointerOf(err error) string {
	e, ok := err.(*schemas.Error) //nolint:errorlint // ours, unwrapped
	if !ok {
		return ""
	}
	var b strings.Builder
	for _, f := range e.Fields {
		b.WriteString(f.Pointer + ": " + f.Message + "\n")
	}
	return b.String()
}
