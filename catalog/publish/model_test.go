package publish

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"guichet/schemas"
)

// modelled is what a version should be.
type modelled struct {
	state schemas.VersionState
	rows  int64
	files []string // in order
	began int
}

// TestVersionsOfADataset holds random publications, additions, dry runs and withdrawals
// against a model: each version is what the model says, the newest that stands is the
// latest, and the work bucket has the shards of versions that were published and no others.
func TestVersionsOfADataset(t *testing.T) {
	l := newLab(t).run()
	files := map[string]int64{} // rows by name; -1: cannot be read
	for i := range 6 {
		name, text := fmt.Sprintf("%d.csv", i), "x\n"
		for j := range i + 1 {
			text += fmt.Sprintln(10*i + j)
		}
		l.put(name, text)
		files[name] = int64(i + 1)
	}
	l.put("bad.parquet", "PAR1 and no more")
	files["bad.parquet"] = -1
	names := slices.Sorted(maps.Keys(files))
	fewer(t)
	rapid.Check(t, func(r *rapid.T) {
		id := l.dataset()
		model := map[schemas.VersionID]modelled{}
		n := 0
		r.Repeat(map[string]func(*rapid.T){
			"publish": func(r *rapid.T) {
				version := schemas.VersionID(rapid.SampledFrom([]string{"v1", "v2", "v3"}).Draw(r, "version"))
				picked := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID).Draw(r, "files")
				p := of(string(version), picked...)
				p.DryRun = rapid.Bool().Draw(r, "dry run")
				base := schemas.VersionID(rapid.SampledFrom([]string{"", "v1", "v2"}).Draw(r, "base"))
				p.Base = base
				b := model[base]
				_, err := l.Publish(t.Context(), agronomy, id, p)
				want := schemas.Kind(0)
				before, taken := model[version]
				switch {
				case base != "" && b.state != schemas.VersionPublished:
					want = schemas.Invalid
				case slices.ContainsFunc(picked, func(f string) bool { return base != "" && slices.Contains(b.files, f) }):
					want = schemas.Invalid
				case taken && before.state != schemas.VersionFailed && before.state != schemas.VersionTried:
					want = schemas.Conflict
				}
				if want != 0 || err != nil {
					if schemas.KindOf(err) != want {
						r.Fatalf("%s of %q upon %q: %v, want %v", version, picked, base, err, want)
					}
					return
				}
				n++
				m := modelled{state: schemas.VersionPublished, files: picked, began: n}
				if base != "" {
					m.files, m.rows = append(slices.Clone(b.files), picked...), b.rows
				}
				for _, f := range picked {
					m.rows += files[f]
				}
				switch {
				case slices.Contains(picked, "bad.parquet"):
					m = modelled{state: schemas.VersionFailed, began: n}
				case p.DryRun:
					m.state = schemas.VersionTried
				}
				model[version] = m
				l.ended(id, version)
			},
			"withdraw": func(r *rapid.T) {
				version := schemas.VersionID(rapid.SampledFrom([]string{"v1", "v2", "v3"}).Draw(r, "version"))
				m, there := model[version]
				want := map[schemas.VersionState]schemas.Kind{schemas.VersionFailed: schemas.Conflict, schemas.VersionTried: schemas.Conflict, schemas.VersionWithdrawn: schemas.Gone}[m.state]
				if !there {
					want = schemas.NotFound
				}
				_, err := l.WithdrawVersion(t.Context(), agronomy, id, version)
				if want != 0 || err != nil {
					if schemas.KindOf(err) != want {
						r.Fatalf("withdraw %s, which is %q: %v", version, m.state, err)
					}
					return
				}
				m.state = schemas.VersionWithdrawn
				model[version] = m
			},
			"": func(r *rapid.T) {
				var latest schemas.VersionID
				shards := map[string]bool{}
				for version, m := range model {
					v, err := l.Catalog.Version(t.Context(), id, version)
					if err != nil || v.State != m.state || v.Rows != m.rows || keys(&v) != strings.Join(m.files, " ") {
						r.Fatalf("%s is %s, %d rows of %q (%v); the model says %+v\n%s", version, v.State, v.Rows, keys(&v), err, m, said(v.Failures))
					}
					if m.state == schemas.VersionPublished && (latest == "" || m.began > model[latest].began) {
						latest = version
					}
					for s := range v.EveryShard() {
						if m.state != schemas.VersionTried {
							shards[s.Key] = true
						}
					}
				}
				if got := l.latest(id); got != latest {
					r.Fatalf("the latest is %q, the model says %q", got, latest)
				}
				if left := l.left(id, shards); len(left) > 0 {
					r.Fatalf("in the work bucket, and of no version, are %q", left)
				}
				for key := range shards {
					if l.bucket.Object(worked, key) == nil {
						r.Fatalf("%s is not in the work bucket", key)
					}
				}
			},
		})
	})
}

// left are the objects in the work bucket that are of no version of a dataset. Those of a
// failed version are removed after it is told that it failed.
func (l *lab) left(id schemas.DatasetID, shards map[string]bool) (left []string) {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left = slices.DeleteFunc(l.bucket.Keys(worked), func(key string) bool { return shards[key] || !strings.Contains(key, string(id)) })
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// fewer makes the checks of a test that reads real files fewer, unless the command line
// says how many.
func fewer(t *testing.T) {
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "rapid.checks" })
	if !said {
		must(t, flag.Set("rapid.checks", "12"))
		t.Cleanup(func() { _ = flag.Set("rapid.checks", "100") })
	}
}
