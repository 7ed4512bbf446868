package shard_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/go-cmp/cmp"

	"guichet/connectors/batch"
	"guichet/connectors/column/columntest"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

var updateDigests = flag.Bool("digests", false, "write testdata/digests.txt anew")

// TestBytesStay holds what is written of each file of the shared material, and of tables
// made from fixed seeds, against digests: canonical bytes are names of objects, and the
// same rows give the same bytes in every release.
func TestBytesStay(t *testing.T) {
	got := append(digestsOfShared(t), append(digestsOfTables(t), digestsOfTexts(t)...)...)
	const golden = "testdata/digests.txt"
	if *updateDigests {
		if err := os.WriteFile(golden, []byte(strings.Join(got, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), got); diff != "" {
		t.Errorf("other bytes than before (-before +now):\n%s", diff)
	}
}

// digest names what became of a file in one line.
func digest(name string, r shard.Report, out []byte, err error) string {
	if err != nil {
		return name + " refused"
	}
	return fmt.Sprintf("%s %x %d×%d of %d schema %.8x blocks %.8x", name, sha256.Sum256(out), len(r.Batches), r.WindowRows, r.Rows,
		sha256.Sum256(r.Schema), sha256.Sum256([]byte(fmt.Sprint(r.Conforms, r.Dictionaries, r.Batches, r.Columns))))
}

func digestsOfShared(t *testing.T) (out []string) {
	t.Helper()
	root := sharedtest.Path(t, "data", "interop")
	other := regexp.MustCompile(`\.(gz|bin|json|value|metadata|md)$`)
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || other.MatchString(p) || strings.HasPrefix(d.Name(), "large_string_map") {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		src, dst := shardtest.FileOf(t, b), shardtest.FileOf(t, nil)
		defer src.Close()
		defer dst.Close()
		r, failed := shard.Conform(t.Context(), src, int64(len(b)), shard.Spec{Name: d.Name()}, dst)
		written := make([]byte, r.OutSize)
		if failed == nil {
			if _, err := dst.ReadAt(written, 0); err != nil && r.OutSize > 0 {
				return err
			}
		}
		out = append(out, digest(name, r, written, failed))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// digestsOfTables also splices, gathers and encodes.
func digestsOfTables(t *testing.T) (out []string) {
	t.Helper()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		schema, recs := columntest.Table(r)
		rep, file, err := shardtest.Conform(t, columntest.Stream(t, schema, recs), shard.Spec{WindowRows: 8})
		out = append(out, digest(fmt.Sprintf("table %d", seed), rep, file, err))
		if err != nil {
			continue
		}
		d := shardtest.DecoderOf(t, rep, file)
		keep := r.Perm(schema.NumFields())[:1+r.IntN(schema.NumFields())]
		f := arrow.Field{}
		var spliced, encoded []byte
		var parts []batch.Part
		for _, b := range rep.Batches {
			msg := columntest.Piece(file, b)
			cols, err := d.Columns(msg, keep[:1])
			if err != nil {
				t.Fatal(err)
			}
			var a arrow.Array
			f, a = columntest.Edited(cols[0], seed%2 == 0)
			p, err := batch.Edit(rep.Schema, keep, map[int]arrow.Field{keep[0]: f})
			if err != nil {
				t.Fatal(err)
			}
			if spliced, err = p.Splice(append(spliced, p.Schema()...), msg, map[int]arrow.Array{keep[0]: a}); err != nil {
				t.Fatal(err)
			}
			all := make([]int, schema.NumFields())
			for i := range all {
				all[i] = i
			}
			whole, err := d.Columns(msg, all)
			if err != nil {
				t.Fatal(err)
			}
			rec := array.NewRecord(schema, whole, b.Rows)
			for from := int64(0); from < b.Rows; from += 3 {
				parts = append(parts, batch.Part{Record: rec, From: from, N: min(2, b.Rows-from)})
			}
			some, err := batch.Collect([]batch.Part{{Record: rec, From: b.Rows / 3, N: b.Rows - b.Rows/3}}, batch.Gathering{})
			if err != nil {
				t.Fatal(err)
			}
			encoded = append(encoded, some.Message()...)
		}
		var gathered []byte
		for _, compact := range []bool{false, true} {
			if len(parts) == 0 {
				break
			}
			g, err := batch.Collect(parts, batch.Gathering{Compact: compact})
			if err != nil {
				t.Fatal(err)
			}
			dicts, err := g.Dictionaries()
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range append(dicts, g.Message()) {
				gathered = append(gathered, d...)
			}
		}
		out = append(out, fmt.Sprintf("table %d spliced %.8x encoded %.8x gathered %.8x", seed, sha256.Sum256(spliced),
			sha256.Sum256(encoded), sha256.Sum256(gathered)))
	}
	return out
}

func digestsOfTexts(t *testing.T) (out []string) {
	t.Helper()
	for i, x := range []struct {
		text string
		spec shard.Spec
	}{
		{"id,v,d\n1,2.5,2024-02-29\n2,,1969-12-31\n", shard.Spec{Name: "a.csv"}},
		{"\xff\xfei\x00;\x00t\x00\n\x001\x00;\x00\x3d\xd8\x00\xde\n\x00", shard.Spec{Name: "b.csv"}},
		{"n;t\r\n1;\xfcber\x80\r\n2;\"a\"\"b\"\r\n", shard.Spec{Name: "c.csv", CSV: &schemas.CSV{Encoding: "windows-1252"}}},
		{"n;t\n1;\xfcber\x80\n", shard.Spec{Name: "d.csv", CSV: &schemas.CSV{Encoding: "iso-8859-1"}}},
		{"n,p,w,z\n1.204,5,1e3,2024-01-01T10:00:00+02:00\n", shard.Spec{Name: "e.csv", Fields: []schemas.Field{
			{Name: "n", Type: "decimal"}, {Name: "p", Type: "int8"}, {Name: "w", Type: "float32"}, {Name: "z", Type: "timestamp"},
		}}},
		{"v\n1\n", shard.Spec{Name: "c=FI/f.csv", Path: []shard.PathColumn{{Name: "c", Value: "FI"}}}},
	} {
		r, b, err := shardtest.Conform(t, []byte(x.text), x.spec)
		out = append(out, digest(fmt.Sprint("text ", i), r, b, err))
	}
	for _, size := range []int{20, 4000, 5 << 20} {
		r, b, err := shardtest.Conform(t, shardtest.Wide(t, min(size, 4000), 700, 2300), shard.Spec{})
		if size > 1<<20 {
			r, b, err = shardtest.Conform(t, shardtest.Wide(t, size, 1, 2), shard.Spec{})
		}
		out = append(out, digest(fmt.Sprint("rows of ", size), r, b, err))
	}
	return out
}
