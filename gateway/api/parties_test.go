package api

import (
	"strings"
	"testing"
)

// Who the caller is taken for.
func TestMe(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.want(200, "ada", "GET /me", "", `"iss":"i"`, `"sub":"ada"`, `"participant":"https://lab.example"`, `"roles":["trainer"]`)
	s.want(200, "lost", "GET /me", "", `"sub":"lost"`, `"roles":[]`)
	w := s.want(401, "", "GET /me", "", "to see who you are here")
	if !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer ") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the headers are %v", w.Header())
	}
}

// Participants are the operator's to make, change, list, stop and let go.
func TestParticipants(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	body := `{"id":"https://new.example","name":"New","country":"IT","kind":"sme","roles":["trainer"]}`
	w := s.want(201, "boss", "POST /participants", body, `"id":"https://new.example"`, `"revision":1`)
	if w.Header().Get("ETag") != `"1"` {
		t.Errorf("the ETag is %s", w.Header().Get("ETag"))
	}
	s.want(409, "boss", "POST /participants", body, "there is a participant https://new.example already (revision 1)")
	s.wantWith([]string{"If-Match", `"1"`}, 201, "boss", "POST /participants", strings.Replace(body, `"New"`, `"Newer"`, 1), `"name":"Newer"`)
	s.wantWith([]string{"If-Match", `"1"`}, 412, "boss", "POST /participants", body)
	s.wantWith([]string{"If-Match", "x"}, 422, "boss", "POST /participants", body, `"pointer":"If-Match"`, `"x" is not a valid ETag`)
	for who, status := range map[string]int{"": 401, "ada": 403, "hal": 403, "olga": 403, "lost": 403} {
		s.want(status, who, "POST /participants", body)
	}
	other := strings.Replace(body, "new.example", "other.example", 1)
	for change, want := range map[[2]string]string{
		{`"country":"IT"`, `"country":"Italy"`}:        "/country",
		{`"kind":"sme"`, `"kind":"club"`}:              "use one of start-up, sme, large-company, research, public-body",
		{`"name":"New"`, `"name":""`}:                  "this must not be empty",
		{`"roles":["trainer"]`, `"role":"trainer"`}:    "this member is not known here",
		{`"id":"https://other.example"`, `"id":"new"`}: "/id",
		{`"id":"https://other.example",`, ``}:          "id is missing",
	} {
		s.want(422, "boss", "POST /participants", strings.Replace(other, change[0], change[1], 1), want)
	}
	for who, status := range map[string]int{"": 401, "ada": 403, "hal": 403, "boss": 200, "olga": 200} {
		s.want(status, who, "GET /participants", "")
	}
	stop, unstop := "POST /participants/https:%2F%2Flab.example/stop", "POST /participants/https:%2F%2Flab.example/unstop"
	why := `{"reason":"breach"}`
	s.want(401, "", stop, why)
	s.want(403, "ada", stop, why, "only providers and operators stop a participant")
	s.want(200, "hal", stop, why, `"barred":false`, "only agreements on your datasets")
	s.want(200, "boss", stop, why, `"barred":true`, `"revoked":[]`, "until an operator lifts the stop")
	s.want(404, "boss", "POST /participants/lab/stop", why, "there is no participant lab")
	s.want(422, "boss", stop, `{"reason":"no"}`, `"pointer":"/reason"`, "this has at least 3 characters")
	s.want(422, "boss", stop, `{}`, "reason is missing")
	s.want(403, "hal", unstop, why, "to lift a stop needs the role operator")
	s.want(200, "boss", unstop, why, `"id":"https://lab.example"`)
	s.want(409, "boss", unstop, why, "the participant https://lab.example is not stopped")
}

// Projects are made by trainers for their own organisation, or by operators.
func TestProjects(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	body := `{"id":"crops","title":"Crops","factory":"f","purposes":["train-model"]}`
	w := s.want(201, "ada", "POST /projects", body, `"lead":"https://lab.example"`)
	if w.Header().Get("Location") != "/api/v1/projects/crops" || w.Header().Get("ETag") != `"1"` {
		t.Errorf("the headers are %v", w.Header())
	}
	s.want(409, "ada", "POST /projects", body, "there is a project crops already (revision 1)")
	s.wantWith(
		[]string{"If-Match", `"1"`}, 201, "ada", "POST /projects", strings.Replace(body, `"Crops"`, `"All crops"`, 1), `"title":"All crops"`,
	)
	s.wantWith([]string{"If-Match", "zero"}, 422, "ada", "POST /projects", body, `"zero" is not a valid ETag`)
	for who, status := range map[string]int{"": 401, "hal": 403, "olga": 403, "lost": 403} {
		s.want(status, who, "POST /projects", body)
	}
	second := strings.Replace(body, "crops", "two", 1)
	s.want(422, "ada", "POST /projects", strings.Replace(second, "{", `{"lead":"https://holder.example",`, 1), `"pointer":"/lead"`)
	s.want(422, "ada", "POST /projects", strings.Replace(second, `"two"`, `"Two Words"`, 1), `"pointer":"/id"`)
	s.want(
		422, "ada", "POST /projects", strings.Replace(second, `"train-model"`, `"fun"`, 1), `"pointer":"/purposes/0"`, `"fun" is not a purpose`,
	)
	s.want(422, "ada", "POST /projects", strings.Replace(second, `"f"`, `"g"`, 1), `"pointer":"/factory"`)
	s.want(401, "", "GET /projects", "", "to list projects")
	s.want(200, "ada", "GET /projects", "", `"id":"crops"`, `"id":"p"`)
	if w := s.want(200, "hal", "GET /projects", ""); strings.Contains(w.Body.String(), "crops") {
		t.Error("a provider lists the project of others")
	}
	w = s.want(200, "ada", "GET /projects?limit=1", "", `"next":`)
	link := w.Header().Get("Link")
	next, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !strings.HasSuffix(link, `>; rel="next"`) || !strings.Contains(next, "limit=1") || !strings.Contains(next, "cursor=") {
		t.Fatalf("the link is %s", link)
	}
	s.want(200, "ada", "GET /projects"+next, "", `"id":"p"`)
	for query, text := range map[string]string{"limit=0": "write a number of at least 1", "limit=1001": "write a number of at most 1000",
		"limit=ten": "write a whole number", "size=3": "size"} {
		s.want(422, "ada", "GET /projects?"+query, "", text)
	}
}

// Factories are the operator's; whether their networks prove a place is the gateway's to
// say, and the networks are not for all.
func TestFactories(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	body := `{"id":"leonardo","name":"Leonardo","country":"IT","egress":["192.0.2.0/24"],"proven":true}`
	s.want(201, "boss", "POST /factories", strings.Replace(body, `,"egress":["192.0.2.0/24"]`, "", 1), `"id":"leonardo"`)
	w := s.wantWith([]string{"If-Match", `"1"`}, 201, "boss", "POST /factories", body, `"revision":2`, "192.0.2.0/24")
	if w.Header().Get("ETag") != `"2"` {
		t.Errorf("the ETag is %s", w.Header().Get("ETag"))
	}
	s.want(409, "boss", "POST /factories", body, "there is a factory leonardo already (revision 2)")
	s.wantWith([]string{"If-Match", `"x"`}, 422, "boss", "POST /factories", body, "is not a valid ETag")
	for who, status := range map[string]int{"": 401, "ada": 403, "hal": 403, "olga": 403} {
		s.want(status, who, "POST /factories", body)
	}
	s.want(422, "boss", "POST /factories", strings.Replace(body, `"192.0.2.0/24"`, `"here"`, 1), `/egress/0`)
	s.want(422, "boss", "POST /factories", strings.Replace(body, `"IT"`, `"IT1"`, 1), `"pointer":"/country"`)
	if w := s.want(200, "", "GET /factories", "", `"id":"leonardo"`, `"proven":true`, `"id":"f"`); strings.Contains(
		w.Body.String(),
		"192.0.2",
	) {
		t.Error("strangers read a factory's networks")
	}
	s.want(200, "boss", "GET /factories", "", "192.0.2.0/24")
	s.want(200, "", "GET /factories?limit=1", "", `"next":`)
}

// Stores are the operator's; what one refers to must be there, and it has to answer,
// unless the operator says that it need not yet.
func TestStores(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	body := `{"id":"local","endpoint":"https://s3.example","region":"eu","credential_ref":"known",` +
		`"prefixes":[{"participant":"https://holder.example","bucket":"b","prefix":"holder/"}]}`
	for who, status := range map[string]int{"": 401, "ada": 403, "hal": 403, "olga": 403} {
		s.want(status, who, "POST /stores", body)
		s.want(status, who, "POST /stores", strings.Replace(body, "known", "other", 1)) // and is told nothing
	}
	s.want(422, "boss", "POST /stores", strings.Replace(body, "known", "other", 1), `"pointer":"/credential_ref"`,
		`the gateway's settings have no credential "other"`, "add it under credentials in the settings")
	s.want(422, "boss", "POST /stores", strings.Replace(body, "https://holder", "https://nobody", 1), `"pointer":"/prefixes/0/participant"`,
		`there is no participant "https://nobody.example"`)
	silent := strings.Replace(body, "s3.example", "silent.example", 1)
	s.want(422, "boss", "POST /stores", silent, `"pointer":"/endpoint"`, "it does not answer")
	s.want(201, "boss", "POST /stores?unchecked=true", strings.Replace(silent, "local", "silent", 1), `"id":"silent"`)
	s.want(201, "boss", "POST /stores", strings.Replace(body, `"b"`, `"c"`, 1), `"revision":1`)
	s.wantWith([]string{"If-Match", "*"}, 409, "boss", "POST /stores", body, "there is a store local already")
	s.wantWith([]string{"If-Match", `"one"`}, 422, "boss", "POST /stores", body, "is not a valid ETag")
	s.want(200, "boss", "GET /stores", "", `"id":"local"`, `"id":"silent"`)
	s.want(200, "hal", "GET /stores", "", `"id":"local"`)
	if w := s.call("sue", "GET /stores", ""); strings.Contains(w.Body.String(), "holder/") {
		t.Errorf("a provider reads prefixes of others: %s", w.Body)
	}
}
