package files

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// shelf is a client of a server that has objects of one split, and their manifest.
func shelf(t *testing.T, objects map[string]string) (c *client.Client, m *schemas.Manifest) {
	t.Helper()
	const folder = "/api/v1/agreements/a/objects/data/all/"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.WriteString(w, objects[strings.TrimPrefix(r.URL.Path, folder)])
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, client.Static("mine"))
	if err != nil {
		t.Fatal(err)
	}
	in := schemas.ManifestSplit{Table: "data", Split: "all"}
	for name, text := range objects {
		sum := sha256.Sum256([]byte(text))
		in.Objects = append(in.Objects, schemas.ManifestObject{Name: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])})
	}
	return c, &schemas.Manifest{Tables: []schemas.ManifestSplit{in}}
}

// TestFetchNames: whatever objects are called, each is in the folder with its own bytes, and nothing
// else is there.
func TestFetchNames(t *testing.T) {
	objects := map[string]string{
		"a.jpg": "one", "a.jpg.part": "two", "a.jpg.part.part": "three", strings.Repeat("x", 255): "long", "d/" + strings.Repeat("é", 127): "long too",
		"same": "one", "empty": "", ".part-": "dots", "...": "three dots",
	}
	c, m := shelf(t, objects)
	for range 10 { // whichever comes first
		dir := t.TempDir()
		got, err := Fetch(t.Context(), &terminal.Terminal{Out: io.Discard, Err: io.Discard}, c, "a", m, dir)
		if err != nil || got.Files != len(objects) {
			t.Fatalf("%+v, %v", got, err)
		}
		for name, want := range objects {
			b, err := os.ReadFile(filepath.Join(dir, "data", "all", name))
			if err != nil || string(b) != want {
				t.Errorf("%s holds %q, %v; want %q", name, b, err, want)
			}
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 1 {
			t.Errorf("left over: %v, %v", left, err)
		}
	}
}

// TestFetchOver: what stands in the folder under an object's name is written over where it is a file,
// and left where it is a folder; a link leads nowhere outside.
func TestFetchOver(t *testing.T) {
	c, m := shelf(t, map[string]string{"a": "good"})
	for name, one := range map[string]struct {
		before func(at string) error
		says   string
	}{
		"another file": {func(at string) error { return os.WriteFile(at, []byte("evil"), 0o600) }, ""},
		"a folder":     {func(at string) error { return os.MkdirAll(filepath.Join(at, "mine"), 0o700) }, "is a folder"},
		"a link out":   {func(at string) error { return os.Symlink("/etc/passwd", at) }, ""},
	} {
		dir := t.TempDir()
		at := filepath.Join(dir, "data", "all", "a")
		err := os.MkdirAll(filepath.Dir(at), 0o700)
		if err == nil {
			err = one.before(at)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = Fetch(t.Context(), &terminal.Terminal{Out: io.Discard, Err: io.Discard}, c, "a", m, dir)
		if one.says != "" {
			if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), one.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		b, late := os.ReadFile(at)
		if err != nil || late != nil || string(b) != "good" {
			t.Errorf("%s: %q, %v, %v", name, b, err, late)
		}
	}
}
