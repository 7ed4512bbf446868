package webfile

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// TestOpen: a licence is open where everybody may use and pass on the data.
func TestOpen(t *testing.T) {
	for licence, want := range map[string]bool{
		"CC0-1.0": true, "CC-BY-4.0": true, "CC-BY-SA-3.0-DE": true, "ODbL-1.0": true, "DL-DE-BY-2.0": true, "etalab-2.0": true,
		"http://www.opendefinition.org/licenses/cc-by": true, "http://www.opendefinition.org/licenses/other-closed": false,
		"CC-BY-NC-4.0": false, "CC-BY-ND-4.0": false, "CC-BY-4.0-and-more": false, "": false, "https://licence.example/": false,
	} {
		if got := Open([]string{licence}); got != want {
			t.Errorf("%q: %v", licence, got)
		}
	}
	if Open(nil) || Open([]string{"CC0-1.0", "CC-BY-NC-4.0"}) || !Open([]string{"CC0-1.0", "CC-BY-4.0"}) {
		t.Error("all of several count")
	}
}

// TestNamed: a file whose address says nothing of its form is named by its link's.
func TestNamed(t *testing.T) {
	for _, c := range []struct{ url, format, want string }{
		{"https://x.example/a.csv", "CSV", ""}, {"https://x.example/export?format=csv", "text/csv", "export.csv"},
		{"https://x.example/", "PARQUET", "data.parquet"}, {"https://x.example/export", "PDF", ""}, {"https://x.example/export", "", ""},
	} {
		if got := named(&schemas.Link{URL: c.url, Format: c.format}); got != c.want {
			t.Errorf("%s as %s: %q, want %q", c.url, c.format, got, c.want)
		}
	}
}

// TestTake: of a harvested dataset one of the caller's own is registered first, with its licence and
// its credit; one that is not openly licensed is refused before anything is asked of its host.
func TestTake(t *testing.T) {
	var asked []string
	bodies := map[string]map[string]any{}
	licence, source, rights, again := "CC-BY-4.0", "portal", "", false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/api/v1")
		asked = append(asked, r.Method+" "+path)
		var in map[string]any
		_ = json.NewDecoder(r.Body).Decode(&in)
		bodies[r.Method+" "+path] = in
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(path, "/files/data/all"):
			fmt.Fprint(w, `{"url": "https://x.example/get", "name": "get.csv", "bytes": 3, "sha256": "ab"}`)
		case r.Method == http.MethodGet:
			fmt.Fprintf(w, `{"id": "ds-there", "iri": "https://x.example/1", "source": %q, "space": "energy", "title": {"en": "Wind"}, "licence": %q,
				"rdf": %q, "publisher": "The North", "links": [{"url": "https://x.example/get", "format": "CSV"}]}`, source, licence, rights)
		case r.Method == http.MethodPost && again:
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"type": "urn:guichet:problem:conflict", "status": 409, "detail": "you have it", "subject": "ds-mine"}`)
		default:
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"id": "ds-mine", "space": "energy", "title": {"en": "Wind"}, "licence": %q, "attribution": "The North"}`, licence)
		}
	}))
	defer s.Close()
	c, err := client.New(s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	quiet := &terminal.Terminal{Out: io.Discard, Err: io.Discard}
	var p schemas.Publication
	id, err := Take(context.Background(), quiet, c, "ds-there", File{URL: "https://x.example/get", Table: "data", SHA256: "ab"}, &p)
	want := "GET /datasets/ds-there,POST /datasets,PUT /datasets/ds-mine/offer,POST /datasets/ds-mine/files/data/all"
	if err != nil || id != "ds-mine" || strings.Join(asked, ",") != want || !p.Uploaded || p.Tables[0].Splits[0].Keys[0] != "get.csv" {
		t.Errorf("%s, %v: %q, %+v", id, err, asked, p)
	}
	made := bodies["POST /datasets"]
	if made["source"] != nil || made["iri"] != "https://x.example/1" || made["attribution"] != "The North" {
		t.Errorf("%v", made)
	}
	if in := bodies["POST /datasets/ds-mine/files/data/all"]; in["name"] != "get.csv" || in["sha256"] != "ab" {
		t.Errorf("%v", in)
	}
	asked, again = nil, true
	id, err = Take(context.Background(), quiet, c, "ds-there", File{URL: "https://x.example/get", Table: "data"}, &p)
	if err != nil || id != "ds-mine" || len(asked) != 3 {
		t.Errorf("once more: %s, %v, %q", id, err, asked)
	}
	for why, f := range map[string]File{"none of": {URL: "https://other.example/", Table: "data"}, "dry run": {URL: "https://x.example/get", Table: "data"}} {
		asked = nil
		_, err = Take(context.Background(), quiet, c, "ds-there", f, &schemas.Publication{DryRun: true})
		if schemas.KindOf(err) != schemas.Invalid || len(asked) != 1 || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, %q", why, err, asked)
		}
	}
	asked, rights = nil, "<> dct:accessRights <http://publications.europa.eu/resource/authority/access-right/RESTRICTED> .\n"
	_, err = Take(context.Background(), quiet, c, "ds-there", File{URL: "https://x.example/get", Table: "data"}, &p)
	if schemas.KindOf(err) != schemas.Invalid || len(asked) != 1 || !strings.Contains(err.Error(), "not for everybody") {
		t.Errorf("restricted: %v, %q", err, asked)
	}
	asked, rights, licence = nil, "", "CC-BY-NC-4.0"
	_, err = Take(context.Background(), quiet, c, "ds-there", File{URL: "https://x.example/get", Table: "data"}, &p)
	if schemas.KindOf(err) != schemas.Invalid || len(asked) != 1 {
		t.Errorf("not open: %v, %q", err, asked)
	}
	asked, source = nil, ""
	id, err = Take(context.Background(), quiet, c, "ds-there", File{URL: "https://x.example/get", Table: "data"}, &p)
	if err != nil || id != "ds-there" || len(asked) != 2 {
		t.Errorf("of one's own: %s, %v, %q", id, err, asked)
	}
}

// TestTakeByLicence: a file that has its own licence is taken in under that, alone with what has the
// same; into a dataset that stands under another it is not taken.
func TestTakeByLicence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file    string
		stands  string // the licence of the dataset that was made before; "" for none
		refused string
		links   int
		under   string
	}{
		"its own": {
			file:  "a",
			links: 2,
			under: "CC0-1.0",
		},
		"its own, not open": {
			file:    "b",
			refused: "the file is not openly licensed (CC-BY-NC-4.0)",
		},
		"the dataset's, of which one is not open": {
			file:    "c",
			refused: "ds-there is not openly licensed (CC-BY-NC-4.0, CC0-1.0)",
		},
		"once more": {
			file:   "a",
			stands: "CC0-1.0",
			links:  2,
			under:  "CC0-1.0",
		},
		"into another": {
			file:    "a",
			stands:  "CC-BY-4.0",
			refused: "the file's licence is CC0-1.0, and ds-mine, into which others of its dataset were taken, is under CC-BY-4.0",
		},
	} {
		var made schemas.Dataset
		taken := false
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch {
			case strings.HasSuffix(r.URL.Path, "/files/data/all"):
				taken = true
				fmt.Fprint(w, `{"url": "https://x.example/a", "name": "a.csv", "bytes": 3, "sha256": "ab"}`)
			case strings.HasSuffix(r.URL.Path, "/ds-mine"):
				fmt.Fprintf(w, `{"id": "ds-mine", "space": "energy", "title": {"en": "Wind"}, "licence": %q}`, c.stands)
			case r.Method == http.MethodGet:
				fmt.Fprint(w, `{"id": "ds-there", "source": "portal", "space": "energy", "title": {"en": "Wind"}, "licence": "CC-BY-NC-4.0",
					"licences": ["CC-BY-NC-4.0", "CC0-1.0"], "links": [{"url": "https://x.example/a", "licence": "CC0-1.0"},
					{"url": "https://x.example/b", "licence": "CC-BY-NC-4.0"}, {"url": "https://x.example/c"}, {"url": "https://x.example/d", "licence": "CC0-1.0"}]}`)
			default:
				if r.Method == http.MethodPost {
					_ = json.NewDecoder(r.Body).Decode(&made)
				}
				if c.stands != "" {
					w.WriteHeader(http.StatusConflict)
					fmt.Fprint(w, `{"type": "urn:guichet:problem:conflict", "status": 409, "detail": "you have it", "subject": "ds-mine"}`)
					return
				}
				w.WriteHeader(http.StatusCreated)
				fmt.Fprint(w, `{"id": "ds-mine", "space": "energy", "title": {"en": "Wind"}}`)
			}
		}))
		cl, err := client.New(s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		quiet := &terminal.Terminal{Out: io.Discard, Err: io.Discard}
		var p schemas.Publication
		_, err = Take(t.Context(), quiet, cl, "ds-there", File{URL: "https://x.example/" + c.file, Table: "data"}, &p)
		s.Close()
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) || taken {
				t.Errorf("%s: %v, want %q; taken: %v", name, err, c.refused, taken)
			}
			continue
		}
		if err != nil || !taken || made.Licence != c.under || made.Licences != nil || len(made.Links) != c.links {
			t.Errorf("%s: %v, %+v", name, err, made)
		}
	}
}
