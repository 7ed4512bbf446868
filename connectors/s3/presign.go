package s3

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"guichet/schemas"
)

// Presigned is one range of an object for who has no credentials. It is good for exactly this:
// the range and the ETag are among the headers that the signature covers, so that the store refuses
// the URL with others, and without them.
type Presigned struct {
	URL     string
	Headers map[string]string // to be sent as they stand here
}

// Public is where those who have no credentials reach the store: a signature covers the name of
// the host that is asked. The store's own endpoint when empty.
func Public(endpoint string) Option { return func(s *Store) { s.public = endpoint } }

// MayPresign says whether the store's ranges are good to be given away: its operator answers for
// the bytes, since nobody compares what a gateway does not see; nobody on the way reads URLs and
// bytes; and the signature's region is known. Errors: Denied.
func (s *Store) MayPresign() error {
	u, err := url.Parse(s.publicEndpoint())
	why := ""
	switch {
	case !s.own:
		why = "bytes of the store are compared with their checksums while they pass, and nobody would compare what passes nobody"
	case err != nil || u.Scheme != "https" && !loopback(u.Hostname()):
		why = "its endpoint is without TLS, so that everybody on the way could use the URLs: the operator gives it a public_endpoint"
	case s.region == "":
		why = "its registration names no region, which a signature needs"
	default:
		return nil
	}
	return schemas.Refuse("store", "store.direct", "the operator", why, "stream the data")
}

// publicEndpoint is where the bearer of a URL reaches the store.
func (s *Store) publicEndpoint() string { return cmp.Or(s.public, s.endpoint) }

// loopback says whether a host is this machine alone.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Presign gives a URL for length bytes of an object from offset, which is good for life (whole
// seconds, at least one) by the store's clock, while the object has this ETag. The store is not
// asked for it. Errors: those of MayPresign; Invalid for what no signature can pin.
func (s *Store) Presign(ctx context.Context, bucket, key, etag string, offset, length int64, life time.Duration) (Presigned, error) {
	err := s.MayPresign()
	if err != nil {
		return Presigned{}, err
	}
	if etag == "" || offset < 0 || length < 1 || life < time.Second {
		return Presigned{}, schemas.Errorf(schemas.Invalid, key, "bytes %d+%d of %s cannot be signed for %s: they are not pinned, or none",
			offset, length, key, life)
	}
	signer, err := s.signer()
	if err != nil {
		return Presigned{}, err
	}
	h := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)}, "If-Match": {`"` + etag + `"`}}
	u, err := signer.PresignHeader(ctx, http.MethodGet, bucket, key, life.Truncate(time.Second), nil, h)
	if err != nil {
		return Presigned{}, fmt.Errorf("sign %s of store %s: %w", key, s.id, err)
	}
	return Presigned{URL: u.String(), Headers: map[string]string{"Range": h.Get("Range"), "If-Match": h.Get("If-Match")}}, nil
}

// signer is a client that signs for the public endpoint, made at the first use; it asks nothing.
func (s *Store) signer() (*minio.Client, error) {
	s.signing.Lock()
	defer s.signing.Unlock()
	if s.signs != nil {
		return s.signs, nil
	}
	u, err := url.Parse(s.publicEndpoint())
	if err != nil {
		return nil, schemas.BadField("store", "/public_endpoint", "%q is not an endpoint", s.publicEndpoint())
	}
	s.signs, err = minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(s.keys.AccessKey, s.keys.SecretKey, ""), Secure: u.Scheme == "https", Region: s.region,
	})
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, string(s.id), "sign for store %s: %w", s.id, err)
	}
	return s.signs, nil
}
