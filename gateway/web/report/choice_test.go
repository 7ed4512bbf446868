package report

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"guichet/gateway/web/pagetest"
	"guichet/policy/report"
	"guichet/schemas"
)

// holds are the answers to somebody who has projects, datasets and runs.
func holds() map[string]any {
	return map[string]any{
		"GET /reports":  schemas.Page[report.Kind]{Items: report.Kinds()},
		"GET /projects": schemas.Page[schemas.Project]{Items: []schemas.Project{{ID: "one", Title: "Crops"}, {ID: "two", Title: "crops"}, {ID: "care", Title: "Care"}}},
		"GET /datasets": schemas.Found{Items: []schemas.Hit{{ID: "ds-1", Title: schemas.Text{"en": "Wheat", "fr": "Blé"}}}},
		"GET /runs": schemas.Page[schemas.Run]{Items: []schemas.Run{{ID: "run-1", ExternalID: "night-run",
			Outputs: []schemas.Output{{Kind: "model", Name: "weights", Digest: "sha256:aa"}, {Kind: "metrics", Name: "rows", Digest: "sha256:bb"}}}}},
		"GET /reports/training": map[string]any{"report": "training", "tables": []any{}, "checkpoint": map[string]any{"size": 7}},
	}
}

func officer() schemas.Identity {
	return schemas.Identity{Issuer: "https://login.example", Subject: "eve", Participant: "https://factory.example", Roles: []schemas.Role{schemas.RoleOfficer}}
}

// Each field proposes what there is, by what it is called in the reader's language; only models are proposed as such.
func TestProposed(t *testing.T) {
	t.Parallel()
	s := pagetest.New(t, officer(), holds(), Part())
	body := s.Shows(200, "GET /reports", nil, `<datalist id="projects">`, `<option value="care">Care</option>`, `<option value="ds-1">Wheat</option>`,
		`<option value="run-1">night-run</option>`, `<option value="sha256:aa">weights</option>`)
	s.Hides(body, "sha256:bb")
	s.ShowsTo(http.Header{"Accept-Language": {"fr"}}, 200, "GET /reports", nil, `<option value="ds-1">Blé</option>`)
	provider := officer()
	provider.Roles = []schemas.Role{schemas.RoleProvider}
	p := pagetest.New(t, provider, holds(), Part())
	p.Shows(200, "GET /reports/uses", nil, `list="datasets"`)
	if !strings.Contains(strings.Join(p.Asked, "\n"), "provider=https%3A%2F%2Ffactory.example") {
		t.Errorf("a provider is proposed what others provide: %q", p.Asked)
	}
	for _, path := range []string{"GET /projects", "GET /datasets", "GET /runs"} {
		s.Answers[path] = schemas.Refuse("role", "role.needed", "x", "this is not yours to read", "ask the operator")
	}
	s.Hides(s.Shows(200, "GET /reports", nil, "Uses of a dataset"), "<datalist", `list="`)
}

// What two are called is nobody's name; what is an id already stays.
func TestMeant(t *testing.T) {
	t.Parallel()
	s := pagetest.New(t, officer(), holds(), Part())
	s.Shows(http.StatusSeeOther, "GET /reports/training?run=Night-Run", nil)
	s.Answers["GET /reports/project"] = schemas.Errorf(schemas.NotFound, "project", "there is no project Crops")
	s.Shows(404, "GET /reports/project?project=Crops", nil, "nothing of this id", `value="Crops"`)
	s.Shows(200, "GET /reports/training?run=run-1", nil, "How to verify")
	s.Answers["GET /reports/sample"] = schemas.BadField("report", "seed", "the report sample needs it: any text")
	s.Shows(422, "GET /reports/sample?size=60", nil, "needs it")
	s.Answers["GET /datasets"] = schemas.BadField("search", "/q", "there is nothing to search for")
	s.Answers["GET /reports/uses"] = schemas.Errorf(schemas.NotFound, "x", "none")
	for _, said := range []string{"%22", "a+title+of+none", strings.Repeat("x", 401)} {
		s.Shows(404, "GET /reports/uses?dataset="+said, nil, "nothing of this id")
	}
}

// Codes are read as words, ids lead to their pages, and what is no id leads nowhere.
func TestCellsInWords(t *testing.T) {
	t.Parallel()
	answers := holds()
	answers["GET /reports/permits"] = map[string]any{"report": "permits", "parameters": []any{}, "checkpoint": map[string]any{"size": 7}, "tables": []any{map[string]any{
		"name": "permits", "title": "Permits", "source": "record", "rows": []any{[]any{"train-model", "revoked", "run-1", "req-1", "(erased)", "https://lab.example", "https://gone.example"}},
		"columns": []any{map[string]any{"name": "purpose"}, map[string]any{"name": "state"}, map[string]any{"name": "run"}, map[string]any{"name": "permit"},
			map[string]any{"name": "run"}, map[string]any{"name": "participant"}, map[string]any{"name": "provider"}}}}}
	answers["GET /names"] = map[string]any{"names": map[string]string{"https://lab.example": "The <b>Lab</b>"}}
	s := pagetest.New(t, officer(), answers, Part())
	body := s.Shows(200, "GET /reports/permits?dataset=ds-1", nil, "training, testing and evaluating algorithms", ">revoked<", `href="/runs/run-1"`, `href="/requests/req-1"`)
	s.Hides(body, `href="/runs/(erased)"`, ">train-model<")
	if !strings.Contains(body, `The &lt;b&gt;Lab&lt;/b&gt; <small class="id">https://lab.example</small>`) ||
		!strings.Contains(body, ">https://gone.example</td>") {
		t.Errorf("organisations are not called by their names: %s", body)
	}
	delete(answers, "GET /names") // then they are called by their ids
	s.Shows(200, "GET /reports/permits?dataset=ds-1", nil, ">https://lab.example</td>")
}

// A report proposes only what its own form asks for: nothing else is looked up for it.
func TestProposedOnlyWhereAsked(t *testing.T) {
	t.Parallel()
	for page, want := range map[string][]string{
		"/reports/processing": nil,
		"/reports/training":   {"/runs"},
		"/reports/uses":       {"/datasets"},
		"/reports/permits":    {"/datasets", "/projects"},
	} {
		s := pagetest.New(t, officer(), holds(), Part())
		answer := s.Answers["GET /reports/training"]
		s.Answers["GET /reports/processing"], s.Answers["GET /reports/permits"] = answer, answer
		s.Shows(200, "GET "+page, nil)
		asked := strings.Join(s.Asked, "\n")
		for _, path := range []string{"/runs", "/datasets", "/projects"} {
			if strings.Contains(asked, path+"?") && strings.Contains(asked, "limit=100") != slices.Contains(want, path) {
				t.Errorf("for %s it asks %q", page, s.Asked)
			}
		}
	}
}
