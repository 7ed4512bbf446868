package main

import (
	"strings"
	"testing"
	"time"

	"guichet/cmd/guichet/demo"
	"guichet/schemas"
)

// An agreement lasts at most ten years [EHDS art. 68(12)], never beyond its project,
// and never begins in the past.
func TestAgreementsEnd(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Winter wheat trials", csvRows(100, 0))
	body := demo.Requested("crop-yield", d.ID)
	for name, until := range map[string]time.Time{"twenty years": time.Now().AddDate(20, 0, 0), "yesterday": time.Now().AddDate(0, 0, -1)} {
		body["until"] = until
		err := g.as("trainer").Post(t.Context(), "/requests", body, nil)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "/until") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	delete(body, "until")
	var r schemas.Request
	g.post("trainer", "/requests", body, &r)
	var a schemas.Agreement
	g.get("trainer", "/agreements/"+string(r.Items[0].Agreement), &a)
	if left := time.Until(a.Until); left < 300*24*time.Hour || left > 400*24*time.Hour {
		t.Errorf("an agreement without an end lasts %s", left)
	}
}
