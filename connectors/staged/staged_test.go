package staged

import (
	"bytes"
	"context"
	"encoding/binary"
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
	"testing"
	"time"

	"filippo.io/age"
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/client"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// site is a gateway of one agreement that stages: two shards and an object.
type site struct {
	t *testing.T

	mu       sync.Mutex
	identity *age.HybridIdentity
	files    map[string][]byte
	tags     string
	fails    int // of how many ranges the answer breaks off
	asked    []string
	reads    schemas.ReadsOfCopy
	lost     int              // answers of hand-backs that do not come
	refuse   *schemas.Problem // of openings
	ended    bool
	lasts    time.Duration
}

// shard makes an IPC file of record batches: nothing reads their bodies here.
func shard(t *testing.T, rows ...int64) []byte {
	t.Helper()
	b := ipc.FileStart()
	var blocks []schemas.Block
	for i := range rows {
		blocks = append(blocks, schemas.Block{Offset: int64(len(b)), Meta: 128, Body: 70_000})
		b = append(b, bytes.Repeat([]byte{byte('a' + i)}, 70_128)...)
	}
	footer, err := ipc.FileFooter(ipc.EncodeSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}), nil, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, footer...)
}

func newSite(t *testing.T) (*site, *client.Client) {
	t.Helper()
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, identity: identity, tags: "1", lasts: time.Hour, files: map[string][]byte{
		"fields/train/0.arrow": shard(t, 10, 20), "fields/train/1.arrow": shard(t, 5), "scans/all/p1/a.png": []byte("\x89PNG and more"), "scans/all/empty": {},
	}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, client.Static("mine"))
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// ServeHTTP is the half that opens and takes back.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(p *schemas.Problem) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p)
	}
	switch path := strings.TrimPrefix(r.URL.Path, "/api/v1"); path {
	case "/copies/copy-a/open":
		if s.refuse != nil {
			refuse(s.refuse)
			return
		}
		var ask schemas.OpenAsk
		_ = json.NewDecoder(r.Body).Decode(&ask)
		if ask.Until.IsZero() {
			ask.Until = time.Now().Add(s.lasts)
		}
		_ = json.NewEncoder(w).Encode(schemas.OpenAnswer{Identity: s.identity.String(), Until: ask.Until, EndsAt: time.Now().Add(100 * time.Hour)})
	case "/copies/copy-a/reads":
		var ask schemas.ReadsAsk
		_ = json.NewDecoder(r.Body).Decode(&ask)
		if len(ask.Reads) == 0 || len(ask.Reads) > schemas.MaxReads {
			s.t.Errorf("%d reads are handed back at once", len(ask.Reads))
		}
		chain, met := ask.After, ask.After == s.reads
		for _, one := range ask.Reads {
			chain = chain.Then(one)
			met = met || chain == s.reads
		}
		if !met {
			s.t.Errorf("reads after %+v, and there are %+v", ask.After, s.reads)
		}
		s.reads = chain
		if s.lost > 0 {
			s.lost--
			panic(http.ErrAbortHandler)
		}
		_ = json.NewEncoder(w).Encode(s.reads)
	case "/leases/copy-a/revoke":
		s.ended = true
		_ = json.NewEncoder(w).Encode(schemas.Lease{ID: "copy-a"})
	default:
		refuse(&schemas.Problem{Type: "urn:guichet:problem:not-found", Status: 404, Detail: path})
	}
}

// Manifest is a Files'.
func (s *site) Manifest(context.Context) (schemas.Manifest, error) {
	return schemas.Manifest{Agreement: "agr-a", Version: "v1", Tables: []schemas.ManifestSplit{
		{Table: "fields", Split: "train", Rows: 35, Shards: []schemas.ManifestShard{{Rows: 30, Batches: []int64{10, 20}}, {Rows: 5, Batches: []int64{5}}}},
		{Table: "scans", Split: "all", Objects: []schemas.ManifestObject{{Name: "p1/a.png", Size: 13}, {Name: "empty"}}},
	}}, nil
}

// Stat is a Files'.
func (s *site) Stat(_ context.Context, f *client.File) error {
	f.Size, f.ETag = int64(len(s.files[key(f)])), s.tags
	return nil
}

// Range is a Files'.
func (s *site) Range(_ context.Context, f *client.File, from, n int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, fmt.Sprintf("%s %d %d", key(f), from, n))
	in := bytes.NewReader(s.files[key(f)][from : from+n])
	if s.fails > 0 {
		s.fails--
		return io.NopCloser(io.MultiReader(io.LimitReader(in, n/2), broken{})), nil
	}
	return io.NopCloser(in), nil
}

// broken is a connection that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// made is a copy of it, filled, and open for an hour.
func (s *site) made(c *client.Client) *Copy {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "copy")
	err := Free(dir)
	must(s.t, err)
	kept, err := Make(dir, c.Address(), schemas.CopyAnswer{
		Copy: schemas.Lease{ID: "copy-a", Items: []schemas.LeaseItem{{Agreement: "agr-a", Version: "v1"}}}, Recipient: s.identity.Recipient().String(),
	})
	must(s.t, err)
	s.t.Cleanup(func() { _ = kept.Close() })
	must(s.t, kept.Fill(s.t.Context(), s, func(int64, int64) {}))
	_, err = kept.Renew(s.t.Context(), c, 0)
	must(s.t, err)
	return kept
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// whole reads a file of a source from its beginning to its end.
func whole(t *testing.T, s *Source, name string) ([]byte, error) {
	t.Helper()
	m, err := s.Manifest(t.Context())
	if err != nil {
		return nil, err
	}
	list := client.InManifest(&m)
	i := slices.IndexFunc(list, func(f client.File) bool { return key(&f) == name })
	must(t, s.Stat(t.Context(), &list[i]))
	in, err := s.Range(t.Context(), &list[i], 0, list[i].Size)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(in)
}

// kind says what an error is.
func kind(t *testing.T, what string, err error, want schemas.Kind, texts ...string) {
	t.Helper()
	if err == nil || schemas.KindOf(err) != want {
		t.Errorf("%s: %v, want one of kind %v", what, err, want)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want %q in it", what, err, text)
		}
	}
}

// A copy has the bytes of its files, none of them in the clear; another program of the same folder
// reads them; what was read is handed back once, a batch each time its beginning is given.
func TestCopy(t *testing.T) {
	t.Parallel()
	site, c := newSite(t)
	site.fails = 3
	kept := site.made(c)
	err := filepath.WalkDir(kept.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		st, bad := d.Info()
		if bytes.Contains(b, []byte("aaaaaaaa")) || bytes.Contains(b, []byte("PNG and more")) || bad != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s is in the clear, or for all: %v", path, st.Mode())
		}
		return err
	})
	must(t, err)
	if files, n, missing := kept.Size(); files != 4 || missing != 0 || n != int64(len(site.files["fields/train/0.arrow"])+len(site.files["fields/train/1.arrow"])+13) {
		t.Errorf("%d files of %d bytes, %d missing", files, n, missing)
	}
	again, err := Open(kept.dir)
	must(t, err)
	defer again.Close()
	for range 2 {
		s, err := again.Source()
		must(t, err)
		for name, want := range site.files {
			have, err := whole(t, s, name)
			if err != nil || !bytes.Equal(have, want) {
				t.Errorf("%s: %d bytes, %v", name, len(have), err)
			}
		}
		must(t, s.Close())
	}
	s, err := kept.Source()
	must(t, err)
	f := client.File{Table: "fields", Split: "train", Name: "0.arrow"}
	for _, part := range [][2]int64{{8, 4}, {70_136, 70_128}, {20, 100}} { // the first batch's beginning, the second one, nothing's
		in, err := s.Range(t.Context(), &f, part[0], part[1])
		must(t, err)
		b, err := io.ReadAll(in)
		if err != nil || !bytes.Equal(b, site.files["fields/train/0.arrow"][part[0]:part[0]+part[1]]) {
			t.Errorf("%v: %d bytes, %v", part, len(b), err)
		}
		_ = in.Close()
	}
	site.lost = 1
	_, err = kept.HandBack(t.Context(), c)
	kind(t, "a lost answer", err, schemas.Unavailable)
	for range 2 {
		got, err := kept.HandBack(t.Context(), c)
		if want := int64(2*(35+1) + 30); err != nil || got.Rows != want || site.reads != got { // an empty object has no byte that could be read
			t.Errorf("handed back %+v, %v; want %d rows, the gateway has %+v", got, err, want, site.reads)
		}
	}
	_, err = kept.End(t.Context(), c)
	must(t, err)
	if _, err = os.Stat(kept.dir); !errors.Is(err, os.ErrNotExist) || !site.ended {
		t.Errorf("it is there after its end: %v", err)
	}
}

// What has begun goes on; a file that has changed, or lost its bytes, is fetched again.
func TestFillGoesOn(t *testing.T) {
	t.Parallel()
	site, c := newSite(t)
	kept := site.made(c)
	fetched := func() int {
		site.asked = nil
		must(t, kept.Fill(t.Context(), site, func(int64, int64) {}))
		n := 0
		for _, a := range site.asked {
			if strings.Contains(a, " 0 ") {
				n++
			}
		}
		return n
	}
	if n := fetched(); n != 0 {
		t.Errorf("%d files are fetched that are there", n)
	}
	must(t, kept.root.Remove("data/fields/train/1.arrow.age"))
	if n := fetched(); n != 1 {
		t.Errorf("%d files are fetched where one is missing", n)
	}
	site.tags = "2"
	if n := fetched(); n != 3 { // one is empty
		t.Errorf("%d files are fetched where all have changed", n)
	}
	delete(kept.about.Files, "fields/train/0.arrow")
	s, err := kept.Source()
	must(t, err)
	_, err = s.Manifest(t.Context())
	kind(t, "a copy that is not whole", err, schemas.Invalid, "1 files are missing: guichet stage agr-a")
	kind(t, "a folder of others", Free(kept.dir), schemas.Conflict, "is not empty")
	_, err = Open(t.TempDir())
	kind(t, "no copy", err, schemas.Invalid, "there is no staged copy in")
	full := errors.New("no space left")
	kind(t, "a full disk", kept.all(t.Context(), site, &client.File{Table: "scans", Split: "all", Name: "p1/a.png", Size: 13}, failing{full}), schemas.Unavailable,
		"no space left", kept.dir)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A shard whose footer is not what the manifest says is not staged.
func TestFootersThatLie(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b []byte) []byte{
		"another number of batches": func([]byte) []byte { return shard(t, 30) },
		"no magic":                  func(b []byte) []byte { return append(b[:len(b)-1], 'X') },
		"too long a footer": func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[len(b)-10:], 1<<31-1)
			return b
		},
		"no footer": func(b []byte) []byte { clear(b[70_000*2+300 : len(b)-10]); return b },
		"few bytes": func(b []byte) []byte { return b[:9] },
	} {
		site, c := newSite(t)
		kept := site.made(c)
		site.tags = "2"
		site.files["fields/train/0.arrow"] = change(site.files["fields/train/0.arrow"])
		is := client.File{Table: "fields", Split: "train", Name: "0.arrow"}
		must(t, site.Stat(t.Context(), &is))
		_, err := kept.blocks(t.Context(), site, &is)
		if e, ok := errors.AsType[*schemas.Error](err); !ok || !strings.Contains(e.Message, "is no Arrow file that its manifest describes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nothing is read when the time is over, until somebody renews; what the gateway refuses closes the
// copy for all who read it.
func TestClosedCopies(t *testing.T) {
	t.Parallel()
	site, c := newSite(t)
	kept := site.made(c)
	now := time.Now()
	kept.now = func() time.Time { return now }
	s, err := kept.Source()
	must(t, err)
	_, err = whole(t, s, "fields/train/1.arrow")
	must(t, err)
	now = now.Add(61 * time.Minute)
	_, err = whole(t, s, "fields/train/1.arrow")
	kind(t, "after an hour", err, schemas.Busy, "is closed: it was open until")
	if s.Standing(t.Context()) != nil {
		t.Error("what may be renewed is told as over")
	}
	_, err = kept.Source()
	kind(t, "begun after an hour", err, schemas.Busy)
	open, err := kept.Renew(t.Context(), c, 5*time.Hour)
	if err != nil || !open.Until.Equal(now.Add(5*time.Hour)) {
		t.Errorf("renewed until %s, %v", open.Until, err)
	}
	_, err = whole(t, s, "fields/train/1.arrow")
	must(t, err)
	site.refuse = &schemas.Problem{Type: "urn:guichet:problem:not-found", Status: 404, Detail: "there is no staged copy copy-a"}
	_, err = kept.Renew(t.Context(), c, 0)
	kind(t, "renewed by a stranger", err, schemas.NotFound)
	now = now.Add(lookAgain + time.Second)
	_, err = whole(t, s, "fields/train/1.arrow")
	must(t, err) // which closes nothing for others
	site.refuse = &schemas.Problem{Type: "urn:guichet:problem:denied", Status: 403, Detail: "the agreement was revoked: a person objected"}
	_, err = kept.Renew(t.Context(), c, 0)
	kind(t, "a refusal", err, schemas.Denied, "a person objected")
	now = now.Add(lookAgain + time.Second)
	_, err = whole(t, s, "fields/train/1.arrow")
	kind(t, "after a refusal", err, schemas.Denied, "the gateway opens this copy no more", "a person objected")
	kind(t, "after a refusal", s.Standing(t.Context()), schemas.Denied)
	b, err := kept.root.ReadFile(openName)
	if err != nil || bytes.Contains(b, []byte("AGE-SECRET")) {
		t.Errorf("its key is kept: %s, %v", b, err)
	}
	other, err := age.GenerateHybridIdentity()
	must(t, err)
	must(t, kept.write(openName, opened{Identity: other.String(), Until: now.Add(time.Hour)}))
	now = now.Add(lookAgain + time.Second)
	_, err = whole(t, s, "fields/train/1.arrow")
	kind(t, "another key", err, schemas.Unavailable, "is not the file that was staged")
	must(t, kept.write(openName, opened{Identity: site.identity.String(), Until: now.Add(time.Hour)}))
	now = now.Add(lookAgain + time.Second)
	name := filepath.Join(kept.dir, "data/fields/train/1.arrow.age")
	b, err = os.ReadFile(name)
	must(t, err)
	b[len(b)-100] ^= 1
	must(t, os.WriteFile(name, b, 0o600))
	_, err = whole(t, s, "fields/train/1.arrow")
	if err == nil {
		t.Error("a bit was changed, and the file is read to its end")
	}
	for _, part := range [][2]int64{{-1, 2}, {0, 1 << 40}, {1, -1}} {
		_, err = s.Range(t.Context(), &client.File{Table: "fields", Split: "train", Name: "0.arrow"}, part[0], part[1])
		kind(t, "no such bytes", err, schemas.NotFound)
	}
	kind(t, "no such file", s.Stat(t.Context(), &client.File{Table: "x"}), schemas.NotFound)
}

// A renewal that cannot be had is asked for again, and one that is refused ends it.
func TestKeep(t *testing.T) {
	t.Parallel()
	site, c := newSite(t)
	kept := site.made(c)
	site.lasts = 2 * time.Second
	n := 0
	ctx, stop := context.WithCancel(t.Context())
	err := kept.Keep(ctx, c, 0, func(_ schemas.OpenAnswer, err error) {
		must(t, err)
		n++
		if n == 2 {
			stop()
		}
	})
	if err != nil || n != 2 {
		t.Errorf("%d renewals, %v", n, err)
	}
	site.refuse = &schemas.Problem{Type: "urn:guichet:problem:denied", Status: 403, Detail: "revoked"}
	kind(t, "a refusal", kept.Keep(t.Context(), c, 0, func(schemas.OpenAnswer, error) {}), schemas.Denied)
}

// Lines of logs are taken once, when they are whole; one that cannot be read is told.
func TestLogs(t *testing.T) {
	t.Parallel()
	site, c := newSite(t)
	kept := site.made(c)
	l, err := kept.newLog()
	must(t, err)
	for range 3 {
		must(t, l.note("a", 2, 10))
	}
	must(t, l.note("b", 1, 1))
	_, err = l.file.WriteString(`{"file":"a","rows":`) // while it is written
	must(t, err)
	got, err := kept.HandBack(t.Context(), c)
	if err != nil || got.Rows != 7 || got.Entries != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = l.file.WriteString("5,\"bytes\":1}\n")
	must(t, err)
	got, err = kept.HandBack(t.Context(), c)
	if err != nil || got.Rows != 12 || got.Entries != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	for i := range 2 * schemas.MaxReads {
		must(t, l.note(fmt.Sprint("f", i), 1, 1))
	}
	got, err = kept.HandBack(t.Context(), c)
	if err != nil || got.Rows != 12+2*schemas.MaxReads {
		t.Errorf("%+v, %v", got, err)
	}
	l.torn = 9 // the disk was full in the middle of a line, and has room again
	_, err = l.file.WriteString(`{"file":"`)
	must(t, err)
	must(t, l.note("a", 1, 1))
	got, err = kept.HandBack(t.Context(), c)
	if err != nil || got.Rows != 13+2*schemas.MaxReads {
		t.Errorf("after a full disk: %+v, %v", got, err)
	}
	_, err = l.file.WriteString("not a line\n")
	must(t, err)
	_, err = kept.HandBack(t.Context(), c)
	kind(t, "another line", err, schemas.Invalid, "the log of what was read")
	must(t, l.Close())
	if l.note("a", 1, 1) == nil {
		t.Error("a read is given whose line could not be written")
	}
}
