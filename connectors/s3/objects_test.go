package s3

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"guichet/schemas"
)

// bucketServer holds one bucket, "lab", as an S3 store shows it.
type bucketServer struct {
	mu      sync.Mutex
	objects map[string][]byte
	page    int // keys in a page of a listing; 0: all
}

func etagOf(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// ServeHTTP is http.Handler's.
func (b *bucketServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != "lab" {
		fault(w, r, http.StatusNotFound, "NoSuchBucket")
		return
	}
	if key == "" {
		b.bucket(w, r)
		return
	}
	switch r.Method {
	case http.MethodPut:
		body, err := unchunked(r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		b.objects[key] = body
		w.Header().Set("ETag", `"`+etagOf(body)+`"`)
	case http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		body, there := b.objects[key]
		if !there {
			fault(w, r, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", `"`+etagOf(body)+`"`)
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(body))
	}
}

// bucket answers what is asked of the bucket itself: whether it is there, and listings
// (ListObjectsV2), in the order of the keys.
func (b *bucketServer) bucket(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Method == http.MethodHead || q.Has("location") {
		fmt.Fprint(w, `<LocationConstraint>eu</LocationConstraint>`)
		return
	}
	var out strings.Builder
	n, last := 0, ""
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if !strings.HasPrefix(key, q.Get("prefix")) || key <= q.Get("continuation-token") {
			continue
		}
		if b.page > 0 && n == b.page {
			fmt.Fprintf(&out, `<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>`, last)
			break
		}
		fmt.Fprintf(&out, `<Contents><Key>%s</Key><Size>%d</Size><ETag>"%s"</ETag></Contents>`, key, len(b.objects[key]), etagOf(b.objects[key]))
		n, last = n+1, key
	}
	fmt.Fprintf(w, `<ListBucketResult>%s</ListBucketResult>`, out.String())
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
		hexSize, _, _ := strings.Cut(head, ";")
		n, err := strconv.ParseInt(hexSize, 16, 64)
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

func fault(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, `<Error><Code>%s</Code><Message>no</Message></Error>`, code)
	}
}

func (b *bucketServer) store(t *testing.T) *Store {
	t.Helper()
	if b.objects == nil {
		b.objects = map[string][]byte{}
	}
	return open(t, b.ServeHTTP)
}

// TestRangesAreSlices: whatever part of an object is asked for, the bytes are those of a
// slice of it, whole or to the end; what lies beyond its end is an error and no shorter
// answer.
func TestRangesAreSlices(t *testing.T) {
	b := &bucketServer{}
	s := b.store(t)
	rapid.Check(t, func(r *rapid.T) {
		size := rapid.IntRange(1, 5000).Draw(r, "size")
		whole := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		put, err := s.Put(t.Context(), "lab", "k", bytes.NewReader(whole), int64(size))
		if err != nil || put.ETag != etagOf(whole) || put.Size != int64(size) {
			r.Fatalf("put %d bytes: %+v, %v", size, put, err)
		}
		offset := rapid.IntRange(0, size-1).Draw(r, "offset")
		length := rapid.IntRange(-1, size-offset).Draw(r, "length")
		body, err := s.Open(t.Context(), "lab", "k", put.ETag, int64(offset), int64(length))
		if err != nil {
			r.Fatalf("open [%d, +%d) of %d: %v", offset, length, size, err)
		}
		defer body.Close()
		got, err := io.ReadAll(body)
		want := whole[offset:]
		if length >= 0 {
			want = want[:length]
		}
		if err != nil || !bytes.Equal(got, want) {
			r.Fatalf("[%d, +%d) of %d: %d bytes, %v", offset, length, size, len(got), err)
		}
		beyond := make([]byte, size-offset+1)
		err = s.ReadRange(t.Context(), "lab", "k", put.ETag, int64(offset), beyond)
		if schemas.KindOf(err) != schemas.Gone {
			r.Fatalf("%d bytes from %d of %d: %v", len(beyond), offset, size, err)
		}
	})
}

// TestObjectsOfABucket: an object from its first byte to its end, with what is said of it
// at each step.
func TestObjectsOfABucket(t *testing.T) {
	b := &bucketServer{page: 2}
	s := b.store(t)
	for i, text := range []string{"", "one", "two", "three"} {
		key := fmt.Sprintf("spaces/a/%d.csv", i)
		put, err := s.PutOnce(t.Context(), "lab", key, strings.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		have, err := s.Stat(t.Context(), "lab", key)
		if err != nil || have != put {
			t.Errorf("%s: %+v, %v; written was %+v", key, have, err, put)
		}
		body, err := s.OpenWhole(t.Context(), "lab", have)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", key, got, err)
		}
		if err := s.Probe(t.Context(), "lab", key); err != nil {
			t.Errorf("probe over %s: %v", key, err)
		}
	}
	b.objects["spaces/b/0.csv"], b.objects["spaces/a/"] = []byte("another's"), nil
	list, err := s.List(t.Context(), "lab", "spaces/a/", 100)
	var keys []string
	for _, o := range list {
		keys = append(keys, o.Key)
	}
	if err != nil || strings.Join(keys, " ") != "spaces/a/0.csv spaces/a/1.csv spaces/a/2.csv spaces/a/3.csv" {
		t.Errorf("listed are %q, %v", keys, err)
	}
	_, err = s.List(t.Context(), "lab", "spaces/a/", 3)
	if schemas.KindOf(err) != schemas.TooLarge || !strings.Contains(err.Error(), "more than 3 objects under spaces/a/") {
		t.Errorf("a listing that is too long: %v", err)
	}
	for range 2 { // what is gone already is no error
		if err := s.Delete(t.Context(), "lab", "spaces/a/1.csv"); err != nil {
			t.Error(err)
		}
	}
	_, err = s.Stat(t.Context(), "lab", "spaces/a/1.csv")
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("a deleted object: %v", err)
	}
}

// TestWhatIsNotThere: each thing that is missing is named with what helps.
func TestWhatIsNotThere(t *testing.T) {
	s := (&bucketServer{}).store(t)
	body := strings.NewReader("x")
	calls := map[string]func(bucket string) error{
		"stat": func(bucket string) error { _, err := s.Stat(t.Context(), bucket, "k"); return err },
		"open": func(bucket string) error { _, err := s.Open(t.Context(), bucket, "k", "tag", 0, 1); return err },
		"list": func(bucket string) error { _, err := s.List(t.Context(), bucket, "p/", 1); return err },
		"put":  func(bucket string) error { _, err := s.Put(t.Context(), bucket, "k", body, 1); return err },
	}
	for _, c := range []struct{ call, bucket, says, remedy string }{
		{"stat", "lab", "store s has no object k in bucket lab", "check the key"},
		{"open", "lab", "store s has no object k in bucket lab", "check the key"},
		{"open", "nope", `store s has no bucket "nope"`, "check the bucket's name with the operator"},
		{"list", "nope", `store s has no bucket "nope"`, "check the bucket's name with the operator"},
		{"put", "nope", `store s has no bucket "nope"`, "check the bucket's name with the operator"},
	} {
		err := calls[c.call](c.bucket)
		e, ok := errors.AsType[*schemas.Error](err)
		if !ok || e.Kind != schemas.NotFound || e.Message != c.says || e.Remedy != c.remedy {
			t.Errorf("%s in %s: %v", c.call, c.bucket, err)
		}
	}
	if err := s.Reaches(t.Context(), "lab"); err != nil {
		t.Error(err)
	}
	err := s.Reaches(t.Context(), "nope")
	if schemas.KindOf(err) != schemas.NotFound || !strings.Contains(err.Error(), `no bucket "nope"`) {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

// TestEndpoints: what cannot be the address of a store is refused before it is used.
func TestEndpoints(t *testing.T) {
	for _, endpoint := range []string{"", "s3.example", "/path", "https://", "https://s3.example:port"} {
		_, err := New("s", endpoint, "eu", Credentials{})
		e, ok := errors.AsType[*schemas.Error](err)
		if !ok || e.Kind != schemas.Invalid || len(e.Fields) != 1 || e.Fields[0].Pointer != "/endpoint" {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	s, err := New("s", "https://s3.example", "eu", Credentials{}, Own(true))
	if err != nil || s.ID() != "s" || !s.Own() {
		t.Errorf("%+v, %v", s, err)
	}
}
