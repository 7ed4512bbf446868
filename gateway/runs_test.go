package gateway_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"guichet/schemas"
)

// Every rank of a job may say what came out of it, at the same time; nobody but the
// project's partners may.
func TestOutputsOfManyRanks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var run schemas.Run
	s.want(201, "trainer", "POST", "/runs", map[string]any{"project": "crops"}).as(t, &run)
	path := "/runs/" + string(run.ID) + "/outputs"
	output := func(i int) schemas.Output {
		return schemas.Output{Kind: "model", Name: fmt.Sprintf("part-%d", i), Digest: "sha256:" + strings.Repeat(fmt.Sprint(i%10), 64)}
	}
	var ranks sync.WaitGroup
	for i := range 8 {
		ranks.Go(func() {
			r := s.call("trainer", "POST", path, output(i))
			if r.status != 201 {
				t.Errorf("rank %d: %d %s", i, r.status, r.body)
			}
		})
	}
	ranks.Wait()
	s.want(403, "officer", "POST", path, output(8))
	s.want(403, "operator", "POST", path, output(8))
	s.want(200, "officer", "GET", "/runs/"+string(run.ID), nil).as(t, &run)
	if len(run.Outputs) != 8 {
		t.Errorf("%d outputs of 8 are kept", len(run.Outputs))
	}
}
