package shard_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// written1 is one file of testdata/write.py.
type written1 struct{ path, writer, option, typ, refused string }

// byWriters writes files with the real writers, defaults and options, and names their
// versions.
func byWriters(t testing.TB) (versions string, out []written1) {
	t.Helper()
	cmd := exec.Command(sharedtest.Python(t), "testdata/write.py", t.TempDir())
	var said bytes.Buffer
	cmd.Stderr = &said
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("write.py: %v\n%s", err, said.String())
	}
	first, rest, _ := strings.Cut(string(b), "\n")
	versions = strings.TrimPrefix(first, "#\t")
	for line := range strings.Lines(rest) {
		c := append(strings.Split(strings.TrimRight(line, "\n"), "\t"), "")
		out = append(out, written1{c[0], c[1], c[2], c[3], c[4]})
	}
	return versions, out
}

// panicText is how Go and its libraries speak when they stop.
var panicText = regexp.MustCompile(`(?i)runtime error|out of range \[|slice bounds|nil ` +
	`pointer|makeslice|unimplemented|interface conversion|panic|goroutine|invalid memory|reflect:|eof exception|deserializ|thrift`)

// TestMutants flips bytes in a thousand good files of all writers: whatever is still
// published passes full validation, and no reason is a decoder's panic.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("not tested here: -short leaves the files of all writers out")
	}
	var good []written1
	seen := map[string]int{}
	_, files := byWriters(t)
	for _, f := range files {
		if f.refused == "" {
			if k := f.writer + f.typ; seen[k] < 2 { // the defaults and one option
				seen[k]++
				good = append(good, f)
			}
		}
	}
	r := rand.New(rand.NewPCG(14, 8))
	pairs, made, refused := map[string][]byte{}, map[string]string{}, 0
	const mutants = 1000
	for n := range mutants {
		f := good[n%len(good)]
		b, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		from := 0
		if n%3 == 0 {
			from = len(b) * 3 / 4 // footers and last pages
		}
		for range 1 + r.IntN(4) {
			b[from+r.IntN(len(b)-from)] ^= byte(1 + r.IntN(255))
		}
		out, err := published(t, b, filepath.Base(f.path))
		if err != nil {
			refused++
			if panicText.MatchString(err.Error()) {
				t.Errorf("%s %s %s, mutant %d: %v", f.writer, f.option, f.typ, n, err)
			}
			continue
		}
		key := fmt.Sprintf("-%d", n)
		pairs[key], made[key] = out, fmt.Sprint(f.writer, " ", f.option, " ", f.typ)
	}
	for key, j := range shardtest.Judge(t, pairs) {
		if j.Broken != "" {
			t.Errorf("%s, mutant %s is published, and pyarrow says: %s", made[key], key, j.Broken)
		}
	}
	t.Logf("%d of %d mutants refused", refused, mutants)
	if refused < mutants/4 || refused == mutants {
		t.Error("that is not a test of mutants")
	}
}

// published is conform without the demand that faults are Invalid alone.
func published(t testing.TB, b []byte, name string) ([]byte, error) {
	in, out := shardtest.FileOf(t, b), shardtest.FileOf(t, nil)
	defer in.Close()
	defer out.Close()
	r, err := shard.Conform(context.Background(), in, int64(len(b)), shard.Spec{Name: name}, out)
	if err != nil {
		if k := schemas.KindOf(err); k != schemas.Invalid && k != schemas.TooLarge {
			t.Errorf("%s: an error of Kind %s: %v", name, k, err)
		}
		return nil, err
	}
	if r.Conforms {
		return b, nil
	}
	w := make([]byte, r.OutSize)
	_, err = out.ReadAt(w, 0)
	return w, err
}

// TestCorpusPassesValidation publishes all of the Arrow and Parquet projects' files,
// good and bad: what is published passes full validation, what is refused says why.
func TestCorpusPassesValidation(t *testing.T) {
	pairs := map[string][]byte{}
	names, refused := map[string]string{}, 0
	err := filepath.WalkDir(sharedtest.Path(t, "data", "interop"), func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "large_string_map") {
			return err
		}
		if regexp.MustCompile(`\.(gz|csv|bin|json|value|metadata|md|tsv)$`).MatchString(p) {
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		out, err := published(t, b, d.Name())
		if err != nil {
			if refused++; panicText.MatchString(err.Error()) {
				t.Errorf("%s: %v", p, err)
			}
			return nil
		}
		key := fmt.Sprintf("-%d", len(pairs))
		pairs[key], names[key] = out, p
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, j := range shardtest.Judge(t, pairs) {
		if j.Broken != "" {
			t.Errorf("%s is published, and pyarrow says: %s", names[key], j.Broken)
		}
	}
	t.Logf("%d published, %d refused", len(pairs), refused)
	if len(pairs) < 120 || refused < 100 {
		t.Errorf("%d published, %d refused", len(pairs), refused)
	}
}
