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
	"guichet/schemas"
)

func nina() schemas.Principal { return who(bound, "nina", hosp, schemas.RoleProvider) }

func provider() InvitationAsk { return InvitationAsk{Roles: []schemas.Role{schemas.RoleProvider}} }

func (s *site) invite(by schemas.Principal, ask InvitationAsk) NewInvitation {
	s.t.Helper()
	in, err := s.Invite(s.t.Context(), by, ask)
	if err != nil {
		s.t.Fatal(err)
	}
	return in
}

// A member invites to roles that she has; who accepts is a member, once; the secret is kept nowhere.
func TestInvitations(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := newSite(t, d), t.Context()
		in := s.invite(nina(), InvitationAsk{Roles: []schemas.Role{schemas.RoleProvider}, For: "Paul of radiology"})
		if in.Secret == "" || in.Invitation.Ends != s.now.Add(7*24*time.Hour) || in.Invitation.State != Open {
			t.Errorf("%+v", in)
		}
		var held int
		err := d.QueryRow(ctx, `SELECT count(*) FROM invitation WHERE doc LIKE ? OR hash = ?`, "%"+in.Secret+"%", in.Secret).Scan(&held)
		if err != nil || held != 0 {
			t.Errorf("the secret stands in the database %d times, %v", held, err)
		}
		paul := who(bound, "paul", "")
		paul.Mail = "paul@hospital.example"
		seen, err := s.Look(ctx, paul, in.Secret)
		if err != nil || seen.Name != "Hospital" || seen.By.Subject != "nina" {
			t.Errorf("%+v, %v", seen, err)
		}
		got, err := s.Accept(ctx, paul, in.Secret)
		if err != nil || got.Participant != hosp {
			t.Fatalf("%+v, %v", got, err)
		}
		id, roles, err := s.Parties.Member(ctx, bound, "paul")
		if err != nil || id != hosp || roleList(roles) != "provider" {
			t.Errorf("%s %v, %v", id, roles, err)
		}
		_, err = s.Accept(ctx, who(bound, "paul", hosp, schemas.RoleProvider), in.Secret)
		if err != nil {
			t.Errorf("pressed twice: %v", err)
		}
		_, err = s.Accept(ctx, who(bound, "carl", ""), in.Secret)
		s.wants("used", err, schemas.Gone, "was used")
		if k := s.kinds(); !strings.HasSuffix(k, "invitation party.put invitation.accepted") {
			t.Errorf("the record has %s", k)
		}
		o, err := s.Roster(ctx, nina(), "")
		if err != nil || len(o.Members) != 3 || o.Members[2].Mail != "paul@hospital.example" || o.Members[2].How != "invited" ||
			o.Members[2].Inviter != "nina" || !o.Members[0].You || o.Members[0].How != "operator" || len(o.Invitations) != 0 {
			t.Errorf("%+v, %v", o, err)
		}
		if roleList(o.MayInvite) != "provider" || o.Members[1].Removes || !o.Members[2].Removes {
			t.Errorf("%+v", o)
		}
	})
}

// Who may invite to what, and what is said of it.
func TestWhoInvites(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	for _, c := range []struct {
		name string
		by   schemas.Principal
		ask  InvitationAsk
		kind schemas.Kind
		says string
	}{
		{"a stranger", schemas.Principal{}, provider(), schemas.Unauthenticated, ""},
		{"a guest", ada(), provider(), schemas.Denied, "to invite members needs"},
		{"a role that she lacks", nina(), InvitationAsk{Roles: []schemas.Role{schemas.RoleTrainer}}, schemas.Denied, "you are not trainer yourself"},
		{"a role that the organisation lacks", nina(), InvitationAsk{Roles: []schemas.Role{schemas.RoleOperator}}, schemas.Invalid, "/roles/0"},
		{"no role", nina(), InvitationAsk{}, schemas.Invalid, "/roles"},
		{"a role twice", nina(), InvitationAsk{Roles: []schemas.Role{schemas.RoleProvider, schemas.RoleProvider}}, schemas.Invalid, "/roles/1"},
		{"another organisation", nina(), InvitationAsk{Participant: factory, Roles: []schemas.Role{schemas.RoleOperator}}, schemas.Denied, "of another organisation"},
		{"too long", nina(), InvitationAsk{Roles: []schemas.Role{schemas.RoleProvider}, Days: 31}, schemas.Invalid, "/days"},
		{"hostile words", nina(), InvitationAsk{Roles: []schemas.Role{schemas.RoleProvider}, For: "a\nb"}, schemas.Invalid, "/for"},
		{"the operator for none", boss(), InvitationAsk{Participant: acme, Roles: []schemas.Role{schemas.RoleTrainer}}, schemas.NotFound, ""},
	} {
		_, err := s.Invite(ctx, c.by, c.ask)
		s.wants(c.name, err, c.kind, c.says)
	}
	in := s.invite(boss(), InvitationAsk{Participant: hosp, Roles: []schemas.Role{schemas.RoleTrainer, schemas.RoleProvider}})
	_, err := s.Accept(ctx, who(bound, "rita", ""), in.Secret)
	if err != nil {
		t.Errorf("invited by the operator: %v", err)
	}
	for range mostOpen {
		s.invite(nina(), provider())
	}
	_, err = s.Invite(ctx, nina(), provider())
	s.wants("too many", err, schemas.Busy, "100 invitations")
	s.later(8 * 24 * time.Hour)
	s.invite(nina(), provider())
}

// A stolen invitation is good for little: one use, until its end, at an issuer that may speak for the
// organisation, unless it was withdrawn, or who made it left, or lost the roles.
func TestStolenInvitations(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := newSite(t, d), t.Context()
		thief := who(bound, "thief", "")
		accept := func(what string, in NewInvitation, kind schemas.Kind, says string) {
			t.Helper()
			_, err := s.Accept(ctx, thief, in.Secret)
			s.wants(what, err, kind, says)
			_, _, err = s.Parties.Member(ctx, thief.Issuer, thief.Subject)
			s.wants(what+": membership", err, schemas.NotFound, "")
		}
		first := s.invite(nina(), provider())
		_, err := s.Accept(ctx, who(open, "far", ""), first.Secret)
		s.wants("another issuer", err, schemas.Denied, "may not speak for")
		_, err = s.Accept(ctx, schemas.Principal{}, first.Secret)
		s.wants("nobody", err, schemas.Unauthenticated, "")
		_, err = s.Accept(ctx, thief, first.Invitation.ID)
		s.wants("its id", err, schemas.NotFound, "")
		_, err = s.Accept(ctx, thief, digest(first.Secret))
		s.wants("its hash", err, schemas.NotFound, "")
		_, err = s.Look(ctx, thief, strings.Repeat("x", 101))
		s.wants("long", err, schemas.NotFound, "")
		_, err = s.TakeBack(ctx, who(own, "nobody", acme), first.Invitation.ID)
		s.wants("withdrawn by another organisation", err, schemas.NotFound, "")
		_, err = s.TakeBack(ctx, ada(), first.Invitation.ID)
		s.wants("withdrawn by a guest", err, schemas.Denied, "")
		for range 2 {
			_, err = s.TakeBack(ctx, who(bound, "marc", hosp, schemas.RoleTrainer), first.Invitation.ID)
			if err != nil {
				t.Error(err)
			}
		}
		accept("withdrawn", first, schemas.Gone, "was withdrawn")
		second := s.invite(nina(), InvitationAsk{Roles: []schemas.Role{schemas.RoleProvider}, Days: 1})
		s.later(24 * time.Hour)
		accept("ended", second, schemas.Gone, "ended")
		_, err = s.Look(ctx, thief, second.Secret)
		s.wants("ended", err, schemas.Gone, "ended")

		third := s.invite(nina(), provider())
		_, err = s.Remove(ctx, nina(), Removal{Issuer: bound, Subject: "nina"})
		if err != nil {
			t.Fatal(err)
		}
		accept("its maker left", third, schemas.Gone, "no longer invite")
		marc := who(bound, "marc", hosp, schemas.RoleTrainer)
		fourth := s.invite(marc, InvitationAsk{Roles: []schemas.Role{schemas.RoleTrainer}})
		p, err := s.Parties.Participant(ctx, hosp)
		if err != nil {
			t.Fatal(err)
		}
		p.Members[0].Roles = []schemas.Role{schemas.RoleProvider}
		p, err = s.Parties.PutParticipant(ctx, boss(), p, p.Revision)
		if err != nil {
			t.Fatal(err)
		}
		accept("its maker lost the role", fourth, schemas.Gone, "no longer invite")
		p.Roles, p.Members = []schemas.Role{schemas.RoleProvider}, p.Members[:1]
		_, err = s.Parties.PutParticipant(ctx, boss(), p, p.Revision)
		if err != nil {
			t.Fatal(err)
		}
		accept("the organisation lost the role", fourth, schemas.Gone, "no longer invite")
	})
}

// An invitation that two accept at once makes one of them a member; one person who is invited twice becomes one
// once; and who is let in by an invitation asks no more.
func TestAcceptedAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := newSite(t, d), t.Context()
		in := s.invite(nina(), provider())
		won := make(chan string, 8)
		var all sync.WaitGroup
		for _, sub := range []string{"a", "b", "c", "d", "e", "f"} {
			all.Go(func() {
				_, err := s.Accept(ctx, who(bound, sub, ""), in.Secret)
				if err == nil {
					won <- sub
				} else if schemas.KindOf(err) != schemas.Gone {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		close(won)
		p, err := s.Parties.Participant(ctx, hosp)
		if len(won) != 1 || err != nil || len(p.Members) != 3 || p.Members[2].Subject != <-won {
			t.Errorf("%+v, %v", p, err)
		}
		zoe := who(own, "zoe", "")
		a := s.ask(zoe, said())
		one := s.invite(boss(), InvitationAsk{Roles: []schemas.Role{schemas.RoleOfficer}})
		two := s.invite(boss(), InvitationAsk{Roles: []schemas.Role{schemas.RoleOfficer}})
		both := make(chan error, 3)
		for _, do := range []func() error{
			func() error { _, err := s.Accept(ctx, zoe, one.Secret); return err },
			func() error { _, err := s.Accept(ctx, zoe, two.Secret); return err },
			func() error { _, err := s.Answer(ctx, boss(), a.ID, Answer{Decision: "confirm"}); return err },
		} {
			all.Go(func() { both <- do() })
		}
		all.Wait()
		close(both)
		good := 0
		for err := range both {
			if err == nil {
				good++
			} else if schemas.KindOf(err) != schemas.Conflict {
				t.Errorf("%v", err)
			}
		}
		got, err := s.Get(ctx, zoe, a.ID)
		if good != 1 || err != nil || got.State == Waiting {
			t.Errorf("%d were done; %+v, %v", good, got, err)
		}
	})
}

// Who removes whom: oneself, and whose roles one has; never the last, nor the last operator.
func TestRemovals(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := newSite(t, d), t.Context()
		marc := who(bound, "marc", hosp, schemas.RoleTrainer)
		gone := func(sub string) Removal { return Removal{Issuer: bound, Subject: sub} }
		_, err := s.Remove(ctx, marc, gone("nina"))
		s.wants("another role", err, schemas.Denied, "whose roles you all have")
		_, err = s.Remove(ctx, nina(), gone("lost"))
		s.wants("no member", err, schemas.NotFound, "is no member")
		_, err = s.Remove(ctx, nina(), Removal{Participant: factory, Issuer: own, Subject: "olga"})
		s.wants("of another organisation", err, schemas.Denied, "of another organisation")
		_, err = s.Remove(ctx, ada(), gone("nina"))
		s.wants("a guest", err, schemas.Denied, "")
		_, err = s.Remove(ctx, boss(), Removal{Issuer: own, Subject: "boss"})
		s.wants("the last operator", err, schemas.Conflict, "nobody would be left")
		_, err = s.Remove(ctx, boss(), Removal{Participant: hosp, Issuer: bound, Subject: "nina"})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Parties.Member(ctx, bound, "nina")
		s.wants("removed", err, schemas.NotFound, "")
		_, err = s.Remove(ctx, marc, gone("marc"))
		s.wants("the last one", err, schemas.Conflict, "nobody would be left")
		_, err = s.Roster(ctx, ada(), "")
		s.wants("a guest", err, schemas.Denied, "")
		_, err = s.Roster(ctx, marc, factory)
		s.wants("another organisation", err, schemas.Denied, "of another organisation")
		o, err := s.Roster(ctx, boss(), hosp)
		if err != nil || len(o.Members) != 1 || o.Members[0].Removes || roleList(o.MayInvite) != "provider,trainer" {
			t.Errorf("%+v, %v", o, err)
		}
		// Who was removed is let in by no invitation that she used before.
		in := s.invite(boss(), InvitationAsk{Participant: hosp, Roles: []schemas.Role{schemas.RoleTrainer}})
		_, err = s.Accept(ctx, who(bound, "paul", ""), in.Secret)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Remove(ctx, marc, gone("paul"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Accept(ctx, who(bound, "paul", ""), in.Secret)
		s.wants("her own, used", err, schemas.Gone, "was used")
		_, err = s.TakeBack(ctx, marc, in.Invitation.ID)
		s.wants("withdrawn after that", err, schemas.Conflict, "was accepted")
	})
}

// A stopped organisation takes nobody in, whoever invited, and its members may leave.
func TestStoppedOrganisations(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	in := s.invite(nina(), provider())
	p, revision, err := db.Get[schemas.Participant](ctx, s.DB, "participant", string(hosp))
	if err != nil {
		t.Fatal(err)
	}
	p.Stopped, p.StopFor = true, "a test"
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := db.Update(ctx, tx, "participant", string(hosp), revision, p, nil)
		if err == nil {
			_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeStopped, Subject: string(hosp)})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Invite(ctx, nina(), provider())
	s.wants("a member invites", err, schemas.Denied, "was stopped")
	_, err = s.Invite(ctx, boss(), InvitationAsk{Participant: hosp, Roles: []schemas.Role{schemas.RoleProvider}})
	s.wants("the operator invites", err, schemas.Conflict, "was stopped")
	_, err = s.Accept(ctx, who(bound, "paul", ""), in.Secret)
	s.wants("accepted", err, schemas.Gone, "was stopped")
	_, err = s.TakeBack(ctx, nina(), in.Invitation.ID)
	if err != nil {
		t.Error(err)
	}
	_, err = s.Remove(ctx, nina(), Removal{Issuer: bound, Subject: "nina"})
	if err != nil {
		t.Error(err)
	}
	o, err := s.Roster(ctx, who(bound, "marc", hosp, schemas.RoleTrainer), "")
	if err != nil || !o.Stopped || len(o.Members) != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

// Each member is shown with how she came, the newest word of it.
func TestHowMembersCame(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	a, err := s.Answer(ctx, boss(), s.ask(ada(), said()).ID, Answer{Decision: "confirm"})
	if err != nil {
		t.Fatal(err)
	}
	adas := who(open, "ada", acme, schemas.RoleTrainer)
	ask := InvitationAsk{Roles: []schemas.Role{schemas.RoleTrainer}}
	paul := who(open, "paul", "")
	for i := range 2 { // he comes, goes and comes back
		s.later(time.Hour)
		paul.Mail = []string{"old@acme.example", "new@acme.example"}[i]
		_, err := s.Accept(ctx, paul, s.invite(adas, ask).Secret)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			_, err = s.Remove(ctx, adas, Removal{Issuer: open, Subject: "paul"})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	open := s.invite(adas, ask)
	o, err := s.Roster(ctx, adas, "")
	if err != nil || len(o.Members) != 2 || len(o.Invitations) != 1 || o.Invitations[0].ID != open.Invitation.ID {
		t.Fatalf("%+v, %v", o, err)
	}
	first, second := o.Members[0], o.Members[1]
	if first.How != "joined" || !first.Since.Equal(a.Decided) || first.Mail != "ada@acme.example" || !first.You || !first.Removes {
		t.Errorf("%+v", first)
	}
	if second.How != "invited" || second.Mail != "new@acme.example" || second.Inviter != "ada" || !second.Since.Equal(s.now) || second.You {
		t.Errorf("%+v", second)
	}
	s.later(8 * 24 * time.Hour)
	o, err = s.Roster(ctx, adas, "")
	if err != nil || len(o.Invitations) != 0 {
		t.Errorf("what ended is open: %+v, %v", o.Invitations, err)
	}
}

// An organisation has so many members at most, and who is invited beyond finds that out.
func TestMostMembers(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t, dbtest.Open(t, dbtest.SQLite)), t.Context()
	p, err := s.Parties.Participant(ctx, hosp)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(p.Members); i < mostMembers; i++ {
		p.Members = append(p.Members, schemas.Member{Issuer: bound, Subject: fmt.Sprint("m-", i), Roles: []schemas.Role{schemas.RoleProvider}})
	}
	_, err = s.Parties.PutParticipant(ctx, boss(), p, p.Revision)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Accept(ctx, who(bound, "late", ""), s.invite(nina(), provider()).Secret)
	s.wants("one more", err, schemas.TooLarge, "1000 members")
}
