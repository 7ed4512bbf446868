package staged

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"guichet/connectors/client"
	"guichet/schemas"
)

// TestMain reads a copy where a test has started it for that: every file again and again, until it
// is killed.
func TestMain(m *testing.M) {
	dir := os.Getenv("STAGED_TEST_READS")
	if dir == "" {
		os.Exit(m.Run())
	}
	err := readForEver(dir)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// readForEver tells each shard's bytes on standard output once it has them.
func readForEver(dir string) error {
	c, err := Open(dir)
	if err != nil {
		return err
	}
	s, err := c.Source()
	if err != nil {
		return err
	}
	m, err := s.Manifest(context.Background())
	if err != nil {
		return err
	}
	for {
		for _, f := range client.InManifest(&m) {
			err = s.Stat(context.Background(), &f)
			if err != nil {
				return err
			}
			in, err := s.Range(context.Background(), &f, 0, f.Size)
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, in)
			if err != nil {
				return err
			}
			_ = in.Close()
			fmt.Println(key(&f), n)
		}
	}
}

// Processes that read one copy at once, and are killed with no warning, lose no count: what each of
// them was given stands in its log, at most one batch more.
func TestReadersThatAreKilled(t *testing.T) {
	t.Parallel()
	site, c := newSite(t)
	kept := site.made(c)
	rows := map[string]int64{"fields/train/0.arrow": 30, "fields/train/1.arrow": 5, "scans/all/p1/a.png": 1}
	var mu sync.Mutex
	var least int64
	var wg sync.WaitGroup
	const readers = 3
	for range readers {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STAGED_TEST_READS="+kept.dir)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		wg.Go(func() {
			lines := bufio.NewScanner(out)
			n := 0
			for lines.Scan() {
				name, _, _ := strings.Cut(lines.Text(), " ")
				mu.Lock()
				least += rows[name]
				mu.Unlock()
				n++
				if n == 50 {
					_ = cmd.Process.Kill()
				}
			}
			_ = cmd.Wait() // it was killed
			if n < 50 {
				t.Errorf("a reader ended after %d files", n)
			}
		})
	}
	var got schemas.ReadsOfCopy
	var err error
	for range 5 { // while they read
		got, err = kept.HandBack(t.Context(), c)
		must(t, err)
	}
	wg.Wait()
	got, err = kept.HandBack(t.Context(), c)
	must(t, err)
	if got.Rows < least || got.Rows > least+readers*36 || got != site.reads {
		t.Errorf("%d rows were given and perhaps %d more, %d are handed back", least, readers*36, got.Rows)
	}
}

// Several that renew one copy at once hand each read back once.
func TestManyRenew(t *testing.T) {
	t.Parallel()
	site, c := newSite(t)
	kept := site.made(c)
	l, err := kept.newLog()
	must(t, err)
	var wg sync.WaitGroup
	for range 4 {
		other, err := Open(kept.dir)
		must(t, err)
		defer other.Close()
		wg.Go(func() {
			for i := range 10 {
				err := l.note(fmt.Sprint("f", i%3), 1, 1)
				if err == nil {
					_, err = other.Renew(t.Context(), c, 0)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if site.reads.Rows != 40 {
		t.Errorf("%d of 40 rows are handed back", site.reads.Rows)
	}
	_, err = Make(kept.dir, c.Address(), schemas.CopyAnswer{Copy: schemas.Lease{ID: "copy-b"}})
	kind(t, "two copies in one folder", err, schemas.Conflict, "another one stages into")
}

// A folder that is damaged, or in which nothing can be written, is told as what it is.
func TestDamagedFolders(t *testing.T) {
	t.Parallel()
	site, c := newSite(t)
	for name, damage := range map[string]string{"copy.json": "there is no staged copy in", "reads.json": "reads.json cannot be read"} {
		kept := site.made(c)
		must(t, os.WriteFile(kept.dir+"/"+name, []byte(`{"copy":`), 0o600))
		again, err := Open(kept.dir)
		if err == nil {
			_, err = again.HandBack(t.Context(), c)
		}
		kind(t, name, err, schemas.Invalid, damage, kept.dir)
	}
	kept := site.made(c)
	must(t, kept.root.RemoveAll(lockName))
	must(t, kept.root.Mkdir(lockName, 0o700))
	_, err := kept.HandBack(t.Context(), c)
	kind(t, "no lock", err, schemas.Unavailable, "lock cannot be written into "+kept.dir)
	_, err = kept.Renew(t.Context(), c, 0)
	kind(t, "no lock", err, schemas.Unavailable)
	_, err = kept.End(t.Context(), c)
	kind(t, "no lock", err, schemas.Unavailable)
	file := t.TempDir() + "/file"
	must(t, os.WriteFile(file, nil, 0o600))
	kind(t, "a file", Free(file), schemas.Invalid, "cannot be made")
}

// A gateway that refuses in the middle ends the staging with its words, and leaves no part of a file.
func TestStagingThatIsRefused(t *testing.T) {
	t.Parallel()
	site, c := newSite(t)
	kept := site.made(c)
	site.tags = "2"
	refusal := schemas.Refuse("agr-a", "agreement.revoked", "the provider", "a person objected", "ask anew")
	from := &refusing{site: site, after: 4, err: refusal}
	err := kept.Fill(t.Context(), from, func(int64, int64) {})
	kind(t, "refused in the middle", err, schemas.Denied, "a person objected")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err = kept.Fill(ctx, site, func(int64, int64) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended by who asked: %v", err)
	}
	for _, folder := range []string{".", "data/fields/train", "data/scans/all", "data/scans/all/p1"} {
		d, err := kept.root.Open(folder)
		must(t, err)
		names, err := d.Readdirnames(-1)
		must(t, err)
		must(t, d.Close())
		if slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ".part") }) {
			t.Errorf("%s holds %v", folder, names)
		}
	}
	var done, all int64
	must(t, kept.Fill(t.Context(), site, func(d, a int64) { done, all = d, a }))
	if _, n, missing := kept.Size(); missing != 0 || done != n || all != n {
		t.Errorf("%d of %d bytes, %d files missing", done, all, missing)
	}
	if !IsCopy(kept.dir) || IsCopy(t.TempDir()) || kept.ID() != "copy-a" || kept.Server() != c.Address() || kept.Of().Agreement != "agr-a" {
		t.Errorf("it is %s of %+v, from %s", kept.ID(), kept.Of(), kept.Server())
	}
	s, err := kept.Source()
	must(t, err)
	for name, want := range site.files {
		have, err := whole(t, s, name)
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s: %d bytes, %v", name, len(have), err)
		}
	}
}

// refusing gives some ranges and refuses the rest.
type refusing struct {
	*site
	mu    sync.Mutex
	after int
	err   error
}

// Range is a Files'.
func (r *refusing) Range(ctx context.Context, f *client.File, from, n int64) (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.after == 0 {
		return nil, r.err
	}
	r.after--
	return r.site.Range(ctx, f, from, n)
}
