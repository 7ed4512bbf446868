package harvest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"guichet/connectors/db/dbtest"
	"guichet/connectors/fetch"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// realPackages are those of a portal of CKAN, as it gave them.
func realPackages(t *testing.T) (out []json.RawMessage) {
	t.Helper()
	f, err := os.Open(sharedtest.Path(t, "reference-data", "catalogue", "ckan", "data.gov-2017-federal", "ckan-packages-3300.jsonl.zst"))
	must(t, err)
	defer f.Close()
	z, err := zstd.NewReader(f)
	must(t, err)
	defer z.Close()
	r := bufio.NewReader(z)
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 1 {
			out = append(out, line)
		}
		if err == io.EOF {
			return out
		}
		must(t, err)
	}
}

// portalCKAN answers as CKAN does: at most so many rows, whatever is asked.
func portalCKAN(t *testing.T, packages *[]json.RawMessage, most int) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/data/api/3/action/package_search" {
			http.NotFound(w, r)
			return
		}
		q := r.URL.Query()
		start, err := strconv.Atoi(q.Get("start"))
		rows, bad := strconv.Atoi(q.Get("rows"))
		if err != nil || bad != nil || q.Get("sort") == "" {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"success": false, "error": {"__type": "Validation Error"}}`)
			return
		}
		all := *packages
		from := min(start, len(all))
		found, err := json.Marshal(all[from:min(from+min(rows, most), len(all))])
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		fmt.Fprintf(w, `{"help": "x", "success": true, "result": {"count": %d, "sort": %q, "facets": {}, "results": %s}}`, len(all), q.Get("sort"), found)
	}))
	t.Cleanup(s.Close)
	return s
}

// TestRealCKAN: every page of a portal with 3,300 real packages is found and read.
func TestRealCKAN(t *testing.T) {
	if testing.Short() { // under the race detector
		t.Skip("not tested here: -short leaves the whole sets out")
	}
	t.Parallel()
	all := realPackages(t)
	s := portalCKAN(t, &all, 1000)
	k := Kinds()[CKAN]
	iris, pages := map[string]bool{}, 0
	for page := k.First(s.URL + "/data/"); page != ""; pages++ {
		ask := k.Ask(page)
		resp, err := http.Get(ask.URL) //nolint:noctx // a server of the test's own
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		must(t, err)
		p, err := k.Read(&fetch.Answer{URL: ask.URL, Type: resp.Header.Get("Content-Type"), Body: body})
		must(t, err)
		for _, r := range p.Records {
			if r.Err != nil || !strings.HasPrefix(r.IRI, s.URL+"/data/dataset/") {
				t.Errorf("%q: %v", r.IRI, r.Err)
			}
			iris[r.IRI] = true
		}
		page = p.Next
	}
	if len(iris) != 3288 || pages != 34 {
		t.Errorf("%d datasets on %d pages; want 3288, as 12 are none, on 34", len(iris), pages)
	}
}

// TestHarvestCKAN: a portal's packages are here, again at no cost where nothing changes, and what it
// removes in the middle of a harvest does not hide another.
func TestHarvestCKAN(t *testing.T) {
	t.Parallel()
	all := realPackages(t)[:90]
	h := newHarvester(t, dbtest.SQLite)
	s := portalCKAN(t, &all, 20)
	_, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: s.URL + "/data", Kind: CKAN, Space: "agriculture"}, 0)
	must(t, err)
	f := h.once(t, "portal", false)
	if f.State != Well || f.Datasets+f.Refused != 90 || f.Refused > 2 {
		refused, _, err := h.Refused(t.Context(), "portal", "", 10)
		t.Fatalf("%+v\n%v %v", f, refused, err)
	}
	had := f.Datasets
	f = h.once(t, "portal", false)
	if f.State != Well || f.Datasets != had || f.Counts.New+f.Counts.Changed > 0 {
		t.Errorf("again: %+v", f)
	}
	all = all[:80]
	if f = h.once(t, "portal", false); f.State != Well || f.Datasets > 80 || f.Datasets < 78 {
		t.Errorf("ten less: %+v", f)
	}
}

// TestFirstCKAN: a portal is named as people name it.
func TestFirstCKAN(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://x.example":               "https://x.example/api/3/action/package_search",
		"https://x.example/":              "https://x.example/api/3/action/package_search",
		"https://x.example/data/dataset/": "https://x.example/data/api/3/action/package_search",
		"https://x.example/api/3/action/package_search?q=soil&rows=7":     "https://x.example/api/3/action/package_search",
		"https://x.example/api/3/action/package_search?fq=groups%3Afield": "https://x.example/api/3/action/package_search",
	} {
		u, err := url.Parse(firstCKAN(given))
		must(t, err)
		q := u.Query()
		u.RawQuery = ""
		if u.String() != want || q.Get("start") != "0" || q.Get("sort") == "" || strings.Contains(given, "q=soil") != (q.Get("q") == "soil") ||
			strings.Contains(given, "rows=7") != (q.Get("rows") == "7") {
			t.Errorf("%s: %s %v", given, u, q)
		}
	}
	_, err := readCKAN(&fetch.Answer{URL: "https://x.example/api/3/action/package_search", Body: []byte(`{"success": false, "error": {"message": "away"}}`)})
	if schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "away") {
		t.Errorf("%v", err)
	}
	_, err = readCKAN(&fetch.Answer{URL: "https://x.example/api/3/action/package_search", Body: []byte(`<html>`)})
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("%v", err)
	}
	for query, ends := range map[string]bool{"rows=100&start=0": false, "start=100": false, "rows=100&start=450": true, "rows=100&start=900": true} {
		p, err := readCKAN(&fetch.Answer{URL: "https://x.example/api/3/action/package_search?" + query,
			Body: []byte(`{"success": true, "result": {"count": 500, "results": []}}`)})
		if (err == nil) != ends || p.Next != "" {
			t.Errorf("nothing of 500 at %s: %q, %v", query, p.Next, err)
		}
	}
}
