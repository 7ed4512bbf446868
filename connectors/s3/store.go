// Package s3 reads and writes objects of S3 stores through minio-go.
//
// In: an endpoint with credentials, keys, ranges, the ETag that an object must
// still have. Out: bytes, or an error whose Kind says whose fault it is. Always:
// reads are pinned by If-Match where an ETag is given and the answer is held
// against what was asked, so that an object changed under a published version, or
// a store that does not keep to the protocol, gives an error and never other bytes;
// whatever a store answers takes bounded memory and time. It must not know users,
// formats or who may read what.
package s3

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"guichet/connectors/trust"
	"guichet/schemas"
)

// Credentials open one store.
type Credentials struct {
	AccessKey string
	SecretKey string
}

// Store is one S3 store. Safe for concurrent use.
type Store struct {
	id   schemas.StoreID
	core *minio.Core
	idle time.Duration // the most that a store may take for the next bytes
	own  bool

	direct   *direct        // nil where TLS or a proxy lies between
	roots    *x509.CertPool // nil: the system's
	endpoint string

	keys    Credentials
	region  string
	public  string // "": endpoint
	signing sync.Mutex
	signs   *minio.Client // for public; nil until it is used
}

// Option changes a store.
type Option func(s *Store)

// Idle is how long a store may take to begin an answer, and for each further paceBytes
// of it; defaultIdle when left out.
func Idle(d time.Duration) Option { return func(s *Store) { s.idle = d } }

// Own says that the operator answers for the store: its bytes need not be compared
// with those that were published.
func Own(own bool) Option { return func(s *Store) { s.own = own } }

// Info is what a store says of an object.
type Info struct {
	Key  string
	ETag string
	Size int64
}

// Believe names the certificate authorities that are believed (trust.Roots).
func Believe(roots *x509.CertPool) Option { return func(s *Store) { s.roots = roots } }

// New makes a store; it connects at first use. Errors: Invalid.
func New(id schemas.StoreID, endpoint, region string, c Credentials, options ...Option) (*Store, error) {
	s := &Store{id: id, idle: defaultIdle, keys: c, region: region}
	for _, o := range options {
		o(s)
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return nil, schemas.BadField("store", "/endpoint", "%q is not an endpoint; write it like https://s3.example", endpoint)
	}
	s.direct = newDirect(u)
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""), Secure: u.Scheme == "https", Region: region,
		Transport: &guard{transport(s.roots), s.direct, s.idle}, MaxRetries: 3,
	})
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, string(id), "open store %s: %w", id, err)
	}
	s.core, s.endpoint = core, endpoint
	return s, nil
}

// ID is the store's id.
func (s *Store) ID() schemas.StoreID { return s.id }

// Own says whether the operator answers for the store.
func (s *Store) Own() bool { return s.own }

// Stat says what an object is. Errors: NotFound, Unavailable.
func (s *Store) Stat(ctx context.Context, bucket, key string) (Info, error) {
	o, err := s.core.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s.explain(err, bucket, key)
	}
	return s.known(Info{Key: key, ETag: o.ETag, Size: o.Size}, bucket)
}

// maxETag bounds an ETag: a manifest has one for each of up to 100,000 shards.
const maxETag = 256

// known refuses what nobody could hold a later answer against.
func (s *Store) known(i Info, bucket string) (Info, error) {
	switch {
	case i.Size < 0:
		return Info{}, s.explain(NoLength, bucket, i.Key)
	case len(i.ETag) > maxETag:
		return Info{}, s.explain(NoETag, bucket, i.Key)
	}
	return i, nil
}

// List gives the objects under a prefix in the order of their keys, at most most
// of them. Errors: NotFound (bucket), TooLarge (more than most), Unavailable, also
// for a listing that repeats itself or does not end.
func (s *Store) List(ctx context.Context, bucket, prefix string, most int) ([]Info, error) {
	within, cancel := context.WithTimeoutCause(ctx, listTime, Endless)
	defer cancel()
	var out []Info
	seen := map[string]struct{}{}
	for o := range s.core.Client.ListObjects(within, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if cause := context.Cause(within); cause != nil && ctx.Err() == nil {
			return nil, s.explain(cause, bucket, prefix)
		}
		if o.Err != nil {
			return nil, s.explain(o.Err, bucket, prefix)
		}
		if _, twice := seen[o.Key]; twice || !strings.HasPrefix(o.Key, prefix) {
			return nil, s.explain(Endless, bucket, prefix)
		}
		seen[o.Key] = struct{}{}
		if strings.HasSuffix(o.Key, "/") { // a folder's marker, not data
			continue
		}
		if len(out) == most {
			return nil, schemas.Errorf(schemas.TooLarge, prefix, "there are more than %d objects under %s", most, prefix)
		}
		out = append(out, Info{Key: o.Key, ETag: o.ETag, Size: o.Size})
	}
	if cause := context.Cause(within); cause != nil && ctx.Err() == nil { // the library ends a listing without a word then
		return nil, s.explain(cause, bucket, prefix)
	}
	return out, ctx.Err()
}

// listTime bounds one listing, of at most some hundred pages.
const listTime = 2 * time.Minute

// partSize is how much of an object a Put from a reader holds in memory at a time, in
// bytes: small, and large enough for 64 GiB in the 10,000 parts that a store takes.
const partSize = 8 << 20

// Put writes an object of a known size. Errors: NotFound (bucket), Unavailable.
func (s *Store) Put(ctx context.Context, bucket, key string, r io.Reader, size int64) (Info, error) {
	options := minio.PutObjectOptions{ContentType: "application/octet-stream"}
	if _, seeks := r.(io.ReaderAt); !seeks && size > partSize && size <= 8000*partSize { // what can be read again is not held
		options.PartSize = partSize
	}
	o, err := s.core.Client.PutObject(ctx, bucket, key, r, size, options)
	if err != nil {
		return Info{}, s.explain(err, bucket, key)
	}
	return Info{Key: key, ETag: o.ETag, Size: size}, nil
}

// PutOnce is Put of a key that nobody else writes: it asks the store whether it has the
// object as it said.
func (s *Store) PutOnce(ctx context.Context, bucket, key string, r io.Reader, size int64) (Info, error) {
	put, err := s.Put(ctx, bucket, key, r, size)
	if err != nil {
		return put, err
	}
	have, err := s.Stat(ctx, bucket, key)
	switch {
	case err != nil:
		return Info{}, err
	case have.Size != size:
		return Info{}, s.explain(OtherLength, bucket, key)
	case have.ETag != put.ETag:
		return Info{}, s.explain(OtherETag, bucket, key)
	}
	return have, nil
}

// Delete removes an object; one that is not there is no error.
func (s *Store) Delete(ctx context.Context, bucket, key string) error {
	err := s.core.Client.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{})
	if err != nil {
		return s.explain(err, bucket, key)
	}
	return nil
}

// explain turns a store's answer into one of ours.
func (s *Store) explain(err error, bucket, key string) error {
	if _, ours := errors.AsType[*schemas.Error](err); ours {
		return err
	}
	e := &schemas.Error{Subject: key, Err: short(err)}
	if f := faultOf(err); f != "" {
		e.Kind, e.Message, e.Remedy, e.Err = schemas.Unavailable, fmt.Sprintf("store %s %s (%s)", s.id, string(f),
			key), f.Remedy(), fmt.Errorf(
			"%w: %w", f, short(err),
		)
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("read %s from store %s: %w", key, s.id, err)
	}
	resp := minio.ToErrorResponse(err)
	switch {
	case resp.Code == "NoSuchBucket":
		e.Kind, e.Message, e.Remedy = schemas.NotFound, fmt.Sprintf("store %s has no bucket %q", s.id,
			bucket), "check the bucket's name with the operator"
	case resp.StatusCode == http.StatusNotFound || resp.Code == "NoSuchKey":
		e.Kind, e.Message, e.Remedy = schemas.NotFound, fmt.Sprintf("store %s has no object %s in bucket %s", s.id, key, bucket), "check the key"
	case resp.StatusCode == http.StatusPreconditionFailed:
		return changed(key)
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return shorter(key)
	default:
		return trust.Fault(fmt.Sprintf("store %s", s.id), s.endpoint, "try again in a moment", short(err))
	}
	return e
}

// Reaches says whether the store answers and has a bucket that the credentials may look
// at: nil, or an error as of Open that says what is wrong.
func (s *Store) Reaches(ctx context.Context, bucket string) error {
	there, err := s.core.BucketExists(ctx, bucket)
	if err != nil {
		return s.explain(err, bucket, bucket)
	}
	if !there {
		return &schemas.Error{
			Kind:    schemas.NotFound,
			Subject: bucket,
			Message: fmt.Sprintf("store %s has no bucket %q", s.id, bucket),
			Remedy:  "make the bucket, or check its name",
		}
	}
	return nil
}

func changed(key string) error {
	return &schemas.Error{
		Kind:    schemas.Gone,
		Subject: key,
		Message: fmt.Sprintf("the object %s changed in its store since it was published", key),
		Remedy:  "let the provider publish a new version",
	}
}

func shorter(key string) error {
	return &schemas.Error{
		Kind:    schemas.Gone,
		Subject: key,
		Message: fmt.Sprintf("the object %s is shorter than when it was published", key),
		Remedy:  "let the provider publish a new version",
	}
}
