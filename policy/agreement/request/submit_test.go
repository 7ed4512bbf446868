package request

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/terms"
	"guichet/schemas"
)

func items(ids ...schemas.DatasetID) (out []schemas.RequestItem) {
	for _, id := range ids {
		out = append(out, schemas.RequestItem{Dataset: id})
	}
	return out
}

// ask is a request of the Lab's project.
func ask(ids ...schemas.DatasetID) schemas.Request {
	return schemas.Request{Project: "p", Items: items(ids...)}
}

// reviewed makes a dataset one that its holder looks at each request for.
func (d *rig) reviewed(ids ...schemas.DatasetID) {
	for _, id := range ids {
		d.Shelf.Terms(id, func(o *schemas.Offer) { o.Review, o.Follow = true, false })
	}
}

// A request that the terms grant becomes an agreement for each item, on the version of
// today and on the terms as they are, and both stand in the record.
func TestAGrantedRequest(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newRig(t, database, 100, 0)
		ctx := t.Context()
		asked := ask("ds-0", "ds-1")
		asked.Items[0].Columns, asked.Items[0].Rows = []string{"x"}, 40
		asked.Contact = "mailto:ada@lab.example"
		r, err := d.Submit(ctx, agreementtest.Trainer(), asked)
		agreementtest.Must(t, err)
		if r.State != schemas.RequestGranted || !r.Decided.Equal(r.Submitted) || r.By != agreementtest.Lab ||
			r.Purpose != "train-model" || r.Factory != "f" ||
			r.Action != "train" ||
			r.Contact != "ada@lab.example" ||
			r.Revision != 1 {
			t.Errorf("the request is %+v", r)
		}
		for i, it := range r.Items {
			a, err := d.Agreements.Get(ctx, agreementtest.Owner(), it.Agreement)
			agreementtest.Must(t, err)
			if a.Permit != r.ID || a.Dataset != it.Dataset || a.Provider != agreementtest.Holder || a.Participant != agreementtest.Lab ||
				a.Project != "p" ||
				a.Purpose != "train-model" || a.Factory != "f" || a.Action != "train" || !slices.Equal(a.Versions, []schemas.VersionID{"v1"}) ||
				!a.Follow ||
				a.Pseudonyms != schemas.Pseudonyms || a.State != schemas.AgreementActive ||
				a.DecisionDigest != it.Decision.Digest ||
				a.Until.Sub(a.From) != DefaultTerm {
				t.Errorf("agreement %d is %+v", i, a)
			}
			want := int64(100)
			if i == 0 { // what it asked for itself
				want = 40
			}
			if *a.Left.Rows != want || len(a.Columns) != 1-i {
				t.Errorf("agreement %d has %d rows left of columns %v", i, *a.Left.Rows, a.Columns)
			}
			of := d.Entries(t, schemas.ChangeAgreement)[i]
			if of.Subject != string(a.ID) || of.Values["permit"] != string(r.ID) || of.Values["rules"] == "" ||
				of.Values["by"] != string(agreementtest.Lab) ||
				len(of.Values["terms"]) != 64 ||
				of.Numbers["until"] != a.Until.Unix() {
				t.Errorf("agreement %d stands in the record as %+v", i, of)
			}
			is := d.Entries(t, schemas.ChangeRequest)[i]
			if is.Subject != string(r.ID) || is.Values["agreement"] != string(a.ID) || is.Values["state"] != "granted" ||
				is.Values["decision"] != it.Decision.Digest {
				t.Errorf("item %d stands in the record as %+v", i, is)
			}
		}
		again, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0"))
		agreementtest.Must(t, err)
		if notes := fmt.Sprint(again.Items[0].Decision.Notes); !strings.Contains(
			notes, "agreement "+string(r.Items[0].Agreement)+" stands for the same use until ",
		) {
			t.Errorf("asked again, the notes are %s", notes)
		}
	})
}

// What is not a request is said field by field, and leaves nothing behind.
// To check is to be told all that asking would tell, and to ask for nothing.
func TestCheck(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newRig(t, database, 100, 0)
		ctx := t.Context()
		granted, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0"))
		agreementtest.Must(t, err)
		would, err := d.Requests.Check(ctx, agreementtest.Trainer(), ask("ds-0"))
		agreementtest.Must(t, err)
		it := would.Items[0]
		if would.ID != "" || would.State != schemas.RequestGranted || it.Agreement != "" || it.Decision.Verdict != schemas.VerdictYes ||
			!slices.ContainsFunc(it.Decision.Notes, func(n string) bool { return strings.Contains(n, string(granted.Items[0].Agreement)) }) {
			t.Errorf("it would be %+v, decided %+v", would, it.Decision)
		}
		for field, wrong := range map[string]func(r *schemas.Request){
			"/contact":         func(r *schemas.Request) { r.Contact = "nowhere" },
			"/until":           func(r *schemas.Request) { r.Until = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) },
			"/project":         func(r *schemas.Request) { r.Project = "" },
			"/items/1/dataset": func(r *schemas.Request) { r.Items = items("ds-0", "ds-0") },
		} {
			r := ask("ds-0")
			wrong(&r)
			_, err := d.Requests.Check(ctx, agreementtest.Trainer(), r)
			_, like := d.Submit(ctx, agreementtest.Trainer(), r)
			if !strings.Contains(fmt.Sprintf("%+v", err), field) && (err == nil || like == nil || err.Error() != like.Error()) {
				t.Errorf("%s: %v, and asked %v", field, err, like)
			}
		}
		if _, err := d.Requests.Check(ctx, agreementtest.Owner(), ask("ds-0")); schemas.KindOf(err) != schemas.Denied {
			t.Errorf("by who is no trainer: %v", err)
		}
		all, _, err := d.Requests.List(ctx, agreementtest.Trainer(), "", "", 10)
		agreementtest.Must(t, err)
		if len(all) != 1 {
			t.Errorf("checking left %d requests", len(all)-1)
		}
	})
}

func TestWhatIsNoRequest(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	d.Project(t, func(p *schemas.Project) { p.Purposes = []string{"train-model", "marketing"} })
	listed := d.Shelf["ds-2"]
	listed.Visibility = schemas.VisibleToListed
	d.Shelf["ds-2"] = listed
	change := func(f func(*schemas.Request)) schemas.Request {
		r := ask("ds-0")
		r.Purpose = "train-model"
		f(&r)
		return r
	}
	same := change(func(*schemas.Request) {})
	for _, c := range []struct {
		name string
		by   schemas.Principal
		r    schemas.Request
		kind schemas.Kind
		text string
	}{
		{"nobody", schemas.Principal{}, same, schemas.Unauthenticated, "this needs a signed-in caller"},
		{"the provider", agreementtest.Owner(), same, schemas.Denied, "only trainers ask for data"},
		{"a trainer no longer", agreementtest.Person("eve", agreementtest.Lab, schemas.RoleTrainer), same, schemas.Denied,
			"you are no longer a trainer of your organisation"},
		{"no project", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Project = "" }), schemas.Invalid,
			"[/project: name the project that the data is for]"},
		{"another project", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Project = "q" }), schemas.Invalid,
			`[/project: you take part in no project "q"]`},
		{"no factory", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Factory = "g" }), schemas.Invalid,
			`[/factory: there is no factory "g"]`},
		{"no purpose", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Purpose = "" }), schemas.Invalid,
			"[/purpose: say what the data is for]"},
		{"no way to ask back", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Contact = "ada" }), schemas.Invalid,
			`[/contact: "ada" is nowhere to ask back`},
		{"long answers", agreementtest.Trainer(),
			change(func(r *schemas.Request) { r.Answers = map[string]string{"why": strings.Repeat("x", maxAnswers-2)} }),
			schemas.Invalid, "[/answers: the answers are 65537 bytes long, of at most 65536"},
		{"reading for training", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Action = "read" }), schemas.Invalid,
			"[/action: the purpose train-model trains on the data"},
		{"a dataset twice", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Items = items("ds-0", "ds-1", "ds-0") }),
			schemas.Invalid, "[/items/2/dataset: the dataset is given twice"},
		{"a dataset that is not there", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Items = items("ds-9") }),
			schemas.NotFound, "there is no dataset ds-9"},
		{"one that is not to be seen", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Items = items("ds-2") }),
			schemas.NotFound, "there is no dataset ds-2"},
		{"a column that is not there", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Items[0].Columns = []string{"w"} }),
			schemas.Invalid,
			`[/items/0/columns/0: no table of ds-0 has a column "w"]`},
		{"an end that is over", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Until = time.Now().Add(-time.Hour) }),
			schemas.Invalid, "[/until: the end must lie between now and ten years from now]"},
		{"an end far away", agreementtest.Trainer(), change(func(r *schemas.Request) { r.Until = time.Now().Add(MaxTerm + time.Hour) }),
			schemas.Invalid, "[/until: the end must lie between"},
	} {
		_, err := d.Submit(ctx, c.by, c.r)
		agreementtest.Refused(t, c.name, err, c.kind, c.text)
	}
	if all, _, err := d.Requests.List(ctx, agreementtest.Officer(), "", "", 10); len(all) != 0 || err != nil {
		t.Errorf("%d requests are stored, %v", len(all), err)
	}
}

// An agreement ends when the first of these does: what was asked, the project, the term.
func TestWhenAgreementsEnd(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	now := time.Now().UTC().Truncate(time.Second)
	for _, c := range []struct {
		name           string
		asked, project time.Time
		want           time.Time
	}{
		{"nothing is said", time.Time{}, time.Time{}, now.Add(DefaultTerm)},
		{"asked for a day", now.Add(24 * time.Hour), time.Time{}, now.Add(24 * time.Hour)},
		{"asked for three years", now.Add(3 * DefaultTerm), time.Time{}, now.Add(3 * DefaultTerm)},
		{"the project ends before", now.Add(48 * time.Hour), now.Add(24 * time.Hour), now.Add(24 * time.Hour)},
		{"the project ends after", now.Add(24 * time.Hour), now.Add(48 * time.Hour), now.Add(24 * time.Hour)},
		{"the project alone", time.Time{}, now.Add(24 * time.Hour), now.Add(24 * time.Hour)},
	} {
		d.Project(t, func(p *schemas.Project) { p.Until = c.project })
		r := ask("ds-0")
		r.Until = c.asked
		r, err := d.Submit(t.Context(), agreementtest.Trainer(), r)
		agreementtest.Must(t, err)
		a, err := d.Agreements.Get(t.Context(), agreementtest.Trainer(), r.Items[0].Agreement)
		agreementtest.Must(t, err)
		if d := a.Until.Sub(c.want); d < 0 || d > time.Minute {
			t.Errorf("%s: it ends on %s, want %s", c.name, a.Until, c.want)
		}
	}
}

// A dry run, the mark of a search and a request give the same reasons, also those that come
// of the project and not of the terms.
func TestWhyNot(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 10, 0)
	ctx := t.Context()
	ds := d.Shelf["ds-1"]
	ds.Latest = nil
	d.Shelf["ds-1"] = ds
	d.Shelf.Terms("ds-2", func(o *schemas.Offer) {
		o.Rules[0].Duties = []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"x"}}}
	})
	for _, c := range []struct {
		name    string
		before  func()
		dataset schemas.DatasetID
		columns []string
		rule    string
		text    string
	}{
		{"a yes", func() {}, "ds-0", nil, "", ""},
		{"nothing is published", func() {}, "ds-1", nil, "dataset.unpublished", "nothing of this dataset is published here yet"},
		{"a hidden column", func() {}, "ds-2", []string{"x"}, "", `column "x" is hidden by the terms`},
		{"a purpose that is not the project's", func() { d.Project(t, func(p *schemas.Project) { p.Purposes = []string{"marketing"} }) },
			"ds-0", nil, "project.purpose",
			"the project p is not for train-model"},
		{"a project that is over", func() {
			d.Project(t, func(p *schemas.Project) {
				p.Purposes, p.From, p.Until = []string{"train-model"}, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
			})
		}, "ds-0", nil, "project.time", "the project p is not under way"},
		{"an organisation that was stopped", func() {
			d.Project(t, func(p *schemas.Project) { p.Until = time.Time{} })
			_, err := stop.New(d.Agreements, stop.NewBrake(d.DB, nil)).Stop(ctx, agreementtest.Operator(), agreementtest.Lab, "breach")
			agreementtest.Must(t, err)
		}, "ds-0", nil, "participant.stopped", "your organisation was stopped"},
	} {
		c.before()
		dry, err := d.DryRun(
			ctx, agreementtest.Trainer(), schemas.Ask{Dataset: c.dataset, Project: "p", Purpose: "train-model", Columns: c.columns},
		)
		agreementtest.Must(t, err)
		r := schemas.Request{Project: "p", Purpose: "train-model", Items: []schemas.RequestItem{{Dataset: c.dataset, Columns: c.columns}}}
		r, err = d.Submit(ctx, agreementtest.Trainer(), r)
		agreementtest.Must(t, err)
		decisions := []schemas.Decision{dry, *r.Items[0].Decision}
		if c.columns == nil { // a search asks for none
			f, err := d.Attributes(ctx, agreementtest.Trainer(), "p", "train-model", "")
			agreementtest.Must(t, err)
			found := d.Shelf[c.dataset]
			marks, err := d.Decide(ctx, f, []*schemas.Dataset{&found})
			agreementtest.Must(t, err)
			decisions = append(decisions, marks...)
		}
		for i, dec := range decisions {
			if c.text == "" {
				if dec.Verdict != schemas.VerdictYes || *dec.Left.Rows != 10 {
					t.Errorf("%s, %d: %+v", c.name, i, dec)
				}
				continue
			}
			if dec.Verdict != schemas.VerdictNo || len(dec.Obligations) > 0 ||
				!slices.ContainsFunc(dec.Reasons, func(r schemas.Reason) bool { return r.Text == c.text && (c.rule == "" || r.Rule == c.rule) }) {
				t.Errorf("%s, %d: %s %+v, want a no: %s", c.name, i, dec.Verdict, dec.Reasons, c.text)
			}
		}
		if refused := c.text != ""; refused != (r.State == schemas.RequestRefused) || refused == (r.Items[0].Agreement != "") {
			t.Errorf("%s: the request is %s", c.name, r.State)
		}
	}
	_, err := d.DryRun(ctx, agreementtest.Trainer(), schemas.Ask{Dataset: "ds-9", Project: "p"})
	agreementtest.Refused(t, "a dataset that is not there", err, schemas.NotFound, "there is no dataset ds-9")
	_, err = d.DryRun(ctx, agreementtest.Trainer(), schemas.Ask{Dataset: "ds-0", Project: "q"})
	agreementtest.Refused(t, "a project that is not there", err, schemas.Invalid, `[/project: you take part in no project "q"]`)
}

// A project has only so many requests waiting; what is answered at once does not count.
func TestWaitingRequestsAreBounded(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	d.reviewed("ds-1")
	for range maxPending {
		r, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-1"))
		if err != nil || r.State != schemas.RequestPending {
			t.Fatalf("%s, %v", r.State, err)
		}
	}
	_, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-1"))
	agreementtest.Refused(t, "one more", err, schemas.TooLarge, "the project has 2 requests that wait for an answer, which is the most here")
	_, err = d.Submit(ctx, agreementtest.Trainer(), ask("ds-0"))
	agreementtest.Must(t, err)
	many := New(Config{Agreements: d.Agreements, Engine: d.engine, Catalogue: d.Shelf, Terms: terms.New(d.Shelf, nil)})
	_, err = many.Submit(ctx, agreementtest.Trainer(), ask("ds-1"))
	agreementtest.Must(t, err)
}

// What a project's purposes and place say is taken where the request says nothing.
func TestAttributes(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	for _, c := range []struct {
		name    string
		by      schemas.Principal
		project schemas.ProjectID
		purpose string
		factory schemas.FactoryID
		want    policy.Attributes
	}{
		{"nobody", schemas.Principal{}, "", "", "", policy.Attributes{}},
		{"a purpose alone", agreementtest.Trainer(), "", "research", "",
			policy.Attributes{Purpose: "research", Participant: schemas.Participant{ID: agreementtest.Lab}}},
		{"a project", agreementtest.Trainer(), "p", "", "",
			policy.Attributes{Purpose: "train-model", Participant: schemas.Participant{ID: agreementtest.Lab},
				Project: schemas.Project{ID: "p"}, Factory: schemas.Factory{ID: "f"}}},
		{"another purpose", agreementtest.Trainer(), "p", "marketing", "f",
			policy.Attributes{Purpose: "marketing", Participant: schemas.Participant{ID: agreementtest.Lab},
				Project: schemas.Project{ID: "p"}, Factory: schemas.Factory{ID: "f"}}},
		{"an organisation that is not known", agreementtest.Officer(), "", "", "", policy.Attributes{}},
	} {
		f, err := d.Attributes(ctx, c.by, c.project, c.purpose, c.factory)
		agreementtest.Must(t, err)
		if f.Purpose != c.want.Purpose || f.Participant.ID != c.want.Participant.ID || f.Project.ID != c.want.Project.ID ||
			f.Factory.ID != c.want.Factory.ID ||
			f.Now.IsZero() {
			t.Errorf("%s: %+v, want %+v", c.name, f, c.want)
		}
	}
}
