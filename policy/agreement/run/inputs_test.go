package run

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

const second = schemas.ParticipantID("https://second.example")

// partner is of an organisation that takes part in the project p.
func partner(t *testing.T, w *agreementtest.World) schemas.Principal {
	t.Helper()
	by := agreementtest.Person("sue", second, schemas.RoleTrainer)
	w.Join(t, by)
	w.Project(t, func(p *schemas.Project) { p.Partners = []schemas.ParticipantID{second} })
	return by
}

func stranger() schemas.Principal {
	return agreementtest.Person("eve", "https://two.example", schemas.RoleTrainer, schemas.RoleProvider)
}

// A run is of a project that its starter takes part in, at a place that is known, and there
// are only so many of them.
func TestStart(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := agreementtest.New(t, database, 0, 0)
		ctx := t.Context()
		runs := New(w.Agreements, 4) // with the two of the world
		for _, c := range []struct {
			name string
			by   schemas.Principal
			r    schemas.Run
			kind schemas.Kind
			text string
		}{
			{"nobody", schemas.Principal{}, schemas.Run{Project: "p"}, schemas.Unauthenticated, "this needs a signed-in caller"},
			{"a stranger", stranger(), schemas.Run{Project: "p"}, schemas.Invalid, `[/project: you take part in no project "p"]`},
			{"no project", agreementtest.Trainer(), schemas.Run{Project: "q"}, schemas.Invalid, `[/project: you take part in no project "q"]`},
			{"no factory", agreementtest.Trainer(), schemas.Run{Project: "p", Factory: "g"}, schemas.Invalid, `[/factory: there is no factory "g"]`},
		} {
			_, err := runs.Start(ctx, c.by, c.r)
			agreementtest.Refused(t, c.name, err, c.kind, c.text)
		}
		for i := range 2 {
			asked := schemas.Run{Project: "p", ExternalID: "slurm-7", Outputs: []schemas.Output{{Name: "forged"}}}
			r, err := runs.Start(ctx, agreementtest.Trainer(), asked)
			agreementtest.Must(t, err)
			if r.Factory != "f" || r.Started.IsZero() || len(r.Outputs) > 0 || r.Revision != 1 {
				t.Errorf("the run is %+v", r)
			}
			e := w.Entries(t, schemas.ChangeRun)[i]
			want := map[string]string{
				"run":      string(r.ID),
				"project":  "p",
				"factory":  "f",
				"external": "slurm-7",
				"by":       string(agreementtest.Lab),
				"subject":  "i#ada",
			}
			if d := cmp.Diff(want, e.Values); d != "" || e.Subject != string(r.ID) {
				t.Errorf("the record (-want +got):\n%s", d)
			}
			have, err := runs.Get(ctx, agreementtest.Officer(), r.ID)
			if d := cmp.Diff(r, have); d != "" || err != nil {
				t.Errorf("read back: %v (-want +got):\n%s", err, d)
			}
		}
		_, err := runs.Start(ctx, agreementtest.Trainer(), schemas.Run{Project: "p"})
		agreementtest.Refused(t, "one more", err, schemas.TooLarge, "the project has 4 runs, which is the most here", "")
		_, err = New(w.Agreements, 0).Start(ctx, agreementtest.Trainer(), schemas.Run{Project: "p"})
		agreementtest.Must(t, err)
	})
}

// Runs are read by the partners of their project, officers and operators.
func TestWhoReadsRuns(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := agreementtest.New(t, database, 0, 0)
		ctx := t.Context()
		runs := New(w.Agreements, 0)
		for _, c := range []struct {
			name    string
			by      schemas.Principal
			project schemas.ProjectID
			want    int
		}{
			{"the lead", agreementtest.Trainer(), "", 2},
			{"a partner", partner(t, w), "p", 2},
			{"of another project", agreementtest.Trainer(), "q", 0},
			{"an officer", agreementtest.Officer(), "", 2},
			{"an operator", agreementtest.Operator(), "p", 2},
			{"a stranger", stranger(), "", 0},
			{"the provider", agreementtest.Owner(), "", 0},
		} {
			n := 0
			for after, first := "", true; first || after != ""; first = false {
				page, next, err := runs.List(ctx, c.by, c.project, after, 1)
				agreementtest.Must(t, err)
				n, after = n+len(page), next
			}
			if n != c.want {
				t.Errorf("%s reads %d runs, want %d", c.name, n, c.want)
			}
			_, err := runs.Get(ctx, c.by, "run-a")
			if c.want > 0 || c.project == "q" {
				agreementtest.Must(t, err)
				continue
			}
			agreementtest.Refused(t, c.name, err, schemas.NotFound, "there is no run run-a")
		}
		_, _, err := runs.List(ctx, schemas.Principal{}, "", "", 1)
		agreementtest.Refused(t, "nobody", err, schemas.Unauthenticated, "this needs a signed-in caller")
	})
}

// What came out is tied to a run by its project's partners, the same digest once, also when
// ranks do so at the same time.
func TestAddOutput(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := agreementtest.New(t, database, 0, 0)
		ctx := t.Context()
		runs := New(w.Agreements, 0)
		output := schemas.Output{Kind: "model", Name: "weights", Digest: "sha256:00"}
		_, err := runs.AddOutput(ctx, agreementtest.Officer(), "run-a", output)
		agreementtest.Refused(t, "an officer", err, schemas.Denied, "only partners of the run's project say what came out of it", "run.partner")
		_, err = runs.AddOutput(ctx, stranger(), "run-a", output)
		agreementtest.Refused(t, "a stranger", err, schemas.NotFound, "there is no run run-a")
		for range 2 {
			r, err := runs.AddOutput(ctx, agreementtest.Trainer(), "run-a", output)
			if err != nil || len(r.Outputs) != 1 || r.Outputs[0].At.IsZero() || r.Revision != 2 {
				t.Fatalf("%+v, %v", r, err)
			}
		}
		errs := make(chan error)
		const ranks = 6
		for i := range ranks {
			go func() {
				_, err := runs.AddOutput(
					ctx, agreementtest.Trainer(), "run-a", schemas.Output{Name: fmt.Sprint("rank ", i), Digest: fmt.Sprintf("sha256:%02d", i)},
				)
				errs <- err
			}()
		}
		for range ranks {
			agreementtest.Must(t, <-errs)
		}
		r, err := runs.Get(ctx, agreementtest.Trainer(), "run-a")
		if err != nil || len(r.Outputs) != 1+ranks {
			t.Errorf("%d outputs, %v", len(r.Outputs), err)
		}
		first := w.Entries(t, schemas.ChangeRun)[0]
		if first.Values["output"] != "model weights" || first.Values["digest"] != "sha256:00" || len(w.Entries(t, schemas.ChangeRun)) != 1+ranks {
			t.Errorf("the record says %+v", first)
		}
	})
}

// released stores a release of a run, and the record's entry by which it is found.
func released(t *testing.T, w *agreementtest.World, run schemas.RunID, r schemas.Release) {
	t.Helper()
	r.ID, r.Run, r.Dataset, r.Version, r.Table, r.Split = schemas.NewReleaseID(), run, "ds-0", "v1", "a", "all"
	r.Provider = agreementtest.Holder
	agreementtest.Must(t, w.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		err := db.Insert(
			ctx,
			tx,
			"release",
			string(r.ID),
			r,
			db.Columns{"agreement": string(r.Agreement), "dataset": "ds-0", "provider": string(r.Provider),
				"participant": string(r.Participant), "state": string(r.State), "replica": "r", "begun": r.Begun.UnixMicro()},
		)
		if err == nil {
			_, err = tx.Append(
				ctx, schemas.Change{Kind: schemas.ChangeReleaseBegin, Subject: string(r.ID), Values: map[string]string{"run": string(run)}},
			)
		}
		return err
	}))
}

// A run says what its streams sent, of each agreement, version, table and split together;
// a partner reads of agreements that are not its own the number of streams alone.
func TestInputs(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := agreementtest.New(t, database, 0, 0)
		ctx := t.Context()
		runs := New(w.Agreements, 0)
		by := partner(t, w)
		own := w.Agree(t, "ds-0", nil).ID
		shared := w.Agree(t, "ds-0", func(a *schemas.Agreement) { a.Partners = []schemas.ParticipantID{second} }).ID
		noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
		at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
		for _, r := range []schemas.Release{
			{Agreement: own, Participant: agreementtest.Lab, State: schemas.ReleaseComplete, Rows: 10, Bytes: 100, Begun: at(5),
				Ended: at(6), Columns: `["x","y"]`},
			{Agreement: own, Participant: agreementtest.Lab, State: schemas.ReleaseCut, Rows: 5, Bytes: 50, Begun: at(1), Ended: at(9),
				Columns: `["z","x"]`},
			{Agreement: shared, Participant: agreementtest.Lab, State: schemas.ReleaseUnknown, Rows: 7, Bytes: 70, Begun: at(2), Ended: at(3)},
			{Agreement: own, Participant: second, State: schemas.ReleaseOpen, Rows: 1, Bytes: 10, Begun: at(7)},
		} {
			released(t, w, "run-a", r)
		}
		released(t, w, "run-b", schemas.Release{Agreement: own, Participant: agreementtest.Lab, Rows: 1000})
		input := func(a schemas.AgreementID, streams, rows int64, atMost bool, from, until time.Time, columns ...string) schemas.RunInput {
			return schemas.RunInput{
				Agreement: a, Dataset: "ds-0", Provider: agreementtest.Holder, Version: "v1", Table: "a", Split: "all", Columns: columns,
				Streams: int(streams), Rows: rows, Bytes: 10 * rows, AtMost: atMost, From: from, Until: until,
			}
		}
		for _, c := range []struct {
			name   string
			by     schemas.Principal
			want   map[schemas.AgreementID]schemas.RunInput
			others int
		}{
			{"the lead", agreementtest.Trainer(), map[schemas.AgreementID]schemas.RunInput{
				own: input(own, 3, 16, true, at(1), at(9), "x", "y", "z"), shared: input(shared, 1, 7, true, at(2), at(3))}, 0},
			{"an officer", agreementtest.Officer(), map[schemas.AgreementID]schemas.RunInput{
				own: input(own, 3, 16, true, at(1), at(9), "x", "y", "z"), shared: input(shared, 1, 7, true, at(2), at(3))}, 0},
			{"a partner", by, map[schemas.AgreementID]schemas.RunInput{
				own: input(own, 1, 1, true, at(7), time.Time{}), shared: input(shared, 1, 7, true, at(2), at(3))}, 2},
		} {
			r, err := runs.GetWithInputs(ctx, c.by, "run-a")
			agreementtest.Must(t, err)
			got := map[schemas.AgreementID]schemas.RunInput{}
			for _, in := range r.Inputs {
				got[in.Agreement] = in
			}
			if d := cmp.Diff(c.want, got); d != "" || int(r.OtherStreams) != c.others {
				t.Errorf("%s: %d other streams, want %d; (-want +got):\n%s", c.name, r.OtherStreams, c.others, d)
			}
		}
		_, err := runs.GetWithInputs(ctx, stranger(), "run-a")
		agreementtest.Refused(t, "a stranger", err, schemas.NotFound, "there is no run run-a")
	})
}
