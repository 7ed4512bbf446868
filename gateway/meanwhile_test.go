package gateway_test

import (
	"net/http"
	"sync"
	"testing"

	"guichet/connectors/db"
	"guichet/schemas"
)

// While a provider changes the terms and several trainers ask at once, each agreement
// stands under the terms that were in force at its place in the record.
func TestAgreementsStandUnderTheTermsInForce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	hide := schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"crop"}}
	d := s.offered("Terms that change", "application/json", permit(nil)) // the first offer hides nothing
	var all sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				r := s.call("trainer", "POST", "/requests", map[string]any{"project": "crops", "items": []map[string]any{{"dataset": d.ID}}})
				if r.status != http.StatusCreated && r.status != http.StatusConflict {
					t.Errorf("a request is answered %d: %s", r.status, r.body)
				}
			}
		})
	}
	for i := range 20 { // by turns with and without
		o := permit(nil)
		if i%2 == 0 {
			o = permit(nil, hide)
		}
		r := s.call("agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", o)
		if r.status != http.StatusOK {
			t.Errorf("an offer is answered %d: %s", r.status, r.body)
		}
	}
	close(over)
	all.Wait()
	changes, err := s.db.Changes(t.Context(), 0, 100_000)
	must(t, err)
	offers, agreements := 0, 0
	for _, c := range changes {
		switch {
		case c.Kind == schemas.ChangeDatasetOffer && c.Subject == string(d.ID):
			offers++
		case c.Kind == schemas.ChangeAgreement:
			a, _, err := db.Get[schemas.Agreement](t.Context(), s.db, "agreement", c.Subject)
			must(t, err)
			agreements++
			if hidden := len(a.Obligations) > 0; hidden != (offers%2 == 0) {
				t.Errorf("at %d, after %d offers, an agreement hides the column: %t", c.Position, offers, hidden)
			}
		}
	}
	if offers != 21 || agreements < 5 {
		t.Errorf("%d offers and %d agreements: the test tries too little", offers, agreements)
	}
}
