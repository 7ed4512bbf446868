package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"pgregory.net/rapid"

	"guichet/connectors/s3/s3test"
	"guichet/schemas"
)

// lab opens a store with the one bucket lab.
func lab(t *testing.T, page int) (*Store, *s3test.Server) {
	t.Helper()
	b := s3test.New(t, "lab")
	b.Page = page
	return open(t, b.ServeHTTP), b
}

// TestRangesAreSlices: whatever part of an object is asked for, the bytes are those of a
// slice of it, whole or to the end; what lies beyond its end is an error and no shorter
// answer.
func TestRangesAreSlices(t *testing.T) {
	s, _ := lab(t, 0)
	rapid.Check(t, func(r *rapid.T) {
		size := rapid.IntRange(1, 5000).Draw(r, "size")
		whole := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		put, err := s.Put(t.Context(), "lab", "k", bytes.NewReader(whole), int64(size))
		if err != nil || put.ETag != s3test.ETag(whole) || put.Size != int64(size) {
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
	s, b := lab(t, 2)
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
	b.Put("lab", "spaces/b/0.csv", []byte("another's"))
	b.Put("lab", "spaces/a/", nil) // a folder's marker
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
	s, _ := lab(t, 0)
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

// TestFaultsInWords: each fault goes after a store's name as a sentence, and says whose
// matter it is; only those that waiting may mend say to wait.
func TestFaultsInWords(t *testing.T) {
	for _, f := range []Fault{Forbids, NoTime, NoETag, NoLength, OtherLength, OtherETag, NoRange, OtherRange, NoCondition, Stalls, Endless, Redirects} {
		remedy := f.Remedy()
		if waits := f == Stalls || f == Endless; waits != strings.Contains(remedy, "try again") || !strings.Contains(remedy, "the operator") {
			t.Errorf("%q: %q", f, remedy)
		}
		if err := fmt.Errorf("read: %w", f); faultOf(err) != f || err.Error() != "read: the store "+string(f) {
			t.Errorf("%q is found as %q in %q", f, faultOf(err), err)
		}
	}
	for status, want := range map[int]Fault{401: Forbids, 403: Forbids, 301: Redirects, 307: Redirects, 304: "", 404: "", 500: ""} {
		if got := faultOf(minio.ErrorResponse{StatusCode: status}); got != want {
			t.Errorf("status %d is %q, not %q", status, got, want)
		}
	}
}
