package call_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/call"
	"guichet/schemas"
)

// The people of agreementtest's world, and the funder whose calls they are.
const funder = schemas.ParticipantID("https://funder.example")

func boss() schemas.Principal { return agreementtest.Operator() }
func ada() schemas.Principal  { return agreementtest.Trainer() }
func fritz() schemas.Principal {
	return agreementtest.Person("fritz", funder, schemas.RoleTrainer)
}

var (
	day   = 24 * time.Hour
	start = time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
)

// rig is a world with calls, and a clock that a test moves.
type rig struct {
	*agreementtest.World
	*call.Calls
	t   *testing.T
	now time.Time
	mu  sync.Mutex
}

func newRig(t *testing.T, database *db.DB) *rig {
	t.Helper()
	r := &rig{World: agreementtest.New(t, database, 0, 0), t: t, now: start}
	r.Calls = call.New(call.Config{DB: database, Spaces: []schemas.SpaceProfile{{ID: "agriculture"}, {ID: "health"}}, Now: func() time.Time {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.now
	}})
	r.Organisation(t, agreementtest.Factory, func(p *schemas.Participant) { p.Roles = []schemas.Role{schemas.RoleOperator} })
	r.Join(t, fritz())
	return r
}

func (r *rig) later(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// sample is a call of the funder's for ten days.
func sample() call.Call {
	return call.Call{ID: "agri-2027", Name: "Call for agriculture start-ups 2027", Owner: funder, Opens: start, Closes: start.Add(10 * day)}
}

func (r *rig) put(change func(*call.Call)) call.Call {
	r.t.Helper()
	c := sample()
	if change != nil {
		change(&c)
	}
	out, err := r.Calls.Put(r.t.Context(), boss(), c, 0)
	agreementtest.Must(r.t, err)
	return out
}

// project adds a project of the Lab's.
func (r *rig) project(id schemas.ProjectID, change func(*schemas.Project)) schemas.Project {
	r.t.Helper()
	p := schemas.Project{ID: id, Title: "Project " + string(id), Lead: agreementtest.Lab, Factory: "f", Purposes: []string{"train-model"}}
	if change != nil {
		change(&p)
	}
	out, err := r.Parties.PutProject(r.t.Context(), boss(), p, 0)
	agreementtest.Must(r.t, err)
	return out
}

func (r *rig) apply(id schemas.ProjectID) {
	r.t.Helper()
	_, err := r.Apply(r.t.Context(), ada(), "agri-2027", call.CandidateAsk{Project: id})
	agreementtest.Must(r.t, err)
}

func (r *rig) admit(id schemas.ProjectID) (call.Candidate, error) {
	return r.Answer(r.t.Context(), fritz(), "agri-2027", id, call.CandidateAnswer{Decision: "admit"})
}

// A call from its beginning to its end: each step is an entry of the record, and the project says that it was admitted.
func TestCallIsMadeAskedAndAnswered(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r, ctx := newRig(t, d), t.Context()
		c := r.put(func(c *call.Call) { c.Projects, c.Rows = 2, 100 })
		if c.State != call.Open || c.Revision != 1 || !c.Answers || c.Used == nil {
			t.Errorf("%+v", c)
		}
		a, err := r.Apply(ctx, ada(), c.ID, call.CandidateAsk{Project: "p", Word: " We grow. "})
		agreementtest.Must(t, err)
		if a.State != call.Waiting || a.Lead != agreementtest.Lab || a.Title != "P" || a.Word != "We grow." || !a.Asked.Equal(start) {
			t.Errorf("%+v", a)
		}
		if c, err = r.Calls.Get(ctx, fritz(), c.ID); err != nil || c.Waiting != 1 || c.Admitted != 0 {
			t.Errorf("%+v, %v", c, err)
		}
		_, err = r.Apply(ctx, ada(), c.ID, call.CandidateAsk{Project: "p"})
		agreementtest.Refused(t, "asked again", err, schemas.Conflict, "was not answered yet")
		r.later(11 * day) // the window is for asking
		a, err = r.admit("p")
		agreementtest.Must(t, err)
		if a.State != call.Admitted || a.Decider != funder || a.Revision != 2 {
			t.Errorf("%+v", a)
		}
		p, err := r.Parties.Project(ctx, "p")
		if err != nil || p.Call != c.ID {
			t.Errorf("the project is %+v, %v", p, err)
		}
		_, err = r.admit("p")
		agreementtest.Refused(t, "admitted again", err, schemas.Conflict, "it is admitted")
		if c, err = r.Calls.Get(ctx, ada(), c.ID); err != nil || c.State != call.Over || c.Admitted != 1 || c.Used != nil || c.Answers {
			t.Errorf("what a stranger to it sees is %+v, %v", c, err)
		}
		c, err = r.Close(ctx, fritz(), c.ID, "all money is spent")
		if err != nil || c.State != call.Closed || c.ClosedFor != "all money is spent" {
			t.Errorf("%+v, %v", c, err)
		}
		_, err = r.Close(ctx, fritz(), c.ID, "again")
		agreementtest.Refused(t, "closed again", err, schemas.Conflict, "was closed on 2027-01-12")
		_, err = r.Calls.Put(ctx, boss(), sample(), c.Revision)
		agreementtest.Refused(t, "changed then", err, schemas.Conflict, "was closed")
		for kind, want := range map[string]int{schemas.ChangeCall: 2, schemas.ChangeCallAsked: 1, schemas.ChangeCallAdmitted: 1} {
			if got := r.Entries(t, kind); len(got) != want {
				t.Errorf("%s: %+v", kind, got)
			}
		}
		e := r.Entries(t, schemas.ChangeCallAdmitted)[0]
		if e.Subject != "project/p" || e.Values["call"] != c.ID || e.Values["participant"] != string(agreementtest.Lab) ||
			e.Values["by"] != string(funder) || e.Values["subject"] != "i#fritz" {
			t.Errorf("%+v", e)
		}
	})
}

// What is wrong with a call is said where it stands.
func TestCallsWithFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.Open(t, dbtest.SQLite))
	r.put(func(c *call.Call) { c.ID = "first" })
	for _, c := range []struct {
		name   string
		change func(*call.Call)
		at     string
		says   string
	}{
		{"no id", func(c *call.Call) { c.ID = "" }, "/id", "cannot name a call"},
		{"an odd id", func(c *call.Call) { c.ID = "Agri 2027" }, "/id", "cannot name a call"},
		{"no name", func(c *call.Call) { c.Name = " \t" }, "/name", "one line with letters"},
		{"a name of digits", func(c *call.Call) { c.Name = "2027" }, "/name", "one line with letters"},
		{"a name that is long", func(c *call.Call) { c.Name = fmt.Sprintf("%0201d a", 7) }, "/name", "at most 200 bytes"},
		{"a name that turns", func(c *call.Call) { c.Name = "Call \u202e 7202" }, "/name", "control characters"},
		{"letters that look alike", func(c *call.Call) { c.Name = "C\u0430ll of the Alps" }, "/name", "several scripts"},
		{"the name of another", func(c *call.Call) {}, "/name", "the call first has this name"},
		{"one that looks like it", func(c *call.Call) { c.Name = "CALL for agriculture: startups 2027!" }, "/name", "looks like it"},
		{"a hostile description", func(c *call.Call) { c.Name, c.Description = "Second", "a\x00b" }, "/description", "control characters"},
		{"no end", func(c *call.Call) { c.Closes = time.Time{} }, "/closes", "until when"},
		{"an end before the beginning", func(c *call.Call) { c.Closes = c.Opens.Add(-day) }, "/closes", "not after it opens"},
		{"an end at the beginning", func(c *call.Call) { c.Closes = c.Opens }, "/closes", "not after it opens"},
		{"a window without end", func(c *call.Call) { c.Closes = c.Opens.Add(4000 * day) }, "/closes", "ten years"},
		{"projects of less than no time", func(c *call.Call) { c.MaxDays = -1 }, "/max_days", "1 to 3650 days"},
		{"for ever", func(c *call.Call) { c.MaxDays = 4000 }, "/max_days", "1 to 3650 days"},
		{"fewer than no projects", func(c *call.Call) { c.Projects = -1 }, "/projects", "-1"},
		{"a negative budget of rows", func(c *call.Call) { c.Rows = -5 }, "/rows", "not below nothing"},
		{"a negative budget of bytes", func(c *call.Call) { c.Bytes = -5 }, "/bytes", "not below nothing"},
		{"an owner who is not here", func(c *call.Call) { c.Owner = "https://nobody.example" }, "/owner", "no participant"},
		{"a factory that is not here", func(c *call.Call) { c.Factories = []schemas.FactoryID{"f", "g"} }, "/factories/1", "no factory"},
		{"a factory twice", func(c *call.Call) { c.Factories = []schemas.FactoryID{"f", "f"} }, "/factories/1", "named twice"},
		{"a space that is none", func(c *call.Call) { c.Spaces = []schemas.SpaceID{"moon"} }, "/spaces/0", "no data space"},
		{"a space twice", func(c *call.Call) { c.Spaces = []schemas.SpaceID{"health", "health"} }, "/spaces/1", "named twice"},
	} {
		in := sample()
		c.change(&in)
		_, err := r.Calls.Put(t.Context(), boss(), in, 0)
		agreementtest.Refused(t, c.name, err, schemas.Invalid, c.at, c.says)
	}
	_, err := r.Calls.Put(t.Context(), fritz(), sample(), 0)
	agreementtest.Refused(t, "no operator", err, schemas.Denied, "to change calls needs the role operator")
	_, err = r.Calls.Put(t.Context(), schemas.Principal{}, sample(), 0)
	agreementtest.Refused(t, "nobody", err, schemas.Unauthenticated)
}

// A call is changed by who read it last, and never below what it has.
func TestCallsChange(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	c := r.put(nil)
	_, err := r.Calls.Put(ctx, boss(), sample(), 0)
	agreementtest.Refused(t, "made again", err, schemas.Conflict, "there is a call agri-2027 already")
	r.project("q", nil)
	for _, p := range []schemas.ProjectID{"p", "q"} {
		r.apply(p)
		_, err = r.admit(p)
		agreementtest.Must(t, err)
	}
	c.Projects = 1
	_, err = r.Calls.Put(ctx, boss(), c, c.Revision)
	agreementtest.Refused(t, "fewer than it has", err, schemas.Invalid, "/projects", "2 projects already")
	c.Projects, c.Closes = 2, c.Closes.Add(day)
	changed, err := r.Calls.Put(ctx, boss(), c, c.Revision)
	if err != nil || changed.Revision != 2 || !changed.Closes.Equal(c.Closes) || changed.Admitted != 2 {
		t.Errorf("%+v, %v", changed, err)
	}
	_, err = r.Calls.Put(ctx, boss(), c, c.Revision)
	agreementtest.Refused(t, "from an old copy", err, schemas.Precondition)
	c.ID, c.Name = "none", "None of them"
	_, err = r.Calls.Put(ctx, boss(), c, 1)
	agreementtest.Refused(t, "one that is not there", err, schemas.NotFound)
	r.Exec(t, `UPDATE call SET doc = replace(doc, '"projects":2', '"projects":9') WHERE id = 'agri-2027'`)
	_, err = r.Calls.Get(ctx, boss(), "agri-2027")
	agreementtest.Refused(t, "edited behind the gateway", err, schemas.Unavailable, "rules nothing")
}

// One asks while a call is open.
func TestWindows(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	r.put(func(c *call.Call) { c.Opens = start.Add(day) })
	ask := func(want schemas.Kind, says string) {
		t.Helper()
		_, err := r.Apply(ctx, ada(), "agri-2027", call.CandidateAsk{Project: "p"})
		agreementtest.Refused(t, "ask", err, want, says, "call.window")
	}
	ask(schemas.Denied, "opens on 2027-01-02 12:00 UTC")
	r.later(day)
	r.apply("p")
	_, err := r.Withdraw(ctx, ada(), "agri-2027", "p")
	agreementtest.Must(t, err)
	_, err = r.Withdraw(ctx, ada(), "agri-2027", "p")
	agreementtest.Refused(t, "withdrawn again", err, schemas.Conflict, "it is withdrawn")
	r.later(9*day - time.Second)
	r.apply("p")
	_, err = r.Withdraw(ctx, ada(), "agri-2027", "p")
	agreementtest.Must(t, err)
	r.later(time.Second)
	ask(schemas.Denied, "was open until 2027-01-11 12:00 UTC")
	r.put(func(c *call.Call) { c.ID, c.Name, c.Closes = "other", "Another call", start.Add(100*day) })
	_, err = r.Close(ctx, boss(), "other", "a mistake")
	agreementtest.Must(t, err)
	_, err = r.Apply(ctx, ada(), "other", call.CandidateAsk{Project: "p"})
	agreementtest.Refused(t, "closed by hand", err, schemas.Denied, "was closed on 2027-01-11", "call.window")
	for state, want := range map[string]int{"": 2, "over": 1, "closed": 1, "open": 0} {
		list, _, err := r.Calls.List(ctx, ada(), state, "", 10)
		if err != nil || len(list) != want {
			t.Errorf("%q: %+v, %v", state, list, err)
		}
	}
	_, _, err = r.Calls.List(ctx, ada(), "shut", "", 10)
	agreementtest.Refused(t, "no state", err, schemas.Invalid, "shut")
	_, _, err = r.Calls.List(ctx, schemas.Principal{}, "", "", 10)
	agreementtest.Refused(t, "nobody", err, schemas.Unauthenticated)
}

// Who may ask, with which project, and what is said of those who may not.
func TestWhoAsks(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	r.put(func(c *call.Call) {
		c.MaxDays, c.Factories, c.Spaces = 365, []schemas.FactoryID{"f"}, []schemas.SpaceID{"agriculture"}
	})
	_, err := r.Parties.PutFactory(ctx, boss(), schemas.Factory{ID: "g", Name: "G", Country: "IT"}, 0)
	agreementtest.Must(t, err)
	dated := func(days int) func(p *schemas.Project) {
		return func(p *schemas.Project) {
			p.From, p.Until = start, start.Add(time.Duration(days)*day)
			p.Partners = []schemas.ParticipantID{agreementtest.Holder}
		}
	}
	r.project("good", dated(365))
	r.project("long", dated(366))
	r.project("endless", nil)
	r.project("elsewhere", func(p *schemas.Project) { dated(10)(p); p.Factory = "g" })
	r.project("ill", func(p *schemas.Project) { dated(10)(p); p.Domain = "health" })
	hal := agreementtest.Person("hal", agreementtest.Holder, schemas.RoleTrainer)
	guest := schemas.Principal{Issuer: "i", Subject: "guest"}
	for _, c := range []struct {
		name    string
		by      schemas.Principal
		call    string
		project schemas.ProjectID
		kind    schemas.Kind
		says    string
	}{
		{"nobody", schemas.Principal{}, "agri-2027", "good", schemas.Unauthenticated, ""},
		{"a guest", guest, "agri-2027", "good", schemas.Denied, "needs the role trainer"},
		{"who provides", agreementtest.Owner(), "agri-2027", "good", schemas.Denied, "needs the role trainer"},
		{"a partner", hal, "agri-2027", "good", schemas.Denied, "call.lead"},
		{"a project of others", fritz(), "agri-2027", "good", schemas.Invalid, "you take part in no project"},
		{"no project", ada(), "agri-2027", "none", schemas.Invalid, "you take part in no project"},
		{"no call", ada(), "none", "good", schemas.NotFound, ""},
		{"too long", ada(), "agri-2027", "long", schemas.Invalid, "longer than the 365 days"},
		{"without an end", ada(), "agri-2027", "endless", schemas.Invalid, "from when to when"},
		{"elsewhere", ada(), "agri-2027", "elsewhere", schemas.Invalid, "runs at g"},
		{"of another space", ada(), "agri-2027", "ill", schemas.Invalid, "of the data space health"},
	} {
		_, err := r.Apply(ctx, c.by, c.call, call.CandidateAsk{Project: c.project})
		agreementtest.Refused(t, c.name, err, c.kind, c.says)
	}
	_, err = r.Apply(ctx, ada(), "agri-2027", call.CandidateAsk{Project: "good", Word: "a\x00b"})
	agreementtest.Refused(t, "hostile words", err, schemas.Invalid, "/word")
	r.apply("good")
	for who, want := range map[string]int{"ada": 1, "boss": 1, "fritz": 1, "hal": 1, "zoe": 0} {
		by := map[string]schemas.Principal{"ada": ada(), "boss": boss(), "fritz": fritz(), "hal": hal,
			"zoe": agreementtest.Person("zoe", "https://zoe.example", schemas.RoleTrainer)}[who]
		list, _, err := r.Applications(ctx, by, "agri-2027", "", 10)
		if err != nil || len(list) != want {
			t.Errorf("%s reads %+v, %v", who, list, err)
		}
	}
	_, _, err = r.Applications(ctx, ada(), "none", "", 10)
	agreementtest.Refused(t, "of no call", err, schemas.NotFound)
	_, err = r.admit("good")
	agreementtest.Must(t, err)
	p, err := r.Parties.Project(ctx, "good")
	agreementtest.Must(t, err)
	p.Until = p.Until.Add(day)
	_, err = r.Parties.PutProject(ctx, ada(), p, p.Revision)
	agreementtest.Refused(t, "made longer afterwards", err, schemas.Invalid, "longer than the 365 days")
	p.Until, p.Call, p.Title = p.Until.Add(-2*day), "", "Shorter"
	p, err = r.Parties.PutProject(ctx, ada(), p, p.Revision)
	if err != nil || p.Call != "agri-2027" {
		t.Errorf("a project leaves its call by a change: %+v, %v", p, err)
	}
	q := schemas.Project{ID: "sly", Title: "Sly", Factory: "f", Purposes: []string{"train-model"}, Call: "agri-2027"}
	q, err = r.Parties.PutProject(ctx, ada(), q, 0)
	if err != nil || q.Call != "" {
		t.Errorf("a project admits itself: %+v, %v", q, err)
	}
	_, err = r.Apply(ctx, ada(), "agri-2027", call.CandidateAsk{Project: "good"})
	agreementtest.Refused(t, "admitted already", err, schemas.Conflict, "under one only")
}

// Who answers: the operator, and members of the owner but for projects of their own.
func TestWhoAnswers(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	r.put(nil)
	r.project("q", func(p *schemas.Project) { p.Partners = []schemas.ParticipantID{funder} })
	r.apply("p")
	r.apply("q")
	admit, decline := call.CandidateAnswer{Decision: "admit"}, call.CandidateAnswer{Decision: "decline"}
	for _, c := range []struct {
		name    string
		by      schemas.Principal
		project schemas.ProjectID
		word    call.CandidateAnswer
		kind    schemas.Kind
		says    string
	}{
		{"nobody", schemas.Principal{}, "p", admit, schemas.Unauthenticated, ""},
		{"who asked", ada(), "p", admit, schemas.Denied, "call.owner"},
		{"an officer", agreementtest.Officer(), "p", admit, schemas.Denied, "call.owner"},
		{"a project of its own", fritz(), "q", admit, schemas.Denied, "call.own"},
		{"neither word", fritz(), "p", call.CandidateAnswer{Decision: "perhaps"}, schemas.Invalid, "/decision"},
		{"without a reason", fritz(), "p", decline, schemas.Invalid, "/reason"},
		{"hostile words", fritz(), "p", call.CandidateAnswer{Decision: "decline", Reason: "a\x00"}, schemas.Invalid, "/reason"},
		{"what did not ask", fritz(), "none", admit, schemas.NotFound, "did not ask"},
	} {
		_, err := r.Answer(ctx, c.by, "agri-2027", c.project, c.word)
		agreementtest.Refused(t, c.name, err, c.kind, c.says)
	}
	_, err := r.Answer(ctx, boss(), "none", "p", admit)
	agreementtest.Refused(t, "no call", err, schemas.NotFound)
	_, err = r.Close(ctx, ada(), "agri-2027", "because")
	agreementtest.Refused(t, "closed by who asks", err, schemas.Denied, "call.owner")
	_, err = r.Close(ctx, fritz(), "agri-2027", " ")
	agreementtest.Refused(t, "closed without a reason", err, schemas.Invalid, "/reason")
	_, err = r.Answer(ctx, boss(), "agri-2027", "q", admit)
	agreementtest.Must(t, err)
	a, err := r.Answer(ctx, fritz(), "agri-2027", "p", call.CandidateAnswer{Decision: "decline", Reason: "not this time"})
	if err != nil || a.State != call.Declined || a.Reason != "not this time" {
		t.Errorf("%+v, %v", a, err)
	}
	r.apply("p") // again
	if got := r.Entries(t, schemas.ChangeCallDeclined); len(got) != 1 || got[0].Values["reason"] != "not this time" {
		t.Errorf("%+v", got)
	}
	_, err = r.Withdraw(ctx, schemas.Principal{}, "agri-2027", "p")
	agreementtest.Refused(t, "withdrawn by nobody", err, schemas.Unauthenticated)
	_, err = r.Withdraw(ctx, fritz(), "agri-2027", "p")
	agreementtest.Refused(t, "withdrawn by who answers", err, schemas.Invalid, "no project")
}

// Admissions at once take no more projects than the call does, and one project asks once.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r, ctx := newRig(t, d), t.Context()
		r.put(func(c *call.Call) { c.Projects = 2 })
		r.put(func(c *call.Call) { c.ID, c.Name = "other", "Another call" })
		ids := []schemas.ProjectID{"a", "b", "c", "d", "e"}
		for _, id := range ids {
			r.project(id, nil)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		asked, admitted := map[schemas.ProjectID]int{}, 0
		both := func(do func() error, count func()) {
			for range 2 {
				all.Go(func() {
					err := do()
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						count()
					} else if schemas.KindOf(err) != schemas.Conflict {
						t.Errorf("%v", err)
					}
				})
			}
		}
		for _, id := range ids {
			both(func() error { _, err := r.Apply(ctx, ada(), "agri-2027", call.CandidateAsk{Project: id}); return err }, func() { asked[id]++ })
			both(func() error {
				_, err := r.Apply(ctx, ada(), "other", call.CandidateAsk{Project: id})
				if err == nil {
					_, err = r.Withdraw(ctx, ada(), "other", id)
				}
				return err
			}, func() {})
		}
		all.Wait()
		for _, id := range ids {
			if asked[id] == 0 { // the other call had it
				r.apply(id)
			} else if asked[id] > 1 {
				t.Errorf("%s asked %d times", id, asked[id])
			}
			both(func() error { _, err := r.admit(id); return err }, func() { admitted++ })
		}
		all.Wait()
		c, err := r.Calls.Get(ctx, boss(), "agri-2027")
		if admitted != 2 || err != nil || c.Admitted != 2 || c.Waiting != 3 {
			t.Errorf("%d were admitted: %+v, %v", admitted, c, err)
		}
	})
}

// What a call takes away from a decision, and what it adds.
func TestJudge(t *testing.T) {
	t.Parallel()
	c := sample()
	c.Factories, c.Spaces, c.Rows, c.Bytes = []schemas.FactoryID{"f"}, []schemas.SpaceID{"agriculture"}, 10, 20
	for _, x := range []struct {
		name    string
		call    *call.Call
		factory schemas.FactoryID
		space   schemas.SpaceID
		verdict schemas.Verdict
		rule    string
		duties  int
	}{
		{"no call", nil, "g", "health", schemas.VerdictYes, "", 0},
		{"what it is for", &c, "f", "agriculture", schemas.VerdictYes, "", 1},
		{"another factory", &c, "g", "agriculture", schemas.VerdictNo, "call.factory", 0},
		{"another space", &c, "f", "health", schemas.VerdictNo, "call.space", 0},
	} {
		dec := schemas.Decision{Verdict: schemas.VerdictYes, Stage: true, Direct: true}
		x.call.Judge(&dec, &policy.Attributes{Factory: schemas.Factory{ID: x.factory}}, x.space)
		if dec.Verdict != x.verdict || len(dec.Obligations) != x.duties || x.rule != "" && dec.Reasons[len(dec.Reasons)-1].Rule != x.rule {
			t.Errorf("%s: %+v", x.name, dec)
		}
		if x.duties == 1 && (call.OfDuty(&dec.Obligations[0]) != c.ID || dec.Stage || dec.Direct || dec.NotDirect == nil) {
			t.Errorf("%s: %+v", x.name, dec)
		}
	}
	for _, d := range []schemas.Duty{
		{Kind: schemas.DutyBudget, Rule: "call:agri-2027", Source: "the provider's offer"}, // a provider names her rule as she likes
		{Kind: schemas.DutyBudget, Rule: "offer §1", Source: call.Source},
		{Kind: schemas.DutyHide, Rule: "call:agri-2027", Source: call.Source},
	} {
		if id := call.OfDuty(&d); id != "" {
			t.Errorf("%+v is of the call %s", d, id)
		}
	}
}

// What a call gives is what it gives now, for all of its projects.
func TestBudgetAsOfNow(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.Open(t, dbtest.SQLite))
	c := r.put(func(c *call.Call) { c.Rows = 10 })
	d := schemas.Duty{Kind: schemas.DutyBudget, Rows: 10, Rule: "call:" + c.ID, Source: call.Source}
	c.Rows, c.Bytes = 50, 7
	_, err := r.Calls.Put(t.Context(), boss(), c, c.Revision)
	agreementtest.Must(t, err)
	now, err := call.Now(t.Context(), r.World.DB, &d)
	if err != nil || now.Rows != 50 || now.Bytes != 7 || d.Rows != 10 {
		t.Errorf("%+v, %v", now, err)
	}
	under, err := call.Of(context.Background(), r.World.DB, &schemas.Project{Call: c.ID})
	if err != nil || under.Rows != 50 {
		t.Errorf("%+v, %v", under, err)
	}
	if none, err := call.Of(t.Context(), r.World.DB, &schemas.Project{}); none != nil || err != nil {
		t.Errorf("%+v, %v", none, err)
	}
	_, err = call.Of(t.Context(), r.World.DB, &schemas.Project{Call: "none"})
	agreementtest.Refused(t, "a call that is gone", err, schemas.NotFound)
	if call.Account("a") == call.Account("b") {
		t.Error("two calls share an account")
	}
}

// What one call holds is bounded, and what was asked is answered as things stand then: a project that was changed, a
// lead that was stopped, an owner that changed.
func TestAnsweredAsThingsStand(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	c := r.put(func(c *call.Call) { c.MaxDays = 30 })
	dated := func(p *schemas.Project) { p.From, p.Until = start, start.Add(30*day) }
	p := r.project("a", dated)
	r.apply("a")
	p.Until = p.Until.Add(day)
	_, err := r.Parties.PutProject(ctx, ada(), p, p.Revision)
	agreementtest.Must(t, err)
	_, err = r.admit("a")
	agreementtest.Refused(t, "made longer meanwhile", err, schemas.Conflict, "was changed after it asked")
	r.project("b", dated)
	a, err := r.Apply(ctx, boss(), c.ID, call.CandidateAsk{Project: "b"})
	if err != nil || a.By != agreementtest.Factory || a.Lead != agreementtest.Lab {
		t.Errorf("the operator asks for a project: %+v, %v", a, err)
	}
	r.project("c", dated)
	c.Owner = agreementtest.Holder
	c, err = r.Calls.Put(ctx, boss(), c, c.Revision)
	agreementtest.Must(t, err)
	_, err = r.admit("b")
	agreementtest.Refused(t, "by who was the owner", err, schemas.Denied, "call.owner")
	_, err = r.Answer(ctx, agreementtest.Owner(), c.ID, "b", call.CandidateAnswer{Decision: "admit"})
	agreementtest.Must(t, err)
	agreementtest.Must(t, r.World.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i := range 1000 { // one waits already
			id := fmt.Sprintf("capp-%d", i)
			err := db.Insert(ctx, tx, "call_application", id, call.Candidate{ID: id, Call: c.ID, State: call.Waiting, Project: schemas.ProjectID(id)},
				db.Columns{"call": c.ID, "project": id, "state": call.Waiting})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	_, err = r.Apply(ctx, ada(), c.ID, call.CandidateAsk{Project: "c"})
	agreementtest.Refused(t, "where many wait", err, schemas.Busy, "which is the most")
	list, next, err := r.Applications(ctx, boss(), c.ID, "", 600)
	if err != nil || len(list) != 600 || next == "" {
		t.Errorf("%d of them, %v", len(list), err)
	}
	rest, next, err := r.Applications(ctx, boss(), c.ID, next, 600)
	if err != nil || len(rest) != 402 || next != "" {
		t.Errorf("and %d, then %q, %v", len(rest), next, err)
	}
	other := r.put(func(c *call.Call) { c.ID, c.Name = "other", "Another one" })
	r.Organisation(t, agreementtest.Lab, func(p *schemas.Participant) { p.Name = "Lab" })
	agreementtest.Must(t, r.World.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, revision, err := db.Get[schemas.Participant](ctx, tx, "participant", string(agreementtest.Lab))
		if err != nil {
			return err
		}
		p.Stopped = true
		_, err = db.Update(ctx, tx, "participant", string(p.ID), revision, p, nil)
		if err == nil {
			_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeStopped, Subject: string(p.ID)})
		}
		return err
	}))
	_, err = r.Apply(ctx, ada(), other.ID, call.CandidateAsk{Project: "c"})
	agreementtest.Refused(t, "stopped", err, schemas.Denied, "participant.stopped")
}

// A project under a call is ended whatever became of the call, and its days are not put off; a call that gave no budget
// gives none later, since agreements made under it know of none; one lead asks for some projects at a time.
func TestWhatIsAdmittedStays(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	c := r.put(func(c *call.Call) { c.MaxDays = 30 })
	r.project("a", func(p *schemas.Project) { p.From, p.Until = start, start.Add(20*day) })
	r.apply("a")
	_, err := r.admit("a")
	agreementtest.Must(t, err)
	p, err := r.Parties.Project(ctx, "a")
	agreementtest.Must(t, err)
	later := p
	later.From, later.Until = p.From.Add(10*day), p.Until.Add(10*day)
	_, err = r.Parties.PutProject(ctx, ada(), later, p.Revision)
	agreementtest.Refused(t, "a beginning that is put off", err, schemas.Invalid, "count from")
	c, err = r.Calls.Get(ctx, boss(), c.ID)
	agreementtest.Must(t, err)
	paid := c
	paid.Rows = 1000
	_, err = r.Calls.Put(ctx, boss(), paid, c.Revision)
	agreementtest.Refused(t, "a budget that comes later", err, schemas.Invalid, "without a budget")
	c.MaxDays = 5
	_, err = r.Calls.Put(ctx, boss(), c, c.Revision)
	agreementtest.Must(t, err)
	p.Until = p.Until.Add(-10 * day)
	_, err = r.Parties.PutProject(ctx, ada(), p, p.Revision)
	agreementtest.Must(t, err)
	for i := range 21 {
		id := schemas.ProjectID(fmt.Sprintf("more-%d", i))
		r.project(id, func(p *schemas.Project) { p.From, p.Until = start, start.Add(5*day) })
		_, err = r.Apply(ctx, ada(), c.ID, call.CandidateAsk{Project: id})
		if i < 20 {
			agreementtest.Must(t, err)
		}
	}
	agreementtest.Refused(t, "one more than a lead asks for", err, schemas.Busy, "20 projects of")
}
