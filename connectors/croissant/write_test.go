package croissant

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// validated holds Croissants against the reference implementation.
func validated(t *testing.T, docs map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for name, b := range docs {
		path := filepath.Join(dir, name+".json")
		err := os.WriteFile(path, b, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	cmd := exec.Command(sharedtest.Catalogue(t), "testdata/validate.py")
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n"))
	cmd.Env = append(os.Environ(), "HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1") // nothing is to be fetched
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "is recommended, but does not exist") || strings.Contains(line, "doesn't follow MAJOR.MINOR.PATCH") { // a dataset need not
			continue
		}
		t.Errorf("%s", strings.TrimPrefix(strings.TrimSpace(line), dir))
	}
}

func known() (*schemas.Dataset, *schemas.Version) {
	shard := func(name string, n int64) schemas.Shard {
		return schemas.Shard{Name: name, MediaType: "image/png", Size: n, SHA256: strings.Repeat("ab", 32), Rows: 1}
	}
	d := &schemas.Dataset{
		ID: "ds-1", IRI: "https://x.example/d 1", Provider: "https://p.example", Title: schemas.Text{"en": "Wind \"and\" <waves>", "pt-BR": "Vento"}, Description: schemas.Text{"": "Of the sea\n\n& more"},
		Keywords: []string{"a, b", "c"}, Countries: []string{"FR", "EU"}, Languages: []string{"fr"}, Publisher: "Office", Contact: "data@x.example", Licence: "CC-BY-4.0", Attribution: "us",
		Identifiers: []string{"10.5281/zenodo.1"}, From: "2020", Until: "2021-02", Registered: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Modified: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
		Tables: []schemas.TableInfo{{Name: "t", Title: schemas.Text{"": "T"}, Fields: []schemas.Field{{Name: "speed", Unit: "m/s", Concept: "https://c.example/x", Description: schemas.Text{"en": "Speed", "de": "Tempo"}}}}},
		Offer: &schemas.Offer{Title: schemas.Text{"en": "Terms"}, Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use", "read"}, Constraint: &schemas.Constraint{Left: "spatial", Operator: "isAnyOf", Right: []string{"FR", "DE"}},
			Duties: []schemas.Duty{{Kind: schemas.DutyAttribute, Text: "give credit"}}}, {Kind: schemas.Prohibition, Actions: []string{"distribute"}}}},
	}
	var columns []schemas.TableColumn
	for i, words := range []string{"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64", "bool", "utf8", "large_utf8", "binary", "fixed_size_binary[16]",
		"date32", "time64[us]", "timestamp[us, tz=UTC]", "decimal(9, 2)", "list<item: float32, nullable>", "fixed_size_list<item: uint8, nullable>[4]", "struct<a: int32>", "dictionary<values=utf8, indices=int32, ordered=false>"} { // as connectors/ipc calls them
		columns = append(columns, schemas.TableColumn{Name: strings.Repeat("c", i+1), Type: words})
	}
	columns = append(columns, schemas.TableColumn{Name: "speed", Type: "float64"}, schemas.TableColumn{Name: "image.png", Type: "binary", MediaType: "image/png"})
	v := &schemas.Version{VersionSummary: schemas.VersionSummary{Version: "2026-01-05", Published: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}, Data: []schemas.Table{
		{Name: "t", Columns: columns, Splits: []schemas.Split{{Name: "train", Shards: []schemas.Shard{shard("", 100), shard("", 200)}}, {Name: "test", Shards: []schemas.Shard{shard("", 50)}}}},
		{Name: "scans", Objects: true, Splits: []schemas.Split{{Name: "all", Shards: []schemas.Shard{shard("a/1 ü#.png", 5), shard("b.png", 6)}}}},
	}}
	return d, v
}

// What is written is a Croissant to the reference implementation, whatever the dataset has.
func TestWrittenCroissantsAreValid(t *testing.T) {
	t.Parallel()
	docs := map[string][]byte{}
	add := func(name string, d *schemas.Dataset, v *schemas.Version, public string) {
		b, err := Write(d, v, public)
		if err != nil {
			t.Fatal(err)
		}
		docs[name] = b
	}
	d, v := known()
	add("full", d, v, "https://guichet.example")
	add("at-no-address", d, v, "")
	add("described", d, nil, "https://guichet.example")
	hidden, _ := known()
	hidden.Offer.Rules[0].Duties = append(hidden.Offer.Rules[0].Duties, schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{}})
	b, err := Write(hidden, v, "https://guichet.example")
	if err == nil {
		docs["filtered"] = b
	}
	for _, word := range []string{"sha256", "contentSize"} {
		if err != nil || strings.Contains(string(b), `"`+word+`":`) {
			t.Errorf("%v: a filtered dataset says its %s: %s", err, word, b)
		}
	}
	add("bare", &schemas.Dataset{ID: "ds-2", Title: schemas.Text{"de": "Nur ein Titel"}}, nil, "https://guichet.example")
	add("elsewhere", &schemas.Dataset{ID: "ds-3", Title: schemas.Text{"en": "T"}, Licences: []string{"CC-BY-4.0", "LicenseRef-own", "https://l.example/1"}, Links: []schemas.Link{{URL: "https://f.example/a.csv", Format: "CSV", Title: "A file"}, {URL: "s3://bucket/key"}}}, nil, "https://guichet.example")
	validated(t, docs)
	var doc struct {
		Distribution []map[string]any
		RecordSet    []map[string]any
		UsageInfo    map[string]any
	}
	err = json.Unmarshal(docs["full"], &doc)
	if err != nil || len(doc.Distribution) != 5 || len(doc.RecordSet) != 1 || doc.Distribution[0]["contentUrl"] != "https://guichet.example/datasets/ds-1#2026-01-05/t/train/0.arrow" ||
		doc.Distribution[0]["sha256"] != strings.Repeat("ab", 32) || doc.Distribution[3]["encodingFormat"] != "image/png" || doc.UsageInfo["odrl:permission"] == nil {
		t.Errorf("%v\n%s", err, docs["full"])
	}
}
