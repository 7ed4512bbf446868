package join

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/party"
	"guichet/schemas"
)

const (
	own     = "https://login.factory.example"  // the operator's own
	bound   = "https://login.hospital.example" // speaks for the hospital alone
	open    = "https://login.federation.example"
	factory = schemas.ParticipantID("https://factory.example")
	hosp    = schemas.ParticipantID("https://hospital.example")
	acme    = schemas.ParticipantID("https://acme.example")
)

// site is a desk with an operator, a hospital and two factories, and a clock that a test moves.
type site struct {
	*Desk
	t   *testing.T
	now time.Time
	mu  sync.Mutex
}

func newSite(t *testing.T, d *db.DB) *site {
	t.Helper()
	parties, err := party.New(d)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, now: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)}
	s.Desk = New(Config{DB: d, Parties: parties, Speaks: speaks, Now: func() time.Time {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.now
	}})
	ctx := t.Context()
	for _, p := range []schemas.Participant{
		{ID: factory, Name: "Factory", Country: "LU", Kind: schemas.KindPublicBody, Roles: []schemas.Role{schemas.RoleOperator, schemas.RoleOfficer},
			Members: []schemas.Member{{Issuer: own, Subject: "boss", Roles: []schemas.Role{schemas.RoleOperator}},
				{Issuer: own, Subject: "olga", Roles: []schemas.Role{schemas.RoleOfficer}}}},
		{ID: hosp, Name: "Hospital", Country: "FR", Kind: schemas.KindPublicBody, Roles: []schemas.Role{schemas.RoleProvider, schemas.RoleTrainer},
			Members: []schemas.Member{{Issuer: bound, Subject: "nina", Roles: []schemas.Role{schemas.RoleProvider}},
				{Issuer: bound, Subject: "marc", Roles: []schemas.Role{schemas.RoleTrainer}}}},
	} {
		_, err := parties.PutParticipant(ctx, boss(), p, 0)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []schemas.Factory{{ID: "a-proven", Name: "Proven", Country: "FR", Egress: []string{"192.0.2.0/24"}},
		{ID: "b-declared", Name: "Declared", Country: "IT"}, {ID: "c-near", Name: "Near", Country: "FR"}} {
		_, err := parties.PutFactory(ctx, boss(), f, 0)
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func speaks(issuer string, id schemas.ParticipantID) string {
	switch {
	case issuer == own:
		return "own"
	case issuer == bound && id == hosp:
		return "named"
	case issuer == open && id != hosp:
		return "any"
	}
	return "no"
}

func boss() schemas.Principal { return who(own, "boss", factory, schemas.RoleOperator) }

func who(issuer, subject string, of schemas.ParticipantID, roles ...schemas.Role) schemas.Principal {
	return schemas.Principal{Issuer: issuer, Subject: subject, Participant: of, Roles: roles}
}

// ada is somebody whom nobody knows, at the issuer whose people may join.
func ada() schemas.Principal {
	p := who(open, "ada", "")
	p.Mail = "ada@acme.example"
	return p
}

func said() Declared {
	return Declared{Organisation: acme, Name: "Acme", Country: "FR", Kind: schemas.KindStartUp, Roles: []schemas.Role{schemas.RoleTrainer},
		Contact: "ada@acme.example", Word: "We train models of fields.\nSoon."}
}

func (s *site) ask(by schemas.Principal, d Declared) Application {
	s.t.Helper()
	a, err := s.Ask(s.t.Context(), by, d)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *site) later(d time.Duration) {
	s.mu.Lock()
	s.now = s.now.Add(d)
	s.mu.Unlock()
}

func (s *site) wants(what string, err error, kind schemas.Kind, says string) {
	s.t.Helper()
	if err == nil || schemas.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
		s.t.Errorf("%s: %v; want %v saying %q", what, err, kind, says)
	}
}

// kinds are those of all changes, in their order.
func (s *site) kinds() string {
	s.t.Helper()
	changes, err := s.DB.Changes(s.t.Context(), -1, 10_000)
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, c := range changes {
		out = append(out, c.Kind)
	}
	return strings.Join(out, " ")
}

// Somebody asks, sees how it stands, and is let in with what the operator granted: a participant, its member, a
// playground at a declared factory near to it. Nothing is there before.
func TestJoining(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := newSite(t, d), t.Context()
		a := s.ask(ada(), said())
		if a.State != Waiting || a.Checked.Speaks != "any" || a.Checked.Mail != "same" || len(a.Checked.Alike) > 0 {
			t.Errorf("%+v", a)
		}
		_, err := s.Parties.Participant(ctx, acme)
		s.wants("before confirmation", err, schemas.NotFound, "")
		_, err = s.Ask(ctx, ada(), said())
		s.wants("asked twice", err, schemas.Conflict, "you asked to join already")
		st, err := s.Standing(ctx, ada())
		if err != nil || st.Application == nil || st.Application.ID != a.ID || st.Waiting != 0 {
			t.Errorf("%+v, %v", st, err)
		}
		st, err = s.Standing(ctx, boss())
		if err != nil || st.Application != nil || st.Waiting != 1 {
			t.Errorf("%+v, %v", st, err)
		}
		_, err = s.Get(ctx, who(open, "eve", ""), a.ID)
		s.wants("another person", err, schemas.NotFound, "there is no application")
		_, err = s.Answer(ctx, who(bound, "nina", hosp, schemas.RoleProvider), a.ID, Answer{Decision: "confirm"})
		s.wants("no operator", err, schemas.Denied, "needs the role operator")

		done, err := s.Answer(ctx, boss(), a.ID, Answer{Decision: "confirm", Roles: []schemas.Role{schemas.RoleProvider, schemas.RoleTrainer}, Reason: "welcome"})
		if err != nil || done.State != Confirmed || done.Project != "playground-acme.example" || done.Decider != factory || done.Checked.Mail != "same" {
			t.Fatalf("%+v, %v", done, err)
		}
		id, roles, err := s.Parties.Member(ctx, open, "ada")
		if err != nil || id != acme || len(roles) != 2 {
			t.Errorf("%s %v, %v", id, roles, err)
		}
		p, err := s.Parties.Project(ctx, done.Project)
		if err != nil || p.Lead != acme || p.Factory != "c-near" || strings.Join(p.Purposes, " ") != "train-model scientific-research" {
			t.Errorf("%+v, %v", p, err)
		}
		_, err = s.Answer(ctx, boss(), a.ID, Answer{Decision: "refuse", Reason: "late"})
		s.wants("answered", err, schemas.Conflict, "it is confirmed")
		_, err = s.Ask(ctx, who(open, "ada", acme, roles...), said())
		s.wants("a member", err, schemas.Conflict, "belongs to https://acme.example already")
		if k := s.kinds(); !strings.HasSuffix(k, "join party.put party.put join.confirmed") {
			t.Errorf("the record has %s", k)
		}
	})
}

// A refusal says why, and the person may ask again: three times a day.
func TestRefusedAndAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := newSite(t, d), t.Context()
		a := s.ask(ada(), said())
		_, err := s.Answer(ctx, boss(), a.ID, Answer{Decision: "refuse", Reason: "  "})
		s.wants("no reason", err, schemas.Invalid, "/reason")
		_, err = s.Answer(ctx, boss(), a.ID, Answer{Decision: "perhaps"})
		s.wants("no decision", err, schemas.Invalid, "/decision")
		_, err = s.Answer(ctx, boss(), a.ID, Answer{Decision: "confirm", Roles: []schemas.Role{schemas.RoleOperator}})
		s.wants("the operator's role", err, schemas.Invalid, "/roles/0")
		_, err = s.Answer(ctx, boss(), a.ID, Answer{Decision: "confirm", Roles: []schemas.Role{}})
		s.wants("every role taken away", err, schemas.Invalid, "/roles")
		_, err = s.Answer(ctx, boss(), "join-none", Answer{Decision: "confirm"})
		s.wants("none", err, schemas.NotFound, "")
		_, err = s.Answer(ctx, boss(), a.ID, Answer{Decision: "refuse", Reason: "write your name in full"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(ctx, ada(), a.ID)
		if err != nil || got.State != Refused || got.Reason != "write your name in full" || got.Decider != factory {
			t.Errorf("%+v, %v", got, err)
		}
		_, err = s.Parties.Participant(ctx, acme)
		s.wants("after a refusal", err, schemas.NotFound, "")
		b := s.ask(ada(), said())
		_, err = s.Withdraw(ctx, boss(), b.ID)
		s.wants("withdrawn by another", err, schemas.Denied, "only the person")
		_, err = s.Withdraw(ctx, ada(), b.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Withdraw(ctx, ada(), b.ID)
		s.wants("withdrawn twice", err, schemas.Conflict, "it is withdrawn")
		c := s.ask(ada(), said())
		_, err = s.Withdraw(ctx, ada(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Ask(ctx, ada(), said())
		s.wants("the fourth in a day", err, schemas.Busy, "3 times within a day")
		s.later(25 * time.Hour)
		s.ask(ada(), said())
		list, _, err := s.List(ctx, ada(), "", "", 100)
		if err != nil || len(list) != 4 {
			t.Errorf("%d, %v", len(list), err)
		}
		list, _, err = s.List(ctx, who(open, "eve", ""), "", "", 100)
		if err != nil || len(list) != 0 {
			t.Errorf("%d of others, %v", len(list), err)
		}
		_, _, err = s.List(ctx, boss(), "lost", "", 100)
		s.wants("no state", err, schemas.Invalid, "lost")
		_, _, err = s.List(ctx, schemas.Principal{}, "", "", 100)
		s.wants("a stranger", err, schemas.Unauthenticated, "")
		_, err = s.Ask(ctx, schemas.Principal{}, said())
		s.wants("a stranger", err, schemas.Unauthenticated, "")
	})
}

// Whoever claims an organisation of another gets nothing of it, and learns nothing of who takes part: the operator
// sees that it is there, and who else asks in its name, and cannot give it away.
func TestClaimingAnothersOrganisation(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := newSite(t, d), t.Context()
		claim := said()
		claim.Organisation = hosp
		carol := who(own, "carol", "")
		carol.Mail = "carol@mail.example"
		a := s.ask(carol, claim)
		mine, err := s.Get(ctx, carol, a.ID)
		if err != nil || len(mine.Checked.Alike) > 0 || mine.Checked.Others > 0 || mine.Checked.Mail != "other" {
			t.Errorf("%+v, %v", mine.Checked, err)
		}
		near := claim
		near.Organisation = "https://hospital.example/radiology"
		s.ask(who(open, "eve", ""), near)
		all, _, err := s.List(ctx, boss(), Waiting, "", 100)
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		for _, x := range all {
			if len(x.Checked.Alike) != 1 || x.Checked.Alike[0] != hosp || x.Checked.Others != 1 {
				t.Errorf("%+v", x.Checked)
			}
		}
		before, err := s.Parties.Participant(ctx, hosp)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Answer(ctx, boss(), a.ID, Answer{Decision: "confirm"})
		s.wants("confirmed", err, schemas.Conflict, "takes nobody over")
		after, err := s.Parties.Participant(ctx, hosp)
		if err != nil || after.Revision != before.Revision {
			t.Errorf("%+v, %v", after, err)
		}
		got, err := s.Get(ctx, carol, a.ID)
		if err != nil || got.State != Waiting {
			t.Errorf("%+v, %v", got, err)
		}
		// An issuer that is bound to others speaks for nobody else, whoever confirms.
		b := s.ask(who(bound, "carl", ""), said())
		if b.Checked.Speaks != "no" {
			t.Errorf("%+v", b.Checked)
		}
		_, err = s.Answer(ctx, boss(), b.ID, Answer{Decision: "confirm"})
		s.wants("a bound issuer", err, schemas.Conflict, "may not speak for https://acme.example")
		_, err = s.Parties.Participant(ctx, acme)
		s.wants("after that", err, schemas.NotFound, "")
		// A member whose issuer does not speak for her organisation is told so.
		_, err = s.Ask(ctx, who(bound, "nina", ""), said())
		s.wants("a member without effect", err, schemas.Conflict, "may not speak")
	})
}

// What is declared is held in one form, and says where it is wrong.
func TestDeclared(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.Open(t, dbtest.SQLite))
	for _, id := range []string{
		"", "acme", "http://acme.example", "https://acme.example/", "https://Acme.example", "https://acme.example:443", "https://ada@acme.example",
		"https://acme.example?x", "https://acme.example#x", "https://аcme.example", "https://acme.example.", "https://localhost", "https://acme.example/\u202e",
		"https://acme.example/a b", "did:", "https://" + strings.Repeat("a", 400) + ".example", "javascript:alert(1)", "https://acme.example/<script>",
		"https://acme..example", "https://-.-", "https://acme.example//lab", "https://acme.example/./lab", "https://acme.example/lab/..",
		"did:WEB:hospital.example", "did:web:", "did:web:Hospital.example", "did:web:hospital.example.", "did:web:hospital.example:", "did:web:x",
		"did:web:hospital.example::lab", "did:x",
	} {
		d := said()
		d.Organisation = schemas.ParticipantID(id)
		_, err := s.Ask(t.Context(), ada(), d)
		s.wants(id, err, schemas.Invalid, "/organisation")
	}
	for at, change := range map[string]func(*Declared){
		"/name":    func(d *Declared) { d.Name = "Acme\u202eevil" },
		"/country": func(d *Declared) { d.Country = "XX" },
		"/kind":    func(d *Declared) { d.Kind = "club" },
		"/roles":   func(d *Declared) { d.Roles = nil },
		"/roles/0": func(d *Declared) { d.Roles = []schemas.Role{schemas.RoleOfficer} },
		"/roles/1": func(d *Declared) { d.Roles = []schemas.Role{schemas.RoleTrainer, schemas.RoleTrainer} },
		"/contact": func(d *Declared) { d.Contact = "javascript:alert(1)" },
		"/word":    func(d *Declared) { d.Word = "a\x1b[2J" },
	} {
		d := said()
		change(&d)
		_, err := s.Ask(t.Context(), ada(), d)
		s.wants(at, err, schemas.Invalid, at)
	}
	for _, name := range []string{" ", "\u200b", "\u2060\u00ad", "--"} { // nothing that an operator could read
		d := said()
		d.Name = name
		_, err := s.Ask(t.Context(), ada(), d)
		s.wants("no name", err, schemas.Invalid, "/name")
	}
	for id, name := range map[schemas.ParticipantID]string{"did:web:lab.example:ai": "lab.example", "did:ebsi:ZfY": "did-ebsi-zfy", "https://lab.example/ai": "lab.example"} {
		d := said()
		d.Organisation = id
		if err := s.check(&d); err != nil || slug(id) != name {
			t.Errorf("%s: %v, %s", id, err, slug(id))
		}
	}
}

// However many accounts ask, the operator's list and the database stay bounded, and one issuer's flood leaves
// room for the people of others.
func TestFloodsOfApplications(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i := range MostOfIssuer {
			p := Person{Issuer: open, Subject: fmt.Sprint("bot-", i)}
			a := Application{ID: fmt.Sprint("join-", i), State: Waiting, By: p, Declared: said()}
			err := db.Insert(ctx, tx, "application", a.ID, a, db.Columns{"person": p.key(), "issuer": open, "state": Waiting, "asked": int64(i)})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Ask(ctx, ada(), said())
	s.wants("one more of the issuer", err, schemas.Busy, "too many applications wait")
	s.ask(who(own, "nora", ""), said())
	list, _, err := s.List(ctx, boss(), Waiting, "", 1000)
	if err != nil || len(list) != MostOfIssuer+1 || list[0].Checked.Others != MostOfIssuer {
		t.Errorf("%d, %v", len(list), err)
	}
}

// Two confirmations at once make one participant; an application and an invitation of one person make her a
// member once.
func TestConfirmedAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := newSite(t, d), t.Context()
		a := s.ask(ada(), said())
		b := s.ask(who(own, "nora", ""), said()) // in the name of the same organisation
		won := make(chan string, 8)
		var all sync.WaitGroup
		for _, id := range []string{a.ID, b.ID, a.ID, b.ID, a.ID, b.ID} {
			all.Go(func() {
				_, err := s.Answer(ctx, boss(), id, Answer{Decision: "confirm"})
				if err == nil {
					won <- id
				} else if schemas.KindOf(err) != schemas.Conflict {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		close(won)
		p, err := s.Parties.Participant(ctx, acme)
		if len(won) != 1 || err != nil || len(p.Members) != 1 || p.Revision != 1 {
			t.Errorf("%d won; %+v, %v", len(won), p, err)
		}
	})
}

// Where no factory is declared there is no playground, and a provider needs none; names that are taken get a
// number.
func TestPlaygrounds(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	let := func(sub string, id schemas.ParticipantID, role schemas.Role) schemas.ProjectID {
		t.Helper()
		d := said()
		d.Organisation, d.Roles, d.Country = id, []schemas.Role{role}, "DE"
		a, err := s.Answer(ctx, boss(), s.ask(who(open, sub, ""), d).ID, Answer{Decision: "confirm"})
		if err != nil {
			t.Fatal(err)
		}
		return a.Project
	}
	if p := let("a", "https://lab.example", schemas.RoleProvider); p != "" {
		t.Errorf("a provider plays in %s", p)
	}
	if p := let("b", "https://lab.example/ai", schemas.RoleTrainer); p != "playground-lab.example" {
		t.Errorf("%s", p)
	}
	if p := let("c", "https://lab.example/robots", schemas.RoleTrainer); p != "playground-lab.example-2" {
		t.Errorf("%s", p)
	}
	p, err := s.Parties.Project(ctx, "playground-lab.example")
	if err != nil || p.Factory != "b-declared" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, id := range []schemas.FactoryID{"b-declared", "c-near"} {
		f, err := s.Parties.Factory(ctx, id)
		if err == nil {
			f.Egress = []string{"192.0.2.0/24"}
			_, err = s.Parties.PutFactory(ctx, boss(), f, f.Revision)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if p := let("d", "https://late.example", schemas.RoleTrainer); p != "" {
		t.Errorf("a playground at a proven place: %s", p)
	}
}

// A person who presses the button many times at once has one application; of the last two members who remove each
// other at once one stays.
func TestPressedAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := newSite(t, d), t.Context()
		made := make(chan string, 6)
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				a, err := s.Ask(ctx, ada(), said())
				if err == nil {
					made <- a.ID
				} else if schemas.KindOf(err) != schemas.Conflict {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		if list, _, err := s.List(ctx, ada(), Waiting, "", 10); len(made) != 1 || err != nil || len(list) != 1 {
			t.Errorf("%d were made, %d wait, %v", len(made), len(list), err)
		}
		left := make(chan string, 2)
		for _, sub := range []string{"nina", "marc"} {
			all.Go(func() {
				_, err := s.Remove(ctx, boss(), Removal{Participant: hosp, Issuer: bound, Subject: sub})
				if err == nil {
					left <- sub
				} else if schemas.KindOf(err) != schemas.Conflict {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		p, err := s.Parties.Participant(ctx, hosp)
		if len(left) != 1 || err != nil || len(p.Members) != 1 {
			t.Errorf("%d left; %+v, %v", len(left), p, err)
		}
	})
}

// Strangers stand nowhere, who asked for nothing stands so, and who asked often sees the newest.
func TestStanding(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	_, err := s.Standing(ctx, schemas.Principal{})
	s.wants("a stranger", err, schemas.Unauthenticated, "")
	_, err = s.Get(ctx, schemas.Principal{}, "join-x")
	s.wants("a stranger", err, schemas.Unauthenticated, "")
	st, err := s.Standing(ctx, ada())
	if err != nil || st.Application != nil {
		t.Errorf("%+v, %v", st, err)
	}
	for i := range 3 {
		s.later(time.Minute)
		d := said()
		d.Name = fmt.Sprint("Acme ", i)
		a := s.ask(ada(), d)
		st, err = s.Standing(ctx, ada())
		if err != nil || st.Application == nil || st.Application.Declared.Name != d.Name || st.Application.Revision != 1 {
			t.Errorf("%+v, %v", st, err)
		}
		_, err = s.Withdraw(ctx, ada(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
	}
}
