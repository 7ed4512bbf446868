// Package s3test gives tests buckets in memory behind a real HTTP server.
//
// In: names of buckets. Out: the part of S3 that connectors/s3 asks for: objects whole and
// in ranges with If-Match, uploads in one part, deletions, listings in pages. It is for
// tests alone; what an S3 server really does is tested against guichet-local.
package s3test

import (
	"bufio"
	"bytes"
	"crypto/md5" //nolint:gosec // the ETag of S3
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server holds buckets. Safe for concurrent use.
type Server struct {
	URL string
	// Page is how many keys a page of a listing has; 0: all.
	Page int
	// Before sees a request first; true says that it has answered.
	Before func(w http.ResponseWriter, r *http.Request) bool

	mu      sync.Mutex
	buckets map[string]map[string][]byte
}

// New starts a server with these buckets, which ends with the test.
func New(t testing.TB, buckets ...string) *Server {
	s := &Server{buckets: map[string]map[string][]byte{}}
	for _, b := range buckets {
		s.buckets[b] = map[string][]byte{}
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// ETag is what the server says of these bytes.
func ETag(b []byte) string {
	sum := md5.Sum(b) //nolint:gosec // the ETag of S3
	return hex.EncodeToString(sum[:])
}

// Put stores an object.
func (s *Server) Put(bucket, key string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[bucket][key] = body
}

// Object gives an object; nil where there is none.
func (s *Server) Object(bucket, key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buckets[bucket][key]
}

// Delete removes an object.
func (s *Server) Delete(bucket, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets[bucket], key)
}

// Keys are those of a bucket, in order.
func (s *Server) Keys(bucket string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.buckets[bucket]))
}

// ServeHTTP is http.Handler's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Before != nil && s.Before(w, r) {
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.mu.Lock()
	objects, there := s.buckets[bucket]
	s.mu.Unlock()
	switch {
	case !there:
		refuse(w, r, http.StatusNotFound, "NoSuchBucket")
	case key == "":
		s.bucket(w, r, objects)
	case r.Method == http.MethodPut:
		body, err := unchunked(r)
		if err != nil {
			refuse(w, r, http.StatusBadRequest, "IncompleteBody")
			return
		}
		s.Put(bucket, key, body)
		w.Header().Set("ETag", `"`+ETag(body)+`"`)
	case r.Method == http.MethodDelete:
		s.Delete(bucket, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		s.object(w, r, bucket, key)
	}
}

func (s *Server) object(w http.ResponseWriter, r *http.Request, bucket, key string) {
	s.mu.Lock()
	body, there := s.buckets[bucket][key]
	s.mu.Unlock()
	if !there {
		refuse(w, r, http.StatusNotFound, "NoSuchKey")
		return
	}
	w.Header().Set("ETag", `"`+ETag(body)+`"`)
	http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(body))
}

// bucket answers what is asked of a bucket itself: whether it is there, and listings
// (ListObjectsV2), in the order of the keys.
func (s *Server) bucket(w http.ResponseWriter, r *http.Request, objects map[string][]byte) {
	q := r.URL.Query()
	if r.Method == http.MethodHead || q.Has("location") {
		fmt.Fprint(w, `<LocationConstraint>eu</LocationConstraint>`)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out strings.Builder
	n, last, most := 0, "", s.Page
	token, _ := url.QueryUnescape(q.Get("continuation-token")) // our own
	if asked, err := strconv.Atoi(q.Get("max-keys")); err == nil && (most == 0 || asked < most) {
		most = asked
	}
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		if !strings.HasPrefix(key, q.Get("prefix")) || key <= token || key <= q.Get("start-after") {
			continue
		}
		body, folder := objects[key], false
		if end := strings.Index(key[len(q.Get("prefix")):], "/"); q.Get("delimiter") == "/" && end >= 0 {
			key, folder = key[:len(q.Get("prefix"))+end+1], true
			if key == last {
				continue
			}
		}
		if most > 0 && n == most {
			fmt.Fprintf(&out, `<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>`, url.QueryEscape(last))
			break
		}
		n, last = n+1, key
		if folder {
			fmt.Fprintf(&out, `<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>`, url.QueryEscape(key))
			continue
		}
		fmt.Fprintf(&out, `<Contents><Key>%s</Key><Size>%d</Size><ETag>"%s"</ETag></Contents>`, url.QueryEscape(key), len(body), ETag(body))
	}
	fmt.Fprintf(w, `<ListBucketResult><EncodingType>url</EncodingType>%s</ListBucketResult>`, out.String())
}

// unchunked reads a body as minio-go sends it without TLS: in chunks of
// SIZE;chunk-signature=…, size in hex, the last of size 0 [SigV4 streaming].
func unchunked(r *http.Request) ([]byte, error) {
	if r.Header.Get("X-Amz-Decoded-Content-Length") == "" {
		return io.ReadAll(r.Body)
	}
	var out []byte
	for in := bufio.NewReader(r.Body); ; {
		head, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(head, ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil || n == 0 {
			return out, err
		}
		chunk := make([]byte, n+2) // with its line end
		_, err = io.ReadFull(in, chunk)
		if err != nil {
			return nil, err
		}
		out = append(out, chunk[:n]...)
	}
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, `<Error><Code>%s</Code><Message>no</Message></Error>`, code)
	}
}
