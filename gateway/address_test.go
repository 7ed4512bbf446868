package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"guichet/schemas"
)

// A dataset's page in DCAT-AP is at the site's public address, whatever the dataset is
// called, and leads to the dataset.
func TestDatasetsHaveAPublicPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := wheat("Winter wheat")
	d.IRI = "https://agronomy.example/wheat"
	d = s.register(d)
	var doc struct {
		ID   string `json:"@id"`
		Page struct {
			ID string `json:"@id"`
		} `json:"dcat:landingPage"`
	}
	s.want(200, "", "GET", "/datasets/"+string(d.ID), nil, "Accept", "application/ld+json").as(t, &doc)
	path, ours := strings.CutPrefix(doc.Page.ID, "https://guichet.example")
	if !ours || doc.ID != d.IRI {
		t.Fatalf("the dataset is named %q, its page %q", doc.ID, doc.Page.ID)
	}
	resp, err := http.Get(s.base + path)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/api/v1/datasets/"+string(d.ID) {
		t.Errorf("%s answers %d from %s", path, resp.StatusCode, resp.Request.URL.Path)
	}
}

// Whatever follows a dataset's address is no way out of the site.
func TestDatasetAddressesStayHere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, id := range []string{string(schemas.NewDatasetID()), "%2F%2Fevil.example", "..%2F..%2Fmetrics", "a%0d%0aX-Evil:%201"} {
		resp, err := client.Get(s.base + "/datasets/" + id)
		must(t, err)
		resp.Body.Close()
		if to := resp.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/api/v1/datasets/") || strings.Contains(to, "/../") || resp.Header.Get("X-Evil") != "" {
			t.Errorf("%s leads to %q", id, to)
		}
	}
}

// A misspelt filter is refused: left out, it would find too much.
func TestUnknownQueryIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.want(422, "", "GET", "/datasets?q=wheat&licnece=CC0-1.0", nil)
	var p struct {
		Errors []schemas.FieldError `json:"errors"`
	}
	r.as(t, &p)
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "licnece" {
		t.Errorf("it is refused with %s", r.body)
	}
}
