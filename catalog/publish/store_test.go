package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"guichet/catalog"
	"guichet/connectors/s3"
	"guichet/connectors/s3/s3test"
	"guichet/schemas"
)

// TestStoresThatAreNotUp: what a store does that no version could rest on fails the version
// in words that say whose matter it is; one that is away for a moment is asked again.
func TestStoresThatAreNotUp(t *testing.T) {
	get := func(r *http.Request) bool { return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".csv") }
	for name, c := range map[string]struct {
		before func(n int64, w http.ResponseWriter, r *http.Request) bool
		says   string // "": it is published
	}{
		"ignores If-Match": {func(_ int64, _ http.ResponseWriter, r *http.Request) bool { r.Header.Del("If-Match"); return false }, "ignores If-Match"},
		"ignores Range":    {func(_ int64, _ http.ResponseWriter, r *http.Request) bool { r.Header.Del("Range"); return false }, "ignores Range"},
		"forbids":          {func(_ int64, w http.ResponseWriter, r *http.Request) bool { return get(r) && answer(w, 403) }, "refuses what the gateway asks of it (403) (" + wheat + "a.csv); the operator looks at the credentials"},
		"away at first":    {func(n int64, w http.ResponseWriter, r *http.Request) bool { return get(r) && n < 3 && answer(w, 503) }, ""},
		"no bucket to write": {func(_ int64, w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodPut && answer(w, 404)
		}, "store lab has no object versions/"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			var n atomic.Int64
			l.bucket.Before = func(w http.ResponseWriter, r *http.Request) bool { return c.before(n.Add(1), w, r) }
			l.run()
			id := l.dataset()
			l.put("a.csv", "x\n1\n2\n")
			v := l.published(id, of("v1", "a.csv"))
			if c.says == "" {
				if v.State != schemas.VersionPublished || v.Rows != 2 {
					t.Errorf("%s\n%s", v.State, said(v.Failures))
				}
				return
			}
			if v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), c.says) {
				t.Errorf("%s\n%s", v.State, said(v.Failures))
			}
		})
	}
}

func answer(w http.ResponseWriter, status int) bool {
	w.WriteHeader(status)
	return true
}

// TestChangesWhileItIsRead: an object that is replaced between the look at it and its
// bytes is not read as if it were the first one.
func TestChangesWhileItIsRead(t *testing.T) {
	l := newLab(t)
	id := l.dataset()
	l.put("a.csv", "x\n1\n")
	var once sync.Once
	l.bucket.Before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "a.csv") &&
			r.Header.Get("If-Match") == `"`+s3test.ETag([]byte("x\n1\n"))+`"` {
			once.Do(func() { l.put("a.csv", "x\n2\n3\n") })
		}
		return false
	}
	l.run()
	v := l.published(id, of("v1", "a.csv"))
	if v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), "a.csv: the object "+wheat+"a.csv changed in its store") {
		t.Errorf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
}

// TestTypesOfAllFiles: the CSV files of a table have one type for each column, that which
// all of them allow; what was written with another is written again.
func TestTypesOfAllFiles(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("1.csv", "id,v\n1,1\n", "2.csv", "id,v\n2,2.5\n", "3.csv", "id,v\nx,3\n")
	for version, c := range map[string]struct {
		names   []string
		columns string
		reads   int // at most: each once, and those once more that were read with other types
	}{
		"whole":   {[]string{"1.csv"}, "[{id int64} {v int64}]", 1},
		"numbers": {[]string{"1.csv", "2.csv"}, "[{id int64} {v float64}]", 4},
		"texts":   {[]string{"1.csv", "2.csv", "3.csv"}, "[{id utf8} {v float64}]", 6},
	} {
		before := len(l.reads.names)
		v := l.published(id, of(version, c.names...))
		if v.State != schemas.VersionPublished || fmt.Sprint(v.Data[0].Columns) != c.columns {
			t.Errorf("%s: %v\n%s", version, v.Data, said(v.Failures))
		}
		if n := len(l.reads.names) - before; n > c.reads {
			t.Errorf("%s: %d reads, more than %d: %q", version, n, c.reads, l.reads.names[before:])
		}
		stand := map[string]bool{}
		for s := range v.EveryShard() {
			stand[s.Key] = true
		}
		for _, key := range l.bucket.Keys(worked) {
			if strings.Contains(key, "/"+version+"/") && !stand[key] {
				t.Errorf("%s: %s was written first and stays", version, key)
			}
		}
	}
}

// TestOthersGoOn: a version whose objects hang does not keep other providers' versions.
func TestOthersGoOn(t *testing.T) {
	l := newLab(t)
	slow, hangs := make(chan struct{}), make(chan struct{}, publishersEach)
	l.reads.hold = func(ctx context.Context, name string) {
		if strings.Contains(name, "slow") {
			hangs <- struct{}{}
			select {
			case <-slow:
			case <-ctx.Done():
			}
		}
	}
	l.run()
	l.put("slow-1.csv", "x\n1\n", "slow-2.csv", "x\n1\n", "quick.csv", "x\n1\n")
	var hung []schemas.DatasetID
	for i := range publishersEach {
		id := l.dataset()
		_, err := l.Publish(t.Context(), agronomy, id, of("v1", fmt.Sprintf("slow-%d.csv", i+1)))
		must(t, err)
		hung = append(hung, id)
	}
	for range hung { // until then a third one may come before them
		<-hangs
	}
	waits := l.dataset()
	_, err := l.Publish(t.Context(), agronomy, waits, of("v1", "quick.csv"))
	must(t, err)
	d, err := l.Catalog.Register(
		t.Context(),
		grid,
		schemas.Dataset{Title: schemas.Text{"en": "Load"}, Description: schemas.Text{"en": "Load of a grid."},
			Space: "energy", Provider: grid.Participant, Licence: "CC-BY-4.0", Countries: []string{"FR"}},
	)
	must(t, err)
	l.bucket.Put(provided, "spaces/grid/load.csv", []byte("x\n1\n"))
	p := of("v1")
	p.Tables[0].Splits[0].Keys = []string{"spaces/grid/load.csv"}
	_, err = l.Publish(t.Context(), grid, d.ID, p)
	must(t, err)
	if v := l.ended(d.ID, "v1"); v.State != schemas.VersionPublished {
		t.Errorf("another provider's version: %s\n%s", v.State, said(v.Failures))
	}
	if v, err := l.Catalog.Version(t.Context(), waits, "v1"); err != nil || v.State != schemas.VersionPublishing {
		t.Errorf("a third version of the same provider does not wait: %s, %v", v.State, err)
	}
	close(slow)
	for _, id := range append(hung, waits) {
		if v := l.ended(id, "v1"); v.State != schemas.VersionPublished {
			t.Errorf("%s\n%s", v.State, said(v.Failures))
		}
	}
}

// TestWhatMayPass: a store that is away may be there again; what it does by its nature, and
// what is wrong with an object, is told at once.
func TestWhatMayPass(t *testing.T) {
	away := schemas.Errorf(schemas.Unavailable, "k", "store lab does not answer")
	for name, c := range map[string]struct {
		err error
		is  bool
	}{
		"away":      {away, true},
		"stalls":    {fmt.Errorf("read: %w", &schemas.Error{Kind: schemas.Unavailable, Err: s3.Stalls}), true},
		"endless":   {&schemas.Error{Kind: schemas.Unavailable, Err: s3.Endless}, true},
		"forbids":   {&schemas.Error{Kind: schemas.Unavailable, Err: s3.Forbids}, false},
		"no ETag":   {&schemas.Error{Kind: schemas.Unavailable, Err: fmt.Errorf("%w: %w", s3.NoETag, errors.New("x"))}, false},
		"broken":    {schemas.Errorf(schemas.Invalid, "k", "the object is cut"), false},
		"not there": {schemas.Errorf(schemas.NotFound, "k", "no such object"), false},
		"ours":      {errors.New("a word for the log"), false},
		"nothing":   {nil, false},
	} {
		if got := mayPass(c.err); got != c.is {
			t.Errorf("%s may pass: %t", name, got)
		}
	}
}

// TestInterrupted: a publisher that is stopped while it reads leaves the version as it was,
// and gives back what its children held.
func TestInterrupted(t *testing.T) {
	l := newLab(t)
	id := l.dataset()
	l.put("1.csv", "x\n1\n")
	ctx, stop := context.WithCancel(t.Context())
	l.reads.hold = func(ctx context.Context, _ string) {
		stop()
		<-ctx.Done()
	}
	_, err := l.Publish(t.Context(), agronomy, id, of("v1", "1.csv"))
	must(t, err)
	must(t, l.Run(ctx))
	v, err := l.Catalog.Version(t.Context(), id, "v1")
	if err != nil || v.State != schemas.VersionPublishing || v.ShardsDone != 0 || v.Waiting != nil || len(v.Failures) > 0 {
		t.Errorf("%+v, %v", v.VersionSummary, err)
	}
	if got := l.bucket.Keys(worked); len(got) > 0 {
		t.Errorf("in the work bucket are %q", got)
	}
	if l.resting(catalog.VersionKey(id, "v1")) {
		t.Error("a version that was stopped rests as if it had failed")
	}
}
