package release

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/stop"
	"guichet/schemas"
)

// The model's split: shards of cells. A cell is smaller than a slice of the budget, a
// plan of many cells is larger.
const (
	modelShards = 3
	modelCells  = 6
	modelCell   = sliceRows / 2
	modelBytes  = 48 // of a row: its slice of bytes is not its slice of rows
	modelBudget = 20 * modelCell
)

// rig is a world with what writes its releases.
type rig struct {
	*agreementtest.World
	*Releases
	stops *stop.Stops
}

func newRig(t testing.TB, database *db.DB, rows, bytes int64) *rig {
	t.Helper()
	w := agreementtest.New(t, database, rows, bytes)
	brake := stop.NewBrake(database, nil)
	return &rig{w, New(Config{Agreements: w.Agreements, Brake: brake, Replica: "r"}), stop.New(w.Agreements, brake)}
}

// anew adds a dataset on the terms of the others: what was used of them does not count.
func anew(d *rig) schemas.DatasetID {
	id := schemas.NewDatasetID()
	d.Put(id)
	return id
}

// sending is an open release as its stream and its client see it.
type sending struct {
	schemas.Release
	tab  *Reservation
	of   ReadPlan
	rows []schemas.Segment // sent, in order
}

// history is the model of one agreement.
type history struct {
	desk    *rig
	bytes   int64 // of the budget; 0 is any
	id      schemas.AgreementID
	lease   schemas.Lease
	open    []*sending
	ended   map[schemas.ReleaseID]schemas.Release
	read    map[string]schemas.Segments // by run and epoch: every row that was sent
	paid    map[string]schemas.Segments // and of them those of releases that have ended
	runless int64                       // rows that were sent without a run
	revoked bool
	crashed bool // the budget may have lost rows that were never sent
}

// Any history of streams of several runs and epochs, which overlap, are cut short,
// read again, or die with the gateway, keeps the budget; a row costs once in a run and
// epoch; what a client has got is bounded by the record; and the first end of a
// release stands.
func TestReleasesAgainstAModel(t *testing.T) {
	t.Parallel()
	desks := map[int64]*rig{0: newRig(t, dbtest.Open(t, dbtest.SQLite), modelBudget, 0)} // by their budget of bytes
	const fewer = modelBytes * modelBudget * 2 / 3
	desks[fewer] = newRig(t, dbtest.Open(t, dbtest.SQLite), modelBudget, fewer)
	again, more, spent := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		bytes := rapid.SampledFrom([]int64{0, fewer}).Draw(t, "bytes")
		d := desks[bytes]
		id := d.Agree(t, anew(d), nil).ID // a budget of its own
		m := &history{
			desk: d, bytes: bytes, id: id, lease: agreementtest.Lease(id), ended: map[schemas.ReleaseID]schemas.Release{},
			read: map[string]schemas.Segments{}, paid: map[string]schemas.Segments{},
		}
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(t *rapid.T) { again += m.begin(t) },
			"send": func(t *rapid.T) {
				s := m.pick(t)
				for range rapid.IntRange(1, 12).Draw(t, "messages") {
					grown, ok := m.send(t, s)
					more += grown
					if !ok {
						spent++
						m.end(t, s, schemas.ReleaseCut)
						return
					}
				}
			},
			"end": func(t *rapid.T) {
				m.end(
					t, m.pick(t),
					rapid.SampledFrom([]schemas.ReleaseState{schemas.ReleaseComplete, schemas.ReleaseCut, schemas.ReleaseAbandoned}).Draw(t, "state"),
				)
			},
			"end again": func(t *rapid.T) {
				for _, r := range m.ended {
					r.State, r.Rows, r.ChargedRows = schemas.ReleaseBroken, 1, 1
					if err := d.End(ctx, r, nil); err != nil {
						t.Fatal(err)
					}
					return
				}
				t.Skip("none has ended")
			},
			"crash": func(t *rapid.T) { m.crash(t) },
			"revoke": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") > 0 {
					t.Skip("not now")
				}
				_, err := d.stops.Revoke(ctx, agreementtest.Owner(), id, "because")
				if (err == nil) == m.revoked || m.revoked && schemas.KindOf(err) != schemas.Conflict {
					t.Fatalf("revoked before: %t; revoking: %v", m.revoked, err)
				}
				m.revoked = true
			},
			"": func(t *rapid.T) { m.check(t) },
		})
		for len(m.open) > 0 {
			m.end(t, m.open[0], schemas.ReleaseComplete)
		}
		m.check(t)
	})
	t.Logf("%d streams read rows again, %d slices were added, %d streams were cut by the budget", again, more, spent)
	if (again < 5 || more < 5 || spent < 1) && !testing.Short() {
		t.Error("the test tries too little")
	}
}

func (m *history) pick(t *rapid.T) *sending {
	if len(m.open) == 0 {
		t.Skip("none is open")
	}
	return m.open[rapid.IntRange(0, len(m.open)-1).Draw(t, "which")]
}

// plan draws segments: some cells in any order, cut anywhere, maybe one row of padding.
func plan(t *rapid.T) []schemas.Segment {
	cells := rapid.Permutation(cellsOf()).Draw(t, "cells")
	out := slices.Clone(cells[:len(cells)-rapid.IntRange(0, len(cells)).Draw(t, "cells left out")])
	if len(out) > 0 {
		cut := rapid.Int64Range(0, modelCell-1).Draw(t, "from")
		out[0].From, out[0].Rows = out[0].From+cut, out[0].Rows-cut
		if rapid.IntRange(0, 3).Draw(t, "padded") == 0 {
			out = append(out, schemas.Segment{Shard: out[0].Shard, From: out[0].From, Rows: 1})
		}
	}
	return out
}

func cellsOf() (out []schemas.Segment) {
	for shard := range modelShards {
		for cell := range modelCells {
			out = append(out, schemas.Segment{Shard: shard, From: int64(cell) * modelCell, Rows: modelCell})
		}
	}
	return out
}

func rowsOf(segments []schemas.Segment) (n int64) {
	for _, s := range segments {
		n += s.Rows
	}
	return n
}

func (m *history) key(r *schemas.Release, epoch uint64) string { return fmt.Sprint(r.Run, " ", epoch) }

// begin opens a stream; 1 when it reads rows again.
func (m *history) begin(t *rapid.T) (again int) {
	ctx := context.Background()
	run := rapid.SampledFrom([]schemas.RunID{"", "run-a", "run-a", "run-b"}).Draw(t, "run")
	g, err := m.desk.Grant(m.lease, run)
	if err != nil {
		if !m.revoked {
			t.Fatal(err)
		}
		return 0
	}
	s := &sending{of: ReadPlan{Epoch: rapid.Uint64Range(0, 1).Draw(t, "epoch"), View: "all", Segments: plan(t)}}
	want := rowsOf(s.of.Segments)
	s.Release, s.tab, err = m.desk.Begin(ctx, g, schemas.Release{MostRows: want, MostBytes: modelBytes * want}, s.of)
	free := int64(0)
	if run != "" {
		had := m.paid[m.key(&schemas.Release{Run: run}, s.of.Epoch)]
		all := schemas.Segments(s.of.Segments).Set()
		free = had.Rows() + all.Rows() - had.Union(all).Rows()
	}
	if schemas.KindOf(err) == schemas.Denied && (m.revoked || want > 0 && free == 0 && m.spent(t)) {
		return 0
	}
	if err != nil || m.revoked || s.MostRows < free || s.MostRows > want {
		t.Fatalf("revoked: %t; begun with at most %d of %d rows, %d of them free: %v", m.revoked, s.MostRows, want, free, err)
	}
	m.open = append(m.open, s)
	return int(min(free, 1))
}

// send sends one message as the engine does: counted and charged first. ok is false
// when the budget is spent or the agreement gone.
func (m *history) send(t *rapid.T, s *sending) (more int, ok bool) {
	n := rapid.SampledFrom([]int64{modelCell, modelCell / 3, 1, 2 * modelCell}).Draw(t, "rows")
	left := s.of.Segments
	for skip := s.Rows; skip > 0; {
		k := min(skip, left[0].Rows)
		if k == left[0].Rows {
			left = left[1:]
		} else {
			left = append([]schemas.Segment{{Shard: left[0].Shard, From: left[0].From + k, Rows: left[0].Rows - k}}, left[1:]...)
		}
		skip -= k
	}
	message := schemas.Segments(left).Cut(0, n)
	n = rowsOf(message)
	if n == 0 {
		return 0, true
	}
	if s.Rows+n > s.MostRows {
		return 0, false
	}
	for !s.tab.Pay(&s.Release, n, modelBytes*n) {
		more++
		err := m.desk.More(context.Background(), s.Release, s.tab, n, modelBytes*n)
		if schemas.KindOf(err) == schemas.Denied {
			return 0, false
		}
		if err != nil || m.revoked {
			t.Fatalf("revoked: %t; more: %v", m.revoked, err)
		}
	}
	s.Rows, s.Bytes = s.Rows+n, s.Bytes+modelBytes*n
	s.rows = append(s.rows, message...)
	if s.Run == "" {
		m.runless += n
	} else {
		k := m.key(&s.Release, s.of.Epoch)
		m.read[k] = m.read[k].Union(schemas.Segments(message).Set())
	}
	return more, true
}

func (m *history) end(t *rapid.T, s *sending, state schemas.ReleaseState) {
	s.State = state
	err := m.desk.End(context.Background(), s.Release, s.tab)
	if err != nil {
		t.Fatal(err)
	}
	m.ended[s.ID] = s.Release
	m.pay(s, s.Rows)
	m.open = slices.DeleteFunc(m.open, func(o *sending) bool { return o == s })
}

func (m *history) pay(s *sending, rows int64) {
	if s.Run != "" {
		k := m.key(&s.Release, s.of.Epoch)
		m.paid[k] = m.paid[k].Union(schemas.Segments(s.of.Segments).Cut(0, rows).Set())
	}
}

// crash loses all that only memory knew.
func (m *history) crash(t *rapid.T) {
	_, err := m.desk.Recover(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	stored := m.releases(t)
	for _, s := range m.open {
		r := stored[s.ID]
		if r.State != schemas.ReleaseUnknown || r.Rows < s.Rows || r.Bytes < s.Bytes || r.Rows > r.MostRows || r.Bytes > r.MostBytes {
			t.Fatalf(
				"%d rows and %d bytes were sent before the crash; the record says %s, at most %d of %d rows, %d of %d bytes", s.Rows, s.Bytes,
				r.State, r.Rows, r.MostRows, r.Bytes, r.MostBytes,
			)
		}
		m.ended[s.ID] = r
		m.pay(s, r.Rows)
		m.crashed = true
	}
	m.open = nil
}

func (m *history) releases(t *rapid.T) map[schemas.ReleaseID]schemas.Release {
	all, _, err := m.desk.Releases.List(context.Background(), agreementtest.Trainer(), Query{Agreement: m.id}, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	out := map[schemas.ReleaseID]schemas.Release{}
	for _, r := range all {
		out[r.ID] = r
	}
	return out
}

// spent says that the budget leaves nothing.
func (m *history) spent(t *rapid.T) bool {
	a, err := m.desk.Agreements.Get(context.Background(), agreementtest.Trainer(), m.id)
	if err != nil {
		t.Fatal(err)
	}
	return a.RowsUsed == modelBudget || m.bytes > 0 && a.BytesUsed == m.bytes
}

func (m *history) check(t *rapid.T) {
	a, err := m.desk.Agreements.Get(context.Background(), agreementtest.Trainer(), m.id)
	if err != nil {
		t.Fatal(err)
	}
	if (a.State == schemas.AgreementRevoked) != m.revoked {
		t.Fatalf("the agreement is %s, revoked in the model: %t", a.State, m.revoked)
	}
	stored := m.releases(t)
	if len(stored) != len(m.open)+len(m.ended) {
		t.Fatalf("%d releases, the model has %d open and %d ended", len(stored), len(m.open), len(m.ended))
	}
	var rows, bytes int64
	for _, r := range stored {
		rows, bytes = rows+r.ChargedRows, bytes+r.ChargedBytes
		want, ended := m.ended[r.ID]
		if ended && (r.State != want.State || r.Rows != want.Rows) || !ended && r.State != schemas.ReleaseOpen {
			t.Fatalf("release %s is %s with %d rows, the model says %s with %d", r.ID, r.State, r.Rows, want.State, want.Rows)
		}
	}
	if a.RowsUsed != rows || a.BytesUsed != bytes || a.RowsUsed > modelBudget || a.RowsUsed < 0 || a.BytesUsed < 0 ||
		m.bytes > 0 && a.BytesUsed > m.bytes {
		t.Fatalf("%d of %d rows and %d bytes used; its releases were charged %d and %d", a.RowsUsed, modelBudget, a.BytesUsed, rows, bytes)
	}
	for _, s := range m.open {
		if r := stored[s.ID]; s.Rows > r.Rows || s.Bytes > r.Bytes || r.Rows > r.MostRows || r.Bytes > r.MostBytes {
			t.Fatalf(
				"a client has %d rows and %d bytes; the open release says at most %d of %d and %d of %d", s.Rows, s.Bytes, r.Rows, r.MostRows,
				r.Bytes, r.MostBytes,
			)
		}
	}
	distinct := m.runless
	for _, set := range m.read {
		distinct += set.Rows()
	}
	if len(m.open) == 0 && a.BytesUsed < modelBytes*distinct {
		t.Fatalf("%d bytes used, %d rows of %d bytes were sent", a.BytesUsed, distinct, modelBytes)
	}
	if len(m.open) == 0 && (a.RowsUsed < distinct || a.RowsUsed > distinct && !m.crashed) {
		t.Fatalf("%d rows used, %d were sent for the first time; crashed: %t", a.RowsUsed, distinct, m.crashed)
	}
}
