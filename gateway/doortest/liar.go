package doortest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/connectors/client"
	"guichet/schemas"
)

// Lie is how a Liar answers.
type Lie string

// The lies. An honest store answers as S3 does.
const (
	Honest     Lie = ""
	OtherBytes Lie = "other bytes under the same ETag"
	NoETag     Lie = "no ETag"
	NoMatch    Lie = "another object, and If-Match ignored"
	NoRange    Lie = "Range ignored"
	OtherRange Lie = "another range"
	Forbids    Lie = "403 to every GET"
	NoTime     Lie = "no Last-Modified"
	StallsOnce Lie = "stops half way, once"
	Stalls     Lie = "stops half way"
	Endless    Lie = "sends more without an end"
)

// Liar is an S3 store with one bucket that answers as it is told to.
type Liar struct {
	ID      schemas.StoreID
	mu      sync.Mutex
	objects map[string][]byte
	lie     Lie
	asked   map[string]int // GETs of more than a part, by key
	own     []schemas.Prefix
}

// NewLiar starts a store and registers it; own says that the operator answers for it.
func NewLiar(t testing.TB, r *Rig, id schemas.StoreID, own bool) *Liar {
	t.Helper()
	l := &Liar{
		ID:      id,
		objects: map[string][]byte{},
		asked:   map[string]int{},
		own:     []schemas.Prefix{{Participant: "https://agronomy.example", Bucket: "lies", Prefix: "agronomy/"}},
	}
	web := httptest.NewServer(l)
	t.Cleanup(web.Close)
	must(
		t,
		r.As(t, "operator").
			Post(t.Context(), "/stores?unchecked=true", schemas.Store{ID: id, Endpoint: web.URL, Region: "eu", CredentialRef: "local", Own: own,
				Prefixes: l.own}, nil),
	)
	return l
}

// prefixes gives the store other prefixes.
func (l *Liar) prefixes(t testing.TB, r *Rig, p []schemas.Prefix) {
	t.Helper()
	op := r.As(t, "operator")
	stores, err := client.All[schemas.Store](t.Context(), op, "/stores")
	must(t, err)
	for _, s := range stores {
		if s.ID == l.ID {
			s.Prefixes = p
			must(t, op.Post(t.Context(), "/stores?unchecked=true", s, nil, client.IfMatch(s.Revision)))
		}
	}
}

// Asked counts how often an object's bytes were asked for, probes left out.
func (l *Liar) Asked(key string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[key]
}

// Put keeps an object.
func (l *Liar) Put(key string, b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.objects[key] = b
}

// Tell says how to answer from now on.
func (l *Liar) Tell(lie Lie) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lie = lie
}

// ServeHTTP is http.Handler's.
func (l *Liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	b, ok := l.objects[strings.TrimPrefix(r.URL.Path, "/lies/")]
	lie := l.lie
	part := r.Header.Get("Range")
	if r.Method == http.MethodGet && (part == "" || strings.HasPrefix(part, "bytes=0-") && part != "bytes=0-0") {
		l.asked[strings.TrimPrefix(r.URL.Path, "/lies/")]++
	}
	if lie == StallsOnce && r.Method == http.MethodGet {
		l.lie = Honest
	}
	l.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	etag, changed := `"published"`, time.Unix(1, 0)
	switch lie {
	case OtherBytes:
		b = bytes.ReplaceAll(b, []byte("many"), []byte("evil"))
	case NoETag:
		etag = ""
		r.Header.Del("If-Match")
	case NoMatch:
		etag = `"another"`
		r.Header.Del("If-Match")
	case NoRange:
		r.Header.Del("Range")
	case OtherRange:
		r.Header.Set("Range", "bytes=0-9")
	case NoTime:
		changed = time.Time{}
	case Forbids:
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusForbidden)
			return
		}
	}
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	switch lie {
	case StallsOnce, Stalls:
		w = &stopping{w, r, 0}
	case Endless:
		w = unmeasured{w}
	}
	http.ServeContent(w, r, "", changed, bytes.NewReader(b))
	for lie == Endless && r.Method == http.MethodGet && r.Context().Err() == nil {
		_, err := w.Write(b)
		if err != nil {
			return
		}
	}
}

// unmeasured leaves the length out.
type unmeasured struct{ http.ResponseWriter }

func (u unmeasured) WriteHeader(status int) {
	u.Header().Del("Content-Length")
	u.ResponseWriter.WriteHeader(status)
}

// stopping sends a thousand bytes, and then nothing.
type stopping struct {
	http.ResponseWriter
	r *http.Request
	n int
}

func (s *stopping) Write(p []byte) (int, error) {
	n, err := s.ResponseWriter.Write(p[:min(len(p), max(1000-s.n, 0))])
	s.n += n
	if err != nil || s.n < 1000 || s.r.Method == http.MethodHead {
		return len(p), err
	}
	_ = http.NewResponseController(s.ResponseWriter).Flush() // it may be gone
	<-s.r.Context().Done()
	return n, s.r.Context().Err()
}
