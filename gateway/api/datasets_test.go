package api

import (
	"strings"
	"testing"

	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// A dataset is registered by a provider for itself, read by whom it is visible to, changed
// on the revision that was read, and withdrawn.
func TestDatasets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := s.want(201, "hal", "POST /datasets", wheat, `"provider":"https://holder.example"`, `"revision":1`)
	s.keep("ds", w, "id")
	if w.Header().Get("ETag") != `"1"` || w.Header().Get("Location") != s.filled("/api/v1/datasets/$ds") {
		t.Errorf("the headers are %v", w.Header())
	}
	s.want(200, "", "GET /datasets/$ds", "", `"title":{"en":"Wheat"}`)
	s.want(404, "ada", "GET /datasets/ds-none", "", "there is no dataset ds-none")

	for _, c := range []struct{ who, detail, rule string }{
		{"", "sign in", ""}, {"lost", "needs the role", "role.provider"},
		{"ada", "to register datasets needs the role provider", "role.provider"},
		{"boss", "needs the role", "role.provider"}, {"olga", "needs the role", "role.provider"},
	} {
		status := 403
		if c.who == "" {
			status = 401
		}
		s.want(status, c.who, "POST /datasets", wheat, c.rule)
		s.want(status, c.who, "PUT /datasets/$ds", wheat, c.rule)
	}
	s.want(422, "hal", "POST /datasets", strings.Replace(wheat, "{", `{"provider":"https://second.example",`, 1), `"pointer":"/provider"`,
		"you register for https://holder.example only")
	s.want(422, "hal", "POST /datasets", strings.Replace(wheat, `"agriculture"`, `"farms"`, 1), `"pointer":"/space"`)
	s.want(422, "hal", "POST /datasets", strings.Replace(wheat, `"space":"agriculture",`, "", 1), `"pointer":"/space"`)
	s.want(201, "hal", "POST /datasets?space=energy", strings.Replace(wheat, `"space":"agriculture",`, "", 1), `"space":"energy"`)
	s.want(
		422, "hal", "POST /datasets", strings.Replace(wheat, `"title"`, `"titel"`, 1), `"pointer":"/titel"`, "this member is not known here",
	)
	s.want(422, "hal", "POST /datasets", strings.Replace(wheat, `"countries":["FR"]`, `"countries":"FR"`, 1), `"pointer":"/countries"`,
		"this is a list: write it like [a, b], also with one value")
	s.want(422, "hal", "POST /datasets", strings.Replace(wheat, `{"en":"Wheat"}`, `"Wheat"`, 1), `"pointer":"/title"`,
		"this has members: write it like {name: value}")
	s.want(422, "hal", "POST /datasets?spice=energy", wheat, "spice")
	s.want(422, "hal", "POST /datasets", strings.Replace(wheat, `"space"`, `"space":"energy","space"`, 1), "twice")
	s.want(400, "hal", "POST /datasets", "{", "")

	again := strings.Replace(wheat, `"Wheat"`, `"Barley"`, 1)
	w = s.wantWith([]string{"If-Match", `"1"`}, 200, "hal", "PUT /datasets/$ds", again, `"title":{"en":"Barley"}`)
	if w.Header().Get("ETag") != `"2"` {
		t.Errorf("the ETag is %s", w.Header().Get("ETag"))
	}
	s.wantWith([]string{"If-Match", `"1"`}, 412, "hal", "PUT /datasets/$ds", again, "precondition")
	s.wantWith([]string{"If-Match", `W/"2"`}, 200, "hal", "PUT /datasets/$ds", again)
	s.wantWith([]string{"If-Match", "*"}, 200, "hal", "PUT /datasets/$ds", again)
	for _, tag := range []string{"one", `"0"`, `"-1"`, `"1","2"`} {
		s.wantWith([]string{"If-Match", tag}, 422, "hal", "PUT /datasets/$ds", again, `"pointer":"If-Match"`, "is not a valid ETag")
		s.wantWith([]string{"If-Match", tag}, 422, "hal", "PUT /datasets/$ds/offer", `{"template":"research-only"}`, "is not a valid ETag")
		s.wantWith([]string{"If-Match", tag}, 422, "hal", "DELETE /datasets/$ds", "", "is not a valid ETag")
	}
	s.want(200, "hal", "PUT /datasets/$ds", strings.Replace(again, `"space":"agriculture",`, "", 1), `"space":"agriculture"`)
	s.want(404, "hal", "PUT /datasets/ds-none", again, "there is no dataset ds-none")
	s.want(404, "sue", "PUT /datasets/$ds", again, "is not a dataset of yours: it belongs to https://holder.example")
	s.want(200, "boss", "POST /participants/https:%2F%2Fholder.example/stop", `{"reason":"breach"}`, `"barred":true`)
	s.want(403, "hal", "PUT /datasets/$ds", again, "stopped")
	s.want(403, "hal", "POST /datasets", wheat, "stopped")
	s.want(403, "hal", "PUT /datasets/$ds/offer", `{"template":"research-only"}`, "stopped")
	s.want(200, "hal", "DELETE /datasets/$ds", "", `"withdrawn":true`) // what takes data away stays open
}

// The terms of a dataset: a template with its words, or rules, held against what is
// published before they are stored.
func TestOffers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.keep("ds", s.want(201, "hal", "POST /datasets", strings.Replace(wheat, "{", `{"attribution":"Said by the dataset",`, 1)), "id")
	put := "PUT /datasets/$ds/offer"
	s.want(
		200, "hal", put, `{"template":"open-with-attribution"}`, `"text":"Said by the dataset"`, `"follow":true`,
		`"template":"open-with-attribution"`,
	)
	s.want(
		200, "hal", put, `{"template":"open-with-attribution","attribution":"Other words","hide":["id"],"rows":100}`,
		`"text":"Other words"`, `"columns":["id"]`, `"rows":100`,
	)
	s.want(200, "hal", put, `{"template":"ask-the-holder","title":{"en":"Ask"}}`, `"review":true`, `"title":{"en":"Ask"}`)
	s.want(200, "hal", put, `{"template":"ask-the-holder","follow":true}`, `"follow":true`)
	s.want(422, "hal", put, `{"template":"mine"}`, `"pointer":"/template"`, `"mine" is not a template`)
	s.want(422, "hal", put, `{"rows":-1,"template":"research-only"}`, `"pointer":"/rows"`, "write a number of at least 0")
	s.want(422, "hal", put, `{"rules":null}`, "null")
	rules := `{"rules":[{"kind":"permission","actions":["use"],"duties":[{"kind":"hide","columns":["crop"]}]}]}`
	s.want(200, "hal", put, rules, `"kind":"permission"`)
	s.want(422, "hal", put, `{"rules":[{"kind":"permission","actions":["fly"]}]}`, `"pointer":"/rules/0/actions/0"`)
	for who, status := range map[string]int{"": 401, "ada": 403, "boss": 403, "lost": 403} {
		s.want(status, who, put, rules)
	}
	s.want(404, "sue", put, rules, "is not a dataset of yours")
	s.want(404, "hal", "PUT /datasets/ds-none/offer", rules, "there is no dataset ds-none")
	s.publish("ds", "v1", schemas.VersionPublished)
	s.want(422, "hal", put, strings.Replace(rules, `"crop"`, `"yield"`, 1), `"pointer":"/rules/0/duties/0"`, "fix the fields named",
		"the terms cannot be carried out on the published version v1")
	s.want(422, "hal", put, strings.Replace(rules, `"crop"`, `"crop","id"`, 1), "the terms leave no column to show")
	s.want(200, "hal", put, rules)
	read := s.want(200, "hal", "GET /datasets/$ds", "", `"columns":["crop"]`)
	if strings.Contains(read.Body.String(), `"template"`) {
		t.Error("rules of its own have a template's name")
	}
}

// A withdrawal is refused while agreements stand, unless they are to end with it; what
// waits for an answer is refused.
func TestWithdrawals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, name := range []string{"a", "b", "c"} {
		s.dataset(name)
		s.publish(name, "v1", schemas.VersionPublished)
	}
	s.want(200, "hal", "PUT /datasets/$c/offer", `{"template":"ask-the-holder"}`)
	ask := `{"project":"p","items":[{"dataset":"$a"}]}`
	for range 2 {
		s.keep("request", s.want(201, "ada", "POST /requests", ask, `"state":"granted"`), "id")
	}
	s.keep("waits", s.want(201, "ada", "POST /requests", strings.Replace(ask, "$a", "$c", 1), `"state":"pending"`), "id")
	for who, status := range map[string]int{"": 401, "ada": 403, "boss": 403, "sue": 404} {
		s.want(status, who, "DELETE /datasets/$a", "")
	}
	s.want(404, "hal", "DELETE /datasets/ds-none", "", "there is no dataset ds-none")
	s.want(409, "hal", "DELETE /datasets/$a", "", "2 agreements on the dataset are active", "?revoke=true")
	s.want(200, "hal", "DELETE /datasets/$b", "", `"withdrawn":true`)
	s.want(200, "hal", "DELETE /datasets/$a?revoke=true", "", `"withdrawn":true`)
	s.want(200, "hal", "DELETE /datasets/$a?revoke=true", "", `"withdrawn":true`) // again, as after a cut
	s.want(200, "ada", "GET /agreements", "", `"state":"revoked"`, "the dataset was withdrawn")
	s.want(200, "hal", "DELETE /datasets/$c", "")
	s.want(200, "ada", "GET /requests/$waits", "", `"state":"refused"`, "the dataset was withdrawn")
	s.want(410, "hal", "PUT /datasets/$a/offer", `{"template":"research-only"}`, "withdrawn")
	for _, e := range s.Entries(t, schemas.ChangeRevoke) {
		if e.Values["reason"] != "the dataset was withdrawn" || e.Values["by"] != string(agreementtest.Holder) {
			t.Errorf("the record says %+v", e)
		}
	}
}
