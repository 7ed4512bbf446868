package catalog

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"guichet/connectors/dcatap"
	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// carries says whether a document says what every data space demands: a title, a licence
// and a place.
func carries(t *testing.T, doc []byte) bool {
	t.Helper()
	var nodes []map[string]json.RawMessage
	if err := json.Unmarshal(doc, &nodes); err != nil {
		t.Fatal(err)
	}
	licence := false
	for _, n := range nodes {
		licence = licence ||
			n["http://purl.org/dc/terms/license"] != nil &&
				(strings.Contains(string(n["@type"]), "dcat#Distribution") || strings.Contains(string(n["@type"]), "dcat#Dataset"))
	}
	return licence && nodes[0]["http://purl.org/dc/terms/title"] != nil && nodes[0]["http://purl.org/dc/terms/spatial"] != nil
}

// Of the datasets of real catalogues that say what is demanded, nine of ten and more
// register as they stand; the others are told what is missing, and what was read in its
// place.
func TestRealCatalogues(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of descriptions, read by one goroutine")
	}
	spaces, err := spaces.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	c := New(Config{Spaces: spaces})
	all, demanded, taken := 0, map[string]int{}, map[string]int{}
	why := map[string]int{}
	dcataptest.Datasets(t, true, func(path string, n int, doc []byte) {
		all++
		if !carries(t, doc) {
			return
		}
		folder := strings.Split(strings.TrimPrefix(path, dcataptest.Folder(t)+"/"), "/")[0]
		demanded[folder]++
		demanded[""]++
		d, err := dcatap.Read(rdf.JSONLD, doc, "")
		if err == nil {
			d.Space, d.Provider = "energy", "https://p.example"
			err = c.check(&d)
		}
		if err == nil {
			taken[folder]++
			taken[""]++
			return
		}
		e, ok := errors.AsType[*schemas.Error](err)
		if !ok || e.Kind != schemas.Invalid || len(e.Fields) == 0 {
			t.Errorf("%s %d: %v", path, n, err)
			return
		}
		for _, f := range e.Fields {
			why[f.Pointer+": "+f.Message]++
			if f.Pointer == "/countries" && !strings.Contains(f.Message, "add the country") {
				t.Errorf("%s %d: no help in %q", path, n, f.Message)
			}
		}
	})
	for folder, n := range demanded {
		t.Logf("%q: %d of %d register unchanged", folder, taken[folder], n)
	}
	for reason, n := range why {
		t.Logf("%d × %s", n, reason)
	}
	t.Logf("%d datasets in all", all)
	if demanded[""] < 1500 || taken[""]*10 < demanded[""]*9 {
		t.Errorf("%d of %d datasets register unchanged", taken[""], demanded[""])
	}
}
