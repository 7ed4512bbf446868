package rights

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// Whom each right lets in: the table, role by role.
func TestRights(t *testing.T) {
	t.Parallel()
	member := func(roles ...schemas.Role) schemas.Principal {
		return agreementtest.Person("x", "https://x.example", roles...)
	}
	who := map[string]schemas.Principal{
		"stranger": {},
		"lost":     {Issuer: "i", Subject: "x"},
		"member":   member(),
		"trainer":  member(schemas.RoleTrainer),
		"provider": member(schemas.RoleProvider),
		"operator": member(schemas.RoleOperator),
		"officer":  member(schemas.RoleOfficer),
	}
	everybody := []string{"lost", "member", "officer", "operator", "provider", "stranger", "trainer"}
	for id, want := range map[string][]string{
		"dry-run": everybody, "mint-lease": {"trainer"}, "stage-copy": {"trainer"}, "open-copy": {"trainer"}, "hand-back-reads": {"trainer"},
		"register-dataset": {"provider"}, "change-dataset": {"provider"},
		"put-offer": {"provider"}, "try-offer": {"provider"},
		"withdraw-dataset": {"provider"}, "withdraw-version": {"provider"}, "withdraw-distributions": {"provider"}, "publish-version": {"provider"}, "put-participant": {"operator"},
		"stop-participant": {"operator", "provider"}, "unstop-participant": {"operator"}, "put-project": {"operator", "trainer"},
		"put-factory": {"operator"}, "put-store": {"operator"}, "submit-request": {"trainer"}, "review-request": {"provider"},
		"revoke-agreement": {"operator", "provider"}, "erase-values": {"officer"}, "revoke-lease": {"operator", "provider", "trainer"},
		"put-source": {"operator"}, "set-apart": {"operator", "provider"}, "take-back-apart": {"operator", "provider"},
		"start-run":  {"member", "officer", "operator", "provider", "trainer"},
		"add-output": {"member", "officer", "operator", "provider", "trainer"},
	} {
		right, ok := All()[id]
		var in []string
		for name, by := range who {
			err := right.Check(by)
			if err == nil {
				in = append(in, name)
				continue
			}
			kind := schemas.Denied
			if name == "stranger" {
				kind = schemas.Unauthenticated
			}
			agreementtest.Refused(t, id+" by "+name, err, kind, right.What)
		}
		slices.Sort(in)
		if d := cmp.Diff(want, in); d != "" || !ok {
			t.Errorf("%s is open to (-want +got):\n%s", id, d)
		}
	}
	for id, right := range All() {
		brake := slices.Contains([]string{"withdraw-dataset", "withdraw-version", "withdraw-distributions", "stop-participant", "revoke-agreement", "revoke-lease",
			"withdraw-invitation", "remove-member"}, id)
		if right.Brake != brake || right.Lease != slices.Contains([]string{"mint-lease", "stage-copy", "open-copy", "hand-back-reads", "give-ranges"}, id) ||
			right.Bytes != (id == "give-ranges") {
			t.Errorf("%s: %+v", id, right)
		}
	}
	guest := schemas.Principal{Issuer: "i", Subject: "ada"}
	for _, id := range []string{"ask-to-join", "withdraw-asking", "look-at-invitation", "accept-invitation", "save-search",
		"look-at-search", "remove-search"} {
		if err := All()[id].Check(guest); err != nil {
			t.Errorf("%s by a guest: %v", id, err)
		}
		agreementtest.Refused(t, id+" by nobody", All()[id].Check(schemas.Principal{}), schemas.Unauthenticated, All()[id].What)
	}
	for _, id := range []string{"invite", "remove-member", "withdraw-invitation", "answer-application"} {
		agreementtest.Refused(t, id+" by a guest", All()[id].Check(guest), schemas.Denied, All()[id].What)
	}
	none := Right{}
	for name, by := range who {
		agreementtest.Refused(t, "give-ranges by "+name, All()["give-ranges"].Check(by), schemas.Unauthenticated, "lease")
		if none.Check(by) == nil {
			t.Errorf("an operation that is not listed is open to %s", name)
		}
	}
}

// A gate finds an operation by its route, as gin writes it, and none where there is none.
func TestGate(t *testing.T) {
	t.Parallel()
	g := NewGate()
	g.Add("PUT", "/datasets/{id}/apart/{other}", "set-apart")
	g.Add("POST", "/nobody", "is-not-listed")
	right, ok := g.Right("PUT", "/datasets/:id/apart/:other")
	if !ok || right.What != "say that datasets are apart" {
		t.Errorf("%+v, %v", right, ok)
	}
	if right, ok = g.Right("POST", "/nobody"); !ok || right.Check(schemas.Principal{Participant: "https://x.example"}) == nil {
		t.Errorf("what is not listed is open: %+v, %v", right, ok)
	}
	if _, ok = g.Right("GET", "/datasets/:id/apart/:other"); ok {
		t.Error("a route that is not there has a right")
	}
}
