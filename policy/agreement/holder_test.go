package agreement

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/schemas"
)

func look(ctx context.Context, d *Desk, token string, id schemas.AgreementID) (policy.Grant, error) {
	return policy.Authorize(ctx, d.LookUp, token, policy.Want{Door: "http", Agreement: id, Table: "a", Split: "all", World: 1, Address: netip.MustParseAddr("192.0.2.1")}, time.Now())
}

// A lease is good only in the hands that it was made for: when its person, its
// organisation's part in the project or the lease itself is taken away, or one that it was
// narrowed from, nothing opens under it, nothing more is reserved, and what runs is cut on
// every replica. What is given back opens again, where the lease was not revoked.
func TestLeasesEndWithTheirHolders(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		d := newDeskOn(t, db, 0, 0)
		ctx := t.Context()
		id := agreed(t, d, "ds-0")[0]
		feed := NewFeed(db, slog.New(slog.DiscardHandler))
		following, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); _ = feed.Run(following) }()
		defer func() { stop(); <-done }()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for feed.Stale() > time.Minute { // until it follows
			<-tick.C
		}
		organisation := func(roles ...schemas.Role) {
			t.Helper()
			p, err := d.parties.Participant(ctx, lab)
			must(t, err)
			p.Roles, p.Members = []schemas.Role{schemas.RoleTrainer, schemas.RoleProvider}, []schemas.Member{{Issuer: "i", Subject: "other", Roles: trainer().Roles}}
			if len(roles) > 0 {
				p.Members = append(p.Members, schemas.Member{Issuer: "i", Subject: "ada", Roles: roles})
			}
			_, err = d.parties.PutParticipant(ctx, boss(), p, p.Revision)
			must(t, err)
		}
		project := func(lead schemas.ParticipantID, partners ...schemas.ParticipantID) {
			t.Helper()
			p, err := d.parties.Project(ctx, "p")
			must(t, err)
			p.Lead, p.Partners = lead, partners
			_, err = d.parties.PutProject(ctx, boss(), p, p.Revision)
			must(t, err)
		}
		var revoked schemas.LeaseID
		for name, c := range map[string]struct {
			rule       string
			take, give func(parent, child schemas.LeaseAnswer)
		}{
			"the person leaves":             {"member.trainer", func(_, _ schemas.LeaseAnswer) { organisation() }, func(_, _ schemas.LeaseAnswer) { organisation(schemas.RoleTrainer) }},
			"the role is taken":             {"member.trainer", func(_, _ schemas.LeaseAnswer) { organisation(schemas.RoleProvider) }, func(_, _ schemas.LeaseAnswer) { organisation(schemas.RoleTrainer) }},
			"the organisation is taken out": {"lease.partner", func(_, _ schemas.LeaseAnswer) { project(holder) }, func(_, _ schemas.LeaseAnswer) { project(lab) }},
			"its parent is revoked": {"lease.revoked", func(parent, _ schemas.LeaseAnswer) {
				revoked = parent.Lease.ID
				_, err := d.RevokeLease(ctx, trainer(), revoked, "leaked")
				must(t, err)
			}, nil},
			"it is revoked": {"lease.revoked", func(_, child schemas.LeaseAnswer) {
				_, err := d.RevokeLease(ctx, owner(), child.Lease.ID, "misused")
				must(t, err)
			}, nil},
		} {
			parent, err := d.Mint(ctx, trainer(), LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
			must(t, err)
			middle, err := d.Narrow(ctx, parent.Token, LeaseAsk{})
			must(t, err)
			child, err := d.Narrow(ctx, middle.Token, LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id, Columns: []string{"x"}}}})
			must(t, err)
			g, err := look(ctx, d, child.Token, id)
			must(t, err)
			cut := make(chan string, 1)
			unwatch := feed.Watch(id, "", g.Lease(), func(reason string) { cut <- reason })
			r, tab, err := d.Begin(ctx, g, schemas.Release{MostRows: 10, MostBytes: 10}, Reading{})
			must(t, err)
			c.take(parent, child)
			select {
			case <-cut:
			case <-time.After(20 * time.Second):
				t.Errorf("%s: the stream goes on", name)
			}
			unwatch()
			_, again := look(ctx, d, child.Token, id)
			_, _, begun := d.Begin(ctx, g, schemas.Release{MostRows: 10, MostBytes: 10}, Reading{})
			more := d.More(ctx, r, tab, 10, 10)
			_, narrowed := d.Narrow(ctx, child.Token, LeaseAsk{})
			for what, err := range map[string]error{"opens": again, "begins": begun, "goes on": more, "is narrowed": narrowed} {
				if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), c.rule) {
					t.Errorf("%s, and the lease %s: %v", name, what, err)
				}
			}
			must(t, d.End(ctx, schemas.Release{ID: r.ID, State: schemas.ReleaseCut}, tab))
			if c.give != nil {
				c.give(parent, child)
				_, err = look(ctx, d, child.Token, id)
				must(t, err)
			}
		}
		for _, by := range []schemas.Principal{
			{Issuer: "i", Subject: "x", Participant: "https://x.example", Roles: []schemas.Role{schemas.RoleTrainer, schemas.RoleProvider, schemas.RoleOfficer}},
			{Issuer: "i", Subject: "ada", Participant: lab, Roles: []schemas.Role{schemas.RoleProvider}},
		} {
			_, err := d.RevokeLease(ctx, by, revoked, "not mine")
			if schemas.KindOf(err) != schemas.NotFound {
				t.Errorf("%+v ends the lease of others: %v", by, err)
			}
		}
		_, err := d.RevokeLease(ctx, boss(), revoked, "twice")
		if schemas.KindOf(err) != schemas.Conflict {
			t.Errorf("revoked twice: %v", err)
		}
	})
}

// An agreement stands in a lease once, in a new one and in a narrowed one, and a line of
// narrowed leases has an end.
func TestLeasesAreBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0)
	ids := agreed(t, d, "ds-0", "ds-1")
	items := []schemas.LeaseItem{{Agreement: ids[0]}, {Agreement: ids[1]}, {Agreement: ids[0]}}
	_, err := d.Mint(t.Context(), trainer(), LeaseAsk{Items: items})
	l, good := d.Mint(t.Context(), trainer(), LeaseAsk{Items: items[:2]})
	must(t, good)
	_, narrowed := d.Narrow(t.Context(), l.Token, LeaseAsk{Items: items})
	for _, err := range []error{err, narrowed} {
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "/items/2/agreement") {
			t.Errorf("one agreement twice in a lease: %v", err)
		}
	}
	var line []schemas.LeaseID
	for range maxNarrowings {
		line = append(line, l.Lease.ID)
		l, err = d.Narrow(t.Context(), l.Token, LeaseAsk{})
		must(t, err)
		if !slices.Equal(l.Lease.Line, line) || l.Lease.Subject != "ada" || l.Lease.Issuer != "i" {
			t.Fatalf("a child says %+v", l.Lease)
		}
	}
	_, err = d.Narrow(t.Context(), l.Token, LeaseAsk{})
	if schemas.KindOf(err) != schemas.Denied {
		t.Errorf("one narrowing too many: %v", err)
	}
}
