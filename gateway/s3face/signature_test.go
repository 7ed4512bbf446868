package s3face

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"
	"pgregory.net/rapid"

	"guichet/schemas"
)

// The requests that AWS publishes with their signatures [Amazon S3 API Reference, Authenticating
// Requests: Using the Authorization Header].
func TestPublishedSignatures(t *testing.T) {
	const secret, scope = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524/us-east-1/s3/aws4_request"
	at := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		method, target, signed, hash, want string
		header                             http.Header
	}{
		{
			"GET", "/test.txt", "host;range;x-amz-content-sha256;x-amz-date", emptyHash,
			"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", http.Header{"Range": {"bytes=0-9"}},
		},
		{
			"PUT", "/test%24file.text", "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
			"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
			"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
			http.Header{"Date": {"Fri, 24 May 2013 00:00:00 GMT"}, "X-Amz-Storage-Class": {"REDUCED_REDUNDANCY"}},
		},
		{
			"GET", "/?lifecycle", "host;x-amz-content-sha256;x-amz-date", emptyHash,
			"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543", http.Header{},
		},
		{
			"GET", "/?max-keys=2&prefix=J", "host;x-amz-content-sha256;x-amz-date", emptyHash,
			"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", http.Header{},
		},
	} {
		r := httptest.NewRequest(c.method, "http://examplebucket.s3.amazonaws.com"+c.target, nil)
		r.Header = c.header
		r.Header.Set("X-Amz-Date", at.Format(amzDate))
		r.Header.Set(contentSHA256, c.hash)
		canonical, missing := canonicalRequest(r, strings.Split(c.signed, ";"), c.hash)
		if missing != "" {
			t.Errorf("%s %s: no header %s", c.method, c.target, missing)
		}
		if got := hex.EncodeToString(sign(secret, scope, at, canonical)); got != c.want {
			t.Errorf("%s %s: %s, want %s of\n%s", c.method, c.target, got, c.want, canonical)
		}
	}
}

// signed gives a request as minio-go signs it, as it arrives at a server.
func signed(target, secret, region string, header http.Header) (*http.Request, error) {
	out, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		out.Header[k] = v
	}
	out.Header.Set(contentSHA256, emptyHash)
	out = signer.SignV4(*out, "lease-a", secret, "", region)
	in := httptest.NewRequest(http.MethodGet, out.URL.String(), nil)
	in.Header = out.Header
	return in, nil
}

// Whatever keys, queries, regions and headers a client signs, its signature holds; and not when
// anything of them is another.
func TestSignatureHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~äß€\x{1F600}]{0,12}`)
		path := (&url.URL{Path: "/agr-x/" + text.Draw(t, "key")}).EscapedPath()
		query := url.Values{}
		for range rapid.IntRange(0, 4).Draw(t, "names") {
			query.Set(rapid.StringMatching(`[a-zA-Z-]{1,9}`).Draw(t, "name"), text.Draw(t, "value")) // minio-go sorts odd names otherwise
		}
		region := rapid.StringMatching(`([a-z]{2}-[a-z]{4}-[0-9])?`).Draw(t, "region")
		header := http.Header{"Range": {"bytes=0-9"}, "X-Amz-Meta-A": {rapid.StringMatching(`[a-z ]{0,9}`).Draw(t, "a"), "b  c"}}
		r, err := signed("http://127.0.0.1:8482"+path+"?"+query.Encode(), "secret", region, header)
		if err != nil {
			t.Fatal(err)
		}
		s, err := readSignature(r)
		if err != nil {
			t.Fatal(err)
		}
		if s.accessKeyID != "lease-a" {
			t.Errorf("the access key id is %q", s.accessKeyID)
		}
		err = s.check(r, "secret", time.Now())
		if err != nil {
			t.Errorf("%s: %v", r.URL, err)
		}
		for what, change := range map[string]func(r *http.Request){
			"method":       func(r *http.Request) { r.Method = http.MethodHead },
			"key":          func(r *http.Request) { r.URL.Path += "x" },
			"query":        func(r *http.Request) { r.URL.RawQuery += "&x" },
			"host":         func(r *http.Request) { r.Host = "127.0.0.1:8483" },
			"range":        func(r *http.Request) { r.Header.Set("Range", "bytes=0-10") },
			"payload hash": func(r *http.Request) { r.Header.Set(contentSHA256, unsignedBody) },
			"less":         func(r *http.Request) { r.Header.Del("X-Amz-Meta-A") },
		} {
			other := r.Clone(t.Context())
			change(other)
			if coded(s.check(other, "secret", time.Now())) != "SignatureDoesNotMatch" {
				t.Errorf("another %s is taken", what)
			}
		}
		if coded(s.check(r, "secreu", time.Now())) != "SignatureDoesNotMatch" {
			t.Error("another secret is taken")
		}
		for _, skew := range []time.Duration{maxSkew + 2*time.Second, -maxSkew - 2*time.Second} {
			err := s.check(r, "secret", time.Now().Add(skew))
			if own, ok := errors.AsType[*refused](err); !ok || own.code != "RequestTimeTooSkewed" || own.clock == nil || own.status != 403 {
				t.Errorf("%s apart: %v", skew, err)
			}
		}
	})
}

// coded is the S3 code of an error; "" for none.
func coded(err error) string {
	own, ok := errors.AsType[*refused](err)
	if !ok {
		return ""
	}
	return own.code
}

// What is not signed in the header as S3 clients do is refused in words, before any look-up.
func TestReadSignature(t *testing.T) {
	const (
		credential = "Credential=lease-a/20261128/r/s3/aws4_request"
		headers    = "SignedHeaders=host;x-amz-date"
		good       = algorithm + " " + credential + ", " + headers + ", Signature="
	)
	sum := strings.Repeat("0a", 32)
	for _, c := range []struct{ target, auth, date, code, word string }{
		{"/", good + sum, "20261128T101500Z", "", ""},
		{"/", strings.ReplaceAll(good+sum, ", ", ","), "20261128T101500Z", "", ""},
		{"/", strings.Replace(good+sum, "/r/", "//", 1), "20261128T101500Z", "", ""},
		{"/", good + sum, "Sat, 28 Nov 2026 10:15:00 GMT", "", ""},
		{"/", "", "20261128T101500Z", "AccessDenied", "not signed"},
		{"/", "Bearer lease-a.b", "20261128T101500Z", "InvalidRequest", algorithm},
		{"/", "AWS lease-a:c2ln", "20261128T101500Z", "InvalidRequest", "v4"},
		{"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0a", "", "", "AccessDenied", "presigned"},
		{"/?AWSAccessKeyId=a&Signature=b&Expires=1", "", "", "AccessDenied", "presigned"},
		{"/", good + "0a", "20261128T101500Z", "AuthorizationHeaderMalformed", "64 hexadecimal"},
		{"/", good + strings.Repeat("0g", 32), "20261128T101500Z", "AuthorizationHeaderMalformed", "64 hexadecimal"},
		{"/", good + sum, "20261129T101500Z", "AuthorizationHeaderMalformed", "Credential's day"},
		{"/", good + sum, "today", "AuthorizationHeaderMalformed", "X-Amz-Date"},
		{"/", good + sum, "", "AuthorizationHeaderMalformed", "X-Amz-Date"},
		{"/", strings.Replace(good+sum, "host;", "", 1), "20261128T101500Z", "AuthorizationHeaderMalformed", "host"},
		{"/", strings.Replace(good+sum, "host;", "host;a;a;", 1), "20261128T101500Z", "AuthorizationHeaderMalformed", "each once"},
		{"/", strings.Replace(good+sum, "host;", "host;a;A;", 1), "20261128T101500Z", "AuthorizationHeaderMalformed", "small letters"},
		{"/", strings.Replace(good+sum, "host;", "host;host;", 1), "20261128T101500Z", "AuthorizationHeaderMalformed", "each once"},
		{"/", strings.Replace(good+sum, "/s3/", "/ec2/", 1), "20261128T101500Z", "AuthorizationHeaderMalformed", "Credential"},
		{"/", strings.Replace(good+sum, "/r/s3", "", 1), "20261128T101500Z", "AuthorizationHeaderMalformed", "Credential"},
		{"/", strings.Replace(good+sum, headers, credential, 1), "20261128T101500Z", "AuthorizationHeaderMalformed", "SignedHeaders"},
		{"/", algorithm + " nothing", "20261128T101500Z", "AuthorizationHeaderMalformed", "Credential"},
	} {
		r := httptest.NewRequest(http.MethodGet, c.target, nil)
		if c.auth != "" {
			r.Header.Set("Authorization", c.auth)
		}
		name := "X-Amz-Date"
		if strings.HasSuffix(c.date, "GMT") {
			name = "Date"
		}
		r.Header.Set(name, c.date)
		_, err := readSignature(r)
		if coded(err) != c.code || err != nil && (!strings.Contains(err.Error(), c.word) && !strings.Contains(remedy(err), c.word)) {
			t.Errorf("%s %q %q: %v, want %s with %q", c.target, c.auth, c.date, err, c.code, c.word)
		}
		if err != nil && schemas.KindOf(err) != schemas.Unauthenticated {
			t.Errorf("%v is %s", err, schemas.KindOf(err))
		}
	}
}

func remedy(err error) string {
	e, _ := errors.AsType[*schemas.Error](err)
	return e.Remedy
}

// Bodies, signed or streamed, and every method but reads are refused before any look-up.
func TestReadOnly(t *testing.T) {
	for _, method := range []string{"PUT", "POST", "DELETE", "PATCH", "OPTIONS", "ODD"} {
		err := readOnly(httptest.NewRequest(method, "/agr-x/key", nil))
		if coded(err) != "MethodNotAllowed" {
			t.Errorf("%s: %v", method, err)
		}
	}
	if coded(readOnly(httptest.NewRequest(http.MethodGet, "/", strings.NewReader("x")))) != "InvalidRequest" {
		t.Error("a GET with a body is taken")
	}
	at := time.Now().UTC()
	for _, hash := range []string{"", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", strings.Repeat("0", 64)} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(contentSHA256, hash)
		r.Header.Set("X-Amz-Date", at.Format(amzDate))
		s := &signature{accessKeyID: "lease-a", scope: at.Format(day) + "//s3/aws4_request", signed: []string{"host"}, at: at}
		canonical, _ := canonicalRequest(r, s.signed, hash)
		s.sum = sign("secret", s.scope, at, canonical)
		if coded(s.check(r, "secret", at)) != "XAmzContentSHA256Mismatch" {
			t.Errorf("the payload hash %q is taken", hash)
		}
	}
}

// No header makes the reader fall.
func FuzzReadSignature(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=lease-a/20261128/r/s3/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("00", 32), "a=b&c", "20261128T101500Z")
	f.Add("AWS4-HMAC-SHA256 =,=,=", "%zz;&&=", "")
	f.Fuzz(func(t *testing.T, auth, query, date string) {
		r := httptest.NewRequest(http.MethodGet, "/agr-x/a/b", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", auth)
		r.Header.Set("X-Amz-Date", date)
		s, err := readSignature(r)
		if err == nil {
			err = s.check(r, "secret", s.at)
		}
		if err == nil {
			t.Errorf("a signature of nobody's holds: %q", auth)
		}
		_, err = readQuery(query)
		if err != nil && coded(err) == "" {
			t.Error(fmt.Errorf("no code: %w", err))
		}
	})
}
