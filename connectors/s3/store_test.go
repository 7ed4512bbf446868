package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"guichet/schemas"
)

// object is what the stores of these tests hold.
var object = bytes.Repeat([]byte("0123456789abcdef"), 16<<10)

// serve answers as S3 does.
func serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"tag"`)
	http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(object))
}

// newServer gives the address of a server that ends with the test.
func newServer(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func open(t *testing.T, h http.HandlerFunc) *Store {
	t.Helper()
	s, err := New("s", newServer(t, h), "eu", Credentials{AccessKey: "a", SecretKey: "b"}, Idle(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// head answers a ranged read with another head.
func head(change func(h http.Header) int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		serve(rec, r)
		status := change(rec.Header())
		if status == 0 {
			status = rec.Code
		}
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		_, _ = w.Write(rec.Body.Bytes())
	}
}

// TestLies: whatever a store answers to a pinned ranged read, the bytes asked for come,
// or an error that says what is wrong.
func TestLies(t *testing.T) {
	const any = Fault("any")
	without := func(name string) http.HandlerFunc {
		return head(func(h http.Header) int { h.Del(name); return 0 })
	}
	ignores := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { r.Header.Del(name); serve(w, r) }
	}
	for _, c := range []struct {
		name  string
		h     http.HandlerFunc
		etag  string
		kind  schemas.Kind
		fault Fault
	}{
		{"honest", serve, "tag", 0, ""},
		{"changed", serve, "other", schemas.Gone, ""},
		{"changed, ignores If-Match", ignores("If-Match"), "other", schemas.Gone, ""},
		{"no ETag", without("Etag"), "tag", schemas.Unavailable, NoETag},
		{"ignores Range", ignores("Range"), "tag", schemas.Unavailable, NoRange},
		{"part without a place", without("Content-Range"), "tag", schemas.Unavailable, OtherRange},
		{"another part", head(func(h http.Header) int { h.Set("Content-Range", "bytes 0-99/262144"); return 0 }), "tag", schemas.Unavailable, OtherRange},
		{"longer part", head(func(h http.Header) int { h.Set("Content-Range", "bytes 100-299/262144"); return 0 }), "tag", schemas.Unavailable, OtherRange},
		{"no Last-Modified", without("Last-Modified"), "tag", schemas.Unavailable, NoTime},
		{"403", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, "tag", schemas.Unavailable, Forbids},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "tag", schemas.Unavailable, Redirects},
		{"204", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Last-Modified", "Thu, 01 Jan 1970 00:00:01 GMT")
			w.WriteHeader(204)
		}, "tag", schemas.Unavailable, ""},
		{"a head without end", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Long", string(bytes.Repeat([]byte("x"), 2*maxHeader)))
			serve(w, r)
		}, "tag", schemas.Unavailable, any},
		{"an error without end", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(418)
			for b := make([]byte, 1<<20); ; {
				_, err := w.Write(b)
				if err != nil {
					return
				}
			}
		}, "tag", schemas.Unavailable, any}, // a slow machine does not read so much in time
	} {
		eachWay(t, c.name, func(t *testing.T, read way) {
			s := open(t, c.h)
			p := make([]byte, 100)
			err := read(t, s, c.etag, 100, p)
			if c.kind == 0 {
				if err != nil || !bytes.Equal(p, object[100:200]) {
					t.Fatalf("%v: %q", err, p)
				}
				return
			}
			f, _ := errors.AsType[Fault](err)
			if schemas.KindOf(err) != c.kind || f != c.fault && c.fault != any {
				t.Errorf("%v, fault %q; want %v, %q", err, f, c.kind, c.fault)
			}
		})
	}
	eachWay(t, "the beginning of a whole object", func(t *testing.T, read way) {
		s := open(t, ignores("Range"))
		p := make([]byte, 100)
		err := read(t, s, "tag", 0, p)
		if err != nil || !bytes.Equal(p, object[:100]) {
			t.Errorf("%v: %q", err, p)
		}
	})
}

// TestStalls: a body that stops or breaks off goes on from there, over the same object
// and a few times only; one that comes in drops is one that stops.
func TestStalls(t *testing.T) {
	for _, c := range []struct {
		name  string
		stops int64 // how many answers stop
		how   func(w http.ResponseWriter, r *http.Request)
		fault Fault
		fails bool
	}{
		{"stops once", 1, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "", false},
		{"breaks off twice", 2, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", false},
		{"stops always", 1 << 40, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, Stalls, true},
		{"drops", 1 << 40, func(w http.ResponseWriter, r *http.Request) {
			for i := 0; r.Context().Err() == nil; i++ {
				_, err := w.Write([]byte{'!'})
				if err != nil || http.NewResponseController(w).Flush() != nil {
					return
				}
				time.Sleep(10 * time.Millisecond) // the store's pace
			}
		}, Stalls, true},
	} {
		eachWay(t, c.name, func(t *testing.T, read way) {
			var asked atomic.Int64
			s := open(t, func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) > c.stops {
					serve(w, r)
					return
				}
				rec := httptest.NewRecorder()
				serve(rec, r)
				for k, v := range rec.Header() {
					w.Header()[k] = v
				}
				w.WriteHeader(rec.Code)
				_, _ = w.Write(rec.Body.Bytes()[:10])
				_ = http.NewResponseController(w).Flush()
				c.how(w, r)
			})
			p := make([]byte, 200<<10)
			err := read(t, s, "tag", 7, p)
			if c.fails {
				f, _ := errors.AsType[Fault](err)
				if f != c.fault || schemas.KindOf(err) != schemas.Unavailable || asked.Load() > retries+1 {
					t.Errorf("%v after %d reads", err, asked.Load())
				}
				return
			}
			if err != nil || !bytes.Equal(p, object[7:7+len(p)]) || asked.Load() != c.stops+1 {
				t.Errorf("%v after %d reads", err, asked.Load())
			}
		})
	}
	t.Run("another object after the stop", func(t *testing.T) {
		var asked atomic.Int64
		s := open(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", fmt.Sprintf(`"tag%d"`, asked.Add(1)))
			w.Header().Set("Last-Modified", "Thu, 01 Jan 1970 00:00:01 GMT")
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		body, err := s.Open(t.Context(), "lab", "k", "", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		_, err = io.ReadAll(body)
		if schemas.KindOf(err) != schemas.Gone {
			t.Errorf("two objects are joined: %v", err)
		}
	})
	t.Run("a slow reader is not a slow store", func(t *testing.T) {
		s := open(t, serve)
		body, err := s.Open(t.Context(), "lab", "k", "tag", 0, int64(len(object)))
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		first := make([]byte, 10)
		_, err = io.ReadFull(body, first)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * s.idle) // the reader's
		rest, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(append(first, rest...), object) {
			t.Errorf("%v", err)
		}
	})
}

// TestWriteStalls: a store that takes an object's beginning and no more.
func TestWriteStalls(t *testing.T) {
	stop := make(chan struct{})
	s := open(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	})
	defer close(stop)
	body := bytes.NewReader(make([]byte, 12<<20))
	_, err := s.Put(t.Context(), "lab", "k", body, body.Size())
	if f, _ := errors.AsType[Fault](err); f != Stalls {
		t.Errorf("%v", err)
	}
}

// TestProbe: what a store lacks is named.
func TestProbe(t *testing.T) {
	for _, c := range []struct {
		header string // of the request or answer that is taken away
		fault  Fault
	}{{"", ""}, {"Etag", NoETag}, {"Range", NoRange}, {"If-Match", NoCondition}} {
		s := open(t, func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del(c.header)
			head(func(h http.Header) int { h.Del(c.header); return 0 })(w, r)
		})
		err := s.Probe(t.Context(), "lab", "k")
		f, _ := errors.AsType[Fault](err)
		if f != c.fault || (err == nil) != (c.fault == "") || err != nil && schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("without %q: %v", c.header, err)
		}
	}
}

// TestListings: a listing that repeats a page, or whose pages have nothing and go on.
func TestListings(t *testing.T) {
	page := func(keys ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>`)
			for _, k := range keys {
				fmt.Fprintf(w, `<Contents><Key>%s</Key><Size>1</Size><ETag>"t"</ETag></Contents>`, k)
			}
			fmt.Fprint(w, `</ListBucketResult>`)
		}
	}
	for name, h := range map[string]http.HandlerFunc{"repeats": page("p/a", "p/b"), "elsewhere": page("q/a")} {
		_, err := open(t, h).List(t.Context(), "lab", "p/", 100)
		if f, _ := errors.AsType[Fault](err); f != Endless {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := open(t, page()).List(ctx, "lab", "p/", 100)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("pages of nothing: %v", err)
	}
}

// TestLengths: what a store says of an object's length holds for all of its answers, and
// what it wrote is as it was given.
func TestLengths(t *testing.T) {
	says := func(length, etag string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch r.Method {
			case http.MethodHead:
				w.Header().Set("Last-Modified", "Thu, 01 Jan 1970 00:00:01 GMT")
				w.Header().Set("ETag", etag)
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
			case http.MethodPut:
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("ETag", `"tag"`)
			default:
				serve(w, r)
			}
		}
	}
	whole := fmt.Sprint(len(object))
	for _, c := range []struct {
		length, etag string
		read, wrote  Fault
	}{
		{whole, `"tag"`, "", ""},
		{"100", `"tag"`, OtherLength, OtherLength},
		{whole + "0", `"tag"`, OtherLength, OtherLength},
		{"", `"tag"`, NoLength, NoLength},
		{whole, `"` + string(bytes.Repeat([]byte("x"), maxETag+1)) + `"`, NoETag, NoETag},
		{whole, `"tag2"`, "", OtherETag},
	} {
		s := open(t, says(c.length, c.etag))
		info, err := s.Stat(t.Context(), "lab", "k")
		if err == nil && c.wrote != OtherETag {
			var body io.ReadCloser
			body, err = s.OpenWhole(t.Context(), "lab", info)
			if err == nil {
				var got []byte
				got, err = io.ReadAll(body)
				body.Close()
				if err == nil && !bytes.Equal(got, object) {
					t.Errorf("%.20s: %d of %d bytes were taken for whole", c.length, len(got), len(object))
				}
			}
		}
		if f, _ := errors.AsType[Fault](err); f != c.read {
			t.Errorf("read, %.20s, %.20s: %v, want %q", c.length, c.etag, err, string(c.read))
		}
		_, err = s.PutOnce(t.Context(), "lab", "k", bytes.NewReader(object), int64(len(object)))
		if f, _ := errors.AsType[Fault](err); f != c.wrote {
			t.Errorf("wrote, %.20s, %.20s: %v, want %q", c.length, c.etag, err, string(c.wrote))
		}
	}
}

// TestWordsAreShort: what a store says at length does not fill our log.
func TestWordsAreShort(t *testing.T) {
	s := open(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "<Error><Code>Odd</Code><Message>%s</Message></Error>", bytes.Repeat([]byte("words "), 1<<16))
	})
	err := s.ReadRange(t.Context(), "lab", "k", "tag", 0, make([]byte, 1))
	if err == nil || len(err.Error()) > 1000 {
		t.Errorf("%d bytes of words", len(fmt.Sprint(err)))
	}
}

// TestParts: of an object that comes from a reader little is held, however long it is.
func TestParts(t *testing.T) {
	t.Parallel()
	sizes := make(chan int64, 100)
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
			return
		}
		if r.Method == http.MethodPut {
			sizes <- r.ContentLength
		}
		w.WriteHeader(http.StatusForbidden)
	})
	_, err := s.Put(t.Context(), "lab", "k", struct{ io.Reader }{bytes.NewReader(make([]byte, 20<<20))}, 50<<30)
	if err == nil {
		t.Fatal("the store refused a part, and the whole is taken")
	}
	if n := <-sizes; n > 9<<20 {
		t.Errorf("a part has %d bytes", n)
	}
}
