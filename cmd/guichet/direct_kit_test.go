package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// codedRows is an IPC stream of rows: n counts, word is coded by a dictionary of this file's own.
func codedRows(t *testing.T, from, rows int) []byte {
	t.Helper()
	word := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "word", Type: word, Nullable: true},
		{Name: "pad", Type: arrow.BinaryTypes.String}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	pad := strings.Repeat("y", 100)
	for n := from; n < from+rows; n++ {
		b.Field(0).(*array.Int64Builder).Append(int64(n))
		if err := b.Field(1).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprint("word ", n%97+from)); err != nil {
			t.Fatal(err)
		}
		b.Field(2).(*array.StringBuilder).Append(pad)
	}
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	err := w.Write(b.NewRecord())
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestKitDirect runs connectors/python/tests/direct_kit.py: the kit reads by URL what its streams give, and
// says why where it does not.
func TestKitDirect(t *testing.T) {
	t.Parallel()
	installed, kit, torch := installedKit(t), kitPython(t), torchPython(t)
	g := directSite(t, "60s")
	const rows, shards = 150_000, 4
	var files [shards][]byte
	for i := range files {
		files[i] = codedRows(t, i*rows/shards, rows/shards)
	}
	agreement := g.directly("Numbers", files[:]...)
	closed := g.granted(g.published("Closed", []byte("n\n1\n2\n3\n")).ID)[0]
	token := written(t, t.TempDir(), "token", bearer(t, g, "trainer"))
	for python, what := range map[string][]string{kit: {"rows", "resumed", "late", "refused"}, torch: {"torch"}} {
		t.Run(what[0], func(t *testing.T) {
			script := filepath.Join(root, "connectors", "python", "tests", "direct_kit.py")
			cmd := exec.Command(python, append([]string{script}, what...)...)
			cmd.Env = append(os.Environ(), "PYTHONPATH="+installed, "GUICHET_SERVER="+g.base, "GUICHET_TOKEN_FILE="+token,
				"AGREEMENT="+string(agreement), "CLOSED="+string(closed), fmt.Sprint("ROWS=", rows))
			out, err := cmd.CombinedOutput()
			if n := strings.Count(string(out), "ok "); err != nil || n != len(what) {
				t.Fatalf("%d of %d: %v\n%s", n, len(what), err, out)
			}
		})
	}
}
