package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"guichet/schemas"
)

var update = flag.Bool("update", false, "write the pages that tests make")

// doorsOf are the doors through which each reader reads, with nothing of ours installed.
func doorsOf() [][]string {
	return [][]string{
		{"pyarrow", "stream", "file", "S3", "Flight"},
		{"pandas", "stream", "file", "S3"},
		{"polars", "stream", "file", "S3"},
		{"DuckDB", "stream", "file", "S3", "Flight"},
		{"datasets", "stream", "file"},
	}
}

// TestClients reads a column of each type through each door with the readers that people have, and
// holds what came of it against docs/clients.md.
func TestClients(t *testing.T) {
	t.Parallel()
	python := os.Getenv("GUICHET_PYTHON")
	if python == "" {
		lacking(t, "not tested here: GUICHET_PYTHON names no interpreter")
	}
	run := func(env []string, args ...string) []byte {
		cmd := exec.Command(python, append([]string{"testdata/clients.py"}, args...)...)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		return out
	}
	file := filepath.Join(t.TempDir(), "types.arrow")
	var types map[string]string
	err := json.Unmarshal(run(nil, "make", file), &types)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := newGatewayWith(t, "--s3-listen", ":0")
	g.populate()
	id := g.granted(g.publishedAs(wheat("Every type"), b))[0]
	keys := map[string][2]string{}
	for c := range types {
		var l schemas.LeaseAnswer
		g.post("trainer", "/leases", schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id, Columns: []string{"id", c}}}}, &l)
		keys[c] = [2]string{l.S3.AccessKeyID, l.S3.SecretAccessKey}
	}
	text, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	lease := g.lease(id)
	env := []string{"BASE=" + g.base, "TOKEN=" + lease.Token, "AGREEMENT=" + string(id), "FLIGHT=grpc://" + g.flight, "ENDPOINT=" + g.s3, "KEYS=" + string(text),
		"FILE=" + file, "AWS_EC2_METADATA_DISABLED=true", "HF_HUB_OFFLINE=1"}
	found := map[string]map[string]string{} // by reader and door, by column
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, reader := range doorsOf() {
		wg.Go(func() {
			for _, door := range reader[1:] {
				var said map[string]string
				out := run(env, reader[0], door)
				err := json.Unmarshal(out, &said)
				if err != nil || len(said) != len(types) {
					t.Errorf("%s by %s says %s, %v", reader[0], door, out, err)
				}
				mu.Lock()
				found[reader[0]+" "+door] = said
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var versions map[string]string
	err = json.Unmarshal(run(nil, "versions"), &versions)
	if err != nil {
		t.Fatal(err)
	}
	page := clientsPage(types, found, versions)
	path := filepath.Join(root, "docs", "clients.md")
	if *update {
		err = os.WriteFile(path, []byte(page), 0o644)
		if err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != page {
		t.Errorf("docs/clients.md is not what the readers of today say (%v); go test ./cmd/guichet -run TestClients -update writes:\n%s", err, page)
	}
}

// clientsPage is the page: a row for each type that some reader does not give as it is.
func clientsPage(types map[string]string, found map[string]map[string]string, versions map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Which client reads which column through which door

This page is made by `+"`TestClients`"+` in `+"`cmd/guichet`"+` (`+"`go test ./cmd/guichet -run TestClients -update`"+`). Each reader reads an
id and one column of each type, with a null, with nothing of ours installed: the *stream* over HTTP, a shard as *file* by its
address, the same from the *S3* face, and over *Flight*. Read with pyarrow %s, pandas %s, polars %s, DuckDB %s (which reads what
pyarrow hands it) and Hugging Face datasets %s.

*yes*: the values and the type are those that were published. *as …*: the values are, as another type. *no*: the reader refuses
the whole table for the sake of that column, with that error.

`, versions["pyarrow"], versions["pandas"], versions["polars"], versions["duckdb"], versions["datasets"])
	b.WriteString("| type |")
	for _, r := range doorsOf() {
		fmt.Fprintf(&b, " %s |", r[0])
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(doorsOf())) + "\n")
	var all []string
	for _, column := range slices.Sorted(maps.Keys(types)) {
		typ, row, plain := types[column], "", true
		for _, r := range doorsOf() {
			word := wordOf(r, column, found)
			plain = plain && word == "yes"
			row += " " + word + " |"
		}
		if plain {
			all = append(all, typ)
			continue
		}
		fmt.Fprintf(&b, "| %s |%s\n", typ, row)
	}
	fmt.Fprintf(&b, "\nAll of them read, through every door: %s.\n", strings.Join(all, ", "))
	b.WriteString(`
## What helps

The columns of a stream, a file and a lease can be chosen (` + "`columns=id,yield`" + `, ` + "`POST /leases`" + `): a table with one column
that a reader refuses is read without it. The report of a publication names the readers that a type shuts out, so that a
provider may choose another type before anybody is shut out; a trainer reads such a column with pyarrow and casts it:

` + "```python" + `
table = pyarrow.ipc.open_stream(response).read_all()
table = table.set_column(table.schema.get_field_index("price"), "price", table["price"].cast(pyarrow.decimal128(38, 5)))
` + "```" + `

Bytes as such (curl, boto3, s3fs, the AWS CLI, rclone, minio-go) are read whatever the types: [s3.md](s3.md).
`)
	return b.String()
}

// wordOf is what a reader does with a column: one word where all of its doors agree.
func wordOf(reader []string, column string, found map[string]map[string]string) string {
	var words []string
	for _, door := range reader[1:] {
		words = append(words, found[reader[0]+" "+door][column])
	}
	if len(slices.Compact(slices.Clone(words))) == 1 {
		return words[0]
	}
	var parts []string
	for i, word := range words {
		parts = append(parts, reader[1+i]+": "+word)
	}
	return strings.Join(parts, "; ")
}
