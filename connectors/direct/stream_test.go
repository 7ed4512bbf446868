package direct

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/client"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

const (
	batches = 6
	perRows = 10
)

// stand is a gateway and a store behind it that a test has in its hands: batches of ten rows, of
// which each is a range of its own.
type stand struct {
	gateway, store *httptest.Server
	schema         []byte
	messages       [batches][]byte
	edit           func(r *Ranges)                                   // of an answer, if not nil
	before         func(w http.ResponseWriter, r *http.Request) bool // of a request for a range: true, it is answered
	asked, gets    atomic.Int64
	streams        atomic.Int64 // of rows
	token          atomic.Value // that came to the store
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{}
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	for i := range s.messages {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for n := range perRows {
			b.Field(0).(*array.Int64Builder).Append(int64(i*perRows + n))
		}
		var out bytes.Buffer
		w := arrowipc.NewWriter(&out, arrowipc.WithSchema(schema))
		if err := w.Write(b.NewRecord()); err != nil {
			t.Fatal(err)
		}
		_, at, err := ipc.SplitMessage(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		s.schema = append([]byte(nil), out.Bytes()[:at.Len()]...)
		s.messages[i] = append([]byte(nil), out.Bytes()[at.Len():]...)
	}
	s.gateway, s.store = httptest.NewServer(http.HandlerFunc(s.answer)), httptest.NewServer(http.HandlerFunc(s.object))
	t.Cleanup(s.gateway.Close)
	t.Cleanup(s.store.Close)
	return s
}

// answer is the gateway.
func (s *stand) answer(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	switch {
	case strings.HasSuffix(path, "/ranges"):
		var ask RangesAsk
		_ = json.NewDecoder(r.Body).Decode(&ask)
		s.asked.Add(1)
		out := Ranges{Release: "rel-a", Seconds: 60, Part: batches * perRows, Next: ask.From}
		for len(out.Pieces) < 4 && out.Next < out.Part { // four pieces at a time
			i := out.Next / perRows
			one := SignedRange{URL: fmt.Sprintf("%s/%d?signed", s.store.URL, i), Headers: map[string]string{"Range": "bytes=0-9", "If-Match": `"e"`},
				Bytes: int64(len(s.messages[i])), Rows: perRows, Take: perRows}
			out.Pieces = append(out.Pieces, Piece{Rows: perRows, Ranges: []SignedRange{one}})
			out.Next += perRows
		}
		if s.edit != nil {
			s.edit(&out)
		}
		_ = json.NewEncoder(w).Encode(out)
	case strings.HasSuffix(path, "/stream"):
		q := r.URL.Query()
		from, _ := strconv.Atoi(q.Get("from"))
		rows := batches*perRows - from
		if q.Get("schema") == "only" {
			rows = 0
		}
		w.Header().Set("Guichet-Rows", strconv.Itoa(rows))
		w.Header().Set("Guichet-Part", strconv.Itoa(batches*perRows))
		_, _ = w.Write(s.schema)
		if rows > 0 {
			s.streams.Add(1)
			for _, m := range s.messages[from/perRows:] {
				_, _ = w.Write(m)
			}
		}
		_, _ = w.Write(ipc.EndOfStream())
	default:
		http.NotFound(w, r)
	}
}

// object is the store.
func (s *stand) object(w http.ResponseWriter, r *http.Request) {
	s.gets.Add(1)
	s.token.Store(r.Header.Get("Authorization"))
	if s.before != nil && s.before(w, r) {
		return
	}
	if r.Header.Get("Range") != "bytes=0-9" || r.Header.Get("If-Match") != `"e"` {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	i, _ := strconv.Atoi(strings.Trim(r.URL.Path, "/"))
	w.Header().Set("Content-Length", strconv.Itoa(len(s.messages[i])))
	w.WriteHeader(http.StatusPartialContent)
	_, _ = w.Write(s.messages[i])
}

// read reads all of it.
func (s *stand) read(t *testing.T) (*Stream, []byte, error) {
	t.Helper()
	c, err := client.New(s.gateway.URL, client.Static("me"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := Open(t.Context(), c, client.Static("lease"), "agr-a", url.Values{"world": {"1"}, "rank": {"0"}})
	if err != nil {
		return nil, nil, err
	}
	defer st.Close()
	b, err := io.ReadAll(st)
	return st, b, err
}

func (s *stand) whole() []byte {
	return append(append(append([]byte(nil), s.schema...), bytes.Join(s.messages[:], nil)...), ipc.EndOfStream()...)
}

// What is read by URL is the gateway's own stream, byte for byte, however it comes; no token goes to
// the store.
func TestStreamsAreEqual(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   func(s *stand)
		streamed int64 // rows
		again    bool  // something is asked for more than once
	}{
		{"all by URL", func(*stand) {}, 0, false},
		{"some rows without URLs", func(s *stand) {
			s.edit = func(r *Ranges) {
				if r.Pieces[0].Rows == perRows {
					r.Pieces[1].Ranges = nil
				}
			}
		}, 2 * perRows, false},
		{"parts of batches", func(s *stand) { s.edit = func(r *Ranges) { r.Pieces[0].Ranges[0].Skip = 1 } }, 2 * perRows, false},
		{"windows that are permuted", func(s *stand) { s.edit = func(r *Ranges) { r.Pieces[0].Window = &Window{Rows: perRows} } }, 2 * perRows, false},
		{"URLs that are dead", func(s *stand) {

			s.before = func(_ http.ResponseWriter, r *http.Request) bool {
				if s.gets.Load()%5 == 3 {
					r.Header.Del("Range") // for the store it is a bad signature
				}
				return false
			}

		}, 0, true},
		{"URLs that are too old at once", func(s *stand) {
			s.edit = func(r *Ranges) {
				if s.asked.Load() == 2 {
					r.Seconds = 0
				}
			}
		}, 0, true},
		{"a store that breaks off", func(s *stand) {
			s.before = func(w http.ResponseWriter, _ *http.Request) bool {
				if s.gets.Load() != 3 {
					return false
				}
				w.Header().Set("Content-Length", strconv.Itoa(len(s.messages[2])))
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(s.messages[2][:20])
				panic(http.ErrAbortHandler)
			}
		}, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t)
			c.change(s)
			st, got, err := s.read(t)
			if err != nil || !bytes.Equal(got, s.whole()) {
				t.Fatalf("%d bytes, want %d: %v", len(got), len(s.whole()), err)
			}
			if st.Received() != batches*perRows || st.Rows != batches*perRows || st.ByStream() != c.streamed || st.Release() != "rel-a" {
				t.Errorf("%d rows, %d by the stream, release %s", st.Received(), st.ByStream(), st.Release())
			}
			if s.asked.Load() < 2 || c.again != (s.asked.Load()+s.gets.Load() > 2+batches) || (s.streams.Load() > 0) != (c.streamed > 0) {
				t.Errorf("%d asks, %d ranges, %d streams", s.asked.Load(), s.gets.Load(), s.streams.Load())
			}
			if token, _ := s.token.Load().(string); token != "" {
				t.Errorf("the store got %q", token)
			}
		})
	}
}

// What is not what was announced is an error, and never a shorter whole.
func TestStreamsThatBreak(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *stand)
		kind   schemas.Kind
	}{
		{"another object", func(s *stand) {
			s.before = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusPreconditionFailed)
				return true
			}
		}, schemas.Gone},
		{"fewer rows", func(s *stand) {
			s.edit = func(r *Ranges) { r.Pieces[0].Ranges[0].Rows, r.Pieces[0].Ranges[0].Take = 11, 11 }
		}, schemas.Gone},
		{"no messages", func(s *stand) { s.messages[0] = bytes.Repeat([]byte{7}, 64) }, schemas.Gone},
		{"half a message", func(s *stand) { s.messages[0] = s.messages[0][:40] }, schemas.Gone},
		{"more than a range may have", func(s *stand) { s.edit = func(r *Ranges) { r.Pieces[0].Ranges[0].Bytes = MaxRange + 1 } }, schemas.Invalid},
		{"no address", func(s *stand) { s.edit = func(r *Ranges) { r.Pieces[0].Ranges[0].URL = ":" } }, schemas.Internal},
		{"a whole object for a range", func(s *stand) {
			s.before = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusOK); return true }
		}, schemas.Unavailable},
		{"no rows at all", func(s *stand) { s.edit = func(r *Ranges) { r.Pieces = nil } }, schemas.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t)
			c.change(s)
			_, got, err := s.read(t)
			if err == nil || schemas.KindOf(err) != c.kind || bytes.HasSuffix(got, ipc.EndOfStream()) {
				t.Errorf("%d bytes, %v; want %s", len(got), err, c.kind)
			}
		})
	}
}

// What cannot be read so is refused before anything is read, so that the stream is taken instead.
func TestOpenRefuses(t *testing.T) {
	s := newStand(t)
	c, err := client.New(s.gateway.URL, client.Static("me"))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"seed": "7", "columns": "n"} {
		_, err := Open(t.Context(), c, client.Static("lease"), "agr-a", url.Values{key: {value}})
		if schemas.KindOf(err) != schemas.Invalid || s.asked.Load() > 0 {
			t.Errorf("%s: %v, %d asks", key, err, s.asked.Load())
		}
	}
	s.gateway.Config.Handler = http.NotFoundHandler() // one of before there were URLs
	_, err = Open(t.Context(), c, client.Static("lease"), "agr-a", url.Values{})
	if err == nil {
		t.Error("it opens")
	}
}

// Who stops reading leaves nothing behind.
func TestClose(t *testing.T) {
	s := newStand(t)
	c, err := client.New(s.gateway.URL, client.Static("me"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	st, err := Open(ctx, c, client.Static("lease"), "agr-a", url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.Read(make([]byte, 8))
	if err != nil || st.Close() != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(st)
	if err == nil {
		t.Error("what is closed goes on")
	}
}

// A refusal in the middle, as of a revocation, ends the stream in the gateway's words.
func TestStreamsThatAreRefused(t *testing.T) {
	s := newStand(t)
	ends := s.gateway.Config.Handler
	s.gateway.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/ranges") && s.asked.Load() == 1 {
			w.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(w).Encode(schemas.Problem{Type: "urn:guichet:problem:denied", Status: 403, Detail: "the agreement was revoked"})
			return
		}
		ends.ServeHTTP(w, r)
	})
	_, got, err := s.read(t)
	want := append(append([]byte(nil), s.schema...), bytes.Join(s.messages[:4], nil)...)
	if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "revoked") || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Messages are taken until there are enough rows or bytes; schemas stay away, and what is no message,
// or only a part of one, is an error.
func TestTransfer(t *testing.T) {
	s := newStand(t)
	in := s.whole()
	for _, c := range []struct {
		name string
		in   []byte
		rows int64 // wanted
		got  int64
		ok   bool
	}{
		{"all rows", in, batches * perRows, batches * perRows, true},
		{"a whole batch at least", in, perRows + 1, 2 * perRows, true},
		{"none", nil, 0, 0, true},
		{"too few", in, batches*perRows + 1, batches * perRows, false},
		{"the end alone", ipc.EndOfStream(), 1, 0, false},
		{"a short head", in[:5], 1, 0, false},
		{"short metadata", in[:20], 1, 0, false},
		{"a short body", in[:len(s.schema)+len(s.messages[0])-1], 1, 0, false},
		{"metadata that is none", append([]byte{255, 255, 255, 255, 16, 0, 0, 0}, make([]byte, 16)...), 1, 0, false},
		{"no end of metadata", []byte{255, 255, 255, 255, 255, 255, 255, 127}, 1, 0, false},
	} {
		var out bytes.Buffer
		rows, n, err := transfer(&out, bytes.NewReader(c.in), func(rows, _ int64) bool { return rows >= c.rows })
		if rows != c.got || (err == nil) != c.ok || bytes.HasPrefix(out.Bytes(), s.schema) || err == nil && n < int64(out.Len()) {
			t.Errorf("%s: %d rows, %d bytes, %v", c.name, rows, n, err)
		}
	}
}

// Rows are counted without a copy, and what is no whole message is an error.
func TestRowsOf(t *testing.T) {
	s := newStand(t)
	two := append(append([]byte(nil), s.messages[0]...), s.messages[1]...)
	for _, c := range []struct {
		in   []byte
		rows int64
		ok   bool
	}{{nil, 0, true}, {two, 2 * perRows, true}, {s.schema, 0, true}, {two[:len(two)-1], perRows, false}, {two[:4], 0, false}, {[]byte("no message at all"), 0, false}} {
		rows, err := rowsOf(c.in)
		if rows != c.rows || (err == nil) != c.ok {
			t.Errorf("%d bytes: %d rows, %v; want %d", len(c.in), rows, err, c.rows)
		}
	}
}

// A range lies in the buffer that is given where that is large enough.
func TestGetIntoABuffer(t *testing.T) {
	s := newStand(t)
	one := SignedRange{URL: s.store.URL + "/2", Headers: map[string]string{"Range": "bytes=0-9", "If-Match": `"e"`}, Bytes: int64(len(s.messages[2]))}
	buf := make([]byte, 1<<16)
	for _, into := range [][]byte{nil, buf[:3], buf[:0:8]} {
		got, err := Get(t.Context(), http.DefaultClient, one, into)
		if err != nil || !bytes.Equal(got, s.messages[2]) || (&got[0] == &buf[0]) != (cap(into) == len(buf)) {
			t.Errorf("%d bytes into %d: %v", len(got), cap(into), err)
		}
	}
}

// TestErrorsHoldNoURL: a URL opens its range to whoever reads it, so no message has one.
func TestErrorsHoldNoURL(t *testing.T) {
	t.Parallel()
	one := SignedRange{URL: "http://127.0.0.1:1/bucket/key?X-Amz-Signature=0123456789abcdef", Bytes: 10}
	_, err := Get(t.Context(), http.DefaultClient, one, nil)
	if schemas.KindOf(err) != schemas.Unavailable || strings.Contains(err.Error(), "Signature") {
		t.Errorf("%v", err)
	}
}
