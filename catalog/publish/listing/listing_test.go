package listing

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/connectors/s3"
	"guichet/schemas"
)

// TestBeside: which objects under a prefix are shards, by their names.
func TestBeside(t *testing.T) {
	for name, is := range map[string]bool{
		"a.csv": true, "part-0001": true, "data.txt": true, "year=2026/a.parquet": true, "_col=1/a.csv": true, "readme-of-2026.csv": true,
		"_SUCCESS": false, ".a.csv.crc": false, "_temporary/0/a.parquet": false, "README": false, "README.md": false, "LICENSE.txt": false,
		"report.pdf": false, "a.csv.sha256": false, "CITATION.cff": false, "checksums.txt": false,
	} {
		if beside(name) == is {
			t.Errorf("%s is taken for a shard: %t", name, !is)
		}
	}
	for name, format := range map[string]string{
		"_delta_log/00000000000000000000.json": "a Delta", "t/_delta_log/0.checkpoint.parquet": "a Delta", ".hoodie/hoodie.properties": "a Hudi",
		"metadata/v1.metadata.json": "an Iceberg", "metadata/version-hint.text": "an Iceberg", "metadata/a.csv": "", "a.parquet": "", "my_delta_log.csv": "",
	} {
		if got := tableFormat(name); got != format {
			t.Errorf("%s is of %q, not %q", name, got, format)
		}
	}
	left := Left{Prefix: "p/"}
	for i := range 12 {
		left.Count++
		if i < maxLeft {
			left.Names = append(left.Names, fmt.Sprint("_", i))
		}
	}
	if got := left.String(); got != "_0, _1, _2, _3, _4, _5, _6, _7, _8, _9 and 2 more" {
		t.Error(got)
	}
}

// of lists objects under p/.
func of(names ...string) (out []s3.Info) {
	for _, n := range names {
		out = append(out, s3.Info{Key: "p/" + n})
	}
	return out
}

func keys(list []s3.Info) string {
	var out []string
	for _, o := range list {
		out = append(out, strings.TrimPrefix(o.Key, "p/"))
	}
	return strings.Join(out, " ")
}

// TestShardsAndObjects: of one listing, what is taken as shards and what as objects.
func TestShardsAndObjects(t *testing.T) {
	list := of("a.csv", "_SUCCESS", "README.md", "b/1.jpg", ".crc", "b/.x/2.jpg", "folder/", "_annotations.json")
	shards, left, err := Shards(list, "p/", "/tables/0")
	if err != nil || keys(shards) != "a.csv b/1.jpg folder/" || left.Count != 5 || !strings.Contains(left.Note().Message, "are no shards") {
		t.Errorf("shards are %q, left %v, %v", keys(shards), left, err)
	}
	objects, left := Objects(list, "p/")
	if keys(objects) != "a.csv _SUCCESS README.md b/1.jpg _annotations.json" || left.Count != 3 ||
		left.Note().Message != "left out, as names that begin with a dot and empty folders are no data: .crc, b/.x/2.jpg, folder/" {
		t.Errorf("objects are %q, left %v", keys(objects), left)
	}
	if _, left := Objects(of("a"), "p/"); left != nil {
		t.Errorf("nothing was left out: %v", left)
	}
	_, _, err = Shards(of("_delta_log/0.json"), "p/", "/tables/0")
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "Delta") {
		t.Errorf("%v", err)
	}
}

// TestSeparate: rows and objects are never of one table, and nothing that was said is changed.
func TestSeparate(t *testing.T) {
	table := func(name string, objects bool, keys ...string) schemas.PublicationTable {
		return schemas.PublicationTable{Name: name, Objects: objects, Splits: []schemas.PublicationSplit{{Name: "train", Keys: keys}}}
	}
	for name, c := range map[string]struct {
		tables []schemas.PublicationTable
		had    string // rows before
		want   string
		notes  int
	}{
		"rows":           {[]schemas.PublicationTable{table("t", false, "a.csv", "b.weird")}, "", "t[a.csv b.weird]", 0},
		"said":           {[]schemas.PublicationTable{table("t", true, "a.csv", "b.jpg")}, "", "t*[a.csv b.jpg]", 0},
		"objects":        {[]schemas.PublicationTable{table("t", false, "a.png", "b.jpg")}, "", "t*[a.png b.jpg]", 1},
		"mixed":          {[]schemas.PublicationTable{table("t", false, "a.png", "b.csv")}, "", "t[b.csv] t-files*[a.png]", 1},
		"had rows":       {[]schemas.PublicationTable{table("t", false, "a.png")}, "t", "t-files*[a.png]", 1},
		"another's rows": {[]schemas.PublicationTable{table("t", false, "a.png"), table("u", false, "b.csv")}, "u", "t*[a.png] u[b.csv]", 1},
		"name is taken":  {[]schemas.PublicationTable{table("t", false, "a.png", "b.csv"), table("t-files", false, "c.csv")}, "", "", 0},
		"name too long":  {[]schemas.PublicationTable{table(strings.Repeat("t", 60), false, "a.png", "b.csv")}, "", "", 0},
	} {
		out, err := Separate(c.tables, func(n string) bool { return n == c.had })
		var got []string
		for _, t := range out.Tables {
			star := map[bool]string{true: "*"}[t.Objects]
			got = append(got, t.Name+star+fmt.Sprint(t.Splits[0].Keys))
		}
		if c.want == "" {
			e, ok := errors.AsType[*schemas.Error](err)
			if !ok || e.Fields[0].Pointer != "/tables/0" {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || strings.Join(got, " ") != c.want || len(out.Notes) != c.notes {
			t.Errorf("%s: %q, %v, %v", name, got, out.Notes, err)
		}
	}
}

// TestNothingIsLost: whatever names are listed, each is a shard, or left out and counted, and the
// files of tables that are set apart are those that there were, each once, in their order.
func TestNothingIsLost(t *testing.T) {
	name := rapid.SampledFrom([]string{"a.csv", "b/1.jpg", "_SUCCESS", ".crc", "readme.md", "x=1/c.parquet", "d.dcm", "e.weird", "f/"})
	rapid.Check(t, func(t *rapid.T) {
		var list []s3.Info
		var all []string
		for i, n := range rapid.SliceOfN(name, 0, 12).Draw(t, "names") {
			list = append(list, s3.Info{Key: fmt.Sprintf("p/%d-%s", i, n)})
			if rapid.Bool().Draw(t, "as it is") {
				list[i].Key = fmt.Sprintf("p/%s", n)
			}
			all = append(all, list[i].Key)
		}
		shards, left, err := Shards(list, "p/", "/tables/0")
		if err != nil {
			t.Fatal(err)
		}
		n := len(shards)
		if left != nil {
			n += left.Count
		}
		objects, without := Objects(list, "p/")
		m := len(objects)
		if without != nil {
			m += without.Count
		}
		if n != len(list) || m != len(list) || keys(list) != keys(of(strings.Fields(strings.ReplaceAll(strings.Join(all, " "), "p/", ""))...)) {
			t.Fatalf("of %q %d are shards and %d objects", all, n, m)
		}
		out, err := Separate([]schemas.PublicationTable{{Name: "t", Splits: []schemas.PublicationSplit{{Name: "all", Keys: all}}}},
			func(string) bool { return false })
		if err != nil || len(out.Tables) > 2 {
			t.Fatalf("%+v, %v", out, err)
		}
		var rows, files []string
		for _, table := range out.Tables {
			for _, s := range table.Splits {
				if table.Objects {
					files = append(files, s.Keys...)
				} else {
					rows = append(rows, s.Keys...)
				}
			}
		}
		for _, key := range all {
			from := &rows
			if strings.HasSuffix(key, ".jpg") || strings.HasSuffix(key, ".dcm") {
				from = &files
			}
			if len(*from) == 0 || (*from)[0] != key {
				t.Fatalf("%s is not where it should be: %q and %q of %q", key, rows, files, all)
			}
			*from = (*from)[1:]
		}
	})
}
