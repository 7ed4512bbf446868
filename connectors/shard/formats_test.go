package shard_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/ipc"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
)

var update = flag.Bool("update", false, "write docs/formats.md anew")

const formatsDoc = "../../docs/formats.md"

// TestFormats writes every type with every writer and option, publishes it, compares
// each value with pyarrow's reading of the source, and makes docs/formats.md of it.
func TestFormats(t *testing.T) {
	if testing.Short() {
		t.Skip("not tested here: -short leaves the files of all writers out")
	}
	versions, files := byWriters(t)
	results, published, notes := results(t, files)
	doc := formatsIntro + versions + ".\n" + writersTables(files, results) + readersTable(t, published, notes)
	if *update {
		if err := os.WriteFile(formatsDoc, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(formatsDoc)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), versions) {
		say := t.Skipf
		if os.Getenv("CI") == "true" {
			say = t.Errorf
		}
		say("docs/formats.md is not compared: it was made with other writers than %s", versions)
		return
	}
	if diff := cmp.Diff(strings.Split(string(b), "\n"), strings.Split(doc, "\n")); diff != "" {
		t.Errorf("docs/formats.md is not what the installed writers and readers give (make setup installs the pinned ones; go test "+
			"./connectors/shard -run TestFormats -update writes it anew):\n%s", diff)
	}
}

// results publishes the files and says in words what came of each; published has one
// file of each type that came out, notes what its report says of readers.
func results(t *testing.T, files []written1) (map[string]string, map[string][]byte, map[string]string) {
	results, pairs := map[string]string{}, map[string][]byte{}
	published, ofReaders := map[string][]byte{}, map[string]string{}
	for _, f := range files {
		if f.refused != "" {
			continue
		}
		b, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		r, out, err := shardtest.Conform(t, b, shard.Spec{Name: "x" + filepath.Ext(f.path)})
		if err != nil {
			_, why, _ := strings.Cut(err.Error(), ": ")
			results[f.path] = "refused: " + strings.ReplaceAll(strings.TrimPrefix(why, `column "x": `), "row group 0", "a row group")
			continue
		}
		pairs[f.path] = out
		var notes []string
		readers := ""
		for _, n := range r.Notes {
			if strings.HasPrefix(n, `column "x" (`) {
				readers += n + "\n"
			} else if n, ok := strings.CutPrefix(n, `column "x`); ok {
				notes = append(notes, strings.TrimPrefix(strings.Replace(strings.TrimPrefix(n, `": `), `": `, ": ", 1), "."))
			}
		}
		results[f.path] = "equal"
		if len(notes) > 0 {
			results[f.path] = "converted: " + strings.Join(notes, "; ")
		}
		s, err := ipc.ParseSchema(r.Schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range s.Arrow.Fields() {
			if c.Name != "x" {
				continue
			}
			typ := c.Type.String()
			if name, named := c.Metadata.GetValue(ipc.ExtensionName); named {
				typ = name + " over " + typ
			}
			published[typ], ofReaders[typ] = out, readers
		}
	}
	for path, j := range shardtest.Judge(t, pairs) {
		if j.Error != "" || j.Broken != "" || len(j.Differs) > 0 {
			t.Errorf("%s: %+v", results[path], j)
		}
		for _, c := range j.Types {
			if c[0] == "x" && results[path] == "equal" && plainNames(c[1]) != plainNames(c[2]) {
				t.Errorf("%s is published as %s, and no note says so: %+v", c[1], c[2], j)
			}
		}
	}
	return results, published, ofReaders
}

// plainNames takes the names of list items and map entries out of a type's words.
func plainNames(s string) string {
	s = strings.NewReplacer("element: ", "item: ", " ('x')", "", " ('element')", "").Replace(s)
	return s
}

const formatsIntro = `# Which files are read, and what becomes of them

This page is made by ` + "`TestFormats`" + ` in ` + "`connectors/shard`" + ` with real writers and readers
(` + "`go test ./connectors/shard -run TestFormats -update`" + `). Each writer writes each type, a
thousand rows with nulls first, in the middle and last, with its defaults and with each
option; every value of what is published is compared with pyarrow's reading of the file.

*equal*: the values are the writer's, and the type is the one that the file names.
*converted*: the values are equal, and the publish report says what the column became.
*refused*: the report names the column, the cause and the way out. Nothing else happens
to a column.

## JSON lines

Files called ` + "`" + `.jsonl` + "`" + ` or ` + "`" + `.ndjson` + "`" + `, packed with gzip (` + "`" + `.jsonl.gz` + "`" + `) or not, have one object on each line. A column's type follows
from all values of all files of the table, and a value reads back as it was written:

- whole numbers are int64, or uint64 where one is larger and none is negative; with a point somewhere, float64. A number that
  would be rounded (` + "`" + `0.1234567890123456789` + "`" + `, or ` + "`" + `9007199254740993` + "`" + ` beside ` + "`" + `0.5` + "`" + `) and one beyond 64 bits are refused with their
  line: write them as text.
- text is a timestamp in UTC where all of it is RFC 3339 with ` + "`" + `Z` + "`" + ` and as many digits after the point (none, 3, 6 or 9); else text.
- lists and objects are lists and structs; a member that is left out is null. Values lie at most 32 deep, a table has at most
  10,000 places for values, a line at most 64 MiB.
- refused, with line and place: a name given twice, bytes that are not UTF-8 (half a surrogate pair too), values of several
  kinds in one place, objects without any member, anything after the object.

## WebDataset

A ` + "`" + `.tar` + "`" + ` is samples: members of one name that differ by what follows its first dot (` + "`" + `a/1.jpg` + "`" + `, ` + "`" + `a/1.cls` + "`" + `) are one row. ` + "`" + `__key__` + "`" + ` is
its name, each ending a column, null where a sample has no such member. ` + "`" + `cls` + "`" + `, ` + "`" + `index` + "`" + ` and ` + "`" + `id` + "`" + ` are int64 where every member is a
whole number as it would be written again, ` + "`" + `txt` + "`" + `, ` + "`" + `json` + "`" + ` and the like text where every member is UTF-8, ` + "`" + `npy` + "`" + ` an
` + "`" + `arrow.fixed_shape_tensor` + "`" + ` where all arrays have one type and shape (little-endian, in C order); all else is binary, with its
` + "`" + `media_type` + "`" + ` in the column's metadata. Links, sparse members, names that lead out, a member that is there twice, a sample whose
members stand apart, members above 64 MiB are refused by name. With ` + "`" + `--objects` + "`" + ` a tar is published as it is.

Made with `

// writersTables has a table for each writer: types, and what came of which options.
func writersTables(files []written1, results map[string]string) string {
	var b strings.Builder
	for _, writer := range inOrder(files, func(f written1) string { return f.writer }) {
		mine := slices.DeleteFunc(slices.Clone(files), func(f written1) bool { return f.writer != writer })
		options := inOrder(mine, func(f written1) string { return f.option })
		fmt.Fprintf(&b, "\n## %s\n\nOptions: %s.\n\n| types | options | result |\n| --- | --- | --- |\n", writer, strings.Join(options, "; "))
		types, order := map[string][]string{}, []string(nil) // by options and result
		for _, typ := range inOrder(mine, func(f written1) string { return f.typ }) {
			for _, row := range rowsOf(mine, typ, results) {
				if types[row] == nil {
					order = append(order, row)
				}
				types[row] = append(types[row], typ)
			}
		}
		for _, row := range order {
			fmt.Fprintf(&b, "| %s | %s\n", cell(strings.Join(types[row], ", ")), row)
		}
	}
	return b.String()
}

// rowsOf says what came of a type: options and result.
func rowsOf(files []written1, typ string, results map[string]string) (rows []string) {
	groups, all := map[string][]string{}, 0
	var order []string
	for _, f := range files {
		if f.typ != typ {
			continue
		}
		all++
		said := results[f.path]
		if f.refused != "" {
			said = "not written by it"
		}
		if groups[said] == nil {
			order = append(order, said)
		}
		groups[said] = append(groups[said], f.option)
	}
	for _, said := range order {
		which := strings.Join(groups[said], "; ")
		switch n := len(groups[said]); {
		case n == all:
			which = "all"
		case n > all/2 && said == order[0]:
			which = "the others"
		}
		rows = append(rows, fmt.Sprintf("%s | %s |", cell(which), cell(said)))
	}
	return rows
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func inOrder(files []written1, of func(written1) string) (out []string) {
	for _, f := range files {
		if s := of(f); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// readersTable opens each published type with the readers that are installed. The
// publish report must name each that reads nothing.
func readersTable(t *testing.T, published map[string][]byte, notes map[string]string) string {
	types := slices.Sorted(maps.Keys(published))
	var in bytes.Buffer
	dir := t.TempDir()
	for i, typ := range types {
		p := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(p, published[typ], 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&in, p)
	}
	cmd := exec.Command(sharedtest.Python(t), "testdata/readers.py")
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("readers.py: %v", err)
	}
	var b strings.Builder
	i, all := 0, 0
	for line := range bytes.Lines(out) {
		var said map[string]*string
		if err := json.Unmarshal(line, &said); err != nil {
			t.Fatal(err)
		}
		readers := slices.Sorted(maps.Keys(said))
		if i == 0 {
			fmt.Fprintf(&b, "\n## Who reads what is published\n\npyarrow reads and validates all of it. A column that a reader does not "+
				"know shuts it out of the\nwhole table; the columns of a stream can be chosen, and the publish report names such "+
				"columns.\n\n| type as published | %s |\n| --- |%s\n", strings.Join(readers, " | "), strings.Repeat(" --- |", len(readers)))
		}
		row, every := "", true
		for _, r := range readers {
			word := "yes"
			if said[r] != nil && strings.HasPrefix(*said[r], "as ") {
				word, every = "yes, "+*said[r], false
			} else if said[r] != nil {
				word, every = "no ("+*said[r]+")", false
				if !strings.Contains(notes[types[i]], r) {
					t.Errorf("%s does not read %s (%s), and the publish report does not say so: %s", r, types[i], *said[r], notes[types[i]])
				}
			}
			row += " " + word + " |"
		}
		if !every {
			fmt.Fprintf(&b, "| %s |%s\n", cell(types[i]), row)
		} else {
			all++
		}
		i++
	}
	fmt.Fprintf(&b, "\nThe other %d types that were published here are read by all of them.\n", all)
	return b.String()
}
