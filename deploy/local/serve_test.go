package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"guichet/deploy/local/issuer"
	"guichet/deploy/local/s3"
)

// claims are what a gateway reads from a token.
type claims struct {
	Subject     string   `json:"sub"`
	Audience    []string `json:"aud"`
	Issued      int64    `json:"iat"`
	NotBefore   int64    `json:"nbf"`
	Expires     int64    `json:"exp"`
	Participant string   `json:"participant"`
	Roles       []string `json:"roles"`
}

// post sends a form or JSON body and returns status and answer.
func post(t *testing.T, to, user, password, contentType, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if user != "" {
		req.SetBasicAuth(url.QueryEscape(user), url.QueryEscape(password))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s answered %s: %q", to, res.Status, b)
	}
	return res.StatusCode, v
}

// token fetches one by client_credentials at the endpoint that discovery
// names.
func token(t *testing.T, i readyIssuer, c issuer.Client) string {
	t.Helper()
	p, err := oidc.NewProvider(t.Context(), i.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	status, v := post(t, p.Endpoint().TokenURL, c.ID, c.Secret, "application/x-www-form-urlencoded", "grant_type=client_credentials")
	if status != http.StatusOK {
		t.Fatalf("token for %s: %d %v", c.ID, status, v)
	}
	return v["access_token"].(string)
}

// verify checks a token against the JWKS that discovery names, fetched anew.
func verify(t *testing.T, i readyIssuer, raw string) (claims, error) {
	t.Helper()
	p, err := oidc.NewProvider(t.Context(), i.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	// The algorithms come from discovery.
	tok, err := p.Verifier(&oidc.Config{ClientID: i.Audience}).Verify(t.Context(), raw)
	if err != nil {
		return claims{}, err
	}
	var c claims
	return c, tok.Claims(&c)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	r := startRig(t, t.TempDir())
	if len(r.Issuers) != 2 {
		t.Fatalf("%d issuers", len(r.Issuers))
	}
	people := 0
	for _, i := range r.Issuers {
		for _, c := range i.Clients {
			people++
			got, err := verify(t, i, token(t, i, c))
			if err != nil {
				t.Errorf("%s: %v", c.ID, err)
				continue
			}
			if got.NotBefore != got.Issued || got.Expires-got.Issued < 3599 || got.Expires-got.Issued > 3601 {
				t.Errorf("%s: iat %d, nbf %d, exp %d", c.ID, got.Issued, got.NotBefore, got.Expires)
			}
			got.Issued, got.NotBefore, got.Expires = 0, 0, 0
			want := claims{Subject: c.ID, Audience: []string{"guichet"}, Participant: c.Participant, Roles: c.Roles}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.ID, diff)
			}
		}
	}
	if people != 16 {
		t.Errorf("%d personas, want 16", people)
	}
	first, second := r.Issuers[0], r.Issuers[1]
	status, v := post(t, first.Issuer+"/oauth/token", "trainer", "wrong", "application/x-www-form-urlencoded", "grant_type=client_credentials")
	if status != http.StatusUnauthorized {
		t.Errorf("wrong secret: %d %v", status, v)
	}
	if status, v := post(t, first.Issuer+"/oauth/token", second.Clients[0].ID, second.Clients[0].Secret, "application/x-www-form-urlencoded", "grant_type=client_credentials"); status != http.StatusUnauthorized {
		t.Errorf("client of the other issuer: %d %v", status, v)
	}
	if status, v := post(t, first.Issuer+"/oauth/token", "", "", "application/x-www-form-urlencoded", "grant_type=authorization_code&code=x&client_id=trainer"); status < 400 || status >= 500 {
		t.Errorf("a grant that is not built: %d %v", status, v)
	}
	if _, err := verify(t, first, token(t, second, second.Clients[0])); err == nil {
		t.Error("a token of the second issuer passes for one of the first")
	}
}

func TestRotationAndSign(t *testing.T) {
	t.Parallel()
	r := startRig(t, t.TempDir())
	for _, i := range r.Issuers {
		old := token(t, i, i.Clients[0])
		status, v := post(t, i.Issuer+"/rotate", "", "", "application/json", "")
		if status != http.StatusOK || v["kid"] == "" {
			t.Fatalf("rotate: %d %v", status, v)
		}
		fresh := token(t, i, i.Clients[0])
		if strings.Split(old, ".")[0] == strings.Split(fresh, ".")[0] {
			t.Error("the same key signs after rotation")
		}
		for name, raw := range map[string]string{"old": old, "new": fresh} {
			if _, err := verify(t, i, raw); err != nil {
				t.Errorf("%s token after rotation: %v", name, err)
			}
		}

		now := time.Now().Unix()
		sign := func(c map[string]any) string {
			body, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			status, v := post(t, i.Issuer+"/sign", "", "", "application/json", string(body))
			if status != http.StatusOK {
				t.Fatalf("sign: %d %v", status, v)
			}
			return v["access_token"].(string)
		}
		for _, tc := range []struct {
			name string
			c    map[string]any
			ok   bool
		}{
			{"good", map[string]any{"iss": i.Issuer, "aud": []string{"guichet"}, "exp": now + 60, "sub": "x"}, true},
			{"other audience", map[string]any{"iss": i.Issuer, "aud": []string{"other"}, "exp": now + 60}, false},
			{"late", map[string]any{"iss": i.Issuer, "aud": []string{"guichet"}, "exp": now - 3600}, false},
			{"early", map[string]any{"iss": i.Issuer, "aud": []string{"guichet"}, "exp": now + 7200, "nbf": now + 3600}, false},
			{"unknown key", map[string]any{"iss": i.Issuer, "aud": []string{"guichet"}, "exp": now + 60, "header": map[string]any{"kid": "none"}}, false},
		} {
			if _, err := verify(t, i, sign(tc.c)); (err == nil) != tc.ok {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
	}
}

func TestTestDoorsRefuseWebPages(t *testing.T) {
	t.Parallel()
	r := startRig(t, t.TempDir())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Issuers[0].Issuer+"/sign", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://elsewhere.example")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("sign for a web page: %s", res.Status)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	r := startRig(t, t.TempDir())
	ctx := t.Context()
	host := strings.TrimPrefix(r.S3.Endpoint, "http://")
	client, err := s3.Client(host, r.S3.Keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{r.S3.Bucket, r.S3.WorkBucket} {
		if ok, err := client.BucketExists(ctx, bucket); !ok || err != nil {
			t.Errorf("bucket %s: %v, %v", bucket, ok, err)
		}
	}

	// Larger than minio-go's part size, so that it becomes several parts.
	data := make([]byte, 11<<20+17)
	rand.Read(data)
	for _, tc := range []struct {
		key  string
		opts minio.PutObjectOptions
		size int64
	}{
		{"a/small", minio.PutObjectOptions{}, 1000},
		{"a/multipart", minio.PutObjectOptions{PartSize: 5 << 20}, int64(len(data))},
	} {
		info, err := client.PutObject(ctx, "spaces", tc.key, bytes.NewReader(data[:tc.size]), tc.size, tc.opts)
		if err != nil {
			t.Fatalf("put %s: %v", tc.key, err)
		}
		if multi := strings.Contains(info.ETag, "-"); multi != (tc.key == "a/multipart") {
			t.Errorf("%s has ETag %s", tc.key, info.ETag)
		}
		checkGet(t, client, tc.key, minio.GetObjectOptions{}, data[:tc.size])
		var part minio.GetObjectOptions
		if err := part.SetRange(100, 899); err != nil {
			t.Fatal(err)
		}
		if err := part.SetMatchETag(info.ETag); err != nil {
			t.Fatal(err)
		}
		checkGet(t, client, tc.key, part, data[100:900])

		var other minio.GetObjectOptions
		if err := other.SetMatchETag("0123456789abcdef0123456789abcdef"); err != nil {
			t.Fatal(err)
		}
		_, err = client.StatObject(ctx, "spaces", tc.key, other)
		if got := minio.ToErrorResponse(err).StatusCode; got != http.StatusPreconditionFailed {
			t.Errorf("If-Match of another ETag on %s: %d %v", tc.key, got, err)
		}
	}

	for name, keys := range map[string]s3.Keys{
		"wrong secret": {Access: r.S3.Access, Secret: "wrong"},
		"wrong access": {Access: "LOCALNOBODY", Secret: r.S3.Secret},
		"unsigned":     {},
	} {
		stranger, err := s3.Client(host, keys)
		if err != nil {
			t.Fatal(err)
		}
		_, err = stranger.StatObject(ctx, "spaces", "a/small", minio.StatObjectOptions{})
		if got := minio.ToErrorResponse(err).StatusCode; got != http.StatusForbidden {
			t.Errorf("%s: %d %v, want 403", name, got, err)
		}
	}
}

func checkGet(t *testing.T, client *minio.Client, key string, opts minio.GetObjectOptions, want []byte) {
	t.Helper()
	o, err := client.GetObject(t.Context(), "spaces", key, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("get %s: %d bytes, other than the %d put", key, len(got), len(want))
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startRig(t, dir)
	raw := token(t, first.Issuers[0], first.Issuers[0].Clients[0])
	client, err := s3.Client(strings.TrimPrefix(first.S3.Endpoint, "http://"), first.S3.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), "work", "kept", strings.NewReader("words"), 5, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	first.stop(t)

	second := startRig(t, dir)
	if diff := cmp.Diff(first.readyLine, second.readyLine); diff != "" {
		t.Errorf("after a restart (-first +second):\n%s", diff)
	}
	if _, err := verify(t, second.Issuers[0], raw); err != nil {
		t.Errorf("token from before the restart: %v", err)
	}
	if _, err := client.StatObject(t.Context(), "work", "kept", minio.StatObjectOptions{}); err != nil {
		t.Errorf("object from before the restart: %v", err)
	}
	for _, name := range []string{"s3-keys.json", "clients.json", "issuer-1-keys.json", "issuer-2-keys.json"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	second.stop(t)
}

func TestEndsWithParent(t *testing.T) {
	t.Parallel()
	r := startRig(t, t.TempDir(), "--with-parent")
	if err := r.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	r.ended(t)
}
