package api

import (
	"strings"
	"testing"

	"guichet/gateway/stream/release"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// agreed is granted with an agreement $agr of the Lab's on $a.
func agreed(t *testing.T) *site {
	t.Helper()
	s := granted(t)
	w := s.want(201, "ada", "POST /requests", `{"project":"p","items":[{"dataset":"$a"}]}`)
	_, rest, _ := strings.Cut(w.Body.String(), `"agreement":"`)
	s.vars["agr"], _, _ = strings.Cut(rest, `"`)
	return s
}

// An agreement is read by its parties and those who oversee, and ended by its provider or
// an operator.
func TestAgreements(t *testing.T) {
	t.Parallel()
	s := agreed(t)
	w := s.want(
		200,
		"ada",
		"GET /agreements/$agr",
		"",
		`"id":"$agr"`,
		`"dataset":"$a"`,
		`"state":"active"`,
		`"provider":"https://holder.example"`,
	)
	if w.Header().Get("ETag") != `"1"` {
		t.Errorf("the ETag is %s", w.Header().Get("ETag"))
	}
	for _, who := range []string{"hal", "boss", "olga"} {
		s.want(200, who, "GET /agreements/$agr", "", `"id":"$agr"`)
		s.want(200, who, "GET /agreements", "", `"id":"$agr"`)
	}
	s.want(404, "sue", "GET /agreements/$agr", "", "there is no agreement $agr")
	s.want(200, "sue", "GET /agreements", "", `"items":[]`)
	s.want(401, "", "GET /agreements/$agr", "")
	s.want(401, "", "GET /agreements", "")
	s.want(200, "ada", "GET /agreements?dataset=$b", "", `"items":[]`)
	s.want(200, "ada", "GET /agreements?dataset=ds-none", "", `"items":[]`) // which is no secret, nor told
	s.want(404, "olga", "GET /agreements?dataset=ds-none", "", "there is no dataset ds-none")
	s.want(200, "olga", "GET /agreements?dataset=$b", "", `"items":[]`)

	end := "POST /agreements/$agr/revoke"
	why := `{"reason":"breach"}`
	for who, status := range map[string]int{"": 401, "ada": 403, "olga": 403, "sue": 404} {
		s.want(status, who, end, why)
	}
	s.want(422, "hal", end, `{"reason":"no"}`, `"pointer":"/reason"`)
	s.want(422, "hal", end, `{"why":"breach"}`, `"pointer":"/why"`, "this member is not known here", "reason is missing")
	w = s.want(200, "hal", end, why, `"state":"revoked"`, `"reason":"breach"`)
	if w.Header().Get("ETag") != `"2"` {
		t.Errorf("the ETag is %s", w.Header().Get("ETag"))
	}
	s.want(409, "boss", end, why, "the agreement was revoked already, on ")
	s.want(404, "boss", "POST /agreements/agr-none/revoke", why, "there is no agreement agr-none")
}

// A lease is minted for an agreement's trainer, attenuated by whoever bears it, and ended.
func TestLeases(t *testing.T) {
	t.Parallel()
	s := agreed(t)
	ask := `{"items":[{"agreement":"$agr"}]}`
	w := s.want(201, "ada", "POST /leases", ask, `"token":"lease-`, `"ends_at":`, `"one_part":false`, `"version":"v1"`)
	s.keep("token", w, "token")
	_, rest, _ := strings.Cut(w.Body.String(), `"id":"`)
	s.vars["lease"], _, _ = strings.Cut(rest, `"`)
	for who, status := range map[string]int{"": 401, "hal": 403, "sue": 404, "lost": 403} {
		s.want(status, who, "POST /leases", ask)
	}
	s.want(422, "ada", "POST /leases", `{}`, `"pointer":"/items"`, "name at least one agreement")
	s.want(
		422, "ada", "POST /leases", `{"items":[{"agreement":"$agr"},{"agreement":"$agr"}]}`, `"pointer":"/items/1/agreement"`, "is given twice",
	)
	s.want(
		422, "ada", "POST /leases", `{"items":[{"agreement":"$agr","table":"other"}]}`, `"pointer":"/items/0/table"`, `has no table "other"`,
	)
	s.want(422, "ada", "POST /leases", `{"items":[{"agreement":"$agr"}],"rank":0}`, `"pointer":"/world"`, "a rank is one of a world")
	s.want(422, "ada", "POST /leases", `{"items":[{"agreement":"$agr"}],"rank":-1}`, `"pointer":"/rank"`, "write a number of at least 0")
	s.want(422, "ada", "POST /leases", `{"items":[{"agreement":"$agr"}],"run":"run-none"}`, `"pointer":"/run"`)
	s.want(404, "ada", "POST /leases", `{"items":[{"agreement":"agr-none"}]}`, "there is no agreement agr-none")

	bearer := []string{"X-Lease", "$token"}
	s.wantWith(bearer, 201, "", "POST /leases", `{"rank":1,"world":4}`, `"parent":"$lease"`, `"rank":1`)
	s.wantWith(bearer, 403, "", "POST /leases", `{"project":"q"}`, "a lease can be narrowed, never widened: another project", "lease.wider")
	s.wantWith([]string{"X-Lease", "lease-x.00"}, 401, "", "POST /leases", `{}`, "the token is not a lease of this gateway")

	end := "POST /leases/$lease/revoke"
	why := `{"reason":"leaked"}`
	for who, status := range map[string]int{"": 401, "olga": 404, "sue": 404} {
		s.want(status, who, end, why)
	}
	s.want(422, "ada", end, `{"reason":""}`, `"pointer":"/reason"`)
	s.want(200, "ada", end, why, `"id":"$lease"`, `"reason":"leaked"`)
	s.want(409, "ada", end, why, "the lease was revoked already, on ")
	s.wantWith(bearer, 403, "", "POST /leases", `{}`, "the lease was revoked on ", "lease.revoked")
	refused := s.Entries(t, schemas.ChangeRefusal)
	found := false
	for _, e := range refused {
		found = found || e.Values["door"] == "http mint-lease" && e.Values["rule"] == "lease.partner" && e.Values["agreement"] == s.vars["agr"]
	}
	if !found {
		t.Errorf("who was refused a lease is not in the record: %+v", refused)
	}
}

// Runs are named by the partners of a project, and say what came out of them.
func TestRuns(t *testing.T) {
	t.Parallel()
	s := agreed(t)
	w := s.want(201, "ada", "POST /runs", `{"project":"p","external_id":"slurm-7"}`, `"factory":"f"`, `"external_id":"slurm-7"`)
	s.keep("run", w, "id")
	if w.Header().Get("Location") != s.filled("/api/v1/runs/$run") || w.Header().Get("ETag") != `"1"` {
		t.Errorf("the headers are %v", w.Header())
	}
	s.want(401, "", "POST /runs", `{"project":"p"}`)
	s.want(403, "lost", "POST /runs", `{"project":"p"}`, "your account belongs to no organisation yet")
	s.want(422, "hal", "POST /runs", `{"project":"p"}`, `"pointer":"/project"`, `you take part in no project "p"`)
	s.want(422, "ada", "POST /runs", `{"project":"p","factory":"g"}`, `"pointer":"/factory"`, `there is no factory "g"`)
	s.want(422, "ada", "POST /runs", `{}`, "project is missing")
	s.want(200, "ada", "GET /runs/$run", "", `"id":"$run"`)
	s.want(200, "olga", "GET /runs/$run", "")
	s.want(404, "hal", "GET /runs/$run", "", "there is no run $run")
	s.want(401, "", "GET /runs/$run", "")
	s.want(200, "ada", "GET /runs?project=p", "", `"id":"$run"`)
	s.want(200, "ada", "GET /runs?project=q", "", `"items":[]`)
	s.want(404, "boss", "GET /runs?project=q", "", "q")
	s.want(200, "ada", "GET /runs?limit=1", "", `"next":`)
	s.want(401, "", "GET /runs", "")

	digest := "sha256:" + strings.Repeat("0", 64)
	output := `{"kind":"model","name":"weights","digest":"` + digest + `"}`
	w = s.want(201, "ada", "POST /runs/$run/outputs", output, `"name":"weights"`)
	if w.Header().Get("ETag") != `"2"` {
		t.Errorf("the ETag is %s", w.Header().Get("ETag"))
	}
	s.want(201, "ada", "POST /runs/$run/outputs", output, `"revision":2`)
	s.want(403, "olga", "POST /runs/$run/outputs", output, "only partners of the run's project say what came out of it")
	s.want(404, "hal", "POST /runs/$run/outputs", output, "there is no run $run")
	s.want(422, "ada", "POST /runs/$run/outputs", strings.Replace(output, digest, "md5:0", 1), `"pointer":"/digest"`)
	s.want(422, "ada", "POST /runs/$run/outputs", strings.Replace(output, `"model"`, `"cake"`, 1), `"pointer":"/kind"`)

	end := "POST /runs/$run/end"
	for who, status := range map[string]int{"": 401, "lost": 403, "olga": 403, "hal": 404} {
		s.want(status, who, end, "")
	}
	for range 2 {
		s.want(200, "ada", end, "", `"revision":3`, `"ended":"`)
	}
	s.want(403, "ada", "POST /leases", `{"project":"p","items":[{"agreement":"$agr"}],"run":"$run"}`, "nothing is read in its name any more", "begin another run, or name none")
}

// What flows now is listed unless another state is asked for.
func TestStreams(t *testing.T) {
	t.Parallel()
	s := agreed(t)
	g, err := s.Grant(agreementtest.Lease(schemas.AgreementID(s.vars["agr"])), "")
	agreementtest.Must(t, err)
	r, tab, err := s.Releases.Begin(t.Context(), g, schemas.Release{MostRows: 10, MostBytes: 100}, release.ReadPlan{})
	agreementtest.Must(t, err)
	s.vars["rel"] = string(r.ID)
	for _, who := range []string{"ada", "hal", "olga"} {
		s.want(200, who, "GET /streams", "", `"id":"$rel"`, `"state":"open"`)
	}
	s.want(200, "sue", "GET /streams", "", `"items":[]`)
	s.want(401, "", "GET /streams", "")
	r.State, r.Rows = schemas.ReleaseComplete, 10
	agreementtest.Must(t, s.Releases.End(t.Context(), r, tab))
	s.want(200, "ada", "GET /streams", "", `"items":[]`)
	for _, query := range []string{"state=all", "state=complete", "state=all&agreement=$agr", "state=all&since=2020-01-01T00:00:00Z"} {
		s.want(200, "ada", "GET /streams?"+query, "", `"id":"$rel"`, `"rows":10`)
	}
	for _, query := range []string{"state=cut", "state=all&since=2090-01-01T00:00:00Z", "agreement=$agr"} {
		s.want(200, "ada", "GET /streams?"+query, "", `"items":[]`)
	}
	s.want(404, "ada", "GET /streams?agreement=agr-none", "", "agr-none")
	s.want(
		422, "ada", "GET /streams?state=flowing", "", `"pointer":"state"`, "use one of open, complete, cut, broken, abandoned, unknown, by-url, all",
	)
	s.want(422, "ada", "GET /streams?since=today", "", `"pointer":"since"`, "write an instant with its zone")
}
