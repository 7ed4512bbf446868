package duplicates

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"guichet/connectors/ckan"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/dcatap"
	"guichet/connectors/mapping"
	"guichet/connectors/rdf"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// memory is what the tables hold, for whole catalogues at once: the oracle of what the Finder keeps.
type memory struct {
	said    map[string]*Described
	holders map[string]held
	pairs   map[[2]string]Pair
	tried   int // pairs that were compared
}

// compared compares datasets, by their ids.
func compared(said map[string]*Described) *memory {
	m := &memory{said: said, holders: map[string]held{}, pairs: map[[2]string]Pair{}}
	for _, id := range slices.Sorted(maps.Keys(said)) {
		for _, k := range said[id].Keys() {
			if m.holders[k] == nil {
				m.holders[k] = held{}
			}
			origin := said[id].Origin
			m.holders[k][origin] = append(m.holders[k][origin], id)
		}
	}
	tried := map[[2]string]bool{}
	for _, h := range m.holders {
		var ids []string
		for origin, of := range h {
			if h.counts(origin) {
				ids = append(ids, of...)
			}
		}
		slices.Sort(ids)
		for i, a := range ids {
			for _, b := range ids[i+1:] {
				if tried[[2]string{a, b}] {
					continue
				}
				tried[[2]string{a, b}] = true
				both := map[string]held{}
				for _, k := range union(said[a].Keys(), said[b].Keys()) {
					both[k] = m.holders[k]
				}
				if p, same := Compare(said[a], said[b], crowded(both, said[a].Origin, said[b].Origin)); same {
					m.pairs[[2]string{a, b}] = p
				}
			}
		}
	}
	m.tried = len(tried)
	return m
}

// groups gives the group of each dataset that is in one.
func (m *memory) groups(apart map[[2]string]bool) map[string]string {
	near := map[string][]string{}
	for p := range m.pairs {
		near[p[0]], near[p[1]] = append(near[p[0]], p[1]), append(near[p[1]], p[0])
	}
	out, done := map[string]string{}, map[string]bool{}
	for seed := range near {
		if done[seed] {
			continue
		}
		in := map[string]bool{seed: true}
		for at := []string{seed}; len(at) > 0; at = at[1:] {
			for _, o := range near[at[0]] {
				if !in[o] {
					in[o] = true
					at = append(at, o)
				}
			}
		}
		strength := map[[2]string]int{}
		for p, pair := range m.pairs {
			if in[p[0]] {
				strength[p] = pair.Strength
			}
		}
		for id := range in {
			done[id] = true
		}
		if len(in) > Most {
			continue
		}
		maps.Copy(out, form(strength, func(x, y string) bool {
			a, b := ordered(x, y)
			_, linked := m.pairs[[2]string{a, b}]
			return apart[[2]string{a, b}] || !linked && strangers(m.said[a], m.said[b], m.holders)
		}))
	}
	return out
}

// institute reads the descriptions of the Robert Koch Institute, each form of them as a catalogue
// of its own: id is FOLDER/FILE.
func institute(t testing.TB) map[string]schemas.Dataset {
	t.Helper()
	out := map[string]schemas.Dataset{}
	for _, name := range []string{"govdata.ttl", "nfdi4health.json", "zenodo.json", "zenodo-invenio.json", "datapackage.json", "datapackage.en.json"} {
		files, err := filepath.Glob(sharedtest.Path(t, "reference-data/catalogue/health-rki/*/"+name))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var d schemas.Dataset
			is := true
			if strings.HasSuffix(name, ".ttl") {
				d, err = dcatap.Read(rdf.Turtle, b, "")
			} else {
				d, is, err = mapping.Read(b)
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if !is {
				continue
			}
			d.Notes, d.Provider, d.Source = nil, "https://portal.example", schemas.SourceID(strings.TrimSuffix(strings.ReplaceAll(name, ".", "-"), "-json"))
			out[filepath.Base(filepath.Dir(path))+"/"+name] = d
		}
	}
	return out
}

// federal reads the packages of American agencies.
func federal(t testing.TB) (out []schemas.Dataset) {
	t.Helper()
	unpacked(t, "reference-data/catalogue/ckan/data.gov-2017-federal/ckan-packages-3300.jsonl.zst", func(r io.Reader) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			d, err := ckan.Read(lines.Bytes(), "https://catalog.data.gov")
			if err == nil { // 12 are no datasets
				out = append(out, d)
			}
		}
		must(t, lines.Err())
	})
	return out
}

// unpacked gives a packed file to f.
func unpacked(t testing.TB, path string, f func(r io.Reader)) {
	t.Helper()
	file, err := os.Open(sharedtest.Path(t, path))
	must(t, err)
	defer file.Close()
	z, err := zstd.NewReader(file)
	must(t, err)
	defer z.Close()
	f(z)
}

// belgian reads the Belgian catalogue, each dataset with what it names.
func belgian(t testing.TB) (out []schemas.Dataset) {
	t.Helper()
	var text []byte
	unpacked(t, "reference-data/catalogue/dcat-ap/be-datagov-ldes/be-datagov-full-2025-04-13.ttl.zst", func(r io.Reader) {
		var err error
		text, err = io.ReadAll(r)
		must(t, err)
	})
	said, order := map[string][]byte{}, []string{}
	for part := range bytes.SplitSeq(text, []byte("\n# ")) {
		name, body, _ := bytes.Cut(bytes.TrimPrefix(part, []byte("# ")), []byte("\n"))
		said[string(name)], order = body, append(order, string(name))
	}
	iri, isDataset := regexp.MustCompile(`<([^<>\s]+)>`), []byte("> a <http://www.w3.org/ns/dcat#Dataset>")
	is := func(name string) bool { return bytes.Contains(said[name][:min(len(said[name]), 400)], isDataset) }
	var page bytes.Buffer
	on := map[string]bool{}
	var put func(name string, level int)
	put = func(name string, level int) {
		if on[name] {
			return
		}
		on[name] = true
		page.Write(said[name])
		page.WriteByte('\n')
		for _, m := range iri.FindAllSubmatch(said[name], -1) {
			if other := string(m[1]); level < 2 && said[other] != nil && !is(other) {
				put(other, level+1)
			}
		}
	}
	read := func() {
		p, err := dcatap.ReadPage(rdf.Turtle, page.Bytes(), "https://portal.example/")
		must(t, err)
		for _, item := range p.Items {
			if item.Err == nil {
				out = append(out, item.Dataset)
			}
		}
		page.Reset()
		clear(on)
	}
	for _, name := range order {
		if is(name) {
			put(name, 0)
			if page.Len() > 2<<20 {
				read()
			}
		}
	}
	read()
	return out
}

// cpu is what this process has used of it.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// figures compares datasets and says how many groups there are; source says of which catalogue each is.
func figures(t testing.TB, sets []schemas.Dataset, source func(d *schemas.Dataset) string) (groups, members int) {
	t.Helper()
	said := map[string]*Described{}
	began := time.Now()
	for i := range sets {
		d := sets[i]
		d.Source = schemas.SourceID(source(&d))
		one := Describe(&d)
		said[fmt.Sprintf("%06d", i)] = &one
	}
	describing := time.Since(began)
	m := compared(said)
	of := m.groups(nil)
	in := map[string]bool{}
	for _, g := range of {
		in[g] = true
	}
	t.Logf("%d datasets, each described in %s; %d keys, %d pairs compared; %d groups of %d in %s", len(sets),
		describing/time.Duration(len(sets)), len(m.holders), m.tried, len(in), len(of), time.Since(began))
	for p, pair := range m.pairs {
		a, b := said[p[0]], said[p[1]]
		if Contradict(a, b) || pair.Strength < strong && !slices.ContainsFunc(pair.Why, func(w string) bool { return strings.Contains(w, "title") }) {
			t.Errorf("%v: %v", p, pair)
		}
	}
	return len(in), len(of)
}

// TestFederal: of 3,288 packages of American agencies those are one that two agencies have. All groups were
// read once, and none is wrong: other figures are to be read anew.
func TestFederal(t *testing.T) {
	if testing.Short() { // under the race detector
		t.Skip("reads a whole catalogue")
	}
	t.Parallel()
	sets := federal(t)
	groups, members := figures(t, sets, func(*schemas.Dataset) string { return "data-gov" })
	split, _ := figures(t, sets, func(d *schemas.Dataset) string { return d.Publisher })
	if len(sets) != 3288 || groups != 31 || members != 62 || split != 33 {
		t.Errorf("%d datasets, %d groups of %d, %d as catalogues of their own", len(sets), groups, members, split)
	}
}

// BenchmarkBelgium compares a whole country, in memory and in the tables. Its groups were read once, or held against names of archives: none
// is wrong, two may be editions.
func BenchmarkBelgium(b *testing.B) {
	sets := belgian(b)
	groups, members := figures(b, sets, func(*schemas.Dataset) string { return "belgium" })
	split, _ := figures(b, sets, func(d *schemas.Dataset) string {
		parts := append(strings.Split(d.IRI, "/"), "", "", "", "", "")
		if parts[2] == "data.gov.be" {
			return parts[4]
		}
		return parts[2]
	})
	if groups != 155 || members != 312 || split != 172 {
		b.Errorf("%d groups of %d, %d as catalogues of their own", groups, members, split)
	}
	for _, kind := range dbtest.Kinds() {
		b.Run(kind, func(b *testing.B) {
			before := cpu(b)
			for b.Loop() {
				if n := tabled(b, kind, sets); n != groups {
					b.Errorf("%d groups in the tables", n)
				}
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N*len(sets)), "CPU-µs/dataset")
		})
	}
}

// tabled puts datasets into the tables of a fresh database, as a harvest's changes do, and gives how many groups
// there are.
func tabled(b *testing.B, kind string, sets []schemas.Dataset) int {
	b.Helper()
	f := finderOn(b, dbtest.Open(b, kind))
	_, _, err := f.take(b.Context())
	must(b, err)
	for i := 0; i < len(sets); i += setsAtOnce {
		must(b, f.held(b.Context(), func(ctx context.Context, tx *db.Tx) error {
			for j := i; j < min(i+setsAtOnce, len(sets)); j++ {
				one := Describe(&sets[j])
				err := f.put(ctx, tx, fmt.Sprintf("%06d", j), &one)
				if err != nil {
					return err
				}
			}
			return nil
		}))
		must(b, f.repeat(b.Context()))
	}
	return len(f.same(b))
}

// TestInstitute: 15 datasets, each described in four to six forms, are one group each.
func TestInstitute(t *testing.T) {
	t.Parallel()
	sets := institute(t)
	said := map[string]*Described{}
	for id, d := range sets {
		one := Describe(&d)
		said[id] = &one
	}
	m := compared(said)
	groups := m.groups(nil)
	is := func(id string) string { folder, _, _ := strings.Cut(id, "/"); return folder }
	right, wrong, missed := 0, 0, 0
	ids := slices.Sorted(maps.Keys(said))
	of, whole := map[string]map[string]bool{}, 0
	for i, a := range ids {
		for _, b := range ids[i+1:] {
			together := groups[a] != "" && groups[a] == groups[b]
			switch {
			case together && is(a) == is(b):
				right++
			case together:
				wrong++
				t.Errorf("%s and %s are not the same: %v", a, b, m.pairs[[2]string{a, b}])
			case is(a) == is(b):
				missed++
				t.Logf("missed: %s and %s", a, b)
			}
		}
		if of[is(a)] == nil {
			of[is(a)] = map[string]bool{}
		}
		of[is(a)][groups[a]] = true
	}
	for _, in := range of {
		if len(in) == 1 && !in[""] {
			whole++
		}
	}
	precision, recall := float64(right)/float64(right+wrong), float64(right)/float64(right+missed)
	t.Logf("%d descriptions of %d datasets: %d in one group each; of pairs: precision %.3f, recall %.3f", len(ids), len(of), whole, precision, recall)
	if len(ids) != 71 || len(of) != 15 || precision < 0.98 || recall < 0.9 {
		t.Errorf("%d descriptions of %d datasets", len(ids), len(of))
	}
	for p, pair := range m.pairs {
		if pair.Strength == 0 || len(pair.Why) < 2 && pair.Strength < strong {
			t.Error(fmt.Sprint(p, pair))
		}
	}
}
