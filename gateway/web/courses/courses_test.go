package courses

import (
	"net/http"
	"strings"
	"testing"

	"guichet/gateway/web/pagetest"
	"guichet/schemas"
)

func person(roles ...schemas.Role) schemas.Identity {
	return schemas.Identity{Issuer: "https://login.example", Subject: "ada", Participant: "https://acme.example", Roles: roles}
}

var french = http.Header{"Accept-Language": {"fr"}}

// had are the answers to a trainer who has everything.
func had() map[string]any {
	return map[string]any{
		"GET /projects": schemas.Page[schemas.Project]{Items: []schemas.Project{
			{ID: "other", Title: "Other"}, {ID: "playground-acme.example", Title: "Playground"}}},
		"GET /requests": schemas.Page[schemas.Request]{Items: []schemas.Request{{ID: "req-1"}}},
		"GET /agreements": schemas.Page[schemas.Agreement]{Items: []schemas.Agreement{
			{ID: "agr-of-others", Project: "theirs", State: schemas.AgreementActive},
			{ID: "agr-ended", Project: "playground-acme.example", State: schemas.AgreementRevoked},
			{ID: "agr-1", Project: "playground-acme.example", Dataset: "ds-1", State: schemas.AgreementActive}}},
		"GET /streams":  schemas.Page[schemas.Release]{Items: []schemas.Release{{}}},
		"GET /datasets": schemas.Found{Items: []schemas.Hit{{ID: "ds-1", Title: schemas.Text{"en": "Wheat"}, Version: "v1"}}},
	}
}

// Whoever has nothing is led to what she lacks, and reads the course all the same.
func TestNobody(t *testing.T) {
	t.Parallel()
	s := pagetest.New(t, schemas.Identity{}, map[string]any{"GET /datasets": schemas.Found{}}, Part())
	s.Shows(200, "GET /help", nil, `href="/help/find"`, `href="/help/operate"`, "Take this course: Find data")
	body := s.Shows(200, "GET /help/find", nil, "Do step 4", `href="/datasets"`)
	s.Hides(body, "Sign in first")
	for _, id := range []string{"ask", "stream", "publish", "verify", "operate"} {
		s.Shows(200, "GET /help/"+id, nil, "Sign in first", `href="/signin?to=/help/`+id+`"`, "Do step 3")
	}
	s.Shows(404, "GET /help/nothing", nil, "there is no course of that name")
	s.ShowsTo(french, 404, "GET /help/nothing", nil, "il n’y a pas de cours de ce nom")
}

// A trainer takes them on her own project, dataset and agreement, and sees what she did.
func TestTrainer(t *testing.T) {
	t.Parallel()
	s := pagetest.New(t, person(schemas.RoleTrainer), had(), Part())
	s.Shows(200, "GET /help/find", nil, `href="/datasets?access=now&amp;project=playground-acme.example"`, `href="/datasets/ds-1/sample"`)
	body := s.Shows(200, "GET /help/ask", nil, `href="/datasets/ds-1/ask?project=playground-acme.example"`, "Done:",
		"guichet request ds-1 --project playground-acme.example", "Your project for this: playground-acme.example", "Wheat")
	s.Hides(body, "Still to do", "Sign in first", "theirs", "aria-current=\"step\"")
	body = s.Shows(200, "GET /help/stream", nil, `href="/agreements/agr-1"`, "guichet mount agr-1 data")
	s.Hides(body, "Still to do", "agr-of-others", "agr-ended")
	for _, asked := range s.Asked {
		if strings.HasPrefix(asked, "GET /datasets?") && !strings.Contains(asked, "id=ds-1") {
			t.Errorf("the dataset of the agreement is looked for by %s", asked)
		}
	}

	s.Answers["GET /streams"] = schemas.Page[schemas.Release]{}
	body = s.Shows(200, "GET /help/stream", nil, "Still to do:")
	i := strings.Index(body, `aria-current="step"`)
	if i < strings.Index(body, "Do step 2") || i > strings.Index(body, "Copy the lines") {
		t.Errorf("the step to be done next is not marked: %s", body)
	}
	s.Answers["GET /agreements"], s.Answers["GET /requests"] = schemas.Page[schemas.Agreement]{}, schemas.Page[schemas.Request]{}
	s.Shows(200, "GET /help/ask", nil, "Still to do:")
	s.Shows(200, "GET /help/stream", nil, "This wants an agreement", `href="/help/ask"`, "AGREEMENT")
	s.Answers["GET /projects"] = schemas.Page[schemas.Project]{}
	s.Shows(200, "GET /help/ask", nil, "This wants a project", `href="/join"`, "--project PROJECT")
	s.Answers["GET /datasets"] = schemas.Errorf(schemas.Unavailable, "index", "the search index is being rebuilt")
	s.Shows(503, "GET /help/find", nil, "is being rebuilt")
}

// A provider takes hers on the dataset that she changed last.
func TestProvider(t *testing.T) {
	t.Parallel()
	answers := had()
	answers["GET /datasets/ds-1"] = schemas.Dataset{ID: "ds-1", Title: schemas.Text{"en": "Wheat"}}
	s := pagetest.New(t, person(schemas.RoleProvider), answers, Part())
	s.Shows(200, "GET /help/publish", nil, `href="/provide/ds-1/terms"`, "guichet publish ds-1", "Still to do:", "Done:")
	s.Answers["GET /datasets"] = schemas.Found{}
	s.Shows(200, "GET /help/publish", nil, `href="/provide/new"`, "guichet publish DATASET")
	s.Shows(200, "GET /help/operate", nil, "This is for who runs the counter")
	s.ShowsTo(french, 200, "GET /help/ask", nil, "Il faut un projet", "Faire l’étape 1")
	pagetest.New(t, person(schemas.RoleTrainer), had(), Part()).Shows(200, "GET /help/publish", nil, "This is for who provides data")
}

// Without a playground a course is taken on the project of the agreement that it uses, and else on one that trains models.
func TestWhichProject(t *testing.T) {
	t.Parallel()
	projects := schemas.Page[schemas.Project]{Items: []schemas.Project{
		{ID: "ads", Purposes: []string{"marketing"}}, {ID: "care", Purposes: []string{"statistics"}}, {ID: "crops", Purposes: []string{"train-model"}}}}
	for project, agreements := range map[string][]schemas.Agreement{
		"crops": nil,
		"care":  {{ID: "agr-1", Project: "care", Dataset: "ds-1", State: schemas.AgreementActive}},
	} {
		answers := had()
		answers["GET /projects"], answers["GET /agreements"] = projects, schemas.Page[schemas.Agreement]{Items: agreements}
		s := pagetest.New(t, person(schemas.RoleTrainer), answers, Part())
		s.Hides(s.Shows(200, "GET /help/ask", nil, "project="+project), "project=ads")
	}
}

// No line stands before the one that it needs: the program is named, then signed in, then used; the kit is installed, then imported.
func TestLinesInTheirOrder(t *testing.T) {
	t.Parallel()
	s := pagetest.New(t, person(schemas.RoleTrainer), had(), Part())
	for _, c := range []struct{ course, line string }{{"find", "guichet search wheat"}, {"ask", "guichet explain"}, {"stream", "guichet stream agr-1"}} {
		body := s.Shows(200, "GET /help/"+c.course, nil, "bin/guichet", "--issuer https://login.example", c.line)
		if made, login, line := strings.Index(body, "make build"), strings.Index(body, "guichet login --server"), strings.Index(body, c.line); made > login || login > line {
			t.Errorf("%s: made at %d, signed in at %d, used at %d", c.course, made, login, line)
		}
	}
	body := s.Shows(200, "GET /help/stream", nil, "The same in Python", "/kit/guichet-", ".whl", "import guichet")
	if strings.Index(body, "/kit/guichet-") > strings.Index(body, "import guichet") {
		t.Error("the kit is imported before it is installed")
	}
}
