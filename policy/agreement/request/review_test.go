package request

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/stop"
	"guichet/schemas"
)

const second = schemas.ParticipantID("https://second.example")

func otherOwner() schemas.Principal { return agreementtest.Person("sue", second, schemas.RoleProvider) }

// notices gives who was told what of which datasets, and forgets it.
func (d *rig) notices(t *testing.T) (out []string) {
	t.Helper()
	rows, err := d.DB.Query(t.Context(), `SELECT doc FROM notice`)
	agreementtest.Must(t, err)
	for rows.Next() {
		var doc string
		agreementtest.Must(t, rows.Scan(&doc))
		var n schemas.Notice
		agreementtest.Must(t, json.Unmarshal([]byte(doc), &n))
		out = append(out, fmt.Sprint(n.Type, " ", n.To, " ", n.Datasets))
	}
	agreementtest.Must(t, rows.Close())
	d.Exec(t, `DELETE FROM notice`)
	slices.Sort(out)
	return out
}

// twoHolders is a rig with ds-0 of the Holder and ds-1 of another organisation, which both
// look at each request and are told by webhook, and ds-2 that nobody looks at.
func twoHolders(t *testing.T, database *db.DB) *rig {
	t.Helper()
	d := newRig(t, database, 0, 0)
	d.Join(t, otherOwner())
	for _, id := range []schemas.ParticipantID{agreementtest.Lab, agreementtest.Holder, second} {
		d.Organisation(t, id, func(p *schemas.Participant) { p.Notify = &schemas.Notify{URL: "https://hooks.example/" + p.Name} })
	}
	ds := d.Shelf["ds-1"]
	ds.Provider = second
	d.Shelf["ds-1"] = ds
	d.reviewed("ds-0", "ds-1")
	return d
}

// Each reviewer answers its own items, in any order; the request is decided when the last
// has, and who asked and who is asked are told. Nobody reads items of others.
func TestReviewsItemByItem(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := twoHolders(t, database)
		ctx := t.Context()
		r, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0", "ds-1", "ds-2"))
		agreementtest.Must(t, err)
		if r.State != schemas.RequestPending || r.Items[2].State != schemas.RequestGranted || r.Items[0].Agreement != "" || !r.Decided.IsZero() {
			t.Fatalf("it is %+v", r)
		}
		pending, decided := schemas.NoticePending, schemas.NoticeDecided
		if d := cmp.Diff([]string{pending + " " + string(agreementtest.Holder) + " [ds-0]", pending + " " + string(second) + " [ds-1]"},
			d.notices(t)); d != "" {
			t.Errorf("who was told (-want +got):\n%s", d)
		}
		mine, err := d.Get(ctx, agreementtest.Owner(), r.ID)
		if err != nil || len(mine.Items) != 2 || mine.Items[0].Dataset != "ds-0" ||
			mine.Items[1].Dataset != "ds-2" { // ds-2 became an agreement on its data
			t.Errorf("the Holder reads %+v, %v", mine.Items, err)
		}
		theirs, err := d.Get(ctx, otherOwner(), r.ID)
		if err != nil || len(theirs.Items) != 1 || theirs.Items[0].Dataset != "ds-1" {
			t.Errorf("the other holder reads %+v, %v", theirs.Items, err)
		}
		r, err = d.Review(ctx, agreementtest.Owner(), r.ID, schemas.Review{Decision: "refuse", Reason: "not for this"})
		if err != nil || r.State != schemas.RequestPending || r.Items[0].State != schemas.RequestRefused ||
			r.Items[0].Review.Reason != "not for this" {
			t.Fatalf("refused: %+v, %v", r, err)
		}
		if told := d.notices(t); len(told) != 0 {
			t.Errorf("before it is decided they are told %v", told)
		}
		r, err = d.Review(ctx, otherOwner(), r.ID, schemas.Review{Decision: "grant", Reason: "fine"})
		if err != nil || r.State != schemas.RequestGranted || len(r.Items) != 1 || r.Items[0].Agreement == "" || r.Decided.IsZero() ||
			r.Revision != 3 {
			t.Fatalf("granted: %+v, %v", r, err)
		}
		if reasons := r.Items[0].Decision.Reasons; reasons[0].Text != "granted by "+string(second)+": fine" || reasons[0].Rule != "offer.review" {
			t.Errorf("the reasons are %+v", reasons)
		}
		if d := cmp.Diff([]string{decided + " " + string(agreementtest.Lab) + " [ds-0 ds-1 ds-2]"}, d.notices(t)); d != "" {
			t.Errorf("who was told (-want +got):\n%s", d)
		}
		var words []string
		for _, e := range d.Entries(t, schemas.ChangeReview) {
			words = append(words, e.Values["dataset"]+" "+e.Values["decision"]+" "+e.Values["state"]+" by "+e.Values["by"])
		}
		want := []string{"ds-0 refuse refused by " + string(agreementtest.Holder), "ds-1 grant granted by " + string(second)}
		if d := cmp.Diff(want, words); d != "" {
			t.Errorf("the record (-want +got):\n%s", d)
		}
		a, err := d.Agreements.Get(ctx, otherOwner(), r.Items[0].Agreement)
		if err != nil || a.Follow || a.Provider != second {
			t.Errorf("the agreement is %+v, %v", a, err)
		}
	})
}

// The pseudonyms of one permit are of one derivation, which its first item had: one that is
// granted after the gateway has learnt another joins with it all the same. Before joint
// domains there was nothing to join.
func TestAPermitKeepsItsDerivation(t *testing.T) {
	t.Parallel()
	for first, want := range map[int]int{0: schemas.Pseudonyms, schemas.PseudonymsByColumn: schemas.PseudonymsByColumn,
		schemas.Pseudonyms: schemas.Pseudonyms} {
		d := twoHolders(t, dbtest.Open(t, dbtest.SQLite))
		r, err := d.Submit(t.Context(), agreementtest.Trainer(), ask("ds-0", "ds-1", "ds-2"))
		agreementtest.Must(t, err)
		id := r.Items[2].Agreement
		agreementtest.Must(t, d.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			a, revision, err := db.Get[schemas.Agreement](ctx, tx, "agreement", string(id))
			if err != nil {
				return err
			}
			a.Pseudonyms = first // as a gateway of before made it
			_, err = db.Update(ctx, tx, "agreement", string(id), revision, a, nil)
			if err == nil {
				_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeAgreement, Subject: string(id)})
			}
			return err
		}))
		r, err = d.Review(t.Context(), agreementtest.Owner(), r.ID, schemas.Review{Decision: "grant", Reason: "fine"})
		agreementtest.Must(t, err)
		a, err := d.Agreements.Get(t.Context(), agreementtest.Owner(), r.Items[0].Agreement)
		if err != nil || a.Pseudonyms != want {
			t.Errorf("after %d comes %d, %v; want %d", first, a.Pseudonyms, err, want)
		}
	}
}

// What is no review, or whose.
func TestWhoReviews(t *testing.T) {
	t.Parallel()
	d := twoHolders(t, dbtest.Open(t, dbtest.SQLite))
	ctx := t.Context()
	r, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0"))
	agreementtest.Must(t, err)
	grant := schemas.Review{Decision: "grant", Reason: "fine"}
	for _, c := range []struct {
		name   string
		by     schemas.Principal
		id     schemas.RequestID
		review schemas.Review
		kind   schemas.Kind
		text   string
	}{
		{"nobody", schemas.Principal{}, r.ID, grant, schemas.Unauthenticated, "this needs a signed-in caller"},
		{"none", agreementtest.Owner(), "req-none", grant, schemas.NotFound, `There is no request "req-none"`},
		{"of others", otherOwner(), r.ID, grant, schemas.NotFound, "there is no request " + string(r.ID)},
		{"its asker", agreementtest.Trainer(), r.ID, grant, schemas.Denied, "only the holder or the access body reviews a request"},
		{"a trainer of the holder", agreementtest.Person("tim", agreementtest.Holder, schemas.RoleTrainer), r.ID, grant, schemas.Denied,
			"only the holder or the access body"},
		{"an operator who provides", agreementtest.Person("boss", agreementtest.Factory, schemas.RoleOperator, schemas.RoleProvider), r.ID,
			schemas.Review{Decision: "refuse"}, schemas.Conflict, "nothing in this request waits for your answer"},
		{"no answer", agreementtest.Owner(), r.ID, schemas.Review{Decision: "maybe"}, schemas.Invalid,
			`[/decision: "maybe" is neither grant nor refuse]`},
		{"a member no longer", agreementtest.Person("gone", agreementtest.Holder, schemas.RoleProvider), r.ID, grant, schemas.Denied,
			"you are no longer a provider of your organisation"},
	} {
		_, err := d.Review(ctx, c.by, c.id, c.review)
		agreementtest.Refused(t, c.name, err, c.kind, c.text)
	}
	stops := stop.New(d.Agreements, stop.NewBrake(d.DB, nil))
	_, err = stops.Stop(ctx, agreementtest.Operator(), agreementtest.Holder, "breach")
	agreementtest.Must(t, err)
	_, err = d.Review(ctx, agreementtest.Owner(), r.ID, grant)
	agreementtest.Refused(t, "a holder that was stopped", err, schemas.Denied, "stopped")
	_, err = stops.Unstop(ctx, agreementtest.Operator(), agreementtest.Holder, "settled")
	agreementtest.Must(t, err)
	_, err = d.Review(ctx, agreementtest.Owner(), r.ID, grant)
	agreementtest.Must(t, err)
	_, err = d.Review(ctx, agreementtest.Owner(), r.ID, grant)
	agreementtest.Refused(t, "twice", err, schemas.Conflict, "nothing in this request waits for your answer")
}

// A grant is judged again when it is given: terms that say no by then refuse it, and the
// reviewer still reads its request.
func TestAGrantIsJudgedAgain(t *testing.T) {
	t.Parallel()
	d := twoHolders(t, dbtest.Open(t, dbtest.SQLite))
	ctx := t.Context()
	r, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0"))
	agreementtest.Must(t, err)
	d.Shelf.Terms("ds-0", func(o *schemas.Offer) {
		o.Rules[0].Constraint = &schemas.Constraint{Left: "purpose", Operator: "isA", Right: []string{"education"}}
	})
	r, err = d.Review(ctx, agreementtest.Owner(), r.ID, schemas.Review{Decision: "grant", Reason: "fine"})
	agreementtest.Must(t, err)
	if it := r.Items[0]; r.State != schemas.RequestRefused || it.Decision.Verdict != schemas.VerdictNo || it.Agreement != "" ||
		it.Review.Decision != "grant" {
		t.Errorf("it is %+v", r)
	}
	again, err := d.Get(ctx, agreementtest.Owner(), r.ID)
	if err != nil || len(again.Items) != 1 {
		t.Errorf("the reviewer reads %+v, %v", again, err)
	}
}

// Requests are found by who asked, who reviews, who got an agreement of it, and whoever
// oversees; in pages and by state.
func TestWhoReadsRequests(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := twoHolders(t, database)
		ctx := t.Context()
		for _, ids := range [][]schemas.DatasetID{{"ds-0"}, {"ds-1"}, {"ds-2"}} {
			_, err := d.Submit(ctx, agreementtest.Trainer(), ask(ids...))
			agreementtest.Must(t, err)
		}
		for _, c := range []struct {
			name  string
			by    schemas.Principal
			state schemas.RequestState
			want  int
		}{
			{"the asker", agreementtest.Trainer(), "", 3},
			{"what waits", agreementtest.Trainer(), schemas.RequestPending, 2},
			{"what was refused", agreementtest.Trainer(), schemas.RequestRefused, 0},
			{"the Holder", agreementtest.Owner(), "", 2},
			{"what waits for the Holder", agreementtest.Owner(), schemas.RequestPending, 1},
			{"the other holder", otherOwner(), "", 1},
			{"an officer", agreementtest.Officer(), "", 3},
			{"a stranger", agreementtest.Person("eve", "https://two.example", schemas.RoleProvider), "", 0},
		} {
			n := 0
			for after, first := "", true; first || after != ""; first = false {
				page, next, err := d.Requests.List(ctx, c.by, c.state, after, 1)
				agreementtest.Must(t, err)
				for _, r := range page {
					n++
					if len(r.Items) != 1 || r.Revision == 0 {
						t.Errorf("%s reads %+v", c.name, r)
					}
					_, err := d.Get(ctx, c.by, r.ID)
					agreementtest.Must(t, err)
				}
				after = next
			}
			if n != c.want {
				t.Errorf("%s reads %d requests, want %d", c.name, n, c.want)
			}
		}
		_, _, err := d.Requests.List(ctx, schemas.Principal{}, "", "", 1)
		agreementtest.Refused(t, "nobody", err, schemas.Unauthenticated, "this needs a signed-in caller")
	})
}

// Who reads a request is told who asks, for which project and where, as of now; what is
// gone is left out.
func TestWhoAsks(t *testing.T) {
	t.Parallel()
	d := twoHolders(t, dbtest.Open(t, dbtest.SQLite))
	ctx := t.Context()
	d.Project(t, func(p *schemas.Project) {
		p.Description, p.Partners = "A model of wheat", []schemas.ParticipantID{agreementtest.Holder, second}
	})
	r, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0"))
	agreementtest.Must(t, err)
	d.Exec(t, `DELETE FROM participant WHERE id = ?`, string(second))
	got, err := d.GetWithAsker(ctx, agreementtest.Owner(), r.ID)
	agreementtest.Must(t, err)
	organisation := func(id schemas.ParticipantID) schemas.Organisation {
		return schemas.Organisation{ID: id, Name: "N", Country: "FR", Kind: schemas.KindResearch}
	}
	want := &schemas.RequestAbout{
		Asker:       organisation(agreementtest.Lab),
		Title:       "P",
		Description: "A model of wheat",
		Purposes:    []string{"train-model"},
		Partners:    []schemas.Organisation{organisation(agreementtest.Lab), organisation(agreementtest.Holder), {ID: second}},
		Place:       &schemas.RequestPlace{ID: "f", Name: "F", Country: "FR"},
	}
	if d := cmp.Diff(want, got.About); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	d.Exec(t, `DELETE FROM factory`)
	got, err = d.GetWithAsker(ctx, agreementtest.Owner(), r.ID)
	if err != nil || got.About.Place != nil || got.About.Title != "P" {
		t.Errorf("without the factory: %+v, %v", got.About, err)
	}
	d.Exec(t, `DELETE FROM project`)
	got, err = d.GetWithAsker(ctx, agreementtest.Owner(), r.ID)
	if err != nil || got.About.Title != "" || got.About.Asker.Name != "N" {
		t.Errorf("without the project: %+v, %v", got.About, err)
	}
}

// A dataset that is withdrawn refuses what waits on it, and nothing else.
func TestWhatWaitsOnAWithdrawnDataset(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := twoHolders(t, database)
		ctx := t.Context()
		both, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0", "ds-1"))
		agreementtest.Must(t, err)
		alone, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0"))
		agreementtest.Must(t, err)
		d.notices(t)
		ds := d.Shelf["ds-0"]
		agreementtest.Must(t, d.RefuseWaitingOn(ctx, agreementtest.Owner(), &ds, "withdrawn: out of date"))
		for id, want := range map[schemas.RequestID]string{both.ID: "pending refused pending", alone.ID: "refused refused"} {
			r, err := d.Get(ctx, agreementtest.Trainer(), id)
			agreementtest.Must(t, err)
			states := []string{string(r.State)}
			for _, it := range r.Items {
				states = append(states, string(it.State))
			}
			if got := strings.Join(states, " "); got != want || r.Items[0].Review.Reason != "withdrawn: out of date" {
				t.Errorf("the request is %s, want %s: %+v", got, want, r.Items[0].Review)
			}
		}
		if told := d.notices(t); len(told) != 1 || !strings.Contains(told[0], string(agreementtest.Lab)) {
			t.Errorf("they are told %v", told)
		}
		agreementtest.Must(t, d.RefuseWaitingOn(ctx, agreementtest.Owner(), &ds, "again"))
		if n := len(d.Entries(t, schemas.ChangeReview)); n != 2 {
			t.Errorf("the record has %d words of review, want 2", n)
		}
	})
}

// Joint domains are told with the other items that name them; of those that a reader may
// not see, the number alone.
func TestJoins(t *testing.T) {
	t.Parallel()
	joint := func(domain string, with []string, columns ...string) schemas.Duty {
		return schemas.Duty{Kind: schemas.DutyPseudonymise, Domain: domain, With: with, Columns: columns}
	}
	item := func(id schemas.DatasetID, state schemas.RequestState, columns []string, duties ...schemas.Duty) schemas.RequestItem {
		return schemas.RequestItem{Dataset: id, State: state, Columns: columns, Decision: &schemas.Decision{Obligations: duties}}
	}
	all := []schemas.RequestItem{
		item("a", schemas.RequestPending, nil, joint("farm", []string{"x", "y"}, "id", "name"), joint("", nil, "other")),
		item("b", schemas.RequestGranted, []string{"id"}, joint("farm", []string{"x", "y"}, "id", "name")),
		item("c", schemas.RequestRefused, nil, joint("farm", []string{"x", "y"}, "id")),
		item("d", schemas.RequestGranted, nil, joint("farm", []string{"x", "z"}, "id")),
		item("e", schemas.RequestGranted, []string{"other"}, joint("farm", []string{"x", "y"}, "id")),
		{Dataset: "f", State: schemas.RequestGranted},
	}
	markJoins(all)
	var got []string
	for _, it := range all {
		for _, j := range it.Joins {
			got = append(got, fmt.Sprint(it.Dataset, " ", j.Domain, " ", j.Parties, " ", j.Columns, " ", j.Items, " ", j.Others))
		}
	}
	want := []string{"a farm [x y] [id name] [b e] 0", "b farm [x y] [id] [a e] 0", "d farm [x z] [id] [] 0"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	some := slices.Clone(all[:1])
	countOthers(some)
	if j := some[0].Joins[0]; len(j.Items) != 0 || j.Others != 2 {
		t.Errorf("who sees one item reads %+v", j)
	}
	if j := all[0].Joins[0]; len(j.Items) != 2 {
		t.Errorf("and the others' list is gone: %+v", j)
	}
}
