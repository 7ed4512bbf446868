package doortest

import (
	"io"
	"maps"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"guichet/schemas"
)

// heads: a HEAD answers as GET does, refusals too, without a body, and whatever it asks
// for, no release is opened and nothing is charged.
func heads(t *testing.T, r *Rig, _ []Door) {
	hide := schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"word"}}
	offer := Open(hide, schemas.Duty{Kind: schemas.DutyBudget, Rows: 500_000})
	id, lease := r.Ready(t, "heads", offer, FileOf(t, numbers(0, 9000)), FileOf(t, numbers(9000, 100)))
	_, other := r.Ready(t, "heads-other", Open(), FileOf(t, numbers(0, 20)))
	type one struct{ path, lease string }
	asks := []one{{"manifest", lease}, {"manifest?world=3", lease}, {"manifest?schema=only", lease}, {"manifest?wrold=3", lease}, {"manifest", ""}}
	for _, query := range []string{"", "?seed=7&epoch=1", "?world=3&rank=2&even=drop", "?lane=1@2&block=100", "?lane=1@2", "?columns=n", "?from=9099",
		"?wrold=3", "?world=3&world=3", "?rank=1", "?columns=word", "?columns=none", "?table=none", "?version=v9", "?from=9101",
		"?run=run-of-nobody", "?seed=x", "?%zz", "?schema=only", "?schema=only&columns=word", "?schema=none"} {
		asks = append(asks, one{"stream" + query, lease})
	}
	for _, bad := range []string{"", other, lease[:len(lease)-4] + "AAAA"} {
		asks = append(asks, one{"stream", bad}, one{"stream?wrold=3", bad})
	}
	seen := map[int]int{}
	heads := map[one]http.Header{}
	ask := func(method string, a one) (int, http.Header) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, r.HTTP+"/api/v1/agreements/"+string(id)+"/"+a.path, nil)
		must(t, err)
		if a.lease != "" {
			req.Header.Set("Authorization", "Bearer "+a.lease)
		}
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		must(t, err)
		if (n == 0) != (method == http.MethodHead) {
			t.Errorf("%s %s has %d bytes", method, a.path, n)
		}
		h := resp.Header
		for _, differs := range []string{"Date", "Content-Length", "Guichet-Release", "X-Request-Id", "Retry-After"} {
			h.Del(differs)
		}
		return resp.StatusCode, h
	}
	for _, a := range asks {
		status, h := ask(http.MethodHead, a)
		heads[a] = maps.Clone(h)
		heads[a].Set("status", http.StatusText(status))
		seen[status]++
	}
	equal(t, "releases", 0, len(r.Releases(t, id)))
	equal(t, "charged", []int64{0, 0}, used(t, r, id))
	for _, a := range asks {
		status, h := ask(http.MethodGet, a)
		h.Set("status", http.StatusText(status))
		equal(t, a.path, h, heads[a])
	}
	for _, status := range []int{200, 401, 403, 422} {
		if seen[status] == 0 {
			t.Errorf("none answers %d: %v", status, seen)
		}
	}
}

// schemasAlone: a schema is the stream's, to the byte and to others' readers, and the
// manifest's; it opens no release, costs nothing where the budget is small or spent, and
// shows nothing that the agreement hides.
func schemasAlone(t *testing.T, r *Rig, _ []Door) {
	py := python(t)
	for name, duties := range map[string][]schemas.Duty{
		"whole":    nil,
		"hidden":   {{Kind: schemas.DutyHide, Columns: []string{"word"}}},
		"filtered": {filterOn("n", "gteq", "100")},
		"edited":   {{Kind: schemas.DutyGeneralise, Columns: []string{"n"}, To: "10"}},
		"budget":   {{Kind: schemas.DutyBudget, Rows: 9000}},
	} {
		t.Run(name, func(t *testing.T) {
			id, lease := r.Ready(t, "schemas-"+name, Open(duties...), FileOf(t, numbers(0, 9000)))
			run := func(what string) {
				t.Helper()
				out, err := exec.Command(py, "testdata/schema.py", what, r.HTTP, r.Flight, lease, string(id)).CombinedOutput()
				if err != nil || !strings.HasPrefix(string(out), "same ") {
					t.Errorf("schema.py %s: %v\n%s", what, err, out)
				}
			}
			run("schema")
			equal(t, "releases", 0, len(r.Releases(t, id)))
			equal(t, "charged", []int64{0, 0}, used(t, r, id))
			run("rows")
			if n := len(settled(t, r, id)); n != 1 {
				t.Errorf("%d releases for one stream", n)
			}
			spent := used(t, r, id)
			run("schema")
			equal(t, "charged afterwards", spent, used(t, r, id))
		})
	}
}
