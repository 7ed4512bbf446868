package maker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/google/go-cmp/cmp"
)

// sums maps every file below dir to its digest.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		sum := sha256.Sum256(b)
		rel, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(rel)] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func made(t *testing.T, cfg Config) string {
	t.Helper()
	cfg.Out = t.TempDir()
	if _, err := Make(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return cfg.Out
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	first, second := sums(t, made(t, Config{MiB: 6, Seed: 1})), sums(t, made(t, Config{MiB: 6, Seed: 1}))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
	other := sums(t, made(t, Config{MiB: 6, Seed: 2}))
	for name, sum := range other {
		if strings.HasSuffix(name, ".arrow") && sum == first[name] {
			t.Errorf("%s is the same under another seed", name)
		}
	}
}

func TestSizeIsAboutWhatWasAsked(t *testing.T) {
	t.Parallel()
	s, err := Make(t.Context(), Config{Out: t.TempDir(), MiB: 48, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if mib := s.Bytes >> 20; mib < 38 || mib > 53 {
		t.Errorf("%d MiB made, 48 asked", mib)
	}
}

// TestWindows reads every Arrow file back and holds it to the window rule.
func TestWindows(t *testing.T) {
	t.Parallel()
	dir := made(t, Config{MiB: 48, Seed: 3})
	full, dictionaries := 0, 0
	for _, d := range everything() {
		for i := range d.tables {
			tab := &d.tables[i]
			if tab.format != formatArrow {
				continue
			}
			n := tab.window()
			if n < 1 || n > maxWindowRows || n&(n-1) != 0 {
				t.Errorf("%s/%s: windows of %d rows", d.slug, tab.name, n)
			}
			paths, err := filepath.Glob(filepath.Join(dir, d.provider, d.slug, tab.name, "*", "part-*.arrow"))
			if err != nil || len(paths) == 0 {
				t.Fatalf("%s/%s: no shards, %v", d.slug, tab.name, err)
			}
			for _, path := range paths {
				windows, dicts := checkShard(t, path, tab.schema(), n)
				full += windows
				dictionaries += dicts
			}
		}
	}
	if full < 10 || dictionaries == 0 {
		t.Errorf("%d full windows and %d dictionary columns: too few to mean anything", full, dictionaries)
	}
}

// checkShard returns how many full windows and dictionary columns it saw.
func checkShard(t *testing.T, path string, want *arrow.Schema, n int64) (full, dictionaries int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := ipc.NewFileReader(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer r.Close()
	if !r.Schema().Equal(want) || r.Schema().Metadata().Len() != 0 {
		t.Errorf("%s has schema %v, want %v", path, r.Schema(), want)
	}
	for b := range r.NumRecords() {
		rec, err := r.Record(b)
		if err != nil {
			t.Fatalf("%s: batch %d: %v", path, b, err)
		}
		switch rows := rec.NumRows(); {
		case rows == n:
			full++
		case b < r.NumRecords()-1 || rows > n || rows == 0:
			t.Errorf("%s: batch %d of %d has %d rows, windows have %d", path, b, r.NumRecords(), rows, n)
		}
		var body int64
		for c, col := range rec.Columns() {
			body += checkColumn(t, path, want.Field(c), col)
			if _, ok := col.(*array.Dictionary); ok {
				dictionaries++
			}
		}
		if body > maxBatchBytes {
			t.Errorf("%s: batch %d has a body of %d bytes", path, b, body)
		}
	}
	return full, dictionaries
}

// checkColumn wants offsets from 0, and nothing in null slots. It returns the
// bytes of the column's buffers.
func checkColumn(t *testing.T, path string, field arrow.Field, col arrow.Array) (size int64) {
	t.Helper()
	for _, b := range col.Data().Buffers() {
		if b != nil {
			size += int64(b.Len()+63) &^ 63
		}
	}
	if !field.Nullable && col.NullN() > 0 {
		t.Errorf("%s: %s has nulls and may not", path, field.Name)
	}
	if s, ok := col.(*array.String); ok {
		if s.ValueOffset(0) != 0 || s.ValueOffset(s.Len()) != len(s.Data().Buffers()[2].Bytes()) {
			t.Errorf("%s: %s has offsets %d to %d over %d bytes", path, field.Name, s.ValueOffset(0), s.ValueOffset(s.Len()), s.Data().Buffers()[2].Len())
		}
	}
	for i := range col.Len() {
		if !col.IsNull(i) {
			continue
		}
		switch a := col.(type) {
		case *array.String:
			if a.ValueOffset(i) != a.ValueOffset(i+1) {
				t.Fatalf("%s: %s has bytes in null slot %d", path, field.Name, i)
			}
		case *array.Boolean:
			if a.Value(i) {
				t.Fatalf("%s: %s has a value in null slot %d", path, field.Name, i)
			}
		default:
			width := col.DataType().(arrow.FixedWidthDataType).Bytes()
			for _, v := range col.Data().Buffers()[1].Bytes()[i*width : (i+1)*width] {
				if v != 0 {
					t.Fatalf("%s: %s has a value in null slot %d", path, field.Name, i)
				}
			}
		}
	}
	return size
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	dir := made(t, Config{MiB: 1, Seed: 1})
	spaces, templates, personal := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, d := range everything() {
		spaces[d.space]++
		templates[d.template]++
		if len(d.title) < 2 || len(d.description) < 2 || d.title["en"] == "" || d.licence == "" || len(d.countries) == 0 {
			t.Errorf("%s lacks words, licence or countries", d.slug)
		}
		for _, tab := range d.tables {
			for _, c := range tab.columns {
				if d.space == "health" && c.sensitivity != "" {
					personal[c.name] = true
				}
			}
		}
		b, err := os.ReadFile(filepath.Join(dir, d.provider, d.slug, "publish.json"))
		if err != nil {
			t.Fatal(err)
		}
		var p publicationDoc
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		for _, tab := range p.Tables {
			for _, s := range tab.Splits {
				if shards, _ := filepath.Glob(filepath.Join(dir, filepath.FromSlash(s.Prefix), "part-*")); len(shards) == 0 {
					t.Errorf("%s: no shards under %s", d.slug, s.Prefix)
				}
			}
		}
	}
	for _, s := range []string{"agriculture", "energy", "mobility", "health"} {
		if spaces[s] < 3 {
			t.Errorf("%d datasets in %s", spaces[s], s)
		}
	}
	for name, least := range map[string]int{"open-with-attribution": 3, "research-only": 3, "ask-the-holder": 2, "health-with-review": 2} {
		if templates[name] < least {
			t.Errorf("%d offers %s, want %d", templates[name], name, least)
		}
	}
	for _, c := range []string{"patient_number", "birth_date", "postcode"} {
		if !personal[c] {
			t.Errorf("health marks no column %s as personal", c)
		}
	}
}
