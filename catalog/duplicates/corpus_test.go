package duplicates

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/dcatap"
	"guichet/connectors/mapping"
	"guichet/connectors/rdf"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// memory is what the tables hold, for whole catalogues at once: the oracle of what the Finder keeps.
type memory struct {
	said    map[string]*Described
	holders map[string][]string
	crowded map[string]bool
	pairs   map[[2]string]Pair
	tried   int // pairs that were compared
}

// compared compares datasets, by their ids.
func compared(said map[string]*Described) *memory {
	m := &memory{said: said, holders: map[string][]string{}, crowded: map[string]bool{}, pairs: map[[2]string]Pair{}}
	for _, id := range slices.Sorted(maps.Keys(said)) {
		for _, k := range said[id].Keys() {
			m.holders[k] = append(m.holders[k], id)
		}
	}
	for k, ids := range m.holders {
		m.crowded[k] = len(ids) > Crowd
	}
	tried := map[[2]string]bool{}
	for k, ids := range m.holders {
		if m.crowded[k] {
			continue
		}
		for i, a := range ids {
			for _, b := range ids[i+1:] {
				if tried[[2]string{a, b}] {
					continue
				}
				tried[[2]string{a, b}] = true
				if p, same := Compare(said[a], said[b], m.crowded); same {
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
			return apart[[2]string{a, b}] || !linked && Contradict(m.said[a], m.said[b])
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
