package record

import (
	"strings"
	"testing"
	"time"

	"guichet/gateway/web/pagetest"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// A request leads to its review, and by that to the agreement, which the record has before both.
func TestChainOfARequest(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	say := func(index int64, kind string, pairs ...string) schemas.Record {
		r := schemas.Record{Index: index, Kind: kind, At: at.Add(time.Duration(index) * time.Millisecond), Values: map[string]string{"dataset": "ds-1"}, Leaf: []byte("{}")}
		for i := 0; i < len(pairs); i += 2 {
			r.Values[pairs[i]] = pairs[i+1]
		}
		return r
	}
	records := []schemas.Record{
		say(7, schemas.ChangeRequest, "request", "req-1", "agreement", "", "state", "pending"),
		say(8, schemas.ChangeAgreement, "permit", "req-1", "agreement", "agr-1"),
		say(9, schemas.ChangeReview, "request", "req-1", "decision", "grant", "agreement", "agr-1", "purpose", "train-model"),
		say(10, schemas.ChangeRequest, "request", "req-2", "agreement", ""),
	}
	answers := map[string]any{
		"GET /audit/records":    schemas.Page[schemas.Record]{Items: records},
		"GET /audit/proofs/7":   []byte("c2sp.org/tlog-proof@v1\n"),
		"GET /audit/proofs/10":  []byte("c2sp.org/tlog-proof@v1\n"),
		"GET /audit/proofs/9":   []byte("c2sp.org/tlog-proof@v1\n"),
		"GET /agreements/agr-1": schemas.Errorf(schemas.NotFound, "agr-1", "there is no agreement agr-1"),
		"GET /datasets":         schemas.Found{},
	}
	s := pagetest.New(t, schemas.Identity{Subject: "eve", Participant: "https://factory.example", Roles: []schemas.Role{schemas.RoleOfficer}}, answers, Part())
	body := s.Shows(200, "GET /record/7", nil, "access asked for", "request reviewed", "agreement made")
	if asked, reviewed, made := strings.Index(body, `aria-current="true"`), strings.Index(body, `href="/record/9"`), strings.Index(body, `href="/record/8"`); asked > reviewed || reviewed > made {
		t.Errorf("asked at %d, reviewed at %d, agreed at %d:\n%s", asked, reviewed, made, body)
	}
	s.Hides(body, `href="/agreements/"`, "Digest of the decision")
	answers["GET /audit/records"] = schemas.Page[schemas.Record]{Items: []schemas.Record{records[3], records[0]}}
	s.Hides(s.Shows(200, "GET /record/10", nil, "access asked for"), `href="/record/7"`) // of another request
	answers["GET /audit/records"] = schemas.Page[schemas.Record]{Items: append([]schemas.Record{records[2]}, records...)}
	s.Shows(200, "GET /record/9", nil, `href="/record/7"`, `href="/record/8"`) // a review that granted names the agreement, its request does not
	if asked := strings.Join(s.Asked, "\n"); !strings.Contains(asked, "cursor=8&dataset=ds-1&kind=request%2Crequest.withdrawn%2Creview%2Cagreement&limit=200&order=newest") ||
		!strings.Contains(asked, "cursor=8&dataset=ds-1&kind=request%2Crequest.withdrawn%2Creview%2Cagreement&limit=200&order=oldest") {
		t.Errorf("the request is looked for by\n%s", asked)
	}
	answers["GET /audit/records"] = schemas.Page[schemas.Record]{Items: records[2:]}
	s.Hides(s.Shows(200, "GET /record/9", nil, "<dt>Answer</dt><dd><span dir=\"auto\">grant</span>", "training, testing and evaluating algorithms"), "Digest of the decision")
}

// The terms that decided are shown as they stood, and held against the digest that the record has.
func TestTermsAsTheyStood(t *testing.T) {
	t.Parallel()
	offer := schemas.Offer{Rules: []schemas.Rule{{ID: "reuse", Kind: schemas.Permission, Actions: []string{"use"}}}}
	digest, err := agreement.TermsDigest(&offer)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	values := map[string]string{"dataset": "ds-1", "agreement": "agr-1", "permit": "req-1", "terms": digest, "decision": "d1"}
	answers := map[string]any{
		"GET /audit/records":    schemas.Page[schemas.Record]{Items: []schemas.Record{{Index: 8, Kind: schemas.ChangeAgreement, At: at, Values: values, Leaf: []byte("{}")}}},
		"GET /audit/proofs/8":   []byte("c2sp.org/tlog-proof@v1\n"),
		"GET /agreements/agr-1": schemas.Agreement{ID: "agr-1", From: at, Offer: offer},
		"GET /datasets":         schemas.Found{},
	}
	s := pagetest.New(t, schemas.Identity{Subject: "eve", Participant: "https://factory.example", Roles: []schemas.Role{schemas.RoleOfficer}}, answers, Part())
	s.Shows(200, "GET /record/8", nil, "The terms as they stood", "<strong>reuse</strong>", "these are the terms that decided", `<a href="#terms">`)
	values["terms"] = "other"
	s.Shows(200, "GET /record/8", nil, "<strong>reuse</strong>", "they are not what was agreed", `<code class="long">other</code>`)
	trainer := pagetest.New(t, schemas.Identity{Subject: "tim", Participant: "https://lab.example", Roles: []schemas.Role{schemas.RoleTrainer}}, answers, Part())
	body := trainer.Shows(200, "GET /record/8", nil, "<strong>reuse</strong>", "no digest can be made", `<code class="long">other</code>`)
	if strings.Contains(body, "not what was agreed") {
		t.Errorf("names that are kept from a reader are said to be tampering:\n%s", body)
	}
	delete(answers, "GET /agreements/agr-1")
	answers["GET /agreements/agr-1"] = schemas.Errorf(schemas.NotFound, "agr-1", "there is no agreement agr-1")
	s.Shows(200, "GET /record/8", nil, "which you may not see", `<code class="long">other</code>`)
	delete(values, "terms")
	s.Shows(200, "GET /record/8", nil, "Terms are kept in words with an agreement alone", `<code class="long">d1</code>`)
}

// A filter that the form does not show is said, with the way out of it.
func TestNarrowed(t *testing.T) {
	t.Parallel()
	s := pagetest.New(t, schemas.Identity{Subject: "eve", Participant: "https://factory.example", Roles: []schemas.Role{schemas.RoleOfficer}},
		map[string]any{"GET /audit/records": schemas.Page[schemas.Record]{}}, Part())
	s.Shows(200, "GET /record?run=run-1&kind=release.end&from=30%2F11%2F2026", nil, `<a href="/record?from=30%2F11%2F2026&amp;kind=release.end">`, "run-1")
	if !strings.Contains(strings.Join(s.Asked, "\n"), "from=2026-11-30T00%3A00%3A00Z") {
		t.Errorf("the day is asked for as %q", s.Asked)
	}
}

// Everything that the record has is called by words.
func TestEveryKindHasWords(t *testing.T) {
	t.Parallel()
	s := pagetest.New(t, schemas.Identity{Subject: "eve", Participant: "https://factory.example", Roles: []schemas.Role{schemas.RoleOfficer}},
		map[string]any{"GET /audit/records": schemas.Page[schemas.Record]{}}, Part())
	body := s.Shows(200, "GET /record", nil)
	for _, kind := range schemas.ChangeKinds() {
		if strings.Contains(body, `<option value="`+kind+`">`+kind+`<`) {
			t.Errorf("%s is shown as it is", kind)
		}
	}
}
