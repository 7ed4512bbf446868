package s3face

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The words of AWS Signature Version 4 [AWS General Reference, Signature Version 4].
const (
	algorithm     = "AWS4-HMAC-SHA256"
	amzDate       = "20060102T150405Z"
	day           = "20060102"
	emptyHash     = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	unsignedBody  = "UNSIGNED-PAYLOAD"
	contentSHA256 = "X-Amz-Content-Sha256"
)

// maxSkew is how far the clocks of a client and ours may be apart [decisions.md 21].
const maxSkew = 15 * time.Minute

// readOnly refuses what this door never does, before anything is looked at.
func readOnly(r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return failure(http.StatusMethodNotAllowed, "MethodNotAllowed", "%s is not done here: this S3 is read-only", r.Method)
	}
	if r.ContentLength != 0 {
		return failure(http.StatusBadRequest, "InvalidRequest", "a %s has no body here", r.Method)
	}
	return nil
}

// signature is what a request says of how it was signed.
type signature struct {
	accessKeyID string
	scope       string   // date/region/service/aws4_request; the region is anything
	signed      []string // names of headers, as they came
	sum         []byte
	at          time.Time
}

// readSignature reads a request's Authorization header.
func readSignature(r *http.Request) (*signature, error) {
	q := r.URL.RawQuery
	for _, name := range []string{"X-Amz-Signature=", "X-Amz-Credential=", "X-Amz-Algorithm=", "AWSAccessKeyId="} {
		if strings.Contains(q, name) {
			return nil, unauthenticated("AccessDenied", "presigned addresses are not taken here: whoever finds one could read with it",
				"sign the request's Authorization header, as S3 clients do")
		}
	}
	auth := r.Header.Values("Authorization")
	if len(auth) == 0 {
		return nil, unauthenticated("AccessDenied", "the request is not signed", keyRemedy)
	}
	rest, ok := strings.CutPrefix(auth[0], algorithm+" ")
	if !ok || len(auth) > 1 {
		return nil, unauthenticated("InvalidRequest", "the Authorization header is not one of %s, which alone is taken here",
			"set the client's signature version to v4", algorithm)
	}
	s := &signature{}
	malformed := func(what string) error {
		return unauthenticated("AuthorizationHeaderMalformed", "the Authorization header is malformed: %s", "use an S3 client", what)
	}
	said := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := said[name]; !ok || twice {
			return nil, malformed("it is Credential=…, SignedHeaders=…, Signature=…")
		}
		said[name] = value
	}
	var date, terms string
	s.accessKeyID, s.scope, ok = strings.Cut(said["Credential"], "/")
	if ok {
		date, terms, ok = strings.Cut(s.scope, "/")
	}
	region, service, found := strings.Cut(terms, "/")
	if !ok || !found || strings.Contains(region, "/") || service != "s3/aws4_request" {
		return nil, malformed("its Credential is id/date/region/s3/aws4_request, with any region")
	}
	s.signed = strings.Split(said["SignedHeaders"], ";")
	if !slices.Contains(s.signed, "host") {
		return nil, malformed("SignedHeaders lack host")
	}
	if !eachOnce(s.signed) {
		return nil, malformed("SignedHeaders are names in small letters, each once")
	}
	var err error
	s.sum, err = hex.DecodeString(said["Signature"])
	if err != nil || len(s.sum) != sha256.Size {
		return nil, malformed("its Signature is not 64 hexadecimal digits")
	}
	s.at, err = signedAt(r.Header)
	if err != nil || s.at.Format(day) != date {
		return nil, malformed("X-Amz-Date is no time like 20060102T150405Z on the Credential's day")
	}
	return s, nil
}

// eachOnce says whether no two names are of one header: else its value would be signed again and
// again, by anybody, and one head of 64 KiB be made gigabytes of.
func eachOnce(names []string) bool {
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] || name != strings.ToLower(name) {
			return false
		}
		seen[name] = true
	}
	return true
}

// signedAt is when a request says that it was signed.
func signedAt(h http.Header) (time.Time, error) {
	at, err := time.Parse(amzDate, h.Get("X-Amz-Date"))
	if h.Get("X-Amz-Date") == "" {
		at, err = http.ParseTime(h.Get("Date"))
	}
	return at.UTC(), err
}

// check compares the signature with that of the request as it came.
func (s *signature) check(r *http.Request, secret string, now time.Time) error {
	if d := now.Sub(s.at); d > maxSkew || d < -maxSkew {
		err := unauthenticated("RequestTimeTooSkewed", "the request was signed at %s, and here it is %s: the clocks are more than %s apart",
			"set this machine's clock", s.at.Format(time.RFC3339), now.UTC().Format(time.RFC3339), maxSkew)
		err.(*refused).clock = &clock{s.at, now}
		return err
	}
	hash := r.Header.Get(contentSHA256)
	if hash != unsignedBody && hash != emptyHash {
		return unauthenticated("XAmzContentSHA256Mismatch", "%s is %q: for a request without a body it is %s or the empty body's SHA-256",
			"use an S3 client", contentSHA256, short(hash), unsignedBody)
	}
	canonical, missing := canonicalRequest(r, s.signed, hash)
	if missing != "" {
		return unauthenticated("SignatureDoesNotMatch", "the signed header %s did not arrive", "see whether a proxy on the way drops it", missing)
	}
	if !hmac.Equal(s.sum, sign(secret, s.scope, s.at, canonical)) {
		return unauthenticated("SignatureDoesNotMatch",
			"the signature is not that of the request: another secret, or a header that a proxy changed",
			"compare access key id and secret with those of the lease")
	}
	return nil
}

// sign is the signature of a canonical request.
func sign(secret, scope string, at time.Time, canonical string) []byte {
	mac := func(key []byte, text string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	sum := sha256.Sum256([]byte(canonical))
	return mac(key, strings.Join([]string{algorithm, at.Format(amzDate), scope, hex.EncodeToString(sum[:])}, "\n"))
}

// canonicalRequest is what a signature is of; missing is a header that it names and the
// request has not. Of the headers those count that the client signed, as they came: no two
// clients sign the same.
func canonicalRequest(r *http.Request, signed []string, hash string) (canonical, missing string) {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + escape(r.URL.Path, true) + "\n" + canonicalQuery(r.URL.RawQuery) + "\n")
	for _, name := range signed {
		values := r.Header.Values(name)
		if name == "host" {
			values = []string{r.Host}
		}
		if len(values) == 0 {
			return "", name
		}
		b.WriteString(name + ":")
		for i, v := range values {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(strings.Join(strings.Fields(v), " "))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + hash)
	return b.String(), ""
}

// canonicalQuery is a query as it is signed: each name and value encoded anew, sorted.
func canonicalQuery(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, [2]string{escape(unescape(name), false), escape(unescape(value), false)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	out := make([]string, len(pairs))
	for i, p := range pairs {
		out[i] = p[0] + "=" + p[1]
	}
	return strings.Join(out, "&")
}

// unescape reads percent-encoding, and leaves what is none as it is: then the signature does
// not match, or readQuery says what is wrong.
func unescape(s string) string {
	out, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return out
}

// escape is AWS's UriEncode: every byte but letters, digits and -_.~, and slashes where they
// part a path.
func escape(s string, path bool) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0, c == '/' && path:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}
