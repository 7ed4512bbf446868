// Package s3 reads and writes objects of S3 stores through minio-go.
//
// In: an endpoint with credentials, keys, ranges, the ETag that an object must
// still have. Out: bytes, or an error whose Kind says whose fault it is. Always:
// reads are pinned by If-Match where an ETag is given, so that an object changed
// under a published version gives an error and never mixed bytes. It must not
// know users, formats or who may read what.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

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
}

// Info is what a store says of an object.
type Info struct {
	Key  string
	ETag string
	Size int64
}

// New makes a store; it connects at first use. Errors: Invalid.
func New(id schemas.StoreID, endpoint, region string, c Credentials) (*Store, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return nil, schemas.BadField("store", "/endpoint", "%q is no endpoint; write it like https://s3.example", endpoint)
	}
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""), Secure: u.Scheme == "https", Region: region,
		Transport: transport(), MaxRetries: 3,
	})
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, string(id), "open store %s: %w", id, err)
	}
	return &Store{id: id, core: core}, nil
}

// transport keeps enough idle connections for parallel ranges and never waits
// for ever for an answer's head; bodies are bounded by their readers' contexts.
func transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		DisableCompression:    true,
		ReadBufferSize:        64 << 10,
		WriteBufferSize:       64 << 10,
	}
}

// ID is the store's id.
func (s *Store) ID() schemas.StoreID { return s.id }

// Stat says what an object is. Errors: NotFound, Unavailable.
func (s *Store) Stat(ctx context.Context, bucket, key string) (Info, error) {
	o, err := s.core.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s.explain(err, bucket, key)
	}
	return Info{Key: key, ETag: o.ETag, Size: o.Size}, nil
}

// Open reads length bytes from offset; length < 0 means to the end. With etag the
// object must still be that one. Errors: NotFound, Gone (changed), Unavailable.
// The reader's own errors are explained alike.
func (s *Store) Open(ctx context.Context, bucket, key, etag string, offset, length int64) (io.ReadCloser, error) {
	var o minio.GetObjectOptions
	if etag != "" {
		err := o.SetMatchETag(etag)
		if err != nil {
			return nil, schemas.Errorf(schemas.Invalid, key, "pin %s: %w", key, err)
		}
	}
	if offset > 0 || length >= 0 {
		err := o.SetRange(offset, max(offset+length-1, 0))
		if length < 0 {
			o = minio.GetObjectOptions{}
			o.Set("Range", fmt.Sprintf("bytes=%d-", offset))
			if etag != "" {
				_ = o.SetMatchETag(etag) // set above without error
			}
			err = nil
		}
		if err != nil {
			return nil, schemas.Errorf(schemas.Invalid, key, "read range of %s: %w", key, err)
		}
	}
	body, _, _, err := s.core.GetObject(ctx, bucket, key, o)
	if err != nil {
		return nil, s.explain(err, bucket, key)
	}
	return &reader{body, s, bucket, key}, nil
}

type reader struct {
	io.ReadCloser
	s           *Store
	bucket, key string
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = r.s.explain(err, r.bucket, r.key)
	}
	return n, err
}

// ReadRange fills p from offset. Errors as Open; a short object is Gone.
func (s *Store) ReadRange(ctx context.Context, bucket, key, etag string, offset int64, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	body, err := s.Open(ctx, bucket, key, etag, offset, int64(len(p)))
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.ReadFull(body, p)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &schemas.Error{Kind: schemas.Unavailable, Subject: key, Message: fmt.Sprintf("store %s ended %s in the middle", s.id, key), Remedy: "try again", Err: err}
	}
	return err
}

// List gives the objects under a prefix in the order of their keys, at most most
// of them. Errors: NotFound (bucket), TooLarge (more than most), Unavailable.
func (s *Store) List(ctx context.Context, bucket, prefix string, most int) ([]Info, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var out []Info
	for o := range s.core.Client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, s.explain(o.Err, bucket, prefix)
		}
		if strings.HasSuffix(o.Key, "/") { // a folder's marker, not data
			continue
		}
		if len(out) == most {
			return nil, schemas.Errorf(schemas.TooLarge, prefix, "there are more than %d objects under %s", most, prefix)
		}
		out = append(out, Info{Key: o.Key, ETag: o.ETag, Size: o.Size})
	}
	return out, nil
}

// Put writes an object of a known size. Errors: NotFound (bucket), Unavailable.
func (s *Store) Put(ctx context.Context, bucket, key string, r io.Reader, size int64) (Info, error) {
	o, err := s.core.Client.PutObject(ctx, bucket, key, r, size, minio.PutObjectOptions{ContentType: "application/octet-stream"})
	if err != nil {
		return Info{}, s.explain(err, bucket, key)
	}
	return Info{Key: key, ETag: o.ETag, Size: o.Size}, nil
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
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("read %s from store %s: %w", key, s.id, err)
	}
	if _, ours := errors.AsType[*schemas.Error](err); ours {
		return err
	}
	e := &schemas.Error{Subject: key, Err: err}
	resp := minio.ToErrorResponse(err)
	switch {
	case resp.Code == "NoSuchBucket":
		e.Kind, e.Message, e.Remedy = schemas.NotFound, fmt.Sprintf("store %s has no bucket %q", s.id, bucket), "check the bucket's name with the operator"
	case resp.StatusCode == http.StatusNotFound || resp.Code == "NoSuchKey":
		e.Kind, e.Message, e.Remedy = schemas.NotFound, fmt.Sprintf("store %s has no object %s in bucket %s", s.id, key, bucket), "check the key"
	case resp.StatusCode == http.StatusPreconditionFailed:
		e.Kind, e.Message, e.Remedy = schemas.Gone, fmt.Sprintf("the object %s changed in its store since it was published", key), "let the provider publish a new version"
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		e.Kind, e.Message, e.Remedy = schemas.Gone, fmt.Sprintf("the object %s is shorter than when it was published", key), "let the provider publish a new version"
	case resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized:
		e.Kind, e.Message, e.Remedy = schemas.Unavailable, fmt.Sprintf("store %s does not let us read %s", s.id, key), "the operator's credentials for the store need mending"
	default:
		e.Kind, e.Message, e.Remedy = schemas.Unavailable, fmt.Sprintf("store %s does not answer", s.id), "try again in a moment"
	}
	return e
}
