package gateway_test

import (
	"slices"
	"testing"

	"guichet/schemas"
)

// A reviewer reads before the yes in which joint domain her columns join, with whom, and
// with how many other items of the request; the asker reads with which. A provider who
// names a domain that does not name her joins with nobody.
func TestJointDomainsAreShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	offer := func(domain string, with ...schemas.ParticipantID) schemas.Offer {
		d := schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"id"}, Domain: domain}
		for _, p := range with {
			d.With = append(d.With, string(p))
		}
		o := permit(nil, d)
		o.Review = true
		return o
	}
	var ids []schemas.DatasetID
	put := func(who, title string, o schemas.Offer) {
		var d schemas.Dataset
		s.want(201, who, "POST", "/datasets", wheat(title)).as(t, &d)
		s.want(200, who, "PUT", "/datasets/"+string(d.ID)+"/offer", o)
		s.publish(d.ID)
		ids = append(ids, d.ID)
	}
	put("agronomy", "Ours", offer("cohort", otherOrg))
	put("grid", "Theirs", offer("cohort", providerOrg))
	put("grid", "One-sided", offer("cohort"))
	put("agronomy", "Alone", offer(""))
	var r schemas.Request
	items := []map[string]any{}
	for _, id := range ids {
		items = append(items, map[string]any{"dataset": id})
	}
	s.want(201, "trainer", "POST", "/requests", map[string]any{"project": "crops", "items": items}).as(t, &r)
	check := func(who string, r schemas.Request, others int) {
		t.Helper()
		for _, it := range r.Items {
			switch i := slices.Index(ids, it.Dataset); {
			case i < 2:
				j := it.Joins
				if len(j) != 1 || j[0].Domain != "cohort" || !slices.Equal(j[0].Parties, []schemas.ParticipantID{providerOrg, otherOrg}) ||
					!slices.Equal(j[0].Columns, []string{"id"}) || len(j[0].Items) != 1-others || j[0].Others != others || others == 0 && j[0].Items[0] != ids[1-i] {
					t.Errorf("%s reads of item %d: %+v", who, i, j)
				}
			case i == 2:
				if len(it.Joins) != 1 || len(it.Joins[0].Items)+it.Joins[0].Others != 0 || len(it.Joins[0].Parties) != 1 {
					t.Errorf("%s reads of a one-sided domain: %+v", who, it.Joins)
				}
			case len(it.Joins) != 0:
				t.Errorf("%s reads of an item without domain: %+v", who, it.Joins)
			}
		}
	}
	check("trainer", r, 0)
	for _, who := range []string{"agronomy", "grid"} {
		var theirs schemas.Request
		s.want(200, who, "GET", "/requests/"+string(r.ID), nil).as(t, &theirs)
		if len(theirs.Items) != 2 {
			t.Fatalf("%s reads %d items", who, len(theirs.Items))
		}
		check(who, theirs, 1)
		s.want(200, who, "POST", "/requests/"+string(r.ID)+"/review", map[string]any{"decision": "grant", "reason": "as agreed"})
	}
	s.want(200, "trainer", "GET", "/requests/"+string(r.ID), nil).as(t, &r)
	check("trainer", r, 0)
	var a schemas.Agreement
	s.want(200, "trainer", "GET", "/agreements/"+string(r.Items[0].Agreement), nil).as(t, &a)
	if a.Pseudonyms != schemas.Pseudonyms || len(a.Obligations) == 0 || a.Obligations[0].Domain != "cohort" || len(a.Obligations[0].With) != 2 {
		t.Errorf("the agreement says %d, %+v", a.Pseudonyms, a.Obligations)
	}
}
