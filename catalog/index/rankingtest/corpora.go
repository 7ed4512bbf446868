// Package rankingtest holds what the ranking of searches is measured on: real datasets of four
// catalogues, logged queries, and judgements of what answers 50 of them.
//
// In: the material beside the repository, judgements in testdata. Out: datasets, queries, the
// figures of a ranking. Always: the same material gives the same datasets under the same
// ids. It is for tests alone, and knows no index.
package rankingtest

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"guichet/connectors/ckan"
	"guichet/connectors/croissant"
	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// Corpora are the Belgian catalogue, 3,300 packages of the United States' federal one, those
// of the Robert Koch Institute and the reference Croissants, each dataset with an IRI of its
// own as its id.
func Corpora(t testing.TB) []schemas.Dataset {
	t.Helper()
	out := slices.Concat(belgian(t), federal(t), robertKoch(t), croissants(t))
	seen := map[string]bool{}
	out = slices.DeleteFunc(out, func(d schemas.Dataset) bool {
		again := seen[d.IRI] || d.IRI == "" || len(d.Title) == 0
		seen[d.IRI] = true
		return again
	})
	for i := range out {
		out[i].ID = schemas.DatasetID(out[i].IRI)
	}
	return out
}

// lines calls for each line of a file, compressed with zstd or not.
func lines(t testing.TB, each func(line string), parts ...string) {
	t.Helper()
	f, err := os.Open(sharedtest.Path(t, append([]string{"reference-data", "catalogue"}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := bufio.NewScanner(f)
	if strings.HasSuffix(f.Name(), ".zst") {
		plain, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		all = bufio.NewScanner(plain)
	}
	all.Buffer(nil, 32<<20)
	for all.Scan() {
		each(all.Text())
	}
	if all.Err() != nil {
		t.Fatal(all.Err())
	}
}

// belgian reads the Belgian catalogue, one statement a line, as far as searches see it: a
// tenth of the time that its 1.67 million triples take.
func belgian(t testing.TB) []schemas.Dataset {
	literal, iri := regexp.MustCompile(`"((?:[^"\\]|\\.)*)"@([a-zA-Z-]+)`), regexp.MustCompile(`<([^>]*)>`)
	unescaped := strings.NewReplacer(`\n`, "\n", `\r`, "", `\t`, " ", `\"`, `"`, `\\`, `\`)
	var out []schemas.Dataset
	at := -1
	lines(t, func(line string) {
		all := iri.FindAllStringSubmatch(line, -1)
		if len(all) == 0 {
			return
		}
		if !strings.HasPrefix(line, " ") && len(all) > 1 {
			at = -1
			if last(all[1][1], "#/") == "Dataset" {
				at = len(out)
				out = append(out, schemas.Dataset{IRI: all[0][1], Space: "mobility", Title: schemas.Text{}, Description: schemas.Text{}})
			}
			return
		}
		if at < 0 {
			return
		}
		d := &out[at]
		property := last(all[0][1], "#/")
		for _, v := range all[1:] {
			switch property {
			case "theme":
				d.Themes = append(d.Themes, last(v[1], "/"))
			case "publisher":
				d.Publisher = last(v[1], "/")
			}
		}
		for _, v := range literal.FindAllStringSubmatch(line, -1) {
			text := unescaped.Replace(v[1])
			switch property {
			case "title":
				d.Title[v[2]] = text
			case "description":
				d.Description[v[2]] = text
			case "keyword":
				d.Keywords = append(d.Keywords, text)
			}
		}
	}, "dcat-ap", "be-datagov-ldes", "be-datagov-full-2025-04-13.ttl.zst")
	for i := range out {
		out[i].Countries = []string{"BE"}
	}
	return out
}

// last is what stands behind the last of some signs.
func last(s, signs string) string { return s[strings.LastIndexAny(s, signs)+1:] }

func federal(t testing.TB) []schemas.Dataset {
	var out []schemas.Dataset
	lines(t, func(line string) {
		d, err := ckan.Read([]byte(line), "https://catalog.data.gov")
		if err == nil {
			out = append(out, d)
		}
	}, "ckan", "data.gov-2017-federal", "ckan-packages-3300.jsonl.zst")
	return out
}

func robertKoch(t testing.TB) []schemas.Dataset {
	var out []schemas.Dataset
	for _, name := range files(t, "health-rki", "*", "govdata.ttl") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		items, err := dcatap.ReadAll(rdf.Turtle, b, "https://robert-koch-institut.github.io/")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range items {
			out = append(out, i.Dataset)
		}
	}
	return out
}

func croissants(t testing.TB) []schemas.Dataset {
	var out []schemas.Dataset
	for _, name := range files(t, "croissant", "mlcommons", "*.json") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base := "https://mlcommons.example/" + filepath.Base(name)
		d, is, err := croissant.Read(b, base)
		if err != nil || !is {
			continue // some are faulty on purpose
		}
		d.IRI = base
		out = append(out, d)
	}
	return out
}

func files(t testing.TB, parts ...string) []string {
	t.Helper()
	dir := sharedtest.Path(t, append([]string{"reference-data", "catalogue"}, parts[0])...)
	out, err := filepath.Glob(filepath.Join(append([]string{dir}, parts[1:]...)...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}
