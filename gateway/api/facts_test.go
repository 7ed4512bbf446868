package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"guichet/connectors/db"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/usage"
	"guichet/schemas"
)

// facts gives what is told beside a hit, and beside the dataset itself, which must be the same.
func (s *site) facts(who, name string) schemas.Facts {
	s.t.Helper()
	_, found := s.hits(who, "q=north")
	var of *schemas.Facts
	for _, h := range found.Items {
		if string(h.ID) == s.vars[name] {
			of = &h.Facts
		}
	}
	var d schemas.Dataset
	agreementtest.Must(s.t, json.Unmarshal(s.want(200, who, "GET /datasets/$"+name, "").Body.Bytes(), &d))
	if of == nil || d.Facts == nil {
		s.t.Fatalf("%s: beside the hit %+v, beside the dataset %+v", name, of, d.Facts)
	}
	a, errA := json.Marshal(of)
	b, errB := json.Marshal(d.Facts)
	if errA != nil || errB != nil || string(a) != string(b) {
		s.t.Errorf("%s: beside the hit %s, beside the dataset %s", name, a, b)
	}
	return *of
}

// TestFacts: hits say when the data changed, how many runs read it, how long an answer takes; from
// five on, and nothing of what not everybody may see.
func TestFacts(t *testing.T) {
	t.Parallel()
	s := shop(t)
	if f := s.facts("ada", "rye"); f.Updated.IsZero() || f.Runs != 0 || f.Wait != nil {
		t.Fatalf("at first %+v", f)
	}
	run := func(n int) {
		agreementtest.Must(t, s.World.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			var errs []error
			for _, name := range []string{"rye", "wheat"} {
				errs = append(errs, usage.Read(ctx, tx, schemas.DatasetID(s.vars[name]), schemas.RunID(fmt.Sprint("run-", n))))
			}
			return errors.Join(errs...)
		}))
	}
	for i := range usage.Few {
		if f := s.facts("ada", "rye"); f.Runs != 0 || f.Wait != nil {
			t.Fatalf("after %d: %+v", i, f)
		}
		s.keep("asked", s.want(201, "ada", "POST /requests", `{"project":"p","items":[{"dataset":"$rye"}]}`, `"state":"pending"`), "id")
		decision := "grant"
		if i%2 == 1 {
			decision = "refuse"
		}
		s.want(200, "hal", "POST /requests/$asked/review", `{"decision":"`+decision+`","reason":"of course"}`)
		run(i)
	}
	want := schemas.Wait{Hours: 1, Answers: usage.Few, Of: schemas.WaitOfDataset}
	if f := s.facts("ada", "rye"); f.Runs != usage.Few || f.Wait == nil || *f.Wait != want {
		t.Errorf("after %d: %+v", usage.Few, f)
	}
	want.Of = schemas.WaitOfProvider
	if f := s.facts("", "wheat"); f.Runs != usage.Few || f.Wait == nil || *f.Wait != want {
		t.Errorf("of the same provider: %+v", f)
	}
	s.want(200, "hal", "PUT /datasets/$rye", strings.Replace(strings.Replace(wheat, `"Wheat"`, `"Rye of the north"`, 1), "{", `{"visibility":"signed-in",`, 1),
		`"visibility":"signed-in"`)
	s.settle()
	if f := s.facts("ada", "rye"); f.Runs != 0 || f.Wait != nil || f.Updated.IsZero() {
		t.Errorf("what not everybody may see: %+v", f)
	}
	if f := s.facts("ada", "wheat"); f.Wait != nil {
		t.Errorf("it moves others: %+v", f)
	}
	stored, _, err := db.Get[schemas.Dataset](t.Context(), s.World.DB, "dataset", s.vars["rye"])
	if err != nil || stored.Facts != nil {
		t.Errorf("stored are %+v, %v", stored.Facts, err)
	}
}

// TestAccessRights: a hit that is held elsewhere says who gets it, where its holder does not give it to all.
func TestAccessRights(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for right, says := range map[string]string{"PUBLIC": "", "RESTRICTED": "to some, under conditions", "NON_PUBLIC": "not public", "": ""} {
		rdf := ""
		if right != "" {
			rdf = `"rdf":"<> dct:accessRights <http://publications.europa.eu/resource/authority/access-right/` + right + `> .",`
		}
		body := strings.Replace(wheat, "{", `{"contact":"ask@x.example","links":[{"url":"https://x.example/`+right+`"}],`+rdf, 1)
		s.keep("set", s.want(201, "hal", "POST /datasets", body), "id")
		s.settle()
		_, found := s.hits("ada", "q=wheat")
		for _, h := range found.Items {
			if string(h.ID) != s.vars["set"] {
				continue
			}
			var texts []string
			for _, r := range h.Reasons {
				texts = append(texts, r.Text+" "+r.Remedy)
			}
			got := strings.Join(texts, "\n")
			if h.Access != schemas.MarkElsewhere || !strings.Contains(got, says) || strings.Contains(got, "ask@x.example") != (says != "") {
				t.Errorf("%s: %s, %s", right, h.Access, got)
			}
		}
	}
}

// TestBeside: countries that a document does not name are said beside it, or follow from its regions.
func TestBeside(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const fields = `{"id": %q, "title": "Fields", "owner_org": "o", "license_id": "CC-BY-4.0", "resources": [], "extras": [{"key": "spatial", "value": %q}]}`
	box := fmt.Sprintf(fields, "a", "2.5 49.5 6.4 51.5")
	s.want(422, "hal", "POST /datasets?space=agriculture", box, `"pointer":"/countries"`, "a geometry names no country", "--country FR, ?country=FR")
	s.want(422, "hal", "POST /datasets?space=agriculture&country=Narnia", box, `"pointer":"/countries/0"`, "is not a country's code")
	s.keep("a", s.want(201, "hal", "POST /datasets?space=agriculture&country=BE,France", box, `"countries":["BE","FR"]`, `"box":[2.5,49.5,6.4,51.5]`), "id")
	s.want(201, "hal", "POST /datasets?space=agriculture&country=FR", fmt.Sprintf(fields, "b", "Belgium"), `"countries":["BE"]`)
	s.want(201, "hal", "POST /datasets?space=agriculture", fmt.Sprintf(fields, "c", "http://data.europa.eu/nuts/code/EL303"), `"countries":["GR"]`, `"regions":["EL303"]`)
	s.want(422, "hal", "PUT /datasets/$a", box, `"pointer":"/countries"`)
	s.want(200, "hal", "PUT /datasets/$a?country=NL", box, `"countries":["NL"]`)
}
