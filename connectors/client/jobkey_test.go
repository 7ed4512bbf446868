package client_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"guichet/connectors/client"
	"guichet/schemas"
)

func newKey(t *testing.T) client.JobKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return client.JobKey{Server: "https://guichet.example", ID: schemas.NewJobKeyID(), Private: private,
		Agreements: []schemas.AgreementID{"agr-a", "agr-b"}, Until: time.Now().Truncate(time.Second).UTC()}
}

// The file is read as it was written, also by OpenSSL; what is no such file is refused, saying
// what is missing.
func TestTheFileOfAJobKey(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	file, err := k.File()
	if err != nil {
		t.Fatal(err)
	}
	have, err := client.ReadJobKey(file)
	if err != nil || !reflect.DeepEqual(have, k) {
		t.Errorf("%+v is read as %+v, %v", k, have, err)
	}
	path := filepath.Join(t.TempDir(), "job.key")
	err = os.WriteFile(path, file, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), "openssl", "pkey", "-in", path, "-noout", "-text").CombinedOutput()
	if err != nil || !bytes.Contains(text, []byte("ED25519 Private-Key")) {
		t.Errorf("openssl reads %s, %v", text, err)
	}
	for name, c := range map[string]struct{ old, new, text string }{
		"no server":     {"server: ", "x: ", "server, id, agreements or until is missing"},
		"a lease's id":  {"id: jobkey-", "id: lease-", "server, id, agreements or until is missing"},
		"no agreements": {"agreements: agr-a agr-b", "agreements: ", "server, id, agreements or until is missing"},
		"no time":       {"until: 2", "until: x", "until: "},
		"no key":        {"BEGIN PRIVATE", "BEGIN PUBLIC", "there is no private key in it"},
		"another kind":  {"PRIVATE KEY-----\n", "PRIVATE KEY-----\nAAAA", "its private key is no Ed25519 key"},
	} {
		_, err := client.ReadJobKey(bytes.Replace(file, []byte(c.old), []byte(c.new), 1))
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A job signs the body that it sends; with the lease that it gets it bears that.
func TestAJobSignsWhatItSends(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	public, _ := k.Private.Public().(ed25519.PublicKey)
	var seen string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = r.Header.Get("Authorization")
		var seconds int64
		var sum []byte
		parts := strings.Split(strings.TrimPrefix(seen, "Bearer "), ".")
		if len(parts) == 3 {
			_, _ = fmt.Sscan(parts[1], &seconds)
			_, _ = fmt.Sscanf(parts[2], "%x", &sum)
			if !ed25519.Verify(public, schemas.SignedByJobKey(k.ID, seconds, "/leases", body), sum) {
				t.Errorf("%s does not sign %s", seen, body)
			}
		}
		fmt.Fprint(w, `{"token":"lease-1.00"}`)
	}))
	t.Cleanup(s.Close)
	c, err := client.New(s.URL, client.Static("a person's"))
	if err != nil {
		t.Fatal(err)
	}
	job := c.Signing(k)
	l, err := job.Lease(t.Context(), "", "agr-a")
	if err != nil || l.Token != "lease-1.00" || !strings.HasPrefix(seen, "Bearer "+string(k.ID)+".") {
		t.Errorf("it sends %s and gets %+v, %v", seen, l, err)
	}
	for want, as := range map[string]*client.Client{"Bearer lease": job.As(client.Static("lease")), "Bearer a person's": c, "": job} {
		err := as.Get(context.WithoutCancel(t.Context()), "/me", nil)
		if err != nil || seen != want {
			t.Errorf("it sends %q, %v; want %q", seen, err, want)
		}
	}
}
