package doortest

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"guichet/schemas"
)

// epochBudget: a job whose budget is exactly one epoch dies in the middle and begins
// again; it gets the whole epoch, and no second one [decisions.md 15].
func epochBudget(t *testing.T, r *Rig, doors []Door) {
	file := bulk(t)[0]
	const rows = 4096
	id, lease := r.Ready(t, "one-epoch", Open(), file)
	equal(t, "rows", rows, len(ints(all(t, doors[0], lease, id, url.Values{"seed": {"7"}}))))
	bytes := last(t, r, id).Bytes
	for i, door := range doors {
		if !door.Ranks() {
			continue
		}
		d := r.Publish(t, fmt.Sprintf("one-epoch-budget-%d", i), Open(schemas.Duty{Kind: schemas.DutyBudget, Rows: rows, Bytes: bytes}), file)
		id := r.Agree(t, time.Time{}, d)[0].ID
		lease := r.Lease(t, id)
		one, two := runOf(t, r), runOf(t, r)
		ask := url.Values{"run": {one}, "seed": {"7"}, "epoch": {"0"}}
		die(t, door, lease, id, ask)
		died := last(t, r, id)
		if died.State != schemas.ReleaseAbandoned || died.Rows == 0 || died.ChargedRows != died.Rows || died.Rows == rows {
			t.Errorf("%s: the job that died has %+v", door.Name(), died)
		}
		for range 2 {
			equal(t, door.Name()+" from the beginning", rows, len(ints(all(t, door, lease, id, ask))))
			rel := last(t, r, id)
			equal(t, door.Name()+" sent whole", []int64{rows, bytes}, []int64{rel.Rows, rel.Bytes})
			equal(t, door.Name()+" is charged once", []int64{rows, bytes}, used(t, r, id))
		}
		for _, other := range []url.Values{{"run": {one}, "epoch": {"1"}}, {"run": {two}, "epoch": {"0"}}, {"epoch": {"0"}}, {"run": {one}, "epoch": {"0"}, "columns": {"n"}}} {
			refused(t, door, lease, id, other, schemas.Denied, "budget is spent")
		}
		equal(t, door.Name()+" is charged once", []int64{rows, bytes}, used(t, r, id))
		refused(t, door, lease, id, url.Values{"run": {"run-of-nobody"}}, schemas.Invalid, "no run")
		if over, ok := door.(*flightDoor); ok { // no ticket is given that opens nothing
			_, err := over.c.GetFlightInfo(withLease(t.Context(), lease), descriptor(id, url.Values{"run": {"run-of-nobody"}}))
			equal(t, "a ticket for a run of nobody's", codes.InvalidArgument.String(), code(err))
		}
	}
}

// runOf names a new job of the project.
func runOf(t *testing.T, r *Rig) string {
	t.Helper()
	var run schemas.Run
	must(t, r.As(t, "trainer").Post(t.Context(), "/runs", map[string]string{"project": "doors"}, &run))
	return string(run.ID)
}

// die opens a stream, takes a first batch and goes away.
func die(t *testing.T, d Door, lease string, id schemas.AgreementID, ask url.Values) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rd, err := d.Open(ctx, lease, id, ask)
	must(t, err)
	_, err = rd.Next()
	must(t, err)
	rd.Close()
}

func used(t *testing.T, r *Rig, id schemas.AgreementID) []int64 {
	t.Helper()
	var a schemas.Agreement
	must(t, r.As(t, "trainer").Get(t.Context(), "/agreements/"+string(id), &a))
	return []int64{a.RowsUsed, a.BytesUsed}
}

// sharedBudget: ranks that stream at the same time under one budget all finish.
func sharedBudget(t *testing.T, r *Rig, doors []Door) {
	for i, door := range doors {
		if !door.Ranks() {
			continue
		}
		d := r.Publish(t, fmt.Sprintf("shared-budget-%d", i), Open(schemas.Duty{Kind: schemas.DutyBudget, Rows: 4096}), bulk(t)[0])
		id, again := r.Agree(t, time.Time{}, d)[0].ID, r.Agree(t, time.Time{}, d)[0].ID
		lease := r.Lease(t, id)
		var rests []func() (int64, error)
		for rank := range 2 {
			rests = append(rests, slowlyAsked(t, door, lease, id, url.Values{"world": {"2"}, "rank": {fmt.Sprint(rank)}, "seed": {"1"}}))
		}
		for rank, rest := range rests {
			n, err := rest()
			if n != 2048 || err != nil {
				t.Errorf("%s: rank %d got %d rows, %v", door.Name(), rank, n, err)
			}
		}
		refused(t, door, lease, id, nil, schemas.Denied, "budget is spent")
		refused(t, door, r.Lease(t, again), again, nil, schemas.Denied, "4096 of 4096 rows") // another request gives no more
	}
}
