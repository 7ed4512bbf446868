package saved

import (
	"net/url"
	"testing"
	"time"

	"guichet/catalog/saved"
	"guichet/gateway/web/pagetest"
	"guichet/schemas"
)

// Somebody sees what changed in her searches, opens one, which is noted by a form, and forgets it.
func TestSearchesPage(t *testing.T) {
	t.Parallel()
	looked := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	answers := map[string]any{
		"GET /searches":              schemas.Page[saved.Search]{Items: []saved.Search{{ID: "s1", Name: "my wheat", Query: "q=wheat", Looked: looked, Total: 2}}},
		"GET /datasets":              schemas.Found{Total: 3, Items: []schemas.Hit{{Facts: schemas.Facts{Updated: looked.Add(time.Hour)}}}},
		"POST /searches":             saved.Search{},
		"POST /searches/s1/look":     saved.Search{},
		"DELETE /searches/s1":        saved.Search{},
		"POST /searches/unsaid/look": schemas.Errorf(schemas.NotFound, "x", "none"),
	}
	s := pagetest.New(t, schemas.Identity{Issuer: "i", Subject: "ada"}, answers, Part())
	s.Shows(200, "GET /searches", nil, "my wheat", "3 datasets", "1 changed", "2 fitted when you last looked", "Remove my wheat")
	s.Shows(303, "POST /searches/look", url.Values{"search": {"s1"}}, "/datasets?q=wheat")
	if s.Sent["POST /searches/s1/look"] != `{"total":3}` {
		t.Errorf("%v", s.Sent)
	}
	s.Shows(303, "POST /searches/look", url.Values{"search": {"s2"}}, "/searches")
	s.Shows(303, "POST /searches/new", url.Values{"name": {"rye"}, "query": {"q=rye"}}, "/searches")
	if s.Sent["POST /searches"] != `{"name":"rye","query":"q=rye","total":3}` {
		t.Errorf("%v", s.Sent)
	}
	answers["POST /searches"] = schemas.BadField("search", "/name", "one line")
	s.Shows(422, "POST /searches/new", url.Values{"name": {"r y e"}, "query": {"q=rye"}}, "one line", `value="r y e"`, `value="q=rye"`)
	s.Shows(303, "POST /searches/removal", url.Values{"search": {"s1"}}, "/searches")
	s.Shows(303, "POST /searches/removal", url.Values{"search": {"gone"}}, "/searches")
	answers["GET /datasets"] = schemas.BadField("search", "project", "there is no such project")
	s.Shows(200, "GET /searches", nil, "cannot be searched now", "there is no such project")
	answers["GET /searches"] = schemas.Page[saved.Search]{}
	s.Shows(200, "GET /searches", nil, "You saved none")
	answers["GET /searches"] = schemas.Errorf(schemas.Unavailable, "database", "away")
	s.Shows(503, "GET /searches", nil)
}
