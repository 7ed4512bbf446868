package doortest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7/pkg/signer"

	"guichet/connectors/client"
	"guichet/schemas"
)

// s3Key is the key that comes with a lease: its secret is made of the token's second half.
func s3Key(token string) (accessKeyID, secret string) {
	id, sum, _ := strings.Cut(token, ".")
	key, err := hex.DecodeString(sum)
	if err != nil {
		return id, "none"
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte("guichet s3 secret 1"))
	return id, hex.EncodeToString(m.Sum(nil))
}

// s3Signed sends a request that is signed with a lease's key; unsigned without a lease.
func (r *Rig) s3Signed(ctx context.Context, method, lease, target string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.S3Face+target, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if lease != "" {
		req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		id, secret := s3Key(lease)
		req = signer.SignV4(*req, id, secret, "", "us-east-1")
	}
	return http.DefaultClient.Do(req)
}

// byS3 asks the S3 face for the shard that a list has at the place n. Columns, which S3 has no
// words for, are asked for by a narrower lease.
func (r *Rig) byS3(
	ctx context.Context, method, lease string, id schemas.AgreementID, n int, ask url.Values, header http.Header,
) (*http.Response, error) {
	if s := ask.Get("columns"); s != "" {
		c, err := client.New(r.HTTP, client.Static(lease))
		if err != nil {
			return nil, err
		}
		items := []schemas.LeaseItem{{Agreement: id, Columns: strings.Split(s, ",")}}
		var narrow schemas.LeaseAnswer
		err = c.Post(ctx, "/leases", map[string]any{"items": items}, &narrow)
		if err != nil {
			return nil, err
		}
		lease = narrow.Token
	}
	if ask.Get("version") != "" {
		return r.s3Signed(ctx, method, lease, fmt.Sprintf("/%s/%s/t/all/%05d.arrow", id, ask.Get("version"), n), header)
	}
	prefix := ""
	if t := ask.Get("table"); t != "" {
		prefix = "v1/" + t + "/"
	}
	if s := ask.Get("split"); s != "" {
		prefix += s + "/"
	}
	listed, err := r.s3Signed(ctx, http.MethodGet, lease, fmt.Sprintf("/%s?list-type=2&prefix=%s", id, url.QueryEscape(prefix)), nil)
	if err != nil || listed.StatusCode != http.StatusOK {
		return listed, err
	}
	defer listed.Body.Close()
	var list struct{ Contents []struct{ Key string } }
	err = xml.NewDecoder(listed.Body).Decode(&list)
	if err != nil {
		return nil, err
	}
	key := prefix + "none"
	if n < len(list.Contents) {
		key = list.Contents[n].Key
	}
	return r.s3Signed(ctx, method, lease, "/"+string(id)+"/"+key, header)
}

// s3Error reads an error document.
func s3Error(b []byte) error {
	var e struct{ Code, Message string }
	err := xml.Unmarshal(b, &e)
	if err != nil {
		return fmt.Errorf("no error document: %q: %w", b, err)
	}
	kinds := map[string]schemas.Kind{
		"AccessDenied": schemas.Denied, "NoSuchKey": schemas.NotFound, "NoSuchBucket": schemas.NotFound, "SlowDown": schemas.Busy,
		"ServiceUnavailable": schemas.Unavailable, "InvalidArgument": schemas.Invalid, "ExpiredToken": schemas.Unauthenticated,
		"InvalidAccessKeyId": schemas.Unauthenticated, "SignatureDoesNotMatch": schemas.Unauthenticated, "Gone": schemas.Gone,
		"EntityTooLarge": schemas.TooLarge, "PreconditionFailed": schemas.Precondition,
	}
	if strings.Contains(e.Message, "not signed") {
		kinds["AccessDenied"] = schemas.Unauthenticated
	}
	return &schemas.Error{Kind: kinds[e.Code], Message: e.Code + ": " + e.Message}
}
