package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"guichet/schemas"
)

// unkeepable are terms that cannot be carried out on the table of publish: an int64 id
// and a text crop.
func unkeepable() map[string][]schemas.Duty {
	filter := func(column, op string, values ...string) []schemas.Duty {
		return []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: column, Op: op, Values: values}}}
	}
	coarse := func(column, to string) []schemas.Duty {
		return []schemas.Duty{{Kind: schemas.DutyGeneralise, Columns: []string{column}, To: to}}
	}
	return map[string][]schemas.Duty{
		"a word for a number":    filter("id", "lt", "ten"),
		"a filter's column":      filter("harvest", "eq", "2"),
		"a number as a date":     coarse("id", "month"),
		"a word as a width":      coarse("crop", "10"),
		"a number's first runes": coarse("id", "first:2"),
		"a column to coarsen":    coarse("harvest", "year"),
		"a column to hide":       {{Kind: schemas.DutyHide, Columns: []string{"harvest"}}},
		"nothing left":           {{Kind: schemas.DutyHide, Columns: []string{"id", "crop"}}},
	}
}

// An offer that could not be carried out on what is published is refused, with a pointer
// to the duty; put before anything was published, every request on it is refused,
// naming who must mend it, and mark and dry run say so before.
func TestTermsMustBeKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	published := s.offered("Published before", "application/json", permit(nil))
	for name, duties := range unkeepable() {
		offer := permit(nil, append([]schemas.Duty{{Kind: schemas.DutyAttribute, Text: "Agronomy"}}, duties...)...)
		r := s.want(422, "agronomy", "PUT", "/datasets/"+string(published.ID)+"/offer", offer)
		if !strings.Contains(r.body, `"/rules/0/duties/1`) || strings.Contains(r.body, "invalid filter") {
			t.Errorf("%s: the offer is refused without a pointer, or in twice the words: %s", name, r.body)
		}
		d := s.offered("Published after: "+name, "application/json", offer)
		s.refusedEverywhere(name, d.ID)
	}
	apart := permit(nil, schemas.Duty{Kind: schemas.DutyGeneralise, Columns: []string{"id"}, To: "10"})
	apart.Rules = append(apart.Rules, permit(nil, schemas.Duty{Kind: schemas.DutyGeneralise, Columns: []string{"id"}, To: "15"}).Rules...)
	s.refusedEverywhere("two rules apart", s.offered("Two rules", "application/json", apart).ID)
	s.want(200, "agronomy", "PUT", "/datasets/"+string(published.ID)+"/offer", permit(nil,
		schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "id", Op: "lt", Values: []string{"10"}}},
		schemas.Duty{Kind: schemas.DutyGeneralise, Columns: []string{"crop"}, To: "first:2"}))
	if r := s.asked(published.ID, nil); r.State != schemas.RequestGranted {
		t.Errorf("terms that can be kept: the request is %s: %+v", r.State, r.Items[0].Decision)
	}
}

// refusedEverywhere: request, dry run and mark say the same no.
func (s *site) refusedEverywhere(name string, id schemas.DatasetID) {
	s.t.Helper()
	r := s.asked(id, nil)
	reasons := r.Items[0].Decision.Reasons
	if r.State != schemas.RequestRefused || len(reasons) != 1 || !strings.Contains(reasons[0].Remedy, string(providerOrg)) {
		s.t.Errorf("%s: the request is %s: %+v", name, r.State, reasons)
		return
	}
	if dry := s.decided("trainer", schemas.Ask{Dataset: id, Project: "crops"}); dry.Verdict != schemas.VerdictNo || fmt.Sprint(dry.Reasons) != fmt.Sprint(reasons) {
		s.t.Errorf("%s: the dry run says %s: %+v, the request %+v", name, dry.Verdict, dry.Reasons, reasons)
	}
	s.settle()
	var found struct {
		Items []struct {
			ID     schemas.DatasetID
			Access schemas.Mark
		}
	}
	s.want(200, "trainer", "GET", "/datasets?limit=1000&project=crops", nil).as(s.t, &found)
	for _, it := range found.Items {
		if it.ID == id && it.Access != schemas.MarkNo {
			s.t.Errorf("%s: it is marked %s", name, it.Access)
		}
	}
}

// A health dataset whose description says that a column identifies persons, and whose
// version has no such column, is refused by the dry run as by the request; so is a
// column that the terms hide.
func TestDryRunAsksLikeARequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.want(201, "operator", "POST", "/factories", schemas.Factory{ID: "vault", Name: "Vault", Country: "FR", Secure: true})
	in := wheat("Patients")
	in.Space = "health"
	in.Tables = []schemas.TableInfo{{Name: "data", Fields: []schemas.Field{{Name: "id", Type: "int64"}, {Name: "SSN", Type: "text", Sensitivity: "identifies"}}}}
	d := s.register(in)
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", permit(nil))
	s.publish(d.ID)
	dry := s.decided("trainer", schemas.Ask{Dataset: d.ID, Project: "crops", Factory: "vault"})
	r := s.asked(d.ID, map[string]any{"factory": "vault"})
	if dry.Verdict != schemas.VerdictNo || r.State != schemas.RequestRefused || fmt.Sprint(dry.Reasons) != fmt.Sprint(r.Items[0].Decision.Reasons) || !strings.Contains(fmt.Sprint(dry.Reasons), "SSN") {
		t.Errorf("the dry run says %s: %+v; the request is %s: %+v", dry.Verdict, dry.Reasons, r.State, r.Items[0].Decision.Reasons)
	}
	hidden := s.offered("Hidden", "application/json", permit(nil, schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"crop"}}))
	for column, want := range map[string]schemas.Verdict{"id": schemas.VerdictYes, "crop": schemas.VerdictNo} {
		dry := s.decided("trainer", schemas.Ask{Dataset: hidden.ID, Project: "crops", Columns: []string{column}})
		r := s.asked(hidden.ID, map[string]any{"items": []map[string]any{{"dataset": hidden.ID, "columns": []string{column}}}})
		if dry.Verdict != want || r.Items[0].Decision.Verdict != want {
			t.Errorf("column %s: the dry run says %s %v, the request %s %v, want %s", column, dry.Verdict, dry.Reasons, r.State, r.Items[0].Decision.Reasons, want)
		}
	}
	s.want(422, "trainer", "POST", "/decisions", schemas.Ask{Dataset: hidden.ID, Project: "crops", Columns: []string{"nopecol"}})
}
