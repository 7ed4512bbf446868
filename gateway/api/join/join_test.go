package join

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/connectors/db/dbtest"
	"guichet/gateway/api"
	"guichet/policy/agreement/refusal"
	"guichet/policy/join"
	"guichet/policy/party"
	"guichet/schemas"
)

// site is the API over a desk; who calls is named by a header.
type site struct {
	t *testing.T
	h http.Handler
}

func people() map[string]schemas.Principal {
	return map[string]schemas.Principal{
		"olga": {Issuer: "i", Subject: "olga", Participant: "https://factory.example", Roles: []schemas.Role{schemas.RoleOperator}},
		"ada":  {Issuer: "i", Subject: "ada", Mail: "ada@acme.example"},
		"adas": {Issuer: "i", Subject: "ada", Participant: "https://acme.example", Roles: []schemas.Role{schemas.RoleTrainer}},
		"eve":  {Issuer: "i", Subject: "eve"},
		"eves": {Issuer: "i", Subject: "eve", Participant: "https://acme.example", Roles: []schemas.Role{schemas.RoleTrainer}},
	}
}

func newSite(t *testing.T, public string) *site {
	t.Helper()
	database := dbtest.Open(t, dbtest.SQLite)
	parties, err := party.New(database)
	if err != nil {
		t.Fatal(err)
	}
	d := join.New(join.Config{DB: database, Parties: parties, Speaks: func(string, schemas.ParticipantID) string { return "own" }, Now: time.Now})
	_, err = parties.PutParticipant(t.Context(), people()["olga"], schemas.Participant{ID: "https://factory.example", Name: "Factory", Country: "LU",
		Kind: schemas.KindPublicBody, Roles: []schemas.Role{schemas.RoleOperator}, Members: []schemas.Member{{Issuer: "i", Subject: "olga",
			Roles: []schemas.Role{schemas.RoleOperator}}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	gin.SetMode(gin.TestMode)
	r := gin.New()
	v1 := r.Group("/api/v1", func(c *gin.Context) { c.Set(api.PrincipalKey, people()[c.GetHeader("Who")]) })
	api.Register(r, v1, api.Deps{Log: slog.New(slog.DiscardHandler), Refusals: refusal.New(database, nil, time.Now)}, Operations(d, public))
	return &site{t, r}
}

// want asks as somebody, and reads the answer into out.
func (s *site) want(status int, who, call, body string, out any) string {
	s.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Who", who)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	if w.Code != status {
		s.t.Fatalf("%s as %s: %d, want %d\n%s", call, who, w.Code, status, w.Body)
	}
	if out != nil {
		err := json.Unmarshal(w.Body.Bytes(), out)
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return w.Body.String()
}

const declared = `{"organisation": "https://acme.example", "name": "Acme", "country": "FR", "kind": "sme", "roles": ["trainer"], "contact": "ada@acme.example"}`

// The whole way of somebody who joins and invites a colleague, as the API has it.
func TestTheWholeWay(t *testing.T) {
	t.Parallel()
	s := newSite(t, "https://guichet.example")
	var a join.Application
	s.want(201, "ada", "POST /applications", declared, &a)
	if a.State != join.Waiting || a.Checked.Mail != "same" || a.Declared.Name != "Acme" {
		t.Errorf("%+v", a)
	}
	var list schemas.Page[join.Application]
	s.want(200, "olga", "GET /applications?state=waiting", "", &list)
	if len(list.Items) != 1 || list.Items[0].ID != a.ID {
		t.Errorf("%+v", list)
	}
	var st join.Standing
	s.want(200, "olga", "GET /joining", "", &st)
	if st.Waiting != 1 {
		t.Errorf("%+v", st)
	}
	s.want(404, "eve", "GET /applications/"+a.ID, "", nil)
	s.want(422, "olga", "POST /applications/"+a.ID+"/answer", `{"decision": "refuse"}`, nil)
	s.want(403, "eve", "POST /applications/"+a.ID+"/answer", `{"decision": "confirm"}`, nil)
	s.want(422, "olga", "POST /applications/"+a.ID+"/answer", `{"decision": "confirm", "roles": []}`, nil)
	s.want(200, "olga", "POST /applications/"+a.ID+"/answer", `{"decision": "confirm"}`, &a)
	if a.State != join.Confirmed {
		t.Errorf("%+v", a)
	}
	s.want(409, "olga", "POST /applications/"+a.ID+"/answer", `{"decision": "confirm"}`, nil)

	var made join.NewInvitation
	s.want(201, "adas", "POST /invitations", `{"roles": ["trainer"], "for": "Eve"}`, &made)
	if made.Link != "https://guichet.example/join/"+made.Secret {
		t.Errorf("%+v", made)
	}
	held := `{"secret": "` + made.Secret + `"}`
	var in join.Invited
	s.want(200, "eve", "POST /invitations/look", held, &in)
	s.want(200, "eve", "POST /invitations/accept", held, &in)
	if in.Participant != "https://acme.example" || in.Name != "Acme" {
		t.Errorf("%+v", in)
	}
	s.want(401, "", "POST /invitations/accept", held, nil)
	var o join.Roster
	body := s.want(200, "eves", "GET /organisation", "", &o)
	if len(o.Members) != 2 || strings.Contains(body, made.Secret) {
		t.Errorf("%s", body)
	}
	s.want(200, "olga", "GET /organisation?participant=https%3A%2F%2Facme.example", "", nil)
	s.want(200, "adas", "POST /organisation/removals", `{"iss": "i", "sub": "eve"}`, nil)
	s.want(409, "adas", "POST /organisation/removals", `{"iss": "i", "sub": "ada"}`, nil)
}

// What is withdrawn is gone, and what is wrong is named.
func TestWithdrawnAndWrong(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for _, bad := range []struct{ body, says string }{
		{strings.Replace(declared, "https://acme", "https://Acme", 1), "/organisation"},
		{strings.Replace(declared, `"sme"`, `"club"`, 1), "kind"},
		{strings.Replace(declared, `["trainer"]`, `["operator"]`, 1), "/roles/0"},
		{`{"organisation": "https://acme.example"}`, "name"},
		{`[]`, "this has members"},
	} {
		if said := s.want(422, "ada", "POST /applications", bad.body, nil); !strings.Contains(said, bad.says) {
			t.Errorf("%s: %s", bad.body, said)
		}
	}
	var a join.Application
	s.want(201, "ada", "POST /applications", declared, &a)
	s.want(409, "ada", "POST /applications", declared, nil)
	s.want(404, "eve", "DELETE /applications/"+a.ID, "", nil)
	s.want(200, "ada", "DELETE /applications/"+a.ID, "", &a)
	if a.State != join.TakenBack {
		t.Errorf("%+v", a)
	}
	var made join.NewInvitation
	s.want(201, "olga", "POST /invitations", `{"roles": ["operator"]}`, &made)
	if made.Link != "" || made.Secret == "" {
		t.Errorf("%+v", made)
	}
	s.want(200, "olga", "DELETE /invitations/"+made.Invitation.ID, "", nil)
	s.want(410, "eve", "POST /invitations/look", `{"secret": "`+made.Secret+`"}`, nil)
	s.want(404, "eve", "POST /invitations/look", `{"secret": "x"}`, nil)
	s.want(422, "ada", "GET /applications?state=lost", "", nil)
	s.want(401, "", "GET /joining", "", nil)
	s.want(403, "ada", "GET /organisation", "", nil)
}
