package request

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/stop"
	"guichet/schemas"
)

// changed puts a dataset on the shelf as the catalogue would: under a new revision, and with
// a change.
func (d *rig) changed(t *testing.T, id schemas.DatasetID, change func(*schemas.Dataset)) {
	t.Helper()
	ds := d.Shelf[id]
	change(&ds)
	ds.Revision++
	agreementtest.Must(t, d.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeDatasetOffer, Subject: string(id)})
		return err
	}))
	d.Shelf[id] = ds
}

// marked gives the mark of ds-0 for the trainer's project, twice, and holds it and the
// decision behind it against one that is made for it alone.
func (d *rig) marked(t *testing.T, at time.Time) schemas.Mark {
	t.Helper()
	by := agreementtest.Trainer()
	f, err := d.Attributes(t.Context(), by, "p", "", "")
	agreementtest.Must(t, err)
	f.Now = at
	ds := d.Shelf["ds-0"]
	alone, err := d.decide(t.Context(), f, []*schemas.Dataset{&ds}, nil, "")
	agreementtest.Must(t, err)
	var mark schemas.Mark
	for range 2 {
		marks, err := d.Marks(t.Context(), f, policy.SightOf(by), []schemas.DatasetID{"ds-0", "ds-none"})
		agreementtest.Must(t, err)
		got, err := d.Decide(t.Context(), f, []*schemas.Dataset{&ds})
		agreementtest.Must(t, err)
		if diff := cmp.Diff(alone, got); diff != "" || marks[1] != "" {
			t.Errorf("%v (-alone +remembered)\n%s", marks, diff)
		}
		mark = marks[0]
	}
	return mark
}

// What a search remembers outlives nothing that it rests on: the offer, the organisation, the
// project and who takes part in it, the factories, the date that the offer names, budgets.
func TestMarksOutliveNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newRig(t, database, 0, 0)
		d.engine = d.engine.With(d.Parties)
		now := time.Now()
		want := func(what string, mark schemas.Mark) {
			t.Helper()
			if got := d.marked(t, now); got != mark {
				t.Errorf("%s: it is marked %s, not %s", what, got, mark)
			}
		}
		offer := func(o schemas.Offer) {
			d.changed(t, "ds-0", func(ds *schemas.Dataset) { ds.Offer = &o })
		}
		permit := func(c *schemas.Constraint, duties ...schemas.Duty) schemas.Offer {
			return schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: c, Duties: duties}}}
		}
		offer(permit(nil))
		want("an open offer", schemas.MarkNow)
		offer(schemas.Offer{Review: true, Rules: permit(nil).Rules})
		want("a review", schemas.MarkAsk)
		offer(permit(&schemas.Constraint{Left: "recipientKind", Operator: "eq", Right: []string{"research"}}))
		want("an offer for research", schemas.MarkNow)
		d.Organisation(t, agreementtest.Lab, func(p *schemas.Participant) { p.Kind = schemas.KindSME })
		want("and the lab is none any more", schemas.MarkNo)
		d.Organisation(t, agreementtest.Lab, func(p *schemas.Participant) { p.Kind = schemas.KindResearch })
		want("and is one again", schemas.MarkNow)

		offer(permit(&schemas.Constraint{Left: "dateTime", Operator: "lt", Right: []string{now.Add(time.Minute).UTC().Format(time.RFC3339Nano)}}))
		want("an offer until the next minute", schemas.MarkNow)
		now = now.Add(time.Minute)
		want("and the minute is over", schemas.MarkNo)

		offer(permit(nil))
		d.Project(t, func(p *schemas.Project) { p.Until = now.Add(time.Minute) })
		want("a project that runs", schemas.MarkNow)
		now = now.Add(2 * time.Minute)
		want("and has ended", schemas.MarkNo)
		d.Project(t, func(p *schemas.Project) { p.Until = time.Time{} })
		want("and goes on", schemas.MarkNow)
		d.Project(t, func(p *schemas.Project) { p.Factory = "f" })

		brake := stop.New(d.Agreements, stop.NewBrake(d.DB, nil))
		_, err := brake.Stop(t.Context(), agreementtest.Operator(), agreementtest.Lab, "broke the terms")
		agreementtest.Must(t, err)
		want("a stopped organisation", schemas.MarkNo)
		_, err = brake.Unstop(t.Context(), agreementtest.Operator(), agreementtest.Lab, "a mistake")
		agreementtest.Must(t, err)
		want("one that may go on", schemas.MarkNow)

		offer(schemas.Offer{Rules: append(permit(nil).Rules, schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"},
			Constraint: &schemas.Constraint{Left: "factory", Operator: "eq", Right: []string{"new"}}})})
		want("a prohibition of a factory that nobody knows", schemas.MarkNo)
		_, err = d.Parties.PutFactory(t.Context(), agreementtest.Operator(), schemas.Factory{ID: "new", Name: "N", Country: "FR"}, 0)
		agreementtest.Must(t, err)
		want("and is registered", schemas.MarkNow)

		offer(permit(nil, schemas.Duty{Kind: schemas.DutyBudget, Rows: 10}))
		want("a budget", schemas.MarkNow)
		d.changed(t, "ds-0", func(ds *schemas.Dataset) { ds.Visibility = schemas.VisibleToOwn })
		want("a hidden one", "")

		d.Project(t, func(p *schemas.Project) { p.Lead = agreementtest.Holder })
		if _, err := d.Attributes(t.Context(), agreementtest.Trainer(), "p", "", ""); schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("the project is another's: %v", err)
		}
	})
}
