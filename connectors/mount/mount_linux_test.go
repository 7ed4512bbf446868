package mount

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"guichet/connectors/client"
	"guichet/schemas"
)

// site is a gateway of two tables, one of them with two splits, that shows and refuses what a
// test says.
type site struct {
	mu      sync.Mutex
	files   map[string][]byte // by table/split/name
	unsized bool              // a HEAD does not say how long they are
	refuse  *schemas.Problem  // of everything
	leases  int
	lasts   time.Duration
	asked   []string
}

// newSite makes one, and a client of it.
func newSite(t *testing.T) (*site, What) {
	t.Helper()
	s := &site{files: map[string][]byte{}, lasts: time.Hour}
	for i, name := range []string{"fields/train/0.arrow", "fields/train/1.arrow", "fields/test/0.arrow", "soils/all/0.arrow"} {
		s.files[name] = made(300<<10 + i)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, client.Static("a person's"))
	if err != nil {
		t.Fatal(err)
	}
	return s, What{Source: c.Files(client.FilesOf{Agreement: "agr-a", Columns: "x"}), Tell: func(text string) { t.Log(text) }}
}

// ServeHTTP is for net/http.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	s.asked = append(s.asked, r.Method+" "+path+" "+r.Header.Get("Range"))
	switch {
	case s.refuse != nil:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(s.refuse.Status)
		_ = json.NewEncoder(w).Encode(s.refuse)
	case path == "/leases":
		s.leases++
		_ = json.NewEncoder(w).Encode(schemas.LeaseAnswer{Token: fmt.Sprintf("lease-%d", s.leases), Until: time.Now().Add(s.lasts)})
	case r.Header.Get("Authorization") != fmt.Sprintf("Bearer lease-%d", s.leases):
		http.Error(w, "another lease", http.StatusUnauthorized)
	case path == "/agreements/agr-a/manifest":
		shards := func(n int) []schemas.ManifestShard { return make([]schemas.ManifestShard, n) }
		_ = json.NewEncoder(w).Encode(schemas.Manifest{Agreement: "agr-a", Version: "v1", Tables: []schemas.ManifestSplit{
			{Table: "fields", Split: "train", Rows: 7, Shards: shards(2)}, {Table: "fields", Split: "test", Rows: 2, Shards: shards(1)},
			{Table: "soils", Split: "all", Rows: 1, Shards: shards(1)}}})
	default:
		b, ok := s.files[strings.TrimPrefix(path, "/agreements/agr-a/tables/")]
		if !ok || r.URL.Query().Get("columns") != "x" || r.URL.Query().Get("version") != "v1" {
			http.Error(w, "no such file", http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, len(b)))
		if s.unsized && r.Method == http.MethodHead {
			w.Header().Set("Transfer-Encoding", "chunked")
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}
}

// set changes what it does from now on.
func (s *site) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// mounts mounts it for a test.
func mounts(t *testing.T, what What) (*Mounted, string) {
	t.Helper()
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("not tested here: this machine mounts nothing: %v", err)
	}
	if err == nil {
		_ = f.Close()
	}
	dir := t.TempDir()
	m, err := Mount(t.Context(), dir, what)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Unmount() })
	return m, dir
}

// tree lists the files of a folder.
func tree(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every table and split is a folder, every shard a file of its size and bytes, also where the
// gateway knows the size only once it has made it. Listing reads none of them.
func TestTree(t *testing.T) {
	t.Parallel()
	for _, unsized := range []bool{false, true} {
		s, what := newSite(t)
		s.unsized = unsized
		m, dir := mounts(t, what)
		want := []string{"_manifest.json", "fields/test/0.arrow", "fields/train/0.arrow", "fields/train/1.arrow", "soils/all/0.arrow"}
		if have := tree(t, dir); !slices.Equal(have, want) {
			t.Errorf("it holds %v, want %v", have, want)
		}
		if rows, files := m.Rows(); rows != 10 || files != 4 {
			t.Errorf("it has %d rows in %d files", rows, files)
		}
		s.set(func() {
			for _, a := range s.asked {
				if strings.HasPrefix(a, "GET") && !strings.HasSuffix(a, "manifest ") && !(unsized && strings.HasSuffix(a, "bytes=0-0")) {
					t.Errorf("before anybody opens a file it asks %s", a)
				}
			}
		})
		for name, b := range s.files {
			have, err := os.ReadFile(filepath.Join(dir, name))
			st, late := os.Stat(filepath.Join(dir, name))
			if err != nil || late != nil || !bytes.Equal(have, b) || st.Size() != int64(len(b)) {
				t.Errorf("%s: %d bytes, %v, %v; want %d", name, len(have), err, late, len(b))
			}
		}
		err := m.Unmount()
		if err != nil || len(tree(t, dir)) != 0 {
			t.Errorf("it is unmounted: %v, and holds %v", err, tree(t, dir))
		}
		m.Wait()
	}
}

// A lease is asked for anew before it ends, and only then.
func TestLeasesAreRenewed(t *testing.T) {
	t.Parallel()
	for lasts, want := range map[time.Duration]int{time.Hour: 1, 30 * time.Second: 3} {
		s, what := newSite(t)
		s.lasts = lasts
		_, dir := mounts(t, what)
		_, err := os.ReadFile(filepath.Join(dir, "soils/all/0.arrow"))
		s.set(func() {
			if err != nil || s.leases < want || want == 1 && s.leases != 1 {
				t.Errorf("leases of %s: %d were made, %v", lasts, s.leases, err)
			}
		})
	}
}

// What the gateway refuses is refused from then on, told once in its words, and what the kernel
// has kept goes; a gateway that is away is neither.
func TestRefusalsEndAMount(t *testing.T) {
	t.Parallel()
	s, what := newSite(t)
	var mu sync.Mutex
	var told []string
	what.Tell = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, text)
	}
	_, dir := mounts(t, what)
	name := filepath.Join(dir, "fields/train/0.arrow")
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	kept, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(kept, s.files["fields/train/0.arrow"]) {
		t.Fatal(len(kept), err)
	}
	s.set(func() {
		s.refuse = &schemas.Problem{Type: "urn:guichet:problem:denied", Status: 403, Detail: "the agreement was revoked", Remedy: "ask"}
	})
	for range 3 {
		_, err = os.ReadFile(filepath.Join(dir, "fields/train/1.arrow"))
		if !errors.Is(err, syscall.EACCES) {
			t.Errorf("a file that nobody had read: %v", err)
		}
	}
	s.set(func() { s.refuse = nil }) // it stays over
	for deadline := time.Now().Add(30 * time.Second); !errors.Is(err, syscall.EACCES) || err == nil; {
		_, err = f.ReadAt(make([]byte, 10), 0)
		if time.Now().After(deadline) {
			t.Fatalf("what the kernel kept is read: %v", err)
		}
	}
	_, err = os.ReadFile(name)
	if !errors.Is(err, syscall.EACCES) {
		t.Errorf("once more: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 1 || told[0] != "the agreement was revoked; ask" {
		t.Errorf("it told %q", told)
	}
}

// What cannot be mounted says why; a mount that is in use stays.
func TestWhatIsNotMounted(t *testing.T) {
	t.Parallel()
	s, what := newSite(t)
	m, dir := mounts(t, what)
	f, err := os.Open(filepath.Join(dir, "soils/all/0.arrow"))
	if err != nil {
		t.Fatal(err)
	}
	err = m.Unmount()
	if schemas.KindOf(err) != schemas.Conflict || !strings.Contains(err.Error(), "a program may still use it") {
		t.Errorf("while a file is open: %v", err)
	}
	_ = f.Close()
	_, err = Mount(t.Context(), filepath.Join(dir, "none"), what)
	if schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "nothing can be mounted on this machine") {
		t.Errorf("in no folder: %v", err)
	}
	s.set(func() {
		s.refuse = &schemas.Problem{Type: "urn:guichet:problem:not-found", Status: 404, Detail: "there is no agreement agr-a"}
	})
	_, err = Mount(t.Context(), t.TempDir(), what)
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("no agreement: %v", err)
	}
}
