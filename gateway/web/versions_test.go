package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

// TestWhatChanged: a version is held against the one before it, in rows, tables and columns.
func TestWhatChanged(t *testing.T) {
	t.Parallel()
	a := everything()
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	a.answers["GET /datasets/ds-1/versions"] = schemas.Page[schemas.VersionSummary]{Items: []schemas.VersionSummary{
		{Version: "a", State: schemas.VersionPublished, Rows: 10, Published: day(1)},
		{Version: "b", State: schemas.VersionPublished, Rows: 15, Published: day(2)},
		{Version: "c", State: schemas.VersionPublished, Rows: 14, Published: day(3)},
		{Version: "d", State: schemas.VersionFailed},
	}}
	version := func(columns ...string) map[string]any {
		var list []map[string]string
		for _, c := range columns {
			name, typ, _ := strings.Cut(c, " ")
			list = append(list, map[string]string{"name": name, "type": typ})
		}
		return map[string]any{"data": []map[string]any{{"name": "plots", "columns": list}}}
	}
	a.answers["GET /datasets/ds-1/versions/a"] = version("yield float32", "sown date32")
	a.answers["GET /datasets/ds-1/versions/b"] = version("yield float32", "sown date32")
	a.answers["GET /datasets/ds-1/versions/c"] = version("yield float64", "plot int64")
	body := visited(site(t, a, ""), http.MethodGet, "/datasets/ds-1", nil).Body.String()
	for _, want := range []string{"5 rows more", "the same columns", "(since a)", "1 row fewer", "new: plots.plot", "gone: plots.sown", "of another type: plots.yield",
		"(since b)"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	a.answers["GET /datasets/ds-1/versions/b"] = schemas.Errorf(schemas.Gone, "version", "it is gone")
	w := visited(site(t, a, ""), http.MethodGet, "/datasets/ds-1", nil)
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "gone: plots") {
		t.Errorf("%d: columns of a version that is gone are known", w.Code)
	}
	if n := len(slices.DeleteFunc(slices.Clone(a.asked), func(r *http.Request) bool { return !strings.HasSuffix(r.URL.Path, "/versions/d") })); n > 0 {
		t.Errorf("a version that failed is read %d times", n)
	}
}
