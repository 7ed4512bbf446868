package doortest

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/client"
	"guichet/policy/agreement"
	"guichet/policy/audit"
	"guichet/schemas"
)

// recordReadsWhole: who provides a dataset, who uses it, and an officer read everything that
// became of it, from the request to the last byte, by dataset, agreement and run; each
// exports it, and the bundle verifies. A run says what went into it.
func recordReadsWhole(t *testing.T, r *Rig, doors []Door) {
	offer := Open()
	offer.Review = true
	d := r.Publish(t, "read-whole", offer, FileOf(t, numbers(0, 100)))
	provider, trainer, officer := r.As(t, "agronomy"), r.As(t, "trainer"), r.As(t, "officer")
	var asked schemas.Request
	must(t, trainer.Post(t.Context(), "/requests", map[string]any{"project": "doors", "items": []map[string]any{{"dataset": d.ID}}}, &asked))
	must(t, provider.Post(t.Context(), "/requests/"+string(asked.ID)+"/review", map[string]string{"decision": "grant", "reason": "read whole"}, &asked))
	id := asked.Items[0].Agreement
	run := runOf(t, r)
	lease := r.Lease(t, id)
	all(t, doors[0], lease, id, url.Values{"run": {run}})
	refused(t, doors[0], lease, id, url.Values{"run": {"run-of-nobody"}}, schemas.Invalid, "no run")
	must(t, provider.Post(t.Context(), "/agreements/"+string(id)+"/revoke", map[string]string{"reason": "read whole"}, nil))
	refused(t, doors[0], lease, id, nil, schemas.Denied, "revoked")

	story := []string{"request", "review", "agreement", "lease", "release.begin", "release.end", "agreement.revoked", "refusal"}
	for who, c := range map[string]*client.Client{"provider": provider, "trainer": trainer, "officer": officer} {
		for filter, want := range map[string][]string{
			"dataset=" + string(d.ID): story,
			"agreement=" + string(id): story[1:],
			"run=" + run:              {"run", "release.begin", "release.end"},
			"project=doors":           story,
		} {
			if who == "provider" {
				want = slices.DeleteFunc(slices.Clone(want), func(kind string) bool { return kind == "run" }) // no dataset of hers is in it
			}
			var kinds []string
			Eventually(t, func() error { // refusals and ends are written beside the answer
				records, err := client.All[schemas.Record](t.Context(), c, "/audit/records?"+filter)
				kinds = nil
				for _, rec := range records {
					kinds = append(kinds, rec.Kind)
				}
				if err == nil && slices.ContainsFunc(want, func(kind string) bool { return !slices.Contains(kinds, kind) }) {
					err = schemas.Errorf(schemas.NotFound, who, "by %s there are %v of %v", filter, kinds, want)
				}
				return err
			})
		}
		if report := exported(t, c, "?dataset="+url.QueryEscape(string(d.ID))); !report.OK() || report.Records < int64(len(story)) || (report.Withheld > 0) != (who != "officer") {
			t.Errorf("the bundle of the %s: %+v", who, report)
		}
	}
	var whole []schemas.Record
	whole, err := client.All[schemas.Record](t.Context(), provider, "/audit/records?kind=release.end&dataset="+url.QueryEscape(string(d.ID)))
	if err != nil || len(whole) != 1 || whole[0].Numbers["rows"] != 100 || whole[0].Values["purpose"] == "" {
		t.Errorf("the provider reads of what was sent %+v, %v", whole, err)
	}
	termsOf(t, provider, id)

	var read schemas.Run
	must(t, trainer.Get(t.Context(), "/runs/"+run, &read))
	if len(read.Inputs) != 1 || read.Inputs[0].Rows != 100 || read.Inputs[0].Dataset != d.ID || read.Inputs[0].Streams != 1 || read.Inputs[0].AtMost || !slices.Equal(read.Inputs[0].Columns, []string{"colour", "n", "word"}) {
		t.Errorf("the run read %+v", read.Inputs)
	}
}

// exported writes a caller's bundle and verifies it with the log's key.
func exported(t *testing.T, c *client.Client, filter string) audit.Report {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bundle.zip")
	f, err := os.Create(path)
	must(t, err)
	_, err = c.Download(t.Context(), "/audit/export"+filter, f)
	must(t, err)
	must(t, f.Close())
	b, err := os.ReadFile(path)
	must(t, err)
	var key []byte
	must(t, c.Get(t.Context(), "/audit/key", &key))
	report, err := audit.VerifyBundle(bytes.NewReader(b), int64(len(b)), strings.TrimSpace(string(key)))
	must(t, err)
	return report
}

// termsOf recomputes from an agreement's terms what the record says of them.
func termsOf(t *testing.T, c *client.Client, id schemas.AgreementID) {
	t.Helper()
	var a schemas.Agreement
	must(t, c.Get(t.Context(), "/agreements/"+string(id), &a))
	records, err := client.All[schemas.Record](t.Context(), c, "/audit/records?kind=agreement&agreement="+string(id))
	must(t, err)
	want, err := agreement.TermsDigest(&a.Offer)
	must(t, err)
	if len(records) != 1 || records[0].Values["terms"] != want || records[0].Values["rules"] == "" {
		t.Errorf("the record says of the terms %+v, want %s", records, want)
	}
}
