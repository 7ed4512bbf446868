package doortest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas"
)

// Trials of shared/reports/README.md, by number, through every door.

// resumeInside is trial 30: stopping inside a batch must not lose its rest.
func resumeInside(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "trial-30", Open(), filesIn(t, shared(t, "30-resume"))...)
	for _, d := range doors {
		if !d.Ranks() {
			equal(t, "stored order", 24, len(texts(all(t, d, lease, id, nil))))
			continue
		}
		for _, world := range []int{1, 4, 5} {
			seen := []string{}
			for rank := range world {
				ask := url.Values{"seed": {"7"}, "order": {"2"}, "world": {fmt.Sprint(world)}, "rank": {fmt.Sprint(rank)}}
				whole := texts(all(t, d, lease, id, ask))
				seen = append(seen, whole...)
				for k := 0; k <= len(whole); k++ {
					ask.Set("from", fmt.Sprint(k))
					equal(t, fmt.Sprintf("%s world %d rank %d from %d", d.Name(), world, rank, k), whole[k:], texts(all(t, d, lease, id, ask)))
				}
			}
			slices.Sort(seen)
			equal(t, "rows of all ranks", 24, len(slices.Compact(seen)))
		}
	}
}

// uneven is trial 32.
func uneven(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "trial-32", Open(), FileOf(t, numbers(0, 5)))
	for _, d := range doors {
		if !d.Ranks() {
			continue
		}
		lengths := func(even string) (out []int, rows []int64) {
			for rank := range 2 {
				ask := url.Values{"world": {"2"}, "rank": {fmt.Sprint(rank)}}
				if even != "" {
					ask.Set("even", even)
				}
				got := ints(all(t, d, lease, id, ask))
				out, rows = append(out, len(got)), append(rows, got...)
			}
			slices.Sort(out)
			slices.Sort(rows)
			return out, rows
		}
		n, rows := lengths("")
		equal(t, "lengths", []int{2, 3}, n)
		equal(t, "union", upTo(5), rows)
		n, _ = lengths("drop")
		equal(t, "dropped", []int{2, 2}, n)
		for even, lengths := range map[string][2]int64{"drop": {2, 5}, "pad": {3, 5}} {
			said := 0
			for rank := range 2 {
				st, err := r.As(t, "trainer").OpenStream(t.Context(), lease, id, url.Values{"world": {"2"}, "rank": {fmt.Sprint(rank)}, "even": {even}})
				must(t, err)
				st.Close()
				if st.Even != "" {
					said++
				}
				equal(t, even+": rows", lengths[0], st.Rows)
			}
			equal(t, even+": ranks that are told of one row more or less", 1, said)
		}
		n, rows = lengths("pad")
		equal(t, "padded", []int{3, 3}, n)
		equal(t, "union when padded", upTo(5), slices.Compact(rows))
	}
}

// epochEnd is trial 37: resuming at the very end is no error.
func epochEnd(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "trial-37", Open(), FileOf(t, numbers(0, 20)))
	for _, d := range doors {
		if !d.Ranks() {
			continue
		}
		for _, ask := range []url.Values{{"from": {"20"}}, {"start": {"20@1"}}, {"start": {"10@2"}, "world": {"3"}, "rank": {"2"}}} {
			equal(t, d.Name()+" "+ask.Encode(), 0, len(texts(all(t, d, lease, id, ask))))
		}
		refused(t, d, lease, id, url.Values{"from": {"21"}}, schemas.Invalid, "20 rows")
		refused(t, d, lease, id, url.Values{"start": {"11@2"}}, schemas.Invalid, "10")
	}
}

// binaries is n and random bytes.
func binaries(sizes ...int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "pad", Type: arrow.BinaryTypes.Binary}}, nil))
	random := rand.NewChaCha8([32]byte{39})
	for i, size := range sizes {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		p := make([]byte, size)
		_, _ = random.Read(p) // it never fails
		b.Field(1).(*array.BinaryBuilder).Append(p)
	}
	return b.NewRecord()
}

// large is trial 39: batches over 4 MiB, and one value beyond.
func large(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "trial-39", Open(), FileOf(t, binaries(slices.Repeat([]int{110}, 65_536)...)))
	giant, giantLease := r.Ready(t, "trial-39-giant", Open(), FileOf(t, binaries(100, 5<<20, 100)))
	for _, d := range doors {
		equal(t, d.Name(), upTo(65_536), ints(all(t, d, lease, id, nil)))
		if d.Name() != "flight" {
			equal(t, d.Name(), upTo(3), ints(all(t, d, giantLease, giant, nil)))
			continue
		}
		refused(t, d, giantLease, giant, nil, schemas.TooLarge, "4194304")
		refused(t, d, giantLease, giant, nil, schemas.TooLarge, "HTTP")
		equal(t, "the other rows", []int64{2}, ints(all(t, d, giantLease, giant, url.Values{"from": {"2"}})))
	}
}

// nullDictionaries is trial 50.
func nullDictionaries(t *testing.T, r *Rig, doors []Door) {
	files := filesIn(t, shared(t, "50-null-dictionary"))
	id, lease := r.Ready(t, "trial-50", Open(), files...)
	schema := all(t, doors[0], lease, id, nil)[0].Schema()
	first := schema.Field(0).Name
	none, noLease := r.Ready(t, "trial-50-none", Open(filterOn(first, "lt", "-1000000")), files...)
	for _, d := range doors {
		recs := all(t, d, lease, id, nil)
		equal(t, d.Name()+" rows", 5, len(texts(recs)))
		states := []string{}
		for _, rec := range recs {
			for i, f := range rec.Schema().Fields() {
				for row := range int(rec.NumRows()) {
					switch v := rec.Column(i).ValueStr(row); f.Name {
					case "state":
						states = append(states, v)
					case "colour", "empty":
						equal(t, f.Name, array.NullValueStr, v)
					}
				}
			}
		}
		equal(t, d.Name()+" state", []string{"on", "off", array.NullValueStr, "off", "on"}, states)
		equal(t, d.Name()+" no rows", 0, len(texts(all(t, d, noLease, none, nil))))
		if !d.Ranks() {
			continue // a file's schema comes with its batches here
		}
		rd, err := d.Open(t.Context(), noLease, none, nil)
		must(t, err)
		dictionaries := 0
		for _, f := range rd.Schema.Fields() {
			if f.Type.ID() == arrow.DICTIONARY {
				dictionaries++
			}
		}
		rd.Close()
		equal(t, d.Name()+" dictionary columns of no rows", 3, dictionaries)
	}
}

func filterOn(column, op string, values ...string) schemas.Duty {
	return schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: column, Op: op, Values: values}}
}

// slicesOfViews is trial 52.
func slicesOfViews(t *testing.T, r *Rig, doors []Door) {
	files := filesIn(t, shared(t, "52-slice-of-views"))
	id, lease := r.Ready(t, "trial-52", Open(), files...)
	some, someLease := r.Ready(t, "trial-52-filtered", Open(filterOn("n", "gteq", "2")), files...)
	want := texts(all(t, doors[0], lease, id, nil))[2:]
	for _, row := range want {
		if !strings.Contains(row, "third-long-value-2222") && !strings.Contains(row, "ee") {
			t.Errorf("row %s", row)
		}
	}
	for _, d := range doors {
		recs, raw, err := read(d, someLease, some, nil)
		must(t, err)
		equal(t, d.Name()+" filtered", want, texts(recs))
		others(t, d, raw)
		if !d.Ranks() {
			continue
		}
		for _, ask := range []url.Values{{"from": {"2"}}, {"world": {"2"}, "rank": {"1"}}} {
			recs, raw, err := read(d, lease, id, ask)
			must(t, err)
			equal(t, d.Name()+" "+ask.Encode(), want, texts(recs))
			others(t, d, raw)
		}
	}
}

// others looks for words of rows that were left out.
func others(t *testing.T, d Door, raw []byte) {
	t.Helper()
	for _, word := range []string{"first-long", "second-long"} {
		if bytes.Contains(raw, []byte(word)) {
			t.Errorf("%s: %q of another row is among the bytes", d.Name(), word)
		}
	}
}

// budget: what is left is all that comes, and the cut says so.
func budget(t *testing.T, r *Rig, doors []Door) {
	for _, d := range doors {
		id, lease := r.Ready(t, "budget-"+d.Name(), Open(schemas.Duty{Kind: schemas.DutyBudget, Rows: 150}), FileOf(t, numbers(0, 100)))
		equal(t, "first", 100, len(texts(all(t, d, lease, id, nil))))
		recs, _, err := read(d, lease, id, nil)
		if err == nil || len(texts(recs)) > 50 {
			t.Errorf("%s: beyond the budget came %d rows, %v", d.Name(), len(texts(recs)), err)
		}
		last := r.Releases(t, id)
		var sum int64
		for _, rel := range last {
			sum += rel.Rows
		}
		if sum > 150 {
			t.Errorf("%s: %d rows are recorded of a budget of 150", d.Name(), sum)
		}
	}
}

// ranges reads one shard in pieces: plain, and as a view changes it.
func ranges(t *testing.T, r *Rig, doors []Door) {
	for _, d := range fileDoors(doors) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			rangesBy(t, r, d)
		})
	}
}

func rangesBy(t *testing.T, r *Rig, d *fileDoor) {
	file := FileOf(t, numbers(0, 9000))
	var checks []func()
	for name, duties := range map[string][]schemas.Duty{"plain": nil, "hidden": {{Kind: schemas.DutyHide, Columns: []string{"word"}}}, "filtered": {filterOn("n", "gteq", "100")}} {
		id, lease := r.Ready(t, "ranges-"+name+d.name, Open(duties...), file)
		received := int64(0)
		ask := func(method string, header http.Header) (*http.Response, []byte) {
			t.Helper()
			resp, err := d.get(t.Context(), method, lease, id, 0, url.Values{}, header)
			must(t, err)
			defer resp.Body.Close()
			var b bytes.Buffer
			_, err = b.ReadFrom(resp.Body)
			must(t, err)
			received += int64(b.Len())
			return resp, b.Bytes()
		}
		resp, whole := ask("GET", nil)
		tag, size := resp.Header.Get("ETag"), len(whole)
		equal(t, "length", int64(size), resp.ContentLength)
		head, empty := ask("HEAD", nil)
		equal(t, "HEAD", []string{tag, fmt.Sprint(size), "0"}, []string{head.Header.Get("ETag"), head.Header.Get("Content-Length"), fmt.Sprint(len(empty))})
		for _, c := range []struct {
			name   string
			header http.Header
			status int
			want   []byte
		}{
			{"middle", http.Header{"Range": {"bytes=100-5000"}}, 206, whole[100:5001]},
			{"open end", http.Header{"Range": {fmt.Sprintf("bytes=%d-", size-10)}}, 206, whole[size-10:]},
			{"suffix", http.Header{"Range": {"bytes=-6"}}, 206, []byte("ARROW1")},
			{"beyond", http.Header{"Range": {fmt.Sprintf("bytes=10-%d", 2*size)}}, 206, whole[10:]},
			{"outside", http.Header{"Range": {fmt.Sprintf("bytes=%d-", size)}}, 416, nil},
			{"several", http.Header{"Range": {"bytes=0-1,4-5"}}, 200, whole},
			{"same tag", http.Header{"Range": {"bytes=0-5"}, "If-Range": {tag}}, 206, []byte("ARROW1")},
			{"other tag", http.Header{"Range": {"bytes=0-5"}, "If-Range": {`"other"`}}, 200, whole},
			{"not modified", http.Header{"If-None-Match": {tag}}, 304, nil},
			{"modified", http.Header{"If-None-Match": {`"other"`}}, 200, whole},
		} {
			resp, got := ask("GET", c.header)
			if resp.StatusCode >= 400 {
				received -= int64(len(got)) // words about it
			}
			if resp.StatusCode != c.status || c.want != nil && !bytes.Equal(c.want, got) {
				t.Errorf("%s, %s: status %d (want %d), %d bytes (want %d)", name, c.name, resp.StatusCode, c.status, len(got), len(c.want))
			}
		}
		checks = append(checks, func() {
			var recorded int64
			for _, rel := range settled(t, r, id) {
				if rel.State != schemas.ReleaseComplete || rel.Bytes > rel.MostBytes || rel.Rows > 9000 || rel.Door != d.recorded {
					t.Errorf("release %+v", rel)
				}
				recorded += rel.Bytes
			}
			equal(t, name+" bytes recorded", received, recorded)
		})
	}
	for _, check := range checks { // the releases wait for more ranges, all at the same time
		check()
	}
}
