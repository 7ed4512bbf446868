package s3face

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// Page by page, whatever their size: every key with the prefix comes once and in order, itself or
// by a common prefix that has all keys below it.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[ab]{1,2}(/[ab]{1,2}){0,3}`)
		keys := rapid.SliceOfDistinct(name, rapid.ID).Draw(t, "keys")
		slices.Sort(keys)
		p := page{
			prefix:    rapid.StringMatching(`([ab]{0,2}/?){0,2}`).Draw(t, "prefix"),
			delimiter: rapid.SampledFrom([]string{"", "/", "b", "/a"}).Draw(t, "delimiter"),
			most:      rapid.IntRange(1, 5).Draw(t, "most"),
		}
		var want, got []string
		for _, k := range keys {
			rest, ok := strings.CutPrefix(k, p.prefix)
			if !ok {
				continue
			}
			shown := k
			if before, _, cut := strings.Cut(rest, p.delimiter); cut && p.delimiter != "" {
				shown = p.prefix + before + p.delimiter
			}
			if len(want) == 0 || want[len(want)-1] != shown {
				want = append(want, shown)
			}
		}
		for turns := 0; ; turns++ {
			found := p.of(keys)
			var some []string
			for _, i := range found.keys {
				some = append(some, keys[i])
			}
			some = append(some, found.prefixes...)
			slices.Sort(some)
			got = append(got, some...)
			if len(some) > p.most || turns > len(keys) {
				t.Fatalf("page %d has %d entries of %d", turns, len(some), p.most)
			}
			if found.last == "" {
				break
			}
			if len(some) < p.most {
				t.Errorf("a page that is not the last has %d entries of %d", len(some), p.most)
			}
			token, ok := readToken(writeToken(found.last))
			if !ok || token != found.last {
				t.Fatalf("the token of %q is %q", found.last, token)
			}
			p.after = token
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

// Both versions of a list say what they were asked for, as S3 does.
func TestLists(t *testing.T) {
	l := newLab(t, time.Now)
	id := l.agreed(t, "ds-0")
	key := l.leased(t, schemas.LeaseAsk{}, id)
	for query, want := range map[string]string{
		"":                                             "0 1 2",
		"list-type=2":                                  "0 1 2",
		"list-type=2&prefix=v1/t/":                     "0 1 2",
		"list-type=2&prefix=v2":                        "",
		"list-type=2&delimiter=/":                      "v1/",
		"list-type=2&delimiter=%2F&prefix=v1%2F":       "v1/t/",
		"delimiter=/&prefix=v1/t/all/":                 "0 1 2",
		"list-type=2&max-keys=0":                       "",
		"list-type=2&max-keys=1&delimiter=/":           "v1/",
		"list-type=2&start-after=v1/t/all/00000.arrow": "1 2",
		"marker=v1/t/all/00001.arrow":                  "2",
		"list-type=2&max-keys=2":                       "0 1 …",
		"max-keys=2":                                   "0 1 …",
		"list-type=2&max-keys=5000":                    "0 1 2",
		"list-type=2&fetch-owner=true&x-id=ListObjectsV2&encoding-type=url&unknown": "0 1 2",
		"list-type=2&prefix=%C3%A4%20%2B%00":                                        "",
	} {
		for _, path := range []string{"/" + string(id), "/" + string(id) + "/"} {
			got := l.list(t, key, path+"?"+query)
			var shown []string
			for _, o := range got.Contents {
				shown = append(shown, strings.TrimLeft(strings.TrimSuffix(strings.TrimPrefix(o.Key, "v1/t/all/"), ".arrow"), "0"))
				if last := len(shown) - 1; shown[last] == "" {
					shown[last] = "0"
				}
			}
			for _, p := range got.CommonPrefixes {
				shown = append(shown, p.Prefix)
			}
			if got.IsTruncated {
				shown = append(shown, "…")
			}
			if s := strings.Join(shown, " "); s != want || got.Name != string(id) {
				t.Errorf("%s?%s: %q, want %q", path, query, s, want)
			}
			second := strings.Contains(query, "list-type=2")
			if second != (got.KeyCount != nil) || second == (got.Marker != nil) {
				t.Errorf("%s: %+v is of the other version", query, got)
			}
			if got.EncodingType != "" != strings.Contains(query, "encoding-type") {
				t.Errorf("%s: EncodingType is %q", query, got.EncodingType)
			}
			if next := got.NextContinuationToken; next != "" {
				rest := l.list(t, key, path+"?list-type=2&continuation-token="+url.QueryEscape(next))
				if len(rest.Contents) != 1 || *rest.ContinuationToken != next {
					t.Errorf("the second page is %+v", rest)
				}
			}
			if next := got.NextMarker; next != "" {
				if rest := l.list(t, key, path+"?marker="+url.QueryEscape(next)); len(rest.Contents) != 1 {
					t.Errorf("the second page is %+v", rest)
				}
			}
		}
	}
	for _, query := range []string{
		"list-type=2&max-keys=-1", "max-keys=many", "encoding-type=base64", "list-type=2&continuation-token=x", "list-type=2&continuation-token=",
	} {
		a := l.ask(t, key, http.MethodGet, "/"+string(id)+"?"+query, nil)
		if code, _ := a.code(t); a.StatusCode != http.StatusBadRequest || code != "InvalidArgument" {
			t.Errorf("%s: %s %s", query, a.Status, a.body)
		}
	}
}

// However long a shard takes, each list finds the size of one more: who asks again and again has them
// all in the end.
func TestSlowSizes(t *testing.T) {
	var late atomic.Int64
	l := newLab(t, func() time.Time { return time.Now().Add(time.Duration(late.Load())) })
	id := l.agreed(t, "ds-0", streamtest.Pseudonymise("pad"))
	key := l.leased(t, schemas.LeaseAsk{}, id)
	l.OnGet = func(int64, *http.Request) { late.Add(int64(measuring + time.Second)) }
	for n := range len(l.shards) - 1 {
		a := l.ask(t, key, http.MethodGet, "/"+string(id), nil)
		want := fmt.Sprintf("%d of %d", n+1, len(l.shards))
		if code, words := a.code(t); a.StatusCode != http.StatusServiceUnavailable || code != "SlowDown" || !strings.Contains(words, want) {
			t.Errorf("list %d: %s %s, want %q", n, a.Status, a.body, want)
		}
	}
	if got := l.list(t, key, "/"+string(id)); len(got.Contents) != len(l.shards) {
		t.Errorf("%d objects are listed", len(got.Contents))
	}
}

// A key sees the agreements of its lease and no others, as far as each stands.
func TestBuckets(t *testing.T) {
	l := newLab(t, time.Now)
	ids := []schemas.AgreementID{l.agreed(t, "ds-0"), l.agreed(t, "ds-1"), l.agreed(t, "ds-2")}
	key := l.leased(t, schemas.LeaseAsk{}, ids[0], ids[1])
	buckets := func() []string {
		var out bucketsListed
		a := l.ask(t, key, http.MethodGet, "/?x-id=ListBuckets", nil)
		streamtest.Must(t, xml.Unmarshal(a.body, &out))
		var names []string
		for _, b := range out.Buckets.Bucket {
			names = append(names, b.Name)
			_, err := time.Parse(listTime, b.CreationDate)
			streamtest.Must(t, err)
		}
		return names
	}
	want := []string{string(ids[0]), string(ids[1])}
	slices.Sort(want)
	if d := cmp.Diff(want, buckets()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	l.revoked(t, ids[0])
	if d := cmp.Diff([]string{string(ids[1])}, buckets()); d != "" {
		t.Errorf("after a revocation (-want +got):\n%s", d)
	}
	for _, c := range []struct {
		method, target string
		status         int
	}{
		{http.MethodHead, "/" + string(ids[1]), 200},
		{http.MethodGet, "/" + string(ids[1]) + "?location", 200},
		{http.MethodGet, "/" + string(ids[1]) + "/?location=", 200},
		{http.MethodHead, "/" + string(ids[2]), 404},
		{http.MethodGet, "/" + string(ids[2]), 404},
		{http.MethodGet, "/" + string(ids[2]) + "/?location=", 404},
		{http.MethodGet, "/no-agreement", 404},
		{http.MethodHead, "/", 405},
	} {
		if a := l.ask(t, key, c.method, c.target, nil); a.StatusCode != c.status || c.method == http.MethodHead && len(a.body) > 0 {
			t.Errorf("%s %s: %s %s, want %d", c.method, c.target, a.Status, a.body, c.status)
		}
	}
	l.revoked(t, ids[1])
	if a := l.ask(t, key, http.MethodGet, "/", nil); a.StatusCode != http.StatusForbidden {
		t.Errorf("a key that opens nothing any more lists buckets: %s %s", a.Status, a.body)
	}
}

// The order of names is the order of shards.
func TestKeysAreInStoredOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.IntRange(0, 99_999).Draw(t, "a"), rapid.IntRange(0, 99_999).Draw(t, "b")
		at := func(n int) string { return fmt.Sprintf("v1/t/all/%05d.arrow", n) }
		if (a < b) != (at(a) < at(b)) {
			t.Errorf("%d and %d", a, b)
		}
		k, ok := readKey(at(a))
		n, number := k.shard()
		if !ok || !number || n != a || k.version != "v1" || k.table != "t" || k.split != "all" {
			t.Errorf("%s is %+v", at(a), k)
		}
	})
	for _, key := range []string{"", "v1", "v1/t/all", "v1/t/all/", "v1/t/all/00000.arrow/", "/t/all/00000.arrow", "v1//all/00000.arrow"} {
		if k, ok := readKey(key); ok {
			t.Errorf("%q is %+v", key, k)
		}
	}
	for _, name := range []string{"0.arrow", "-0001.arrow", "000000.arrow", "00000.parquet", "+0001.arrow", "a/00000.arrow"} {
		if n, ok := (named{name: name}).shard(); ok {
			t.Errorf("%q is shard %d", name, n)
		}
	}
}
