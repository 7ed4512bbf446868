package door

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"guichet/gateway/stream/file"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnswerFile(t *testing.T) {
	const size = 1000
	for _, c := range []struct {
		name   string
		header map[string]string
		status int
		want   file.Range
	}{
		{"whole", nil, 200, file.Range{N: size}},
		{"first", map[string]string{"Range": "bytes=0-0"}, 206, file.Range{N: 1}},
		{"open end", map[string]string{"Range": "bytes=990-"}, 206, file.Range{From: 990, N: 10}},
		{"suffix", map[string]string{"Range": "bytes=-10"}, 206, file.Range{From: 990, N: 10}},
		{"long suffix", map[string]string{"Range": "bytes=-5000"}, 206, file.Range{N: size}},
		{"empty suffix", map[string]string{"Range": "bytes=-0"}, 416, file.Range{N: size}},
		{"past the end", map[string]string{"Range": "bytes=1000-"}, 416, file.Range{N: size}},
		{"backwards", map[string]string{"Range": "bytes=5-4"}, 200, file.Range{N: size}},
		{"another unit", map[string]string{"Range": "rows=1-2"}, 200, file.Range{N: size}},
		{"overflow", map[string]string{"Range": "bytes=99999999999999999999-"}, 200, file.Range{N: size}},
		{"a sign", map[string]string{"Range": "bytes=+1-+2"}, 200, file.Range{N: size}},
		{"a sign at the end", map[string]string{"Range": "bytes=1-+2"}, 200, file.Range{N: size}},
		{"a signed suffix", map[string]string{"Range": "bytes=-+10"}, 200, file.Range{N: size}},
		{"two dashes", map[string]string{"Range": "bytes=--10"}, 200, file.Range{N: size}},
		{"weak If-Range", map[string]string{"Range": "bytes=0-0", "If-Range": `W/"tag"`}, 200, file.Range{N: size}},
		{"If-None-Match list", map[string]string{"If-None-Match": `"a", W/"tag"`}, 304, file.Range{N: size}},
		{"If-Match other", map[string]string{"If-Match": `"a"`}, 412, file.Range{N: size}},
		{"If-Match any", map[string]string{"If-Match": "*", "Range": "bytes=1-1"}, 206, file.Range{From: 1, N: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &http.Request{Header: http.Header{}}
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			a := AnswerFile(nil, r, FileHead{ETag: `"tag"`, Size: size}, false)
			if a.Status != c.status {
				t.Errorf("status %d, want %d", a.Status, c.status)
			}
			if d := cmp.Diff(c.want, a.Range); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			// Under a budget a range that is not understood must not cost the whole.
			budget := AnswerFile(nil, r, FileHead{ETag: `"tag"`, Size: size}, true)
			if _, ok, _ := parseRange(c.header["Range"], size); c.header["Range"] != "" && c.header["If-Range"] == "" && !ok {
				if budget.Status != 416 {
					t.Errorf("under a budget: status %d, want 416", budget.Status)
				}
			} else if budget.Status != a.Status || budget.Range != a.Range {
				t.Errorf("under a budget: %+v, without one: %+v", budget, a)
			}
		})
	}
}

// Whatever is asked, no range reaches beyond the file.
func TestParseRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 1<<40).Draw(t, "size")
		rg, ok, satisfiable := parseRange(rapid.StringMatching(`(bytes=)?[-+]?[0-9]{0,20}-?[-+]?[0-9]{0,20}`).Draw(t, "range"), size)
		if ok && satisfiable && (rg.From < 0 || rg.N < 1 || rg.From+rg.N > size) {
			t.Errorf("%+v of %d", rg, size)
		}
	})
}
