package folder

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"guichet/connectors/fetch"
	"guichet/schemas"
)

// tree makes files, by their paths, below a folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		at := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(at), 0o755))
		must(t, os.WriteFile(at, []byte(body), 0o644))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// next is where an answer says that the next file is.
func next(a *fetch.Answer) string {
	if len(a.Links) == 0 {
		return ""
	}
	at, _, _ := strings.Cut(strings.TrimPrefix(a.Links[0], "<"), ">")
	return at
}

// all reads a folder from its list to its last file: names to bodies, or to why not.
func all(t *testing.T, f *Folders, dir string) (names []string, bodies map[string]string) {
	t.Helper()
	from := Address(dir)
	a, err := f.Get(t.Context(), fetch.Request{URL: from, From: from})
	must(t, err)
	bodies = map[string]string{}
	for at := next(a); at != ""; at = next(a) {
		name := strings.TrimPrefix(at, from+"/")
		names = append(names, name)
		a, err = f.Get(t.Context(), fetch.Request{URL: at, From: from})
		bodies[name] = string(a.Body)
		if err != nil {
			bodies[name] = "error: " + string(schemas.KindOf(err))
		}
	}
	return names, bodies
}

// TestFolder: a folder's files come one after the other, those below it too; what is hidden, no file or no
// description is passed over, and so is every link.
func TestFolder(t *testing.T) {
	t.Parallel()
	outside := tree(t, map[string]string{"secret.ttl": "secret", "more/deep.ttl": "secret"})
	dir := tree(t, map[string]string{"sub/b.ttl": "b", "a.json": "a", "a b%.yaml": "odd", "c.csv": "no", ".git/d.ttl": "no", ".e.ttl": "no", "z.TTL": "z"})
	must(t, os.Symlink(filepath.Join(outside, "secret.ttl"), filepath.Join(dir, "link.ttl")))
	must(t, os.Symlink(filepath.Join(dir, "a.json"), filepath.Join(dir, "inner.json")))
	must(t, os.Symlink(filepath.Join(outside, "more"), filepath.Join(dir, "folder")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe.ttl"), 0o644))
	f := New([]string{dir})
	names, bodies := all(t, f, dir)
	if want := []string{"a%20b%25.yaml", "a.json", "sub/b.ttl", "z.TTL"}; !slices.Equal(names, want) || bodies["sub/b.ttl"] != "b" || bodies["a%20b%25.yaml"] != "odd" {
		t.Errorf("%q: %v", names, bodies)
	}
	if len(f.listed) != 0 {
		t.Errorf("%d lists are kept", len(f.listed))
	}
	from := Address(dir)
	for _, name := range []string{"link.ttl", "folder/deep.ttl", "pipe.ttl", "none.ttl"} {
		a, err := f.Get(t.Context(), fetch.Request{URL: from + "/" + name, From: from})
		if err == nil || len(a.Body) > 0 || strings.Contains(err.Error(), "secret\n") {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	one := Address(filepath.Join(dir, "a.json"))
	a, err := f.Get(t.Context(), fetch.Request{URL: one, From: one})
	if err != nil || string(a.Body) != "a" || next(a) != "" {
		t.Errorf("one file: %+v, %v", a, err)
	}
}

// TestChanging: of another process, or after a file went, reading goes on with the next file that is there.
func TestChanging(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.ttl": "a", "b.ttl": "b", "c.ttl": "c"})
	from := Address(dir)
	must(t, os.Remove(filepath.Join(dir, "b.ttl")))
	a, err := New([]string{dir}).Get(t.Context(), fetch.Request{URL: from + "/b.ttl", From: from})
	if schemas.KindOf(err) != schemas.NotFound || next(a) != from+"/c.ttl" {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestAllowed: nothing is read but what lies below a folder that is allowed, and below what a person named.
func TestAllowed(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"in/a.ttl": "a", "in2/b.ttl": "b", "out.ttl": "c"})
	inner := filepath.Join(dir, "in")
	must(t, os.Symlink(dir, filepath.Join(inner, "up")))
	f := New([]string{inner + "/"})
	for address, ok := range map[string]bool{
		Address(inner): true, Address(inner + "/a.ttl"): true, Address(inner + "/none"): true,
		Address(dir): false, Address(inner + "2"): false, Address(inner + "/../out.ttl"): false, Address(inner) + "/%2e%2e/out.ttl": false, Address("/"): false,
		"file://host" + inner: false, "file:" + strings.TrimPrefix(inner, "/"): false, Address(inner) + "?a": false, Address(inner) + "#a": false,
		"https://x.example" + inner: false, inner: false, Address(inner) + "/%00": false, "": false,
	} {
		if err := f.Check(address); (err == nil) != ok || err != nil && schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%s: %v", address, err)
		}
		if err := New(nil).Check(address); err == nil {
			t.Errorf("%s is allowed where nothing is", address)
		}
	}
	from := Address(inner)
	for _, at := range []string{Address(dir + "/out.ttl"), from + "/../out.ttl", from + "/up/out.ttl", from + "2/b.ttl"} {
		if a, err := f.Get(t.Context(), fetch.Request{URL: at, From: from}); err == nil {
			t.Errorf("%s: %s", at, a.Body)
		}
	}
	if a, err := f.Get(t.Context(), fetch.Request{URL: from + "/a.ttl", From: "https://x.example/"}); err == nil {
		t.Errorf("a page of the web leads to %s", a.Body)
	}
	up := from + "/up"
	if a, err := f.Get(t.Context(), fetch.Request{URL: up, From: up}); err == nil {
		t.Errorf("a link that leads out is read: %s", a.Body)
	}
}

// TestBounds: what is too much is refused with what to do.
func TestBounds(t *testing.T) {
	t.Parallel()
	files := map[string]string{strings.Repeat("d/", maxDepth+2) + "a.ttl": ""}
	dir := tree(t, files)
	f := New([]string{dir})
	if _, err := f.Get(t.Context(), fetch.Request{URL: Address(dir), From: Address(dir)}); schemas.KindOf(err) != schemas.TooLarge {
		t.Errorf("deep: %v", err)
	}
	clear(files)
	for i := range 4 {
		files[fmt.Sprintf("%d.ttl", i)] = ""
	}
	dir = tree(t, files)
	f = New([]string{dir})
	f.most = 3
	if _, err := f.Get(t.Context(), fetch.Request{URL: Address(dir), From: Address(dir)}); schemas.KindOf(err) != schemas.TooLarge {
		t.Errorf("many: %v", err)
	}
	f.most = maxFiles
	big, err := os.OpenFile(filepath.Join(dir, "1.ttl"), os.O_WRONLY, 0)
	must(t, err)
	must(t, big.Truncate(fetch.DefaultBytes+1))
	must(t, big.Close())
	if _, bodies := all(t, f, dir); bodies["1.ttl"] != "error: "+string(schemas.TooLarge) || len(bodies) != 4 {
		t.Errorf("%v", bodies)
	}
	gone := Address(filepath.Join(dir, "nowhere"))
	if _, err := f.Get(t.Context(), fetch.Request{URL: gone, From: gone}); schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("gone: %v", err)
	}
}

// TestUnreadable: a file that the machine does not let be read is refused with what to do, and those after it are
// read all the same.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.ttl": "a", "b.ttl": "b"})
	must(t, os.Chmod(filepath.Join(dir, "a.ttl"), 0))
	_, bodies := all(t, New([]string{dir}), dir)
	want := "error: " + string(schemas.Denied)
	if os.Geteuid() == 0 { // may read everything
		want = "a"
	}
	if bodies["a.ttl"] != want || bodies["b.ttl"] != "b" {
		t.Errorf("%v", bodies)
	}
}

// FuzzCheck: what is let through lies below the folder that is allowed, however it is written.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"file:///srv/in/a.ttl", "file:///srv/in/../a", "FILE:///srv/in", "file:/srv/in/%2e%2e", "file:///srv/in//a", "file:///srv/in\\..\\a"} {
		f.Add(s)
	}
	allowed := New([]string{"/srv/in"})
	f.Fuzz(func(t *testing.T, address string) {
		root, rest, err := allowed.find(address)
		if err == nil && (root != "/srv/in" || !filepath.IsLocal(rest)) {
			t.Errorf("%q is %q in %q", address, rest, root)
		}
	})
}
