package index

import (
	"bufio"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"guichet/catalog/index/document"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// corpus makes any number of datasets out of the Belgian catalogue's: their words in their
// languages, their themes, licences, formats, publishers, as often as these stand there.
type corpus []schemas.Dataset

// real reads the Belgian catalogue, one statement a line, as far as its texts and
// attributes go.
func real(t testing.TB) corpus {
	t.Helper()
	f, err := os.Open(sharedtest.Path(t, "reference-data", "catalogue", "dcat-ap", "be-datagov-ldes", "be-datagov-full-2025-04-13.ttl.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	literal, iri := regexp.MustCompile(`"((?:[^"\\]|\\.)*)"@([a-zA-Z-]+)`), regexp.MustCompile(`<([^>]*)>`)
	type links struct{ licences, formats []string }
	held, of := map[string]links{}, map[string]string{} // of each distribution; whose each is
	at, kind := "", ""
	sets := map[string]*schemas.Dataset{}
	lines := bufio.NewScanner(plain)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := lines.Text()
		all := iri.FindAllStringSubmatch(line, -1)
		if len(all) == 0 {
			continue
		}
		if !strings.HasPrefix(line, " ") && len(all) > 1 {
			at, kind = all[0][1], last(all[1][1], "#/")
			if kind == "Dataset" {
				sets[at] = &schemas.Dataset{IRI: at, Title: schemas.Text{}, Description: schemas.Text{}}
			}
			continue
		}
		d, property := sets[at], last(all[0][1], "#/")
		for _, v := range all[1:] {
			switch {
			case kind == "Dataset" && property == "theme":
				d.Themes = append(d.Themes, last(v[1], "/"))
			case kind == "Dataset" && property == "language":
				d.Languages = append(d.Languages, strings.ToLower(last(v[1], "/"))[:2])
			case kind == "Dataset" && property == "publisher":
				d.Publisher = v[1]
			case kind == "Dataset" && property == "distribution":
				of[v[1]] = at
			case kind == "Distribution" && property == "license":
				held[at] = links{append(held[at].licences, v[1]), held[at].formats}
			case kind == "Distribution" && property == "format":
				held[at] = links{held[at].licences, append(held[at].formats, strings.ToLower(last(v[1], "/")))}
			}
		}
		for _, v := range literal.FindAllStringSubmatch(line, -1) {
			text := strings.NewReplacer(`\n`, " ", `\"`, `"`).Replace(v[1])
			switch {
			case kind == "Dataset" && property == "title":
				d.Title[v[2]] = text
			case kind == "Dataset" && property == "description":
				d.Description[v[2]] = text
			}
		}
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	for _, id := range sorted(of) {
		d := sets[of[id]]
		if d == nil {
			continue
		}
		d.Licences = append(d.Licences, held[id].licences...)
		for _, f := range held[id].formats {
			d.Links = append(d.Links, schemas.Link{Format: f})
		}
	}
	var out corpus
	for _, id := range sorted(sets) {
		if d := sets[id]; len(d.Title) > 0 {
			slices.Sort(d.Licences)
			d.Licences = slices.Compact(d.Licences)
			out = append(out, *d)
		}
	}
	return out
}

func sorted[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// last is what stands behind the last of some signs.
func last(s, signs string) string { return s[strings.LastIndexAny(s, signs)+1:] }

// made is the i-th dataset of the corpus, the same at every call: the attributes of one real
// one, texts of two in its languages, and what the catalogue has none of: other publishers
// in as many countries, some hidden ones, columns.
func (c corpus) made(i int) schemas.Dataset {
	r := rand.New(rand.NewPCG(17, uint64(i)))
	d, other := c[r.IntN(len(c))], c[r.IntN(len(c))]
	d.ID = schemas.DatasetID(fmt.Sprintf("ds-%016x%010d", r.Uint64(), i))
	d.IRI, d.Title, d.Description = "", mixed(r, d.Title, other.Title, 8), mixed(r, d.Description, other.Description, 40)
	d.Space = []schemas.SpaceID{"energy", "energy", "mobility", "mobility", "mobility", "health", "agriculture"}[r.IntN(7)]
	part := int(r.ExpFloat64() * 40) // most publishers are small
	d.Publisher = fmt.Sprintf("%s %d", last(d.Publisher, "/"), part)
	d.Provider = schemas.ParticipantID(fmt.Sprintf("https://p%d.example", part%300))
	d.Countries = strings.Fields("BE BE BE FR DE NL LU IT ES PL SE")[part%11 : part%11+1]
	d.Modified = time.Unix(1_600_000_000+int64(r.IntN(150_000_000)), 0)
	if r.IntN(10) == 0 {
		d.Visibility = schemas.VisibleToOwn
	}
	if r.IntN(3) == 0 {
		t := schemas.TableInfo{Name: "data"}
		for range 8 {
			t.Fields = append(t.Fields, schemas.Field{Name: fmt.Sprintf("column_%d", int(r.ExpFloat64()*300)), Unit: []string{"", "", "m", "kWh"}[r.IntN(4)]})
		}
		d.Tables = []schemas.TableInfo{t}
	}
	return d
}

// mixed are words of two texts, in each language of the first.
func mixed(r *rand.Rand, a, b schemas.Text, most int) schemas.Text {
	out := schemas.Text{}
	for _, tag := range sorted(a) {
		words := append(strings.Fields(a[tag]), strings.Fields(b[tag])...)
		r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		out[tag] = strings.Join(words[:min(len(words), most/2+r.IntN(most))], " ")
	}
	return out
}

// datasets is how many the benchmarks' index has: BENCH_DATASETS, else so few that it is
// made in half a minute.
func datasets(t testing.TB) int {
	t.Helper()
	s := os.Getenv("BENCH_DATASETS")
	if s == "" {
		return 10_000
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("BENCH_DATASETS=%s is no number", s)
	}
	return n
}

// large opens the index of the corpus, as far as it was made, and makes the rest: the
// position in the index says how many are in it.
func large(t testing.TB) (x *Index, n int) {
	t.Helper()
	n = datasets(t)
	cache, err := filepath.Abs(filepath.Join("..", "..", ".cache"))
	if err != nil {
		t.Fatal(err)
	}
	x, err = Open(filepath.Join(cache, fmt.Sprintf("bench-index-%s-%d", document.Edition, n)), &spaces.Set{}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := x.Close()
		if err != nil {
			t.Error(err)
		}
	})
	at := int(max(x.position.Load(), 0))
	if at < n {
		c := real(t)
		began := time.Now()
		for from := at; from < n; {
			var sets []schemas.Dataset
			for len(sets) < 2000 && from < n {
				sets = append(sets, c.made(from))
				from++
			}
			err := x.apply(t.Context(), sets, int64(from))
			if err != nil {
				t.Fatal(err)
			}
			x.position.Store(int64(from))
			if from%20_000 == 0 {
				fmt.Fprintf(os.Stderr, "%d of %d datasets, %.0f/s\n", from, n, float64(from-at)/time.Since(began).Seconds())
			}
		}
	}
	x.ready.Store(true)
	return x, n
}
