package index

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2"

	"guichet/schemas"
	"guichet/schemas/spaces"
)

func wheat(i int) schemas.Dataset {
	return schemas.Dataset{ID: schemas.DatasetID(fmt.Sprintf("ds-%04d", i)), Space: "agriculture", Title: schemas.Text{"en": fmt.Sprintf("Winter wheat %d", i)}}
}

// filled makes an index of n datasets in several segments, and gives its folder.
func filled(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "index")
	x, err := Open(dir, &spaces.Set{}, slog.New(slog.DiscardHandler))
	for i := 0; err == nil && i < n; i++ {
		err = x.apply(t.Context(), []schemas.Dataset{wheat(i)}, int64(i+1))
	}
	if err == nil {
		err = x.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil || len(out) < 4 {
		t.Fatalf("the index has the files %v: %v", out, err)
	}
	return out
}

// Whatever a disk or a careless copy did to the files, the index opens and holds
// every document, or begins anew; it never ends the process [decisions.md 32].
func TestDamagedFiles(t *testing.T) {
	const documents = 40
	whole := filled(t, documents)
	random := rand.New(rand.NewPCG(1, 2))
	damages := map[string]func(b []byte) []byte{
		"cut":    func(b []byte) []byte { return b[:random.IntN(len(b))] },
		"empty":  func([]byte) []byte { return nil },
		"zeroed": func(b []byte) []byte { at := random.IntN(len(b)); clear(b[at:min(at+4096, len(b))]); return b },
		"a byte": func(b []byte) []byte { b[random.IntN(len(b))] ^= byte(1 + random.IntN(255)); return b },
		"longer": func(b []byte) []byte { return append(b, make([]byte, 4096)...) },
	}
	anew := 0
	for round := range 12 {
		for name, damage := range damages {
			dir := filepath.Join(t.TempDir(), "index")
			err := os.CopyFS(dir, os.DirFS(whole))
			if err != nil {
				t.Fatal(err)
			}
			all := files(t, dir)
			path := all[random.IntN(len(all))]
			b, err := os.ReadFile(path)
			if err == nil && len(b) > 0 {
				err = os.WriteFile(path, damage(b), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !opens(t, dir, documents) {
				anew++
			}
			if t.Failed() {
				t.Fatalf("round %d: %s, %s", round, filepath.Base(path), name)
			}
		}
	}
	if anew < 30 { // some hit what no longer counts: free pages, segments that were merged away
		t.Errorf("only %d of 60 damages were found", anew)
	}
}

// opens says whether the index was whole; either way it must work.
func opens(t *testing.T, dir string, documents uint64) bool {
	t.Helper()
	x, err := Open(dir, &spaces.Set{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Error(err)
		return false
	}
	before := x.position.Load()
	n, err := x.public.b.DocCount()
	if before >= 0 && n != documents || err != nil {
		t.Errorf("at position %d it holds %d documents: %v", before, n, err)
	}
	err = x.apply(t.Context(), []schemas.Dataset{wheat(1000)}, 1000)
	if err != nil {
		t.Error(err)
	}
	r, err := x.public.b.Search(bleve.NewSearchRequestOptions(bleve.NewMatchAllQuery(), 1000, 0, false))
	if err != nil || r.Total != n+1 {
		t.Errorf("a search finds %v of %d: %v", r, n+1, err)
	}
	err = x.Close()
	if err != nil {
		t.Error(err)
	}
	return before >= 0
}

// Strays go, and the index stays: files of others, and the segment that a crash left
// half written.
func TestStraysAreSweptAway(t *testing.T) {
	dir := filled(t, 3)
	for _, name := range []string{"public/._root.bolt", "public/store/._00000000002a.zap", "restricted/store/.DS_Store", "public/store/0000000000ff.zap"} {
		err := os.WriteFile(filepath.Join(dir, name), []byte("stray"), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	if !opens(t, dir, 3) {
		t.Error("the index began anew")
	}
	for _, path := range files(t, dir) {
		if strings.HasPrefix(filepath.Base(path), ".") || filepath.Base(path) == "0000000000ff.zap" {
			t.Errorf("%s is still there", path)
		}
	}
}

// An index of another document.Edition holds other fields: it begins anew.
func TestOtherEditions(t *testing.T) {
	dir := filled(t, 3)
	b, err := bleve.Open(filepath.Join(dir, "public"))
	if err == nil {
		var v []byte
		v, err = b.GetInternal(positionKey)
		if err == nil {
			err = b.SetInternal([]byte("guichet.position/1"), v)
		}
		if err == nil {
			err = b.DeleteInternal(positionKey)
		}
		err = errors.Join(err, b.Close(), keepSum(filepath.Join(dir, "public")))
	}
	if err != nil {
		t.Fatal(err)
	}
	if opens(t, dir, 3) {
		t.Error("it was taken as it is")
	}
}
