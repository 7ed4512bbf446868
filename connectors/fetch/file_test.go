package fetch

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"guichet/schemas"
)

// TestRead: a file comes piece by piece with its name and size, and what its user says of it is said.
func TestRead(t *testing.T) {
	t.Parallel()
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/named":
			w.Header().Set("Content-Disposition", `attachment; filename="../../yields.csv"`)
			w.Header().Set("Content-Length", "3")
		case "/moved":
			http.Redirect(w, r, "/data/b.parquet?x=1", http.StatusFound)
			return
		case "/gone":
			http.NotFound(w, r)
			return
		case "/chunks":
			w.(http.Flusher).Flush()
		}
		fmt.Fprint(w, "a,b")
	})
	c := client("127.0.0.0/8", "::1/128")
	for path, want := range map[string]File{
		"/named": {Name: "yields.csv", Size: 3}, "/moved": {Name: "b.parquet", Size: 3}, "/chunks": {Name: "chunks", Size: -1}, "/": {Size: 3},
	} {
		err := c.Read(t.Context(), host.URL+path, func(f File) error {
			b, err := io.ReadAll(f.Body)
			if f.Name != want.Name || f.Size != want.Size || string(b) != "a,b" || !strings.HasPrefix(f.URL, host.URL) {
				t.Errorf("%s: %+v, %q", path, f, b)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	no := func(File) error { t.Error("it is used"); return nil }
	if err := c.Read(t.Context(), host.URL+"/gone", no); schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("%v", err)
	}
	if err := client().Read(t.Context(), host.URL+"/named", no); schemas.KindOf(err) != schemas.Denied {
		t.Errorf("an address inside: %v", err)
	}
	mine := errors.New("enough")
	if err := c.Read(t.Context(), host.URL+"/named", func(File) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("%v", err)
	}
}
