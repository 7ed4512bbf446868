package api

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"guichet/policy/agreement/agreementtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

// records reads a page of the record and gives its kinds.
func (s *site) records(who, query string) (kinds []string, page schemas.Page[schemas.Record]) {
	s.t.Helper()
	w := s.want(200, who, "GET /audit/records"+query, "")
	agreementtest.Must(s.t, json.Unmarshal(w.Body.Bytes(), &page))
	for _, r := range page.Items {
		kinds = append(kinds, r.Kind)
	}
	return kinds, page
}

// Officers read every record, others what they provide, receive or did; by kind, noun and
// time; and who sees all is told of what does not exist.
func TestRecords(t *testing.T) {
	t.Parallel()
	s := agreed(t)
	all, page := s.records("olga", "?limit=1000&whole=true")
	if len(all) < 10 || all[0] != schemas.ChangeLogStart || page.Next != "" {
		t.Errorf("an officer reads %v", all)
	}
	mine, _ := s.records("ada", "?limit=1000")
	if len(mine) == 0 || len(mine) >= len(all) {
		t.Errorf("a trainer reads %d of %d records", len(mine), len(all))
	}
	none, _ := s.records("sue", "?kind=agreement")
	if len(none) != 0 {
		t.Errorf("who takes no part reads %v", none)
	}
	for query, want := range map[string]string{
		"?kind=agreement":                           "agreement",
		"?kind=agreement,request&limit=1":           "agreement",
		"?agreement=$agr&kind=agreement":            "agreement",
		"?dataset=$a&kind=agreement":                "agreement",
		"?project=p&kind=request":                   "request",
		"?participant=https://lab.example":          "",
		"?from=2020-01-01T00:00:00Z&kind=log.start": "log.start",
	} {
		kinds, _ := s.records("olga", query)
		if len(kinds) == 0 || want != "" && kinds[0] != want {
			t.Errorf("%s: %v, want %s", query, kinds, want)
		}
	}
	if kinds, _ := s.records("olga", "?to=2020-01-01T00:00:00Z"); len(kinds) != 0 {
		t.Errorf("before there was anything: %v", kinds)
	}
	_, first := s.records("olga", "?limit=2")
	_, rest := s.records("olga", "?limit=2&cursor="+first.Next)
	if first.Next != strconv.FormatInt(first.Items[1].Index+1, 10) || rest.Items[0].Index != first.Items[1].Index+1 {
		t.Errorf("page two begins at %d after %s", rest.Items[0].Index, first.Next)
	}
	s.want(401, "", "GET /audit/records", "", "to read the record")
	s.want(403, "lost", "GET /audit/records", "", "to read the record needs the role officer")
	s.want(403, "ada", "GET /audit/records?whole=true", "", "to verify the whole record needs the role officer")
	for query, wants := range map[string][]string{
		"kind=nothing":    {`"pointer":"kind"`, `"nothing" is not a kind of record; there are `},
		"cursor=x":        {`"pointer":"cursor"`, "this is not a valid cursor; take next as it came"},
		"cursor=-1":       {`"pointer":"cursor"`},
		"from=today":      {`"pointer":"from"`, "write an instant with its zone"},
		"limit=0":         {`"pointer":"limit"`},
		"kinds=agreement": {"kinds"},
		"from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z": {`"pointer":"from"`, "from 2026-01-02T00:00:00Z is after to 2026-01-01T00:00:00Z"},
	} {
		s.want(422, "olga", "GET /audit/records?"+query, "", wants...)
	}
	for query, text := range map[string]string{"dataset=ds-none": "there is no dataset ds-none",
		"participant=https://nobody.example": "nobody.example",
		"project=q":                          "q", "agreement=agr-none": "agr-none", "run=run-none": "run-none"} {
		s.want(404, "olga", "GET /audit/records?"+query, "", text)
		s.want(200, "ada", "GET /audit/records?"+query, "", `"items":[]`) // who does not see all is told nothing
	}
}

// The log signs its head, proves that it grew, and proves its records, offline.
func TestProofs(t *testing.T) {
	t.Parallel()
	s := agreed(t)
	key := strings.TrimSpace(s.want(200, "", "GET /audit/key", "").Body.String())
	w := s.want(200, "", "GET /audit/checkpoint", "")
	head, err := audit.OpenCheckpoint(w.Body.Bytes(), key)
	if err != nil || head.Size < 10 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" ||
		w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("the head is %+v, %v: %v", head, err, w.Header())
	}
	_, mine := s.records("ada", "?kind=agreement")
	of := mine.Items[0]
	proof := "GET /audit/proofs/" + strconv.FormatInt(of.Index, 10)
	for _, who := range []string{"ada", "hal", "olga"} {
		w := s.want(200, who, proof, "")
		index, _, err := audit.VerifyProof(w.Body.Bytes(), of.Leaf, key)
		if err != nil || index != of.Index {
			t.Errorf("%s is given a proof of %d: %v", who, index, err)
		}
	}
	s.want(404, "sue", proof, "", "you have no record ")
	s.want(404, "ada", "GET /audit/proofs/0", "", "you have no record 0")
	s.want(401, "", proof, "", "to prove a record")
	s.want(404, "olga", "GET /audit/proofs/100000", "", "There is no record 100000.")
	s.want(422, "olga", "GET /audit/proofs/-1", "", "write a number of at least 0")
	s.want(422, "olga", "GET /audit/proofs/first", "", "write a whole number")

	s.want(200, "", "GET /audit/consistency?from=1&to=3", "", `"from":1`, `"to":3`, `"hashes":["`)
	s.want(422, "", "GET /audit/consistency?from=3&to=1", "", `"pointer":"from"`, "from is at least 1, and at most to")
	s.want(422, "", "GET /audit/consistency?from=1&to=100000", "", `"pointer":"from"`)
	s.want(422, "", "GET /audit/consistency?from=1", "", "to")
	s.want(422, "", "GET /audit/consistency?from=0&to=1", "", "write a number of at least 1")
}

// Officers read digests of the nouns that rule, and erase values; both say who may.
func TestNounsAndErasures(t *testing.T) {
	t.Parallel()
	s := agreed(t)
	nouns := 0
	for path := "/audit/nouns?limit=2"; path != ""; nouns++ {
		w := s.want(200, "olga", "GET "+path, "", `"as_of":`)
		var p audit.NounPage
		agreementtest.Must(t, json.Unmarshal(w.Body.Bytes(), &p))
		if len(p.Items) > 2 || nouns > 40 {
			t.Fatalf("a page has %d nouns, after %d pages", len(p.Items), nouns)
		}
		path = ""
		if p.Next != "" {
			path = "/audit/nouns?limit=2&cursor=" + strings.ReplaceAll(p.Next, " ", "%20")
		}
	}
	if nouns < 5 {
		t.Errorf("there are %d pages of nouns", nouns)
	}
	s.want(422, "olga", "GET /audit/nouns?cursor=x", "", `"pointer":"cursor"`, "this is not a cursor of this list")
	for who, status := range map[string]int{"": 401, "ada": 403, "boss": 403} {
		s.want(status, who, "GET /audit/nouns", "", "verify the whole record")
	}

	_, page := s.records("olga", "?kind=agreement")
	of := strconv.FormatInt(page.Items[0].Index, 10)
	erase := "POST /audit/records/" + of + "/erase"
	body := `{"names":["purpose"],"reason":"asked for by the person"}`
	for who, status := range map[string]int{"": 401, "ada": 403, "hal": 403, "boss": 403} {
		s.want(status, who, erase, body)
	}
	s.want(422, "olga", erase, `{"names":[],"reason":"because"}`, `"pointer":"/names"`, "this list must not be empty")
	s.want(422, "olga", erase, `{"names":["purpose"],"reason":"no"}`, `"pointer":"/reason"`, "this has at least 3 characters")
	s.want(422, "olga", erase, `{"names":["colour"],"reason":"because"}`, `"pointer":"/names/0"`, "record "+of+` has no value "colour"`)
	s.want(422, "olga", erase, `{"names":["of"],"reason":"because"}`, `"of" binds the record and cannot be erased`)
	s.want(404, "olga", "POST /audit/records/100000/erase", body, "There is no record 100000.")
	s.want(200, "olga", erase, body, `"record":`+of, `"names":["purpose"]`, `"entry":`)
	_, page = s.records("olga", "?kind=agreement")
	if _, still := page.Items[0].Values["purpose"]; still || page.Items[0].Values["agreement"] == "" {
		t.Errorf("after the erasure it says %v", page.Items[0].Values)
	}
}

// An export's query is the caller's own, as that of a list.
func TestExportQuery(t *testing.T) {
	t.Parallel()
	get := func(values map[string]string) func(string) string {
		return func(name string) string { return values[name] }
	}
	q, err := ExportQuery(
		agreementtest.Officer(), get(map[string]string{"kind": "agreement,request", "dataset": "ds-1", "from": "2026-01-01T00:00:00Z"}),
	)
	if err != nil || len(q.Kinds) != 2 || q.Values["dataset"] != "ds-1" || q.About != "" ||
		!q.From.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("an officer's is %+v, %v", q, err)
	}
	q, err = ExportQuery(agreementtest.Trainer(), get(nil))
	if err != nil || q.About != string(agreementtest.Lab) {
		t.Errorf("a trainer's is %+v, %v", q, err)
	}
	_, err = ExportQuery(schemas.Principal{}, get(nil))
	agreementtest.Refused(t, "a stranger's", err, schemas.Unauthenticated, "read the record")
	_, err = ExportQuery(agreementtest.Officer(), get(map[string]string{"to": "tomorrow"}))
	agreementtest.Refused(t, "no instant", err, schemas.Invalid, `[to: "tomorrow" is not an instant (RFC 3339)]`)
	_, err = ExportQuery(agreementtest.Officer(), get(map[string]string{"kind": "x"}))
	agreementtest.Refused(t, "no kind", err, schemas.Invalid, `[kind: "x" is not a kind of record`)
}
