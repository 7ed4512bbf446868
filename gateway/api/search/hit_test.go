package search

import (
	"testing"

	"guichet/schemas"
)

// TestHolders: a hit leads to where the data is held, and carries no descriptions of files.
func TestHolders(t *testing.T) {
	t.Parallel()
	d := schemas.Dataset{
		IRI:   "https://x.example/d",
		Links: []schemas.Link{{URL: "https://x.example/a", RDF: "<> dct:type \"t\" .\n"}},
	}
	got := holders(&d)
	if len(got) != 1 || got[0].URL != "https://x.example/a" || got[0].RDF != "" {
		t.Errorf("%+v", got)
	}
	if d.Links[0].RDF == "" {
		t.Error("the dataset itself lost what is said of its link")
	}
	d.Links = nil
	if got = holders(&d); len(got) != 1 || got[0].URL != d.IRI {
		t.Errorf("%+v", got)
	}
}
